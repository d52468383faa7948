/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include "tools/clearctl/render.h"

#define NOW_US INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */

static void test_ctl_render_amount(void **state)
{
	/* Goal: the unit's decimals, signs, and what is no amount at all. */
	static const struct {
		int64_t minor;
		uint32_t decimals;
		const char *text;
	} cases[] = {
		{ 0, 2, "0.00" },
		{ 5, 2, "0.05" },
		{ -1234, 2, "-12.34" },
		{ 7, 0, "7" },
		{ INT64_C(9007199254740991), 2, "90071992547409.91" },
		{ INT64_C(9007199254740992), 2, "9007199254740992 minor" },
	};
	char text[AMOUNT_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(
			amount_text(cases[i].minor, cases[i].decimals, text),
			cases[i].text);
}

static void test_ctl_render_time(void **state)
{
	/* Goal: what people write, and what they must not. */
	static const struct {
		const char *text;
		int64_t time_us; /* -1: refused */
	} cases[] = {
		{ "2026-01-01", NOW_US },
		{ "2026-01-01T00:00:00Z", NOW_US },
		{ "2026-01-01T00:00:01.5Z", NOW_US + 1500000 },
		{ "2026-01-01T00:00:00.000001Z", NOW_US + 1 },
		{ "+90s", NOW_US + INT64_C(90000000) },
		{ "+15m", NOW_US + INT64_C(900000000) },
		{ "+24h", NOW_US + INT64_C(86400000000) },
		{ "+7d", NOW_US + INT64_C(604800000000) },
		{ "2026-02-31", -1 },
		{ "2026-01-01T00:00:00", -1 },
		{ "2026-01-01T00:00:00+01:00", -1 },
		{ "2026-01-01 x", -1 },
		{ "yesterday", -1 },
		{ "+7", -1 },
		{ "+7w", -1 },
		{ "+-7d", -1 },
		{ "+0s", -1 },
		{ "+99999999999999999999d", -1 },
		{ "", -1 },
	};
	char text[TIME_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t found = -1;

		assert_int_equal(time_parse(cases[i].text, NOW_US, &found),
				 cases[i].time_us >= 0);
		assert_int_equal(found, cases[i].time_us);
	}
	assert_string_equal(time_text(NOW_US, text), "2026-01-01T00:00:00Z");
	assert_string_equal(time_text(NOW_US + 42, text),
			    "2026-01-01T00:00:00.000042Z");
}

static void test_ctl_render_table(void **state)
{
	/* Goal: columns as wide as their widest text, in characters. */
	static const char *const heads[] = { "name", "sum" };
	char text[256] = "";
	FILE *stream = fmemopen(text, sizeof(text), "w");
	struct table table;

	(void)state;
	table_init(&table, heads, 2, 1u << 1);
	table_add(&table, (const char *const[]){ "Café", "1.00" });
	table_add(&table, (const char *const[]){ "bread", "-20.00" });
	table_print(&table, stream);
	fclose(stream);
	assert_string_equal(text, "name      sum\n"
				  "Café     1.00\n"
				  "bread  -20.00\n");
	assert_int_equal(text_width("Café"), 4);
}

static void test_ctl_render_hex(void **state)
{
	/* Goal: bytes as digits and back; what is no pairs of digits is not. */
	static const char *const wrong[] = { "0", "0g", "000102030405060708" };
	uint8_t bytes[8];
	char text[5];
	size_t size = 99;

	(void)state;
	assert_string_equal(hex_text(SLICE("\x00\xaf"), text), "00af");
	assert_string_equal(hex_text((struct slice){ 0 }, text), "");
	assert_true(hex_parse("00aF", bytes, sizeof(bytes), &size));
	assert_int_equal(size, 2);
	assert_memory_equal(bytes, "\x00\xaf", 2);
	assert_true(hex_parse("", bytes, sizeof(bytes), &size));
	assert_int_equal(size, 0);
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		assert_false(hex_parse(wrong[i], bytes, sizeof(bytes), &size));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_render_amount),
		cmocka_unit_test(test_ctl_render_time),
		cmocka_unit_test(test_ctl_render_table),
		cmocka_unit_test(test_ctl_render_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
