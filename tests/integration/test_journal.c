/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "integration/rig.h"

static struct postgres postgres;

static int start(void **state)
{
	(void)state;
	postgres_create(&postgres);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	postgres_free(&postgres);
	return 0;
}

/* A started city with two accounts, 3 and 4. */
static void begin(struct rig *rig, const char *name)
{
	rig_create(rig, &postgres, name);
	if (rig_start(rig) != START_OK)
		fail_msg("start: %s", rig->error);
	assert_int_equal(rig_account(rig, "a"), 3);
	assert_int_equal(rig_account(rig, "b"), 4);
	rig_settle(rig);
}

static void end(struct rig *rig)
{
	rig_wait_projected(rig);
	rig_expect_sound(rig);
	rig_stop(rig);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void test_journal_acknowledges_in_order(void **state)
{
	/* Goal: blocks become durable in the order of seq, each once; what
	 * arrives while one is in flight shares the next (rule JOURNAL-7). */
	struct rig rig;
	uint64_t first;

	(void)state;
	begin(&rig, "in_order");
	first = journal_acknowledged(rig.journal);
	rig_transfers(&rig, 3, 4, 1);
	journal_flush(rig.journal, rig_now(&rig));
	for (uint32_t i = 0; i < 100; i++) {
		rig_transfers(&rig, 3, 4, 1);
		journal_flush(rig.journal, rig_now(&rig));
	}
	assert_int_equal(journal_newest(rig.journal), first + 2);
	assert_int_equal(journal_acknowledged(rig.journal), first);
	rig_settle(&rig);
	assert_int_equal(journal_acknowledged(rig.journal), first + 2);
	assert_int_equal(rig.acknowledged[rig.acknowledged_count - 1].seq,
			 first + 2);
	end(&rig);
}

static void test_journal_full_blocks(void **state)
{
	/* Goal: full blocks go several in flight; the queue is bounded (rule
	 * JOURNAL-25); the rate of blocks that were closed before is told. */
	struct rig rig;
	struct effect *effects;
	uint64_t first;
	double began = 0, took;
	uint32_t opened = 0;

	(void)state;
	begin(&rig, "full_blocks");
	first = journal_acknowledged(rig.journal);
	rig.project = false;
	while (journal_open(rig.journal, 8190, 1, rig_now(&rig), &effects)) {
		rig_transfers(&rig, 3, 4, 8190);
		opened++;
		assert_true(opened <= rig.queue_blocks_max);
	}
	assert_int_equal(opened, rig.queue_blocks_max);
	began = seconds();
	rig_settle(&rig);
	took = seconds() - began;
	assert_int_equal(journal_acknowledged(rig.journal), first + opened);
	print_message("journal: %u blocks of 8190, %.0f entries/s\n", opened,
		      opened * 8190 / took);
	rig_stop(&rig);
}

static void test_journal_small_blocks(void **state)
{
	/* Goal: the rate of one-entry blocks is told, each waited for. */
	struct rig rig;
	double began;
	uint32_t count = 500;

	(void)state;
	begin(&rig, "small_blocks");
	began = seconds();
	for (uint32_t i = 0; i < count; i++) {
		rig_transfers(&rig, 3, 4, 1);
		rig_settle(&rig);
	}
	print_message("journal: %.0f blocks/s of one entry, one in flight\n",
		      count / (seconds() - began));
	end(&rig);
}

static void test_journal_memos(void **state)
{
	/* Goal: texts stand beside the chain, in the same commit (rule
	 * JOURNAL-24), at the right places. */
	struct rig rig;

	(void)state;
	begin(&rig, "memos");
	rig_transfers(&rig, 3, 4, 2);
	rig_transfer(&rig, &(struct rig_item){ .debit = 3,
					       .credit = 4,
					       .amount_minor = 5,
					       .memo = "two loaves" });
	rig_transfer(&rig, &(struct rig_item){ .debit = 4,
					       .credit = 3,
					       .amount_minor = 7,
					       .memo = "für Öl" });
	rig_settle(&rig);
	assert_int_equal(rig_number(&rig, "select count(*) from clearing.memo"),
			 2);
	assert_int_equal(rig_number(&rig, "select index from clearing.memo"
					  " where text = 'two loaves'"),
			 2);
	assert_int_equal(rig_number(&rig, "select index from clearing.memo"
					  " where text = 'für Öl'"),
			 3);
	end(&rig);
}

static void test_journal_survives_termination(void **state)
{
	/* Goal: a connection that is cut leaves doubt, and doubt ends with
	 * every block in the journal once (rules JOURNAL-8, JOURNAL-9). */
	struct rig rig;

	(void)state;
	begin(&rig, "terminated");
	for (uint32_t round = 0; round < 20; round++) {
		rig_transfers(&rig, 3, 4, 1 + round * 50);
		journal_flush(rig.journal, rig_now(&rig));
		rig_transfers(&rig, 4, 3, 10);
		if (round % 2 == 0)
			rig_run(&rig, "select pg_terminate_backend(pid) from"
				      " pg_stat_activity where datname ="
				      " current_database() and"
				      " application_name = 'clearing journal'");
		rig_settle(&rig);
		assert_int_equal(journal_state(rig.journal), JOURNAL_UP);
	}
	assert_int_equal(journal_doubt_since_us(rig.journal), 0);
	end(&rig);
}

static void test_journal_survives_crash(void **state)
{
	/* Goal: kill -9 of all of PostgreSQL with blocks in flight: nothing
	 * acknowledged is lost, nothing is there twice. */
	struct rig rig;

	(void)state;
	begin(&rig, "crashed");
	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < 6; i++) {
			rig_transfers(&rig, 3, 4, 8190 / (round + 1));
			rig_turn(&rig, 0);
		}
		postgres_kill(&postgres);
		rig_transfers(&rig, 4, 3, 100);
		rig_wait_state(&rig, JOURNAL_DOUBT);
		assert_true(journal_doubt_since_us(rig.journal) > 0);
		assert_string_not_equal(journal_reason(rig.journal), "");
		rig_transfers(&rig, 4, 3, 100);
		postgres_start(&postgres, NULL);
		rig_settle(&rig);
	}
	end(&rig);
}

