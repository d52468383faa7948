/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * city: the node that is measured: accounts bench-1, bench-2, ... opened by
 * an operator, and what the node says of itself.
 */
#ifndef CLEARING_TOOLS_BENCH_CITY_H
#define CLEARING_TOOLS_BENCH_CITY_H

#include "tools/channel.h"

/*
 * city_accounts: ids of bench-1 to bench-@count, opened where they are not
 * there yet, with limits that a run does not reach.
 *
 * @city   the node's.
 * @error  CHANNEL_ERROR_SIZE bytes.
 */
bool city_accounts(struct channel *channel, const char *city, uint64_t *ids,
		   uint32_t count, char *error) MUST_CHECK;

/*
 * city_position: newest durable and newest projected position.
 * False when the node does not answer.
 */
bool city_position(struct channel *channel, uint64_t *position,
		   uint64_t *projected) MUST_CHECK;

/* How a node sees its link with a neighbour. */
struct city_link {
	bool ready;	       /* reconciled, connected, caught up */
	int64_t pending_minor; /* promises without an answer, both ways */
	uint64_t out_seq, in_seq, acknowledged_seq;
	uint64_t sealed, sent; /* batches since the node started */
};

/*
 * city_link: the link with @neighbour.
 *
 * @error  CHANNEL_ERROR_SIZE bytes.
 */
bool city_link(struct channel *channel, const char *neighbour,
	       struct city_link *out, char *error) MUST_CHECK;

#endif
