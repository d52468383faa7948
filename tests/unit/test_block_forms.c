/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A payload has one form: every other way to write the same is refused. */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "unit/random_block.h"

#define ARENA_SIZE BLOCK_DECODE_MEMORY_MAX

/* Bytes that end where memory ends, so that ASan sees a read behind them. */
static enum block_decode_result decode(const uint8_t *bytes, size_t size,
				       struct block *out,
				       struct block_fault *fault)
{
	static _Alignas(16) uint8_t memory[ARENA_SIZE];
	uint8_t *copy = malloc(size > 0 ? size : 1);
	enum block_decode_result result;
	struct arena arena;

	if (size > 0)
		memcpy(copy, bytes, size);
	*fault = (struct block_fault){ 0 };
	arena_init(&arena, memory, sizeof(memory));
	result = block_decode(slice_of(copy, size), RANDOM_BLOCK_CREATED_US,
			      &arena, out, fault);
	free(copy);
	return result;
}

struct raw {
	struct slice bytes;
	enum block_decode_result result;
};

/* Field 20 with 2 bytes: event 14 (RESUMED), empty. */
#define RESUMED "\xa2\x01\x02\x72\x00"

static const struct raw raws[] = {
	{ { NULL, 0 }, BLOCK_MALFORMED },
	{ SLICE(RESUMED), BLOCK_DECODED },
	{ SLICE("\x08\x05" RESUMED), BLOCK_DECODED },
	/* first_number 5, but in two bytes, as zero, twice, or as bytes */
	{ SLICE("\x08\x85\x00" RESUMED), BLOCK_BAD_VALUE },
	{ SLICE("\x08\x00" RESUMED), BLOCK_BAD_VALUE },
	{ SLICE("\x08\x05\x08\x05" RESUMED), BLOCK_BAD_VALUE },
	{ SLICE("\x0a\x01\x05" RESUMED), BLOCK_MALFORMED },
	/* a tag of two bytes that needs one */
	{ SLICE("\x88\x00\x05" RESUMED), BLOCK_BAD_VALUE },
	/* first_number after the events, and nothing but it */
	{ SLICE(RESUMED "\x08\x05"), BLOCK_MALFORMED },
	{ SLICE(RESUMED "\x1a\x01\x05"), BLOCK_BAD_VALUE },
	{ SLICE("\x08\x05"), BLOCK_MALFORMED },
	/* fields 9, 18 and 21; field 0; a group */
	{ SLICE("\x4a\x01\x01" RESUMED), BLOCK_UNKNOWN_FIELD },
	{ SLICE("\x92\x01\x01\x01" RESUMED), BLOCK_UNKNOWN_FIELD },
	{ SLICE(RESUMED "\xa8\x01\x01"), BLOCK_UNKNOWN_FIELD },
	{ SLICE("\x02\x01" RESUMED), BLOCK_MALFORMED },
	{ SLICE("\x0b\x0c" RESUMED), BLOCK_MALFORMED },
	/* an event that is not known, two in one, none, a field unknown */
	{ SLICE("\xa2\x01\x02\x7a\x00"), BLOCK_UNKNOWN_FIELD },
	{ SLICE("\xa2\x01\x04\x72\x00\x72\x00"), BLOCK_BAD_VALUE },
	{ SLICE("\xa2\x01\x00"), BLOCK_BAD_VALUE },
	{ SLICE("\xa2\x01\x04\x72\x02\x08\x01"), BLOCK_UNKNOWN_FIELD },
	/* .after of 0 that is written, and before its event */
	{ SLICE("\xa2\x01\x05\x72\x00\x98\x06\x00"), BLOCK_BAD_VALUE },
	{ SLICE("\xa2\x01\x05\x98\x06\x01\x72\x00"), BLOCK_BAD_VALUE },
	{ SLICE("\xa2\x01\x05\x72\x00\x98\x06\x01"), BLOCK_BAD_PLACE },
	/* AccountOpened with gateway_forbidden 2 */
	{ SLICE("\xa2\x01\x04\x1a\x02\x40\x02"), BLOCK_UNKNOWN_KIND },
	/* EpochStarted without nonce */
	{ SLICE("\xa2\x01\x05\x0a\x03\x0a\x01n"), BLOCK_BAD_VALUE },
	/* a length that passes the end, or 64 bits */
	{ SLICE("\xa2\x01\x7f\x72\x00"), BLOCK_MALFORMED },
	{ SLICE("\xa2\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x72"),
	  BLOCK_MALFORMED },
};

