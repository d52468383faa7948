/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Which requests are let in, and their messages. */
#include "wire/grpc_connection.h"

#include <string.h>

#include "wire/grpc_gzip.h"
#include "wire/grpc_text.h"

/* What HPACK counts for a field besides its texts (RFC 7541, 4.1). */
#define FIELD_SIZE 32

/* Inflated bytes kept between messages of a connection. */
#define INFLATED_KEEP 65536

static void take_path(struct grpc_call *call, struct slice path)
{
	if (path.size > sizeof(call->path)) {
		call->path_too_long = true;
		return;
	}
	memcpy(call->path, path.data, path.size);
	call->path_size = (uint32_t)path.size;
}

void grpc_request_header(struct grpc_call *call, struct slice name,
			 struct slice value)
{
	if (call->headers_size > GRPC_HEADERS_SIZE_MAX)
		return;
	/* nghttp2 bounds a header block to 64 KiB: no overflow. */
	call->headers_size += (uint32_t)(name.size + value.size) + FIELD_SIZE;
	if (slice_equal(name, SLICE(":path")))
		take_path(call, value);
	else if (slice_equal(name, SLICE(":method")))
		call->is_post = slice_equal(value, SLICE("POST"));
	else if (slice_equal(name, SLICE("content-type")))
		call->is_grpc = grpc_content_type_good(value);
	else if (slice_equal(name, SLICE("te")))
		call->has_te = slice_equal(value, SLICE("trailers"));
	else if (slice_equal(name, SLICE("grpc-encoding")))
		call->encoding = grpc_encoding_parse(value);
	else if (slice_equal(name, SLICE("grpc-timeout")))
		call->timeout_malformed =
			!grpc_timeout_parse(value, &call->timeout_us);
}

/* What is no gRPC is answered in plain HTTP. */
static void refuse_http(struct grpc_call *call, struct slice http_status)
{
	const nghttp2_nv fields[] = {
		grpc_header_static(SLICE(":status"), http_status),
		grpc_header_static(SLICE("allow"), SLICE("POST")),
	};
	const bool is_405 = slice_equal(http_status, SLICE("405"));

	call->finished = true;
	call->responded = true;
	call->connection->unanswered--;
	/* Fails only for want of memory; the peer's deadline ends it. */
	(void)nghttp2_submit_response(call->connection->session,
				      call->stream_id, fields, is_405 ? 2 : 1,
				      NULL);
}

static bool admit_http(struct grpc_call *call)
{
	if (call->headers_size > GRPC_HEADERS_SIZE_MAX) {
		grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
				 SLICE("the request's headers are too large"));
		return false;
	}
	if (!call->is_post) {
		refuse_http(call, SLICE("405"));
		return false;
	}
	if (!call->is_grpc) {
		refuse_http(call, SLICE("415"));
		return false;
	}
	if (!call->has_te) {
		refuse_http(call, SLICE("400"));
		return false;
	}
	return true;
}

void grpc_request_admit(struct grpc_call *call)
{
	struct grpc_connection *connection = call->connection;

	if (!admit_http(call))
		return;
	/* (rule RPC-4): the method comes before all that its message is. */
	if (call->path_too_long ||
	    !connection->handler->is_method(
		    connection->context, grpc_call_path(call), &call->streams))
		grpc_call_refuse(call, GRPC_UNIMPLEMENTED,
				 SLICE("no such method here"));
	else if (call->encoding == GRPC_ENCODING_UNKNOWN)
		grpc_call_refuse(call, GRPC_UNIMPLEMENTED,
				 SLICE("unknown grpc-encoding: identity and "
				       "gzip are understood"));
	else if (call->timeout_malformed)
		grpc_call_refuse(call, GRPC_INVALID_ARGUMENT,
				 SLICE("malformed grpc-timeout"));
	else if (connection->output_size > GRPC_CONNECTION_OUTPUT_MAX)
		grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
				 SLICE("too many replies of this connection "
				       "are unread"));
}

static void refuse_too_large(struct grpc_call *call)
{
	grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
			 SLICE("the message is larger than this node takes"));
}

static void refuse_memory(struct grpc_call *call)
{
	grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
			 SLICE("out of memory: try again later"));
}

