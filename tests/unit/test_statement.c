/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A run of batches held against its chain, its roots and its author's key. */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "peer/statement.h"
#include "unit/federation.h"

#define BATCH_COUNT 3
#define BATCH_SIZE 1024

static struct federation federation;
static struct statement *statement;
static struct link_header headers[BATCH_COUNT];
static uint8_t batches[BATCH_COUNT][BATCH_SIZE];
static size_t sizes[BATCH_COUNT];
static uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];

/* Batch @at as its header says, with @count freezes, signed by city b. */
static void seal(uint32_t at, uint32_t count)
{
	uint8_t header[LINKLOG_HEADER_SIZE_MAX], run_bytes[512],
		signed_bytes[512], signature[LINKLOG_SIGNATURE_SIZE],
		entry_bytes[64];
	struct link_batch batch = { .entry_count = count };
	struct link_entry freeze = { .kind = LINK_ENTRY_FREEZE };
	struct buffer out, run, over;

	buffer_init(&run, run_bytes, sizeof(run_bytes));
	for (uint32_t i = 0; i < count; i++) {
		buffer_init(&out, entry_bytes, sizeof(entry_bytes));
		linklog_put_entry(&out, &freeze);
		linklog_put_batch_entry(&run, buffer_view(&out));
	}
	batch.entries = buffer_view(&run);
	linklog_batch_root(&batch, leaves, crypto_sha256, headers[at].root);
	buffer_init(&out, header, sizeof(header));
	linklog_put_header(&out, &headers[at]);
	batch.header = buffer_view(&out);
	buffer_init(&over, signed_bytes, sizeof(signed_bytes));
	linklog_signed(&over, batch.header);
	crypto_sign(federation.keys[1], buffer_view(&over), signature);
	batch.signature = slice_of(signature, sizeof(signature));
	batch.key_id = slice_of(federation.key_ids[1], ROSTER_KEY_ID_SIZE);
	buffer_init(&out, batches[at], BATCH_SIZE);
	linklog_put_batch(&out, &batch);
	assert_false(out.overflowed || run.overflowed || over.overflowed);
	sizes[at] = out.size;
	if (at + 1 < BATCH_COUNT)
		linklog_head(batch.header, crypto_sha256,
			     headers[at + 1].prev_head);
}

static int setup(void **state)
{
	(void)state;
	federation_init(&federation, 3, 3);
	statement = calloc(1, sizeof(*statement));
	assert_non_null(statement);
	for (uint32_t i = 0; i < BATCH_COUNT; i++) {
		headers[i] = (struct link_header){
			.version = 1,
			.federation = SLICE("commons"),
			.author = SLICE("b"),
			.peer = SLICE("a"),
			.incarnation = 1,
			.first_seq = 1 + 2 * i,
			.count = 2,
			.promised_minor = 100 * i,
		};
	}
	linklog_first_head(SLICE("commons"), SLICE("b"), SLICE("a"),
			   crypto_sha256, headers[0].prev_head);
	for (uint32_t i = 0; i < BATCH_COUNT; i++)
		seal(i, 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	federation_release(&federation);
	free(statement);
	return 0;
}

static void begin(const struct roster *roster)
{
	*statement = (struct statement){
		.federation = SLICE("commons"),
		.author = SLICE("b"),
		.peer = SLICE("a"),
		.roster = roster,
		.sha256 = crypto_sha256,
		.verify = crypto_verify,
	};
}

static enum statement_result next(uint32_t at)
{
	struct link_batch batch;
	struct link_header header;

	return statement_next(statement, slice_of(batches[at], sizes[at]),
			      &batch, &header);
}

/* Goal: whole, from the first batch on or from any. */
static void test_statement_sound(void **state)
{
	(void)state;
	begin(federation.roster);
	for (uint32_t i = 0; i < BATCH_COUNT; i++)
		assert_int_equal(next(i), STATEMENT_SOUND);
	begin(federation.roster);
	assert_int_equal(next(1), STATEMENT_SOUND);
	assert_int_equal(next(2), STATEMENT_SOUND);
}

/* Goal: a missing batch, one of another log, one that is not the next. */
static void test_statement_chain(void **state)
{
	(void)state;
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_SOUND);
	assert_int_equal(next(2), STATEMENT_GAP);
	begin(federation.roster);
	statement->peer = SLICE("c");
	assert_int_equal(next(0), STATEMENT_WRONG_LOG);
	headers[1].prev_head[0] ^= 1;
	seal(1, 2);
	seal(2, 2);
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_SOUND);
	assert_int_equal(next(1), STATEMENT_WRONG_CHAIN);
	assert_int_equal(next(2), STATEMENT_SOUND);
	headers[0].prev_head[0] ^= 1;
	seal(0, 2);
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_WRONG_CHAIN);
}

/* Goal: entries that are not the header's, totals that fall. */
static void test_statement_content(void **state)
{
	(void)state;
	seal(0, 3);
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_WRONG_ROOT);
	teardown(state);
	setup(state);
	headers[0].promised_minor = 500;
	seal(0, 2);
	seal(1, 2);
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_SOUND);
	assert_int_equal(next(1), STATEMENT_WRONG_TOTALS);
}

/* Goal: keys: unknown, another's, revoked later; none looked at. */
static void test_statement_signature(void **state)
{
	struct roster_city *city = &federation.roster->cities[1];

	(void)state;
	city->keys[0].state = ROSTER_KEY_REVOKED;
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_SOUND);
	city->keys[0].key = federation_key(&federation, 2).key;
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_BAD_SIGNATURE);
	city->keys[0] = federation_key(&federation, 2);
	begin(federation.roster);
	assert_int_equal(next(0), STATEMENT_KEY_UNKNOWN);
	begin(NULL);
	assert_int_equal(next(0), STATEMENT_SOUND);
}

/* Goal: no bit of a batch can be another one. */
static void test_statement_flipped(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * sizes[0]; bit++) {
		batches[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
		begin(federation.roster);
		assert_int_not_equal(next(0), STATEMENT_SOUND);
		batches[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* Goal: each result has a word and a sentence. */
static void test_statement_results(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < STATEMENT_RESULT_COUNT; i++) {
		assert_true(strlen(statement_result_name(i)) >= 3);
		assert_true(strlen(statement_result_sentence(i)) > 5);
	}
	expect_assert_failure(statement_result_name(STATEMENT_RESULT_COUNT));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_statement_sound),   TEST(test_statement_chain),
		TEST(test_statement_content), TEST(test_statement_signature),
		TEST(test_statement_flipped), TEST(test_statement_results),
	};

	return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
