/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "wire/grpc.h"
#include "wire/grpc_frame.h"
#include "wire/grpc_guard.h"
#include "wire/grpc_header.h"
#include "wire/grpc_text.h"

/* Goal: every number has gRPC's own name, and a foreign one is UNKNOWN. */
static void test_grpc_text_code_names(void **state)
{
	(void)state;
	assert_string_equal(grpc_code_name(GRPC_OK), "OK");
	assert_string_equal(grpc_code_name(GRPC_FAILED_PRECONDITION),
			    "FAILED_PRECONDITION");
	assert_string_equal(grpc_code_name(GRPC_UNAUTHENTICATED),
			    "UNAUTHENTICATED");
	assert_string_equal(grpc_code_name(17), "UNKNOWN");
	assert_string_equal(grpc_code_name(UINT32_MAX), "UNKNOWN");
}

/* Goal: timeouts are read in all units, rounded up, and never zero. */
static void test_grpc_text_timeout_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t timeout_us; /* 0: malformed */
	} cases[] = {
		{ "1n", 1 },
		{ "1000n", 1 },
		{ "1001n", 2 },
		{ "0S", 1 },
		{ "5u", 5 },
		{ "250m", 250000 },
		{ "2S", 2000000 },
		{ "3M", 180000000 },
		{ "99999999H", UINT64_C(359999996400000000) },
		{ "00000001S", 1000000 },
		{ "", 0 },
		{ "S", 0 },
		{ "1", 0 },
		{ "1s", 0 },
		{ "-1S", 0 },
		{ "+1S", 0 },
		{ "1.5S", 0 },
		{ " 1S", 0 },
		{ "1S ", 0 },
		{ "123456789S", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t timeout_us = 42;
		const bool good = grpc_timeout_parse(
			slice_from_text(cases[i].text), &timeout_us);

		assert_int_equal(good, cases[i].timeout_us != 0);
		assert_int_equal(timeout_us, good ? cases[i].timeout_us : 42);
	}
}

/* Goal: what is written is read back, never shorter than it was. */
static void test_grpc_text_timeout_put(void **state)
{
	static const struct {
		uint64_t timeout_us;
		const char *text;
	} cases[] = {
		{ 1, "1u" },
		{ 99999999, "99999999u" },
		{ 100000000, "100000m" },
		{ 100000001, "100001m" },
		{ UINT64_C(100000000000), "100000S" },
		{ UINT64_MAX, "99999999H" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t data[GRPC_TIMEOUT_SIZE_MAX];
		struct buffer out;

		buffer_init(&out, data, sizeof(data));
		grpc_timeout_put(&out, cases[i].timeout_us);
		assert_false(out.overflowed);
		assert_true(slice_equal(buffer_view(&out),
					slice_from_text(cases[i].text)));
	}
}

/* Goal: texts of all bytes survive the way there and back. */
static void test_grpc_text_percent(void **state)
{
	uint8_t all[256];
	uint8_t encoded[768];
	uint8_t decoded[768];
	struct buffer there;
	struct buffer back;

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	buffer_init(&there, encoded, sizeof(encoded));
	buffer_init(&back, decoded, sizeof(decoded));
	grpc_percent_encode(slice_of(all, sizeof(all)), &there);
	assert_false(there.overflowed);
	for (size_t i = 0; i < there.size; i++)
		assert_in_range(encoded[i], 0x20, 0x7e);
	grpc_percent_decode(buffer_view(&there), &back);
	assert_int_equal(back.size, sizeof(all));
	assert_memory_equal(decoded, all, sizeof(all));
	/* What is not encoded well stands for itself. */
	buffer_init(&back, decoded, sizeof(decoded));
	grpc_percent_decode(SLICE("100%, %4x%zz%c3%A9%"), &back);
	assert_true(slice_equal(buffer_view(&back),
				SLICE("100%, %4x%zz\xc3\xa9%")));
}

/* Goal: base64 without padding out, with or without it in. */
static void test_grpc_text_base64(void **state)
{
	static const struct {
		struct slice bytes;
		const char *text;
	} cases[] = {
		{ SLICE(""), "" },
		{ SLICE("f"), "Zg" },
		{ SLICE("fo"), "Zm8" },
		{ SLICE("foo"), "Zm9v" },
		{ SLICE("foob"), "Zm9vYg" },
		{ SLICE("\xff\xfe\x00\x3f"), "//4APw" },
	};
	static const char *const bad[] = { "A",	  "AAAAA", "Zg=a",
					   "Z g", "Zg-_",  "====" };
	uint8_t data[16];
	struct buffer out;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct slice text = slice_from_text(cases[i].text);

		buffer_init(&out, data, sizeof(data));
		grpc_base64_encode(cases[i].bytes, &out);
		assert_true(slice_equal(buffer_view(&out), text));
		buffer_init(&out, data, sizeof(data));
		assert_true(grpc_base64_decode(text, &out));
		assert_true(slice_equal(buffer_view(&out), cases[i].bytes));
	}
	buffer_init(&out, data, sizeof(data));
	assert_true(grpc_base64_decode(SLICE("Zg=="), &out));
	assert_true(slice_equal(buffer_view(&out), SLICE("f")));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		buffer_init(&out, data, sizeof(data));
		assert_false(grpc_base64_decode(slice_from_text(bad[i]), &out));
	}
}

