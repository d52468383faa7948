/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Payments between cities as stories: over one link, over three, with a key. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns.h"

/* Goal: a payment to a neighbour moves credit on both sides, once. */
static void test_peer_payment_to_neighbour(void **state)
{
	struct towns *towns = towns_create(2);
	struct town *alpha = &towns->town[0], *beta = &towns->town[1];
	struct slice id = town_id(towns);

	(void)state;
	assert_int_equal(town_pay(alpha, "c1@beta", 1234, id), PAYMENT_OK);
	assert_null(town_outcome(alpha, id));
	towns_run(towns);
	assert_non_null(town_outcome(alpha, id));
	assert_true(town_outcome(alpha, id)->posted);
	assert_int_equal(town_balance(alpha, 0), -1234);
	assert_int_equal(town_balance(beta, 1), 1234);
	assert_int_equal(town_position(alpha, beta), 1234);
	assert_int_equal(town_position(beta, alpha), -1234);
	/* The same order again is the same payment. */
	assert_int_equal(town_pay(alpha, "c1@beta", 1234, id), PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(town_balance(beta, 1), 1234);
	towns_free(towns);
}

/* Goal: payments of one turn share a batch, and so do their answers. */
static void test_peer_payment_batches_are_counted(void **state)
{
	struct towns *towns = towns_create(2);
	struct town *alpha = &towns->town[0], *beta = &towns->town[1];
	const struct peer_session *here = town_session(alpha, beta);
	const struct peer_session *there = town_session(beta, alpha);
	uint64_t sealed = here->sealed, sent = here->sent;
	uint64_t answers = there->sealed;

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(town_pay(alpha, "c1@beta", 10, town_id(towns)),
				 PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(here->sealed, sealed + 1);
	assert_int_equal(here->sent, sent + 1);
	assert_int_equal(there->sealed, answers + 1);
	assert_int_equal(town_balance(beta, 1), 30);
	towns_free(towns);
}

/* Goal: middle cities owe as much as they are owed, and keep nothing. */
static void test_peer_payment_over_three_links(void **state)
{
	struct towns *towns = towns_create(4);
	struct town *town = towns->town;
	struct slice id = town_id(towns);

	(void)state;
	assert_int_equal(town_pay(&town[0], "c0@delta", 700, id), PAYMENT_OK);
	towns_run(towns);
	assert_true(town_outcome(&town[0], id)->posted);
	assert_int_equal(town_balance(&town[3], 0), 700);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(town_position(&town[i], &town[i + 1]), 700);
		assert_int_equal(town_position(&town[i + 1], &town[i]), -700);
	}
	/* And back: what was owed is used up. */
	id = town_id(towns);
	assert_int_equal(town_pay(&town[3], "c0@alpha", 700, id), PAYMENT_OK);
	towns_run(towns);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(town_position(&town[i], &town[i + 1]), 0);
	towns_free(towns);
}

/* Goal: a refusal arrives with its reason and the city that refused. */
static void test_peer_payment_refused_far_away(void **state)
{
	struct towns *towns = towns_create(4);
	struct slice id = town_id(towns);
	const struct peer_outcome *outcome;

	(void)state;
	assert_int_equal(town_pay(&towns->town[0], "nobody@delta", 5, id),
			 PAYMENT_OK);
	towns_run(towns);
	outcome = town_outcome(&towns->town[0], id);
	assert_non_null(outcome);
	assert_false(outcome->posted);
	assert_int_equal(outcome->reason, LINK_REASON_PAYEE_UNKNOWN);
	assert_true(slice_equal(outcome->at_city, SLICE("delta")));
	assert_int_equal(town_balance(&towns->town[0], 0), 0);
	assert_int_equal(
		money_minor(town_account(&towns->town[0], 0)->debits_pending),
		0);
	towns_free(towns);
}

static struct slice lock_of(const uint8_t key[LINKLOG_LOCK_SIZE],
			    uint8_t lock[SHA256_SIZE])
{
	city_sha256(slice_of(key, LINKLOG_LOCK_SIZE), lock);
	return slice_of(lock, SHA256_SIZE);
}

static struct id pay_locked_until(struct towns *towns, const uint8_t *key,
				  uint64_t decide_by_us)
{
	struct town *alpha = &towns->town[0];
	uint8_t lock[SHA256_SIZE];
	struct pay_command command = {
		.id = town_id(towns),
		.payer = { .id = town_account(alpha, 0)->id },
		.payee = SLICE("c0@gamma"),
		.amount_minor = 90,
		.lock = lock_of(key, lock),
		.decide_by_us = (int64_t)decide_by_us,
	};
	struct caller caller = town_caller(alpha);
	struct answer answer;
	struct id id;

	memcpy(id.bytes, command.id.data, ID_SIZE);
	peer_pay(&alpha->peer, &command, &caller, towns->now_us, &answer);
	assert_int_equal(answer.refusal, PAYMENT_OK);
	towns_run(towns);
	return id;
}

static struct id pay_locked(struct towns *towns, const uint8_t *key)
{
	return pay_locked_until(towns, key, towns->now_us + PEER_DECIDE_US);
}

/* Goal: (rule PEER-33) with a lock nothing is posted before its key. */
static void test_peer_payment_locked(void **state)
{
	struct towns *towns = towns_create(3);
	struct town *gamma = &towns->town[2];
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	uint8_t wrong[LINKLOG_LOCK_SIZE] = "another key";
	struct id id = pay_locked(towns, key);

	(void)state;
	assert_int_equal(town_balance(gamma, 0), 0);
	assert_int_equal(money_minor(town_account(gamma, 0)->credits_pending),
			 90);
	assert_false(peer_reveal(&gamma->peer, &id,
				 slice_of(wrong, sizeof(wrong)),
				 towns->now_us));
	assert_true(peer_reveal(&gamma->peer, &id, slice_of(key, sizeof(key)),
				towns->now_us));
	assert_false(peer_reveal(&gamma->peer, &id, slice_of(key, sizeof(key)),
				 towns->now_us));
	towns_run(towns);
	assert_int_equal(town_balance(gamma, 0), 90);
	assert_int_equal(town_balance(&towns->town[0], 0), -90);
	towns_free(towns);
}

/* Goal: a key that comes after decide_by opens nothing. */
static void test_peer_payment_key_too_late(void **state)
{
	struct towns *towns = towns_create(3);
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	struct id id = pay_locked(towns, key);
	const struct peer_outcome *outcome;

	(void)state;
	towns_wait(towns, PEER_DECIDE_US / 1000000 + 2);
	assert_false(peer_reveal(&towns->town[2].peer, &id,
				 slice_of(key, sizeof(key)), towns->now_us));
	outcome = town_outcome(&towns->town[0], slice_of(id.bytes, ID_SIZE));
	assert_non_null(outcome);
	assert_int_equal(outcome->reason, LINK_REASON_LATE);
	assert_int_equal(town_balance(&towns->town[0], 0), 0);
	towns_free(towns);
}

/* Goal: goods may take their time; the link takes others' promises. */
static void test_peer_payment_held_long(void **state)
{
	struct towns *towns = towns_create(3);
	struct town *alpha = &towns->town[0];
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	struct id held = pay_locked_until(towns, key, 0);
	struct slice id;

	(void)state;
	towns_wait(towns, 2 * PEER_STUCK_US / 1000000);
	id = town_id(towns);
	assert_int_equal(town_pay(alpha, "c1@gamma", 5, id), PAYMENT_OK);
	towns_run(towns);
	assert_true(town_outcome(alpha, id)->posted);
	assert_true(peer_reveal(&towns->town[2].peer, &held,
				slice_of(key, sizeof(key)), towns->now_us));
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), -95);
	towns_free(towns);
}

