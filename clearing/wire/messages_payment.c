/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages_payment.h"

#include "core/linklog.h"
#include "wire/codec.h"

static const struct codec_field pay_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct pay_request, command.id) },
	{ 2, CODEC_ACCOUNT, offsetof(struct pay_request, command.payer) },
	{ 3, CODEC_BYTES, offsetof(struct pay_request, command.payee) },
	{ 4, CODEC_NUMBER, offsetof(struct pay_request, command.amount_minor) },
	{ 5, CODEC_BYTES, offsetof(struct pay_request, command.reference) },
	{ 6, CODEC_BYTES, offsetof(struct pay_request, command.memo) },
	{ 7, CODEC_UINT32, offsetof(struct pay_request, wait_ms) },
	{ 8, CODEC_BYTES, offsetof(struct pay_request, command.request) },
	{ 9, CODEC_BYTES, offsetof(struct pay_request, command.lock) },
	{ 10, CODEC_NUMBER,
	  offsetof(struct pay_request, command.decide_by_us) },
};

bool decode_pay(struct slice bytes, struct arena *arena,
		struct pay_request *out)
{
	*out = (struct pay_request){ 0 };
	return CODEC_READ(pay_fields, bytes, arena, out);
}

static const struct codec_field settle_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct settle_request, id) },
	{ 2, CODEC_BYTES, offsetof(struct settle_request, key) },
};

bool decode_settle_payment(struct slice bytes, struct arena *arena,
			   struct settle_request *out)
{
	*out = (struct settle_request){ 0 };
	return CODEC_READ(settle_fields, bytes, arena, out);
}

static const struct codec_field cancel_fields[] = { { 1, CODEC_BYTES, 0 } };

bool decode_cancel_payment(struct slice bytes, struct arena *arena,
			   struct slice *id)
{
	*id = (struct slice){ 0 };
	return CODEC_READ(cancel_fields, bytes, arena, id);
}

void encode_cancel_payment(struct buffer *out, bool released, uint64_t position)
{
	codec_put_bool(out, 1, released);
	buffer_put_field_varint(out, 2, position);
}

static void put_payment(struct buffer *out, const struct payment_view *view)
{
	size_t begin = codec_begin(out, 1);

	buffer_put_field_bytes(out, 1, view->id);
	buffer_put_field_varint(out, 2, view->state);
	buffer_put_field_varint(out, 3, view->direction);
	buffer_put_field_bytes(out, 4, view->payer);
	buffer_put_field_bytes(out, 5, view->payee);
	codec_put_int64(out, 6, view->amount_minor);
	for (uint32_t i = 0; i < view->path_count; i++)
		buffer_put_field_bytes(out, 7, view->path[i]);
	if (view->reason != LINK_REASON_NONE) {
		buffer_put_field_varint(out, 8, view->reason);
		buffer_put_field_bytes(
			out, 9,
			slice_from_text(link_reason_name(view->reason)));
		buffer_put_field_bytes(
			out, 10,
			slice_from_text(link_reason_sentence(view->reason)));
		buffer_put_field_bytes(out, 11, view->at_city);
	}
	buffer_put_field_varint(out, 12, view->attempts);
	codec_put_int64(out, 13, view->started_at_us);
	codec_put_int64(out, 14, view->ended_at_us);
	buffer_put_field_bytes(out, 15, view->reference);
	buffer_put_field_bytes(out, 16, view->decided_id);
	codec_put_int64(out, 17, view->decide_by_us);
	buffer_put_field_bytes(out, 18, view->lock);
	codec_end(out, begin);
}

void encode_pay(struct buffer *out, const struct payment_view *view,
		uint64_t position)
{
	put_payment(out, view);
	buffer_put_field_varint(out, 2, position);
}

static const struct codec_field quote_fields[] = {
	{ 1, CODEC_ACCOUNT, offsetof(struct quote_request, payer) },
	{ 2, CODEC_BYTES, offsetof(struct quote_request, payee) },
	{ 3, CODEC_NUMBER, offsetof(struct quote_request, amount_minor) },
};

bool decode_quote_payment(struct slice bytes, struct arena *arena,
			  struct quote_request *out)
{
	*out = (struct quote_request){ 0 };
	return CODEC_READ(quote_fields, bytes, arena, out);
}

