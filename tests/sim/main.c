/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim: many cities in one process, one seed after the other.
 *
 *   sim [--seed N] [--seeds FROM..TO] [--cities N] [--steps N] [--jobs J]
 *       [--failures N] [--expect-failure] [--verbose]
 *
 * A run that breaks a rule prints its seed and what broke.  Status: 0 nothing
 * broke (--expect-failure: something did), 1 otherwise, 2 usage.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim_world.h"

#define JOBS_MAX 64

struct options {
	uint64_t from, to; /* seeds, both included */
	uint32_t cities;
	uint64_t steps;
	uint32_t jobs;
	uint64_t failures; /* a job stops after so many */
	bool expect_failure;
	bool verbose;
};

/* What a job says when it is done, over its pipe. */
struct report {
	uint64_t seeds, steps, failures;
	uint64_t failed_seed; /* the first one */
	bool failed;
	struct sim_counts counts;
};

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void add_counts(struct sim_counts *sum, const struct sim_counts *more)
{
	/* Nothing but counters. */
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/* Every @jobs-th seed from the @job-th on, up to the first that fails. */
static struct report run_seeds(const struct options *options, uint32_t job)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	struct report report = { 0 };

	if (sim == NULL)
		abort();
	sim->verbose = options->verbose;
	for (uint64_t seed = options->from + job; seed <= options->to;
	     seed += options->jobs) {
		bool sound =
			sim_run(sim, seed, options->cities, options->steps);

		report.seeds++;
		report.steps += sim->steps;
		if (sound)
			continue;
		if (!report.failed)
			report.failed_seed = seed;
		report.failed = true;
		report.failures++;
		printf("seed %" PRIu64 " (%u cities, step %" PRIu64
		       ", at %.6f s): %s\n",
		       seed, sim->plan.cities, sim->steps,
		       (double)(sim->now_us - SIM_START_US) / 1e6, sim->what);
		fflush(stdout);
		if (report.failures >= options->failures)
			break;
	}
	report.counts = sim->counts;
	sim_release(sim);
	free(sim);
	return report;
}

/* Runs a job in a process of its own; the end of its pipe to read. */
static int start_job(const struct options *options, uint32_t job)
{
	int ends[2];
	struct report report;

	if (pipe(ends) != 0)
		return -1;
	fflush(stdout);
	switch (fork()) {
	case -1:
		return -1;
	case 0:
		close(ends[0]);
		report = run_seeds(options, job);
		if (write(ends[1], &report, sizeof(report)) !=
		    (ssize_t)sizeof(report))
			_exit(3);
		_exit(0);
	default:
		close(ends[1]);
		return ends[0];
	}
}

/* A job that died has found something, too. */
static void end_job(int end, struct report *sum)
{
	struct report report = { 0 };

	if (end < 0 ||
	    read(end, &report, sizeof(report)) != (ssize_t)sizeof(report)) {
		printf("a job died\n");
		sum->failed = true;
		return;
	}
	close(end);
	sum->seeds += report.seeds;
	sum->steps += report.steps;
	sum->failures += report.failures;
	if (report.failed &&
	    (!sum->failed || report.failed_seed < sum->failed_seed))
		sum->failed_seed = report.failed_seed;
	sum->failed |= report.failed;
	add_counts(&sum->counts, &report.counts);
}

static struct report run_jobs(const struct options *options)
{
	struct report sum = { 0 };
	int ends[JOBS_MAX];

	if (options->jobs == 1)
		return run_seeds(options, 0);
	for (uint32_t i = 0; i < options->jobs; i++)
		ends[i] = start_job(options, i);
	for (uint32_t i = 0; i < options->jobs; i++)
		end_job(ends[i], &sum);
	while (wait(NULL) > 0)
		;
	return sum;
}

static void print_report(const struct report *report, double took)
{
	const struct sim_counts *counts = &report->counts;

	printf("%" PRIu64 " seeds, %" PRIu64 " steps in %.1f s: %.0f seeds/s, "
	       "%.0f steps/s\n",
	       report->seeds, report->steps, took, (double)report->seeds / took,
	       (double)report->steps / took);
	printf("payments: %" PRIu64 " posted, %" PRIu64 " refused; %" PRIu64
	       " messages, %" PRIu64 " blocks\n",
	       counts->posted, counts->refused, counts->messages,
	       counts->blocks);
	printf("faults: %" PRIu64 " crashes, %" PRIu64 " restores, %" PRIu64
	       " partitions, %" PRIu64 " lies\n",
	       counts->crashes, counts->restores, counts->partitions,
	       counts->lies);
	printf("seen: %" PRIu64 " batches adopted, %" PRIu64
	       " withdrawals, %" PRIu64 " stale lives, %" PRIu64
	       " links stopped by a liar\n",
	       counts->adopted, counts->withdrawn, counts->stale,
	       counts->forks);
	printf("gone: %" PRIu64 " cities, %" PRIu64 " legs ended with them, "
	       "%" PRIu64 " by a proof; %" PRIu64 " times never\n",
	       counts->gone, counts->estates, counts->proven, counts->nevers);
	if (report->failed)
		printf("%" PRIu64 " failed; first failing seed: %" PRIu64 "\n",
		       report->failures, report->failed_seed);
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

static bool range(const char *text, struct options *options)
{
	char *end;

	options->from = strtoull(text, &end, 10);
	return end != text && strncmp(end, "..", 2) == 0 &&
	       number(end + 2, &options->to) && options->from <= options->to;
}

static bool take_option(const char *name, const char *value,
			struct options *options)
{
	uint64_t wanted;

	if (strcmp(name, "--seeds") == 0)
		return range(value, options);
	if (!number(value, &wanted))
		return false;
	if (strcmp(name, "--seed") == 0)
		options->from = options->to = wanted;
	else if (strcmp(name, "--cities") == 0 && wanted >= 2 &&
		 wanted <= SIM_CITIES_MAX)
		options->cities = (uint32_t)wanted;
	else if (strcmp(name, "--failures") == 0)
		options->failures = wanted;
	else if (strcmp(name, "--steps") == 0)
		options->steps = wanted;
	else if (strcmp(name, "--jobs") == 0 && wanted >= 1 &&
		 wanted <= JOBS_MAX)
		options->jobs = (uint32_t)wanted;
	else
		return false;
	return true;
}

static bool parse(int count, char **words, struct options *options)
{
	for (int i = 1; i < count; i++) {
		if (strcmp(words[i], "--verbose") == 0)
			options->verbose = true;
		else if (strcmp(words[i], "--expect-failure") == 0)
			options->expect_failure = true;
		else if (i + 1 == count ||
			 !take_option(words[i], words[i + 1], options))
			return false;
		else
			i++;
	}
	return true;
}

int main(int count, char **words)
{
	struct options options = {
		.from = 1, .to = 100, .jobs = 1, .failures = 1
	};
	struct report report;
	double start = seconds();

	if (!parse(count, words, &options)) {
		fprintf(stderr,
			"sim [--seed N] [--seeds FROM..TO] [--cities N] "
			"[--steps N] [--jobs J]\n"
			"    [--failures N] [--expect-failure] [--verbose]\n");
		return 2;
	}
	report = run_jobs(&options);
	print_report(&report, seconds() - start);
	return report.failed == options.expect_failure ? 0 : 1;
}
