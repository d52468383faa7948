/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A receipt as a file: what it proves, and what is not a proof. */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "clearing/link/v1/receipt.pb-c.h"

#include "peer/receipt.h"
#include "unit/federation.h"

#define ENTRY_COUNT 5
#define ANSWER_AT 3
#define CITY_A 0
#define CITY_C 2
/* c's second key (federation.h). */
#define SECOND_KEY (FEDERATION_CITIES_MAX + CITY_C)

static struct federation federation;
static struct payment_terms terms;
static struct link_header header;
static struct link_entry answer;
static uint32_t key;

static uint8_t terms_bytes[LINKLOG_TERMS_SIZE_MAX];
static uint8_t header_bytes[LINKLOG_HEADER_SIZE_MAX];
static uint8_t batch_bytes[8192], proof_bytes[LINKLOG_PROOF_SIZE_MAX];
static uint8_t file_bytes[RECEIPT_SIZE_MAX];
static uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];
static struct receipt receipt;

static int setup(void **state)
{
	static const uint8_t id[LINKLOG_ID_SIZE] = { 1, 2,    3, 4,   5,
						     6, 0x70, 0, 0x80 };

	(void)state;
	federation_init(&federation, 4, 3);
	key = CITY_C;
	terms = (struct payment_terms){
		.federation = SLICE("commons"),
		.payer = SLICE("bakery@a"),
		.payee = SLICE("mill/flour@c"),
		.amount_minor = 1234,
		.path = { SLICE("a"), SLICE("b"), SLICE("c") },
		.path_count = 3,
		.decide_by_us = 99,
		.reference = SLICE("invoice 7"),
	};
	memcpy(terms.payment_id, id, sizeof(id));
	header = (struct link_header){
		.version = 1,
		.federation = SLICE("commons"),
		.author = SLICE("c"),
		.peer = SLICE("b"),
		.incarnation = 1,
		.first_seq = 10,
		.count = ENTRY_COUNT,
		.recorded_us = 1767225600000000,
	};
	answer = (struct link_entry){ .kind = LINK_ENTRY_SETTLE,
				      .prepare_seq = 4 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	federation_release(&federation);
	return 0;
}

/* Five entries, the answer among freezes. */
static struct slice put_entries(struct buffer *run)
{
	uint8_t bytes[LINKLOG_ENTRY_SIZE_MAX];

	for (uint32_t i = 0; i < ENTRY_COUNT; i++) {
		struct link_entry freeze = { .kind = LINK_ENTRY_FREEZE,
					     .note = SLICE("a note") };
		struct buffer out;

		buffer_init(&out, bytes, sizeof(bytes));
		linklog_put_entry(&out, i == ANSWER_AT ? &answer : &freeze);
		linklog_put_batch_entry(run, buffer_view(&out));
	}
	return buffer_view(run);
}

/* The file that the city with @key would give. */
static struct slice make(void)
{
	uint8_t run_bytes[4096], signature[LINKLOG_SIGNATURE_SIZE],
		signed_bytes[512];
	struct buffer out, run, over, file;
	struct link_batch batch = { .entry_count = ENTRY_COUNT };
	struct slice terms_view;

	buffer_init(&out, terms_bytes, sizeof(terms_bytes));
	linklog_put_terms(&out, &terms);
	terms_view = buffer_view(&out);
	crypto_sha256(terms_view, answer.terms_hash);
	buffer_init(&run, run_bytes, sizeof(run_bytes));
	batch.entries = put_entries(&run);
	linklog_batch_root(&batch, leaves, crypto_sha256, header.root);
	buffer_init(&out, header_bytes, sizeof(header_bytes));
	linklog_put_header(&out, &header);
	batch.header = buffer_view(&out);
	buffer_init(&over, signed_bytes, sizeof(signed_bytes));
	linklog_signed(&over, batch.header);
	crypto_sign(federation.keys[key], buffer_view(&over), signature);
	batch.signature = slice_of(signature, sizeof(signature));
	batch.key_id = slice_of(federation.key_ids[key], ROSTER_KEY_ID_SIZE);
	buffer_init(&out, batch_bytes, sizeof(batch_bytes));
	linklog_put_batch(&out, &batch);
	assert_int_equal(linklog_batch(buffer_view(&out), &batch), LINKLOG_OK);
	buffer_init(&out, proof_bytes, sizeof(proof_bytes));
	linklog_prove(&batch, ANSWER_AT, leaves, crypto_sha256, &out);
	buffer_init(&file, file_bytes, sizeof(file_bytes));
	receipt_encode(&file, terms_view, buffer_view(&out));
	assert_false(file.overflowed || out.overflowed || run.overflowed ||
		     over.overflowed);
	return buffer_view(&file);
}

static enum receipt_result verify(struct slice file)
{
	enum receipt_result result = receipt_decode(file, &receipt);

	if (result != RECEIPT_SOUND)
		return result;
	return receipt_verify(&receipt, federation.roster, crypto_sha256,
			      crypto_verify);
}

/* Goal: a sound one says who paid whom, how much, and who decided. */
static void test_receipt_sound(void **state)
{
	(void)state;
	assert_int_equal(verify(make()), RECEIPT_SOUND);
	assert_true(slice_equal(receipt.terms.payer, SLICE("bakery@a")));
	assert_true(slice_equal(receipt.terms.payee, SLICE("mill/flour@c")));
	assert_int_equal(receipt.terms.amount_minor, 1234);
	assert_true(slice_equal(receipt.header.author, SLICE("c")));
	assert_int_equal(receipt.header.recorded_us, 1767225600000000);
	assert_int_equal(receipt.entry.kind, LINK_ENTRY_SETTLE);
	assert_true(slice_equal(
		receipt.proof.key_id,
		slice_of(federation.key_ids[CITY_C], ROSTER_KEY_ID_SIZE)));
}

/* Goal: the file is the message of receipt.proto, to protobuf-c too. */
static void test_receipt_same_as_protocol(void **state)
{
	struct slice file = make();
	Clearing__Link__V1__Receipt *msg =
		clearing__link__v1__receipt__unpack(NULL, file.size, file.data);
	uint8_t packed[RECEIPT_SIZE_MAX];

	(void)state;
	assert_non_null(msg);
	assert_string_equal(msg->format, RECEIPT_FORMAT);
	assert_int_equal(clearing__link__v1__receipt__pack(msg, packed),
			 file.size);
	assert_memory_equal(packed, file.data, file.size);
	assert_memory_equal(file.data, "\x0a\x12" RECEIPT_FORMAT, 20);
	clearing__link__v1__receipt__free_unpacked(msg, NULL);
}

/* Goal: no bit of the file can be another one; nor can it end early. */
static void test_receipt_flipped(void **state)
{
	struct slice file = make();
	uint8_t copy[RECEIPT_SIZE_MAX];
	uint32_t seen[RECEIPT_RESULT_COUNT] = { 0 };

	(void)state;
	for (size_t bit = 0; bit < 8 * file.size; bit++) {
		memcpy(copy, file.data, file.size);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		seen[verify(slice_of(copy, file.size))]++;
	}
	assert_int_equal(seen[RECEIPT_SOUND], 0);
	assert_true(seen[RECEIPT_MALFORMED] > 0);
	assert_true(seen[RECEIPT_BAD_TERMS] > 0);
	assert_true(seen[RECEIPT_BAD_PROOF] > 0);
	assert_true(seen[RECEIPT_WRONG_TERMS] > 0);
	assert_true(seen[RECEIPT_WRONG_ROOT] > 0);
	assert_true(seen[RECEIPT_KEY_UNKNOWN] > 0);
	assert_true(seen[RECEIPT_BAD_SIGNATURE] > 0);
	for (size_t size = 0; size < file.size; size++)
		assert_int_not_equal(verify(slice_upto(file, size)),
				     RECEIPT_SOUND);
	memcpy(copy, file.data, file.size);
	copy[file.size] = 0;
	assert_int_equal(verify(slice_of(copy, file.size + 1)),
			 RECEIPT_MALFORMED);
}

/* Goal: a roster of which any byte is another one is not trusted. */
static void test_receipt_roster_flipped(void **state)
{
	struct slice file = make(), sealed = federation_seal(&federation, 7);
	struct roster_trust trust = { .sha256 = crypto_sha256,
				      .verify = crypto_verify };
	struct roster *roster = calloc(1, sizeof(*roster));
	uint8_t *copy = malloc(sealed.size);

	(void)state;
	assert_non_null(roster);
	assert_non_null(copy);
	memcpy(copy, sealed.data, sealed.size);
	assert_int_equal(
		roster_load(roster, slice_of(copy, sealed.size), &trust),
		ROSTER_OK);
	assert_int_equal(receipt_decode(file, &receipt), RECEIPT_SOUND);
	assert_int_equal(
		receipt_verify(&receipt, roster, crypto_sha256, crypto_verify),
		RECEIPT_SOUND);
	for (size_t i = 0; i < sealed.size; i++) {
		copy[i] ^= (uint8_t)(1u << i % 8);
		assert_int_not_equal(roster_load(roster,
						 slice_of(copy, sealed.size),
						 &trust),
				     ROSTER_OK);
		copy[i] = sealed.data[i];
	}
	free(copy);
	free(roster);
}

/* Goal: terms that no city would have taken. */
static void test_receipt_bad_terms(void **state)
{
	static const struct {
		const char *payer, *payee;
		uint64_t amount;
	} cases[] = {
		{ "bakery@b", "mill@c", 1 },
		{ "bakery@a", "mill@b", 1 },
		{ "bakery", "mill@c", 1 },
		{ "bakery@a", "mill@c", 0 },
		{ "bakery@a", "mill@c", (uint64_t)MONEY_MAX_MINOR + 1 },
	};

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(cases); i++) {
		terms.payer = slice_from_text(cases[i].payer);
		terms.payee = slice_from_text(cases[i].payee);
		terms.amount_minor = cases[i].amount;
		assert_int_equal(verify(make()), RECEIPT_BAD_TERMS);
	}
	teardown(state);
	setup(state);
	terms.path[1] = SLICE("a");
	assert_int_equal(verify(make()), RECEIPT_BAD_TERMS);
}

