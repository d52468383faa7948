# SPDX-License-Identifier: AGPL-3.0-or-later
"""netns: a small network of its own for a test: a hub, where the test itself
is, and a namespace for each city, joined by a bridge.

    with Network(["barcelona", "girona"]) as network:
        one, two = network["barcelona"], network["girona"]
        process = one.popen(["clearingd", ...])       # listens on one.address
        network.part("barcelona", "girona")           # no packet either way
        network.drop("barcelona", "girona")           # none of one's reaches two
        network.heal()

The test's process leaves the machine's network for good: Network() puts it
into a namespace of its own, so make it before any thread is. All addresses
are private and none is ever seen outside. A namespace lives as long as a
process that holds it, and that process dies with the test, so nothing stays
behind, whatever happens.

Where such namespaces cannot be made, Unavailable says why; skip() ends the
test's program with the status that ctest takes for "skipped".

Each city has two addresses: `address`, its own, and `face`, an address of the
hub where a proxy can stand for it (proxy.py). Parting and dropping heed both.
"""

import ctypes
import os
import shutil
import subprocess
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
PROGRAMS = ("ip", "iptables", "nsenter", "unshare", "setpriv")
HUB = "10.77.0.1"
CITIES_MAX = 90
DEADLINE_S = 10
# Where Debian keeps them, though not every user looks there.
os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """Namespaces cannot be made here; its text says why."""


def skip(reason):
    """End this program as skipped, by name."""
    print(f"skipped: {os.path.basename(sys.argv[0])}: {reason}", flush=True)
    os._exit(77)


def command(*words):
    result = subprocess.run(words, stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            timeout=DEADLINE_S)
    if result.returncode:
        raise Unavailable(f"{' '.join(words)}: {result.stdout.strip()}")
    return result.stdout


def network_of(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


class Hub:
    """The namespace of the test's own process, made once."""

    inside = False

    @classmethod
    def enter(cls):
        if cls.inside:
            return
        missing = [name for name in PROGRAMS if not shutil.which(name)]
        if missing:
            raise Unavailable(f"{', '.join(missing)} missing: run "
                              "deploy/install-packages test")
        if threading.active_count() > 1:
            raise RuntimeError("a thread would stay in the other network")
        if libc.unshare(CLONE_NEWNET):
            raise Unavailable("a network namespace cannot be made: "
                              + os.strerror(ctypes.get_errno()))
        cls.inside = True
        command("ip", "link", "set", "lo", "up")


class Namespace:
    """One city's network."""

    def __init__(self, name, number):
        self.name = name
        self.address = f"10.77.0.{10 + number}"
        self.face = f"10.77.0.{110 + number}"
        self.wire = f"city{number}"
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep",
             "infinity"], stdin=subprocess.DEVNULL)
        self._wait_apart()

    def _wait_apart(self):
        deadline = time.monotonic() + DEADLINE_S
        own = network_of("self")
        while self.holder.poll() is None:
            # Only `sleep` is surely past unshare's own work.
            with open(f"/proc/{self.holder.pid}/comm",
                      encoding="utf-8") as opened:
                if opened.read().strip() == "sleep" \
                        and network_of(self.holder.pid) != own:
                    return
            if time.monotonic() > deadline:
                break
            time.sleep(0.005)
        raise Unavailable("a namespace's process ended, or never began")

    def connect(self):
        command("ip", "link", "add", self.wire, "type", "veth", "peer", "name",
                "eth0", "netns", str(self.holder.pid))
        command("ip", "link", "set", self.wire, "master", "hub", "up")
        command("ip", "address", "add", f"{self.face}/24", "dev", "hub")
        self.run("ip", "address", "add", f"{self.address}/24", "dev", "eth0")
        for link in ("lo", "eth0"):
            self.run("ip", "link", "set", link, "up")
        self.run("iptables", "-w", "-S")

    def prefix(self):
        """What a command is started with to run in here; it keeps the pid."""
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]

    def run(self, *words):
        return command(*self.prefix(), *words)

    def popen(self, words, **options):
        return subprocess.Popen([*self.prefix(), *words], **options)

    def inside(self, function):
        """function(), called by a thread that is in here: sockets that it
        makes stay here, whoever uses them."""
        outcome = []

        def visit():
            with open(f"/proc/{self.holder.pid}/ns/net", "rb") as opened:
                if libc.setns(opened.fileno(), CLONE_NEWNET):
                    error = ctypes.get_errno()
                    outcome.append((None, OSError(error,
                                                  os.strerror(error))))
                    return
            try:
                outcome.append((function(), None))
            except Exception as error:  # told to the caller
                outcome.append((None, error))
        visitor = threading.Thread(target=visit)
        visitor.start()
        visitor.join()
        value, error = outcome[0]
        if error:
            raise error
        return value

    def refuse(self, *addresses):
        for address in addresses:
            self.run("iptables", "-w", "-A", "INPUT", "-s", address, "-j",
                     "DROP")

    def heal(self):
        self.run("iptables", "-w", "-F", "INPUT")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Network:
    """The hub and the namespaces of `names`."""

    def __init__(self, names):
        if len(names) > CITIES_MAX:
            raise ValueError(f"at most {CITIES_MAX} cities")
        self.names = list(names)
        self.namespaces = {}

    def __enter__(self):
        Hub.enter()
        try:
            command("ip", "link", "add", "hub", "type", "bridge")
            command("ip", "address", "add", f"{HUB}/24", "dev", "hub")
            command("ip", "link", "set", "hub", "up")
            for number, name in enumerate(self.names):
                self.namespaces[name] = Namespace(name, number)
                self.namespaces[name].connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *unused):
        self.close()

    def __getitem__(self, name):
        return self.namespaces[name]

    def drop(self, sender, receiver):
        """What `sender` sends no longer reaches `receiver`."""
        one = self.namespaces[sender]
        self.namespaces[receiver].refuse(one.address, one.face)

    def part(self, one, two):
        self.drop(one, two)
        self.drop(two, one)

    def isolate(self, name):
        for other in self.names:
            if other != name:
                self.part(name, other)

    def heal(self):
        for namespace in self.namespaces.values():
            namespace.heal()

    def close(self):
        for namespace in self.namespaces.values():
            namespace.close()
        # The far end of a wire goes with its namespace, the kernel says when.
        for namespace in self.namespaces.values():
            subprocess.run(["ip", "link", "delete", namespace.wire],
                           stdin=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["ip", "link", "delete", "hub"],
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=False)
        self.namespaces.clear()
