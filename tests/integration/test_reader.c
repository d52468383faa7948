/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "integration/rig.h"
#include "store/reader.h"

#define DAY_US (UINT64_C(24) * 3600 * 1000000)
#define TEXT_SIZE 64

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

static struct reader *create_reader(struct rig *rig)
{
	struct reader *reader = reader_create(
		&(struct reader_options){ .database = &rig->database });

	assert_non_null(reader);
	return reader;
}

/* A copy of one row of an answer. */
struct row {
	uint64_t number;
	int64_t amount, change, balance;
	uint32_t state;
	char memo[TEXT_SIZE], debit[TEXT_SIZE], credit[TEXT_SIZE];
	char actor[TEXT_SIZE];
	bool memo_erased, has_hold, has_reference;
	uint8_t id[ID_SIZE];
	int64_t posted_at_us, posted_amount;
	uint64_t position, ended_position;
};

struct answer_copy {
	bool told;
	enum read_status status;
	uint32_t count;
	bool more;
	int64_t opening, closing;
	struct row rows[READER_ROWS_MAX];
};

static void copy_text(struct slice from, char to[TEXT_SIZE])
{
	size_t size = from.size < TEXT_SIZE ? from.size : TEXT_SIZE - 1;

	if (size > 0)
		memcpy(to, from.data, size);
	to[size] = '\0';
}

static void copy_transfer(const struct transfer_view *view, struct row *row)
{
	row->number = view->number;
	row->amount = view->amount_minor;
	row->memo_erased = view->memo_erased;
	row->has_hold = view->hold_id.size > 0;
	row->has_reference = view->reference.size > 0;
	row->posted_at_us = view->posted_at_us;
	row->position = view->position;
	memcpy(row->id, view->id.data, ID_SIZE);
	copy_text(view->memo, row->memo);
	copy_text(view->debit_address, row->debit);
	copy_text(view->credit_address, row->credit);
	copy_text(view->actor, row->actor);
}

static void copy_hold(const struct hold_view *view, struct row *row)
{
	row->number = view->number;
	row->amount = view->amount_minor;
	row->state = view->state;
	row->posted_amount = view->posted_amount_minor;
	row->position = view->placed_position;
	row->ended_position = view->ended_position;
	memcpy(row->id, view->id.data, ID_SIZE);
	copy_text(view->memo, row->memo);
	copy_text(view->debit_address, row->debit);
	copy_text(view->actor, row->actor);
}

static void on_done(void *user, const struct read_result *result)
{
	struct answer_copy *copy = user;

	assert_false(copy->told);
	*copy = (struct answer_copy){ .told = true,
				      .status = result->status,
				      .count = result->count,
				      .more = result->more,
				      .opening = result->opening_minor,
				      .closing = result->closing_minor };
	for (uint32_t i = 0; i < result->count; i++) {
		struct row *row = &copy->rows[i];

		if (result->transfers != NULL)
			copy_transfer(&result->transfers[i], row);
		if (result->holds != NULL)
			copy_hold(&result->holds[i], row);
		if (result->entries == NULL)
			continue;
		copy_transfer(&result->entries[i].transfer, row);
		row->change = result->entries[i].change_minor;
		row->balance = result->entries[i].balance_minor;
	}
}

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void wait_told(struct rig *rig, struct reader *reader,
		      const struct answer_copy *copy)
{
	struct timespec step = { 0, 500000 };

	projector_hurry(rig->projector, journal_acknowledged(rig->journal));
	for (uint32_t i = 0; !copy->told && i < 20000; i++) {
		reader_collect(reader, projector_position(rig->projector),
			       wall_us());
		nanosleep(&step, NULL);
	}
	assert_true(copy->told);
}

static void ask(struct rig *rig, struct reader *reader, struct read_query query,
		struct answer_copy *copy)
{
	*copy = (struct answer_copy){ 0 };
	query.city = "barcelona";
	if (query.deadline_us == 0)
		query.deadline_us = wall_us() + 10000000;
	assert_true(reader_submit(reader, &query, on_done, copy));
	wait_told(rig, reader, copy);
}

static struct answer_copy *answer_create(void)
{
	struct answer_copy *copy = calloc(1, sizeof(*copy));

	assert_non_null(copy);
	return copy;
}

