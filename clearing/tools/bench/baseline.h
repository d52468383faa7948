/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * baseline: what PostgreSQL itself does on the same server in the same run: a
 * plain SQL ledger, COPY of rows, and raw inserts of journal blocks.  All in a
 * schema of its own that is dropped afterwards.
 */
#ifndef CLEARING_TOOLS_BENCH_BASELINE_H
#define CLEARING_TOOLS_BENCH_BASELINE_H

#include "tools/bench/figures.h"
#include "tools/database.h"

#define BASELINE_ERROR_SIZE 512

/*
 * baseline_run: measure all three for @seconds each into @figures:
 * baseline_sql, baseline_copy, baseline_journal, transfers/s.
 *
 * @words  a role that may create a schema in that database.
 * @error  BASELINE_ERROR_SIZE bytes.
 */
bool baseline_run(const struct database_words *words, double seconds,
		  struct figures *figures, char *error);

#endif
