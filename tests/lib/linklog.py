# SPDX-License-Identifier: AGPL-3.0-or-later
"""linklog: the bytes between cities read a second time, in another language.

Strict like ours (rule PEER-8), and sharing no code with it: messages are
dictionaries by the names of link.proto, bytes in them are hex, what has its
default value is left out. Signatures are made and verified by openssl.
"""

import hashlib
import os
import re
import subprocess
import tempfile

NAME = re.compile(rb"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
ENTRIES_MAX = 1024


class Malformed(Exception):
    """Not the one form of this message."""


class TooLarge(Exception):
    """More bytes or entries than a limit allows."""


def expect(condition):
    if not condition:
        raise Malformed


# What a field may be: functions of its value (bytes, or a number).

def number(most=2**63 - 1):
    def take(value):
        expect(isinstance(value, int) and 0 < value <= most)
        return value
    return take


def exact(size):
    def take(value):
        expect(isinstance(value, bytes) and len(value) == size)
        return value.hex()
    return take


def payment_id(value):
    expect(isinstance(value, bytes) and len(value) == 16 and any(value))
    return value.hex()


def some(most=None):
    def take(value):
        expect(isinstance(value, bytes) and value)
        if most is not None and len(value) > most:
            raise TooLarge
        return value.hex()
    return take


def name(value):
    expect(isinstance(value, bytes) and len(value) <= 32 and NAME.match(value))
    return value.decode()


def text(most):
    def take(value):
        expect(isinstance(value, bytes) and 0 < len(value) <= most)
        try:
            shown = value.decode()
        except UnicodeDecodeError:
            raise Malformed from None
        expect(not any(ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 for c in shown))
        return shown
    return take


def flag(value):
    expect(value == 1 and isinstance(value, int))
    return True


def message(kind):
    def take(value):
        expect(isinstance(value, bytes))
        return decode(kind, value)
    return take


def group(kind):
    """A message that has no field which must be there: it may be empty."""
    take = message(kind)
    take.may_be_empty = True
    return take


class Kind:
    """fields: {number: (name, what it may be)}; needed: names; most: bytes."""

    def __init__(self, fields, needed=(), most=None, repeated=None):
        self.fields, self.needed, self.most = fields, needed, most
        self.repeated = repeated or {}  # name -> how often at most


U32 = number(2**32 - 1)
KEY_ID, HASH = text(32), exact(32)
KINDS = {
    "Header": Kind({
        1: ("version", U32), 2: ("federation", name), 3: ("author", name),
        4: ("peer", name), 5: ("incarnation", number()),
        6: ("first_seq", number()), 7: ("count", U32),
        8: ("prev_head", HASH), 9: ("root", HASH), 10: ("ack_seq", number()),
        11: ("ack_head", HASH), 12: ("promised_minor", number()),
        13: ("settled_minor", number()), 14: ("released_minor", number()),
        15: ("journal_seq", number()), 16: ("recorded_us", number()),
    }, ["federation", "author", "peer", "first_seq", "count", "prev_head",
        "root", "ack_head"], 400),
    "Batch": Kind({
        1: ("header", some(400)), 2: ("key_id", KEY_ID),
        3: ("signature", exact(64)), 4: ("entries", some(1536)),
    }, ["header", "key_id", "signature", "entries"], 256 << 10,
        {"entries": ENTRIES_MAX}),
    "Entry": Kind({
        1: ("prepare", message("Prepare")), 2: ("settle", message("Settle")),
        3: ("release", message("Release")), 4: ("line", group("LineChange")),
        5: ("freeze", group("Note")), 6: ("unfreeze", group("Note")),
    }, (), 1536),
    "Prepare": Kind({1: ("payment", some(832)), 2: ("round", some())}),
    "Settle": Kind({
        1: ("prepare_seq", number()), 2: ("terms_hash", HASH),
        3: ("key", HASH), 4: ("proof", some(1200)), 5: ("certificate", some()),
    }, ["prepare_seq", "terms_hash"]),
    "Release": Kind({
        1: ("prepare_seq", number()), 2: ("terms_hash", HASH),
        3: ("reason", number(2**31 - 1)), 4: ("at_city", name), 5: ("certificate", some()),
    }, ["prepare_seq", "terms_hash"]),
    "LineChange": Kind({1: ("line_minor", number())}),
    "Note": Kind({1: ("note", text(140))}),
    "PaymentTerms": Kind({
        1: ("payment_id", payment_id), 2: ("federation", name),
        3: ("payer", text(98)), 4: ("payee", text(98)),
        5: ("amount_minor", number()), 6: ("path", name),
        7: ("decide_by_us", number()), 8: ("lock", HASH),
        9: ("reference", some(128)),
    }, ["payment_id"], 832, {"path": 8}),
    "Proof": Kind({
        1: ("header", some(400)), 2: ("key_id", KEY_ID),
        3: ("signature", exact(64)), 4: ("entry", some()), 5: ("index", U32),
        6: ("path", HASH),
    }, ["header", "key_id", "signature", "entry"], 1200, {"path": 10}),
    "Receipt": Kind({
        1: ("format", text(32)), 2: ("terms", some()), 3: ("proof", some()),
    }, ["format", "terms", "proof"]),
    "Hello": Kind({
        1: ("version", U32), 2: ("federation", name), 3: ("from", name),
        4: ("to", name), 5: ("life", message("Life")),
        6: ("last_reconciled", message("Life")), 7: ("out_seq", number()),
        8: ("out_head", HASH), 9: ("roster_version", number()),
    }, ["federation", "from", "to", "life", "out_head"]),
    "Life": Kind({1: ("incarnation", number()), 2: ("nonce", exact(8))},
                 ["incarnation", "nonce"]),
    "HelloOk": Kind({
        1: ("hello_hash", HASH), 2: ("in_seq", number()), 3: ("in_head", HASH),
        4: ("out_seq", number()), 5: ("out_head", HASH),
        6: ("lives_since", message("Life")), 7: ("last_known", flag),
        8: ("journal_seq_seen", number()), 9: ("roster_version", number()),
    }, ["hello_hash", "in_head", "out_head"], None, {"lives_since": 1024}),
    "Never": Kind({1: ("payment_id", exact(16)), 2: ("terms_hash", HASH)},
                  ["payment_id", "terms_hash"]),
}
# Exactly one of these is there, or at most one.
ONE_OF = {"Entry": ["prepare", "settle", "release", "line", "freeze",
                    "unfreeze"], "Prepare": ["payment", "round"]}
AT_MOST_ONE_OF = {"Settle": ["proof", "certificate"]}


def take_varint(data, at):
    value = shift = 0
    while True:
        expect(at < len(data) and shift <= 63)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            expect((byte or shift == 7) and value < 2**64)
            return value, at


def parts(data):
    """[(field number, bytes or number)], strictly."""
    at, found = 0, []
    while at < len(data):
        tag, at = take_varint(data, at)
        value, at = take_varint(data, at)
        expect(tag & 7 in (0, 2) and 0 < tag >> 3 < 2**29)
        if tag & 7 == 2:
            expect(len(data) - at >= value)
            value, at = data[at:at + value], at + value
        found.append((tag >> 3, value))
    return found


def decode(kind, data):
    """The dictionary of a message; Malformed or TooLarge."""
    shape, out, before = KINDS[kind], {}, 0
    if shape.most is not None and len(data) > shape.most:
        raise TooLarge
    large = False
    for field, value in parts(data):
        expect(field in shape.fields)
        label, take = shape.fields[field]
        many = label in shape.repeated
        expect(field > before or (many and field == before))
        before = field
        expect(value != b"" or hasattr(take, "may_be_empty"))
        try:
            shown = take(value)
        except TooLarge:
            large, shown = True, None
        if many:
            out.setdefault(label, []).append(shown)
        else:
            out[label] = shown
    limits(kind, out, large)
    expect(all(label in out for label in shape.needed))
    if kind in ONE_OF:
        expect(sum(label in out for label in ONE_OF[kind]) == 1)
    expect(sum(label in out for label in AT_MOST_ONE_OF.get(kind, ())) <= 1)
    return out


def limits(kind, out, large):
    if kind in ("Header", "Batch"):
        count = out.get("count", len(out.get("entries", ())))
        large = large or count > ENTRIES_MAX
    elif kind in KINDS:
        for label, most in KINDS[kind].repeated.items():
            expect(len(out.get(label, ())) <= most)
    if large:
        raise TooLarge


def sha256(*pieces):
    return hashlib.sha256(b"".join(pieces)).digest()


def first_head(federation, author, peer):
    return sha256(b"clearing/log/1", *(b"\0" + part.encode() for part in
                                       (federation, author, peer)))


def head(header):
    return sha256(b"clearing/head/1\0", header)


def batch_signed(header):
    return b"clearing/batch/1\0" + header


def body_signed(kind, body):
    return b"clearing/round/1\0" + kind.encode() + b"\0" + body


def root(entries):
    """RFC 6962, 2.1, as it is defined there."""
    if len(entries) == 1:
        return sha256(b"\0", entries[0])
    half = 1 << (len(entries) - 1).bit_length() - 1
    return sha256(b"\1", root(entries[:half]), root(entries[half:]))


def path(entries, index):
    """RFC 6962, 2.1.1, as it is defined there."""
    if len(entries) == 1:
        return []
    half = 1 << (len(entries) - 1).bit_length() - 1
    if index < half:
        return path(entries[:half], index) + [root(entries[half:])]
    return path(entries[half:], index - half) + [root(entries[:half])]


def led_to(leaf, index, count, hashes):
    """The root that an audit path gives: RFC 9162, 2.1.3.2; None: none."""
    if index >= count:
        return None
    at, last = index, count - 1
    for sibling in hashes:
        if last == 0:
            return None
        if at & 1 or at == last:
            leaf = sha256(b"\1", sibling, leaf)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            leaf = sha256(b"\1", leaf, sibling)
        at, last = at >> 1, last >> 1
    return leaf if last == 0 else None


# What stands before the 32 bytes of an Ed25519 key, in DER.
PRIVATE = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC = bytes.fromhex("302a300506032b6570032100")


def openssl(files, *arguments):
    """Runs openssl in a folder with these files; (status, what it wrote)."""
    with tempfile.TemporaryDirectory(prefix="clearing-keys-") as folder:
        for label, data in files.items():
            with open(os.path.join(folder, label), "wb") as opened:
                opened.write(data)
        result = subprocess.run(["openssl", *arguments], cwd=folder,
                                stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=60)
        return result.returncode, result.stdout


def public_key(seed):
    status, out = openssl({"key": PRIVATE + seed}, "pkey", "-inform", "DER",
                          "-in", "key", "-pubout", "-outform", "DER")
    if status or not out.startswith(PUBLIC):
        raise RuntimeError("openssl gives no public key")
    return out[len(PUBLIC):]


def sign(seed, data):
    status, out = openssl(
        {"key": PRIVATE + seed, "data": data}, "pkeyutl", "-sign", "-rawin",
        "-keyform", "DER", "-inkey", "key", "-in", "data")
    if status or len(out) != 64:
        raise RuntimeError("openssl does not sign")
    return out


def verify(key, data, signature):
    return openssl(
        {"key": PUBLIC + key, "data": data, "signature": signature},
        "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey",
        "key", "-in", "data", "-sigfile", "signature")[0] == 0


def receipt(data):
    """(terms, proof) of a receipt's file."""
    shown = decode("Receipt", data)
    expect(shown["format"] == "clearing/receipt/1")
    return bytes.fromhex(shown["terms"]), bytes.fromhex(shown["proof"])


def verify_proof(proof, terms, key):
    """(rule PEER-34) What the C code names without LINKLOG_."""
    try:
        shown = decode("Proof", proof)
        header = decode("Header", bytes.fromhex(shown["header"]))
        entry = decode("Entry", bytes.fromhex(shown["entry"]))
        expect(header.get("version") == 1)
        agreed = decode("PaymentTerms", terms)
    except (Malformed, TooLarge):
        return "PROOF_MALFORMED"
    cities = agreed.get("path", [])
    if len(cities) < 2 or (header["federation"], header["author"],
                           header["peer"]) != (
            agreed.get("federation"), cities[-1], cities[-2]):
        return "PROOF_WRONG_LOG"
    answer = entry.get("settle") or entry.get("release")
    if not answer or answer["terms_hash"] != sha256(terms).hex():
        return "PROOF_WRONG_TERMS"
    if "settle" in entry:
        key_shown = answer.get("key")
        lock = key_shown and sha256(bytes.fromhex(key_shown)).hex()
        if lock != agreed.get("lock"):
            return "PROOF_WRONG_TERMS"
    leaf = sha256(b"\0", bytes.fromhex(shown["entry"]))
    hashes = [bytes.fromhex(one) for one in shown.get("path", [])]
    if led_to(leaf, shown.get("index", 0), header["count"], hashes) \
            != bytes.fromhex(header["root"]):
        return "PROOF_WRONG_ROOT"
    if not verify(key, batch_signed(bytes.fromhex(shown["header"])),
                  bytes.fromhex(shown["signature"])):
        return "PROOF_BAD_SIGNATURE"
    return "PROVEN"
