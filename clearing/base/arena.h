/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * arena: bump allocation over memory that the caller gave; freed all at once.
 * One arena serves one request.  No function here takes memory of its own.
 */
#ifndef CLEARING_BASE_ARENA_H
#define CLEARING_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct arena {
	uint8_t *memory; /* the caller's */
	size_t size;
	size_t used;
};

/* arena_init: serve from @size bytes at @memory, which the caller keeps. */
void arena_init(struct arena *arena, void *memory, size_t size);

/*
 * arena_take: @size bytes aligned for any type, not cleared.
 *
 * Returns NULL when the arena is exhausted: the request ends, not the node.
 */
void *arena_take(struct arena *arena, size_t size) MUST_CHECK;

/* arena_take_array: @count zeroed items of @size bytes, or NULL. */
void *arena_take_array(struct arena *arena, size_t count,
		       size_t size) MUST_CHECK;

/* arena_reset: forget everything taken. */
void arena_reset(struct arena *arena);

#endif
