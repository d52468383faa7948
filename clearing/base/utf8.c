/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/utf8.h"

#include "base/check.h"

/* Ends every scan: no code point is this large. */
#define NOT_A_CODE_POINT UINT32_MAX

static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

static size_t length_from_lead(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead < 0xe0)
		return 2;
	if (lead >= 0xe0 && lead < 0xf0)
		return 3;
	if (lead >= 0xf0 && lead < 0xf5)
		return 4;
	return 0;
}

/* Takes one code point from @text; NOT_A_CODE_POINT when it is malformed. */
static uint32_t take_code_point(struct slice *text)
{
	static const uint8_t lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t length = length_from_lead(text->data[0]);
	uint32_t code;

	if (length == 0 || length > text->size)
		return NOT_A_CODE_POINT;
	code = text->data[0] & lead_mask[length];
	for (size_t i = 1; i < length; i++) {
		if ((text->data[i] & 0xc0) != 0x80)
			return NOT_A_CODE_POINT;
		code = code << 6 | (text->data[i] & 0x3fu);
	}
	*text = slice_from(*text, length);
	if (code < smallest[length] || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return NOT_A_CODE_POINT;
	return code;
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool valid(struct slice text, bool controls_allowed)
{
	check(text.size == 0 || text.data != NULL);
	while (text.size > 0) {
		uint32_t code = take_code_point(&text);

		if (code == NOT_A_CODE_POINT || code == 0)
			return false;
		if (!controls_allowed && is_control(code))
			return false;
	}
	return true;
}

bool utf8_valid(struct slice text)
{
	return valid(text, true);
}

bool utf8_printable(struct slice text)
{
	return valid(text, false);
}
