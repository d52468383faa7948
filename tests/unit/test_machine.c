/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "base/machine.h"

/* SHUT <-> OPEN -> GONE */
enum { SHUT, OPEN, GONE, STATES };
enum { PUSH, PULL, BURN, EVENTS };

static const struct machine_move moves[] = {
	{ SHUT, PUSH, OPEN },
	{ OPEN, PULL, SHUT },
	{ OPEN, BURN, GONE },
};

static const char *const state_names[] = { "SHUT", "OPEN", "GONE" };
static const char *const event_names[] = { "PUSH", "PULL", "BURN" };

static const struct machine door = {
	.name = "door",
	.moves = moves,
	.move_count = COUNT_OF(moves),
	.state_names = state_names,
	.event_names = event_names,
};

static void test_machine_allows_the_table(void **state)
{
	/* Goal: exactly the moves of the table, for each state and event. */
	(void)state;
	for (uint8_t from = 0; from < STATES; from++) {
		for (uint8_t event = 0; event < EVENTS; event++) {
			uint8_t to = 99;
			bool allowed = machine_allows(&door, from, event, &to);

			assert_int_equal(
				allowed,
				(from == SHUT && event == PUSH) ||
					(from == OPEN && event != PUSH));
			if (!allowed)
				assert_int_equal(to, 99);
		}
	}
}

static void test_machine_steps(void **state)
{
	/* Goal: a step moves; one that is not in the table is a panic. */
	uint8_t at = SHUT;

	(void)state;
	machine_step(&door, &at, PUSH);
	assert_int_equal(at, OPEN);
	machine_step(&door, &at, PULL);
	assert_int_equal(at, SHUT);
	expect_assert_failure(machine_step(&door, &at, BURN));
	assert_int_equal(at, SHUT);
	machine_step(&door, &at, PUSH);
	machine_step(&door, &at, BURN);
	expect_assert_failure(machine_step(&door, &at, PUSH));
	assert_int_equal(at, GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine_allows_the_table),
		cmocka_unit_test(test_machine_steps),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
