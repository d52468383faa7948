/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A link that stopped at a batch which the neighbour refuses for good, and
 * operators who have what it never took withdrawn (rule PEER-23).
 */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

static void cut(bool is_cut)
{
	towns->cut[0][1] = towns->cut[1][0] = is_cut;
}

/* What beta answers to a batch of alpha, which it never says by itself. */
static void refuse(uint32_t refusal)
{
	const struct peer_deliver_reply reply = { .arrived = true,
						  .answer = refusal };

	peer_batch_answered(&alpha->peer, town_link(alpha, beta)->number,
			    town_session(alpha, beta)->agreements, &reply);
}

/* A payment of 300 whose batch beta does not take. */
static void wedge(struct slice id)
{
	assert_int_equal(town_pay(alpha, "c0@beta", 300, id), PAYMENT_OK);
	cut(true);
	town_turn(alpha);
	refuse(PEER_BAD_TOTALS);
	assert_int_equal(town_session(alpha, beta)->state, PEER_STOPPED);
	cut(false);
	towns_wait(towns, 5);
	assert_int_equal(town_session(alpha, beta)->state, PEER_STOPPED);
	assert_int_equal(alpha->alarms, 1);
}

static void expect_agreement(void)
{
	const struct link *here = town_link(alpha, beta);
	const struct link *there = town_link(beta, alpha);

	assert_int_equal(town_session(alpha, beta)->state, PEER_RECONCILED);
	assert_false(town_session(alpha, beta)->withdraw);
	assert_memory_equal(here->out.head, there->in.head, SHA256_SIZE);
	assert_memory_equal(here->in.head, there->out.head, SHA256_SIZE);
	assert_int_equal(town_position(alpha, beta),
			 -town_position(beta, alpha));
	assert_int_equal(alpha->alarms, 1);
	assert_int_equal(beta->alarms, 0);
}

/* Goal: (rule PEER-19) the payer has it back, and the link goes on. */
static void test_peer_withdraw_repairs(void **state)
{
	struct slice id = town_id(towns);
	uint64_t life = town_link(alpha, beta)->life.incarnation;

	(void)state;
	wedge(id);
	assert_int_equal(money_minor(town_account(alpha, 0)->debits_pending),
			 300);
	assert_int_equal(town_command(alpha, LINK_WITHDRAW, beta, 0), LINK_OK);
	assert_true(town_session(alpha, beta)->withdraw);
	towns_run(towns);
	/* What is still under way from before is of a life that is over. */
	assert_int_equal(town_link(beta, alpha)->peer_life.incarnation,
			 life + 1);
	expect_agreement();
	assert_non_null(town_outcome(alpha, id));
	assert_int_equal(money_minor(town_account(alpha, 0)->debits_pending),
			 0);
	assert_int_equal(town_balance(beta, 0), 0);
	assert_int_equal(town_pay(alpha, "c0@beta", 20, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	expect_agreement();
	assert_int_equal(town_balance(alpha, 0), -20);
	assert_int_equal(town_balance(beta, 0), 20);
}

/* Goal: without the order the batch is sent again. */
static void test_peer_withdraw_not_ordered(void **state)
{
	(void)state;
	wedge(town_id(towns));
	peer_ask_again(&alpha->peer, town_link(alpha, beta)->number);
	towns_run(towns);
	expect_agreement();
	assert_int_equal(town_balance(beta, 0), 300);
}

/* Goal: the order waits for a neighbour that does not answer yet. */
static void test_peer_withdraw_waits(void **state)
{
	(void)state;
	wedge(town_id(towns));
	cut(true);
	assert_int_equal(town_command(alpha, LINK_WITHDRAW, beta, 0), LINK_OK);
	towns_wait(towns, 5);
	assert_true(town_session(alpha, beta)->withdraw);
	cut(false);
	towns_wait(towns, 10);
	expect_agreement();
	assert_int_equal(town_balance(beta, 0), 0);
	assert_int_equal(town_balance(alpha, 0), 0);
}

/* Goal: of what an operator of a restored neighbour denied nothing is lost. */
static void test_peer_withdraw_acknowledged(void **state)
{
	uint32_t backup = beta->block_count;

	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	refuse(PEER_BAD_KEY);
	assert_int_equal(town_session(alpha, beta)->state, PEER_STOPPED);
	cut(true);
	town_restart(beta, backup);
	assert_int_equal(town_balance(beta, 0), 0);
	assert_int_equal(town_command(alpha, LINK_WITHDRAW, beta, 0), LINK_OK);
	cut(false);
	towns_wait(towns, 10);
	expect_agreement();
	assert_int_equal(town_balance(beta, 0), 300);
	assert_int_equal(town_balance(alpha, 0), -300);
}

/* Goal: where the neighbour took it after all there is nothing to withdraw. */
static void test_peer_withdraw_taken(void **state)
{
	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	refuse(PEER_BAD_KEY);
	assert_int_equal(town_command(alpha, LINK_WITHDRAW, beta, 0), LINK_OK);
	towns_run(towns);
	expect_agreement();
	assert_int_equal(town_balance(beta, 0), 300);
}

/* Goal: each refusal, beside the one that comes after it. */
static void test_peer_withdraw_refusals(void **state)
{
	struct link_command command = { .id = town_id(towns),
					.city = SLICE("nowhere"),
					.reason = SLICE("\xff") };
	struct caller caller = town_caller(alpha);
	struct answer answer;

	(void)state;
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_REASON_INVALID);
	command.reason = SLICE("a bug of ours");
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_NOT_CONFIRMED);
	command.confirmed = true;
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_LINK_UNKNOWN);
	command.city = SLICE("beta");
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_NOT_STOPPED);
	refuse(PEER_BAD_KEY);
	alpha->full = true;
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_LOG_FULL);
	alpha->full = false;
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_OK);
	assert_false(answer.recorded);
	/* The same order again is the same one, and no second. */
	peer_command(&alpha->peer, LINK_WITHDRAW, &command, &caller,
		     towns->now_us, &answer);
	assert_int_equal(answer.refusal, LINK_OK);
	assert_true(answer.recorded);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_two, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_withdraw_repairs),
		TEST(test_peer_withdraw_not_ordered),
		TEST(test_peer_withdraw_waits),
		TEST(test_peer_withdraw_acknowledged),
		TEST(test_peer_withdraw_taken),
		TEST(test_peer_withdraw_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
