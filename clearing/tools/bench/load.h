/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * load: transfers to a node as fast as it answers: one connection, a number
 * of requests in flight, each with a number of transfers.  A request that the
 * node was too busy for is sent again with the same ids.
 */
#ifndef CLEARING_TOOLS_BENCH_LOAD_H
#define CLEARING_TOOLS_BENCH_LOAD_H

#include "tools/bench/draw.h"
#include "tools/channel.h"

struct load_options {
	struct channel *channel;
	struct draw *draw;
	uint32_t batch;	    /* transfers a request */
	uint32_t in_flight; /* requests */
	double seconds;
};

struct load_result {
	uint64_t posted;
	uint64_t refused;
	uint64_t busy;	       /* requests sent again */
	double seconds;	       /* until the last answer */
	double p50_us, p99_us; /* of requests that were answered */
	uint64_t position;
};

/*
 * load_run: see above.
 *
 * @error  CHANNEL_ERROR_SIZE bytes.
 * False when the connection was lost or a request failed otherwise.
 */
bool load_run(const struct load_options *options, struct load_result *out,
	      char *error) MUST_CHECK;

#endif
