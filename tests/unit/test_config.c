/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/config.h"

#include <stdio.h>
#include <string.h>

#include "node/config_key.h"
#include "unit/support.h"

#define LEAST                           \
	"[node]\n"                      \
	"federation = fabcity\n"        \
	"city = barcelona\n"            \
	"[tls]\n"                       \
	"certificate = /etc/node.crt\n" \
	"key = /etc/node.key\n"         \
	"ca = /etc/ca.crt\n"

static const char *no_environment(const char *name)
{
	(void)name;
	return NULL;
}

static const char *some_environment(const char *name)
{
	if (strcmp(name, "CLEARING_DATABASE_HOSTS") == 0)
		return "/run/clearing";
	if (strcmp(name, "CLEARING_LIMITS_BATCH_MAX") == 0)
		return "100";
	return NULL;
}

static const char *wrong_environment(const char *name)
{
	return strcmp(name, "CLEARING_NODE_DECIMALS") == 0 ? "nine" : NULL;
}

static void parse(const char *text, struct config *config)
{
	char error[CONFIG_ERROR_SIZE] = "";

	if (!config_parse(slice_from_text(text), "f", no_environment, config,
			  error))
		fail_msg("%s", error);
}

/* Goal: what is not given has the contract's default. */
static void test_config_defaults(void **state)
{
	struct config config;

	(void)state;
	parse(LEAST, &config);
	assert_string_equal(config.federation, "fabcity");
	assert_string_equal(config.rpc, "127.0.0.1:7440");
	assert_string_equal(config.operations, "127.0.0.1:7441");
	assert_string_equal(config.data_dir, "/var/lib/clearing");
	assert_null(config.hosts);
	assert_null(config.crl);
	assert_int_equal(config.decimals, 2);
	assert_int_equal(config.batch_max, 8190);
	assert_int_equal(config.message_max_bytes, 4 << 20);
	assert_int_equal(config.ids_max, 16000000);
	assert_int_equal(config.id_window_s, 86400);
	assert_int_equal(config.operator_limit_max_minor, 0);
	config_release(&config);
	assert_null(config.federation);
}

/* Goal: comments, blank lines, the last line without its end. */
static void test_config_forms(void **state)
{
	struct config config;

	(void)state;
	parse("# a comment  ; with a semicolon\n\n  \t\n" LEAST
	      "[database]\r\nhosts=/tmp/pg;1\nsslmode: verify-full\n"
	      "[log]\nformat = json",
	      &config);
	assert_string_equal(config.hosts, "/tmp/pg;1");
	assert_string_equal(config.sslmode, "verify-full");
	assert_string_equal(config.format, "json");
	config_release(&config);
}

/* Goal: a lone city names no roster, a city of a federation does. */
static void test_config_federation(void **state)
{
	struct config config;

	(void)state;
	parse(LEAST, &config);
	assert_null(config.roster);
	assert_null(config.node_key);
	config_release(&config);
	parse(LEAST "[federation]\nroster = /etc/roster\n"
		    "node_key = /etc/key\n",
	      &config);
	assert_string_equal(config.roster, "/etc/roster");
	assert_string_equal(config.node_key, "/etc/key");
	config_release(&config);
}

/* Goal: the environment comes before the file. */
static void test_config_environment(void **state)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config config;

	(void)state;
	assert_true(config_parse(SLICE(LEAST "[database]\nhosts = a\n"), "f",
				 some_environment, &config, error));
	assert_string_equal(config.hosts, "/run/clearing");
	assert_int_equal(config.batch_max, 100);
	config_release(&config);
	assert_false(config_parse(SLICE(LEAST), "f", wrong_environment, &config,
				  error));
	assert_non_null(strstr(error, "CLEARING_NODE_DECIMALS: "));
	assert_non_null(strstr(error, "from 0 to 8"));
}

#define LINE_100                                                              \
	"0123456789012345678901234567890123456789012345678901234567890123456" \
	"789012345678901234567890123456789"

