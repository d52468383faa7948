/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * transfer_fields: PostTransfers on the wire (proto/clearing/v1/transfer.proto)
 * for the code that reads and writes it by hand: server in
 * messages_transfer.c, client in messages_client.c.
 */
#ifndef CLEARING_WIRE_TRANSFER_FIELDS_H
#define CLEARING_WIRE_TRANSFER_FIELDS_H

#include <string.h>

#include "base/buffer.h"

/* Field numbers of the request, its items, the response, its results. */
enum { REQUEST_TRANSFERS = 1 };
enum {
	ITEM_ID = 1,
	ITEM_DEBIT = 2,
	ITEM_CREDIT = 3,
	ITEM_AMOUNT = 4,
	ITEM_KIND = 5,
	ITEM_REFERENCE = 6,
	ITEM_MEMO = 7,
	ITEM_LINKED = 8,
};
enum { RESPONSE_RESULTS = 1, RESPONSE_POSITION = 2 };
enum { REF_ID = 1, REF_ADDRESS = 2 };
enum {
	RESULT_REFUSAL = 1,
	RESULT_RETRY = 2,
	RESULT_MESSAGE = 3,
	RESULT_NUMBER = 4,
	RESULT_RECORDED = 5,
	RESULT_POSITION = 6,
};

#define KEY(number, type) ((uint64_t)(number) << 3 | (type))

/*
 * write_*: a field with a number below 16 into memory known to be enough;
 * each returns where the next one goes.  Zero is left out.
 */
static inline uint8_t *write_number(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static inline uint8_t *write_varint(uint8_t *at, uint32_t number,
				    uint64_t value)
{
	if (value == 0)
		return at;
	*at++ = (uint8_t)KEY(number, WIRE_VARINT);
	return write_number(at, value);
}

static inline uint8_t *write_bytes(uint8_t *at, uint32_t number,
				   struct slice value)
{
	if (value.size == 0)
		return at;
	*at++ = (uint8_t)KEY(number, WIRE_BYTES);
	at = write_number(at, value.size);
	memcpy(at, value.data, value.size);
	return at + value.size;
}

#endif
