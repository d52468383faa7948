/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/clearctl/import_state.h"
#include "tools/system.h"

#define CITY "f/demo"

static char path[] = "/tmp/test_ctl_import_state.XXXXXX";

static int make_path(void **state)
{
	int file = mkstemp(path);

	(void)state;
	if (file < 0)
		return -1;
	close(file);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static struct import_line line_of(enum line_fate fate)
{
	return (struct import_line){ .id = system_id(),
				     .hash = UINT64_C(0xfedcba9876543210),
				     .fate = fate };
}

static void test_ctl_import_state_survives(void **state)
{
	/* Goal: ids and fates are there again, also after a record that was
	 * cut off, which was never sent. */
	char error[IMPORT_STATE_ERROR_SIZE];
	struct import_line lines[3], found;
	struct import_state kept;

	(void)state;
	assert_true(import_state_open(&kept, path, CITY, 7, error));
	for (uint64_t i = 0; i < 3; i++) {
		lines[i] = line_of(LINE_SENT);
		assert_true(import_state_write(&kept, i, &lines[i]));
	}
	lines[1].fate = LINE_REFUSED;
	assert_true(import_state_write(&kept, 1, &lines[1]));
	assert_true(import_state_sync(&kept));
	import_state_close(&kept);
	assert_int_equal(truncate(path, 128 + 3 * 56 - 1), 0);

	assert_true(import_state_open(&kept, path, CITY, 7, error));
	assert_int_equal(kept.count, 2);
	for (uint64_t i = 0; i < 2; i++) {
		assert_true(import_state_read(&kept, i, &found));
		assert_true(id_equal(&found.id, &lines[i].id));
		assert_int_equal(found.hash, lines[i].hash);
		assert_int_equal(found.fate, lines[i].fate);
	}
	assert_true(import_state_read(&kept, 2, &found));
	assert_int_equal(found.fate, LINE_UNSENT);
	import_state_close(&kept);
}

static void test_ctl_import_state_refused(void **state)
{
	/* Goal: a file of another city, of a node that was further, one that
	 * is in use, and one that is none. */
	char error[IMPORT_STATE_ERROR_SIZE];
	struct import_state kept, other;
	FILE *stream;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	assert_true(import_state_open(&kept, path, CITY, 7, error));
	assert_true(import_state_position(&kept, CITY, 9));
	assert_false(import_state_open(&other, path, CITY, 9, error));
	assert_non_null(strstr(error, "another import"));
	import_state_close(&kept);
	assert_false(import_state_open(&kept, path, "f/other", 9, error));
	assert_non_null(strstr(error, CITY));
	assert_false(import_state_open(&kept, path, CITY, 8, error));
	assert_non_null(strstr(error, "position 9"));
	assert_true(import_state_open(&kept, path, CITY, 9, error));
	import_state_close(&kept);
	stream = fopen(path, "w");
	assert_non_null(stream);
	fputs("from,to,amount\n", stream);
	fclose(stream);
	assert_false(import_state_open(&kept, path, CITY, 9, error));
	assert_non_null(strstr(error, "not a state file"));
	assert_int_equal(kept.file, -1);
}

static void test_ctl_import_state_damaged(void **state)
{
	/* Goal: a record that cannot be read is no fresh line. */
	char error[IMPORT_STATE_ERROR_SIZE];
	struct import_line line = line_of(LINE_POSTED), found;
	struct import_state kept;

	(void)state;
	assert_int_equal(truncate(path, 0), 0);
	assert_true(import_state_open(&kept, path, CITY, 7, error));
	assert_true(import_state_write(&kept, 0, &line));
	assert_int_equal(pwrite(kept.file, "z", 1, 128), 1);
	assert_false(import_state_read(&kept, 0, &found));
	import_state_close(&kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ctl_import_state_survives),
		cmocka_unit_test(test_ctl_import_state_refused),
		cmocka_unit_test(test_ctl_import_state_damaged),
	};

	return cmocka_run_group_tests(tests, make_path, remove_path);
}
