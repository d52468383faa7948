/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * clock: node time.  It follows the wall clock and never falls: while the wall
 * clock is behind it (a step back, a newest block from the future), it goes on
 * at half speed until the two meet, so that deadlines pass.  A forward jump of
 * more than 60 s against the monotonic clock is not followed until an operator
 * confirms it: expiries and ids depend on it.  Pure but for clock_read().
 */
#ifndef CLEARING_NODE_CLOCK_H
#define CLEARING_NODE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define CLOCK_JUMP_US_MAX UINT64_C(60000000)

struct node_clock {
	bool running;
	bool jumped;	       /* the wall clock is far ahead, unconfirmed */
	bool confirming;       /* take the next reading as it is */
	uint64_t now_us;       /* newest node time given out, */
	uint64_t monotonic_us; /* and when that was */
};

/*
 * clock_at: node time for these readings.
 *
 * @floor_us  time of the newest block: never behind it (rule LEDGER-17).
 */
uint64_t clock_at(struct node_clock *clock, uint64_t wall_us,
		  uint64_t monotonic_us, uint64_t floor_us);

/* clock_confirm: the operator says that the wall clock is right. */
void clock_confirm(struct node_clock *clock);

/* clock_read: clock_at() with the machine's clocks. */
uint64_t clock_read(struct node_clock *clock, uint64_t floor_us);

#endif
