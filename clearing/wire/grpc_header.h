/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_header: HTTP/2 header fields for nghttp2, the status of a call as its
 * trailing fields, and the numbers that both sides of a connection share.
 */
#ifndef CLEARING_WIRE_GRPC_HEADER_H
#define CLEARING_WIRE_GRPC_HEADER_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/grpc.h"

/*
 * Flow control: the largest message (4 MiB by default) fits a stream's
 * window, so that one round trip carries it; four of them a connection's.
 */
#define GRPC_STREAM_WINDOW ((4u << 20) + 16)
#define GRPC_CONNECTION_WINDOW (16u << 20)

/*
 * Header fields of one request or response, counted as HPACK does: foreign
 * clients send about 400 bytes; what they call metadata stays under 8 KiB.
 */
#define GRPC_HEADERS_SIZE_MAX 16384

/*
 * Text and details of a status, before encoding: together under the 8 KiB
 * of trailing fields that grpc-core takes.  A longer text is cut at a
 * character, longer details are left out.
 */
#define GRPC_MESSAGE_SIZE_MAX 1024
#define GRPC_DETAILS_SIZE_MAX 3072

#define GRPC_MESSAGE_TEXT_SIZE_MAX (3 * GRPC_MESSAGE_SIZE_MAX)
#define GRPC_DETAILS_TEXT_SIZE_MAX ((4 * GRPC_DETAILS_SIZE_MAX + 2) / 3)

/* grpc_header_static: both are literals that nghttp2 need not copy. */
nghttp2_nv grpc_header_static(struct slice name, struct slice value);

/* grpc_header: @name is a literal, @value is copied when submitted. */
nghttp2_nv grpc_header(struct slice name, struct slice value);

/* A status, encoded; the fields point into the struct, which stays put. */
struct grpc_trailers {
	nghttp2_nv fields[3];
	size_t count;
	uint8_t code[2];
	uint8_t message[GRPC_MESSAGE_TEXT_SIZE_MAX];
	uint8_t details[GRPC_DETAILS_TEXT_SIZE_MAX];
};

/*
 * grpc_trailers_fill: grpc-status, and grpc-message and
 * grpc-status-details-bin where @status has them.
 */
void grpc_trailers_fill(struct grpc_trailers *trailers,
			const struct grpc_status *status);

/* grpc_message_cut: @text cut to GRPC_MESSAGE_SIZE_MAX at a character. */
struct slice grpc_message_cut(struct slice text);

/* What both sides know of compression. */
enum grpc_encoding {
	GRPC_ENCODING_IDENTITY,
	GRPC_ENCODING_GZIP,
	GRPC_ENCODING_UNKNOWN,
};

/* grpc_encoding_parse: the value of a grpc-encoding header. */
enum grpc_encoding grpc_encoding_parse(struct slice text);

/*
 * grpc_content_type_good: application/grpc, also with +proto or parameters.
 * Another codec (+json) or gRPC-Web is not served here.
 */
bool grpc_content_type_good(struct slice text);

/* grpc_settings_submit: windows of @session as above, with its SETTINGS. */
bool grpc_settings_submit(nghttp2_session *session,
			  const nghttp2_settings_entry *entries,
			  size_t count) MUST_CHECK;

#endif
