/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_response: one call of the client: the request on its way out, and what
 * has come of the response.  Knows no session; nobody outside wire/ includes
 * this.
 */
#ifndef CLEARING_WIRE_GRPC_RESPONSE_H
#define CLEARING_WIRE_GRPC_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/grpc_bytes.h"
#include "wire/grpc_client.h"
#include "wire/grpc_frame.h"
#include "wire/grpc_header.h"

struct grpc_response {
	struct grpc_response *next;
	struct grpc_response *previous;
	grpc_client_done *done;
	void *user;
	int32_t stream_id;
	struct grpc_bytes out; /* of the request */

	uint32_t http_status; /* 0: none came */
	uint32_t headers_size;
	enum grpc_encoding encoding;
	bool is_grpc;
	bool has_code;
	/* This side ended it: code and text are its own. */
	bool is_refused;
	uint32_t code;
	struct grpc_bytes text;
	struct grpc_bytes details;
	struct grpc_frame frame;
};

/* grpc_response_create: @message is copied; NULL when out of memory. */
struct grpc_response *grpc_response_create(struct slice message,
					   grpc_client_done *done,
					   void *user) MUST_CHECK;
void grpc_response_free(struct grpc_response *call);

/* grpc_response_header: a field of the headers or trailers. */
void grpc_response_header(struct grpc_response *call, struct slice name,
			  struct slice value);

/* grpc_response_data: bytes of the body; may refuse the call. */
void grpc_response_data(struct grpc_response *call, uint32_t size_max,
			struct slice bytes);

/*
 * grpc_response_end: the stream is closed with @http2_error (NGHTTP2_*):
 * settle the status, by what came or by the lack of it.  A compressed message
 * is inflated to @inflated, at most @size_max bytes.
 */
void grpc_response_end(struct grpc_response *call, uint32_t http2_error,
		       uint32_t size_max, struct grpc_bytes *inflated);

/* grpc_response_status: after grpc_response_end; views into @call. */
void grpc_response_status(const struct grpc_response *call,
			  struct grpc_status *status);

/* grpc_response_message: of a call that ended with GRPC_OK. */
struct slice grpc_response_message(const struct grpc_response *call,
				   const struct grpc_bytes *inflated);

#endif
