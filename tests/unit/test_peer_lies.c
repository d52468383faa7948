/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Answers to hellos, and hellos, that no honest neighbour gives. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

/* Beta's hello to alpha goes out; false: it has none to say now. */
static bool beta_says_hello(void)
{
	struct peer_action action;

	while (peer_next_action(&beta->peer, &action)) {
		if (action.kind == PEER_SAY_HELLO)
			return true;
	}
	return false;
}

static void beta_hears(const struct peer_hello_reply *reply)
{
	peer_hello_answered(&beta->peer, town_link(beta, alpha)->number, reply);
}

/* What alpha signs: it has beta's log up to @in_seq. */
static struct peer_hello_reply
answer_of_alpha(uint64_t in_seq, const uint8_t *in_head, uint64_t invented_life)
{
	static uint8_t bytes[8192], signature[LINKLOG_SIGNATURE_SIZE];
	const struct link *link = town_link(beta, alpha);
	struct link_hello_ok ok = { .in_seq = in_seq,
				    .out_seq = link->in.seq,
				    .last_known = true };
	struct buffer body;

	memcpy(ok.hello_hash, town_session(beta, alpha)->hello_hash,
	       SHA256_SIZE);
	memcpy(ok.in_head, in_head, SHA256_SIZE);
	memcpy(ok.out_head, link->in.head, SHA256_SIZE);
	if (invented_life > 0)
		ok.lives_since[ok.lives_count++].incarnation = invented_life;
	buffer_init(&body, bytes, sizeof(bytes));
	linklog_put_hello_ok(&body, &ok);
	assert_false(body.overflowed);
	peer_sign_body(&alpha->peer, "HelloOk", buffer_view(&body), signature);
	return (struct peer_hello_reply){
		.arrived = true,
		.body = buffer_view(&body),
		.key_id = SLICE("k1"),
		.signature = slice_of(signature, sizeof(signature)),
	};
}

static void restart_beta(void)
{
	town_restart(beta, 0);
	town_turn(beta);
	peer_connected(&beta->peer, town_link(beta, alpha)->number, true);
	assert_true(beta_says_hello());
}

/*
 * Goal: (rule PEER-23) what a neighbour acknowledged is not withdrawn because
 * it says now that it never had it, in a life of which nobody knows.
 */
