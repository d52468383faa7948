/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/connection.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/call.h"
#include "node/log.h"
#include "wire/tls.h"

/* A TLS record; reading whole ones leaves nothing behind in OpenSSL. */
#define RECORD_SIZE 16384
/* Records read from one connection a turn, so that others have theirs. */
#define RECORDS_PER_TURN_MAX 4
#define OUTPUT_CAPACITY_MIN ((size_t)32 << 10)

/* Old errors of this thread must not be taken for new ones. */
static void forget_errors(void)
{
	ERR_clear_error();
}

static const char *tls_reason(const struct connection *connection)
{
	long verified = SSL_get_verify_result(connection->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	return reason == NULL ? "the peer closed" : reason;
}

static void refuse(struct connection *connection, const char *reason)
{
	server_log_refused(connection->server, connection->peer, reason);
	connection_close(connection);
}

/* Who is there, and may one more of them be? */
static void open_up(struct connection *connection)
{
	struct server *server = connection->server;
	struct buffer uri;

	buffer_init(&uri, connection->uri, sizeof(connection->uri));
	/* (rule RPC-1, rule RPC-2) */
	if (!tls_peer_identity(connection->ssl, &uri, &connection->identity)) {
		refuse(connection, "no identity, or not HTTP/2");
		return;
	}
	if (server_identity_count(server, connection->identity.base) >=
	    server->options.connections_per_identity_max) {
		refuse(connection, "too many connections of this identity");
		return;
	}
	connection->grpc = grpc_connection_create(&server->limits,
						  &call_handler, connection);
	if (connection->grpc == NULL) {
		refuse(connection, "out of memory");
		return;
	}
	connection->state = CONNECTION_OPEN;
	log_event(LOG_DEBUG, "connected", LOG_TEXT("peer", connection->peer),
		  LOG_SLICE("identity", connection->identity.uri), LOG_END);
	if (server->draining)
		connection_drain(connection,
				 server->options.now(server->options.context));
	connection_mark(connection);
}

static void shake_hands(struct connection *connection)
{
	int result;

	forget_errors();
	result = SSL_accept(connection->ssl);
	if (result == 1) {
		open_up(connection);
		return;
	}
	switch (SSL_get_error(connection->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		event_add(connection->writable, NULL);
		break;
	default:
		refuse(connection, tls_reason(connection));
		break;
	}
	forget_errors();
}

/* What SSL_read() or SSL_write() could not do now. */
static void after_tls(struct connection *connection, int result)
{
	switch (SSL_get_error(connection->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		event_add(connection->writable, NULL);
		break;
	default:
		/* Its end and an error are alike: nobody is there. */
		connection_close(connection);
		break;
	}
	forget_errors();
}

static void receive(struct connection *connection)
{
	struct server *server = connection->server;
	uint64_t now_us = server->options.now(server->options.context);
	uint8_t record[RECORD_SIZE];

	for (int i = 0; i < RECORDS_PER_TURN_MAX; i++) {
		int size;

		forget_errors();
		size = SSL_read(connection->ssl, record, sizeof(record));
		if (size <= 0) {
			after_tls(connection, size);
			break;
		}
		if (!grpc_connection_receive(connection->grpc,
					     slice_of(record, (size_t)size),
					     now_us)) {
			connection->state = CONNECTION_ENDING;
			event_del(connection->readable);
			break;
		}
	}
	if (connection->state != CONNECTION_CLOSED)
		connection_mark(connection);
}

static void on_ready(evutil_socket_t socket, short what, void *argument)
{
	struct connection *connection = argument;
	struct server *server = connection->server;

	(void)socket;
	(void)server->options.now(server->options.context);
	/* Whatever closes it on the way, the struct stays until the end. */
	connection_hold(connection);
	switch (connection->state) {
	case CONNECTION_HANDSHAKE:
		shake_hands(connection);
		break;
	case CONNECTION_OPEN:
		if ((what & EV_READ) != 0)
			receive(connection);
		else
			connection_mark(connection);
		break;
	case CONNECTION_ENDING:
		connection_mark(connection);
		break;
	case CONNECTION_CLOSED:
		break;
	}
	connection_drop(connection);
}

static void unlink_connection(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		server->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	server->connection_count--;
}

static void free_if_unused(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSED && connection->calls == 0 &&
	    !connection->is_dirty)
		free(connection);
}

void connection_close(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSED)
		return;
	connection->state = CONNECTION_CLOSED;
	unlink_connection(connection);
	event_free(connection->readable);
	event_free(connection->writable);
	/* Abandons its calls, which hold the struct until they are answered. */
	connection->calls++;
	if (connection->grpc != NULL)
		grpc_connection_free(connection->grpc);
	connection->grpc = NULL;
	forget_errors();
	SSL_free(connection->ssl);
	close(connection->socket);
	free(connection->output);
	connection->output = NULL;
	connection_drop(connection);
}

void connection_hold(struct connection *connection)
{
	connection->calls++;
}

void connection_drop(struct connection *connection)
{
	check(connection->calls > 0);
	connection->calls--;
	free_if_unused(connection);
}

static bool prepare(struct connection *connection)
{
	struct server *server = connection->server;
	struct event_base *base = server->options.base;

	connection->ssl = SSL_new(server->tls);
	connection->readable =
		event_new(base, connection->socket, EV_READ | EV_PERSIST,
			  on_ready, connection);
	connection->writable = event_new(base, connection->socket, EV_WRITE,
					 on_ready, connection);
	if (connection->ssl == NULL || connection->readable == NULL ||
	    connection->writable == NULL)
		return false;
	SSL_set_mode(connection->ssl,
		     SSL_MODE_ENABLE_PARTIAL_WRITE |
			     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_accept_state(connection->ssl);
	return SSL_set_fd(connection->ssl, connection->socket) == 1 &&
	       event_add(connection->readable, NULL) == 0;
}

struct connection *connection_create(struct server *server, int socket,
				     const char *peer, uint64_t now_us)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		close(socket);
		return NULL;
	}
	connection->server = server;
	connection->socket = socket;
	connection->since_us = now_us;
	snprintf(connection->peer, sizeof(connection->peer), "%s", peer);
	if (!prepare(connection)) {
		if (connection->readable != NULL)
			event_free(connection->readable);
		if (connection->writable != NULL)
			event_free(connection->writable);
		SSL_free(connection->ssl);
		close(socket);
		free(connection);
		return NULL;
	}
	connection->next = server->connections;
	if (connection->next != NULL)
		connection->next->previous = connection;
	server->connections = connection;
	server->connection_count++;
	return connection;
}

