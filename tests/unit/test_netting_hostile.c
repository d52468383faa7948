/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Input that is wrong, that is large, or that wants the solver to take long. */
#include "unit/netting_case.h"

#include <stdlib.h>

#define LARGE INT64_C(1000000000000000) /* 10^15 */

static void expect_refused(struct netting_case *one, enum netting_result result,
			   uint32_t fault)
{
	uint32_t at = UINT32_MAX;

	assert_int_equal(netting_check_input(&one->input, &at), result);
	assert_int_equal(at, fault);
	assert_int_equal(case_verdict(one), NETTING_INPUT_UNSOUND);
}

static void test_netting_refuses(void **state)
{
	/* Goal: each fault is named with where it is; the first one wins, and
	   of one obligation the lower number. */
	struct netting_case one;

	(void)state;
	case_init(&one, 2, 4);
	case_add(&one, 0, 1, 1);
	case_add(&one, 0, 2, -5);
	expect_refused(&one, NETTING_NODE_UNKNOWN, 1);
	one.obligations[1] = (struct netting_obligation){ UINT32_MAX, 0, 1 };
	expect_refused(&one, NETTING_NODE_UNKNOWN, 1);
	one.obligations[1] = (struct netting_obligation){ 0, 1, 0 };
	expect_refused(&one, NETTING_AMOUNT_NOT_POSITIVE, 1);
	one.obligations[1] = (struct netting_obligation){ 0, 1, INT64_MIN };
	case_add(&one, 7, 7, 1);
	expect_refused(&one, NETTING_AMOUNT_NOT_POSITIVE, 1);
	one.obligations[1] = (struct netting_obligation){ 0, 1, INT64_MAX };
	one.obligations[2] = (struct netting_obligation){ 1, 0, INT64_MAX };
	expect_refused(&one, NETTING_TOTAL_TOO_LARGE, 1);
	one.obligations[1].amount = NETTING_TOTAL_MAX - 1;
	one.obligations[2].amount = 1;
	expect_refused(&one, NETTING_TOTAL_TOO_LARGE, 2);
	one.input.obligation_count = NETTING_OBLIGATIONS_MAX + 1;
	expect_refused(&one, NETTING_TOO_MANY, UINT32_MAX);
	case_release(&one);
}

static void test_netting_largest_total(void **state)
{
	/* Goal: all of 2^62 in one loop overflows nothing. */
	struct netting_case one;

	(void)state;
	case_init(&one, 2, 2);
	case_add(&one, 0, 1, NETTING_TOTAL_MAX - 3);
	case_add(&one, 1, 0, 3);
	case_expect(&one, 6);
	one.obligations[0].amount = NETTING_TOTAL_MAX / 2;
	one.obligations[1].amount = NETTING_TOTAL_MAX / 2;
	case_expect(&one, NETTING_TOTAL_MAX);
	case_release(&one);
}

static void test_netting_large_amounts(void **state)
{
	/* Goal: sums beyond 2^53 are exact to the last unit. */
	struct netting_case one;

	(void)state;
	case_init(&one, 40, 40 * 39);
	for (uint32_t v = 0; v < 40; v++) {
		for (uint32_t w = 0; w < 40; w++) {
			if (v != w)
				case_add(&one, v, w, LARGE + (v == 0));
		}
	}
	/* Node 0 owes 39 more than it is owed. */
	case_expect(&one, 40 * 39 * LARGE);
	case_release(&one);
}

static void test_netting_nothing(void **state)
{
	/* Goal: no nodes, no obligations, and only ones to oneself. */
	struct netting_case one;

	(void)state;
	case_init(&one, 0, 0);
	case_expect(&one, 0);
	case_release(&one);
	case_init(&one, 1, 2);
	case_add(&one, 0, 0, 7);
	case_add(&one, 0, 0, 8);
	case_expect(&one, 15);
	assert_int_equal(one.solution.set_off[1], 8);
	case_release(&one);
}

static void test_netting_parallel(void **state)
{
	/* Goal: a million obligations of one pair. */
	struct netting_case one;

	(void)state;
	case_init(&one, 2, 1000000);
	for (uint32_t i = 0; i < 1000000; i++)
		case_add(&one, i % 3 != 0, i % 3 == 0, 1 + i % 7);
	/* Those of 0 to 1, a third of them, are set off whole. */
	case_expect(&one, 2 * INT64_C(1333333));
	assert_int_equal(one.solution.set_off[0], 1);
	case_release(&one);
}

static void test_netting_long_path(void **state)
{
	/* Goal: one obligation back closes a path of 100,000. */
	struct netting_case one;
	uint32_t nodes = 100000;

	(void)state;
	case_init(&one, nodes, nodes);
	for (uint32_t v = 0; v + 1 < nodes; v++)
		case_add(&one, v, v + 1, 5 + v % 10);
	case_expect(&one, 0);
	case_add(&one, nodes - 1, 0, 3);
	case_expect(&one, 3 * (int64_t)nodes);
	case_release(&one);
}

