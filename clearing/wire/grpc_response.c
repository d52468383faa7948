/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_response.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "wire/grpc_gzip.h"
#include "wire/grpc_text.h"

/* What HPACK counts for a field besides its texts (RFC 7541, 4.1). */
#define FIELD_SIZE 32

struct grpc_response *grpc_response_create(struct slice message,
					   grpc_client_done *done, void *user)
{
	uint8_t prefix[GRPC_PREFIX_SIZE];
	struct grpc_response *call = calloc(1, sizeof(*call));

	check(message.size <= UINT32_MAX - GRPC_PREFIX_SIZE);
	if (call == NULL)
		return NULL;
	call->done = done;
	call->user = user;
	grpc_prefix((uint32_t)message.size, prefix);
	if (!grpc_bytes_reserve(&call->out, message.size + sizeof(prefix)) ||
	    !grpc_bytes_append(&call->out, slice_of(prefix, sizeof(prefix))) ||
	    !grpc_bytes_append(&call->out, message)) {
		grpc_response_free(call);
		return NULL;
	}
	return call;
}

void grpc_response_free(struct grpc_response *call)
{
	grpc_bytes_clear(&call->out, 0);
	grpc_bytes_clear(&call->text, 0);
	grpc_bytes_clear(&call->details, 0);
	grpc_frame_next(&call->frame, 0);
	free(call);
}

static void refuse(struct grpc_response *call, enum grpc_code code,
		   struct slice text)
{
	call->is_refused = true;
	call->has_code = true;
	call->code = code;
	grpc_bytes_clear(&call->text, 0);
	grpc_bytes_clear(&call->details, 0);
	/* Without memory for its text the code has to do. */
	if (!grpc_bytes_append(&call->text, text))
		grpc_bytes_clear(&call->text, 0);
}

/* Decimal digits, at most 3; false for anything else. */
static bool parse_number(struct slice text, uint32_t *number)
{
	uint32_t value = 0;

	if (text.size == 0 || text.size > 3)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (text.data[i] - (uint32_t)'0');
	}
	*number = value;
	return true;
}

static void take_code(struct grpc_response *call, struct slice value)
{
	call->has_code = true;
	if (!parse_number(value, &call->code) ||
	    call->code > GRPC_UNAUTHENTICATED)
		call->code = GRPC_UNKNOWN;
}

/* Both decodings never grow: room for the encoded text is enough. */
static void take_text(struct grpc_response *call, struct slice value)
{
	struct buffer text;

	grpc_bytes_clear(&call->text, call->text.capacity);
	if (!grpc_bytes_reserve(&call->text, value.size))
		return;
	buffer_init(&text, call->text.data, value.size);
	grpc_percent_decode(value, &text);
	call->text.size = text.size;
}

static void take_details(struct grpc_response *call, struct slice value)
{
	struct buffer details;

	grpc_bytes_clear(&call->details, call->details.capacity);
	if (!grpc_bytes_reserve(&call->details, value.size))
		return;
	buffer_init(&details, call->details.data, value.size);
	if (grpc_base64_decode(value, &details))
		call->details.size = details.size;
}

void grpc_response_header(struct grpc_response *call, struct slice name,
			  struct slice value)
{
	if (call->is_refused)
		return;
	call->headers_size += (uint32_t)(name.size + value.size) + FIELD_SIZE;
	if (call->headers_size > GRPC_HEADERS_SIZE_MAX)
		refuse(call, GRPC_RESOURCE_EXHAUSTED,
		       SLICE("the response's headers are too large"));
	else if (slice_equal(name, SLICE("grpc-status")))
		take_code(call, value);
	else if (slice_equal(name, SLICE("grpc-message")))
		take_text(call, value);
	else if (slice_equal(name, SLICE("grpc-status-details-bin")))
		take_details(call, value);
	else if (slice_equal(name, SLICE("grpc-encoding")))
		call->encoding = grpc_encoding_parse(value);
	else if (slice_equal(name, SLICE("content-type")))
		call->is_grpc = grpc_content_type_good(value);
	else if (slice_equal(name, SLICE(":status")) &&
		 !parse_number(value, &call->http_status))
		refuse(call, GRPC_INTERNAL, SLICE("malformed HTTP status"));
}