void connection_mark(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->is_dirty || connection->state == CONNECTION_CLOSED)
		return;
	connection->is_dirty = true;
	connection->dirty_next = server->dirty;
	server->dirty = connection;
}

static size_t waiting(const struct connection *connection)
{
	return connection->output_end - connection->output_begin;
}

/* Room for @size more bytes at the end of the output. */
static bool make_room(struct connection *connection, size_t size)
{
	size_t kept = waiting(connection);
	size_t capacity = connection->output_capacity;
	uint8_t *grown;

	if (connection->output_begin > 0) {
		memmove(connection->output,
			connection->output + connection->output_begin, kept);
		connection->output_begin = 0;
		connection->output_end = kept;
	}
	if (kept + size <= capacity)
		return true;
	capacity = capacity == 0 ? OUTPUT_CAPACITY_MIN : capacity;
	while (capacity < kept + size)
		capacity *= 2;
	grown = realloc(connection->output, capacity);
	if (grown == NULL)
		return false;
	connection->output = grown;
	connection->output_capacity = capacity;
	return true;
}

/*
 * Pull what HTTP/2 has to say, up to the bound (rule RPC-9).
 * Returns false when memory is out.
 */
static bool pull(struct connection *connection)
{
	while (waiting(connection) < OUTPUT_SIZE_MAX) {
		struct slice bytes = grpc_connection_send(connection->grpc);

		if (bytes.size == 0)
			return true;
		if (connection->output_end + bytes.size >
			    connection->output_capacity &&
		    !make_room(connection, bytes.size))
			return false;
		memcpy(connection->output + connection->output_end, bytes.data,
		       bytes.size);
		connection->output_end += bytes.size;
	}
	return true;
}

