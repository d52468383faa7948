/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A failed check() ends the node at once: its memory is not to be trusted. */
#include <stdlib.h>

#include "base/check.h"
#include "node/log.h"

_Noreturn void clearing_panic(const char *file, int line, const char *what)
{
	log_event(LOG_ERROR, "check_failed", LOG_TEXT("file", file),
		  LOG_NUMBER("line", (uint64_t)line), LOG_TEXT("what", what),
		  LOG_END);
	abort();
}
