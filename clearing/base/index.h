/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * index: a hash index over numbered slots that the caller keeps.
 *
 * It stores no keys: per slot the low 32 bits of the key's hash and a chain.
 * The caller walks the slots of a hash and compares its own records.  The
 * bucket array grows by linear hashing, one split an insertion, so that no
 * insertion is ever slow and memory that was reserved is touched only as the
 * number of slots in use grows.
 */
#ifndef CLEARING_BASE_INDEX_H
#define CLEARING_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define INDEX_NONE UINT32_MAX

struct index_link {
	uint32_t next;
	uint32_t hash;
};

struct index {
	uint32_t *buckets;	  /* bucket_count of buckets_max in use */
	struct index_link *links; /* one a slot */
	uint32_t slots_max;
	uint32_t buckets_max;
	uint32_t bucket_count;
	uint32_t count; /* slots that are in the index */
};

/* index_memory_size: bytes that an index over @slots_max slots needs. */
size_t index_memory_size(uint32_t slots_max);

/*
 * index_init: an empty index.
 *
 * @memory  index_memory_size(@slots_max) bytes aligned to 8, all zero; the
 *          caller keeps them.  Zero pages stay untouched until needed.
 */
void index_init(struct index *index, uint32_t slots_max, void *memory);

/* index_first: first slot with @hash, or INDEX_NONE. */
uint32_t index_first(const struct index *index, uint32_t hash);

/* index_next: the next slot after @slot with the same hash, or INDEX_NONE. */
uint32_t index_next(const struct index *index, uint32_t slot);

/* index_insert: add @slot (< slots_max, not in the index) under @hash. */
void index_insert(struct index *index, uint32_t slot, uint32_t hash);

/* index_remove: take out @slot, which must be in the index. */
void index_remove(struct index *index, uint32_t slot);

#endif
