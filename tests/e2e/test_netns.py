# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: the network that tests of several cities stand on does what it says:
datagrams pass, are dropped one way or both, pass again, and nothing of it is
left when the test ends or dies."""

import os
import signal
import socket
import subprocess
import sys
import unittest

import netns
from netns import Network
from node import wait_until

LONG_ENOUGH_S = 0.2  # for a datagram within one kernel
CHILD = """
import sys, time
from netns import Network
with Network(["one"]) as network:
    print(network["one"].holder.pid, flush=True)
    time.sleep(60)
"""


def datagrams(namespace):
    def make():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((namespace.address, 0))
        made.settimeout(LONG_ENOUGH_S)
        return made
    return namespace.inside(make)


class Netns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        network = Network(["one", "two", "three"])
        cls.network = network.__enter__()
        cls.addClassCleanup(network.close)
        cls.sockets = {name: datagrams(network[name])
                       for name in network.names}
        for each in cls.sockets.values():
            cls.addClassCleanup(each.close)

    def tearDown(self):
        self.network.heal()

    def passes(self, sender, receiver):
        """Does a datagram arrive?"""
        into = self.sockets[receiver]
        self.sockets[sender].sendto(sender.encode(), into.getsockname())
        try:
            return into.recv(100) == sender.encode()
        except socket.timeout:
            return False

    def ways(self):
        names = self.network.names
        return {(one, two) for one in names for two in names
                if one != two and self.passes(one, two)}

    def test_all_ways_pass(self):
        self.assertEqual(len(self.ways()), 6)

    def test_drop_is_one_way(self):
        whole = self.ways()
        self.network.drop("one", "two")
        self.assertEqual(whole - self.ways(), {("one", "two")})
        self.network.heal()
        self.assertEqual(self.ways(), whole)

    def test_part_is_both_ways(self):
        whole = self.ways()
        self.network.part("one", "two")
        self.assertEqual(whole - self.ways(),
                         {("one", "two"), ("two", "one")})

    def test_isolate_leaves_the_others(self):
        self.network.isolate("three")
        self.assertEqual(self.ways(), {("one", "two"), ("two", "one")})

    def test_a_face_is_dropped_as_its_city_is(self):
        face = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(face.close)
        face.bind((self.network["one"].face, 0))
        into = self.sockets["two"]
        face.sendto(b"seen", into.getsockname())
        self.assertEqual(into.recv(100), b"seen")
        self.network.drop("one", "two")
        face.sendto(b"dropped", into.getsockname())
        with self.assertRaises(socket.timeout):
            into.recv(100)

    def test_programs_run_in_a_namespace_with_their_own_pid(self):
        process = self.network["two"].popen(
            ["sleep", "60"], stdin=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        there = netns.network_of(self.network["two"].holder.pid)
        wait_until(lambda: netns.network_of(process.pid) == there,
                   "the program is in its namespace")

    def test_hub_is_not_the_machine_s_network(self):
        """No address but loopback and the private range is to be seen."""
        for line in netns.command("ip", "-o", "-4", "address").splitlines():
            self.assertRegex(line, r"inet (127\.|10\.77\.0\.)")

    def test_nothing_stays_when_the_test_is_killed(self):
        child = subprocess.Popen(
            ["/usr/bin/python3", "-B", "-c", CHILD], text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.path.dirname(netns.__file__)})
        holder = int(child.stdout.readline())
        self.assertTrue(os.path.exists(f"/proc/{holder}"))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        wait_until(lambda: not os.path.exists(f"/proc/{holder}"),
                   "the namespace's holder is gone")


if __name__ == "__main__":
    try:
        with Network(["probe"]):
            pass
    except netns.Unavailable as reason:
        netns.skip(reason)
    sys.exit(unittest.main())
