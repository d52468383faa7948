/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/channel.h"

static void test_channel_wants_files(void **state)
{
	/* Goal: a file that is missing or is something else is named, and no
	 * connection is tried. */
	char path[] = "/tmp/test_channel.XXXXXX";
	int file = mkstemp(path);
	const struct {
		struct channel_options options;
		const char *said;
	} cases[] = {
		{ { .endpoint = "127.0.0.1:1" }, "--certificate" },
		{ { .endpoint = "127.0.0.1:1", .certificate = "/nowhere" },
		  "/nowhere" },
		{ { .endpoint = "127.0.0.1:1", .certificate = path }, path },
		{ { .endpoint = "127.0.0.1:1",
		    .certificate = path,
		    .server_uri = "spiffe://f/city/c" },
		  "--key" },
		{ { .endpoint = "127.0.0.1:1",
		    .certificate = path,
		    .key = path,
		    .ca = "/nowhere/ca",
		    .server_uri = "spiffe://f/city/c" },
		  "/nowhere/ca" },
	};

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(write(file, "not PEM\n", 8), 8);
	close(file);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[CHANNEL_ERROR_SIZE] = "";
		struct channel *channel = NULL;

		assert_int_equal(
			channel_open(&cases[i].options, &channel, error),
			CHANNEL_FILES);
		assert_null(channel);
		assert_non_null(strstr(error, cases[i].said));
	}
	unlink(path);
}

static void test_channel_self_wants_a_certificate(void **state)
{
	/* Goal: who one is comes from a certificate with one URI, or not at
	 * all. */
	char error[CHANNEL_ERROR_SIZE] = "";
	struct channel_self self;

	(void)state;
	assert_int_equal(channel_self("/dev/null", &self, error),
			 CHANNEL_FILES);
	assert_non_null(strstr(error, "spiffe://"));
	channel_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_channel_wants_files),
		cmocka_unit_test(test_channel_self_wants_a_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
