/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_server.h"

#include <stdlib.h>

#include "wire/grpc_connection.h"

struct grpc_connection *
grpc_connection_create(const struct grpc_server_limits *limits,
		       const struct grpc_server_handler *handler, void *context)
{
	struct grpc_connection *connection;

	check(limits->streams_max > 0 && limits->message_size_max > 0);
	connection = calloc(1, sizeof(*connection));
	if (connection == NULL)
		return NULL;
	connection->limits = limits;
	connection->handler = handler;
	connection->context = context;
	if (grpc_session_create(connection) == NULL) {
		free(connection);
		return NULL;
	}
	return connection;
}

void grpc_connection_free(struct grpc_connection *connection)
{
	if (connection == NULL)
		return;
	while (connection->calls != NULL)
		grpc_call_end(connection->calls);
	while (connection->spare != NULL) {
		struct grpc_call *call = connection->spare;

		connection->spare = call->next;
		grpc_call_free(call);
	}
	nghttp2_session_del(connection->session);
	grpc_bytes_clear(&connection->inflated, 0);
	free(connection);
}

bool grpc_connection_receive(struct grpc_connection *connection,
			     struct slice bytes, uint64_t now_us)
{
	if (connection->broken || connection->ended)
		return false;
	connection->now_us = now_us;
	if (nghttp2_session_mem_recv(connection->session, bytes.data,
				     bytes.size) < 0)
		connection->broken = true;
	return !connection->broken && !connection->ended &&
	       nghttp2_session_want_read(connection->session) != 0;
}

struct slice grpc_connection_send(struct grpc_connection *connection)
{
	const uint8_t *data = NULL;
	ssize_t size;

	if (connection->broken)
		return slice_of(NULL, 0);
	size = nghttp2_session_mem_send(connection->session, &data);
	if (size < 0) {
		connection->broken = true;
		size = 0;
	}
	return slice_of(data, (size_t)size);
}

bool grpc_connection_is_done(const struct grpc_connection *connection)
{
	return connection->broken ||
	       (nghttp2_session_want_read(connection->session) == 0 &&
		nghttp2_session_want_write(connection->session) == 0);
}

uint32_t grpc_connection_calls(const struct grpc_connection *connection)
{
	return connection->unanswered;
}

/*
 * (rule RPC-11): the notice lets the client stop by itself; requests that
 * were on their way when it came are still served.
 */
void grpc_connection_drain(struct grpc_connection *connection)
{
	nghttp2_session *session = connection->session;
	int result;

	if (connection->broken)
		return;
	if (!connection->noticed)
		result = nghttp2_submit_shutdown_notice(session);
	else
		result = nghttp2_submit_goaway(
			session, NGHTTP2_FLAG_NONE,
			nghttp2_session_get_last_proc_stream_id(session),
			NGHTTP2_NO_ERROR, NULL, 0);
	connection->noticed = true;
	if (result != 0)
		connection->broken = true;
}
