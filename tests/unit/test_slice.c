/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "base/slice.h"

static const struct slice empty;

static void test_slice_from_text_stops_at_nul(void **state)
{
	/* Goal: a text becomes a view without its NUL. */
	(void)state;
	assert_int_equal(slice_from_text("").size, 0);
	assert_int_equal(slice_from_text("abc").size, 3);
	assert_true(slice_equal(slice_from_text("abc"), SLICE("abc")));
}

static void test_slice_equal_and_compare(void **state)
{
	/* Goal: equality and order are those of the bytes. */
	static const struct {
		struct slice a, b;
		int order;
	} cases[] = {
		{ SLICE(""), SLICE(""), 0 },
		{ SLICE("a"), SLICE("a"), 0 },
		{ SLICE(""), SLICE("a"), -1 },
		{ SLICE("a"), SLICE("b"), -1 },
		{ SLICE("a"), SLICE("ab"), -1 },
		{ SLICE("ab"), SLICE("b"), -1 },
		{ SLICE("a\0b"), SLICE("a\0c"), -1 },
		{ SLICE("\x7f"), SLICE("\x80"), -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int order = slice_compare(cases[i].a, cases[i].b);
		int other = slice_compare(cases[i].b, cases[i].a);

		assert_int_equal((order > 0) - (order < 0), cases[i].order);
		assert_int_equal((other > 0) - (other < 0), -cases[i].order);
		assert_int_equal(slice_equal(cases[i].a, cases[i].b),
				 cases[i].order == 0);
	}
	assert_true(slice_equal(empty, SLICE("")));
	assert_int_equal(slice_compare(empty, SLICE("")), 0);
}

static void test_slice_find(void **state)
{
	/* Goal: the first place, or the size where there is none. */
	(void)state;
	assert_int_equal(slice_find(SLICE("a/b/c"), '/'), 1);
	assert_int_equal(slice_find(SLICE("abc"), '/'), 3);
	assert_int_equal(slice_find(empty, '/'), 0);
}

static void test_slice_parts(void **state)
{
	/* Goal: front and rest make up the whole, and no more is given. */
	struct slice text = SLICE("hello");

	(void)state;
	for (size_t i = 0; i <= text.size; i++) {
		assert_int_equal(slice_upto(text, i).size, i);
		assert_int_equal(slice_from(text, i).size, text.size - i);
		assert_ptr_equal(slice_from(text, i).data, text.data + i);
	}
	assert_int_equal(slice_from(empty, 0).size, 0);
	expect_assert_failure(slice_from(text, 6));
	expect_assert_failure(slice_upto(text, 6));
}

static void test_slice_starts_with(void **state)
{
	/* Goal: a prefix is found, also an empty one, never a longer one. */
	(void)state;
	assert_true(slice_starts_with(SLICE("spiffe://f"), SLICE("spiffe://")));
	assert_true(slice_starts_with(SLICE("a"), empty));
	assert_true(slice_starts_with(SLICE("a"), SLICE("a")));
	assert_false(slice_starts_with(SLICE("a"), SLICE("ab")));
	assert_false(slice_starts_with(SLICE("ba"), SLICE("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slice_from_text_stops_at_nul),
		cmocka_unit_test(test_slice_equal_and_compare),
		cmocka_unit_test(test_slice_find),
		cmocka_unit_test(test_slice_parts),
		cmocka_unit_test(test_slice_starts_with),
	};

	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
