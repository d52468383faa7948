# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: trades between cities that wait for a key, that are let go, and that
go over a city which never comes back: three cities in a row, each with its
own network and PostgreSQL.

Where network namespaces cannot be made it skips.
"""

import hashlib
import sys
import unittest

import netns
import rpc
from cities import Cities
from node import wait_until

NAMES = ["barcelona", "boston", "lisbon"]
KEY = b"the key to this payment, 32 byte"
# Some seconds for a roster to be read, a hello, a question, an answer.
SOON_S = 40


def name_of(payment):
    return rpc.payment.PaymentState.Name(payment.state)[
        len("PAYMENT_STATE_"):]


class HeldTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cities = Cities(NAMES, links=list(zip(NAMES, NAMES[1:]))
                            ).__enter__()
        cls.addClassCleanup(cls.cities.__exit__)
        for city in cls.cities:
            operator = city.client("operator", "anna")
            for number in range(2):
                operator.open(f"m{number}@{city.name}", 100_000, 10 ** 9)
        cls.cities.wait_at_rest(60)

    def setUp(self):
        self.payer = self.cities["barcelona"].client("coop", "m0")
        self.payee = self.cities["lisbon"].client("coop", "m0")

    def hold(self, amount=700):
        """m0 of barcelona pays m0 of lisbon, who waits for the key."""
        made = rpc.new_id()
        fields = {"id": made, "payer": rpc.ref("m0@barcelona"),
                  "payee": "m0@lisbon", "amount_minor": amount,
                  "lock": hashlib.sha256(KEY).digest()}
        told = self.payer.Pay(**fields).payment
        self.assertEqual(name_of(told), "PENDING")
        self.assertEqual(told.lock, fields["lock"])
        wait_until(lambda: self.held(made), "the hold in lisbon", SOON_S)
        return made

    def held(self, made):
        try:
            return self.payee.GetPayment(id=made).payment
        except rpc.Refused as refused:
            if refused.reason in ("PAYMENT_UNKNOWN", "NOT_PERMITTED"):
                return None
            raise

    def ended(self, made):
        payment = self.payer.GetPayment(id=made).payment
        return payment if name_of(payment) != "PENDING" else None

    def refused(self, call, **fields):
        with self.assertRaises(rpc.Refused) as caught:
            call(**fields)
        return caught.exception.reason

    def test_1_key(self):
        """The key posts it, for the payee alone, and once."""
        made = self.hold()
        other = self.cities["lisbon"].client("coop", "m1")
        self.assertEqual(self.refused(other.SettlePayment, id=made, key=KEY),
                         "NOT_PERMITTED")
        for key in (b"", KEY[::-1]):
            self.assertEqual(self.refused(
                self.payee.SettlePayment, id=made, key=key), "KEY_WRONG")
        self.payee.SettlePayment(id=made, key=KEY)
        self.payee.SettlePayment(id=made, key=KEY)
        paid = wait_until(lambda: self.ended(made), "the end", SOON_S)
        self.assertEqual(name_of(paid), "POSTED")
        self.cities.wait_at_rest()
        # Long after it is forgotten, too.
        self.payee.SettlePayment(id=made, key=KEY)
        self.assertEqual(self.refused(
            self.payee.SettlePayment, id=made, key=KEY[::-1]), "KEY_WRONG")
        self.assertEqual(self.refused(
            self.payee.SettlePayment, id=rpc.new_id(), key=KEY),
            "PAYMENT_UNKNOWN")
        self.assertEqual(self.refused(self.payer.CancelPayment, id=made),
                         "PAYMENT_ENDED")

    def test_2_cancelled(self):
        """Who pays lets it go; then the key opens nothing."""
        made = self.hold()
        other = self.cities["barcelona"].client("coop", "m1")
        self.assertEqual(self.refused(other.CancelPayment, id=made),
                         "NOT_PERMITTED")
        self.assertTrue(self.payer.CancelPayment(id=made).released)
        gone = wait_until(lambda: self.ended(made), "the end", SOON_S)
        self.assertEqual((name_of(gone), gone.reason_name, gone.at_city),
                         ("REFUSED", "CANCELLED", "lisbon"))
        self.assertEqual(self.refused(
            self.payee.SettlePayment, id=made, key=KEY), "PAYMENT_ENDED")
        self.cities.wait_at_rest()

    def link(self, name):
        return self.cities[name].client("auditor", "health").GetLink(
            city="boston").link

    def mark_gone(self):
        """A roster says that boston never comes back."""
        self.cities.control("set-city", "boston", "--gone")
        for city in self.cities:
            self.cities.control("sign", "--key",
                                f"{city.authority.folder}/node.key")
        for name in ("barcelona", "lisbon"):
            self.cities[name].reload()

    def test_3_gone(self):
        """boston takes lisbon's decision and dies: barcelona asks lisbon; one
        that was not decided is let go. What is claimed is said."""
        before = self.link("barcelona").owed_minor
        way = self.cities.routes["barcelona"]
        settled, open_one = self.hold(600), self.hold(50)
        way.stall("up")
        try:
            self.payee.SettlePayment(id=settled, key=KEY)
            wait_until(lambda: self.cities["boston"].query(
                "select from clearing.payment where out_state = 4 and"
                " replace(id::text, '-', '') = %s", settled.hex()),
                "the Settle in boston", SOON_S)
            self.cities["boston"].kill()
            self.mark_gone()
            wait_until(lambda: self.link("barcelona").state ==
                       rpc.link.LINK_STATE_GONE, "the link's end", SOON_S)
        finally:
            # What boston sent may come now: nobody takes it any more.
            way.heal()
        paid = wait_until(lambda: self.ended(settled), "a proof", SOON_S)
        self.assertEqual(name_of(paid), "POSTED")
        self.assertNotEqual(self.payer.GetReceipt(id=settled).proof, b"")
        gone = wait_until(lambda: self.ended(open_one), "a Never", SOON_S)
        self.assertEqual((name_of(gone), gone.reason_name),
                         ("REFUSED", "CITY_GONE"))
        self.assertEqual(self.refused(
            self.payee.SettlePayment, id=open_one, key=KEY), "PAYMENT_ENDED")
        for name, estate in (("barcelona", -600), ("lisbon", 0)):
            with self.subTest(city=name):
                link = self.link(name)
                self.assertEqual(rpc.link.LinkState.Name(link.state),
                                 "LINK_STATE_GONE")
                self.assertEqual(link.estate_minor, estate)
                self.assertEqual(
                    (link.pending_in_minor, link.pending_out_minor), (0, 0))
                self.assertEqual(self.cities[name].client(
                    "auditor", "health").balance(link.account),
                    -link.owed_minor)
        self.assertEqual(self.link("barcelona").owed_minor, before - 600)
        # So it is after a restart, and by the books.
        for name in ("barcelona", "lisbon"):
            city = self.cities[name]
            city.catch_up()
            verified = city.verify()
            self.assertEqual(verified.status, 0, verified)
            self.assertEqual(city.database.invariants(), {})
            city.kill()
            city.launch()
            city.wait_serving()
            self.assertEqual(rpc.link.LinkState.Name(self.link(name).state),
                             "LINK_STATE_GONE")
        self.assertEqual(self.link("barcelona").estate_minor, -600)
        self.setUp()
        self.assertEqual(
            self.refused(self.payer.Pay, id=rpc.new_id(),
                         payer=rpc.ref("m0@barcelona"), payee="m0@lisbon",
                         amount_minor=1), "NO_ROUTE")


if __name__ == "__main__":
    try:
        with netns.Network(["probe"]):
            pass
    except netns.Unavailable as reason:
        netns.skip(reason)
    sys.exit(unittest.main())
