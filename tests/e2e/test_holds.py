# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: a hold reserves on both sides, ends once, and what was promised is
kept."""

import unittest

import rpc
from node import CityTest, wait_until
from rpc import item, new_id, ref

OPEN, POSTED, VOIDED, EXPIRED = 1, 2, 3, 4


class Holds(CityTest):
    def setUp(self):
        """Two fresh accounts a test."""
        self.operator = self.city.client("operator", "anna")
        self.treasurer = self.city.client("treasurer", "tess")
        self.gateway = self.city.client("gateway", "till")
        tail = self.id().split("_holds_")[1].replace("_", "-")[:18]
        self.buyer = f"b-{tail}@barcelona"
        self.seller = f"s-{tail}@barcelona"
        self.operator.open(self.buyer, 100, 100)
        self.operator.open(self.seller, 100, 100)

    def place(self, amount, seconds=3600, **fields):
        held = fields.pop("id", None) or new_id()
        self.gateway.PlaceHold(
            id=held, debit=ref(self.buyer), credit=ref(self.seller),
            amount_minor=amount, expires_at_us=self.city.soon_us(seconds),
            **fields)
        return held

    def account(self, address):
        return self.gateway.GetAccount(account=ref(address)).account

    def hold(self, held):
        self.city.catch_up()
        return self.gateway.GetHold(id=held, min_position=self.city.head()
                                    ).hold

    def test_holds_reserve(self):
        """Pending debits use the limit; pending credits never free it."""
        held = self.place(60)
        buyer, seller = self.account(self.buyer), self.account(self.seller)
        self.assertEqual(
            (buyer.balance_minor, buyer.debits_pending_minor,
             buyer.holds_open), (0, 60, 1))
        self.assertEqual((seller.balance_minor, seller.credits_pending_minor),
                         (0, 60))
        balance = self.gateway.GetBalance(account=ref(self.buyer))
        self.assertEqual((balance.available_minor, balance.receivable_minor),
                         (40, 100))
        balance = self.gateway.GetBalance(account=ref(self.seller))
        self.assertEqual((balance.available_minor, balance.receivable_minor),
                         (100, 40))
        self.assertEqual(rpc.outcomes(self.gateway.post(
            item(self.buyer, self.seller, 41))), ["OVER_LIMIT"])
        self.assertEqual(self.hold(held).state, OPEN)

    def test_holds_post_in_part(self):
        """The rest is released; a hold is posted once."""
        held = self.place(60, memo="chairs", reference=new_id())
        answer = self.gateway.PostHold(id=new_id(), hold_id=held,
                                       amount_minor=25)
        buyer = self.account(self.buyer)
        self.assertEqual(
            (buyer.balance_minor, buyer.debits_pending_minor,
             buyer.holds_open), (-25, 0, 0))
        self.assertEqual(self.account(self.seller).balance_minor, 25)
        found = self.hold(held)
        self.assertEqual((found.state, found.posted_amount_minor,
                          found.amount_minor, found.memo),
                         (POSTED, 25, 60, "chairs"))
        entries = self.gateway.ListEntries(
            account=ref(self.buyer), min_position=answer.position).entries
        self.assertEqual([(entry.number, entry.hold_id, entry.amount_minor)
                          for entry in entries],
                         [(answer.number, held, 25)])
        self.refused(lambda: self.gateway.PostHold(
            id=new_id(), hold_id=held, amount_minor=1), "HOLD_POSTED")

    def test_holds_void(self):
        held = self.place(60)
        self.gateway.VoidHold(id=new_id(), hold_id=held)
        self.assertEqual(self.account(self.buyer).debits_pending_minor, 0)
        self.assertEqual(self.hold(held).state, VOIDED)

    def test_holds_commands_are_idempotent(self):
        """The same post again: the recorded answer, not HOLD_POSTED."""
        held = self.place(60)
        same = {"id": new_id(), "hold_id": held, "amount_minor": 10}
        first = self.gateway.PostHold(**same)
        self.assertEqual(self.gateway.PostHold(**same), first)
        place = {"id": new_id(), "debit": ref(self.buyer),
                 "credit": ref(self.seller), "amount_minor": 5,
                 "expires_at_us": self.city.soon_us(60)}
        self.assertEqual(self.gateway.PlaceHold(**place),
                         self.gateway.PlaceHold(**place))
        void = {"id": new_id(), "hold_id": place["id"]}
        self.assertEqual(self.gateway.VoidHold(**void),
                         self.gateway.VoidHold(**void))
        # The hold has ended; placing it again is still the same answer.
        self.gateway.PlaceHold(**place)
        self.assertEqual(self.account(self.buyer).holds_open, 0)

    def test_holds_expire(self):
        """At its time it is over, is journaled so, and frees both sides."""
        held = self.place(60, seconds=2)
        wait_until(lambda: self.account(self.buyer).debits_pending_minor == 0,
                   "the hold has expired", 10)
        self.assertEqual(self.hold(held).state, EXPIRED)
        self.refused(lambda: self.gateway.PostHold(
            id=new_id(), hold_id=held, amount_minor=1), "HOLD_EXPIRED")
        events = [event for _, block in self.city.blocks()
                  for event in block.events
                  if event.WhichOneof("event") == "hold_expired"]
        self.assertIn(held, [event.hold_expired.hold_id for event in events])

    def test_holds_are_kept(self):
        """Neither freeze nor a lower limit stops what was promised."""
        first, second = self.place(40), self.place(30)
        for address in (self.buyer, self.seller):
            self.treasurer.SetAccountLimits(
                id=new_id(), account=ref(address), credit_limit_minor=0,
                balance_ceiling_minor=0, reason="a bad year")
            self.operator.FreezeAccount(id=new_id(), account=ref(address),
                                        reason="a dispute")
        self.refused(lambda: self.place(1), "DEBIT_ACCOUNT_FROZEN")
        self.gateway.PostHold(id=new_id(), hold_id=first, amount_minor=40)
        self.gateway.VoidHold(id=new_id(), hold_id=second)
        self.assertEqual(self.account(self.buyer).balance_minor, -40)

    def test_holds_survive_a_kill(self):
        """After kill -9 an open hold is open, and an overdue one expires."""
        kept, brief = self.place(40), self.place(30, seconds=2)
        self.city.kill()
        self.city.start()
        self.gateway = self.city.client("gateway", "till")
        wait_until(lambda: self.account(self.buyer).debits_pending_minor
                   == 40, "only the brief one is over", 10)
        self.gateway.PostHold(id=new_id(), hold_id=kept, amount_minor=40)
        self.assertEqual(self.account(self.buyer).balance_minor, -40)
        self.assertEqual(self.hold(brief).state, EXPIRED)

    def test_holds_list(self):
        """By account and by state, in the order they were placed."""
        held = [self.place(5) for _ in range(4)]
        self.gateway.VoidHold(id=new_id(), hold_id=held[1])
        answer = self.gateway.PostHold(id=new_id(), hold_id=held[2],
                                       amount_minor=5)

        def listed(**fields):
            return [one.id for one in self.gateway.ListHolds(
                account=ref(self.seller), min_position=answer.position,
                **fields).holds]
        self.assertEqual(listed(), held)
        self.assertEqual(listed(state=OPEN), [held[0], held[3]])
        self.assertEqual(listed(state=VOIDED), [held[1]])
        self.assertEqual(listed(state=POSTED), [held[2]])


if __name__ == "__main__":
    unittest.main()
