# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: three cities pay each other while nodes and databases are killed,
their networks parted, and their connections slowed, cut and robbed of
answers. At rest, each payment that the payers were told of is in the books of
every city of its path once, or in none; the positions of two neighbours
mirror each other; and clearing-verify is content in each city.

4 schedules; 200 with CLEARING_LONG=1. CLEARING_SEED repeats one of them, and
a failure tells its seed. Where network namespaces cannot be made it skips.
"""

import collections
import hashlib
import itertools
import os
import random
import sys
import threading
import time
import unittest

import netns
import proxy
import rpc
from cities import Cities
from node import FEDERATION, LONG, wait_until

SCHEDULES = 200 if LONG else 4
NAMES = ["barcelona", "boston", "lisbon"]
COOPS = 4
# A line that some of the load fills, so that ways change and are refused.
LINE, LINE_MINOR = "150.00", 15_000
SCHEDULE_S = 7
# Faults of seconds must not cost minutes: by then every payment has ended.
END_S = 45
KINDS = ("kill node", "kill database", "part", "drop", "connection")
# What a caller sends again, with the same id.
AGAIN = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED",
         "RESOURCE_EXHAUSTED"}
AGAIN_REASONS = {"RECOVERING", "TOO_MANY_PAYMENTS"}
# Refusals of a whole request that a sound node may give this load: nothing
# was recorded, and the payer may forget it.
NOT_TAKEN = {"OVER_LIMIT", "NO_ROUTE"}
POSTED, REFUSED, PENDING = "POSTED", "REFUSED", "PENDING"


def coop(number, city):
    return f"m{number}@{city}"


def state_of(payment):
    name = rpc.payment.PaymentState.Name(payment.state)
    return name[len("PAYMENT_STATE_"):]


class Sent:
    """One payment as its payer knows it."""

    def __init__(self, fields):
        self.fields = fields
        self.told = None  # the newest Payment that a reply had
        self.position = 0  # of that reply
        self.refused = None  # why the request was not taken at all

    @property
    def ended(self):
        return self.told is not None and state_of(self.told) != PENDING


class Payer(threading.Thread):
    """The coops of one city: they pay those of the others, one at a time,
    and write down what they were told."""

    def __init__(self, city, seed, stop):
        super().__init__()
        self.city, self.stop, self.chance = city, stop, random.Random(seed)
        self.sent, self.wrong = {}, []
        self.unanswered = collections.deque()

    def fields(self):
        there = self.chance.choice(
            [name for name in NAMES if name != self.city.name])
        return {"id": rpc.new_id(),
                "payer": rpc.ref(coop(self.chance.randrange(COOPS),
                                      self.city.name)),
                "payee": coop(self.chance.randrange(COOPS), there),
                "amount_minor": self.chance.randint(1, 900),
                "wait_ms": self.chance.choice((0, 0, 300, 2000)),
                "reference": self.chance.randbytes(8)}

    def tell(self, sent, payment):
        """What ended stays as it ended."""
        if payment.id != sent.fields["id"] \
                or payment.amount_minor != sent.fields["amount_minor"] \
                or payment.payee != sent.fields["payee"]:
            self.wrong.append(("another payment", sent.fields, payment))
        if sent.ended and (
                state_of(payment), payment.reason, payment.decided_id) != (
                state_of(sent.told), sent.told.reason, sent.told.decided_id):
            self.wrong.append(("changed its end", sent.told, payment))
        sent.told = payment

    def pay(self, client, sent):
        """Send it; False: nobody knows whether it arrived."""
        try:
            answer = client.Pay(**sent.fields, timeout=6)
        except rpc.Refused as refused:
            if refused.code in AGAIN or refused.reason in AGAIN_REASONS:
                return False
            if refused.reason not in NOT_TAKEN or sent.told:
                self.wrong.append((sent.fields, refused))
            sent.refused = refused.reason
            return True
        self.tell(sent, answer.payment)
        sent.position = answer.position
        return True

    def run(self):
        client = self.city.connect(self.city.certificate("gateway", "till"))
        try:
            while not self.stop.is_set():
                sent = self.next()
                if not self.pay(client, sent):
                    self.unanswered.append(sent)
                if sent.told is None:
                    self.stop.wait(0.02)
        finally:
            client.close()

    def next(self):
        if self.unanswered and self.chance.random() < 0.5:
            return self.unanswered.popleft()
        sent = Sent(self.fields())
        self.sent[sent.fields["id"]] = sent
        return sent

    def finish(self, deadline):
        """Send again what got no answer, and ask for the end of the rest."""
        client = self.city.connect(self.city.certificate("gateway", "till"))
        try:
            while self.unanswered:
                if self.pay(client, self.unanswered[0]):
                    self.unanswered.popleft()
                elif time.monotonic() > deadline:
                    raise AssertionError(
                        f"{self.city.name}: {len(self.unanswered)} payments "
                        "get no answer")
                else:
                    time.sleep(0.05)
            for sent in self.sent.values():
                self.ask(client, sent, deadline)
        finally:
            client.close()

    def ask(self, client, sent, deadline):
        """Its end, also of those whose end was told: it must be the same."""
        while True:
            try:
                found = client.GetPayment(
                    id=sent.fields["id"],
                    min_position=sent.position).payment
            except rpc.Refused as refused:
                if refused.reason != "PAYMENT_UNKNOWN":
                    raise
                if sent.told or not sent.refused:
                    self.wrong.append(("was told, and is unknown", sent.told))
                return
            if sent.refused:
                self.wrong.append((f"refused, {sent.refused}", found))
            self.tell(sent, found)
            if sent.ended:
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"has no end: {found}")
            time.sleep(0.05)


class Schedule:
    """What happens when, from a seed: [(second, text, action)]."""

    def __init__(self, cities, seed):
        self.cities, self.chance = cities, random.Random(seed)
        self.events = []
        # Each kind at least once, whatever the seed.
        kinds = list(KINDS) + self.chance.choices(KINDS, k=3)
        self.chance.shuffle(kinds)
        for at, kind in enumerate(kinds):
            begin = (at + self.chance.random()) * SCHEDULE_S / len(kinds)
            end = begin + self.chance.uniform(0.2, 2.5)
            getattr(self, kind.replace(" ", "_"))(begin, end)
        self.events.sort(key=lambda event: event[0])

    def add(self, second, text, action):
        self.events.append((second, text, action))

    def city(self):
        return self.cities[self.chance.choice(NAMES)]

    def pair(self):
        return self.chance.sample(NAMES, 2)

    def kill_node(self, begin, end):
        city = self.city()
        self.add(begin, f"kill -9 {city.name}", city.kill)
        self.add(end, f"start {city.name}", lambda: revive(city))

    def kill_database(self, begin, end):
        city = self.city()
        self.add(begin, f"kill -9 database of {city.name}",
                 city.database.kill9)
        self.add(end, f"start database of {city.name}",
                 lambda: revive_database(city))

    def part(self, begin, end):
        one, two = self.pair()
        self.add(begin, f"part {one} and {two}",
                 lambda: self.cities.network.part(one, two))
        self.add(end, "join the network", self.cities.network.heal)

    def drop(self, begin, end):
        one, two = self.pair()
        self.add(begin, f"drop from {one} to {two}",
                 lambda: self.cities.network.drop(one, two))
        self.add(end, "join the network", self.cities.network.heal)

    def connection(self, begin, end):
        name = self.chance.choice(NAMES)
        route, chance = self.cities.routes[name], random.Random(
            self.chance.getrandbits(32))
        fault = self.chance.choice(sorted(proxy.FAULTS))
        self.add(begin, f"{fault} to {name}",
                 lambda: proxy.FAULTS[fault](route, chance))
        self.add(end, f"mend the way to {name}", route.heal)

    def run(self, start):
        for second, _, action in self.events:
            while (left := start + second - time.monotonic()) > 0:
                # A supervisor would: nodes that lost their database.
                for city in self.cities:
                    if city.process.poll() not in (None, -9):
                        revive(city)
                time.sleep(min(left, 0.05))
            action()

    def __str__(self):
        return "\n".join(f"  {second:5.2f} s {text}"
                         for second, text, _ in self.events)


def revive(city):
    """Start a node that ended; not one that runs."""
    if city.process.poll() is not None:
        if city.process.returncode < 0 and city.process.returncode != -9:
            raise AssertionError(
                f"{city.name} died of signal {-city.process.returncode}:\n"
                + city.log_text()[-3000:])
        city.launch()


def revive_database(city):
    if city.database.process is None:
        city.database.start()
        if city.auditor:
            city.auditor.close()  # it was of the server that is gone


class CitiesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.seed = int(os.environ.get("CLEARING_SEED",
                                      random.SystemRandom().getrandbits(32)))
        cls.cities = Cities(NAMES, line=LINE, seed=cls.seed).__enter__()
        cls.addClassCleanup(cls.cities.__exit__)
        for city in cls.cities:
            operator = city.client("operator", "anna")
            for number in range(COOPS):
                operator.open(coop(number, city.name), 100_000, 10 ** 9)
        cls.cities.wait_at_rest(60)
        # A command on a link, so that each journal has one.
        for city in cls.cities:
            other = NAMES[NAMES.index(city.name) - 1]
            city.client("treasurer", "tom").SetLine(
                id=rpc.new_id(), city=other, reason="as the roster has it",
                line_minor=LINE_MINOR)
        cls.expected = {name: {} for name in NAMES}
        cls.counts = collections.Counter()

    def test_all_pay_all(self):
        """With nothing wrong every payment is told as posted at once."""
        payers = [Payer(city, 0, threading.Event()) for city in self.cities]
        for payer in payers:
            client = payer.city.client("gateway", "till")
            for name in NAMES:
                if name == payer.city.name:
                    continue
                sent = Sent({**payer.fields(), "payee": coop(0, name),
                             "wait_ms": 10_000})
                payer.sent[sent.fields["id"]] = sent
                self.assertTrue(payer.pay(client, sent))
                self.assertEqual(state_of(sent.told), POSTED)
            self.assertEqual(payer.wrong, [])
        self.cities.wait_at_rest()
        self.judge(payers)

    def asker(self, name):
        """How the node of a city asks barcelona's for an outcome."""
        client = self.cities["barcelona"].connect(
            self.cities[name].authority.issue(
                f"URI:spiffe://{FEDERATION}/city/{name}"))
        self.addCleanup(client.close)

        def ask(payment, terms):
            return client.QueryOutcome(
                payment_id=payment,
                terms_hash=hashlib.sha256(terms).digest()).proof
        return ask

    def test_receipt_when_held(self):
        """The payee's city tells its decision when the payer's has it."""
        decider, way = self.cities["barcelona"], self.cities.routes["boston"]
        payer = Payer(self.cities["boston"], 0, threading.Event())
        sent = Sent({**payer.fields(), "payee": coop(0, "barcelona"),
                     "wait_ms": 0})
        payment = sent.fields["id"]
        payer.sent[payment] = sent
        till = decider.client("gateway", "till")
        way.stall("up")
        try:
            payer.pay(payer.city.client("gateway", "till"), sent)
            (terms,), = wait_until(lambda: decider.query(
                "select encode(terms, 'hex') from clearing.payment"
                " where replace(id::text, '-', '') = %s and in_answered",
                payment.hex()), "the decision")
            terms = bytes.fromhex(terms)
            with self.assertRaises(rpc.Refused) as caught:
                till.GetReceipt(id=payment)
            self.assertEqual(caught.exception.reason, "PAYMENT_UNKNOWN")
            self.assertEqual(self.asker("boston")(payment, terms), b"")
            self.assertFalse(sent.ended)
        finally:
            way.heal()
        payer.finish(time.monotonic() + END_S)
        self.cities.wait_at_rest()
        receipt = till.GetReceipt(id=payment)
        self.assertEqual(receipt.terms, terms)
        self.assertNotEqual(receipt.proof, b"")
        self.assertEqual(self.asker("boston")(payment, terms), receipt.proof)
        # Nobody else learns of it, nor does who does not know the terms.
        self.assertEqual(self.asker("lisbon")(payment, terms), b"")
        self.assertEqual(self.asker("boston")(payment, b"other"), b"")
        self.assertEqual(payer.wrong, [])
        self.judge([payer])

    def test_answered_when_late(self):
        """Who waits for the end hears that it is pending, each in time."""
        way = self.cities.routes["boston"]
        payers = [Payer(self.cities["boston"], number, threading.Event())
                  for number in range(3)]
        way.stall("up")
        try:
            calls = []
            for payer, wait_ms in zip(payers, (2000, 300, 1000)):
                sent = Sent({**payer.fields(), "payee": coop(0, "barcelona"),
                             "wait_ms": wait_ms})
                payer.sent[sent.fields["id"]] = sent
                calls.append(threading.Thread(target=payer.pay, args=(
                    payer.city.client("gateway", "till"), sent)))
                calls[-1].start()
            for call in calls:
                call.join(END_S)
            for payer in payers:
                (sent,) = payer.sent.values()
                self.assertIsNone(sent.refused)
                self.assertEqual(state_of(sent.told), PENDING)
        finally:
            way.heal()
        for payer in payers:
            payer.finish(time.monotonic() + END_S)
            self.assertEqual(payer.wrong, [])
        self.cities.wait_at_rest()
        self.judge(payers)

    def test_schedules(self):
        """Last of these by its name: it may fill the lines the others need."""
        repeated = "CLEARING_SEED" in os.environ
        for number in range(1 if repeated else SCHEDULES):
            self.one_schedule(self.seed + number)
            if number % 10 == 9:
                print(f"{number + 1} of {SCHEDULES} schedules", flush=True)
        print(f"\nschedules from seed {self.seed}: {dict(self.counts)}",
              flush=True)
        self.assertGreater(self.counts[POSTED], 10 * number)

    def one_schedule(self, seed):
        schedule = Schedule(self.cities, seed)
        chance, stop = random.Random(seed), threading.Event()
        payers = [Payer(city, chance.getrandbits(32), stop)
                  for city in self.cities for _ in range(2)]
        try:
            self.disturb(schedule, payers, stop)
            self.revive_all()
            deadline = time.monotonic() + END_S
            for payer in payers:
                payer.finish(deadline)
                self.assertEqual(payer.wrong, [])
            self.cities.wait_at_rest()
            self.judge(payers)
        except Exception:
            print(f"seed {seed}:\n{schedule}", flush=True)
            for city in self.cities:
                print(f"{city.name}:\n{city.log_text()[-2000:]}", flush=True)
            raise

    def disturb(self, schedule, payers, stop):
        for payer in payers:
            payer.start()
        try:
            schedule.run(time.monotonic())
        finally:
            stop.set()
            for payer in payers:
                payer.join(60)

    def revive_all(self):
        self.cities.heal()
        for city in self.cities:
            revive_database(city)

        def all_serve():
            for city in self.cities:
                revive(city)
                try:
                    city.wait_serving(30)
                except AssertionError:
                    if city.process.poll() is None:
                        raise
                    return False  # it ended while starting: once more
            return True
        wait_until(all_serve, "all nodes serve", 90)

    # ---- the oracles

    def judge(self, payers):
        for payer in payers:
            for sent in payer.sent.values():
                self.count(sent)
        for city in self.cities:
            self.assertEqual(self.booked(city), self.expected[city.name],
                             f"books of {city.name}")
        self.mirrored()
        for city in self.cities:
            verified = city.verify()
            self.assertEqual(verified.status, 0, f"{city.name}: {verified}")
            self.assertEqual(city.database.invariants(), {}, city.name)

    def count(self, sent):
        """What the books of each city must have of it."""
        if sent.told is None:
            self.counts[f"not taken: {sent.refused}"] += 1
            return
        payment = sent.told
        if state_of(payment) == REFUSED:
            self.counts[f"refused: {payment.reason_name}"] += 1
            return
        self.counts[POSTED] += 1
        path = list(payment.path)
        self.assertEqual(path[0], sent.fields["payer"].address.split("@")[1])
        self.assertEqual(path[-1], payment.payee.split("@")[1])
        for at, name in enumerate(path):
            before = f"link/{path[at - 1]}" if at else \
                sent.fields["payer"].address.split("@")[0]
            after = f"link/{path[at + 1]}" if at + 1 < len(path) else \
                payment.payee.split("@")[0]
            entries = self.expected[name].setdefault(
                bytes(payment.decided_id), [])
            entries.append((before, after, payment.amount_minor))

    def booked(self, city):
        """{payment: [(debit, credit, amount)]} of entries on links."""
        found = {}
        for reference, debit, credit, amount in city.query(
                "select replace(t.reference::text, '-', ''), d.address,"
                " c.address, t.amount from clearing.transfer t"
                " join clearing.account d on d.id = t.debit_account"
                " join clearing.account c on c.id = t.credit_account"
                " where t.kind = 8 order by t.number"):
            found.setdefault(bytes.fromhex(reference), []).append(
                (debit, credit, amount))
        return found

    def mirrored(self):
        links = self.cities.positions()
        for one, two in itertools.combinations(NAMES, 2):
            mine, other = links[(one, two)], links[(two, one)]
            self.assertEqual(mine.owed_minor, -other.owed_minor)
            self.assertEqual((mine.out_seq, mine.out_head),
                             (other.in_seq, other.in_head))
            self.assertEqual((mine.in_seq, mine.in_head),
                             (other.out_seq, other.out_head))
            for name, link in ((one, mine), (two, other)):
                # What the city owes its neighbour is that account's.
                self.assertEqual(
                    self.cities[name].client("auditor", "health").balance(
                        link.account), -link.owed_minor)
                self.assertLessEqual(link.owed_minor, link.line_minor)


if __name__ == "__main__":
    try:
        with netns.Network(["probe"]):
            pass
    except netns.Unavailable as reason:
        netns.skip(reason)
    sys.exit(unittest.main())
