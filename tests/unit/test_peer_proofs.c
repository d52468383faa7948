/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Proofs of a decider's answer: what is passed on was verified before. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

static struct town *decider;

static int setup(void **state)
{
	int result = towns_stage_three(state);

	decider = &towns->town[2];
	return result;
}

/* The newest own batch of @from reaches @to. */
static enum peer_answer pass_newest(struct town *from, struct town *to)
{
	const struct town_bytes *batch = &from->batches[from->batch_count - 1];

	assert_true(batch->own);
	return town_deliver(from, to, slice_of(batch->data, batch->size));
}

/* @count payments to gamma: alpha has promised them to beta. */
static void promise(uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(
			town_pay(alpha, "c0@gamma", 10, town_id(towns)),
			PAYMENT_OK);
	town_turn(alpha);
	assert_int_equal(pass_newest(alpha, beta), PEER_TAKEN);
}

/* Goal: (rule PEER-34) the decider itself proves nothing. */
static void test_peer_proofs_of_the_decider(void **state)
{
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE };
	const struct payment *payment;

	(void)state;
	promise(1);
	settle.prepare_seq = town_link(beta, decider)->out.seq;
	payment = links_out_leg(&beta->ledger.links,
				town_link(beta, decider)->number,
				settle.prepare_seq);
	assert_non_null(payment);
	memcpy(settle.terms_hash, payment->terms_hash, SHA256_SIZE);
	settle.proof = SLICE("junk");
	assert_int_equal(
		town_deliver(decider, beta,
			     town_forge(decider, beta, &settle, 1, NULL)),
		PEER_BAD_ANSWER);
	settle.proof = (struct slice){ 0 };
	assert_int_equal(
		town_deliver(decider, beta,
			     town_forge(decider, beta, &settle, 1, NULL)),
		PEER_TAKEN);
	/* What beta makes of it holds at alpha. */
	assert_int_equal(pass_newest(beta, alpha), PEER_TAKEN);
}

/* Beta's answer to the promise at @seq of alpha's log. */
static struct link_entry answer_of_beta(uint64_t seq, uint8_t *proof)
{
	const struct payment *payment = links_in_leg(
		&beta->ledger.links, town_link(beta, alpha)->number, seq);
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE,
				     .prepare_seq = seq };

	assert_non_null(payment);
	assert_true(payment->proof_size > 0);
	memcpy(settle.terms_hash, payment->terms_hash, SHA256_SIZE);
	memcpy(proof, payment->proof, payment->proof_size);
	settle.proof = slice_of(proof, payment->proof_size);
	return settle;
}

/*
 * Goal: a decider's batch that was verified once does not let pass another
 * signature under the same header.
 */
static void test_peer_proofs_signature_is_kept(void **state)
{
	uint8_t first[LINKLOG_PROOF_SIZE_MAX], second[LINKLOG_PROOF_SIZE_MAX];
	struct link_entry settle;
	struct link_proof proof;
	uint64_t seq;
	size_t at;

	(void)state;
	promise(2);
	seq = town_link(beta, alpha)->in.seq;
	/* Gamma answers both in one batch; alpha does not hear of it. */
	towns->cut[0][1] = towns->cut[1][0] = true;
	towns_run(towns);
	settle = answer_of_beta(seq - 1, first);
	assert_int_equal(
		town_deliver(beta, alpha,
			     town_forge(beta, alpha, &settle, 1, NULL)),
		PEER_TAKEN);
	settle = answer_of_beta(seq, second);
	assert_int_equal(linklog_proof(settle.proof, &proof), LINKLOG_OK);
	at = (size_t)(proof.signature.data - second);
	second[at] ^= 1;
	assert_int_equal(
		town_deliver(beta, alpha,
			     town_forge(beta, alpha, &settle, 1, NULL)),
		PEER_BAD_ANSWER);
	second[at] ^= 1;
	assert_int_equal(
		town_deliver(beta, alpha,
			     town_forge(beta, alpha, &settle, 1, NULL)),
		PEER_TAKEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_proofs_of_the_decider),
		TEST(test_peer_proofs_signature_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
