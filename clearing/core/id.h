/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * id: the client-made UUIDv7 (RFC 9562) that every changing command carries.
 *
 * 16 bytes on the wire, lower-case text with dashes for people and JSON.
 */
#ifndef CLEARING_CORE_ID_H
#define CLEARING_CORE_ID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/slice.h"

#define ID_SIZE 16
#define ID_TEXT_SIZE 36
#define ID_TAIL_SIZE 10 /* version, variant and random bits */

struct id {
	uint8_t bytes[ID_SIZE];
};

/* id_from_bytes: false unless 16 bytes of a UUID with version 7, variant 2. */
bool id_from_bytes(struct slice bytes, struct id *out) MUST_CHECK;

/* id_is_v7: are version and variant those of a UUIDv7 (rule JOURNAL-15)? */
static inline bool id_is_v7(const struct id *id)
{
	return id->bytes[6] >> 4 == 7 && id->bytes[8] >> 6 == 2;
}

/* id_time_ms: the millisecond since 1970 that the id carries, 48 bits. */
static inline uint64_t id_time_ms(const struct id *id)
{
	const uint8_t *b = id->bytes;

	return (uint64_t)b[0] << 40 | (uint64_t)b[1] << 32 |
	       (uint64_t)b[2] << 24 | (uint64_t)b[3] << 16 |
	       (uint64_t)b[4] << 8 | b[5];
}

/*
 * id_make: a fresh id.
 *
 * @now_us  wall clock, microseconds since 1970.
 * @random  ID_TAIL_SIZE bytes from a good source; version and variant bits
 *          are set over them.
 */
struct id id_make(uint64_t now_us, const uint8_t random[ID_TAIL_SIZE]);

/* id_equal: the same 16 bytes. */
bool id_equal(const struct id *a, const struct id *b);

/* id_is_zero: no id. */
bool id_is_zero(const struct id *id);

/* id_print: append the text form, 36 bytes. */
void id_print(struct buffer *buffer, const struct id *id);

/* id_parse: the text form, either case; any UUID version. */
bool id_parse(struct slice text, struct id *out) MUST_CHECK;

#endif
