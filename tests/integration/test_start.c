/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/refusal.h"
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

static void begin(struct rig *rig, const char *name)
{
	rig_create(rig, &postgres, name);
	if (rig_start(rig) != START_OK)
		fail_msg("start: %s", rig->error);
	assert_int_equal(rig_account(rig, "a"), 3);
	assert_int_equal(rig_account(rig, "b/till"), 4);
	rig_settle(rig);
}

static void expect_start(struct rig *rig, enum start_result wanted,
			 const char *word)
{
	enum start_result found = rig_start(rig);

	if (found != wanted ||
	    (word != NULL && strstr(rig->error, word) == NULL))
		fail_msg("%d, not %d: %s", found, wanted, rig->error);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Everything that a city's state is made of. */
static void live(struct rig *rig, struct rig_item *kept)
{
	struct rig_item hold = { .debit = 3, .credit = 4, .amount_minor = 50 };

	*kept = (struct rig_item){ .debit = 3,
				   .credit = 4,
				   .amount_minor = 12,
				   .memo = "two loaves",
				   .id = rig_id(rig) };
	rig_transfer(rig, kept);
	rig_transfers(rig, 4, 3, 500);
	rig_limits(rig, 3, 777);
	rig_command(rig, ACCOUNT_COMMAND_FREEZE, rig_account(rig, "c-frozen"));
	rig_command(rig, ACCOUNT_COMMAND_CLOSE, rig_account(rig, "d-closed"));
	for (uint32_t i = 0; i < 4; i++) {
		hold.id = rig_id(rig);
		hold.amount_minor++;
		rig_hold(rig, &hold, 1000 + i);
		if (i == 0)
			rig_post(rig, hold.id, 20);
		if (i == 1)
			rig_void(rig, hold.id);
	}
	rig_settle(rig);
}

static void expect_idempotent(struct rig *rig, const struct rig_item *kept)
{
	struct rig_item other = *kept;
	struct answer answer = rig_try(rig, kept);

	assert_int_equal(answer.refusal, 0);
	assert_true(answer.recorded);
	other.memo = "three loaves";
	answer = rig_try(rig, &other);
	assert_int_equal(answer.refusal, TRANSFER_ID_CONFLICT);
}

static void test_start_loads_what_was(void **state)
{
	/* Goal: tables plus tail give the memory that was there, ids of the
	 * window included (rules JOURNAL-19, JOURNAL-20), however much of it
	 * is in the tables. */
	static const char *const names[] = { "loaded", "replayed" };
	struct rig before, after;
	struct rig_item kept;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		begin(&before, names[i]);
		rig_wait_projected(&before);
		/* The second time the tables stay behind. */
		before.project = i == 0;
		live(&before, &kept);
		if (i == 0)
			rig_wait_projected(&before);
		rig_attach(&after, &before);
		after.takeover = true;
		expect_start(&after, START_OK, NULL);
		rig_expect_same(&before.ledger, &after.ledger);
		expect_idempotent(&after, &kept);
		rig_transfers(&after, 4, 3, 10);
		rig_settle(&after);
		rig_wait_projected(&after);
		rig_expect_sound(&after);
		rig_stop(&before);
		rig_stop(&after);
	}
}

static void test_start_ids_of_a_long_block(void **state)
{
	/* Goal: (rule JOURNAL-20) a block is of the time when it was opened;
	 * an id it took half an hour later is remembered after a start, though
	 * the block is older than the window (rule LEDGER-9). */
	const uint64_t minute_us = 60 * UINT64_C(1000000);
	struct rig_item item = { .debit = 3, .credit = 4, .amount_minor = 5 };
	struct rig before, after;
	struct rig_item late;
	struct answer answer;

	(void)state;
	begin(&before, "long_block");
	/* Ahead of the wall, which a takeover looks at. */
	before.clock_us = rig_now(&before) + 600 * minute_us;
	rig_transfer(&before, &item);
	before.clock_us += 30 * minute_us;
	late = item;
	late.id = rig_id(&before);
	rig_transfer(&before, &late);
	rig_settle(&before);
	before.clock_us += ID_WINDOW_US_DEFAULT - 20 * minute_us;
	rig_transfer(&before, &item);
	rig_settle(&before);
	rig_wait_projected(&before);
	rig_attach(&after, &before);
	after.clock_us = before.clock_us;
	rig_stop(&before);
	after.takeover = true;
	expect_start(&after, START_OK, NULL);
	answer = rig_try(&after, &late);
	assert_int_equal(answer.refusal, 0);
	assert_true(answer.recorded);
	rig_stop(&after);
}

