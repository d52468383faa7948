/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/reader.h"

static void test_reader_varints(void **state)
{
	/* Goal: any varint that fits 64 bits is read, and no other. */
	static const struct {
		struct slice bytes;
		bool ok;
		uint64_t value;
	} cases[] = {
		{ SLICE("\x00"), true, 0 },
		{ SLICE("\x96\x01"), true, 150 },
		{ SLICE("\x80\x00"), true, 0 },
		{ SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true,
		  UINT64_MAX },
		{ SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false, 0 },
		{ SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), false,
		  0 },
		{ SLICE("\x80"), false, 0 },
		{ SLICE(""), false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reader reader = reader_of(cases[i].bytes);

		assert_int_equal(reader_varint(&reader), cases[i].value);
		assert_int_equal(reader_ok(&reader), cases[i].ok);
		assert_true(reader_at_end(&reader));
	}
}

static void test_reader_varint32(void **state)
{
	/* Goal: what does not fit 32 bits fails. */
	struct reader fits = reader_of(SLICE("\xff\xff\xff\xff\x0f"));
	struct reader passes = reader_of(SLICE("\x80\x80\x80\x80\x10"));

	(void)state;
	assert_int_equal(reader_varint32(&fits), UINT32_MAX);
	assert_true(reader_ok(&fits));
	assert_int_equal(reader_varint32(&passes), 0);
	assert_false(reader_ok(&passes));
}

static void test_reader_bytes_stay_inside(void **state)
{
	/* Goal: a length that passes the end fails, whatever it is. */
	static const struct slice bad[] = {
		SLICE("\x01"),
		SLICE("\x05"
		      "abcd"),
		SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
		      "abc"),
	};
	struct reader reader = reader_of(SLICE("\x03"
					       "abcd"));

	(void)state;
	assert_true(slice_equal(reader_bytes(&reader), SLICE("abc")));
	assert_true(slice_equal(reader_take(&reader, 1), SLICE("d")));
	assert_true(reader_at_end(&reader) && reader_ok(&reader));
	assert_int_equal(reader_take(&reader, 0).size, 0);
	assert_true(reader_ok(&reader));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct reader broken = reader_of(bad[i]);

		assert_int_equal(reader_bytes(&broken).size, 0);
		assert_false(reader_ok(&broken));
	}
}

static void test_reader_failure_is_sticky(void **state)
{
	/* Goal: after a failure everything gives nothing. */
	struct reader reader = reader_of(SLICE("\x08\x01\x08\x01"));
	uint32_t type = 9;

	(void)state;
	reader_fail(&reader);
	assert_int_equal(reader_tag(&reader, &type), 0);
	assert_int_equal(type, 0);
	assert_int_equal(reader_varint(&reader), 0);
	assert_int_equal(reader_take(&reader, 1).size, 0);
	assert_true(reader_at_end(&reader));
	assert_false(reader_ok(&reader));
}

static void test_reader_tags(void **state)
{
	/* Goal: number and type; 0 and numbers above 2^29 - 1 fail. */
	struct reader reader = reader_of(SLICE("\xf8\xff\xff\xff\x0f"
					       "\x99\x06"));
	struct reader zero = reader_of(SLICE("\x05"));
	struct reader large = reader_of(SLICE("\x80\x80\x80\x80\x10"));
	struct reader none = reader_of((struct slice){ 0 });
	uint32_t type;

	(void)state;
	assert_int_equal(reader_tag(&reader, &type), (1u << 29) - 1);
	assert_int_equal(type, WIRE_VARINT);
	assert_int_equal(reader_tag(&reader, &type), 99);
	assert_int_equal(type, WIRE_FIXED64);
	assert_int_equal(reader_tag(&reader, &type), 0);
	assert_true(reader_ok(&reader));
	assert_int_equal(reader_tag(&zero, &type), 0);
	assert_false(reader_ok(&zero));
	assert_int_equal(reader_tag(&large, &type), 0);
	assert_false(reader_ok(&large));
	assert_int_equal(reader_tag(&none, &type), 0);
	assert_true(reader_ok(&none));
}

static void test_reader_skips_each_type(void **state)
{
	/* Goal: each wire type is stepped over whole; groups fail. */
	static const struct {
		uint32_t type;
		struct slice bytes;
		bool ok;
	} cases[] = {
		{ WIRE_VARINT, SLICE("\x80\x01"), true },
		{ WIRE_FIXED64, SLICE("12345678"), true },
		{ WIRE_FIXED64, SLICE("1234567"), false },
		{ WIRE_BYTES, SLICE("\x02xy"), true },
		{ WIRE_FIXED32, SLICE("1234"), true },
		{ 3, SLICE("\x04"), false },
		{ 4, SLICE(""), false },
		{ 7, SLICE("1"), false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reader reader = reader_of(cases[i].bytes);

		reader_skip(&reader, cases[i].type);
		assert_int_equal(reader_ok(&reader), cases[i].ok);
		assert_true(reader_at_end(&reader));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_varints),
		cmocka_unit_test(test_reader_varint32),
		cmocka_unit_test(test_reader_bytes_stay_inside),
		cmocka_unit_test(test_reader_failure_is_sticky),
		cmocka_unit_test(test_reader_tags),
		cmocka_unit_test(test_reader_skips_each_type),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
