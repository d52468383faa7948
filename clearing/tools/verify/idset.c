/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/idset.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024

void idset_init(struct idset *set, struct siphash_key key)
{
	*set = (struct idset){ .key = key };
}

void idset_release(struct idset *set)
{
	free(set->slots);
	*set = (struct idset){ 0 };
}

/*
 * One wide multiplication of the two halves under the secret key: whoever
 * made the ids does not know it, so collisions are chance.
 */
static size_t hash_of(const struct idset *set, const struct id *id)
{
	uint64_t halves[2];
	unsigned __int128 product;

	memcpy(halves, id->bytes, sizeof(halves));
	product = (unsigned __int128)(halves[0] ^ set->key.k0) *
		  (halves[1] ^ set->key.k1);
	return (size_t)(product ^ product >> 64);
}

/* The slot that has @id, or the free one where it belongs. */
static struct id *place_of(const struct idset *set, const struct id *id)
{
	size_t mask = set->capacity - 1;
	size_t at = hash_of(set, id) & mask;

	while (!id_is_zero(&set->slots[at]) && !id_equal(&set->slots[at], id))
		at = (at + 1) & mask;
	return &set->slots[at];
}

void idset_expect(const struct idset *set, const struct id *id)
{
	if (set->capacity > 0)
		__builtin_prefetch(
			&set->slots[hash_of(set, id) & (set->capacity - 1)], 1);
}

static bool grow(struct idset *set)
{
	struct idset larger = *set;

	larger.capacity =
		set->capacity > 0 ? 2 * set->capacity : CAPACITY_FIRST;
	larger.slots = calloc(larger.capacity, sizeof(struct id));
	if (larger.slots == NULL)
		return false;
	for (size_t i = 0; i < set->capacity; i++) {
		if (!id_is_zero(&set->slots[i]))
			*place_of(&larger, &set->slots[i]) = set->slots[i];
	}
	free(set->slots);
	*set = larger;
	return true;
}

enum idset_result idset_add(struct idset *set, const struct id *id)
{
	struct id *place;

	check(!id_is_zero(id));
	/* At most three quarters full. */
	if (set->count >= set->capacity / 4 * 3 && !grow(set))
		return IDSET_NO_MEMORY;
	place = place_of(set, id);
	if (!id_is_zero(place))
		return IDSET_TWICE;
	*place = *id;
	set->count++;
	return IDSET_ADDED;
}
