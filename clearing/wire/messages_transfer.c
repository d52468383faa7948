/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * PostTransfers by hand: every transfer passes here, and protobuf-c would
 * make an object and several copies of each (4 M/s against 17 M/s and more).
 * The other methods as everywhere.
 */
#include "wire/messages.h"

#include <string.h>

#include "clearing/v1/transfer.pb-c.h"

#include "wire/codec.h"
#include "wire/scan.h"

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

/* Of the members of a oneof the last one on the wire is set. */
static void read_account(struct slice bytes, struct account_ref *ref,
			 struct reader *parent)
{
	struct reader reader = { .at = bytes.data,
				 .end = bytes.data + bytes.size };

	while (reader.at < reader.end) {
		uint64_t key = scan_varint(&reader, SCAN_KEY_SIZE_MAX);

		if (key == KEY(REF_ID, WIRE_VARINT)) {
			ref->id = scan_varint(&reader, VARINT_SIZE_MAX);
			ref->address = (struct slice){ 0 };
		} else if (key == KEY(REF_ADDRESS, WIRE_BYTES)) {
			ref->address = scan_bytes(&reader);
			ref->id = 0;
		} else {
			scan_skip(&reader, (uint32_t)(key & 7));
		}
	}
	if (reader.failed)
		reader_fail(parent);
}

/* Of a field that comes twice the last counts; AccountRefs are merged. */
static void read_field(struct reader *reader, uint64_t key,
		       struct transfer_command *out)
{
	switch (key) {
	case KEY(ITEM_ID, WIRE_BYTES):
		out->id = scan_bytes(reader);
		break;
	case KEY(ITEM_DEBIT, WIRE_BYTES):
		read_account(scan_bytes(reader), &out->debit, reader);
		break;
	case KEY(ITEM_CREDIT, WIRE_BYTES):
		read_account(scan_bytes(reader), &out->credit, reader);
		break;
	case KEY(ITEM_AMOUNT, WIRE_VARINT):
		out->amount_minor =
			(int64_t)scan_varint(reader, VARINT_SIZE_MAX);
		break;
	case KEY(ITEM_KIND, WIRE_VARINT):
		out->kind = (uint32_t)scan_varint(reader, VARINT_SIZE_MAX);
		break;
	case KEY(ITEM_REFERENCE, WIRE_BYTES):
		out->reference = scan_bytes(reader);
		break;
	case KEY(ITEM_MEMO, WIRE_BYTES):
		out->memo = scan_bytes(reader);
		break;
	case KEY(ITEM_LINKED, WIRE_VARINT):
		out->linked = scan_varint(reader, VARINT_SIZE_MAX) != 0;
		break;
	default: /* A number from outside: a field not known yet. */
		scan_skip(reader, (uint32_t)(key & 7));
	}
}

static bool read_item(struct slice bytes, struct transfer_command *out)
{
	struct reader reader = { .at = bytes.data,
				 .end = bytes.data + bytes.size };

	*out = (struct transfer_command){ 0 };
	while (reader.at < reader.end) {
		uint64_t key = scan_varint(&reader, SCAN_KEY_SIZE_MAX);

		read_field(&reader, key, out);
	}
	return !reader.failed;
}

/* Steps to the next item; false at the end. */
static bool next_item(struct reader *reader, struct slice *item)
{
	while (reader->at < reader->end) {
		uint64_t key = scan_varint(reader, SCAN_KEY_SIZE_MAX);

		if (key == KEY(REQUEST_TRANSFERS, WIRE_BYTES)) {
			*item = scan_bytes(reader);
			return !reader->failed;
		}
		scan_skip(reader, (uint32_t)(key & 7));
	}
	return false;
}

bool decode_post_transfers(struct slice bytes, struct arena *arena,
			   uint32_t count_max,
			   struct transfer_command **commands, uint32_t *count)
{
	struct reader reader = reader_of(bytes);
	struct transfer_command *items;
	struct slice item;
	uint32_t total = 0, decoded;

	while (next_item(&reader, &item))
		total++;
	if (!reader_ok(&reader))
		return false;
	decoded = total < count_max ? total : count_max;
	items = arena_take(arena, decoded * sizeof(*items));
	if (items == NULL)
		return false;
	reader = reader_of(bytes);
	for (uint32_t i = 0; i < decoded; i++) {
		if (!next_item(&reader, &item) || !read_item(item, &items[i]))
			return false;
	}
	*commands = items;
	*count = total;
	return true;
}

bool decode_get_transfer(struct slice bytes, struct arena *arena,
			 struct read_request *out)
{
	const Clearing__V1__GetTransferRequest *msg = codec_unpack(
		&clearing__v1__get_transfer_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct read_request){ .id = codec_bytes(msg->id),
				      .min_position = msg->min_position };
	return true;
}

/*
 * write_*: a field with a number below 16 into memory known to be enough;
 * each returns where the next one goes.  Zero is left out.
 */
