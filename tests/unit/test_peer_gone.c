/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A city that never comes back: how its neighbours' legs end. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns.h"

static struct towns *towns;
static struct town *alpha, *beta, *third, *delta; /* third: gamma */

static int setup(void **state)
{
	(void)state;
	towns = towns_create(4);
	alpha = &towns->town[0];
	beta = &towns->town[1];
	third = &towns->town[2];
	delta = &towns->town[3];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	towns_free(towns);
	return 0;
}

static void cut(const struct town *from, const struct town *to, bool is_cut)
{
	towns->cut[from->number][to->number] = is_cut;
}

static void lose(struct town *town)
{
	towns_lose(towns, town->number);
	towns_mark_gone(towns, town->number);
	towns_wait(towns, 8);
}

static const uint8_t key[LINKLOG_LOCK_SIZE] = "the key to this payment";

/* c0 of alpha pays; with a lock it is held until its key comes. */
static struct slice pay(const char *payee, bool locked)
{
	uint8_t lock[SHA256_SIZE];
	struct slice id = town_id(towns);
	struct pay_command command = {
		.id = id,
		.payer = { .id = town_account(alpha, 0)->id },
		.payee = slice_from_text(payee),
		.amount_minor = 700,
	};
	struct caller caller = town_caller(alpha);
	struct answer answer;

	city_sha256(slice_of(key, sizeof(key)), lock);
	if (locked)
		command.lock = slice_of(lock, sizeof(lock));
	peer_pay(&alpha->peer, &command, &caller, towns->now_us, &answer);
	assert_int_equal(answer.refusal, PAYMENT_OK);
	return id;
}

static bool reveal(struct town *town, struct slice id_bytes)
{
	struct id id;

	memcpy(id.bytes, id_bytes.data, ID_SIZE);
	return peer_reveal(&town->peer, &id, slice_of(key, sizeof(key)),
			   towns->now_us);
}

/* Paid, and settled by @decider; the news stop between @from and @to. */
static struct slice pay_unheard(const char *payee, struct town *decider,
				const struct town *from, const struct town *to)
{
	struct slice id = pay(payee, true);

	towns_run(towns);
	cut(from, to, true);
	assert_true(reveal(decider, id));
	towns_run(towns);
	assert_int_equal(town_balance(decider, 0), 700);
	assert_null(town_outcome(alpha, id));
	return id;
}

static void assert_refused(struct slice id, uint32_t reason,
			   struct slice at_city)
{
	const struct peer_outcome *outcome = town_outcome(alpha, id);

	assert_non_null(outcome);
	assert_false(outcome->posted);
	assert_int_equal(outcome->reason, reason);
	assert_true(slice_equal(outcome->at_city, at_city));
	assert_int_equal(town_balance(alpha, 0), 0);
	assert_int_equal(money_minor(town_account(alpha, 0)->debits_pending),
			 0);
}

/* Nothing is open with it, and the books say what logs and estate say. */
static void assert_ended(struct town *town, const struct town *gone,
			 int64_t estate_minor)
{
	const struct link *link = town_link(town, gone);

	assert_true(link->gone);
	assert_int_equal(link->pending_in_count, 0);
	assert_int_equal(link->pending_out_count, 0);
	assert_int_equal(link->estate_minor, estate_minor);
	assert_int_equal(town_position(town, gone), -link_owed_minor(link));
}

/* Goal: (rule PEER-44) the link is frozen for good, in later lives, too. */
static void test_peer_gone_link(void **state)
{
	static const struct link_entry word = { .kind = LINK_ENTRY_LINE_CHANGE,
						.line_minor = 77 };
	struct slice batch = town_forge(delta, third, &word, 1, NULL);
	uint8_t head[SHA256_SIZE];
	struct peer_delivery late = {
		.city = delta->name,
		.from = delta->name,
		.life = town_link(third, delta)->peer_life,
		.batch = batch,
	};
	uint64_t seq;

	(void)state;
	lose(delta);
	for (uint32_t i = 0; i < 2; i++) {
		const struct peer_session *session = town_session(third, delta);

		assert_int_equal(session->state, PEER_GONE);
		assert_true(town_link(third, delta)->gone);
		assert_int_equal(peer_batch_came(&third->peer, &late,
						 towns->now_us, &seq, head),
				 PEER_WRONG_LINK);
		assert_int_equal(town_command(third, LINK_FREEZE, delta, 0),
				 LINK_NOT_RECONCILED);
		assert_int_equal(town_pay(third, "c0@delta", 5, town_id(towns)),
				 PAYMENT_PAYEE_CITY_UNKNOWN);
		peer_ask_again(&third->peer, town_link(third, delta)->number);
		towns_wait(towns, 2);
		assert_ended(third, delta, 0);
		/* The second time the roster has forgotten; nobody else has. */
		towns->is_gone[delta->number] = i > 0;
		town_restart(third, 0);
		towns_wait(towns, 2);
		towns->is_gone[delta->number] = true;
	}
	/* Others go on. */
	assert_int_equal(town_session(third, beta)->state, PEER_RECONCILED);
}

