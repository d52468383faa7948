/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/call.h"

#include "api/error.h"
#include "node/log.h"
#include "node/stream.h"

#define ERROR_MEMORY_SIZE 1024

/* One unary call; lies at the beginning of its first chunk's arena. */
struct unary {
	struct api_call call;
	struct connection *connection;
	struct grpc_call *grpc; /* NULL: the client has gone */
	struct chunk *chunks;	/* newest first; the oldest holds this */
	uint64_t number;
	uint64_t begun_us;
};

static void use_chunk(struct api_call *call, struct chunk *chunk, size_t used)
{
	arena_init(&call->arena, chunk->arena + used, chunk->arena_size - used);
	buffer_init(&call->reply, chunk->reply, chunk->reply_size);
}

/* The struct's size, rounded up to what an arena is aligned to. */
#define UNARY_SIZE ((sizeof(struct unary) + 15) / 16 * 16)

static struct unary *create(struct connection *connection,
			    struct grpc_call *grpc, size_t message_size)
{
	struct server *server = connection->server;
	struct chunk *chunk =
		pool_take(&server->pool, pool_class_for(message_size));
	struct unary *unary;

	if (chunk == NULL)
		return NULL;
	unary = (struct unary *)(void *)chunk->arena;
	*unary = (struct unary){
		.connection = connection,
		.grpc = grpc,
		.chunks = chunk,
		.number = ++server->calls_seen,
	};
	use_chunk(&unary->call, chunk, UNARY_SIZE);
	connection_hold(connection);
	return unary;
}

static void release(struct unary *unary)
{
	struct connection *connection = unary->connection;
	struct pool *pool = &connection->server->pool;
	struct chunk *chunk = unary->chunks;

	/* The last one put back is the one that holds the struct. */
	while (chunk != NULL) {
		struct chunk *next = chunk->next;

		pool_put(pool, chunk);
		chunk = next;
	}
	connection_drop(connection);
}

bool call_on_more_memory(void *context, struct api_call *call)
{
	struct unary *unary = call->owner;
	struct chunk *chunk;

	(void)context;
	if (unary->chunks->size_class == POOL_LARGE)
		return false;
	chunk = pool_take(&unary->connection->server->pool,
			  unary->chunks->size_class + 1);
	if (chunk == NULL)
		return false;
	chunk->next = unary->chunks;
	unary->chunks = chunk;
	use_chunk(call, chunk, 0);
	return true;
}

static void log_reply(const struct unary *unary, uint64_t now_us)
{
	const struct api_call *call = &unary->call;

	if (!log_enabled(LOG_DEBUG))
		return;
	log_event(LOG_DEBUG, "answered", LOG_NUMBER("request", unary->number),
		  LOG_TEXT("method", call->method->path),
		  LOG_SLICE("caller", call->caller->uri),
		  LOG_TEXT("code", grpc_code_name(call->status.code)),
		  LOG_NUMBER("took_us", now_us - unary->begun_us), LOG_END);
}

static void send_answer(const struct unary *unary)
{
	const struct api_call *call = &unary->call;
	struct grpc_status status = call->status;

	grpc_call_set_user(unary->grpc, NULL);
	if (status.code == GRPC_OK &&
	    !grpc_call_send_message(unary->grpc, buffer_view(&call->reply))) {
		status = (struct grpc_status){
			.code = GRPC_RESOURCE_EXHAUSTED,
			.message = SLICE("out of memory: send it again with "
					 "the same id"),
		};
	}
	grpc_call_finish(unary->grpc, &status);
	connection_mark(unary->connection);
}

void call_on_reply(void *context, struct api_call *call)
{
	struct unary *unary = call->owner;
	struct server *server = unary->connection->server;

	(void)context;
	log_reply(unary, server->options.now(server->options.context));
	if (unary->grpc != NULL)
		send_answer(unary);
	release(unary);
}

void call_end(struct connection *connection, struct grpc_call *grpc,
	      uint32_t error)
{
	uint8_t memory[ERROR_MEMORY_SIZE];
	struct grpc_status status;
	struct arena arena;

	arena_init(&arena, memory, sizeof(memory));
	error_status((enum request_error)error, NULL, &arena, &status);
	grpc_call_finish(grpc, &status);
	connection_mark(connection);
}

static void begin_unary(struct connection *connection, struct grpc_call *grpc,
			const struct rpc_method *method, struct slice message)
{
	struct server *server = connection->server;
	uint64_t now_us = server->options.now(server->options.context);
	uint64_t timeout_us = grpc_call_timeout_us(grpc);
	struct unary *unary = create(connection, grpc, message.size);

	if (unary == NULL) {
		call_end(connection, grpc, REQUEST_OVERLOADED);
		return;
	}
	unary->begun_us = now_us;
	unary->call.method = method;
	unary->call.caller = &connection->identity;
	unary->call.message = message;
	unary->call.owner = unary;
	if (timeout_us > 0)
		unary->call.deadline_us = now_us + timeout_us;
	grpc_call_set_user(grpc, unary);
	api_handle(server->options.api, &unary->call, now_us);
}

static void on_message(void *context, struct grpc_call *grpc,
		       struct slice message, bool last)
{
	struct connection *connection = context;
	const struct rpc_method *method = rpc_method_find(grpc_call_path(grpc));

	/* is_method() was asked when the headers came. */
	check(method != NULL);
	if (method->client_streams)
		stream_reflect(connection, grpc, method, message, last);
	else if (method->rpc == RPC_HEALTH_WATCH)
		stream_watch(connection, grpc, method, message);
	else
		begin_unary(connection, grpc, method, message);
}

static void on_end(void *context, struct grpc_call *grpc)
{
	struct connection *connection = context;
	const struct rpc_method *method = rpc_method_find(grpc_call_path(grpc));
	void *user = grpc_call_user(grpc);
	struct unary *unary = user;

	if (user == NULL || method->client_streams)
		return;
	if (method->rpc == RPC_HEALTH_WATCH) {
		stream_unwatch(connection, user);
		return;
	}
	unary->grpc = NULL;
	api_abandon(connection->server->options.api, &unary->call);
}

static bool is_method(void *context, struct slice path, bool *streams)
{
	const struct rpc_method *method = rpc_method_find(path);

	(void)context;
	if (method == NULL)
		return false;
	*streams = method->client_streams;
	return true;
}

const struct grpc_server_handler call_handler = {
	.on_message = on_message,
	.on_end = on_end,
	.is_method = is_method,
};
