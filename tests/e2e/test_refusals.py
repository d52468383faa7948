# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: every refusal over the wire, and each neighbouring pair of them.

A refusal is a set of fields that brings it about; two sets together must
give the lower number. Pairs that one request cannot have stand in APART,
with the reason; the next refusal that can be had takes the neighbour's place.
"""

import time
import unittest

import rpc
from node import CityTest
from rpc import common, item, new_id, ref

HIGHEST = 2 ** 53 - 1
DAY = 24 * 3600


def numbers(enum):
    return {name.split("_REFUSAL_")[1]: value
            for name, value in enum.items() if value}


TRANSFER = numbers(common.TransferRefusal)
HOLD = numbers(common.HoldRefusal)
ACCOUNT = numbers(common.AccountRefusal)

SHAPES = {"ID_MALFORMED", "ADDRESS_MALFORMED", "ADDRESS_OTHER_CITY",
          "AMOUNT_NOT_POSITIVE", "AMOUNT_TOO_LARGE", "REFERENCE_MALFORMED",
          "MEMO_INVALID", "SAME_ACCOUNT", "EXPIRY_PAST", "EXPIRY_TOO_FAR",
          "NAME_RESERVED", "LIMIT_OUT_OF_RANGE", "CEILING_OUT_OF_RANGE",
          "REASON_INVALID", "DISPLAY_NAME_INVALID"}


def code_of(name):
    if name in SHAPES:
        return "INVALID_ARGUMENT"
    if name.endswith("_UNKNOWN"):
        return "NOT_FOUND"
    if name == "ID_CONFLICT" or name.endswith("_TAKEN"):
        return "ALREADY_EXISTS"
    return "FAILED_PRECONDITION"


def pairs(names, compatible):
    """Each refusal with the next higher ones until one goes with it."""
    ordered = sorted(names, key=names.get)
    for index, first in enumerate(ordered):
        for second in ordered[index + 1:]:
            if compatible(first, second):
                yield first, second
                break


def merge(one, two):
    """Both sets of fields, or None when they want different things."""
    both = dict(one)
    for field, value in two.items():
        if field in both and both[field] != value:
            return None
        both[field] = value
    return both


class Refusals(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls.city.client("operator", "anna")
        cls.treasurer = cls.city.client("treasurer", "tess")
        cls.gateway = cls.city.client("gateway", "till")
        for name, limit, ceiling in (
                ("payer", 1000, 1000), ("payee", 1000, 100_000),
                ("full", 1000, 0), ("frozen-payer", 1000, 1000),
                ("frozen-payee", 1000, 1000), ("closed", 0, 0),
                ("closed-too", 0, 0), ("whale", HIGHEST, HIGHEST),
                ("whale-too", HIGHEST, HIGHEST), ("plain", 1000, 1000),
                ("busy", 1000, 1000), ("holding", 1000, 1000),
                ("taken", 0, 0), ("low-whale", HIGHEST, HIGHEST)):
            cls.operator.open(f"{name}@barcelona", limit, ceiling)
        for name in ("frozen-payer", "frozen-payee"):
            cls.operator.FreezeAccount(id=new_id(), reason="a dispute",
                                       account=ref(f"{name}@barcelona"))
        for name in ("closed", "closed-too"):
            cls.operator.CloseAccount(id=new_id(), reason="gone",
                                      account=ref(f"{name}@barcelona"))
        cls.known = new_id()
        answer = cls.gateway.post(
            item("payer@barcelona", "payee@barcelona", 1, id=cls.known),
            item("busy@barcelona", "payee@barcelona", 1),
            # Totals near the end of the range: there, back, and there.
            item("whale@barcelona", "whale-too@barcelona", HIGHEST),
            item("whale-too@barcelona", "whale@barcelona", HIGHEST))
        assert rpc.outcomes(answer) == [None] * 4, answer
        cls.holds = {}
        for name in ("open", "posted", "voided", "brief", "other"):
            cls.holds[name] = new_id()
            cls.gateway.PlaceHold(
                id=cls.holds[name], debit=ref("holding@barcelona"),
                credit=ref("payee@barcelona"), amount_minor=10,
                expires_at_us=cls.city.soon_us(2 if name == "brief"
                                               else 3600))
        cls.gateway.PostHold(id=new_id(), hold_id=cls.holds["posted"],
                             amount_minor=10)
        cls.gateway.VoidHold(id=new_id(), hold_id=cls.holds["voided"])
        cls.brief_is_over = time.time() + 3

    # What each family shares: how ids, sides and amounts go wrong.

    def of_id(self):
        return {
            "ID_MALFORMED": {"id": b"short"},
            "ID_TOO_OLD": {"id": new_id(time.time() - DAY - 60)},
            "ID_IN_FUTURE": {"id": new_id(time.time() + 120)},
            "ID_CONFLICT": {"id": self.known},
        }

    def of_entry(self):
        return {
            **self.of_id(),
            "ADDRESS_MALFORMED": {"debit": ref("No Address")},
            "ADDRESS_OTHER_CITY": {"debit": ref("payer@lyon")},
            "AMOUNT_NOT_POSITIVE": {"amount_minor": 0},
            "AMOUNT_TOO_LARGE": {"amount_minor": HIGHEST + 1},
            "KIND_UNKNOWN": {"kind": 99},
            "REFERENCE_MALFORMED": {"reference": b"five5"},
            "MEMO_INVALID": {"memo": "two\nlines"},
            "SAME_ACCOUNT": {"debit": ref("plain@barcelona"),
                             "credit": ref("plain@barcelona")},
            "DEBIT_ACCOUNT_UNKNOWN": {"debit": ref("nobody@barcelona")},
            "CREDIT_ACCOUNT_UNKNOWN": {"credit": ref(999_999)},
            "DEBIT_ACCOUNT_CLOSED": {"debit": ref("closed@barcelona")},
            "CREDIT_ACCOUNT_CLOSED": {"credit": ref("closed-too@barcelona")},
            "DEBIT_ACCOUNT_FROZEN": {"debit": ref("frozen-payer@barcelona")},
            "CREDIT_ACCOUNT_FROZEN": {
                "credit": ref("frozen-payee@barcelona")},
            "OVER_LIMIT": {"amount_minor": 50_000},
            "OVER_CEILING": {"credit": ref("full@barcelona")},
            "TOTAL_TOO_LARGE": {"debit": ref("whale@barcelona"),
                                "amount_minor": 2},
        }

    def found(self, ask):
        """The name of the refusal that `ask` meets; checks code and text."""
        with self.assertRaises(rpc.Refused) as caught:
            ask()
        refused = caught.exception
        self.assertEqual(refused.code, code_of(refused.reason), str(refused))
        self.assertGreater(len(refused.text), 10)
        return refused.reason

    def family(self, names, causes, ask, left_out=()):
        """Each alone, then each neighbouring pair, and nothing journaled."""
        self.assertEqual(set(causes) | set(left_out), set(names))
        head = self.city.head()
        for name, fields in causes.items():
            with self.subTest(refusal=name):
                self.assertEqual(ask(fields), name)
        count = 0
        for first, second in pairs(
                {name: names[name] for name in causes},
                lambda a, b: merge(causes[a], causes[b]) is not None):
            with self.subTest(first=first, second=second):
                self.assertEqual(
                    ask(merge(causes[first], causes[second])), first)
                count += 1
        self.assertGreaterEqual(count, len(causes) // 2)
        self.assertEqual(self.city.head(), head, "a refusal was journaled")

    def post(self, fields, **more):
        base = {"id": new_id(), "debit": ref("payer@barcelona"),
                "credit": ref("payee@barcelona"), "amount_minor": 5}
        return rpc.transfer.TransferItem(**{**base, **fields, **more})

    def test_refusals_transfer(self):
        """Each refusal of a transfer, and each before its neighbour."""
        def ask(fields):
            result = self.gateway.post(self.post(fields)).results[0]
            self.assertGreater(len(result.message), 10)
            self.assertEqual(result.retry, rpc.refusal_name(
                result.refusal) in (
                    "LINKED_FAILED", "ID_IN_FUTURE", "DEBIT_ACCOUNT_FROZEN",
                    "CREDIT_ACCOUNT_FROZEN", "OVER_LIMIT", "OVER_CEILING"))
            self.assertEqual((result.number, result.position), (0, 0))
            return rpc.refusal_name(result.refusal)
        causes = {"LINKED_OPEN": {"linked": True}, **self.of_entry()}
        self.family(TRANSFER, causes, ask, left_out={"LINKED_FAILED"})

    def test_refusals_transfer_linked_failed(self):
        """The first that fails says why, the others LINKED_FAILED."""
        bad = {"amount_minor": 0}
        for items, expected in (
                ([self.post({}, linked=True), self.post(bad)],
                 ["LINKED_FAILED", "AMOUNT_NOT_POSITIVE"]),
                ([self.post(bad, linked=True), self.post({})],
                 ["AMOUNT_NOT_POSITIVE", "LINKED_FAILED"]),
                # Fails itself as well: only the first says so.
                ([self.post(bad, linked=True),
                  self.post({"id": b"short"})],
                 ["AMOUNT_NOT_POSITIVE", "LINKED_FAILED"]),
                # Open at the end, and an item that fails: open wins.
                ([self.post(bad, linked=True), self.post({}, linked=True)],
                 ["LINKED_FAILED", "LINKED_OPEN"])):
            with self.subTest(expected=expected):
                self.assertEqual(rpc.outcomes(self.gateway.post(*items)),
                                 expected)

    def test_refusals_place_hold(self):
        """Each refusal of placing a hold, and each before its neighbour."""
        def ask(fields):
            base = {"id": new_id(), "debit": ref("payer@barcelona"),
                    "credit": ref("payee@barcelona"), "amount_minor": 5,
                    "expires_at_us": self.city.soon_us(3600)}
            return self.found(
                lambda: self.gateway.PlaceHold(**{**base, **fields}))
        causes = {
            **self.of_entry(),
            "EXPIRY_PAST": {"expires_at_us": self.city.soon_us(-5)},
            "EXPIRY_TOO_FAR": {"expires_at_us": self.city.soon_us(367 * DAY)},
        }
        self.family(HOLD, causes, ask, left_out={
            "HOLD_UNKNOWN", "HOLD_POSTED", "HOLD_VOIDED", "HOLD_EXPIRED",
            "AMOUNT_OVER_HOLD",
            # Takes as many holds as the node has room for, or a second city:
            # unit tests.
            "TOO_MANY_HOLDS", "PAYMENT_PENDING"} & set(HOLD))

    def ended(self):
        time.sleep(max(0, self.brief_is_over - time.time()))
        return {
            "HOLD_UNKNOWN": {"hold_id": new_id()},
            "HOLD_POSTED": {"hold_id": self.holds["posted"]},
            "HOLD_VOIDED": {"hold_id": self.holds["voided"]},
            "HOLD_EXPIRED": {"hold_id": self.holds["brief"]},
        }

    def test_refusals_post_hold(self):
        """Each refusal of posting a hold, and each before its neighbour."""
        def ask(fields):
            base = {"id": new_id(), "hold_id": self.holds["open"],
                    "amount_minor": 5}
            return self.found(
                lambda: self.gateway.PostHold(**{**base, **fields}))
        causes = {
            **self.of_id(), **self.ended(),
            "AMOUNT_NOT_POSITIVE": {"amount_minor": -1},
            "AMOUNT_TOO_LARGE": {"amount_minor": HIGHEST + 1},
            "AMOUNT_OVER_HOLD": {"amount_minor": 11},
        }
        self.family(HOLD, causes, ask, left_out=set(HOLD) - set(causes))

    def test_refusals_void_hold(self):
        """Each refusal of voiding a hold, and each before its neighbour."""
        def ask(fields):
            base = {"id": new_id(), "hold_id": self.holds["open"]}
            return self.found(
                lambda: self.gateway.VoidHold(**{**base, **fields}))
        causes = {**self.of_id(), **self.ended()}
        self.family(HOLD, causes, ask, left_out=set(HOLD) - set(causes))

    def test_refusals_open_account(self):
        """Each refusal of opening an account, and each before its neighbour.
        """
        def ask(fields):
            base = {"id": new_id(), "address": "fresh@barcelona",
                    "credit_limit_minor": 0, "balance_ceiling_minor": 0}
            return self.found(
                lambda: self.operator.OpenAccount(**{**base, **fields}))
        causes = {
            **self.of_id(),
            "ADDRESS_MALFORMED": {"address": "Fresh@barcelona"},
            "ADDRESS_OTHER_CITY": {"address": "fresh@lyon"},
            "NAME_RESERVED": {"address": "link/lyon@barcelona"},
            "LIMIT_OUT_OF_RANGE": {"credit_limit_minor": -1},
            "CEILING_OUT_OF_RANGE": {"balance_ceiling_minor": HIGHEST + 1},
            "DISPLAY_NAME_INVALID": {"display_name": "x" * 81},
            "ADDRESS_TAKEN": {"address": "taken@barcelona"},
        }
        self.family(ACCOUNT, causes, ask, left_out=set(ACCOUNT) - set(causes))
        # An address is never used again, closed or not.
        self.assertEqual(ask({"address": "closed@barcelona"}),
                         "ADDRESS_TAKEN")
        self.assertEqual(ask({"address": "city/x@barcelona"}),
                         "NAME_RESERVED")

    def of_account(self):
        return {
            **self.of_id(),
            "ADDRESS_MALFORMED": {"account": ref("No Address")},
            "ADDRESS_OTHER_CITY": {"account": ref("payer@lyon")},
            "REASON_INVALID": {"reason": ""},
            "ACCOUNT_UNKNOWN": {"account": ref("nobody@barcelona")},
            "ACCOUNT_CLOSED": {"account": ref("closed@barcelona")},
        }

    def account_family(self, causes, call, **defaults):
        def ask(fields):
            base = {"id": new_id(), "account": ref("plain@barcelona"),
                    "reason": "asked for", **defaults}
            return self.found(lambda: call(**{**base, **fields}))
        self.family(ACCOUNT, {**self.of_account(), **causes}, ask,
                    left_out=set(ACCOUNT))

    def test_refusals_set_limits(self):
        self.account_family({
            "LIMIT_OUT_OF_RANGE": {"credit_limit_minor": HIGHEST + 1},
            "CEILING_OUT_OF_RANGE": {"balance_ceiling_minor": -1},
        }, self.treasurer.SetAccountLimits, credit_limit_minor=1000,
            balance_ceiling_minor=1000)

    def test_refusals_freeze(self):
        self.account_family(
            {"ALREADY_FROZEN": {"account": ref("frozen-payer@barcelona")}},
            self.operator.FreezeAccount)

    def test_refusals_unfreeze(self):
        self.account_family(
            {"NOT_FROZEN": {"account": ref("plain@barcelona")}},
            self.operator.UnfreezeAccount)

    def test_refusals_close(self):
        """A balance comes before holds; both before closing."""
        self.account_family(
            {"BALANCE_NOT_ZERO": {"account": ref("busy@barcelona")}},
            self.operator.CloseAccount)
        held = new_id()
        self.operator.open("one@barcelona", 100, 100)
        self.gateway.PlaceHold(
            id=held, debit=ref("one@barcelona"), amount_minor=1,
            credit=ref("payee@barcelona"),
            expires_at_us=self.city.soon_us(3600))

        def close(address):
            return self.found(lambda: self.operator.CloseAccount(
                id=new_id(), account=ref(address), reason="leaves"))
        self.assertEqual(close("one@barcelona"), "HOLDS_OPEN")
        # Holds open and a balance: the balance is named.
        self.assertEqual(close("holding@barcelona"), "BALANCE_NOT_ZERO")

    def test_refusals_too_many_accounts(self):
        """Accounts are bounded by limits.accounts_max."""
        with self.another_city(limits={"accounts_max": 100}) as city:
            operator = city.client("operator", "anna")
            for number in range(98):  # and the two of the city
                operator.open(f"m{number}@barcelona")
            self.refused(lambda: operator.open("m98@barcelona"),
                         "TOO_MANY_ACCOUNTS", "FAILED_PRECONDITION")
            # ADDRESS_TAKEN has the lower number.
            self.refused(lambda: operator.open("m2@barcelona"),
                         "ADDRESS_TAKEN")


if __name__ == "__main__":
    unittest.main()
