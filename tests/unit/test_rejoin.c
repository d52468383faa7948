/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Goal: an operator's order to rejoin comes out as it was put in, or not. */
#include "unit/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/file.h"
#include "node/rejoin.h"
#include "unit/block_equal.h"

#define ACTOR "spiffe://commons/city/lisbon/operator/ana"

static char folder[32];
static char path[64];

static int setup(void **state)
{
	char states[64];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/clearing-rejoin-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(states, sizeof(states), "%s/state", folder);
	assert_int_equal(mkdir(states, 0700), 0);
	snprintf(path, sizeof(path), "%s/%s", folder, REJOIN_FILE);
	return 0;
}

static void remove_file(const char *name)
{
	char at[64];

	snprintf(at, sizeof(at), "%s/%s", folder, name);
	(void)unlink(at);
}

static int teardown(void **state)
{
	char states[64];

	(void)state;
	remove_file(REJOIN_FILE);
	remove_file(REJOIN_HEAD_FILE);
	remove_file(REJOIN_HEAD_KEPT_FILE);
	snprintf(states, sizeof(states), "%s/state", folder);
	assert_int_equal(rmdir(states), 0);
	assert_int_equal(rmdir(folder), 0);
	return 0;
}

static void test_rejoin_round_trip(void **state)
{
	static const struct rejoin_order orders[] = {
		{ ACTOR, "the disk died", false },
		{ ACTOR, "reason with = and  two spaces; # all of it", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		struct rejoin_order order = { 0 };

		assert_true(rejoin_order(folder, &orders[i]));
		assert_int_equal(rejoin_read(folder, &order), REJOIN_ORDERED);
		assert_string_equal(order.actor, ACTOR);
		assert_string_equal(order.reason, orders[i].reason);
		assert_int_equal(order.open_early, orders[i].open_early);
	}
	assert_true(rejoin_done(folder));
	assert_int_equal(rejoin_read(folder, &(struct rejoin_order){ 0 }),
			 REJOIN_NOT_ORDERED);
	assert_false(rejoin_done(folder));
	assert_int_equal(errno, ENOENT);
}

/* Goal: the head that the journal no longer has goes aside, not away. */
static void test_rejoin_keeps_the_head(void **state)
{
	const struct rejoin_order order = { ACTOR, "why", false };
	struct slice kept = { 0 };
	char head[64];

	(void)state;
	snprintf(head, sizeof(head), "%s/%s", folder, REJOIN_HEAD_FILE);
	assert_true(file_write(head, SLICE("where it was")));
	assert_true(rejoin_order(folder, &order));
	assert_int_equal(access(head, F_OK), -1);
	snprintf(head, sizeof(head), "%s/%s", folder, REJOIN_HEAD_KEPT_FILE);
	assert_true(file_read(head, 100, &kept));
	assert_slice_equal(kept, SLICE("where it was"));
	file_release(&kept);
}

/* Goal: whatever rejoin_order() does not write is no order. */
static void test_rejoin_damaged(void **state)
{
	static const char *const texts[] = {
		"",
		"clearing rejoin 1\n",
		"clearing rejoin 2\nactor " ACTOR "\nopen_early 0\nreason a\n",
		"clearing rejoin 1\nactor " ACTOR "\nopen_early 0\nreason \n",
		"clearing rejoin 1\nactor " ACTOR "\nopen_early 0\nreason a",
		"clearing rejoin 1\nactor " ACTOR "\nopen_early 7\nreason a\n",
		"clearing rejoin 1\nactor " ACTOR
		"\nopen_early 0\nreason a\nb\n",
		"clearing rejoin 1\nactor " ACTOR
		"\nopen_early 0\nreason \001\n",
		"clearing rejoin 1\nactor ana\nopen_early 0\nreason a\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct rejoin_order order = { 0 };

		assert_true(file_write(path, slice_from_text(texts[i])));
		assert_int_equal(rejoin_read(folder, &order), REJOIN_DAMAGED);
		assert_int_equal(order.actor[0], '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rejoin_round_trip, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_rejoin_keeps_the_head,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_rejoin_damaged, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
