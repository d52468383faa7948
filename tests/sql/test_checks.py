# SPDX-License-Identifier: AGPL-3.0-or-later
"""checks: the constraints refuse rows that cannot be true."""

import os
import sys
import unittest

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from postgres import PrivatePostgres  # noqa: E402

MOST = (1 << 53) - 1
ID = "018f0000-0000-7000-8000-000000000001"
CHECK, UNIQUE, NOT_NULL, NO_PARTITION = "23514", "23505", "23502", "23514"
HASH = "\\x" + "01" * 32

# A sound row of each table, whose columns the cases change one by one.
SOUND = {
    "journal": {"seq": 1, "epoch": 0, "created": 5, "prev_hash": HASH,
                "hash": HASH, "payload": ""},
    "memo": {"seq": 1, "index": 0, "text": "a chair",
             "salt": "\\x" + "01" * 16},
    "genesis": {"federation": "f", "city": "c", "unit": "credit",
                "decimals": 2, "node_key": HASH},
    "actor": {"id": 1, "uri": "spiffe://f/city/c/coop/a"},
    "account": {"id": 3, "address": "a", "display_name": "", "state": 1,
                "gateway_allowed": True, "credit_limit": 0,
                "balance_ceiling": 0, "debits_posted": 7,
                "credits_posted": 7, "debits_pending": 0,
                "credits_pending": 0, "holds_open": 0, "last_number": 0},
    "account_change": {"seq": 1, "index": 0, "account": 3, "what": 3,
                       "old_credit_limit": None, "new_credit_limit": 0,
                       "old_balance_ceiling": None,
                       "new_balance_ceiling": 0, "actor": 1, "reason": "",
                       "changed_at": "2026-01-01Z"},
    "account_month": {"account": 3, "month": "2026-01-01", "last_number": 1,
                      "debits_posted": 0, "credits_posted": 1},
    "month_start": {"month": "2026-01-01", "first_number": 1},
    "transfer": {"number": 5, "id": ID, "seq": 1, "index": 0,
                 "debit_account": 3, "credit_account": 4, "amount": 1,
                 "kind": 1, "reference": None, "hold_id": None, "actor": 1,
                 "posted_at": "2026-01-01Z", "debit_previous": 0,
                 "credit_previous": 4},
    "hold": {"number": 5, "id": ID, "debit_account": 3, "credit_account": 4,
             "amount": 5, "state": 1, "posted_amount": 0,
             "expires_at": "2026-01-01Z", "kind": 1, "reference": None,
             "actor": 1, "placed_seq": 1, "placed_index": 0,
             "ended_seq": None, "ended_actor": None},
    "command": {"id": ID, "kind": 3, "seq": 1, "index": 0},
}

