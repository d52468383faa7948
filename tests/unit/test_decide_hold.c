/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "unit/city.h"

#define HOUR_US (UINT64_C(3600) * 1000000)

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

static struct place_hold_command hold_of(struct pair *p, int64_t amount_minor)
{
	return (struct place_hold_command){
		.transfer = city_transfer(p->city, p->a, p->b, amount_minor),
		.expires_at_us = p->city->now_us + HOUR_US,
	};
}

static uint32_t place(struct pair *p, const struct place_hold_command *command)
{
	struct answer answer;

	record_place_hold(&p->city->recorder, command, &p->city->gateway,
			  p->city->now_us, &answer);
	return answer.refusal;
}

static uint32_t post(struct pair *p, struct slice hold_id, int64_t amount_minor)
{
	struct post_hold_command command = { .id = city_id(p->city),
					     .hold_id = hold_id,
					     .amount_minor = amount_minor };
	struct answer answer;

	record_post_hold(&p->city->recorder, &command, &p->city->gateway,
			 p->city->now_us, &answer);
	return answer.refusal;
}

static uint32_t give_back(struct pair *p, struct slice hold_id)
{
	struct void_hold_command command = { .id = city_id(p->city),
					     .hold_id = hold_id };
	struct answer answer;

	record_void_hold(&p->city->recorder, &command, &p->city->gateway,
			 p->city->now_us, &answer);
	return answer.refusal;
}

