/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "integration/rig.h"
#include "store/block_source.h"

#define DAY_US (UINT64_C(24) * 3600 * 1000000)

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

static void begin(struct rig *rig, const char *name)
{
	rig_create(rig, &postgres, name);
	if (rig_start(rig) != START_OK)
		fail_msg("start: %s", rig->error);
	assert_int_equal(rig_account(rig, "a"), 3);
	assert_int_equal(rig_account(rig, "b/till"), 4);
	assert_int_equal(rig_account(rig, "c"), 5);
	rig_settle(rig);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Holds that end in their own block, in a later one, or not at all. */
static void live_holds(struct rig *rig, bool settle)
{
	struct rig_item hold = {
		.debit = 4, .credit = 5, .amount_minor = 40, .memo = "a promise"
	};
	struct id ids[5];

	for (uint32_t i = 0; i < 5; i++) {
		ids[i] = rig_id(rig);
		hold.id = ids[i];
		hold.amount_minor++;
		rig_hold(rig, &hold, i < 2 ? 60 : 40 * 24 * 3600);
	}
	if (settle)
		rig_settle(rig);
	rig_post(rig, ids[2], 7);
	rig_void(rig, ids[3]);
	if (settle)
		rig_settle(rig);
	rig->clock_us += 61 * UINT64_C(1000000);
	assert_true(rig_expire(rig) >= 2);
}

/* One month of every kind of fact, in several blocks. */
static void live(struct rig *rig, uint32_t month)
{
	char address[32];
	uint32_t account;

	for (uint32_t i = 0; i < 4; i++) {
		rig_transfers(rig, 3, 4, 50 + month);
		rig_transfer(rig, &(struct rig_item){ .debit = 4,
						      .credit = 5,
						      .amount_minor = 9,
						      .memo = "bread" });
		rig_settle(rig);
	}
	live_holds(rig, true);
	live_holds(rig, false);
	snprintf(address, sizeof(address), "m%u", month);
	account = rig_account(rig, address);
	rig_limits(rig, account, 1000 + month);
	rig_settle(rig);
	rig_command(rig, ACCOUNT_COMMAND_FREEZE, account);
	rig_limits(rig, account, 5);
	if (month % 2 == 0)
		rig_settle(rig);
	rig_command(rig, ACCOUNT_COMMAND_UNFREEZE, account);
	rig_command(rig, ACCOUNT_COMMAND_CLOSE, account);
	rig_settle(rig);
}

/* Four months, one of them without a block. */
static void live_months(struct rig *rig)
{
	static const uint32_t days[] = { 0, 31, 95, 130 };
	uint64_t first = rig_now(rig);

	for (uint32_t i = 0; i < COUNT_OF(days); i++) {
		rig->clock_us = first + days[i] * DAY_US;
		live(rig, i);
	}
}

/* An own copy of the rig's database, with nothing projected. */
static void copy_empty(struct rig *copy, const struct rig *rig,
		       const char *name)
{
	postgres_copy(&postgres, rig->name, name);
	rig_attach(copy, rig);
	snprintf(copy->name, sizeof(copy->name), "%s", name);
	rig_run(copy, "truncate clearing.genesis, clearing.actor,"
		      " clearing.account, clearing.account_change,"
		      " clearing.account_month, clearing.month_start,"
		      " clearing.transfer, clearing.hold, clearing.command;"
		      " update clearing.projection set seq = -1, next_number ="
		      " 1, time_us = 0, epoch = 9, hash ="
		      " decode(repeat('00', 32), 'hex')");
}

static void wait_position(struct projector *projector, uint64_t seq)
{
	struct timespec step = { 0, 1000000 };
	const char *reason = "too late";

	projector_hurry(projector, seq);
	for (uint32_t i = 0; projector_position(projector) != seq ||
			     projector_lag(projector) > 0;
	     i++) {
		if (projector_stopped(projector, &reason) || i > 20000)
			fail_msg("block %llu: %s", (unsigned long long)seq,
				 reason);
		nanosleep(&step, NULL);
	}
}

struct feed {
	struct rig *rig;
	struct projector *projector;
	struct ledger ledger;
	struct block_source source;
	struct effect *effects;
	bool one_by_one;
};

static void feed_blocks(struct feed *feed)
{
	struct apply_fault fault;
	struct slice payload;
	struct block block;

	while (block_source_next(&feed->source, &block, &payload) ==
	       BLOCK_SOURCE_BLOCK) {
		struct closed_block closed = { .header = block.header,
					       .payload = payload,
					       .entry_count = block.entry_count,
					       .effects = feed->effects };

		assert_int_equal(ledger_apply_block(&feed->ledger, &block,
						    feed->effects, &fault),
				 APPLY_OK);
		ledger_block_done(&feed->ledger, &block.header);
		assert_true(projector_push(feed->projector, &closed, true));
		if (feed->one_by_one)
			wait_position(feed->projector, block.header.seq);
	}
	assert_string_equal(feed->source.error, "");
}

/* Projects the whole journal anew; batches of one block, or as large as can
 * be: the tables are locked until all blocks wait. */
static void project_anew(struct rig *rig, bool one_by_one)
{
	struct ledger_options options = { .accounts_max = 1000,
					  .holds_max = 1000,
					  .actors_max = 100,
					  .ids_max = 200000,
					  .id_window_us = DAY_US };
	struct projector_options projector = { .database = &rig->database,
					       .lag_blocks_max = 100000 };
	uint8_t none[SHA256_SIZE] = { 0 };
	struct feed feed = { .rig = rig, .one_by_one = one_by_one };
	void *memory = calloc(1, ledger_memory_size(&options));
	PGconn *lock = postgres_connect(&postgres, rig->name);

	ledger_init(&feed.ledger, &options, memory);
	feed.effects = calloc(BLOCK_ENTRIES_MAX, sizeof(struct effect));
	feed.projector = projector_create(&projector);
	feed.source.connection = postgres_connect(&postgres, rig->name);
	feed.source.sha256 = rig_sha256;
	feed.source.last_seq = (uint64_t)rig_number(
		rig, "select max(seq) from clearing.journal");
	assert_true(block_source_open(&feed.source));
	if (!one_by_one)
		PQclear(PQexec(lock, "begin; lock table clearing.projection"
				     " in share mode"));
	projector_begin(feed.projector, (uint64_t)-1, none, 9);
	feed_blocks(&feed);
	if (!one_by_one)
		PQclear(PQexec(lock, "commit"));
	wait_position(feed.projector, feed.source.last_seq);
	projector_free(feed.projector);
	block_source_close(&feed.source);
	PQfinish(feed.source.connection);
	PQfinish(lock);
	free(feed.effects);
	free(memory);
}

static void expect_tables(struct rig *rig, const char *wanted)
{
	char *found = rig_tables(rig);

	assert_string_equal(found, wanted);
	free(found);
}

static void test_projector_independent_of_batches(void **state)
{
	/* Goal: (rule JOURNAL-17) the same journal in batches of one block,
	 * of all, and as it came gives the same tables, which satisfy every
	 * invariant; months are closed exactly between two blocks. */
	struct rig rig, one, all;
	char *wanted;

	(void)state;
	begin(&rig, "as_it_came");
	live_months(&rig);
	rig_wait_projected(&rig);
	rig_expect_sound(&rig);
	rig_stop(&rig);
	wanted = rig_tables(&rig);
	assert_int_equal(
		rig_number(&rig, "select count(*) from clearing.month_start"),
		4);
	assert_true(rig_number(&rig, "select count(*) from"
				     " clearing.account_month") >= 9);
	assert_int_equal(rig_number(&rig, "select count(distinct state) from"
					  " clearing.hold"),
			 4);
	copy_empty(&one, &rig, "one_by_one");
	project_anew(&one, true);
	expect_tables(&one, wanted);
	rig_expect_sound(&one);
	copy_empty(&all, &rig, "all_at_once");
	project_anew(&all, false);
	expect_tables(&all, wanted);
	rig_expect_sound(&all);
	free(wanted);
}

static void test_projector_recovers_lost_moments(void **state)
{
	/* Goal: (rule JOURNAL-18) what a crash takes back of the tables is
	 * made again from the journal, the same, with no new block to push
	 * it. */
	struct rig rig, anew;
	uint64_t before;
	char *wanted;

	(void)state;
	postgres_stop(&postgres);
	postgres_start(&postgres, "-c wal_writer_delay=10000ms");
	begin(&rig, "lost_moments");
	rig.clock_us = rig_now(&rig);
	live(&rig, 0);
	rig_wait_projected(&rig);
	/* Entries of all kinds in the last blocks, projected alone. */
	live_holds(&rig, true);
	rig_transfers(&rig, 3, 4, 100);
	rig_settle(&rig);
	rig_wait_projected(&rig);
	before = projector_position(rig.projector);
	postgres_kill(&postgres);
	postgres_start(&postgres, NULL);
	assert_true(rig_number(&rig, "select seq from clearing.projection") <=
		    (long long)before);
	print_message("projector: %lld of %llu blocks survived the crash\n",
		      rig_number(&rig, "select seq from clearing.projection"),
		      (unsigned long long)before);
	rig_wait_state(&rig, JOURNAL_UP);
	for (uint32_t i = 0;
	     i < 400 &&
	     rig_number(&rig, "select seq from"
			      " clearing.projection") < (long long)before;
	     i++)
		rig_turn(&rig, 20);
	rig_transfers(&rig, 3, 4, 1);
	rig_settle(&rig);
	rig_wait_projected(&rig);
	rig_expect_sound(&rig);
	rig_stop(&rig);
	wanted = rig_tables(&rig);
	copy_empty(&anew, &rig, "lost_anew");
	project_anew(&anew, true);
	expect_tables(&anew, wanted);
	free(wanted);
}

static void expect_stopped(struct rig *rig, const char *word)
{
	struct timespec step = { 0, 2000000 };
	const char *reason = "";

	for (uint32_t i = 0;
	     i < 5000 && !projector_stopped(rig->projector, &reason); i++)
		nanosleep(&step, NULL);
	if (!projector_stopped(rig->projector, &reason) ||
	    strstr(reason, word) == NULL)
		fail_msg("not stopped for %s: %s", word, reason);
}

static void test_projector_stops_for_another(void **state)
{
	/* Goal: (rule JOURNAL-16) a projector whose tables were taken over
	 * moves nothing and stops. */
	struct rig old, new;

	(void)state;
	begin(&old, "two_projectors");
	rig_wait_projected(&old);
	old.project = false;
	rig_transfers(&old, 3, 4, 10);
	rig_settle(&old);
	rig_attach(&new, &old);
	new.takeover = true;
	assert_int_equal(rig_start(&new), START_OK);
	rig_wait_projected(&new);
	/* The old one wakes up with a block of its own. */
	rig_stop(&old);
	old.project = true;
	old.takeover = true;
	rig_transfers(&new, 3, 4, 10);
	rig_settle(&new);
	rig_wait_projected(&new);
	rig_run(&new, "update clearing.projection set epoch = epoch + 1");
	rig_transfers(&new, 3, 4, 10);
	rig_settle(&new);
	expect_stopped(&new, "another");
	rig_stop(&new);
}

static void test_projector_stops_at_unfit_tables(void **state)
{
	/* Goal: tables that refuse a fact by a rule end it with the rule's
	 * name, and not in a loop; blocks that are acknowledged until the node
	 * ends are refused, and no programmer error. */
	struct rig rig;

	(void)state;
	begin(&rig, "unfit");
	rig_wait_projected(&rig);
	rig_run(&rig, "update clearing.account set address = 'taken'"
		      " where id = 5");
	rig_account(&rig, "taken");
	rig_settle(&rig);
	expect_stopped(&rig, "account_address");
	for (uint32_t i = 0; i < 3; i++) {
		rig_transfers(&rig, 3, 4, 10);
		rig_settle(&rig);
	}
	expect_stopped(&rig, "account_address");
	rig_stop(&rig);
}

static void test_projector_bounded(void **state)
{
	/* Goal: (rule JOURNAL-25) the queue refuses above its bound. */
	struct projector_options options = { .lag_blocks_max = 3 };
	struct database database = { .hosts = "/nonexistent" };
	struct closed_block block = { .payload = SLICE("x") };
	uint8_t none[SHA256_SIZE] = { 0 };
	struct projector *projector;

	(void)state;
	options.database = &database;
	projector = projector_create(&options);
	projector_begin(projector, 4, none, 1);
	for (uint32_t i = 0; i < 3; i++) {
		block.header.seq = 5 + i;
		assert_true(projector_push(projector, &block, false));
	}
	block.header.seq = 8;
	assert_false(projector_push(projector, &block, false));
	assert_int_equal(projector_lag(projector), 3);
	assert_int_equal(projector_position(projector), 4);
	projector_free(projector);
}

/* Transactions that wrote the entries from @number on. */
static long long transactions(struct rig *rig, long long number)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "select count(distinct xmin::text) from clearing.transfer"
		 " where number >= %lld",
		 number);
	return rig_number(rig, sql);
}

