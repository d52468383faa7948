/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * csv: lines of comma-separated fields, quoted as in RFC 4180; a field never
 * runs over the end of its line.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_CSV_H
#define CLEARING_TOOLS_CLEARCTL_CSV_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/check.h"

#define CSV_FIELDS_MAX 32
/* The longest line that is taken. */
#define CSV_LINE_MAX 4096

struct csv_row {
	char *fields[CSV_FIELDS_MAX]; /* into the line */
	uint32_t count;
};

/*
 * csv_split: take @line apart in place; its line end is dropped.
 * False for an open quote, text behind a closing one, or too many fields.
 */
bool csv_split(char *line, struct csv_row *out) MUST_CHECK;

/* csv_column: which field of the header @row is called @name, or -1. */
int csv_column(const struct csv_row *row, const char *name);

/* csv_put: write one field, in quotes where it must be. */
void csv_put(FILE *out, const char *text);

#endif
