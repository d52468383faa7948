/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * progress: how far a long work has come, on stderr: a line that rewrites
 * itself on a terminal, a line every few seconds elsewhere.
 */
#ifndef CLEARING_TOOLS_PROGRESS_H
#define CLEARING_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what; /* "transfers" */
	uint64_t total;	  /* 0: unknown */
	uint64_t begun_us, told_us;
	bool terminal, quiet;
};

void progress_begin(struct progress *progress, const char *what, uint64_t total,
		    bool quiet);
/* progress_tell: @done of them are done; most calls say nothing. */
void progress_tell(struct progress *progress, uint64_t done);
/* progress_end: the last word, with the mean rate. */
void progress_end(struct progress *progress, uint64_t done);
/* progress_seconds: since it began. */
double progress_seconds(const struct progress *progress);

#endif
