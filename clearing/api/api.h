/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * api: what each method means: decode -> permit -> decide -> record -> reply.
 * One file a gRPC service.  It owns no socket and no clock: the node hands in
 * calls and time, and sends what comes out.
 *
 * A reply that looked at state waits for the newest block with anything in it
 * to be durable (rule JOURNAL-6): refusals and balances too.
 */
#ifndef CLEARING_API_API_H
#define CLEARING_API_API_H

#include "base/arena.h"
#include "core/identity.h"
#include "core/record.h"
#include "store/journal.h"
#include "store/reader.h"
#include "wire/grpc.h"
#include "wire/method.h"

enum node_state {
	NODE_STARTING = 1,
	NODE_SERVING = 2,
	NODE_DATABASE_AWAY = 3, /* in doubt for longer than 2 s */
	NODE_DRAINING = 4,
	NODE_CLOCK_JUMPED = 5, /* until an operator confirms the time */
	NODE_REJOINING = 6, /* restored: closed until the books are rebuilt */
};

/*
 * One request.  The node makes it, keeps everything in it alive until it is
 * answered or abandoned, and owns it.
 */
struct api_call {
	const struct rpc_method *method;
	const struct identity *caller;
	struct slice message;
	uint64_t deadline_us; /* node time; 0: the client set none */
	struct arena arena;
	struct buffer reply; /* room for the response message */
	void *owner;	     /* the node's */

	/* api's own */
	struct api *api;
	uint64_t wait_seq;
	struct api_call *next;
	struct grpc_status status;
	bool abandoned; /* the client has gone: work goes on, no reply */
	bool answered;
	bool deadline_own; /* deadline_us is API_WAIT_US, not the client's */
	bool message_kept; /* message lies in the arena */
	void *work;
};

/* How long a call without a deadline of its own waits. */
#define API_WAIT_US UINT64_C(30000000)

struct api_options {
	uint32_t batch_max;
	uint32_t projector_lag_max_blocks;
	int64_t operator_limit_max_minor; /* 0: none may */
	uint64_t message_max_bytes;
	const char *version;
	/*
	 * The answer of @call: status, and for GRPC_OK the message in
	 * call->reply.  Called once a call, also for an abandoned one (the
	 * node then only frees it).
	 */
	void (*on_reply)(void *context, struct api_call *call);
	/*
	 * @call needs more memory: give it a fresh, larger arena and reply;
	 * what the old ones hold stays valid until the answer.  False when
	 * there is no more.
	 */
	bool (*on_more_memory)(void *context, struct api_call *call);
	void *context;
};

/* Who has a restored city go on, and why (rule PEER-22). */
struct rejoined_by {
	struct slice uri;
	struct slice reason;
	bool closed; /* to local commands until the books are rebuilt */
};

struct api;

struct api *api_create(const struct api_options *options) MUST_CHECK;
void api_free(struct api *api);

/* api_serve: the store is loaded; from now on commands are carried out. */
void api_serve(struct api *api, struct ledger *ledger, struct journal *journal,
	       struct reader *reader, struct projector *projector,
	       sha256_function *sha256,
	       void (*random_fill)(uint8_t *bytes, size_t size));

/*
 * api_set_state: from now on.  Becoming SERVING after a doubt answers nothing
 * by itself; api_acknowledged() does.
 */
void api_set_state(struct api *api, enum node_state state);
enum node_state api_state(const struct api *api);

/*
 * api_rejoin: record that the city goes on from a journal that may lack what
 * it once said (record_rejoined()); before it joins its neighbours.
 *
 * @seq  of the block that says so.
 * Returns false when the journal has no room.
 */
bool api_rejoin(struct api *api, const struct rejoined_by *by, uint64_t now_us,
		uint64_t *seq) MUST_CHECK;

/* api_set_options: after a reload. */
void api_set_options(struct api *api, const struct api_options *options);

/*
 * api_handle: one complete request (any method but reflection's stream and
 * health's Watch, which are the node's).  The message is looked at before this
 * returns, or copied.
 */
void api_handle(struct api *api, struct api_call *call, uint64_t now_us);

/*
 * api_health: what grpc.health.v1 says of @service ("" is the node): 1
 * SERVING, 2 NOT_SERVING, 3 SERVICE_UNKNOWN.
 */
uint32_t api_health(const struct api *api, struct slice service);

/*
 * api_give_up: the journal has come to a final end: every call that waits is
 * answered UNAVAILABLE (rule JOURNAL-11).
 */
void api_give_up(struct api *api);

/* api_abandon: the client went away; on_reply still comes. */
void api_abandon(struct api *api, struct api_call *call);

/*
 * api_turn: once a loop turn, before requests: due expiries (at most 1,000),
 * deadlines that passed, reads that are ready.
 */
void api_turn(struct api *api, uint64_t now_us);

/*
 * api_turn_end: once a loop turn, before the journal closes its block: what
 * payments between cities need of it.
 */
void api_turn_end(struct api *api);

/*
 * api_join: the city is one of a federation from now on; after api_serve().
 * NULL: it is not any more.  @neighbours stays the caller's.
 */
struct neighbours;
void api_join(struct api *api, struct neighbours *neighbours);

/* api_acknowledged: blocks up to @seq are durable: send what waited. */
void api_acknowledged(struct api *api, uint64_t seq);

/* api_pending: calls not answered yet. */
uint32_t api_pending(const struct api *api);

#endif
