/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The client's side of PostTransfers and Pay by hand: who generates load, or
 * imports a large file, shares the machine with what it measures.
 */
#include "wire/messages.h"

#include "wire/codec.h"
#include "wire/messages_payment.h"
#include "wire/scan.h"
#include "wire/transfer_fields.h"

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

static void read_result(struct slice bytes, struct answer *out,
			struct reader *parent)
{
	struct reader reader = { .at = bytes.data,
				 .end = bytes.data + bytes.size };

	*out = (struct answer){ 0 };
	while (reader.at < reader.end) {
		uint64_t key = scan_varint(&reader, SCAN_KEY_SIZE_MAX);
		uint64_t value;

		if ((key & 7) != WIRE_VARINT) {
			scan_skip(&reader, (uint32_t)(key & 7));
			continue;
		}
		value = scan_varint(&reader, VARINT_SIZE_MAX);
		if (key == KEY(RESULT_REFUSAL, WIRE_VARINT))
			out->refusal = (uint32_t)value;
		else if (key == KEY(RESULT_NUMBER, WIRE_VARINT))
			out->number = value;
		else if (key == KEY(RESULT_RECORDED, WIRE_VARINT))
			out->recorded = value != 0;
		else if (key == KEY(RESULT_POSITION, WIRE_VARINT))
			out->position = value;
	}
	if (reader.failed)
		reader_fail(parent);
}

bool decode_post_transfers_response(struct slice bytes, struct answer *answers,
				    uint32_t count_max, uint32_t *count,
				    uint64_t *position)
{
	struct reader reader = reader_of(bytes);
	uint64_t newest = 0;
	uint32_t found = 0;

	while (reader.at < reader.end) {
		uint64_t key = scan_varint(&reader, SCAN_KEY_SIZE_MAX);
		struct answer answer;

		if (key == KEY(RESPONSE_RESULTS, WIRE_BYTES)) {
			read_result(scan_bytes(&reader), &answer, &reader);
			if (found < count_max)
				answers[found] = answer;
			found++;
		} else if (key == KEY(RESPONSE_POSITION, WIRE_VARINT)) {
			newest = scan_varint(&reader, VARINT_SIZE_MAX);
		} else {
			scan_skip(&reader, (uint32_t)(key & 7));
		}
	}
	if (reader.failed)
		return false;
	*count = found;
	*position = newest;
	return true;
}

void encode_pay_request(struct buffer *out, const struct pay_request *request)
{
	const struct pay_command *command = &request->command;
	size_t payer;

	buffer_put_field_bytes(out, 1, command->id);
	payer = codec_begin(out, 2);
	if (command->payer.address.size > 0)
		buffer_put_field_bytes(out, REF_ADDRESS,
				       command->payer.address);
	else
		buffer_put_field_varint(out, REF_ID, command->payer.id);
	codec_end(out, payer);
	buffer_put_field_bytes(out, 3, command->payee);
	codec_put_int64(out, 4, command->amount_minor);
	buffer_put_field_bytes(out, 5, command->reference);
	buffer_put_field_bytes(out, 6, command->memo);
	buffer_put_field_varint(out, 7, request->wait_ms);
	buffer_put_field_bytes(out, 8, command->request);
}

struct pay_response {
	struct slice payment;
	uint64_t position;
};

static const struct codec_field response_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct pay_response, payment) },
	{ 2, CODEC_NUMBER, offsetof(struct pay_response, position) },
};

static const struct codec_field payment_fields[] = {
	{ 2, CODEC_UINT32, offsetof(struct payment_view, state) },
	{ 6, CODEC_NUMBER, offsetof(struct payment_view, amount_minor) },
	{ 8, CODEC_UINT32, offsetof(struct payment_view, reason) },
	{ 12, CODEC_UINT32, offsetof(struct payment_view, attempts) },
};

bool decode_pay_response(struct slice bytes, struct payment_view *out,
			 uint64_t *position)
{
	struct pay_response response = { 0 };
	struct payment_view view = { 0 };

	if (!CODEC_READ(response_fields, bytes, NULL, &response) ||
	    !CODEC_READ(payment_fields, response.payment, NULL, &view))
		return false;
	*out = view;
	*position = response.position;
	return true;
}