static void test_decide_hold_placing_precedence(void **state)
{
	/* Each line breaks one thing more, from the last check to the first;
	 * the lowest number is always the answer. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 500);
	uint32_t closed = city_open(p.city, "c@demo", 0, 0);

	(void)state;
	assert_int_equal(place(&p, &c), HOLD_OVER_LIMIT);
	p.city->ledger.accounts[closed - 1].state = ACCOUNT_FROZEN;
	c.transfer.credit.id = closed;
	assert_int_equal(place(&p, &c), HOLD_CREDIT_ACCOUNT_FROZEN);
	c.transfer.debit.id = closed;
	c.transfer.credit.id = p.a;
	assert_int_equal(place(&p, &c), HOLD_DEBIT_ACCOUNT_FROZEN);
	p.city->ledger.accounts[closed - 1].state = ACCOUNT_CLOSED;
	assert_int_equal(place(&p, &c), HOLD_DEBIT_ACCOUNT_CLOSED);
	c.transfer.debit.id = p.a;
	c.transfer.credit.id = closed;
	assert_int_equal(place(&p, &c), HOLD_CREDIT_ACCOUNT_CLOSED);
	c.transfer.credit.id = 77;
	assert_int_equal(place(&p, &c), HOLD_CREDIT_ACCOUNT_UNKNOWN);
	c.transfer.debit.id = 78;
	assert_int_equal(place(&p, &c), HOLD_DEBIT_ACCOUNT_UNKNOWN);
	c.expires_at_us = p.city->now_us + HOLD_EXPIRY_US_MAX + 1;
	assert_int_equal(place(&p, &c), HOLD_EXPIRY_TOO_FAR);
	c.expires_at_us = p.city->now_us;
	assert_int_equal(place(&p, &c), HOLD_EXPIRY_PAST);
	c.transfer.debit.id = 77;
	assert_int_equal(place(&p, &c), HOLD_SAME_ACCOUNT);
	c.transfer.memo = SLICE("\x01");
	assert_int_equal(place(&p, &c), HOLD_MEMO_INVALID);
	c.transfer.reference = SLICE("x");
	assert_int_equal(place(&p, &c), HOLD_REFERENCE_MALFORMED);
	c.transfer.kind = 99;
	assert_int_equal(place(&p, &c), HOLD_KIND_UNKNOWN);
	c.transfer.amount_minor = MONEY_MAX_MINOR + 1;
	assert_int_equal(place(&p, &c), HOLD_AMOUNT_TOO_LARGE);
	c.transfer.amount_minor = -1;
	assert_int_equal(place(&p, &c), HOLD_AMOUNT_NOT_POSITIVE);
	c.transfer.credit.address = SLICE("b@other");
	assert_int_equal(place(&p, &c), HOLD_ADDRESS_OTHER_CITY);
	c.transfer.debit.address = SLICE("nonsense");
	assert_int_equal(place(&p, &c), HOLD_ADDRESS_MALFORMED);
	c.transfer.id = city_id_at(p.city, p.city->now_us + 2 * ID_SKEW_US);
	assert_int_equal(place(&p, &c), HOLD_ID_IN_FUTURE);
	c.transfer.id = city_id_at(p.city, 1000);
	assert_int_equal(place(&p, &c), HOLD_ID_TOO_OLD);
	c.transfer.id = SLICE("short");
	assert_int_equal(place(&p, &c), HOLD_ID_MALFORMED);
	city_free(p.city);
}

static void test_decide_hold_placed_again(void **state)
{
	/* (rule LEDGER-8) A hold that was placed has its recorded answer for
	 * whoever asks again, also when its time has passed meanwhile; other
	 * content is told its first refusal. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 50);
	struct answer first, again;

	(void)state;
	record_place_hold(&p.city->recorder, &c, &p.city->gateway,
			  p.city->now_us, &first);
	assert_int_equal(first.refusal, 0);
	p.city->now_us = c.expires_at_us;
	assert_int_equal(record_expiries(&p.city->recorder, p.city->now_us, 9),
			 1);
	record_place_hold(&p.city->recorder, &c, &p.city->gateway,
			  p.city->now_us, &again);
	assert_int_equal(again.refusal, 0);
	assert_true(again.recorded);
	assert_int_equal(again.number, first.number);
	c.transfer.amount_minor = 51;
	assert_int_equal(place(&p, &c), HOLD_EXPIRY_PAST);
	c.expires_at_us += HOUR_US;
	assert_int_equal(place(&p, &c), HOLD_ID_CONFLICT);
	city_free(p.city);
}

static void test_decide_hold_reserves_both_sides(void **state)
{
	/* (rules LEDGER-5, LEDGER-6, LEDGER-13) What is pending counts, and
	 * frees nothing on the other side. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 80);
	struct transfer_command t;

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	t = city_transfer(p.city, p.a, p.b, 21);
	assert_int_equal(city_post(p.city, &t), TRANSFER_OVER_LIMIT);
	/* b may not spend what it was only promised. */
	t = city_transfer(p.city, p.b, p.a, 101);
	assert_int_equal(city_post(p.city, &t), TRANSFER_OVER_LIMIT);
	p.city->ledger.accounts[p.b - 1].balance_ceiling = money_of(90);
	t = city_transfer(p.city, p.a, p.b, 11);
	assert_int_equal(city_post(p.city, &t), TRANSFER_OVER_CEILING);
	t = city_transfer(p.city, p.a, p.b, 10);
	assert_int_equal(city_post(p.city, &t), 0);
	c = hold_of(&p, 20);
	assert_int_equal(place(&p, &c), HOLD_OVER_LIMIT);
	c = hold_of(&p, 5);
	assert_int_equal(place(&p, &c), HOLD_OVER_CEILING);
	city_free(p.city);
}

