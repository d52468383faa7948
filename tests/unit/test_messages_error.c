/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "wire/messages.h"

#define INFO_URL "type.googleapis.com/google.rpc.ErrorInfo"

static void expect(struct slice found, const char *wanted)
{
	assert_int_equal(found.size, strlen(wanted));
	assert_memory_equal(found.data, wanted, found.size);
}

static void test_messages_error_bytes(void **state)
{
	/* To the byte, worked out by hand from proto/google/rpc. */
	static const char wanted[] = "\x08\x09" /* code FAILED_PRECONDITION */
				     "\x12\x03why"
				     "\x1a\x5b"		 /* details: Any */
				     "\x0a\x28" INFO_URL /* type_url */
				     "\x12\x2f"		 /* value */
				     "\x0a\x0aOVER_LIMIT"
				     "\x12\x0b"
				     "clearing.v1"
				     "\x1a\x14\x0a\x05limit\x12\x0b"
				     "-9007199254";
	static const struct error_details details = {
		.code = GRPC_FAILED_PRECONDITION,
		.message = SLICE("why"),
		.reason = "OVER_LIMIT",
		.limit = "-9007199254",
	};
	uint8_t bytes[512];
	struct buffer out;

	(void)state;
	buffer_init(&out, bytes, sizeof(bytes));
	encode_error_details(&out, &details);
	assert_int_equal(out.size, sizeof(wanted) - 1);
	assert_memory_equal(bytes, wanted, out.size);
}

static void test_messages_error_round_trip(void **state)
{
	/* What was left out stays empty; what was said comes back. */
	static const struct error_details cases[] = {
		{ .code = 9, .message = SLICE("m"), .reason = "OVER_LIMIT" },
		{ .code = 3, .reason = "MALFORMED", .field = "debit" },
		{ .code = 9,
		  .reason = "OVER_CEILING",
		  .field = "credit",
		  .limit = "40000",
		  .value = "40001" },
		{ .code = 8, .reason = "OVERLOADED", .retry_delay_us = 1 },
		{ .code = 8,
		  .reason = "OVERLOADED",
		  .retry_delay_us = 2500000 },
		{ .code = 8,
		  .reason = "OVERLOADED",
		  .retry_delay_us = 3000000 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct error_details *wanted = &cases[i];
		struct error_view view;
		uint8_t bytes[512];
		struct buffer out;

		buffer_init(&out, bytes, sizeof(bytes));
		encode_error_details(&out, wanted);
		assert_false(out.overflowed);
		assert_true(decode_error_details(buffer_view(&out), &view));
		expect(view.reason, wanted->reason);
		expect(view.field, wanted->field ? wanted->field : "");
		expect(view.limit, wanted->limit ? wanted->limit : "");
		expect(view.value, wanted->value ? wanted->value : "");
		assert_int_equal(view.retry_delay_us, wanted->retry_delay_us);
	}
}

static void test_messages_error_truncated(void **state)
{
	/*
	 * Cut short anywhere: false, or (between two details) the part that
	 * is whole.
	 */
	static const struct error_details details = {
		.code = 8,
		.message = SLICE("later"),
		.reason = "OVERLOADED",
		.value = "3",
		.retry_delay_us = 1500000,
	};
	struct error_view view;
	uint8_t bytes[512];
	struct buffer out;
	uint32_t whole = 0;

	(void)state;
	buffer_init(&out, bytes, sizeof(bytes));
	encode_error_details(&out, &details);
	for (size_t size = 0; size < out.size; size++) {
		if (!decode_error_details(slice_of(bytes, size), &view))
			continue;
		whole++;
		expect(view.reason, "OVERLOADED");
		assert_int_equal(view.retry_delay_us, 0);
	}
	assert_int_equal(whole, 1);
}

static void test_messages_error_foreign(void **state)
{
	/* Details of others, or none at all, are not ours. */
	static const struct slice cases[] = {
		SLICE(""),
		SLICE("\x08\x09\x12\x03why"),
		SLICE("\x08\x09\x1a\x06\x0a\x01x\x12\x01y"),
		SLICE("\x1a\x02\x0a"),
		SLICE("\x1b\x1c"),
	};
	struct error_view view;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_false(decode_error_details(cases[i], &view));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_error_bytes),
		cmocka_unit_test(test_messages_error_round_trip),
		cmocka_unit_test(test_messages_error_truncated),
		cmocka_unit_test(test_messages_error_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
