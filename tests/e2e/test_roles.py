# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: each cell of the table of roles and methods, asked over the wire."""

import unittest

import rpc
from certificates import Authority
from node import FEDERATION, CityTest, program, run
from rpc import item, new_id, ref

YES, NO = True, False
ROLES = ["coop", "gateway", "operator", "treasurer", "auditor", "city",
         "visitor"]
M1, M2, COMMONS = "m1@barcelona", "m2@barcelona", "city/commons@barcelona"


class Table(CityTest):
    """What reads a table of roles and methods; the coop that asks is m1."""

    def caller(self, role):
        return self.city.client(role, "m1" if role == "coop" else "x")

    def allowed(self, call):
        """Whether the role let it through, whatever came of it then."""
        try:
            call()
        except rpc.Refused as refused:
            if refused.code == "PERMISSION_DENIED":
                self.assertEqual(refused.reason, "NOT_PERMITTED")
                return False
            self.assertIn(refused.code, ("FAILED_PRECONDITION", "NOT_FOUND",
                                         "ALREADY_EXISTS",
                                         "INVALID_ARGUMENT"))
        return True

    def row(self, name, cells, call):
        """One method: `cells` in the order of ROLES; no cell writes unasked.
        """
        for role, expected in zip(ROLES, cells, strict=True):
            with self.subTest(method=name, role=role):
                client, argument = self.caller(role), call(None)
                head = self.city.head()
                self.assertEqual(
                    self.allowed(lambda: argument(client)), expected)
                if not expected:
                    self.assertEqual(self.city.head(), head, "journaled")


