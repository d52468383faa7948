# SPDX-License-Identifier: AGPL-3.0-or-later
"""invariants: silent on books that are right, and each finds its own fault.

The books are made by hand here: two members, three holds, a month's end.
"""

import glob
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from postgres import SOURCE, PrivatePostgres  # noqa: E402

BOOKS = """
create function pg_temp.block(at bigint, time_of timestamptz) returns void
language sql as $$
  with row as (
    select at as seq, 0 as epoch,
           (extract(epoch from time_of) * 1000000)::bigint as created,
           coalesce((select hash from clearing.journal where seq = at - 1),
                    decode(repeat('00', 32), 'hex')) as prev_hash,
           convert_to('block ' || at, 'UTF8') as payload)
  insert into clearing.journal
  select seq, epoch, created, prev_hash,
         sha256('clearing journal v1\\000'::bytea || int8send(seq)
                || int8send(epoch) || int8send(created) || prev_hash
                || payload), payload
    from row
$$;
select pg_temp.block(0, '2026-01-15 10:00:00Z');
select pg_temp.block(1, '2026-01-15 11:00:00Z');
select pg_temp.block(2, '2026-01-15 12:00:00Z');
select pg_temp.block(3, '2026-01-15 13:00:00Z');
select pg_temp.block(4, '2026-02-01 00:00:00Z');

insert into clearing.genesis values
  (true, 'f', 'c', 'credit', 2, decode(repeat('05', 32), 'hex'));
insert into clearing.actor values
  (1, 'spiffe://f/city/c/operator/o'), (2, 'spiffe://f/city/c/gateway/g');
insert into clearing.account values
  (1, 'city/commons', '', 1, true, 0, 0, 0, 0, 0, 0, 0, 0),
  (2, 'city/loss', '', 1, true, 0, 0, 0, 0, 0, 0, 0, 0),
  (3, 'a', 'A', 1, true, 500, 500, 105, 25, 20, 0, 1, 7),
  (4, 'b', 'B', 2, true, 600, 500, 25, 105, 0, 20, 1, 7),
  (5, 'c/shop', 'C', 3, true, 0, 0, 0, 0, 0, 0, 0, 0),
  (6, 'link/d', '', 1, false, 500, 500, 4, 10, 0, 0, 0, 9),
  (7, 'e', 'E', 1, true, 500, 500, 10, 4, 0, 0, 0, 9);
insert into clearing.account_change values
  (0, 1, 1, 3, null, 0, null, 0, null, '', '2026-01-15 10:00:00Z'),
  (0, 2, 2, 3, null, 0, null, 0, null, '', '2026-01-15 10:00:00Z'),
  (1, 1, 3, 3, null, 500, null, 500, 1, '', '2026-01-15 11:00:00Z'),
  (1, 2, 4, 3, null, 500, null, 500, 1, '', '2026-01-15 11:00:00Z'),
  (1, 3, 5, 3, null, 0, null, 0, 1, '', '2026-01-15 11:00:00Z'),
  (3, 0, 4, 4, 500, 600, 500, 500, 1, 'good', '2026-01-15 13:00:00Z'),
  (3, 1, 5, 7, null, null, null, null, 1, 'done', '2026-01-15 13:00:00Z'),
  (4, 0, 4, 5, null, null, null, null, 1, 'late', '2026-02-01 00:00:00Z'),
  (4, 1, 6, 3, null, 500, null, 500, 1, '', '2026-02-01 00:00:00Z'),
  (4, 2, 7, 3, null, 500, null, 500, 1, '', '2026-02-01 00:00:00Z');
insert into clearing.hold values
  (2, pg_temp.id(2), 4, 3, 40, 2, 25, '2026-03-01Z', 1, null, 2, 2, 1, 3, 2),
  (3, pg_temp.id(3), 3, 4, 30, 3, 0, '2026-03-01Z', 1, null, 2, 2, 2, 3, 2),
  (4, pg_temp.id(4), 3, 4, 20, 1, 0, '2026-03-01Z', 1, null, 2, 2, 3,
   null, null);
insert into clearing.transfer values
  (1, pg_temp.id(1), 2, 0, 3, 4, 100, 1, null, null, 2,
   '2026-01-15 12:00:00Z', 0, 0),
  (5, pg_temp.id(5), 3, 0, 4, 3, 25, 1, null, pg_temp.id(2), 2,
   '2026-01-15 13:00:00Z', 1, 1),
  (7, pg_temp.id(7), 4, 0, 3, 4, 5, 1, null, null, 2,
   '2026-02-01 00:00:00Z', 5, 5),
  (8, pg_temp.id(8), 4, 1, 7, 6, 10, 8, null, null, 2,
   '2026-02-01 00:00:00Z', 0, 0),
  (9, pg_temp.id(9), 4, 2, 6, 7, 4, 8, null, null, 2,
   '2026-02-01 00:00:00Z', 8, 8);
insert into clearing.command values
  (pg_temp.id(103), 3, 1, 1), (pg_temp.id(104), 3, 1, 2),
  (pg_temp.id(105), 3, 1, 3), (pg_temp.id(106), 4, 3, 0),
  (pg_temp.id(107), 7, 3, 1), (pg_temp.id(108), 5, 4, 0),
  (pg_temp.id(109), 3, 4, 1), (pg_temp.id(110), 3, 4, 2),
  (pg_temp.id(111), 111, 4, 4), (pg_temp.id(112), 109, 4, 5),
  (pg_temp.id(113), 115, 4, 6),
  (pg_temp.id(6), 11, 3, 1);
insert into clearing.memo values
  (2, 0, 'a chair', decode(repeat('07', 16), 'hex')), (2, 1, null, null);
insert into clearing.month_start values ('2026-01-01', 1), ('2026-02-01', 7);
insert into clearing.account_month values
  (3, '2026-01-01', 5, 100, 25), (4, '2026-01-01', 5, 25, 100);
update clearing.projection p
   set seq = j.seq, hash = j.hash, next_number = 10, time_us = j.created
  from clearing.journal j where j.seq = 4;
update clearing.writer set node = 'n', beat = 3;

-- A link with city d: c promised 10 and was answered, d promised 4 and was.
create function pg_temp.head(header bytea) returns bytea
language sql as $$ select sha256('clearing/head/1\\000'::bytea || header) $$;
create function pg_temp.carried(header bytea) returns bytea
language sql as $$
  select '\\x0a'::bytea || case
    when length(header) < 128
    then set_byte('\\x00'::bytea, 0, length(header))
    else set_byte(set_byte('\\x0000'::bytea, 0, length(header) % 128 + 128),
                  1, length(header) / 128) end || header || '\\x1a00'::bytea
$$;
create temp table header as
  select 'one'::bytea as one,
         'two'::bytea || pg_temp.head('one')
                      || convert_to(repeat('.', 200), 'UTF8') as two,
         'theirs'::bytea as theirs;
insert into clearing.link select
  1, 'd', 6, 3, pg_temp.head(two), 10, 4, 0, 4,
  2, pg_temp.head(theirs), 4, 10, 0, 4, 3, 3, 77,
  5, '\\x0000000000000001', 5, '\\x0000000000000001', 9,
  '\\x0000000000000002', 500, 500, false, false, true, false,
  false, 0 from header;
insert into clearing.link_life values
  (1, true, 5, '\\x0000000000000001', 4),
  (1, false, 9, '\\x0000000000000002', 4);
insert into clearing.link_batch select
  1, true, 1, 1, 0, pg_temp.head(one), 10, 0, 0, 2, pg_temp.carried(one)
  from header;
insert into clearing.link_batch select
  1, true, 2, 3, 0, pg_temp.head(two), 10, 4, 0, 4, pg_temp.carried(two)
  from header;
insert into clearing.link_batch select
  1, true, 2, 2, 4, pg_temp.head('other'), 99, 0, 0, 3,
  pg_temp.carried('other');
insert into clearing.link_batch select
  1, false, 1, 2, 0, pg_temp.head(theirs), 4, 10, 0, 4,
  pg_temp.carried(theirs) from header;
insert into clearing.payment values
  (1, pg_temp.id(201), pg_temp.id(200), null, 1, 0, 4, false, true, false,
   true, false, 1, 0, 1, 0, 1, 2, 10, '2026-02-01Z', '2026-02-01Z',
   '2026-02-01Z', 7, 2, 0, '', 'e@c', 'f@d', 'c d', '', '', 't', ''),
  (2, pg_temp.id(202), null, null, 3, 4, 0, true, true, false, true, false,
   0, 1, 0, 1, 0, 2, 4, '2026-02-01Z', '2026-02-01Z', '2026-02-01Z', 0, 0,
   0, '', 'f@d', 'e@c', 'd c', '', '', 't', '');
insert into clearing.payment_request values
  (pg_temp.id(113), 'e@c', 'f@d', 10, 'bread', '', '2026-03-01Z', null, 2, 4,
   6, null);
insert into clearing.link_change values
  (4, 3, 1, 100, null, null, null, '', '2026-02-01 00:00:00Z'),
  (4, 4, 1, 111, 4, 500, 1, 'good', '2026-02-01 00:00:00Z'),
  (4, 5, 1, 109, null, null, 1, 'storm', '2026-02-01 00:00:00Z');
insert into clearing.federation values
  (true, 3, 1, decode(repeat('06', 32), 'hex'), 0);
"""

