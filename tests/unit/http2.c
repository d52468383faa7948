/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "unit/http2.h"

#include <stdlib.h>
#include <string.h>

/* A pump that turns more often than this has gone round in circles. */
#define TURNS_MAX 10000000

static void echo_unary(struct echo *echo, struct grpc_call *call,
		       struct slice message)
{
	const struct grpc_status good = { .code = GRPC_OK };
	const struct grpc_status bad = { .code = GRPC_ABORTED,
					 .message =
						 SLICE("50% of it: \xc3\xa9"),
					 .details = SLICE("\x08\x0a\xff") };

	if (slice_equal(message, SLICE("hold"))) {
		assert_true(echo->held_count < ECHO_CALLS_MAX);
		grpc_call_set_user(call, echo);
		echo->held[echo->held_count++] = call;
		return;
	}
	if (slice_equal(message, SLICE("fail"))) {
		grpc_call_finish(call, &bad);
		return;
	}
	if (!slice_equal(message, SLICE("none")))
		assert_true(grpc_call_send_message(call, message));
	grpc_call_finish(call, &good);
}

static void echo_message(void *context, struct grpc_call *call,
			 struct slice message, bool last)
{
	const struct grpc_status good = { .code = GRPC_OK };
	struct echo *echo = context;
	const bool streams =
		slice_equal(grpc_call_path(call), SLICE("/test.Echo/Stream"));

	echo->messages++;
	echo->lasts += last;
	echo->was_null = message.data == NULL;
	echo->timeout_us = grpc_call_timeout_us(call);
	if (message.size > 0 && message.size <= sizeof(echo->bytes))
		memcpy(echo->bytes, message.data, message.size);
	echo->message = slice_of(echo->bytes, message.size);
	if (!streams) {
		assert_true(last);
		echo_unary(echo, call, message);
		return;
	}
	if (last)
		grpc_call_finish(call, &good);
	else
		assert_true(grpc_call_send_message(call, message));
}

static void echo_end(void *context, struct grpc_call *call)
{
	struct echo *echo = context;

	echo->ends++;
	for (uint32_t i = 0; i < echo->held_count; i++) {
		if (echo->held[i] != call)
			continue;
		assert_ptr_equal(grpc_call_user(call), echo);
		memmove(&echo->held[i], &echo->held[i + 1],
			(echo->held_count - i - 1) * sizeof(echo->held[0]));
		echo->held_count--;
	}
}

static bool echo_is_method(void *context, struct slice path, bool *streams)
{
	(void)context;
	*streams = slice_equal(path, SLICE("/test.Echo/Stream"));
	return *streams || slice_equal(path, SLICE("/test.Echo/Unary"));
}

const struct grpc_server_handler ECHO = { echo_message, echo_end,
					  echo_is_method };

void echo_answer(struct echo *echo, struct slice message)
{
	const struct grpc_status good = { .code = GRPC_OK };
	struct grpc_call *call;

	assert_true(echo->held_count > 0);
	call = echo->held[0];
	echo->held_count--;
	memmove(&echo->held[0], &echo->held[1],
		echo->held_count * sizeof(echo->held[0]));
	assert_true(grpc_call_send_message(call, message));
	grpc_call_finish(call, &good);
}

struct http2_response *http2_response(struct http2 *http2, int32_t id)
{
	assert_true(id > 0 && id / 2 < HTTP2_STREAMS_MAX);
	return &http2->responses[id / 2];
}

