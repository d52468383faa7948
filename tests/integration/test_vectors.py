# SPDX-License-Identifier: AGPL-3.0-or-later
"""proto/vectors/links.txt read by an implementation that shares no code with
ours: lib/linklog.py, Google's protobuf, hashlib and openssl."""

import importlib.machinery
import importlib.util
import json
import os
import unittest

import linklog
import rpc

FOLDER = os.path.join(rpc.SOURCE, "proto/vectors")


def load(path):
    """A program's module by its file, which has no .py."""
    loader = importlib.machinery.SourceFileLoader("make_links", path)
    spec = importlib.util.spec_from_loader("make_links", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


make_links = load(f"{FOLDER}/make-links")


def outcome(kind, data):
    """What a strict reader says of the bytes of a message."""
    try:
        return linklog.decode(kind, data)
    except linklog.Malformed:
        return "MALFORMED"
    except linklog.TooLarge:
        return "TOO_LARGE"


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


class Vectors(unittest.TestCase):
    def setUp(self):
        with open(f"{FOLDER}/links.txt", encoding="utf-8") as opened:
            self.text = opened.read()
        self.vectors = [line.split(" ") for line in self.text.splitlines()
                        if not line.startswith("#")]

    def named(self, *kinds):
        found = [vector[1:] for vector in self.vectors if vector[0] in kinds]
        self.assertTrue(found)
        return found

    def messages(self):
        for kind in make_links.linklog.KINDS:
            for vector in self.vectors:
                if vector[0] == kind:
                    result = " ".join(vector[3:])
                    yield kind, vector[1], unhex(vector[2]), result

    def test_as_made(self):
        """The file is what others' libraries give for the named inputs."""
        self.assertEqual(self.text, make_links.everything())

    def test_messages(self):
        """A strict reader takes and refuses what the file says."""
        count = 0
        for kind, name, data, result in self.messages():
            with self.subTest(f"{kind} {name}"):
                if result.startswith("{"):
                    result = json.loads(result)
                self.assertEqual(outcome(kind, data), result)
            count += 1
        self.assertGreater(count, 150)

    def test_protobuf(self):
        """Google's protobuf writes what it read of good ones, byte by byte."""
        for kind, name, data, result in self.messages():
            if result.startswith("{"):
                with self.subTest(f"{kind} {name}"):
                    message = getattr(rpc.links, kind).FromString(data)
                    self.assertEqual(message.SerializeToString(), data)

    def test_trees(self):
        """Each audit path leads to the root, from its own leaf alone."""
        roots = {listed: unhex(root) for listed, root in self.named("root")}
        for listed, index, hashes in self.named("path"):
            leaves = [linklog.sha256(b"\0", unhex(leaf))
                      for leaf in listed.split(",")]
            way = [] if hashes == "-" else [
                unhex(one) for one in hashes.split(",")]
            for at, leaf in enumerate(leaves):
                led = linklog.led_to(leaf, at, len(leaves), way)
                self.assertEqual(led == roots[listed], at == int(index))

    def test_signatures(self):
        """openssl verifies each, and none of another domain."""
        for header, _, key, signature in self.named("signed-batch"):
            signed = linklog.batch_signed(unhex(header))
            self.assertTrue(linklog.verify(unhex(key), signed,
                                           unhex(signature)))
            self.assertFalse(linklog.verify(unhex(key), unhex(header),
                                            unhex(signature)))

    def test_signed_bodies(self):
        """Likewise of answers; one kind's is none of the other's."""
        for kind, body, _, key, signature in self.named("signed-body"):
            for domain in ("HelloOk", "Never"):
                self.assertEqual(linklog.verify(
                    unhex(key), linklog.body_signed(domain, unhex(body)),
                    unhex(signature)), domain == kind)

    def test_proofs(self):
        """Each proof is found what the file says, every result among them."""
        seen = set()
        for name, proof, terms, key, result in self.named("proof"):
            with self.subTest(name):
                self.assertEqual(linklog.verify_proof(
                    unhex(proof), unhex(terms), unhex(key)), result)
            seen.add(result)
        self.assertEqual(len(seen), 6)

    def test_receipts(self):
        """Terms and proof of a receipt; what is none is refused."""
        for name, data, *parts in self.named("receipt"):
            with self.subTest(name):
                try:
                    found = linklog.receipt(unhex(data))
                except linklog.Malformed:
                    found = None
                self.assertEqual(found, None if parts == ["MALFORMED"] else
                                 tuple(map(unhex, parts)))


if __name__ == "__main__":
    unittest.main()