FUNCTION = """
create function pg_temp.id(n int) returns uuid language sql as $$
  select ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid $$;
"""

# invariant -> what breaks it, one by one.
PLANTED = {
    "sums_are_zero": [
        "update clearing.account set credits_posted = 106 where id = 4",
        "update clearing.account set credits_pending = 21 where id = 4"],
    "totals_are_transfers": [
        "update clearing.account set credits_posted = 106, "
        "debits_posted = 26 where id = 4",
        "update clearing.account set last_number = 5 where id = 4",
        "update clearing.transfer set amount = 6 where number = 7",
        "update clearing.transfer set credit_account = 6 where number = 7",
        "update clearing.account set last_number = 1 where id = 1"],
    "pending_is_open_holds": [
        "update clearing.account set debits_pending = 21 where id = 3",
        "update clearing.account set holds_open = 2 where id = 4",
        "update clearing.hold set amount = 21 where state = 1",
        "update clearing.hold set state = 4, ended_seq = 4 where state = 1"],
    "no_id_twice": [
        "update clearing.transfer set id = pg_temp.id(1)",
        "update clearing.command set id = pg_temp.id(2) where kind = 11"],
    "closed_at_zero": [
        "alter table clearing.account drop constraint "
        "account_closed_at_zero; update clearing.account set state = 3 "
        "where id = 3"],
    "chain_unbroken": [
        "delete from clearing.journal where seq = 2",
        "delete from clearing.journal where seq = 0",
        "update clearing.journal set hash = prev_hash where seq = 2",
        "update clearing.journal set epoch = 1 where seq = 2",
        "update clearing.journal set epoch = 1 where seq = 0",
        "update clearing.journal set created = 1 where seq = 2"],
    "hashes_right": [
        "update clearing.journal set payload = 'block 3 ' where seq = 3",
        "update clearing.journal set created = created + 1 where seq = 3"],
    "projection_on_chain": [
        "update clearing.projection set seq = 3",
        "update clearing.projection set seq = 5",
        "update clearing.projection set time_us = time_us + 1",
        "update clearing.projection set seq = -1"],
    "one_row_tables": [
        "delete from clearing.genesis", "delete from clearing.projection",
        "delete from clearing.writer", "delete from clearing.schema_info"],
    "holds_posted_once": [
        "update clearing.hold set posted_amount = 24 where number = 2",
        "update clearing.transfer set hold_id = null",
        "update clearing.transfer set hold_id = pg_temp.id(4) "
        "where number = 7",
        "update clearing.transfer set hold_id = pg_temp.id(99) "
        "where number = 7",
        "update clearing.transfer set hold_id = pg_temp.id(2) "
        "where number = 7",
        "update clearing.transfer set kind = 2 where number = 5"],
    "holds_ended_in_time": [
        "update clearing.hold set expires_at = '2026-01-15 13:00:00Z' "
        "where number = 2"],
    "pointers_right": [
        "update clearing.transfer set debit_previous = 1 where number = 7",
        "update clearing.transfer set credit_previous = 0 where number = 7"],
    "numbers_dense": [
        "update clearing.projection set next_number = 9",
        "update clearing.projection set next_number = 7",
        "update clearing.hold set number = 1 where number = 2",
        "delete from clearing.hold where number = 3"],
    "numbers_in_order": [
        "update clearing.transfer set seq = 2, index = 0 where number = 7",
        "update clearing.hold set placed_index = 4 where number = 2"],
    "transfers_in_blocks": [
        "update clearing.transfer set seq = 5 where number = 7",
        "update clearing.transfer set posted_at = posted_at + "
        "interval '1 microsecond' where number = 7"],
    "parties_known": [
        "delete from clearing.actor where id = 2",
        "update clearing.account set id = 99 where id = 5"],
    "ids_dense": [
        "delete from clearing.account where id = 2",
        "update clearing.actor set id = 3 where id = 2",
        "update clearing.account set address = 'x' where id = 1"],
    "names_sound": [
        "update clearing.account set address = 'A' where id = 3",
        "update clearing.account set address = 'a-' where id = 3",
        "update clearing.account set address = 'a/' where id = 3",
        "update clearing.account set address = repeat('a', 33) where id = 3",
        "update clearing.actor set uri = 'anna' where id = 1"],
    "changes_explain_accounts": [
        "update clearing.account set credit_limit = 501 where id = 3",
        "update clearing.account set state = 1 where id = 4",
        "delete from clearing.account_change where seq = 0 and index = 1",
        "update clearing.account_change set old_credit_limit = 499 "
        "where what = 4",
        "update clearing.account_change set actor = null where what = 4",
        "update clearing.account_change set account = 5 where what = 5"],
    "changes_in_blocks": [
        "update clearing.account_change set seq = 5 where what = 5",
        "update clearing.account_change set changed_at = '2026-01-01Z' "
        "where what = 5",
        "update clearing.command set seq = 5 where kind = 5",
        "update clearing.hold set placed_seq = 5 where state = 1",
        "update clearing.link_change set seq = 5 where what = 100",
        "update clearing.link_change set changed_at = '2026-01-01Z' "
        "where what = 109",
        "update clearing.link_batch set seq = 5 where not own",
        "update clearing.link_batch set withdrawn_seq = 5 "
        "where withdrawn_seq > 0",
        "update clearing.payment_request set ended = 3, ended_seq = 5"],
    "commands_counted": [
        "delete from clearing.command where kind = 115",
        "delete from clearing.command where kind = 109",
        "delete from clearing.link_change where what = 111",
        "delete from clearing.command where kind = 11",
        "update clearing.command set kind = 6 where kind = 5"],
    "memos_in_blocks": ["update clearing.memo set seq = 5"],
    "months_right": [
        "update clearing.account_month set debits_posted = 101 "
        "where account = 3",
        "update clearing.account_month set last_number = 1 "
        "where account = 3",
        "delete from clearing.account_month where account = 3",
        "insert into clearing.account_month values "
        "(1, '2026-01-01', 1, 0, 0)"],
    "months_begin_right": [
        "update clearing.month_start set first_number = 8 "
        "where first_number = 7",
        "update clearing.month_start set first_number = 2 "
        "where first_number = 1",
        "update clearing.month_start set month = '2025-12-01' "
        "where first_number = 1"],
    "link_positions": [
        "update clearing.link set in_settled = 9",
        "update clearing.link set gone = true, estate = 1",
        "update clearing.payment set booked = false, out_state = 3 "
        "where number = 1; update clearing.link set in_settled = 9",
        "update clearing.payment set in_answered = false, in_state = 1 "
        "where number = 2",
        "update clearing.link set account = 7",
        "update clearing.link set account = 99"],
    "link_totals_are_payments": [
        "update clearing.payment set amount = 11 where number = 1",
        "update clearing.payment set amount = 3 where number = 2",
        "update clearing.payment set out_state = 5 where number = 1",
        "update clearing.payment set in_state = 5 where number = 2",
        "update clearing.link set out_released = 1",
        "update clearing.link set gone = true, estate = 1",
        "update clearing.link set gone = true, out_promised = 11",
        "delete from clearing.payment where number = 2"],
    "link_logs_unbroken": [
        "delete from clearing.link_batch where own and first_seq = 1",
        "delete from clearing.link_batch where not own",
        "update clearing.link_batch set batch = '\\x0a036f6e651a00' "
        "where own and first_seq = 2",
        "update clearing.link_batch set last_seq = 2 where seq = 4 and own",
        "update clearing.link_batch set head = decode(repeat('07', 32), "
        "'hex') where not own",
        "update clearing.link_batch set (batch, head) = (select "
        "pg_temp.carried('three'), pg_temp.head('three')) where seq = 4 and "
        "own; update clearing.link set out_head = pg_temp.head('three')",
        "update clearing.link_batch set promised = 11 where own "
        "and first_seq = 1",
        "update clearing.link_batch set withdrawn_seq = 0",
        "update clearing.link set out_seq = 4",
        "update clearing.link set in_journal_seq = 3",
        "update clearing.link_batch set link = 2 where not own; "
        "update clearing.link set in_seq = 0"],
    "link_parties_known": [
        "update clearing.payment set in_link = 2 where in_link = 1",
        "update clearing.payment set out_link = 2 where out_link = 1",
        "update clearing.link_life set link = 2 where not own",
        "update clearing.link_change set link = 2 where what = 100",
        "update clearing.payment set account = 99 where number = 1",
        "update clearing.payment set actor = 99 where number = 1",
        "update clearing.payment_request set actor = 99",
        "update clearing.link_change set actor = 99 where what = 111",
        "update clearing.link set life = 6",
        "update clearing.link set reconciled = 9",
        "update clearing.link set peer_life_nonce = life_nonce"],
    "links_dense": [
        "update clearing.link set number = 2",
        "update clearing.payment set number = 3 where number = 2",
        "update clearing.federation set next_payment = 4",
        "delete from clearing.federation"],
    "payments_answered_once": [
        "update clearing.payment set in_link = 1, in_seq = 1, in_state = 1, "
        "role = 2 where number = 1",
        "update clearing.payment set out_link = 1, out_seq = 1, "
        "out_state = 4, role = 2 where number = 2",
        "update clearing.payment set in_link = 1, in_seq = 9, in_state = 4, "
        "in_answered = true, role = 2 where number = 1",
        "update clearing.payment set id = pg_temp.id(201)",
        "update clearing.payment set role = 2, out_link = 1, out_seq = 3, "
        "out_state = 5 where number = 2",
        "update clearing.payment set answer_seq = 0 where number = 2",
        "update clearing.payment set out_seq = 0 where number = 1",
        "update clearing.payment set in_seq = 3 where number = 2",
        "update clearing.payment set answer_seq = 4 where number = 2",
        "update clearing.payment set out_seq = 4 where number = 1",
        "update clearing.payment set open = true where number = 1",
        "update clearing.payment set in_answered = false, in_state = 2 "
        "where number = 2",
        "update clearing.link set acknowledged = 1",
        "update clearing.payment set hold_id = pg_temp.id(4)"],
    "writer_behind_journal": ["update clearing.writer set epoch = 1"],
}


