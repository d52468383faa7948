/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pg: PostgreSQL's binary parameters, arrays and results, for this folder.
 * Integers travel big endian; timestamptz as microseconds since 2000-01-01.
 * It holds no statement and no connection.
 */
#ifndef CLEARING_STORE_PG_H
#define CLEARING_STORE_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

/* Type numbers of pg_type: fixed for ever. */
enum {
	PG_BOOL = 16,
	PG_BYTEA = 17,
	PG_INT8 = 20,
	PG_INT2 = 21,
	PG_INT4 = 23,
	PG_TEXT = 25,
	PG_DATE = 1082,
	PG_TIMESTAMPTZ = 1184,
	PG_UUID = 2950,
};

/* 1970-01-01 to 2000-01-01, the server's own epoch. */
#define PG_EPOCH_US INT64_C(946684800000000)
/* The least timestamptz, in 4713 BC; the greatest is beyond int64_t. */
#define PG_TIME_US_MIN INT64_C(-210866803200000000)
#define PG_PARAMS_MAX 40

/* A one-dimensional binary array that grows; one owner, reused. */
struct pg_array {
	uint8_t *data;
	size_t size;
	size_t capacity;
	uint32_t count;
	uint32_t element; /* PG_* */
	bool has_null;
	bool failed; /* no memory: sticky until the reset */
};

/* pg_array_reset: empty, of elements @element; keeps its memory. */
void pg_array_reset(struct pg_array *array, uint32_t element);
void pg_array_release(struct pg_array *array);

/* pg_array_*: append one element of the array's own type. */
void pg_array_int64(struct pg_array *array, int64_t value);
void pg_array_int32(struct pg_array *array, int32_t value);
void pg_array_int16(struct pg_array *array, int16_t value);
void pg_array_bool(struct pg_array *array, bool value);
void pg_array_bytes(struct pg_array *array, struct slice bytes);
void pg_array_null(struct pg_array *array);
/* pg_array_time: @us microseconds since 1970. */
void pg_array_time(struct pg_array *array, int64_t us);

/* pg_array_view: the whole as a parameter; valid until the next change. */
struct slice pg_array_view(struct pg_array *array);

/*
 * pg_copy: rows by COPY: for many rows far cheaper for the server than arrays
 * that it takes apart.
 *
 * @sql      copy TABLE (COLUMNS) from stdin (format binary)
 * @columns  @count of them, with as many elements each (checked), of exactly
 *           the types of the table's columns.
 * Returns the result of the whole, to be cleared; NULL: no answer.
 */
PGresult *pg_copy(PGconn *connection, const char *sql,
		  const struct pg_array *columns, int count) MUST_CHECK;

/* Parameters of one statement, all binary; values are views of the owner's. */
struct pg_parameters {
	int count;
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX];
	int formats[PG_PARAMS_MAX];
	uint8_t numbers[PG_PARAMS_MAX][8];
};

/* pg_parameters_*: append one; @parameters was zeroed before the first. */
void pg_parameters_int64(struct pg_parameters *parameters, int64_t value);
void pg_parameters_int32(struct pg_parameters *parameters, int32_t value);
/* What is before all that the server can tell is its -infinity. */
void pg_parameters_time(struct pg_parameters *parameters, int64_t us);
/* Bytes, text or an array; the memory is the caller's. */
void pg_parameters_bytes(struct pg_parameters *parameters, struct slice bytes);

/* pg_send: PQsendQueryPrepared with @parameters, binary results. */
bool pg_send(PGconn *connection, const char *name,
	     const struct pg_parameters *parameters) MUST_CHECK;

/* pg_query: PQexecParams with @parameters (NULL: none), binary results. */
PGresult *pg_query(PGconn *connection, const char *sql,
		   const struct pg_parameters *parameters) MUST_CHECK;

/* pg_run: a statement without results; false when it failed. */
bool pg_run(PGconn *connection, const char *sql) MUST_CHECK;

/* pg_get_*: a field of a binary result that is not null (checked). */
int64_t pg_get_int64(const PGresult *result, int row, int column);
int32_t pg_get_int32(const PGresult *result, int row, int column);
int16_t pg_get_int16(const PGresult *result, int row, int column);
bool pg_get_bool(const PGresult *result, int row, int column);
/* pg_time: microseconds since 1970. */
int64_t pg_get_time(const PGresult *result, int row, int column);
/* pg_bytes: a view that lives as long as @result; null gives no data. */
struct slice pg_get_bytes(const PGresult *result, int row, int column);

/* pg_rows: is @result a set of rows?  Not an error, not a lost connection. */
bool pg_rows(const PGresult *result);

/* pg_changed: did a statement change exactly @count rows? */
bool pg_changed(const PGresult *result, uint64_t count);

/* pg_state_is: has @result failed with the SQLSTATE @state? */
bool pg_state_is(const PGresult *result, const char *state);

/*
 * pg_text: format into @size bytes at @text; newlines become spaces, so that a
 * server's message fits one line of a log.
 */
void pg_text(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
