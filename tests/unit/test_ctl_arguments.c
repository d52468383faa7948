/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include "tools/clearctl/verbs.h"

#define WORDS_MAX 12

static bool parse(const char *const *words, struct arguments *out, char *error)
{
	char *argv[WORDS_MAX + 1] = { (char[]){ "clearctl" } };
	int argc = 1;

	for (; words[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	return arguments_parse(&clearctl_language, argc, argv, out, error);
}

static void test_ctl_arguments_sound(void **state)
{
	/* Goal: verbs of one and two words, options anywhere, both spellings.
	 */
	static const struct {
		const char *words[WORDS_MAX];
		const char *action; /* of the verb; NULL: one word */
		uint32_t operand_count;
		const char *option, *value;
	} cases[] = {
		{ { "balance", "m1" }, NULL, 1, NULL, NULL },
		{ { "transfer", "post", "m1", "m2", "1.50", "--memo", "a b" },
		  "post",
		  3,
		  "memo",
		  "a b" },
		{ { "--json", "transfer", "--memo=x=y", "post", "a", "b", "1" },
		  "post",
		  3,
		  "memo",
		  "x=y" },
		{ { "hold", "post", "id" }, "post", 1, NULL, NULL },
		{ { "hold", "post", "id", "-1" }, "post", 2, NULL, NULL },
		{ { "balance", "--", "--json" }, NULL, 1, NULL, NULL },
		{ { "account", "open", "m1", "--gateway-forbidden" },
		  "open",
		  1,
		  "gateway-forbidden",
		  NULL },
		{ { "health" }, NULL, 0, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[ARGUMENTS_ERROR_SIZE] = "";
		struct arguments out;

		assert_true(parse(cases[i].words, &out, error));
		assert_non_null(out.verb);
		if (cases[i].action != NULL)
			assert_string_equal(out.verb->action, cases[i].action);
		else
			assert_null(out.verb->action);
		assert_int_equal(out.operand_count, cases[i].operand_count);
		if (cases[i].option == NULL)
			continue;
		assert_true(arguments_has(&out, cases[i].option));
		if (cases[i].value != NULL)
			assert_string_equal(
				arguments_value(&out, cases[i].option),
				cases[i].value);
	}
}

static void test_ctl_arguments_refused(void **state)
{
	/* Goal: what is wrong is named, and nothing runs. */
	static const struct {
		const char *words[WORDS_MAX];
		const char *said;
	} cases[] = {
		{ { NULL }, "no command given" },
		{ { "fly" }, "fly" },
		{ { "account", "paint" }, "account paint" },
		{ { "balance" }, "ACCOUNT" },
		{ { "balance", "a", "b" }, "ACCOUNT" },
		{ { "balance", "a", "--speed", "3" }, "--speed" },
		{ { "balance", "a", "--memo", "x" }, "--memo" },
		{ { "balance", "a", "--endpoint" }, "--endpoint" },
		{ { "balance", "a", "--json=1" }, "--json" },
		{ { "balance", "a", "--json", "--json" }, "twice" },
		{ { "balance", "1", "2", "3", "4", "5", "6" }, "too many" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[ARGUMENTS_ERROR_SIZE] = "";
		struct arguments out;

		assert_false(parse(cases[i].words, &out, error));
		assert_non_null(strstr(error, cases[i].said));
	}
}

static void test_ctl_arguments_help(void **state)
{
	/* Goal: --help needs no operands, and every verb's help names its
	 * own options, each of which has a meaning. */
	char error[ARGUMENTS_ERROR_SIZE] = "";
	struct arguments out;

	(void)state;
	assert_true(parse(
		(const char *const[]){ "transfer", "post", "--help", NULL },
		&out, error));
	assert_true(out.help);
	for (const struct verb *verb = clearctl_language.verbs;
	     verb->noun != NULL; verb++) {
		char text[8192] = "";
		FILE *stream = fmemopen(text, sizeof(text), "w");
		const char *at = verb->options;

		verb_usage(verb, stream);
		fclose(stream);
		while (*at != '\0') {
			size_t size = strcspn(at, " ");
			char option[64];

			snprintf(option, sizeof(option), "--%.*s", (int)size,
				 at);
			assert_non_null(strstr(text, option));
			at += size + strspn(at + size, " ");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_arguments_sound),
		cmocka_unit_test(test_ctl_arguments_refused),
		cmocka_unit_test(test_ctl_arguments_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
