/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What a batch is answered with: each row of PEER-11, and which goes first. */
#include <stdlib.h>
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

static const struct link_entry word = { .kind = LINK_ENTRY_LINE_CHANGE,
					.line_minor = 77 };

static enum peer_answer answer_to(town_change *change)
{
	return town_deliver(alpha, beta,
			    town_forge(alpha, beta, &word, 1, change));
}

static void other_version(struct link_header *header)
{
	header->version = 2;
}

static void other_federation(struct link_header *header)
{
	header->federation = SLICE("elsewhere");
}

static void other_author(struct link_header *header)
{
	header->author = SLICE("gamma");
}

static void other_peer(struct link_header *header)
{
	header->peer = SLICE("gamma");
}

static void later_life(struct link_header *header)
{
	header->incarnation++;
}

static void leave_a_gap(struct link_header *header)
{
	header->first_seq++;
}

static void begin_again(struct link_header *header)
{
	header->first_seq = 1;
}

static void part(struct link_header *header)
{
	header->prev_head[0] ^= 1;
}

static void other_root(struct link_header *header)
{
	header->root[0] ^= 1;
}

static void other_count(struct link_header *header)
{
	header->count++;
}

static void acknowledge_too_much(struct link_header *header)
{
	header->ack_seq++;
}

static void acknowledge_another(struct link_header *header)
{
	header->ack_head[0] ^= 1;
}

static void more_settled(struct link_header *header)
{
	header->settled_minor++;
}

static void more_promised(struct link_header *header)
{
	header->promised_minor++;
}

static void gap_and_part(struct link_header *header)
{
	leave_a_gap(header);
	part(header);
}

static void part_and_root(struct link_header *header)
{
	part(header);
	other_root(header);
}

static void life_and_gap(struct link_header *header)
{
	later_life(header);
	leave_a_gap(header);
}

static void root_and_ack(struct link_header *header)
{
	other_root(header);
	acknowledge_another(header);
}

static void ack_and_totals(struct link_header *header)
{
	acknowledge_another(header);
	more_settled(header);
}

static void federation_and_life(struct link_header *header)
{
	other_federation(header);
	later_life(header);
}

/* Goal: each row that a header alone can break; then two rows at once. */
static void test_peer_answers_header(void **state)
{
	static const struct {
		town_change *change;
		enum peer_answer answer;
	} cases[] = {
		{ other_federation, PEER_WRONG_LINK },
		{ other_author, PEER_WRONG_LINK },
		{ other_peer, PEER_WRONG_LINK },
		{ later_life, PEER_STALE_INCARNATION },
		{ leave_a_gap, PEER_GAP },
		{ begin_again, PEER_FORK },
		{ part, PEER_FORK },
		{ other_root, PEER_BAD_ROOT },
		{ acknowledge_another, PEER_BAD_ACK },
		{ more_settled, PEER_BAD_TOTALS },
		{ more_promised, PEER_BAD_TOTALS },
		{ federation_and_life, PEER_WRONG_LINK },
		{ life_and_gap, PEER_STALE_INCARNATION },
		{ gap_and_part, PEER_GAP },
		{ part_and_root, PEER_FORK },
		{ root_and_ack, PEER_BAD_ROOT },
		{ ack_and_totals, PEER_BAD_ACK },
	};
	uint64_t before = town_link(beta, alpha)->in.seq;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(answer_to(cases[i].change), cases[i].answer);
	assert_int_equal(beta->forks, 3);
	/* Nothing of all this was taken; what is right still is. */
	assert_int_equal(town_link(beta, alpha)->in.seq, before);
	assert_int_equal(answer_to(NULL), PEER_TAKEN);
	assert_int_equal(town_link(beta, alpha)->in.seq, before + 1);
	assert_int_equal(town_link(beta, alpha)->peer_line_minor, 77);
}

/* Goal: what is no header, or none of this version, is malformed. */
static void test_peer_answers_malformed(void **state)
{
	(void)state;
	assert_int_equal(answer_to(other_version), PEER_MALFORMED);
	assert_int_equal(answer_to(other_count), PEER_MALFORMED);
	assert_int_equal(town_deliver(alpha, beta, SLICE("no batch at all")),
			 PEER_MALFORMED);
}