static void test_decide_hold_post_part_releases_rest(void **state)
{
	/* (rule LEDGER-13) Posted once, for a part; the rest is free again. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 80);
	const struct account *a = ledger_account(&p.city->ledger, p.a);

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	assert_int_equal(post(&p, c.transfer.id, 81), HOLD_AMOUNT_OVER_HOLD);
	assert_int_equal(post(&p, c.transfer.id, 0), HOLD_AMOUNT_NOT_POSITIVE);
	assert_int_equal(post(&p, c.transfer.id, MONEY_MAX_MINOR + 1),
			 HOLD_AMOUNT_TOO_LARGE);
	assert_int_equal(post(&p, c.transfer.id, 30), 0);
	assert_int_equal(city_balance(p.city, p.a), -30);
	assert_int_equal(money_minor(a->debits_pending), 0);
	assert_int_equal(a->holds_open, 0);
	assert_int_equal(post(&p, c.transfer.id, 30), HOLD_HOLD_UNKNOWN);
	assert_int_equal(city_sum(p.city), 0);
	city_free(p.city);
}

static void test_decide_hold_of_payment(void **state)
{
	/* (rules PEER-32, PEER-46) No command ends what stands behind a
	 * payment to another city, whatever else is wrong with it. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 80);
	struct hold *hold;
	struct id id;

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	assert_true(id_from_bytes(c.transfer.id, &id));
	hold = (struct hold *)(uintptr_t)ledger_hold(&p.city->ledger, &id);
	hold->transfer_kind = TRANSFER_KIND_LINK;
	assert_int_equal(post(&p, c.transfer.id, 1), HOLD_PAYMENT_PENDING);
	assert_int_equal(post(&p, c.transfer.id, 81), HOLD_AMOUNT_OVER_HOLD);
	assert_int_equal(give_back(&p, c.transfer.id), HOLD_PAYMENT_PENDING);
	assert_int_equal(city_balance(p.city, p.a), 0);
	city_free(p.city);
}

static void test_decide_hold_promise_is_kept(void **state)
{
	/* (rules LEDGER-12, LEDGER-14) Freezes and lower limits come too late
	 * for what was promised. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 80);
	struct account *a = &p.city->ledger.accounts[p.a - 1];
	struct account *b = &p.city->ledger.accounts[p.b - 1];

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	a->state = b->state = ACCOUNT_FROZEN;
	a->credit_limit = b->balance_ceiling = MONEY_ZERO;
	assert_int_equal(post(&p, c.transfer.id, 80), 0);
	assert_int_equal(city_balance(p.city, p.b), 80);
	city_free(p.city);
}

static void test_decide_hold_void_gives_back(void **state)
{
	/* A voided hold leaves no trace in the totals. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 80);
	const struct account *b = ledger_account(&p.city->ledger, p.b);

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	assert_int_equal(money_minor(b->credits_pending), 80);
	assert_int_equal(give_back(&p, c.transfer.id), 0);
	assert_int_equal(money_minor(b->credits_pending), 0);
	assert_int_equal(city_balance(p.city, p.a), 0);
	assert_int_equal(give_back(&p, c.transfer.id), HOLD_HOLD_UNKNOWN);
	assert_int_equal(give_back(&p, SLICE("?")), HOLD_ID_MALFORMED);
	city_free(p.city);
}

static void test_decide_hold_expires_by_time(void **state)
{
	/* (rule LEDGER-15) Expired at its time, event or not; until the event
	 * it still counts. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 80);
	const struct account *a = ledger_account(&p.city->ledger, p.a);

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	p.city->now_us = c.expires_at_us - 1;
	assert_int_equal(
		record_expiries(&p.city->recorder, p.city->now_us, 1000), 0);
	p.city->now_us = c.expires_at_us;
	assert_int_equal(post(&p, c.transfer.id, 1), HOLD_HOLD_EXPIRED);
	assert_int_equal(give_back(&p, c.transfer.id), HOLD_HOLD_EXPIRED);
	assert_int_equal(money_minor(a->debits_pending), 80);
	assert_int_equal(
		record_expiries(&p.city->recorder, p.city->now_us, 1000), 1);
	assert_int_equal(money_minor(a->debits_pending), 0);
	city_free(p.city);
}

static void test_decide_hold_expiries_in_order(void **state)
{
	/* Soonest first, equal times in the order they were placed, and never
	 * more than asked for. */
	struct pair p = start();
	uint8_t ids[6][ID_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct place_hold_command c = hold_of(&p, 1);

		c.expires_at_us = p.city->now_us + HOUR_US - i / 2;
		memcpy(ids[i], c.transfer.id.data, ID_SIZE);
		assert_int_equal(place(&p, &c), 0);
	}
	p.city->now_us += HOUR_US;
	assert_int_equal(record_expiries(&p.city->recorder, p.city->now_us, 4),
			 4);
	assert_int_equal(record_expiries(&p.city->recorder, p.city->now_us, 9),
			 2);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		static const size_t order[] = { 4, 5, 2, 3, 0, 1 };
		uint32_t at = p.city->block.event_count - 6 + (uint32_t)i;

		assert_memory_equal(
			p.city->block.events[at].hold_expired.hold_id.bytes,
			ids[order[i]], ID_SIZE);
	}
	city_free(p.city);
}

