/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * start: from a database and a state file to a loaded ledger that this node,
 * and no other, may go on with (rules JOURNAL-10 to JOURNAL-12, JOURNAL-19,
 * JOURNAL-20).  Blocking;
 * the node runs it on a thread of its own and is NOT_SERVING meanwhile.
 */
#ifndef CLEARING_STORE_START_H
#define CLEARING_STORE_START_H

#include <stdatomic.h>

#include "core/ledger.h"
#include "store/connect.h"
#include "store/headfile.h"
#include "store/projector.h"

enum start_result {
	START_OK = 0,
	START_AWAY,    /* exit 3 */
	START_REFUSED, /* exit 3: authentication and the like */
	START_SCHEMA,  /* exit 4 */
	START_SERVED,  /* exit 5: "already served by X, last seen ..." */
	START_FENCED,  /* exit 5: another node took over meanwhile */
	START_REWOUND, /* exit 6: behind the acknowledged head, or other */
	START_UNSAFE,  /* exit 7 */
	START_DAMAGED, /* exit 8: chain, payload or tables; names the place */
	START_OTHER_CITY, /* exit 2: genesis names another city, unit, ... */
	START_LIMITS,	  /* exit 2: limits below what the city has already */
	START_STOPPED,	  /* @stop was set */
};

#define START_ERROR_SIZE 600

struct start_options {
	const struct database *database;
	const char *node_name; /* host and pid, for the writer row */
	const char *federation, *city, *unit;
	uint32_t decimals;
	bool takeover; /* --takeover */
	sha256_function *sha256;
	void (*random_fill)(uint8_t *bytes, size_t size);
	const struct acknowledged_head *known; /* state file, or NULL */
	const atomic_bool *stop;
	/* Progress for the log, now and then: blocks done of blocks. */
	void (*on_progress)(void *context, const char *step, uint64_t done,
			    uint64_t total);
	void *context;
};

/* What a start gives: all owned by the caller from now on. */
struct started {
	PGconn *journal;
	struct block_header head; /* the takeover block, applied */
	char system_identifier[24];
	uint32_t timeline;
};

/*
 * start_store: connect, watch the writer row, take over, check the head, load
 * tables, replay the tail (which goes to @projector), read the ids of the
 * window.
 *
 * @ledger     initialised and empty; loaded on START_OK.
 * @projector  running; gets each block above the tables.
 */
enum start_result start_store(const struct start_options *options,
			      struct ledger *ledger,
			      struct projector *projector, struct started *out,
			      char *error) MUST_CHECK;

/*
 * start_init: write block 0 into an empty journal (clearctl init): genesis
 * and the system accounts.  Writing again what is there is success.
 */
enum start_result start_init(const struct database *database,
			     const struct event_genesis *genesis,
			     uint64_t now_us, sha256_function *sha256,
			     char *error) MUST_CHECK;

/* The writer row: beat each second; mark it free at a clean stop. */
struct heartbeat;
struct heartbeat *heartbeat_create(const struct database *database,
				   const char *node_name,
				   uint32_t epoch) MUST_CHECK;
/*
 * heartbeat_overtaken: did a beat find a later epoch?  An idle node learns of
 * a takeover by this alone: it writes no block that would be refused.
 */
bool heartbeat_overtaken(const struct heartbeat *heartbeat);
void heartbeat_free(struct heartbeat *heartbeat); /* says goodbye */

#endif
