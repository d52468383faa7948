/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_gzip.h"

#include <zlib.h>

/* zlib: the largest window, and 16 for "gzip, not zlib". */
#define GZIP_WINDOW_BITS (15 + 16)

/* Inflated at a time; grows by doubling with what has come out. */
#define PIECE_SIZE_MIN 16384

/* One step: Z_OK means that there may be more. */
static int inflate_piece(z_stream *stream, size_t room, struct grpc_bytes *out)
{
	int result;

	stream->next_out = out->data + out->size;
	stream->avail_out = (uInt)room;
	result = inflate(stream, Z_NO_FLUSH);
	out->size += room - stream->avail_out;
	if (result == Z_OK && stream->avail_out > 0)
		return Z_DATA_ERROR; /* the input ended too early */
	return result;
}

static enum grpc_gzip_result inflate_all(z_stream *stream, uint32_t size_max,
					 struct grpc_bytes *out)
{
	/* One byte more than allowed tells "too large" from "just fits". */
	const size_t size_limit = (size_t)size_max + 1;
	int result = Z_OK;

	while (result == Z_OK) {
		size_t room = out->size + PIECE_SIZE_MIN;

		if (room > size_limit - out->size)
			room = size_limit - out->size;
		if (!grpc_bytes_reserve(out, room))
			return GRPC_GZIP_NO_MEMORY;
		result = inflate_piece(stream, room, out);
		if (out->size == size_limit)
			return GRPC_GZIP_TOO_LARGE;
	}
	if (result == Z_MEM_ERROR)
		return GRPC_GZIP_NO_MEMORY;
	if (result != Z_STREAM_END || stream->avail_in > 0)
		return GRPC_GZIP_MALFORMED;
	return GRPC_GZIP_OK;
}

enum grpc_gzip_result grpc_gzip_inflate(struct slice bytes, uint32_t size_max,
					struct grpc_bytes *out)
{
	z_stream stream = { 0 };
	enum grpc_gzip_result result;

	check(bytes.size <= UINT32_MAX && size_max < UINT32_MAX);
	grpc_bytes_clear(out, out->capacity);
	if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
		return GRPC_GZIP_NO_MEMORY;
	/* zlib does not write to its input, whatever its type says. */
	stream.next_in = (Bytef *)(uintptr_t)bytes.data;
	stream.avail_in = (uInt)bytes.size;
	result = inflate_all(&stream, size_max, out);
	inflateEnd(&stream);
	return result;
}
