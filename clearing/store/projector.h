/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * projector: carries acknowledged blocks into the tables, in order, on a
 * thread and connection of its own, as many blocks a transaction as wait
 * (rules JOURNAL-16 to JOURNAL-18).
 *
 * A thread, because building arrays for 100,000 entries would hold up the
 * loop; it shares nothing with the loop but a bounded queue of copies.
 */
#ifndef CLEARING_STORE_PROJECTOR_H
#define CLEARING_STORE_PROJECTOR_H

#include "store/connect.h"
#include "store/journal.h"

struct projector;

struct projector_options {
	const struct database *database;
	uint32_t lag_blocks_max; /* projector_push() waits or refuses above */
	/* Called on the projector's thread after each commit: wake the loop. */
	void (*on_projected)(void *context);
	void *context;
};

struct projector *
projector_create(const struct projector_options *options) MUST_CHECK;

/* projector_free: stop after the batch under way; the rest is in the journal. */
void projector_free(struct projector *projector);

/*
 * projector_begin: the tables stand at @seq, @hash and belong to @epoch;
 * set once, before the first push.
 */
void projector_begin(struct projector *projector, uint64_t seq,
		     const uint8_t hash[SHA256_SIZE], uint32_t epoch);

/*
 * projector_push: queue a copy of @block.
 * @wait  true: block while the queue is full (start only).
 */
bool projector_push(struct projector *projector,
		    const struct closed_block *block, bool wait) MUST_CHECK;

/* projector_position: newest seq whose transaction committed. */
uint64_t projector_position(const struct projector *projector);

/* projector_lag: blocks queued. */
uint32_t projector_lag(const struct projector *projector);

/*
 * projector_stopped: true after it found another projector on the tables, or
 * tables that do not fit; final.  It reconnects by itself on anything else.
 */
bool projector_stopped(const struct projector *projector, const char **reason);

#endif
