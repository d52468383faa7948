/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "base/arena.h"

static _Alignas(16) uint8_t memory[256];

static void test_arena_takes_aligned_pieces(void **state)
{
	/* Goal: pieces lie in the memory, aligned, and do not overlap. */
	struct arena arena;
	uint8_t *end = memory;

	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	for (size_t size = 1; size < 20; size += 3) {
		uint8_t *piece = arena_take(&arena, size);

		assert_non_null(piece);
		assert_int_equal((uintptr_t)piece % 16, 0);
		assert_true(piece >= end);
		end = piece + size;
	}
	assert_true(end <= memory + sizeof(memory));
}

static void test_arena_ends(void **state)
{
	/* Goal: the last byte can be taken, one more cannot, and after a
	 * refusal smaller pieces still can. */
	struct arena arena;

	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	assert_non_null(arena_take(&arena, sizeof(memory) - 16));
	assert_null(arena_take(&arena, 17));
	assert_non_null(arena_take(&arena, 16));
	assert_null(arena_take(&arena, 1));
	assert_null(arena_take(&arena, SIZE_MAX));
	arena_reset(&arena);
	assert_null(arena_take(&arena, sizeof(memory) + 1));
	assert_ptr_equal(arena_take(&arena, sizeof(memory)), memory);
}

static void test_arena_array_is_zeroed(void **state)
{
	/* Goal: arrays come cleared; a size that overflows is refused. */
	struct arena arena;
	uint64_t *items;

	(void)state;
	memset(memory, 0xff, sizeof(memory));
	arena_init(&arena, memory, sizeof(memory));
	items = arena_take_array(&arena, 4, sizeof(*items));
	assert_non_null(items);
	for (int i = 0; i < 4; i++)
		assert_int_equal(items[i], 0);
	assert_null(arena_take_array(&arena, SIZE_MAX / 2, 4));
	assert_null(arena_take_array(&arena, 100, 8));
	assert_non_null(arena_take_array(&arena, 0, 8));
}

static void test_arena_wants_aligned_memory(void **state)
{
	/* Goal: memory that would give misaligned pieces is refused. */
	struct arena arena;

	(void)state;
	expect_assert_failure(arena_init(&arena, memory + 1, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_takes_aligned_pieces),
		cmocka_unit_test(test_arena_ends),
		cmocka_unit_test(test_arena_array_is_zeroed),
		cmocka_unit_test(test_arena_wants_aligned_memory),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
