/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/buffer.h"

#include <string.h>

#include "base/check.h"

#define DECIMAL_DIGITS_MAX 20

void buffer_init(struct buffer *buffer, void *data, size_t capacity)
{
	check(data != NULL || capacity == 0);
	*buffer = (struct buffer){ .data = data, .capacity = capacity };
}

struct slice buffer_view(const struct buffer *buffer)
{
	check(buffer->size <= buffer->capacity);
	return slice_of(buffer->data, buffer->size);
}

void buffer_put_byte(struct buffer *buffer, uint8_t byte)
{
	buffer_put(buffer, slice_of(&byte, 1));
}

void buffer_put(struct buffer *buffer, struct slice bytes)
{
	check(buffer->size <= buffer->capacity);
	if (bytes.size > buffer->capacity - buffer->size) {
		buffer->overflowed = true;
		return;
	}
	if (bytes.size > 0)
		memcpy(buffer->data + buffer->size, bytes.data, bytes.size);
	buffer->size += bytes.size;
}

void buffer_put_text(struct buffer *buffer, const char *text)
{
	buffer_put(buffer, slice_from_text(text));
}

void buffer_put_hex(struct buffer *buffer, struct slice bytes)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < bytes.size; i++) {
		buffer_put_byte(buffer, (uint8_t)digits[bytes.data[i] >> 4]);
		buffer_put_byte(buffer, (uint8_t)digits[bytes.data[i] & 15]);
	}
}

void buffer_put_decimal(struct buffer *buffer, uint64_t value)
{
	uint8_t digits[DECIMAL_DIGITS_MAX];
	size_t start = sizeof(digits);

	do {
		check(start > 0);
		digits[--start] = (uint8_t)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	buffer_put(buffer, slice_of(digits + start, sizeof(digits) - start));
}

void buffer_put_varint(struct buffer *buffer, uint64_t value)
{
	uint8_t bytes[VARINT_SIZE_MAX];
	size_t size = 0;

	while (value >= 0x80) {
		bytes[size++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	bytes[size++] = (uint8_t)value;
	check(size <= sizeof(bytes));
	buffer_put(buffer, slice_of(bytes, size));
}

void buffer_put_tag(struct buffer *buffer, uint32_t number, uint32_t type)
{
	check(number > 0 && type <= 7);
	buffer_put_varint(buffer, (uint64_t)number << 3 | type);
}

void buffer_put_field_varint(struct buffer *buffer, uint32_t number,
			     uint64_t value)
{
	if (value == 0)
		return;
	buffer_put_tag(buffer, number, WIRE_VARINT);
	buffer_put_varint(buffer, value);
}

void buffer_put_field_bytes(struct buffer *buffer, uint32_t number,
			    struct slice value)
{
	if (value.size == 0)
		return;
	buffer_put_tag(buffer, number, WIRE_BYTES);
	buffer_put_varint(buffer, value.size);
	buffer_put(buffer, value);
}
