# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: what a node does when its database is away, taken, rewound, unsafe,
unknown or damaged: the exit statuses of CONTRACT.md, seen from outside."""

import os
import shutil
import threading
import time
import unittest

import rpc
from node import City, program, run, wait_until
from postgres import PrivatePostgres
from rpc import item

M1, M2 = "m1@barcelona", "m2@barcelona"


class Database(unittest.TestCase):
    def setUp(self):
        self.database = PrivatePostgres()
        self.addCleanup(self.database.remove)
        self.database.create()
        self.city = City(database=self.database)
        self.addCleanup(self.city.remove)
        self.city.create()

    def begin(self):
        self.city.start()
        operator = self.city.client("operator", "anna")
        operator.open(M1, 10 ** 9, 10 ** 9)
        operator.open(M2, 10 ** 9, 10 ** 9)
        return self.city.client("gateway", "till")

    def ends_with(self, status, *arguments, seconds=30, **environment):
        """A start that must fail so."""
        self.city.launch(*arguments, **environment)
        self.assertEqual(self.city.wait(seconds), status,
                         self.city.log_text()[-3000:])
        return self.city.log_text()

    def owner(self, text):
        self.database.psql(text)

    def test_database_gone_and_back(self):
        """Away for 10 s: new calls get UNAVAILABLE, those that wait keep
        waiting, and afterwards all goes on, with nothing lost."""
        gateway = self.begin()
        first = item(M1, M2, 1)
        gateway.post(first)
        waiting, outcome = item(M1, M2, 2), []

        def patient():
            try:
                outcome.append(rpc.outcomes(gateway.post(waiting,
                                                         timeout=60)))
            except rpc.Refused as refused:
                outcome.append(refused)
        self.database.kill9()
        gone = time.monotonic()
        worker = threading.Thread(target=patient)
        worker.start()

        def away():
            try:
                gateway.post(item(M1, M2, 4), timeout=1)
            except rpc.Refused as refused:
                return refused.code == "UNAVAILABLE" \
                    and refused.reason == "DATABASE_AWAY"
            return False
        wait_until(away, "new calls get DATABASE_AWAY", 9)
        self.assertEqual(self.city.client("auditor", "health").health(),
                         "NOT_SERVING")
        while time.monotonic() < gone + 10:
            time.sleep(0.1)
        self.database.start()
        self.city.auditor = None

        def back():
            try:
                return rpc.outcomes(gateway.post(item(M1, M2, 8),
                                                 timeout=2)) == [None]
            except rpc.Refused:
                return False
        wait_until(back, "serving again", 30)
        worker.join(60)
        # Either it waited and is posted, or it was told to come again.
        if isinstance(outcome[0], rpc.Refused):
            self.assertEqual(outcome[0].code, "UNAVAILABLE")
        else:
            self.assertEqual(outcome, [[None]])
        self.assertEqual(rpc.outcomes(gateway.post(waiting)), [None])
        self.assertTrue(gateway.post(first).results[0].recorded)
        self.assertIsNone(self.city.process.poll())
        self.city.catch_up()
        result = self.city.verify()
        self.assertEqual(result.status, 0, result)

    def test_database_never_there(self):
        """No database at start: status 3."""
        self.database.stop()
        self.ends_with(3, seconds=60)

    def test_database_second_node(self):
        """Refused with status 5 while the first lives; with --takeover the
        second serves and the first stops with 5."""
        gateway = self.begin()
        gateway.post(item(M1, M2, 1))
        second = City(database=self.database,
                      authority=self.city.authority)
        self.addCleanup(second.remove)
        second.create()
        second.launch()
        self.assertEqual(second.wait(30), 5, second.log_text())
        self.assertIn("already served", second.log_text())
        self.assertEqual(rpc.outcomes(gateway.post(item(M1, M2, 1))), [None])
        second.start("--takeover")
        self.assertEqual(
            rpc.outcomes(second.client("gateway", "till").post(
                item(M1, M2, 1))), [None])
        try:  # it learns of it at its next block, if not before
            gateway.post(item(M1, M2, 1), timeout=5)
            self.fail("a fenced node acknowledged a transfer")
        except rpc.Refused as refused:
            self.assertEqual(refused.code, "UNAVAILABLE", str(refused))
        self.assertEqual(self.city.wait(20), 5, self.city.log_text())
        self.assertEqual(second.client("gateway", "till").balance(M1), -3)

    def test_database_second_process_in_one_folder(self):
        """Refused with status 5, also as a takeover; what the first one
        keeps in the folder stays."""
        gateway = self.begin()
        with open(self.city.endpoints_file, encoding="utf-8") as opened:
            endpoints = opened.read()
        for arguments in ([], ["--takeover"]):
            second = run(program("clearingd"), "--config", self.city.config,
                         *arguments, env=self.city.environment())
            self.assertEqual(second.status, 5, second)
            self.assertIn("another clearingd", second.err)
            with open(self.city.endpoints_file, encoding="utf-8") as opened:
                self.assertEqual(opened.read(), endpoints)
        self.assertEqual(rpc.outcomes(gateway.post(item(M1, M2, 1))), [None])

    def test_database_restart_after_a_kill(self):
        """After kill -9 the same node starts again without --takeover."""
        self.begin()
        self.city.kill()
        began = time.monotonic()
        self.city.start()
        self.assertLess(time.monotonic() - began, 8)

    def test_database_rewound(self):
        """Behind the acknowledged head: status 6, and the reason."""
        gateway = self.begin()
        gateway.post(item(M1, M2, 1))
        self.city.stop()
        self.database.stop()
        shutil.copytree(self.database.data, self.database.data + ".old",
                        symlinks=True)
        self.database.start()
        self.city.start()
        self.city.client("gateway", "till").post(item(M1, M2, 1))
        self.city.stop()
        self.database.stop()
        shutil.rmtree(self.database.data)
        os.rename(self.database.data + ".old", self.database.data)
        if self.database.user:
            for folder, folders, names in os.walk(self.database.data):
                for name in [".", *folders, *names]:
                    os.chown(os.path.join(folder, name),
                             self.database.user.pw_uid,
                             self.database.user.pw_gid,
                             follow_symlinks=False)
        self.database.start()
        self.ends_with(6)
        # Without its state file it knows nothing of it: it warns, and goes.
        for folder, _, names in os.walk(f"{self.city.folder}/data/state"):
            for name in names:
                os.unlink(os.path.join(folder, name))
        self.city.start()
        self.assertIn("warning", self.city.log_text())

    def test_database_forked(self):
        """Another block where ours was acknowledged: status 6."""
        gateway = self.begin()
        gateway.post(item(M1, M2, 1))
        self.city.stop()
        self.owner(
            "update clearing.journal set created = created + 1,"
            " hash = sha256('clearing journal v1\\000'::bytea"
            " || int8send(seq) || int8send(epoch::bigint)"
            " || int8send(created + 1) || prev_hash || payload)"
            " where seq = (select max(seq) from clearing.journal)")
        self.ends_with(6)

    def test_database_durability_off(self):
        """Each of the three settings off: status 7; the override is loud."""
        for name, value in (("fsync", "off"), ("full_page_writes", "off"),
                            ("synchronous_commit", "off"),
                            ("synchronous_commit", "local")):
            with self.subTest(name, value=value):
                self.database.configure({name: value})
                self.database.restart()
                self.assertIn(name, self.ends_with(7))
        self.city.start(CLEARING_UNSAFE_DURABILITY="1")
        self.assertIn("warning", self.city.log_text())

    def test_database_schema_unknown(self):
        """A newer schema: status 4, before anything is written."""
        head = self.city.head()
        self.owner("update clearing.schema_info set version = version + 1,"
                   " needs_node = needs_node + 1")
        self.ends_with(4)
        self.assertEqual(self.city.head(), head)

    def test_database_without_schema(self):
        self.database.create_database("empty")
        self.city.configure(database={"dbname": "empty"})
        self.ends_with(4)

    def test_database_of_another_city(self):
        """Genesis names another city: status 2, nothing written."""
        head = self.city.head()
        self.city.configure(node={"unit": "hour"})
        self.ends_with(2)
        self.assertEqual(self.city.head(), head)

    def test_database_journal_damaged(self):
        """A flipped bit in the tail that is replayed: status 8, the block
        named."""
        gateway = self.begin()
        gateway.post(item(M1, M2, 1))
        self.city.stop()
        position = self.city.head()
        # The tables know nothing, so that the whole journal is the tail.
        self.city.empty_tables()
        self.owner(
            "update clearing.journal set payload = set_byte(payload, 3,"
            f" get_byte(payload, 3) # 1) where seq = {position - 1}")
        self.assertIn(str(position - 1), self.ends_with(8))


if __name__ == "__main__":
    unittest.main()