static void test_decide_hold_recorded_answers(void **state)
{
	/* (rule LEDGER-8) Placing and posting again are answered as before,
	 * also after the hold has ended; other content conflicts. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 50);
	struct post_hold_command again = { .hold_id = c.transfer.id,
					   .amount_minor = 50 };
	struct answer answer;

	(void)state;
	assert_int_equal(place(&p, &c), 0);
	again.id = city_id(p.city);
	for (int i = 0; i < 2; i++) {
		record_post_hold(&p.city->recorder, &again, &p.city->gateway,
				 p.city->now_us, &answer);
		assert_int_equal(answer.refusal, 0);
		assert_int_equal(answer.recorded, i == 1);
	}
	again.amount_minor = 49;
	record_post_hold(&p.city->recorder, &again, &p.city->gateway,
			 p.city->now_us, &answer);
	assert_int_equal(answer.refusal, HOLD_ID_CONFLICT);
	assert_int_equal(place(&p, &c), 0);
	c.expires_at_us++;
	assert_int_equal(place(&p, &c), HOLD_ID_CONFLICT);
	assert_int_equal(city_balance(p.city, p.a), -50);
	city_free(p.city);
}

static void test_decide_hold_too_many(void **state)
{
	/* A full table of holds refuses, and takes more when one has ended. */
	struct pair p = start();
	struct place_hold_command first = hold_of(&p, 1);
	struct place_hold_command c;
	uint8_t id[ID_SIZE];

	(void)state;
	memcpy(id, first.transfer.id.data, ID_SIZE);
	assert_int_equal(place(&p, &first), 0);
	for (uint32_t i = 1; i < p.city->ledger.options.holds_max; i++) {
		c = hold_of(&p, 1);
		assert_int_equal(place(&p, &c), 0);
	}
	c = hold_of(&p, 1);
	assert_int_equal(place(&p, &c), HOLD_TOO_MANY_HOLDS);
	assert_int_equal(give_back(&p, slice_of(id, ID_SIZE)), 0);
	assert_int_equal(place(&p, &c), 0);
	city_free(p.city);
}

static void test_decide_hold_totals_leave_room(void **state)
{
	/* (rule LEDGER-14) A hold is refused where its posting could not be
	 * counted any more. */
	struct pair p = start();
	struct place_hold_command c = hold_of(&p, 10);
	struct account *b = &p.city->ledger.accounts[p.b - 1];

	(void)state;
	b->credits_posted = b->debits_posted = money_of(MONEY_MAX_MINOR - 5);
	assert_int_equal(place(&p, &c), HOLD_TOTAL_TOO_LARGE);
	city_free(p.city);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decide_hold_placing_precedence),
		cmocka_unit_test(test_decide_hold_placed_again),
		cmocka_unit_test(test_decide_hold_reserves_both_sides),
		cmocka_unit_test(test_decide_hold_post_part_releases_rest),
		cmocka_unit_test(test_decide_hold_of_payment),
		cmocka_unit_test(test_decide_hold_promise_is_kept),
		cmocka_unit_test(test_decide_hold_void_gives_back),
		cmocka_unit_test(test_decide_hold_expires_by_time),
		cmocka_unit_test(test_decide_hold_expiries_in_order),
		cmocka_unit_test(test_decide_hold_recorded_answers),
		cmocka_unit_test(test_decide_hold_too_many),
		cmocka_unit_test(test_decide_hold_totals_leave_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
