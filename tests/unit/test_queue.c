/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/queue.h"

#include "unit/support.h"

#define CALLS 6

static struct api_call calls[CALLS];

/* Calls that wait for @seqs until @deadlines, in a fresh queue. */
static void fill(struct wait_queue *queue, const uint64_t seqs[CALLS],
		 const uint64_t deadlines[CALLS])
{
	queue_init(queue);
	for (int i = 0; i < CALLS; i++) {
		calls[i] = (struct api_call){ .wait_seq = seqs[i],
					      .deadline_us = deadlines[i] };
		queue_put(queue, &calls[i]);
	}
}

/* The calls of a list as a number: 135 is first, third and fifth. */
static int number_of(const struct api_call *call)
{
	int number = 0;

	for (; call != NULL; call = call->next)
		number = number * 10 + (int)(call - calls) + 1;
	return number;
}

/* Goal: answers leave in order, and none before its block. */
static void test_queue_takes_in_order(void **state)
{
	static const uint64_t seqs[CALLS] = { 5, 5, 6, 6, 7, 9 };
	static const uint64_t deadlines[CALLS] = { 1, 1, 1, 1, 1, 1 };
	struct wait_queue queue;

	(void)state;
	fill(&queue, seqs, deadlines);
	assert_null(queue_take_ready(&queue, 4));
	assert_ptr_equal(queue_take_ready(&queue, 5), &calls[0]);
	assert_ptr_equal(queue_take_ready(&queue, 5), &calls[1]);
	assert_null(queue_take_ready(&queue, 5));
	for (int i = 2; i < CALLS; i++)
		assert_ptr_equal(queue_take_ready(&queue, 9), &calls[i]);
	assert_null(queue_take_ready(&queue, UINT64_MAX));
	assert_int_equal(queue.count, 0);
	assert_int_equal(queue.earliest_us, UINT64_MAX);
}

/* Goal: positions in any order: the ready leave, the others keep theirs. */
static void test_queue_takes_ready_of_any_order(void **state)
{
	static const uint64_t seqs[CALLS] = { 9, 3, 8, 2, 7, 3 };
	static const uint64_t deadlines[CALLS] = { 1, 1, 1, 1, 1, 1 };
	struct wait_queue queue;

	(void)state;
	fill(&queue, seqs, deadlines);
	assert_int_equal(number_of(queue_take_all_ready(&queue, 3)), 246);
	assert_int_equal(queue.count, 3);
	assert_int_equal(number_of(queue.first), 135);
	assert_int_equal(number_of(queue_take_all_ready(&queue, 99)), 135);
	assert_null(queue.first);
	assert_null(queue.last);
}

/* Goal: who is late leaves, exactly when it is, and others do not. */
static void test_queue_takes_late(void **state)
{
	static const uint64_t seqs[CALLS] = { 1, 1, 1, 1, 1, 1 };
	static const uint64_t deadlines[CALLS] = { 50, 10, 40, 10, 30, 20 };
	struct wait_queue queue;

	(void)state;
	fill(&queue, seqs, deadlines);
	assert_int_equal(queue.earliest_us, 10);
	assert_null(queue_take_late(&queue, 9));
	assert_int_equal(number_of(queue_take_late(&queue, 10)), 24);
	assert_int_equal(queue.earliest_us, 20);
	assert_int_equal(number_of(queue_take_late(&queue, 40)), 356);
	assert_int_equal(queue.count, 1);
	assert_ptr_equal(queue.first, &calls[0]);
	assert_ptr_equal(queue.last, &calls[0]);
}

/* Goal: one call can be taken out from anywhere, once. */
static void test_queue_removes(void **state)
{
	static const uint64_t seqs[CALLS] = { 1, 1, 1, 1, 1, 1 };
	static const uint64_t deadlines[CALLS] = { 1, 1, 1, 1, 1, 1 };
	struct wait_queue queue;

	(void)state;
	fill(&queue, seqs, deadlines);
	assert_true(queue_remove(&queue, &calls[2]));
	assert_false(queue_remove(&queue, &calls[2]));
	assert_true(queue_remove(&queue, &calls[0]));
	assert_true(queue_remove(&queue, &calls[5]));
	assert_int_equal(number_of(queue.first), 245);
	queue_put(&queue, &calls[5]);
	assert_int_equal(number_of(queue.first), 2456);
	for (int i = 1; i < CALLS; i++)
		assert_int_equal(queue_remove(&queue, &calls[i]), i != 2);
	assert_null(queue.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_takes_in_order),
		cmocka_unit_test(test_queue_takes_ready_of_any_order),
		cmocka_unit_test(test_queue_takes_late),
		cmocka_unit_test(test_queue_removes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
