/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * projector: carries acknowledged blocks into the tables, in order, on a
 * thread and connection of its own, as many blocks a transaction as wait
 * (rules JOURNAL-16 to JOURNAL-18).  Blocks that come close behind others are
 * gathered for a moment, unless somebody waits for them.
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
	/*
	 * Blocks queued at most; projector_push() waits or refuses above.  At
	 * least what the api lets wait plus the journal's queue_blocks_max:
	 * what is acknowledged must find room.
	 */
	uint32_t lag_blocks_max;
	/* As for the ledger (core/ledger.h); sha256 NULL: a city by itself,
	 * in whose journal there are no events of links. */
	uint32_t links_max;
	uint32_t payments_max;
	sha256_function *sha256;
	/* Called on the projector's thread after each commit: wake the loop. */
	void (*on_projected)(void *context);
	void *context;
};

struct projector *
projector_create(const struct projector_options *options) MUST_CHECK;

/* projector_free: stop after the batch under way; the journal has the rest. */
void projector_free(struct projector *projector);

/*
 * projector_begin: the tables stand at @seq, @hash and belong to @epoch;
 * set once, before the first push.
 *
 * @seq  (uint64_t)-1: nothing is projected yet.
 */
void projector_begin(struct projector *projector, uint64_t seq,
		     const uint8_t hash[SHA256_SIZE], uint32_t epoch);

/*
 * projector_push: queue a copy of @block, in the order of seq (checked).
 *
 * @wait  true: block while the queue is full (start only).
 * Returns false when the queue is full, memory is out or it has stopped.
 */
bool projector_push(struct projector *projector,
		    const struct closed_block *block, bool wait) MUST_CHECK;

/*
 * projector_hurry: somebody waits until the tables have @seq: blocks are not
 * gathered before.  One that was never pushed hurries all up to it.
 */
void projector_hurry(struct projector *projector, uint64_t seq);

/*
 * projector_position: newest seq whose transaction committed; 0 before any.
 * It goes back when the server crashed and lost its last moments (rule
 * JOURNAL-18); the projector then makes the same rows again.
 */
uint64_t projector_position(const struct projector *projector);

/* projector_lag: blocks pushed that are not in the tables. */
uint32_t projector_lag(const struct projector *projector);

/*
 * projector_stopped: true after it found another projector on the tables, or
 * tables that do not fit; final.  It reconnects by itself on anything else.
 */
bool projector_stopped(const struct projector *projector, const char **reason);

#endif
