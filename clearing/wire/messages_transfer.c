/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * PostTransfers by hand: every transfer passes here, and protobuf-c would
 * make an object and several copies of each (4 M/s against 17 M/s and more).
 * The other methods as everywhere.
 */
#include "wire/messages.h"

#include "wire/codec.h"
#include "wire/scan.h"
#include "wire/transfer_fields.h"

/* Of a field that comes twice the last counts; AccountRefs are merged. */
static void read_field(struct reader *reader, uint64_t key,
		       struct transfer_command *out)
{
	switch (key) {
	case KEY(ITEM_ID, WIRE_BYTES):
		out->id = scan_bytes(reader);
		break;
	case KEY(ITEM_DEBIT, WIRE_BYTES):
		codec_read_account(scan_bytes(reader), &out->debit, reader);
		break;
	case KEY(ITEM_CREDIT, WIRE_BYTES):
		codec_read_account(scan_bytes(reader), &out->credit, reader);
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

static const struct codec_field get_transfer_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct read_request, id) },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_get_transfer(struct slice bytes, struct arena *arena,
			 struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(get_transfer_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
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
	bytes[0] = (uint8_t)KEY(RESPONSE_RESULTS, WIRE_BYTES);
	bytes[1] = (uint8_t)(at - bytes - 2);
	buffer_put(out, slice_of(bytes, (size_t)(at - bytes)));
}

static void put_refused(struct buffer *out, const struct answer *answer)
{
	const struct refusal *refusal =
		refusal_find(&transfer_refusals, answer->refusal);
	size_t begin = codec_begin(out, RESPONSE_RESULTS);

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
	buffer_put_field_varint(out, RESPONSE_POSITION, position);
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
