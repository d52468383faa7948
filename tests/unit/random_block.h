/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * random_block: journal blocks full of every kind of fact, from a seed, so
 * that a failure can be had again.
 */
#ifndef CLEARING_TESTS_RANDOM_BLOCK_H
#define CLEARING_TESTS_RANDOM_BLOCK_H

#include "core/block.h"
#include "core/identity.h"

/* 2026-01-01T00:00:00.123456Z: when these blocks are made. */
#define RANDOM_BLOCK_CREATED_US UINT64_C(1767225600123456)

struct random {
	uint64_t state;
};

/* random_next: 64 bits (splitmix64). */
uint64_t random_next(struct random *random);

/* random_below: 0 to @count - 1. */
uint64_t random_below(struct random *random, uint64_t count);

/* random_one_in: true once in @count times. */
bool random_one_in(struct random *random, uint64_t count);

/* random_fill_bytes: @size bytes at @out. */
void random_fill_bytes(struct random *random, void *out, size_t size);

/* What a block is made of. */
struct random_mix {
	uint32_t entry_count;
	uint32_t event_count;
	bool kinds;	     /* HOLD, POST and VOID too */
	bool actors;	     /* more than one */
	bool transfer_kinds; /* other ones than PAYMENT, and more than one */
	bool wide;	     /* large numbers and far times */
	uint32_t one_in;     /* an entry in so many has a reference, a memo */
};

/* random_id: a UUIDv7 of about the block's time, or any with @wide. */
struct id random_id(struct random *random, bool wide);

/* random_entry: a valid entry. */
struct entry random_entry(struct random *random, const struct random_mix *mix);

/* random_event: a valid event of any kind; texts live until the next call. */
struct event random_event(struct random *random);

/*
 * random_block: fill the empty open @block.  Texts of memos are "memo" and
 * their number.
 */
void random_block(struct random *random, const struct random_mix *mix,
		  struct block *block);

#endif
