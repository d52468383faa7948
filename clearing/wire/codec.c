/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/codec.h"

#include <string.h>

#include "wire/scan.h"
#include "wire/transfer_fields.h"

enum { PAGE_SIZE = 1, PAGE_TOKEN = 2 };

static void *arena_alloc(void *data, size_t size)
{
	return arena_take(data, size);
}

/* An arena is freed as a whole. */
static void arena_keep(void *data, void *memory)
{
	(void)data;
	(void)memory;
}

void *codec_unpack(const ProtobufCMessageDescriptor *type, struct slice bytes,
		   struct arena *arena)
{
	ProtobufCAllocator allocator = { .alloc = arena_alloc,
					 .free = arena_keep,
					 .allocator_data = arena };

	check(type != NULL && arena != NULL);
	return protobuf_c_message_unpack(type, &allocator, bytes.size,
					 bytes.data);
}

struct slice codec_text(const char *text)
{
	return text != NULL ? slice_from_text(text) : (struct slice){ 0 };
}

/* Of the members of a oneof the last one on the wire is set. */
void codec_read_account(struct slice bytes, struct account_ref *ref,
			struct reader *parent)
{
	struct reader reader = reader_of(bytes);

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

static void read_page(struct slice bytes, struct read_request *out,
		      struct reader *parent)
{
	struct reader reader = reader_of(bytes);

	while (reader.at < reader.end) {
		uint64_t key = scan_varint(&reader, SCAN_KEY_SIZE_MAX);

		if (key == KEY(PAGE_SIZE, WIRE_VARINT))
			out->page_size =
				(uint32_t)scan_varint(&reader, VARINT_SIZE_MAX);
		else if (key == KEY(PAGE_TOKEN, WIRE_BYTES))
			out->page_token = scan_bytes(&reader);
		else
			scan_skip(&reader, (uint32_t)(key & 7));
	}
	if (reader.failed)
		reader_fail(parent);
}

static uint32_t wire_type_of(enum codec_kind kind)
{
	switch (kind) {
	case CODEC_NUMBER:
	case CODEC_UINT32:
	case CODEC_BOOL:
		return WIRE_VARINT;
	case CODEC_BYTES:
	case CODEC_ACCOUNT:
	case CODEC_READ_ACCOUNT:
	case CODEC_READ_PAGE:
		return WIRE_BYTES;
	}
	check(false);
	return WIRE_BYTES;
}

static void read_value(struct reader *reader, enum codec_kind kind, void *place)
{
	struct read_request *request = place;

	switch (kind) {
	case CODEC_BYTES:
		*(struct slice *)place = scan_bytes(reader);
		break;
	case CODEC_NUMBER:
		*(uint64_t *)place = scan_varint(reader, VARINT_SIZE_MAX);
		break;
	case CODEC_UINT32:
		*(uint32_t *)place =
			(uint32_t)scan_varint(reader, VARINT_SIZE_MAX);
		break;
	case CODEC_BOOL:
		*(bool *)place = scan_varint(reader, VARINT_SIZE_MAX) != 0;
		break;
	case CODEC_ACCOUNT:
		codec_read_account(scan_bytes(reader), place, reader);
		break;
	case CODEC_READ_ACCOUNT:
		request->has_account = true;
		codec_read_account(scan_bytes(reader), &request->account,
				   reader);
		break;
	case CODEC_READ_PAGE:
		read_page(scan_bytes(reader), request, reader);
		break;
	}
}

/* Copies a piece of the message into the arena. */
static bool keep(struct slice *piece, struct arena *arena)
{
	uint8_t *copy;

	if (piece->size == 0) {
		*piece = (struct slice){ 0 };
		return true;
	}
	copy = arena_take(arena, piece->size);
	if (copy == NULL)
		return false;
	memcpy(copy, piece->data, piece->size);
	piece->data = copy;
	return true;
}

static bool keep_value(enum codec_kind kind, void *place, struct arena *arena)
{
	struct account_ref *ref = place;
	struct read_request *request = place;

	switch (kind) {
	case CODEC_BYTES:
		return keep(place, arena);
	case CODEC_ACCOUNT:
		return keep(&ref->address, arena);
	case CODEC_READ_ACCOUNT:
		return keep(&request->account.address, arena);
	case CODEC_READ_PAGE:
		return keep(&request->page_token, arena);
	case CODEC_NUMBER:
	case CODEC_UINT32:
	case CODEC_BOOL:
		return true;
	}
	check(false);
	return false;
}

static void read_field(struct reader *reader, const struct codec_field *fields,
		       size_t count, void *out)
{
	uint32_t type, number = scan_key(reader, &type);

	for (size_t i = 0; i < count; i++) {
		if (fields[i].number != number ||
		    wire_type_of(fields[i].kind) != type)
			continue;
		read_value(reader, fields[i].kind,
			   (char *)out + fields[i].offset);
		return;
	}
	scan_skip(reader, type);
}

bool codec_read(const struct codec_field *fields, size_t count,
		struct slice bytes, struct arena *arena, void *out)
{
	struct reader reader = reader_of(bytes);

	while (reader.at < reader.end)
		read_field(&reader, fields, count, out);
	if (!reader_ok(&reader))
		return false;
	for (size_t i = 0; arena != NULL && i < count; i++) {
		if (!keep_value(fields[i].kind, (char *)out + fields[i].offset,
				arena))
			return false;
	}
	return true;
}

/* The size is put before the content once it is known. */
size_t codec_begin(struct buffer *out, uint32_t number)
{
	buffer_put_tag(out, number, WIRE_BYTES);
	buffer_put_byte(out, 0);
	return out->size;
}

void codec_end(struct buffer *out, size_t begin)
{
	static const uint8_t room[VARINT_SIZE_MAX];
	size_t size, more;

	if (out->overflowed)
		return;
	check(begin > 0 && begin <= out->size);
	size = out->size - begin;
	more = varint_size(size) - 1;
	buffer_put(out, slice_of(room, more));
	if (out->overflowed)
		return;
	memmove(out->data + begin + more, out->data + begin, size);
	out->size = begin - 1;
	buffer_put_varint(out, size);
	out->size += size;
}

void codec_put_int64(struct buffer *out, uint32_t number, int64_t value)
{
	buffer_put_field_varint(out, number, (uint64_t)value);
}

void codec_put_bool(struct buffer *out, uint32_t number, bool value)
{
	buffer_put_field_varint(out, number, value ? 1 : 0);
}
