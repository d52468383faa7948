/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * load: requests to a node over one connection, as fast as it answers or so
 * many a second.  What the requests are is the work's (transfers.h,
 * payments.h).  A request that the node was too busy for is sent again with
 * the same bytes.
 */
#ifndef CLEARING_TOOLS_BENCH_LOAD_H
#define CLEARING_TOOLS_BENCH_LOAD_H

#include "base/buffer.h"
#include "tools/channel.h"

/* What is asked, and what becomes of the answers. */
struct load_work {
	const char *path;    /* of the method */
	size_t request_size; /* of the largest */
	/* The next request into the empty @request. */
	void (*fill)(void *context, struct buffer *request);
	/* An answer that came with OK; false: it cannot be read. */
	bool (*take)(void *context, struct slice message);
	/* Any other; false: the run has failed.  NULL: it always has. */
	bool (*refused)(void *context, const struct grpc_status *status);
	void *context;
};

struct load_options {
	struct channel *channel;
	const struct load_work *work;
	uint32_t in_flight; /* requests at once, at most */
	double seconds;
	/*
	 * 0: the next as soon as there is a place.  Else by the clock: a
	 * request's latency counts from when it was due, so that a node that
	 * stalls does not hide it by being asked less.
	 */
	double per_second;
};

struct load_result {
	uint64_t busy;	       /* requests sent again */
	double seconds;	       /* until the last answer */
	double p50_us, p99_us; /* of requests that were answered */
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
