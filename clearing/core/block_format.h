/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * block_format: what the writing and the reading half of the block codec
 * share.  Private to block*.c; proto/events.md describes the format.
 */
#ifndef CLEARING_CORE_BLOCK_FORMAT_H
#define CLEARING_CORE_BLOCK_FORMAT_H

#include "base/reader.h"
#include "core/block.h"

/* Field numbers of the message Block. */
enum block_field {
	BLOCK_FIELD_FIRST_NUMBER = 1,
	BLOCK_FIELD_ENTRY_COUNT = 2,
	BLOCK_FIELD_ID_TAIL = 3,
	BLOCK_FIELD_ID_MS = 4,
	BLOCK_FIELD_KIND = 5,
	BLOCK_FIELD_DEBIT = 6,
	BLOCK_FIELD_CREDIT = 7,
	BLOCK_FIELD_AMOUNT = 8,
	BLOCK_FIELD_UNUSED = 9,
	BLOCK_FIELD_HOLD_ID = 10,
	BLOCK_FIELD_ACTOR = 11,
	BLOCK_FIELD_TRANSFER_KIND = 12,
	BLOCK_FIELD_REFERENCE_AT = 13,
	BLOCK_FIELD_REFERENCE = 14,
	BLOCK_FIELD_MEMO_AT = 15,
	BLOCK_FIELD_MEMO_HASH = 16,
	BLOCK_FIELD_EXPIRES = 17,
	BLOCK_FIELD_EVENTS = 20,
};

/* The field of the message Event that is not an event. */
#define EVENT_FIELD_AFTER 99

/* Account ids and actor numbers: five bytes as a varint. */
#define BLOCK_NUMBER_MAX ((UINT32_C(1) << 31) - 1)
/* Milliseconds have 48 bits in a UUIDv7; a block's time fits them. */
#define BLOCK_TIME_MS_MAX ((UINT64_C(1) << 48) - 1)
#define BLOCK_TIME_US_MAX (BLOCK_TIME_MS_MAX * 1000 + 999)
/* How far a hold's expiry may be from its block's time, either way. */
#define BLOCK_EXPIRES_US_MAX ((INT64_C(1) << 53) - 1)
/* Dense numbers of entries, exact in JSON like amounts. */
#define BLOCK_FIRST_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

/*
 * Bytes of one event in the payload, with every text at its longest; events
 * of links and payments may take more and are asked for by their size.
 */
#define BLOCK_EVENT_SIZE_MAX 300

/* block_event_encode: append field 20 of Block with @event in it. */
void block_event_encode(const struct event *event, struct buffer *out);

/* block_event_size: bytes that block_event_encode() appends. */
size_t block_event_size(const struct event *event);

/* block_event_keep: copy its texts into @texts and let it view them there. */
void block_event_keep(struct event *event, struct buffer *texts);

/* block_event_texts_size: bytes that takes. */
size_t block_event_texts_size(const struct event *event);

/*
 * block_event_decode: read the message Event in @bytes.
 *
 * @out  texts are views into @bytes; unspecified on failure.
 */
enum block_decode_result block_event_decode(struct slice bytes,
					    struct event *out) MUST_CHECK;

/* block_event_valid: is each value of @event one that the format takes? */
bool block_event_valid(const struct event *event);

/*
 * A reader of fields that takes only what a canonical writer writes: numbers
 * rising, varints of least size, nothing that has its default value.
 */
struct fields {
	struct reader reader;
	uint32_t number;   /* of the newest field; 0: none yet */
	uint32_t type;	   /* its wire type */
	uint32_t repeated; /* the one number that may come again; 0: none */
	bool uncanonical;
};

/* fields_next: go to the next field; false at the end and on failure. */
bool fields_next(struct fields *fields);

/* fields_varint: the value of the field, a varint that is not zero. */
uint64_t fields_varint(struct fields *fields);

/* fields_bytes: the value of the field, bytes that are not empty. */
struct slice fields_bytes(struct fields *fields);

/* fields_message: the value of the field, a message, which may be empty. */
struct slice fields_message(struct fields *fields);

/* fields_result: BLOCK_DECODED, BLOCK_MALFORMED or BLOCK_BAD_VALUE so far. */
enum block_decode_result fields_result(const struct fields *fields);

#endif