class Invariants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.create()
        cls.queries = {}
        for path in glob.glob(os.path.join(SOURCE, "sql/invariants/*.sql")):
            with open(path, encoding="utf-8") as opened:
                cls.queries[os.path.basename(path)[:-4]] = opened.read()

    def test_invariants_are_silent_on_an_empty_database(self):
        """Goal: a database that was only just made is sound."""
        self.server.create_database("empty")
        self.server.sqitch("deploy", dbname="empty")
        self.assertEqual(self.server.invariants(dbname="empty"), {})

    def test_invariants_find_what_is_planted(self):
        """Goal: right books give no row; each fault is found by the query
        that is there for it, and every query has one."""
        self.assertEqual(set(PLANTED), set(self.queries))
        connection = self.server.connect(self.server.superuser)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute(FUNCTION + BOOKS)
            for name, query in self.queries.items():
                cursor.execute(query)
                self.assertEqual(cursor.fetchall(), [], name)
            cursor.execute("savepoint sound")
            for name, statements in PLANTED.items():
                for statement in statements:
                    with self.subTest(invariant=name, planted=statement):
                        # Keys would refuse some of it before we could see.
                        cursor.execute(
                            "alter table clearing.hold drop constraint "
                            "hold_pkey")
                        cursor.execute(statement)
                        cursor.execute(self.queries[name])
                        self.assertNotEqual(cursor.fetchall(), [])
                    cursor.execute("rollback to savepoint sound")
        connection.rollback()

    def test_invariants_run_as_the_auditor(self):
        """Goal: the auditor's rights suffice, and the lot is one snapshot."""
        self.assertEqual(self.server.invariants(
            user="clearing_auditor_login"), {})


if __name__ == "__main__":
    unittest.main()