/* Goal: signed well, by the wrong city, key, log or federation. */
static void test_receipt_whose(void **state)
{
	(void)state;
	key = CITY_A;
	assert_int_equal(verify(make()), RECEIPT_KEY_UNKNOWN);
	key = CITY_C;
	header.author = SLICE("a");
	assert_int_equal(verify(make()), RECEIPT_WRONG_LOG);
	header.author = SLICE("c");
	header.peer = SLICE("a");
	assert_int_equal(verify(make()), RECEIPT_WRONG_LOG);
	header.peer = SLICE("b");
	terms.federation = SLICE("others");
	assert_int_equal(verify(make()), RECEIPT_WRONG_FEDERATION);
	terms.federation = SLICE("commons");
	terms.path[2] = SLICE("z");
	terms.payee = SLICE("mill@z");
	assert_int_equal(verify(make()), RECEIPT_WRONG_LOG);
	header.author = SLICE("z");
	assert_int_equal(verify(make()), RECEIPT_CITY_UNKNOWN);
}

/* Goal: a retired key proves what it signed, a revoked one nothing. */
static void test_receipt_keys(void **state)
{
	struct roster_city *city = &federation.roster->cities[CITY_C];

	(void)state;
	key = SECOND_KEY;
	assert_int_equal(verify(make()), RECEIPT_KEY_UNKNOWN);
	city->keys[1] = federation_key(&federation, SECOND_KEY);
	city->key_count = 2;
	city->keys[1].state = ROSTER_KEY_RETIRED;
	assert_int_equal(verify(make()), RECEIPT_SOUND);
	city->keys[1].state = ROSTER_KEY_REVOKED;
	assert_int_equal(verify(make()), RECEIPT_KEY_REVOKED);
	/* What the file says of itself goes first. */
	header.peer = SLICE("a");
	assert_int_equal(verify(make()), RECEIPT_WRONG_LOG);
}

