/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The second stage: what is left is paid from balances and credit. */
#include "unit/netting_case.h"

#include <stdlib.h>

/* Heavy enough that no credit saved is worth one unit paid. */
#define WEIGHT 100000

static void expect_drawn(struct netting_case *one, int64_t paid, int64_t credit)
{
	assert_int_equal(case_draw(one), NETTING_OK);
	assert_int_equal(one->drawn.cleared, paid);
	assert_int_equal(one->drawn.credit, credit);
	assert_string_equal(netting_verdict_sentence(case_draw_verdict(one)),
			    netting_verdict_sentence(NETTING_PROVEN));
}

/* 0 owes 1 owes 2 owes 3, 100 each. */
static void make_chain(struct netting_case *one)
{
	case_init(one, 4, 3);
	for (uint32_t v = 0; v < 3; v++)
		case_add(one, v, v + 1, 100);
	case_expect(one, 0);
}

static void test_draw_small_line_clears_chain(void **state)
{
	/* Goal: 20 of credit at its head pay 60 along a chain. */
	struct netting_case one;

	(void)state;
	make_chain(&one);
	expect_drawn(&one, 0, 0);
	one.accounts[0].credit = 20;
	expect_drawn(&one, 0, 0); /* nobody may get more than it pays */
	one.accounts[3].room = 50;
	expect_drawn(&one, 60, 20);
	/* An own balance goes first, and is no credit. */
	one.accounts[0].own = 15;
	expect_drawn(&one, 105, 20);
	/* The ceiling ends it, and credit is spared. */
	one.accounts[3].room = 16;
	expect_drawn(&one, 48, 1);
	/* What is below zero already may do nothing. */
	one.accounts[0] = (struct netting_account){ -5, -7, -9 };
	expect_drawn(&one, 0, 0);
	case_release(&one);
}

static void test_draw_least_credit(void **state)
{
	/* Goal: of two that could pay the same, the one that owns it pays. */
	struct netting_case one;

	(void)state;
	case_init(&one, 3, 2);
	case_add(&one, 0, 2, 10);
	case_add(&one, 1, 2, 10);
	case_expect(&one, 0);
	one.accounts[0].credit = 10;
	one.accounts[1].own = 10;
	one.accounts[2].room = 10;
	expect_drawn(&one, 10, 0);
	assert_int_equal(one.drawn.set_off[1], 10);
	one.accounts[2].room = INT64_MAX;
	expect_drawn(&one, 20, 10);
	case_release(&one);
}

static void draw_small(struct netting_case *one)
{
	uint32_t nodes = 2 + case_random(7), count = 1 + case_random(24);

	case_init(one, nodes, count);
	for (uint32_t i = 0; i < count; i++)
		case_add(one, case_random(nodes), case_random(nodes),
			 1 + case_random(30));
	for (uint32_t v = 0; v < nodes; v++) {
		if (case_random(3) == 0)
			one->accounts[v].own = case_random(20);
		if (case_random(2) == 0)
			one->accounts[v].credit = case_random(20);
		if (case_random(2) == 0)
			one->accounts[v].room = case_random(40);
	}
}

static void test_draw_is_the_best(void **state)
{
	/* Goal: on 10,000 small graphs as hunting loops has it, with a weight
	   that puts paying first beyond doubt; stage one stays. */
	uint32_t with_credit = 0;

	(void)state;
	case_seed(7);
	for (uint32_t round = 0; round < 10000; round++) {
		struct netting_case one;

		draw_small(&one);
		one.options.update_max = round % 3;
		assert_int_equal(case_solve(&one), NETTING_OK);
		assert_int_equal(case_draw(&one), NETTING_OK);
		assert_int_equal(WEIGHT * one.drawn.cleared - one.drawn.credit,
				 case_slow_draw(&one, WEIGHT));
		assert_int_equal(case_draw_verdict(&one), NETTING_PROVEN);
		assert_int_equal(case_verdict(&one), NETTING_PROVEN);
		with_credit += one.drawn.credit > 0;
		case_release(&one);
	}
	assert_in_range(with_credit, 2000, 9999);
}

static void test_draw_turned(void **state)
{
	/* Goal: the same where the network is turned; without a first stage,
	   so that the second has loops and a source. */
	(void)state;
	for (uint32_t round = 0; round < 20; round++) {
		struct netting_case one;

		case_make_source(&one);
		for (uint32_t v = 0; v < one.input.node_count; v++)
			one.accounts[v] = (struct netting_account){
				case_random(5), case_random(9), case_random(9)
			};
		one.options.update_max = round % 3;
		assert_int_equal(case_draw(&one), NETTING_OK);
		assert_int_equal(case_draw_verdict(&one), NETTING_PROVEN);
		assert_int_equal(WEIGHT * one.drawn.cleared - one.drawn.credit,
				 case_slow_draw(&one, WEIGHT));
		case_release(&one);
	}
}

static void test_draw_without_first_stage(void **state)
{
	/* Goal: the stages are apart: with nothing before, loops are the
	   second's too, also those to oneself. */
	struct netting_case one;

	(void)state;
	case_init(&one, 2, 3);
	case_add(&one, 0, 1, 10);
	case_add(&one, 1, 0, 10);
	case_add(&one, 1, 1, 3);
	expect_drawn(&one, 23, 0);
	case_release(&one);
}

static void test_draw_larger(void **state)
{
	/* Goal: on thousands of obligations with a hub of a pool, proven. */
	struct netting_case one;

	(void)state;
	case_read(&one, "sf-10k-1.txt");
	case_expect(&one, 388286557);
	for (uint32_t v = 0; v < one.input.node_count; v++)
		one.accounts[v] =
			(struct netting_account){ v % 4 * 10000, 100000,
						  v % 2 * INT64_MAX };
	assert_int_equal(case_draw(&one), NETTING_OK);
	assert_int_equal(case_draw_verdict(&one), NETTING_PROVEN);
	assert_true(one.drawn.cleared > one.drawn.credit);
	assert_true(one.drawn.credit > 0);
	case_release(&one);
}

static void test_draw_checked(void **state)
{
	/* Goal: a draw past a limit, a false sum and less than the most are
	   refused. */
	struct netting_case one;

	(void)state;
	make_chain(&one);
	one.accounts[0].credit = 20;
	one.accounts[3].room = 50;
	expect_drawn(&one, 60, 20);
	one.drawn.credit = 19;
	assert_int_equal(case_draw_verdict(&one), NETTING_SUM_WRONG);
	one.drawn.credit = 20;
	one.accounts[3].room = 19;
	assert_int_equal(case_draw_verdict(&one), NETTING_PAST_LIMIT);
	one.accounts[3].room = 50;
	one.accounts[0].credit = 19;
	assert_int_equal(case_draw_verdict(&one), NETTING_PAST_LIMIT);
	one.accounts[0].credit = 21;
	assert_int_equal(case_draw_verdict(&one), NETTING_NOT_PROVEN_GREATEST);
	one.accounts[0].credit = 20;
	one.solution.set_off[0] = 81;
	assert_int_equal(case_draw_verdict(&one), NETTING_OUT_OF_BOUNDS);
	one.solution.set_off[0] = -1;
	assert_int_equal(case_draw_verdict(&one), NETTING_OUT_OF_BOUNDS);
	case_release(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_draw_small_line_clears_chain),
		cmocka_unit_test(test_draw_least_credit),
		cmocka_unit_test(test_draw_is_the_best),
		cmocka_unit_test(test_draw_turned),
		cmocka_unit_test(test_draw_without_first_stage),
		cmocka_unit_test(test_draw_larger),
		cmocka_unit_test(test_draw_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
