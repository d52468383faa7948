/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * scan: the reader of base/reader.h with its short cases inline, for the
 * paths that see every field of every transfer; and with the two bounds of
 * protobuf-c: keys and lengths take at most five bytes, so that what passes
 * here can be unpacked there.  Failure is sticky, as in the reader.
 */
#ifndef CLEARING_WIRE_SCAN_H
#define CLEARING_WIRE_SCAN_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/reader.h"

#define SCAN_KEY_SIZE_MAX 5
#define SCAN_FIELD_MAX ((UINT32_C(1) << 29) - 1)

/* scan_varint: a varint of at most @size_max (1 to 10) bytes. */
static inline uint64_t scan_varint(struct reader *reader, uint32_t size_max)
{
	const uint8_t *at = reader->at;
	uint64_t value;

	/* One byte: keys, lengths, kinds; two: most small amounts. */
	if (reader->end - at >= 2 && at[0] < 0x80) {
		reader->at = at + 1;
		return at[0];
	}
	if (reader->end - at >= 2 && at[1] < 0x80) {
		reader->at = at + 2;
		return (uint64_t)at[1] << 7 | (at[0] & 0x7f);
	}
	value = reader_varint(reader);
	if (reader->at - at > (ptrdiff_t)size_max)
		reader_fail(reader);
	return value;
}

/*
 * scan_key: field number and wire type of the next field.
 *
 * Returns the number, 1 to SCAN_FIELD_MAX, or 0 on failure (the caller asks
 * for the end of input before).
 */
static inline uint32_t scan_key(struct reader *reader, uint32_t *type)
{
	uint64_t key = scan_varint(reader, SCAN_KEY_SIZE_MAX);

	*type = (uint32_t)(key & 7);
	if (key >> 3 == 0 || key >> 3 > SCAN_FIELD_MAX) {
		reader_fail(reader);
		return 0;
	}
	return (uint32_t)(key >> 3);
}

/* scan_bytes: a length-prefixed piece; a view into the input. */
static inline struct slice scan_bytes(struct reader *reader)
{
	uint64_t size = scan_varint(reader, SCAN_KEY_SIZE_MAX);
	struct slice bytes = { reader->at, (size_t)size };

	if (reader->failed || size > (uint64_t)(reader->end - reader->at)) {
		reader_fail(reader);
		return (struct slice){ reader->end, 0 };
	}
	reader->at += size;
	return bytes;
}

/* scan_skip: step over a value of a wire type; groups fail. */
static inline void scan_skip(struct reader *reader, uint32_t type)
{
	if (type == WIRE_BYTES)
		(void)scan_bytes(reader);
	else
		reader_skip(reader, type);
}

#endif
