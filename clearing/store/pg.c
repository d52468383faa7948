/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/pg.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* dimensions, has nulls, element type, length, lower bound */
#define ARRAY_HEADER_SIZE 20
#define ARRAY_EMPTY_SIZE 12
#define COPY_CHUNK_SIZE (32u << 10)

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static void put64(uint8_t *at, uint64_t value)
{
	put32(at, (uint32_t)(value >> 32));
	put32(at + 4, (uint32_t)value);
}

static uint64_t get(const PGresult *result, int row, int column, int size)
{
	const uint8_t *at = (const uint8_t *)PQgetvalue(result, row, column);
	uint64_t value = 0;

	check(!PQgetisnull(result, row, column));
	check(PQgetlength(result, row, column) == size);
	for (int i = 0; i < size; i++)
		value = value << 8 | at[i];
	return value;
}

void pg_array_reset(struct pg_array *array, uint32_t element)
{
	array->size = ARRAY_HEADER_SIZE;
	array->count = 0;
	array->element = element;
	array->has_null = false;
	array->failed = false;
}

void pg_array_release(struct pg_array *array)
{
	free(array->data);
	*array = (struct pg_array){ 0 };
}

/* Room for @size bytes more, or NULL. */
static uint8_t *array_grow(struct pg_array *array, size_t size)
{
	size_t wanted = array->size + size;
	size_t capacity = array->capacity ? array->capacity : 4096;
	uint8_t *data;

	check(array->size >= ARRAY_HEADER_SIZE);
	while (capacity < wanted)
		capacity *= 2;
	if (array->data == NULL || capacity != array->capacity) {
		data = realloc(array->data, capacity);
		if (data == NULL) {
			array->failed = true;
			return NULL;
		}
		array->data = data;
		array->capacity = capacity;
	}
	data = array->data + array->size;
	array->size = wanted;
	return data;
}

static void array_put(struct pg_array *array, const void *bytes, size_t size)
{
	uint8_t *at = array_grow(array, 4 + size);

	if (at == NULL)
		return;
	put32(at, (uint32_t)size);
	if (size > 0)
		memcpy(at + 4, bytes, size);
	array->count++;
}

void pg_array_int64(struct pg_array *array, int64_t value)
{
	uint8_t bytes[8];

	put64(bytes, (uint64_t)value);
	array_put(array, bytes, sizeof(bytes));
}

void pg_array_int32(struct pg_array *array, int32_t value)
{
	uint8_t bytes[4];

	put32(bytes, (uint32_t)value);
	array_put(array, bytes, sizeof(bytes));
}

void pg_array_int16(struct pg_array *array, int16_t value)
{
	uint8_t bytes[2] = { (uint8_t)((uint16_t)value >> 8), (uint8_t)value };

	array_put(array, bytes, sizeof(bytes));
}

void pg_array_bool(struct pg_array *array, bool value)
{
	uint8_t byte = value;

	array_put(array, &byte, 1);
}

void pg_array_bytes(struct pg_array *array, struct slice bytes)
{
	array_put(array, bytes.data, bytes.size);
}

void pg_array_time(struct pg_array *array, int64_t us)
{
	pg_array_int64(array, us - PG_EPOCH_US);
}

void pg_array_null(struct pg_array *array)
{
	uint8_t *at = array_grow(array, 4);

	if (at == NULL)
		return;
	put32(at, UINT32_MAX);
	array->has_null = true;
	array->count++;
}

struct slice pg_array_view(struct pg_array *array)
{
	bool empty = array->count == 0;

	if (array->data == NULL && array_grow(array, 0) == NULL)
		return (struct slice){ 0 };
	put32(array->data, !empty);
	put32(array->data + 4, array->has_null);
	put32(array->data + 8, array->element);
	put32(array->data + 12, array->count);
	put32(array->data + 16, 1);
	return slice_of(array->data, empty ? ARRAY_EMPTY_SIZE : array->size);
}

/* Bytes on their way into a COPY. */
struct copying {
	PGconn *connection;
	bool failed;
	size_t size;
	uint8_t bytes[COPY_CHUNK_SIZE];
};

static void copy_flush(struct copying *copying)
{
	if (!copying->failed && copying->size > 0 &&
	    PQputCopyData(copying->connection, (const char *)copying->bytes,
			  (int)copying->size) != 1)
		copying->failed = true;
	copying->size = 0;
}

static void copy_put(struct copying *copying, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		size_t piece = COPY_CHUNK_SIZE - copying->size;

		if (piece > size)
			piece = size;
		memcpy(copying->bytes + copying->size, bytes, piece);
		copying->size += piece;
		bytes += piece;
		size -= piece;
		if (copying->size == COPY_CHUNK_SIZE)
			copy_flush(copying);
	}
}

/* A field of a row and an element of an array are the same bytes. */
static void copy_rows(struct copying *copying, const struct pg_array *columns,
		      int count)
{
	const uint8_t fields[2] = { 0, (uint8_t)count };
	size_t at[PG_PARAMS_MAX];

	for (int i = 0; i < count; i++)
		at[i] = ARRAY_HEADER_SIZE;
	for (uint32_t row = 0; row < columns[0].count; row++) {
		copy_put(copying, fields, sizeof(fields));
		for (int i = 0; i < count; i++) {
			const uint8_t *element = columns[i].data + at[i];
			uint32_t size = get32(element);
			size_t whole =
				size == UINT32_MAX ? 4 : 4 + (size_t)size;

			copy_put(copying, element, whole);
			at[i] += whole;
		}
	}
}