static void copy_text(char *out, size_t room, const uint8_t *value, size_t size)
{
	assert_true(size < room);
	memcpy(out, value, size);
	out[size] = 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_size,
		     const uint8_t *value, size_t value_size, uint8_t flags,
		     void *user_data)
{
	struct http2_response *response =
		http2_response(user_data, frame->hd.stream_id);
	const struct slice key = slice_of(name, name_size);

	(void)session;
	(void)flags;
	if (slice_equal(key, SLICE(":status")))
		response->http_status = (uint32_t)atoi((const char *)value);
	else if (slice_equal(key, SLICE("grpc-status")))
		response->grpc_status = (uint32_t)atoi((const char *)value);
	else if (slice_equal(key, SLICE("grpc-message")))
		copy_text(response->message, sizeof(response->message), value,
			  value_size);
	else if (slice_equal(key, SLICE("grpc-status-details-bin")))
		copy_text(response->details, sizeof(response->details), value,
			  value_size);
	else if (slice_equal(key, SLICE("content-type")))
		copy_text(response->content_type,
			  sizeof(response->content_type), value, value_size);
	else if (slice_equal(key, SLICE("grpc-accept-encoding")))
		copy_text(response->accept_encoding,
			  sizeof(response->accept_encoding), value, value_size);
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
			 const uint8_t *data, size_t size, void *user_data)
{
	struct http2_response *response = http2_response(user_data, id);

	(void)session;
	(void)flags;
	assert_true(response->body_size + size <= HTTP2_BODY_MAX);
	memcpy(response->body + response->body_size, data, size);
	response->body_size += size;
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
		    void *user_data)
{
	struct http2 *http2 = user_data;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		http2->goaways++;
		http2->goaway_code = frame->goaway.error_code;
		http2->goaway_last = frame->goaway.last_stream_id;
	}
	if (frame->hd.type == NGHTTP2_RST_STREAM)
		http2_response(http2, frame->hd.stream_id)->reset_code =
			frame->rst_stream.error_code;
	if ((frame->hd.type == NGHTTP2_HEADERS ||
	     frame->hd.type == NGHTTP2_DATA) &&
	    (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		http2_response(http2, frame->hd.stream_id)->has_ended = true;
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error_code,
		    void *user_data)
{
	struct http2_response *response = http2_response(user_data, id);

	free(nghttp2_session_get_stream_user_data(session, id));
	response->has_closed = true;
	response->error_code = error_code;
	return 0;
}

struct body {
	struct slice rest;
	bool stays_open;
};

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *data,
			 size_t room, uint32_t *flags,
			 nghttp2_data_source *source, void *user_data)
{
	struct body *body = source->ptr;
	size_t size = body->rest.size < room ? body->rest.size : room;

	(void)session;
	(void)id;
	(void)user_data;
	if (size > 0)
		memcpy(data, body->rest.data, size);
	body->rest = slice_from(body->rest, size);
	if (body->rest.size == 0 && !body->stays_open)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (size == 0 && body->stays_open)
		return NGHTTP2_ERR_DEFERRED;
	return (ssize_t)size;
}

static void create_session(struct http2 *http2)
{
	nghttp2_session_callbacks *callbacks;

	assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
							     on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
							       on_close);
	assert_int_equal(
		nghttp2_session_client_new(&http2->session, callbacks, http2),
		0);
	nghttp2_session_callbacks_del(callbacks);
	assert_int_equal(nghttp2_submit_settings(http2->session, 0, NULL, 0),
			 0);
}

struct http2 *http2_create(const struct grpc_server_limits *limits,
			   struct echo *echo, size_t piece)
{
	struct http2 *http2 = calloc(1, sizeof(*http2));

	assert_non_null(http2);
	memset(echo, 0, sizeof(*echo));
	http2->piece = piece > 0 ? piece : SIZE_MAX;
	http2->is_open = true;
	http2->now_us = 1;
	for (size_t i = 0; i < HTTP2_STREAMS_MAX; i++) {
		http2->responses[i].grpc_status = NO_STATUS;
		http2->responses[i].reset_code = NO_STATUS;
		http2->responses[i].body = http2->body;
	}
	http2->server = grpc_connection_create(limits, &ECHO, echo);
	assert_non_null(http2->server);
	create_session(http2);
	return http2;
}

