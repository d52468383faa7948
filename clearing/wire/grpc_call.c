/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The life of a call on the server, and its response. */
#include <stdlib.h>

#include "base/buffer.h"
#include "wire/grpc_connection.h"

static void unlink_live(struct grpc_call *call)
{
	struct grpc_connection *connection = call->connection;

	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		connection->calls = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
}

static struct grpc_call *take_spare(struct grpc_connection *connection)
{
	struct grpc_call *call = connection->spare;
	struct grpc_bytes payload;
	struct grpc_bytes out;

	if (call == NULL)
		return calloc(1, sizeof(*call));
	connection->spare = call->next;
	connection->spare_count--;
	payload = call->frame.payload;
	out = call->out;
	*call = (struct grpc_call){ .frame.payload = payload, .out = out };
	return call;
}

static void count_input(struct grpc_connection *connection, size_t before,
			size_t now)
{
	connection->input_size += now - before;
	if (connection->limits->input_total != NULL)
		*connection->limits->input_total += now - before;
}

void grpc_call_count_input(struct grpc_call *call, size_t before)
{
	count_input(call->connection, before, call->frame.payload.capacity);
}

struct grpc_call *grpc_call_create(struct grpc_connection *connection,
				   int32_t stream_id)
{
	struct grpc_call *call = take_spare(connection);

	if (call == NULL)
		return NULL;
	call->connection = connection;
	call->stream_id = stream_id;
	call->next = connection->calls;
	if (call->next != NULL)
		call->next->previous = call;
	connection->calls = call;
	connection->unanswered++;
	grpc_call_count_input(call, 0);
	return call;
}

void grpc_call_free(struct grpc_call *call)
{
	grpc_bytes_clear(&call->frame.payload, 0);
	grpc_bytes_clear(&call->out, 0);
	grpc_bytes_clear(&call->status, 0);
	free(call);
}

void grpc_call_end(struct grpc_call *call)
{
	struct grpc_connection *connection = call->connection;

	if (!call->finished)
		connection->unanswered--;
	/* What the handler may still say is not heard. */
	call->finished = true;
	if (call->dispatched)
		connection->handler->on_end(connection->context, call);
	unlink_live(call);
	grpc_call_drop_request(call, GRPC_SPARE_BYTES_MAX);
	count_input(connection, call->frame.payload.capacity, 0);
	connection->output_size -= call->out.size;
	grpc_bytes_clear(&call->out, GRPC_SPARE_BYTES_MAX);
	grpc_bytes_clear(&call->status, 0);
	if (connection->spare_count >= GRPC_SPARE_CALLS_MAX) {
		grpc_call_free(call);
		return;
	}
	call->next = connection->spare;
	connection->spare = call;
	connection->spare_count++;
}

void grpc_call_drop_request(struct grpc_call *call, size_t keep)
{
	const size_t before = call->frame.payload.capacity;

	grpc_frame_next(&call->frame, keep);
	grpc_call_count_input(call, before);
}

struct slice grpc_call_path(const struct grpc_call *call)
{
	return slice_of(call->path, call->path_size);
}

uint64_t grpc_call_timeout_us(const struct grpc_call *call)
{
	return call->timeout_us;
}

void grpc_call_set_user(struct grpc_call *call, void *user)
{
	call->user = user;
}

void *grpc_call_user(const struct grpc_call *call)
{
	return call->user;
}

/* The call cannot be answered as it should: out of memory. */
static void reset(struct grpc_call *call)
{
	/* Fails only for want of memory too; the peer's deadline ends it. */
	(void)nghttp2_submit_rst_stream(call->connection->session,
					NGHTTP2_FLAG_NONE, call->stream_id,
					NGHTTP2_INTERNAL_ERROR);
}

static bool submit_trailers(struct grpc_call *call)
{
	struct grpc_trailers trailers;
	struct slice texts = grpc_bytes_view(&call->status);
	const struct grpc_status status = {
		.code = call->code,
		.message = slice_upto(texts, call->message_size),
		.details = slice_from(texts, call->message_size),
	};

	grpc_trailers_fill(&trailers, &status);
	return nghttp2_submit_trailer(call->connection->session,
				      call->stream_id, trailers.fields,
				      trailers.count) == 0;
}