static void test_reader_transfer(void **state)
{
	/* Goal: a transfer is found by id, with and without its number, with
	 * all that it was; another id is not. */
	struct rig_item item = { .debit = 3,
				 .credit = 4,
				 .amount_minor = 12,
				 .memo = "two loaves" };
	struct answer_copy *copy = answer_create();
	struct read_query query = { .kind = READ_TRANSFER };
	struct reader *reader;
	struct rig rig;
	uint64_t number;

	(void)state;
	begin(&rig, "transfer");
	reader = create_reader(&rig);
	rig_transfers(&rig, 4, 3, 100);
	item.id = rig_id(&rig);
	number = rig_transfer(&rig, &item);
	rig_settle(&rig);
	query.id = item.id;
	query.min_position = journal_acknowledged(rig.journal);
	for (uint32_t i = 0; i < 2; i++) {
		query.number = i == 0 ? number : 0;
		ask(&rig, reader, query, copy);
		assert_int_equal(copy->status, READ_OK);
		assert_int_equal(copy->rows[0].number, number);
		assert_int_equal(copy->rows[0].amount, 12);
		assert_string_equal(copy->rows[0].memo, "two loaves");
		assert_string_equal(copy->rows[0].debit, "a@barcelona");
		assert_string_equal(copy->rows[0].credit, "b/till@barcelona");
		assert_string_equal(
			copy->rows[0].actor,
			"spiffe://demo/city/barcelona/gateway/test");
		assert_memory_equal(copy->rows[0].id, item.id.bytes, ID_SIZE);
		assert_int_equal(copy->rows[0].position, query.min_position);
		assert_true(copy->rows[0].posted_at_us > 0);
	}
	rig_run(&rig, "update clearing.memo set text = null, salt = null");
	ask(&rig, reader, query, copy);
	assert_true(copy->rows[0].memo_erased);
	assert_string_equal(copy->rows[0].memo, "");
	query.id = rig_id(&rig);
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->status, READ_NOT_FOUND);
	reader_free(reader);
	rig_stop(&rig);
	free(copy);
}

/* Five holds of account 3 for 4: two open, then posted, voided, expired. */
static void place_holds(struct rig *rig, struct id ids[5])
{
	struct rig_item hold = {
		.debit = 3, .credit = 4, .amount_minor = 100, .memo = "promised"
	};

	rig->clock_us = rig_now(rig);
	for (uint32_t i = 0; i < 5; i++) {
		ids[i] = rig_id(rig);
		hold.id = ids[i];
		rig_hold(rig, &hold, i == 4 ? 10 : 1000);
	}
	rig_settle(rig);
	rig_post(rig, ids[2], 60);
	rig_void(rig, ids[3]);
	rig->clock_us += 11 * UINT64_C(1000000);
	assert_int_equal(rig_expire(rig), 1);
	rig_settle(rig);
}

static void test_reader_holds(void **state)
{
	/* Goal: holds by id, by account and by state, in pages; a post shows
	 * the memo of its hold. */
	static const struct {
		uint32_t account, state, count;
	} cases[] = {
		{ 0, 0, 5 }, { 0, 1, 2 }, { 3, 0, 5 }, { 4, 0, 5 },
		{ 5, 0, 0 }, { 3, 1, 2 }, { 4, 2, 1 }, { 4, 3, 1 },
		{ 3, 4, 1 }, { 0, 4, 1 }, { 5, 1, 0 },
	};
	struct answer_copy *copy = answer_create();
	struct read_query query = { .kind = READ_HOLD };
	struct reader *reader;
	struct id ids[5];
	struct rig rig;

	(void)state;
	begin(&rig, "holds");
	reader = create_reader(&rig);
	place_holds(&rig, ids);
	query.min_position = journal_acknowledged(rig.journal);
	for (uint32_t i = 0; i < 5; i++) {
		query.id = ids[i];
		ask(&rig, reader, query, copy);
		assert_int_equal(copy->status, READ_OK);
		assert_int_equal(copy->rows[0].state, i < 2 ? 1 : i);
		assert_int_equal(copy->rows[0].posted_amount, i == 2 ? 60 : 0);
		assert_string_equal(copy->rows[0].memo, "promised");
		assert_int_equal(copy->rows[0].ended_position > 0, i >= 2);
	}
	query.kind = READ_HOLDS;
	for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
		query.account = cases[i].account;
		query.state = cases[i].state;
		query.limit = 100;
		query.cursor = 0;
		ask(&rig, reader, query, copy);
		assert_int_equal(copy->count, cases[i].count);
		assert_false(copy->more);
	}
	query.account = 4;
	query.state = 0;
	query.limit = 2;
	for (uint32_t page = 0; page < 3; page++) {
		ask(&rig, reader, query, copy);
		assert_int_equal(copy->count, page == 2 ? 1 : 2);
		assert_int_equal(copy->more, page != 2);
		assert_memory_equal(copy->rows[0].id, ids[page * 2].bytes,
				    ID_SIZE);
		query.cursor = copy->rows[copy->count - 1].number;
	}
	query = (struct read_query){ .kind = READ_ENTRIES,
				     .account = 3,
				     .limit = 10 };
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->count, 1);
	assert_true(copy->rows[0].has_hold);
	assert_string_equal(copy->rows[0].memo, "promised");
	reader_free(reader);
	rig_stop(&rig);
	free(copy);
}

