/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/clock.h"

#include <time.h>

#include "base/check.h"

uint64_t clock_at(struct node_clock *clock, uint64_t wall_us,
		  uint64_t monotonic_us, uint64_t floor_us)
{
	uint64_t elapsed_us = monotonic_us - clock->monotonic_us;
	uint64_t expected_us = clock->now_us + elapsed_us;
	uint64_t crawl_us = clock->now_us + elapsed_us / 2;
	uint64_t now_us;

	if (!clock->running)
		crawl_us = 0;
	clock->jumped = clock->running && !clock->confirming &&
			wall_us > expected_us + CLOCK_JUMP_US_MAX;
	clock->running = true;
	clock->confirming = false;
	now_us = clock->jumped ? expected_us : wall_us;
	if (now_us < floor_us)
		now_us = floor_us;
	/* (rule LEDGER-17): time that stands still lets no deadline pass. */
	if (now_us < crawl_us)
		now_us = crawl_us;
	check(now_us >= clock->now_us);
	clock->now_us = now_us;
	clock->monotonic_us = monotonic_us;
	return clock->now_us;
}

void clock_confirm(struct node_clock *clock)
{
	clock->confirming = true;
}

static uint64_t read_us(clockid_t which)
{
	struct timespec read;

	clock_gettime(which, &read);
	return (uint64_t)read.tv_sec * 1000000 + (uint64_t)read.tv_nsec / 1000;
}

uint64_t clock_read(struct node_clock *clock, uint64_t floor_us)
{
	return clock_at(clock, read_us(CLOCK_REALTIME),
			read_us(CLOCK_MONOTONIC), floor_us);
}
