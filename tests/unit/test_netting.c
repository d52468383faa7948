/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/netting_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_NODES_MAX 9
#define SMALL_ARCS_MAX 30

/* Calls @visit for each line of optima.tsv. */
static void each_optimum(void (*visit)(const char *name, int64_t optimum))
{
	struct slice text = case_file("optima.tsv");
	char line[256], name[64];
	uint32_t count = 0;

	for (size_t at = 0; at < text.size;) {
		size_t size = slice_find(slice_from(text, at), '\n');
		int64_t optimum;

		assert_true(size < sizeof(line));
		memcpy(line, text.data + at, size);
		line[size] = '\0';
		at += size + 1;
		if (sscanf(line, "%63s %*u %*u %*u %" SCNd64, name, &optimum) !=
		    2)
			continue;
		visit(name, optimum);
		count++;
	}
	assert_int_equal(count, 15);
	free((void *)(uintptr_t)text.data);
}

static void solve_file(const char *name, int64_t optimum)
{
	struct netting_case one;

	case_read(&one, name);
	case_expect(&one, optimum);
	print_message("%s: %" PRId64 ", %u updates, %" PRIu64 " arcs\n", name,
		      optimum, one.solution.updates, one.solution.work);
	assert_int_equal(one.solution.restarts, 0);
	case_release(&one);
}

static void test_netting_optima(void **state)
{
	/* Goal: what three other solvers agree on, each proven. */
	(void)state;
	each_optimum(solve_file);
}

static void restart_file(const char *name, int64_t optimum)
{
	struct netting_case one;

	case_read(&one, name);
	one.options.update_max = 2;
	case_expect(&one, optimum);
	if (strcmp(name, "sf-1k-1.txt") == 0)
		assert_int_not_equal(one.solution.restarts, 0);
	case_release(&one);
}

static void test_netting_restarts(void **state)
{
	/* Goal: guard 2, taken after two updates, comes to the same. */
	(void)state;
	each_optimum(restart_file);
}

/* Few different amounts, so that there are ties; some to oneself. */
static void draw_small(struct netting_case *one)
{
	uint32_t nodes = 1 + case_random(SMALL_NODES_MAX);
	uint32_t count = case_random(SMALL_ARCS_MAX);
	uint32_t amount = case_random(2) == 0 ? 5 : 1000;

	case_init(one, nodes, count);
	for (uint32_t i = 0; i < count; i++)
		case_add(one, case_random(nodes), case_random(nodes),
			 1 + case_random(amount));
}

static void test_netting_is_the_greatest(void **state)
{
	/* Goal: on 20,000 small graphs what hunting loops comes to. */
	(void)state;
	case_seed(1);
	for (uint32_t round = 0; round < 20000; round++) {
		struct netting_case one;

		draw_small(&one);
		one.options.update_max = round % 3;
		case_expect(&one, case_slow(&one));
		case_release(&one);
	}
}

static void test_netting_turned(void **state)
{
	/* Goal: the same where the network is turned. */
	(void)state;
	for (uint32_t round = 0; round < 40; round++) {
		struct netting_case one;

		case_make_source(&one);
		one.options.update_max = round % 3;
		case_expect(&one, case_slow(&one));
		case_release(&one);
	}
}

static void test_netting_is_the_same(void **state)
{
	/* Goal: the same input gives the same bytes, wherever memory lies. */
	struct netting_case one, other;
	uint32_t count, nodes;

	(void)state;
	case_read(&one, "unit-10k-1.txt");
	case_read(&other, "unit-10k-1.txt");
	count = one.input.obligation_count;
	nodes = one.input.node_count;
	assert_int_equal(case_solve(&one), NETTING_OK);
	assert_int_equal(case_solve(&other), NETTING_OK);
	assert_memory_equal(one.solution.set_off, other.solution.set_off,
			    count * sizeof(int64_t));
	assert_memory_equal(one.solution.potentials, other.solution.potentials,
			    nodes * sizeof(int64_t));
	assert_int_equal(one.solution.work, other.solution.work);
	case_release(&one);
	case_release(&other);
}

/* Stops at the call that @context counts down to. */
static bool stop_at(void *context, const struct netting_progress *progress)
{
	uint32_t *calls = context;

	assert_true(progress->work > 0 && progress->updates > 0);
	assert_true(progress->open_first > 0);
	return --*calls > 0;
}

