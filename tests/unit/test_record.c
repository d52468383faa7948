/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "unit/city.h"

struct pair {
	struct city *city;
	uint32_t a, b;
};

static struct pair start(void)
{
	struct pair p = { .city = city_create() };

	p.a = city_open(p.city, "a@demo", 100, 1000);
	p.b = city_open(p.city, "b@demo", 100, 1000);
	return p;
}

static void post_all(struct city *city, const struct transfer_command *commands,
		     uint32_t count, struct answer *answers)
{
	record_transfers(&city->recorder, commands, count, &city->gateway,
			 city->now_us, answers);
}

static void test_record_same_id_same_answer(void **state)
{
	/* (rule LEDGER-8) A retry is answered as before and moves nothing. */
	struct pair p = start();
	struct transfer_command command = city_transfer(p.city, p.a, p.b, 10);
	struct answer first, again;

	(void)state;
	command.memo = SLICE("bread");
	post_all(p.city, &command, 1, &first);
	command.debit = (struct account_ref){ .address = SLICE("a@demo") };
	post_all(p.city, &command, 1, &again);
	assert_int_equal(first.refusal, 0);
	assert_false(first.recorded);
	assert_int_equal(again.refusal, 0);
	assert_true(again.recorded);
	assert_int_equal(again.position, first.position);
	assert_int_equal(again.number, first.number);
	assert_int_equal(city_balance(p.city, p.a), -10);
	city_free(p.city);
}

static void test_record_person_changes_no_content(void **state)
{
	/* (rule LEDGER-8) Another person of the same caller may retry; another
	 * caller may not. */
	struct pair p = start();
	struct transfer_command command = city_transfer(p.city, p.a, p.b, 10);
	struct answer answer;

	(void)state;
	post_all(p.city, &command, 1, &answer);
	p.city->gateway.uri =
		SLICE("spiffe://f/city/demo/gateway/till/person/bob");
	post_all(p.city, &command, 1, &answer);
	assert_true(answer.recorded);
	p.city->gateway.uri = SLICE("spiffe://f/city/demo/gateway/other");
	p.city->gateway.base = p.city->gateway.uri;
	post_all(p.city, &command, 1, &answer);
	assert_int_equal(answer.refusal, TRANSFER_ID_CONFLICT);
	city_free(p.city);
}

static void test_record_refused_id_stays_free(void **state)
{
	/* (rule LEDGER-3) What was refused may be sent again and succeed. */
	struct pair p = start();
	struct transfer_command command = city_transfer(p.city, p.a, p.b, 500);
	struct answer answer;

	(void)state;
	post_all(p.city, &command, 1, &answer);
	assert_int_equal(answer.refusal, TRANSFER_OVER_LIMIT);
	assert_int_equal(money_minor(answer.limit), 100);
	p.city->ledger.accounts[p.a - 1].credit_limit = money_of(500);
	post_all(p.city, &command, 1, &answer);
	assert_int_equal(answer.refusal, 0);
	assert_false(answer.recorded);
	city_free(p.city);
}

static void test_record_linked_group_all_or_none(void **state)
{
	/* (rule LEDGER-10) A failing item takes its whole group back. */
	struct pair p = start();
	struct transfer_command c[4] = {
		city_transfer(p.city, p.a, p.b, 60),
		city_transfer(p.city, p.a, p.b, 60),
		city_transfer(p.city, p.b, p.a, 5),
		city_transfer(p.city, p.b, p.a, 7),
	};
	uint32_t entries = p.city->block.entry_count;
	struct answer answers[4];

	(void)state;
	c[0].linked = c[1].linked = true;
	post_all(p.city, c, 4, answers);
	assert_int_equal(answers[0].refusal, TRANSFER_LINKED_FAILED);
	assert_int_equal(answers[1].refusal, TRANSFER_OVER_LIMIT);
	assert_int_equal(answers[2].refusal, TRANSFER_LINKED_FAILED);
	assert_int_equal(answers[3].refusal, 0);
	assert_int_equal(p.city->block.entry_count, entries + 1);
	assert_int_equal(city_balance(p.city, p.b), -7);
	c[1].amount_minor = 40;
	post_all(p.city, c, 3, answers);
	for (int i = 0; i < 3; i++)
		assert_int_equal(answers[i].refusal, 0);
	assert_int_equal(city_balance(p.city, p.a), -60 - 40 + 5 + 7);
	assert_int_equal(city_sum(p.city), 0);
	city_free(p.city);
}

static void test_record_linked_open(void **state)
{
	/* (rule LEDGER-10) A group must be closed within its request. */
	struct pair p = start();
	struct transfer_command c[2] = {
		city_transfer(p.city, p.a, p.b, 1),
		city_transfer(p.city, p.a, p.b, 1),
	};
	struct answer answers[2];

	(void)state;
	c[0].linked = c[1].linked = true;
	post_all(p.city, c, 2, answers);
	assert_int_equal(answers[0].refusal, TRANSFER_LINKED_FAILED);
	assert_int_equal(answers[1].refusal, TRANSFER_LINKED_OPEN);
	c[0] = city_transfer(p.city, p.a, p.b, 1);
	c[0].linked = true;
	post_all(p.city, c, 1, answers);
	assert_int_equal(answers[0].refusal, TRANSFER_LINKED_OPEN);
	assert_int_equal(city_balance(p.city, p.a), 0);
	city_free(p.city);
}

