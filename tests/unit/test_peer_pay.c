/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What an order to pay another city is refused for, and which goes first. */
#include <string.h>

#include "unit/support.h"
#include "unit/towns.h"

static struct towns *towns;
static struct town *alpha;
static struct pay_command command;
static struct answer answer;

static int setup(void **state)
{
	(void)state;
	towns = towns_create_with(3, 1000000);
	alpha = &towns->town[0];
	command = (struct pay_command){
		.id = town_id(towns),
		.payer = { .id = town_account(alpha, 0)->id },
		.payee = SLICE("c0@beta"),
		.amount_minor = 100,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	towns_free(towns);
	return 0;
}

static uint32_t refusal(void)
{
	struct caller caller = town_caller(alpha);

	peer_pay(&alpha->peer, &command, &caller, towns->now_us, &answer);
	return answer.refusal;
}

/* Goal: what the order itself gets wrong, each with the next one beside it. */
static void test_peer_pay_shape(void **state)
{
	uint8_t long_text[LINKLOG_REFERENCE_SIZE_MAX + 1] = { 0 };
	struct id old = id_make(towns->now_us - ID_WINDOW_US_DEFAULT - 1000,
				(uint8_t[ID_TAIL_SIZE]){ 1 });
	struct id future = id_make(towns->now_us + ID_SKEW_US + 1000000,
				   (uint8_t[ID_TAIL_SIZE]){ 2 });

	(void)state;
	command.payee = SLICE("link/alpha@beta");
	assert_int_equal(refusal(), PAYMENT_PAYEE_RESERVED);
	command.payee = SLICE("city/commons@alpha");
	assert_int_equal(refusal(), PAYMENT_PAYEE_CITY_HERE);
	command.payee = SLICE("nobody");
	assert_int_equal(refusal(), PAYMENT_PAYEE_MALFORMED);
	command.memo = SLICE("\xff");
	assert_int_equal(refusal(), PAYMENT_MEMO_INVALID);
	command.request = SLICE("no id");
	assert_int_equal(refusal(), PAYMENT_REFERENCE_MALFORMED);
	command.request = slice_of(old.bytes, ID_SIZE);
	command.reference = SLICE("another");
	assert_int_equal(refusal(), PAYMENT_REFERENCE_MALFORMED);
	command.request = (struct slice){ 0 };
	command.reference = slice_of(long_text, sizeof(long_text));
	assert_int_equal(refusal(), PAYMENT_REFERENCE_MALFORMED);
	command.lock = SLICE("short");
	assert_int_equal(refusal(), PAYMENT_LOCK_MALFORMED);
	command.amount_minor = MONEY_MAX_MINOR + 1;
	assert_int_equal(refusal(), PAYMENT_AMOUNT_TOO_LARGE);
	command.amount_minor = 0;
	assert_int_equal(refusal(), PAYMENT_AMOUNT_NOT_POSITIVE);
	command.payer.address = SLICE("c0@beta");
	assert_int_equal(refusal(), PAYMENT_ADDRESS_OTHER_CITY);
	command.payer.address = SLICE("c0");
	assert_int_equal(refusal(), PAYMENT_ADDRESS_MALFORMED);
	command.id = slice_of(future.bytes, ID_SIZE);
	assert_int_equal(refusal(), PAYMENT_ID_IN_FUTURE);
	command.id = slice_of(old.bytes, ID_SIZE);
	assert_int_equal(refusal(), PAYMENT_ID_TOO_OLD);
	command.id = SLICE("short");
	assert_int_equal(refusal(), PAYMENT_ID_MALFORMED);
}

static void on_payer(enum account_command_kind kind)
{
	struct recorder recorder = town_open(alpha);
	struct caller caller = town_caller(alpha);
	struct account_command order = {
		.id = town_id(towns),
		.account = { .id = town_account(alpha, 0)->id },
		.reason = SLICE("the council said so"),
	};

	record_account_command(&recorder, kind, &order, &caller, towns->now_us,
			       &answer);
	assert_int_equal(answer.refusal, 0);
	town_turn(alpha);
}

/* Goal: the payer: unknown, over its limit, frozen, closed. */
static void test_peer_pay_payer(void **state)
{
	(void)state;
	command.payer.id = 99;
	assert_int_equal(refusal(), PAYMENT_DEBIT_ACCOUNT_UNKNOWN);
	command.payer.id = town_account(alpha, 0)->id;
	command.amount_minor = 100001;
	/* Nor is that city known; the payer is asked first. */
	command.payee = SLICE("c0@nowhere");
	assert_int_equal(refusal(), PAYMENT_OVER_LIMIT);
	assert_int_equal(money_minor(answer.limit), 100000);
	assert_int_equal(money_minor(answer.value), 100001);
	on_payer(ACCOUNT_COMMAND_FREEZE);
	assert_int_equal(refusal(), PAYMENT_DEBIT_ACCOUNT_FROZEN);
	on_payer(ACCOUNT_COMMAND_CLOSE);
	assert_int_equal(refusal(), PAYMENT_DEBIT_ACCOUNT_CLOSED);
}

/* Goal: one id is one order. */
static void test_peer_pay_id_conflict(void **state)
{
	(void)state;
	assert_int_equal(refusal(), PAYMENT_OK);
	assert_false(answer.recorded);
	assert_int_equal(refusal(), PAYMENT_OK);
	assert_true(answer.recorded);
	command.amount_minor++;
	command.payer.id = town_account(alpha, 1)->id;
	assert_int_equal(refusal(), PAYMENT_ID_CONFLICT);
}

/* Goal: a payment of a request has its id as reference, given once or twice. */
static void test_peer_pay_request(void **state)
{
	struct id request =
		id_make(towns->now_us, (uint8_t[ID_TAIL_SIZE]){ 7 });
	const struct payment *payment;
	struct payment_terms terms;
	struct id id;

	(void)state;
	command.request = slice_of(request.bytes, ID_SIZE);
	assert_int_equal(refusal(), PAYMENT_OK);
	assert_true(id_from_bytes(command.id, &id));
	payment = links_payment(&alpha->ledger.links, &id);
	assert_non_null(payment);
	assert_int_equal(linklog_terms(payment_terms_of(payment), &terms),
			 LINKLOG_OK);
	assert_true(slice_equal(terms.reference, command.request));
	command.reference = command.request;
	assert_int_equal(refusal(), PAYMENT_OK);
	assert_true(answer.recorded);
	command.request = (struct slice){ 0 };
	assert_int_equal(refusal(), PAYMENT_OK);
	command.reference = (struct slice){ 0 };
	assert_int_equal(refusal(), PAYMENT_ID_CONFLICT);
}

/* Goal: a request that may not be paid is said last, but of what it leaves. */
static void test_peer_pay_request_refused(void **state)
{
	static const uint32_t refusals[] = {
		PAYMENT_REQUEST_UNKNOWN,
		PAYMENT_REQUEST_ENDED,
		PAYMENT_REQUEST_DIFFERS,
		PAYMENT_REQUEST_UNDER_WAY,
	};
	struct id request =
		id_make(towns->now_us, (uint8_t[ID_TAIL_SIZE]){ 7 });
	struct pay_command whole;

	(void)state;
	command.request = slice_of(request.bytes, ID_SIZE);
	whole = command;
	for (uint32_t i = 0; i < COUNT_OF(refusals); i++) {
		command.request_refusal = refusals[i];
		command.payee = SLICE("c0@beta");
		assert_int_equal(refusal(), refusals[i]);
		command.payee = SLICE("c0@nowhere");
		assert_int_equal(refusal(), PAYMENT_PAYEE_CITY_UNKNOWN);
	}
	command = whole;
	command.request_refusal = PAYMENT_REQUEST_UNKNOWN;
	command.payee = (struct slice){ 0 };
	command.memo = SLICE("\xff");
	assert_int_equal(refusal(), PAYMENT_REQUEST_UNKNOWN);
	command.payee = SLICE("c0@beta");
	assert_int_equal(refusal(), PAYMENT_MEMO_INVALID);
	command.amount_minor = 0;
	assert_int_equal(refusal(), PAYMENT_REQUEST_UNKNOWN);
	command.amount_minor = 100;
	command.payer = (struct account_ref){ 0 };
	assert_int_equal(refusal(), PAYMENT_REQUEST_UNKNOWN);
	command.id = SLICE("short");
	assert_int_equal(refusal(), PAYMENT_ID_MALFORMED);
}

/* Goal: while one order pays a request no other does; the same one may. */
static void test_peer_pay_request_once(void **state)
{
	struct id request =
		id_make(towns->now_us, (uint8_t[ID_TAIL_SIZE]){ 7 });
	struct slice first = command.id;

	(void)state;
	command.request = slice_of(request.bytes, ID_SIZE);
	assert_int_equal(refusal(), PAYMENT_OK);
	command.id = town_id(towns);
	assert_int_equal(refusal(), PAYMENT_REQUEST_UNDER_WAY);
	command.id = first;
	command.request_refusal = PAYMENT_REQUEST_ENDED;
	assert_int_equal(refusal(), PAYMENT_OK);
	assert_true(answer.recorded);
	command.id = town_id(towns);
	command.request = (struct slice){ 0 };
	command.request_refusal = 0;
	assert_int_equal(refusal(), PAYMENT_OK);
	assert_false(answer.recorded);
}

/* Goal: the federation, the memory, the city's own state, the way. */
static void test_peer_pay_way(void **state)
{
	(void)state;
	command.payee = SLICE("c0@nowhere");
	town_rejoin(alpha, true);
	assert_int_equal(refusal(), PAYMENT_PAYEE_CITY_UNKNOWN);
	towns->is_gone[1] = true;
	command.payee = SLICE("c0@beta");
	assert_int_equal(refusal(), PAYMENT_PAYEE_CITY_UNKNOWN);
	towns->is_gone[1] = false;
	assert_int_equal(refusal(), PAYMENT_RECOVERING);
	town_rejoin(alpha, false);
	peer_connected(&alpha->peer, 1, false);
	assert_int_equal(refusal(), PAYMENT_NO_ROUTE);
	peer_connected(&alpha->peer, 1, true);
	assert_int_equal(town_command(alpha, LINK_PAUSE, &towns->town[1], 0),
			 LINK_OK);
	assert_int_equal(refusal(), PAYMENT_NO_ROUTE);
	assert_int_equal(town_command(alpha, LINK_RESUME, &towns->town[1], 0),
			 LINK_OK);
	assert_int_equal(refusal(), PAYMENT_OK);
}

/* Goal: a part of the memory stays free of what waits for others. */
static void test_peer_pay_too_many(void **state)
{
	uint32_t taken = 0, result;

	(void)state;
	do {
		command.id = town_id(towns);
		command.amount_minor = 1;
		result = refusal();
		taken += result == PAYMENT_OK;
		town_turn(alpha);
	} while (result == PAYMENT_OK && taken < 200);
	assert_int_equal(result, PAYMENT_TOO_MANY_PAYMENTS);
	assert_int_equal(taken, alpha->ledger.links.options.payments_max / 2);
	towns_run(towns);
	command.id = town_id(towns);
	assert_int_equal(refusal(), PAYMENT_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_pay_shape),
		TEST(test_peer_pay_payer),
		TEST(test_peer_pay_id_conflict),
		TEST(test_peer_pay_way),
		TEST(test_peer_pay_too_many),
		TEST(test_peer_pay_request),
		TEST(test_peer_pay_request_refused),
		TEST(test_peer_pay_request_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
