/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/stream.h"

#include <stdlib.h>
#include <string.h>

#include "api/error.h"
#include "api/permission.h"
#include "node/call.h"
#include "wire/messages.h"

#define STATUS_SIZE_MAX 16
#define WATCH_MEMORY_SIZE 1024

static void finish_ok(struct connection *connection, struct grpc_call *grpc)
{
	const struct grpc_status ok = { .code = GRPC_OK };

	grpc_call_finish(grpc, &ok);
	connection_mark(connection);
}

/* Is the request sound and permitted?  Ends the stream when not. */
static bool let_in(struct connection *connection, struct grpc_call *grpc,
		   const struct rpc_method *method, struct slice message)
{
	if (!rpc_request_valid(method, message)) {
		call_end(connection, grpc, REQUEST_MALFORMED);
		return false;
	}
	if (permission_of(method->rpc, connection->identity.role) ==
	    PERMISSION_NONE) {
		call_end(connection, grpc, REQUEST_NOT_PERMITTED);
		return false;
	}
	return true;
}

static bool reflect(struct connection *connection, struct grpc_call *grpc,
		    struct slice message)
{
	struct pool *pool = &connection->server->pool;
	struct chunk *chunk = pool_take(pool, POOL_MEDIUM);
	struct buffer reply;
	struct arena arena;
	bool ok;

	if (chunk == NULL)
		return false;
	arena_init(&arena, chunk->arena, chunk->arena_size);
	buffer_init(&reply, chunk->reply, chunk->reply_size);
	ok = encode_reflection(message, &arena, &reply) &&
	     grpc_call_send_message(grpc, buffer_view(&reply));
	pool_put(pool, chunk);
	return ok;
}

void stream_reflect(struct connection *connection, struct grpc_call *grpc,
		    const struct rpc_method *method, struct slice message,
		    bool last)
{
	/* The client closed its side without a further message. */
	if (last && message.size == 0) {
		finish_ok(connection, grpc);
		return;
	}
	if (!let_in(connection, grpc, method, message))
		return;
	if (!reflect(connection, grpc, message)) {
		call_end(connection, grpc, REQUEST_OVERLOADED);
		return;
	}
	connection_mark(connection);
	if (last)
		finish_ok(connection, grpc);
}

/* A watch that cannot be told now is told at the next tick. */
static void tell(struct watch *watch, const struct api *api)
{
	uint32_t status =
		api_health(api, slice_of(watch->service, watch->service_size));
	uint8_t memory[STATUS_SIZE_MAX];
	struct buffer message;

	if (status == watch->told)
		return;
	buffer_init(&message, memory, sizeof(memory));
	encode_health_check(&message, status);
	check(!message.overflowed);
	if (!grpc_call_send_message(watch->grpc, buffer_view(&message)))
		return;
	watch->told = status;
	connection_mark(watch->connection);
}

void stream_watch(struct connection *connection, struct grpc_call *grpc,
		  const struct rpc_method *method, struct slice message)
{
	struct server *server = connection->server;
	uint64_t timeout_us = grpc_call_timeout_us(grpc);
	uint8_t memory[WATCH_MEMORY_SIZE];
	struct slice service = { 0 };
	struct watch *watch;
	struct arena arena;

	if (!let_in(connection, grpc, method, message))
		return;
	arena_init(&arena, memory, sizeof(memory));
	watch = calloc(1, sizeof(*watch));
	if (server->draining || watch == NULL ||
	    !decode_health_check(message, &arena, &service)) {
		free(watch);
		call_end(connection, grpc,
			 server->draining ? REQUEST_DRAINING
					  : REQUEST_OVERLOADED);
		return;
	}
	/* No service has so long a name: cut, it is as unknown. */
	watch->service_size = service.size > WATCH_SERVICE_SIZE_MAX
				      ? WATCH_SERVICE_SIZE_MAX
				      : (uint32_t)service.size;
	if (watch->service_size > 0)
		memcpy(watch->service, service.data, watch->service_size);
	watch->connection = connection;
	watch->grpc = grpc;
	if (timeout_us > 0)
		watch->deadline_us =
			server->options.now(server->options.context) +
			timeout_us;
	watch->next = server->watches;
	server->watches = watch;
	grpc_call_set_user(grpc, watch);
	tell(watch, server->options.api);
}

void stream_unwatch(struct connection *connection, struct watch *watch)
{
	struct watch **at = &connection->server->watches;

	while (*at != NULL && *at != watch)
		at = &(*at)->next;
	check(*at == watch);
	*at = watch->next;
	free(watch);
}

/* End the watch's stream and the watch. */
static void end(struct watch *watch, enum request_error error)
{
	struct connection *connection = watch->connection;
	struct grpc_call *grpc = watch->grpc;

	grpc_call_set_user(grpc, NULL);
	stream_unwatch(connection, watch);
	call_end(connection, grpc, error);
}

void stream_tell(struct server *server, uint64_t now_us)
{
	struct watch *watch = server->watches, *next;

	for (; watch != NULL; watch = next) {
		next = watch->next;
		if (watch->deadline_us != 0 && watch->deadline_us <= now_us)
			end(watch, REQUEST_DEADLINE_PASSED);
		else
			tell(watch, server->options.api);
	}
}

void stream_end_all(struct server *server)
{
	while (server->watches != NULL)
		end(server->watches, REQUEST_DRAINING);
}
