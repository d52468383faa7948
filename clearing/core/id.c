/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/id.h"

#include <string.h>

#define TIME_SIZE (ID_SIZE - ID_TAIL_SIZE)
#define TIME_MS_MAX ((UINT64_C(1) << 48) - 1)

/* Bytes of the id that a dash of the text form stands before. */
static bool dash_before(uint32_t at)
{
	return at == 4 || at == 6 || at == 8 || at == 10;
}

bool id_from_bytes(struct slice bytes, struct id *out)
{
	struct id id;

	check(bytes.size == 0 || bytes.data != NULL);
	if (bytes.size != ID_SIZE)
		return false;
	memcpy(id.bytes, bytes.data, ID_SIZE);
	if (!id_is_v7(&id))
		return false;
	*out = id;
	return true;
}

struct id id_make(uint64_t now_us, const uint8_t random[ID_TAIL_SIZE])
{
	uint64_t ms = now_us / 1000;
	struct id id;

	check(ms <= TIME_MS_MAX);
	for (uint32_t i = 0; i < TIME_SIZE; i++)
		id.bytes[i] = (uint8_t)(ms >> (8 * (TIME_SIZE - 1 - i)));
	memcpy(id.bytes + TIME_SIZE, random, ID_TAIL_SIZE);
	id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0f));
	id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
	return id;
}

bool id_equal(const struct id *a, const struct id *b)
{
	return memcmp(a->bytes, b->bytes, ID_SIZE) == 0;
}

bool id_is_zero(const struct id *id)
{
	static const struct id zero;

	return id_equal(id, &zero);
}

void id_print(struct buffer *buffer, const struct id *id)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t text[ID_TEXT_SIZE];
	size_t size = 0;

	for (uint32_t i = 0; i < ID_SIZE; i++) {
		if (dash_before(i))
			text[size++] = '-';
		text[size++] = (uint8_t)digits[id->bytes[i] >> 4];
		text[size++] = (uint8_t)digits[id->bytes[i] & 0x0f];
	}
	check(size == sizeof(text));
	buffer_put(buffer, slice_of(text, sizeof(text)));
}

static bool digit_value(uint8_t digit, uint8_t *out)
{
	if (digit >= '0' && digit <= '9')
		*out = (uint8_t)(digit - '0');
	else if (digit >= 'a' && digit <= 'f')
		*out = (uint8_t)(digit - 'a' + 10);
	else if (digit >= 'A' && digit <= 'F')
		*out = (uint8_t)(digit - 'A' + 10);
	else
		return false;
	return true;
}

bool id_parse(struct slice text, struct id *out)
{
	struct id id;
	size_t at = 0;

	if (text.size != ID_TEXT_SIZE)
		return false;
	for (uint32_t i = 0; i < ID_SIZE; i++) {
		uint8_t high, low;

		if (dash_before(i) && text.data[at++] != '-')
			return false;
		if (!digit_value(text.data[at], &high) ||
		    !digit_value(text.data[at + 1], &low))
			return false;
		at += 2;
		id.bytes[i] = (uint8_t)(high << 4 | low);
	}
	check(at == ID_TEXT_SIZE);
	*out = id;
	return true;
}
