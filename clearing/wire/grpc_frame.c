/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_frame.h"

#include <string.h>

static uint32_t payload_size(const struct grpc_frame *frame)
{
	const uint8_t *prefix = frame->prefix;

	return (uint32_t)prefix[1] << 24 | (uint32_t)prefix[2] << 16 |
	       (uint32_t)prefix[3] << 8 | prefix[4];
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool take_prefix(struct grpc_frame *frame, struct slice *bytes)
{
	size_t count =
		smaller(GRPC_PREFIX_SIZE - frame->prefix_size, bytes->size);

	if (count > 0)
		memcpy(frame->prefix + frame->prefix_size, bytes->data, count);
	frame->prefix_size += (uint32_t)count;
	*bytes = slice_from(*bytes, count);
	return frame->prefix_size == GRPC_PREFIX_SIZE;
}

enum grpc_frame_result grpc_frame_take(struct grpc_frame *frame,
				       uint32_t size_max, struct slice *bytes)
{
	size_t missing;
	size_t count;

	if (!take_prefix(frame, bytes))
		return GRPC_FRAME_MORE;
	if (frame->prefix[0] > 1)
		return GRPC_FRAME_MALFORMED;
	if (payload_size(frame) > size_max)
		return GRPC_FRAME_TOO_LARGE;
	check(frame->payload.size <= payload_size(frame));
	missing = payload_size(frame) - frame->payload.size;
	count = smaller(missing, bytes->size);
	if (count > 0 &&
	    !grpc_bytes_append(&frame->payload, slice_upto(*bytes, count)))
		return GRPC_FRAME_NO_MEMORY;
	*bytes = slice_from(*bytes, count);
	return count == missing ? GRPC_FRAME_MESSAGE : GRPC_FRAME_MORE;
}

bool grpc_frame_is_complete(const struct grpc_frame *frame)
{
	return frame->prefix_size == GRPC_PREFIX_SIZE &&
	       frame->payload.size == payload_size(frame);
}

bool grpc_frame_is_empty(const struct grpc_frame *frame)
{
	return frame->prefix_size == 0;
}

struct slice grpc_frame_message(const struct grpc_frame *frame)
{
	check(grpc_frame_is_complete(frame));
	if (frame->payload.size == 0)
		return slice_of(frame->prefix, 0);
	return grpc_bytes_view(&frame->payload);
}

bool grpc_frame_is_compressed(const struct grpc_frame *frame)
{
	check(grpc_frame_is_complete(frame));
	return frame->prefix[0] == 1;
}

void grpc_frame_next(struct grpc_frame *frame, size_t keep)
{
	frame->prefix_size = 0;
	grpc_bytes_clear(&frame->payload, keep);
}

void grpc_prefix(uint32_t size, uint8_t prefix[GRPC_PREFIX_SIZE])
{
	prefix[0] = 0;
	prefix[1] = (uint8_t)(size >> 24);
	prefix[2] = (uint8_t)(size >> 16);
	prefix[3] = (uint8_t)(size >> 8);
	prefix[4] = (uint8_t)size;
}
