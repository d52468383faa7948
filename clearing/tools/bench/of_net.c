/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/of_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/netting_check.h"
#include "core/netting_text.h"
#include "tools/bench/family.h"
#include "tools/system.h"

#define PATH_SIZE 512
#define MIB (1024.0 * 1024.0)

/* Floors of our time against CostScaling's, for each family. */
static const double floors[FAMILY_COUNT] = {
	[FAMILY_SCALE_FREE] = 2, [FAMILY_CITIES] = 3, [FAMILY_RING] = 1,
	[FAMILY_EQUAL] = 3,	 [FAMILY_SUPPLY] = 3,
};
#define MEMORY_FLOOR 3

enum solver { COST_SCALING, NETWORK_SIMPLEX };

static const char *const solver_words[] = { "cost-scaling", "network-simplex" };

/* One graph being measured. */
struct run {
	const struct of_net *net;
	struct figures *figures;
	const char *name; /* of the family, or "file" */
	double floor;
	struct netting_obligation *obligations;
	struct netting_input input;
	int64_t cleared;
	double seconds, mib;
	char *error;
	size_t error_size;
};

/* Names of figures live as long as the program. */
static const char *figure_name(const char *what, const char *which)
{
	char name[96];
	char *kept;

	snprintf(name, sizeof(name), "net_%s_%s", what, which);
	kept = strdup(name);
	check(kept != NULL);
	return kept;
}

static void *allocate(size_t size)
{
	void *memory = system_large(size);

	check(memory != NULL);
	return memory;
}

/* Solve and prove; the time is that of solving. */
static bool solve(struct run *run)
{
	uint32_t nodes = run->input.node_count;
	uint32_t count = run->input.obligation_count;
	size_t size = netting_memory_size(nodes, count);
	size_t result_size = ((size_t)count + nodes) * sizeof(int64_t);
	void *memory = allocate(size);
	int64_t *result = allocate(result_size);
	struct netting_solution solution = { .set_off = result,
					     .potentials = result + count };
	uint64_t begun_us = system_monotonic_us();
	struct netting_options options = { 0 };
	bool proven;

	check(netting_solve(&run->input, &options, memory, &solution) ==
	      NETTING_OK);
	run->seconds = (double)(system_monotonic_us() - begun_us) / 1e6;
	run->mib = (double)(size + result_size) / MIB;
	run->cleared = solution.cleared;
	free(memory);
	memory = allocate(netting_check_memory_size(nodes));
	proven =
		netting_check(&run->input, &solution, memory) == NETTING_PROVEN;
	free(memory);
	free(result);
	if (!proven)
		snprintf(run->error, run->error_size, "%s: not proven",
			 run->name);
	return proven;
}

/* ---- LEMON, in a program of its own */

static bool lemon_path(const struct of_net *net, char path[PATH_SIZE])
{
	ssize_t size;
	char *slash;

	if (net->lemon != NULL) {
		snprintf(path, PATH_SIZE, "%s", net->lemon);
		return access(path, X_OK) == 0;
	}
	size = readlink("/proc/self/exe", path, PATH_SIZE - 32);
	if (size <= 0)
		return false;
	path[size] = '\0';
	slash = strrchr(path, '/');
	check(slash != NULL);
	snprintf(slash + 1, 32, "clearbench-lemon");
	return access(path, X_OK) == 0;
}

/* The graph as a file without a name, open at its begin. */
static FILE *write_graph(const struct run *run)
{
	size_t size = netting_text_size(&run->input);
	uint8_t *bytes = allocate(size);
	FILE *file = tmpfile();
	struct buffer out;

	buffer_init(&out, bytes, size);
	netting_text_write(&out, &run->input);
	check(!out.overflowed);
	if (file != NULL && fwrite(out.data, 1, out.size, file) == out.size)
		rewind(file);
	free(bytes);
	return file;
}

/* What the program says: cleared, seconds, KiB; false: it had no end. */
static bool ask_lemon(const struct run *run, const char *path,
		      enum solver solver, double said[3])
{
	FILE *graph = write_graph(run), *answer;
	char limit[16], line[128] = "";
	int ends[2], status;
	pid_t child;

