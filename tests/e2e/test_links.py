# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: the links of real nodes when something changes beside them: a
neighbour that was away, a newer roster, a node's key that was revoked before
the node had another one."""

import os
import shutil
import sys
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
import rpc  # noqa: E402
from cities import LoopbackCities  # noqa: E402
from node import program, run, wait_until  # noqa: E402

NAMES = ["barcelona", "boston", "lisbon"]
BAKERY, INN = "bakery@barcelona", "inn@boston"
DONE, REFUSED = 0, 1


class Links(unittest.TestCase):
    """Of barcelona, with boston and with lisbon."""

    @classmethod
    def setUpClass(cls):
        cls.cities = LoopbackCities(
            NAMES, links=[NAMES[:2], NAMES[::2]], line="500.00").__enter__()
        cls.addClassCleanup(cls.cities.__exit__)
        cls.city, cls.boston, cls.lisbon = cls.cities
        for city, coop in ((cls.city, BAKERY), (cls.boston, INN)):
            city.client("operator", "anna").open(coop, 10_000, 40_000)
        cls.cities.wait_at_rest(60)

    def tearDown(self):
        for city in self.cities:
            self.assertIsNone(city.process.poll(), city.log_text()[-3000:])

    def said(self, event, city):
        return self.city.log_text().count(f"{event} city={city}")

    def link(self, city):
        return self.city.clearctl("link", "show", city,
                                  "--json").document["link"]

    # ---- a neighbour that was away

    def wait_for_pause(self, city, seconds):
        """Until two attempts at `city` failed that long one after another:
        the next pause is twice as long."""
        seen, at = self.said("city_disconnected", city), time.monotonic()

        def paused():
            nonlocal seen, at
            count, now = self.said("city_disconnected",
                                   city), time.monotonic()
            if count == seen:
                return False
            pause, seen, at = now - at, count, now
            return pause >= seconds
        wait_until(paused, f"a pause of {seconds} s", 60)

    def test_links_neighbour_comes_back(self):
        """It came here: it is not waited for any longer (6 s at least)."""
        self.boston.stop()
        self.wait_for_pause("boston", 2.5)
        self.boston.start()
        wait_until(lambda: self.link("boston")["connected"],
                   "a connection to boston", 3)
        self.cities.wait_at_rest(10)

    # ---- a newer roster

    def sign(self, *more):
        for key in (*(f"{city.authority.folder}/node.key"
                      for city in self.cities), *more):
            self.cities.control("sign", "--key", key)

    def reload(self, *cities):
        for city in cities:
            city.reload()

    def test_links_newer_roster(self):
        """A connection to who is still there stays, that of an old place goes;
        a reload without anything new ends none."""
        self.cities.wait_at_rest(10)
        before = {name: self.said("city_connected", name) for name in NAMES}
        self.reload(self.city)
        # A connection that this had ended would come back by itself.
        wait_until(lambda: self.link("lisbon")["connected"],
                   "lisbon connected")
        for name in NAMES:
            self.assertEqual(self.said("city_connected", name), before[name])
        host, _, port = self.lisbon.listen.rpartition(":")
        self.assertEqual(host, "127.0.0.1")
        self.cities.control("set-city", "lisbon", "--endpoint",
                            f"localhost:{port}")
        self.sign()
        self.reload(*self.cities)
        wait_until(lambda: self.said("city_connected", "lisbon")
                   > before["lisbon"], "a connection to lisbon's new place")
        self.cities.wait_at_rest(10)
        self.assertIn(f"roster_taken version={self.version()}",
                      self.city.log_text())
        self.assertEqual(self.said("city_connected", "boston"),
                         before["boston"])

    def test_links_roster_with_broken_credentials(self):
        """A reload that is refused takes no roster: what the links look at
        stays, twice over, and the next sound reload takes the newest."""
        self.cities.wait_at_rest(10)
        taken = self.city.log_text().count("roster_taken")
        certificate = f"{self.city.tls}/node.crt"
        sound = shutil.copy(certificate, f"{self.cities.folder}/sound.crt")
        with open(certificate, "w", encoding="ascii") as opened:
            opened.write("no certificate\n")
        self.addCleanup(shutil.copy, sound, certificate)
        for place in ("somewhere", "elsewhere"):
            self.cities.control("set-city", "lisbon", "--place", place)
            self.sign()
            self.reload(self.city)
            self.assertEqual(self.pay(10, 10_000).state,
                             rpc.payment.PAYMENT_STATE_POSTED)
        self.assertEqual(self.city.log_text().count("roster_taken"), taken)
        self.assertEqual(self.city.log_text().count("reload_refused"), 2)
        shutil.copy(sound, certificate)
        self.reload(*self.cities)
        self.assertIn(f"roster_taken version={self.version()}",
                      self.city.log_text())
        self.cities.wait_at_rest(10)

    # ---- a key that was revoked too early

    def replace_key(self, name):
        """The rosters in which barcelona's key is another, and then the old
        one revoked, which barcelona does not have yet; and the new key."""
        fresh = f"{self.cities.folder}/{name}.key"
        made = run(program("clearctl"), "keygen", "--out", fresh, "--json")
        shown = run(program("clearctl"), "federation", "show",
                    self.cities.roster, "--json").document
        former, = (key["key_id"] for key in shown["cities"][0]["keys"]
                   if key["state"] == "current")
        self.cities.control("set-key", "barcelona", "--node-key",
                            made.document["public_key"])
        self.sign()
        first = shutil.copy(self.cities.roster,
                            f"{self.cities.folder}/{name}.first")
        self.reload(self.boston, self.lisbon)
        self.cities.control("set-key", "barcelona", "--revoke", former)
        for key in (fresh, *(f"{city.authority.folder}/node.key"
                             for city in (self.boston, self.lisbon))):
            self.cities.control("sign", "--key", key)
        second = shutil.copy(self.cities.roster,
                             f"{self.cities.folder}/{name}.second")
        self.reload(self.boston, self.lisbon)
        return (first, second), fresh

    def take(self, rosters, key):
        """Barcelona has them, too."""
        shutil.copy(key, f"{self.city.authority.folder}/node.key")
        for roster in rosters:
            shutil.copy(roster, self.cities.roster)
            self.reload(self.city)
        self.assertIn(f"roster_taken version={self.version()}",
                      self.city.log_text())

    def version(self):
        return run(program("clearctl"), "federation", "show",
                   self.cities.roster, "--json").document["version"]

    def pay(self, amount, wait_ms=0):
        return self.city.client("gateway", "till").Pay(
            id=rpc.new_id(), payer=rpc.ref(BAKERY), payee=INN,
            amount_minor=amount, wait_ms=wait_ms).payment

    def account(self, address):
        name = address.partition("@")[2]
        return self.cities[name].clearctl(
            "account", "show", address, "--json").document["account"]

    def wait_for(self, state):
        wait_until(lambda: self.link("boston")["state"] == state,
                   f"the link with boston {state}")

    def withdraw(self, status, city, *more):
        said = self.city.clearctl("link", "withdraw", city, "--reason",
                                  "the key was revoked", *more, "--json")
        self.assertEqual(said.status, status, said)
        return said.document.get("error", {}).get("reason")

    def wedge(self, name):
        """A payment of 300 that boston does not take: the rosters, the key
        and the payment."""
        rosters, key = self.replace_key(name)
        payment = self.pay(300)
        self.wait_for("STOPPED")
        self.assertEqual(self.account(BAKERY)["debits_pending_minor"], 300)
        return rosters, key, payment

    def state_of(self, payment):
        return self.city.client("gateway", "till").GetPayment(
            id=payment.id).payment.state

    def test_links_key_signed_again(self):
        """What the revoked key signed goes out again under the new one (rule
        PEER-43)."""
        rosters, key, payment = self.wedge("stolen")
        self.take(rosters, key)
        self.city.clearctl("link", "reconcile", "boston")
        self.wait_for("RECONCILED")
        self.cities.wait_at_rest(20)
        self.assertEqual(self.state_of(payment),
                         rpc.payment.PAYMENT_STATE_POSTED)
        self.city.clearctl("receipt", "save", str(uuid.UUID(
            bytes=payment.id)), "--out", f"{self.cities.folder}/receipt")
        said = self.city.clearctl(
            "receipt", "verify", f"{self.cities.folder}/receipt", "--roster",
            self.cities.roster)
        self.assertEqual(said.status, DONE, said)

    def test_links_withdraw(self):
        """What a neighbour refuses for good is taken back, and all goes on
        (rule PEER-23)."""
        before = {address: self.account(address)["balance_minor"]
                  for address in (BAKERY, INN)}
        rosters, key, payment = self.wedge("lost")
        self.assertEqual(self.withdraw(REFUSED, "boston"), "NOT_CONFIRMED")
        self.assertEqual(self.withdraw(REFUSED, "lisbon", "--confirmed"),
                         "NOT_STOPPED")
        self.assertIsNone(self.withdraw(DONE, "boston", "--confirmed"))
        self.take(rosters, key)
        self.wait_for("RECONCILED")
        self.cities.wait_at_rest(20)
        self.assertEqual(self.state_of(payment),
                         rpc.payment.PAYMENT_STATE_REFUSED)
        self.assertEqual(self.account(BAKERY)["debits_pending_minor"], 0)
        self.assertEqual(self.pay(20, 10_000).state,
                         rpc.payment.PAYMENT_STATE_POSTED)
        self.cities.wait_at_rest(20)
        for address, change in ((BAKERY, -20), (INN, 20)):
            self.assertEqual(self.account(address)["balance_minor"],
                             before[address] + change)
        for city in self.cities:
            said = city.verify()
            self.assertEqual(said.status, DONE, f"{city.name}: {said}")


if __name__ == "__main__":
    unittest.main()
