/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"
#include "unit/random_block.h"

#define SLOTS 3000
#define STEPS 100000

static void *zeroed(uint32_t slots_max)
{
	return calloc(1, index_memory_size(slots_max));
}

/* How many slots the index gives for @hash, each once and with that hash. */
static uint32_t walk(const struct index *index, uint32_t hash,
		     const uint32_t *hashes, const bool *inside)
{
	static bool seen[SLOTS];
	struct index_cursor cursor;
	uint32_t count = 0;

	memset(seen, 0, sizeof(seen));
	for (uint32_t slot = index_first(index, hash, &cursor);
	     slot != INDEX_NONE; slot = index_next(index, &cursor)) {
		assert_true(slot < SLOTS && inside[slot] && !seen[slot]);
		assert_int_equal(hashes[slot], hash);
		seen[slot] = true;
		count++;
	}
	return count;
}

static void test_index_like_a_model(void **state)
{
	/*
	 * Goal: random insertions and removals, with few different hashes so
	 * that they collide: what is found is what is inside.
	 */
	static uint32_t hashes[SLOTS], count_of[200];
	static bool inside[SLOTS];
	struct random random = { 3 };
	void *memory = zeroed(SLOTS);
	struct index index;
	uint32_t count = 0;

	(void)state;
	index_init(&index, SLOTS, memory);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t slot = (uint32_t)random_below(&random, SLOTS);
		uint32_t which = (uint32_t)random_below(&random, 200);

		if (inside[slot]) {
			index_remove(&index, slot, hashes[slot]);
			count_of[hashes[slot] / 0x01234567]--;
			count--;
		} else {
			hashes[slot] = which * 0x01234567;
			index_insert(&index, slot, hashes[slot]);
			count_of[which]++;
			count++;
		}
		inside[slot] = !inside[slot];
		assert_int_equal(index.count, count);
		which = (uint32_t)random_below(&random, 200);
		assert_int_equal(
			walk(&index, which * 0x01234567, hashes, inside),
			count_of[which]);
	}
	free(memory);
}

static void fill_and_empty(uint32_t spread)
{
	void *memory = zeroed(SLOTS);
	struct index_cursor cursor;
	struct index index;
	uint32_t count = 0;

	index_init(&index, SLOTS, memory);
	for (uint32_t i = 0; i < SLOTS; i++)
		index_insert(&index, i, spread * i * 2654435761u);
	for (uint32_t slot = index_first(&index, 0, &cursor);
	     slot != INDEX_NONE; slot = index_next(&index, &cursor))
		count++;
	assert_int_equal(count, spread ? 1 : SLOTS);
	expect_assert_failure(index_insert(&index, SLOTS, 0));
	for (uint32_t i = 0; i < SLOTS; i++)
		index_remove(&index, i, spread * i * 2654435761u);
	assert_int_equal(index.count, 0);
	assert_int_equal(index_first(&index, 0, &cursor), INDEX_NONE);
	free(memory);
}

static void test_index_full(void **state)
{
	/* Goal: every slot can be used, with one hash or with all different */
	(void)state;
	fill_and_empty(0);
	fill_and_empty(1);
}

static void test_index_tiny(void **state)
{
	/* Goal: an index over one slot works, and a wrong removal panics. */
	void *memory = zeroed(1);
	struct index_cursor cursor;
	struct index index;

	(void)state;
	index_init(&index, 1, memory);
	expect_assert_failure(index_remove(&index, 0, 0));
	index_insert(&index, 0, UINT32_MAX);
	assert_int_equal(index_first(&index, UINT32_MAX, &cursor), 0);
	assert_int_equal(index_next(&index, &cursor), INDEX_NONE);
	index_remove(&index, 0, UINT32_MAX);
	assert_int_equal(index_first(&index, UINT32_MAX, &cursor), INDEX_NONE);
	free(memory);
}

static void test_index_touches_little(void **state)
{
	/* Goal: with few slots used, the far end of the memory stays zero. */
	uint32_t slots_max = 1u << 20;
	uint8_t *memory = zeroed(slots_max);
	/* Buckets for three entries each; overflow lies behind them all. */
	size_t used = 1000 / 3 + 2, far = slots_max / 3;
	size_t size = index_memory_size(slots_max);
	struct index index;

	(void)state;
	index_init(&index, slots_max, memory);
	for (uint32_t i = 0; i < 1000; i++)
		index_insert(&index, i, i * 2654435761u);
	for (size_t i = used * 64; i < far * 64; i++)
		assert_int_equal(memory[i], 0);
	for (size_t i = (far + used) * 64; i < size; i++)
		assert_int_equal(memory[i], 0);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index_like_a_model),
		cmocka_unit_test(test_index_full),
		cmocka_unit_test(test_index_tiny),
		cmocka_unit_test(test_index_touches_little),
	};

	return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
