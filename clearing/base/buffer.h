/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * buffer: append bytes, texts and protobuf primitives to memory of a fixed
 * size.  Overflow is sticky: append freely, ask once at the end.
 */
#ifndef CLEARING_BASE_BUFFER_H
#define CLEARING_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct buffer {
	uint8_t *data; /* the caller's */
	size_t size;   /* bytes appended */
	size_t capacity;
	bool overflowed; /* an append did not fit; nothing of it was written */
};

/* Protobuf wire types; groups, the other two, are never used. */
enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define VARINT_SIZE_MAX 10

/* buffer_init: append into @capacity bytes at @data. */
void buffer_init(struct buffer *buffer, void *data, size_t capacity);

/* buffer_view: what was appended so far. */
struct slice buffer_view(const struct buffer *buffer);

/* buffer_put: append one byte, bytes, or a NUL-terminated text. */
void buffer_put_byte(struct buffer *buffer, uint8_t byte);
void buffer_put(struct buffer *buffer, struct slice bytes);
void buffer_put_text(struct buffer *buffer, const char *text);

/* buffer_put_hex: append @bytes as lower-case digits, two a byte. */
void buffer_put_hex(struct buffer *buffer, struct slice bytes);

/* buffer_put_decimal: append @value in base ten, no leading zeros. */
void buffer_put_decimal(struct buffer *buffer, uint64_t value);

/* buffer_put_varint: append @value as a protobuf varint. */
void buffer_put_varint(struct buffer *buffer, uint64_t value);

/* buffer_put_tag: append the key of field @number with @type (WIRE_*). */
void buffer_put_tag(struct buffer *buffer, uint32_t number, uint32_t type);

/* buffer_put_field_*: tag and value; a zero or empty value is left out. */
void buffer_put_field_varint(struct buffer *buffer, uint32_t number,
			     uint64_t value);
void buffer_put_field_bytes(struct buffer *buffer, uint32_t number,
			    struct slice value);

/* varint_size: bytes that @value takes as a varint, 1 to 10. */
static inline size_t varint_size(uint64_t value)
{
	return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

/* zigzag: protobuf's mapping of sint64 to uint64, and back. */
static inline uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

#endif
