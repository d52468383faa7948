/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * of_net: how fast set-offs are found, by families of obligations and on a
 * file, beside LEMON's solvers where the program clearbench-lemon was built.
 *
 * Ours is timed with building its arrays, LEMON's without.  Memory is what is
 * there besides the obligations themselves; of LEMON's process what it grew
 * by.
 */
#ifndef CLEARING_TOOLS_BENCH_OF_NET_H
#define CLEARING_TOOLS_BENCH_OF_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "tools/bench/figures.h"

#define OF_NET_OBLIGATIONS_DEFAULT 100000
#define OF_NET_OBLIGATIONS_MIN 100
#define OF_NET_OBLIGATIONS_MAX 10000000

/* Given; texts are the caller's, NULL where not given. */
struct of_net {
	uint32_t obligation_count; /* of each family */
	const char *family;	   /* this one alone; NULL: all */
	const char *file;	   /* obligations besides the families */
	const char *lemon;	   /* the program; NULL: beside this one */
	uint32_t limit_s;	   /* for each of LEMON's runs */
};

/* of_net_knows: is there a family called @name? */
bool of_net_knows(const char *name);

/*
 * of_net_run: measure into @figures.
 *
 * False with @error (@size bytes) saying what could not be read, or who found
 * another sum.
 */
bool of_net_run(const struct of_net *net, struct figures *figures, char *error,
		size_t size) MUST_CHECK;

#endif
