/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * backoff: how long to wait before one more attempt at what failed.  Pure.
 */
#ifndef CLEARING_NODE_BACKOFF_H
#define CLEARING_NODE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_US_MIN UINT64_C(1000000)
#define BACKOFF_US_MAX UINT64_C(60000000)

/*
 * backoff_us: microseconds to wait after @failures in a row: none after 0;
 * then one second, doubled with each further one up to a minute, less up to
 * a quarter: nodes that lost the same neighbour at once do not come back to
 * it at once.
 *
 * @random  any number, a good one.
 */
uint64_t backoff_us(uint32_t failures, uint64_t random);

#endif
