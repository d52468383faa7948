/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The sealed batches kept to be delivered; how often others may ask. */
#include <string.h>

#include "api/neighbours_private.h"
#include "unit/support.h"

#define LINKS 2

static struct kept_batches kept[LINKS];
static struct neighbours neighbours = { .kept = kept };

static void keep(uint32_t link, uint64_t first, uint64_t last, const char *text)
{
	neighbours_keep_batch(&neighbours, link, first, last,
			      slice_from_text(text));
}

static void expect(uint32_t link, uint64_t first, const char *text)
{
	const struct kept_batch *batch =
		neighbours_find_batch(&neighbours, link, first);

	if (text == NULL) {
		assert_null(batch);
		return;
	}
	assert_non_null(batch);
	assert_true(slice_equal(slice_of(batch->bytes, batch->size),
				slice_from_text(text)));
}

static int drop_all(void **state)
{
	(void)state;
	for (uint32_t link = 1; link <= LINKS; link++)
		neighbours_drop_above(&neighbours, link, 0);
	return 0;
}

/*
 * Goal: (rule PEER-7) after a withdrawal the batch that was written instead is
 * sent, not the withdrawn one with the same first seq.
 */
static void test_neighbours_kept_after_withdrawal(void **state)
{
	(void)state;
	keep(1, 1, 2, "one and two");
	keep(1, 3, 3, "three");
	keep(1, 4, 6, "four to six");
	keep(2, 3, 3, "of another link");
	neighbours_drop_above(&neighbours, 1, 2);
	expect(1, 1, "one and two");
	expect(1, 3, NULL);
	expect(1, 4, NULL);
	expect(2, 3, "of another link");
	assert_int_equal(kept[0].size, strlen("one and two"));
	keep(1, 3, 4, "three anew");
	expect(1, 1, "one and two");
	expect(1, 3, "three anew");
	expect(1, 4, NULL);
}

/* Goal: all of it may be withdrawn, and there may be nothing. */
static void test_neighbours_kept_none_left(void **state)
{
	(void)state;
	neighbours_drop_above(&neighbours, 1, 0);
	keep(1, 7, 7, "seven");
	neighbours_drop_above(&neighbours, 1, 6);
	expect(1, 7, NULL);
	assert_int_equal(kept[0].size, 0);
	keep(1, 7, 8, "seven anew");
	keep(1, 9, 9, "nine");
	expect(1, 7, "seven anew");
	expect(1, 9, "nine");
	neighbours_drop_above(&neighbours, 1, 9);
	expect(1, 9, "nine");
}

static bool count_one(struct neighbours *asking, const char *city,
		      enum neighbours_counted what, uint64_t now_us)
{
	return neighbours_count(asking, slice_from_text(city), what, now_us);
}

/* Goal: (rule PEER-36) a city that asks too often does not shut out others. */
static void test_neighbours_asks(void **state)
{
	static struct roster roster = {
		.city_count = 2,
		.cities = { { .name = { (const uint8_t *)"alpha", 5 } },
			    { .name = { (const uint8_t *)"beta", 4 } } },
	};
	struct rate counted[2][COUNTED_KINDS] = { 0 };
	struct neighbours asking = { .options = { .roster = &roster },
				     .counted = counted };

	(void)state;
	for (uint32_t i = 0; i < NEIGHBOURS_ASKS_PER_MINUTE; i++)
		assert_true(count_one(&asking, "alpha", COUNTED_OUTCOME, i));
	assert_false(count_one(&asking, "alpha", COUNTED_OUTCOME, 59999999));
	assert_true(count_one(&asking, "beta", COUNTED_OUTCOME, 59999999));
	assert_true(count_one(&asking, "alpha", COUNTED_OUTCOME, 60000000));
	for (uint32_t i = 0; i < NEIGHBOURS_REQUESTS_PER_MINUTE; i++)
		assert_true(count_one(&asking, "alpha", COUNTED_REQUEST, i));
	assert_false(count_one(&asking, "alpha", COUNTED_REQUEST, 59999999));
	assert_true(count_one(&asking, "beta", COUNTED_REQUEST, 59999999));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, drop_all, drop_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_neighbours_kept_after_withdrawal),
		TEST(test_neighbours_kept_none_left),
		TEST(test_neighbours_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