/* An insert trigger that raises @severity once per table row of "raise". */
static void plant_notice(struct rig *rig, const char *severity)
{
	char sql[700];

	snprintf(sql, sizeof(sql),
		 "create sequence clearing.once;"
		 "grant usage on sequence clearing.once to public;"
		 "create function clearing.raise() returns trigger language"
		 " plpgsql as $$ begin if nextval('clearing.once') = 1 then"
		 " raise %s 'planted'; end if; return new; end $$;"
		 "create trigger raise before insert on clearing.journal_0"
		 " for each row execute function clearing.raise()",
		 severity);
	rig_run(rig, sql);
}

static void test_journal_warning_is_doubt(void **state)
{
	/* Goal: success with a WARNING is no commit (rule JOURNAL-5): the
	 * block has landed and is acknowledged behind a barrier. */
	struct rig rig;
	uint64_t landed;

	(void)state;
	begin(&rig, "warned");
	plant_notice(&rig, "warning");
	rig_transfers(&rig, 3, 4, 3);
	landed = journal_newest(rig.journal);
	rig_wait_state(&rig, JOURNAL_DOUBT);
	assert_int_equal(journal_acknowledged(rig.journal), landed - 1);
	assert_non_null(strstr(journal_reason(rig.journal), "planted"));
	rig_wait_state(&rig, JOURNAL_UP);
	/* The barrier: one empty block more than was recorded. */
	assert_int_equal(journal_newest(rig.journal), landed + 1);
	rig_settle(&rig);
	assert_int_equal(journal_acknowledged(rig.journal), landed + 1);
	end(&rig);
}

static void test_journal_open_block_is_barrier(void **state)
{
	/* Goal: where an open block waits it serves as the barrier, and the
	 * positions that were promised in it do not move. */
	struct rig rig;
	uint64_t promised;

	(void)state;
	begin(&rig, "barrier");
	plant_notice(&rig, "warning");
	rig_transfers(&rig, 3, 4, 3);
	journal_flush(rig.journal, rig_now(&rig));
	rig_transfers(&rig, 3, 4, 3);
	promised = journal_newest(rig.journal);
	rig_wait_state(&rig, JOURNAL_DOUBT);
	assert_int_equal(journal_acknowledged(rig.journal), promised - 2);
	rig_settle(&rig);
	assert_int_equal(journal_acknowledged(rig.journal), promised);
	end(&rig);
}

static void test_journal_notice_is_none(void **state)
{
	/* Goal: a notice below WARNING changes nothing. */
	struct rig rig;
	uint64_t landed;

	(void)state;
	begin(&rig, "noticed");
	plant_notice(&rig, "notice");
	rig_transfers(&rig, 3, 4, 3);
	landed = journal_newest(rig.journal);
	rig_settle(&rig);
	assert_int_equal(journal_newest(rig.journal), landed);
	end(&rig);
}

