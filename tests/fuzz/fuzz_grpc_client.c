/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_grpc_client: any bytes from a server at a client with calls in flight.
 *
 * The first byte tells what the rest is (its low bit: raw bytes, or the body
 * of the first call's response) and how it is cut (the others).
 */
#include <nghttp2/nghttp2.h>
#include <stdint.h>

#include "wire/grpc_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CALL_COUNT 3
#define DATA_MAX 16384
#define RESPONSE_MAX 65536

static void on_done(void *user, const struct grpc_status *status,
		    struct slice message)
{
	uint32_t *count = user;
	uint32_t sum = 0;

	check(status->code <= GRPC_UNAUTHENTICATED);
	check(message.size <= RESPONSE_MAX);
	for (size_t i = 0; i < message.size; i++)
		sum += message.data[i];
	for (size_t i = 0; i < status->message.size; i++)
		sum += status->message.data[i];
	for (size_t i = 0; i < status->details.size; i++)
		sum += status->details.data[i];
	/* As often as not used; keeps the reads. */
	*count += sum == UINT32_MAX ? 2 : 1;
}

static bool feed(struct grpc_client *client, struct slice bytes, size_t piece)
{
	while (bytes.size > 0) {
		const size_t count = bytes.size < piece ? bytes.size : piece;

		if (!grpc_client_receive(client, slice_upto(bytes, count)))
			return false;
		bytes = slice_from(bytes, count);
		while (grpc_client_send(client).size > 0)
			;
	}
	return true;
}

static bool feed_frame(struct grpc_client *client, uint8_t type, uint8_t flags,
		       struct slice payload)
{
	const uint8_t head[9] = { (uint8_t)(payload.size >> 16),
				  (uint8_t)(payload.size >> 8),
				  (uint8_t)payload.size,
				  type,
				  flags,
				  [8] = type == NGHTTP2_SETTINGS ? 0 : 1 };

	return feed(client, slice_of(head, sizeof(head)), SIZE_MAX) &&
	       feed(client, payload, SIZE_MAX);
}

/* One response, gzip allowed, whose body is @body. */
static void feed_response(struct grpc_client *client, struct slice body)
{
	static const struct slice FIELDS =
		SLICE("\x88\x0f\x10\x10"
		      "application/grpc"
		      "\x00\x0dgrpc-encoding\x04gzip");
	bool good = feed_frame(client, NGHTTP2_SETTINGS, 0, SLICE("")) &&
		    feed_frame(client, NGHTTP2_HEADERS,
			       NGHTTP2_FLAG_END_HEADERS, FIELDS);

	while (good && body.size > 0) {
		const size_t count =
			body.size < DATA_MAX ? body.size : DATA_MAX;

		good = feed_frame(client, NGHTTP2_DATA, 0,
				  slice_upto(body, count));
		body = slice_from(body, count);
	}
	if (good)
		feed_frame(client, NGHTTP2_HEADERS,
			   NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
			   SLICE("\x00\x0bgrpc-status\x01"
				 "0"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t counts[CALL_COUNT] = { 0 };
	struct grpc_client *client;
	struct slice rest;

	if (size == 0)
		return 0;
	rest = slice_of(data + 1, size - 1);
	client = grpc_client_create("localhost:1", RESPONSE_MAX);
	check(client != NULL);
	for (uint32_t i = 0; i < CALL_COUNT; i++)
		check(grpc_client_call(client, "/a.B/Unary", SLICE("x"), 0,
				       on_done, &counts[i]));
	while (grpc_client_send(client).size > 0)
		;
	if (data[0] & 1)
		feed_response(client, rest);
	else
		feed(client, rest, data[0] < 2 ? SIZE_MAX : data[0] >> 1);
	grpc_client_free(client);
	for (uint32_t i = 0; i < CALL_COUNT; i++)
		check(counts[i] == 1 || counts[i] == 2);
	return 0;
}
