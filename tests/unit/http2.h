/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * http2: a foreign HTTP/2 client and an echoing gRPC server, joined in memory
 * by a pipe that cuts the bytes as it likes.  For the tests of wire/grpc_*.
 */
#ifndef CLEARING_TESTS_HTTP2_H
#define CLEARING_TESTS_HTTP2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/grpc_server.h"

#define HTTP2_BODY_MAX (2u << 20)
#define HTTP2_STREAMS_MAX 2048
#define ECHO_CALLS_MAX 2048
#define ECHO_MESSAGE_MAX 65536
#define NO_STATUS UINT32_MAX

/* What the echo server saw. */
struct echo {
	uint32_t messages;
	uint32_t ends;
	uint32_t lasts;
	struct slice message; /* the newest */
	uint8_t bytes[ECHO_MESSAGE_MAX];
	uint64_t timeout_us;
	bool was_null; /* the newest message was a close alone */
	struct grpc_call *held[ECHO_CALLS_MAX]; /* not answered yet */
	uint32_t held_count;
};

/*
 * The handler of an echo server; its context is a struct echo.
 * /test.Echo/Unary answers the message itself; a message "hold" is answered
 * later, by echo_answer(), "fail" by ABORTED with text and details, "none"
 * by OK without a message.  /test.Echo/Stream answers each, and OK at the
 * client's close.
 */
extern const struct grpc_server_handler ECHO;

/* echo_answer: @message, and OK, to the oldest call held. */
void echo_answer(struct echo *echo, struct slice message);

struct http2_response {
	uint32_t http_status;
	uint32_t grpc_status; /* NO_STATUS: none came */
	char message[1100];   /* as sent: percent-encoded */
	char details[4200];
	char accept_encoding[32];
	char content_type[32];
	size_t body_size;
	uint8_t *body;	/* HTTP2_BODY_MAX, shared by all streams */
	bool has_ended; /* END_STREAM came */
	bool has_closed;
	uint32_t error_code;
	uint32_t reset_code; /* of a RST_STREAM that came; NO_STATUS: none */
};

struct http2 {
	nghttp2_session *session;
	struct grpc_connection *server;
	size_t piece; /* bytes at a time */
	uint64_t now_us;
	bool is_open;	    /* the server goes on reading */
	bool stops_reading; /* the client takes nothing */
	uint8_t body[HTTP2_BODY_MAX];
	struct http2_response responses[HTTP2_STREAMS_MAX];
	uint32_t goaways;
	uint32_t goaway_code;
	int32_t goaway_last;
	size_t received; /* bytes from the server */
};

/* What is NULL is as a unary call wants it; what is "" is left out. */
struct http2_request {
	const char *method;
	const char *path;
	const char *content_type;
	const char *te;
	const char *encoding;
	const char *timeout;
	uint32_t padding_fields; /* of 1,000 bytes each */
	struct slice body;
	bool stays_open; /* no END_STREAM behind the body */
};

/* http2_create: client and server; @piece bytes at a time, 0: all at once. */
struct http2 *http2_create(const struct grpc_server_limits *limits,
			   struct echo *echo, size_t piece);
void http2_free(struct http2 *http2);

/* http2_submit: queue a request; its stream id. */
int32_t http2_submit(struct http2 *http2, const struct http2_request *request);

/* http2_pump: until neither side has anything to say. */
void http2_pump(struct http2 *http2);

/* http2_inject: raw bytes to the server. */
void http2_inject(struct http2 *http2, struct slice bytes);

/* http2_ask: submit, pump, and the response. */
const struct http2_response *http2_ask(struct http2 *http2,
				       const struct http2_request *request);

/* http2_response: of stream @id. */
struct http2_response *http2_response(struct http2 *http2, int32_t id);

/*
 * http2_frame: a gRPC message of @size bytes at @message with its prefix, put
 * at @out, which has room for it.
 */
struct slice http2_frame(uint8_t *out, const void *message, size_t size,
			 uint8_t flag);

#endif
