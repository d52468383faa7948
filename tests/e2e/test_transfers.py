# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: transfers end to end: batches, linked groups, and retries that never
post twice."""

import concurrent.futures
import unittest

import rpc
from node import CityTest, entry_ids
from rpc import item, new_id, ref

M1, M2, M3 = (f"m{n}@barcelona" for n in (1, 2, 3))


class Transfers(CityTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = cls.city.client("operator", "anna")
        cls.gateway = cls.city.client("gateway", "till")
        for name in (M1, M2, M3):
            cls.operator.open(name, 1_000_000, 1_000_000)

    def test_transfers_move_credit(self):
        """Debit pays, credit is paid; all that was said is kept."""
        reference = new_id()
        one = item(M1, M2, 123, kind=rpc.transfer.TRANSFER_KIND_CONTRIBUTION,
                   reference=reference, memo="für das Brot")
        before = self.gateway.balance(M1), self.gateway.balance(M2)
        answer = self.gateway.post(one)
        result = answer.results[0]
        self.assertEqual((result.refusal, result.recorded), (0, False))
        self.assertEqual(
            (self.gateway.balance(M1), self.gateway.balance(M2)),
            (before[0] - 123, before[1] + 123))
        found = self.gateway.GetTransfer(
            id=one.id, min_position=answer.position).transfer
        self.assertEqual(
            (found.number, found.debit_address, found.credit_address,
             found.amount_minor, found.kind, found.reference, found.memo,
             found.position, found.actor),
            (result.number, M1, M2, 123, 2, reference, "für das Brot",
             result.position, self.city.uri("gateway", "till")))

    def test_transfers_largest_batch(self):
        """8,190 in one request, each with its own result."""
        items = [item(M1, M2, 1) if n % 2 else item(M2, M1, 1)
                 for n in range(8190)]
        answer = self.gateway.post(*items)
        self.assertEqual(rpc.outcomes(answer), [None] * 8190)
        numbers = [result.number for result in answer.results]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 8190)))

    def test_transfers_results_are_each_items_own(self):
        answer = self.gateway.post(item(M1, M2, 1), item(M1, M1, 1),
                                   item(M1, M2, 10 ** 9), item(M2, M1, 1))
        self.assertEqual(rpc.outcomes(answer),
                         [None, "SAME_ACCOUNT", "OVER_LIMIT", None])

    def test_transfers_same_id_same_answer(self):
        """Sent again: the recorded answer, and nothing journaled."""
        one = item(M1, M2, 5, memo="once")
        first = self.gateway.post(one)
        balance = self.gateway.balance(M1)
        with self.unharmed():
            again = self.gateway.post(one)
        self.assertTrue(again.results[0].recorded)
        self.assertEqual(
            (again.results[0].number, again.results[0].position),
            (first.results[0].number, first.results[0].position))
        self.assertEqual(self.gateway.balance(M1), balance)

    def test_transfers_same_id_other_content(self):
        """Each field counts; the person of the caller does not."""
        one = item(M1, M2, 5, memo="a")
        client = self.city.client("coop", "m1", person="mia")
        self.assertEqual(rpc.outcomes(client.post(one)), [None])
        other_person = self.city.client("coop", "m1", person="max")
        self.assertTrue(other_person.post(one).results[0].recorded)
        for fields in ({"amount_minor": 6}, {"credit": ref(M3)},
                       {"memo": "b"}, {"kind": 2}, {"reference": new_id()}):
            changed = rpc.transfer.TransferItem.FromString(
                one.SerializeToString())
            for name in fields:
                changed.ClearField(name)
            changed.MergeFrom(rpc.transfer.TransferItem(**fields))
            with self.subTest(fields=list(fields)):
                self.assertEqual(rpc.outcomes(client.post(changed)),
                                 ["ID_CONFLICT"])
        # Another caller than the one that it was recorded for.
        self.assertEqual(rpc.outcomes(self.gateway.post(one)),
                         ["ID_CONFLICT"])

    def test_transfers_id_or_address_names_the_same_account(self):
        """Decoded fields decide: the account counts, not how it was named."""
        one = item(M1, M2, 5)
        self.gateway.post(one)
        number = self.gateway.GetAccount(account=ref(M1)).account.id
        one.debit.CopyFrom(ref(number))
        self.assertEqual(rpc.outcomes(self.gateway.post(one)), [None])

    def test_transfers_refused_id_stays_free(self):
        """A refusal is not recorded: the same id succeeds later."""
        self.operator.open("late@barcelona", 0, 1000)
        one = item("late@barcelona", M1, 10)
        self.assertEqual(rpc.outcomes(self.gateway.post(one)),
                         ["OVER_LIMIT"])
        self.gateway.post(item(M1, "late@barcelona", 10))
        self.assertEqual(rpc.outcomes(self.gateway.post(one)), [None])

    def test_transfers_one_id_space(self):
        """An id of a transfer cannot open an account or place a hold."""
        one = item(M1, M2, 5)
        self.gateway.post(one)
        self.refused(lambda: self.operator.open("x@barcelona", id=one.id),
                     "ID_CONFLICT", "ALREADY_EXISTS")
        self.refused(lambda: self.gateway.PlaceHold(
            id=one.id, debit=ref(M1), credit=ref(M2), amount_minor=5,
            expires_at_us=self.city.soon_us(60)), "ID_CONFLICT")

    def test_transfers_other_commands_are_idempotent(self):
        """Opening an account twice by one id gives one account."""
        made = new_id()
        number = self.operator.open("twice@barcelona", id=made)
        self.assertEqual(self.operator.open("twice@barcelona", id=made),
                         number)
        self.refused(lambda: self.operator.open("twice@barcelona", 1,
                                                id=made), "ID_CONFLICT")
        frozen = {"id": new_id(), "account": ref(number), "reason": "asked"}
        first = self.operator.FreezeAccount(**frozen).position
        self.assertEqual(self.operator.FreezeAccount(**frozen).position,
                         first)
        self.operator.UnfreezeAccount(id=new_id(), account=ref(number),
                                      reason="settled")
        # Recorded: the answer is the old one, and nothing is frozen anew.
        self.assertEqual(self.operator.FreezeAccount(**frozen).position,
                         first)
        self.assertEqual(self.operator.GetAccount(
            account=ref(number)).account.state, 1)

    def test_transfers_retries_at_the_same_time(self):
        """One id from ten connections at once posts once."""
        one = item(M1, M2, 7)
        before = self.gateway.balance(M1)
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            clients = [self.city.connect(
                self.city.certificate("gateway", "till")) for _ in range(10)]
            answers = list(pool.map(lambda client: client.post(one),
                                    clients))
            for client in clients:
                client.close()
        self.assertEqual({answer.results[0].number for answer in answers},
                         {answers[0].results[0].number})
        self.assertEqual([answer.results[0].recorded
                          for answer in answers].count(False), 1)
        self.assertEqual(self.gateway.balance(M1), before - 7)

    def test_transfers_same_id_twice_in_one_request(self):
        """The second of the two is recorded, not posted."""
        one = item(M1, M2, 7)
        before = self.gateway.balance(M1)
        answer = self.gateway.post(one, one)
        self.assertEqual([result.recorded for result in answer.results],
                         [False, True])
        self.assertEqual(self.gateway.balance(M1), before - 7)

    # ---- linked groups

    def group(self, *amounts):
        return [item(M1, M2, amount, linked=n + 1 < len(amounts))
                for n, amount in enumerate(amounts)]

    def test_transfers_linked_all_or_none(self):
        before = self.gateway.balance(M1)
        good, bad = self.group(1, 2, 3), self.group(10, 10 ** 9, 20)
        after = item(M1, M2, 4)
        answer = self.gateway.post(*good, *bad, after)
        self.assertEqual(rpc.outcomes(answer), [None] * 3 + [
            "LINKED_FAILED", "OVER_LIMIT", "LINKED_FAILED", None])
        self.assertEqual(self.gateway.balance(M1), before - 10)
        self.assertEqual(
            {result.position for result in answer.results[:3]},
            {answer.results[0].position})

    def test_transfers_linked_sees_what_came_before_in_the_group(self):
        """An item may pay with what an earlier one of its group brought."""
        self.operator.open("poor@barcelona", 0, 1000)
        answer = self.gateway.post(
            item(M1, "poor@barcelona", 50, linked=True),
            item("poor@barcelona", M2, 50))
        self.assertEqual(rpc.outcomes(answer), [None, None])

    def test_transfers_linked_sent_again(self):
        """As a whole: recorded. Mixed with a new id: a conflict."""
        group = self.group(1, 2)
        self.gateway.post(*group)
        before = self.gateway.balance(M1)
        with self.unharmed():
            again = self.gateway.post(*group)
            self.assertEqual([result.recorded for result in again.results],
                             [True, True])
            mixed = self.gateway.post(group[0], item(M1, M2, 2))
            self.assertEqual(sorted(map(str, rpc.outcomes(mixed))),
                             ["ID_CONFLICT", "LINKED_FAILED"])
        self.assertEqual(self.gateway.balance(M1), before)

    # ---- what stands in the journal

    def test_transfers_sum_is_zero_and_ids_are_in_the_journal(self):
        ones = [item(M2, M3, 1) for _ in range(20)]
        answer = self.gateway.post(*ones)
        rows = dict(self.query_created())
        found = [found_id for seq, block in self.city.blocks()
                 for found_id in entry_ids(rows[seq], block)]
        self.assertEqual(len(found), len(set(found)), "an id stands twice")
        self.assertLessEqual({one.id for one in ones}, set(found))
        self.city.catch_up()
        self.assertEqual(self.city.query(
            "select sum(credits_posted - debits_posted)"
            " from clearing.account")[0][0], 0)
        self.assertEqual(self.city.query(
            "select count(*) from clearing.transfer where seq = %s",
            answer.position)[0][0], 20)

    def query_created(self):
        return self.city.query("select seq, created from clearing.journal")

    def test_transfers_memo_stands_beside_the_chain(self):
        """The text is in the table memo; the journal has its hash alone."""
        secret = "Geburtstag von Rosa"
        one = item(M1, M2, 1, memo=secret)
        position = self.gateway.post(one).position
        payload = bytes(self.city.query(
            "select payload from clearing.journal where seq = %s",
            position)[0][0])
        self.assertNotIn(secret.encode(), payload)
        self.assertEqual(self.city.query(
            "select text from clearing.memo where seq = %s",
            position)[0][0], secret)


if __name__ == "__main__":
    unittest.main()
