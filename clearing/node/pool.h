/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pool: memory for calls, in three sizes, used again, bounded in all: past
 * the bound a request is OVERLOADED and the node lives on.
 */
#ifndef CLEARING_NODE_POOL_H
#define CLEARING_NODE_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum pool_class {
	POOL_SMALL,  /* single commands and reads */
	POOL_MEDIUM, /* a thousand transfers; a page */
	POOL_LARGE,  /* the largest batch */
};

#define POOL_CLASS_COUNT 3

/* What all calls together may hold. */
#define POOL_SIZE_MAX ((size_t)1 << 30)

/* A piece of memory: @arena_size bytes at .bytes, then @reply_size. */
struct chunk {
	struct chunk *next;
	enum pool_class size_class;
	uint8_t *arena;
	uint8_t *reply;
	size_t arena_size;
	size_t reply_size;
};

struct pool {
	struct chunk *idle[POOL_CLASS_COUNT];
	uint32_t idle_count[POOL_CLASS_COUNT];
	size_t in_use;
};

/* pool_class_for: the smallest class that a message of @size should fit. */
enum pool_class pool_class_for(size_t size);

/* pool_take: a chunk, or NULL past the bound or when memory is out. */
struct chunk *pool_take(struct pool *pool,
			enum pool_class size_class) MUST_CHECK;

/* pool_put: it may be used again. */
void pool_put(struct pool *pool, struct chunk *chunk);

/* pool_release: free what is idle. */
void pool_release(struct pool *pool);

#endif