class Roles(Table):
    """m1 and m2 are coops."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        operator = cls.city.client("operator", "anna")
        treasurer = cls.city.client("treasurer", "tess")
        operator.open(M1, 1_000_000, 1_000_000)
        operator.open(M2, 1_000_000, 1_000_000)
        operator.open("m1/savings@barcelona", 1000, 1000)
        operator.open("m4@barcelona", 1000, 1000, gateway_forbidden=True)
        treasurer.SetAccountLimits(
            id=new_id(), account=ref(COMMONS), credit_limit_minor=10_000,
            balance_ceiling_minor=10_000, reason="the fund may start")
        gateway = cls.city.client("gateway", "till")
        cls.of_m1, cls.of_m2 = new_id(), new_id()
        gateway.post(item(M1, M2, 100, id=cls.of_m1))
        operator.open("m3@barcelona", 1000, 1000)
        gateway.post(item(M2, "m3@barcelona", 100, id=cls.of_m2))

    def hold(self, debit=M1, credit=M2):
        made = new_id()
        self.city.client("gateway", "till").PlaceHold(
            id=made, debit=ref(debit), credit=ref(credit), amount_minor=10,
            expires_at_us=self.city.soon_us(3600))
        return made

    def test_roles_reading(self):
        read = (YES, YES, YES, YES, YES, NO, NO)
        other = (NO, YES, YES, YES, YES, NO, NO)
        for name, cells, account in (("own", read, M1), ("other", other, M2),
                                     ("none", other, "nobody@barcelona")):
            who = ref(account)
            self.row("GetAccount " + name, cells, lambda _:
                     lambda client: client.GetAccount(account=who))
            self.row("GetBalance " + name, cells, lambda _:
                     lambda client: client.GetBalance(account=who))
            self.row("GetStatement " + name, cells, lambda _:
                     lambda client: client.GetStatement(account=who))
            self.row("ListEntries " + name, cells, lambda _:
                     lambda client: client.ListEntries(account=who))
            self.row("ListHolds " + name, cells, lambda _:
                     lambda client: client.ListHolds(account=who))
        self.row("ListEntries of the node", other, lambda _:
                 lambda client: client.ListEntries())
        self.row("ListHolds of the node", other, lambda _:
                 lambda client: client.ListHolds())
        self.row("ListAccounts", read, lambda _:
                 lambda client: client.ListAccounts())
        own, foreign = self.hold(), self.hold(M2, "m3@barcelona")
        self.city.catch_up()
        self.row("GetTransfer own", read, lambda _:
                 lambda client: client.GetTransfer(id=self.of_m1))
        self.row("GetTransfer other", other, lambda _:
                 lambda client: client.GetTransfer(id=self.of_m2))
        # Ids are chance: that one is unknown tells a coop nothing of others.
        self.row("GetTransfer none", read, lambda _:
                 lambda client: client.GetTransfer(id=new_id()))
        self.row("GetHold own", read, lambda _:
                 lambda client: client.GetHold(id=own))
        self.row("GetHold other", other, lambda _:
                 lambda client: client.GetHold(id=foreign))

    def test_roles_everybody(self):
        self.row("GetNode", (YES,) * 6 + (NO,), lambda _:
                 lambda client: client.GetNode())
        self.row("health", (YES,) * 7, lambda _:
                 lambda client: client.health())
        for role in ROLES[:6]:
            with self.subTest(method="reflection", role=role):
                self.assertIn("clearing.v1.AccountService",
                              self.caller(role).services())

    def test_roles_accounts(self):
        operator = (NO, NO, YES, NO, NO, NO, NO)
        self.row("OpenAccount", operator, lambda _:
                 lambda client: client.open("new1@barcelona"))
        for method in ("FreezeAccount", "UnfreezeAccount", "CloseAccount"):
            self.row(method, operator, lambda _, method=method:
                     lambda client: getattr(client, method)(
                         id=new_id(), account=ref("m3@barcelona"),
                         reason="asked for"))
        self.row("SetAccountLimits", (NO, NO, NO, YES, NO, NO, NO), lambda _:
                 lambda client: client.SetAccountLimits(
                     id=new_id(), account=ref("m3@barcelona"),
                     credit_limit_minor=1000, balance_ceiling_minor=2000,
                     reason="agreed in May"))

    def test_roles_paying(self):
        for method in ("PostTransfers", "PlaceHold"):
            def pay(debit, credit, method=method):
                def ask(client):
                    if method == "PostTransfers":
                        return client.post(item(debit, credit, 1))
                    return client.PlaceHold(
                        id=new_id(), debit=ref(debit), credit=ref(credit),
                        amount_minor=1,
                        expires_at_us=self.city.soon_us(3600))
                return lambda _: ask
            for name, debit, credit, cells in (
                ("own pays", M1, M2, (YES, YES, NO, NO, NO, NO, NO)),
                ("own purpose pays", "m1/savings@barcelona", M2,
                 (YES, YES, NO, NO, NO, NO, NO)),
                ("own is paid", M2, M1, (NO, YES, NO, NO, NO, NO, NO)),
                ("unknown pays", "nobody@barcelona", M1,
                 (NO, YES, NO, YES, NO, NO, NO)),
                ("the commons pay", COMMONS, M1,
                 (NO, NO, NO, YES, NO, NO, NO)),
                ("gateways forbidden", "m4@barcelona", M1, (NO,) * 7),
            ):
                self.row(f"{method}: {name}", cells, pay(debit, credit))

    def test_roles_batch_with_one_foreign_debit(self):
        """One foreign debit refuses the whole batch."""
        before = self.city.head()
        with self.assertRaises(rpc.Refused) as caught:
            self.caller("coop").post(item(M1, M2, 1), item(M2, M1, 1))
        self.assertEqual(caught.exception.reason, "NOT_PERMITTED")
        self.assertEqual(self.city.head(), before)

    def test_roles_ending_holds(self):
        def post(client, held):
            return client.PostHold(id=new_id(), hold_id=held, amount_minor=1)

        def void(client, held, reason=""):
            return client.VoidHold(id=new_id(), hold_id=held, reason=reason)

        self.row("PostHold as payer", (YES, YES, NO, NO, NO, NO, NO),
                 lambda _: lambda client, held=self.hold():
                 post(client, held))
        self.row("PostHold as payee", (NO, YES, NO, NO, NO, NO, NO),
                 lambda _: lambda client, held=self.hold(M2, M1):
                 post(client, held))
        self.row("VoidHold as payer", (NO, YES, NO, NO, NO, NO, NO),
                 lambda _: lambda client, held=self.hold():
                 void(client, held))
        self.row("VoidHold as payee", (YES, YES, NO, NO, NO, NO, NO),
                 lambda _: lambda client, held=self.hold(M2, M1):
                 void(client, held))
        self.row("VoidHold with reason", (NO, YES, YES, NO, NO, NO, NO),
                 lambda _: lambda client, held=self.hold():
                 void(client, held, "the shop burned down"))

    def test_roles_coop_lists_its_own_accounts(self):
        """A coop's list has its own accounts and no others."""
        listed = self.caller("coop").ListAccounts().accounts
        self.assertEqual({entry.address for entry in listed},
                         {M1, "m1/savings@barcelona"})

    def test_roles_person_changes_no_right(self):
        """/person/NAME is another actor, with the same rights."""
        client = self.city.client("coop", "m1", person="mia")
        self.assertEqual(rpc.outcomes(client.post(item(M1, M2, 1))), [None])
        with self.assertRaises(rpc.Refused) as caught:
            client.post(item(M2, M1, 1))
        self.assertEqual(caught.exception.reason, "NOT_PERMITTED")

    def test_roles_operator_sets_limits_up_to_the_maximum(self):
        """operator_limit_max_minor lets an operator do the smaller ones."""
        self.city.configure(limits={"operator_limit_max_minor": 5000})
        self.city.reload()
        operator = self.caller("operator")
        account = ref("m3@barcelona")

        def ask(limit, ceiling=2000):
            return self.allowed(lambda: operator.SetAccountLimits(
                id=new_id(), account=account, credit_limit_minor=limit,
                balance_ceiling_minor=ceiling, reason="small"))
        self.assertTrue(ask(5000))
        self.assertFalse(ask(5001))
        self.city.configure(limits={"operator_limit_max_minor": 0})
        self.city.reload()
        self.assertFalse(ask(1))


