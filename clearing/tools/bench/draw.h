/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * draw: transfers to measure with: pairs of accounts and fresh ids from a
 * small fast generator.  Not for anything that must not be guessed.
 */
#ifndef CLEARING_TOOLS_BENCH_DRAW_H
#define CLEARING_TOOLS_BENCH_DRAW_H

#include "core/decide.h"

struct draw {
	uint64_t state;
	const uint64_t *accounts; /* ids; the caller's */
	uint32_t account_count;	  /* at least 2 */
	bool back_and_forth; /* amounts of a pair cancel out: the hot pair */
	uint64_t made;
};

void draw_init(struct draw *draw, const uint64_t *accounts,
	       uint32_t account_count);

/* draw_number: evenly from 0 to @limit - 1. */
uint32_t draw_number(struct draw *draw, uint32_t limit);

/* draw_id: a fresh one of @now_us. */
struct id draw_id(struct draw *draw, uint64_t now_us);

/*
 * draw_transfers: fill @commands; their ids are kept in @ids.
 * @now_us  for the ids.
 */
void draw_transfers(struct draw *draw, struct transfer_command *commands,
		    struct id *ids, uint32_t count, uint64_t now_us);

#endif
