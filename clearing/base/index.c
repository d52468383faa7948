/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/index.h"

#include <stdbool.h>

#include "base/check.h"

#define BUCKETS_MIN 16u
#define CACHE_LINE 64u

/*
 * Entries a bucket holds on average when it splits.  A bucket that waits for
 * its split may hold twice as many, most of which still fits its line.
 */
#define ENTRIES_BEFORE_SPLIT 3u

_Static_assert(sizeof(struct index_bucket) == CACHE_LINE,
	       "a bucket is one cache line");

static uint32_t buckets_for(uint32_t slots_max)
{
	uint32_t count = slots_max / ENTRIES_BEFORE_SPLIT + 1;

	return count < BUCKETS_MIN ? BUCKETS_MIN : count;
}

/* Each overflow bucket stands behind one that is full. */
static uint32_t overflow_for(uint32_t slots_max)
{
	return slots_max / INDEX_BUCKET_ENTRIES + 1;
}

size_t index_memory_size(uint32_t slots_max)
{
	size_t count = (size_t)buckets_for(slots_max) + overflow_for(slots_max);

	return (count + 1) * sizeof(struct index_bucket);
}

void index_init(struct index *index, uint32_t slots_max, void *memory)
{
	uintptr_t start = (uintptr_t)memory;

	check(memory != NULL);
	start = (start + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	*index = (struct index){
		.buckets = (struct index_bucket *)start,
		.overflow_max = overflow_for(slots_max),
		.slots_max = slots_max,
		.buckets_max = buckets_for(slots_max),
		.bucket_count = BUCKETS_MIN,
	};
	index->overflow = index->buckets + index->buckets_max;
}

/* The largest power of two that is not above @count. */
static uint32_t level_of(uint32_t count)
{
	check(count >= BUCKETS_MIN);
	return 1u << (31 - __builtin_clz(count));
}

static struct index_bucket *bucket_of(const struct index *index, uint32_t hash)
{
	uint32_t level = level_of(index->bucket_count);
	uint32_t at = hash & (2 * level - 1);

	if (at >= index->bucket_count)
		at = hash & (level - 1);
	return &index->buckets[at];
}

static struct index_bucket *next_of(const struct index *index,
				    const struct index_bucket *bucket)
{
	if (bucket->overflow == 0)
		return NULL;
	return &index->overflow[bucket->overflow - 1];
}

uint32_t index_next(const struct index *index, struct index_cursor *cursor)
{
	const struct index_bucket *bucket = cursor->bucket;

	check(index->buckets != NULL);
	while (bucket != NULL) {
		for (uint32_t at = cursor->at; at < bucket->count; at++) {
			if (bucket->hashes[at] != cursor->hash)
				continue;
			cursor->at = at + 1;
			return bucket->slots[at];
		}
		bucket = next_of(index, bucket);
		cursor->bucket = bucket;
		cursor->at = 0;
	}
	return INDEX_NONE;
}

uint32_t index_first(const struct index *index, uint32_t hash,
		     struct index_cursor *cursor)
{
	*cursor = (struct index_cursor){ .bucket = bucket_of(index, hash),
					 .hash = hash };
	return index_next(index, cursor);
}

void index_prefetch(const struct index *index, uint32_t hash)
{
	__builtin_prefetch(bucket_of(index, hash), 1);
}

static uint32_t overflow_take(struct index *index)
{
	uint32_t at = index->overflow_free;

	if (at == 0) {
		check(index->overflow_used < index->overflow_max);
		return ++index->overflow_used;
	}
	index->overflow_free = index->overflow[at - 1].overflow;
	index->overflow[at - 1] = (struct index_bucket){ 0 };
	return at;
}

/* Into the first free place of the chain that begins at @bucket. */
static void chain_add(struct index *index, struct index_bucket *bucket,
		      uint32_t slot, uint32_t hash)
{
	while (bucket->count == INDEX_BUCKET_ENTRIES) {
		if (bucket->overflow == 0)
			bucket->overflow = overflow_take(index);
		bucket = next_of(index, bucket);
	}
	bucket->hashes[bucket->count] = hash;
	bucket->slots[bucket->count] = slot;
	bucket->count++;
}

/*
 * Fills the place from the chain's end, of which @head is the beginning;
 * gives back a line that is empty then.  False when that was @bucket.
 */
static bool chain_remove(struct index *index, struct index_bucket *head,
			 struct index_bucket *bucket, uint32_t at)
{
	struct index_bucket *last = head, *before = NULL;

	while (last->overflow != 0) {
		before = last;
		last = next_of(index, last);
	}
	check(last->count > 0);
	last->count--;
	bucket->hashes[at] = last->hashes[last->count];
	bucket->slots[at] = last->slots[last->count];
	if (last->count > 0 || before == NULL)
		return true;
	last->overflow = index->overflow_free;
	index->overflow_free = before->overflow;
	before->overflow = 0;
	return last != bucket;
}

/* Moves from one chain to another what belongs there now. */
static void chain_part(struct index *index, struct index_bucket *head,
		       struct index_bucket *to)
{
	struct index_bucket *from = head;
	uint32_t at = 0;

	while (from != NULL) {
		uint32_t slot, hash;

		if (at == from->count) {
			from = next_of(index, from);
			at = 0;
			continue;
		}
		slot = from->slots[at];
		hash = from->hashes[at];
		if (bucket_of(index, hash) != to) {
			at++;
			continue;
		}
		if (!chain_remove(index, head, from, at))
			from = NULL;
		chain_add(index, to, slot, hash);
	}
}

/* Opens one more bucket, the other half of one that there is. */
static void split(struct index *index)
{
	uint32_t opened = index->bucket_count;

	check(opened < index->buckets_max);
	index->bucket_count++;
	chain_part(index, &index->buckets[opened - level_of(opened)],
		   &index->buckets[opened]);
}

void index_insert(struct index *index, uint32_t slot, uint32_t hash)
{
	check(slot < index->slots_max);
	if (index->count >= index->bucket_count * ENTRIES_BEFORE_SPLIT &&
	    index->bucket_count < index->buckets_max)
		split(index);
	chain_add(index, bucket_of(index, hash), slot, hash);
	index->count++;
}

static bool find_slot(const struct index_bucket *bucket, uint32_t slot,
		      uint32_t *at)
{
	for (*at = 0; *at < bucket->count; (*at)++)
		if (bucket->slots[*at] == slot)
			return true;
	return false;
}

void index_remove(struct index *index, uint32_t slot, uint32_t hash)
{
	struct index_bucket *head = bucket_of(index, hash);
	struct index_bucket *bucket = head;
	uint32_t at;

	check(slot < index->slots_max && index->count > 0);
	while (!find_slot(bucket, slot, &at)) {
		bucket = next_of(index, bucket);
		check(bucket != NULL);
	}
	(void)chain_remove(index, head, bucket, at);
	index->count--;
}
