/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "tools/verify/finding.h"
#include "tools/verify/idset.h"

#define COUNT 20000

static struct id id_of(uint32_t number)
{
	struct id id = { .bytes = { 1 } };

	memcpy(id.bytes + 4, &number, sizeof(number));
	return id;
}

static void test_verify_idset_sees_twice(void **state)
{
	/* Goal: through many doublings each id is new once. */
	struct idset set;

	(void)state;
	idset_init(&set, (struct siphash_key){ 1, 2 });
	for (uint32_t i = 0; i < COUNT; i++) {
		struct id id = id_of(i);

		assert_int_equal(idset_add(&set, &id), IDSET_ADDED);
	}
	assert_int_equal(set.count, COUNT);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct id id = id_of(i);

		assert_int_equal(idset_add(&set, &id), IDSET_TWICE);
	}
	assert_int_equal(set.count, COUNT);
	idset_release(&set);
}

static void test_verify_findings(void **state)
{
	/* Goal: every kind has a name of its own; all are counted, the first
	 * ones kept. */
	static struct findings findings;
	struct finding where = at_entry(17, 3);

	(void)state;
	for (int i = 0; i < FINDING_KINDS; i++) {
		for (int k = 0; k < i; k++)
			assert_string_not_equal(finding_meaning(i)->name,
						finding_meaning(k)->name);
	}
	for (int i = 0; i < FINDINGS_KEPT + 5; i++)
		findings_add(&findings, FINDING_LIMIT_PASSED, &where, "%d", i);
	assert_int_equal(findings.count, FINDINGS_KEPT + 5);
	assert_int_equal(findings.count_by[FINDING_LIMIT_PASSED],
			 FINDINGS_KEPT + 5);
	assert_int_equal(findings.kept_count, FINDINGS_KEPT);
	assert_int_equal(findings.kept[0].block, 17);
	assert_int_equal(findings.kept[0].entry, 3);
	assert_true(findings.kept[0].event == NOWHERE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify_idset_sees_twice),
		cmocka_unit_test(test_verify_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