void grpc_response_data(struct grpc_response *call, uint32_t size_max,
			struct slice bytes)
{
	/* The body of what is no gRPC is let go by. */
	if (call->http_status != 200 || !call->is_grpc || bytes.size == 0)
		return;
	if (grpc_frame_is_complete(&call->frame)) {
		refuse(call, GRPC_INTERNAL,
		       SLICE("a second message in a unary response"));
		return;
	}
	switch (grpc_frame_take(&call->frame, size_max, &bytes)) {
	case GRPC_FRAME_MORE:
		return;
	case GRPC_FRAME_MESSAGE:
		if (bytes.size > 0)
			refuse(call, GRPC_INTERNAL,
			       SLICE("a second message in a unary response"));
		return;
	case GRPC_FRAME_TOO_LARGE:
		refuse(call, GRPC_RESOURCE_EXHAUSTED,
		       SLICE("the response is larger than this side takes"));
		return;
	case GRPC_FRAME_MALFORMED:
		refuse(call, GRPC_INTERNAL, SLICE("malformed message prefix"));
		return;
	case GRPC_FRAME_NO_MEMORY:
		refuse(call, GRPC_RESOURCE_EXHAUSTED, SLICE("out of memory"));
		return;
	}
}

/* As gRPC maps HTTP statuses of those who speak no gRPC. */
static enum grpc_code code_of_http(uint32_t http_status)
{
	switch (http_status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

/* As gRPC maps the error of a reset stream. */
static enum grpc_code code_of_reset(uint32_t http2_error)
{
	switch (http2_error) {
	case NGHTTP2_REFUSED_STREAM:
		return GRPC_UNAVAILABLE;
	case NGHTTP2_CANCEL:
		return GRPC_CANCELLED;
	case NGHTTP2_ENHANCE_YOUR_CALM:
		return GRPC_RESOURCE_EXHAUSTED;
	case NGHTTP2_INADEQUATE_SECURITY:
		return GRPC_PERMISSION_DENIED;
	default:
		return GRPC_INTERNAL;
	}
}

static void end_without_code(struct grpc_response *call, uint32_t http2_error)
{
	if (call->http_status != 0 && call->http_status != 200)
		refuse(call, code_of_http(call->http_status),
		       SLICE("the server answered in HTTP, not gRPC"));
	else if (http2_error != NGHTTP2_NO_ERROR)
		refuse(call, code_of_reset(http2_error),
		       SLICE("the server ended the stream"));
	else
		refuse(call, GRPC_INTERNAL,
		       SLICE("the response has no grpc-status"));
}

static void end_compressed(struct grpc_response *call, uint32_t size_max,
			   struct grpc_bytes *inflated)
{
	if (call->encoding != GRPC_ENCODING_GZIP) {
		refuse(call, GRPC_INTERNAL,
		       SLICE("the response's encoding is unknown"));
		return;
	}
	switch (grpc_gzip_inflate(grpc_frame_message(&call->frame), size_max,
				  inflated)) {
	case GRPC_GZIP_OK:
		return;
	case GRPC_GZIP_TOO_LARGE:
		refuse(call, GRPC_RESOURCE_EXHAUSTED,
		       SLICE("the response is larger than this side takes"));
		return;
	case GRPC_GZIP_MALFORMED:
		refuse(call, GRPC_INTERNAL, SLICE("the response is no gzip"));
		return;
	case GRPC_GZIP_NO_MEMORY:
		refuse(call, GRPC_RESOURCE_EXHAUSTED, SLICE("out of memory"));
		return;
	}
}

void grpc_response_end(struct grpc_response *call, uint32_t http2_error,
		       uint32_t size_max, struct grpc_bytes *inflated)
{
	if (!call->has_code) {
		end_without_code(call, http2_error);
		return;
	}
	if (call->code != GRPC_OK)
		return;
	if (!call->is_grpc || call->http_status != 200)
		refuse(call, GRPC_UNKNOWN,
		       SLICE("the response's content type is not gRPC's"));
	else if (!grpc_frame_is_complete(&call->frame))
		refuse(call, GRPC_INTERNAL,
		       SLICE("the response has no whole message"));
	else if (grpc_frame_is_compressed(&call->frame))
		end_compressed(call, size_max, inflated);
}

void grpc_response_status(const struct grpc_response *call,
			  struct grpc_status *status)
{
	check(call->has_code);
	*status = (struct grpc_status){
		.code = call->code,
		.message = grpc_bytes_view(&call->text),
		.details = grpc_bytes_view(&call->details),
	};
}

struct slice grpc_response_message(const struct grpc_response *call,
				   const struct grpc_bytes *inflated)
{
	check(call->code == GRPC_OK);
	if (grpc_frame_is_compressed(&call->frame))
		return grpc_bytes_view(inflated);
	return grpc_frame_message(&call->frame);
}
