/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "core/money.h"

#define MAX MONEY_MAX_MINOR

static void test_money_range(void **state)
{
	/* Goal: +-(2^53 - 1) and no further (rule LEDGER-1). */
	(void)state;
	assert_int_equal(MAX, INT64_C(9007199254740991));
	assert_true(money_in_range(MAX) && money_in_range(-MAX));
	assert_true(money_in_range(0));
	assert_false(money_in_range(MAX + 1) || money_in_range(-MAX - 1));
	assert_false(money_in_range(INT64_MAX) || money_in_range(INT64_MIN));
	assert_int_equal(money_minor(money_of(-MAX)), -MAX);
	expect_assert_failure(money_of(MAX + 1));
}

static void test_money_add_and_subtract(void **state)
{
	/* Goal: sums inside the range; outside it nothing is written. */
	static const struct {
		int64_t a, b;
		bool sum_fits, difference_fits;
	} cases[] = {
		{ 0, 0, true, true },	    { 5, -7, true, true },
		{ MAX, 0, true, true },	    { MAX, 1, false, true },
		{ MAX, -1, true, false },   { -MAX, -1, false, true },
		{ -MAX, 1, true, false },   { MAX, MAX, false, true },
		{ MAX, -MAX, true, false }, { -MAX, -MAX, false, true },
		{ MAX - 1, 1, true, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct money a = money_of(cases[i].a), b = money_of(cases[i].b);
		struct money out = money_of(42);

		assert_int_equal(money_add(a, b, &out), cases[i].sum_fits);
		assert_int_equal(money_minor(out),
				 cases[i].sum_fits ? cases[i].a + cases[i].b
						   : 42);
		out = money_of(42);
		assert_int_equal(money_subtract(a, b, &out),
				 cases[i].difference_fits);
		assert_int_equal(money_minor(out),
				 cases[i].difference_fits
					 ? cases[i].a - cases[i].b
					 : 42);
	}
}

static void test_money_compare_and_negate(void **state)
{
	/* Goal: the order of numbers, and a sign turned round and back. */
	static const int64_t rising[] = { -MAX, -1, 0, 1, MAX };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rising); i++) {
		for (size_t j = 0; j < COUNT_OF(rising); j++)
			assert_int_equal(money_compare(money_of(rising[i]),
						       money_of(rising[j])),
					 (i > j) - (i < j));
		assert_int_equal(money_minor(money_negate(money_of(rising[i]))),
				 -rising[i]);
	}
}

struct parse {
	const char *text;
	uint32_t decimals;
	enum money_parse_result result;
	int64_t minor;
};

static const struct parse parses[] = {
	{ "0", 2, MONEY_PARSED, 0 },
	{ "12.34", 2, MONEY_PARSED, 1234 },
	{ "12.3", 2, MONEY_PARSED, 1230 },
	{ "12", 2, MONEY_PARSED, 1200 },
	{ "-3", 2, MONEY_PARSED, -300 },
	{ "-0.01", 2, MONEY_PARSED, -1 },
	{ "-0", 2, MONEY_PARSED, 0 },
	{ "007", 0, MONEY_PARSED, 7 },
	{ "0.00000001", 8, MONEY_PARSED, 1 },
	{ "90071992547409.91", 2, MONEY_PARSED, MAX },
	{ "-90071992547409.91", 2, MONEY_PARSED, -MAX },
	{ "9007199254740991", 0, MONEY_PARSED, MAX },
	{ "000000000000000000000000000000000001", 0, MONEY_PARSED, 1 },
	{ "90071992547409.92", 2, MONEY_OUT_OF_RANGE, 0 },
	{ "9007199254740992", 0, MONEY_OUT_OF_RANGE, 0 },
	{ "9007199254740991", 1, MONEY_OUT_OF_RANGE, 0 },
	{ "9007199254740991", 8, MONEY_OUT_OF_RANGE, 0 },
	{ "99999999999999999999999999999999999999", 8, MONEY_OUT_OF_RANGE, 0 },
	{ "18446744073709551617", 0, MONEY_OUT_OF_RANGE, 0 },
	{ "1.234", 2, MONEY_TOO_MANY_DECIMALS, 0 },
	{ "1.0", 0, MONEY_TOO_MANY_DECIMALS, 0 },
	{ "1.230", 2, MONEY_TOO_MANY_DECIMALS, 0 },
	{ "", 2, MONEY_MALFORMED, 0 },
	{ "-", 2, MONEY_MALFORMED, 0 },
	{ ".5", 2, MONEY_MALFORMED, 0 },
	{ "5.", 2, MONEY_MALFORMED, 0 },
	{ ".", 2, MONEY_MALFORMED, 0 },
	{ "+5", 2, MONEY_MALFORMED, 0 },
	{ "--5", 2, MONEY_MALFORMED, 0 },
	{ "1,000", 2, MONEY_MALFORMED, 0 },
	{ "1.2.3", 2, MONEY_MALFORMED, 0 },
	{ "1 000", 2, MONEY_MALFORMED, 0 },
	{ " 1", 2, MONEY_MALFORMED, 0 },
	{ "1e3", 2, MONEY_MALFORMED, 0 },
	{ "0x10", 2, MONEY_MALFORMED, 0 },
	{ "1.23x", 2, MONEY_MALFORMED, 0 },
};

static void test_money_parse(void **state)
{
	/* Goal: what a person may type, and what is told apart as wrong. */
	(void)state;
	for (size_t i = 0; i < COUNT_OF(parses); i++) {
		struct money out = money_of(42);
		enum money_parse_result result =
			money_parse(slice_from_text(parses[i].text),
				    parses[i].decimals, &out);
		int64_t expected =
			result == MONEY_PARSED ? parses[i].minor : 42;

		if (result != parses[i].result || money_minor(out) != expected)
			fail_msg("\"%s\": result %d", parses[i].text, result);
	}
}

static void test_money_print(void **state)
{
	/* Goal: exactly the unit's decimals; what is printed can be parsed. */
	static const struct {
		int64_t minor;
		uint32_t decimals;
		const char *text;
	} cases[] = {
		{ 0, 2, "0.00" },
		{ 5, 2, "0.05" },
		{ -5, 2, "-0.05" },
		{ 1234, 2, "12.34" },
		{ 1200, 2, "12.00" },
		{ 7, 0, "7" },
		{ 1, 8, "0.00000001" },
		{ MAX, 2, "90071992547409.91" },
		{ -MAX, 0, "-9007199254740991" },
	};
	uint8_t bytes[40];
	struct buffer buffer;
	struct money back;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		buffer_init(&buffer, bytes, sizeof(bytes));
		money_print(&buffer, money_of(cases[i].minor),
			    cases[i].decimals);
		assert_false(buffer.overflowed);
		assert_int_equal(buffer.size, strlen(cases[i].text));
		assert_memory_equal(bytes, cases[i].text, buffer.size);
		assert_int_equal(money_parse(buffer_view(&buffer),
					     cases[i].decimals, &back),
				 MONEY_PARSED);
		assert_int_equal(money_minor(back), cases[i].minor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_money_range),
		cmocka_unit_test(test_money_add_and_subtract),
		cmocka_unit_test(test_money_compare_and_negate),
		cmocka_unit_test(test_money_parse),
		cmocka_unit_test(test_money_print),
	};

	return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
