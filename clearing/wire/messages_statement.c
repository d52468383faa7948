/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages.h"

#include "wire/codec.h"

static const struct codec_field get_balance_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_get_balance(struct slice bytes, struct arena *arena,
			struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(get_balance_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

static const struct codec_field get_statement_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, from_us) },
	{ 3, CODEC_NUMBER, offsetof(struct read_request, until_us) },
	{ 4, CODEC_READ_PAGE, 0 },
	{ 5, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_get_statement(struct slice bytes, struct arena *arena,
			  struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(get_statement_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

static const struct codec_field list_entries_fields[] = {
	{ 1, CODEC_READ_ACCOUNT, 0 },
	{ 2, CODEC_NUMBER, offsetof(struct read_request, after_number) },
	{ 3, CODEC_READ_PAGE, 0 },
	{ 4, CODEC_NUMBER, offsetof(struct read_request, min_position) },
};

bool decode_list_entries(struct slice bytes, struct arena *arena,
			 struct read_request *out)
{
	struct read_request request = { 0 };

	if (!CODEC_READ(list_entries_fields, bytes, arena, &request))
		return false;
	*out = request;
	return true;
}

void encode_get_balance(struct buffer *out, const struct balance_view *view)
{
	codec_put_int64(out, 1, view->balance_minor);
	codec_put_int64(out, 2, view->available_minor);
	codec_put_int64(out, 3, view->receivable_minor);
	buffer_put_field_varint(out, 4, view->position);
}

static void put_entry(struct buffer *out,
		      const struct statement_entry_view *entry)
{
	size_t begin = codec_begin(out, 2);
	size_t transfer = codec_begin(out, 1);

	codec_put_transfer(out, &entry->transfer);
	codec_end(out, transfer);
	codec_put_int64(out, 2, entry->change_minor);
	codec_put_int64(out, 3, entry->balance_minor);
	codec_end(out, begin);
}

void encode_get_statement(struct buffer *out, const struct statement_view *view)
{
	codec_put_int64(out, 1, view->opening_minor);
	for (uint32_t i = 0; i < view->entry_count; i++)
		put_entry(out, &view->entries[i]);
	codec_put_int64(out, 3, view->closing_minor);
	buffer_put_field_bytes(out, 4, view->next_token);
}

void encode_list_entries(struct buffer *out, const struct transfer_view *views,
			 uint32_t count, struct slice next_token)
{
	for (uint32_t i = 0; i < count; i++) {
		size_t begin = codec_begin(out, 1);

		codec_put_transfer(out, &views[i]);
		codec_end(out, begin);
	}
	buffer_put_field_bytes(out, 2, next_token);
}