/* Entries between 3, 4 and 5 over four months, one of them empty. */
static void live_months(struct rig *rig)
{
	static const uint32_t days[] = { 0, 31, 95 };
	uint64_t first = rig_now(rig);

	for (uint32_t i = 0; i < COUNT_OF(days); i++) {
		rig->clock_us = first + days[i] * DAY_US;
		for (uint32_t j = 0; j < 6; j++) {
			rig_transfers(rig, 3, 4, 7);
			rig_transfers(rig, 5, 3, 3);
			rig_settle(rig);
			rig->clock_us += DAY_US / 2;
			rig_transfers(rig, 4, 5, 5);
			rig_settle(rig);
		}
	}
	rig_wait_projected(rig);
}

/* All rows of READ_ENTRIES by pages of @limit, against the table. */
static void expect_entries(struct rig *rig, struct reader *reader,
			   uint32_t account, uint32_t limit)
{
	struct answer_copy *copy = answer_create();
	struct read_query query = { .kind = READ_ENTRIES,
				    .account = account,
				    .limit = limit };
	uint64_t count = 0, sum = 0;
	char sql[200];

	do {
		ask(rig, reader, query, copy);
		assert_int_equal(copy->status, READ_OK);
		assert_true(!copy->more || copy->count > 0);
		for (uint32_t i = 0; i < copy->count; i++) {
			assert_true(copy->rows[i].number > query.cursor);
			query.cursor = copy->rows[i].number;
			count++;
			sum += query.cursor;
		}
	} while (copy->more);
	snprintf(sql, sizeof(sql),
		 "select count(*) * 1000000 + coalesce(sum(number), 0)::bigint"
		 " from clearing.transfer where %u in"
		 " (0, debit_account, credit_account)",
		 account);
	assert_int_equal(count * 1000000 + sum, rig_number(rig, sql));
	free(copy);
}

static void test_reader_entries(void **state)
{
	/* Goal: entries of the node and of an account, rising, in pages that
	 * leave nothing out and give nothing twice. */
	struct reader *reader;
	struct rig rig;

	(void)state;
	begin(&rig, "entries");
	reader = create_reader(&rig);
	live_months(&rig);
	for (uint32_t account = 0; account <= 6; account++) {
		expect_entries(&rig, reader, account, 7);
		expect_entries(&rig, reader, account, 1000);
	}
	reader_free(reader);
	rig_stop(&rig);
}

static void test_reader_entries_busy(void **state)
{
	/* Goal: an account with more entries than a walk may take is read by
	 * the other ways, and as completely. */
	struct reader *reader;
	struct rig rig;
	uint64_t began;

	(void)state;
	begin(&rig, "entries_busy");
	reader = create_reader(&rig);
	rig_transfers(&rig, 5, 3, 10);
	for (uint32_t i = 0; i < 5; i++)
		rig_transfers(&rig, 3, 4, 8000);
	rig_settle(&rig);
	rig.clock_us = rig_now(&rig) + 40 * DAY_US;
	rig_transfers(&rig, 3, 5, 300);
	rig_transfers(&rig, 3, 4, 8000);
	rig_settle(&rig);
	rig_wait_projected(&rig);
	began = wall_us();
	expect_entries(&rig, reader, 3, 1000);
	print_message("reader: 48,310 entries of one account by 1,000: %llu ms"
		      " a page\n",
		      (unsigned long long)(wall_us() - began) / 49000);
	expect_entries(&rig, reader, 5, 100);
	reader_free(reader);
	rig_stop(&rig);
}

