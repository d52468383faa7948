# SPDX-License-Identifier: AGPL-3.0-or-later
"""schema: sqitch forth and back, roles, comments, partitions."""

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from postgres import SOURCE, PrivatePostgres  # noqa: E402

CHANGES = ["schema", "writer", "journal", "accounts", "entries", "maintain",
           "grants", "links", "estate", "rejoin", "withdraw",
           "odd-terms"]

# What is taken away from which change, and given back.
UNMADE = [
    ("schema", "revoke create on schema clearing from clearing_owner",
     "grant create on schema clearing to clearing_owner"),
    ("schema", "update clearing.schema_info set needs_node = 7",
     "update clearing.schema_info set needs_node = 6"),
    ("writer", "alter table clearing.writer rename beat to b",
     "alter table clearing.writer rename b to beat"),
    ("journal", "alter table clearing.memo rename salt to s",
     "alter table clearing.memo rename s to salt"),
    ("accounts", "alter table clearing.actor rename uri to u",
     "alter table clearing.actor rename u to uri"),
    ("entries", "alter table clearing.hold rename ended_seq to e",
     "alter table clearing.hold rename e to ended_seq"),
    ("maintain", "alter function clearing.maintain() security invoker",
     "alter function clearing.maintain() security definer"),
    ("grants", "grant update on clearing.journal to clearing_app",
     "revoke update on clearing.journal from clearing_app"),
    ("grants", "grant delete on clearing.account to clearing_app",
     "revoke delete on clearing.account from clearing_app"),
    ("grants", "revoke update on clearing.account from clearing_app",
     "grant update on clearing.account to clearing_app"),
    ("grants", "grant insert on clearing.writer to clearing_app",
     "revoke insert on clearing.writer from clearing_app"),
    ("grants", "grant execute on function clearing.make_partition(text, "
     "bigint, bigint, text) to public",
     "revoke execute on function clearing.make_partition(text, bigint, "
     "bigint, text) from public"),
    ("links", "grant delete on clearing.link to clearing_app",
     "revoke delete on clearing.link from clearing_app"),
    ("links", "update clearing.schema_info set needs_node = 1",
     "update clearing.schema_info set needs_node = 6"),
    ("links", "revoke truncate on clearing.payment from clearing_app",
     "grant truncate on clearing.payment to clearing_app"),
    ("links", "alter table clearing.link rename rewrite to r",
     "alter table clearing.link rename r to rewrite"),
    ("links", "alter table clearing.command drop constraint "
     "command_kind_check", "alter table clearing.command add constraint "
     "command_kind_check check (kind between 1 and 199)"),
    ("estate", "update clearing.schema_info set version = 2",
     "update clearing.schema_info set version = 6"),
    ("estate", "alter table clearing.link rename estate to e",
     "alter table clearing.link rename e to estate"),
    ("estate", "alter table clearing.link drop constraint "
     "link_estate_of_gone", "alter table clearing.link add constraint "
     "link_estate_of_gone check (gone or estate = 0)"),
    ("rejoin", "update clearing.schema_info set version = 3",
     "update clearing.schema_info set version = 6"),
    ("rejoin", "alter table clearing.federation rename rejoin to r",
     "alter table clearing.federation rename r to rejoin"),
    ("withdraw", "alter table clearing.link_change drop constraint "
     "link_change_what_check", "alter table clearing.link_change add constraint "
     "link_change_what_check check (what in (100, 109, 110, 111, 113, 114, 117, "
     "121, 122))"),
    ("odd-terms", "update clearing.schema_info set version = 7",
     "update clearing.schema_info set version = 6"),
    ("odd-terms", "alter table clearing.payment drop constraint "
     "payment_amount_check", "alter table clearing.payment add constraint "
     "payment_amount_check check (amount between 0 and 9007199254740991)"),
]


