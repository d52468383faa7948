/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/start.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/start_private.h"

static const char cluster_sql[] =
	"select system_identifier::text,"
	" substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)"
	" from pg_control_system()";
/* For who restored it knowingly. */
#define REJOIN_HINT                                                          \
	"; if it was restored from a backup, let the city rejoin: clearctl " \
	"rejoin --help"

static const char known_sql[] =
	"select (select hash from clearing.journal where seq = $1::bigint),"
	" (select max(seq) from clearing.journal)";

enum start_result start_fail(struct start *start, enum start_result result,
			     const char *format, ...)
{
	char text[START_ERROR_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	pg_text(start->error, START_ERROR_SIZE, "%s", text);
	return result;
}

enum start_result start_away(struct start *start)
{
	return start_fail(start, START_AWAY, "the database: %s",
			  PQerrorMessage(start->connection));
}

bool start_stopped(const struct start *start)
{
	return start->options->stop != NULL &&
	       atomic_load(start->options->stop);
}

enum start_result start_connect(const struct database *database, PGconn **out,
				char *error)
{
	switch (connect_database(database, CONNECT_JOURNAL, out, error)) {
	case CONNECT_OK:
		return START_OK;
	case CONNECT_AWAY:
	case CONNECT_STANDBY:
		return START_AWAY;
	case CONNECT_REFUSED:
		return START_REFUSED;
	case CONNECT_SCHEMA:
		return START_SCHEMA;
	case CONNECT_UNSAFE:
		return START_UNSAFE;
	}
	clearing_panic(__FILE__, __LINE__, "connect result");
}

static void count_warnings(void *context, const PGresult *notice)
{
	struct start *start = context;
	const char *severity =
		PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (severity == NULL || strcmp(severity, "WARNING") == 0)
		start->warnings++;
}

static enum start_result read_cluster(struct start *start)
{
	PGresult *rows = pg_query(start->connection, cluster_sql, NULL);
	enum start_result result = START_OK;
	struct slice text;
	char timeline[9] = "";

	if (pg_rows(rows) && PQntuples(rows) == 1 &&
	    PQgetlength(rows, 0, 0) < 24 && PQgetlength(rows, 0, 1) == 8) {
		text = pg_get_bytes(rows, 0, 0);
		memcpy(start->found.system_identifier, text.data, text.size);
		memcpy(timeline, PQgetvalue(rows, 0, 1), 8);
		sscanf(timeline, "%x", &start->found.timeline);
	} else {
		result = start_away(start);
	}
	PQclear(rows);
	return result;
}

enum start_result start_open(struct start *start)
{
	enum start_result result = start_connect(
		start->options->database, &start->connection, start->error);

	if (result != START_OK)
		return result;
	PQsetNoticeReceiver(start->connection, count_warnings, start);
	return read_cluster(start);
}

/* (rule JOURNAL-12) */
enum start_result start_check_head(struct start *start)
{
	const struct acknowledged_head *known = start->options->known;
	struct pg_parameters parameters = { 0 };
	enum start_result result = START_OK;
	PGresult *rows;

	if (known == NULL)
		return START_OK;
	if (strcmp(known->system_identifier, start->found.system_identifier) !=
	    0)
		return start_fail(
			start, START_REWOUND,
			"the database is another cluster (%s) than "
			"the one that acknowledged block %llu (%s)" REJOIN_HINT,
			start->found.system_identifier,
			(unsigned long long)known->seq,
			known->system_identifier);
	pg_parameters_int64(&parameters, (int64_t)known->seq);
	rows = pg_query(start->connection, known_sql, &parameters);
	if (!pg_rows(rows))
		result = start_away(start);
	else if (PQgetisnull(rows, 0, 0))
		result = start_fail(
			start, START_REWOUND,
			"the database ends at block %lld, behind block %llu "
			"that this node acknowledged" REJOIN_HINT,
			PQgetisnull(rows, 0, 1)
				? -1LL
				: (long long)pg_get_int64(rows, 0, 1),
			(unsigned long long)known->seq);
	else if (!slice_equal(pg_get_bytes(rows, 0, 0),
			      slice_of(known->hash, SHA256_SIZE)))
		result =
			start_fail(start, START_REWOUND,
				   "the database has another block %llu than "
				   "the one this node acknowledged" REJOIN_HINT,
				   (unsigned long long)known->seq);
	PQclear(rows);
	return result;
}

/* What reads only; nothing is written to a journal that is not ours. */
static enum start_result look(struct start *start)
{
	enum start_result result = start_check_head(start);

	if (result == START_OK)
		result = start_check_genesis(start);
	if (result == START_OK && !start->options->takeover)
		result = start_watch(start);
	return result;
}

enum start_result start_store(const struct start_options *options,
			      struct ledger *ledger,
			      struct projector *projector, struct started *out,
			      char *error)
{
	struct start start = {
		.options = options,
		.ledger = ledger,
		.projector = projector,
		.error = error,
	};
	enum start_result result = start_open(&start);

	if (result == START_OK)
		result = look(&start);
	if (result == START_OK && start_stopped(&start))
		result = START_STOPPED;
	if (result == START_OK)
		result = start_take_over(&start);
	/* Once more: the server may have changed between the two. */
	if (result == START_OK)
		result = start_check_head(&start);
	if (result == START_OK)
		result = start_load(&start);
	if (result != START_OK) {
		PQfinish(start.connection);
		return result;
	}
	start.found.journal = start.connection;
	*out = start.found;
	return START_OK;
}
