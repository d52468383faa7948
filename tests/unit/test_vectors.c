/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* proto/vectors/requests.txt: what other implementations are held to. */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"

#define LINE_SIZE_MAX 2048
#define LINES_MIN 20
#define VECTORS "/../../proto/vectors/requests.txt"

struct vector {
	const struct rpc_method *method;
	uint8_t bytes[LINE_SIZE_MAX / 2];
	size_t size;
	const char *document; /* "refused": there is none */
};

static FILE *open_vectors(void)
{
	char path[1024];
	static const char here[] = __FILE__;
	const char *slash = strrchr(here, '/');
	FILE *file;

	assert_non_null(slash);
	snprintf(path, sizeof(path), "%.*s" VECTORS, (int)(slash - here), here);
	file = fopen(path, "r");
	if (file == NULL)
		fail_msg("%s cannot be read", path);
	return file;
}

/* Takes a line apart; its text is written over. */
static void parse(char *line, struct vector *out)
{
	char *rest = NULL;
	const char *path = strtok_r(line, " ", &rest);
	const char *hex = strtok_r(NULL, " ", &rest);

	assert_non_null(path);
	assert_non_null(hex);
	out->method = rpc_method_find(slice_from_text(path));
	assert_non_null(out->method);
	out->size = 0;
	for (; *hex != '-' && *hex != '\0'; hex += 2) {
		unsigned value;

		assert_int_equal(sscanf(hex, "%2x", &value), 1);
		out->bytes[out->size++] = (uint8_t)value;
	}
	rest[strcspn(rest, "\n")] = '\0';
	out->document = rest;
}

static void expect_same(const struct vector *vector)
{
	struct slice bytes = slice_of(vector->bytes, vector->size);
	json_t *document = json_loads(vector->document, 0, NULL);
	json_t *shown = json_from_request(vector->method, bytes), *value;
	char error[JSON_ERROR_SIZE];
	const char *key;
	uint8_t *encoded;
	size_t size;

	assert_non_null(document);
	assert_non_null(shown);
	if (!json_to_request(vector->method, document, &encoded, &size, error))
		fail_msg("%s: %s", vector->document, error);
	assert_int_equal(size, vector->size);
	assert_memory_equal(encoded, vector->bytes, size);
	/* Shown are the fields that were left out, too. */
	json_object_foreach(document, key, value)
	{
		json_t *found = json_object_get(shown, key);

		assert_non_null(found);
		if (!json_is_object(value) && !json_is_array(value))
			assert_true(json_equal(found, value));
	}
	free(encoded);
	json_decref(shown);
	json_decref(document);
}

static void test_vectors_requests(void **state)
{
	/* JSON gives the bytes, and the bytes give the JSON, or neither. */
	FILE *file = open_vectors();
	char line[LINE_SIZE_MAX];
	uint32_t lines = 0;

	(void)state;
	while (fgets(line, sizeof(line), file) != NULL) {
		struct vector vector;

		if (line[0] == '#')
			continue;
		parse(line, &vector);
		if (strcmp(vector.document, "refused") != 0)
			expect_same(&vector);
		else
			assert_false(rpc_request_valid(
				vector.method,
				slice_of(vector.bytes, vector.size)));
		lines++;
	}
	fclose(file);
	assert_true(lines >= LINES_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
