/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * import: what the imports of transfers and of accounts share: a CSV file
 * with named columns, read line by line, and the count of what came of it.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_IMPORT_H
#define CLEARING_TOOLS_CLEARCTL_IMPORT_H

#include "core/refusal.h"
#include "tools/clearctl/csv.h"
#include "tools/progress.h"
#include "tools/clearctl/session.h"

#define IMPORT_COLUMNS_MAX 8
#define REFUSAL_NUMBERS 100

/* A file that is read. */
struct import_file {
	const char *path;
	FILE *stream;
	uint64_t line_count;		 /* of the whole file, for progress */
	uint64_t line_number;		 /* of the line read last, from 1 */
	int columns[IMPORT_COLUMNS_MAX]; /* as @names; -1: not there */
};

/*
 * import_open: open @path and read its header.
 *
 * @names  of the columns, NULL behind the last; a leading '!' says that the
 *         column must be there.
 * False after telling.
 */
bool import_open(struct session *session, struct import_file *file,
		 const char *path, const char *const *names) MUST_CHECK;
void import_close(struct import_file *file);

enum import_read {
	IMPORT_LINE = 0,
	IMPORT_END,
	IMPORT_FAULT, /* told */
};

/*
 * import_line: the next line that is not blank into @line (CSV_LINE_MAX
 * bytes), which @row views into; @hash of its text.
 */
enum import_read import_line(struct session *session, struct import_file *file,
			     char *line, struct csv_row *row,
			     uint64_t *hash) MUST_CHECK;

/* import_field: the column's text in @row, or "" where there is none. */
const char *import_field(const struct import_file *file,
			 const struct csv_row *row, uint32_t column);

/* What came of the lines. */
struct import_tally {
	uint64_t lines;
	uint64_t done;	   /* by this run */
	uint64_t recorded; /* had been done before */
	uint64_t skipped;  /* known from the state file: answered before */
	uint64_t refused;
	uint64_t refused_by[REFUSAL_NUMBERS];
};

/*
 * import_summary: say it, and give the exit status: CTL_DONE, or with
 * @strict and refusals CTL_REFUSED.
 *
 * @done  the word for .done, "posted" or "opened".
 */
int import_summary(struct session *session, const struct import_tally *tally,
		   const struct refusal_family *family, const char *done,
		   double seconds);

#endif