/* Goal: a decider that is GONE without a word has not settled. */
static void test_peer_gone_decider(void **state)
{
	struct slice id;

	(void)state;
	id = pay_unheard("c0@delta", delta, delta, third);
	lose(delta);
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("gamma"));
	assert_ended(third, delta, 0);
	assert_int_equal(town_position(beta, third), 0);
}

/* Goal: a Settle that was taken counts, whoever is GONE since. */
static void test_peer_gone_decider_settled(void **state)
{
	struct slice id;

	(void)state;
	id = pay_unheard("c0@delta", delta, beta, alpha);
	lose(delta);
	cut(beta, alpha, false);
	towns_wait(towns, 90);
	assert_true(town_outcome(alpha, id)->posted);
	assert_ended(third, delta, 0);
	assert_int_equal(town_position(third, delta), 700);
}

/* Goal: (rule PEER-45) a decider that never heard of it says so, for good. */
static void test_peer_gone_middle_never(void **state)
{
	const struct payment *payment;
	struct slice id;
	struct id known;

	(void)state;
	cut(beta, third, true);
	id = pay("c0@gamma", false);
	towns_run(towns);
	assert_null(town_outcome(alpha, id));
	memcpy(known.bytes, id.data, ID_SIZE);
	payment = links_payment(&alpha->ledger.links, &known);
	assert_int_equal(payment->out_state, LEG_PENDING);
	lose(beta);
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("alpha"));
	assert_ended(alpha, beta, 0);
	assert_ended(third, beta, 0);
}

/* Goal: a decider that settled proves it, and the debt is to the estate. */
static void test_peer_gone_middle_settled(void **state)
{
	const struct payment *payment;
	struct slice id;

	(void)state;
	id = pay_unheard("c0@gamma", third, beta, alpha);
	lose(beta);
	assert_non_null(town_outcome(alpha, id));
	assert_true(town_outcome(alpha, id)->posted);
	assert_int_equal(town_balance(alpha, 0), -700);
	assert_ended(alpha, beta, -700);
	assert_ended(third, beta, 0);
	assert_int_equal(town_position(third, beta), -700);
	/* So it is after a restart. */
	town_restart(alpha, 0);
	towns_wait(towns, 8);
	assert_ended(alpha, beta, -700);
	payment = links_payment_slot(&alpha->ledger.links, 0);
	assert_null(payment);
}

/* Goal: who comes after it follows its own way out, in its books alone. */
static void test_peer_gone_before_middle(void **state)
{
	struct slice id;

	(void)state;
	id = pay_unheard("c0@delta", delta, delta, third);
	lose(beta);
	cut(delta, third, false);
	towns_wait(towns, 90);
	assert_true(town_outcome(alpha, id)->posted);
	assert_ended(alpha, beta, -700);
	assert_ended(third, beta, 700);
	assert_int_equal(town_position(third, delta), 700);
	assert_int_equal(town_position(third, beta), -700);
}

/* Goal: an undecided one is voided, everywhere, and its key opens nothing. */
static void test_peer_gone_undecided(void **state)
{
	struct slice id = pay("c0@delta", true);

	(void)state;
	towns_run(towns);
	assert_int_equal(money_minor(town_account(delta, 0)->credits_pending),
			 700);
	towns_lose(towns, beta->number);
	towns->is_gone[beta->number] = true;
	/* The roster says so, though its news have not been looked at. */
	assert_false(reveal(delta, id));
	towns_mark_gone(towns, beta->number);
	towns_wait(towns, 8);
	assert_int_equal(money_minor(town_account(delta, 0)->credits_pending),
			 0);
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("alpha"));
	assert_ended(third, beta, 0);
	assert_int_equal(town_link(third, delta)->pending_out_count, 0);
}