/* Goal: a refusal is proven like a payment, and is none. */
static void test_receipt_not_paid(void **state)
{
	(void)state;
	answer.kind = LINK_ENTRY_RELEASE;
	answer.reason = LINK_REASON_PAYEE_CEILING;
	answer.at_city = SLICE("c");
	assert_int_equal(verify(make()), RECEIPT_NOT_PAID);
	assert_int_equal(receipt.entry.reason, LINK_REASON_PAYEE_CEILING);
}

/* Goal: each result has a word and a sentence. */
static void test_receipt_results(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RECEIPT_RESULT_COUNT; i++) {
		assert_true(strlen(receipt_result_name(i)) > 3);
		assert_true(strlen(receipt_result_sentence(i)) > 20);
	}
	expect_assert_failure(receipt_result_name(RECEIPT_RESULT_COUNT));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_receipt_sound),
		TEST(test_receipt_same_as_protocol),
		TEST(test_receipt_flipped),
		TEST(test_receipt_roster_flipped),
		TEST(test_receipt_bad_terms),
		TEST(test_receipt_whose),
		TEST(test_receipt_keys),
		TEST(test_receipt_not_paid),
		TEST(test_receipt_results),
	};

	return cmocka_run_group_tests_name("receipt", tests, NULL, NULL);
}