/* The first result is the answer; none may be left behind it. */
static PGresult *copy_result(PGconn *connection)
{
	PGresult *result = PQgetResult(connection), *more;

	while (result != NULL && (more = PQgetResult(connection)) != NULL)
		PQclear(more);
	return result;
}

PGresult *pg_copy(PGconn *connection, const char *sql,
		  const struct pg_array *columns, int count)
{
	/* Flags and the size of a header extension: none. */
	static const uint8_t head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
	static const uint8_t tail[] = { 0xff, 0xff };
	struct copying copying = { .connection = connection };
	PGresult *result = PQexec(connection, sql);

	check(count > 0 && count < PG_PARAMS_MAX);
	for (int i = 0; i < count; i++)
		check(columns[i].count == columns[0].count);
	if (PQresultStatus(result) != PGRES_COPY_IN)
		return result;
	PQclear(result);
	copy_put(&copying, head, sizeof(head) - 1);
	copy_rows(&copying, columns, count);
	copy_put(&copying, tail, sizeof(tail));
	copy_flush(&copying);
	if (PQputCopyEnd(connection, copying.failed ? "cut short" : NULL) != 1)
		return NULL;
	return copy_result(connection);
}

static void parameters_put(struct pg_parameters *parameters, const void *value,
			   size_t size)
{
	int at = parameters->count++;

	check(at < PG_PARAMS_MAX && size <= INT32_MAX);
	parameters->values[at] = value;
	parameters->lengths[at] = (int)size;
	parameters->formats[at] = 1;
}

void pg_parameters_int64(struct pg_parameters *parameters, int64_t value)
{
	check(parameters->count < PG_PARAMS_MAX);
	put64(parameters->numbers[parameters->count], (uint64_t)value);
	parameters_put(parameters, parameters->numbers[parameters->count], 8);
}

void pg_parameters_int32(struct pg_parameters *parameters, int32_t value)
{
	check(parameters->count < PG_PARAMS_MAX);
	put32(parameters->numbers[parameters->count], (uint32_t)value);
	parameters_put(parameters, parameters->numbers[parameters->count], 4);
}

void pg_parameters_time(struct pg_parameters *parameters, int64_t us)
{
	/* The server's infinity is the least number. */
	pg_parameters_int64(parameters,
			    us < PG_TIME_US_MIN ? INT64_MIN : us - PG_EPOCH_US);
}

void pg_parameters_bytes(struct pg_parameters *parameters, struct slice bytes)
{
	/* libpq takes a null pointer for SQL's null. */
	parameters_put(parameters, bytes.data ? (const void *)bytes.data : "",
		       bytes.size);
}

bool pg_send(PGconn *connection, const char *name,
	     const struct pg_parameters *parameters)
{
	return PQsendQueryPrepared(connection, name, parameters->count,
				   parameters->values, parameters->lengths,
				   parameters->formats, 1) == 1;
}

PGresult *pg_query(PGconn *connection, const char *sql,
		   const struct pg_parameters *parameters)
{
	if (parameters == NULL)
		return PQexecParams(connection, sql, 0, NULL, NULL, NULL, NULL,
				    1);
	return PQexecParams(connection, sql, parameters->count, NULL,
			    parameters->values, parameters->lengths,
			    parameters->formats, 1);
}

bool pg_run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	PQclear(result);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

int64_t pg_get_int64(const PGresult *result, int row, int column)
{
	return (int64_t)get(result, row, column, 8);
}

int32_t pg_get_int32(const PGresult *result, int row, int column)
{
	return (int32_t)get(result, row, column, 4);
}

int16_t pg_get_int16(const PGresult *result, int row, int column)
{
	return (int16_t)get(result, row, column, 2);
}

bool pg_get_bool(const PGresult *result, int row, int column)
{
	return get(result, row, column, 1) != 0;
}

int64_t pg_get_time(const PGresult *result, int row, int column)
{
	return pg_get_int64(result, row, column) + PG_EPOCH_US;
}

struct slice pg_get_bytes(const PGresult *result, int row, int column)
{
	if (PQgetisnull(result, row, column))
		return (struct slice){ 0 };
	return slice_of(PQgetvalue(result, row, column),
			(size_t)PQgetlength(result, row, column));
}

bool pg_rows(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_TUPLES_OK;
}

bool pg_changed(const PGresult *result, uint64_t count)
{
	char text[24];

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		return false;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
	return strcmp(PQcmdTuples((PGresult *)(uintptr_t)result), text) == 0;
}

bool pg_state_is(const PGresult *result, const char *state)
{
	const char *found = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	return found != NULL && strcmp(found, state) == 0;
}

void pg_text(char *text, size_t size, const char *format, ...)
{
	va_list arguments;

	check(size > 0);
	va_start(arguments, format);
	vsnprintf(text, size, format, arguments);
	va_end(arguments);
	for (char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ')
			*at = ' ';
	}
	for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--)
		text[end - 1] = '\0';
}
