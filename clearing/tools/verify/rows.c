/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system.h"

#define QUERY_SIZE 2048
#define WORDS_MAX 16
#define HOSTS_SIZE 1024

struct connection_words {
	const char *names[WORDS_MAX];
	const char *values[WORDS_MAX];
	int count;
};

static void add_word(struct connection_words *words, const char *name,
		     const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	check(words->count < WORDS_MAX - 1);
	words->names[words->count] = name;
	words->values[words->count++] = value;
}

/* "a:1,b" as libpq wants it: "a,b" and "1,". */
static bool split_hosts(const char *text, char *hosts, char *ports)
{
	if (strlen(text) >= HOSTS_SIZE)
		return false;
	while (*text != '\0') {
		size_t size = strcspn(text, ",");
		const char *colon = memrchr(text, ':', size);
		size_t name = size;

		if (colon != NULL && text[size - 1] != ']') {
			name = (size_t)(colon - text);
			ports += sprintf(ports, "%.*s", (int)(size - name - 1),
					 colon + 1);
		}
		if (name >= 2 && text[0] == '[' && text[name - 1] == ']')
			hosts +=
				sprintf(hosts, "%.*s", (int)name - 2, text + 1);
		else
			hosts += sprintf(hosts, "%.*s", (int)name, text);
		text += size;
		if (*text == ',') {
			*hosts++ = ',';
			*ports++ = ',';
			text++;
		}
	}
	*hosts = *ports = '\0';
	return true;
}

static bool run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* One snapshot for all connections: the first makes it. */
static bool share_snapshot(PGconn *connection, char *snapshot)
{
	char sql[128];
	PGresult *result;
	bool sound;

	if (!run(connection,
		 "begin isolation level repeatable read, read only"))
		return false;
	if (snapshot[0] != '\0') {
		snprintf(sql, sizeof(sql), "set transaction snapshot '%.64s'",
			 snapshot);
		return run(connection, sql);
	}
	result = PQexec(connection, "select pg_catalog.pg_export_snapshot()");
	sound = PQresultStatus(result) == PGRES_TUPLES_OK &&
		PQntuples(result) == 1;
	if (sound)
		snprintf(snapshot, 64, "%s", PQgetvalue(result, 0, 0));
	PQclear(result);
	return sound;
}

static PGconn *connect(const struct database_words *database,
		       const char *password)
{
	struct connection_words words = { .count = 0 };
	char hosts[HOSTS_SIZE + 1], ports[HOSTS_SIZE + 1];

	if (!split_hosts(database->hosts, hosts, ports))
		return NULL;
	add_word(&words, "host", hosts);
	add_word(&words, "port", ports);
	add_word(&words, "dbname", database->dbname);
	add_word(&words, "user", database->user);
	add_word(&words, "password", password);
	add_word(&words, "sslmode", database->sslmode);
	add_word(&words, "sslrootcert", database->sslrootcert);
	add_word(&words, "application_name", "clearing-verify");
	add_word(&words, "client_encoding", "UTF8");
	add_word(&words, "connect_timeout", "10");
	add_word(&words, "options",
		 "-c timezone=UTC -c statement_timeout=0 -c jit=off "
		 "-c cursor_tuple_fraction=1.0 "
		 "-c idle_in_transaction_session_timeout=0");
	return PQconnectdbParams(words.names, words.values, 0);
}

PGconn *rows_connect(const struct database_words *words, char *snapshot,
		     char *error)
{
	PGconn *connection;
	char *password = NULL;
	size_t size;

	if (words->password_file != NULL) {
		password = system_read_file(words->password_file, &size);
		if (password == NULL) {
			snprintf(error, ROWS_ERROR_SIZE, "%.300s: %m",
				 words->password_file);
			return NULL;
		}
		password[strcspn(password, "\r\n")] = '\0';
	}
	connection = connect(words, password);
	free(password);
	if (PQstatus(connection) == CONNECTION_OK &&
	    share_snapshot(connection, snapshot))
		return connection;
	snprintf(error, ROWS_ERROR_SIZE, "%s",
		 connection != NULL ? PQerrorMessage(connection)
				    : "hosts= is too long");
	PQfinish(connection);
	return NULL;
}

static void fail(struct rows *rows)
{
	rows->failed = true;
	rows->ended = true;
	snprintf(rows->error, sizeof(rows->error), "%s: %s", rows->name,
		 PQerrorMessage(rows->connection));
}

void rows_open(struct rows *rows, PGconn *connection, const char *name,
	       const char *sql, int fetch, bool ahead)
{
	char query[QUERY_SIZE];
	int size;

	*rows = (struct rows){
		.connection = connection,
		.name = name,
		.fetch = fetch,
		.ahead = ahead,
	};
	size = snprintf(query, sizeof(query),
			"declare %s no scroll cursor for %s", name, sql);
	check(size > 0 && size < QUERY_SIZE);
	if (!run(connection, query))
		fail(rows);
}

void rows_close(struct rows *rows)
{
	PQclear(rows->result);
	while (rows->asked) {
		PGresult *rest = PQgetResult(rows->connection);

		rows->asked = rest != NULL;
		PQclear(rest);
	}
	rows->result = NULL;
	rows->ended = true;
}

static bool ask(struct rows *rows)
{
	char query[128];

	snprintf(query, sizeof(query), "fetch forward %d from %s", rows->fetch,
		 rows->name);
	rows->asked = PQsendQueryParams(rows->connection, query, 0, NULL, NULL,
					NULL, NULL, 1) == 1;
	return rows->asked;
}

/* The answer to what was asked becomes the rows to look at. */
static bool take_answer(struct rows *rows)
{
	PGresult *rest;

	PQclear(rows->result);
	rows->result = PQgetResult(rows->connection);
	while ((rest = PQgetResult(rows->connection)) != NULL)
		PQclear(rest);
	rows->asked = false;
	rows->at = -1;
	rows->count = PQntuples(rows->result);
	return PQresultStatus(rows->result) == PGRES_TUPLES_OK;
}

bool rows_next(struct rows *rows)
{
	if (rows->result != NULL && rows->at + 1 < rows->count) {
		rows->at++;
		return true;
	}
	if (rows->ended)
		return false;
	if ((!rows->asked && !ask(rows)) || !take_answer(rows)) {
		fail(rows);
		return false;
	}
	if (rows->count < rows->fetch)
		rows->ended = true;
	else if (rows->ahead && !ask(rows))
		fail(rows);
	if (rows->count == 0)
		return false;
	rows->at = 0;
	return true;
}

bool rows_null(const struct rows *rows, int column)
{
	return PQgetisnull(rows->result, rows->at, column) == 1;
}

int64_t rows_int64(const struct rows *rows, int column)
{
	const uint8_t *bytes =
		(const uint8_t *)PQgetvalue(rows->result, rows->at, column);
	int size = PQgetlength(rows->result, rows->at, column);
	/* The sign of the first byte goes all the way up. */
	uint64_t value = size > 1 && bytes[0] >= 0x80 ? UINT64_MAX : 0;

	check(size <= 8);
	for (int i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return (int64_t)value;
}

struct slice rows_bytes(const struct rows *rows, int column)
{
	return slice_of(PQgetvalue(rows->result, rows->at, column),
			(size_t)PQgetlength(rows->result, rows->at, column));
}
