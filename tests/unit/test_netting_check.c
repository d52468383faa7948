/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The checker refuses what is not proven: nothing of the solver is asked. */
#include "unit/netting_case.h"

#include <stdlib.h>

/* 0 owes 1 owes 2 owes 0; 3 hangs on it; p proves 6000. */
static void make_triangle(struct netting_case *one)
{
	case_init(one, 4, 4);
	case_add(one, 0, 1, 7000);
	case_add(one, 1, 2, 5000);
	case_add(one, 2, 0, 2000);
	case_add(one, 2, 3, 100);
	for (uint32_t i = 0; i < 3; i++)
		one->solution.set_off[i] = 2000;
	one->solution.cleared = 6000;
	/* Three hops round: the drop of 3 is on the narrow one. */
	one->solution.potentials[0] = 2;
	one->solution.potentials[1] = 1;
	one->solution.potentials[2] = 0;
	one->solution.potentials[3] = -1;
}

static void test_check_proves(void **state)
{
	/* Goal: potentials made by hand prove; moved as one they do too. */
	struct netting_case one;

	(void)state;
	make_triangle(&one);
	assert_int_equal(case_verdict(&one), NETTING_PROVEN);
	for (uint32_t v = 0; v < 4; v++)
		one.solution.potentials[v] -= 1000000;
	assert_int_equal(case_verdict(&one), NETTING_PROVEN);
	case_release(&one);
}

static void test_check_refuses(void **state)
{
	/* Goal: each verdict, in the order of their numbers. */
	struct netting_case one;

	(void)state;
	make_triangle(&one);
	one.solution.potentials[1] = 0;
	assert_int_equal(case_verdict(&one), NETTING_NOT_PROVEN_GREATEST);
	one.solution.potentials[1] = NETTING_POTENTIAL_MAX + 1;
	assert_int_equal(case_verdict(&one), NETTING_POTENTIAL_TOO_FAR);
	one.solution.potentials[1] = INT64_MIN;
	assert_int_equal(case_verdict(&one), NETTING_POTENTIAL_TOO_FAR);
	one.solution.cleared = 6001;
	assert_int_equal(case_verdict(&one), NETTING_SUM_WRONG);
	one.solution.set_off[3] = 1;
	assert_int_equal(case_verdict(&one), NETTING_UNBALANCED);
	one.solution.set_off[3] = 101;
	assert_int_equal(case_verdict(&one), NETTING_OUT_OF_BOUNDS);
	one.solution.set_off[3] = -1;
	assert_int_equal(case_verdict(&one), NETTING_OUT_OF_BOUNDS);
	one.obligations[0].amount = 0;
	assert_int_equal(case_verdict(&one), NETTING_INPUT_UNSOUND);
	case_release(&one);
}

static void test_check_less_than_most(void **state)
{
	/* Goal: a sound set-off that is not the greatest is never proven. */
	struct netting_case one;

	(void)state;
	make_triangle(&one);
	for (uint32_t i = 0; i < 3; i++)
		one.solution.set_off[i] = 1999;
	one.solution.cleared = 5997;
	for (uint32_t round = 0; round < 10000; round++) {
		for (uint32_t v = 0; v < 4; v++)
			one.solution.potentials[v] =
				(int64_t)case_random(9) - 4;
		assert_int_equal(case_verdict(&one),
				 NETTING_NOT_PROVEN_GREATEST);
	}
	case_release(&one);
}

static void test_check_tampered(void **state)
{
	/* Goal: of a real certificate every number that is changed is seen;
	   where more than one potential proves, a changed one may too. */
	struct netting_case one;
	uint32_t unseen = 0, nodes, count;

	(void)state;
	case_read(&one, "sf-1k-1.txt");
	nodes = one.input.node_count;
	count = one.input.obligation_count;
	assert_int_equal(case_solve(&one), NETTING_OK);
	for (uint32_t i = 0; i < count; i++) {
		for (int64_t by = -1; by <= 1; by += 2) {
			one.solution.set_off[i] += by;
			one.solution.cleared += by;
			assert_int_not_equal(case_verdict(&one),
					     NETTING_PROVEN);
			one.solution.cleared -= by;
			one.solution.set_off[i] -= by;
		}
	}
	for (uint32_t v = 0; v < nodes; v++) {
		one.solution.potentials[v] += 40;
		unseen += case_verdict(&one) == NETTING_PROVEN;
		one.solution.potentials[v] -= 40;
	}
	assert_in_range(unseen, 0, nodes / 2);
	assert_int_equal(case_verdict(&one), NETTING_PROVEN);
	case_release(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check_proves),
		cmocka_unit_test(test_check_refuses),
		cmocka_unit_test(test_check_less_than_most),
		cmocka_unit_test(test_check_tampered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
