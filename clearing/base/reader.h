/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reader: take protobuf primitives from bytes that came from outside.
 *
 * Failure is sticky: after the first malformed or missing piece every further
 * read gives zero and reader_ok() is false; the caller asks where it matters.
 * Nothing is ever read past the end.
 */
#ifndef CLEARING_BASE_READER_H
#define CLEARING_BASE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

/* reader_of: read @bytes, which must outlive the reader. */
struct reader reader_of(struct slice bytes);

/* reader_ok: nothing went wrong so far. */
static inline bool reader_ok(const struct reader *reader)
{
	return !reader->failed;
}

/* reader_at_end: nothing is left (also after a failure). */
static inline bool reader_at_end(const struct reader *reader)
{
	return reader->failed || reader->at == reader->end;
}

/* reader_fail: mark as malformed. */
void reader_fail(struct reader *reader);

/* reader_varint: a varint of at most 10 bytes that fits 64 bits. */
uint64_t reader_varint(struct reader *reader);

/* reader_varint32: the same, failing above 2^32 - 1. */
uint32_t reader_varint32(struct reader *reader);

/* reader_bytes: a length-prefixed piece; a view into the input. */
struct slice reader_bytes(struct reader *reader);

/* reader_take: exactly @size bytes; a view into the input. */
struct slice reader_take(struct reader *reader, size_t size);

/*
 * reader_tag: the key of the next field.
 *
 * @type  receives the wire type (WIRE_* of buffer.h).
 * Returns the field number, 1 to 2^29 - 1; 0 at the end or on failure.
 */
uint32_t reader_tag(struct reader *reader, uint32_t *type);

/* reader_skip: step over a value of wire type @type; groups fail. */
void reader_skip(struct reader *reader, uint32_t type);

#endif
