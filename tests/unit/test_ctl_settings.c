/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "tools/clearctl/settings.h"
#include "tools/database.h"

static void test_ctl_settings_timeout(void **state)
{
	/* Goal: seconds and milliseconds; nothing that is no time. */
	static const struct {
		const char *text;
		uint64_t time_us; /* 0: refused */
	} cases[] = {
		{ "30", 30000000 },  { "1.5s", 1500000 },
		{ "200ms", 200000 }, { "86400", UINT64_C(86400000000) },
		{ "0", 0 },	     { "86401", 0 },
		{ "-1", 0 },	     { "1m", 0 },
		{ "", 0 },	     { "nan", 0 },
		{ "1e400", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t found = 0;

		assert_int_equal(settings_parse_timeout(cases[i].text, &found),
				 cases[i].time_us > 0);
		assert_int_equal(found, cases[i].time_us);
	}
}

static void test_ctl_settings_file(void **state)
{
	/* Goal: known names once; a wrong line is named by its number. */
	static const struct {
		const char *text;
		uint32_t line; /* 0: sound */
	} cases[] = {
		{ "", 0 },
		{ "# a remark\n\n endpoint = host:1 \r\nkey=/k\n", 0 },
		{ "timeout = 5\nserver-uri = spiffe://f/city/c", 0 },
		{ "endpoint = a:1\ncolour = red\n", 2 },
		{ "endpoint\n", 1 },
		{ "\ntimeout = soon", 2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct settings settings = { 0 };
		uint32_t line = 0;
		char text[128];

		strcpy(text, cases[i].text);
		assert_int_equal(settings_parse_file(text, &settings, &line),
				 cases[i].line == 0);
		assert_int_equal(line, cases[i].line);
		settings_release(&settings);
	}
}

static void test_ctl_settings_order(void **state)
{
	/* Goal: flags win over the environment, which wins over the default.
	 */
	struct arguments arguments = {
		.options = { { "endpoint", "flag:1" } },
		.option_count = 1,
	};
	char error[SETTINGS_ERROR_SIZE];
	struct settings settings;

	(void)state;
	setenv("HOME", "/nonexistent", 1);
	setenv("CLEARCTL_ENDPOINT", "environment:2", 1);
	setenv("CLEARCTL_KEY", "/key", 1);
	assert_true(settings_read(&arguments, &settings, error));
	assert_string_equal(settings.endpoint, "flag:1");
	assert_string_equal(settings.key, "/key");
	assert_null(settings.ca);
	assert_int_equal(settings.timeout_us, TIMEOUT_US_DEFAULT);
	settings_release(&settings);
	arguments.option_count = 0;
	assert_true(settings_read(&arguments, &settings, error));
	assert_string_equal(settings.endpoint, "environment:2");
	settings_release(&settings);
	unsetenv("CLEARCTL_ENDPOINT");
	assert_true(settings_read(&arguments, &settings, error));
	assert_string_equal(settings.endpoint, ENDPOINT_DEFAULT);
	settings_release(&settings);
}

static void test_ctl_database_words(void **state)
{
	/* Goal: --database words, quotes, and what is refused. */
	static const char *const refused[] = {
		"",
		"hosts=/run",
		"dbname=x",
		"hosts=a dbname=b colour=red",
		"hosts=a dbname=b dbname=c",
		"hosts='a dbname=b",
		"hosts a dbname=b",
	};
	char error[DATABASE_ERROR_SIZE];
	struct database_words words;

	(void)state;
	assert_true(database_parse(" hosts=a:1,b  dbname='my db' user=u "
				   "password_file=/p",
				   &words, error));
	assert_string_equal(words.hosts, "a:1,b");
	assert_string_equal(words.dbname, "my db");
	assert_string_equal(words.user, "u");
	assert_string_equal(words.password_file, "/p");
	assert_null(words.sslmode);
	database_release(&words);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		error[0] = '\0';
		assert_false(database_parse(refused[i], &words, error));
		assert_true(error[0] != '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_settings_timeout),
		cmocka_unit_test(test_ctl_settings_file),
		cmocka_unit_test(test_ctl_settings_order),
		cmocka_unit_test(test_ctl_database_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
