/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/page.h"

#include <string.h>

#include "unit/support.h"

static const struct page_query statement = { .rpc = RPC_GET_STATEMENT,
					     .account = 7,
					     .from_us = 1000,
					     .until_us = 2000 };

static struct slice make_token(uint8_t memory[PAGE_TOKEN_SIZE],
			       const struct page_query *query, uint64_t cursor)
{
	struct buffer buffer;

	buffer_init(&buffer, memory, PAGE_TOKEN_SIZE);
	page_token(&buffer, query, cursor);
	assert_false(buffer.overflowed);
	assert_int_equal(buffer.size, PAGE_TOKEN_SIZE);
	return buffer_view(&buffer);
}

/* Goal: sizes: the default, what was asked, at most the most. */
static void test_page_size(void **state)
{
	(void)state;
	assert_int_equal(page_size(0), 100);
	assert_int_equal(page_size(1), 1);
	assert_int_equal(page_size(1000), 1000);
	assert_int_equal(page_size(1001), 1000);
	assert_int_equal(page_size(UINT32_MAX), 1000);
}

/* Goal: a token brings its cursor back to the same query. */
static void test_page_round_trip(void **state)
{
	static const uint64_t cursors[] = { 1, 255, 1000000, UINT64_MAX };
	uint8_t memory[PAGE_TOKEN_SIZE];
	uint64_t cursor;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cursors); i++) {
		struct slice token = make_token(memory, &statement, cursors[i]);

		assert_true(page_cursor(token, &statement, &cursor));
		assert_int_equal(cursor, cursors[i]);
	}
	assert_true(page_cursor((struct slice){ 0 }, &statement, &cursor));
	assert_int_equal(cursor, 0);
}

/* Goal: a token of another query is refused, whatever differs. */
static void test_page_bound_to_query(void **state)
{
	const struct page_query others[] = {
		{ RPC_LIST_ENTRIES, 7, 0, 0, 1000, 2000, { 0 } },
		{ RPC_GET_STATEMENT, 8, 0, 0, 1000, 2000, { 0 } },
		{ RPC_GET_STATEMENT, 7, 1, 0, 1000, 2000, { 0 } },
		{ RPC_GET_STATEMENT, 7, 0, 1, 1000, 2000, { 0 } },
		{ RPC_GET_STATEMENT, 7, 0, 0, 1001, 2000, { 0 } },
		{ RPC_GET_STATEMENT, 7, 0, 0, 1000, 2001, { 0 } },
		{ RPC_GET_STATEMENT, 7, 0, 0, 1000, 2000, SLICE("m1") },
	};
	uint8_t memory[PAGE_TOKEN_SIZE];
	uint64_t cursor;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++)
		assert_false(page_cursor(make_token(memory, &others[i], 5),
					 &statement, &cursor));
}

/* Goal: what is no token is refused, at every byte and length. */
static void test_page_malformed(void **state)
{
	uint8_t memory[PAGE_TOKEN_SIZE];
	uint64_t cursor;

	(void)state;
	for (size_t i = 0; i < PAGE_TOKEN_SIZE; i++) {
		struct slice token = make_token(memory, &statement, 5);

		if (i > 0)
			assert_false(page_cursor(slice_upto(token, i),
						 &statement, &cursor));
		memory[i] = 'g';
		assert_false(page_cursor(token, &statement, &cursor));
	}
	memset(memory, '0', sizeof(memory));
	assert_false(page_cursor(slice_of(memory, sizeof(memory)), &statement,
				 &cursor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page_size),
		cmocka_unit_test(test_page_round_trip),
		cmocka_unit_test(test_page_bound_to_query),
		cmocka_unit_test(test_page_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
