# SPDX-License-Identifier: AGPL-3.0-or-later
"""cities: several cities that pay each other, each with its own PostgreSQL,
keys and certificates, and a signed roster of all.

    with LoopbackCities(["barcelona", "boston"]) as cities:
        cities["boston"].clearctl("link", "list")

Cities with a network each, and faults in it:

    with Cities(["barcelona", "boston", "lisbon"], line="500.00") as cities:
        cities["boston"].kill()
        cities.network.part("barcelona", "lisbon")
        cities.routes["lisbon"].stall("up")
        cities.heal()
        cities.wait_at_rest()

The roster names each city's `face`, an address of the hub, where a proxy
stands for it: whatever one city sends another passes the proxy, and comes
from the sender's face. So packet filters and the proxy both see who speaks to
whom. A test's own clients dial the cities themselves, whatever is parted.
"""

import concurrent.futures
import contextlib
import itertools
import os
import shutil
import socket
import tempfile

import rpc
from netns import Network
from node import FEDERATION, City, program, run, wait_until
from proxy import Proxy

PORT = 7440
REST_DEADLINE_S = 150


class LoopbackCities:
    """names: of the cities; links: pairs of them, all pairs by default; line:
    what each end of a link lets the other owe, as the roster has it."""

    def __init__(self, names, links=None, line="1000.00", **settings):
        self.names = list(names)
        self.links = list(links or itertools.combinations(names, 2))
        self.line, self.settings = line, settings
        self.folder = tempfile.mkdtemp(prefix="clearing-cities-", dir="/tmp")
        self.roster = f"{self.folder}/roster"
        self.cities = {}
        self.undo = contextlib.ExitStack()

    def __enter__(self):
        try:
            self.undo.callback(shutil.rmtree, self.folder, True)
            self._prepare()
            self._create()
            for city in self:
                city.launch()
            for city in self:
                city.wait_serving()
        except BaseException:
            self.undo.close()
            raise
        return self

    def __exit__(self, *unused):
        self.undo.close()

    def __getitem__(self, name):
        return self.cities[name]

    def __iter__(self):
        return iter(self.cities.values())

    # ---- making them

    def _prepare(self):
        """The cities, not created yet, each on a port that is free now."""
        with contextlib.ExitStack() as held:
            for name in self.names:
                probe = held.enter_context(socket.socket())
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
                self._add(name, listen=f"127.0.0.1:{port}")

    def _add(self, name, **options):
        city = City(name=name, **options, **self.settings)
        self.undo.callback(city.remove)
        self.cities[name] = city

    def _endpoint(self, name):
        """Where the others find it."""
        return self.cities[name].listen

    def _create(self):
        os.chmod(self.folder, 0o755)
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(City.create, self))
        self._write_roster()
        for city in self:
            city.configure(federation={
                "roster": self.roster,
                "node_key": f"{city.authority.folder}/node.key"})

    def control(self, verb, *words):
        done = run(program("clearctl"), "federation", verb, self.roster,
                   *words)
        if done.status:
            raise RuntimeError(f"clearctl federation {verb}: {done}")

    def _write_roster(self):
        self.control("init", "--federation", FEDERATION, "--founders",
                      ",".join(self.names))
        for city in self:
            folder = city.authority.folder
            self.control("add-city", city.name, "--node-key",
                          f"{folder}/node.pub", "--ca",
                          city.authority.certificate, "--endpoint",
                          self._endpoint(city.name))
        for one, two in self.links:
            self.control("add-link", one, two, "--line-a", self.line,
                          "--line-b", self.line)
        for city in self:
            self.control("sign", "--key", f"{city.authority.folder}/node.key")

    # ---- how they are

    def positions(self):
        """{(city, neighbour): Link as the city tells it}"""
        return {(city.name, link.city): link for city in self
                for link in city.client("auditor", "health").ListLinks().links}

    def _restless(self):
        """Why they are not at rest; empty when they are."""
        try:
            links = self.positions()
        except rpc.Refused as refused:
            return [str(refused)]
        expected = {pair for one, two in self.links
                    for pair in ((one, two), (two, one))}
        if set(links) != expected:
            return [f"links {sorted(links)}"]
        found = []
        for (name, other), link in links.items():
            state = rpc.link.LinkState.Name(link.state)[len("LINK_STATE_"):]
            mirror = links[(other, name)]
            if state != "RECONCILED" or not link.connected \
                    or not link.caught_up:
                found.append(f"{name}: {other} is {state} {link.why}")
            if link.pending_in_minor or link.pending_out_minor:
                found.append(f"{name}: promises with {other} are open")
            if link.out_seq != mirror.in_seq \
                    or link.out_seq != link.acknowledged_seq:
                found.append(f"{name}: {other} has {mirror.in_seq} of "
                             f"{link.out_seq} entries, and said "
                             f"{link.acknowledged_seq}")
        return found

    def wait_at_rest(self, seconds=REST_DEADLINE_S):
        """Until all links are reconciled and nothing is under way."""
        why = []

        def at_rest():
            why[:] = self._restless()
            return not why
        try:
            wait_until(at_rest, "all links at rest", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}: " + "; ".join(why)) from None
        for city in self:
            city.catch_up()


class Cities(LoopbackCities):
    """The same, each in a network of its own, with a proxy before it."""

    def __init__(self, names, links=None, line="1000.00", seed=0, **settings):
        super().__init__(names, links, line, **settings)
        self.network = Network(names)
        self.proxy = Proxy(seed)
        self.routes = {}

    def _prepare(self):
        self.undo.enter_context(self.network)
        self.undo.enter_context(self.proxy)
        for name in self.names:
            place = self.network[name]
            self._add(name, listen=f"{place.address}:{PORT}",
                      prefix=place.prefix())
            self.routes[name] = self.proxy.route(
                (place.face, PORT), (place.address, PORT), self._face_of)

    def _endpoint(self, name):
        return f"{self.network[name].face}:{PORT}"

    def _face_of(self, address):
        """Where a dialler seems to be, to whom it dials."""
        for name in self.names:
            if self.network[name].address == address:
                return self.network[name].face
        raise ConnectionRefusedError(f"{address} is no city's")

    def heal(self):
        """No fault of the network any more; nodes are the caller's."""
        self.network.heal()
        self.proxy.heal()
