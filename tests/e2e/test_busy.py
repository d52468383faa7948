# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: a node that cannot take a request now says so in the right words:
STARTING, OVERLOADED with a hint when to come again; and it comes back."""

import contextlib
import os
import signal
import threading
import unittest

import rpc
from node import City, CityTest, wait_until
from rpc import item, new_id

M1, M2 = "m1@barcelona", "m2@barcelona"


@contextlib.contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


class Busy(CityTest):
    settings = {"limits": {"queue_blocks_max": 4}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        operator = cls.city.client("operator", "anna")
        operator.open(M1, 10 ** 9, 10 ** 9)
        operator.open(M2, 10 ** 9, 10 ** 9)

    def journal_backends(self):
        return [row[0] for row in self.city.query(
            "select pid from pg_stat_activity"
            " where application_name = 'clearing journal'")]

    def test_busy_overloaded(self):
        """Nothing grows without bound: when as many blocks wait as may, the
        next request is refused with RetryInfo; those that wait are posted.
        """
        refused, posted, lock = [], [], threading.Lock()

        def load():
            client = self.city.connect(self.city.certificate("gateway",
                                                             "till"))
            batch = [item(M1, M2, 1) for _ in range(5000)]
            try:
                answer = client.post(*batch, timeout=60)
                with lock:
                    posted.append(answer)
            except rpc.Refused as error:
                with lock:
                    refused.append(error)
            client.close()
        workers = [threading.Thread(target=load) for _ in range(12)]
        with stopped(self.journal_backends()):
            for worker in workers:
                worker.start()
            wait_until(lambda: refused, "a refusal", 20)
        for worker in workers:
            worker.join()
        for error in refused:
            self.assertEqual((error.code, error.reason),
                             ("RESOURCE_EXHAUSTED", "OVERLOADED"))
            self.assertGreater(error.retry_after.total_seconds(), 0)
        self.assertGreater(len(posted), 1)
        for answer in posted:
            self.assertEqual(set(rpc.outcomes(answer)), {None})
        self.assertEqual(self.city.client("gateway", "till").balance(M2),
                         5000 * len(posted))

    def test_busy_not_permitted_comes_before_overloaded(self):
        """The order of refusals holds for a full node, too."""
        coop = self.city.client("coop", "m1")
        with stopped(self.journal_backends()):
            self.refused(lambda: coop.post(item(M2, M1, 1), timeout=5),
                         "NOT_PERMITTED")
            self.refused(lambda: coop.post(timeout=5), "BATCH_EMPTY")

    def test_busy_far_positions_hold_up_nobody(self):
        """Reads of a position that never comes keep no others waiting, and
        are forgotten with the connection that asked."""
        gateway = self.city.client("gateway", "till")
        position = gateway.post(item(M1, M2, 1), item(M2, M1, 1)).position
        path = rpc.path_of(rpc.METHODS["ListEntries"])
        far = rpc.statement.ListEntriesRequest(
            min_position=1 << 60).SerializeToString()
        clients = [self.city.connect(self.city.certificate("auditor", "far"))
                   for _ in range(2)]
        waiting = [client.channel.unary_unary(path).future(far, timeout=3600)
                   for client in clients for _ in range(800)]

        def read():
            page = gateway.ListEntries(min_position=position, timeout=5)
            self.assertGreater(len(page.entries), 0)
        # The last of them was heard when what was sent after it is answered.
        for client in clients:
            client.health()
        read()
        self.assertFalse(any(call.done() for call in waiting))
        for client in clients:
            client.close()
        read()
        pid = self.city.process.pid
        self.city.stop(seconds=8)
        self.city.start()
        self.assertNotEqual(self.city.process.pid, pid)

    def test_busy_starting(self):
        """Before its state is loaded a node answers STARTING, and its
        health NOT_SERVING; what asks too much is refused even then."""
        self.assertEqual(self.city.stop(), 0)
        with self.another_start() as city:
            client = city.client("operator", "anna")
            self.assertEqual(client.health(), "NOT_SERVING")
            starting = self.refused(lambda: client.open("x@barcelona"),
                                    "STARTING", "UNAVAILABLE")
            self.assertTrue(starting.text)
            self.refused(lambda: city.client("auditor", "eva").open(
                "x@barcelona"), "NOT_PERMITTED")
            self.refused(lambda: client.raw(
                "/clearing.v1.AccountService/OpenAccount", b"\xff"),
                "MALFORMED")
        self.city.wait_serving()
        self.city.client("operator", "anna").open("x@barcelona")

    @contextlib.contextmanager
    def another_start(self):
        """The node, its database silent."""
        city = self.city
        postmaster = city.database.process.pid
        with stopped([postmaster]):
            city.launch()
            city.endpoint = wait_until(city._listening, "endpoints", 10)
            for client in city.clients.values():
                client.close()
            city.clients.clear()
            yield city

    def test_busy_too_many_connections_of_one_identity(self):
        """connections_per_identity_max keeps one caller from taking all."""
        with City(limits={"connections_per_identity_max": 3}) as city:
            certificate = city.certificate("coop", "m1")
            kept = [city.connect(certificate) for _ in range(3)]
            for client in kept:
                self.assertEqual(client.GetNode().city, "barcelona")
            one_more = city.connect(certificate)
            self.refused(lambda: one_more.GetNode(timeout=3),
                         code="UNAVAILABLE")
            self.assertEqual(city.client("coop", "m2").GetNode().city,
                             "barcelona")
            for client in [*kept, one_more]:
                client.close()

    def test_busy_id_window_moves_up_when_full(self):
        """With no more memory for ids the oldest are refused, never
        forgotten and carried out again."""
        with City(limits={"ids_max": 10_000}) as city:
            operator = city.client("operator", "anna")
            operator.open(M1, 10 ** 9, 10 ** 9)
            operator.open(M2, 10 ** 9, 10 ** 9)
            gateway = city.client("gateway", "till")
            first = item(M1, M2, 1)
            self.assertEqual(rpc.outcomes(gateway.post(first)), [None])
            for _ in range(15):
                gateway.post(*[item(M1, M2, 1) for _ in range(1000)])
            balance = gateway.balance(M2)
            again = rpc.outcomes(gateway.post(first))
            self.assertEqual(again, ["ID_TOO_OLD"])
            self.assertEqual(gateway.balance(M2), balance)
            # And over a restart the same.
            city.stop()
            city.start()
            gateway = city.client("gateway", "till")
            self.assertEqual(rpc.outcomes(gateway.post(first)),
                             ["ID_TOO_OLD"])
            self.assertEqual(rpc.outcomes(gateway.post(
                item(M1, M2, 1, id=new_id()))), [None])


if __name__ == "__main__":
    unittest.main()
