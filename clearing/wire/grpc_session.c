/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* nghttp2's callbacks on the server side, and strikes. */
#include "wire/grpc_connection.h"

/* (rule RPC-10): a peer that goes too far is told so and left. */
static void strike(struct grpc_connection *connection, enum grpc_strike kind)
{
	if (connection->ended ||
	    grpc_guard_strike(&connection->guard, kind, connection->now_us))
		return;
	connection->ended = true;
	/* Fails only for want of memory: then it is left without a word. */
	(void)nghttp2_session_terminate_session(connection->session,
						NGHTTP2_ENHANCE_YOUR_CALM);
}

static bool begins_request(const nghttp2_frame *frame)
{
	return frame->hd.type == NGHTTP2_HEADERS &&
	       frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int on_begin_headers(nghttp2_session *session,
			    const nghttp2_frame *frame, void *user_data)
{
	struct grpc_connection *connection = user_data;
	struct grpc_call *call;

	if (!begins_request(frame))
		return 0;
	call = grpc_call_create(connection, frame->hd.stream_id);
	if (call == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (nghttp2_session_set_stream_user_data(session, call->stream_id,
						 call) != 0) {
		grpc_call_end(call);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return 0;
}

/* The signature is nghttp2's. */
static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_size,
		     const uint8_t *value, size_t value_size, uint8_t flags,
		     void *user_data)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(
		session, frame->hd.stream_id);

	(void)flags;
	(void)user_data;
	if (call != NULL && begins_request(frame))
		grpc_request_header(call, slice_of(name, name_size),
				    slice_of(value, value_size));
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags,
			 int32_t stream_id, const uint8_t *data, size_t size,
			 void *user_data)
{
	struct grpc_call *call =
		nghttp2_session_get_stream_user_data(session, stream_id);

	(void)flags;
	(void)user_data;
	if (call != NULL)
		grpc_request_data(call, slice_of(data, size));
	return 0;
}

static void on_stream_frame(nghttp2_session *session,
			    const nghttp2_frame *frame)
{
	struct grpc_call *call = nghttp2_session_get_stream_user_data(
		session, frame->hd.stream_id);

	if (call == NULL)
		return;
	if (begins_request(frame))
		grpc_request_admit(call);
	if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		grpc_request_close(call);
}

static int on_frame_received(nghttp2_session *session,
			     const nghttp2_frame *frame, void *user_data)
{
	struct grpc_connection *connection = user_data;
	const bool is_ack = frame->hd.flags & NGHTTP2_FLAG_ACK;

	switch (frame->hd.type) {
	case NGHTTP2_DATA:
		if (frame->hd.length == 0 &&
		    !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
			strike(connection, GRPC_STRIKE_EMPTY);
		on_stream_frame(session, frame);
		break;
	case NGHTTP2_HEADERS:
		on_stream_frame(session, frame);
		break;
	case NGHTTP2_PING:
		if (!is_ack)
			strike(connection, GRPC_STRIKE_PING);
		break;
	case NGHTTP2_SETTINGS:
		if (!is_ack)
			strike(connection, GRPC_STRIKE_SETTINGS);
		break;
	case NGHTTP2_RST_STREAM:
		strike(connection, GRPC_STRIKE_RESET);
		break;
	case NGHTTP2_PRIORITY:
		strike(connection, GRPC_STRIKE_EMPTY);
		break;
	default:
		break;
	}
	return 0;
}

static int on_invalid_frame(nghttp2_session *session,
			    const nghttp2_frame *frame, int error,
			    void *user_data)
{
	(void)session;
	(void)frame;
	(void)error;
	strike(user_data, GRPC_STRIKE_EMPTY);
	return 0;
}

/*
 * The trailers have left while the client still sends: end the stream, so
 * that it stops.  Submitted together with them, the reset would overtake.
 */
static void stop_request(nghttp2_session *session, int32_t stream_id)
{
	struct grpc_call *call =
		nghttp2_session_get_stream_user_data(session, stream_id);

	if (call == NULL || call->client_closed)
		return;
	/* Fails only for want of memory: then the client sends it all. */
	(void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id,
					NGHTTP2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame,
			 void *user_data)
{
	struct grpc_connection *connection = user_data;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		grpc_guard_forgive(&connection->guard, GRPC_STRIKE_PING);
		if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			stop_request(session, frame->hd.stream_id);
		break;
	case NGHTTP2_DATA:
		grpc_guard_forgive(&connection->guard, GRPC_STRIKE_PING);
		break;
	case NGHTTP2_RST_STREAM:
		/* A peer can make us reset streams for it, too. */
		if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
			strike(connection, GRPC_STRIKE_RESET);
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id,
			   uint32_t error_code, void *user_data)
{
	struct grpc_call *call =
		nghttp2_session_get_stream_user_data(session, stream_id);

	(void)error_code;
	(void)user_data;
	if (call != NULL)
		grpc_call_end(call);
	return 0;
}

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
							     on_frame_received);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
		callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
							     on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
							       on_stream_close);
}

static bool submit_settings(const struct grpc_connection *connection)
{
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
		  connection->limits->streams_max },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GRPC_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		  GRPC_HEADERS_SIZE_MAX },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
	};

	return grpc_settings_submit(connection->session, entries,
				    sizeof(entries) / sizeof(entries[0]));
}

nghttp2_session *grpc_session_create(struct grpc_connection *connection)
{
	nghttp2_session_callbacks *callbacks;

	check(connection->session == NULL);
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return NULL;
	set_callbacks(callbacks);
	if (nghttp2_session_server_new(&connection->session, callbacks,
				       connection) != 0)
		connection->session = NULL;
	nghttp2_session_callbacks_del(callbacks);
	if (connection->session != NULL && !submit_settings(connection)) {
		nghttp2_session_del(connection->session);
		connection->session = NULL;
	}
	return connection->session;
}
