/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_frame: gRPC messages out of the bytes of a stream, however they are
 * cut: a flag byte, the size in four bytes (big endian), the message.
 * A message over the bound is told at its prefix and never kept.
 * A zeroed struct is one at the start of a stream.
 */
#ifndef CLEARING_WIRE_GRPC_FRAME_H
#define CLEARING_WIRE_GRPC_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/grpc_bytes.h"

#define GRPC_PREFIX_SIZE 5

enum grpc_frame_result {
	GRPC_FRAME_MORE,    /* all bytes were taken, no message is complete */
	GRPC_FRAME_MESSAGE, /* complete: grpc_frame_message(), then _next() */
	GRPC_FRAME_TOO_LARGE,
	GRPC_FRAME_MALFORMED, /* the flag byte is neither 0 nor 1 */
	GRPC_FRAME_NO_MEMORY,
};

struct grpc_frame {
	uint8_t prefix[GRPC_PREFIX_SIZE];
	uint32_t prefix_size; /* bytes of it that have come */
	struct grpc_bytes payload;
};

/*
 * grpc_frame_take: go on with the first of @bytes.
 *
 * @size_max  the largest message allowed.
 * @bytes     in: what came; out: what is left behind the message.  After a
 *            complete message nothing is taken until grpc_frame_next().
 *
 * Memory grows with what has come, not with what the prefix promises.
 */
enum grpc_frame_result grpc_frame_take(struct grpc_frame *frame,
				       uint32_t size_max,
				       struct slice *bytes) MUST_CHECK;

/* grpc_frame_is_complete: a whole message stands here. */
bool grpc_frame_is_complete(const struct grpc_frame *frame);

/* grpc_frame_is_empty: nothing of a message has come. */
bool grpc_frame_is_empty(const struct grpc_frame *frame);

/* grpc_frame_message: its bytes as sent; data is never NULL. */
struct slice grpc_frame_message(const struct grpc_frame *frame);

/* grpc_frame_is_compressed: the flag of the message that is complete. */
bool grpc_frame_is_compressed(const struct grpc_frame *frame);

/* grpc_frame_next: forget the message; memory above @keep is given back. */
void grpc_frame_next(struct grpc_frame *frame, size_t keep);

/* grpc_prefix: the five bytes before a message of @size, uncompressed. */
void grpc_prefix(uint32_t size, uint8_t prefix[GRPC_PREFIX_SIZE]);

#endif
