# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: accounts, statements and lists: pages, positions, deadlines, and the
services that a stranger finds by reflection."""

import unittest

import rpc
from node import CityTest, wait_until
from rpc import item, new_id, ref

M1, M2 = "m1@barcelona", "m2@barcelona"


class Reads(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls.city.client("operator", "anna")
        cls.gateway = cls.city.client("gateway", "till")
        cls.treasurer = cls.city.client("treasurer", "tess")
        for number in range(1, 26):
            cls.operator.open(f"m{number}@barcelona", 100_000, 100_000,
                              display_name=f"Member {number}")
        cls.items = [item(M1, M2, n) if n % 3 else item(M2, M1, n)
                     for n in range(1, 61)]
        for one in cls.items:  # a block each, or nearly so
            cls.position = cls.gateway.post(one).position

    def test_reads_account(self):
        found = self.gateway.GetAccount(account=ref(M1)).account
        self.assertEqual((found.address, found.display_name, found.state,
                          found.credit_limit_minor,
                          found.balance_ceiling_minor, found.gateway_allowed),
                         (M1, "Member 1", 1, 100_000, 100_000, True))
        self.assertEqual(found.balance_minor, found.credits_posted_minor
                         - found.debits_posted_minor)
        by_number = self.gateway.GetAccount(account=ref(found.id)).account
        self.assertEqual(by_number, found)
        self.refused(lambda: self.gateway.GetAccount(
            account=ref("nobody@barcelona")), "ACCOUNT_UNKNOWN", "NOT_FOUND")

    def pages(self, call, field, size):
        """All rows of a list, page by page."""
        rows, token, count = [], "", 0
        while True:
            answer = call(page=rpc.common.PageRequest(size=size,
                                                      token=token))
            found = list(getattr(answer, field))
            self.assertLessEqual(len(found), size)
            rows += found
            count += 1
            self.assertLess(count, 1000)
            token = answer.next_token
            if not token:
                return rows

    def test_reads_accounts_in_pages(self):
        """Every size of page gives the same list, by id."""
        everything = self.pages(self.gateway.ListAccounts, "accounts", 1000)
        self.assertEqual([one.id for one in everything],
                         list(range(1, len(everything) + 1)))
        self.assertEqual(everything[0].address, "city/commons@barcelona")
        self.assertEqual(everything[1].address, "city/loss@barcelona")
        for size in (1, 3, len(everything)):
            self.assertEqual(self.pages(self.gateway.ListAccounts,
                                        "accounts", size), everything)

    def test_reads_entries_in_pages(self):
        """Oldest first, by number, each once."""
        def ask(**fields):
            return self.gateway.ListEntries(
                account=ref(M1), min_position=self.position, **fields)
        rows = self.pages(ask, "entries", 7)
        self.assertEqual([one.id for one in rows],
                         [one.id for one in self.items])
        self.assertEqual(rows, self.pages(ask, "entries", 1000))
        later = self.gateway.ListEntries(
            account=ref(M1), after_number=rows[40].number,
            min_position=self.position).entries
        self.assertEqual(list(later), rows[41:])
        whole = self.pages(lambda **fields: self.gateway.ListEntries(
            min_position=self.position, **fields), "entries", 1000)
        numbers = [one.number for one in whole]
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_reads_page_token_belongs_to_its_query(self):
        """A token of one query is no token of another; garbage is none."""
        token = self.gateway.ListEntries(
            account=ref(M1), min_position=self.position,
            page=rpc.common.PageRequest(size=2)).next_token
        self.assertTrue(token)
        for what, call in (
                ("other account", lambda: self.gateway.ListEntries(
                    account=ref(M2),
                    page=rpc.common.PageRequest(size=2, token=token))),
                ("other method", lambda: self.gateway.ListAccounts(
                    page=rpc.common.PageRequest(size=2, token=token))),
                ("garbage", lambda: self.gateway.ListAccounts(
                    page=rpc.common.PageRequest(size=2, token="abc"))),
                ("changed", lambda: self.gateway.ListEntries(
                    account=ref(M1), page=rpc.common.PageRequest(
                        size=2, token=token[:-2] + "xx")))):
            with self.subTest(what):
                self.refused(call, "PAGE_TOKEN_INVALID", "INVALID_ARGUMENT")

    def test_reads_page_size(self):
        """0 is 100; above 1,000 is refused or bounded, never more."""
        try:
            found = self.gateway.ListEntries(
                page=rpc.common.PageRequest(size=5000)).entries
            self.assertLessEqual(len(found), 1000)
        except rpc.Refused as refused:
            self.assertEqual(refused.code, "INVALID_ARGUMENT")

    def test_reads_statement(self):
        """Opening + entries = closing, newest first, over all pages."""
        balance, rows, token = None, [], ""
        while True:
            page = self.gateway.GetStatement(
                account=ref(M1), min_position=self.position,
                page=rpc.common.PageRequest(size=11, token=token))
            changes = [entry.change_minor for entry in page.entries]
            self.assertEqual(page.opening_minor + sum(changes),
                             page.closing_minor)
            if balance is None:
                self.assertEqual(page.closing_minor,
                                 self.gateway.balance(M1))
            else:
                self.assertEqual(page.closing_minor, balance)
            running = page.opening_minor
            for entry in reversed(page.entries):
                running += entry.change_minor
                self.assertEqual(entry.balance_minor, running)
            balance = page.opening_minor
            rows += list(page.entries)
            token = page.next_token
            if not token:
                break
        self.assertEqual(balance, 0)
        self.assertEqual([row.transfer.id for row in rows],
                         [one.id for one in reversed(self.items)])

    def test_reads_statement_of_a_span(self):
        """From inclusive, until exclusive; the opening is what was before."""
        entries = list(self.gateway.ListEntries(
            account=ref(M1), min_position=self.position,
            page=rpc.common.PageRequest(size=1000)).entries)
        start, end = entries[20].posted_at_us, entries[40].posted_at_us
        wanted = [one for one in entries if start <= one.posted_at_us < end]
        page = self.gateway.GetStatement(
            account=ref(M1), from_us=start, until_us=end,
            page=rpc.common.PageRequest(size=1000))
        self.assertEqual([row.transfer.id for row in page.entries],
                         [one.id for one in reversed(wanted)])
        me = self.gateway.GetAccount(account=ref(M1)).account.id
        before = sum(one.amount_minor * (1 if one.credit_account == me
                                         else -1)
                     for one in entries if one.posted_at_us < start)
        self.assertEqual(page.opening_minor, before)

    def test_reads_statement_of_all_time(self):
        """Times that no calendar has are times before or after all others."""
        whole = self.gateway.GetStatement(account=ref(M1),
                                          min_position=self.position)
        least, most = -1 << 63, (1 << 63) - 1
        for start in (least, least + 1, -1 << 62, -1):
            for until in (0, most, 1 << 62):
                self.assertEqual(self.gateway.GetStatement(
                    account=ref(M1), from_us=start, until_us=until), whole)
        for start, until in ((most, 0), (most, least), (0, least), (0, -1)):
            self.assertEqual(list(self.gateway.GetStatement(
                account=ref(M1), from_us=start, until_us=until).entries), [])

    def test_reads_see_what_was_written(self):
        """With the position of a reply, a read never misses it."""
        for _ in range(20):
            one = item("m3@barcelona", "m4@barcelona", 1)
            position = self.gateway.post(one).position
            found = self.gateway.GetTransfer(id=one.id,
                                             min_position=position)
            self.assertEqual(found.transfer.position, position)

    def test_reads_wait_for_a_position_until_the_deadline(self):
        """A position that does not come ends in DEADLINE_EXCEEDED."""
        far = self.city.head() + 1000
        for call in (
                lambda: self.gateway.ListEntries(min_position=far,
                                                 timeout=1),
                lambda: self.gateway.GetBalance(
                    account=ref(M1), min_position=far, timeout=1),
                lambda: self.gateway.GetTransfer(
                    id=self.items[0].id, min_position=far, timeout=1)):
            with self.unharmed():
                self.refused(call, code="DEADLINE_EXCEEDED")

    def test_reads_unknown_transfer(self):
        self.refused(lambda: self.gateway.GetTransfer(id=new_id()),
                     "TRANSFER_UNKNOWN", "NOT_FOUND")

    def test_reads_node(self):
        found = self.gateway.GetNode()
        self.assertEqual((found.federation, found.city, found.unit,
                          found.decimals, found.state, found.batch_max),
                         ("fabcity", "barcelona", "credit", 2, 2, 8190))
        self.assertGreaterEqual(found.position, self.position)
        self.city.catch_up()
        rows = self.city.query(
            "select sum(greatest(0, debits_posted - credits_posted))"
            " from clearing.account where address not like 'city/%'")
        self.assertEqual(found.credit_issued_minor, rows[0][0])
        self.assertEqual(found.accounts, self.city.query(
            "select count(*) from clearing.account")[0][0])

    def test_reads_audit_trail(self):
        """Who changed which limit, when and why stands in the tables."""
        self.treasurer.SetAccountLimits(
            id=new_id(), account=ref("m9@barcelona"),
            credit_limit_minor=50, balance_ceiling_minor=60,
            reason="harvest was poor")
        self.city.catch_up()
        rows = self.city.query(
            "select a.uri, c.reason from clearing.account_change c"
            " join clearing.actor a on a.id = c.actor"
            " where c.reason = 'harvest was poor'")
        self.assertEqual({row[0] for row in rows},
                         {self.city.uri("treasurer", "tess")})

    # ---- what a stranger finds

    def test_reads_services_by_reflection(self):
        wanted = {f"clearing.v1.{name}Service" for name in (
            "Account", "Transfer", "Hold", "Statement", "Node")}
        for version in ("v1", "v1alpha"):
            found = set(self.gateway.services(version))
            self.assertLessEqual(wanted | {"grpc.health.v1.Health"}, found)

    def reflect(self, **request):
        module = rpc.reflection
        call = self.gateway.channel.stream_stream(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=module.ServerReflectionResponse.FromString)
        return list(call(iter([module.ServerReflectionRequest(**request)]),
                         timeout=10))[0]

    def test_reads_descriptors_by_reflection(self):
        """The files hold what the .proto files say."""
        from google.protobuf import descriptor_pb2
        for request in ({"file_containing_symbol":
                         "clearing.v1.TransferService"},
                        {"file_containing_symbol":
                         "clearing.v1.TransferService.PostTransfers"},
                        {"file_containing_symbol":
                         "clearing.v1.TransferItem"},
                        {"file_by_filename":
                         "clearing/v1/transfer.proto"}):
            with self.subTest(request):
                answer = self.reflect(**request)
                files = [descriptor_pb2.FileDescriptorProto.FromString(one)
                         for one in answer.file_descriptor_response
                         .file_descriptor_proto]
                found = {one.name: one for one in files}
                own = found["clearing/v1/transfer.proto"]
                own.ClearField("source_code_info")
                expected = descriptor_pb2.FileDescriptorProto()
                rpc.transfer.DESCRIPTOR.CopyToProto(expected)
                self.assertEqual([one.name for one in own.message_type],
                                 [one.name for one in expected.message_type])
        missing = self.reflect(file_containing_symbol="clearing.v1.Nothing")
        self.assertEqual(missing.error_response.error_code, 5)

    def test_reads_health(self):
        for service in ("", "clearing.v1.TransferService",
                        "clearing.v1.NodeService"):
            self.assertEqual(self.gateway.health(service), "SERVING")
        self.refused(lambda: self.gateway.health("no.such.Service"),
                     code="NOT_FOUND")

    def test_reads_clock_of_positions_never_falls(self):
        """Positions of replies rise; the head is what the node tells."""
        wait_until(lambda: self.gateway.GetNode().position
                   == self.city.head(), "node and journal agree", 10)
        positions = [self.gateway.post(
            item("m3@barcelona", "m4@barcelona", 1)).position
                     for _ in range(10)]
        self.assertEqual(positions, sorted(positions))


if __name__ == "__main__":
    unittest.main()
