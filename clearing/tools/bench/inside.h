/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * inside: the core alone, in this process: decide, apply, remember the id,
 * and encode the block; no socket, no hash, no disk.
 */
#ifndef CLEARING_TOOLS_BENCH_INSIDE_H
#define CLEARING_TOOLS_BENCH_INSIDE_H

#include "tools/bench/figures.h"

/* inside_run: for about @seconds of work into @figures: core. */
void inside_run(double seconds, struct figures *figures);

#endif