/* nghttp2 asks for the next bytes of the response's body. */
static ssize_t read_out(nghttp2_session *session, int32_t stream_id,
			uint8_t *data, size_t room, uint32_t *flags,
			nghttp2_data_source *source, void *user_data)
{
	struct grpc_call *call =
		nghttp2_session_get_stream_user_data(session, stream_id);
	struct slice out = grpc_bytes_view(&call->out);
	struct buffer piece;

	(void)source;
	(void)user_data;
	if (out.size > room)
		out = slice_upto(out, room);
	buffer_init(&piece, data, room);
	buffer_put(&piece, out);
	grpc_bytes_take(&call->out, out.size);
	call->connection->output_size -= out.size;
	if (call->out.size > 0)
		return (ssize_t)out.size;
	if (call->finished) {
		*flags |=
			NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (!submit_trailers(call))
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
		return (ssize_t)out.size;
	}
	call->deferred = out.size == 0;
	return call->deferred ? NGHTTP2_ERR_DEFERRED : (ssize_t)out.size;
}

static bool submit_response(struct grpc_call *call)
{
	const nghttp2_data_provider body = { { 0 }, read_out };
	const nghttp2_nv fields[] = {
		grpc_header_static(SLICE(":status"), SLICE("200")),
		grpc_header_static(SLICE("content-type"),
				   SLICE("application/grpc")),
	};

	return nghttp2_submit_response(call->connection->session,
				       call->stream_id, fields, 2, &body) == 0;
}

/* Let nghttp2 ask again where it was told to wait. */
static void resume(struct grpc_call *call)
{
	if (!call->deferred)
		return;
	call->deferred = false;
	if (nghttp2_session_resume_data(call->connection->session,
					call->stream_id) != 0)
		reset(call);
}

bool grpc_call_send_message(struct grpc_call *call, struct slice message)
{
	uint8_t prefix[GRPC_PREFIX_SIZE];

	check(message.size <= UINT32_MAX - GRPC_PREFIX_SIZE);
	if (call->finished)
		return true;
	if (call->out.size > GRPC_CALL_OUTPUT_MAX)
		return false;
	if (!grpc_bytes_reserve(&call->out, message.size + GRPC_PREFIX_SIZE))
		return false;
	if (!call->responded && !submit_response(call))
		return false;
	grpc_prefix((uint32_t)message.size, prefix);
	if (!grpc_bytes_append(&call->out, slice_of(prefix, sizeof(prefix))) ||
	    !grpc_bytes_append(&call->out, message))
		check(false); /* there is room */
	call->connection->output_size += message.size + GRPC_PREFIX_SIZE;
	call->responded = true;
	resume(call);
	return true;
}

/* An error before any message: headers and trailers in one. */
static bool submit_trailers_only(struct grpc_call *call,
				 const struct grpc_status *status)
{
	struct grpc_trailers trailers;
	nghttp2_nv fields[6];
	size_t count = 0;

	grpc_trailers_fill(&trailers, status);
	fields[count++] = grpc_header_static(SLICE(":status"), SLICE("200"));
	fields[count++] = grpc_header_static(SLICE("content-type"),
					     SLICE("application/grpc"));
	if (call->encoding == GRPC_ENCODING_UNKNOWN)
		fields[count++] = grpc_header_static(
			SLICE("grpc-accept-encoding"), SLICE("identity,gzip"));
	for (size_t i = 0; i < trailers.count; i++)
		fields[count++] = trailers.fields[i];
	return nghttp2_submit_response(call->connection->session,
				       call->stream_id, fields, count,
				       NULL) == 0;
}

/* Keep @status until the messages before it have left. */
static bool keep_status(struct grpc_call *call,
			const struct grpc_status *status)
{
	struct slice text = grpc_message_cut(status->message);

	call->code = status->code;
	if (!grpc_bytes_append(&call->status, text))
		return false;
	call->message_size = text.size;
	return grpc_bytes_append(&call->status, status->details);
}

void grpc_call_finish(struct grpc_call *call, const struct grpc_status *status)
{
	if (call->finished)
		return;
	call->finished = true;
	call->connection->unanswered--;
	if (!call->responded) {
		call->responded = true;
		if (!submit_trailers_only(call, status))
			reset(call);
		return;
	}
	if (!keep_status(call, status))
		reset(call);
	else
		resume(call);
}

void grpc_call_refuse(struct grpc_call *call, enum grpc_code code,
		      struct slice message)
{
	const struct grpc_status status = { .code = code, .message = message };

	grpc_call_finish(call, &status);
	grpc_call_drop_request(call, GRPC_SPARE_BYTES_MAX);
}