static void test_journal_error_is_resent(void **state)
{
	/* Goal: an SQL error leaves no hole: the same bytes go again. */
	struct rig rig;
	uint64_t newest;

	(void)state;
	begin(&rig, "failed_once");
	plant_notice(&rig, "exception");
	for (uint32_t i = 0; i < 5; i++)
		rig_transfers(&rig, 3, 4, 8190);
	newest = journal_newest(rig.journal);
	rig_settle(&rig);
	assert_int_equal(journal_acknowledged(rig.journal), newest);
	end(&rig);
}

static void test_journal_fenced(void **state)
{
	/* Goal: a second node takes over from a live one; the first is
	 * FENCED, for ever, and nothing of it lands behind (JOURNAL-10, 11). */
	struct rig old, new;
	uint64_t newest;

	(void)state;
	begin(&old, "fenced");
	rig_transfers(&old, 3, 4, 10);
	rig_settle(&old);
	rig_attach(&new, &old);
	new.takeover = true;
	assert_int_equal(rig_start(&new), START_OK);
	newest = new.started.head.seq;
	assert_int_equal(new.started.head.epoch, old.ledger.epoch + 1);
	for (uint32_t i = 0; i < 6; i++)
		rig_transfers(&old, 3, 4, 8190);
	rig_wait_state(&old, JOURNAL_FENCED);
	assert_true(journal_acknowledged(old.journal) < newest);
	assert_int_equal(journal_socket(old.journal), -1);
	assert_int_equal(
		rig_number(&old, "select max(seq) from clearing.journal"),
		newest);
	rig_transfers(&new, 3, 4, 5);
	rig_settle(&new);
	rig_wait_projected(&new);
	rig_expect_sound(&new);
	rig_expect_sound(&old);
	rig_stop(&old);
	rig_stop(&new);
}

static void test_journal_rewound(void **state)
{
	/* Goal: a database that lost what was acknowledged stops the node. */
	struct rig rig;

	(void)state;
	begin(&rig, "rewound");
	rig_transfers(&rig, 3, 4, 10);
	rig_settle(&rig);
	rig_run(&rig, "delete from clearing.journal where seq ="
		      " (select max(seq) from clearing.journal)");
	rig_transfers(&rig, 3, 4, 10);
	rig_wait_state(&rig, JOURNAL_REWOUND);
	assert_non_null(strstr(journal_reason(rig.journal), "behind"));
	rig_stop(&rig);
}

static void test_journal_forked(void **state)
{
	/* Goal: another block where ours was acknowledged stops the node. */
	struct rig rig;

	(void)state;
	begin(&rig, "forked");
	rig_transfers(&rig, 3, 4, 10);
	rig_settle(&rig);
	rig_run(&rig, "update clearing.journal set hash = sha256('x') where"
		      " seq = (select max(seq) from clearing.journal)");
	rig_transfers(&rig, 3, 4, 10);
	rig_wait_state(&rig, JOURNAL_FORKED);
	rig_stop(&rig);
}

static void test_journal_broken(void **state)
{
	/* Goal: a block that the table refuses by a rule ends the node. */
	struct rig rig;

	(void)state;
	begin(&rig, "broken");
	rig_run(&rig, "alter table clearing.journal add constraint planted"
		      " check (octet_length(payload) < 500) not valid");
	rig_transfers(&rig, 3, 4, 100);
	rig_wait_state(&rig, JOURNAL_BROKEN);
	assert_non_null(strstr(journal_reason(rig.journal), "planted"));
	rig_stop(&rig);
}

static void test_journal_unsafe(void **state)
{
	/* Goal: durability switched off behind our back is seen at the next
	 * connect. */
	struct rig rig;

	(void)state;
	begin(&rig, "unsafe");
	postgres_kill(&postgres);
	postgres_start(&postgres, "-c fsync=off");
	rig_transfers(&rig, 3, 4, 100);
	rig_wait_state(&rig, JOURNAL_UNSAFE);
	rig_stop(&rig);
	postgres_stop(&postgres);
	postgres_start(&postgres, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_acknowledges_in_order),
		cmocka_unit_test(test_journal_full_blocks),
		cmocka_unit_test(test_journal_small_blocks),
		cmocka_unit_test(test_journal_memos),
		cmocka_unit_test(test_journal_survives_termination),
		cmocka_unit_test(test_journal_survives_crash),
		cmocka_unit_test(test_journal_warning_is_doubt),
		cmocka_unit_test(test_journal_open_block_is_barrier),
		cmocka_unit_test(test_journal_notice_is_none),
		cmocka_unit_test(test_journal_error_is_resent),
		cmocka_unit_test(test_journal_fenced),
		cmocka_unit_test(test_journal_rewound),
		cmocka_unit_test(test_journal_forked),
		cmocka_unit_test(test_journal_broken),
		cmocka_unit_test(test_journal_unsafe),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
