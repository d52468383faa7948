/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * outgoing: the connection to one neighbour that this node makes and keeps:
 * it dials, dials anew when the connection goes, and carries calls.  What is
 * said is not its affair.
 *
 * A name is looked up for each attempt by the system's resolver, on a thread
 * of its own (node/lookup.h): a neighbour may move.
 */
#ifndef CLEARING_NODE_OUTGOING_H
#define CLEARING_NODE_OUTGOING_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "wire/grpc_client.h"

/* Calls at once: more would only wait for each other at the neighbour. */
#define OUTGOING_CALLS_MAX 256
/* From TLS to the neighbour's first word. */
#define OUTGOING_OPENING_US_MAX UINT64_C(5000000)
/*
 * One that was open so long worked: its loss is no reason to wait.  A shorter
 * one counts as a failure, so that a neighbour that is on its way down is not
 * dialled without a pause.
 */
#define OUTGOING_WORKED_US UINT64_C(10000000)
/*
 * After a failed attempt even a neighbour that came here itself is left alone
 * so long: whoever comes often does not have it dialled more often.
 */
#define OUTGOING_HURRY_US UINT64_C(1000000)
/* For calls under way on a connection that is to end. */
#define OUTGOING_LEAVING_US_MAX UINT64_C(10000000)

struct outgoing;

struct outgoing_options {
	struct event_base *base;
	const char *endpoint; /* "host:port", "[v6]:port"; copied */
	uint32_t message_size_max;
	/*
	 * The context to dial with, in which the neighbour's URI and CA are
	 * pinned (node/credentials.h); asked for at each attempt.  It stays
	 * the callee's; NULL: there is none, which is a failed attempt.
	 */
	SSL_CTX *(*tls)(void *context);
	/* The time of this loop turn, which it begins if none is under way. */
	uint64_t (*now)(void *context);
	/*
	 * Calls can be made: @why is NULL; or no more, or an attempt failed:
	 * @why says why.  Never from within outgoing_create() and _free().
	 */
	void (*on_state)(void *context, bool is_open, const char *why);
	void *context; /* of all three */
};

/* outgoing_create: the first tick dials.  NULL when memory is out. */
struct outgoing *
outgoing_create(const struct outgoing_options *options) MUST_CHECK;

/*
 * outgoing_free: calls that are open end with UNAVAILABLE first.  Not from
 * within a call's end or on_state.
 */
void outgoing_free(struct outgoing *outgoing);

/* outgoing_is_open: may calls be made? */
bool outgoing_is_open(const struct outgoing *outgoing) MUST_CHECK;

/*
 * outgoing_call: send @message to @path of the neighbour; it leaves with
 * outgoing_flush().
 *
 * @timeout_us  > 0; told to the neighbour.
 * @done  called exactly once, by the loop, a tick, a flush or outgoing_free():
 *        with the answer, DEADLINE_EXCEEDED at a tick when it took too long,
 *        UNAVAILABLE when the connection is gone (the neighbour may have
 *        carried it out).  May make calls.
 * Returns false, and @done is not called, when there is no connection, or
 * OUTGOING_CALLS_MAX calls are open, or memory is out.
 */
bool outgoing_call(struct outgoing *outgoing, const char *path,
		   struct slice message, uint64_t timeout_us,
		   grpc_client_done *done, void *user) MUST_CHECK;

/* outgoing_in_flight: calls not ended yet. */
uint32_t outgoing_in_flight(const struct outgoing *outgoing);

/* outgoing_flush: at the end of a loop turn: write what came up. */
void outgoing_flush(struct outgoing *outgoing);

/* outgoing_tick: what it is time for, and too late for; about each 100 ms. */
void outgoing_tick(struct outgoing *outgoing, uint64_t now_us);

/*
 * outgoing_hurry: there is reason to believe that the neighbour is back (it
 * came here itself): it is dialled OUTGOING_HURRY_US after the last attempt
 * failed, at the next tick when that is past, however long was to be waited;
 * likewise when the attempt under way fails.  While calls can be made this
 * means nothing.
 */
void outgoing_hurry(struct outgoing *outgoing);

/*
 * outgoing_check: .tls gives another context from now on: connections whose
 * peer is not good under it end at once, and one being made begins again.
 */
void outgoing_check(struct outgoing *outgoing);

#endif