	if (graph == NULL || pipe(ends) != 0)
		return false;
	snprintf(limit, sizeof(limit), "%u", run->net->limit_s);
	child = fork();
	if (child == 0) {
		dup2(fileno(graph), STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl(path, path, solver_words[solver], limit, (char *)NULL);
		_exit(127);
	}
	fclose(graph);
	close(ends[1]);
	answer = fdopen(ends[0], "r");
	check(child > 0 && answer != NULL);
	(void)!fgets(line, sizeof(line), answer);
	fclose(answer);
	(void)waitpid(child, &status, 0);
	return sscanf(line, "%lf %lf %lf", &said[0], &said[1], &said[2]) == 3;
}

/* Sums of up to 2^53 are exact in what was said. */
static bool beside(struct run *run, const char *path, enum solver solver,
		   double said[3])
{
	static const char *const words[] = { "cost_scaling",
					     "network_simplex" };
	char which[64];

	if (!ask_lemon(run, path, solver, said)) {
		fprintf(stderr, "%s: no answer of %s within %u s\n", run->name,
			solver_words[solver], run->net->limit_s);
		said[1] = 0;
		return true;
	}
	snprintf(which, sizeof(which), "%s", words[solver]);
	(void)figures_add(run->figures, figure_name(run->name, which), "s",
			  said[1]);
	if (said[0] == (double)run->cleared)
		return true;
	snprintf(run->error, run->error_size,
		 "%s: %s clears %.0f, clearing %lld", run->name,
		 solver_words[solver], said[0], (long long)run->cleared);
	return false;
}

static bool measure(struct run *run)
{
	double scaling[3] = { 0 }, simplex[3] = { 0 };
	struct figure *time, *memory;
	char path[PATH_SIZE];

	if (!solve(run))
		return false;
	time = figures_add(run->figures, figure_name(run->name, "time"), "s",
			   run->seconds);
	memory = figures_add(run->figures, figure_name(run->name, "memory"),
			     "MiB", run->mib);
	if (!lemon_path(run->net, path))
		return true;
	if (!beside(run, path, COST_SCALING, scaling) ||
	    !beside(run, path, NETWORK_SIMPLEX, simplex))
		return false;
	if (scaling[1] <= 0)
		return true;
	time->ratio = scaling[1] / run->seconds;
	time->target = run->floor;
	memory->ratio = scaling[2] / 1024.0 / run->mib;
	memory->target = MEMORY_FLOOR;
	return true;
}

/* ---- what is measured */

static bool measure_family(struct run *run, enum family family)
{
	bool good;

	run->name = family_name(family);
	run->floor = floors[family];
	run->input.obligation_count = run->net->obligation_count;
	run->obligations = family_make(family, run->net->obligation_count,
				       &run->input.node_count);
	run->input.obligations = run->obligations;
	good = measure(run);
	free(run->obligations);
	return good;
}

static bool read_graph(struct run *run, struct slice text)
{
	uint32_t at = 0;
	struct netting_fault fault;
	enum netting_result result;

	if (!netting_text_head(text, &run->input.node_count,
			       &run->input.obligation_count, &fault))
		return false;
	run->obligations = allocate(run->input.obligation_count *
				    sizeof(run->obligations[0]));
	run->input.obligations = run->obligations;
	if (!netting_text_obligations(text, run->obligations, &fault))
		return false;
	result = netting_check_input(&run->input, &at);
	return result == NETTING_OK;
}

static bool measure_file(struct run *run)
{
	size_t size;
	char *bytes = system_read_file(run->net->file, &size);
	bool good;

	run->name = "file";
	run->floor = 0;
	run->obligations = NULL;
	good = bytes != NULL && read_graph(run, slice_of(bytes, size));
	if (!good)
		snprintf(run->error, run->error_size,
			 "%s: `clearctl net solve` tells what is wrong",
			 run->net->file);
	else
		good = measure(run);
	free(run->obligations);
	free(bytes);
	return good;
}

static bool is_wanted(const char *wanted, uint32_t family)
{
	return wanted == NULL ||
	       strcmp(wanted, family_name((enum family)family)) == 0;
}

bool of_net_knows(const char *name)
{
	for (uint32_t family = 0; family < FAMILY_COUNT; family++) {
		if (is_wanted(name, family))
			return true;
	}
	return false;
}

bool of_net_run(const struct of_net *net, struct figures *figures, char *error,
		size_t size)
{
	struct run run = { .net = net,
			   .figures = figures,
			   .error = error,
			   .error_size = size };

	for (uint32_t family = 0; family < FAMILY_COUNT; family++) {
		if (is_wanted(net->family, family) &&
		    !measure_family(&run, (enum family)family))
			return false;
	}
	return net->file == NULL || measure_file(&run);
}
