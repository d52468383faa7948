/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "wire/grpc_response.h"
#include "wire/grpc_text.h"

struct grpc_client {
	nghttp2_session *session;
	char *authority;
	uint32_t message_size_max;
	struct grpc_response *calls; /* in flight, newest first */
	uint32_t in_flight;
	struct grpc_bytes inflated;
	bool broken;
};

/* Ends the call: @status with its message, once. */
static void end_call(struct grpc_client *client, struct grpc_response *call,
		     const struct grpc_status *status, struct slice message)
{
	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		client->calls = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
	client->in_flight--;
	call->done(call->user, status, message);
	grpc_response_free(call);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_size,
		     const uint8_t *value, size_t value_size, uint8_t flags,
		     void *user_data)
{
	struct grpc_response *call = nghttp2_session_get_stream_user_data(
		session, frame->hd.stream_id);

	(void)flags;
	(void)user_data;
	if (call != NULL)
		grpc_response_header(call, slice_of(name, name_size),
				     slice_of(value, value_size));
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags,
			 int32_t stream_id, const uint8_t *data, size_t size,
			 void *user_data)
{
	const struct grpc_client *client = user_data;
	struct grpc_response *call =
		nghttp2_session_get_stream_user_data(session, stream_id);

	(void)flags;
	if (call == NULL || call->is_refused)
		return 0;
	grpc_response_data(call, client->message_size_max,
			   slice_of(data, size));
	if (!call->is_refused)
		return 0;
	/* Nothing more is wanted of it. */
	return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream_id,
					 NGHTTP2_CANCEL) == 0
		       ? 0
		       : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id,
			   uint32_t error_code, void *user_data)
{
	struct grpc_client *client = user_data;
	struct grpc_response *call =
		nghttp2_session_get_stream_user_data(session, stream_id);
	struct grpc_status status;
	struct slice message = slice_of(NULL, 0);

	if (call == NULL)
		return 0;
	grpc_response_end(call, error_code, client->message_size_max,
			  &client->inflated);
	grpc_response_status(call, &status);
	if (status.code == GRPC_OK)
		message = grpc_response_message(call, &client->inflated);
	end_call(client, call, &status, message);
	return 0;
}

/* nghttp2 asks for the next bytes of the request's body. */
static ssize_t read_out(nghttp2_session *session, int32_t stream_id,
			uint8_t *data, size_t room, uint32_t *flags,
			nghttp2_data_source *source, void *user_data)
{
	struct grpc_response *call =
		nghttp2_session_get_stream_user_data(session, stream_id);
	struct slice out;

	(void)source;
	(void)user_data;
	/* Cancelled: the reset is on its way. */
	if (call == NULL)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	out = grpc_bytes_view(&call->out);
	if (out.size > room)
		out = slice_upto(out, room);
	memcpy(data, out.data, out.size);
	grpc_bytes_take(&call->out, out.size);
	if (call->out.size == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)out.size;
}

static bool create_session(struct grpc_client *client)
{
	const nghttp2_settings_entry entries[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, GRPC_STREAM_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		  GRPC_HEADERS_SIZE_MAX },
	};
	nghttp2_session_callbacks *callbacks;
	int result;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return false;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
							       on_stream_close);
	result =
		nghttp2_session_client_new(&client->session, callbacks, client);
	nghttp2_session_callbacks_del(callbacks);
	if (result != 0) {
		client->session = NULL;
		return false;
	}
	return grpc_settings_submit(client->session, entries,
				    sizeof(entries) / sizeof(entries[0]));
}

struct grpc_client *grpc_client_create(const char *authority,
				       uint32_t message_size_max)
{
	struct grpc_client *client = calloc(1, sizeof(*client));

	check(message_size_max > 0);
	if (client == NULL)
		return NULL;
	client->message_size_max = message_size_max;
	client->authority = strdup(authority);
	if (client->authority == NULL || !create_session(client)) {
		grpc_client_free(client);
		return NULL;
	}
	return client;
}