# (table, what changes in the sound row, SQLSTATE; "" for a row that is sound)
CASES = [
    ("journal", {"seq": -1}, NO_PARTITION),
    ("journal", {"seq": 3 << 20}, NO_PARTITION),
    ("journal", {"seq": (3 << 20) - 1}, ""),
    ("journal", {"epoch": -1}, CHECK),
    ("journal", {"created": -1}, CHECK),
    ("journal", {"hash": "\\x01"}, CHECK),
    ("journal", {"prev_hash": "\\x01"}, CHECK),
    ("journal", {"payload": "a" * (1 << 20)}, ""),
    ("journal", {"payload": "a" * ((1 << 20) + 1)}, CHECK),
    ("memo", {"text": None, "salt": None}, ""),
    ("memo", {"text": None}, CHECK),
    ("memo", {"salt": None}, CHECK),
    ("memo", {"salt": "\\x01"}, CHECK),
    ("memo", {"text": "a" * 140}, ""),
    ("memo", {"text": "é" * 71}, CHECK),
    ("memo", {"text": ""}, CHECK),
    ("genesis", {"decimals": 9}, CHECK),
    ("genesis", {"city": "c" * 33}, CHECK),
    ("genesis", {"node_key": "\\x01"}, CHECK),
    ("genesis", {"one": False}, CHECK),
    ("actor", {"id": 0}, CHECK),
    ("actor", {"uri": "a" * 256}, CHECK),
    ("account", {"id": 0}, CHECK),
    ("account", {"address": ""}, CHECK),
    ("account", {"address": "a" * 66}, CHECK),
    ("account", {"display_name": "é" * 40}, ""),
    ("account", {"display_name": "é" * 41}, CHECK),
    ("account", {"state": 0}, CHECK),
    ("account", {"state": 4}, CHECK),
    ("account", {"state": 3}, ""),
    ("account", {"state": 3, "debits_posted": 8}, CHECK),
    ("account", {"state": 3, "holds_open": 1, "debits_pending": 1}, CHECK),
    ("account", {"credit_limit": -1}, CHECK),
    ("account", {"credit_limit": MOST}, ""),
    ("account", {"credit_limit": MOST + 1}, CHECK),
    ("account", {"balance_ceiling": -1}, CHECK),
    ("account", {"balance_ceiling": MOST + 1}, CHECK),
    ("account", {"debits_posted": -1}, CHECK),
    ("account", {"credits_posted": -1}, CHECK),
    ("account", {"debits_posted": MOST}, ""),
    ("account", {"debits_posted": MOST + 1}, CHECK),
    ("account", {"credits_posted": MOST + 1}, CHECK),
    ("account", {"debits_posted": MOST, "debits_pending": 1,
                 "holds_open": 1}, CHECK),
    ("account", {"credits_pending": 1}, CHECK),
    ("account", {"holds_open": 1}, CHECK),
    ("account", {"holds_open": 1, "credits_pending": 1}, ""),
    ("account", {"holds_open": -1}, CHECK),
    ("account", {"last_number": -1}, CHECK),
    ("account_change", {"what": 2}, CHECK),
    ("account_change", {"what": 8}, CHECK),
    ("account_change", {"actor": None}, ""),
    ("account_change", {"old_credit_limit": 1}, CHECK),
    ("account_change", {"old_credit_limit": 1, "old_balance_ceiling": 1},
     CHECK),
    ("account_change", {"what": 4, "old_credit_limit": 1,
                        "old_balance_ceiling": 1, "reason": "more"}, ""),
    ("account_change", {"what": 4, "reason": "more"}, CHECK),
    ("account_change", {"what": 5, "reason": "late"}, CHECK),
    ("account_change", {"what": 5, "new_credit_limit": None,
                        "new_balance_ceiling": None, "reason": "late"}, ""),
    ("account_change", {"what": 5, "new_credit_limit": None,
                        "new_balance_ceiling": None}, CHECK),
    ("account_change", {"reason": None}, NOT_NULL),
    ("account_change", {"reason": "a" * 141}, CHECK),
    ("account_month", {"month": "2026-01-02"}, CHECK),
    ("account_month", {"last_number": 0}, CHECK),
    ("account_month", {"debits_posted": -1}, CHECK),
    ("month_start", {"month": "2026-01-31"}, CHECK),
    ("month_start", {"first_number": 0}, CHECK),
    ("transfer", {"number": 0}, CHECK),
    ("transfer", {"number": 3 << 23}, NO_PARTITION),
    ("transfer", {"amount": 0}, CHECK),
    ("transfer", {"amount": MOST + 1}, CHECK),
    ("transfer", {"credit_account": 3}, CHECK),
    ("transfer", {"kind": 0}, CHECK),
    ("transfer", {"debit_previous": 5}, CHECK),
    ("transfer", {"credit_previous": 5}, CHECK),
    ("transfer", {"debit_previous": -1}, CHECK),
    ("transfer", {"actor": None}, NOT_NULL),
    ("hold", {"amount": 0}, CHECK),
    ("hold", {"credit_account": 3}, CHECK),
    ("hold", {"state": 5}, CHECK),
    ("hold", {"ended_seq": 1}, CHECK),
    ("hold", {"posted_amount": 1}, CHECK),
    ("hold", {"state": 2, "posted_amount": 5, "ended_seq": 1,
              "ended_actor": 1}, ""),
    ("hold", {"state": 2, "posted_amount": 6, "ended_seq": 1,
              "ended_actor": 1}, CHECK),
    ("hold", {"state": 2, "posted_amount": 0, "ended_seq": 1,
              "ended_actor": 1}, CHECK),
    ("hold", {"state": 2, "posted_amount": 5, "ended_seq": 1}, CHECK),
    ("hold", {"state": 3, "ended_seq": 2, "ended_actor": 1}, ""),
    ("hold", {"state": 3, "ended_seq": 0, "ended_actor": 1}, CHECK),
    ("hold", {"state": 4, "ended_seq": 2}, ""),
    ("hold", {"state": 4, "ended_seq": 2, "ended_actor": 1}, CHECK),
    ("hold", {"state": 4}, CHECK),
    ("command", {"kind": 0}, CHECK),
]
# Two rows that cannot both be true.
TWICE = [
    ("journal", {"hash": "\\x" + "02" * 32}),
    ("memo", {"text": "other"}),
    ("genesis", {"city": "d"}),
    ("actor", {"id": 2}),
    ("account", {"id": 4}),
    ("account", {"address": "b"}),
    ("account_change", {"account": 4}),
    ("transfer", {"id": ID.replace("1", "2")}),
    ("hold", {"number": 6}),
    ("command", {"kind": 4}),
]


class Checks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.create()
        cls.connection = cls.server.connect()
        cls.addClassCleanup(cls.connection.close)

    def insert(self, *rows):
        """SQLSTATE of the last row's insert, "" if it went in."""
        state = ""
        try:
            with self.connection.cursor() as cursor:
                for table, row in rows:
                    cursor.execute(
                        f"insert into clearing.{table} ({', '.join(row)}) "
                        f"values ({', '.join(['%s'] * len(row))})",
                        list(row.values()))
        except psycopg2.Error as error:
            state = error.pgcode
        finally:
            self.connection.rollback()
        return state

    def test_checks_take_sound_rows(self):
        """Goal: the rows that the cases start from are sound themselves."""
        for table, row in SOUND.items():
            with self.subTest(table=table):
                self.assertEqual(self.insert((table, row)), "")

    def test_checks_refuse_what_cannot_be(self):
        """Goal: each constraint, by the first value on its wrong side."""
        for table, change, state in CASES:
            with self.subTest(table=table, **{
                    name: str(value)[:30] for name, value in change.items()}):
                self.assertEqual(
                    self.insert((table, {**SOUND[table], **change})), state)

    def test_checks_refuse_the_same_twice(self):
        """Goal: keys: a position, number, id or address is there once."""
        for table, change in TWICE:
            with self.subTest(table=table, **change):
                self.assertEqual(self.insert(
                    (table, SOUND[table]),
                    (table, {**SOUND[table], **change})), UNIQUE)


if __name__ == "__main__":
    unittest.main()
