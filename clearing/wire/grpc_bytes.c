/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_bytes.h"

#include <stdlib.h>
#include <string.h>

/* One small request or reply fits, prefix included. */
#define CAPACITY_MIN 512

bool grpc_bytes_reserve(struct grpc_bytes *bytes, size_t more)
{
	size_t capacity = bytes->capacity;
	uint8_t *data;

	if (more <= capacity - bytes->start - bytes->size)
		return true;
	if (bytes->start > 0) {
		memmove(bytes->data, bytes->data + bytes->start, bytes->size);
		bytes->start = 0;
	}
	if (more <= capacity - bytes->size)
		return true;
	if (more > SIZE_MAX / 4 || bytes->size > SIZE_MAX / 4)
		return false;
	if (capacity < CAPACITY_MIN)
		capacity = CAPACITY_MIN;
	while (capacity < bytes->size + more)
		capacity *= 2;
	data = realloc(bytes->data, capacity);
	if (data == NULL)
		return false;
	bytes->data = data;
	bytes->capacity = capacity;
	return true;
}

bool grpc_bytes_append(struct grpc_bytes *bytes, struct slice piece)
{
	if (!grpc_bytes_reserve(bytes, piece.size))
		return false;
	if (piece.size > 0)
		memcpy(bytes->data + bytes->start + bytes->size, piece.data,
		       piece.size);
	bytes->size += piece.size;
	return true;
}

struct slice grpc_bytes_view(const struct grpc_bytes *bytes)
{
	if (bytes->size == 0)
		return slice_of(bytes->data, 0);
	return slice_of(bytes->data + bytes->start, bytes->size);
}

void grpc_bytes_take(struct grpc_bytes *bytes, size_t count)
{
	check(count <= bytes->size);
	bytes->start += count;
	bytes->size -= count;
	if (bytes->size == 0)
		bytes->start = 0;
}

void grpc_bytes_clear(struct grpc_bytes *bytes, size_t keep)
{
	bytes->start = 0;
	bytes->size = 0;
	if (bytes->capacity <= keep)
		return;
	free(bytes->data);
	*bytes = (struct grpc_bytes){ 0 };
}