static enum peer_answer answer_to_entry(const struct link_entry *entry)
{
	return town_deliver(alpha, beta,
			    town_forge(alpha, beta, entry, 1, NULL));
}

static void journal_too_far(struct link_header *header)
{
	header->journal_seq = LINKLOG_NUMBER_MAX + 1;
}

static void acknowledge_too_far(struct link_header *header)
{
	header->ack_seq = LINKLOG_NUMBER_MAX + 1;
}

static void promised_too_far(struct link_header *header)
{
	header->promised_minor = LINKLOG_NUMBER_MAX + 1;
}

static enum peer_answer answer_to_terms(uint64_t amount_minor,
					uint64_t decide_by_us, uint8_t id)
{
	struct payment_terms terms = { .payment_id = { id },
				       .amount_minor = amount_minor,
				       .decide_by_us = decide_by_us };
	struct link_entry prepare = { .kind = LINK_ENTRY_PREPARE };
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	struct buffer out;

	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_terms(&out, &terms);
	prepare.payment_terms = buffer_view(&out);
	return answer_to_entry(&prepare);
}

/* Goal: (rule PEER-8) what no table could keep is not taken. */
static void test_peer_answers_too_far(void **state)
{
	const uint64_t too_far = LINKLOG_NUMBER_MAX + 1;
	uint64_t before = town_link(beta, alpha)->in.seq;
	struct link_entry release = { .kind = LINK_ENTRY_RELEASE };

	(void)state;
	assert_int_equal(answer_to(journal_too_far), PEER_MALFORMED);
	assert_int_equal(answer_to(acknowledge_too_far), PEER_MALFORMED);
	assert_int_equal(answer_to(promised_too_far), PEER_MALFORMED);
	assert_int_equal(answer_to_terms(1, 1, 0), PEER_MALFORMED);
	assert_int_equal(answer_to_terms(1, too_far, 1), PEER_MALFORMED);
	assert_int_equal(answer_to_terms(1, LINKLOG_NUMBER_MAX, 1), PEER_TAKEN);
	assert_int_equal(town_pay(beta, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	release.prepare_seq = town_link(beta, alpha)->out.seq;
	memcpy(release.terms_hash,
	       links_out_leg(&beta->ledger.links,
			     town_link(beta, alpha)->number,
			     release.prepare_seq)
		       ->terms_hash,
	       SHA256_SIZE);
	release.reason = LINKLOG_REASON_MAX + 1;
	assert_int_equal(answer_to_entry(&release), PEER_MALFORMED);
	release.reason = LINKLOG_REASON_MAX;
	assert_int_equal(answer_to_entry(&release), PEER_TAKEN);
	assert_int_equal(town_link(beta, alpha)->in.seq, before + 2);
}

/* Beta fetches what alpha wrote, of which one batch is still to be taken. */
static void fetch(town_change *change)
{
	uint32_t number = town_link(beta, alpha)->number;
	struct peer_session *session = &beta->peer.sessions[number - 1];
	struct slice batch = town_forge(alpha, beta, &word, 1, change);

	session->state = PEER_RECOVERING;
	session->fetch_own = false;
	session->recover_until = town_link(beta, alpha)->in.seq + 1;
	peer_log_fetched(&beta->peer, number, false, true, &batch, 1);
	town_turn(beta);
}

/* Goal: row 11 holds for what is fetched, too: no log that was never so. */
static void test_peer_answers_fetched(void **state)
{
	uint64_t before = town_link(beta, alpha)->in.seq;

	(void)state;
	fetch(acknowledge_another);
	assert_int_equal(town_session(beta, alpha)->state, PEER_STOPPED);
	fetch(acknowledge_too_much);
	assert_int_equal(town_session(beta, alpha)->state, PEER_STOPPED);
	assert_int_equal(town_link(beta, alpha)->in.seq, before);
	fetch(NULL);
	assert_int_equal(town_link(beta, alpha)->in.seq, before + 1);
}

/* Goal: size is looked at before anything else. */
static void test_peer_answers_too_large(void **state)
{
	uint8_t *bytes = calloc(1, LINKLOG_BATCH_SIZE_MAX + 1);

	(void)state;
	assert_non_null(bytes);
	assert_int_equal(
		town_deliver(alpha, beta,
			     slice_of(bytes, LINKLOG_BATCH_SIZE_MAX + 1)),
		PEER_TOO_LARGE);
	free(bytes);
}

static enum peer_answer deliver_as(struct slice city, struct slice from,
				   const struct link_life *life)
{
	struct peer_delivery delivery = {
		.city = city,
		.from = from,
		.life = *life,
		.batch = town_forge(alpha, beta, &word, 1, NULL),
	};
	uint8_t head[SHA256_SIZE];
	uint64_t seq;

	return peer_batch_came(&beta->peer, &delivery, towns->now_us, &seq,
			       head);
}

/* Goal: who TLS named, who calls and who wrote must be one. */
static void test_peer_answers_who_calls(void **state)
{
	struct link_life life = town_link(beta, alpha)->peer_life;

	(void)state;
	assert_int_equal(deliver_as(SLICE("gamma"), SLICE("alpha"), &life),
			 PEER_WRONG_LINK);
	assert_int_equal(deliver_as(SLICE("gamma"), SLICE("gamma"), &life),
			 PEER_WRONG_LINK);
	life.incarnation--;
	assert_int_equal(deliver_as(SLICE("alpha"), SLICE("alpha"), &life),
			 PEER_STALE_INCARNATION);
	life.incarnation++;
	life.nonce[0] ^= 1;
	assert_int_equal(deliver_as(SLICE("alpha"), SLICE("alpha"), &life),
			 PEER_STALE_INCARNATION);
}

/* Goal: a batch that was taken is acknowledged again, and changes nothing. */
static void test_peer_answers_duplicate(void **state)
{
	static uint8_t copy[4096];
	struct slice batch = town_forge(alpha, beta, &word, 1, NULL);
	uint64_t seq;

	(void)state;
	memcpy(copy, batch.data, batch.size);
	batch.data = copy;
	assert_int_equal(town_deliver(alpha, beta, batch), PEER_TAKEN);
	seq = beta->ledger.next_seq;
	assert_int_equal(town_deliver(alpha, beta, batch), PEER_DUPLICATE);
	assert_int_equal(beta->ledger.next_seq, seq);
}

/* Goal: (rule PEER-20) before this life has reconciled, nothing is taken. */
static void test_peer_answers_not_reconciled(void **state)
{
	(void)state;
	town_restart(beta, 0);
	assert_int_equal(answer_to(NULL), PEER_NOT_RECONCILED);
	/* Also what would be a fork. */
	assert_int_equal(answer_to(part), PEER_NOT_RECONCILED);
	towns_run(towns);
	assert_int_equal(answer_to(NULL), PEER_TAKEN);
}

/* Goal: a key that the roster does not list, and one that did not sign. */
static void test_peer_answers_keys(void **state)
{
	struct slice sound = town_forge(alpha, beta, &word, 1, NULL);
	static uint8_t bytes[4096];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE] = { 1 };
	struct link_batch batch;
	struct buffer out;

	(void)state;
	assert_int_equal(linklog_batch(sound, &batch), LINKLOG_OK);
	batch.key_id = SLICE("k9");
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_batch(&out, &batch);
	assert_int_equal(town_deliver(alpha, beta, buffer_view(&out)),
			 PEER_BAD_KEY);
	batch.key_id = SLICE("k1");
	batch.signature = slice_of(signature, sizeof(signature));
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_batch(&out, &batch);
	assert_int_equal(town_deliver(alpha, beta, buffer_view(&out)),
			 PEER_BAD_SIGNATURE);
}

/* Goal: (rule PEER-31) an answer belongs to one open promise, and is proven. */
static void test_peer_answers_bad_answer(void **state)
{
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE,
				     .prepare_seq = 99 };
	const struct payment *payment;

	(void)state;
	/* A promise of beta to gamma's coop is not alpha's to answer. */
	assert_int_equal(answer_to_entry(&settle), PEER_BAD_ANSWER);
	assert_int_equal(town_pay(beta, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(beta);
	settle.prepare_seq = town_link(beta, alpha)->out.seq;
	/* Terms that were never promised. */
	assert_int_equal(answer_to_entry(&settle), PEER_BAD_ANSWER);
	payment = links_out_leg(&beta->ledger.links,
				town_link(beta, alpha)->number,
				settle.prepare_seq);
	assert_non_null(payment);
	memcpy(settle.terms_hash, payment->terms_hash, SHA256_SIZE);
	/* A key where there is no lock. */
	settle.key = SLICE("01234567890123456789012345678901");
	assert_int_equal(answer_to_entry(&settle), PEER_BAD_ANSWER);
	settle.key = (struct slice){ 0 };
	assert_int_equal(answer_to_entry(&settle), PEER_TAKEN);
	/* A second answer. */
	assert_int_equal(answer_to_entry(&settle), PEER_BAD_ANSWER);
}

/* Goal: (rule PEER-34) a middle city's Settle needs the decider's proof. */
static void test_peer_answers_unproven(void **state)
{
	struct town *gamma = &towns->town[2];
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE };
	const struct payment *payment;

	(void)state;
	assert_int_equal(town_pay(gamma, "c0@alpha", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(gamma);
	settle.prepare_seq = town_link(gamma, beta)->out.seq;
	payment = links_out_leg(&gamma->ledger.links,
				town_link(gamma, beta)->number,
				settle.prepare_seq);
	assert_non_null(payment);
	memcpy(settle.terms_hash, payment->terms_hash, SHA256_SIZE);
	assert_int_equal(
		town_deliver(beta, gamma,
			     town_forge(beta, gamma, &settle, 1, NULL)),
		PEER_BAD_ANSWER);
	assert_int_equal(town_balance(gamma, 0), 0);
}

/* Goal: a leg of a round whose proposal is not known waits for it. */
static void test_peer_answers_unknown_proposal(void **state)
{
	struct link_entry prepare = { .kind = LINK_ENTRY_PREPARE,
				      .round_terms = SLICE("\012\001r") };

	(void)state;
	assert_int_equal(answer_to_entry(&prepare), PEER_UNKNOWN_PROPOSAL);
}

/* Goal: where no block has room, the neighbour is to come again. */
static void test_peer_answers_busy(void **state)
{
	(void)state;
	beta->full = true;
	assert_int_equal(answer_to(NULL), PEER_BUSY);
	/* What would stop the link is said all the same. */
	assert_int_equal(answer_to(more_settled), PEER_BAD_TOTALS);
	beta->full = false;
	assert_int_equal(answer_to(NULL), PEER_TAKEN);
}

/* Goal: an acknowledgement beyond this city's log means it was rewound. */
static void test_peer_answers_rewound(void **state)
{
	uint64_t life = town_link(beta, alpha)->life.incarnation;

	(void)state;
	assert_int_equal(answer_to(acknowledge_too_much), PEER_BAD_ACK);
	assert_int_not_equal(town_session(beta, alpha)->state, PEER_RECONCILED);
	towns_run(towns);
	assert_int_equal(town_session(beta, alpha)->state, PEER_RECONCILED);
	assert_true(town_link(beta, alpha)->life.incarnation > life);
}

/* Goal: (rule PEER-13) numbers and names are for ever. */
static void test_peer_answers_names(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < PEER_ANSWER_COUNT; i++) {
		assert_non_null(peer_answer_name(i));
		assert_true(strlen(peer_answer_sentence(i)) > 0);
	}
	assert_string_equal(peer_answer_name(PEER_GAP), "GAP");
	assert_int_equal(PEER_GAP, 7);
	assert_string_equal(peer_answer_name(PEER_ANSWER_COUNT), "UNKNOWN");
}

/* A payment of alpha to gamma that beta has promised on; gamma's Settle. */
static struct link_entry settle_through_beta(struct town *gamma)
{
	const struct town_bytes *last;
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE };
	const struct payment *payment;
	struct peer_action action;

	assert_int_equal(town_pay(alpha, "c0@gamma", 10, town_id(towns)),
			 PAYMENT_OK);
	town_turn(alpha);
	while (peer_next_action(&alpha->peer, &action))
		;
	last = &alpha->batches[alpha->batch_count - 1];
	assert_int_equal(
		town_deliver(alpha, beta, slice_of(last->data, last->size)),
		PEER_TAKEN);
	town_turn(beta);
	settle.prepare_seq = town_link(beta, gamma)->out.seq;
	payment = links_out_leg(&beta->ledger.links,
				town_link(beta, gamma)->number,
				settle.prepare_seq);
	assert_non_null(payment);
	memcpy(settle.terms_hash, payment->terms_hash, SHA256_SIZE);
	return settle;
}

/* Goal: a certificate, which is of rounds, answers no payment. */
static void test_peer_answers_certificate(void **state)
{
	static uint8_t certificate[1400];
	struct town *gamma = &towns->town[2];
	struct link_entry settle = settle_through_beta(gamma);

	(void)state;
	settle.certificate = slice_of(certificate, sizeof(certificate));
	assert_int_equal(
		town_deliver(gamma, beta,
			     town_forge(gamma, beta, &settle, 1, NULL)),
		PEER_BAD_ANSWER);
}

/* Goal: a decider's own Settle is proven by itself, and by nothing beside. */
static void test_peer_answers_surplus_proof(void **state)
{
	struct town *gamma = &towns->town[2];
	struct link_entry settle = settle_through_beta(gamma);

	(void)state;
	settle.proof = SLICE("junk");
	assert_int_equal(
		town_deliver(gamma, beta,
			     town_forge(gamma, beta, &settle, 1, NULL)),
		PEER_BAD_ANSWER);
	settle.proof = (struct slice){ 0 };
	assert_int_equal(
		town_deliver(gamma, beta,
			     town_forge(gamma, beta, &settle, 1, NULL)),
		PEER_TAKEN);
}

/*
 * Goal: an id that a neighbour's promise has, accepted or not, begins no
 * payment: its hold would end with that promise.
 */
static void test_peer_answers_id_taken(void **state)
{
	static uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	struct slice id = town_id(towns);
	struct payment_terms terms = {
		.federation = SLICE("f"),
		.payer = SLICE("c0@alpha"),
		.payee = SLICE("c1@beta"),
		.amount_minor = 1,
		.path = { SLICE("alpha"), SLICE("beta") },
		.path_count = 2,
		.decide_by_us = towns->now_us + 5000000,
	};
	struct link_entry prepare = { .kind = LINK_ENTRY_PREPARE };
	struct peer_session *session =
		(struct peer_session *)(uintptr_t)town_session(beta, alpha);
	struct buffer out;

	(void)state;
	/* As after a HelloOk that names an end which never comes. */
	session->caught_up = false;
	session->mark = UINT64_C(1) << 40;
	memcpy(terms.payment_id, id.data, ID_SIZE);
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_terms(&out, &terms);
	prepare.payment_terms = buffer_view(&out);
	assert_int_equal(answer_to_entry(&prepare), PEER_TAKEN);
	assert_int_equal(town_pay(beta, "c0@gamma", 90, id),
			 PAYMENT_ID_CONFLICT);
	assert_int_equal(money_minor(town_account(beta, 0)->debits_pending), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_three, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_answers_header),
		TEST(test_peer_answers_malformed),
		TEST(test_peer_answers_too_far),
		TEST(test_peer_answers_too_large),
		TEST(test_peer_answers_fetched),
		TEST(test_peer_answers_who_calls),
		TEST(test_peer_answers_duplicate),
		TEST(test_peer_answers_not_reconciled),
		TEST(test_peer_answers_keys),
		TEST(test_peer_answers_bad_answer),
		TEST(test_peer_answers_unproven),
		TEST(test_peer_answers_unknown_proposal),
		TEST(test_peer_answers_busy),
		TEST(test_peer_answers_rewound),
		TEST(test_peer_answers_certificate),
		TEST(test_peer_answers_surplus_proof),
		TEST(test_peer_answers_id_taken),
		TEST(test_peer_answers_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
