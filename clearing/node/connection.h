/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * connection: one peer: TCP, TLS, HTTP/2.  It reads what comes, hands calls
 * on, writes what comes up at the end of the turn, and stops reading while its
 * peer does not read (rule RPC-9).
 */
#ifndef CLEARING_NODE_CONNECTION_H
#define CLEARING_NODE_CONNECTION_H

#include "node/server.h"

/* What may wait to be written before nothing more is pulled or read. */
#define OUTPUT_SIZE_MAX ((size_t)256 << 10)

/*
 *   HANDSHAKE --tls, identity, alpn--> OPEN --done, goaway--> ENDING --> CLOSED
 *   any --error, too late--> CLOSED
 */
enum connection_state {
	CONNECTION_HANDSHAKE,
	CONNECTION_OPEN,
	CONNECTION_ENDING, /* closed as soon as all is written */
	CONNECTION_CLOSED, /* freed when its last call is answered */
};

struct connection {
	struct server *server;
	struct connection *next;
	struct connection *previous;
	struct connection *dirty_next;
	enum connection_state state;
	int socket;
	SSL *ssl;
	struct event *readable;
	struct event *writable;
	struct grpc_connection *grpc; /* from OPEN on */
	struct identity identity;
	uint8_t uri[IDENTITY_URI_SIZE_MAX];
	char peer[64];
	uint64_t since_us;
	uint64_t drain_us; /* when the notice went out; 0: not draining */
	uint32_t calls;	   /* that point here */
	bool is_dirty;
	bool drain_over; /* the last word went out */
	uint8_t *output;
	size_t output_begin;
	size_t output_end;
	size_t output_capacity;
};

/*
 * connection_create: begin a handshake on @socket, which is the connection's
 * from now on, whatever comes.  NULL when memory is out.
 */
struct connection *connection_create(struct server *server, int socket,
				     const char *peer,
				     uint64_t now_us) MUST_CHECK;

/* connection_close: end it now; open calls are abandoned. */
void connection_close(struct connection *connection);

/* connection_mark: it has something to write at the end of this turn. */
void connection_mark(struct connection *connection);

/* connection_flush: pull and write as much as the peer takes. */
void connection_flush(struct connection *connection);

/* connection_tick: is it too late for something? */
void connection_tick(struct connection *connection, uint64_t now_us);

/* connection_drain: the notice (rule RPC-11); the tick does the rest. */
void connection_drain(struct connection *connection, uint64_t now_us);

/* connection_hold, connection_drop: a call needs it, no longer needs it. */
void connection_hold(struct connection *connection);
void connection_drop(struct connection *connection);

#endif
