/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reads of payments, logs and requests, over rows made by hand. */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "integration/rig.h"
#include "store/reader.h"

static struct postgres postgres;
static struct rig rig;

/*
 * A payment of m to x@d in two attempts (1, 2), one that n was paid (3) and
 * one with the same id that was released for it (4), one that went through
 * (5), one that m pays and that is open (6).
 */
static const char rows_sql[] =
	"create function pg_temp.id(n int) returns uuid language sql as $$"
	" select ('018f0000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid"
	" $$;"
	"create function pg_temp.pay(n int, id int, parent int, roles int,"
	" way_in int, way_out int, takes bool, pays int, payer text,"
	" payee text, answer int, ref bytea) returns void language sql as $$"
	" insert into clearing.payment values (n, pg_temp.id(id),"
	" pg_temp.id(parent), null, roles, way_in, way_out, way_in in (4, 5),"
	" true, not takes, takes, false, case when roles = 1 then n else 0 end,"
	" (way_in > 0)::int, (way_out > 0)::int * 2, n * (way_in > 0)::int,"
	" n * (way_out > 0)::int, answer, 100 + n, '2026-01-01Z',"
	" '2026-01-01Z', null, pays, 0, 10, 'c', payer, payee, 'b c d', ref,"
	" '', 't', 'p') $$;"
	"insert into clearing.account select id, name, '', 1, true, 0, 0, 0, 0,"
	" 0, 0, 0, 0 from (values (3, 'm'), (4, 'n')) a (id, name);"
	"insert into clearing.actor values (1, 'spiffe://f/city/b/coop/m')"
	" on conflict do nothing;"
	"select pg_temp.pay(1, 1, 1, 1, 0, 5, true, 3, 'm@b', 'x@d', 7, '');"
	"select pg_temp.pay(2, 2, 1, 1, 0, 4, true, 3, 'm@b', 'x@d', 8,"
	" uuid_send(pg_temp.id(90)));"
	"select pg_temp.pay(3, 3, null, 3, 4, 0, true, 0, 'x@d',"
	" 'n@barcelona', 9, '');"
	"select pg_temp.pay(4, 3, null, 3, 5, 0, false, 0, 'x@d',"
	" 'n@barcelona', 10, '');"
	"select pg_temp.pay(5, 5, null, 2, 4, 4, true, 0, 'x@d', 'y@e', 11,"
	" '');"
	"select pg_temp.pay(6, 6, 6, 1, 0, 3, true, 3, 'm@b', 'z@d', 0, '');"
	"insert into clearing.link_batch select 1, true, 1 + 1000 * n,"
	" 1000 + 1000 * n, 0, sha256(''), 0, 0, 0, n + 1,"
	" decode(repeat('ab', 200000), 'hex') from generate_series(0, 9) n;"
	"insert into clearing.link_batch select link, own, first_seq, last_seq,"
	" 99, head, 1, 1, 1, seq + 20, 'withdrawn' from clearing.link_batch;"
	"insert into clearing.payment_request select pg_temp.id(n), 'm@b',"
	" case when n = 90 then 'x@d' else 'n@barcelona' end, n, 'bread', '',"
	" case when n = 93 then '2026-01-01Z'::timestamptz"
	" else '2200-01-01Z' end, case when n = 92 then 3 end, 1, n, 0,"
	" case when n = 92 then 99 end from generate_series(90, 93) n";

static int start(void **state)
{
	(void)state;
	postgres_create(&postgres);
	rig_create(&rig, &postgres, "reads");
	if (rig_start(&rig) != START_OK)
		fail_msg("start: %s", rig.error);
	rig_settle(&rig);
	rig_wait_projected(&rig);
	rig_run(&rig, rows_sql);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	rig_stop(&rig);
	postgres_free(&postgres);
	return 0;
}