static void test_block_forms_raw_forms(void **state)
{
	/* Goal: a second way to write the same, or no way at all, is refused */
	struct block_fault fault;
	struct block block;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(raws); i++) {
		enum block_decode_result result = decode(
			raws[i].bytes.data, raws[i].bytes.size, &block, &fault);

		if (result != raws[i].result)
			fail_msg("case %zu: %s", i,
				 block_decode_result_name(result));
	}
}

static void test_block_forms_column_varints(void **state)
{
	/* Goal: the columns' varints have one form too, at every length. */
	static const uint8_t tail[ID_TAIL_SIZE] = { 0x70, 0, 0x80 };
	static const struct raw cases[] = {
		{ SLICE("\x0a"), BLOCK_DECODED },
		{ SLICE("\x8a\x01"), BLOCK_DECODED },
		{ SLICE("\xff\xff\xff\xff\xff\xff\xff\x0f"), BLOCK_DECODED },
		{ SLICE("\x8a\x00"), BLOCK_BAD_VALUE },
		{ SLICE("\x8a\x80\x80\x80\x80\x80\x80\x00"), BLOCK_BAD_VALUE },
		{ SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		  BLOCK_BAD_VALUE },
		{ SLICE("\x8a"), BLOCK_MALFORMED },
		{ SLICE("\xff\xff\xff\xff\xff\xff\xff"), BLOCK_MALFORMED },
		{ SLICE("\x0a\x0a"), BLOCK_BAD_COLUMN },
		{ SLICE("\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a\x0a"),
		  BLOCK_BAD_COLUMN },
	};
	uint8_t bytes[100];
	struct block_fault fault;
	struct block block;
	struct buffer out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		enum block_decode_result result;

		buffer_init(&out, bytes, sizeof(bytes));
		buffer_put(&out, SLICE("\x08\x01\x10\x01"));
		buffer_put_field_bytes(&out, 3, slice_of(tail, sizeof(tail)));
		buffer_put_field_bytes(&out, 4, slice_of("", 1));
		buffer_put_field_bytes(&out, 6, SLICE("\x01"));
		buffer_put_field_bytes(&out, 7, SLICE("\x02"));
		buffer_put_field_bytes(&out, 8, cases[i].bytes);
		buffer_put_field_bytes(&out, 11, SLICE("\x01"));
		result = decode(bytes, out.size, &block, &fault);
		if (result != cases[i].result)
			fail_msg("case %zu: %s", i,
				 block_decode_result_name(result));
	}
}

static void test_block_forms_too_large(void **state)
{
	/* Goal: more events, or bytes, than a block may have are refused. */
	size_t size = (BLOCK_EVENTS_MAX + 1) * (sizeof(RESUMED) - 1);
	uint8_t *bytes = calloc(1, BLOCK_PAYLOAD_SIZE_MAX + 1);
	struct block_fault fault;
	struct block block;

	(void)state;
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)RESUMED[i % (sizeof(RESUMED) - 1)];
	assert_int_equal(decode(bytes, size, &block, &fault), BLOCK_TOO_LARGE);
	assert_int_equal(fault.index, BLOCK_EVENTS_MAX);
	assert_int_equal(
		decode(bytes, size - sizeof(RESUMED) + 1, &block, &fault),
		BLOCK_DECODED);
	assert_int_equal(
		decode(bytes, BLOCK_PAYLOAD_SIZE_MAX + 1, &block, &fault),
		BLOCK_TOO_LARGE);
	free(bytes);
}

static void test_block_forms_result_names(void **state)
{
	/* Goal: each result has a name of its own for the log. */
	(void)state;
	for (int a = BLOCK_DECODED; a <= BLOCK_NO_MEMORY; a++) {
		const char *name =
			block_decode_result_name((enum block_decode_result)a);

		assert_true(strlen(name) > 0);
		for (int b = BLOCK_DECODED; b < a; b++)
			assert_string_not_equal(
				name, block_decode_result_name(
					      (enum block_decode_result)b));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_forms_raw_forms),
		cmocka_unit_test(test_block_forms_column_varints),
		cmocka_unit_test(test_block_forms_too_large),
		cmocka_unit_test(test_block_forms_result_names),
	};

	return cmocka_run_group_tests_name("block_forms", tests, NULL, NULL);
}
