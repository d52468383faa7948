/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * index: a hash index over numbered slots that the caller keeps.
 *
 * It stores no keys: a slot's number beside 32 bits of its key's hash.  The
 * caller walks the slots of a hash and compares its own records.
 *
 * A bucket is one cache line of seven entries, so that a look at millions of
 * slots costs one memory access.  The bucket array grows by linear hashing,
 * one split an insertion: no insertion is ever slow, and memory that was
 * reserved is touched only as the number of slots in use grows.  Full buckets
 * continue in overflow buckets; all but the last of a chain are full, which
 * bounds how many there can be.
 */
#ifndef CLEARING_BASE_INDEX_H
#define CLEARING_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE UINT32_MAX
#define INDEX_BUCKET_ENTRIES 7

struct index_bucket {
	uint32_t hashes[INDEX_BUCKET_ENTRIES];
	uint32_t slots[INDEX_BUCKET_ENTRIES];
	uint32_t count;	   /* entries in use */
	uint32_t overflow; /* place in the overflow array + 1; 0: none */
};

struct index {
	struct index_bucket *buckets;  /* bucket_count of buckets_max in use */
	struct index_bucket *overflow; /* behind them: spare cache lines */
	uint32_t overflow_used;	       /* ever taken from the array */
	uint32_t overflow_free;	       /* chain of free ones by .overflow */
	uint32_t overflow_max;
	uint32_t slots_max;
	uint32_t buckets_max;
	uint32_t bucket_count;
	uint32_t count; /* slots that are in the index */
};

/* Where a walk over the slots of one hash stands. */
struct index_cursor {
	const struct index_bucket *bucket;
	uint32_t at;
	uint32_t hash;
};

/* index_memory_size: bytes that an index over @slots_max slots needs. */
size_t index_memory_size(uint32_t slots_max);

/*
 * index_init: an empty index.
 *
 * @memory  index_memory_size(@slots_max) bytes, all zero; the caller keeps
 *          them.  Zero pages stay untouched until needed.
 */
void index_init(struct index *index, uint32_t slots_max, void *memory);

/*
 * index_first, index_next: the slots with @hash, one after the other;
 * INDEX_NONE when there is none (more).  No change in between.
 */
uint32_t index_first(const struct index *index, uint32_t hash,
		     struct index_cursor *cursor);
uint32_t index_next(const struct index *index, struct index_cursor *cursor);

/* index_insert: add @slot (< slots_max, not in the index) under @hash. */
void index_insert(struct index *index, uint32_t slot, uint32_t hash);

/* index_remove: take out @slot, which must be in the index under @hash. */
void index_remove(struct index *index, uint32_t slot, uint32_t hash);

/* index_prefetch: @hash will be looked for soon. */
void index_prefetch(const struct index *index, uint32_t hash);

#endif