static void test_record_linked_group_again(void **state)
{
	/* (rule LEDGER-11) Whole groups repeat; mixes of old and new do not. */
	struct pair p = start();
	struct transfer_command c[2] = {
		city_transfer(p.city, p.a, p.b, 1),
		city_transfer(p.city, p.a, p.b, 2),
	};
	struct transfer_command fresh = city_transfer(p.city, p.a, p.b, 3);
	struct transfer_command mixed[2];
	struct answer answers[2];

	(void)state;
	c[0].linked = true;
	post_all(p.city, c, 2, answers);
	post_all(p.city, c, 2, answers);
	assert_true(answers[0].recorded && answers[1].recorded);
	mixed[0] = c[0];
	mixed[1] = fresh;
	post_all(p.city, mixed, 2, answers);
	assert_int_equal(answers[0].refusal, TRANSFER_LINKED_FAILED);
	assert_int_equal(answers[1].refusal, TRANSFER_ID_CONFLICT);
	mixed[0] = fresh;
	mixed[0].linked = true;
	mixed[1] = c[1];
	post_all(p.city, mixed, 2, answers);
	assert_int_equal(answers[1].refusal, TRANSFER_ID_CONFLICT);
	/* Nor where the new one would be refused for what comes behind. */
	mixed[0] = c[0];
	mixed[1] = city_transfer(p.city, p.a, p.b, 5000);
	post_all(p.city, mixed, 2, answers);
	assert_int_equal(answers[0].refusal, TRANSFER_LINKED_FAILED);
	assert_int_equal(answers[1].refusal, TRANSFER_ID_CONFLICT);
	mixed[1].amount_minor = 0;
	post_all(p.city, mixed, 2, answers);
	assert_int_equal(answers[1].refusal, TRANSFER_AMOUNT_NOT_POSITIVE);
	assert_int_equal(city_balance(p.city, p.a), -3);
	/* Undone, its id is free again. */
	post_all(p.city, &fresh, 1, answers);
	assert_int_equal(answers[0].refusal, 0);
	assert_false(answers[0].recorded);
	city_free(p.city);
}

static void test_record_failed_group_leaves_no_actor(void **state)
{
	/* (rule LEDGER-3) Not even the actor of a refused group is recorded. */
	struct pair p = start();
	struct transfer_command c[2] = {
		city_transfer(p.city, p.a, p.b, 1),
		city_transfer(p.city, p.a, p.b, 1000),
	};
	uint32_t events = p.city->block.event_count;
	struct answer answers[2];

	(void)state;
	p.city->gateway.uri = SLICE("spiffe://f/city/demo/gateway/new");
	p.city->gateway.base = p.city->gateway.uri;
	c[0].linked = true;
	post_all(p.city, c, 2, answers);
	assert_int_equal(answers[1].refusal, TRANSFER_OVER_LIMIT);
	assert_int_equal(p.city->block.event_count, events);
	assert_null(ledger_actor(&p.city->ledger, p.city->gateway.uri));
	c[1].amount_minor = 1;
	post_all(p.city, c, 2, answers);
	assert_int_equal(answers[1].refusal, 0);
	assert_int_equal(p.city->block.event_count, events + 1);
	city_free(p.city);
}

static void test_record_memo_is_salted(void **state)
{
	/* (rule JOURNAL-24) Text beside the chain, its salted hash in it. */
	struct pair p = start();
	struct transfer_command command = city_transfer(p.city, p.a, p.b, 10);
	uint8_t expected[SHA256_SIZE], salted[SALT_SIZE + 5];
	const struct block *block = &p.city->block;

	(void)state;
	command.memo = SLICE("bread");
	assert_int_equal(city_post(p.city, &command), 0);
	assert_int_equal(block->memo_count, 1);
	assert_int_equal(block->memos[0].index, block->entry_count - 1);
	memcpy(salted, block->memos[0].salt, SALT_SIZE);
	memcpy(salted + SALT_SIZE, "bread", 5);
	city_sha256(slice_of(salted, sizeof(salted)), expected);
	assert_memory_equal(block->entries[block->entry_count - 1].memo_hash,
			    expected, SHA256_SIZE);
	city_free(p.city);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_record_same_id_same_answer),
		cmocka_unit_test(test_record_person_changes_no_content),
		cmocka_unit_test(test_record_refused_id_stays_free),
		cmocka_unit_test(test_record_linked_group_all_or_none),
		cmocka_unit_test(test_record_linked_open),
		cmocka_unit_test(test_record_linked_group_again),
		cmocka_unit_test(test_record_failed_group_leaves_no_actor),
		cmocka_unit_test(test_record_memo_is_salted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
