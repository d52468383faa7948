# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: the bad connection is bad in the way that was asked for, and in no
other: what it does not lose arrives whole and in order."""

import asyncio
import hashlib
import random
import socket
import threading
import time
import unittest

import proxy
from node import wait_until

QUIET_S = 0.15  # so long nothing came: it is held back


class Echo(threading.Thread):
    """Gives back what it is sent; keeps what it read and how it ended."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.heard = []  # of each connection: bytes, and None at its end

    def run(self):
        while True:
            try:
                taken, _ = self.listener.accept()
            except OSError:
                return
            index = len(self.heard)
            self.heard.append([b"", False])
            threading.Thread(target=self.answer, args=(taken, index),
                             daemon=True).start()

    def answer(self, taken, index):
        with taken:
            try:
                while data := taken.recv(65536):
                    self.heard[index][0] += data
                    taken.sendall(data)
            except OSError:
                pass
        self.heard[index][1] = True

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.echo = Echo()
        self.echo.start()
        self.addCleanup(self.echo.close)
        self.proxy = proxy.Proxy(seed=1).__enter__()
        self.addCleanup(self.proxy.close)
        self.route = self.proxy.route(("127.0.0.1", 0), self.echo.address)

    def dial(self):
        made = socket.create_connection(self.route.address)
        made.settimeout(10)
        self.addCleanup(made.close)
        return made

    def ask(self, end, data):
        end.sendall(data)
        return self.read(end, len(data))

    @staticmethod
    def read(end, count):
        got = b""
        while len(got) < count:
            more = end.recv(65536)
            if not more:
                break
            got += more
        return got

    def ended(self, end):
        """What is still read, and that the end comes."""
        got = b""
        try:
            while more := end.recv(65536):
                got += more
        except ConnectionResetError:
            pass
        return got

    def silent(self, end):
        end.settimeout(QUIET_S)
        try:
            return not end.recv(1) and self.fail("the connection ended")
        except socket.timeout:
            return True
        finally:
            end.settimeout(10)

    def dialled(self):
        """A connection through which bytes have passed both ways."""
        end = self.dial()
        self.assertEqual(self.ask(end, b"hello"), b"hello")
        return end

    def test_bytes_arrive_whole_under_delay_pieces_and_a_narrow_way(self):
        data = random.Random(7).randbytes(40_000)
        for faults in ({}, {"delay_s": 0.05}, {"piece_size": 9},
                       {"bytes_a_second": 200_000},
                       {"delay_s": 0.01, "piece_size": 100}):
            with self.subTest(**faults):
                self.route.heal()
                for name, value in faults.items():
                    setattr(self.route, name, value)
                end, echoed = self.dial(), []
                reader = threading.Thread(
                    target=lambda: echoed.append(
                        self.read(end, len(data))))  # noqa: B023
                reader.start()
                end.sendall(data)
                reader.join(20)
                self.assertEqual(hashlib.sha256(echoed[0]).digest(),
                                 hashlib.sha256(data).digest())

    def test_delay_holds_back_each_way(self):
        end = self.dialled()
        self.route.delay_s = 0.1
        start = time.monotonic()
        self.ask(end, b"x")
        self.assertGreaterEqual(time.monotonic() - start, 0.2)

    def test_narrow_way_takes_its_time(self):
        self.route.bytes_a_second = 10_000
        end, start = self.dial(), time.monotonic()
        self.ask(end, b"x" * 2000)
        self.assertGreaterEqual(time.monotonic() - start, 0.18)

    def test_stall_loses_nothing(self):
        for way in proxy.WAYS:
            with self.subTest(way):
                end = self.dialled()
                self.route.stall(way)
                end.sendall(b"held")
                self.assertTrue(self.silent(end))
                self.route.resume(way)
                self.assertEqual(self.read(end, 4), b"held")

    def test_swallow_up_reaches_nobody_and_heal_ends_the_connection(self):
        end = self.dialled()
        self.route.swallow("up")
        end.sendall(b"lost")
        self.assertTrue(self.silent(end))
        self.route.heal()
        self.assertEqual(self.ended(end), b"")
        wait_until(lambda: self.echo.heard[0][1], "the far end ended")
        self.assertEqual(self.echo.heard[0][0], b"hello")

    def test_cut_after_delivers_exactly_so_much(self):
        end = self.dialled()
        self.route.cut_after("up", 3)
        end.sendall(b"abcdef")
        self.ended(end)
        wait_until(lambda: self.echo.heard[0][1], "the far end ended")
        self.assertEqual(self.echo.heard[0][0], b"helloabc")

    def test_lose_answers_delivers_and_says_nothing(self):
        end = self.dialled()
        self.route.lose_answers(6)
        end.sendall(b"abcdef")
        self.assertEqual(self.ended(end), b"")
        wait_until(lambda: self.echo.heard[0][1], "the far end ended")
        self.assertEqual(self.echo.heard[0][0], b"helloabcdef")
        self.route.heal()
        self.assertEqual(self.ask(self.dial(), b"abcdef"), b"abcdef")

    def test_cut_ends_both_ends(self):
        for how in ("end", "reset"):
            with self.subTest(how):
                end = self.dialled()
                heard = self.echo.heard[-1]
                self.route.cut(how)
                self.assertEqual(self.ended(end), b"")
                wait_until(lambda: heard[1],  # noqa: B023
                           "the far end ended")
        self.dialled()

    def test_reset_where_one_end_is_closed_already(self):
        """Goal: what has ended by itself in the same moment is cut, too."""
        end = self.dialled()
        connection, = self.route.connections

        async def both():
            writer = connection.ends[1][1]
            closed = writer.get_extra_info("socket")
            writer.transport.abort()
            for _ in range(10):
                if closed.fileno() < 0:
                    break
                await asyncio.sleep(0)
            self.assertLess(closed.fileno(), 0)
            connection.cut("reset")
        self.proxy.wait(both())
        self.assertEqual(self.ended(end), b"")

    def test_half_close_up_is_read_as_an_end(self):
        end = self.dialled()
        self.route.half_close("up")
        wait_until(lambda: self.echo.heard[0][1], "the far end read an end")
        self.assertEqual(self.echo.heard[0][0], b"hello")
        self.assertEqual(self.ended(end), b"")

    def test_half_close_down_lets_the_other_way_go_on(self):
        end = self.dialled()
        self.route.half_close("down")
        self.assertEqual(self.ended(end), b"")
        end.sendall(b"still")
        wait_until(lambda: self.echo.heard[0][0] == b"hellostill",
                   "what was sent after the end down")

    def test_refuse_until_healed(self):
        self.route.refuse()
        self.assertEqual(self.ended(self.dial()), b"")
        self.assertEqual(self.echo.heard, [])
        self.route.heal()
        self.dialled()

    def test_target_that_is_gone_looks_like_a_refusal(self):
        gone = self.proxy.route(("127.0.0.1", 0), ("127.0.0.1", 1))
        end = socket.create_connection(gone.address)
        self.addCleanup(end.close)
        end.settimeout(10)
        self.assertEqual(self.ended(end), b"")

    def test_dials_from_the_address_that_stands_for_the_dialler(self):
        seen = []

        def source(host):
            seen.append(host)
            return "127.0.0.9"
        with socket.create_server(("127.0.0.1", 0)) as target:
            route = self.proxy.route(("127.0.0.1", 0), target.getsockname(),
                                     source)
            with socket.create_connection(route.address):
                taken, dialler = target.accept()
                taken.close()
        self.assertEqual(seen, ["127.0.0.1"])
        self.assertEqual(dialler[0], "127.0.0.9")

    def test_strikes_are_those_of_the_seed_and_all_heal(self):
        def struck(seed):
            chance = random.Random(seed)
            return [proxy.strike(self.route, chance) for _ in range(60)]
        first = struck(3)
        self.assertEqual(first, struck(3))
        self.assertEqual(set(first), set(proxy.FAULTS))
        self.route.heal()
        self.dialled()


if __name__ == "__main__":
    unittest.main()