static void test_peer_lies_denies_all(void **state)
{
	struct peer_hello_reply reply;
	uint8_t first[SHA256_SIZE];
	uint64_t end;

	(void)state;
	assert_int_equal(town_pay(beta, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	restart_beta();
	end = town_link(beta, alpha)->out.seq;
	linklog_first_head(SLICE("f"), SLICE("beta"), SLICE("alpha"),
			   city_sha256, first);
	reply = answer_of_alpha(0, first, 777);
	beta_hears(&reply);
	assert_int_equal(town_session(beta, alpha)->state, PEER_STOPPED);
	assert_int_equal(town_link(beta, alpha)->out.seq, end);
	assert_int_equal(town_balance(beta, 0), -10);
	assert_true(beta->alarms > 0);
}

static void settle_early(struct link_header *header)
{
	const struct link_boundary *first =
		&town_link(beta, alpha)->boundaries[0];

	header->ack_seq = first->seq;
	memcpy(header->ack_head, first->head, SHA256_SIZE);
}

/*
 * Goal: likewise where it never acknowledged, but answered: what it settled
 * is not taken back.
 */
static void test_peer_lies_denies_what_it_settled(void **state)
{
	struct link *link = town_link(beta, alpha);
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE };
	struct peer_hello_reply reply;
	struct link_boundary before;
	struct peer_session *session;
	const struct payment *payment;

	(void)state;
	before = link->out;
	assert_int_equal(town_pay(beta, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	settle.prepare_seq = link->out.seq;
	payment = links_out_leg(&beta->ledger.links, link->number,
				settle.prepare_seq);
	assert_non_null(payment);
	memcpy(settle.terms_hash, payment->terms_hash, SHA256_SIZE);
	assert_int_equal(
		town_deliver(alpha, beta,
			     town_forge(alpha, beta, &settle, 1, settle_early)),
		PEER_TAKEN);
	assert_int_equal(town_balance(beta, 0), -10);
	restart_beta();
	link = town_link(beta, alpha);
	session = &beta->peer.sessions[link->number - 1];
	assert_true(link->acknowledged <= before.seq);
	assert_true(session->acknowledged <= before.seq);
	reply = answer_of_alpha(before.seq, before.head, 777);
	beta_hears(&reply);
	assert_int_equal(session->state, PEER_STOPPED);
	assert_int_equal(town_balance(beta, 0), -10);
}

static void acknowledge_too_much(struct link_header *header)
{
	header->ack_seq++;
}

/* Beta hears that it was rewound; it has not begun a new life yet. */
static void rewind_beta(void)
{
	static const struct link_entry word = { .kind = LINK_ENTRY_LINE_CHANGE,
						.line_minor = 77 };
	struct peer_delivery delivery = {
		.city = alpha->name,
		.from = alpha->name,
		.life = town_link(beta, alpha)->peer_life,
		.batch =
			town_forge(alpha, beta, &word, 1, acknowledge_too_much),
	};
	uint8_t head[SHA256_SIZE];
	uint64_t seq;

	assert_int_equal(peer_batch_came(&beta->peer, &delivery, towns->now_us,
					 &seq, head),
			 PEER_BAD_ACK);
	assert_int_equal(town_session(beta, alpha)->state, PEER_START);
}

/* Goal: an answer that comes between two lives is to neither. */
static void test_peer_lies_answer_between_lives(void **state)
{
	const struct link *link = town_link(beta, alpha);
	const struct peer_session *session = town_session(beta, alpha);
	uint64_t life = link->life.incarnation;
	struct peer_hello_reply reply;

	(void)state;
	peer_ask_again(&beta->peer, link->number);
	assert_true(beta_says_hello());
	reply = answer_of_alpha(link->out.seq, link->out.head, 0);
	rewind_beta();
	beta_hears(&reply);
	assert_int_equal(session->state, PEER_START);
	towns_run(towns);
	assert_int_equal(session->state, PEER_RECONCILED);
	assert_int_equal(link->life.incarnation, life + 1);
}

/* Goal: an answer to the former life's hello reconciles no later one. */
static void test_peer_lies_answer_to_former_life(void **state)
{
	const struct link *link = town_link(beta, alpha);
	const struct peer_session *session = town_session(beta, alpha);
	struct peer_hello_reply reply;
	uint64_t life;

	(void)state;
	peer_ask_again(&beta->peer, link->number);
	assert_true(beta_says_hello());
	reply = answer_of_alpha(link->out.seq, link->out.head, 0);
	rewind_beta();
	town_turn(beta);
	assert_int_equal(session->state, PEER_ASKING);
	life = link->life.incarnation;
	/* One at a time: the next hello waits for the former's answer. */
	assert_false(beta_says_hello());
	beta_hears(&reply);
	assert_int_equal(session->state, PEER_ASKING);
	assert_true(beta_says_hello());
	reply = answer_of_alpha(link->out.seq, link->out.head, 0);
	beta_hears(&reply);
	assert_int_equal(session->state, PEER_RECONCILED);
	assert_int_equal(link->life.incarnation, life);
}

/* The batch that beta sends next; false: none. */
static bool beta_delivers(struct peer_action *action)
{
	while (peer_next_action(&beta->peer, action)) {
		if (action->kind == PEER_SEND_BATCH)
			return true;
	}
	return false;
}

/*
 * Goal: what a restored neighbour acknowledged before it lost it, and what
 * arrives late, is not believed: it gets it again.
 */
static void test_peer_lies_late_acknowledgement(void **state)
{
	const struct link *link = town_link(beta, alpha);
	const struct link_boundary before = link->out;
	const struct peer_session *session = town_session(beta, alpha);
	struct peer_action action;
	struct peer_deliver_reply late;
	struct peer_hello_reply reply;

	(void)state;
	assert_int_equal(town_pay(beta, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	assert_true(beta_delivers(&action));
	late = (struct peer_deliver_reply){
		.arrived = true,
		.answer = PEER_TAKEN,
		.in_seq = link->out.seq,
		.in_head = slice_of(link->out.head, SHA256_SIZE),
	};
	peer_ask_again(&beta->peer, link->number);
	assert_true(beta_says_hello());
	reply = answer_of_alpha(before.seq, before.head, 0);
	beta_hears(&reply);
	assert_int_equal(session->state, PEER_RECONCILED);
	peer_batch_answered(&beta->peer, link->number, action.agreement, &late);
	assert_int_equal(session->acknowledged, before.seq);
	towns_run(towns);
	assert_int_equal(town_balance(beta, 0), -10);
	assert_int_equal(town_balance(alpha, 0), 10);
}

/*
 * Goal: nor does one that was under way when the link was rewound keep what
 * is written afterwards from being sent.
 */
static void test_peer_lies_under_way_when_rewound(void **state)
{
	const struct link *link = town_link(beta, alpha);
	struct peer_deliver_reply lost = { 0 };
	struct peer_action first, second;

	(void)state;
	assert_int_equal(town_pay(beta, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	assert_true(beta_delivers(&first));
	assert_int_equal(town_pay(beta, "c0@alpha", 20, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	assert_true(beta_delivers(&second));
	peer_batch_answered(&beta->peer, link->number, first.agreement, &lost);
	rewind_beta();
	peer_batch_answered(&beta->peer, link->number, second.agreement, &lost);
	towns_wait(towns, 5);
	assert_int_equal(town_balance(beta, 0), -30);
	assert_int_equal(town_balance(alpha, 0), 30);
}

/* How many hellos alpha calls stale before beta says none for a while. */
static uint32_t call_stale(void)
{
	uint32_t count = 0;

	while (beta_says_hello()) {
		struct peer_hello_reply reply = {
			.arrived = true,
			.stale_highest =
				town_link(beta, alpha)->life.incarnation,
		};

		assert_true(++count < 10);
		beta_hears(&reply);
		town_turn(beta);
	}
	return count;
}

/*
 * Goal: a neighbour that calls every life stale does not get a block of the
 * journal for each answer; the first one costs no time.
 */
static void test_peer_lies_always_stale(void **state)
{
	uint64_t life;

	(void)state;
	town_restart(beta, 0);
	town_turn(beta);
	peer_connected(&beta->peer, town_link(beta, alpha)->number, true);
	assert_int_equal(call_stale(), 2);
	life = town_link(beta, alpha)->life.incarnation;
	for (uint32_t i = 0; i < 60; i++) {
		towns->now_us += 1000000;
		town_turn(beta);
		(void)call_stale();
	}
	/* 1, 2, 4, 8, 16 and 32 seconds, less the jitter. */
	assert_in_range(town_link(beta, alpha)->life.incarnation - life, 4, 8);
	towns_wait(towns, 120);
	assert_int_equal(town_session(beta, alpha)->state, PEER_RECONCILED);
}

/* A hello of alpha to beta, in life @incarnation. */
static enum peer_hello_result begin_life(uint64_t incarnation)
{
	static uint8_t bytes[1024], answer[64 << 10];
	const struct link *link = town_link(alpha, beta);
	struct link_hello hello = {
		.version = 1,
		.federation = SLICE("f"),
		.from = SLICE("alpha"),
		.to = SLICE("beta"),
		.life = { .incarnation = incarnation },
		.last_reconciled = link->reconciled,
		.out_seq = link->out.seq,
		.roster_version = 1,
	};
	struct buffer out, body;
	enum peer_hello_result result;
	uint64_t highest;

	memcpy(hello.out_head, link->out.head, SHA256_SIZE);
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_hello(&out, &hello);
	buffer_init(&body, answer, sizeof(answer));
	result = peer_hello_came(&beta->peer, SLICE("alpha"), buffer_view(&out),
				 towns->now_us, &body, &highest);
	town_turn(beta);
	return result;
}

/* Goal: nor is a life admitted, and recorded, for each hello there is. */
static void test_peer_lies_many_lives(void **state)
{
	uint64_t life = 1000;

	(void)state;
	towns->now_us += 61000000;
	for (uint32_t i = 0; i < PEER_LIVES_PER_MINUTE; i++)
		assert_int_equal(begin_life(life++), PEER_HELLO_OK);
	assert_int_equal(begin_life(life), PEER_HELLO_BUSY);
	/* The newest that was admitted is answered all the same. */
	assert_int_equal(begin_life(life - 1), PEER_HELLO_OK);
	assert_int_equal(begin_life(life - 2), PEER_HELLO_STALE);
	towns->now_us += 61000000;
	assert_int_equal(begin_life(life), PEER_HELLO_OK);
	assert_int_equal(begin_life(life + 1), PEER_HELLO_OK);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_two, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_lies_denies_all),
		TEST(test_peer_lies_denies_what_it_settled),
		TEST(test_peer_lies_answer_between_lives),
		TEST(test_peer_lies_answer_to_former_life),
		TEST(test_peer_lies_late_acknowledgement),
		TEST(test_peer_lies_under_way_when_rewound),
		TEST(test_peer_lies_always_stale),
		TEST(test_peer_lies_many_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
