/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_connection: what the files of the server side share: the connection
 * and its calls.  Nobody outside wire/ includes this.
 *
 *   grpc_server.c   the connection: life, bytes in and out, drain
 *   grpc_session.c  nghttp2's callbacks, strikes
 *   grpc_request.c  which requests are let in, and their messages
 *   grpc_call.c     life of a call, and its response
 */
#ifndef CLEARING_WIRE_GRPC_CONNECTION_H
#define CLEARING_WIRE_GRPC_CONNECTION_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/grpc_bytes.h"
#include "wire/grpc_frame.h"
#include "wire/grpc_guard.h"
#include "wire/grpc_header.h"
#include "wire/grpc_server.h"

/* The longest method path of ours has 65 bytes. */
#define GRPC_PATH_SIZE_MAX 160

/*
 * Request bytes of one connection that wait for the rest of their message:
 * 64 full batches, all half sent.  A call that would pass it is refused;
 * flow control could not do it, because it cannot tell whose turn it is.
 */
#define GRPC_CONNECTION_INPUT_MAX (64u << 20)

/*
 * Response bytes of one connection that its reader does not take (rule
 * RPC-9): above it no new call is let in.
 */
#define GRPC_CONNECTION_OUTPUT_MAX (16u << 20)

/* A call takes no further message while so many bytes of it wait. */
#define GRPC_CALL_OUTPUT_MAX (64u << 10)

/* Calls kept for use again, and the memory each may keep. */
#define GRPC_SPARE_CALLS_MAX 64
#define GRPC_SPARE_BYTES_MAX 4096

struct grpc_call {
	struct grpc_connection *connection;
	struct grpc_call *next; /* among the live or the spare */
	struct grpc_call *previous;
	int32_t stream_id;
	void *user;

	/* The request. */
	uint64_t timeout_us;
	uint32_t headers_size;
	uint32_t path_size;
	enum grpc_encoding encoding;
	bool is_post;
	bool is_grpc;
	bool has_te;
	bool timeout_malformed;
	bool path_too_long;
	bool streams;	    /* a client-streaming method */
	bool client_closed; /* its side of the stream */
	bool dispatched;    /* on_message was called: on_end will be */
	struct grpc_frame frame;

	/* The response. */
	bool responded; /* headers were submitted */
	bool deferred;	/* nghttp2 waits for more of it */
	bool finished;	/* the status is known */
	struct grpc_bytes out;
	uint32_t code;
	size_t message_size;	  /* of the status: the first of ... */
	struct grpc_bytes status; /* ... text and details */

	uint8_t path[GRPC_PATH_SIZE_MAX];
};

struct grpc_connection {
	nghttp2_session *session;
	const struct grpc_server_limits *limits;
	const struct grpc_server_handler *handler;
	void *context;
	uint64_t now_us; /* of the last receive */
	struct grpc_guard guard;
	struct grpc_call *calls; /* live, newest first */
	struct grpc_call *spare;
	uint32_t spare_count;
	uint32_t unanswered;
	size_t input_size;  /* memory of unfinished requests */
	size_t output_size; /* response bytes not taken by nghttp2 */
	struct grpc_bytes inflated;
	bool noticed; /* the shutdown notice was submitted */
	bool ended;   /* the peer went too far: close after sending */
	bool broken;  /* nghttp2 gave up: nothing to send */
};

/* grpc_session_create: nghttp2's side; NULL when out of memory. */
nghttp2_session *
grpc_session_create(struct grpc_connection *connection) MUST_CHECK;

/* grpc_call_create: a live call for @stream_id; NULL when out of memory. */
struct grpc_call *grpc_call_create(struct grpc_connection *connection,
				   int32_t stream_id) MUST_CHECK;

/* grpc_call_end: tell the handler where it knows of it; make it spare. */
void grpc_call_end(struct grpc_call *call);

/* grpc_call_free: give back a spare call. */
void grpc_call_free(struct grpc_call *call);

/*
 * grpc_call_refuse: grpc_call_finish with a code and a plain text, for this
 * side's own reasons; what came of the request is forgotten.
 */
void grpc_call_refuse(struct grpc_call *call, enum grpc_code code,
		      struct slice message);

/*
 * grpc_call_drop_request: forget what came of the request's message; memory
 * above @keep is given back.
 */
void grpc_call_drop_request(struct grpc_call *call, size_t keep);

/* grpc_call_count_input: its request's memory was @before, and changed. */
void grpc_call_count_input(struct grpc_call *call, size_t before);

/* grpc_request_header: one header field of the request. */
void grpc_request_header(struct grpc_call *call, struct slice name,
			 struct slice value);

/*
 * grpc_request_admit: all headers are there: let it in, or answer it.
 *
 * In this order: headers too large, HTTP 405 for another method than POST,
 * HTTP 415 for another content type, HTTP 400 without `te: trailers`, unknown
 * path, unknown encoding, malformed timeout, too much unread output.
 */
void grpc_request_admit(struct grpc_call *call);

/* grpc_request_data: bytes of its messages. */
void grpc_request_data(struct grpc_call *call, struct slice bytes);

/* grpc_request_close: the client has closed its side. */
void grpc_request_close(struct grpc_call *call);

#endif
