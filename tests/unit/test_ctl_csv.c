/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include "tools/clearctl/csv.h"

static void test_ctl_csv_split(void **state)
{
	/* Goal: fields as RFC 4180 quotes them. */
	static const struct {
		const char *line;
		uint32_t count;
		const char *fields[4];
	} cases[] = {
		{ "a,b,c\n", 3, { "a", "b", "c" } },
		{ "a,b,c\r\n", 3, { "a", "b", "c" } },
		{ "", 1, { "" } },
		{ ",\n", 2, { "", "" } },
		{ "\"a,b\",c", 2, { "a,b", "c" } },
		{ "\"say \"\"hi\"\"\",\"\"", 2, { "say \"hi\"", "" } },
		{ " a , b", 2, { " a ", " b" } },
		{ "a,\"b\"\n", 2, { "a", "b" } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char line[64];
		struct csv_row row;

		strcpy(line, cases[i].line);
		assert_true(csv_split(line, &row));
		assert_int_equal(row.count, cases[i].count);
		for (uint32_t k = 0; k < row.count; k++)
			assert_string_equal(row.fields[k], cases[i].fields[k]);
	}
}

static void test_ctl_csv_malformed(void **state)
{
	/* Goal: an open quote, text behind one, too many fields: no guess. */
	static const char *const lines[] = {
		"\"a",
		"\"a\"b",
		"a,\"",
		",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		char line[64];
		struct csv_row row;

		strcpy(line, lines[i]);
		assert_false(csv_split(line, &row));
	}
}

static void test_ctl_csv_round_trip(void **state)
{
	/* Goal: what csv_put writes, csv_split reads; columns by name. */
	static const char *const texts[] = { "plain", "a,b", "q\"q", "", "ü" };
	char line[128] = "";
	FILE *stream = fmemopen(line, sizeof(line), "w");
	struct csv_row row;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (i > 0)
			putc(',', stream);
		csv_put(stream, texts[i]);
	}
	fclose(stream);
	assert_true(csv_split(line, &row));
	assert_int_equal(row.count, COUNT_OF(texts));
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_string_equal(row.fields[i], texts[i]);
	assert_int_equal(csv_column(&row, "a,b"), 1);
	assert_int_equal(csv_column(&row, "b"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_csv_split),
		cmocka_unit_test(test_ctl_csv_malformed),
		cmocka_unit_test(test_ctl_csv_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
