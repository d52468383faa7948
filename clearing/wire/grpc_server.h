/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_server: one HTTP/2 connection of a gRPC server, without I/O.
 *
 * Bytes in, bytes out; complete unary (and the one bidirectional, reflection)
 * requests come out as calls, replies go in.  It owns no socket, no clock and
 * no TLS.  HTTP/2 is nghttp2's; what this adds is gRPC over it (RPC-n in
 * proto/README.md): framing, timeouts, status and details, gzip, flow control
 * towards a slow reader, strike counters, drain.
 */
#ifndef CLEARING_WIRE_GRPC_SERVER_H
#define CLEARING_WIRE_GRPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/grpc.h"

struct grpc_connection;
struct grpc_call;

struct grpc_server_limits {
	uint32_t message_size_max; /* 4 MiB by default; inflated size too */
	uint32_t streams_max;	   /* concurrent calls a connection */
	/*
	 * Memory of the unfinished requests of all connections that share
	 * these limits: counted here, the caller's; NULL: nobody counts.
	 * Above @input_total_max a connection has room for two large ones.
	 */
	size_t *input_total;
	size_t input_total_max;
};

struct grpc_server_handler {
	/*
	 * A call's next message is complete: @message is valid until this
	 * returns.  @last: the client has closed its side.  A unary method
	 * gets exactly one call of this, with @last; for a client-streaming
	 * one the close comes alone, with @message.data NULL.
	 * grpc_call_path() and grpc_call_timeout_us() tell the rest.
	 */
	void (*on_message)(void *context, struct grpc_call *call,
			   struct slice message, bool last);
	/*
	 * The call is gone (answered, reset, or the connection closed);
	 * @call is invalid after this returns.  Comes once for each call
	 * that on_message was called for.
	 */
	void (*on_end)(void *context, struct grpc_call *call);
	/*
	 * Is @path a method, and does its client stream?  Asked when headers
	 * arrive: an unknown path is answered UNIMPLEMENTED at once.
	 */
	bool (*is_method)(void *context, struct slice path, bool *streams);
};

/*
 * grpc_connection_create: a fresh connection; NULL when out of memory.
 * @context goes to the handler's functions.  Limits and handler must outlive
 * the connection.  The caller frees it, but not from within the handler;
 * grpc_connection_free() ends the calls that are still open.
 */
struct grpc_connection *
grpc_connection_create(const struct grpc_server_limits *limits,
		       const struct grpc_server_handler *handler,
		       void *context) MUST_CHECK;
void grpc_connection_free(struct grpc_connection *connection);

/*
 * grpc_connection_receive: bytes from the peer, as they came.
 * Returns false when the connection is to be closed after what
 * grpc_connection_send() still gives was written.
 */
bool grpc_connection_receive(struct grpc_connection *connection,
			     struct slice bytes, uint64_t now_us) MUST_CHECK;

/*
 * grpc_connection_send: the next bytes for the peer, a view valid until the
 * next call on the connection; empty when there is nothing (now).  The caller
 * stops pulling while more than 256 KiB wait in its own output buffer, and
 * stops reading from the peer then (rule RPC-9).
 */
struct slice grpc_connection_send(struct grpc_connection *connection);

/* grpc_connection_is_done: nothing more will come; close it. */
bool grpc_connection_is_done(const struct grpc_connection *connection);

/* grpc_connection_calls: calls that are not answered yet. */
uint32_t grpc_connection_calls(const struct grpc_connection *connection);

/*
 * grpc_connection_drain: first call: shutdown notice (GOAWAY 2^31-1); second
 * call, 200 ms later: GOAWAY with the last id; then done when no call is left.
 */
void grpc_connection_drain(struct grpc_connection *connection);

/* grpc_call_path: "/package.Service/Method", valid while the call lives. */
struct slice grpc_call_path(const struct grpc_call *call);

/* grpc_call_timeout_us: what the client granted; 0 when it set none. */
uint64_t grpc_call_timeout_us(const struct grpc_call *call);

/* A place for the caller's own pointer. */
void grpc_call_set_user(struct grpc_call *call, void *user);
void *grpc_call_user(const struct grpc_call *call);

/*
 * grpc_call_send_message: queue one response message (copied).
 * Returns false when out of memory or when more than 64 KiB are queued on the
 * call already: try again after on-the-wire progress.  A call that this side
 * has ended meanwhile (a malformed second message) takes and drops it.
 */
bool grpc_call_send_message(struct grpc_call *call,
			    struct slice message) MUST_CHECK;

/*
 * grpc_call_finish: end the call with @status (copied), after the messages
 * sent before.  A text over 1 KiB is cut, details over 3 KiB are left out.
 * Nothing happens when the call has its status already.  May be called from
 * within on_message; on_end comes later, when the status has left.
 */
void grpc_call_finish(struct grpc_call *call, const struct grpc_status *status);

#endif
