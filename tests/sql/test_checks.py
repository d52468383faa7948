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
NONCE = "\\x" + "01" * 8

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
    "link": {"number": 1, "city": "d", "account": 6, "out_seq": 3,
             "out_head": HASH, "out_promised": 1, "out_settled": 2,
             "out_released": 3, "out_journal_seq": 4, "in_seq": 0,
             "in_head": HASH, "in_promised": 0, "in_settled": 0,
             "in_released": 0, "in_journal_seq": 0, "acknowledged": 3,
             "header_ack": 3, "journal_seq_seen": 0, "life": 1,
             "life_nonce": NONCE, "reconciled": 1,
             "reconciled_nonce": NONCE, "peer_life": 1,
             "peer_life_nonce": NONCE, "line": 0, "peer_line": MOST,
             "frozen_here": False, "frozen_there": False, "paused": False,
             "rewrite": False, "gone": False, "estate": 0},
    "link_life": {"link": 1, "own": True, "incarnation": 1, "nonce": NONCE,
                  "seq": 4},
    "link_batch": {"link": 1, "own": True, "first_seq": 1, "last_seq": 1024,
                   "withdrawn_seq": 0, "head": HASH, "promised": 0,
                   "settled": 0, "released": 0, "seq": 4, "batch": HASH},
    "payment": {"number": 1, "id": ID, "parent": None, "hold_id": None,
                "role": 2, "in_state": 2, "out_state": 3,
                "in_answered": False, "booked": False, "duplicate": False,
                "accepted": True, "open": True, "attempt": 0, "in_link": 1,
                "out_link": 2, "in_seq": 1, "out_seq": 1, "answer_seq": 0,
                "amount": 1, "decide_by": "2026-01-01Z",
                "started_at": "2026-01-01Z", "ended_at": None, "account": 0,
                "actor": 0, "reason": 0, "at_city": "", "payer": "a@b",
                "payee": "c@d", "path": "b x d", "reference": "",
                "key": "", "terms": "t", "proof": ""},
    "payment_request": {"id": ID, "payer": "a@b", "payee": "c@d",
                        "amount": 1, "purpose": "", "reference": "",
                        "expires_at": "2026-01-01Z", "ended": None,
                        "actor": 1, "seq": 4, "index": 0, "ended_seq": None},
    "link_change": {"seq": 1, "index": 0, "link": 1, "what": 111,
                    "command": 4, "line": 0, "actor": 1, "reason": "good",
                    "changed_at": "2026-01-01Z"},
    "federation": {"next_payment": 1, "roster_version": 0,
                   "roster_hash": HASH, "rejoin": 0},
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
    ("command", {"kind": 199}, ""),
    ("command", {"kind": 200}, CHECK),
    ("link", {"number": 0}, CHECK),
    ("link", {"city": ""}, CHECK),
    ("link", {"city": "d" * 33}, CHECK),
    ("link", {"account": 0}, CHECK),
    ("link", {"out_seq": -1, "acknowledged": -1}, CHECK),
    ("link", {"acknowledged": 4}, CHECK),
    ("link", {"out_head": "\\x01"}, CHECK),
    ("link", {"in_settled": -1}, CHECK),
    ("link", {"in_journal_seq": -1}, CHECK),
    ("link", {"life_nonce": HASH}, CHECK),
    ("link", {"line": -1}, CHECK),
    ("link", {"line": MOST}, ""),
    ("link", {"peer_line": MOST + 1}, CHECK),
    ("link", {"estate": 1}, CHECK),
    ("link", {"gone": True, "estate": -1}, ""),
    ("link_life", {"link": 0}, CHECK),
    ("link_life", {"nonce": HASH}, CHECK),
    ("link_life", {"seq": -1}, CHECK),
    ("link_batch", {"first_seq": 0, "last_seq": 0}, CHECK),
    ("link_batch", {"last_seq": 0}, CHECK),
    ("link_batch", {"last_seq": 1025}, CHECK),
    ("link_batch", {"withdrawn_seq": 5}, ""),
    ("link_batch", {"withdrawn_seq": 4}, CHECK),
    ("link_batch", {"withdrawn_seq": 5, "own": False}, CHECK),
    ("link_batch", {"batch": ""}, CHECK),
    ("link_batch", {"batch": "a" * ((1 << 18) + 1)}, CHECK),
    ("payment", {"role": 4}, CHECK),
    ("payment", {"amount": -1}, CHECK),
    ("payment", {"amount": MOST + 1}, CHECK),
    ("payment", {"role": 1}, CHECK),
    ("payment", {"role": 1, "in_link": 0, "in_seq": 0, "in_state": 0}, ""),
    ("payment", {"role": 3}, CHECK),
    ("payment", {"role": 3, "out_link": 0, "out_seq": 0, "out_state": 0},
     ""),
    ("payment", {"in_state": 3}, CHECK),
    ("payment", {"in_state": 0}, CHECK),
    ("payment", {"in_seq": 0}, CHECK),
    ("payment", {"out_state": 1}, CHECK),
    ("payment", {"out_state": 0}, CHECK),
    ("payment", {"out_seq": 0}, CHECK),
    ("payment", {"out_seq": 0, "out_state": 4}, ""),
    ("payment", {"out_link": 0, "out_seq": 0, "out_state": 5}, CHECK),
    ("payment", {"role": 1, "in_link": 0, "in_seq": 0, "in_state": 0,
                 "out_link": 0, "out_seq": 0, "out_state": 5}, ""),
    ("payment", {"in_state": 4}, CHECK),
    ("payment", {"in_state": 4, "in_answered": True}, ""),
    ("payment", {"in_state": 4, "in_answered": True, "answer_seq": 9}, ""),
    ("payment", {"in_answered": True, "answer_seq": 9}, CHECK),
    ("payment", {"key": HASH}, ""),
    ("payment", {"key": "\\x01"}, CHECK),
    ("payment", {"terms": ""}, CHECK),
    ("payment", {"terms": "a" * 833}, CHECK),
    ("payment", {"proof": "a" * 1201}, CHECK),
    ("payment", {"reference": "a" * 129}, CHECK),
    ("payment_request", {"amount": 0}, CHECK),
    ("payment_request", {"payer": ""}, CHECK),
    ("payment_request", {"purpose": "é" * 71}, CHECK),
    ("payment_request", {"reference": "a" * 129}, CHECK),
    ("payment_request", {"ended": 3}, CHECK),
    ("payment_request", {"ended_seq": 5}, CHECK),
    ("payment_request", {"ended": 3, "ended_seq": 5}, ""),
    ("payment_request", {"ended": 3, "ended_seq": 3}, CHECK),
    ("payment_request", {"ended": 1, "ended_seq": 5}, CHECK),
    ("payment_request", {"actor": None}, NOT_NULL),
    ("link_change", {"what": 101}, CHECK),
    ("link_change", {"link": None}, CHECK),
    ("link_change", {"command": None}, CHECK),
    ("link_change", {"command": 3}, CHECK),
    ("link_change", {"line": None}, CHECK),
    ("link_change", {"command": 5, "line": None}, ""),
    ("link_change", {"command": 5}, CHECK),
    ("link_change", {"actor": None}, CHECK),
    ("link_change", {"reason": ""}, CHECK),
    ("link_change", {"what": 109, "command": None, "line": None}, ""),
    ("link_change", {"what": 122, "command": None, "line": None}, ""),
    ("link_change", {"what": 122, "command": None, "line": None,
                     "actor": None}, CHECK),
    ("link_change", {"what": 117, "command": None, "line": None,
                     "actor": None, "reason": ""}, ""),
    ("link_change", {"what": 117, "command": None, "line": None}, CHECK),
    ("link_change", {"what": 100, "command": None, "line": None,
                     "actor": None, "reason": ""}, ""),
    ("link_change", {"what": 100, "command": None, "line": None,
                     "reason": ""}, CHECK),
    ("link_change", {"what": 113, "link": None, "command": None,
                     "line": None}, ""),
    ("link_change", {"what": 121, "link": None, "command": None,
                     "line": None, "actor": None, "reason": ""}, ""),
    ("link_change", {"what": 121, "command": None, "line": None,
                     "actor": None, "reason": ""}, CHECK),
    ("federation", {"one": False}, CHECK),
    ("federation", {"next_payment": 0}, CHECK),
    ("federation", {"roster_hash": "\\x01"}, CHECK),
    ("federation", {"rejoin": 3}, CHECK),
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
    ("link", {"city": "e", "account": 7}),
    ("link", {"number": 2, "account": 7}),
    ("link", {"number": 2, "city": "e"}),
    ("link_life", {"seq": 5}),
    ("link_batch", {"head": "\\x" + "02" * 32}),
    ("payment", {"id": ID.replace("1", "2")}),
    ("payment_request", {"index": 1}),
    ("payment_request", {"id": ID.replace("1", "2")}),
    ("link_change", {"actor": 2}),
    ("federation", {"next_payment": 2}),
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
