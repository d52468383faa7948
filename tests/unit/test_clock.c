/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/clock.h"

#include "unit/support.h"

#define SECOND UINT64_C(1000000)
#define WALL (UINT64_C(1767225600) * SECOND)

/* Goal: node time follows the wall clock, small steps included. */
static void test_clock_follows(void **state)
{
	struct node_clock clock = { 0 };

	(void)state;
	assert_int_equal(clock_at(&clock, WALL, 5, 0), WALL);
	assert_int_equal(clock_at(&clock, WALL + SECOND, 5 + SECOND, 0),
			 WALL + SECOND);
	/* 59 s forward at once is believed. */
	assert_int_equal(clock_at(&clock, WALL + 60 * SECOND, 5 + SECOND, 0),
			 WALL + 60 * SECOND);
	assert_false(clock.jumped);
}

/*
 * Goal: it never falls, neither behind itself nor behind the newest block, and
 * while it waits for the wall clock it goes on at half speed.
 */
static void test_clock_never_falls(void **state)
{
	struct node_clock clock = { 0 };

	(void)state;
	assert_int_equal(clock_at(&clock, WALL, 5, WALL + 9), WALL + 9);
	assert_int_equal(clock_at(&clock, WALL - 3600 * SECOND, 6, 0),
			 WALL + 9);
	assert_int_equal(
		clock_at(&clock, WALL - 3596 * SECOND, 6 + 4 * SECOND, 0),
		WALL + 9 + 2 * SECOND);
	/* Met again: it follows. */
	assert_int_equal(clock_at(&clock, WALL + 4 * SECOND, 6 + 5 * SECOND, 0),
			 WALL + 4 * SECOND);
	assert_false(clock.jumped);
}

/* Goal: a jump forward is not followed until it is confirmed. */
static void test_clock_jump(void **state)
{
	struct node_clock clock = { 0 };
	uint64_t far = WALL + 3600 * SECOND;

	(void)state;
	(void)clock_at(&clock, WALL, 0, 0);
	assert_int_equal(clock_at(&clock, far + SECOND, SECOND, 0),
			 WALL + SECOND);
	assert_true(clock.jumped);
	assert_int_equal(clock_at(&clock, far + 2 * SECOND, 2 * SECOND, 0),
			 WALL + 2 * SECOND);
	clock_confirm(&clock);
	assert_int_equal(clock_at(&clock, far + 3 * SECOND, 3 * SECOND, 0),
			 far + 3 * SECOND);
	assert_false(clock.jumped);
}

/* Goal: a clock that comes back by itself needs nobody's word. */
static void test_clock_comes_back(void **state)
{
	struct node_clock clock = { 0 };

	(void)state;
	(void)clock_at(&clock, WALL, 0, 0);
	(void)clock_at(&clock, WALL + 61 * SECOND + 1, SECOND, 0);
	assert_true(clock.jumped);
	assert_int_equal(clock_at(&clock, WALL + 2 * SECOND, 2 * SECOND, 0),
			 WALL + 2 * SECOND);
	assert_false(clock.jumped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock_follows),
		cmocka_unit_test(test_clock_never_falls),
		cmocka_unit_test(test_clock_jump),
		cmocka_unit_test(test_clock_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
