/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/pool.h"

#include <stdlib.h>

/*
 * A transfer takes 30 to 100 bytes of a message, 200 of the arena (command and
 * answer), 12 to 130 of the reply.
 */
static const struct {
	size_t arena_size;
	size_t reply_size;
	size_t message_size_max;
	uint32_t idle_max; /* kept for use again */
} classes[POOL_CLASS_COUNT] = {
	[POOL_SMALL] = { 32 << 10, 8 << 10, 4 << 10, 4096 },
	[POOL_MEDIUM] = { 384 << 10, 192 << 10, 64 << 10, 256 },
	[POOL_LARGE] = { 8 << 20, 4 << 20, SIZE_MAX, 8 },
};

enum pool_class pool_class_for(size_t size)
{
	enum pool_class size_class = POOL_SMALL;

	while (size > classes[size_class].message_size_max)
		size_class++;
	return size_class;
}

static struct chunk *make(enum pool_class size_class)
{
	size_t arena_size = classes[size_class].arena_size;
	struct chunk *chunk = malloc(sizeof(*chunk) + arena_size +
				     classes[size_class].reply_size);

	if (chunk == NULL)
		return NULL;
	*chunk = (struct chunk){
		.size_class = size_class,
		.arena = (uint8_t *)(chunk + 1),
		.reply = (uint8_t *)(chunk + 1) + arena_size,
		.arena_size = arena_size,
		.reply_size = classes[size_class].reply_size,
	};
	return chunk;
}

struct chunk *pool_take(struct pool *pool, enum pool_class size_class)
{
	struct chunk *chunk = pool->idle[size_class];
	size_t size =
		classes[size_class].arena_size + classes[size_class].reply_size;

	if (pool->in_use + size > POOL_SIZE_MAX)
		return NULL;
	if (chunk != NULL) {
		pool->idle[size_class] = chunk->next;
		pool->idle_count[size_class]--;
	} else {
		chunk = make(size_class);
	}
	if (chunk == NULL)
		return NULL;
	chunk->next = NULL;
	pool->in_use += size;
	return chunk;
}

void pool_put(struct pool *pool, struct chunk *chunk)
{
	enum pool_class size_class = chunk->size_class;

	pool->in_use -= chunk->arena_size + chunk->reply_size;
	if (pool->idle_count[size_class] == classes[size_class].idle_max) {
		free(chunk);
		return;
	}
	chunk->next = pool->idle[size_class];
	pool->idle[size_class] = chunk;
	pool->idle_count[size_class]++;
}

void pool_release(struct pool *pool)
{
	for (int size_class = 0; size_class < POOL_CLASS_COUNT; size_class++) {
		while (pool->idle[size_class] != NULL) {
			struct chunk *chunk = pool->idle[size_class];

			pool->idle[size_class] = chunk->next;
			free(chunk);
		}
		pool->idle_count[size_class] = 0;
	}
}
