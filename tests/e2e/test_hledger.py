# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: hledger, which knows nothing of us, reads the export and finds the
same balance for every account as the node."""

import csv
import io
import json
import random
import shutil
import unittest
from decimal import Decimal

from node import CityTest, run
from rpc import item

ADDRESSES = ["m1@barcelona", "m1/solar-panels@barcelona", "m2@barcelona",
             "bread-coop@barcelona", "m3@barcelona"]
MEMOS = ["", "bread", "; no comment", "two  spaces", "(x) ! *", "ünï | cödé",
         "2024-01-01 =", "@ 5 EUR", '"quoted"', "a\\b"]


@unittest.skipUnless(shutil.which("hledger"), "hledger is not installed")
class Hledger(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        operator = cls.city.client("operator", "anna")
        for address in ADDRESSES:
            operator.open(address, 10 ** 7, 10 ** 7,
                          display_name="Cafè; (x)  two")
        chance = random.Random(7)
        gateway = cls.city.client("gateway", "till")
        for _ in range(15):
            answer = gateway.post(*[
                item(*chance.sample(ADDRESSES, 2), chance.randint(1, 99999),
                     memo=chance.choice(MEMOS)) for _ in range(100)])
            assert all(one.refusal == 0 for one in answer.results)
        cls.city.catch_up()

    def balances(self):
        auditor = self.city.client("auditor", "eva")
        return {one.address: one.balance_minor
                for one in auditor.ListAccounts().accounts}

    def export(self, form):
        result = self.city.clearctl("export", "--format", form,
                                    as_=("auditor", "eva"))
        self.assertEqual(result.status, 0, result)
        return result.out

    def test_hledger_balances_equal(self):
        path = f"{self.city.folder}/export.journal"
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(self.export("hledger"))
        checked = run("hledger", "-f", path, "check")
        self.assertEqual(checked.status, 0, checked)
        listed = run("hledger", "-f", path, "balance", "--flat", "--empty",
                     "--no-total", "-O", "csv")
        self.assertEqual(listed.status, 0, listed)
        found = {}
        for name, amount in list(csv.reader(io.StringIO(listed.out)))[1:]:
            number = amount.split()[0] if amount.split() else "0"
            address = name.split(":")[-1]
            found[address] = int(Decimal(number) * 100)
        expected = {address: minor for address, minor
                    in self.balances().items() if minor}
        self.assertEqual({name: value for name, value in found.items()
                          if value}, expected)
        self.assertEqual(len(expected), len(ADDRESSES))

    def test_hledger_other_formats(self):
        """csv and json hold the same 1,500 transfers."""
        rows = list(csv.DictReader(io.StringIO(self.export("csv"))))
        self.assertEqual(len(rows), 1500)
        lines = self.export("json").strip()
        try:
            found = json.loads(lines)
        except ValueError:
            found = [json.loads(line) for line in lines.splitlines()]
        if isinstance(found, dict):
            found = next(value for value in found.values()
                         if isinstance(value, list))
        self.assertEqual(len(found), 1500)
        self.assertEqual({row["memo"] for row in found}, set(MEMOS))


if __name__ == "__main__":
    unittest.main()