/* Goal: when it is decided is for who locks to say, within bounds. */
static void test_peer_payment_decide_by(void **state)
{
	struct towns *towns = towns_create(2);
	struct town *alpha = &towns->town[0];
	uint8_t key[LINKLOG_LOCK_SIZE] = "a key", lock[SHA256_SIZE];
	uint64_t now = towns->now_us;
	const struct {
		bool locked;
		int64_t decide_by_us;
		uint32_t refusal;
	} cases[] = {
		{ false, (int64_t)now + 1, PAYMENT_DECIDE_BY_WRONG },
		{ true, -1, PAYMENT_DECIDE_BY_WRONG },
		{ true, (int64_t)now, PAYMENT_DECIDE_BY_WRONG },
		{ true, (int64_t)now + 1, PAYMENT_OK },
		{ true, (int64_t)(now + PEER_HOLD_US_MAX), PAYMENT_OK },
		{ true, (int64_t)(now + PEER_HOLD_US_MAX + 1),
		  PAYMENT_DECIDE_BY_WRONG },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pay_command command = {
			.id = town_id(towns),
			.payer = { .id = town_account(alpha, 0)->id },
			.payee = SLICE("c0@beta"),
			.amount_minor = 9,
			.decide_by_us = cases[i].decide_by_us,
		};
		struct caller caller = town_caller(alpha);
		struct answer answer;

		if (cases[i].locked)
			command.lock = lock_of(key, lock);
		peer_pay(&alpha->peer, &command, &caller, now, &answer);
		assert_int_equal(answer.refusal, cases[i].refusal);
		/* An unknown city is what is wrong first. */
		command.id = town_id(towns);
		command.payee = SLICE("c0@nowhere");
		peer_pay(&alpha->peer, &command, &caller, now, &answer);
		assert_int_equal(answer.refusal, PAYMENT_PAYEE_CITY_UNKNOWN);
	}
	towns_free(towns);
}