/* Goal: a decider voids what the city before it had promised. */
static void test_peer_gone_before_decider(void **state)
{
	struct slice id = pay("c0@gamma", true);

	(void)state;
	towns_run(towns);
	assert_int_equal(money_minor(town_account(third, 0)->credits_pending),
			 700);
	lose(beta);
	assert_int_equal(money_minor(town_account(third, 0)->credits_pending),
			 0);
	assert_ended(third, beta, 0);
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("alpha"));
}

/* Goal: where the decider is GONE, too, the last who is there speaks. */
static void test_peer_gone_two(void **state)
{
	struct slice id;

	(void)state;
	id = pay_unheard("c0@delta", delta, beta, alpha);
	towns_lose(towns, delta->number);
	towns_mark_gone(towns, delta->number);
	lose(beta);
	/* third took the Settle. */
	assert_true(town_outcome(alpha, id)->posted);
	assert_ended(alpha, beta, -700);
	assert_ended(third, delta, 0);
}

/* Goal: with nobody left behind the city that is GONE nothing was settled. */
static void test_peer_gone_all_behind(void **state)
{
	struct slice id;

	(void)state;
	id = pay_unheard("c0@delta", delta, third, beta);
	/* delta is asked, and not to be reached. */
	cut(beta, delta, true);
	lose(third);
	assert_null(town_outcome(alpha, id));
	lose(delta);
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("beta"));
	assert_ended(beta, third, 0);
}

static struct slice terms_of(struct slice id, uint8_t *bytes)
{
	const struct payment *payment;
	struct id known;

	memcpy(known.bytes, id.data, ID_SIZE);
	payment = links_payment(&alpha->ledger.links, &known);
	assert_non_null(payment);
	memcpy(bytes, payment->terms, payment->terms_size);
	return slice_of(bytes, payment->terms_size);
}

static bool may_say(struct town *town, const struct town *to,
		    struct slice terms)
{
	return peer_may_say_never(&town->peer, to->name, terms);
}

static bool say(struct town *town, const struct town *to, struct slice terms)
{
	uint8_t bytes[LINKLOG_NEVER_SIZE];
	struct buffer body;

	buffer_init(&body, bytes, sizeof(bytes));
	return peer_say_never(&town->peer, to->name, terms, towns->now_us,
			      &body);
}

/* Goal: each condition of PEER-45. */
static void test_peer_gone_when_to_say_never(void **state)
{
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	struct slice terms, id;

	(void)state;
	cut(alpha, beta, true);
	towns->cut[beta->number][alpha->number] = false;
	id = pay("c0@delta", false);
	terms = terms_of(id, bytes);
	/* All are there: a path without a city that is GONE. */
	assert_false(may_say(delta, alpha, terms));
	cut(delta, alpha, true);
	towns_lose(towns, beta->number);
	towns_mark_gone(towns, beta->number);
	town_turn(delta);
	assert_true(may_say(delta, alpha, terms));
	/* Not to itself, nor to strangers; and only what it can tell. */
	assert_false(may_say(delta, delta, terms));
	assert_false(
		peer_may_say_never(&delta->peer, SLICE("elsewhere"), terms));
	assert_false(may_say(third, alpha, terms));
	assert_false(may_say(alpha, third, terms));
	assert_false(peer_may_say_never(&delta->peer, alpha->name,
					SLICE("no terms")));
	assert_true(say(delta, alpha, terms));
	/* Said again it is not recorded again. */
	assert_true(say(delta, alpha, terms));
	/* Not before it has compared its log with the city before it. */
	cut(delta, third, true);
	town_restart(delta, 0);
	towns_run(towns);
	assert_false(may_say(delta, alpha, terms));
	assert_false(say(delta, alpha, terms));
	cut(delta, third, false);
	towns_wait(towns, 90);
	assert_true(may_say(delta, alpha, terms));
	/* But where that one is GONE, it can compare with nobody. */
	lose(third);
	assert_true(may_say(delta, alpha, terms));
}

/* Goal: what has been said is so: a leg that comes late is released. */
static void test_peer_gone_late_leg(void **state)
{
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	struct slice terms, id;

	(void)state;
	/* third has it, and delta not yet. */
	cut(third, delta, true);
	id = pay("c0@delta", false);
	towns_run(towns);
	terms = terms_of(id, bytes);
	lose(beta);
	/* alpha was told by delta, which never heard of it. */
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("alpha"));
	cut(third, delta, false);
	towns_wait(towns, 90);
	assert_int_equal(town_balance(delta, 0), 0);
	assert_ended(third, beta, 0);
	assert_int_equal(town_link(third, delta)->pending_out_count, 0);
	assert_true(say(delta, alpha, terms));
}

