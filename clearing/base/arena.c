/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/arena.h"

#include <string.h>

#define ARENA_ALIGNMENT 16

void arena_init(struct arena *arena, void *memory, size_t size)
{
	check(memory != NULL || size == 0);
	check((uintptr_t)memory % ARENA_ALIGNMENT == 0);
	*arena = (struct arena){ .memory = memory, .size = size };
}

void *arena_take(struct arena *arena, size_t size)
{
	size_t start = (arena->used + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT *
		       ARENA_ALIGNMENT;

	check(arena->used <= arena->size);
	if (start > arena->size || size > arena->size - start)
		return NULL;
	arena->used = start + size;
	return arena->memory + start;
}

void *arena_take_array(struct arena *arena, size_t count, size_t size)
{
	void *items;

	check(size > 0);
	if (count > SIZE_MAX / size)
		return NULL;
	items = arena_take(arena, count * size);
	if (items != NULL)
		memset(items, 0, count * size);
	return items;
}

void arena_reset(struct arena *arena)
{
	check(arena->used <= arena->size);
	arena->used = 0;
}