/* Goal: only gRPC with protobuf is gRPC here. */
static void test_grpc_text_content_type(void **state)
{
	(void)state;
	assert_true(grpc_content_type_good(SLICE("application/grpc")));
	assert_true(grpc_content_type_good(SLICE("application/grpc+proto")));
	assert_true(grpc_content_type_good(SLICE("application/grpc;a=b")));
	assert_false(grpc_content_type_good(SLICE("application/grpc+protox")));
	assert_false(grpc_content_type_good(SLICE("application/grpc-web")));
	assert_false(grpc_content_type_good(SLICE("application/grp")));
	assert_false(grpc_content_type_good(SLICE("")));
}

/* Goal: memory for a message grows with what came, not with its promise, and
 * in few steps. */
static void test_grpc_text_frame_grows(void **state)
{
	static uint8_t piece[1000];
	struct grpc_frame frame = { 0 };
	struct slice bytes = SLICE("\0\0\x40\0\0");
	uint32_t growths = 0;
	size_t total = 0;

	(void)state;
	assert_int_equal(grpc_frame_take(&frame, 4u << 20, &bytes),
			 GRPC_FRAME_MORE);
	assert_true(frame.payload.capacity <= 4096);
	while (total < 4000000) {
		const size_t before = frame.payload.capacity;

		bytes = slice_of(piece, sizeof(piece));
		total += sizeof(piece);
		assert_int_equal(grpc_frame_take(&frame, 4u << 20, &bytes),
				 GRPC_FRAME_MORE);
		growths += frame.payload.capacity != before;
		assert_true(frame.payload.capacity <= 2 * total + 4096);
	}
	assert_in_range(growths, 5, 20);
	assert_false(grpc_frame_is_complete(&frame));
	grpc_frame_next(&frame, 0);
	assert_true(grpc_frame_is_empty(&frame));
	assert_int_equal(frame.payload.capacity, 0);
}

/* Goal: a queue gives back in order what it was given, whatever the steps. */
static void test_grpc_text_bytes_keep_order(void **state)
{
	struct grpc_bytes queue = { 0 };
	uint8_t next_in = 0;
	uint8_t next_out = 0;

	(void)state;
	for (uint32_t turn = 0; turn < 2000; turn++) {
		uint8_t piece[97];
		const size_t in = turn * 31 % sizeof(piece);
		const size_t out = turn * 29 % sizeof(piece);

		for (size_t i = 0; i < in; i++)
			piece[i] = next_in++;
		assert_true(grpc_bytes_append(&queue, slice_of(piece, in)));
		for (size_t i = 0; i < out && queue.size > 0; i++) {
			assert_int_equal(grpc_bytes_view(&queue).data[0],
					 next_out++);
			grpc_bytes_take(&queue, 1);
		}
	}
	grpc_bytes_clear(&queue, 0);
	assert_null(queue.data);
}

/* Goal: strikes are won back with time, at their own pace. */
static void test_grpc_text_guard(void **state)
{
	struct grpc_guard guard = { 0 };
	uint64_t now_us = 1000000000;

	(void)state;
	for (uint32_t i = 0; i < GRPC_PING_BURST; i++)
		assert_true(
			grpc_guard_strike(&guard, GRPC_STRIKE_PING, now_us));
	assert_false(grpc_guard_strike(&guard, GRPC_STRIKE_PING, now_us));
	assert_true(grpc_guard_strike(&guard, GRPC_STRIKE_RESET, now_us));
	now_us += GRPC_PING_FORGIVE_US;
	assert_true(grpc_guard_strike(&guard, GRPC_STRIKE_PING, now_us));
	assert_false(grpc_guard_strike(&guard, GRPC_STRIKE_PING, now_us));
	/* A clock that falls forgives nothing, and breaks nothing. */
	assert_false(grpc_guard_strike(&guard, GRPC_STRIKE_PING, 1));
	grpc_guard_forgive(&guard, GRPC_STRIKE_PING);
	assert_true(grpc_guard_strike(&guard, GRPC_STRIKE_PING, now_us));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grpc_text_code_names),
		cmocka_unit_test(test_grpc_text_timeout_parse),
		cmocka_unit_test(test_grpc_text_timeout_put),
		cmocka_unit_test(test_grpc_text_percent),
		cmocka_unit_test(test_grpc_text_base64),
		cmocka_unit_test(test_grpc_text_content_type),
		cmocka_unit_test(test_grpc_text_frame_grows),
		cmocka_unit_test(test_grpc_text_bytes_keep_order),
		cmocka_unit_test(test_grpc_text_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
