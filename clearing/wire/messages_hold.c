/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages.h"

#include "wire/codec.h"

static const struct codec_field place_hold_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct place_hold_command, transfer.id) },
	{ 2, CODEC_ACCOUNT,
	  offsetof(struct place_hold_command, transfer.debit) },
	{ 3, CODEC_ACCOUNT,
	  offsetof(struct place_hold_command, transfer.credit) },
	{ 4, CODEC_NUMBER,
	  offsetof(struct place_hold_command, transfer.amount_minor) },
	{ 5, CODEC_NUMBER, offsetof(struct place_hold_command, expires_at_us) },
	{ 6, CODEC_UINT32, offsetof(struct place_hold_command, transfer.kind) },
	{ 7, CODEC_BYTES,
	  offsetof(struct place_hold_command, transfer.reference) },
	{ 8, CODEC_BYTES, offsetof(struct place_hold_command, transfer.memo) },
};

bool decode_place_hold(struct slice bytes, struct arena *arena,
		       struct place_hold_command *out)
{
	struct place_hold_command request = { 0 };

	if (!CODEC_READ(place_hold_fields, bytes, arena, &request))
		return false;
	/* A time before 1970 has passed, as 1970 has. */
	if (request.expires_at_us > INT64_MAX)
		request.expires_at_us = 0;
	*out = request;
	return true;
}

static const struct codec_field post_hold_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct post_hold_command, id) },
	{ 2, CODEC_BYTES, offsetof(struct post_hold_command, hold_id) },
	{ 3, CODEC_NUMBER, offsetof(struct post_hold_command, amount_minor) },
};

bool decode_post_hold(struct slice bytes, struct arena *arena,
		      struct post_hold_command *out)
{
	struct post_hold_command request = { 0 };

	if (!CODEC_READ(post_hold_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

static const struct codec_field void_hold_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct void_hold_command, id) },
	{ 2, CODEC_BYTES, offsetof(struct void_hold_command, hold_id) },
	{ 3, CODEC_BYTES, offsetof(struct void_hold_command, reason) },
};

bool decode_void_hold(struct slice bytes, struct arena *arena,
		      struct void_hold_command *out)
{
	struct void_hold_command request = { 0 };

	if (!CODEC_READ(void_hold_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

static const struct codec_field get_hold_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct read_request, id) },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_get_hold(struct slice bytes, struct arena *arena,
		     struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(get_hold_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

static const struct codec_field list_holds_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_UINT32, offsetof(struct read_request, state) },
	{ 3, CODEC_READ_PAGE, 0 },
	{ 4, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_list_holds(struct slice bytes, struct arena *arena,
		       struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(list_holds_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

void encode_post_hold(struct buffer *out, uint64_t position, uint64_t number)
{
	buffer_put_field_varint(out, 1, position);
	buffer_put_field_varint(out, 2, number);
}

static void put_hold(struct buffer *out, const struct hold_view *view)
{
	size_t begin = codec_begin(out, 1);

	buffer_put_field_bytes(out, 1, view->id);
	buffer_put_field_varint(out, 2, view->state);
	buffer_put_field_varint(out, 3, view->debit_account);
	buffer_put_field_varint(out, 4, view->credit_account);
	buffer_put_field_bytes(out, 5, view->debit_address);
	buffer_put_field_bytes(out, 6, view->credit_address);
	codec_put_int64(out, 7, view->amount_minor);
	codec_put_int64(out, 8, view->posted_amount_minor);
	codec_put_int64(out, 9, view->expires_at_us);
	buffer_put_field_varint(out, 10, view->kind);
	buffer_put_field_bytes(out, 11, view->reference);
	buffer_put_field_bytes(out, 12, view->memo);
	codec_put_bool(out, 13, view->memo_erased);
	buffer_put_field_bytes(out, 14, view->actor);
	buffer_put_field_varint(out, 15, view->placed_position);
	buffer_put_field_varint(out, 16, view->ended_position);
	codec_end(out, begin);
}

void encode_get_hold(struct buffer *out, const struct hold_view *view)
{
	put_hold(out, view);
}

void encode_list_holds(struct buffer *out, const struct hold_view *views,
		       uint32_t count, struct slice next_token)
{
	for (uint32_t i = 0; i < count; i++)
		put_hold(out, &views[i]);
	buffer_put_field_bytes(out, 2, next_token);
}
