/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Why a promise is waived: each reason of PEER-27, and which goes first. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns.h"

static struct towns *towns;
static struct town *alpha, *beta, *third;

static int setup(void **state)
{
	(void)state;
	towns = towns_create_with(3, 1000);
	alpha = &towns->town[0];
	beta = &towns->town[1];
	third = &towns->town[2];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	towns_free(towns);
	return 0;
}

/* A sound promise of alpha to c0 of @payee, over beta. */
static struct payment_terms terms_to(const char *payee, uint32_t path_count)
{
	struct payment_terms terms = {
		.federation = SLICE("f"),
		.payer = SLICE("c0@alpha"),
		.payee = slice_from_text(payee),
		.amount_minor = 100,
		.path = { SLICE("alpha"), SLICE("beta"), SLICE("gamma") },
		.path_count = path_count,
		.decide_by_us = towns->now_us + PEER_DECIDE_US,
	};

	memcpy(terms.payment_id, town_id(towns).data, ID_SIZE);
	return terms;
}

/* The reason that beta gives, or NONE when it accepts. */
static uint32_t reason_for(const struct payment_terms *terms)
{
	struct link_entry prepare = { .kind = LINK_ENTRY_PREPARE };
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	const struct payment *payment;
	struct buffer out;

	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_terms(&out, terms);
	prepare.payment_terms = buffer_view(&out);
	assert_int_equal(
		town_deliver(alpha, beta,
			     town_forge(alpha, beta, &prepare, 1, NULL)),
		PEER_TAKEN);
	payment = links_in_leg(&beta->ledger.links,
			       town_link(beta, alpha)->number,
			       town_link(beta, alpha)->in.seq);
	assert_non_null(payment);
	if (payment->in_state == LEG_VOIDED)
		assert_true(slice_equal(
			slice_of(payment->at_city, payment->at_city_size),
			SLICE("beta")));
	return payment->in_state == LEG_VOIDED ? payment->reason
					       : LINK_REASON_NONE;
}

/* Goal: reasons 1 to 4, from the terms alone; the first that fails is told. */
static void test_peer_reasons_of_terms(void **state)
{
	struct payment_terms terms = terms_to("c0@beta", 2);

	(void)state;
	terms.federation = SLICE("elsewhere");
	terms.path_count = 1;
	assert_int_equal(reason_for(&terms), LINK_REASON_WRONG_FEDERATION);
	terms = terms_to("c0@beta", 3);
	terms.amount_minor = 0;
	assert_int_equal(reason_for(&terms), LINK_REASON_BAD_PATH);
	terms = terms_to("c0@alpha", 3);
	terms.path[2] = SLICE("alpha");
	assert_int_equal(reason_for(&terms), LINK_REASON_BAD_PATH);
	terms = terms_to("c0@gamma", 2);
	terms.path[1] = SLICE("gamma");
	assert_int_equal(reason_for(&terms), LINK_REASON_NOT_ON_PATH);
	terms = terms_to("c0@beta", 3);
	terms.path[1] = SLICE("gamma");
	terms.path[2] = SLICE("beta");
	assert_int_equal(reason_for(&terms), LINK_REASON_NOT_ON_PATH);
	terms = terms_to("c0@beta", 2);
	terms.amount_minor = 0;
	terms.payment_id[6] = 0;
	assert_int_equal(reason_for(&terms), LINK_REASON_AMOUNT_RANGE);
}

/* Goal: reasons 5 and 6: one id, one payment, and a young one. */
static void test_peer_reasons_of_id(void **state)
{
	struct payment_terms terms = terms_to("c0@beta", 2), old;

	(void)state;
	assert_int_equal(reason_for(&terms), LINK_REASON_NONE);
	terms.amount_minor = 101;
	assert_int_equal(reason_for(&terms), LINK_REASON_ID_CONFLICT);
	old = terms_to("c0@beta", 2);
	old.payment_id[0] = 0;
	assert_int_equal(reason_for(&old), LINK_REASON_ID_TOO_OLD);
	old = terms_to("c0@beta", 2);
	old.payment_id[6] = 0x40; /* a UUID of another version */
	towns->is_gone[2] = true;
	assert_int_equal(reason_for(&old), LINK_REASON_ID_TOO_OLD);
}

