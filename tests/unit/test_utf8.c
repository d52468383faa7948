/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "base/utf8.h"

static const struct {
	struct slice text;
	bool valid;
	bool printable;
} cases[] = {
	{ SLICE(""), true, true },
	{ SLICE("Pa amb tom\xc3\xa0quet"), true, true },
	{ SLICE("\xe2\x82\xac\xf0\x9f\x8c\xb1"), true, true },
	{ SLICE("\xf4\x8f\xbf\xbf"), true, true }, /* U+10FFFF */
	{ SLICE("\xed\x9f\xbf"), true, true },	   /* below the surrogates */
	{ SLICE("\xee\x80\x80"), true, true },	   /* above them */
	{ SLICE(" ~"), true, true },
	{ SLICE("\n"), true, false },
	{ SLICE("a\x1f"), true, false },
	{ SLICE("\x7f"), true, false },
	{ SLICE("\xc2\x80"), true, false }, /* C1 */
	{ SLICE("\xc2\x9f"), true, false },
	{ SLICE("\xc2\xa0"), true, true },
	{ SLICE("a\0b"), false, false },
	{ SLICE("\x80"), false, false },
	{ SLICE("\xbf"), false, false },
	{ SLICE("\xc3"), false, false },
	{ SLICE("\xc3z"), false, false },
	{ SLICE("\xe2\x82"), false, false },
	{ SLICE("\xf0\x9f\x8c"), false, false },
	{ SLICE("\xc0\x80"), false, false }, /* NUL in two bytes */
	{ SLICE("\xc1\xbf"), false, false }, /* over-long */
	{ SLICE("\xe0\x9f\xbf"), false, false },
	{ SLICE("\xf0\x8f\xbf\xbf"), false, false },
	{ SLICE("\xed\xa0\x80"), false, false }, /* surrogates */
	{ SLICE("\xed\xbf\xbf"), false, false },
	{ SLICE("\xf4\x90\x80\x80"), false, false }, /* U+110000 */
	{ SLICE("\xf5\x80\x80\x80"), false, false },
	{ SLICE("\xff"), false, false },
	{ SLICE("ok\xfe"), false, false },
};

static void test_utf8_valid_and_printable(void **state)
{
	/* Goal: RFC 3629 at its edges, NUL out, controls told apart. */
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (utf8_valid(cases[i].text) != cases[i].valid ||
		    utf8_printable(cases[i].text) != cases[i].printable)
			fail_msg("case %zu", i);
	}
	assert_true(utf8_printable((struct slice){ 0 }));
}

static uint32_t encode(uint32_t code, uint8_t out[4])
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
		out[2] = (uint8_t)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
	out[3] = (uint8_t)(0x80 | (code & 0x3f));
	return 4;
}

static void test_utf8_every_code_point(void **state)
{
	/* Goal: each of them but NUL and the surrogates is a text. */
	uint8_t bytes[4];

	(void)state;
	for (uint32_t code = 0; code <= 0x110000; code++) {
		uint32_t size = encode(code, bytes);
		bool expected = code != 0 && code <= 0x10ffff &&
				(code < 0xd800 || code > 0xdfff);

		if (utf8_valid(slice_of(bytes, size)) != expected)
			fail_msg("U+%04X", code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_utf8_valid_and_printable),
		cmocka_unit_test(test_utf8_every_code_point),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
