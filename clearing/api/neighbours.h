/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * neighbours: the engine between cities (peer/peer.h) with what it needs
 * around it: the roster behind its questions, the bytes of batches until they
 * are acknowledged, and its actions as calls to other cities.  It opens no
 * connection: the node does, and hands in how to call.
 */
#ifndef CLEARING_API_NEIGHBOURS_H
#define CLEARING_API_NEIGHBOURS_H

#include "peer/peer.h"
#include "peer/roster.h"
#include "peer/route.h"
#include "store/journal.h"
#include "store/reader.h"
#include "wire/messages_peer.h"
#include "wire/method.h"

/* How long a call to another city may take. */
#define NEIGHBOURS_CALL_US UINT64_C(10000000)

/*
 * How a call ended: @message is the response when @arrived; else the
 * google.rpc.Status of what was refused there, empty when there is none.
 */
typedef void neighbours_done(void *user, bool arrived, struct slice message);

struct neighbours_options {
	/* NULL: a city by itself. */
	const struct roster *roster;
	struct slice roster_bytes; /* the SignedRoster, for clients */
	struct slice uri;	   /* of this node */
	struct slice key_id;
	sign_function *sign;
	verify_function *verify;
	void *sign_context;
	uint64_t decide_us;
	/*
	 * Call @rpc of another city's node; @done comes exactly once, unless
	 * false is returned: there is no connection now, or no room on it.
	 */
	bool (*call)(void *context, struct slice city, enum rpc rpc,
		     struct slice message, neighbours_done *done, void *user);
	/* Is there a connection to this neighbour? */
	bool (*is_connected)(void *context, struct slice city);
	/* A city of the roster has called: its node is there. */
	void (*on_came)(void *context, struct slice city);
	/* Something for the log; of the second see struct peer_options. */
	void (*on_alarm)(void *context, struct slice city, const char *what);
	void (*on_fork)(void *context, struct slice city,
			const struct link_batch *batch);
	void *context;
};

struct api;
struct neighbours;

/*
 * neighbours_create: over the loaded ledger of @api; NULL without memory.
 *
 * @options  roster and slices live as long as the neighbours, or until
 *           neighbours_reload().
 */
struct neighbours *
neighbours_create(struct api *api,
		  const struct neighbours_options *options) MUST_CHECK;

/* neighbours_free: calls under way must have ended. */
void neighbours_free(struct neighbours *neighbours);

/*
 * neighbours_reload: a newer roster was taken, another key: from now on the
 * members of @options count that may change, which are those of roster, key
 * and signing.
 */
void neighbours_reload(struct neighbours *neighbours,
		       const struct neighbours_options *options);

/* neighbours_turn: let the engine work, and carry out what it asks for. */
void neighbours_turn(struct neighbours *neighbours, uint64_t now_us);

/* neighbours_durable: blocks up to @seq are acknowledged. */
void neighbours_durable(struct neighbours *neighbours, uint64_t seq);

/* neighbours_seal: for the journal's on_close. */
void neighbours_seal(struct neighbours *neighbours, struct block *block);

struct peer *neighbours_peer(struct neighbours *neighbours);
const struct neighbours_options *
neighbours_options(const struct neighbours *neighbours);

/*
 * neighbours_route: the way a payment of @amount_minor to @city would take
 * now, with what it costs.
 *
 * @hints  of the payee's city, or NULL.
 * Returns false when there is none.
 */
bool neighbours_route(struct neighbours *neighbours, struct slice city,
		      uint64_t amount_minor,
		      const struct quote_payee_response *hints,
		      const struct peer_hop *excluded, uint32_t excluded_count,
		      struct route *out) MUST_CHECK;

#endif
