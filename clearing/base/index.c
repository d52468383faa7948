/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/index.h"

#include "base/check.h"

/* Buckets hold slot + 1, so that memory of zeros is an empty index. */
#define BUCKETS_MIN 16u

static uint32_t buckets_for(uint32_t slots_max)
{
	return slots_max < BUCKETS_MIN ? BUCKETS_MIN : slots_max;
}

size_t index_memory_size(uint32_t slots_max)
{
	return (size_t)slots_max * sizeof(struct index_link) +
	       (size_t)buckets_for(slots_max) * sizeof(uint32_t);
}

void index_init(struct index *index, uint32_t slots_max, void *memory)
{
	check(memory != NULL && (uintptr_t)memory % 8 == 0);
	*index = (struct index){
		.links = memory,
		.slots_max = slots_max,
		.buckets_max = buckets_for(slots_max),
		.bucket_count = BUCKETS_MIN,
	};
	index->buckets = (uint32_t *)(index->links + slots_max);
}

/* The largest power of two that is not above @count. */
static uint32_t level_of(uint32_t count)
{
	check(count >= BUCKETS_MIN);
	return 1u << (31 - __builtin_clz(count));
}

static uint32_t bucket_of(const struct index *index, uint32_t hash)
{
	uint32_t level = level_of(index->bucket_count);
	uint32_t bucket = hash & (2 * level - 1);

	return bucket < index->bucket_count ? bucket : hash & (level - 1);
}

static uint32_t skip_to_hash(const struct index *index, uint32_t link,
			     uint32_t hash)
{
	while (link != 0 && index->links[link - 1].hash != hash)
		link = index->links[link - 1].next;
	return link == 0 ? INDEX_NONE : link - 1;
}

uint32_t index_first(const struct index *index, uint32_t hash)
{
	check(index->buckets != NULL);
	return skip_to_hash(index, index->buckets[bucket_of(index, hash)],
			    hash);
}

uint32_t index_next(const struct index *index, uint32_t slot)
{
	check(slot < index->slots_max);
	return skip_to_hash(index, index->links[slot].next,
			    index->links[slot].hash);
}

/* Opens one more bucket and moves to it what now belongs there. */
static void split(struct index *index)
{
	uint32_t fresh = index->bucket_count;
	uint32_t *from = &index->buckets[fresh - level_of(fresh)];
	uint32_t *to = &index->buckets[fresh];

	check(fresh < index->buckets_max);
	index->bucket_count++;
	while (*from != 0) {
		struct index_link *link = &index->links[*from - 1];

		if (bucket_of(index, link->hash) == fresh) {
			*to = *from;
			*from = link->next;
			to = &link->next;
			*to = 0;
		} else {
			from = &link->next;
		}
	}
}

void index_insert(struct index *index, uint32_t slot, uint32_t hash)
{
	uint32_t *bucket;

	check(slot < index->slots_max);
	if (index->count >= index->bucket_count &&
	    index->bucket_count < index->buckets_max)
		split(index);
	bucket = &index->buckets[bucket_of(index, hash)];
	index->links[slot] =
		(struct index_link){ .next = *bucket, .hash = hash };
	*bucket = slot + 1;
	index->count++;
}

void index_remove(struct index *index, uint32_t slot)
{
	uint32_t *link;

	check(slot < index->slots_max && index->count > 0);
	link = &index->buckets[bucket_of(index, index->links[slot].hash)];
	while (*link != slot + 1) {
		check(*link != 0);
		link = &index->links[*link - 1].next;
	}
	*link = index->links[slot].next;
	index->count--;
}
