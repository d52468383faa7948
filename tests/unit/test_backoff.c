/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/backoff.h"

#include "unit/support.h"

/* Goal: no wait after success; then one second doubled up to a minute, for
 * any number of failures, and never more than a quarter less. */
static void test_backoff_doubles(void **state)
{
	static const struct {
		uint32_t failures;
		uint64_t wait_s;
	} cases[] = {
		{ 0, 0 },  { 1, 1 },   { 2, 2 },   { 3, 4 },
		{ 4, 8 },  { 5, 16 },  { 6, 32 },  { 7, 60 },
		{ 8, 60 }, { 64, 60 }, { 65, 60 }, { UINT32_MAX, 60 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const uint64_t full_us = cases[i].wait_s * 1000000;

		assert_int_equal(backoff_us(cases[i].failures, 0), full_us);
		for (uint64_t random = 1; random != 0; random <<= 1)
			assert_in_range(backoff_us(cases[i].failures, random),
					full_us - full_us / 4, full_us);
	}
}

/* Goal: those that fail together come back apart. */
static void test_backoff_spreads(void **state)
{
	(void)state;
	assert_int_equal(backoff_us(1, 249999), 750001);
	assert_int_equal(backoff_us(1, 250000), 1000000);
	assert_true(backoff_us(7, 1234567) != backoff_us(7, 7654321));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff_doubles),
		cmocka_unit_test(test_backoff_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
