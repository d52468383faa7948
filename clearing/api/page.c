/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/page.h"

#include "base/siphash.h"

#define PAGE_TOKEN_VERSION 1
#define QUERY_SIZE_MAX 128

/* Any key will do, but the same after a restart: pages go on. */
static const struct siphash_key query_key = { 0x636c656172696e67,
					      0x70616765746f6b31 };

static const char digits[] = "0123456789abcdef";

uint32_t page_size(uint32_t wanted)
{
	if (wanted == 0)
		return PAGE_SIZE_DEFAULT;
	return wanted > PAGE_SIZE_MAX ? PAGE_SIZE_MAX : wanted;
}

static uint64_t query_hash(const struct page_query *query)
{
	uint8_t bytes[QUERY_SIZE_MAX];
	struct buffer buffer;

	buffer_init(&buffer, bytes, sizeof(bytes));
	buffer_put_varint(&buffer, query->rpc);
	buffer_put_varint(&buffer, query->account);
	buffer_put_varint(&buffer, query->state);
	buffer_put_varint(&buffer, query->after_number);
	buffer_put_varint(&buffer, (uint64_t)query->from_us);
	buffer_put_varint(&buffer, (uint64_t)query->until_us);
	buffer_put(&buffer, query->coop);
	check(!buffer.overflowed);
	return siphash64(query_key, buffer_view(&buffer));
}

static void put_hex(struct buffer *out, uint64_t value, uint32_t byte_count)
{
	for (uint32_t i = byte_count * 2; i-- > 0;)
		buffer_put_byte(out, (uint8_t)digits[(value >> (i * 4)) & 15]);
}

static bool take_hex(struct slice text, uint64_t *out)
{
	uint64_t value = 0;

	for (size_t i = 0; i < text.size; i++) {
		size_t digit =
			slice_find(SLICE("0123456789abcdef"), text.data[i]);

		if (digit == 16)
			return false;
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

/* (rule RPC-14) */
void page_token(struct buffer *out, const struct page_query *query,
		uint64_t cursor)
{
	check(cursor > 0);
	put_hex(out, PAGE_TOKEN_VERSION, 1);
	put_hex(out, query_hash(query), 8);
	put_hex(out, cursor, 8);
}

bool page_cursor(struct slice token, const struct page_query *query,
		 uint64_t *cursor)
{
	uint64_t version, hash, at;

	if (token.size == 0) {
		*cursor = 0;
		return true;
	}
	if (token.size != PAGE_TOKEN_SIZE)
		return false;
	if (!take_hex(slice_upto(token, 2), &version) ||
	    !take_hex(slice_upto(slice_from(token, 2), 16), &hash) ||
	    !take_hex(slice_from(token, 18), &at))
		return false;
	if (version != PAGE_TOKEN_VERSION || hash != query_hash(query) ||
	    at == 0)
		return false;
	*cursor = at;
	return true;
}
