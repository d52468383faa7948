/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * payments: Pay to a neighbouring city as the work of a load.  Each call
 * waits for the end of its payment, so an answer means that it was posted in
 * both cities, or why not.
 */
#ifndef CLEARING_TOOLS_BENCH_PAYMENTS_H
#define CLEARING_TOOLS_BENCH_PAYMENTS_H

#include "tools/bench/draw.h"
#include "tools/bench/load.h"

struct payments {
	struct draw *draw; /* the caller's */
	const char *city;  /* the payees': bench-1, bench-2, ... */
	uint64_t posted;
	uint64_t refused;   /* by a city, or not taken at all */
	uint64_t pending;   /* no end while the call waited */
	char last_why[160]; /* of the newest that was not posted */
};

/* payments_work: for load_run(); @payments outlives it. */
struct load_work payments_work(struct payments *payments);

#endif
