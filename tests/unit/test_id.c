/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "core/id.h"

/* The example of RFC 9562, appendix A.6: 2022-02-22T19:22:22Z. */
#define EXAMPLE "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
#define EXAMPLE_MS UINT64_C(0x017f22e279b0)

static struct id parse(const char *text)
{
	struct id id;

	assert_true(id_parse(slice_from_text(text), &id));
	return id;
}

static void test_id_text_there_and_back(void **state)
{
	/* Goal: lower-case text with dashes; either case is read. */
	struct id id = parse(EXAMPLE);
	struct id upper = parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
	uint8_t bytes[ID_TEXT_SIZE];
	struct buffer buffer;

	(void)state;
	assert_true(id_equal(&id, &upper));
	assert_int_equal(id.bytes[0], 0x01);
	assert_int_equal(id.bytes[15], 0x8f);
	assert_int_equal(id_time_ms(&id), EXAMPLE_MS);
	assert_true(id_is_v7(&id));
	buffer_init(&buffer, bytes, sizeof(bytes));
	id_print(&buffer, &id);
	assert_false(buffer.overflowed);
	assert_memory_equal(bytes, EXAMPLE, ID_TEXT_SIZE);
}

static void test_id_parse_refuses(void **state)
{
	/* Goal: nothing but 32 digits and four dashes in their places. */
	static const char *const bad[] = {
		"",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
		"017f22e279b0-7cc3-98c4-dc0c0c07398f-",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2-79b0-7cc3-98c4xdc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c0739 f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
	};
	struct id id;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(id_parse(slice_from_text(bad[i]), &id));
}

static void test_id_from_bytes(void **state)
{
	/* Goal: 16 bytes with version 7 and variant 2, and nothing else. */
	static const struct {
		uint8_t version, variant;
		bool ok;
	} cases[] = {
		{ 0x70, 0x80, true },  { 0x7f, 0xbf, true },
		{ 0x40, 0x80, false }, { 0x60, 0x80, false },
		{ 0x80, 0x80, false }, { 0x70, 0x00, false },
		{ 0x70, 0x40, false }, { 0x70, 0xc0, false },
	};
	uint8_t bytes[ID_SIZE + 1] = { 0 };
	struct id id;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bytes[6] = cases[i].version;
		bytes[8] = cases[i].variant;
		assert_int_equal(id_from_bytes(slice_of(bytes, ID_SIZE), &id),
				 cases[i].ok);
		assert_false(id_from_bytes(slice_of(bytes, ID_SIZE - 1), &id));
		assert_false(id_from_bytes(slice_of(bytes, ID_SIZE + 1), &id));
	}
	assert_false(id_from_bytes((struct slice){ 0 }, &id));
}

static void test_id_make(void **state)
{
	/* Goal: the time as told, every random bit kept but six. */
	uint8_t zeros[ID_TAIL_SIZE] = { 0 }, ones[ID_TAIL_SIZE];
	struct id low = id_make(EXAMPLE_MS * 1000 + 999, zeros), high;

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	high = id_make(((UINT64_C(1) << 48) - 1) * 1000, ones);
	assert_true(id_is_v7(&low) && id_is_v7(&high));
	assert_int_equal(id_time_ms(&low), EXAMPLE_MS);
	assert_int_equal(id_time_ms(&high), (UINT64_C(1) << 48) - 1);
	assert_int_equal(low.bytes[6], 0x70);
	assert_int_equal(high.bytes[6], 0x7f);
	assert_int_equal(low.bytes[8], 0x80);
	assert_int_equal(high.bytes[8], 0xbf);
	for (int i = 9; i < ID_SIZE; i++) {
		assert_int_equal(low.bytes[i], 0);
		assert_int_equal(high.bytes[i], 0xff);
	}
	expect_assert_failure(id_make((UINT64_C(1) << 48) * 1000, zeros));
}

static void test_id_equal_and_zero(void **state)
{
	/* Goal: every byte counts. */
	struct id zero = { { 0 } };

	(void)state;
	assert_true(id_is_zero(&zero));
	for (int i = 0; i < ID_SIZE; i++) {
		struct id id = zero;

		id.bytes[i] = 1;
		assert_false(id_is_zero(&id) || id_equal(&id, &zero));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_text_there_and_back),
		cmocka_unit_test(test_id_parse_refuses),
		cmocka_unit_test(test_id_from_bytes),
		cmocka_unit_test(test_id_make),
		cmocka_unit_test(test_id_equal_and_zero),
	};

	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