/* What an answer said; numbers only, texts as they compare. */
struct told {
	bool done, more;
	enum read_status status;
	uint32_t count;
	uint64_t numbers[16]; /* payment, first seq, or amount of a request */
	uint32_t states[16];
	struct payment_view payment; /* the first; its slices are gone */
	uint8_t id[ID_SIZE], decided_id[ID_SIZE];
	char payee[64];
};

static void keep(void *user, const struct read_result *result)
{
	struct told *told = user;

	*told = (struct told){ .done = true,
			       .more = result->more,
			       .status = result->status,
			       .count = result->count };
	assert_true(result->count <= COUNT_OF(told->numbers));
	for (uint32_t i = 0; i < result->count; i++) {
		if (result->payments != NULL) {
			told->numbers[i] = result->payments[i].number;
			told->states[i] = result->payments[i].state;
		} else if (result->batches != NULL) {
			told->numbers[i] = result->batches[i].first_seq;
			assert_int_equal(result->batches[i].batch.size, 200000);
		} else {
			told->numbers[i] =
				(uint64_t)result->requests[i].amount_minor;
			told->states[i] = result->requests[i].state;
		}
	}
	if (result->payments == NULL || result->count == 0)
		return;
	told->payment = result->payments[0];
	memcpy(told->id, told->payment.id.data, ID_SIZE);
	memcpy(told->decided_id, told->payment.decided_id.data, ID_SIZE);
	snprintf(told->payee, sizeof(told->payee), "%.*s",
		 (int)told->payment.payee.size,
		 (const char *)told->payment.payee.data);
}

static struct told ask(struct read_query query)
{
	struct reader *reader = reader_create(
		&(struct reader_options){ .database = &rig.database });
	uint64_t position = projector_position(rig.projector);
	struct timespec step = { 0, 1000000 };
	struct told told = { .done = false };

	assert_non_null(reader);
	query.city = "barcelona";
	query.deadline_us = rig_now(&rig) + 10000000;
	if (query.limit == 0)
		query.limit = 10;
	assert_true(reader_submit(reader, &query, keep, &told));
	while (!told.done) {
		reader_collect(reader, position, rig_now(&rig));
		nanosleep(&step, NULL);
	}
	reader_free(reader);
	return told;
}

static struct id id_of(uint8_t number)
{
	struct id id = { { 0x01, 0x8f, 0, 0, 0, 0, 0x70, 0, 0x80 } };

	id.bytes[15] = (uint8_t)(number / 10 * 16 + number % 10);
	return id;
}

static void test_reader_links_payment(void **state)
{
	/* Goal: a command's id and each attempt's give the newest attempt,
	 * under the command's id. */
	struct id command = id_of(1), second = id_of(2), unknown = id_of(77);

	(void)state;
	for (uint8_t asked = 1; asked <= 2; asked++) {
		struct told told = ask((struct read_query){
			.kind = READ_PAYMENT, .id = id_of(asked) });

		assert_int_equal(told.status, READ_OK);
		assert_int_equal(told.count, 1);
		assert_int_equal(told.numbers[0], 2);
		assert_int_equal(told.states[0], 2);
		assert_int_equal(told.payment.attempts, 2);
		assert_int_equal(told.payment.path_count, 3);
		assert_int_equal(told.payment.answer_link, 2);
		assert_false(told.payment.answer_own);
		assert_int_equal(told.payment.answer_seq, 8);
		assert_memory_equal(told.id, command.bytes, ID_SIZE);
		assert_memory_equal(told.decided_id, second.bytes, ID_SIZE);
		assert_string_equal(told.payee, "x@d");
	}
	assert_int_equal(
		ask((struct read_query){ .kind = READ_PAYMENT, .id = unknown })
			.status,
		READ_NOT_FOUND);
}

static void test_reader_links_payment_known_id(void **state)
{
	/* Goal: a promise that was released because its id was known does not
	 * hide the payment. */
	struct told told = ask(
		(struct read_query){ .kind = READ_PAYMENT, .id = id_of(3) });

	(void)state;
	assert_int_equal(told.numbers[0], 3);
	assert_int_equal(told.states[0], 2);
	assert_true(told.payment.answer_own);
	assert_int_equal(told.payment.answer_link, 1);
	assert_int_equal(told.payment.answer_seq, 9);
}

