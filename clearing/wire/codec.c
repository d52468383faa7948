/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/codec.h"

#include <string.h>

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

struct slice codec_bytes(ProtobufCBinaryData data)
{
	return slice_of(data.data, data.len);
}

struct slice codec_text(const char *text)
{
	return text != NULL ? slice_from_text(text) : (struct slice){ 0 };
}

struct account_ref codec_account(const Clearing__V1__AccountRef *ref)
{
	struct account_ref account = { 0 };

	if (ref == NULL)
		return account;
	if (ref->by_case == CLEARING__V1__ACCOUNT_REF__BY_ID)
		account.id = ref->id;
	else if (ref->by_case == CLEARING__V1__ACCOUNT_REF__BY_ADDRESS)
		account.address = codec_text(ref->address);
	return account;
}

void codec_read_account(struct read_request *out,
			const Clearing__V1__AccountRef *ref)
{
	out->has_account = ref != NULL;
	out->account = codec_account(ref);
}

void codec_read_page(struct read_request *out,
		     const Clearing__V1__PageRequest *page)
{
	if (page == NULL)
		return;
	out->page_size = page->size;
	out->page_token = codec_text(page->token);
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
