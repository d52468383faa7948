/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages.h"

#include "clearing/v1/hold.pb-c.h"

#include "wire/codec.h"

bool decode_place_hold(struct slice bytes, struct arena *arena,
		       struct place_hold_command *out)
{
	const Clearing__V1__PlaceHoldRequest *msg = codec_unpack(
		&clearing__v1__place_hold_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct place_hold_command){
		.transfer = {
			.id = codec_bytes(msg->id),
			.debit = codec_account(msg->debit),
			.credit = codec_account(msg->credit),
			.amount_minor = msg->amount_minor,
			.kind = (uint32_t)msg->kind,
			.reference = codec_bytes(msg->reference),
			.memo = codec_text(msg->memo),
		},
		/* A time before 1970 has passed, as 1970 has. */
		.expires_at_us = msg->expires_at_us > 0 ?
					 (uint64_t)msg->expires_at_us :
					 0,
	};
	return true;
}

bool decode_post_hold(struct slice bytes, struct arena *arena,
		      struct post_hold_command *out)
{
	const Clearing__V1__PostHoldRequest *msg = codec_unpack(
		&clearing__v1__post_hold_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct post_hold_command){
		.id = codec_bytes(msg->id),
		.hold_id = codec_bytes(msg->hold_id),
		.amount_minor = msg->amount_minor,
	};
	return true;
}

bool decode_void_hold(struct slice bytes, struct arena *arena,
		      struct void_hold_command *out)
{
	const Clearing__V1__VoidHoldRequest *msg = codec_unpack(
		&clearing__v1__void_hold_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct void_hold_command){
		.id = codec_bytes(msg->id),
		.hold_id = codec_bytes(msg->hold_id),
		.reason = codec_text(msg->reason),
	};
	return true;
}

bool decode_get_hold(struct slice bytes, struct arena *arena,
		     struct read_request *out)
{
	const Clearing__V1__GetHoldRequest *msg = codec_unpack(
		&clearing__v1__get_hold_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct read_request){ .id = codec_bytes(msg->id),
				      .min_position = msg->min_position };
	return true;
}

bool decode_list_holds(struct slice bytes, struct arena *arena,
		       struct read_request *out)
{
	const Clearing__V1__ListHoldsRequest *msg = codec_unpack(
		&clearing__v1__list_holds_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct read_request){ .state = (uint32_t)msg->state,
				      .min_position = msg->min_position };
	codec_read_account(out, msg->account);
	codec_read_page(out, msg->page);
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
