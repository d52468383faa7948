/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What people do to a link: its refusals, and what comes of it there. */
#include <string.h>

#include "unit/support.h"
#include "unit/towns.h"

static struct towns *towns;
static struct town *alpha, *beta;
static struct link_command command;
static struct answer answer;

static int setup(void **state)
{
	(void)state;
	towns = towns_create_with(2, 1000);
	alpha = &towns->town[0];
	beta = &towns->town[1];
	command = (struct link_command){ .id = town_id(towns),
					 .city = SLICE("beta"),
					 .reason = SLICE("it is time"),
					 .line_minor = 5000 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	towns_free(towns);
	return 0;
}

static uint32_t refusal(enum link_command_kind kind)
{
	struct caller caller = town_caller(alpha);

	peer_command(&alpha->peer, kind, &command, &caller, towns->now_us,
		     &answer);
	return answer.refusal;
}

/* Goal: each refusal of a command, beside the one that comes after it. */
static void test_peer_link_refusals(void **state)
{
	struct id old = id_make(towns->now_us - ID_WINDOW_US_DEFAULT - 1000,
				(uint8_t[ID_TAIL_SIZE]){ 1 });
	struct id future = id_make(towns->now_us + ID_SKEW_US + 1000000,
				   (uint8_t[ID_TAIL_SIZE]){ 2 });

	(void)state;
	command.city = SLICE("nowhere");
	assert_int_equal(refusal(LINK_SET_LINE), LINK_LINK_UNKNOWN);
	command.reason = SLICE("\xff");
	assert_int_equal(refusal(LINK_SET_LINE), LINK_REASON_INVALID);
	command.line_minor = -1;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_LINE_OUT_OF_RANGE);
	command.line_minor = MONEY_MAX_MINOR + 1;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_LINE_OUT_OF_RANGE);
	command.id = slice_of(future.bytes, ID_SIZE);
	assert_int_equal(refusal(LINK_SET_LINE), LINK_ID_IN_FUTURE);
	command.id = slice_of(old.bytes, ID_SIZE);
	assert_int_equal(refusal(LINK_SET_LINE), LINK_ID_TOO_OLD);
	command.id = SLICE("short");
	assert_int_equal(refusal(LINK_SET_LINE), LINK_ID_MALFORMED);
}

/* Goal: one id is one command. */
static void test_peer_link_id_conflict(void **state)
{
	(void)state;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
	assert_false(answer.recorded);
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
	assert_true(answer.recorded);
	command.line_minor++;
	command.city = SLICE("nowhere");
	assert_int_equal(refusal(LINK_SET_LINE), LINK_ID_CONFLICT);
}

/* Goal: there must be something to do. */
static void test_peer_link_nothing_to_do(void **state)
{
	(void)state;
	assert_int_equal(refusal(LINK_UNFREEZE), LINK_NOT_FROZEN);
	assert_int_equal(refusal(LINK_RESUME), LINK_NOT_PAUSED);
	assert_int_equal(refusal(LINK_FREEZE), LINK_OK);
	command.id = town_id(towns);
	assert_int_equal(refusal(LINK_FREEZE), LINK_ALREADY_FROZEN);
	assert_int_equal(refusal(LINK_PAUSE), LINK_OK);
	command.id = town_id(towns);
	assert_int_equal(refusal(LINK_PAUSE), LINK_ALREADY_PAUSED);
}

/* Goal: (rule PEER-20) what goes into the log waits for reconciliation. */
static void test_peer_link_not_reconciled(void **state)
{
	(void)state;
	town_restart(alpha, 0);
	assert_int_equal(refusal(LINK_UNFREEZE), LINK_NOT_FROZEN);
	assert_int_equal(refusal(LINK_SET_LINE), LINK_NOT_RECONCILED);
	/* A pause is this city's own affair. */
	assert_int_equal(refusal(LINK_PAUSE), LINK_OK);
	towns_run(towns);
	command.id = town_id(towns);
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
}

/* Goal: where no block has room it is for later. */
static void test_peer_link_log_full(void **state)
{
	(void)state;
	alpha->full = true;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_LOG_FULL);
	alpha->full = false;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
}

/* Goal: (rule PEER-40) a line holds here at once, there when it is heard. */
static void test_peer_link_line(void **state)
{
	(void)state;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
	assert_int_equal(town_link(alpha, beta)->line_minor, 5000);
	assert_int_equal(town_link(beta, alpha)->peer_line_minor, 1000);
	towns_run(towns);
	assert_int_equal(town_link(beta, alpha)->peer_line_minor, 5000);
	/* beta may owe more now. */
	assert_int_equal(town_pay(beta, "c0@alpha", 4000, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), 4000);
	/* A line below what is owed stops what is new, and nothing else. */
	command.id = town_id(towns);
	command.line_minor = 10;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
	towns_run(towns);
	assert_int_equal(town_pay(beta, "c0@alpha", 1, town_id(towns)),
			 PAYMENT_NO_ROUTE);
	assert_int_equal(town_pay(alpha, "c0@beta", 4000, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(town_position(alpha, beta), 0);
}

/* Goal: (rule PEER-41) frozen by one, for both; unfrozen by the same one. */
static void test_peer_link_freeze(void **state)
{
	(void)state;
	assert_int_equal(refusal(LINK_FREEZE), LINK_OK);
	towns_run(towns);
	assert_true(town_link(beta, alpha)->frozen_there);
	assert_int_equal(town_pay(beta, "c0@alpha", 1, town_id(towns)),
			 PAYMENT_NO_ROUTE);
	assert_int_equal(town_pay(alpha, "c0@beta", 1, town_id(towns)),
			 PAYMENT_NO_ROUTE);
	assert_int_equal(town_command(beta, LINK_UNFREEZE, alpha, 0),
			 LINK_NOT_FROZEN);
	command.id = town_id(towns);
	assert_int_equal(refusal(LINK_UNFREEZE), LINK_OK);
	towns_run(towns);
	assert_int_equal(town_pay(beta, "c0@alpha", 1, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), 1);
}

/* Goal: what was said survives a restart of both. */
static void test_peer_link_survives(void **state)
{
	(void)state;
	assert_int_equal(refusal(LINK_SET_LINE), LINK_OK);
	command.id = town_id(towns);
	assert_int_equal(refusal(LINK_PAUSE), LINK_OK);
	towns_run(towns);
	town_restart(alpha, 0);
	town_restart(beta, 0);
	towns_run(towns);
	assert_int_equal(town_link(alpha, beta)->line_minor, 5000);
	assert_true(town_link(alpha, beta)->paused);
	assert_int_equal(town_link(beta, alpha)->peer_line_minor, 5000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_link_refusals),
		TEST(test_peer_link_id_conflict),
		TEST(test_peer_link_nothing_to_do),
		TEST(test_peer_link_not_reconciled),
		TEST(test_peer_link_log_full),
		TEST(test_peer_link_line),
		TEST(test_peer_link_freeze),
		TEST(test_peer_link_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
