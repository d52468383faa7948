# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: paying another city with clearctl as people and scripts do: quote,
pay, receipt, requests, and the links that carry it. Three cities in a row, so
that barcelona pays lisbon through boston."""

import collections
import concurrent.futures
import contextlib
import os
import pty
import re
import signal
import subprocess
import unittest
import uuid

import rpc
from cities import LoopbackCities
from node import FEDERATION, program, run, wait_until

NAMES = ["barcelona", "boston", "lisbon"]
BAKERY, MILL, INN = "bakery@barcelona", "mill@lisbon", "inn@boston"
NEAR = "mill@barcelona"
OPERATOR, GATEWAY = ("operator", "anna"), ("gateway", "till")
TREASURER, AUDITOR = ("treasurer", "tess"), ("auditor", "eva")
DONE, REFUSED, USAGE, NO_ANSWER, IDENTITY, NOT_FOUND, CONFLICT, FILE = \
    range(8)
UNKNOWN = "019b0000-0000-7000-8000-000000000000"


class Clearctl(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cities = LoopbackCities(
            NAMES, links=[NAMES[:2], NAMES[1:]], line="500.00").__enter__()
        cls.addClassCleanup(cls.cities.__exit__)
        for city in cls.cities:
            operator = city.client("operator", "anna")
            for coop in ("bakery", "mill", "inn"):
                operator.open(f"{coop}@{city.name}", 20_000, 100_000,
                              display_name=f"The {coop} of {city.name}")
        cls.cities.wait_at_rest(60)

    def tearDown(self):
        for city in self.cities:
            self.assertIsNone(city.process.poll(), city.log_text()[-3000:])

    def run_it(self, status, *arguments, as_=GATEWAY, city="barcelona"):
        result = self.cities[city].clearctl(*arguments, as_=as_)
        self.assertEqual(result.status, status,
                         f"clearctl {' '.join(arguments)}: {result}")
        return result

    def json(self, *arguments, status=DONE, **where):
        document = self.run_it(status, *arguments, "--json",
                               **where).document
        self.only_snake_case_and_numbers(document)
        return document

    def error(self, status, *arguments, **where):
        error = self.json(*arguments, status=status, **where)["error"]
        self.assertLessEqual({"code", "reason", "message", "retry"},
                             set(error))
        return error["reason"]

    def only_snake_case_and_numbers(self, document):
        if isinstance(document, dict):
            for key, value in document.items():
                self.assertRegex(key, r"^[a-z][a-z0-9_]*$")
                if key.endswith(("_minor", "_us", "_seq")):
                    self.assertIsInstance(value, int, key)
                self.only_snake_case_and_numbers(value)
        elif isinstance(document, list):
            for value in document:
                self.only_snake_case_and_numbers(value)

    def path(self, name):
        return f"{self.cities.folder}/{name}"

    def local(self, status, *arguments):
        """Without any node: nothing in the environment names one."""
        result = run(program("clearctl"), *arguments)
        self.assertEqual(result.status, status,
                         f"clearctl {' '.join(arguments)}: {result}")
        return result

    def pays(self, amount="1.00", payee=MILL, **where):
        return self.json("pay", BAKERY, payee, amount, **where)["id"]

    # ---- pay, payment

    def test_cities_quote(self):
        quote = self.run_it(DONE, "pay", BAKERY, MILL, "12.34", "--quote").out
        self.assertIn("The mill of lisbon", quote)
        self.assertIn("barcelona > boston > lisbon", quote)
        self.assertRegex(quote, r"amount +12\.34 credit")
        self.assertRegex(quote, r"boston > lisbon +\d+\.\d\d")
        quote = self.json("pay", BAKERY, MILL, "12.34", "--quote")
        self.assertEqual(quote["display_name"], "The mill of lisbon")
        self.assertEqual([(hop["from"], hop["to"]) for hop in quote["hops"]],
                         [("barcelona", "boston"), ("boston", "lisbon")])
        self.assertEqual(quote["new_credit_minor"], sum(
            hop["new_credit_minor"] for hop in quote["hops"]))

    def test_cities_pay(self):
        """A quote, then the end; the same id is the same payment."""
        before = self.json("balance", MILL, city="lisbon")["balance_minor"]
        made = self.run_it(DONE, "id").out.strip()
        paid = self.run_it(DONE, "pay", BAKERY, MILL, "12.34", "--id", made,
                           "--reference", UNKNOWN, "--memo", "flour",
                           as_=("coop", "bakery"))
        self.assertIn("barcelona > boston > lisbon", paid.out)
        self.assertRegex(paid.out, r"posted: 12\.34 to mill@lisbon")
        again = self.json("pay", BAKERY, MILL, "12.34", "--id", made,
                          "--reference", UNKNOWN)
        self.assertEqual((again["id"], again["payment"]["state"],
                          again["payment"]["amount_minor"]),
                         (made, "POSTED", 1234))
        self.assertEqual(self.json("balance", MILL, city="lisbon")
                         ["balance_minor"], before + 1234)
        self.assertEqual(self.error(
            CONFLICT, "pay", BAKERY, MILL, "12.35", "--id", made),
            "ID_CONFLICT")
        shown = self.run_it(DONE, "payment", "show", made).out
        self.assertRegex(shown, r"route +barcelona > boston > lisbon")
        self.assertRegex(shown, r"amount +12\.34")
        self.assertNotIn("sentence", shown)
        shown = self.json("payment", "show", made)["payment"]
        self.assertEqual((shown["path"], shown["reference"]), (NAMES, UNKNOWN))
        listed = self.run_it(DONE, "payment", "list", "--account", BAKERY,
                             as_=("coop", "bakery")).out
        self.assertRegex(listed, f"{made} +POSTED +OUT +{BAKERY}")
        listed = self.json("payment", "list", city="lisbon")["payments"]
        self.assertIn((made, "IN"), [(payment["id"], payment["direction"])
                                     for payment in listed])

    def paused(self, city="boston"):
        """A link of barcelona's, until the end of the with."""
        why = ("--reason", "a test")
        self.run_it(DONE, "link", "pause", city, *why, as_=OPERATOR)

        @contextlib.contextmanager
        def until_resumed():
            try:
                yield
            finally:
                self.run_it(DONE, "link", "resume", city, *why, as_=OPERATOR)
        return until_resumed()

    def test_cities_pay_again(self):
        """With its id it is told how it ended, whatever a quote says now."""
        made = self.run_it(DONE, "id").out.strip()
        words = ("pay", BAKERY, MILL, "0.03", "--id", made)
        self.json(*words)
        asked = self.asked("0.04")
        paid = self.run_it(DONE, "id").out.strip()
        self.json("request", "pay", asked, "--id", paid)
        with self.paused():
            self.assertEqual(self.error(REFUSED, "pay", BAKERY, MILL, "0.03"),
                             "NO_ROUTE")
            self.assertEqual(self.json(*words)["payment"]["state"], "POSTED")
            again = self.json("request", "pay", asked, "--id", paid)
            self.assertEqual(again["payment"]["state"], "POSTED")
            self.assertEqual(self.error(
                CONFLICT, "pay", BAKERY, MILL, "0.04", "--id", made),
                "ID_CONFLICT")
            self.assertEqual(self.error(
                USAGE, "pay", BAKERY, MILL, "0.04", "--id", "x"), "USAGE")
        # Nor is who sends it again asked whether to pay.
        status, said = self.at_terminal("", *words)
        self.assertEqual(status, DONE, said)
        self.assertNotIn("pay?", said)

    def test_cities_not_paid(self):
        """What keeps it away is told, by whom; nothing was sent."""
        before = self.json("payment", "list")["payments"]
        self.assertEqual(self.error(NOT_FOUND, "pay", BAKERY, "nobody@lisbon",
                                    "1"), "PAYEE_UNKNOWN")
        self.assertEqual(self.error(NOT_FOUND, "pay", BAKERY, "mill@porto",
                                    "1"), "PAYEE_CITY_UNKNOWN")
        self.assertEqual(self.error(REFUSED, "pay", BAKERY, "mill@barcelona",
                                    "1"), "PAYEE_CITY_HERE")
        self.assertEqual(self.error(REFUSED, "pay", BAKERY, MILL, "201"),
                         "OVER_LIMIT")
        self.assertEqual(self.error(IDENTITY, "pay", BAKERY, MILL, "1",
                                    as_=("coop", "inn")), "NOT_PERMITTED")
        for arguments in (("1.234",), ("1", "--reference", "x"),
                          ("1", "--wait", "soon"), ()):
            self.run_it(USAGE, "pay", BAKERY, MILL, *arguments)
        self.assertEqual(self.json("payment", "list")["payments"], before)
        self.assertEqual(self.error(NOT_FOUND, "payment", "show", UNKNOWN),
                         "PAYMENT_UNKNOWN")
        self.run_it(USAGE, "payment", "show", "x")

    def test_cities_quote_refused(self):
        """A quote says whatever can be known before; without a payer, too."""
        def reason(status, payer, payee, amount="1.00", **where):
            return self.error(status, "pay", payer, payee, amount, "--quote",
                              **where)
        unknown = self.run_it(NOT_FOUND, "pay", BAKERY, "nobody@lisbon", "1",
                              "--quote")
        self.assertIn("(said by lisbon)", unknown.err)
        self.assertEqual(reason(NOT_FOUND, "nobody", MILL),
                         "DEBIT_ACCOUNT_UNKNOWN")
        self.assertEqual(reason(IDENTITY, "nobody", MILL,
                                as_=("coop", "bakery")), "NOT_PERMITTED")
        self.assertEqual(reason(REFUSED, BAKERY, MILL, "900"), "OVER_LIMIT")
        # Whose limit it is comes before where it goes.
        self.assertEqual(reason(REFUSED, BAKERY, "mill@porto", "900"),
                         "OVER_LIMIT")
        self.run_it(DONE, "account", "freeze", NEAR, "--reason", "a test",
                    as_=OPERATOR)
        self.assertEqual(reason(REFUSED, NEAR, MILL), "DEBIT_ACCOUNT_FROZEN")
        self.run_it(DONE, "account", "unfreeze", NEAR, "--reason", "a test",
                    as_=OPERATOR)
        with self.paused():
            self.assertEqual(reason(REFUSED, BAKERY, MILL), "NO_ROUTE")
        till = self.cities["barcelona"].client(*GATEWAY)
        quote = till.QuotePayment(payee="nobody@lisbon", amount_minor=1)
        self.assertEqual((quote.reason_name, quote.at_city),
                         ("PAYEE_UNKNOWN", "lisbon"))
        with self.assertRaises(rpc.Refused) as refused:
            till.QuotePayment(payee=MILL, amount_minor=1,
                              payer=rpc.ref("No Address"))
        self.assertEqual(refused.exception.reason, "ADDRESS_MALFORMED")

    def test_cities_quote_reserved(self):
        """A city's own accounts take no payments, and that is what is said."""
        till = self.cities["barcelona"].client(*GATEWAY)
        for payee in ("city/commons@lisbon", "link/boston@lisbon"):
            self.assertEqual(self.error(REFUSED, "pay", BAKERY, payee, "1",
                                        "--quote"), "PAYEE_RESERVED")
            with self.assertRaises(rpc.Refused) as refused:
                till.Pay(id=rpc.new_id(), payer=rpc.ref(BAKERY), payee=payee,
                         amount_minor=1)
            self.assertEqual(refused.exception.reason, "PAYEE_RESERVED")

    def test_cities_payer_elsewhere(self):
        """Who pays from another city's account is told which node to ask."""
        for role in (GATEWAY, ("coop", "bakery")):
            told = self.run_it(REFUSED, "pay", "bakery@lisbon", MILL, "1",
                               as_=role)
            self.assertIn("ADDRESS_OTHER_CITY", told.err)
            self.assertIn("lisbon's node", told.err)

    def test_cities_quote_down(self):
        """There is no way over a neighbour that is away."""
        boston = self.cities["boston"]
        boston.kill()
        try:
            wait_until(lambda: self.cities["barcelona"].clearctl(
                "pay", BAKERY, MILL, "1", "--quote", "--json",
                as_=GATEWAY).status == REFUSED, "no way")
            self.assertEqual(self.error(REFUSED, "pay", BAKERY, MILL, "1",
                                        "--quote"), "NO_ROUTE")
        finally:
            boston.launch()
            boston.wait_serving()
        self.cities.wait_at_rest()
        self.run_it(DONE, "pay", BAKERY, MILL, "1", "--quote")

    def test_cities_list_own(self):
        """A coop with one account lists that one; with more it says which."""
        self.pays("0.06")
        self.asked("0.06")
        self.cities["barcelona"].client("operator", "anna").open(
            "inn/bar@barcelona", 0, 0)
        for words, items in ((("payment", "list"), "payments"),
                             (("request", "list"), "requests"),
                             (("hold", "list"), "holds")):
            own = self.json(*words, as_=("coop", "bakery"))[items]
            self.assertEqual(own, self.json(*words, "--account", BAKERY)
                             [items])
            self.assertTrue(own or items == "holds")
            told = self.run_it(USAGE, *words, as_=("coop", "inn"))
            self.assertIn("--account", told.err)
            self.assertIn("inn@barcelona, inn/bar@barcelona", told.err)
            self.run_it(DONE, *words, "--account", "inn/bar",
                        as_=("coop", "inn"))
            told = self.run_it(USAGE, *words, as_=("coop", "nobody"))
            self.assertIn("no account", told.err)

    def test_cities_refused_there(self):
        """What another city refuses is told with its name."""
        made = self.run_it(DONE, "id").out.strip()
        self.run_it(DONE, "account", "limits", "inn@lisbon", "--limit", "0",
                    "--ceiling", "1.00", "--reason", "a test",
                    city="lisbon", as_=TREASURER)
        # The payee's city says so when it is asked for a quote.
        self.assertEqual(self.error(REFUSED, "pay", BAKERY, "inn@lisbon",
                                    "2"), "PAYEE_CEILING")
        # Without a quote, by RPC, it is the answer to the promise.
        till = self.cities["barcelona"].client(*GATEWAY)
        told = till.Pay(id=bytes.fromhex(made.replace("-", "")),
                        payer=rpc.ref(BAKERY), payee="inn@lisbon",
                        amount_minor=200, wait_ms=10_000).payment
        self.assertEqual((told.reason_name, told.at_city),
                         ("PAYEE_CEILING", "lisbon"))
        # And so it is to who asks again with the id, room or not.
        again = self.run_it(REFUSED, "pay", BAKERY, "inn@lisbon", "2", "--id",
                            made)
        self.assertIn("PAYEE_CEILING", again.err)
        self.assertIn("(said by lisbon)", again.err)
        shown = self.run_it(DONE, "payment", "show", made).out
        self.assertRegex(shown, r"state +REFUSED")
        self.assertRegex(shown, r"at city +lisbon")
        self.assertEqual(self.error(REFUSED, "receipt", "save", made),
                         "NOT_PAID")

    def at_terminal(self, answer, *arguments):
        """(status, what it said on stderr) with a terminal as stdin."""
        city = self.cities["barcelona"]
        certificate = city.certificate(*GATEWAY)
        outside, inside = pty.openpty()
        try:
            os.write(outside, answer.encode())
            done = subprocess.run(
                [program("clearctl"), *arguments], stdin=inside,
                capture_output=True, text=True, timeout=60, check=False,
                env=city.environment(
                    CLEARCTL_ENDPOINT=city.endpoint,
                    CLEARCTL_CERTIFICATE=certificate.certificate,
                    CLEARCTL_KEY=certificate.key,
                    CLEARCTL_CA=city.authority.certificate))
        finally:
            os.close(outside)
            os.close(inside)
        return done.returncode, done.stderr

    def test_cities_asked(self):
        """At a terminal the person is asked, unless --yes."""
        words = ("pay", BAKERY, INN, "0.01")
        status, said = self.at_terminal("n\n", *words)
        self.assertEqual(status, REFUSED)
        self.assertIn("pay? [y/N]", said)
        self.assertIn("NOT_CONFIRMED", said)
        self.assertNotRegex(said, "(?m)^id ")
        status, said = self.at_terminal("y\n", *words)
        self.assertEqual(status, DONE, said)
        # With --json, too, what is asked is told first, beside the document.
        made = self.asked("0.02")
        for words_json, route in ((words, "barcelona > boston"),
                                  (("request", "pay", made), "twelve sacks"),
                                  (("request", "pay", self.asked(
                                      "0.02", payee=NEAR, city="barcelona")),
                                   f"pay    0.02 to {NEAR}")):
            status, said = self.at_terminal("n\n", *words_json, "--json")
            self.assertEqual(status, REFUSED, said)
            self.assertIn(route, said)
            self.assertLess(said.index(route), said.index("pay? [y/N]"))
        status, said = self.at_terminal("", *words, "--yes", "--json")
        self.assertEqual(status, DONE, said)
        self.assertNotIn("route", said)
        status, said = self.at_terminal("", *words, "--yes")
        self.assertEqual(status, DONE, said)
        self.assertNotIn("pay?", said)

    def test_cities_pending(self):
        """Who does not wait for the end gets 3, and is told what to do."""
        made = self.run_it(DONE, "id").out.strip()
        words = ("pay", BAKERY, MILL, "0.02", "--id", made)
        under_way = self.run_it(NO_ANSWER, *words, "--wait", "0")
        self.assertIn(f"clearctl payment show {made}", under_way.err)
        self.assertEqual(self.json(*words)["payment"]["state"], "POSTED")

    def test_cities_pending_there(self):
        """While the payee's city is silent nothing ends, nor is proven."""
        lisbon = self.cities["lisbon"].process
        made = rpc.new_id()
        text = str(uuid.UUID(bytes=made))
        lisbon.send_signal(signal.SIGSTOP)
        try:
            self.cities["barcelona"].client(*GATEWAY).Pay(
                id=made, payer=rpc.ref(BAKERY), payee=MILL, amount_minor=2,
                wait_ms=100)
            shown = self.json("payment", "show", text)["payment"]
            self.assertEqual(shown["state"], "PENDING")
            wait_until(lambda: self.json("link", "show", "boston")["link"]
                       .get("oldest_promise_us"), "the promise's age")
            self.assertRegex(
                self.run_it(DONE, "link", "show", "boston").out,
                r"oldest promise +2\d\d\d-\d\d-\d\dT")
            self.assertEqual(self.error(NO_ANSWER, "receipt", "save", text),
                             "NOT_YET")
        finally:
            lisbon.send_signal(signal.SIGCONT)
        wait_until(lambda: self.json("payment", "show", text)["payment"]
                   ["state"] == "POSTED", "its end")

    # ---- receipts

    def saved(self, made, name):
        wait_until(lambda: self.cities["barcelona"].clearctl(
            "receipt", "save", made, "--out", self.path(name),
            as_=GATEWAY).status == DONE, "a receipt")
        return self.path(name)

    def verify(self, status, receipt, *more, roster=None):
        return self.local(status, "receipt", "verify", receipt, "--roster",
                          roster or self.cities.roster, *more)

    def test_cities_receipt(self):
        """Offline: who paid whom, and who says so."""
        made = self.pays("3.21")
        receipt = self.saved(made, "one.receipt")
        said = self.verify(DONE, receipt).out
        for pattern in (rf"payer +{BAKERY}", rf"payee +{MILL}",
                        r"amount +3\.21", r"decided by +lisbon",
                        r"key id +[0-9a-f]{16}", "information only"):
            self.assertRegex(said, pattern)
        proven = self.verify(DONE, receipt, "--json").document
        self.only_snake_case_and_numbers(proven)
        self.assertEqual(
            (proven["valid"], proven["payer"], proven["payee"],
             proven["amount_minor"], proven["path"], proven["decided_by"]),
            (True, BAKERY, MILL, 321, NAMES, "lisbon"))
        # The payee's city and the one between give the same proof.
        for city in ("lisbon", "boston"):
            self.json("receipt", "save", made, "--out", self.path("other"),
                      city=city)
            with open(self.path("other"), "rb") as other, \
                    open(receipt, "rb") as one:
                self.assertEqual(other.read(), one.read())
        self.verify(DONE, receipt, "--previous", self.cities.roster)
        self.assertEqual(self.error(NOT_FOUND, "receipt", "save", UNKNOWN),
                         "PAYMENT_UNKNOWN")

    def test_cities_receipt_unsound(self):
        receipt = self.saved(self.pays("3.22"), "two.receipt")
        with open(receipt, "rb") as opened:
            whole = opened.read()
        with open(self.cities.roster, "rb") as opened:
            roster = opened.read()

        def reason(status, roster=None):
            error = self.verify(status, self.path("bad"), "--json",
                                roster=roster).document["error"]
            return error["reason"]

        def write(name, text):
            with open(self.path(name), "wb") as opened:
                opened.write(text)
            return self.path(name)

        write("bad", whole.replace(b"mill@lisbon", b"mill@boston"))
        self.assertEqual(reason(REFUSED), "BAD_TERMS")
        write("bad", whole.replace(b"bakery@", b"bakers@"))
        self.assertEqual(reason(REFUSED), "WRONG_TERMS")
        at = whole.rindex(b"boston")  # of the header: to whom it was written
        write("bad", whole[:at] + b"bostom" + whole[at + 6:])
        self.assertEqual(reason(REFUSED), "WRONG_LOG")
        for name, text in (("none", b""), ("text", b"no receipt\n"),
                           ("cut", whole[:-1]), ("form", whole.replace(
                               b"receipt/1", b"receipt/2"))):
            with self.subTest(name):
                write("bad", text)
                self.assertEqual(reason(FILE), "LOCAL_FILE")
        self.verify(FILE, self.path("not there"))
        write("bad", whole)
        self.local(USAGE, "receipt", "verify", receipt)
        # A roster that is not signed as it stands proves nothing.
        forged = write("forged", roster.replace(b"500", b"501")
                       if b"500" in roster else
                       roster[:-1] + bytes([roster[-1] ^ 1]))
        self.assertEqual(reason(REFUSED, forged), "UNSIGNED")
        self.assertEqual(reason(FILE, self.path("not there")), "LOCAL_FILE")
        # A file that is no roster is named, whichever it is.
        for name, text in (("empty", b""), ("junk", b"junk"), ("one", whole)):
            with self.subTest(name):
                path = write(name, text)
                self.assertEqual(reason(FILE, path), "LOCAL_FILE")
                for said in (self.verify(FILE, receipt, roster=path).err,
                             self.verify(FILE, receipt, "--previous",
                                         path).err):
                    self.assertIn(f"{path}: no roster", said)
                    self.assertIn("clearctl federation verify", said)
        said = self.verify(REFUSED, receipt, roster=forged).err
        self.assertIn(f"{forged}: ", said)
        said = self.verify(REFUSED, receipt, "--previous", forged).err
        self.assertIn(f"{forged}: ", said)

    # ---- requests

    def asked(self, amount="4.00", payee=MILL, city="lisbon", **options):
        words = [word for name, value in options.items()
                 for word in (f"--{name}", value)]
        return self.json("request", "send", payee, BAKERY, amount,
                         "--purpose", "twelve sacks", *words, city=city)["id"]

    def requests(self, *words, city="barcelona"):
        return {request["id"]: request["state"] for request in self.json(
            "request", "list", *words, city=city)["requests"]}

    def test_cities_request(self):
        """One command confirms it; then it is paid in both cities."""
        made = self.asked(reference=UNKNOWN, expires="+7d")
        listed = self.run_it(DONE, "request", "list", "--account", BAKERY,
                             "--state", "open", as_=("coop", "bakery")).out
        self.assertRegex(listed, f"{made} +OPEN +{BAKERY} +{MILL} +4\\.00 .*"
                         "twelve sacks")
        before = self.json("balance", BAKERY)["balance_minor"]
        first = self.run_it(DONE, "id").out.strip()
        paid = self.run_it(DONE, "request", "pay", made, "--id", first,
                           "--memo", "thanks", as_=("coop", "bakery"))
        self.assertIn("twelve sacks", paid.out)
        self.assertIn("The mill of lisbon", paid.out)
        self.assertRegex(paid.out, r"posted: 4\.00 to mill@lisbon")
        self.assertEqual(self.json("balance", BAKERY)["balance_minor"],
                         before - 400)
        for city in ("barcelona", "lisbon"):
            wait_until(lambda city=city: self.requests("--state", "paid",
                                                       city=city).get(made)
                       == "PAID", f"paid in {city}")
        # Again by its id, and not by another.
        self.json("request", "pay", made, "--id", first)
        self.assertEqual(self.error(REFUSED, "request", "pay", made),
                         "REQUEST_ENDED")
        self.assertEqual(self.json("balance", BAKERY)["balance_minor"],
                         before - 400)

    def test_cities_request_in_one_city(self):
        """The same command; the payment is a transfer like any other."""
        made = self.asked(payee=NEAR, city="barcelona")
        before = self.json("balance", NEAR)["balance_minor"]
        first = self.run_it(DONE, "id").out.strip()
        paid = self.run_it(DONE, "request", "pay", made, "--id", first,
                           as_=("coop", "bakery"))
        self.assertRegex(paid.out, f"pay +4\\.00 to {NEAR}")
        self.assertRegex(paid.out, f"posted: 4\\.00 to {NEAR}")
        self.assertEqual(self.json("balance", NEAR)["balance_minor"],
                         before + 400)
        self.assertEqual(self.requests()[made], "PAID")
        self.json("request", "pay", made, "--id", first,
                  as_=("coop", "bakery"))
        self.assertEqual(self.error(REFUSED, "request", "pay", made),
                         "REQUEST_ENDED")
        self.assertEqual(self.json("balance", NEAR)["balance_minor"],
                         before + 400)
        self.assertEqual(
            self.json("transfer", "show", first)["transfer"]["reference"],
            made)
        dear = self.asked("5000.00", payee=NEAR, city="barcelona")
        self.assertEqual(self.error(REFUSED, "request", "pay", dear),
                         "OVER_LIMIT")
        self.assertEqual(self.requests()[dear], "OPEN")

    def test_cities_request_declined(self):
        made = self.asked()
        self.assertEqual(self.error(IDENTITY, "request", "decline", made,
                                    as_=("coop", "inn")), "NOT_PERMITTED")
        self.run_it(DONE, "request", "decline", made, as_=("coop", "bakery"))
        self.assertEqual(self.requests()[made], "DECLINED")
        self.assertEqual(self.error(REFUSED, "request", "pay", made),
                         "REQUEST_ENDED")
        self.assertEqual(self.error(NOT_FOUND, "request", "pay", UNKNOWN),
                         "REQUEST_UNKNOWN")
        self.assertEqual(self.error(IDENTITY, "request", "pay", self.asked(),
                                    as_=("coop", "inn")), "NOT_PERMITTED")
        for words in ((MILL, BAKERY, "1"), (MILL, "7", "1", "--purpose", "x"),
                      (MILL, BAKERY, "1", "--purpose", "x", "--expires",
                       "soon")):
            self.run_it(USAGE, "request", "send", *words, city="lisbon")

    def test_cities_request_not_taken(self):
        """What cannot be asked for is refused, and nothing is recorded."""
        before = self.requests(city="lisbon")
        words = ("1.00", "--purpose", "twelve sacks")
        for payee, payer, more, status, reason in (
                (MILL, "bakery@porto", (), NOT_FOUND, "PAYER_CITY_UNKNOWN"),
                ("nobody@lisbon", BAKERY, (), NOT_FOUND,
                 "CREDIT_ACCOUNT_UNKNOWN"),
                (MILL, "nobody@lisbon", (), NOT_FOUND,
                 "DEBIT_ACCOUNT_UNKNOWN"),
                ("city/recovered@lisbon", BAKERY, (), REFUSED,
                 "PAYEE_RESERVED"),
                (MILL, BAKERY, ("--expires", "2020-01-01T00:00:00Z"), REFUSED,
                 "EXPIRY_PAST"),
                (MILL, BAKERY, ("--expires", "+367d"), REFUSED,
                 "EXPIRY_TOO_FAR"),
                # The city comes last.
                ("nobody@lisbon", "bakery@porto", ("--expires", "+367d"),
                 REFUSED, "EXPIRY_TOO_FAR")):
            with self.subTest(reason):
                self.assertEqual(self.error(
                    status, "request", "send", payee, payer, *words, *more,
                    city="lisbon"), reason)
        self.assertEqual(self.requests(city="lisbon"), before)
        made = self.asked(expires="+365d")
        self.assertEqual(self.error(
            CONFLICT, "request", "send", MILL, BAKERY, "1.01", "--purpose",
            "another", "--id", made, city="lisbon"), "ID_CONFLICT")

    def test_cities_request_refused_there(self):
        """The payer's city says why; the request is not left open here."""
        made = self.run_it(DONE, "id").out.strip()
        words = ("request", "send", MILL, "nobody@barcelona", "1.00",
                 "--purpose", "twelve sacks", "--id", made)
        for _ in range(2):
            self.assertEqual(self.error(NOT_FOUND, *words, city="lisbon"),
                             "DEBIT_ACCOUNT_UNKNOWN")
            self.assertEqual(self.requests(city="lisbon")[made], "DECLINED")
        self.assertNotIn(made, self.requests())
        used = self.pays("0.05")
        self.assertEqual(self.error(
            CONFLICT, "request", "send", INN, BAKERY, "1.00", "--purpose",
            "rooms", "--id", used, city="boston"), "ID_CONFLICT")

    def test_cities_request_away(self):
        """While the payer's city is silent it stays open, and can be sent
        again; so it is when it has come there."""
        boston = self.cities["boston"].process
        made = self.run_it(DONE, "id").out.strip()
        words = ("request", "send", MILL, INN, "1.00", "--purpose", "rooms",
                 "--id", made)
        boston.send_signal(signal.SIGSTOP)
        try:
            self.error(NO_ANSWER, *words, "--timeout", "2", city="lisbon")
            self.assertEqual(self.requests(city="lisbon")[made], "OPEN")
        finally:
            boston.send_signal(signal.SIGCONT)
        self.cities.wait_at_rest()
        for _ in range(2):
            self.json(*words, city="lisbon")
        self.assertEqual(self.requests(city="boston")[made], "OPEN")

    def test_cities_request_declined_there(self):
        """The payee sees it; who declines again hears the same."""
        made, later = self.asked(), self.asked()
        for _ in range(2):
            self.json("request", "decline", made, as_=("coop", "bakery"))
            wait_until(lambda: self.requests(city="lisbon")[made]
                       == "DECLINED", "declined in lisbon")
        self.assertEqual(self.requests(city="lisbon")[later], "OPEN")
        # No city may decline what is asked of another's coop.
        city = self.cities["lisbon"].connect(self.cities["boston"].authority
                                             .issue("URI:spiffe://"
                                                    f"{FEDERATION}/city/"
                                                    "boston"))
        self.addCleanup(city.close)

        def give_back(**fields):
            with self.assertRaises(rpc.Refused) as refused:
                city.ForwardPaymentRequest(**{
                    "id": uuid.UUID(later).bytes, "payer": BAKERY,
                    "payee": MILL, "amount_minor": 400, "purpose":
                    "twelve sacks", "expires_at_us": 1, **fields})
            return refused.exception.reason
        self.assertEqual(give_back(), "ADDRESS_OTHER_CITY")
        self.assertEqual(give_back(payer=INN), "REQUEST_DIFFERS")
        self.assertEqual(give_back(payer=INN, id=rpc.new_id()),
                         "REQUEST_UNKNOWN")
        self.assertEqual(give_back(payer=INN, id=b"x"), "ID_MALFORMED")
        self.assertEqual(self.requests(city="lisbon")[later], "OPEN")

    def test_cities_request_declined_unheard(self):
        """A city that was away hears of it when the request is sent again."""
        lisbon = self.cities["lisbon"]
        made = self.run_it(DONE, "id").out.strip()
        words = ("request", "send", MILL, BAKERY, "1.00", "--purpose",
                 "twelve sacks", "--id", made)
        self.json(*words, city="lisbon")
        lisbon.kill()
        try:
            self.json("request", "decline", made, as_=("coop", "bakery"))
        finally:
            lisbon.launch()
            lisbon.wait_serving()
        self.cities.wait_at_rest()
        self.assertEqual(self.requests(city="lisbon")[made], "OPEN")
        for _ in range(2):
            self.json(*words, city="lisbon")
            self.assertEqual(self.requests(city="lisbon")[made], "DECLINED")

    def test_cities_request_by_rpc(self):
        """What an order leaves to the request, and what it may not say."""
        made = bytes.fromhex(self.asked().replace("-", ""))
        till = self.cities["barcelona"].client(*GATEWAY)

        def refused(**fields):
            with self.assertRaises(rpc.Refused) as caught:
                till.Pay(**{"id": rpc.new_id(), "request_id": made, **fields})
            return caught.exception.reason

        for fields in ({"payee": INN}, {"amount_minor": 401},
                       {"payer": rpc.ref("inn@barcelona")}):
            self.assertEqual(refused(**fields), "REQUEST_DIFFERS", fields)
        self.assertEqual(refused(request_id=rpc.new_id()), "REQUEST_UNKNOWN")
        self.assertEqual(refused(amount_minor=0, request_id=b"short"),
                         "ADDRESS_MALFORMED")
        self.assertEqual(refused(request_id=rpc.new_id(), payer=rpc.ref(
            BAKERY), payee=MILL, amount_minor=400), "REQUEST_UNKNOWN")
        with self.assertRaises(rpc.Refused) as caught:
            self.cities["barcelona"].client("coop", "inn").Pay(
                id=rpc.new_id(), request_id=made)
        self.assertEqual(caught.exception.reason, "NOT_PERMITTED")
        # Given whole, as it was asked, it is the same.
        paid = till.Pay(id=rpc.new_id(), request_id=made, payee=MILL,
                        payer=rpc.ref(BAKERY), amount_minor=400,
                        wait_ms=10_000).payment
        self.assertEqual((paid.payee, paid.reference, paid.state),
                         (MILL, made, rpc.payment.PAYMENT_STATE_POSTED))

    def test_cities_request_in_one_city_locked(self):
        """A payment is held between cities alone; the request stays open."""
        made = self.asked(payee=NEAR, city="barcelona")
        till = self.cities["barcelona"].client("gateway", "till")
        with self.assertRaises(rpc.Refused) as refused:
            till.Pay(id=rpc.new_id(), request_id=uuid.UUID(made).bytes,
                     lock=b"l" * 32)
        self.assertEqual(refused.exception.reason, "PAYEE_CITY_HERE")
        self.assertEqual(self.requests()[made], "OPEN")

    def test_cities_request_purpose(self):
        """What the journal would not take is refused."""
        mill = self.cities["lisbon"].client("gateway", "till")
        for purpose in ("two\nlines", "", "x" * 141, "bell \a"):
            with self.assertRaises(rpc.Refused) as refused:
                mill.RequestPayment(id=rpc.new_id(), payee=MILL, payer=BAKERY,
                                    amount_minor=5, purpose=purpose)
            self.assertEqual(refused.exception.reason, "MEMO_INVALID")

    def test_cities_request_once(self):
        """Many orders for one request at once: one pays it."""
        made = uuid.UUID(self.asked("0.50")).bytes
        before = self.json("balance", BAKERY)["balance_minor"]
        till = self.cities["barcelona"].client(*GATEWAY)

        def pay(_):
            try:
                return till.Pay(id=rpc.new_id(), request_id=made,
                                wait_ms=10_000).payment.state
            except rpc.Refused as refused:
                return refused.reason
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            told = collections.Counter(pool.map(pay, range(64)))
        self.assertEqual(told.pop(rpc.payment.PAYMENT_STATE_POSTED), 1, told)
        self.assertLessEqual(set(told), {"REQUEST_UNDER_WAY",
                                         "REQUEST_ENDED"})
        self.assertEqual(self.json("balance", BAKERY)["balance_minor"],
                         before - 50)

    # ---- links

    def test_cities_links(self):
        self.pays("1.11")
        self.cities.wait_at_rest()
        listed = self.run_it(DONE, "link", "list", city="boston").out
        self.assertRegex(listed, r"barcelona +RECONCILED +\d+\.\d\d")
        links = {link["city"]: link for link in self.json(
            "link", "list", city="boston")["links"]}
        self.assertEqual(set(links), {"barcelona", "lisbon"})
        shown = self.json("link", "show", "boston")["link"]
        self.assertEqual(shown["owed_minor"],
                         -links["barcelona"]["owed_minor"])
        text = self.run_it(DONE, "link", "show", "boston").out
        self.assertRegex(text, r"line +500\.00")
        self.check_position("barcelona", "boston")
        self.check_position("boston", "barcelona")
        # Nothing is under way: that has no time.
        self.assertNotIn("oldest", text)
        self.assertNotIn("oldest_promise_us", shown)
        self.assertNotIn("oldest_promise_us", links["barcelona"])
        self.assertEqual(self.error(NOT_FOUND, "link", "show", "lisbon"),
                         "LINK_UNKNOWN")
        self.run_it(DONE, "link", "reconcile", "boston", as_=OPERATOR)
        self.assertRegex(self.run_it(DONE, "city", "list").out,
                         r"boston .*neighbour")
        self.assertEqual([city["name"] for city in self.json("city", "list")
                          ["cities"]], NAMES)
        self.cities.wait_at_rest()

    def check_position(self, city, other):
        """`link show` says in words who owes whom."""
        owed = self.json("link", "show", other, city=city)["link"][
            "owed_minor"]
        said = f"{other} owes us" if owed > 0 else f"we owe {other}"
        self.assertRegex(
            self.run_it(DONE, "link", "show", other, city=city).out,
            rf"(?m)^owed +{said} {abs(owed) / 100:.2f}$" if owed
            else "(?m)^owed +settled$")

    def test_cities_link_settled(self):
        """What is owed in no direction is said so, too."""
        owed = self.json("link", "show", "boston")["link"]["owed_minor"]
        amount = f"{abs(owed) / 100:.2f}"
        if owed > 0:
            self.json("pay", BAKERY, INN, amount)
        elif owed < 0:
            self.json("pay", INN, BAKERY, amount, city="boston")
        self.assertRegex(self.run_it(DONE, "link", "show", "boston").out,
                         "(?m)^owed +settled$")
        self.cities.wait_at_rest()

    def test_cities_link_changed(self):
        self.run_it(USAGE, "link", "pause", "boston", as_=OPERATOR)
        self.assertEqual(self.error(IDENTITY, "link", "line", "boston", "1",
                                    "--reason", "x"), "NOT_PERMITTED")
        why = ("--reason", "a test")
        for verb, undo, role, flag in (
                ("pause", "resume", OPERATOR, "paused"),
                ("freeze", "unfreeze", TREASURER, "frozen here")):
            self.json("link", verb, "boston", *why, as_=role)
            self.assertIn(flag, self.run_it(DONE, "link", "list").out)
            self.assertEqual(self.error(REFUSED, "pay", BAKERY, MILL, "1"),
                             "NO_ROUTE")
            self.run_it(DONE, "link", undo, "boston", *why, as_=role)
            self.assertNotIn(flag, self.run_it(DONE, "link", "list").out)
        self.json("link", "line", "boston", "600.00", *why, as_=TREASURER)
        self.assertEqual(self.json("link", "show", "boston")["link"]
                         ["line_minor"], 60_000)
        self.json("link", "line", "boston", "500.00", *why, as_=TREASURER)
        self.cities.wait_at_rest()

    def test_cities_link_statement(self):
        """Both logs hold, from both ends, and say the same."""
        self.pays("1.12")
        self.cities.wait_at_rest()
        roster = ("--roster", self.cities.roster)
        table = self.run_it(DONE, "link", "statement", "boston", "--own",
                            *roster, as_=AUDITOR).out
        self.assertIn("chain, entries and signatures hold", table)
        self.assertRegex(table, r"1-\d+ .* barcelona +[0-9a-f]{16} .*SOUND")
        own = self.json("link", "statement", "boston", "--own", *roster)
        taken = self.json("link", "statement", "barcelona", city="boston")
        self.assertTrue(own["signatures_checked"] and own["valid"])
        self.assertFalse(taken["signatures_checked"])
        self.assertEqual(own["batches"], taken["batches"])
        last = own["batches"][-1]
        link = self.json("link", "show", "boston")["link"]
        self.assertEqual((last["last_seq"], last["head"]),
                         (link["out_seq"], link["out_head"]))
        rest = self.json("link", "statement", "boston", "--own", "--from",
                         str(last["first_seq"]))["batches"]
        self.assertEqual(rest, [last])
        self.run_it(USAGE, "link", "statement", "boston", "--from", "x")
        self.assertEqual(self.error(NOT_FOUND, "link", "statement", "porto"),
                         "LINK_UNKNOWN")

    def test_cities_help(self):
        """--help of each verb tells its operands and its options."""
        for words, option in ((("pay",), "--quote"), (("payment", "list"),
                                                      "--account"),
                              (("receipt", "verify"), "--roster"),
                              (("request", "send"), "--purpose"),
                              (("link", "statement"), "--own")):
            said = self.local(DONE, *words, "--help").out
            self.assertIn("usage: clearctl " + " ".join(words), said)
            self.assertIn(option, said)
        self.assertTrue(re.search("request pay REQUEST-ID",
                                  self.local(DONE, "--help").out))


if __name__ == "__main__":
    unittest.main()
