/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rate: so many in a minute, counted from the first of them.  The caller's
 * clock; one that was set back begins a new minute.  All zero is a fresh one.
 */
#ifndef CLEARING_BASE_RATE_H
#define CLEARING_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_MINUTE_US UINT64_C(60000000)

struct rate {
	uint64_t since_us;
	uint32_t taken;
};

/* rate_allows: would one more at @now_us be within @most a minute? */
static inline bool rate_allows(const struct rate *rate, uint64_t now_us,
			       uint32_t most)
{
	return rate->taken < most || now_us - rate->since_us >= RATE_MINUTE_US;
}

/* rate_take: count one, whether it was within or not. */
static inline void rate_take(struct rate *rate, uint64_t now_us)
{
	if (now_us - rate->since_us >= RATE_MINUTE_US)
		*rate = (struct rate){ .since_us = now_us };
	if (rate->taken < UINT32_MAX)
		rate->taken++;
}

#endif
