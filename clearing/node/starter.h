/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * starter: start_store() on a thread, so that the node listens, says STARTING
 * and can be stopped meanwhile.
 */
#ifndef CLEARING_NODE_STARTER_H
#define CLEARING_NODE_STARTER_H

#include "store/start.h"

struct starter;

struct starter_options {
	/* .stop, .on_progress and .context are the starter's own. */
	struct start_options start;
	struct ledger *ledger;
	struct projector *projector;
	/* On the starter's thread, when it is done: wake the loop. */
	void (*on_done)(void *context);
	void *context;
};

/* starter_create: begin.  NULL when there is no memory or thread. */
struct starter *
starter_create(const struct starter_options *options) MUST_CHECK;

/* starter_stop: ask it to end soon. */
void starter_stop(struct starter *starter);

/*
 * starter_finish: if it is done: its result, and free it.
 *
 * @out    written on START_OK.
 * @error  START_ERROR_SIZE bytes, written on anything else.
 * Returns false while it is not done.
 */
bool starter_finish(struct starter *starter, enum start_result *result,
		    struct started *out, char *error) MUST_CHECK;

#endif