/* Goal: each thing that is wrong names its line and the remedy. */
static void test_config_refuses(void **state)
{
	static const struct {
		const char *text;
		const char *place;
		const char *remedy;
	} cases[] = {
		{ LEAST "[limits]\nbatchmax = 5\n", "f:9: unknown key",
		  "correct its name" },
		{ LEAST "[limit]\nbatch_max = 5\n", "f:8: unknown section",
		  "sections are" },
		{ "city = x\n" LEAST, "f:1: ", "begin with [node]" },
		{ LEAST "[limits]\nbatch_max = 8191\n",
		  "f:9: ", "from 1 to 8190; the default is 8190" },
		{ LEAST "[limits]\nbatch_max = -1\n", "f:9: ", "from 1" },
		{ LEAST "[limits]\nids_max = 99999999999999999999\n",
		  "f:9: ", "from 10000" },
		{ LEAST "[limits]\nbatch_max =\n", "f:9: ", "from 1" },
		{ LEAST "[node]\ncity = lyon\n", "f:9: ", "line 3 already" },
		{ "[node]\nfederation = Fab City\n", "f:2: ", "lower-case" },
		{ LEAST "[listen]\nrpc = localhost:1\n", "f:9: ", "IP:PORT" },
		{ LEAST "[listen]\nrpc = 127.0.0.1\n", "f:9: ", "IP:PORT" },
		{ LEAST "[listen]\nrpc = ::1\n", "f:9: ", "IP:PORT" },
		{ LEAST "[listen]\nrpc = 127.0.0.1:65536\n",
		  "f:9: ", "IP:PORT" },
		{ LEAST "[log]\nlevel = in\n",
		  "f:9: ", "use one of: debug info warning error" },
		{ LEAST "[log]\n level = info\n", "f:9: ", "first column" },
		{ LEAST "[log]\nlevel = info ; x\n",
		  "f:9: ", "lines of their own" },
		{ LEAST "[log]\nlevel\n", "f:9: ", "key = value" },
		{ LEAST "[log\nlevel = info\n", "f:8: ", "key = value" },
		{ LEAST "[database]\nhosts = \xff\n", "f:9: ", "UTF-8" },
		{ LEAST "[database]\nhosts = " LINE_100 LINE_100 "\n",
		  "f:9: ", "too long" },
		{ "[node]\ncity = x\n", "[node] federation is missing",
		  "no default" },
		{ "", "f: ", "missing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[CONFIG_ERROR_SIZE] = "";
		struct config config;

		assert_false(config_parse(slice_from_text(cases[i].text), "f",
					  no_environment, &config, error));
		if (strstr(error, cases[i].place) == NULL ||
		    strstr(error, cases[i].remedy) == NULL)
			fail_msg("case %zu: %s", i, error);
	}
}

/* Goal: the longest line that libinih takes whole is taken whole. */
static void test_config_longest_line(void **state)
{
	char text[1024], wanted[256];
	struct config config;

	(void)state;
	memset(wanted, 'x', sizeof(wanted));
	wanted[197 - strlen("hosts = ")] = '\0';
	snprintf(text, sizeof(text), LEAST "[database]\nhosts = %s\n", wanted);
	parse(text, &config);
	assert_string_equal(config.hosts, wanted);
	config_release(&config);
}

struct seen {
	int changeable;
	int fixed;
};

static void count_change(void *context, const char *section, const char *key,
			 bool changeable)
{
	struct seen *seen = context;

	(void)section;
	(void)key;
	if (changeable)
		seen->changeable++;
	else
		seen->fixed++;
}

/* Goal: a reload knows what changed, and what of it needs a restart. */
static void test_config_compare(void **state)
{
	struct config old, fresh;
	struct seen seen = { 0 };

	(void)state;
	parse(LEAST, &old);
	parse(LEAST "crl = /etc/crl\n[limits]\nbatch_max = 7\nids_max = 20000\n"
		    "[listen]\nrpc = 0.0.0.0:0\n",
	      &fresh);
	config_compare(&old, &old, count_change, &seen);
	assert_int_equal(seen.changeable + seen.fixed, 0);
	config_compare(&old, &fresh, count_change, &seen);
	assert_int_equal(seen.changeable, 2);
	assert_int_equal(seen.fixed, 2);
	config_release(&old);
	config_release(&fresh);
}

/* Goal: the table is whole: every default is valid by its own rule. */
static void test_config_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		assert_non_null(key->section);
		assert_int_equal(config_key_find(key->section, key->name), i);
		assert_false(key->required && key->fallback != NULL);
		if (key->type == CONFIG_NUMBER)
			assert_non_null(key->fallback);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_defaults),
		cmocka_unit_test(test_config_forms),
		cmocka_unit_test(test_config_federation),
		cmocka_unit_test(test_config_environment),
		cmocka_unit_test(test_config_refuses),
		cmocka_unit_test(test_config_longest_line),
		cmocka_unit_test(test_config_compare),
		cmocka_unit_test(test_config_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
