/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * compare: a table against the rows that the journal says it must have, both
 * in the order of the key, one row at a time.
 */
#ifndef CLEARING_TOOLS_VERIFY_COMPARE_H
#define CLEARING_TOOLS_VERIFY_COMPARE_H

#include "core/event.h"
#include "tools/verify/finding.h"
#include "tools/verify/rows.h"

#define COLUMNS_MAX 32

/* What a column must be. */
struct cell {
	bool null;
	bool is_bytes;
	int64_t number;	    /* whole numbers, booleans, times, dates */
	struct slice bytes; /* texts, uuids, bytea */
};

struct cell cell_number(int64_t number);
struct cell cell_bytes(struct slice bytes);
struct cell cell_null(void);
struct cell cell_id(const struct id *id);
/* cell_money: minor units. */
struct cell cell_money(struct money amount);
/* cell_time: a timestamptz, from microseconds since 1970. */
struct cell cell_time(uint64_t time_us);

/* A table of the projection: its columns, the key's first, all numbers. */
struct table_form {
	const char *name;
	const char *sql; /* select of the columns, in the order of the key */
	uint32_t key_count;
	uint32_t column_count;
	const char *columns[COLUMNS_MAX];
};

struct comparison {
	const struct table_form *form;
	struct findings *findings;
	struct rows rows;
	bool begun;
	bool has_row;
	uint64_t matched;
};

/*
 * comparison_begin: read @form's table on @connection.
 * See rows_open() for @ahead.
 */
void comparison_begin(struct comparison *comparison,
		      const struct table_form *form, struct findings *findings,
		      PGconn *connection, bool ahead);

/*
 * comparison_expect: the next row must be this one; what stands before it is
 * stray, and when it is not there it is missing.
 *
 * @cells  column_count of them, by rising key.
 */
void comparison_expect(struct comparison *comparison, const struct cell *cells);

/*
 * comparison_end: what is left is stray.
 * Returns false when the table could not be read; @comparison->rows.error.
 */
bool comparison_end(struct comparison *comparison) MUST_CHECK;

#endif
