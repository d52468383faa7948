# SPDX-License-Identifier: AGPL-3.0-or-later
"""Goal: clearing-verify finds planted damage and names the place.

Damage is planted by the owner of the database, past every privilege, in a
copy of a sound city; where the damage is meant to be subtle, the chain is
hashed anew over it, as a forger with the owner's rights would.
"""

import unittest

from node import City, wait_until
from rpc import item, journal, new_id, ref

M1, M2, M3 = (f"m{number}@barcelona" for number in (1, 2, 3))


class Damage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """A sound city with something of everything, then its node stops."""
        cls.city = City()
        cls.addClassCleanup(cls.city.remove)
        cls.city.create()
        cls.city.start()
        operator = cls.city.client("operator", "anna")
        gateway = cls.city.client("gateway", "till")
        for name in (M1, M2, M3):
            operator.open(name, 1000, 1000)
        for number in range(1, 6):
            cls.position = gateway.post(
                item(M1, M2, number, memo="bread"),
                item(M2, M3, number)).position
        held = new_id()
        gateway.PlaceHold(id=held, debit=ref(M1), credit=ref(M3),
                          amount_minor=5, expires_at_us=cls.city.soon_us(600))
        gateway.PostHold(id=new_id(), hold_id=held, amount_minor=5)
        gateway.PlaceHold(id=new_id(), debit=ref(M1), credit=ref(M3),
                          amount_minor=5, expires_at_us=cls.city.soon_us(600))
        gateway.post(item(M3, M1, 2))
        cls.city.catch_up()
        assert cls.city.stop() == 0
        cls.database = cls.city.database
        # The template must have no connection.
        cls.city.auditor = None

    def setUp(self):
        """A copy of the database to damage."""
        self.database.drop_database("damaged")
        wait_until(lambda: self.database.psql(
            "select count(*) from pg_stat_activity where datname = 'clearing'"
            " and pid <> pg_backend_pid()", dbname="postgres") == "0",
            "nobody is connected to the template")
        self.database.psql(
            "create database damaged template clearing", dbname="postgres")

    def plant(self, text):
        self.database.psql(text, dbname="damaged")

    def verify(self):
        before = self.database.dbname
        self.database.dbname = "damaged"
        try:
            return self.city.verify()
        finally:
            self.database.dbname = before

    def found(self, *words):
        """Status 1, and every word in what it says."""
        result = self.verify()
        self.assertEqual(result.status, 1, result)
        told = result.out + result.err
        for word in words:
            self.assertIn(str(word), told)

    # ---- a forger's tools

    def blocks(self):
        connection = self.database.connect("clearing_auditor_login",
                                           "damaged")
        try:
            with connection.cursor() as cursor:
                cursor.execute("select seq, payload from clearing.journal"
                               " order by seq")
                return [(seq, journal.Block.FromString(bytes(payload)))
                        for seq, payload in cursor.fetchall()]
        finally:
            connection.close()

    def forge(self, seq, block):
        """Put `block` in place of `seq` and hash the chain anew from there.
        """
        payload = block.SerializeToString().hex()
        self.plant(f"""
            update clearing.journal set payload = '\\x{payload}'
             where seq = {seq};
            do $$
            declare
              one record;
              before bytea := (select prev_hash from clearing.journal
                                where seq = {seq});
            begin
              for one in select * from clearing.journal
                          where seq >= {seq} order by seq loop
                before := sha256('clearing journal v1\\000'::bytea
                  || int8send(one.seq) || int8send(one.epoch::bigint)
                  || int8send(one.created) || before || one.payload);
                update clearing.journal
                   set hash = before, prev_hash = coalesce((
                     select p.hash from clearing.journal p
                      where p.seq = one.seq - 1), prev_hash)
                 where seq = one.seq;
              end loop;
              update clearing.projection p set hash = j.hash
                from clearing.journal j where j.seq = p.seq;
            end $$""")

    def with_entries(self):
        return [(seq, block) for seq, block in self.blocks()
                if block.entry_count >= 2]

    # ---- sound

    def test_damage_none(self):
        result = self.verify()
        self.assertEqual(result.status, 0, result)

    def test_damage_blanked_memo_is_accepted(self):
        """An erased text is counted, and is no damage."""
        self.plant("update clearing.memo set text = null, salt = null"
                   f" where seq = {self.position}")
        result = self.verify()
        self.assertEqual(result.status, 0, result)

    def test_damage_could_not_read(self):
        """No database: 3, which is not 'damage found'."""
        self.database.drop_database("damaged")
        self.assertEqual(self.verify().status, 3)

    # ---- planted in the journal

    def test_damage_flipped_byte(self):
        self.plant("update clearing.journal set payload = set_byte(payload,"
                   " 5, get_byte(payload, 5) # 1) where seq = "
                   f"{self.position}")
        self.found("HASH_WRONG", self.position)

    def test_damage_missing_block(self):
        self.plant("delete from clearing.journal where seq = "
                   f"{self.position}")
        self.found("BLOCK_MISSING", self.position)

    def test_damage_lost_tail(self):
        """The journal ends before what the tables have seen."""
        self.plant("delete from clearing.journal where seq > "
                   f"{self.position}")
        self.found("JOURNAL_CUT", self.position)

    def test_damage_forked_block(self):
        """Another block in its place, right in itself, off the chain."""
        self.plant(
            "update clearing.journal set created = created + 1,"
            " hash = sha256('clearing journal v1\\000'::bytea"
            " || int8send(seq) || int8send(epoch::bigint)"
            " || int8send(created + 1) || prev_hash || payload)"
            f" where seq = {self.position}")
        self.found("CHAIN_BROKEN", self.position + 1)

    def test_damage_duplicate_id(self):
        """The same id in two blocks, the chain hashed anew."""
        (_, first), *_, (seq, last) = self.with_entries()[:3]
        created = {row[0]: row[1] for row in self.created()}
        first_seq = self.with_entries()[0][0]
        last.id_tail = first.id_tail[:10] + last.id_tail[10:]
        last.id_ms[0] = (created[first_seq] // 1000 + first.id_ms[0]
                         - created[seq] // 1000)
        self.forge(seq, last)
        self.found("ID_TWICE", seq)

    def created(self):
        return [tuple(map(int, line.split("\t"))) for line in
                self.database.psql(
                    "select seq, created from clearing.journal",
                    dbname="damaged").splitlines()]

    def test_damage_limit_passed(self):
        """A transfer beyond the limit, the chain hashed anew."""
        seq, block = self.with_entries()[0]
        block.amount[0] = 5000
        self.forge(seq, block)
        self.found("LIMIT_PASSED", seq)

    def test_damage_account_unknown(self):
        seq, block = self.with_entries()[0]
        block.credit[0] = 4000
        self.forge(seq, block)
        self.found("ACCOUNT_UNKNOWN", seq)

    def test_damage_unknown_event(self):
        """An unknown field stops the replay, with the block named."""
        seq, block = self.with_entries()[0]
        payload = block.SerializeToString() + b"\xfa\x07\x01x"
        self.forge(seq, journal.Block.FromString(payload))
        self.found("PAYLOAD_INVALID", seq)

    def test_damage_numbers_not_dense(self):
        seq, block = self.with_entries()[1]
        block.first_number += 1
        self.forge(seq, block)
        self.found("NUMBER_GAP", seq)

    # ---- planted in the tables

    def test_damage_amount_in_a_table(self):
        self.plant("update clearing.transfer set amount = amount + 1"
                   " where number = 3")
        self.found("ROW_DIFFERS", "transfer", 3)

    def test_damage_balance_in_a_table(self):
        self.plant("update clearing.account set credits_posted ="
                   " credits_posted + 1 where address = 'm2'")
        self.found("ROW_DIFFERS", "account")

    def test_damage_limit_in_a_table(self):
        self.plant("update clearing.account set credit_limit = 5000"
                   " where address = 'm2'")
        self.found("ROW_DIFFERS", "account")

    def test_damage_missing_row(self):
        self.plant("delete from clearing.transfer where number = 4")
        self.found("ROW_MISSING", "transfer", 4)

    def test_damage_row_too_many(self):
        self.plant(
            "insert into clearing.transfer select (select max(number) + 1"
            " from clearing.transfer), gen_random_uuid(), seq, 99,"
            " debit_account, credit_account, amount, kind, reference,"
            " hold_id, actor, posted_at, debit_previous, credit_previous"
            " from clearing.transfer where number = 1")
        self.found("ROW_STRAY", "transfer")

    def test_damage_hold_state(self):
        self.plant("update clearing.hold set state = 4, posted_amount = 0,"
                   " ended_actor = null where state = 2")
        self.found("ROW_DIFFERS", "hold")

    def test_damage_memo_changed(self):
        """A text that does not fit its salted hash in the chain."""
        self.plant("update clearing.memo set text = 'wine' where seq = "
                   f"{self.position}")
        self.found("MEMO_WRONG", self.position)

    def test_damage_audit_trail(self):
        """Who did it, and why, is compared as well."""
        self.plant("update clearing.actor set uri = uri || 'x'"
                   " where uri like '%operator%'")
        self.found("ROW_DIFFERS", "actor")

    # Of a city without neighbours; tests/integration/test_links.c plants
    # damage in the rows of cities that have some.

    def test_damage_link_made_up(self):
        zero, nonce = "\\x" + "00" * 32, "\\x" + "00" * 8
        self.plant(
            "insert into clearing.link values (1, 'lisbon', 3, 0,"
            f" '{zero}', 0, 0, 0, 0, 0, '{zero}', 0, 0, 0, 0, 0, 0, 0, 0,"
            f" '{nonce}', 0, '{nonce}', 0, '{nonce}', 0, 0, false, false,"
            " false, false, false, 0)")
        self.found("ROW_STRAY", "link", 1)

    def test_damage_payment_made_up(self):
        self.plant(
            "insert into clearing.payment values (1, gen_random_uuid(), null,"
            " null, 3, 4, 0, true, true, false, true, false, 0, 1, 0, 1, 0,"
            " 1, 500, now(), now(), now(), 0, 0, 0, '', 'x@lisbon',"
            " 'm1@barcelona', 'lisbon barcelona', '', '', 't', '')")
        self.found("ROW_STRAY", "payment", 1)

    def test_damage_roster_made_up(self):
        self.plant("insert into clearing.federation values (true, 1, 9, "
                   "decode(repeat('09', 32), 'hex'), 0)")
        self.found("ROW_STRAY", "federation")

    def test_damage_pointers(self):
        self.plant("update clearing.transfer set debit_previous = 0"
                   " where debit_previous = (select max(debit_previous)"
                   " from clearing.transfer)")
        self.found("ROW_DIFFERS", "transfer")


if __name__ == "__main__":
    unittest.main()
