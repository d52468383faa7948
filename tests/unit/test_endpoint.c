/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "unit/support.h"

/* Goal: addresses with a port are read, 0 included. */
static void test_endpoint_reads(void **state)
{
	static const struct {
		const char *text;
		int family;
		int port;
	} cases[] = {
		{ "127.0.0.1:7440", AF_INET, 7440 },
		{ "0.0.0.0:0", AF_INET, 0 },
		{ "10.1.2.3:65535", AF_INET, 65535 },
		{ "[::1]:7440", AF_INET6, 7440 },
		{ "[::]:0", AF_INET6, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct sockaddr_in *v4;
		struct sockaddr_storage out;
		int size = 0;

		assert_true(endpoint_parse(cases[i].text, &out, &size));
		assert_int_equal(out.ss_family, cases[i].family);
		assert_true(size > 0 && size <= (int)sizeof(out));
		/* The port stands at the same place in both families. */
		v4 = (const void *)&out;
		assert_int_equal(ntohs(v4->sin_port), cases[i].port);
	}
}

/* Goal: names, missing and impossible ports, half brackets are refused. */
static void test_endpoint_refuses(void **state)
{
	static const char *const texts[] = {
		"",
		":",
		"7440",
		"127.0.0.1",
		"127.0.0.1:",
		"localhost:1",
		":7440",
		"127.0.0.1:65536",
		"::1:7440",
		"::1",
		"[::1]",
		"[::1:7440",
		"::1]:7440",
		"[]:1",
		"1.2.3:x4",
		"127.0.0.1:-1",
		"127.0.0.1:1 ",
		"[127.0.0.1]:1",
		"1.2.3.4.5:1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct sockaddr_storage out;
		int size;

		if (endpoint_parse(texts[i], &out, &size))
			fail_msg("read: %s", texts[i]);
	}
}

/* Goal: where to connect to may be a name. */
static void test_endpoint_splits(void **state)
{
	static const struct {
		const char *text;
		const char *host; /* NULL: refused */
		const char *port;
	} cases[] = {
		{ "graz.example:7440", "graz.example", "7440" },
		{ "localhost:1", "localhost", "1" },
		{ "[::1]:65535", "::1", "65535" },
		{ "127.0.0.1:0", "127.0.0.1", "0" },
		{ "graz.example", NULL, NULL },
		{ "graz.example:", NULL, NULL },
		{ ":7440", NULL, NULL },
		{ "graz.example:70000", NULL, NULL },
		{ "::1:7440", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char host[ENDPOINT_HOST_SIZE];
		char port[ENDPOINT_PORT_SIZE];

		assert_int_equal(endpoint_split(cases[i].text, host, port),
				 cases[i].host != NULL);
		if (cases[i].host == NULL)
			continue;
		assert_string_equal(host, cases[i].host);
		assert_string_equal(port, cases[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoint_reads),
		cmocka_unit_test(test_endpoint_refuses),
		cmocka_unit_test(test_endpoint_splits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
