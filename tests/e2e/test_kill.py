# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: kill -9 of the node and of PostgreSQL at random moments under load:
every acknowledged id is in the journal exactly once, tables made from the
journal anew equal the tables found, and clearing-verify is content.

5 rounds each; 50 with CLEARING_LONG=1. CLEARING_SEED repeats a run.
"""

import os
import random
import threading
import time
import unittest
import uuid

import rpc
from node import LONG, CityTest, entry_ids
from rpc import item, new_id, ref

ROUNDS = 50 if LONG else 5
MEMBERS = [f"m{number}@barcelona" for number in range(1, 21)]


class Load(threading.Thread):
    """One client that posts, holds and retries, and keeps every id that was
    acknowledged, with the place that it was told."""

    def __init__(self, city, seed, stop):
        super().__init__()
        self.city, self.stop, self.chance = city, stop, random.Random(seed)
        self.acknowledged, self.wrong = {}, []
        self.unanswered = []

    def items(self):
        chosen = []
        for _ in range(self.chance.choice((1, 3, 40))):
            debit, credit = self.chance.sample(MEMBERS, 2)
            chosen.append(item(debit, credit, self.chance.randint(1, 500),
                               memo=self.chance.choice(("", "bread"))))
        return chosen

    def post(self, client, items):
        answer = client.post(*items, timeout=10)
        for one, result in zip(items, answer.results, strict=True):
            if result.refusal == 0:
                before = self.acknowledged.setdefault(
                    one.id, (result.number, result.position))
                if before != (result.number, result.position):
                    self.wrong.append((one.id.hex(), before, result))

    def hold(self, client):
        debit, credit = self.chance.sample(MEMBERS, 2)
        held = new_id()
        client.PlaceHold(id=held, debit=ref(debit), credit=ref(credit),
                         amount_minor=5, timeout=10,
                         expires_at_us=self.city.soon_us(
                             self.chance.choice((1, 60))))
        client.PostHold(id=new_id(), hold_id=held, amount_minor=3,
                        timeout=10)

    def run(self):
        client = self.city.connect(self.city.certificate("gateway", "till"))
        try:
            while not self.stop.is_set():
                retry = self.unanswered.pop() if self.unanswered else None
                items = retry or self.items()
                try:
                    self.post(client, items)
                    if self.chance.random() < 0.1:
                        self.hold(client)
                except rpc.Refused as refused:
                    if refused.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED",
                                        "RESOURCE_EXHAUSTED", "CANCELLED"):
                        self.unanswered.append(items)
                        time.sleep(0.02)
                    elif refused.reason not in (
                            "OVER_LIMIT", "OVER_CEILING", "HOLD_EXPIRED"):
                        self.wrong.append(refused)
        finally:
            client.close()

    def finish(self):
        """Send once more what got no answer: it must not post twice."""
        client = self.city.connect(self.city.certificate("gateway", "till"))
        deadline = time.monotonic() + 30
        while self.unanswered:
            try:
                self.post(client, self.unanswered[-1])
                self.unanswered.pop()
            except rpc.Refused as refused:
                # The node may only now be finding the database again.
                if refused.code != "UNAVAILABLE" or \
                        time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        client.close()


class Kill(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        operator = cls.city.client("operator", "anna")
        for name in MEMBERS:
            operator.open(name, 100_000, 100_000)
        cls.seed = int(os.environ.get("CLEARING_SEED",
                                      random.SystemRandom().getrandbits(32)))
        cls.acknowledged, cls.places, cls.read_up_to = {}, {}, -1

    def one_round(self, number, kill, revive):
        stop = threading.Event()
        chance = random.Random(self.seed + number)
        loads = [Load(self.city, chance.getrandbits(32), stop)
                 for _ in range(3)]
        for load in loads:
            load.start()
        time.sleep(0.3 + chance.random() * 1.2)
        try:
            kill()
            # Clients try on meanwhile. Where the node has a new port
            # afterwards they find nobody, and ask again in finish().
            revive()
            time.sleep(chance.random() * 0.5)
        finally:
            stop.set()
            for load in loads:
                load.join(60)
        return loads

    def judge(self, loads):
        """What was acknowledged, before or after, is there exactly once."""
        new = {}
        for load in loads:
            load.finish()
            self.assertEqual(load.wrong, [])
            new.update(load.acknowledged)
        self.city.catch_up()
        self.read_journal()
        for one, place in new.items():
            self.assertEqual(self.places.get(one), place, one.hex())
        self.acknowledged.update(new)

    def read_journal(self):
        """Where each id stands; only what is new since the last round."""
        created = dict(self.city.query(
            "select seq, created from clearing.journal where seq > %s",
            self.read_up_to))
        for seq, block in self.city.blocks(self.read_up_to):
            ids = entry_ids(created[seq], block)
            for index, one in enumerate(ids):
                self.assertNotIn(one, self.places, "an id stands twice")
                self.places[one] = (block.first_number + index, seq)
            type(self).read_up_to = seq

    def judge_everything(self):
        """All that any round was told, read once more from the beginning,
        in the journal and in the tables."""
        self.places.clear()
        type(self).read_up_to = -1
        self.read_journal()
        rows = {uuid.UUID(str(row[0])).bytes: (row[1], row[2]) for row in
                self.city.query("select id, number, seq"
                                " from clearing.transfer")}
        for one, place in self.acknowledged.items():
            self.assertEqual(self.places.get(one), place, one.hex())
            self.assertEqual(rows.get(one), place, one.hex())

    def rounds(self, kill, revive):
        count = 0
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=self.seed):
                before = len(self.acknowledged)
                self.judge(self.one_round(number, kill, revive))
                self.assertGreater(len(self.acknowledged), before)
                count += 1
        self.assertEqual(count, ROUNDS)
        self.content()

    def content(self):
        """The auditor is content, and the tables made anew are equal."""
        self.judge_everything()
        result = self.city.verify()
        self.assertEqual(result.status, 0, result)
        self.assertEqual(self.city.database.invariants(), {})
        before = self.city.table_contents()
        self.assertEqual(self.city.stop(), 0)
        self.city.empty_tables()
        self.city.start()
        self.city.catch_up()
        after = self.city.table_contents()
        for name, rows in before.items():
            # Holds may have expired in the meantime.
            if name not in ("hold", "account"):
                self.assertEqual(after[name], rows, name)
        result = self.city.verify()
        self.assertEqual(result.status, 0, result)

    def test_kill_node(self):
        """kill -9 of clearingd."""
        self.rounds(self.city.kill, self.city.start)

    def test_kill_postgres(self):
        """kill -9 of all of PostgreSQL's processes; the node lives on."""
        def revive():
            self.city.database.start()
            self.city.auditor = None
            self.city.wait_serving()
        self.rounds(self.city.database.kill9, revive)

    def test_kill_both(self):
        """Both at once, as a power cut would."""
        def kill():
            self.city.process.kill()
            self.city.database.kill9()
            self.city.process.wait()

        def revive():
            self.city.database.start()
            self.city.auditor = None
            self.city.start()
        self.rounds(kill, revive)


if __name__ == "__main__":
    unittest.main()
