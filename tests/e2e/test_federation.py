# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: a federation's roster as its founders make it, and as nodes take it
or refuse it."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from deployed import Deployed  # noqa: E402
from node import BUILD, SOURCE, City, program, run, wait_until  # noqa: E402

EXIT_CONFIGURATION = 2
CITIES = ("barcelona", "boston", "lisbon")
DONE, REFUSED, USAGE, _, _, NOT_FOUND, CONFLICT, FILE = range(8)


class Federation:
    """A folder with a roster file and its founders' keys."""

    def __init__(self, test):
        self.test = test
        self.folder = tempfile.mkdtemp(prefix="clearing-federation-")
        test.addCleanup(shutil.rmtree, self.folder)
        self.roster = self.path("roster")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=a CA",
             "-keyout", self.path("ca.key"), "-out", self.path("ca.crt")],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.folder, name)

    def control(self, status, *words):
        result = run(program("clearctl"), *words, "--json")
        self.test.assertEqual(result.status, status,
                              f"clearctl {' '.join(words)}: {result}")
        return result.document

    def refusal(self, status, *words):
        return self.control(status, *words)["error"]["reason"]

    def key(self, name):
        """Makes the key NAME.key; its public half."""
        return self.control(DONE, "keygen", "--out",
                            self.path(f"{name}.key"))["public_key"]

    def begin(self, *founders, name="commons"):
        self.control(DONE, "federation", "init", self.roster, "--federation",
                     name, "--founders", ",".join(founders))

    def add_city(self, city, status=DONE, **options):
        given = {"node-key": None, "ca": self.path("ca.crt"),
                 "endpoint": "127.0.0.1:7440", **options}
        given["node-key"] = given["node-key"] or self.key(city)
        words = [word for name, value in given.items()
                 for word in (f"--{name}", value)]
        return self.control(status, "federation", "add-city", self.roster,
                            city, *words)

    def sign(self, *names, status=DONE):
        for name in names:
            said = self.control(status, "federation", "sign", self.roster,
                                "--key", self.path(f"{name}.key"))
        return said

    def make(self, *cities, founders=None):
        """Version 1, signed: a link between each two cities."""
        self.begin(*(founders or cities))
        for city in cities:
            self.add_city(city)
        for at, city in enumerate(cities):
            for other in cities[at + 1:]:
                self.control(DONE, "federation", "add-link", self.roster,
                             city, other, "--line-a", "100", "--line-b",
                             "50")
        self.sign(*(founders or cities))

    def keep(self, name):
        shutil.copy(self.roster, self.path(name))
        return self.path(name)


