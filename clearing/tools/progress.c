/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/system.h"

#define TERMINAL_US 200000
#define ELSEWHERE_US 5000000

void progress_begin(struct progress *progress, const char *what, uint64_t total,
		    bool quiet)
{
	*progress = (struct progress){
		.what = what,
		.total = total,
		.begun_us = system_monotonic_us(),
		.terminal = isatty(STDERR_FILENO) == 1,
		.quiet = quiet,
	};
	progress->told_us = progress->begun_us;
}

double progress_seconds(const struct progress *progress)
{
	return (double)(system_monotonic_us() - progress->begun_us) / 1e6;
}

static void say(const struct progress *progress, uint64_t done,
		const char *begin, const char *end)
{
	double seconds = progress_seconds(progress);
	double rate = seconds > 0 ? (double)done / seconds : 0;

	if (progress->total > 0)
		fprintf(stderr, "%s%llu of %llu %s (%.0f %%), %.0f a second%s",
			begin, (unsigned long long)done,
			(unsigned long long)progress->total, progress->what,
			100.0 * (double)done / (double)progress->total, rate,
			end);
	else
		fprintf(stderr, "%s%llu %s, %.0f a second%s", begin,
			(unsigned long long)done, progress->what, rate, end);
}

void progress_tell(struct progress *progress, uint64_t done)
{
	uint64_t now = system_monotonic_us();
	uint64_t gap = progress->terminal ? TERMINAL_US : ELSEWHERE_US;

	if (progress->quiet || now - progress->told_us < gap)
		return;
	progress->told_us = now;
	say(progress, done, progress->terminal ? "\r\033[K" : "",
	    progress->terminal ? "" : "\n");
}

void progress_end(struct progress *progress, uint64_t done)
{
	if (!progress->quiet)
		say(progress, done, progress->terminal ? "\r\033[K" : "", "\n");
}
