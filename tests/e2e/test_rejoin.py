# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: the rejoin drill. A city loses its database, an older backup (or
nothing at all) is put in its place, an operator lets it rejoin: it rebuilds
what it owes and is owed from its neighbours' signed logs before it takes
anything new, and pays on; the books of all cities are whole."""

import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import rpc  # noqa: E402
from deployed import Deployed  # noqa: E402
from node import wait_until  # noqa: E402

DONE, REFUSED, USAGE, _, IDENTITY, _, CONFLICT, FILE = range(8)
POSTED = rpc.payment.PAYMENT_STATE_POSTED


class Rejoin(Deployed):
    def begin(self, *cities):
        self.cities = cities
        self.up(*cities)
        for city in cities:
            for name in ("m1", "m2"):
                self.clearctl(city, "account", "open", f"{name}@{city}",
                              "--limit", "100", "--ceiling", "400")

    def up(self, *cities):
        """All cities run, and every link was compared."""
        self.ask("up", *cities)
        for city in self.cities:
            wait_until(lambda: self.is_joined(city), f"the links of {city}")

    def is_joined(self, city):
        with self.client(city) as client:
            links = client.ListLinks().links
        return len(links) == len(self.cities) - 1 and all(
            link.connected and link.caught_up for link in links)

    def pay(self, payer, payee, amount, payment_id=None):
        """Pays, from the payer's city; the payment as it ended."""
        with self.client(payer.partition("@")[2]) as client:
            return client.Pay(id=payment_id or rpc.new_id(),
                              payer=rpc.ref(payer), payee=payee,
                              amount_minor=amount, wait_ms=15000).payment

    def posted(self, payer, payee, amount):
        payment = self.pay(payer, payee, amount)
        self.assertEqual(payment.state, POSTED, payment)
        return payment

    def balance(self, address):
        city = address.partition("@")[2]
        document = self.clearctl(city, "balance", address)
        return document["balance_minor"]

    def positions(self):
        """{(a, b): what b owes a, as a has it}"""
        found = {}
        for city in self.cities:
            with self.client(city) as client:
                for link in client.ListLinks().links:
                    found[city, link.city] = link.owed_minor
        return found

    def take_backup(self, city):
        """Of a stopped database, as a folder."""
        self.ask("down", city)
        shutil.copytree(self.path(city, "pg"), self.path(city, "pg.backup"),
                        symlinks=True)
        self.up()

    def restore(self, city):
        """The newest is lost: what was copied stands in its place."""
        owner = os.stat(self.path(city, "pg"))
        shutil.rmtree(self.path(city, "pg"))
        os.rename(self.path(city, "pg.backup"), self.path(city, "pg"))
        if os.geteuid() != 0:
            return
        for folder, _, names in os.walk(self.path(city, "pg")):
            for name in [".", *names]:
                os.chown(os.path.join(folder, name), owner.st_uid,
                         owner.st_gid, follow_symlinks=False)

    def rejoin(self, city, *more, status=DONE, role="operator-admin"):
        return self.clearctl(city, "rejoin", "--config",
                             self.path(city, "clearing.conf"), *more,
                             role=role, status=status)

    def has_heard(self, city, neighbour):
        try:
            with self.client(city) as client:
                return client.GetLink(city=neighbour).link.caught_up
        except rpc.Refused as refused:
            self.assertEqual(refused.code, "UNAVAILABLE")
            return False

    def takes_commands(self, city):
        """Opens m9 there, once."""
        try:
            self.clearctl(city, "account", "open", f"m9@{city}", "--limit",
                          "100", "--ceiling", "400")
        except AssertionError:
            return False
        return True

    def check_books(self):
        """Positions mirror each other; every journal and table is sound."""
        positions = self.positions()
        for (a, b), owed in positions.items():
            self.assertEqual(owed, -positions[b, a], (a, b))
        for city in self.cities:
            result = self.verify(city)
            self.assertEqual(result.status, DONE, f"{city}: {result}")

    def refuses_to_start(self, city):
        """Behind what it acknowledged: status 6, and what to do."""
        self.ask("up", status=1)
        wait_until(lambda: "clearctl rejoin" in self.log(city),
                   f"{city} to say what to do")
        self.assertIn("status=6", self.log(city))

    def test_rejoin_from_an_older_backup(self):
        self.begin("barcelona", "boston", "lyon")
        self.posted("m1@lyon", "m1@boston", 500)
        self.take_backup("lyon")
        # All of this the backup does not know.
        self.posted("m1@lyon", "m1@boston", 300)
        self.posted("m2@boston", "m2@lyon", 70)
        last = self.posted("m2@lyon", "m1@barcelona", 11)
        before = self.positions()
        self.assertEqual(before["boston", "lyon"], 730)
        # The node runs: it is not to be rewound under its feet.
        self.assertEqual(self.rejoin("lyon", "--reason", "drill",
                                     status=CONFLICT)["error"]["reason"],
                         "NODE_RUNS")
        self.ask("down", "lyon")
        self.restore("lyon")
        self.refuses_to_start("lyon")
        self.assertEqual(self.rejoin("lyon", "--reason", "drill",
                                     role="gateway-market", status=IDENTITY)
                         ["error"]["reason"], "NOT_PERMITTED")
        self.rejoin("lyon", status=USAGE)
        # With one neighbour away it stays closed to its own coops.
        self.ask("down", "barcelona")
        said = self.rejoin("lyon", "--reason", "the disk died")
        self.assertGreater(said["forgotten_position"], 0)
        self.launch("lyon")
        wait_until(lambda: self.has_heard("lyon", "boston"),
                   "lyon to hear boston")
        with self.client("lyon") as client, \
                self.assertRaises(rpc.Refused) as refused:
            client.PostTransfers(transfers=[
                rpc.item("m1@lyon", "m2@lyon", 1)])
        self.assertEqual(refused.exception.reason, "REJOINING")
        self.assertEqual(self.balance("m1@lyon"), -800)
        self.up()
        self.assertEqual(self.positions(), before)
        self.assertEqual(self.balance("m2@lyon"), 70 - 11)
        # What it once said stays said: the same id, the same answer.
        with self.client("lyon") as client:
            again = client.GetPayment(id=last.id).payment
        self.assertEqual((again.state, again.amount_minor), (POSTED, 11))
        # And it pays on, in each direction.
        self.posted("m1@lyon", "m1@boston", 1)
        self.posted("m1@barcelona", "m2@lyon", 1)
        self.check_books()
        self.assertFalse(os.path.exists(self.path("lyon", "state/rejoin")))
        self.assertIn("rejoined", self.log("lyon"))

    def test_rejoin_with_an_empty_database(self):
        self.begin("boston", "lyon")
        self.posted("m1@lyon", "m1@boston", 500)
        self.posted("m2@boston", "m2@lyon", 70)
        before = self.positions()
        self.ask("down", "lyon")
        shutil.rmtree(self.path("lyon", "pg"))
        # Not a copy: another cluster has another identifier.
        self.cluster = {}
        self.refuses_to_start("lyon")
        said = self.rejoin("lyon", "--reason", "all disks died")
        self.assertFalse(said["ordered_already"])
        self.assertGreater(said["forgotten_position"], 0)
        # The same again is the same; other words are not taken for it.
        again = self.rejoin("lyon", "--reason", "all disks died")
        self.assertEqual(again, {**said, "ordered_already": True})
        for words in (("--reason", "a try"),
                      ("--reason", "all disks died", "--open-early")):
            refused = self.rejoin("lyon", *words, status=CONFLICT)["error"]
            self.assertEqual(refused["reason"], "REJOIN_ORDERED")
            self.assertIn('"all disks died"', refused["message"])
        self.up()
        self.assertEqual(self.positions(), before)
        # Whose accounts are gone is for the operator to find out.
        self.assertEqual(self.balance("city/recovered@lyon"), 70 - 500)
        self.clearctl("lyon", "account", "open", "m1@lyon", "--limit",
                      "100", "--ceiling", "400")
        self.posted("m1@lyon", "m1@boston", 1)
        self.posted("m1@boston", "m1@lyon", 2)
        self.check_books()
        self.assertEqual(self.log("lyon").count('reason="all disks died"'), 1)
        self.assertNotIn("a try", self.log("lyon"))
        # Once it is carried out there may be another; this one waits for
        # nobody.
        self.ask("down")
        said = self.rejoin("lyon", "--reason", "a drill", "--open-early")
        self.assertTrue(said["open_early"])
        self.launch("lyon")
        wait_until(lambda: self.takes_commands("lyon"),
                   "lyon to take commands without boston")


if __name__ == "__main__":
    unittest.main()