/* Stopped: sound, less than the most, and not proven. */
static void expect_stopped(struct netting_case *one, enum netting_result result)
{
	int64_t sum = 0;

	memset(one->solution.set_off, 0xff,
	       one->input.obligation_count * sizeof(int64_t));
	assert_int_equal(case_solve(one), result);
	for (uint32_t i = 0; i < one->input.obligation_count; i++)
		sum += one->solution.set_off[i];
	assert_int_equal(one->solution.cleared, sum);
	assert_in_range(sum, 100000000, 168727984);
	memset(one->solution.potentials, 0,
	       one->input.node_count * sizeof(int64_t));
	assert_int_equal(case_verdict(one), NETTING_NOT_PROVEN_GREATEST);
}

static void test_netting_stopped(void **state)
{
	/* Goal: cancelled, or with too little work, it says so again. */
	struct netting_case one;
	uint32_t calls = 1;

	(void)state;
	case_read(&one, "ring-10k-1.txt");
	one.options.work_max = 100000;
	expect_stopped(&one, NETTING_WORK_LIMIT);
	one.options = (struct netting_options){ stop_at, &calls, 0, 0 };
	expect_stopped(&one, NETTING_CANCELLED);
	assert_int_equal(calls, 0);
	case_release(&one);
}

static void test_netting_oldest_first(void **state)
{
	/* Goal: sums of a pair stay, the oldest get them; other pairs do not
	   mix, nor the two directions. */
	static const int64_t due[] = { 30, 10, 7, 20, 10 };
	struct netting_case one;
	uint32_t memory[10];

	(void)state;
	case_init(&one, 2, 5);
	case_add(&one, 0, 1, 10);
	case_add(&one, 0, 1, 10);
	case_add(&one, 1, 0, 22);
	case_add(&one, 0, 1, 10);
	case_add(&one, 0, 1, 10);
	case_expect(&one, 44);
	netting_oldest_first(&one.input, due, NULL, one.solution.set_off,
			     memory);
	assert_int_equal(one.solution.set_off[0], 0);
	assert_int_equal(one.solution.set_off[1], 10);
	assert_int_equal(one.solution.set_off[2], 22);
	assert_int_equal(one.solution.set_off[3], 2);
	assert_int_equal(one.solution.set_off[4], 10);
	assert_int_equal(case_verdict(&one), NETTING_PROVEN);
	/* What came before is not taken again. */
	one.drawn.set_off[0] = 9;
	netting_oldest_first(&one.input, due, one.solution.set_off,
			     one.drawn.set_off, memory);
	assert_int_equal(one.drawn.set_off[3], 8);
	assert_int_equal(one.drawn.set_off[0], 1);
	case_release(&one);
}

static void test_netting_oldest_is_exact(void **state)
{
	/* Goal: on random graphs nothing older stays open beside what is set
	   off, and the certificate holds on. */
	(void)state;
	for (uint32_t round = 0; round < 2000; round++) {
		uint32_t memory[2 * SMALL_ARCS_MAX];
		int64_t due[SMALL_ARCS_MAX], *set_off;
		struct netting_case one;

		draw_small(&one);
		set_off = one.solution.set_off;
		for (uint32_t i = 0; i < one.input.obligation_count; i++)
			due[i] = (int64_t)case_random(4) - 2;
		assert_int_equal(case_solve(&one), NETTING_OK);
		netting_oldest_first(&one.input, due, NULL, set_off, memory);
		assert_int_equal(case_verdict(&one), NETTING_PROVEN);
		for (uint32_t i = 0; i < one.input.obligation_count; i++) {
			for (uint32_t j = 0; j < one.input.obligation_count;
			     j++) {
				const struct netting_obligation
					*a = &one.obligations[i],
					*b = &one.obligations[j];

				if (a->debtor == b->debtor &&
				    a->creditor == b->creditor &&
				    due[i] < due[j] && set_off[j] > 0)
					assert_int_equal(set_off[i], a->amount);
			}
		}
		case_release(&one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_netting_optima),
		cmocka_unit_test(test_netting_restarts),
		cmocka_unit_test(test_netting_is_the_greatest),
		cmocka_unit_test(test_netting_turned),
		cmocka_unit_test(test_netting_is_the_same),
		cmocka_unit_test(test_netting_stopped),
		cmocka_unit_test(test_netting_oldest_first),
		cmocka_unit_test(test_netting_oldest_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
