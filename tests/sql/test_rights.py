# SPDX-License-Identifier: AGPL-3.0-or-later
"""rights: what each role must not do is refused, by trying it."""

import os
import sys
import unittest

import psycopg2

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../lib"))
from postgres import PrivatePostgres  # noqa: E402

PROJECTION = ("projection", "genesis", "actor", "account", "account_change",
              "account_month", "month_start", "transfer", "hold", "command",
              "link", "link_life", "link_batch", "payment",
              "payment_request", "link_change", "federation")
EVERY = PROJECTION + ("schema_info", "writer", "journal", "memo")
PARTITIONS = ("journal_0", "journal_2", "transfer_0", "transfer_2")
# One column of each table, to write to itself.
COLUMN = {"projection": "seq", "genesis": "city", "actor": "uri",
          "account": "state", "account_change": "reason",
          "account_month": "last_number", "month_start": "first_number",
          "transfer": "amount", "hold": "state", "command": "kind",
          "link": "line", "link_life": "seq", "link_batch": "seq",
          "payment": "amount", "payment_request": "amount",
          "link_change": "reason", "federation": "next_payment",
          "schema_info": "version", "writer": "beat", "journal": "payload",
          "memo": "text", "journal_0": "payload", "journal_2": "payload",
          "transfer_0": "amount", "transfer_2": "amount"}
STATEMENTS = {
    "select": "select * from clearing.{0}",
    "insert": "insert into clearing.{0} select * from clearing.{0} "
              "where false",
    "update": "update clearing.{0} set {1} = {1}",
    "delete": "delete from clearing.{0}",
    "truncate": "truncate clearing.{0}",
    "lock rows": "select * from clearing.{0} for share",
    "lock": "lock table clearing.{0} in access exclusive mode",
    "alter": "alter table clearing.{0} add extra int",
    "drop": "drop table clearing.{0}",
    "index": "create index on clearing.{0} ({1})",
    "trigger": "create trigger t before insert on clearing.{0} for each "
               "statement execute function suppress_redundant_updates"
               "_trigger()",
}
READ = {"select"}
# PostgreSQL lets who may UPDATE or TRUNCATE lock, too.
KEEP = READ | {"insert", "update", "truncate", "lock rows", "lock"}
ALLOWED = {
    "clearing_app_login": {
        **{table: KEEP for table in PROJECTION},
        "schema_info": READ,
        "writer": READ | {"update", "lock rows", "lock"},
        "journal": READ | {"insert"},
        "memo": READ | {"insert"},
        **{partition: set() for partition in PARTITIONS},
    },
    "clearing_auditor_login": {table: READ
                               for table in EVERY + PARTITIONS},
    "clearing_backup_login": {table: READ for table in EVERY + PARTITIONS},
}
OTHERS = {
    "make a table": "create table clearing.extra (a int)",
    "make a function": "create function clearing.extra() returns int "
                       "language sql as 'select 1'",
    "detach a segment": "alter table clearing.journal detach partition "
                        "clearing.journal_2",
    "become the owner": "set role clearing_owner",
    "make a role": "create role extra",
    "drop the schema": "drop schema clearing cascade",
    "replace maintain": "create or replace function clearing.maintain() "
                        "returns int language sql as 'select 1'",
    "call make_partition": "select clearing.make_partition('journal', 9, 1, "
                           "'')",
    "read a file": "select pg_read_file('/etc/passwd')",
    "run a program": "copy clearing.schema_info to program 'true'",
    "switch triggers off": "set session_replication_role = replica",
    "give rights away": "grant select on clearing.journal to public",
}
INSUFFICIENT_PRIVILEGE = "42501"