static void test_start_init(void **state)
{
	/* Goal: block 0 is written once; the same again is success, another
	 * city's is refused (rule JOURNAL-3). */
	struct event_genesis genesis = { .federation = SLICE("demo"),
					 .city = SLICE("barcelona"),
					 .unit = SLICE("credit"),
					 .decimals = 2,
					 .format = 1 };
	struct rig rig;

	(void)state;
	rig_create(&rig, &postgres, "twice");
	assert_int_equal(
		start_init(&rig.database, &genesis, 1, rig_sha256, rig.error),
		START_OK);
	genesis.decimals = 3;
	assert_int_equal(
		start_init(&rig.database, &genesis, 1, rig_sha256, rig.error),
		START_OTHER_CITY);
	assert_int_equal(
		rig_number(&rig, "select count(*) from clearing.journal"), 1);
	rig.city = "girona";
	expect_start(&rig, START_OTHER_CITY, "girona");
	rig_run(&rig, "delete from clearing.journal");
	expect_start(&rig, START_SCHEMA, "clearctl init");
	assert_int_equal(
		rig_number(&rig, "select count(*) from clearing.journal"), 0);
}

static void test_start_writer_row(void **state)
{
	/* Goal: a node that beats is not disturbed; one that said goodbye is
	 * followed at once, a crashed one after a look. */
	struct rig old, new;
	struct heartbeat *heartbeat;
	double began;

	(void)state;
	begin(&old, "served");
	heartbeat = heartbeat_create(&old.database, "first:1",
				     old.started.head.epoch);
	for (uint32_t i = 0;
	     i < 1000 && rig_number(&old, "select beat from clearing.writer"
					  " where node = 'first:1'"
					  " union all select 0 limit 1") < 2;
	     i++)
		rig_turn(&old, 5);
	rig_attach(&new, &old);
	expect_start(&new, START_SERVED, "first:1");
	rig_expect_sound(&old);
	heartbeat_free(heartbeat);
	began = seconds();
	expect_start(&new, START_OK, NULL);
	assert_true(seconds() - began < 2.5);
	rig_stop(&new);
	/* A crash: the row is young and does not move. */
	rig_run(&old, "update clearing.writer set heartbeat_at = now()");
	began = seconds();
	expect_start(&new, START_OK, NULL);
	assert_true(seconds() - began > 2.5);
	rig_stop(&new);
	new.takeover = true;
	rig_run(&old, "update clearing.writer set heartbeat_at = now()");
	began = seconds();
	expect_start(&new, START_OK, NULL);
	assert_true(seconds() - began < 2.5);
	rig_stop(&new);
	rig_stop(&old);
}

