# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: a node's life: configuration, start, drain, reload, restart."""

import os
import signal
import threading
import time
import unittest

import rpc
from node import City, CityTest, program, run, wait_until
from rpc import item, ref

M1, M2 = "m1@barcelona", "m2@barcelona"


class Configuration(unittest.TestCase):
    """Without a database: what --check-config and a bad start say."""

    @classmethod
    def setUpClass(cls):
        cls.city = City()
        cls.addClassCleanup(cls.city.remove)
        cls.city.create()
        with open(cls.city.config, encoding="utf-8") as opened:
            cls.good = opened.read()

    def check(self, text, *arguments):
        with open(self.city.config, "w", encoding="utf-8") as opened:
            opened.write(text)
        return run(program("clearingd"), "--config", self.city.config,
                   *arguments, env=self.city.environment(), timeout=20)

    def test_configuration_good(self):
        result = self.check(self.good, "--check-config")
        self.assertEqual(result.status, 0, result)

    def test_configuration_bad(self):
        """Each names the line, and ends with status 2; nothing starts."""
        lines = self.good.splitlines()

        def at(prefix):
            return next(number for number, line in enumerate(lines, 1)
                        if line.startswith(prefix))
        cases = {
            "unknown key": (self.good.replace("city =", "town ="),
                            at("city =")),
            "unknown section": (self.good + "[nodes]\nx = 1\n",
                                len(lines) + 2),
            "value out of range": (self.good.replace(
                "accounts_max = 10000", "accounts_max = -1"),
                at("accounts_max")),
            "no number": (self.good.replace(
                "accounts_max = 10000", "accounts_max = many"),
                at("accounts_max")),
            "bad name": (self.good.replace("city = barcelona",
                                           "city = Barcelona"),
                         at("city =")),
            "indented": (self.good.replace("unit =", "  unit ="),
                         at("unit =")),
            "over-long line": (self.good + "[log]\n# " + "x" * 5000 + "\n",
                               None),
            "key twice": (self.good.replace(
                "unit = credit", "unit = credit\nunit = hours"),
                at("unit =") + 1),
        }
        for name, (text, line) in cases.items():
            with self.subTest(name):
                self.assertNotEqual(text, self.good)
                for arguments in (("--check-config",), ()):
                    result = self.check(text, *arguments)
                    self.assertEqual(result.status, 2, result)
                    if line:
                        self.assertIn(str(line), result.err + result.out)

    def test_configuration_without_database(self):
        """It refuses, and names the program that starts one."""
        cut = self.good.index("[database]")
        text = self.good[:cut] + self.good[self.good.index("[limits]"):]
        result = self.check(text)
        self.assertEqual(result.status, 2, result)
        self.assertIn("deploy/clearing-node", result.err + result.out)

    def test_configuration_missing_file(self):
        result = run(program("clearingd"), "--config", "/nonexistent.conf",
                     env=self.city.environment())
        self.assertEqual(result.status, 2, result)

    def test_configuration_from_the_environment(self):
        """CLEARING_SECTION_KEY overrides the file."""
        with open(self.city.config, "w", encoding="utf-8") as opened:
            opened.write(self.good)
        result = run(program("clearingd"), "--config", self.city.config,
                     "--check-config", env=self.city.environment(
                         CLEARING_LIMITS_ACCOUNTS_MAX="none"))
        self.assertEqual(result.status, 2, result)


