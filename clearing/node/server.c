/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/server.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "node/connection.h"
#include "node/log.h"
#include "node/endpoint.h"
#include "node/stream.h"
#include "wire/tls.h"

#define BACKLOG 256
#define ADDRESS_TEXT_SIZE 64

/* "127.0.0.1:7440" or "[::1]:7440" */
static void print_address(const struct sockaddr *address, char *out,
			  size_t size)
{
	char text[INET6_ADDRSTRLEN] = "?";

	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)address;

		inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
		snprintf(out, size, "[%s]:%u", text, ntohs(v6->sin6_port));
	} else {
		const struct sockaddr_in *v4 = (const void *)address;

		inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
		snprintf(out, size, "%s:%u", text, ntohs(v4->sin_port));
	}
}

void server_init(struct server *server, const struct server_options *options,
		 SSL_CTX *tls)
{
	*server = (struct server){ .tls = tls };
	server_set_limits(server, options);
}

void server_set_limits(struct server *server,
		       const struct server_options *options)
{
	server->options = *options;
	server->limits = (struct grpc_server_limits){
		.message_size_max = options->message_size_max,
		.streams_max = STREAMS_MAX,
		.input_total = &server->input_total,
		.input_total_max = INPUT_TOTAL_MAX,
	};
}

void server_log_refused(struct server *server, const char *peer,
			const char *reason)
{
	uint64_t second =
		server->options.now(server->options.context) / 1000000;

	if (second != server->refused_second) {
		if (server->refused_count > REFUSED_LOGGED_MAX)
			log_event(
				LOG_WARNING, "handshakes_refused",
				LOG_NUMBER("more", server->refused_count -
							   REFUSED_LOGGED_MAX),
				LOG_END);
		server->refused_second = second;
		server->refused_count = 0;
	}
	if (server->refused_count++ < REFUSED_LOGGED_MAX)
		log_event(LOG_WARNING, "handshake_refused",
			  LOG_TEXT("peer", peer), LOG_TEXT("reason", reason),
			  LOG_END);
}

uint32_t server_identity_count(const struct server *server, struct slice base)
{
	const struct connection *connection = server->connections;
	uint32_t count = 0;

	for (; connection != NULL; connection = connection->next)
		if (connection->grpc != NULL &&
		    slice_equal(connection->identity.base, base))
			count++;
	return count;
}

/*
 * Is there room for one more?  Who has shaken hands longest, and is nobody
 * yet, makes it: the half-open keep no one out.
 */
static bool make_way(struct server *server)
{
	struct connection *connection = server->connections, *oldest = NULL;

	if (server->connection_count < server->options.connections_max)
		return true;
	for (; connection != NULL; connection = connection->next)
		if (connection->state == CONNECTION_HANDSHAKE)
			oldest = connection;
	if (oldest == NULL)
		return false;
	server_log_refused(server, oldest->peer,
			   "too many connections: it was the slowest");
	connection_close(oldest);
	return server->connection_count < server->options.connections_max;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t socket,
		      struct sockaddr *address, int size, void *argument)
{
	struct server *server = argument;
	uint64_t now_us = server->options.now(server->options.context);
	char peer[ADDRESS_TEXT_SIZE];
	int on = 1;

	(void)listener;
	(void)size;
	print_address(address, peer, sizeof(peer));
	if (!make_way(server)) {
		server_log_refused(server, peer, "too many connections");
		close(socket);
		return;
	}
	/* Answers are written whole: waiting for more gains nothing. */
	(void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connection_create(server, socket, peer, now_us) == NULL)
		server_log_refused(server, peer, "out of memory");
}

/* Out of descriptors: those that wait go on waiting, the loop goes on. */
static void on_accept_error(struct evconnlistener *listener, void *argument)
{
	struct server *server = argument;

	(void)evconnlistener_disable(listener);
	server_log_refused(server, "?", strerror(errno));
}

bool server_listen(struct server *server, const char *address, char *actual,
		   size_t size)
{
	struct sockaddr_storage bound;
	struct sockaddr *any = (struct sockaddr *)&bound;
	int bound_size;
	socklen_t actual_size = sizeof(bound);

	errno = EINVAL;
	if (!endpoint_parse(address, &bound, &bound_size))
		return false;
	server->listener = evconnlistener_new_bind(
		server->options.base, on_accept, server,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
			LEV_OPT_CLOSE_ON_EXEC,
		BACKLOG, any, bound_size);
	if (server->listener == NULL)
		return false;
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	if (getsockname(evconnlistener_get_fd(server->listener), any,
			&actual_size) != 0)
		return false;
	print_address(any, actual, size);
	return true;
}

uint32_t server_set_tls(struct server *server, SSL_CTX *tls)
{
	struct connection *connection = server->connections, *next;
	uint32_t closed = 0;

	SSL_CTX_free(server->tls);
	server->tls = tls;
	/* OpenSSL looks at live peers no more: this does. */
	for (; connection != NULL; connection = next) {
		next = connection->next;
		if (connection->grpc != NULL &&
		    tls_peer_still_good(connection->ssl, tls))
			continue;
		connection_close(connection);
		closed++;
	}
	return closed;
}

void server_tick(struct server *server, uint64_t now_us)
{
	struct connection *connection = server->connections, *next;

	for (; connection != NULL; connection = next) {
		next = connection->next;
		connection_tick(connection, now_us);
	}
	stream_tell(server, now_us);
	/* After on_accept_error(). */
	if (server->listener != NULL)
		(void)evconnlistener_enable(server->listener);
}

void server_flush(struct server *server)
{
	while (server->dirty != NULL) {
		struct connection *connection = server->dirty;

		server->dirty = connection->dirty_next;
		connection_flush(connection);
	}
}

void server_drain(struct server *server, uint64_t now_us)
{
	struct connection *connection = server->connections, *next;

	server->draining = true;
	if (server->listener != NULL)
		evconnlistener_free(server->listener);
	server->listener = NULL;
	stream_end_all(server);
	for (; connection != NULL; connection = next) {
		next = connection->next;
		if (connection->state == CONNECTION_HANDSHAKE)
			connection_close(connection);
		else
			connection_drain(connection, now_us);
	}
}

void server_close(struct server *server)
{
	if (server->listener != NULL)
		evconnlistener_free(server->listener);
	server->listener = NULL;
	while (server->connections != NULL)
		connection_close(server->connections);
	server_flush(server);
}

void server_release(struct server *server)
{
	check(server->connections == NULL && server->dirty == NULL);
	pool_release(&server->pool);
	SSL_CTX_free(server->tls);
	server->tls = NULL;
}