/* Goal: reasons 7 to 9, in their order. */
static void test_peer_reasons_of_now(void **state)
{
	struct payment_terms terms = terms_to("c0@gamma", 3);

	(void)state;
	terms.decide_by_us = towns->now_us - 1;
	assert_int_equal(town_command(beta, LINK_FREEZE, alpha, 0), LINK_OK);
	towns->is_gone[2] = true;
	assert_int_equal(reason_for(&terms), LINK_REASON_CITY_GONE);
	towns->is_gone[2] = false;
	memcpy(terms.payment_id, town_id(towns).data, ID_SIZE);
	assert_int_equal(reason_for(&terms), LINK_REASON_FROZEN);
	assert_int_equal(town_command(beta, LINK_UNFREEZE, alpha, 0), LINK_OK);
	memcpy(terms.payment_id, town_id(towns).data, ID_SIZE);
	terms.amount_minor = 5000;
	assert_int_equal(reason_for(&terms), LINK_REASON_LATE);
}

/* Goal: reason 10: exposure at the line passes, above it does not. */
static void test_peer_reasons_line(void **state)
{
	struct payment_terms terms = terms_to("c0@beta", 2);

	(void)state;
	terms.amount_minor = 1001;
	assert_int_equal(reason_for(&terms), LINK_REASON_LINE);
	terms = terms_to("c0@beta", 2);
	terms.amount_minor = 1000;
	assert_int_equal(reason_for(&terms), LINK_REASON_NONE);
	assert_int_equal(link_owed_minor(town_link(beta, alpha)), 1000);
	terms = terms_to("nobody@beta", 2);
	terms.amount_minor = 1;
	assert_int_equal(reason_for(&terms), LINK_REASON_LINE);
}

