/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/figures.h"

#include <jansson.h>
#include <string.h>

#include "base/check.h"

/* Below, the first digit says too little. */
#define SMALL 1.0

struct figure *figures_add(struct figures *figures, const char *name,
			   const char *unit, double value)
{
	struct figure *figure = &figures->list[figures->count];

	check(figures->count < FIGURES_MAX);
	figures->count++;
	*figure = (struct figure){ name, unit, value, 0, 0 };
	return figure;
}

struct figure *figures_find(struct figures *figures, const char *name)
{
	for (uint32_t i = 0; i < figures->count; i++) {
		if (strcmp(figures->list[i].name, name) == 0)
			return &figures->list[i];
	}
	return NULL;
}

void figures_relate(struct figures *figures, const char *name,
		    const char *baseline, double target)
{
	struct figure *figure = figures_find(figures, name);
	const struct figure *base = figures_find(figures, baseline);

	if (figure == NULL || base == NULL || base->value <= 0)
		return;
	figure->ratio = figure->value / base->value;
	figure->target = target;
}

static bool is_met(const struct figure *figure)
{
	return figure->target <= 0 || figure->ratio >= figure->target;
}

bool figures_met(const struct figures *figures)
{
	for (uint32_t i = 0; i < figures->count; i++) {
		if (!is_met(&figures->list[i]))
			return false;
	}
	return true;
}

void figures_print(const struct figures *figures, FILE *out)
{
	for (uint32_t i = 0; i < figures->count; i++) {
		const struct figure *figure = &figures->list[i];

		fprintf(out, "%-28s %14.*f %-12s", figure->name,
			figure->value < SMALL ? 4 : 1, figure->value,
			figure->unit);
		if (figure->ratio > 0)
			fprintf(out, " ratio %.2f", figure->ratio);
		if (figure->target > 0)
			fprintf(out, ", wanted >= %g: %s", figure->target,
				is_met(figure) ? "met" : "missed");
		putc('\n', out);
	}
}

static json_t *document_of(const struct figure *figure)
{
	char target[32];

	snprintf(target, sizeof(target), ">= %g", figure->target);
	return json_pack(
		"{s:s, s:f, s:s, s:o, s:o, s:o}", "name", figure->name, "value",
		figure->value, "unit", figure->unit, "ratio",
		figure->ratio > 0 ? json_real(figure->ratio) : json_null(),
		"target",
		figure->target > 0 ? json_string(target) : json_null(), "met",
		figure->target > 0 ? json_boolean(is_met(figure))
				   : json_null());
}

void figures_print_json(const struct figures *figures, FILE *out)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < figures->count; i++)
		json_array_append_new(list, document_of(&figures->list[i]));
	json_dumpf(list, out,
		   JSON_INDENT(2) | JSON_PRESERVE_ORDER |
			   JSON_REAL_PRECISION(9));
	putc('\n', out);
	json_decref(list);
}
