# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: the links of real nodes when something changes beside them: a
neighbour that was away, a newer roster."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from cities import LoopbackCities  # noqa: E402
from node import wait_until  # noqa: E402

NAMES = ["barcelona", "boston", "lisbon"]


class Links(unittest.TestCase):
    """Of barcelona, with boston and with lisbon."""

    @classmethod
    def setUpClass(cls):
        cls.cities = LoopbackCities(
            NAMES, links=[NAMES[:2], NAMES[::2]], line="500.00").__enter__()
        cls.addClassCleanup(cls.cities.__exit__)
        cls.city, cls.boston, cls.lisbon = cls.cities
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

    def sign(self):
        for city in self.cities:
            self.cities.control(
                "sign", "--key", f"{city.authority.folder}/node.key")

    def reload(self, *cities):
        for city in cities:
            city.reload()

    def test_links_newer_roster(self):
        """A connection to who is still there stays, that of an old place goes;
        a reload without anything new ends none."""
        self.cities.wait_at_rest(10)
        before = {name: self.said("city_connected", name) for name in NAMES}
        self.reload(self.city)
        host, _, port = self.lisbon.listen.rpartition(":")
        self.assertEqual(host, "127.0.0.1")
        self.cities.control("set-city", "lisbon", "--endpoint",
                            f"localhost:{port}")
        self.sign()
        self.reload(*self.cities)
        wait_until(lambda: self.said("city_connected", "lisbon")
                   > before["lisbon"], "a connection to lisbon's new place")
        self.cities.wait_at_rest(10)
        self.assertIn("roster_taken version=2", self.city.log_text())
        self.assertEqual(self.said("city_connected", "boston"),
                         before["boston"])


if __name__ == "__main__":
    unittest.main()
