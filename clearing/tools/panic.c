/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A failed check() ends the program at once, saying where. */
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void clearing_panic(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}