/* Goal: nothing but the decider's own word ends a leg. */
static void test_peer_gone_forged_words(void **state)
{
	uint8_t body_bytes[LINKLOG_NEVER_SIZE], bytes[LINKLOG_TERMS_SIZE_MAX];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct peer_outcome_reply reply = { .arrived = true };
	struct slice terms, id;
	struct peer_action action;
	struct link_never never = { 0 };
	struct buffer body;
	uint64_t number = 0;

	(void)state;
	cut(beta, third, true);
	id = pay("c0@delta", false);
	towns_run(towns);
	terms = terms_of(id, bytes);
	towns_lose(towns, beta->number);
	cut(alpha, delta, true);
	towns_mark_gone(towns, beta->number);
	towns_wait(towns, 3);
	memcpy(never.payment_id, id.data, ID_SIZE);
	city_sha256(terms, never.terms_hash);
	for (uint32_t i = 0; i < 4; i++) {
		struct town *signer = i == 0 ? third : delta;

		towns->now_us += 6000000;
		town_turn(alpha);
		while (peer_next_action(&alpha->peer, &action)) {
			if (action.kind == PEER_ASK_OUTCOME)
				number = action.number;
		}
		assert_true(number > 0);
		never.terms_hash[0] ^= i == 1;
		buffer_init(&body, body_bytes, sizeof(body_bytes));
		linklog_put_never(&body, &never);
		never.terms_hash[0] ^= i == 1;
		peer_sign_body(&signer->peer, i == 2 ? "HelloOk" : "Never",
			       buffer_view(&body), signature);
		reply.body = buffer_view(&body);
		reply.key_id = SLICE("k1");
		reply.signature = slice_of(signature, sizeof(signature));
		/* One that was never asked for, and no proof at all. */
		peer_outcome_answered(&alpha->peer, number + 99, &reply);
		if (i == 2)
			reply.proof = SLICE("no proof");
		peer_outcome_answered(&alpha->peer, number, &reply);
		reply.proof = (struct slice){ 0 };
		town_turn(alpha);
		assert_true((town_outcome(alpha, id) != NULL) == (i == 3));
	}
}

/* beta forgets that it forwarded a payment, and whom it could ask goes. */
static struct slice forget_the_way_on(bool settled)
{
	uint32_t blocks = beta->block_count;
	struct slice id = pay("c0@delta", true);

	towns_run(towns);
	cut(third, beta, true);
	if (settled)
		assert_true(reveal(delta, id));
	towns_run(towns);
	town_restart(beta, blocks);
	towns_wait(towns, 8);
	/* It does not know, so it does not answer (rule PEER-29). */
	assert_null(town_outcome(alpha, id));
	assert_int_equal(town_link(beta, alpha)->pending_in_count, 1);
	assert_int_equal(town_link(beta, third)->pending_out_count, 0);
	lose(third);
	return id;
}

/* Goal: a promise that a former life may have forwarded is asked about. */
static void test_peer_gone_forgotten(void **state)
{
	struct slice id = forget_the_way_on(false);

	(void)state;
	assert_refused(id, LINK_REASON_CITY_GONE, SLICE("beta"));
	assert_ended(beta, third, 0);
	assert_ended(delta, third, 0);
}

/* Goal: when it was, and was settled, this city owes it to the estate. */
static void test_peer_gone_forgotten_settled(void **state)
{
	struct slice id = forget_the_way_on(true);

	(void)state;
	assert_true(town_outcome(alpha, id)->posted);
	assert_int_equal(town_balance(alpha, 0), -700);
	assert_int_equal(town_position(beta, alpha), -700);
	assert_ended(beta, third, -700);
	town_restart(beta, 0);
	towns_wait(towns, 8);
	assert_ended(beta, third, -700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_peer_gone_link),
		TEST(test_peer_gone_decider),
		TEST(test_peer_gone_decider_settled),
		TEST(test_peer_gone_middle_never),
		TEST(test_peer_gone_middle_settled),
		TEST(test_peer_gone_before_middle),
		TEST(test_peer_gone_undecided),
		TEST(test_peer_gone_before_decider),
		TEST(test_peer_gone_two),
		TEST(test_peer_gone_all_behind),
		TEST(test_peer_gone_when_to_say_never),
		TEST(test_peer_gone_late_leg),
		TEST(test_peer_gone_forged_words),
		TEST(test_peer_gone_forgotten),
		TEST(test_peer_gone_forgotten_settled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
