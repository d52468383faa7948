/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * bench: what was asked for, what has been measured, and the steps that
 * measuring a node and measuring a link share.
 */
#ifndef CLEARING_TOOLS_BENCH_BENCH_H
#define CLEARING_TOOLS_BENCH_BENCH_H

#include "tools/bench/draw.h"
#include "tools/bench/figures.h"
#include "tools/channel.h"

/* A node to speak with; texts are the caller's, NULL where not given. */
struct bench_node {
	const char *endpoint, *ca, *server_uri;
	const char *operator_certificate, *operator_key;
	const char *gateway_certificate, *gateway_key;
};

struct bench {
	/* given */
	struct bench_node node; /* a link: the payers' */
	struct bench_node to;	/* a link: the payees' */
	const char *database;
	double seconds; /* for each figure */
	uint32_t account_count;
	/* made */
	struct figures figures;
	struct channel *gateway; /* of .node */
	uint64_t *accounts;	 /* of .node */
	struct draw draw;	 /* over .accounts */
	char error[CHANNEL_ERROR_SIZE];
};

void bench_release(struct bench *bench);

/*
 * bench_operator: a channel to @node as its operator, or NULL and the bench
 * has the error; the caller closes it.
 *
 * @self  who that is.
 */
struct channel *bench_operator(struct bench *bench,
			       const struct bench_node *node,
			       struct channel_self *self) MUST_CHECK;

/* bench_prepare: accounts of .node, and its gateway's channel. */
bool bench_prepare(struct bench *bench) MUST_CHECK;

/* A load of transfers: names of its rate and of how long a request took. */
struct bench_measure {
	const char *rate, *p50, *p99; /* the last two may be NULL */
	uint32_t batch, in_flight;
	bool hot; /* between two accounts alone */
};

/* How a load of transfers went. */
struct bench_outcome {
	uint64_t posted;
	uint64_t position; /* the newest that was told */
	double seconds;
	double p50_us, p99_us;
};

/* bench_load: run it; nothing is added to the figures. */
bool bench_load(struct bench *bench, const struct bench_measure *measure,
		struct bench_outcome *out) MUST_CHECK;

/*
 * bench_measure: run it into the figures, then wait until the tables of .node
 * have caught up, so that the next begins with nothing left over.
 */
bool bench_measure(struct bench *bench,
		   const struct bench_measure *measure) MUST_CHECK;

/* bench_catch_up: wait until the tables of @channel's node have @position. */
bool bench_catch_up(struct bench *bench, struct channel *channel,
		    uint64_t position) MUST_CHECK;

/* bench_catch_up_now: likewise, with all that was journalled so far. */
bool bench_catch_up_now(struct bench *bench,
			struct channel *channel) MUST_CHECK;

#endif