void grpc_client_free(struct grpc_client *client)
{
	const struct grpc_status status = {
		.code = GRPC_UNAVAILABLE,
		.message = SLICE("the connection ended before the answer"),
	};

	if (client == NULL)
		return;
	/* A call that one of these starts anew is refused. */
	client->broken = true;
	while (client->calls != NULL)
		end_call(client, client->calls, &status, slice_of(NULL, 0));
	nghttp2_session_del(client->session);
	grpc_bytes_clear(&client->inflated, 0);
	free(client->authority);
	free(client);
}

static int32_t submit_request(struct grpc_client *client, const char *path,
			      uint64_t timeout_us, struct grpc_response *call)
{
	const nghttp2_data_provider body = { { 0 }, read_out };
	uint8_t timeout_text[GRPC_TIMEOUT_SIZE_MAX];
	struct buffer timeout;
	nghttp2_nv fields[8] = {
		grpc_header_static(SLICE(":method"), SLICE("POST")),
		grpc_header_static(SLICE(":scheme"), SLICE("https")),
		grpc_header(SLICE(":authority"),
			    slice_from_text(client->authority)),
		grpc_header(SLICE(":path"), slice_from_text(path)),
		grpc_header_static(SLICE("content-type"),
				   SLICE("application/grpc")),
		grpc_header_static(SLICE("te"), SLICE("trailers")),
		grpc_header_static(SLICE("grpc-accept-encoding"),
				   SLICE("identity,gzip")),
	};
	size_t count = 7;

	buffer_init(&timeout, timeout_text, sizeof(timeout_text));
	if (timeout_us > 0) {
		grpc_timeout_put(&timeout, timeout_us);
		fields[count++] = grpc_header(SLICE("grpc-timeout"),
					      buffer_view(&timeout));
	}
	return nghttp2_submit_request(client->session, NULL, fields, count,
				      &body, call);
}

bool grpc_client_call(struct grpc_client *client, const char *path,
		      struct slice message, uint64_t timeout_us,
		      grpc_client_done *done, void *user)
{
	struct grpc_response *call;

	if (!grpc_client_accepts(client))
		return false;
	call = grpc_response_create(message, done, user);
	if (call == NULL)
		return false;
	call->stream_id = submit_request(client, path, timeout_us, call);
	if (call->stream_id < 0) {
		grpc_response_free(call);
		return false;
	}
	call->next = client->calls;
	if (call->next != NULL)
		call->next->previous = call;
	client->calls = call;
	client->in_flight++;
	return true;
}

bool grpc_client_accepts(const struct grpc_client *client)
{
	return !client->broken &&
	       nghttp2_session_check_request_allowed(client->session) != 0;
}

void grpc_client_cancel(struct grpc_client *client, const void *user)
{
	const struct grpc_status status = {
		.code = GRPC_CANCELLED,
		.message = SLICE("not waited for any more"),
	};
	struct grpc_response *call = client->calls;

	while (call != NULL && call->user != user)
		call = call->next;
	if (call == NULL)
		return;
	/* What still comes, or is asked, of the stream has no call. */
	if (nghttp2_session_set_stream_user_data(client->session,
						 call->stream_id, NULL) != 0 ||
	    nghttp2_submit_rst_stream(client->session, NGHTTP2_FLAG_NONE,
				      call->stream_id, NGHTTP2_CANCEL) != 0)
		client->broken = true;
	end_call(client, call, &status, slice_of(NULL, 0));
}

bool grpc_client_receive(struct grpc_client *client, struct slice bytes)
{
	if (client->broken)
		return false;
	if (nghttp2_session_mem_recv(client->session, bytes.data, bytes.size) <
	    0)
		client->broken = true;
	return !client->broken &&
	       nghttp2_session_want_read(client->session) != 0;
}

struct slice grpc_client_send(struct grpc_client *client)
{
	const uint8_t *data = NULL;
	ssize_t size;

	if (client->broken)
		return slice_of(NULL, 0);
	size = nghttp2_session_mem_send(client->session, &data);
	if (size < 0) {
		client->broken = true;
		size = 0;
	}
	return slice_of(data, (size_t)size);
}

uint32_t grpc_client_in_flight(const struct grpc_client *client)
{
	return client->in_flight;
}
