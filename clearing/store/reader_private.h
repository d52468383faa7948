/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reader_private: one read, from its question to rows that are views.
 */
#ifndef CLEARING_STORE_READER_PRIVATE_H
#define CLEARING_STORE_READER_PRIVATE_H

#include "store/pg.h"
#include "store/reader.h"

/* "@city" of the longest name */
#define CITY_SUFFIX_SIZE 40

struct read {
	struct read *next;
	struct read_query query;
	read_done *done;
	void *user;
	bool running;	/* a thread has it */
	bool abandoned; /* told already: the thread frees it */
	/* the answer; views point into .rows and .items */
	struct read_result result;
	PGresult *rows;
	void *items;
};

enum query_result {
	QUERY_DONE = 0,
	QUERY_AWAY,
	QUERY_LATE,   /* the server ended it at its time limit */
	QUERY_BEHIND, /* the tables do not stand at min_position */
};

/* query_prepare: the statements, on a fresh connection. */
bool query_prepare(PGconn *connection) MUST_CHECK;

/* query_failed: why a statement gave no rows. */
enum query_result query_failed(const PGresult *result);

/* query_found: did a question by an id find its one row? */
enum read_status query_found(const PGresult *rows);

/*
 * query_links: the reads of payments, links and requests (reader_links.c), in
 * the transaction that query_run() began.
 *
 * @suffix  '@' and the city.
 */
enum query_result query_links(PGconn *connection, struct read *read,
			      const char *suffix) MUST_CHECK;

/*
 * query_run: ask, in one snapshot that is at min_position or later.
 *
 * @timeout_ms  for each statement.
 * @read        .result, .rows and .items are written on QUERY_DONE.
 */
enum query_result query_run(PGconn *connection, uint32_t timeout_ms,
			    struct read *read) MUST_CHECK;

#endif