/* Goal: (rule PEER-38) what is open counts; own promises free nothing. */
static void test_peer_reasons_line_counts_open(void **state)
{
	struct payment_terms terms = terms_to("c0@beta", 2);
	uint8_t lock[LINKLOG_LOCK_SIZE] = { 1 };

	(void)state;
	terms.amount_minor = 600;
	terms.lock = slice_of(lock, sizeof(lock));
	assert_int_equal(reason_for(&terms), LINK_REASON_NONE);
	assert_int_equal(town_pay(beta, "c0@alpha", 500, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	terms = terms_to("c0@beta", 2);
	terms.amount_minor = 401;
	assert_int_equal(reason_for(&terms), LINK_REASON_LINE);
}

/* Goal: reason 11: promises together take their share of the line alone. */
static void test_peer_reasons_too_many_pending(void **state)
{
	struct payment_terms terms = terms_to("c0@beta", 2);
	uint8_t lock[LINKLOG_LOCK_SIZE] = { 1 };

	(void)state;
	terms.amount_minor = 300;
	terms.lock = slice_of(lock, sizeof(lock));
	assert_int_equal(reason_for(&terms), LINK_REASON_NONE);
	memcpy(terms.payment_id, town_id(towns).data, ID_SIZE);
	assert_int_equal(reason_for(&terms), LINK_REASON_TOO_MANY_PENDING);
	memcpy(terms.payment_id, town_id(towns).data, ID_SIZE);
	terms.amount_minor = 200;
	assert_int_equal(reason_for(&terms), LINK_REASON_NONE);
}

/* Goal: reasons 12 to 15: the way onward. */
static void test_peer_reasons_onward(void **state)
{
	struct payment_terms terms;

	(void)state;
	/* It lets beta owe less than this: the last thing to be looked at. */
	assert_int_equal(town_command(third, LINK_SET_LINE, beta, 50), LINK_OK);
	towns_run(towns);
	terms = terms_to("c0@delta", 3);
	terms.path[2] = SLICE("delta");
	assert_int_equal(reason_for(&terms), LINK_REASON_NO_LINK);
	peer_connected(&beta->peer, town_link(beta, third)->number, false);
	terms = terms_to("c0@gamma", 3);
	assert_int_equal(town_command(beta, LINK_FREEZE, third, 0), LINK_OK);
	assert_int_equal(reason_for(&terms), LINK_REASON_LINK_DOWN);
	peer_connected(&beta->peer, town_link(beta, third)->number, true);
	terms = terms_to("c0@gamma", 3);
	assert_int_equal(reason_for(&terms), LINK_REASON_NEXT_FROZEN);
	assert_int_equal(town_command(beta, LINK_UNFREEZE, third, 0), LINK_OK);
	assert_int_equal(town_command(beta, LINK_PAUSE, third, 0), LINK_OK);
	terms = terms_to("c0@gamma", 3);
	assert_int_equal(reason_for(&terms), LINK_REASON_NEXT_FROZEN);
	assert_int_equal(town_command(beta, LINK_RESUME, third, 0), LINK_OK);
	terms = terms_to("c0@gamma", 3);
	assert_int_equal(reason_for(&terms), LINK_REASON_NEXT_BUSY);
}

static void on_payee(enum account_command_kind kind, int64_t ceiling)
{
	struct recorder recorder = town_open(beta);
	struct caller caller = town_caller(beta);
	struct account_command command = {
		.id = town_id(towns),
		.account = { .id = town_account(beta, 0)->id },
		.reason = SLICE("the council said so"),
		.balance_ceiling_minor = ceiling,
	};
	struct answer answer;

	record_account_command(&recorder, kind, &command, &caller,
			       towns->now_us, &answer);
	assert_int_equal(answer.refusal, 0);
	town_turn(beta);
}

/* Goal: reasons 16 to 19: the payee. */
static void test_peer_reasons_payee(void **state)
{
	struct payment_terms terms = terms_to("nobody@beta", 2);

	(void)state;
	assert_int_equal(reason_for(&terms), LINK_REASON_PAYEE_UNKNOWN);
	terms = terms_to("city/commons@beta", 2);
	assert_int_equal(reason_for(&terms), LINK_REASON_PAYEE_CLOSED);
	on_payee(ACCOUNT_COMMAND_SET_LIMITS, 99);
	on_payee(ACCOUNT_COMMAND_FREEZE, 0);
	terms = terms_to("c0@beta", 2);
	assert_int_equal(reason_for(&terms), LINK_REASON_PAYEE_CEILING);
	on_payee(ACCOUNT_COMMAND_SET_LIMITS, 100);
	terms = terms_to("c0@beta", 2);
	assert_int_equal(reason_for(&terms), LINK_REASON_PAYEE_DECLINED);
	on_payee(ACCOUNT_COMMAND_CLOSE, 0);
	terms = terms_to("c0@beta", 2);
	assert_int_equal(reason_for(&terms), LINK_REASON_PAYEE_CLOSED);
}

/* Goal: freeze by either side is the same to who is asked. */
static void test_peer_reasons_frozen_there(void **state)
{
	struct payment_terms terms;

	(void)state;
	assert_int_equal(town_command(alpha, LINK_FREEZE, beta, 0), LINK_OK);
	towns_run(towns);
	assert_true(town_link(beta, alpha)->frozen_there);
	terms = terms_to("c0@beta", 2);
	assert_int_equal(reason_for(&terms), LINK_REASON_FROZEN);
}

/* The link's account is near the end of what totals can be. */
static void fill_totals(struct town *town, const struct town *other)
{
	struct ledger *ledger = &town->ledger;
	uint32_t id = town_link(town, other)->account;
	struct account *account =
		(struct account *)(uintptr_t)ledger_account(ledger, id);

	account->debits_posted = money_of(MONEY_MAX_MINOR - 99);
	account->credits_posted = account->debits_posted;
}

/* Goal: a link whose totals are full refuses; nothing stops. */
static void test_peer_reasons_of_totals(void **state)
{
	struct payment_terms terms = terms_to("c0@gamma", 3);

	(void)state;
	fill_totals(beta, third);
	assert_int_equal(reason_for(&terms), LINK_REASON_NEXT_BUSY);
	fill_totals(beta, alpha);
	terms = terms_to("c0@gamma", 3);
	assert_int_equal(reason_for(&terms), LINK_REASON_LINE);
	terms = terms_to("c0@beta", 2);
	assert_int_equal(reason_for(&terms), LINK_REASON_LINE);
	terms = terms_to("c0@beta", 2);
	terms.amount_minor = 99;
	assert_int_equal(reason_for(&terms), LINK_REASON_NONE);
	fill_totals(alpha, beta);
	assert_int_equal(town_pay(alpha, "c0@beta", 100, town_id(towns)),
			 PAYMENT_NO_ROUTE);
	assert_int_equal(town_pay(alpha, "c0@beta", 99, town_id(towns)),
			 PAYMENT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_reasons_of_terms),
		TEST(test_peer_reasons_of_id),
		TEST(test_peer_reasons_of_now),
		TEST(test_peer_reasons_line),
		TEST(test_peer_reasons_line_counts_open),
		TEST(test_peer_reasons_too_many_pending),
		TEST(test_peer_reasons_onward),
		TEST(test_peer_reasons_payee),
		TEST(test_peer_reasons_frozen_there),
		TEST(test_peer_reasons_of_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
