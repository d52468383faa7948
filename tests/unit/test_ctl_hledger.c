/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include "tools/clearctl/hledger.h"

typedef void writer(FILE *out, const char *text);

static void assert_written(writer *write, const char *text, const char *wanted)
{
	char found[256] = "";
	FILE *stream = fmemopen(found, sizeof(found), "w");

	write(stream, text);
	fclose(stream);
	assert_string_equal(found, wanted);
}

static void test_ctl_hledger_escapes(void **state)
{
	/* Goal: nothing in a name or text is taken for syntax. */
	static const struct {
		writer *write;
		const char *text, *wanted;
	} cases[] = {
		{ hledger_name, "m6/solar panels@b", "m6/solar panels@b" },
		{ hledger_name, "two  spaces", "two _spaces" },
		{ hledger_name, "ends ", "ends_" },
		{ hledger_name, "a;b", "a_b" },
		{ hledger_name, "(x) a", "_(x) a" },
		{ hledger_name, "! a", "_! a" },
		{ hledger_name, "tab\there", "tab_here" },
		{ hledger_text, "bread; and more", "bread, and more" },
		{ hledger_text, "line\nline", "line line" },
		{ hledger_text, "(x) ! *", "(x) ! *" },
		{ hledger_unit, "credit", "credit" },
		{ hledger_unit, "credit-2", "\"credit-2\"" },
		{ hledger_unit, "", "\"\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_written(cases[i].write, cases[i].text, cases[i].wanted);
}

static void test_ctl_hledger_transaction(void **state)
{
	/* Goal: one transaction whose postings cancel out. */
	char found[1024] = "";
	FILE *stream = fmemopen(found, sizeof(found), "w");
	json_t *transfer = json_pack(
		"{s:s, s:i, s:i, s:s, s:s, s:I, s:s, s:s, s:s, s:I}", "id",
		"ID", "number", 3, "position", 9, "debit_address", "m6@demo",
		"credit_address", "m1@demo", "amount_minor", (json_int_t)400,
		"kind", "PAYMENT", "memo", "bread; wine", "actor", "A",
		"posted_at_us", (json_int_t)1767225600000001);

	(void)state;
	hledger_opening(stream, "credit", 2, NULL);
	hledger_transfer(stream, "credit", 2, transfer);
	fclose(stream);
	json_decref(transfer);
	assert_string_equal(found,
			    "decimal-mark .\n\ncommodity 1000.00 credit\n\n\n"
			    "2026-01-01 * (ID) bread, wine  ; entry 3, "
			    "position 9, PAYMENT, by A\n"
			    "    m6@demo  -4.00 credit\n"
			    "    m1@demo  4.00 credit\n\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_hledger_escapes),
		cmocka_unit_test(test_ctl_hledger_transaction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
