/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Headers and batches (rules PEER-5 to PEER-8). */
#include <string.h>

#include "core/linklog_private.h"

void linklog_put_header(struct buffer *out, const struct link_header *header)
{
	check(header->count >= 1 && header->count <= LINKLOG_ENTRIES_MAX);
	buffer_put_field_varint(out, 1, header->version);
	buffer_put_field_bytes(out, 2, header->federation);
	buffer_put_field_bytes(out, 3, header->author);
	buffer_put_field_bytes(out, 4, header->peer);
	buffer_put_field_varint(out, 5, header->incarnation);
	buffer_put_field_varint(out, 6, header->first_seq);
	buffer_put_field_varint(out, 7, header->count);
	buffer_put_field_bytes(out, 8,
			       slice_of(header->prev_head, SHA256_SIZE));
	buffer_put_field_bytes(out, 9, slice_of(header->root, SHA256_SIZE));
	buffer_put_field_varint(out, 10, header->ack_seq);
	buffer_put_field_bytes(out, 11,
			       slice_of(header->ack_head, SHA256_SIZE));
	buffer_put_field_varint(out, 12, header->promised_minor);
	buffer_put_field_varint(out, 13, header->settled_minor);
	buffer_put_field_varint(out, 14, header->released_minor);
	buffer_put_field_varint(out, 15, header->journal_seq);
	buffer_put_field_varint(out, 16, header->recorded_us);
}

static void take_names(struct fields *fields, struct link_header *out)
{
	check(fields->number >= 2 && fields->number <= 4);
	if (fields->number == 2)
		out->federation = linklog_name(fields);
	else if (fields->number == 3)
		out->author = linklog_name(fields);
	else
		out->peer = linklog_name(fields);
}

static void take_hash(struct fields *fields, struct link_header *out)
{
	check(fields->number >= 8 && fields->number <= 11);
	if (fields->number == 8)
		linklog_fixed(fields, out->prev_head, SHA256_SIZE);
	else if (fields->number == 9)
		linklog_fixed(fields, out->root, SHA256_SIZE);
	else
		linklog_fixed(fields, out->ack_head, SHA256_SIZE);
}

static void take_number(struct fields *fields, struct link_header *out)
{
	uint64_t *const numbers[] = {
		[5] = &out->incarnation,    [6] = &out->first_seq,
		[10] = &out->ack_seq,	    [12] = &out->promised_minor,
		[13] = &out->settled_minor, [14] = &out->released_minor,
		[15] = &out->journal_seq,   [16] = &out->recorded_us,
	};

	check(fields->number > 0);
	if (fields->number == 1)
		out->version = linklog_varint32(fields);
	else if (fields->number == 7)
		out->count = linklog_varint32(fields);
	else if (fields->number <= 16 && numbers[fields->number] != NULL)
		*numbers[fields->number] = linklog_number(fields);
	else
		linklog_unknown(fields);
}

enum linklog_result linklog_header(struct slice bytes, struct link_header *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	uint32_t hashes = 0, names = 0;

	*out = (struct link_header){ 0 };
	if (bytes.size > LINKLOG_HEADER_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	while (fields_next(&fields)) {
		if (fields.number >= 2 && fields.number <= 4) {
			take_names(&fields, out);
			names++;
		} else if (fields.number == 8 || fields.number == 9 ||
			   fields.number == 11) {
			take_hash(&fields, out);
			hashes++;
		} else {
			take_number(&fields, out);
		}
	}
	if (out->count > LINKLOG_ENTRIES_MAX)
		return LINKLOG_TOO_LARGE;
	return names == 3 && hashes == 3 && out->count > 0 && out->first_seq > 0
		       ? linklog_ended(&fields)
		       : LINKLOG_MALFORMED;
}

void linklog_put_batch_entry(struct buffer *out, struct slice entry)
{
	check(entry.size > 0);
	buffer_put_field_bytes(out, 4, entry);
}

void linklog_put_batch(struct buffer *out, const struct link_batch *batch)
{
	check(batch->entries.size > 0);
	buffer_put_field_bytes(out, 1, batch->header);
	buffer_put_field_bytes(out, 2, batch->key_id);
	buffer_put_field_bytes(out, 3, batch->signature);
	buffer_put(out, batch->entries);
}

bool linklog_next_entry(struct slice *entries, struct slice *entry)
{
	struct reader reader = reader_of(*entries);
	uint32_t type;

	if (reader_at_end(&reader) || reader_tag(&reader, &type) != 4)
		return false;
	*entry = reader_bytes(&reader);
	check(reader_ok(&reader));
	*entries = slice_of(reader.at, (size_t)(reader.end - reader.at));
	return true;
}

enum linklog_result linklog_batch(struct slice bytes, struct link_batch *out)
{
	struct fields fields = { .reader = reader_of(bytes), .repeated = 4 };
	const uint8_t *before = fields.reader.at;
	bool large = false;

	*out = (struct link_batch){ 0 };
	if (bytes.size > LINKLOG_BATCH_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	while (fields_next(&fields)) {
		if (fields.number == 1) {
			out->header = fields_bytes(&fields);
		} else if (fields.number == 2) {
			out->key_id =
				linklog_text(&fields, LINKLOG_KEY_ID_SIZE_MAX);
		} else if (fields.number == 3) {
			out->signature =
				linklog_exact(&fields, LINKLOG_SIGNATURE_SIZE);
		} else if (fields.number == 4) {
			if (out->entry_count++ == 0)
				out->entries.data = before;
			large |= fields_bytes(&fields).size >
				 LINKLOG_ENTRY_SIZE_MAX;
		} else {
			linklog_unknown(&fields);
		}
		before = fields.reader.at;
	}
	if (large || out->entry_count > LINKLOG_ENTRIES_MAX ||
	    out->header.size > LINKLOG_HEADER_SIZE_MAX)
		return LINKLOG_TOO_LARGE;
	if (out->entry_count == 0 || out->header.size == 0 ||
	    out->key_id.size == 0 || out->signature.size == 0)
		return LINKLOG_MALFORMED;
	out->entries.size =
		(size_t)(bytes.data + bytes.size - out->entries.data);
	return linklog_ended(&fields);
}