class Schema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.create()

    def tables(self, dbname):
        return self.server.psql(
            "select relname from pg_class where relnamespace = "
            "(select oid from pg_namespace where nspname = 'clearing') "
            "and relkind in ('r', 'p') order by 1", dbname=dbname).split()

    def test_schema_goes_forth_and_back(self):
        """Goal: deploy, verify, revert, deploy again; each ends well and
        verifies itself."""
        self.server.create_database("back")
        self.server.sqitch("deploy", "--verify", dbname="back")
        first = self.tables("back")
        self.assertIn("journal_2", first)
        verified = self.server.sqitch("verify", dbname="back").stdout
        for change in CHANGES:
            self.assertRegex(verified, rf"\* {change} \.* ok")
        self.server.sqitch("revert", "-y", dbname="back")
        self.assertEqual(self.tables("back"), [])
        self.assertEqual(self.server.psql(
            "select count(*) from pg_roles where rolname in "
            "('clearing_owner', 'clearing_app', 'clearing_auditor', "
            "'clearing_backup')", dbname="back"), "4",
            "a revert drops no role")
        self.server.sqitch("deploy", "--verify", dbname="back")
        self.assertEqual(self.tables("back"), first)
        self.assertIn("up-to-date",
                      self.server.sqitch("deploy", dbname="back").stdout)

    def test_schema_verify_can_fail(self):
        """Goal: what a change made and somebody unmade is found by its
        verify script."""
        self.server.create_database("unmade")
        self.server.sqitch("deploy", "--verify", dbname="unmade")
        for change, unmake, mend in UNMADE:
            self.server.psql(unmake, dbname="unmade")
            path = os.path.join(SOURCE, "sql/verify", f"{change}.sql")
            with open(path, encoding="utf-8") as opened:
                verify = opened.read()
            with self.subTest(change=change, unmake=unmake):
                self.assertNotEqual(self.server.psql(
                    verify, dbname="unmade", check=False).returncode, 0)
            self.server.psql(mend, dbname="unmade")
            self.server.psql(verify, dbname="unmade")

    def test_schema_goes_back_step_by_step(self):
        """Goal: each change can be reverted by itself."""
        self.server.create_database("steps")
        # A deploy verifies each change before the next one is there.
        self.server.sqitch("deploy", "--verify", dbname="steps")
        for change in reversed(CHANGES[:-1]):
            self.server.sqitch("revert", "-y", "--to", change,
                               dbname="steps")
        self.server.sqitch("deploy", "--verify", dbname="steps")

    def test_schema_keeps_a_journal(self):
        """Goal: a revert does not drop the only copy of the facts."""
        self.server.create_database("kept")
        self.server.sqitch("deploy", dbname="kept")
        self.server.psql(
            "insert into clearing.journal values (0, 0, 0, "
            "decode(repeat('00', 32), 'hex'), "
            "decode(repeat('01', 32), 'hex'), '')", dbname="kept")
        result = self.server.sqitch("revert", "-y", dbname="kept",
                                    check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("the journal holds blocks",
                      result.stdout + result.stderr)
        self.assertEqual(self.server.psql(
            "select count(*) from clearing.journal", dbname="kept"), "1")

    def test_schema_roles_are_safe_twice(self):
        """Goal: roles.sql may be run again, and gives no role a login."""
        for _ in range(2):
            self.server.psql_file(os.path.join(SOURCE, "sql/roles.sql"))
        self.assertEqual(self.server.psql(
            "select count(*) from pg_roles where rolname like 'clearing_%' "
            "and rolname not like '%_login' and not rolcanlogin and not "
            "rolsuper and not rolcreaterole and not rolcreatedb and not "
            "rolbypassrls and not rolreplication"), "4")

    def test_schema_is_commented(self):
        """Goal: every table, function and column that is not plain has a
        comment; every table's name is known here."""
        bare = self.server.psql(
            "select relname from pg_class where relnamespace = "
            "'clearing'::regnamespace and relkind in ('r', 'p') and not "
            "relispartition and obj_description(oid) is null "
            "union all select proname from pg_proc where pronamespace = "
            "'clearing'::regnamespace and obj_description(oid, 'pg_proc') "
            "is null")
        self.assertEqual(bare, "")

    def test_schema_has_one_row_where_there_is_one(self):
        """Goal: what a node reads first stands there, and once."""
        self.assertEqual(self.server.psql(
            "select version, needs_node from clearing.schema_info"), "6\t6")
        self.assertEqual(self.server.psql(
            "select seq, hash, epoch, next_number, time_us from "
            "clearing.projection"), "-1\t\\x" + "00" * 32 + "\t0\t1\t0")
        self.assertEqual(self.server.psql(
            "select epoch, node, beat, heartbeat_at is null from "
            "clearing.writer"), "0\t\t0\tt")
        for table in ("schema_info", "projection", "writer", "genesis",
                      "federation"):
            self.assertEqual(self.server.psql(
                f"select count(*) from pg_constraint where conrelid = "
                f"'clearing.{table}'::regclass and contype = 'p'"), "1")

    def test_schema_uses_plain_means(self):
        """Goal: no trigger, sequence, rule or deferrable constraint, no
        default that asks a clock, all text in collation C."""
        self.assertEqual(self.server.psql(
            "select count(*) from pg_trigger t join pg_class c on c.oid = "
            "tgrelid where relnamespace = 'clearing'::regnamespace"), "0")
        self.assertEqual(self.server.psql(
            "select count(*) from pg_class where relnamespace = "
            "'clearing'::regnamespace and relkind in ('S', 'v', 'm')"), "0")
        self.assertEqual(self.server.psql(
            "select count(*) from pg_constraint where connamespace = "
            "'clearing'::regnamespace and condeferrable"), "0")
        self.assertEqual(self.server.psql(
            "select string_agg(distinct pg_get_expr(adbin, adrelid), ' ') "
            "from pg_attrdef d join pg_class c on c.oid = adrelid where "
            "relnamespace = 'clearing'::regnamespace"), "0 true")
        self.assertEqual(self.server.psql(
            "select relname, attname from pg_attribute a join pg_class c on "
            "c.oid = attrelid join pg_collation l on l.oid = attcollation "
            "where relnamespace = 'clearing'::regnamespace and relkind in "
            "('r', 'p') and collname <> 'C' and attnum > 0"), "")

    def test_maintain_keeps_two_ahead(self):
        """Goal: partitions are made as head and numbers grow, once each, with
        the storage options and the index of their parents."""
        database = "ahead"
        self.server.create_database(database)
        self.server.sqitch("deploy", dbname=database)

        def maintain():
            return self.server.psql("select clearing.maintain()",
                                    dbname=database,
                                    user="clearing_app_login")
        self.assertEqual(maintain(), "0")
        self.server.psql(
            "insert into clearing.journal values (1048575, 0, 0, "
            "decode(repeat('00', 32), 'hex'), "
            "decode(repeat('01', 32), 'hex'), '')", dbname=database)
        self.assertEqual(maintain(), "0")
        self.server.psql(
            "insert into clearing.journal select 1048576, epoch, created, "
            "hash, hash, payload from clearing.journal;"
            "update clearing.projection set next_number = 8388608 * 3",
            dbname=database)
        self.assertEqual(maintain(), str(1 + 3))
        self.assertEqual(maintain(), "0")
        made = self.tables(database)
        self.assertIn("journal_3", made)
        self.assertIn("transfer_5", made)
        self.assertEqual(self.server.psql(
            "select array_to_string(reloptions, ' ') from pg_class where "
            "oid = 'clearing.journal_3'::regclass", dbname=database),
            "toast_tuple_target=8160")
        self.assertEqual(self.server.psql(
            "select attstorage from pg_attribute where attrelid = "
            "'clearing.journal_3'::regclass and attname = 'payload'",
            dbname=database), "e")
        self.assertEqual(self.server.psql(
            "select amname, array_to_string(c.reloptions, ' ') from pg_index "
            "i join pg_class c on c.oid = indexrelid join pg_am a on "
            "a.oid = relam where indrelid = 'clearing.transfer_5'::regclass "
            "order by 1", dbname=database),
            "brin\tpages_per_range=32 autosummarize=on\nbtree\t")
        self.server.sqitch("verify", dbname=database)

    def test_maintain_does_not_stop_the_writer(self):
        """Goal: a block that is being inserted, and one that is read, do not
        wait for a new partition, nor the partition for them."""
        database = "beside"
        self.server.create_database(database)
        self.server.sqitch("deploy", dbname=database)
        self.server.psql("update clearing.projection set next_number = "
                         "8388608 * 2", dbname=database)
        writer = self.server.connect(dbname=database)
        with writer.cursor() as cursor:
            cursor.execute("insert into clearing.journal values (0, 0, 0, "
                           "decode(repeat('00', 32), 'hex'), "
                           "decode(repeat('01', 32), 'hex'), '')")
            cursor.execute("select count(*) from clearing.transfer")
            made = self.server.psql(
                "set statement_timeout = '5s'; select clearing.maintain()",
                dbname=database, user="clearing_app_login")
            self.assertEqual(made, "2")
        writer.commit()
        writer.close()


if __name__ == "__main__":
    unittest.main()
