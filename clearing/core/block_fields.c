/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/block_format.h"

/* A varint that took more bytes than it needs has a second form. */
static void expect_size(struct fields *fields, const uint8_t *begin,
			uint64_t value)
{
	check(begin <= fields->reader.at);
	if (reader_ok(&fields->reader) &&
	    (size_t)(fields->reader.at - begin) != varint_size(value))
		fields->uncanonical = true;
}

bool fields_next(struct fields *fields)
{
	const uint8_t *begin = fields->reader.at;
	uint32_t before = fields->number;

	fields->number = reader_tag(&fields->reader, &fields->type);
	if (fields->number == 0)
		return false;
	expect_size(fields, begin,
		    (uint64_t)fields->number << 3 | fields->type);
	if (fields->number < before ||
	    (fields->number == before && before != fields->repeated))
		fields->uncanonical = true;
	return true;
}

uint64_t fields_varint(struct fields *fields)
{
	const uint8_t *begin = fields->reader.at;
	uint64_t value;

	check(fields->number > 0);
	if (fields->type != WIRE_VARINT)
		reader_fail(&fields->reader);
	value = reader_varint(&fields->reader);
	expect_size(fields, begin, value);
	if (value == 0)
		fields->uncanonical = true;
	return value;
}

struct slice fields_message(struct fields *fields)
{
	const uint8_t *begin = fields->reader.at;
	struct slice bytes;

	check(fields->number > 0);
	if (fields->type != WIRE_BYTES)
		reader_fail(&fields->reader);
	bytes = reader_bytes(&fields->reader);
	if (reader_ok(&fields->reader) &&
	    (size_t)(bytes.data - begin) != varint_size(bytes.size))
		fields->uncanonical = true;
	return bytes;
}

struct slice fields_bytes(struct fields *fields)
{
	struct slice bytes = fields_message(fields);

	if (bytes.size == 0)
		fields->uncanonical = true;
	return bytes;
}

enum block_decode_result fields_result(const struct fields *fields)
{
	if (!reader_ok(&fields->reader))
		return BLOCK_MALFORMED;
	return fields->uncanonical ? BLOCK_BAD_VALUE : BLOCK_DECODED;
}