static uint8_t *write_number(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *write_varint(uint8_t *at, uint32_t number, uint64_t value)
{
	if (value == 0)
		return at;
	*at++ = (uint8_t)KEY(number, WIRE_VARINT);
	return write_number(at, value);
}

static uint8_t *write_bytes(uint8_t *at, uint32_t number, struct slice value)
{
	if (value.size == 0)
		return at;
	*at++ = (uint8_t)KEY(number, WIRE_BYTES);
	at = write_number(at, value.size);
	memcpy(at, value.data, value.size);
	return at + value.size;
}

/* Key, size, number, recorded, position. */
#define RESULT_SIZE_MAX (2 + 2 * (1 + VARINT_SIZE_MAX) + 2)

static void put_posted(struct buffer *out, const struct answer *answer)
{
	uint8_t bytes[RESULT_SIZE_MAX];
	uint8_t *at = bytes + 2;

	at = write_varint(at, RESULT_NUMBER, answer->number);
	at = write_varint(at, RESULT_RECORDED, answer->recorded ? 1 : 0);
	at = write_varint(at, RESULT_POSITION, answer->position);
	bytes[0] = (uint8_t)KEY(1, WIRE_BYTES);
	bytes[1] = (uint8_t)(at - bytes - 2);
	buffer_put(out, slice_of(bytes, (size_t)(at - bytes)));
}

static void put_refused(struct buffer *out, const struct answer *answer)
{
	const struct refusal *refusal =
		refusal_find(&transfer_refusals, answer->refusal);
	size_t begin = codec_begin(out, 1);

	buffer_put_field_varint(out, RESULT_REFUSAL, refusal->number);
	codec_put_bool(out, RESULT_RETRY, refusal->retry);
	buffer_put_field_bytes(out, RESULT_MESSAGE,
			       slice_from_text(refusal->sentence));
	codec_end(out, begin);
}

void encode_post_transfers(struct buffer *out, const struct answer *answers,
			   uint32_t count, uint64_t position)
{
	for (uint32_t i = 0; i < count; i++) {
		if (answers[i].refusal == TRANSFER_OK)
			put_posted(out, &answers[i]);
		else
			put_refused(out, &answers[i]);
	}
	buffer_put_field_varint(out, 2, position);
}

void codec_put_transfer(struct buffer *out, const struct transfer_view *view)
{
	buffer_put_field_bytes(out, 1, view->id);
	buffer_put_field_varint(out, 2, view->number);
	buffer_put_field_varint(out, 3, view->position);
	buffer_put_field_varint(out, 4, view->debit_account);
	buffer_put_field_varint(out, 5, view->credit_account);
	buffer_put_field_bytes(out, 6, view->debit_address);
	buffer_put_field_bytes(out, 7, view->credit_address);
	codec_put_int64(out, 8, view->amount_minor);
	buffer_put_field_varint(out, 9, view->kind);
	buffer_put_field_bytes(out, 10, view->reference);
	buffer_put_field_bytes(out, 11, view->hold_id);
	buffer_put_field_bytes(out, 12, view->memo);
	codec_put_bool(out, 13, view->memo_erased);
	buffer_put_field_bytes(out, 14, view->actor);
	codec_put_int64(out, 15, view->posted_at_us);
}

void encode_get_transfer(struct buffer *out, const struct transfer_view *view)
{
	size_t begin = codec_begin(out, 1);

	codec_put_transfer(out, view);
	codec_end(out, begin);
}

static uint8_t *write_account(uint8_t *at, uint32_t number,
			      const struct account_ref *ref)
{
	size_t size = 0;

	if (ref->address.size > 0)
		size = 1 + varint_size(ref->address.size) + ref->address.size;
	else if (ref->id > 0)
		size = 1 + varint_size(ref->id);
	*at++ = (uint8_t)KEY(number, WIRE_BYTES);
	at = write_number(at, size);
	if (ref->address.size > 0)
		return write_bytes(at, REF_ADDRESS, ref->address);
	return write_varint(at, REF_ID, ref->id);
}

/* What an item takes at most beside its texts: keys, sizes and numbers. */
#define ITEM_REST_MAX (16 * (1 + VARINT_SIZE_MAX))

static void put_item(struct buffer *out, const struct transfer_command *item)
{
	size_t most = item->id.size + item->debit.address.size +
		      item->credit.address.size + item->reference.size +
		      item->memo.size + ITEM_REST_MAX;
	size_t begin = codec_begin(out, REQUEST_TRANSFERS);
	uint8_t *at;

	if (out->overflowed || most > out->capacity - out->size) {
		out->overflowed = true;
		return;
	}
	at = write_bytes(out->data + out->size, ITEM_ID, item->id);
	at = write_account(at, ITEM_DEBIT, &item->debit);
	at = write_account(at, ITEM_CREDIT, &item->credit);
	at = write_varint(at, ITEM_AMOUNT, (uint64_t)item->amount_minor);
	at = write_varint(at, ITEM_KIND, item->kind);
	at = write_bytes(at, ITEM_REFERENCE, item->reference);
	at = write_bytes(at, ITEM_MEMO, item->memo);
	at = write_varint(at, ITEM_LINKED, item->linked ? 1 : 0);
	out->size = (size_t)(at - out->data);
	codec_end(out, begin);
}

void encode_post_transfers_request(struct buffer *out,
				   const struct transfer_command *commands,
				   uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		put_item(out, &commands[i]);
}