class Lifecycle(CityTest):
    def setUp(self):
        if self.city.process.poll() is not None:
            self.city.start()
        self.gateway = self.city.client("gateway", "till")
        operator = self.city.client("operator", "anna")
        for name in (M1, M2):
            try:
                operator.open(name, 10 ** 9, 10 ** 9)
            except rpc.Refused as refused:
                self.assertEqual(refused.reason, "ADDRESS_TAKEN")

    def test_lifecycle_drain_answers_what_is_open(self):
        """SIGTERM under load: every call is answered or never began; what
        was answered is there after the next start; the status is 0."""
        answered, cut_off, stop = [], [], threading.Event()
        city = self.city

        def load():
            client = city.connect(city.certificate("gateway", "till"))
            while not stop.is_set():
                ones = [item(M1, M2, 1) for _ in range(50)]
                try:
                    client.post(*ones, timeout=10)
                    answered.extend(one.id for one in ones)
                except rpc.Refused as refused:
                    cut_off.append(refused)
                    break
            client.close()
        workers = [threading.Thread(target=load) for _ in range(4)]
        for worker in workers:
            worker.start()
        wait_until(lambda: len(answered) > 2000, "load", 30)
        self.assertEqual(city.stop(), 0)
        stop.set()
        for worker in workers:
            worker.join()
        for refused in cut_off:
            self.assertEqual(refused.code, "UNAVAILABLE", str(refused))
            # A call on the wire must not be cut: the client was told
            # before that the connection takes no more.
            self.assertNotIn("reset", refused.text.lower())
        city.start()
        client = city.client("auditor", "eva")
        for one in answered[-500:]:
            self.assertEqual(client.GetTransfer(id=one).transfer.id, one)

    def test_lifecycle_drain_waits_for_the_database(self):
        """A call whose block is under way is answered after SIGTERM."""
        city, outcome = self.city, []
        self.gateway.post(item(M1, M2, 1))
        backends = [row[0] for row in city.query(
            "select pid from pg_stat_activity"
            " where application_name = 'clearing journal'")]
        self.assertTrue(backends)
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            def call():
                try:
                    outcome.append(rpc.outcomes(self.gateway.post(
                        item(M1, M2, 1), timeout=20)))
                except rpc.Refused as refused:
                    outcome.append(refused)
            worker = threading.Thread(target=call)
            worker.start()
            time.sleep(0.3)  # the call is on its way, its block in flight
            city.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            self.assertIsNone(city.process.poll(), "did not wait")
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        worker.join(20)
        self.assertEqual(outcome, [[None]])
        self.assertEqual(city.wait(), 0)

    def test_lifecycle_restart_keeps_everything(self):
        """Tables and tail give back what was; ids stay remembered."""
        one = item(M1, M2, 77)
        first = self.gateway.post(one).results[0]
        balance = self.gateway.balance(M1)
        for how in (self.city.stop, self.city.kill):
            how()
            self.city.start()
            gateway = self.city.client("gateway", "till")
            self.assertEqual(gateway.balance(M1), balance)
            again = gateway.post(one).results[0]
            self.assertEqual((again.recorded, again.number, again.position),
                             (True, first.number, first.position))

    def test_lifecycle_rebuilds_from_the_journal_alone(self):
        """Tables emptied behind the node's back are made again, equal."""
        self.gateway.post(item(M1, M2, 5, memo="once"))
        self.city.catch_up()
        self.city.stop()
        before = self.city.table_contents()
        self.assertGreater(len(before["transfer"]), 0)
        self.city.empty_tables()
        self.city.start()
        self.city.catch_up()
        self.assertEqual(self.city.table_contents(), before)

    def test_lifecycle_sighup_changes_limits(self):
        """Limits that can change do; others are named as needing a restart.
        """
        self.city.configure(limits={"batch_max": 3, "accounts_max": 20_000})
        try:
            self.city.reload()
            self.refused(lambda: self.gateway.post(
                *[item(M1, M2, 1) for _ in range(4)]), "BATCH_TOO_LARGE")
            self.assertEqual(self.gateway.GetNode().batch_max, 3)
            self.assertIn("restart", self.city.log_text())
        finally:
            self.city.configure(limits={"batch_max": 8190,
                                        "accounts_max": 10_000})
            self.city.reload()
        self.assertEqual(rpc.outcomes(self.gateway.post(
            *[item(M1, M2, 1) for _ in range(4)])), [None] * 4)

    def test_lifecycle_health_turns_before_the_end(self):
        """A watcher hears NOT_SERVING when the node drains."""
        call = self.gateway.channel.unary_stream(
            "/grpc.health.v1.Health/Watch",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=rpc.health.HealthCheckResponse.FromString)
        seen = []
        watch = call(rpc.health.HealthCheckRequest(), timeout=30)

        def listen():
            try:
                for answer in watch:
                    seen.append(answer.status)
            except Exception:  # the connection ends with the node
                pass
        worker = threading.Thread(target=listen)
        worker.start()
        wait_until(lambda: seen == [1], "SERVING", 10)
        self.assertEqual(self.city.stop(), 0)
        worker.join(10)
        self.assertEqual(seen, [1, 2])

    def test_lifecycle_deadline_passes(self):
        """DEADLINE_EXCEEDED never takes back what was recorded."""
        one = item(M1, M2, 1)
        backends = [row[0] for row in self.city.query(
            "select pid from pg_stat_activity"
            " where application_name = 'clearing journal'")]
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            self.refused(lambda: self.gateway.post(one, timeout=0.5),
                         code="DEADLINE_EXCEEDED")
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        answer = self.gateway.post(one)
        self.assertTrue(answer.results[0].recorded)

    def test_lifecycle_balance_waits_for_what_it_saw(self):
        """A balance that includes an undurable transfer is not told early.
        """
        before = self.gateway.balance(M2)
        backends = [row[0] for row in self.city.query(
            "select pid from pg_stat_activity"
            " where application_name = 'clearing journal'")]
        other = self.city.client("coop", "m2")
        other.balance(M2)
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            worker = threading.Thread(
                target=lambda: self.gateway.post(item(M1, M2, 9)))
            worker.start()
            time.sleep(0.3)
            self.refused(lambda: other.GetBalance(
                account=ref(M2), timeout=0.5), code="DEADLINE_EXCEEDED")
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        worker.join(20)
        self.assertEqual(other.balance(M2), before + 9)


if __name__ == "__main__":
    unittest.main()
