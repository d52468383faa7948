/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Doubt that does not end by itself. */
#include "unit/support.h"

#include <string.h>

#include "integration/rig.h"

static struct postgres postgres;

static int start(void **state)
{
	(void)state;
	postgres_create(&postgres);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	postgres_free(&postgres);
	return 0;
}

static void test_journal_doubt_never_sure(void **state)
{
	/* Goal: (rule JOURNAL-9) where every block lands and none is surely
	 * committed, each barrier needs another one; when there is no memory
	 * for more, the node ends with the reason, acknowledging nothing. */
	struct rig rig;
	uint64_t acknowledged;

	(void)state;
	rig_create(&rig, &postgres, "never_sure");
	rig.queue_blocks_max = 4;
	if (rig_start(&rig) != START_OK)
		fail_msg("start: %s", rig.error);
	assert_int_equal(rig_account(&rig, "a"), 3);
	rig_settle(&rig);
	acknowledged = journal_acknowledged(rig.journal);
	rig_run(&rig, "create function clearing.raise() returns trigger"
		      " language plpgsql as $$ begin raise warning 'planted';"
		      " return new; end $$;"
		      "create trigger raise before insert on clearing.journal_0"
		      " for each row execute function clearing.raise()");
	assert_int_equal(rig_account(&rig, "b"), 4);
	rig_wait_state(&rig, JOURNAL_UNSAFE);
	assert_non_null(strstr(journal_reason(rig.journal), "planted"));
	assert_int_equal(journal_acknowledged(rig.journal), acknowledged);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_journal_doubt_never_sure),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
