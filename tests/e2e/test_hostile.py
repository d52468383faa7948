# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: what no decent client sends is refused as told, nothing is journaled,
and the node is unharmed."""

import os
import socket
import time
import unittest
import zlib

import h2
import rpc
from node import CityTest
from rpc import item, new_id

POST = "/clearing.v1.TransferService/PostTransfers"
OPEN = "/clearing.v1.AccountService/OpenAccount"


def field(number, payload):
    """A length-delimited protobuf field."""
    size, length = len(payload), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + length + payload


class Hostile(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        operator = cls.city.client("operator", "anna")
        operator.open("m1@barcelona", 1000, 1000)
        operator.open("m2@barcelona", 1000, 1000)
        cls.gateway = cls.city.client("gateway", "till")
        cls.operator = operator

    def raw_refused(self, path, request, code, reason=None, client=None):
        refused = self.refused(
            lambda: (client or self.gateway).raw(path, request), reason, code)
        return refused

    def test_hostile_malformed_messages(self):
        """Not protobuf, cut off, or wrong in its strings: MALFORMED."""
        good = rpc.transfer.PostTransfersRequest(transfers=[
            item("m1@barcelona", "m2@barcelona", 1)]).SerializeToString()
        nested = b""
        for _ in range(20):
            nested = field(2, nested)
        cases = {
            "garbage": b"\xff" * 40,
            "cut off": good[:-3],
            "field number 0": b"\x00\x01",
            "end of a group": b"\x0c",
            "length beyond the end": b"\x0a\xff\xff\xff\xff\x0f",
            "varint of 11 bytes": b"\x08" + b"\xff" * 10 + b"\x01",
            "invalid UTF-8": field(1, field(7, b"\xc3\x28")),
            "overlong UTF-8": field(1, field(7, b"\xc0\x80")),
            "surrogate": field(1, field(7, b"\xed\xa0\x80")),
            "NUL in a string": field(1, field(7, b"a\0b")),
            "NUL in an address": field(1, field(2, field(2, b"m1\0@x"))),
            "wrong wire type": field(1, b"\x22\x01a"),
        }
        for name, request in cases.items():
            with self.subTest(name), self.unharmed():
                self.raw_refused(POST, request, "INVALID_ARGUMENT",
                                 "MALFORMED")
        with self.subTest("nested deeply"), self.unharmed():
            self.refused(lambda: self.gateway.raw(POST, field(1, nested)),
                         code="INVALID_ARGUMENT")

    def test_hostile_strings_of_accounts(self):
        for text in (b"m9\0@barcelona", b"\xff\xfe", b"\xf5\x80\x80\x80"):
            with self.subTest(text=text), self.unharmed():
                self.raw_refused(OPEN, field(1, new_id()) + field(2, text),
                                 "INVALID_ARGUMENT", "MALFORMED",
                                 self.operator)

    def test_hostile_random_bytes(self):
        """Bytes of chance, against every method: no answer but a refusal."""
        auditor = self.city.client("auditor", "eva")
        with self.unharmed():
            for method in rpc.METHODS.values():
                for size in (1, 7, 100):
                    noise = b"\xff" + os.urandom(size)
                    refused = self.refused(
                        lambda: auditor.raw(rpc.path_of(method), noise))
                    self.assertIn(refused.code, (
                        "INVALID_ARGUMENT", "PERMISSION_DENIED"))

    def test_hostile_unknown_methods(self):
        for path in ("/clearing.v1.TransferService/Nothing",
                     "/clearing.v1.NoService/PostTransfers", "/x", "/",
                     "/clearing.v1.TransferService/PostTransfers/",
                     "/clearing.v1.transferservice/posttransfers"):
            with self.subTest(path), self.unharmed():
                self.raw_refused(path, b"", "UNIMPLEMENTED")

    def test_hostile_oversize(self):
        """A message over 4 MiB, and one that inflates to more."""
        with self.unharmed():
            self.raw_refused(POST, field(1, b"\0" * (4 << 20)),
                             "RESOURCE_EXHAUSTED")

    def test_hostile_precedence(self):
        """Neighbours in the order of refusals of a whole request."""
        coop = self.city.client("coop", "m1")
        foreign = item("m2@barcelona", "m1@barcelona", 1)
        huge = field(1, b"\0" * (4 << 20))
        with self.unharmed():
            # Unknown method before message too large.
            self.raw_refused("/clearing.v1.NoService/X", huge,
                             "UNIMPLEMENTED")
            # Too large before malformed.
            self.raw_refused(POST, b"\xff" * (5 << 20), "RESOURCE_EXHAUSTED")
            # Malformed before not permitted.
            self.raw_refused(OPEN, b"\xff", "INVALID_ARGUMENT", "MALFORMED",
                             coop)
            # Not permitted before an empty or too large batch.
            self.refused(lambda: self.city.client("auditor", "eva").post(),
                         "NOT_PERMITTED", "PERMISSION_DENIED")
            self.refused(lambda: coop.post(*[foreign] * 8191),
                         "NOT_PERMITTED", "PERMISSION_DENIED")
            # The batch before anything of its items.
            self.refused(lambda: self.gateway.post(), "BATCH_EMPTY",
                         "INVALID_ARGUMENT")
            wrong = item("m1@barcelona", "m2@barcelona", 0, id=b"x")
            self.refused(lambda: self.gateway.post(*[wrong] * 8191),
                         "BATCH_TOO_LARGE", "INVALID_ARGUMENT")

    # ---- HTTP/2 by hand

    def tls(self, **options):
        return h2.context(self.city.authority.certificate,
                          self.city.certificate("gateway", "till"), **options)

    def say(self, *parts, timeout=5):
        """Bytes to a fresh connection; what came back until it closed."""
        with h2.connect(self.city.address, self.tls()) as opened:
            try:
                for part in parts:
                    opened.sendall(part)
            except OSError:
                pass  # it may well have hung up meanwhile
            return h2.until_closed(opened, timeout=timeout)

    def ended(self, frames):
        return [frame for frame in frames
                if frame[0] in (h2.GOAWAY, h2.RST_STREAM)]

    def test_hostile_no_http2(self):
        """Garbage instead of a preface ends the connection, no more."""
        for name, noise in (("HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
                            ("random", os.urandom(4096)),
                            ("nothing", b""),
                            ("half a preface", h2.PREFACE[:10])):
            with self.subTest(name), self.unharmed():
                self.say(noise, timeout=1)

    def test_hostile_frames(self):
        """Frames that break HTTP/2 end the connection or the stream."""
        cases = {
            "DATA on stream 0": h2.frame(h2.DATA, 0, 0, b"x"),
            "HEADERS on an even stream": h2.headers(POST, stream=2),
            "HPACK garbage": h2.frame(h2.HEADERS, 5, 1, b"\xff" * 30),
            "a frame too long": h2.frame(h2.DATA, 0, 1, b"x" * 20000),
            "SETTINGS of 5 bytes": h2.frame(h2.SETTINGS, 0, 0, b"12345"),
            "WINDOW_UPDATE of 0": h2.frame(h2.WINDOW, 0, 0, bytes(4)),
            "window overflow": h2.frame(h2.WINDOW, 0, 0, b"\x7f\xff\xff\xff"),
            "RST_STREAM of an idle stream":
                h2.frame(h2.RST_STREAM, 0, 5, bytes(4)),
        }
        for name, bad in cases.items():
            with self.subTest(name), self.unharmed():
                self.assertTrue(self.ended(self.say(
                    h2.hello(), bad, timeout=2)), name)

    def test_hostile_grpc_framing(self):
        """gRPC's own framing broken: an error, never a call."""
        good = h2.message(rpc.transfer.PostTransfersRequest(transfers=[
            item("m1@barcelona", "m2@barcelona", 1)]).SerializeToString())
        bomb = zlib.compress(b"\0" * (64 << 20), 9)
        gzip = ((b"grpc-encoding", b"gzip"),)
        cases = {
            "no message": (h2.headers(POST, end=True),),
            "length beyond the data": (h2.headers(POST), h2.frame(
                h2.DATA, 1, 1, b"\0\0\0\x10\0" + good[5:])),
            "two messages": (h2.headers(POST),
                             h2.frame(h2.DATA, 1, 1, good + good)),
            "compressed, no encoding": (h2.headers(POST), h2.frame(
                h2.DATA, 1, 1, b"\1" + good[1:])),
            "flag of 7": (h2.headers(POST), h2.frame(
                h2.DATA, 1, 1, b"\7" + good[1:])),
            "not gzip": (h2.headers(POST, extra=gzip), h2.frame(
                h2.DATA, 1, 1, b"\1" + good[1:])),
            "inflates to 64 MiB": (h2.headers(POST, extra=gzip), *[
                h2.frame(h2.DATA, 0, 1, part) for part in self.cut(
                    h2.message(bomb, 1), 16000)], h2.frame(
                        h2.DATA, 1, 1, b"")),
            "content-type": (h2.headers(POST, content_type=b"text/html"),
                             h2.frame(h2.DATA, 1, 1, good)),
        }
        for name, parts in cases.items():
            with self.subTest(name), self.unharmed():
                answer = self.say(h2.hello(), *parts, timeout=1)
                self.assertTrue(
                    [frame for frame in answer if frame[2] == 1
                     and frame[0] in (h2.HEADERS, h2.RST_STREAM)], name)

    @staticmethod
    def cut(what, size):
        return [what[at:at + size] for at in range(0, len(what), size)]

    def test_hostile_floods(self):
        """PINGs and resets without end are counted, and end in GOAWAY."""
        pings = h2.frame(h2.PING, 0, 0, bytes(8)) * 20000
        resets = b"".join(
            h2.headers(POST, stream=number) + h2.frame(
                h2.RST_STREAM, 0, number, b"\0\0\0\x08")
            for number in range(1, 20001, 2))
        for name, flood in (("PING", pings), ("RST_STREAM", resets)):
            with self.subTest(name), self.unharmed():
                answer = self.say(h2.hello(), flood)
                self.assertIn(h2.GOAWAY, [frame[0] for frame in answer])

    def test_hostile_half_open(self):
        """Clients that stop in the middle of a call keep nobody out."""
        opened = []
        try:
            with self.unharmed():
                for _ in range(30):
                    one = h2.connect(self.city.address, self.tls())
                    opened.append(one)
                    one.sendall(h2.hello() + h2.headers(POST)
                                + h2.frame(h2.DATA, 0, 1, b"\0\0\0\1"))
                self.assertEqual(rpc.outcomes(self.gateway.post(
                    item("m1@barcelona", "m2@barcelona", 0))),
                    ["AMOUNT_NOT_POSITIVE"])
        finally:
            for one in opened:
                one.close()

    def test_hostile_half_shaken(self):
        """As many as may connect at all, and none says who it is: the next
        one that does is let in at once."""
        with self.another_city(limits={"connections_max": 20}) as city:
            opened = []
            try:
                for _ in range(40):
                    opened.append(socket.create_connection(city.address, 5))
                    opened[-1].sendall(b"\x16\x03\x01")
                began = time.monotonic()
                client = city.connect(city.certificate("auditor", "late"))
                self.assertEqual(client.health(timeout=4), "SERVING")
                self.assertLess(time.monotonic() - began, 4)
                client.close()
            finally:
                for one in opened:
                    one.close()


if __name__ == "__main__":
    unittest.main()
