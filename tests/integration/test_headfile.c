/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/headfile.h"

struct folder {
	char path[64];
	char file[96];
};

static int set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	snprintf(folder->path, sizeof(folder->path),
		 "/tmp/clearing-head-XXXXXX");
	if (mkdtemp(folder->path) == NULL)
		return -1;
	snprintf(folder->file, sizeof(folder->file), "%s/head", folder->path);
	*state = folder;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *folder = *state;
	char beside[128];

	snprintf(beside, sizeof(beside), "%s.new", folder->file);
	unlink(folder->file);
	unlink(beside);
	rmdir(folder->path);
	free(folder);
	return 0;
}

static const struct acknowledged_head head = {
	.system_identifier = "7417000000000000001",
	.timeline = 3,
	.epoch = 12,
	.seq = 987654321,
	.hash = { 0xab, 0xcd, 1, 2, 3, 255 },
};

static void test_headfile_round_trip(void **state)
{
	/* Goal: what was written is read, and the newest one wins. */
	const struct folder *folder = *state;
	struct acknowledged_head later = head, found;

	later.seq++;
	assert_true(headfile_write(folder->file, &head));
	assert_true(headfile_write(folder->file, &later));
	assert_int_equal(headfile_read(folder->file, &found), HEADFILE_OK);
	assert_int_equal(found.seq, later.seq);
	assert_int_equal(found.timeline, 3);
	assert_int_equal(found.epoch, 12);
	assert_string_equal(found.system_identifier, head.system_identifier);
	assert_memory_equal(found.hash, head.hash, SHA256_SIZE);
}

static void test_headfile_missing(void **state)
{
	/* Goal: no file is no damage, and gives nothing. */
	const struct folder *folder = *state;
	struct acknowledged_head found;

	assert_int_equal(headfile_read(folder->file, &found), HEADFILE_MISSING);
	assert_int_equal(headfile_read(folder->path, &found),
			 HEADFILE_UNREADABLE);
}

static void write_text(const char *path, const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	fclose(file);
}

static void test_headfile_damaged(void **state)
{
	/* Goal: every single changed byte and every cut is seen. */
	const struct folder *folder = *state;
	struct acknowledged_head found;
	char text[512], broken[512];
	size_t size;
	FILE *file;

	assert_true(headfile_write(folder->file, &head));
	file = fopen(folder->file, "r");
	size = fread(text, 1, sizeof(text), file);
	fclose(file);
	for (size_t i = 0; i < size; i++) {
		memcpy(broken, text, size);
		broken[i] ^= 1;
		write_text(folder->file, broken, size);
		assert_int_equal(headfile_read(folder->file, &found),
				 HEADFILE_DAMAGED);
		write_text(folder->file, text, i);
		assert_int_equal(headfile_read(folder->file, &found),
				 HEADFILE_DAMAGED);
	}
	write_text(folder->file, text, size);
	assert_int_equal(headfile_read(folder->file, &found), HEADFILE_OK);
}

static void test_headfile_unwritable(void **state)
{
	/* Goal: a disk that refuses is told, and the old file stays. */
	const struct folder *folder = *state;
	struct acknowledged_head found;
	char nowhere[128];

	assert_true(headfile_write(folder->file, &head));
	snprintf(nowhere, sizeof(nowhere), "%s/no/such", folder->path);
	assert_false(headfile_write(nowhere, &head));
	assert_int_equal(headfile_read(folder->file, &found), HEADFILE_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_headfile_round_trip,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_headfile_missing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_headfile_damaged, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_headfile_unwritable,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