static void test_start_known_head(void **state)
{
	/* Goal: (rule JOURNAL-12) a database behind the state file, with
	 * another block there, or of another cluster is refused, and nothing
	 * is written to it. */
	struct rig rig;
	struct acknowledged_head known = { .epoch = 1 };
	struct block_header head;
	long long count;

	(void)state;
	begin(&rig, "known");
	journal_head(rig.journal, &head);
	strcpy(known.system_identifier, rig.started.system_identifier);
	known.timeline = rig.started.timeline;
	known.seq = head.seq;
	memcpy(known.hash, head.hash, SHA256_SIZE);
	rig_wait_projected(&rig);
	rig_stop(&rig);
	rig.takeover = true;
	rig.known = &known;
	expect_start(&rig, START_OK, NULL);
	assert_int_equal(rig.started.timeline, 1);
	rig_stop(&rig);
	count = rig_number(&rig, "select count(*) from clearing.journal");
	known.seq += 100;
	expect_start(&rig, START_REWOUND, "behind");
	known.seq = head.seq;
	known.hash[5] ^= 1;
	expect_start(&rig, START_REWOUND, "another block");
	known.hash[5] ^= 1;
	known.system_identifier[0] ^= 1;
	expect_start(&rig, START_REWOUND, "cluster");
	assert_int_equal(
		rig_number(&rig, "select count(*) from clearing.journal"),
		count);
}

static void test_start_damage(void **state)
{
	/* Goal: a broken chain or foreign tables stop the start and name the
	 * place. */
	struct rig rig;
	char place[40];

	(void)state;
	begin(&rig, "damaged");
	rig_wait_projected(&rig);
	rig.project = false;
	rig_transfers(&rig, 3, 4, 10);
	rig_settle(&rig);
	snprintf(place, sizeof(place), "block %llu",
		 (unsigned long long)journal_acknowledged(rig.journal));
	rig_stop(&rig);
	rig.takeover = true;
	rig_run(&rig, "update clearing.journal set payload ="
		      " set_byte(payload, 30, get_byte(payload, 30) # 1)"
		      " where seq = (select max(seq) from clearing.journal)");
	expect_start(&rig, START_DAMAGED, place);
	postgres_copy(&postgres, "damaged", "damaged_tables");
	snprintf(rig.name, sizeof(rig.name), "damaged_tables");
	rig_run(&rig, "update clearing.projection set hash = sha256('x')");
	expect_start(&rig, START_DAMAGED, "another journal");
}

static void test_start_limits(void **state)
{
	/* Goal: limits below what the city has are no damage: the start names
	 * the key to raise, from the tables as from the tail. */
	struct rig rig;

	(void)state;
	begin(&rig, "too_small");
	rig_wait_projected(&rig);
	rig.project = false;
	rig_account(&rig, "c");
	rig_settle(&rig);
	rig_stop(&rig);
	rig.takeover = true;
	rig.accounts_max = 4;
	expect_start(&rig, START_LIMITS, "limits.accounts_max, 4");
	rig.accounts_max = 3;
	expect_start(&rig, START_LIMITS, "limits.accounts_max, 3");
	rig.accounts_max = 5;
	expect_start(&rig, START_OK, NULL);
	rig_stop(&rig);
}

static void test_start_stops(void **state)
{
	/* Goal: a start that is asked to stop does, with nothing taken. */
	struct rig rig;
	atomic_bool stopped = true;

	(void)state;
	rig_create(&rig, &postgres, "stopped");
	rig.stop = &stopped;
	expect_start(&rig, START_STOPPED, NULL);
	assert_int_equal(
		rig_number(&rig, "select count(*) from clearing.journal"), 1);
}

static void test_start_frozen_writer(void **state)
{
	/* Goal: a writer that froze between its statement and its commit does
	 * not keep the next one out: its session is ended after 2 s. */
	struct rig rig;
	PGconn *frozen;
	char options[200];
	double began;

	(void)state;
	rig_create(&rig, &postgres, "frozen");
	snprintf(options, sizeof(options),
		 "host=%s user=node dbname=frozen"
		 " application_name='clearing journal'",
		 postgres.folder);
	frozen = PQconnectdb(options);
	PQclear(PQexec(frozen, "begin"));
	PQclear(PQexec(frozen, "insert into clearing.journal select 1, 0,"
			       " created, hash, sha256('x'), 'x'"
			       " from clearing.journal"));
	began = seconds();
	expect_start(&rig, START_OK, NULL);
	assert_true(seconds() - began > 1.5);
	assert_int_equal(rig.started.head.seq, 1);
	PQfinish(frozen);
	rig_account(&rig, "a");
	rig_settle(&rig);
	rig_wait_projected(&rig);
	rig_expect_sound(&rig);
	rig_stop(&rig);
}

