/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "base/buffer.h"

struct number {
	uint64_t value;
	struct slice varint;
	const char *decimal;
};

static const struct number numbers[] = {
	{ 0, SLICE("\x00"), "0" },
	{ 1, SLICE("\x01"), "1" },
	{ 127, SLICE("\x7f"), "127" },
	{ 128, SLICE("\x80\x01"), "128" },
	{ 300, SLICE("\xac\x02"), "300" },
	{ 16383, SLICE("\xff\x7f"), "16383" },
	{ 16384, SLICE("\x80\x80\x01"), "16384" },
	{ UINT32_MAX, SLICE("\xff\xff\xff\xff\x0f"), "4294967295" },
	{ UINT64_C(1) << 63, SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
	  "9223372036854775808" },
	{ UINT64_MAX, SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
	  "18446744073709551615" },
};

static void assert_view(const struct buffer *buffer, struct slice expected)
{
	assert_false(buffer->overflowed);
	assert_int_equal(buffer->size, expected.size);
	assert_memory_equal(buffer->data, expected.data, expected.size);
}

static void test_buffer_numbers(void **state)
{
	/* Goal: varints and decimals at every edge, and their sizes. */
	uint8_t bytes[32];
	struct buffer buffer;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		buffer_init(&buffer, bytes, sizeof(bytes));
		buffer_put_varint(&buffer, numbers[i].value);
		assert_view(&buffer, numbers[i].varint);
		assert_int_equal(varint_size(numbers[i].value),
				 numbers[i].varint.size);
		buffer_init(&buffer, bytes, sizeof(bytes));
		buffer_put_decimal(&buffer, numbers[i].value);
		assert_view(&buffer, slice_from_text(numbers[i].decimal));
	}
	for (uint32_t bits = 1; bits < 64; bits++)
		assert_int_equal(varint_size(UINT64_C(1) << bits),
				 bits / 7 + 1);
}

static void test_buffer_zigzag(void **state)
{
	/* Goal: protobuf's mapping, there and back. */
	static const struct {
		int64_t value;
		uint64_t mapped;
	} cases[] = {
		{ 0, 0 },
		{ -1, 1 },
		{ 1, 2 },
		{ -2, 3 },
		{ INT64_MAX, UINT64_MAX - 1 },
		{ INT64_MIN, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(zigzag(cases[i].value), cases[i].mapped);
		assert_int_equal(unzigzag(cases[i].mapped), cases[i].value);
	}
}

static void test_buffer_fields(void **state)
{
	/* Goal: tags and values; what has its default is left out. */
	uint8_t bytes[32];
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_field_varint(&buffer, 1, 150);
	buffer_put_field_varint(&buffer, 2, 0);
	buffer_put_field_bytes(&buffer, 2, SLICE("testing"));
	buffer_put_field_bytes(&buffer, 3, SLICE(""));
	buffer_put_tag(&buffer, 99, WIRE_FIXED64);
	assert_view(&buffer, SLICE("\x08\x96\x01\x12\x07testing\x99\x06"));
}

static void test_buffer_overflow_is_sticky(void **state)
{
	/* Goal: an append that does not fit writes nothing and is remembered */
	uint8_t bytes[4] = "....";
	struct buffer buffer;

	(void)state;
	buffer_init(&buffer, bytes, 3);
	buffer_put_text(&buffer, "ab");
	assert_false(buffer.overflowed);
	buffer_put_text(&buffer, "cd");
	assert_true(buffer.overflowed);
	assert_int_equal(buffer.size, 2);
	buffer_put_byte(&buffer, 'c');
	assert_true(buffer.overflowed);
	assert_memory_equal(bytes, "abc.", 4);
	assert_int_equal(buffer_view(&buffer).size, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffer_numbers),
		cmocka_unit_test(test_buffer_zigzag),
		cmocka_unit_test(test_buffer_fields),
		cmocka_unit_test(test_buffer_overflow_is_sticky),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
