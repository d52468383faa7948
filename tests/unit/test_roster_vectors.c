/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* proto/vectors/rosters.txt: what other implementations are held to. */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/crypto.h"
#include "peer/roster.h"

#define LINE_SIZE_MAX 8192
#define LINES_MIN 20
#define VECTORS "/../../proto/vectors/rosters.txt"

static FILE *open_vectors(void)
{
	static const char here[] = __FILE__;
	const char *slash = strrchr(here, '/');
	char path[1024];
	FILE *file;

	assert_non_null(slash);
	snprintf(path, sizeof(path), "%.*s" VECTORS, (int)(slash - here), here);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s cannot be read", path);
	return file;
}

/* Bytes of the digits at @hex. */
static size_t parse_hex(const char *hex, uint8_t *out)
{
	size_t size = 0;

	for (; hex[0] != '\0' && hex[0] != '\n'; hex += 2) {
		unsigned value;

		assert_int_equal(sscanf(hex, "%2x", &value), 1);
		out[size++] = (uint8_t)value;
	}
	return size;
}

static void expect_same(struct roster *roster, const char *wanted,
			struct slice bytes, uint32_t number)
{
	static const struct roster_trust trust = { .sha256 = crypto_sha256,
						   .verify = crypto_verify };
	enum roster_result result = roster_load(roster, bytes, &trust);
	uint8_t again[LINE_SIZE_MAX / 2];
	struct buffer buffer;

	if (strcmp(roster_result_name(result), wanted) != 0)
		fail_msg("vector %u: %s instead of %s", number,
			 roster_result_name(result), wanted);
	if (result != ROSTER_OK)
		return;
	/* What was taken is written again, byte for byte. */
	buffer_init(&buffer, again, sizeof(again));
	roster_encode(roster, &buffer);
	assert_true(slice_equal(buffer_view(&buffer), bytes));
	buffer_init(&buffer, again, sizeof(again));
	roster_encode_body(roster, &buffer);
	assert_true(slice_equal(buffer_view(&buffer), roster->body));
}

static void test_roster_vectors(void **state)
{
	/* Goal: rosters by another implementation are judged as they should. */
	static char line[LINE_SIZE_MAX];
	static uint8_t bytes[LINE_SIZE_MAX / 2];
	struct roster *roster = malloc(sizeof(*roster));
	FILE *file = open_vectors();
	uint32_t count = 0;

	(void)state;
	assert_non_null(roster);
	while (fgets(line, sizeof(line), file) != NULL) {
		char *space = strchr(line, ' ');

		if (line[0] == '#')
			continue;
		assert_non_null(space);
		*space = '\0';
		expect_same(roster, line,
			    slice_of(bytes, parse_hex(space + 1, bytes)),
			    ++count);
	}
	fclose(file);
	free(roster);
	assert_true(count >= LINES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roster_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