/* Ends the session that waits for @context, once; false: none waited. */
static void *cut_the_waiting(void *context)
{
	PGconn *connection = postgres_connect(&postgres, context);
	struct timespec step = { 0, 20 * 1000000L };
	bool cut = false;

	for (uint32_t i = 0; i < 500 && !cut; i++) {
		PGresult *rows = PQexec(
			connection,
			"select pg_terminate_backend(pid) from pg_stat_activity"
			" where application_name = 'clearing journal'"
			" and datname = current_database()"
			" and wait_event_type = 'Lock'");

		cut = PQntuples(rows) == 1;
		PQclear(rows);
		nanosleep(&step, NULL);
	}
	PQfinish(connection);
	return cut ? context : NULL;
}

static void test_start_cut_at_takeover(void **state)
{
	/* Goal: a takeover whose connection goes is made on the next one,
	 * which waits for a frozen writer no longer than the first. */
	char options[200], name[] = "cut";
	struct rig rig;
	PGconn *frozen;
	pthread_t thread;
	double began;
	void *cut;

	(void)state;
	rig_create(&rig, &postgres, name);
	snprintf(options, sizeof(options),
		 "host=%s user=node dbname=%s"
		 " application_name='clearing journal'"
		 " options='-c idle_in_transaction_session_timeout=9s'",
		 postgres.folder, name);
	frozen = PQconnectdb(options);
	PQclear(PQexec(frozen, "begin"));
	PQclear(PQexec(frozen, "insert into clearing.journal select 1, 0,"
			       " created, hash, sha256('x'), 'x'"
			       " from clearing.journal"));
	assert_int_equal(pthread_create(&thread, NULL, cut_the_waiting, name),
			 0);
	began = seconds();
	expect_start(&rig, START_OK, NULL);
	assert_true(seconds() - began < 7);
	pthread_join(thread, &cut);
	assert_non_null(cut);
	PQfinish(frozen);
	rig_stop(&rig);
}

static void test_start_races(void **state)
{
	/* Goal: a takeover from a writer under load comes through, and all
	 * that the old one had acknowledged is there (rule JOURNAL-10). */
	struct rig old, new;
	uint32_t rounds = 0;

	(void)state;
	begin(&old, "raced");
	for (uint32_t i = 0; i < 5; i++) {
		for (uint32_t j = 0; j < 10; j++) {
			rig_transfers(&old, 3, 4, 2000);
			rig_turn(&old, 0);
		}
		rig_attach(&new, &old);
		new.takeover = true;
		expect_start(&new, START_OK, NULL);
		rig_transfers(&old, 3, 4, 1);
		rig_wait_state(&old, JOURNAL_FENCED);
		rig_expect_sound(&old);
		rig_stop(&old);
		rig_stop(&new);
		rig_attach(&old, &new);
		old.takeover = true;
		expect_start(&old, START_OK, NULL);
		rounds++;
	}
	assert_int_equal(rounds, 5);
	rig_wait_projected(&old);
	rig_expect_sound(&old);
	rig_stop(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start_loads_what_was),
		cmocka_unit_test(test_start_ids_of_a_long_block),
		cmocka_unit_test(test_start_init),
		cmocka_unit_test(test_start_writer_row),
		cmocka_unit_test(test_start_known_head),
		cmocka_unit_test(test_start_damage),
		cmocka_unit_test(test_start_limits),
		cmocka_unit_test(test_start_stops),
		cmocka_unit_test(test_start_frozen_writer),
		cmocka_unit_test(test_start_cut_at_takeover),
		cmocka_unit_test(test_start_races),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
