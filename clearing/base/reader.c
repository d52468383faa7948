/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/reader.h"

#include "base/buffer.h"

#define FIELD_NUMBER_MAX ((1u << 29) - 1)

struct reader reader_of(struct slice bytes)
{
	check(bytes.data != NULL || bytes.size == 0);
	return (struct reader){ .at = bytes.data,
				.end = bytes.size > 0 ? bytes.data + bytes.size
						      : bytes.data };
}

void reader_fail(struct reader *reader)
{
	check(reader != NULL);
	reader->failed = true;
	reader->at = reader->end;
}

uint64_t reader_varint(struct reader *reader)
{
	uint64_t value = 0;
	uint32_t shift = 0;

	check(reader->at <= reader->end);
	while (reader->at < reader->end) {
		uint8_t byte = *reader->at++;

		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
		shift += 7;
		if (shift > 63)
			break;
	}
	reader_fail(reader);
	return 0;
}

uint32_t reader_varint32(struct reader *reader)
{
	uint64_t value = reader_varint(reader);

	if (value <= UINT32_MAX)
		return (uint32_t)value;
	reader_fail(reader);
	return 0;
}

struct slice reader_take(struct reader *reader, size_t size)
{
	struct slice bytes;

	check(reader->at <= reader->end);
	if (size > (size_t)(reader->end - reader->at)) {
		reader_fail(reader);
		return (struct slice){ 0 };
	}
	bytes = slice_of(reader->at, size);
	if (size > 0)
		reader->at += size;
	return bytes;
}

struct slice reader_bytes(struct reader *reader)
{
	uint64_t size = reader_varint(reader);

	if (size > SIZE_MAX) {
		reader_fail(reader);
		return (struct slice){ 0 };
	}
	return reader_take(reader, (size_t)size);
}

uint32_t reader_tag(struct reader *reader, uint32_t *type)
{
	uint64_t key;

	*type = 0;
	if (reader_at_end(reader))
		return 0;
	key = reader_varint(reader);
	if (key >> 3 == 0 || key >> 3 > FIELD_NUMBER_MAX) {
		reader_fail(reader);
		return 0;
	}
	*type = (uint32_t)(key & 7);
	return (uint32_t)(key >> 3);
}

void reader_skip(struct reader *reader, uint32_t type)
{
	if (type == WIRE_VARINT)
		(void)reader_varint(reader);
	else if (type == WIRE_FIXED64)
		(void)reader_take(reader, 8);
	else if (type == WIRE_BYTES)
		(void)reader_bytes(reader);
	else if (type == WIRE_FIXED32)
		(void)reader_take(reader, 4);
	else
		reader_fail(reader);
}