/* Goal: (rule PEER-37) who began it may have it let go while undecided. */
static void test_peer_payment_cancelled(void **state)
{
	struct towns *towns = towns_create(3);
	struct town *alpha = &towns->town[0], *last = &towns->town[2];
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	uint8_t hash[SHA256_SIZE];
	struct slice terms_hash = slice_of(hash, sizeof(hash));
	struct id id = pay_locked(towns, key), other = { { 1 } };
	struct slice order = slice_of(id.bytes, ID_SIZE);
	const struct peer_outcome *outcome;

	(void)state;
	memcpy(hash, links_payment(&last->ledger.links, &id)->terms_hash,
	       sizeof(hash));
	/* Not another city of the way, nor of other terms, nor elsewhere. */
	assert_false(peer_cancel(&last->peer, SLICE("beta"), &id, terms_hash,
				 towns->now_us));
	assert_false(peer_cancel(&last->peer, alpha->name, &id, SLICE("none"),
				 towns->now_us));
	assert_false(peer_cancel(&last->peer, alpha->name, &other, terms_hash,
				 towns->now_us));
	assert_false(peer_cancel(&towns->town[1].peer, alpha->name, &id,
				 terms_hash, towns->now_us));
	assert_true(peer_cancel(&last->peer, alpha->name, &id, terms_hash,
				towns->now_us));
	assert_true(peer_cancel(&last->peer, alpha->name, &id, terms_hash,
				towns->now_us));
	assert_false(peer_reveal(&last->peer, &id, slice_of(key, sizeof(key)),
				 towns->now_us));
	towns_run(towns);
	outcome = town_outcome(alpha, order);
	assert_non_null(outcome);
	assert_int_equal(outcome->reason, LINK_REASON_CANCELLED);
	assert_true(slice_equal(outcome->at_city, SLICE("gamma")));
	assert_int_equal(town_balance(alpha, 0), 0);
	towns_free(towns);
}

/* Goal: what is decided stays so, whoever asks. */
static void test_peer_payment_cancelled_too_late(void **state)
{
	struct towns *towns = towns_create(3);
	struct town *alpha = &towns->town[0], *last = &towns->town[2];
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	uint8_t hash[SHA256_SIZE];
	struct id id = pay_locked(towns, key);

	(void)state;
	memcpy(hash, links_payment(&last->ledger.links, &id)->terms_hash,
	       sizeof(hash));
	assert_true(peer_reveal(&last->peer, &id, slice_of(key, sizeof(key)),
				towns->now_us));
	assert_false(peer_cancel(&last->peer, alpha->name, &id,
				 slice_of(hash, sizeof(hash)), towns->now_us));
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), -90);
	towns_free(towns);
}

static void cut(struct towns *towns, uint32_t a, uint32_t b, bool is_cut)
{
	towns->cut[a][b] = towns->cut[b][a] = is_cut;
}

/* Goal: (rule PEER-30) no clock undoes a promise while its answer is due. */
static void test_peer_payment_waits_for_its_answer(void **state)
{
	struct towns *towns = towns_create(3);
	struct town *alpha = &towns->town[0];
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	struct id id = pay_locked(towns, key);
	struct slice order = slice_of(id.bytes, ID_SIZE);

	(void)state;
	cut(towns, 1, 2, true);
	towns_wait(towns, 600);
	assert_null(town_outcome(alpha, order));
	assert_int_equal(money_minor(town_account(alpha, 0)->debits_pending),
			 90);
	cut(towns, 1, 2, false);
	towns_wait(towns, 90);
	assert_non_null(town_outcome(alpha, order));
	assert_int_equal(town_outcome(alpha, order)->reason, LINK_REASON_LATE);
	assert_true(slice_equal(town_outcome(alpha, order)->at_city,
				SLICE("gamma")));
	assert_int_equal(money_minor(town_account(alpha, 0)->debits_pending),
			 0);
	towns_free(towns);
}

