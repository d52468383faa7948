/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * family: obligations as different economies have them, generated from a
 * number alone: the same on every machine.
 */
#ifndef CLEARING_TOOLS_BENCH_FAMILY_H
#define CLEARING_TOOLS_BENCH_FAMILY_H

#include "core/netting.h"

enum family {
	FAMILY_SCALE_FREE, /* few owe much to many, a node to 5 obligations */
	FAMILY_CITIES,	   /* about 1,000 obligations within each city */
	FAMILY_RING,	   /* one round, and chords of at most 8 nodes */
	FAMILY_EQUAL,	   /* as scale-free, all amounts the same */
	FAMILY_SUPPLY,	   /* tiers, nearly all down; 3 nodes to 10 */
	FAMILY_COUNT,
};

/* family_name: "scale_free". */
const char *family_name(enum family family);

/*
 * family_make: @count obligations, malloc'ed.
 *
 * @nodes  receives how many nodes there are.
 */
struct netting_obligation *family_make(enum family family, uint32_t count,
				       uint32_t *nodes) MUST_CHECK;

#endif
