/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * server: the listener and its connections: who may connect, how many, for
 * how long; and their end.  What a call means is the api's.
 */
#ifndef CLEARING_NODE_SERVER_H
#define CLEARING_NODE_SERVER_H

#include <event2/event.h>
#include <openssl/ssl.h>

#include "api/api.h"
#include "node/pool.h"
#include "wire/grpc_server.h"

/* Time for TCP to become an authenticated connection. */
#define HANDSHAKE_US_MAX UINT64_C(5000000)
/* After this a connection is asked to come anew: certificates change. */
#define CONNECTION_AGE_US_MAX UINT64_C(3600000000)
/* Between the notice and the last word of a drain. */
#define DRAIN_NOTICE_US UINT64_C(200000)
/* Then a drained connection ends, whatever it waits for. */
#define DRAIN_US_MAX UINT64_C(10000000)
/* Calls at once on one connection. */
#define STREAMS_MAX 1024
/* Requests that are still on their way, over all connections. */
#define INPUT_TOTAL_MAX ((size_t)256 << 20)
/* Refused handshakes that are logged each second. */
#define REFUSED_LOGGED_MAX 10

struct connection;
struct watch;

struct server_options {
	struct event_base *base;
	struct api *api;
	/* The time of this loop turn, which it begins if none is under way. */
	uint64_t (*now)(void *context);
	void *context;
	uint32_t connections_max;
	uint32_t connections_per_identity_max;
	uint32_t message_size_max;
};

struct server {
	struct server_options options;
	SSL_CTX *tls;
	struct evconnlistener *listener;
	struct grpc_server_limits limits;
	struct pool pool;
	struct connection *connections; /* all, newest first */
	struct connection *dirty;	/* have something to write */
	struct watch *watches;
	uint32_t connection_count;
	size_t input_total;  /* bytes of requests not yet whole */
	uint64_t calls_seen; /* numbers requests in the log */
	/* Refused handshakes of the present second. */
	uint64_t refused_second;
	uint32_t refused_count;
	bool draining;
};

/* server_init: nothing is listened to yet.  @tls is the server's now. */
void server_init(struct server *server, const struct server_options *options,
		 SSL_CTX *tls);

/*
 * server_listen: on @address, "IP:PORT"; port 0 takes a free one.
 *
 * @actual  receives the real address, @size bytes.
 * Returns false with errno set.
 */
bool server_listen(struct server *server, const char *address, char *actual,
		   size_t size) MUST_CHECK;

/* server_set_limits: after a reload; connections that are open stay. */
void server_set_limits(struct server *server,
		       const struct server_options *options);

/*
 * server_set_tls: new certificates.  Connections whose peer is not good under
 * them end at once.  Returns how many did.
 */
uint32_t server_set_tls(struct server *server, SSL_CTX *tls);

/* server_tick: deadlines of handshakes, ages, watches; about each 100 ms. */
void server_tick(struct server *server, uint64_t now_us);

/* server_flush: at the end of a loop turn: write what came up. */
void server_flush(struct server *server);

/* server_drain: listen no more; ask every connection to end (rule RPC-11). */
void server_drain(struct server *server, uint64_t now_us);

/* server_close: end every connection now. */
void server_close(struct server *server);

/* server_release: after server_close(). */
void server_release(struct server *server);

/* server_log_refused: a handshake that was ended, not too often. */
void server_log_refused(struct server *server, const char *peer,
			const char *reason);

/* server_identity_count: connections of the holder of @base. */
uint32_t server_identity_count(const struct server *server, struct slice base);

#endif
