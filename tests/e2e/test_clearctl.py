# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: clearctl as people and scripts use it: tables, --json, exit statuses,
imports that can be repeated."""

import csv
import json
import os
import re
import signal
import unittest
import uuid

from node import CityTest, program, run

M1, M2, M3 = (f"m{number}@barcelona" for number in (1, 2, 3))
OPERATOR, GATEWAY = ("operator", "anna"), ("gateway", "till")
TREASURER, AUDITOR = ("treasurer", "tess"), ("auditor", "eva")
DONE, REFUSED, USAGE, NO_ANSWER, IDENTITY, NOT_FOUND, CONFLICT, FILE = \
    range(8)


class Clearctl(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name in (M1, M2, M3):
            cls.city.clearctl("account", "open", name, "--limit", "100.00",
                              "--ceiling", "400.00")

    def run_it(self, status, *arguments, as_=OPERATOR, **options):
        result = self.city.clearctl(*arguments, as_=as_, **options)
        self.assertEqual(result.status, status,
                         f"clearctl {' '.join(arguments)}: {result}")
        return result

    def json(self, *arguments, as_=OPERATOR):
        return self.run_it(DONE, *arguments, "--json", as_=as_).document

    def error(self, status, *arguments, as_=OPERATOR):
        """What --json says of a failure: one document, on stdout."""
        result = self.run_it(status, *arguments, "--json", as_=as_)
        error = result.document["error"]
        self.assertLessEqual({"code", "reason", "message", "retry"},
                             set(error))
        return error

    def only_snake_case_and_numbers(self, document):
        if isinstance(document, dict):
            for key, value in document.items():
                self.assertRegex(key, r"^[a-z][a-z0-9_]*$")
                if key.endswith("_minor"):
                    self.assertIsInstance(value, int, key)
                self.only_snake_case_and_numbers(value)
        elif isinstance(document, list):
            for value in document:
                self.only_snake_case_and_numbers(value)

    def test_clearctl_accounts(self):
        opened = self.json("account", "open", "bakery@barcelona", "--limit",
                           "12.34", "--ceiling", "50", "--name", "Bäckerei")
        self.only_snake_case_and_numbers(opened)
        shown = self.json("account", "show", "bakery@barcelona")
        text = json.dumps(shown, ensure_ascii=False)
        self.assertIn("Bäckerei", text)
        self.assertIn('"credit_limit_minor": 1234', text)
        self.assertIn('"balance_ceiling_minor": 5000', text)
        self.only_snake_case_and_numbers(shown)
        self.run_it(DONE, "account", "limits", "bakery@barcelona", "--limit",
                    "20", "--ceiling", "60", "--reason", "grows",
                    as_=TREASURER)
        for verb in ("freeze", "unfreeze", "close"):
            self.run_it(DONE, "account", verb, "bakery@barcelona",
                        "--reason", "a test")
        table = self.run_it(DONE, "account", "list").out
        self.assertIn("bakery@barcelona", table)
        self.assertIn("20.00", table)

    def test_clearctl_transfers_and_holds(self):
        self.run_it(DONE, "transfer", "post", M3, M2, "12.34", "--memo",
                    "bread", as_=GATEWAY)
        balance = self.json("balance", M3, as_=("coop", "m3"))
        self.assertEqual(balance["balance_minor"], -1234)
        self.assertIn("-12.34", self.run_it(DONE, "balance", M3).out)
        made = self.run_it(DONE, "id").out.strip()
        self.assertEqual(uuid.UUID(made).version, 7)
        self.run_it(DONE, "hold", "place", M3, M2, "5", "--expires", "+1h",
                    "--id", made, as_=("coop", "m3"))
        self.run_it(DONE, "hold", "post", made, "2.50", as_=("coop", "m3"))
        held = self.json("hold", "show", made)
        self.assertEqual(re.findall(r'"posted_amount_minor": (\d+)',
                                    json.dumps(held)), ["250"])
        other = self.run_it(DONE, "id").out.strip()
        self.run_it(DONE, "hold", "place", M3, M2, "5", "--expires", "+1h",
                    "--id", other, as_=GATEWAY)
        self.run_it(DONE, "hold", "void", other, "--reason", "a mistake")
        listed = self.run_it(DONE, "hold", "list", "--account", M3)
        self.assertIn(other, listed.out)
        statement = self.run_it(DONE, "statement", M3,
                                as_=("coop", "m3")).out
        self.assertIn("bread", statement)
        self.assertIn("-12.34", statement)

    def test_clearctl_statuses(self):
        """Each exit status, and what --json says with it."""
        error = self.error(REFUSED, "transfer", "post", M1, M2, "90000",
                           as_=GATEWAY)
        self.assertEqual((error["reason"], error["retry"]),
                         ("OVER_LIMIT", True))
        for arguments in (("transfer", "post", M1, M2, "1.234"),
                          ("transfer", "post", M1, M2, "1,5"),
                          ("transfer", "post", M1),
                          ("transfer", "dance"), ("--nothing",), ()):
            with self.subTest(arguments=arguments):
                self.run_it(USAGE, *arguments, as_=GATEWAY)
        error = self.error(IDENTITY, "account", "open", "x@barcelona",
                           as_=AUDITOR)
        self.assertEqual(error["reason"], "NOT_PERMITTED")
        self.error(NOT_FOUND, "balance", "nobody@barcelona")
        self.error(NOT_FOUND, "transfer", "show", str(uuid.UUID(
            bytes=b"\1\2\3\4\5\6\x70\0\x80\0\0\0\0\0\0\0")))
        self.error(CONFLICT, "account", "open", M1)
        self.error(FILE, "transfer", "import", "/nonexistent.csv",
                   as_=GATEWAY)

    def test_clearctl_no_answer(self):
        """Status 3: nobody there, or none in time; then the id was told,
        and with it the same is sent again and done once."""
        result = self.run_it(NO_ANSWER, "transfer", "post", M1, M2, "1",
                             "--endpoint", "127.0.0.1:1", as_=GATEWAY)
        self.assertIn("127.0.0.1:1", result.err)
        before = self.json("balance", M2)["balance_minor"]
        backends = [row[0] for row in self.city.query(
            "select pid from pg_stat_activity"
            " where application_name = 'clearing journal'")]
        for pid in backends:
            os.kill(pid, signal.SIGSTOP)
        try:
            result = self.run_it(NO_ANSWER, "transfer", "post", M1, M2, "1",
                                 "--timeout", "1", as_=GATEWAY)
        finally:
            for pid in backends:
                os.kill(pid, signal.SIGCONT)
        told = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                         result.err)
        self.assertIsNotNone(told, result)
        self.run_it(DONE, "transfer", "post", M1, M2, "1", "--id",
                    told.group(0), as_=GATEWAY)
        self.assertEqual(self.json("balance", M2)["balance_minor"],
                         before + 100)

    def test_clearctl_other_server(self):
        """A server that is not the expected city is not spoken to."""
        certificate = self.city.certificate(*GATEWAY)
        result = run(program("clearctl"), "balance", M1, "--endpoint",
                     self.city.endpoint, "--certificate",
                     certificate.certificate, "--key", certificate.key,
                     "--ca", self.city.authority.certificate,
                     "--server-uri", "spiffe://fabcity/city/lyon",
                     env=self.city.environment())
        self.assertIn(result.status, (NO_ANSWER, IDENTITY, FILE), result)

    def test_clearctl_same_id(self):
        made = self.run_it(DONE, "id").out.strip()
        same = ("transfer", "post", M2, M1, "0.01", "--id", made, "--json")
        first = self.run_it(DONE, *same, as_=GATEWAY).document
        again = self.run_it(DONE, *same, as_=GATEWAY).document
        self.assertEqual(first.get("number"), again.get("number"))
        self.run_it(CONFLICT, "transfer", "post", M2, M1, "0.02", "--id",
                    made, as_=GATEWAY)

    def test_clearctl_import(self):
        """In the order of the file; again, and nothing is posted twice."""
        for name in ("in1", "in2"):
            self.run_it(DONE, "account", "open", f"{name}@barcelona",
                        "--limit", "10", "--ceiling", "10")
        path = f"{self.city.folder}/trades.csv"
        with open(path, "w", encoding="utf-8", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(["from", "to", "amount", "memo"])
            for number in range(300):
                one, two = ("in1", "in2") if number % 2 else ("in2", "in1")
                rows.writerow([f"{one}@barcelona", f"{two}@barcelona",
                               "0.01", f"row {number}, \"quoted\""])
            rows.writerow(["in1@barcelona", "in2@barcelona", "99", ""])
        summary = self.json("transfer", "import", path, "--batch", "50",
                            "--quiet", as_=GATEWAY)
        self.assertIn("300", json.dumps(summary))
        self.city.catch_up()
        before = self.city.query("select count(*) from clearing.transfer")
        self.json("transfer", "import", path, "--quiet", as_=GATEWAY)
        self.city.catch_up()
        self.assertEqual(self.city.query(
            "select count(*) from clearing.transfer"), before)
        self.run_it(REFUSED, "transfer", "import", path, "--strict",
                    "--quiet", "--retry-refused", as_=GATEWAY)

    def test_clearctl_import_bad_file(self):
        """A file with an unsound line is refused, with its number."""
        path = f"{self.city.folder}/bad.csv"
        with open(path, "w", encoding="utf-8") as opened:
            opened.write("from,to,amount\n"
                         f"{M1},{M2},1.00\n{M1},{M2},1.2345\n")
        head = self.city.head()
        result = self.run_it(FILE, "transfer", "import", path, "--quiet",
                             as_=GATEWAY)
        self.assertIn("3", result.err)
        self.assertEqual(self.city.head(), head, "posted half of it")

    def test_clearctl_health_and_node(self):
        self.run_it(DONE, "health")
        self.run_it(DONE, "health", "clearing.v1.HoldService")
        document = self.json("node", as_=AUDITOR)
        self.assertIn("barcelona", json.dumps(document))
        self.only_snake_case_and_numbers(document)

    def test_clearctl_settings(self):
        """From ~/.config, below the environment, below flags."""
        certificate = self.city.certificate(*AUDITOR)
        folder = f"{self.city.folder}/.config/clearing"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/clearctl.conf", "w", encoding="utf-8") as file:
            file.write(f"endpoint = {self.city.endpoint}\n"
                       f"certificate = {certificate.certificate}\n"
                       f"key = {certificate.key}\n"
                       f"ca = {self.city.authority.certificate}\n")
        try:
            result = run(program("clearctl"), "node",
                         env=self.city.environment())
            self.assertEqual(result.status, DONE, result)
            result = run(program("clearctl"), "node", "--timeout", "1",
                         env=self.city.environment(
                             CLEARCTL_ENDPOINT="127.0.0.1:1"))
            self.assertEqual(result.status, NO_ANSWER, result)
        finally:
            os.unlink(f"{folder}/clearctl.conf")

    def test_clearctl_init_twice(self):
        """Writing again what is there is success; another city is not."""
        def init(city):
            return run(program("clearctl"), "init", "--database",
                       self.city.database.connection_string(),
                       "--federation", "fabcity", "--city", city, "--unit",
                       "credit", "--decimals", "2", "--node-key",
                       f"{self.city.authority.folder}/node.pub",
                       env=self.city.environment())
        head = self.city.head()
        self.assertEqual(init("barcelona").status, DONE)
        self.assertNotEqual(init("lyon").status, DONE)
        self.assertEqual(self.city.head(), head)


if __name__ == "__main__":
    unittest.main()