static long long next_number(struct rig *rig)
{
	return rig_number(rig, "select next_number from clearing.projection");
}

static void test_projector_gathers(void **state)
{
	/* Goal: blocks that come close behind one another share transactions,
	 * though each finds the projector idle; who waits has it at once. */
	const uint32_t count = 30;
	struct rig rig;
	long long first;
	double began;

	(void)state;
	begin(&rig, "gathers");
	rig_wait_projected(&rig);
	first = next_number(&rig);
	began = seconds();
	for (uint32_t i = 0; i < count; i++) {
		rig_transfers(&rig, 3, 4, 1);
		rig_settle(&rig);
	}
	rig_wait_projected(&rig);
	/* One at once, one for each moment, and the one that is waited for. */
	assert_true((double)transactions(&rig, first) <=
		    2 + (seconds() - began) / 0.2);
	assert_true(transactions(&rig, first) < count);
	first = next_number(&rig);
	for (uint32_t i = 0; i < count; i++) {
		rig_transfers(&rig, 3, 4, 1);
		rig_settle(&rig);
		rig_wait_projected(&rig);
	}
	assert_int_equal(transactions(&rig, first), count);
	rig_expect_sound(&rig);
	rig_stop(&rig);
}

static void test_projector_rate(void **state)
{
	/* Goal: the rate over many accounts is told. */
	struct rig rig;
	uint32_t count = 24, entries = 0;
	double began;

	(void)state;
	begin(&rig, "rate");
	for (uint32_t i = 0; i < 1000; i++) {
		char address[32];

		snprintf(address, sizeof(address), "r%u", i);
		rig_account(&rig, address);
	}
	rig_settle(&rig);
	rig_wait_projected(&rig);
	began = seconds();
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < 8; j++)
			rig_transfers(&rig, 3 + (i * 8 + j) % 1000,
				      3 + (i * 8 + j + 1) % 1000, 1000);
		entries += 8000;
		rig_turn(&rig, 0);
	}
	rig_settle(&rig);
	print_message("journal: %.0f entries/s, projector behind it: ",
		      entries / (seconds() - began));
	rig_wait_projected(&rig);
	print_message("%.0f entries/s\n", entries / (seconds() - began));
	rig_expect_sound(&rig);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_projector_independent_of_batches),
		cmocka_unit_test(test_projector_recovers_lost_moments),
		cmocka_unit_test(test_projector_stops_for_another),
		cmocka_unit_test(test_projector_stops_at_unfit_tables),
		cmocka_unit_test(test_projector_bounded),
		cmocka_unit_test(test_projector_gathers),
		cmocka_unit_test(test_projector_rate),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