static void test_netting_cycle(void **state)
{
	/* Goal: guard 1: one loop of 200,000 whose amounts rise, so that all
	   excess has the longest way. */
	struct netting_case one;
	uint32_t nodes = 200000;

	(void)state;
	case_init(&one, nodes, nodes);
	for (uint32_t v = 0; v < nodes; v++)
		case_add(&one, v, (v + 1) % nodes, 1 + v);
	case_expect(&one, nodes);
	assert_int_equal(one.solution.restarts, 0);
	case_release(&one);
}

static void test_netting_falling_cycle(void **state)
{
	/* Goal: its amounts falling, one source feeds all the deficits: the
	   network is turned. */
	struct netting_case one;
	uint32_t nodes = 200000;

	(void)state;
	case_init(&one, nodes, nodes);
	for (uint32_t v = 0; v < nodes; v++)
		case_add(&one, v, (v + 1) % nodes, nodes - v);
	case_expect(&one, nodes);
	case_release(&one);
}

static void test_netting_star(void **state)
{
	/* Goal: a hub of 100,000. */
	struct netting_case one;
	uint32_t nodes = 100000;
	int64_t expected = 0;

	(void)state;
	case_init(&one, nodes, 2 * nodes);
	for (uint32_t v = 1; v < nodes; v++) {
		int64_t out = 1 + v % 11, in = 1 + v % 13;

		case_add(&one, 0, v, out);
		case_add(&one, v, 0, in);
		expected += 2 * (out < in ? out : in);
	}
	case_expect(&one, expected);
	case_release(&one);
}

static void test_netting_torus(void **state)
{
	/* Goal: a torus of equal amounts is set off whole; with one of them
	   less, all but a loop's worth. */
	struct netting_case one;
	uint32_t side = 100;

	(void)state;
	case_init(&one, side * side, 2 * side * side);
	for (uint32_t v = 0; v < side * side; v++) {
		uint32_t row = v / side, column = v % side;

		case_add(&one, v, row * side + (column + 1) % side, 10);
		case_add(&one, v, (row + 1) % side * side + column, 10);
	}
	case_expect(&one, 20 * (int64_t)(side * side));
	one.obligations[0].amount = 9;
	case_expect(&one, 20 * (int64_t)(side * side) - side);
	case_release(&one);
}

static void test_netting_acyclic(void **state)
{
	/* Goal: where nothing runs in circles nothing is set off. */
	struct netting_case one;

	(void)state;
	case_init(&one, 1000, 20000);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t v = case_random(999);

		case_add(&one, v, v + 1 + case_random(999 - v), 1 + i);
	}
	case_expect(&one, 0);
	assert_int_equal(one.solution.updates, 0);
	case_release(&one);
}

static void test_netting_bilateral_trap(void **state)
{
	/* Goal: setting off the two of a pair first would clear 20 of 60. */
	static const uint32_t pairs[][2] = { { 0, 1 }, { 1, 0 }, { 1, 2 },
					     { 2, 3 }, { 3, 0 }, { 0, 4 },
					     { 4, 5 }, { 5, 1 } };
	struct netting_case one;

	(void)state;
	case_init(&one, 6, 8);
	for (uint32_t i = 0; i < 8; i++)
		case_add(&one, pairs[i][0], pairs[i][1], 10);
	case_expect(&one, case_slow(&one));
	assert_true(one.solution.cleared >= 60);
	case_release(&one);
}

/* A narrow way out costs one more than the wide one that is soon full. */
static void test_netting_price_war(void **state)
{
	/* Goal: excess that goes to and fro does not do so for ever. */
	struct netting_case one;
	uint32_t nodes = 600;

	(void)state;
	case_init(&one, nodes, 4 * nodes);
	for (uint32_t v = 0; v < nodes; v++) {
		case_add(&one, v, (v + 1) % nodes, 1000 + v % 7);
		case_add(&one, (v + 1) % nodes, v, 1 + v % 5);
		if (v % 3 == 0)
			case_add(&one, v, (v + nodes / 2) % nodes, 3);
	}
	assert_int_equal(case_solve(&one), NETTING_OK);
	case_expect(&one, one.solution.cleared);
	one.options.update_max = 2;
	case_expect(&one, one.solution.cleared);
	case_release(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_netting_refuses),
		cmocka_unit_test(test_netting_largest_total),
		cmocka_unit_test(test_netting_large_amounts),
		cmocka_unit_test(test_netting_nothing),
		cmocka_unit_test(test_netting_parallel),
		cmocka_unit_test(test_netting_long_path),
		cmocka_unit_test(test_netting_cycle),
		cmocka_unit_test(test_netting_falling_cycle),
		cmocka_unit_test(test_netting_star),
		cmocka_unit_test(test_netting_torus),
		cmocka_unit_test(test_netting_acyclic),
		cmocka_unit_test(test_netting_bilateral_trap),
		cmocka_unit_test(test_netting_price_war),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
