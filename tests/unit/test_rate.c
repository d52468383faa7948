/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* So many in a minute. */
#include "base/rate.h"
#include "unit/support.h"

#define MOST 3

static void take(struct rate *rate, uint64_t now_us, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_true(rate_allows(rate, now_us, MOST));
		rate_take(rate, now_us);
	}
}

/* Goal: a minute begins with its first one, and ends. */
static void test_rate_minute(void **state)
{
	const uint64_t start = 5 * RATE_MINUTE_US;
	struct rate rate = { 0 };

	(void)state;
	take(&rate, start, 1);
	take(&rate, start + RATE_MINUTE_US / 2, MOST - 1);
	assert_false(rate_allows(&rate, start + RATE_MINUTE_US / 2, MOST));
	assert_false(rate_allows(&rate, start + RATE_MINUTE_US - 1, MOST));
	take(&rate, start + RATE_MINUTE_US, MOST);
	assert_false(rate_allows(&rate, start + RATE_MINUTE_US, MOST));
}

/* Goal: a clock that is set back shuts nobody out. */
static void test_rate_clock_back(void **state)
{
	const uint64_t start = 5 * RATE_MINUTE_US;
	struct rate rate = { 0 };

	(void)state;
	take(&rate, start, MOST);
	take(&rate, start - 2 * RATE_MINUTE_US, MOST);
	assert_false(rate_allows(&rate, start - 2 * RATE_MINUTE_US, MOST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_minute),
		cmocka_unit_test(test_rate_clock_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