/* The complete message into @message, inflated; false: it was refused. */
static bool inflate_message(struct grpc_call *call, struct slice *message)
{
	struct grpc_connection *connection = call->connection;

	if (call->encoding != GRPC_ENCODING_GZIP) {
		grpc_call_refuse(call, GRPC_INVALID_ARGUMENT,
				 SLICE("a compressed message without "
				       "grpc-encoding"));
		return false;
	}
	switch (grpc_gzip_inflate(grpc_frame_message(&call->frame),
				  connection->limits->message_size_max,
				  &connection->inflated)) {
	case GRPC_GZIP_OK:
		*message = grpc_bytes_view(&connection->inflated);
		return true;
	case GRPC_GZIP_TOO_LARGE:
		refuse_too_large(call);
		return false;
	case GRPC_GZIP_MALFORMED:
		grpc_call_refuse(call, GRPC_INVALID_ARGUMENT,
				 SLICE("the message is no gzip"));
		return false;
	case GRPC_GZIP_NO_MEMORY:
		refuse_memory(call);
		return false;
	}
	check(false);
	return false;
}

/* Hand the complete message to the handler. */
static void deliver(struct grpc_call *call, bool last)
{
	struct grpc_connection *connection = call->connection;
	struct slice message = grpc_frame_message(&call->frame);

	if (grpc_frame_is_compressed(&call->frame) &&
	    !inflate_message(call, &message))
		return;
	call->dispatched = true;
	connection->handler->on_message(connection->context, call, message,
					last);
	grpc_bytes_clear(&connection->inflated, INFLATED_KEEP);
	grpc_call_drop_request(call, GRPC_SPARE_BYTES_MAX);
}

/* grpc_frame_take with the connection's books kept. */
static enum grpc_frame_result take(struct grpc_call *call, struct slice *bytes)
{
	struct grpc_connection *connection = call->connection;
	const size_t before = call->frame.payload.capacity;
	enum grpc_frame_result result;

	result = grpc_frame_take(&call->frame,
				 connection->limits->message_size_max, bytes);
	grpc_call_count_input(call, before);
	return result;
}

static void refuse_message_count(struct grpc_call *call)
{
	grpc_call_refuse(call, GRPC_UNIMPLEMENTED,
			 SLICE("this method takes exactly one message"));
}

/* Do unfinished requests take more memory than they may? */
static bool has_too_much(const struct grpc_connection *connection)
{
	const struct grpc_server_limits *limits = connection->limits;

	if (connection->input_size > GRPC_CONNECTION_INPUT_MAX)
		return true;
	return limits->input_total != NULL &&
	       *limits->input_total > limits->input_total_max &&
	       connection->input_size > 2 * (size_t)limits->message_size_max;
}

/* (rule RPC-8): told by the prefix, before anything of it is kept. */
static void taken(struct grpc_call *call, enum grpc_frame_result result)
{
	switch (result) {
	case GRPC_FRAME_MORE:
		break;
	case GRPC_FRAME_MESSAGE:
		if (call->streams) {
			deliver(call, false);
			return;
		}
		/* A unary one waits for the half-close. */
		break;
	case GRPC_FRAME_TOO_LARGE:
		refuse_too_large(call);
		return;
	case GRPC_FRAME_MALFORMED:
		grpc_call_refuse(call, GRPC_INVALID_ARGUMENT,
				 SLICE("malformed message prefix"));
		return;
	case GRPC_FRAME_NO_MEMORY:
		refuse_memory(call);
		return;
	}
	if (has_too_much(call->connection))
		grpc_call_refuse(call, GRPC_RESOURCE_EXHAUSTED,
				 SLICE("too many large requests at once: try "
				       "again later"));
}

void grpc_request_data(struct grpc_call *call, struct slice bytes)
{
	/* After an answer the rest of the request is let go by. */
	while (bytes.size > 0 && !call->finished) {
		if (grpc_frame_is_complete(&call->frame))
			refuse_message_count(call);
		else
			taken(call, take(call, &bytes));
	}
}

void grpc_request_close(struct grpc_call *call)
{
	struct grpc_connection *connection = call->connection;

	call->client_closed = true;
	if (call->finished)
		return;
	if (grpc_frame_is_complete(&call->frame)) {
		deliver(call, true);
	} else if (!grpc_frame_is_empty(&call->frame)) {
		grpc_call_refuse(call, GRPC_INVALID_ARGUMENT,
				 SLICE("the message was cut off"));
	} else if (!call->streams) {
		refuse_message_count(call);
	} else {
		call->dispatched = true;
		connection->handler->on_message(connection->context, call,
						slice_of(NULL, 0), true);
	}
}
