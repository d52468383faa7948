/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * idset: every id of a whole journal, so that one that comes twice is seen.
 * Exact: 16 bytes an id, open addressing, grown by doubling.
 */
#ifndef CLEARING_TOOLS_VERIFY_IDSET_H
#define CLEARING_TOOLS_VERIFY_IDSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/siphash.h"
#include "core/id.h"

struct idset {
	struct id *slots; /* a zero id: free */
	size_t capacity;  /* a power of two */
	size_t count;
	struct siphash_key key; /* random: who made the ids cannot choose
				   collisions */
};

enum idset_result {
	IDSET_ADDED = 0,
	IDSET_TWICE, /* it was there before */
	IDSET_NO_MEMORY,
};

void idset_init(struct idset *set, struct siphash_key key);
void idset_release(struct idset *set);

/*
 * idset_expect: @id will be added soon: its place comes into the cache
 * meanwhile.  Changes nothing.
 */
void idset_expect(const struct idset *set, const struct id *id);

/* idset_add: remember @id, which is not zero. */
enum idset_result idset_add(struct idset *set, const struct id *id) MUST_CHECK;

#endif
