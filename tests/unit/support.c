/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

/*
 * In a test that expects it (expect_assert_failure) a failed check is caught
 * by cmocka; anywhere else it fails the test.
 */
_Noreturn void clearing_panic(const char *file, int line, const char *what)
{
	mock_assert(0, what, file, line);
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}
