/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_grpc_server: any bytes at a server's connection, cut anyhow.
 *
 * The first byte tells what the rest is (its low two bits: enum mode) and how
 * it is cut (the others).  The handler answers at once, later, or refuses.
 */
#include <stdint.h>
#include <string.h>

#include "wire/grpc_connection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum mode {
	MODE_RAW,    /* all that a peer sends */
	MODE_FRAMES, /* HTTP/2 frames behind the preface */
	MODE_UNARY,  /* the body of a unary request */
	MODE_STREAM, /* the body of a streaming request, gzip allowed */
};

#define HELD_MAX 16
#define DATA_MAX 16384

static const struct grpc_server_limits LIMITS = {
	.message_size_max = 65536,
	.streams_max = 20,
};

/* The preface, and empty SETTINGS. */
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

/* HPACK, fields without index: POST, https, and what gRPC wants. */
#define FIELDS(path, length)                      \
	"\x83\x87\x04" length path "\x0f\x10\x10" \
	"application/grpc"                        \
	"\x00\x02te\x08trailers"

static const struct slice UNARY = SLICE(FIELDS("/a.B/Unary", "\x0a"));
static const struct slice STREAM =
	SLICE(FIELDS("/a.B/Stream", "\x0b") "\x00\x0dgrpc-encoding\x04gzip");

struct world {
	struct grpc_connection *connection;
	uint64_t now_us;
	size_t piece;
	uint32_t dispatched;
	uint32_t ended;
	struct grpc_call *held[HELD_MAX];
	uint32_t held_count;
};

static void finish(struct grpc_call *call, uint32_t code)
{
	const struct grpc_status status = { .code = code,
					    .message = SLICE("so it is") };

	grpc_call_finish(call, &status);
}

static void on_message(void *context, struct grpc_call *call,
		       struct slice message, bool last)
{
	struct world *world = context;
	uint8_t sum = 0;

	check(message.size <= LIMITS.message_size_max);
	for (size_t i = 0; i < message.size; i++)
		sum = (uint8_t)(sum + message.data[i]);
	if (grpc_call_user(call) == NULL) {
		grpc_call_set_user(call, world);
		world->dispatched++;
	}
	if (!last) {
		if (!grpc_call_send_message(call, message))
			finish(call, GRPC_RESOURCE_EXHAUSTED);
	} else if (sum % 4 == 1 && world->held_count < HELD_MAX) {
		world->held[world->held_count++] = call;
	} else {
		if (sum % 4 != 2 && grpc_call_send_message(call, message))
			finish(call, GRPC_OK);
		else
			finish(call, sum % 17);
	}
}

static void on_end(void *context, struct grpc_call *call)
{
	struct world *world = context;

	world->ended++;
	for (uint32_t i = 0; i < world->held_count; i++) {
		if (world->held[i] == call)
			world->held[i--] = world->held[--world->held_count];
	}
}

static bool is_method(void *context, struct slice path, bool *streams)
{
	(void)context;
	*streams = slice_equal(path, SLICE("/a.B/Stream"));
	return *streams || slice_equal(path, SLICE("/a.B/Unary"));
}

static const struct grpc_server_handler HANDLER = { on_message, on_end,
						    is_method };

static void drain_output(struct world *world)
{
	while (grpc_connection_send(world->connection).size > 0)
		;
}

static bool feed(struct world *world, struct slice bytes)
{
	while (bytes.size > 0) {
		const size_t count =
			bytes.size < world->piece ? bytes.size : world->piece;

		world->now_us += 1000;
		if (!grpc_connection_receive(world->connection,
					     slice_upto(bytes, count),
					     world->now_us))
			return false;
		bytes = slice_from(bytes, count);
		if (world->now_us % 3000 == 0)
			drain_output(world);
	}
	return true;
}

static bool feed_frame(struct world *world, uint8_t type, uint8_t flags,
		       struct slice payload)
{
	const uint8_t head[9] = { (uint8_t)(payload.size >> 16),
				  (uint8_t)(payload.size >> 8),
				  (uint8_t)payload.size,
				  type,
				  flags,
				  [8] = 1 };

	return feed(world, slice_of(head, sizeof(head))) &&
	       feed(world, payload);
}

/* One request whose body is @body. */
static void feed_request(struct world *world, struct slice fields,
			 struct slice body)
{
	bool good = feed_frame(world, NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS,
			       fields);

	while (good && body.size > DATA_MAX) {
		good = feed_frame(world, NGHTTP2_DATA, 0,
				  slice_upto(body, DATA_MAX));
		body = slice_from(body, DATA_MAX);
	}
	if (good)
		feed_frame(world, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, body);
}

static void play(struct world *world, enum mode mode, struct slice rest)
{
	if (mode == MODE_RAW) {
		feed(world, rest);
		return;
	}
	feed(world, SLICE(PREFACE));
	if (mode == MODE_FRAMES)
		feed(world, rest);
	else
		feed_request(world, mode == MODE_UNARY ? UNARY : STREAM, rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = { .now_us = 1 };

	if (size == 0)
		return 0;
	world.piece = data[0] < 4 ? SIZE_MAX : data[0] >> 2;
	world.connection = grpc_connection_create(&LIMITS, &HANDLER, &world);
	check(world.connection != NULL);
	play(&world, (enum mode)(data[0] & 3), slice_of(data + 1, size - 1));
	while (world.held_count > 0) {
		finish(world.held[0], GRPC_OK);
		world.held[0] = world.held[--world.held_count];
	}
	grpc_connection_drain(world.connection);
	grpc_connection_drain(world.connection);
	drain_output(&world);
	grpc_connection_free(world.connection);
	check(world.dispatched == world.ended);
	return 0;
}
