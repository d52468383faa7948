/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_text: the texts that gRPC puts into HTTP/2 headers: timeouts,
 * percent-encoded messages, base64 without padding.  Nothing of HTTP/2 itself.
 *
 * Encoders append to a buffer whose overflow the caller looks at.
 */
#ifndef CLEARING_WIRE_GRPC_TEXT_H
#define CLEARING_WIRE_GRPC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/slice.h"

/* "99999999H" is the longest. */
#define GRPC_TIMEOUT_SIZE_MAX 9

/*
 * grpc_timeout_parse: a grpc-timeout header: 1 to 8 digits and one of
 * H M S m u n.
 *
 * @timeout_us  rounded up, at least 1: zero means "none" elsewhere.
 * Returns false for anything else; @timeout_us is written only on success.
 */
bool grpc_timeout_parse(struct slice text, uint64_t *timeout_us) MUST_CHECK;

/*
 * grpc_timeout_put: @timeout_us (> 0) in the finest unit that holds it in 8
 * digits, rounded up; at most GRPC_TIMEOUT_SIZE_MAX bytes.
 */
void grpc_timeout_put(struct buffer *out, uint64_t timeout_us);

/*
 * grpc_percent_encode: all but printable ASCII, and '%', as %XX.  Up to three
 * times the size of @text.
 */
void grpc_percent_encode(struct slice text, struct buffer *out);

/*
 * grpc_percent_decode: the reverse; a '%' without two hex digits stands for
 * itself, as gRPC asks: a message is never lost for its encoding.
 */
void grpc_percent_decode(struct slice text, struct buffer *out);

/* grpc_base64_encode: without padding; (size * 4 + 2) / 3 bytes. */
void grpc_base64_encode(struct slice bytes, struct buffer *out);

/*
 * grpc_base64_decode: with or without padding.  Returns false, with @out
 * possibly begun, for a text that is no base64.
 */
bool grpc_base64_decode(struct slice text, struct buffer *out) MUST_CHECK;

#endif