void http2_free(struct http2 *http2)
{
	for (int32_t id = 1; id / 2 < HTTP2_STREAMS_MAX; id += 2)
		free(nghttp2_session_get_stream_user_data(http2->session, id));
	nghttp2_session_del(http2->session);
	grpc_connection_free(http2->server);
	free(http2);
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)(uintptr_t)name,
			     .namelen = strlen(name),
			     .value = (uint8_t *)(uintptr_t)value,
			     .valuelen = strlen(value) };
}

/* @value, or @usual for NULL, unless that is "". */
static void add(nghttp2_nv *fields, size_t *count, const char *name,
		const char *value, const char *usual)
{
	if (value == NULL)
		value = usual;
	if (value[0] != 0)
		fields[(*count)++] = field(name, value);
}

int32_t http2_submit(struct http2 *http2, const struct http2_request *request)
{
	static char padding[1001];
	struct body *body = calloc(1, sizeof(*body));
	nghttp2_data_provider provider = { .source.ptr = body,
					   .read_callback = read_body };
	nghttp2_nv fields[64];
	size_t count = 0;
	int32_t id;

	memset(padding, 'p', sizeof(padding) - 1);
	fields[count++] = field(":scheme", "https");
	fields[count++] = field(":authority", "localhost");
	add(fields, &count, ":method", request->method, "POST");
	add(fields, &count, ":path", request->path, "/test.Echo/Unary");
	add(fields, &count, "content-type", request->content_type,
	    "application/grpc");
	add(fields, &count, "te", request->te, "trailers");
	add(fields, &count, "grpc-encoding", request->encoding, "");
	add(fields, &count, "grpc-timeout", request->timeout, "");
	for (uint32_t i = 0; i < request->padding_fields; i++)
		fields[count++] = field("padding", padding);
	*body = (struct body){ request->body, request->stays_open };
	id = nghttp2_submit_request(http2->session, NULL, fields, count,
				    &provider, body);
	assert_true(id > 0);
	return id;
}

/* Hand @bytes over in pieces; to the server, or to the client. */
static void carry(struct http2 *http2, struct slice bytes, bool to_server)
{
	while (bytes.size > 0) {
		const size_t size =
			bytes.size < http2->piece ? bytes.size : http2->piece;
		const struct slice piece = slice_upto(bytes, size);

		bytes = slice_from(bytes, size);
		if (to_server) {
			http2->is_open = grpc_connection_receive(
				http2->server, piece, http2->now_us);
			continue;
		}
		http2->received += size;
		assert_int_equal(nghttp2_session_mem_recv(http2->session,
							  piece.data, size),
				 size);
	}
}

void http2_inject(struct http2 *http2, struct slice bytes)
{
	carry(http2, bytes, true);
}

void http2_pump(struct http2 *http2)
{
	for (uint32_t turn = 0; turn < TURNS_MAX; turn++) {
		const uint8_t *data = NULL;
		const ssize_t size =
			nghttp2_session_mem_send(http2->session, &data);
		struct slice reply = slice_of(NULL, 0);

		assert_true(size >= 0);
		carry(http2, slice_of(data, (size_t)size), true);
		if (!http2->stops_reading)
			reply = grpc_connection_send(http2->server);
		carry(http2, reply, false);
		if (size == 0 && reply.size == 0)
			return;
	}
	fail_msg("the two sides never stop talking");
}

const struct http2_response *http2_ask(struct http2 *http2,
				       const struct http2_request *request)
{
	const int32_t id = http2_submit(http2, request);

	http2_pump(http2);
	return http2_response(http2, id);
}

struct slice http2_frame(uint8_t *out, const void *message, size_t size,
			 uint8_t flag)
{
	out[0] = flag;
	out[1] = (uint8_t)(size >> 24);
	out[2] = (uint8_t)(size >> 16);
	out[3] = (uint8_t)(size >> 8);
	out[4] = (uint8_t)size;
	if (size > 0)
		memcpy(out + 5, message, size);
	return slice_of(out, size + 5);
}