static void test_reader_links_payments(void **state)
{
	/* Goal: all, what an account pays and what it is paid, newest first,
	 * by pages. */
	struct told told = ask((struct read_query){ .kind = READ_PAYMENTS });

	(void)state;
	assert_int_equal(told.count, 6);
	assert_int_equal(told.numbers[0], 6);
	assert_int_equal(told.states[0], 1);
	assert_int_equal(told.numbers[5], 1);
	assert_int_equal(told.states[5], 3);
	told = ask((struct read_query){
		.kind = READ_PAYMENTS, .account = 3, .limit = 2 });
	assert_int_equal(told.count, 2);
	assert_true(told.more);
	assert_int_equal(told.numbers[0], 6);
	assert_int_equal(told.numbers[1], 2);
	told = ask((struct read_query){ .kind = READ_PAYMENTS,
					.account = 3,
					.limit = 2,
					.cursor = told.numbers[1] });
	assert_int_equal(told.count, 1);
	assert_false(told.more);
	assert_int_equal(told.numbers[0], 1);
	told = ask((struct read_query){ .kind = READ_PAYMENTS, .account = 4 });
	assert_int_equal(told.count, 2);
	assert_int_equal(told.numbers[1], 3);
}

static void test_reader_links_log(void **state)
{
	/* Goal: from the batch that has a seq on, until a page's bytes are
	 * full; what was withdrawn is no part of it. */
	struct read_query query = {
		.kind = READ_LINK_LOG, .account = 1, .state = 1, .cursor = 1500
	};
	struct told told = ask(query);

	(void)state;
	assert_int_equal(told.count, 4);
	assert_int_equal(told.numbers[0], 1001);
	assert_int_equal(told.numbers[3], 4001);
	query.limit = 1;
	query.cursor = 9001;
	told = ask(query);
	assert_int_equal(told.count, 1);
	assert_int_equal(told.numbers[0], 9001);
	query.cursor = 10001;
	assert_int_equal(ask(query).count, 0);
	query.state = 0;
	query.cursor = 1;
	assert_int_equal(ask(query).count, 0);
}

static struct read_query requests_of(const char *address, uint32_t state)
{
	struct read_query query = { .kind = READ_REQUESTS, .state = state };

	query.until_us = (int64_t)rig_now(&rig);
	query.address_size = (uint8_t)strlen(address);
	memcpy(query.address, address, query.address_size);
	return query;
}

static void test_reader_links_requests(void **state)
{
	/* Goal: requests by either side and state: paid by a payment that has
	 * its id as reference, open, declined, expired. */
	struct told told = ask(requests_of("m@b", 0));
	static const uint32_t states[] = { 4, 3, 1, 2 };
	struct read_query query;

	(void)state;
	assert_int_equal(told.count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(told.numbers[i], 93 - i);
		assert_int_equal(told.states[i], states[i]);
	}
	told = ask(requests_of("n@barcelona", 0));
	assert_int_equal(told.count, 3);
	told = ask(requests_of("", 2));
	assert_int_equal(told.count, 1);
	assert_int_equal(told.numbers[0], 90);
	assert_int_equal(ask(requests_of("q@d", 0)).count, 0);
	query = requests_of("", 0);
	query.kind = READ_REQUEST;
	query.id = id_of(91);
	told = ask(query);
	assert_int_equal(told.status, READ_OK);
	assert_int_equal(told.states[0], 1);
	query.id = id_of(1);
	assert_int_equal(ask(query).status, READ_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_links_payment),
		cmocka_unit_test(test_reader_links_payment_known_id),
		cmocka_unit_test(test_reader_links_payments),
		cmocka_unit_test(test_reader_links_log),
		cmocka_unit_test(test_reader_links_requests),
	};

	return cmocka_run_group_tests_name("reader_links", tests, start, stop);
}