/* Returns how many bytes went out; after 0 the connection may be closed. */
static size_t write_some(struct connection *connection)
{
	size_t size = waiting(connection);
	int written;

	forget_errors();
	written = SSL_write(connection->ssl,
			    connection->output + connection->output_begin,
			    (int)size);
	if (written <= 0) {
		after_tls(connection, written);
		return 0;
	}
	connection->output_begin += (size_t)written;
	if (waiting(connection) == 0)
		connection->output_begin = connection->output_end = 0;
	return (size_t)written;
}

/* All is written: is that the end? */
static void finish_if_done(struct connection *connection)
{
	if (connection->state != CONNECTION_ENDING &&
	    !grpc_connection_is_done(connection->grpc))
		return;
	forget_errors();
	(void)SSL_shutdown(connection->ssl);
	connection_close(connection);
}

static void set_reading(struct connection *connection)
{
	bool full = waiting(connection) >= OUTPUT_SIZE_MAX;
	bool reads = event_pending(connection->readable, EV_READ, NULL) != 0;

	if (connection->state != CONNECTION_OPEN)
		return;
	/* (rule RPC-9) */
	if (full && reads)
		event_del(connection->readable);
	else if (!full && !reads)
		event_add(connection->readable, NULL);
}

/* Pull and write in turns until one of them has no more to give. */
static void flush(struct connection *connection)
{
	for (;;) {
		if (!pull(connection)) {
			connection_close(connection);
			return;
		}
		if (waiting(connection) == 0) {
			set_reading(connection);
			finish_if_done(connection);
			return;
		}
		if (write_some(connection) == 0)
			break;
	}
	if (connection->state != CONNECTION_CLOSED)
		set_reading(connection);
}

void connection_flush(struct connection *connection)
{
	connection_hold(connection);
	connection->is_dirty = false;
	if (connection->grpc != NULL)
		flush(connection);
	connection_drop(connection);
}

void connection_drain(struct connection *connection, uint64_t now_us)
{
	if (connection->state != CONNECTION_OPEN || connection->drain_us != 0)
		return;
	connection->drain_us = now_us;
	grpc_connection_drain(connection->grpc);
	connection_mark(connection);
}

/* (rule RPC-11): notice, 200 ms later the last word, then a hard end. */
static void tick_drain(struct connection *connection, uint64_t now_us)
{
	uint64_t since_us = now_us - connection->drain_us;

	if (!connection->drain_over && since_us >= DRAIN_NOTICE_US) {
		connection->drain_over = true;
		grpc_connection_drain(connection->grpc);
		connection_mark(connection);
	}
	if (since_us >= DRAIN_US_MAX)
		connection_close(connection);
}

void connection_tick(struct connection *connection, uint64_t now_us)
{
	uint64_t age_us = now_us - connection->since_us;

	switch (connection->state) {
	case CONNECTION_HANDSHAKE:
		if (age_us >= HANDSHAKE_US_MAX)
			refuse(connection, "the handshake took too long");
		break;
	case CONNECTION_OPEN:
		if (age_us >= CONNECTION_AGE_US_MAX)
			connection_drain(connection, now_us);
		if (connection->drain_us != 0)
			tick_drain(connection, now_us);
		break;
	case CONNECTION_ENDING:
		/* It had its chance to read the last words. */
		if (connection->drain_us == 0)
			connection->drain_us = now_us;
		else if (now_us - connection->drain_us >= HANDSHAKE_US_MAX)
			connection_close(connection);
		break;
	case CONNECTION_CLOSED:
		break;
	}
}