class Roster(unittest.TestCase):
    def test_federation_signing(self):
        """Two of three founders are too few; a stranger counts for nothing."""
        federation = Federation(self)
        federation.begin(*CITIES)
        for city in CITIES + ("porto",):
            federation.add_city(city, place=f"{city}, somewhere",
                                latitude="41.3874", longitude="-71.0589",
                                bioregion="north-atlantic")
        self.assertEqual(federation.refusal(
            REFUSED, "federation", "verify", federation.roster), "UNSIGNED")
        said = federation.sign("barcelona", "lisbon", "lisbon")
        self.assertEqual((said["founders_signed"], said["founders_needed"],
                          said["valid"]), (2, 3, False))
        self.assertEqual(federation.sign("porto", status=REFUSED)
                         ["error"]["reason"], "NOT_A_FOUNDER")
        federation.key("nobody")
        self.assertEqual(federation.sign("nobody", status=REFUSED)
                         ["error"]["reason"], "KEY_UNKNOWN")
        result = run(program("clearctl"), "federation", "verify",
                     federation.roster)
        self.assertEqual(result.status, REFUSED)
        self.assertIn("signed by 2, needs 3; missing is boston", result.err)
        self.assertTrue(federation.sign("boston")["valid"])
        self.assertTrue(federation.control(
            DONE, "federation", "verify", federation.roster)["valid"])

    def test_federation_shown(self):
        federation = Federation(self)
        federation.make(*CITIES)
        federation.control(DONE, "federation", "add-link", federation.roster,
                           "lisbon", "boston", "--line-a", "12.34",
                           "--in-flight", "250")
        shown = federation.control(DONE, "federation", "show",
                                   federation.roster)
        self.assertEqual([city["name"] for city in shown["cities"]],
                         list(CITIES))
        self.assertEqual(shown["cities"][1]["uri"],
                         "spiffe://commons/city/boston")
        self.assertEqual(shown["links"][2], {
            "a": "boston", "b": "lisbon", "line_a_minor": 10000,
            "line_b_minor": 1234, "in_flight_per_mille": 250})
        # What was signed is not changed: it is followed.
        self.assertEqual((shown["version"], shown["valid"],
                          shown["signatures"]), (2, False, []))
        table = run(program("clearctl"), "federation", "show",
                    federation.roster).out
        self.assertIn("12.34", table)
        self.assertIn("250/1000", table)

    def test_federation_versions(self):
        """A newer version is held against the one before it."""
        federation = Federation(self)
        federation.make(*CITIES)
        first = federation.keep("first")
        federation.control(DONE, "federation", "set-city", federation.roster,
                           "boston", "--endpoint", "boston.example:7440")
        federation.sign(*CITIES)
        second = federation.keep("second")

        def verify(status, fresh, previous):
            words = ("federation", "verify", fresh, "--previous", previous)
            if status == DONE:
                return federation.control(DONE, *words)["result"]
            return federation.refusal(status, *words)
        self.assertEqual(verify(DONE, second, first), "OK")
        self.assertEqual(verify(DONE, second, second), "OK")
        self.assertEqual(verify(REFUSED, first, second), "STALE")
        shutil.copy(first, federation.roster)
        federation.control(DONE, "federation", "set-city", federation.roster,
                           "lisbon", "--gone")
        federation.sign(*CITIES)
        self.assertEqual(verify(REFUSED, federation.roster, second), "FORKED")
        third = federation.keep("third")
        federation.control(DONE, "federation", "set-city", third, "lisbon",
                           "--endpoint", "lisbon.example:7440")
        shutil.copy(third, federation.roster)
        federation.sign(*CITIES)
        self.assertEqual(verify(REFUSED, federation.roster, second),
                         "BROKEN_CHAIN")

    def test_federation_key_rotation(self):
        """The old key signs the version that retires it."""
        federation = Federation(self)
        federation.make(*CITIES)
        first = federation.keep("first")
        public = federation.key("boston-new")
        federation.control(DONE, "federation", "set-key", federation.roster,
                           "boston", "--node-key", public)
        words = ("federation", "verify", federation.roster, "--previous",
                 first)
        federation.sign("barcelona", "lisbon", "boston-new")
        self.assertEqual(federation.refusal(REFUSED, *words), "UNSIGNED")
        federation.sign("boston")
        federation.control(DONE, *words)
        states = {key["public_key"]: key["state"]
                  for key in federation.control(
                      DONE, "federation", "show",
                      federation.roster)["cities"][1]["keys"]}
        self.assertEqual(states.pop(public), "current")
        self.assertEqual(list(states.values()), ["retired"])
        old = federation.control(DONE, "federation", "show",
                                 first)["cities"][1]["keys"][0]["key_id"]
        federation.control(DONE, "federation", "set-key", federation.roster,
                           "boston", "--revoke", old)
        self.assertEqual(federation.sign("boston", status=REFUSED)
                         ["error"]["reason"], "KEY_UNKNOWN")
        self.assertTrue(federation.sign("barcelona", "lisbon", "boston-new")
                        ["valid"])

    def test_federation_tampered(self):
        """A byte changed anywhere is noticed."""
        federation = Federation(self)
        federation.make("barcelona")
        with open(federation.roster, "rb") as opened:
            sound = opened.read()
        for at in (0, 5, len(sound) // 2, len(sound) - 1):
            with open(federation.roster, "wb") as opened:
                opened.write(sound[:at] + bytes([sound[at] ^ 1])
                             + sound[at + 1:])
            with self.subTest(at=at):
                federation.refusal(REFUSED, "federation", "verify",
                                   federation.roster)
        with open(federation.roster, "wb") as opened:
            opened.write(sound[:-1])
        self.assertEqual(federation.refusal(
            REFUSED, "federation", "verify", federation.roster), "MALFORMED")

    def test_federation_statuses(self):
        """What is wrongly asked changes nothing, and has its status."""
        federation = Federation(self)
        federation.make("barcelona", "boston")
        with open(federation.roster, "rb") as opened:
            before = opened.read()
        roster, ca = federation.roster, federation.path("ca.crt")
        key = "ab" * 32
        for status, words in (
                (FILE, ("init", roster, "--federation", "commons",
                        "--founders", "boston")),
                (USAGE, ("init", federation.path("other"), "--federation",
                         "Commons", "--founders", "boston")),
                (USAGE, ("init", federation.path("other"), "--federation",
                         "commons", "--founders", "boston,boston")),
                (USAGE, ("init", federation.path("other"), "--federation",
                         "commons")),
                (CONFLICT, ("add-city", roster, "boston", "--node-key", key,
                            "--ca", ca, "--endpoint", "127.0.0.1:1")),
                (USAGE, ("add-city", roster, "lisbon", "--node-key", key,
                         "--ca", ca)),
                (USAGE, ("add-city", roster, "lisbon", "--node-key", key,
                         "--ca", ca, "--endpoint", "nowhere")),
                (USAGE, ("add-city", roster, "Lisbon", "--node-key", key,
                         "--ca", ca, "--endpoint", "127.0.0.1:1")),
                (USAGE, ("add-city", roster, "lisbon", "--node-key", key,
                         "--ca", ca, "--endpoint", "127.0.0.1:1",
                         "--latitude", "95")),
                (FILE, ("add-city", roster, "lisbon", "--node-key", key,
                        "--ca", "/nowhere", "--endpoint", "127.0.0.1:1")),
                (FILE, ("add-city", roster, "lisbon", "--node-key", "abc",
                        "--ca", ca, "--endpoint", "127.0.0.1:1")),
                (NOT_FOUND, ("add-link", roster, "boston", "lisbon")),
                (USAGE, ("add-link", roster, "boston", "boston")),
                (USAGE, ("add-link", roster, "boston", "barcelona",
                         "--line-a", "-1")),
                (USAGE, ("add-link", roster, "boston", "barcelona",
                         "--line-a", "1.234")),
                (NOT_FOUND, ("set-key", roster, "lisbon", "--node-key", key)),
                (NOT_FOUND, ("set-key", roster, "boston", "--revoke", "abc")),
                (USAGE, ("set-key", roster, "boston", "--revoke",
                         federation.control(
                             DONE, "federation", "show", roster)
                         ["cities"][1]["keys"][0]["key_id"])),
                (FILE, ("sign", roster, "--key", "/nowhere")),
                (USAGE, ("sign", roster)),
                (FILE, ("verify", "/nowhere"))):
            with self.subTest(words=words):
                federation.refusal(status, "federation", *words)
        with open(federation.roster, "rb") as opened:
            self.assertEqual(opened.read(), before)
        self.assertFalse(os.path.exists(federation.path("other")))
        self.assertEqual(federation.refusal(
            FILE, "keygen", "--out", federation.path("boston.key")),
            "LOCAL_FILE")
        mode = os.stat(federation.path("boston.key")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)


class Node(unittest.TestCase):
    """One node, barcelona of fabcity, and what it says of rosters."""

    def setUp(self):
        self.federation = Federation(self)
        self.city = City()
        self.addCleanup(self.city.remove)
        self.city.create()
        shutil.copy(f"{self.city.authority.folder}/node.key",
                    self.federation.path("barcelona.key"))
        self.city.configure(federation={
            "roster": self.federation.roster,
            "node_key": self.federation.path("barcelona.key")})

    def make(self, *signers, name="fabcity"):
        self.federation.begin(*CITIES, name=name)
        self.federation.add_city("barcelona", **{
            "node-key": f"{self.city.authority.folder}/node.pub"})
        self.federation.add_city("boston")
        self.federation.add_city("lisbon")
        self.federation.sign(*signers)

    def not_started(self, *why):
        self.city.launch()
        self.assertEqual(self.city.wait(), EXIT_CONFIGURATION)
        for text in why:
            self.assertIn(text, self.city.log_text())
        checked = run(program("clearingd"), "--config", self.city.config,
                      "--check-config", env=self.city.environment())
        self.assertEqual(checked.status, EXIT_CONFIGURATION)
        for text in why:
            self.assertIn(text, checked.err)

    def logged(self, text):
        wait_until(lambda: text in self.city.log_text(), text)

    def test_federation_node_refuses(self):
        self.not_started("cannot be read")
        self.make("barcelona", "lisbon")
        self.not_started("UNSIGNED", "signed by 2, needs 3; missing is boston")
        self.federation.sign("boston")
        self.city.configure(federation={
            "node_key": self.federation.path("boston.key")})
        self.not_started("the current key of barcelona in the roster is")
        self.city.configure(node={"decimals": 3})
        self.not_started("WRONG_UNIT")
        os.unlink(self.federation.roster)
        for city in CITIES[1:]:
            os.unlink(self.federation.path(f"{city}.key"))
        self.city.configure(node={"decimals": 2})
        self.make(*CITIES, name="other")
        self.not_started("WRONG_FEDERATION")

    def test_federation_node_takes(self):
        """A signed one is taken, a newer one by SIGHUP, others are not."""
        self.make(*CITIES)
        first = self.federation.keep("first")
        self.city.start()
        self.logged("roster version=1 cities=3")
        change = ("federation", "add-link", self.federation.roster,
                  "barcelona", "boston", "--line-a")
        self.federation.control(DONE, *change, "10")
        self.federation.sign("barcelona", "boston")
        self.city.reload()
        self.logged("UNSIGNED: too few founders")
        self.federation.sign("lisbon")
        self.city.reload()
        self.logged("roster_taken version=2")
        second = self.federation.keep("second")
        shutil.copy(first, self.federation.roster)
        self.city.reload()
        self.logged("STALE: a newer version")
        self.federation.control(DONE, *change, "11")
        self.federation.sign(*CITIES)
        self.city.reload()
        self.logged("FORKED: this version")
        self.assertEqual(self.city.log_text().count("version_kept=2"), 2)
        shutil.copy(second, self.federation.roster)
        self.city.stop()
        self.city.start()
        self.logged("roster version=2 cities=3 links=1")


class Deploy(Deployed):
    """deploy/federation, as people start it."""

    def shown(self):
        result = run(program("clearctl"), "federation", "show",
                     f"{self.folder}/roster", "--json")
        self.assertEqual(result.status, DONE, result)
        return result.document

    def ports(self):
        return {city["name"]: city["endpoint"]
                for city in self.shown()["cities"]}

    def test_federation_misused(self):
        """What cannot be is told in a line, with status 2, and nothing is
        made; what was not made by it has status 1."""
        parent = os.path.dirname(self.folder)
        file = os.path.join(parent, "file")
        with open(file, "w", encoding="ascii"):
            pass
        os.mkdir(os.path.join(parent, "other"))
        shutil.copy(file, os.path.join(parent, "other", "letter"))
        for status, words, said in (
                (USAGE, ("up", self.folder, "barcelna"), "is it barcelona"),
                (USAGE, ("up", self.folder, "lyon", "lyon"), "twice"),
                (USAGE, ("up", self.folder), "name the cities"),
                (USAGE, ("up", f"{file}/below", "lyon"), "Not a directory"),
                (USAGE, ("up", file, "lyon"), "File exists"),
                (USAGE, ("up", "/proc/below", "lyon"), "give another DIR"),
                (USAGE, ("up", f"{parent}/other", "lyon"), "not ours"),
                (USAGE, ("up", self.folder, "lyon", "--line", "abc"),
                 "--line abc"),
                (USAGE, ("up", self.folder, "lyon", "--line", "1.234"),
                 "--line 1.234"),
                (USAGE, ("up", self.folder, "lyon", "--name", "Commons"),
                 "--name Commons"),
                (USAGE, ("up", self.folder, "lyon", "--port", "70000"),
                 "--port 70000"),
                (USAGE, ("up", self.folder, "lyon", "--port", "x"), "--port"),
                (USAGE, ("up", self.folder, "lyon", "--bin", parent),
                 "no clearingd"),
                (USAGE, ("down", self.folder, "lyon", "--remove"),
                 "--remove"),
                (USAGE, ("start", self.folder), "deploy/federation up"),
                (REFUSED, ("status", self.folder), "was not made by"),
                (REFUSED, ("down", f"{file}/below"), "was not made by")):
            with self.subTest(words=words):
                result = run(f"{SOURCE}/deploy/federation", *words[:2],
                             "--bin", f"{BUILD}/bin", *words[2:])
                self.assertEqual(result.status, status, result)
                self.assertIn(said, result.err)
                self.assertNotIn("Traceback", result.err)
                self.assertFalse(os.path.exists(self.folder))

    def test_federation_up_and_down(self):
        """Two cities, a third that joins them, and nothing left behind."""
        said = self.ask("up", "barcelona", "boston", "--line", "250").out
        self.assertEqual(self.states(), {"barcelona": "serving",
                                         "boston": "serving"})
        shown = self.shown()
        self.assertTrue(shown["valid"])
        self.assertEqual(shown["founders"], ["barcelona", "boston"])
        self.assertEqual([(link["a"], link["b"], link["line_a_minor"],
                           link["line_b_minor"]) for link in shown["links"]],
                         [("barcelona", "boston", 25000, 25000)])
        self.assertEqual(shown["cities"][1]["place"], "Boston, US")
        self.assertEqual(shown["cities"][1]["longitude_millionths"], -71058900)
        ports = self.ports()
        self.assertEqual(len(set(ports.values())), 2)
        for city, endpoint in ports.items():
            self.assertIn(f"{endpoint}", said)
            with open(f"{self.folder}/log/{city}",
                      encoding="utf-8") as opened:
                self.assertIn("roster version=1 cities=2 links=1",
                              opened.read())
        # Twice is safe, and a third city is made known to those that run.
        self.ask("up", "boston")
        self.assertEqual(self.shown()["version"], 1)
        self.ask("up", "lyon", "--ring")
        shown = self.shown()
        self.assertEqual((shown["version"], shown["valid"]), (2, True))
        self.assertEqual(shown["founders"], ["barcelona", "boston"])
        self.assertEqual([(link["a"], link["b"]) for link in shown["links"]],
                         [("barcelona", "boston"), ("barcelona", "lyon"),
                          ("boston", "lyon")])
        self.assertEqual(set(self.states().values()), {"serving"})
        self.assertLessEqual(ports.items(), self.ports().items())
        self.ask("down", "boston")
        self.assertEqual(self.states(status=1)["boston"], "stopped")
        self.ask("up")
        self.assertEqual(set(self.states().values()), {"serving"})
        self.ask("down", "--remove")
        self.assertFalse(os.path.exists(self.folder))
        self.assertEqual(self.ask("status", status=1).err,
                         f"federation: {self.folder} was not made by "
                         "deploy/federation\n")


if __name__ == "__main__":
    unittest.main()
