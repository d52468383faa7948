/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rows: the auditor's own way to the database: connections that share one
 * snapshot, and cursors that are read in binary, so many rows at a time that
 * memory is bounded, the next ones on their way while these are looked at.
 */
#ifndef CLEARING_TOOLS_VERIFY_ROWS_H
#define CLEARING_TOOLS_VERIFY_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "tools/database.h"

#define ROWS_ERROR_SIZE 512

/*
 * rows_connect: a connection in a read-only transaction.
 *
 * @snapshot  "" for a new one, whose name is then written there (64 bytes),
 *            or the name of another connection's, to see the same.
 * @error     ROWS_ERROR_SIZE bytes.
 * Returns NULL on failure; else the caller finishes it with PQfinish().
 */
PGconn *rows_connect(const struct database_words *words, char *snapshot,
		     char *error) MUST_CHECK;

struct rows {
	PGconn *connection; /* not owned */
	const char *name;   /* of the cursor; outlives it */
	PGresult *result;
	int at, count;
	int fetch;   /* rows a round */
	bool ahead;  /* ask for the next ones before these are used */
	bool asked;  /* an answer is on its way */
	bool ended;  /* no more rows */
	bool failed; /* the database went away; see .error */
	char error[ROWS_ERROR_SIZE];
};

/*
 * rows_open: declare the cursor @name over @sql.
 *
 * @ahead  only if no other cursor shares the connection.
 * On failure .failed is set, which the caller sees at its first row.
 */
void rows_open(struct rows *rows, PGconn *connection, const char *name,
	       const char *sql, int fetch, bool ahead);
void rows_close(struct rows *rows);

/* rows_next: move to the next row; false at the end or on failure. */
bool rows_next(struct rows *rows) MUST_CHECK;

/* Columns of the row: whole numbers, booleans and dates of any size; bytes. */
bool rows_null(const struct rows *rows, int column);
int64_t rows_int64(const struct rows *rows, int column);
struct slice rows_bytes(const struct rows *rows, int column);

#endif