class Rights(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PrivatePostgres()
        cls.addClassCleanup(cls.server.remove)
        cls.server.create()

    def attempt(self, connection, statement):
        """"" when it was carried out (and taken back), else the SQLSTATE."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
            return ""
        except psycopg2.Error as error:
            return error.pgcode
        finally:
            connection.rollback()

    def test_rights_table_by_table(self):
        """Goal: each role times each table and partition times each kind of
        statement is allowed or refused as the contract says."""
        tried = 0
        for user, tables in ALLOWED.items():
            connection = self.server.connect(user)
            for table, allowed in tables.items():
                for kind, text in STATEMENTS.items():
                    statement = text.format(table, COLUMN[table])
                    with self.subTest(user=user, statement=statement):
                        state = self.attempt(connection, statement)
                        wanted = "" if kind in allowed \
                            else INSUFFICIENT_PRIVILEGE
                        self.assertEqual(state, wanted)
                    tried += 1
            connection.close()
        self.assertEqual(tried, 3 * (len(EVERY) + len(PARTITIONS))
                         * len(STATEMENTS))

    def test_rights_that_no_statement_shows(self):
        """Goal: nobody but the owner may refer to a table or put triggers on
        it, and nobody may pass a right on."""
        self.assertEqual(self.server.psql(
            "select relname, a.grantee::regrole, privilege_type from "
            "pg_class c, aclexplode(relacl) a where relnamespace = "
            "'clearing'::regnamespace and a.grantee <> relowner and "
            "(is_grantable or privilege_type not in ('SELECT', 'INSERT', "
            "'UPDATE', 'TRUNCATE'))"), "")

    def test_rights_other_ways_in(self):
        """Goal: no role gets at more by another door."""
        for user in ALLOWED:
            connection = self.server.connect(user)
            for name, statement in OTHERS.items():
                with self.subTest(user=user, way=name):
                    if name == "give rights away":
                        # Only a warning; so look what came of it.
                        self.attempt(connection, statement)
                        continue
                    self.assertEqual(self.attempt(connection, statement),
                                     INSUFFICIENT_PRIVILEGE)
            connection.close()
        self.assertEqual(self.server.psql(
            "select count(*) from pg_class c, aclexplode(relacl) a where "
            "relnamespace = 'clearing'::regnamespace and a.grantee = 0"),
            "0")

    def test_rights_maintain_is_for_the_app(self):
        """Goal: the app may call maintain(), nobody else may."""
        for user in ALLOWED:
            connection = self.server.connect(user)
            state = self.attempt(connection, "select clearing.maintain()")
            self.assertEqual(state, "" if user == "clearing_app_login"
                             else INSUFFICIENT_PRIVILEGE, user)
            connection.close()

    def test_rights_maintain_cannot_be_led_astray(self):
        """Goal: maintain() finds its own functions and tables whatever the
        caller's search_path and temporary tables say."""
        connection = self.server.connect()
        state = self.attempt(
            connection, "create temp table journal (seq bigint); "
            "create function pg_temp.max(bigint) returns bigint language sql "
            "as 'select 1 / 0::bigint'; "
            "set search_path = pg_temp; select clearing.maintain()")
        self.assertEqual(state, "")
        connection.close()

    def test_rights_owner_blanks_a_memo(self):
        """Goal: text and salt go together, by the owner alone."""
        connection = self.server.connect("clearing_owner_login")
        with connection.cursor() as cursor:
            cursor.execute(
                "insert into clearing.memo values (5, 0, 'a chair', "
                "decode(repeat('01', 16), 'hex'));"
                "update clearing.memo set text = null, salt = null "
                "where seq = 5 and index = 0")
            self.assertEqual(cursor.rowcount, 1)
        connection.rollback()
        self.assertEqual(self.attempt(
            connection, "insert into clearing.memo values (5, 0, null, "
            "decode(repeat('01', 16), 'hex'))"), "23514")
        connection.close()

    def test_rights_backup_dumps_everything(self):
        """Goal: pg_dump works with the backup role."""
        dump = self.server.run(
            os.path.join(self.server.binaries, "pg_dump"), "-h",
            self.server.socket_folder, "-U", "clearing_backup_login", "-n",
            "clearing", self.server.dbname).stdout
        self.assertIn("ATTACH PARTITION clearing.journal_2", dump)
        self.assertIn("clearing.projection", dump)


if __name__ == "__main__":
    unittest.main()
