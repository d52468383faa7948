/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a key signed before the roster revoked it (rule PEER-43). */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

static void pay(struct town *from, const char *payee, int64_t amount_minor)
{
	assert_int_equal(town_pay(from, payee, amount_minor, town_id(towns)),
			 PAYMENT_OK);
}

static void expect_agreement(int64_t position)
{
	const struct link *here = town_link(alpha, beta);
	const struct link *there = town_link(beta, alpha);

	assert_int_equal(town_session(alpha, beta)->state, PEER_RECONCILED);
	assert_int_equal(town_session(beta, alpha)->state, PEER_RECONCILED);
	assert_memory_equal(here->out.head, there->in.head, SHA256_SIZE);
	assert_memory_equal(here->in.head, there->out.head, SHA256_SIZE);
	assert_int_equal(town_position(alpha, beta), position);
	assert_int_equal(town_position(beta, alpha), -position);
	assert_int_equal(alpha->alarms + beta->alarms, 0);
}

/* Goal: what the neighbour has not acknowledged is signed again. */
static void test_peer_keys_unacknowledged(void **state)
{
	uint8_t head[SHA256_SIZE];

	(void)state;
	towns->cut[0][1] = towns->cut[1][0] = true;
	pay(alpha, "c0@beta", 10);
	towns_run(towns);
	memcpy(head, town_link(alpha, beta)->out.head, SHA256_SIZE);
	towns_revoke(towns, 0);
	towns->cut[0][1] = towns->cut[1][0] = false;
	towns_wait(towns, 5);
	assert_int_equal(town_balance(beta, 0), 10);
	/* Another key, the same log. */
	assert_memory_equal(town_link(beta, alpha)->in.head, head, SHA256_SIZE);
	expect_agreement(10);
}

/*
 * Goal: a city that was ordered to rejoin has its books back, its own log,
 * which only the neighbour has as it was signed, and the neighbour's.
 */
static void test_peer_keys_recovery(void **state)
{
	uint32_t backup = beta->block_count;

	(void)state;
	pay(alpha, "c0@beta", 10);
	pay(beta, "c1@alpha", 3);
	towns_run(towns);
	assert_int_equal(town_position(alpha, beta), 7);
	towns_revoke(towns, 0);
	towns_revoke(towns, 1);
	town_restart(beta, backup);
	assert_int_equal(town_balance(beta, 0), 0);
	towns_wait(towns, 10);
	assert_int_equal(town_balance(beta, 0), 7);
	expect_agreement(7);
	pay(beta, "c0@alpha", 5);
	towns_run(towns);
	expect_agreement(2);
}

/* Goal: nothing new is taken from who holds the old key. */
static void test_peer_keys_stolen(void **state)
{
	static const struct link_entry word = { .kind = LINK_ENTRY_LINE_CHANGE,
						.line_minor = 77 };
	struct slice batch = town_forge(alpha, beta, &word, 1, NULL);

	(void)state;
	towns_revoke(towns, 0);
	assert_int_equal(town_deliver(alpha, beta, batch), PEER_BAD_KEY);
	assert_int_not_equal(town_link(beta, alpha)->peer_line_minor, 77);
}

/*
 * Goal: without that order the neighbour, who may have the stolen key, writes
 * nothing into this city's log.
 */
static void test_peer_keys_not_ordered(void **state)
{
	uint32_t backup = beta->block_count;

	(void)state;
	pay(beta, "c1@alpha", 3);
	towns_run(towns);
	towns_revoke(towns, 1);
	towns->unordered = true;
	town_restart(beta, backup);
	towns_wait(towns, 10);
	assert_int_equal(town_session(beta, alpha)->state, PEER_STOPPED);
	assert_int_equal(town_balance(beta, 0), 0);
	assert_true(beta->alarms > 0);
}

static void cut(bool is_cut)
{
	towns->cut[0][1] = towns->cut[1][0] = is_cut;
}

/* Beta has gamma's Settle of alpha's 5, alpha has not heard of it. */
static void pay_and_hear_nothing(void)
{
	const struct town_bytes *batch;

	pay(alpha, "c0@gamma", 5);
	town_turn(alpha);
	batch = &alpha->batches[alpha->batch_count - 1];
	assert_int_equal(
		town_deliver(alpha, beta, slice_of(batch->data, batch->size)),
		PEER_TAKEN);
	cut(true);
	towns_run(towns);
	assert_int_equal(town_balance(&towns->town[2], 0), 5);
	assert_int_equal(town_balance(alpha, 0), 0);
}

/*
 * Goal: a proof by a key that is REVOKED on its way is signed anew by the
 * decider, whom the next city asks; nobody between them loses.
 */
static void test_peer_keys_proof_under_way(void **state)
{
	(void)state;
	pay_and_hear_nothing();
	towns_revoke(towns, 2);
	cut(false);
	towns_wait(towns, 30);
	assert_int_equal(town_balance(alpha, 0), -5);
	expect_agreement(5);
}

/* Goal: likewise of what a restored origin hears again. */
static void test_peer_keys_proof_of_long_ago(void **state)
{
	uint32_t backup = alpha->block_count;

	(void)state;
	pay(alpha, "c0@gamma", 5);
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), -5);
	towns_revoke(towns, 2);
	town_restart(alpha, backup);
	towns_wait(towns, 30);
	assert_int_equal(town_balance(alpha, 0), -5);
	expect_agreement(5);
}

/* Goal: and while the decider cannot be asked, the link stands and waits. */
static void test_peer_keys_decider_away(void **state)
{
	(void)state;
	pay_and_hear_nothing();
	towns_revoke(towns, 2);
	towns->cut[0][2] = towns->cut[2][0] = true;
	cut(false);
	towns_wait(towns, 10);
	assert_int_equal(town_balance(alpha, 0), 0);
	assert_int_equal(town_session(beta, alpha)->state, PEER_RECONCILED);
	towns->cut[0][2] = towns->cut[2][0] = false;
	towns_wait(towns, 70);
	assert_int_equal(town_balance(alpha, 0), -5);
	expect_agreement(5);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_two, towns_strike)

#define TEST_OF_THREE(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_three, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_keys_unacknowledged),
		TEST(test_peer_keys_recovery),
		TEST(test_peer_keys_stolen),
		TEST(test_peer_keys_not_ordered),
		TEST_OF_THREE(test_peer_keys_proof_under_way),
		TEST_OF_THREE(test_peer_keys_proof_of_long_ago),
		TEST_OF_THREE(test_peer_keys_decider_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