/* A statement by pages, against sums over the table. */
static void expect_statement(struct rig *rig, struct reader *reader,
			     struct read_query query)
{
	struct answer_copy *copy = answer_create();
	uint64_t count = 0, newest = UINT64_MAX;
	int64_t closing = 0, opening = 0;
	bool first = true;
	char sql[600];

	query.kind = READ_STATEMENT;
	do {
		ask(rig, reader, query, copy);
		assert_int_equal(copy->status, READ_OK);
		if (first)
			closing = copy->closing;
		else if (copy->count > 0)
			assert_int_equal(copy->closing, opening);
		opening = copy->opening;
		for (uint32_t i = 0; i < copy->count; i++) {
			const struct row *row = &copy->rows[i];

			assert_true(row->number < newest);
			newest = row->number;
			count++;
			if (i > 0)
				assert_int_equal(row->balance + row[-1].change,
						 row[-1].balance);
		}
		query.cursor = newest;
		first = false;
	} while (copy->more);
	snprintf(sql, sizeof(sql),
		 "select coalesce(sum(case when credit_account = %u then"
		 " amount else -amount end), 0)::bigint from clearing.transfer"
		 " where %u in (debit_account, credit_account)"
		 " and posted_at < to_timestamp(%lld)",
		 query.account, query.account,
		 (long long)(query.from_us / 1000000));
	assert_int_equal(opening, rig_number(rig, sql));
	snprintf(sql, sizeof(sql),
		 "select coalesce(sum(case when credit_account = %u then"
		 " amount else -amount end), 0)::bigint from clearing.transfer"
		 " where %u in (debit_account, credit_account)"
		 " and posted_at < to_timestamp(%lld)",
		 query.account, query.account,
		 (long long)(query.until_us ? query.until_us / 1000000
					    : 9999999999));
	assert_int_equal(closing, rig_number(rig, sql));
	snprintf(sql, sizeof(sql),
		 "select count(*) from clearing.transfer"
		 " where %u in (debit_account, credit_account)"
		 " and posted_at >= to_timestamp(%lld)"
		 " and posted_at < to_timestamp(%lld)",
		 query.account, (long long)(query.from_us / 1000000),
		 (long long)(query.until_us ? query.until_us / 1000000
					    : 9999999999));
	assert_int_equal(count, rig_number(rig, sql));
	free(copy);
}

static void test_reader_statement(void **state)
{
	/* Goal: opening, entries with running balance, and closing of any
	 * span, by pages, agree with sums over the table. */
	struct reader *reader;
	struct rig rig;
	int64_t first;

	(void)state;
	begin(&rig, "statement");
	reader = create_reader(&rig);
	first = (int64_t)(rig_now(&rig) / 1000000) * 1000000;
	live_months(&rig);
	for (uint32_t account = 3; account <= 6; account++) {
		for (int64_t from = -40; from <= 120; from += 20) {
			for (int64_t days = 0; days <= 75; days += 25) {
				struct read_query query = {
					.account = account,
					.limit = 1 + (uint32_t)days,
					.from_us =
						first + from * (int64_t)DAY_US,
				};

				/* 0: without an end */
				if (days > 0)
					query.until_us = query.from_us +
							 days * (int64_t)DAY_US;
				expect_statement(&rig, reader, query);
			}
		}
		expect_statement(&rig, reader,
				 (struct read_query){ .account = account,
						      .limit = 1000 });
	}
	reader_free(reader);
	rig_stop(&rig);
}

