/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/messages.h"

#include "clearing/v1/statement.pb-c.h"

#include "wire/codec.h"

bool decode_get_balance(struct slice bytes, struct arena *arena,
			struct read_request *out)
{
	const Clearing__V1__GetBalanceRequest *msg = codec_unpack(
		&clearing__v1__get_balance_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct read_request){ .min_position = msg->min_position };
	codec_read_account(out, msg->account);
	return true;
}

bool decode_get_statement(struct slice bytes, struct arena *arena,
			  struct read_request *out)
{
	const Clearing__V1__GetStatementRequest *msg = codec_unpack(
		&clearing__v1__get_statement_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct read_request){ .from_us = msg->from_us,
				      .until_us = msg->until_us,
				      .min_position = msg->min_position };
	codec_read_account(out, msg->account);
	codec_read_page(out, msg->page);
	return true;
}

bool decode_list_entries(struct slice bytes, struct arena *arena,
			 struct read_request *out)
{
	const Clearing__V1__ListEntriesRequest *msg = codec_unpack(
		&clearing__v1__list_entries_request__descriptor, bytes, arena);

	if (msg == NULL)
		return false;
	*out = (struct read_request){ .after_number = msg->after_number,
				      .min_position = msg->min_position };
	codec_read_account(out, msg->account);
	codec_read_page(out, msg->page);
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
