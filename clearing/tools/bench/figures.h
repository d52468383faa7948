/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * figures: what was measured, as a table for people or the JSON list that
 * scripts read: name, value, unit, ratio, target, met.
 */
#ifndef CLEARING_TOOLS_BENCH_FIGURES_H
#define CLEARING_TOOLS_BENCH_FIGURES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FIGURES_MAX 32

struct figure {
	const char *name; /* for ever: scripts look at it */
	const char *unit;
	double value;
	double ratio;  /* to the baseline that stands beside it; 0: none */
	double target; /* the least ratio that is wanted; 0: none */
};

struct figures {
	struct figure list[FIGURES_MAX];
	uint32_t count;
};

/* figures_add: one more, without ratio and target; returns its place. */
struct figure *figures_add(struct figures *figures, const char *name,
			   const char *unit, double value);

/* figures_find: the figure called @name, or NULL. */
struct figure *figures_find(struct figures *figures, const char *name);

/*
 * figures_relate: ratio of @name to @baseline where both were measured.
 * @target  the least that is wanted; 0: none.
 */
void figures_relate(struct figures *figures, const char *name,
		    const char *baseline, double target);

/* figures_met: are all ratios that have a target high enough? */
bool figures_met(const struct figures *figures);

void figures_print(const struct figures *figures, FILE *out);
void figures_print_json(const struct figures *figures, FILE *out);

#endif
