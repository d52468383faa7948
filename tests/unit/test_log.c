/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/log.h"

#include <jansson.h>

#include "unit/support.h"

#define WALL_US UINT64_C(1767225600123456)

static struct slice line(uint8_t *memory, size_t size, bool json)
{
	const struct log_field fields[] = {
		LOG_TEXT("plain", "127.0.0.1:7440"),
		LOG_TEXT("spaced", "two words"),
		LOG_TEXT("odd", "a=\"b\"\n\\"),
		LOG_TEXT("empty", ""),
		LOG_NUMBER("number", UINT64_MAX),
		LOG_END,
	};
	struct buffer out;

	buffer_init(&out, memory, size);
	log_format(&out, json, WALL_US, LOG_WARNING, "happened", fields);
	assert_false(out.overflowed);
	return buffer_view(&out);
}

/* Goal: a line of text stays one line, with its pairs apart. */
static void test_log_text(void **state)
{
	uint8_t memory[LOG_LINE_SIZE_MAX];
	struct slice text = line(memory, sizeof(memory), false);

	(void)state;
	assert_true(slice_equal(
		text, SLICE("2026-01-01T00:00:00.123Z warning happened "
			    "plain=127.0.0.1:7440 spaced=\"two words\" "
			    "odd=\"a=\\\"b\\\"\\u000a\\\\\" empty=\"\" "
			    "number=18446744073709551615\n")));
}

/* Goal: as JSON it is what a JSON parser reads back. */
static void test_log_json(void **state)
{
	uint8_t memory[LOG_LINE_SIZE_MAX];
	struct slice text = line(memory, sizeof(memory), true);
	json_t *document = json_loadb((const char *)text.data, text.size,
				      JSON_DECODE_INT_AS_REAL, NULL);

	(void)state;
	assert_non_null(document);
	assert_string_equal(
		json_string_value(json_object_get(document, "level")),
		"warning");
	assert_string_equal(
		json_string_value(json_object_get(document, "event")),
		"happened");
	assert_string_equal(json_string_value(json_object_get(document, "odd")),
			    "a=\"b\"\n\\");
	json_decref(document);
}

/* Goal: the level of the configuration decides what is written. */
static void test_log_level(void **state)
{
	(void)state;
	log_set("warning", "text");
	assert_false(log_enabled(LOG_INFO));
	assert_true(log_enabled(LOG_WARNING));
	log_set("debug", "text");
	assert_true(log_enabled(LOG_DEBUG));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_log_text),
		cmocka_unit_test(test_log_json),
		cmocka_unit_test(test_log_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
