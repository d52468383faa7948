/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * federation: this node among the cities: a connection to each neighbour, and
 * to other cities while somebody asks them something, with the engine's calls
 * on them (api/neighbours.h).  A node without a roster has none of it.
 */
#ifndef CLEARING_NODE_FEDERATION_H
#define CLEARING_NODE_FEDERATION_H

#include <event2/event.h>

#include "api/neighbours.h"
#include "node/config.h"
#include "node/roster_file.h"

struct federation;

struct federation_options {
	struct event_base *base;
	struct api *api; /* serving */
	const struct roster_file *held;
	const struct config *config;
	uint64_t (*now)(void *context); /* node_now() */
	void *context;
};

/* federation_create: join the api; NULL without memory. */
struct federation *
federation_create(const struct federation_options *options) MUST_CHECK;

/* federation_free: leave the api, close every connection. */
void federation_free(struct federation *federation);

/* federation_closed: see peer_is_closed(). */
bool federation_closed(const struct federation *federation);

/*
 * federation_reload: another roster or other certificates.  The connection to
 * a city that is still where it was, and good under them, stays.
 */
void federation_reload(struct federation *federation);

/* federation_tick: about each 100 ms. */
void federation_tick(struct federation *federation, uint64_t now_us);

/* federation_flush: at the end of a loop turn: write what was called. */
void federation_flush(struct federation *federation);

/* federation_seal: for the journal's on_close. */
void federation_seal(struct federation *federation, struct block *block);

#endif