class RolesBetweenCities(Table):
    """barcelona has one neighbour, boston, whose node does not run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.boston = Authority(f"{cls.city.folder}/boston", FEDERATION,
                               "boston")
        cls.city.stop()
        cls.city.configure(federation={
            "roster": cls.make_roster(),
            "node_key": f"{cls.city.authority.folder}/node.key"})
        cls.city.start()
        operator = cls.city.client("operator", "anna")
        operator.open(M1, 1_000_000, 1_000_000)
        operator.open(M2, 1_000_000, 1_000_000)

    @classmethod
    def make_roster(cls):
        roster = f"{cls.city.folder}/roster"

        def control(verb, *words):
            made = run(program("clearctl"), "federation", verb, roster, *words)
            if made.status:
                raise RuntimeError(f"clearctl federation {verb}: {made}")
        control("init", "--federation", FEDERATION, "--founders",
                "barcelona,boston")
        for name, authority in (("barcelona", cls.city.authority),
                                ("boston", cls.boston)):
            control("add-city", name, "--node-key",
                    f"{authority.folder}/node.pub", "--ca",
                    authority.certificate, "--endpoint", "127.0.0.1:9")
        control("add-link", "barcelona", "boston", "--line-a", "100",
                "--line-b", "50")
        for authority in (cls.city.authority, cls.boston):
            control("sign", "--key", f"{authority.folder}/node.key")
        return roster

    def test_roles_links(self):
        everybody_here = (YES, YES, YES, YES, YES, NO, NO)
        for method, fields in (("GetLink", {"city": "boston"}),
                               ("GetLinkStatement", {"city": "boston"}),
                               ("ListLinks", {}), ("ListCities", {}),
                               ("GetRoster", {})):
            self.row(method, everybody_here, lambda _, method=method,
                     fields=fields: lambda client:
                     getattr(client, method)(**fields))
        self.row("ReconcileLink", (NO, NO, YES, NO, NO, NO, NO), lambda _:
                 lambda client: client.ReconcileLink(city="boston"))
        operator = (NO, NO, YES, NO, NO, NO, NO)
        treasurer = (NO, NO, NO, YES, NO, NO, NO)
        for method, cells, fields in (
                ("PauseLink", operator, {}), ("ResumeLink", operator, {}),
                ("WithdrawLink", operator, {"confirmed_not_restored": True}),
                ("FreezeLink", treasurer, {}), ("UnfreezeLink", treasurer, {}),
                ("SetLine", treasurer, {"line_minor": 500})):
            self.row(method, cells, lambda _, method=method, fields=fields:
                     lambda client: getattr(client, method)(
                         id=new_id(), city="boston", reason="agreed in May",
                         **fields))

    def test_roles_paying_other_cities(self):
        for name, payer, cells in (
            ("own pays", M1, (YES, YES, NO, NO, NO, NO, NO)),
            ("other pays", M2, (NO, YES, NO, NO, NO, NO, NO)),
            ("unknown pays", "nobody@barcelona",
             (NO, YES, NO, YES, NO, NO, NO)),
            ("the commons pay", COMMONS, (NO, NO, NO, YES, NO, NO, NO)),
        ):
            self.row(f"Pay: {name}", cells, lambda _, payer=payer:
                     lambda client: client.Pay(
                         id=new_id(), payer=ref(payer), payee="m1@boston",
                         amount_minor=1))

    def test_roles_payments(self):
        read = (YES, YES, YES, YES, YES, NO, NO)
        other = (NO, YES, YES, YES, YES, NO, NO)
        for name, cells, fields in (
                ("own", read, {"payer": ref(M1)}),
                ("other", other, {"payer": ref(M2)}),
                ("nobody's", read, {})):
            self.row(f"QuotePayment {name}", cells, lambda _, fields=fields:
                     lambda client: client.QuotePayment(
                         payee="m1@nowhere", amount_minor=1, **fields))
        for method in ("GetPayment", "GetReceipt"):
            self.row(f"{method} none", read, lambda _, method=method:
                     lambda client: getattr(client, method)(id=new_id()))
        self.row("SettlePayment none", (YES, YES, NO, NO, NO, NO, NO),
                 lambda _: lambda client: client.SettlePayment(
                     id=new_id(), key=b"k" * 32))
        self.row("CancelPayment none", (YES, YES, NO, YES, NO, NO, NO),
                 lambda _: lambda client: client.CancelPayment(id=new_id()))
        for method in ("ListPayments", "ListPaymentRequests"):
            for name, cells, fields in (("own", read, {"account": ref(M1)}),
                                        ("other", other, {"account": ref(M2)}),
                                        ("of the node", other, {})):
                self.row(f"{method} {name}", cells,
                         lambda _, method=method, fields=fields:
                         lambda client: getattr(client, method)(**fields))

    def test_roles_payment_requests(self):
        def asked(client, payee, payer):
            made = new_id()
            client.RequestPayment(id=made, payee=payee, payer=payer,
                                  amount_minor=1, purpose="twelve loaves")
            return made

        till = self.city.client("gateway", "till")
        for name, payee, payer, cells in (
            ("own is paid", M1, M2, (YES, YES, NO, NO, NO, NO, NO)),
            ("other is paid", M2, M1, (NO, YES, NO, NO, NO, NO, NO)),
        ):
            self.row(f"RequestPayment: {name}", cells,
                     lambda _, payee=payee, payer=payer: lambda client:
                     asked(client, payee, payer))
        for name, payee, payer, cells in (
            ("own is asked", M2, M1, (YES, YES, NO, NO, NO, NO, NO)),
            ("other is asked", M1, M2, (NO, YES, NO, NO, NO, NO, NO)),
        ):
            self.row(f"DeclinePaymentRequest: {name}", cells,
                     lambda _, payee=payee, payer=payer: lambda client,
                     made=asked(till, payee, payer):
                     client.DeclinePaymentRequest(id=made))

    # What cities ask of each other; a log is for who has a link alone.
    OF_CITIES = {"Hello": {}, "Deliver": {}, "QuotePayee": {},
                 "QueryOutcome": {}, "ReleasePayment": {},
                 "ForwardPaymentRequest": {}}
    OF_NEIGHBOURS = {"FetchLog": {"author": "barcelona", "from_seq": 1}}

    def test_roles_of_cities(self):
        for methods, cells in (
                (self.OF_CITIES, (NO, NO, NO, NO, NO, YES, NO)),
                (self.OF_NEIGHBOURS, (NO,) * 7)):
            for method, fields in methods.items():
                self.row(method, cells,
                         lambda _, method=method, fields=fields:
                         lambda client: getattr(client, method)(**fields))

    def test_roles_neighbour(self):
        """A neighbour's node may what cities may, and nothing else."""
        client = self.city.connect(self.boston.issue(
            f"URI:spiffe://{FEDERATION}/city/boston"))
        self.addCleanup(client.close)
        self.assertEqual(client.GetNode().city, "barcelona")
        may = {"GetNode": {}, **self.OF_CITIES, **self.OF_NEIGHBOURS}
        for method in sorted(rpc.METHODS):
            with self.subTest(method=method):
                self.assertEqual(self.allowed(
                    lambda method=method: getattr(client, method)(
                        **may.get(method, {}))), method in may)

    def test_roles_neighbours_coop(self):
        """Other roles of another city do not come in at all."""
        client = self.city.connect(self.boston.issue(
            f"URI:spiffe://{FEDERATION}/city/boston/coop/m1"))
        self.addCleanup(client.close)
        with self.assertRaises(rpc.Refused) as caught:
            client.GetNode(timeout=5)
        self.assertEqual(caught.exception.code, "UNAVAILABLE")


if __name__ == "__main__":
    unittest.main()
