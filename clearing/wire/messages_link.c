/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Links and the federation; the contract is in messages_payment.h. */
#include "wire/codec.h"
#include "wire/messages_payment.h"

static void put_link(struct buffer *out, const struct link_view *view)
{
	size_t begin = codec_begin(out, 1);

	buffer_put_field_bytes(out, 1, view->city);
	buffer_put_field_varint(out, 2, view->state);
	buffer_put_field_bytes(out, 3, view->why);
	codec_put_bool(out, 4, view->connected);
	codec_put_bool(out, 5, view->caught_up);
	codec_put_bool(out, 6, view->frozen_here);
	codec_put_bool(out, 7, view->frozen_there);
	codec_put_bool(out, 8, view->paused);
	codec_put_int64(out, 9, view->owed_minor);
	codec_put_int64(out, 10, view->line_minor);
	codec_put_int64(out, 11, view->peer_line_minor);
	codec_put_int64(out, 12, view->pending_in_minor);
	codec_put_int64(out, 13, view->pending_out_minor);
	buffer_put_field_varint(out, 14, view->out_seq);
	buffer_put_field_bytes(out, 15, view->out_head);
	buffer_put_field_varint(out, 16, view->in_seq);
	buffer_put_field_bytes(out, 17, view->in_head);
	buffer_put_field_varint(out, 18, view->acknowledged_seq);
	buffer_put_field_varint(out, 19, view->incarnation);
	codec_put_int64(out, 20, view->oldest_promise_us);
	buffer_put_field_varint(out, 21, view->account);
	codec_put_int64(out, 22, view->estate_minor);
	buffer_put_field_varint(out, 23, view->batches_sealed);
	buffer_put_field_varint(out, 24, view->batches_sent);
	codec_end(out, begin);
}

void encode_get_link(struct buffer *out, const struct link_view *view,
		     uint64_t position)
{
	put_link(out, view);
	buffer_put_field_varint(out, 2, position);
}

void encode_list_links(struct buffer *out, const struct link_view *views,
		       uint32_t count, uint64_t position)
{
	for (uint32_t i = 0; i < count; i++)
		put_link(out, &views[i]);
	buffer_put_field_varint(out, 2, position);
}

static const struct codec_field command_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct link_command, id) },
	{ 2, CODEC_BYTES, offsetof(struct link_command, city) },
	{ 3, CODEC_BYTES, offsetof(struct link_command, reason) },
	{ 4, CODEC_NUMBER, offsetof(struct link_command, line_minor) },
	{ 5, CODEC_BOOL, offsetof(struct link_command, confirmed) },
};

bool decode_link_command(struct slice bytes, struct arena *arena,
			 struct link_command *out)
{
	*out = (struct link_command){ 0 };
	return CODEC_READ(command_fields, bytes, arena, out);
}

static const struct codec_field statement_fields[] = {
	{ 1, CODEC_BYTES, offsetof(struct link_statement_request, city) },
	{ 2, CODEC_BOOL, offsetof(struct link_statement_request, own) },
	{ 3, CODEC_NUMBER, offsetof(struct link_statement_request, from_seq) },
};

bool decode_link_statement(struct slice bytes, struct arena *arena,
			   struct link_statement_request *out)
{
	*out = (struct link_statement_request){ 0 };
	return CODEC_READ(statement_fields, bytes, arena, out);
}

void encode_statement_batch(struct buffer *out, struct slice batch)
{
	buffer_put_field_bytes(out, 1, batch);
}

void encode_get_roster(struct buffer *out, uint64_t version,
		       struct slice roster)
{
	buffer_put_field_varint(out, 1, version);
	buffer_put_field_bytes(out, 2, roster);
}

void encode_city(struct buffer *out, const struct city_view *view)
{
	size_t begin = codec_begin(out, 1);

	buffer_put_field_bytes(out, 1, view->name);
	buffer_put_field_bytes(out, 2, view->place);
	buffer_put_field_bytes(out, 3, view->bioregion);
	buffer_put_field_bytes(out, 4, view->endpoint);
	buffer_put_field_bytes(out, 5, view->uri);
	codec_put_bool(out, 6, view->gone);
	codec_put_bool(out, 7, view->neighbour);
	codec_end(out, begin);
}