void encode_quote_payment(struct buffer *out, const struct quote_view *view)
{
	buffer_put_field_bytes(out, 1, view->display_name);
	if (view->reason != LINK_REASON_NONE) {
		buffer_put_field_varint(out, 2, view->reason);
		buffer_put_field_bytes(
			out, 3,
			slice_from_text(link_reason_name(view->reason)));
		buffer_put_field_bytes(
			out, 4,
			slice_from_text(link_reason_sentence(view->reason)));
		buffer_put_field_bytes(out, 7, view->at_city);
	}
	for (uint32_t i = 0; i < view->hop_count; i++) {
		size_t begin = codec_begin(out, 5);

		buffer_put_field_bytes(out, 1, view->hops[i].from);
		buffer_put_field_bytes(out, 2, view->hops[i].to);
		codec_put_int64(out, 3, view->hops[i].new_credit_minor);
		codec_end(out, begin);
	}
	codec_put_int64(out, 6, view->new_credit_minor);
}

static const struct codec_field get_payment_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct read_request, id) },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_get_payment(struct slice bytes, struct arena *arena,
			struct read_request *out)
{
	*out = (struct read_request){ 0 };
	return CODEC_READ(get_payment_fields, bytes, arena, out);
}

void encode_get_payment(struct buffer *out, const struct payment_view *view)
{
	put_payment(out, view);
}

static const struct codec_field list_payments_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_READ_PAGE, 0 },
	{ 3, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_list_payments(struct slice bytes, struct arena *arena,
			  struct read_request *out)
{
	*out = (struct read_request){ 0 };
	return CODEC_READ(list_payments_fields, bytes, arena, out);
}

void encode_list_payments(struct buffer *out, const struct payment_view *views,
			  uint32_t count, struct slice next_token)
{
	for (uint32_t i = 0; i < count; i++)
		put_payment(out, &views[i]);
	buffer_put_field_bytes(out, 2, next_token);
}

void encode_get_receipt(struct buffer *out, struct slice terms,
			struct slice proof)
{
	buffer_put_field_bytes(out, 1, terms);
	buffer_put_field_bytes(out, 2, proof);
}

static const struct codec_field request_payment_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct payment_request_command, id) },
	{ 2, CODEC_BYTES, offsetof(struct payment_request_command, payee) },
	{ 3, CODEC_BYTES, offsetof(struct payment_request_command, payer) },
	{ 4, CODEC_NUMBER,
	  offsetof(struct payment_request_command, amount_minor) },
	{ 5, CODEC_BYTES, offsetof(struct payment_request_command, purpose) },
	{ 6, CODEC_BYTES, offsetof(struct payment_request_command, reference) },
	{ 7, CODEC_NUMBER,
	  offsetof(struct payment_request_command, expires_at_us) },
};

bool decode_request_payment(struct slice bytes, struct arena *arena,
			    struct payment_request_command *out)
{
	*out = (struct payment_request_command){ 0 };
	return CODEC_READ(request_payment_fields, bytes, arena, out);
}

static const struct codec_field list_requests_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_UINT32, offsetof(struct read_request, state) },
	{ 3, CODEC_READ_PAGE, 0 },
	{ 4, CODEC_NUMBER, offsetof(struct read_request, min_position) },
	{ 5, CODEC_BYTES, offsetof(struct read_request, id) },
};

bool decode_list_payment_requests(struct slice bytes, struct arena *arena,
				  struct read_request *out)
{
	*out = (struct read_request){ 0 };
	return CODEC_READ(list_requests_fields, bytes, arena, out);
}

static void put_request(struct buffer *out,
			const struct payment_request_view *view)
{
	size_t begin = codec_begin(out, 1);

	buffer_put_field_bytes(out, 1, view->id);
	buffer_put_field_varint(out, 2, view->state);
	buffer_put_field_bytes(out, 3, view->payer);
	buffer_put_field_bytes(out, 4, view->payee);
	codec_put_int64(out, 5, view->amount_minor);
	buffer_put_field_bytes(out, 6, view->purpose);
	buffer_put_field_bytes(out, 7, view->reference);
	codec_put_int64(out, 8, view->expires_at_us);
	buffer_put_field_bytes(out, 9, view->actor);
	codec_end(out, begin);
}

void encode_list_payment_requests(struct buffer *out,
				  const struct payment_request_view *views,
				  uint32_t count, struct slice next_token)
{
	for (uint32_t i = 0; i < count; i++)
		put_request(out, &views[i]);
	buffer_put_field_bytes(out, 2, next_token);
}

static const struct codec_field one_field[] = { { 1, CODEC_BYTES, 0 } };

bool decode_decline_payment_request(struct slice bytes, struct arena *arena,
				    struct slice *id)
{
	*id = (struct slice){ 0 };
	return CODEC_READ(one_field, bytes, arena, id);
}

bool decode_link_city(struct slice bytes, struct arena *arena,
		      struct slice *city)
{
	*city = (struct slice){ 0 };
	return CODEC_READ(one_field, bytes, arena, city);
}