/*
 * Goal: (rule PEER-29) a middle city that got its way out back gets its way in
 * from the city before it alone, whoever else sends the same terms.
 */
static void test_peer_payment_comes_back(void **state)
{
	struct towns *towns = towns_create(3);
	struct town *alpha = &towns->town[0], *beta = &towns->town[1];
	struct town *third = &towns->town[2];
	struct link_entry prepare = { .kind = LINK_ENTRY_PREPARE };
	uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";
	uint32_t backup = beta->block_count;
	const struct payment *payment, *other;
	struct id id = pay_locked(towns, key);

	(void)state;
	towns->cut[0][1] = towns->cut[1][0] = true;
	town_restart(beta, backup);
	towns_run(towns);
	payment = links_payment(&beta->ledger.links, &id);
	assert_non_null(payment);
	assert_int_equal(payment->out_state, LEG_PENDING);
	assert_int_equal(payment->in_link, LINK_NONE);
	prepare.payment_terms = payment_terms_of(payment);
	assert_int_equal(
		town_deliver(third, beta,
			     town_forge(third, beta, &prepare, 1, NULL)),
		PEER_TAKEN);
	assert_int_equal(payment->in_link, LINK_NONE);
	other = links_in_leg(&beta->ledger.links,
			     town_link(beta, third)->number,
			     town_link(beta, third)->in.seq);
	assert_non_null(other);
	assert_int_equal(other->reason, LINK_REASON_ID_CONFLICT);
	towns->cut[1][2] = towns->cut[2][1] = true;
	towns->cut[0][1] = towns->cut[1][0] = false;
	towns_wait(towns, 5);
	assert_int_equal(payment->in_link, town_link(beta, alpha)->number);
	assert_int_equal(payment->in_state, LEG_WAITING);
	towns_free(towns);
}

/*
 * Goal: of refused payments that a restored middle city gets back nothing
 * stays in memory, whichever neighbour is heard first.
 */
static void test_peer_payment_refused_and_restored(void **state)
{
	(void)state;
	for (uint32_t last = 0; last <= 2; last += 2) {
		struct towns *towns = towns_create(3);
		struct town *alpha = &towns->town[0], *beta = &towns->town[1];
		uint32_t backup = beta->block_count;

		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(town_pay(alpha, "nobody@gamma", 5,
						  town_id(towns)),
					 PAYMENT_OK);
		towns_run(towns);
		assert_int_equal(alpha->outcome_count, 3);
		towns->cut[1][last] = towns->cut[last][1] = true;
		town_restart(beta, backup);
		towns_wait(towns, 5);
		towns->cut[1][last] = towns->cut[last][1] = false;
		towns_wait(towns, 5);
		/* What is acknowledged is written down with the next thing. */
		assert_int_equal(town_pay(beta, "c0@alpha", 7, town_id(towns)),
				 PAYMENT_OK);
		towns_run(towns);
		assert_int_equal(town_balance(beta, 0), -7);
		towns_wait(towns, 5);
		assert_int_equal(beta->ledger.links.payment_count, 0);
		towns_free(towns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peer_payment_to_neighbour),
		cmocka_unit_test(test_peer_payment_batches_are_counted),
		cmocka_unit_test(test_peer_payment_over_three_links),
		cmocka_unit_test(test_peer_payment_refused_far_away),
		cmocka_unit_test(test_peer_payment_locked),
		cmocka_unit_test(test_peer_payment_key_too_late),
		cmocka_unit_test(test_peer_payment_held_long),
		cmocka_unit_test(test_peer_payment_cancelled),
		cmocka_unit_test(test_peer_payment_cancelled_too_late),
		cmocka_unit_test(test_peer_payment_decide_by),
		cmocka_unit_test(test_peer_payment_waits_for_its_answer),
		cmocka_unit_test(test_peer_payment_comes_back),
		cmocka_unit_test(test_peer_payment_refused_and_restored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