static void test_reader_waits_for_position(void **state)
{
	/* Goal: (rule RPC-13) a read waits for its position, and is late at
	 * its deadline and not before. */
	struct read_query query = { .kind = READ_ENTRIES,
				    .limit = 10,
				    .city = "barcelona" };
	struct answer_copy *copy = answer_create();
	struct reader *reader;
	struct rig rig;
	uint64_t began = wall_us();

	(void)state;
	begin(&rig, "position");
	rig_wait_projected(&rig);
	reader = create_reader(&rig);
	query.min_position = journal_acknowledged(rig.journal) + 1;
	query.deadline_us = wall_us() + 300000;
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->status, READ_LATE);
	assert_true(wall_us() >= began + 300000);
	*copy = (struct answer_copy){ 0 };
	query.deadline_us = wall_us() + 10000000;
	assert_true(reader_submit(reader, &query, on_done, copy));
	reader_collect(reader, projector_position(rig.projector), wall_us());
	assert_false(copy->told);
	rig_transfers(&rig, 3, 4, 2);
	rig_settle(&rig);
	wait_told(&rig, reader, copy);
	assert_int_equal(copy->status, READ_OK);
	assert_int_equal(copy->count, 2);
	/* What was told may be more than what a crash left: the tables are
	 * asked themselves. */
	*copy = (struct answer_copy){ 0 };
	query.min_position += 5;
	query.deadline_us = wall_us() + 300000;
	assert_true(reader_submit(reader, &query, on_done, copy));
	for (uint32_t i = 0; !copy->told && i < 20000; i++) {
		reader_collect(reader, query.min_position, wall_us());
		nanosleep(&(struct timespec){ 0, 500000 }, NULL);
	}
	assert_int_equal(copy->status, READ_LATE);
	reader_free(reader);
	rig_stop(&rig);
	free(copy);
}

static void test_reader_late_at_the_server(void **state)
{
	/* Goal: a read that the server cannot answer in time is late, and the
	 * threads go on afterwards. */
	struct read_query query = { .kind = READ_ENTRIES, .limit = 10 };
	struct answer_copy *copy = answer_create();
	struct reader *reader;
	struct rig rig;
	PGconn *lock;

	(void)state;
	begin(&rig, "late");
	rig_wait_projected(&rig);
	reader = create_reader(&rig);
	lock = postgres_connect(&postgres, "late");
	PQclear(PQexec(lock, "begin; lock table clearing.transfer"));
	for (uint32_t i = 0; i < 3; i++) {
		query.deadline_us = wall_us() + 200000;
		ask(&rig, reader, query, copy);
		assert_int_equal(copy->status, READ_LATE);
	}
	PQclear(PQexec(lock, "commit"));
	PQfinish(lock);
	query.deadline_us = 0;
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->status, READ_OK);
	reader_free(reader);
	rig_stop(&rig);
	free(copy);
}

static void test_reader_away_and_back(void **state)
{
	/* Goal: without a database a read says so; when it is back the next
	 * one is answered. */
	struct read_query query = { .kind = READ_ENTRIES, .limit = 10 };
	struct answer_copy *copy = answer_create();
	struct reader *reader;
	struct rig rig;

	(void)state;
	begin(&rig, "away");
	reader = create_reader(&rig);
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->status, READ_OK);
	postgres_stop(&postgres);
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->status, READ_AWAY);
	postgres_start(&postgres, NULL);
	ask(&rig, reader, query, copy);
	assert_int_equal(copy->status, READ_OK);
	reader_free(reader);
	rig_stop(&rig);
	free(copy);
}

static void test_reader_bounded(void **state)
{
	/* Goal: (rule JOURNAL-25) the queue refuses above its bound; what
	 * waits when the reader ends is dropped. */
	struct read_query query = { .kind = READ_ENTRIES,
				    .limit = 10,
				    .min_position = 1000,
				    .city = "barcelona" };
	struct database database = { .hosts = "/nonexistent" };
	struct reader *reader = reader_create(
		&(struct reader_options){ .database = &database });
	struct answer_copy *copy = answer_create();

	(void)state;
	for (uint32_t i = 0; i < READER_QUEUE_MAX; i++)
		assert_true(reader_submit(reader, &query, on_done, copy));
	assert_false(reader_submit(reader, &query, on_done, copy));
	reader_free(reader);
	assert_false(copy->told);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_transfer),
		cmocka_unit_test(test_reader_holds),
		cmocka_unit_test(test_reader_entries),
		cmocka_unit_test(test_reader_entries_busy),
		cmocka_unit_test(test_reader_statement),
		cmocka_unit_test(test_reader_waits_for_position),
		cmocka_unit_test(test_reader_late_at_the_server),
		cmocka_unit_test(test_reader_away_and_back),
		cmocka_unit_test(test_reader_bounded),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
