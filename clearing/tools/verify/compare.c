/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/compare.h"

#include <inttypes.h>
#include <string.h>

/* Microseconds from 1970 to 2000, where PostgreSQL counts from. */
#define POSTGRES_EPOCH_US INT64_C(946684800000000)
#define ROWS_A_ROUND 10000
#define KEY_TEXT_SIZE 128
#define CELL_TEXT_SIZE 48

struct cell cell_number(int64_t number)
{
	return (struct cell){ .number = number };
}

struct cell cell_bytes(struct slice bytes)
{
	return (struct cell){ .is_bytes = true, .bytes = bytes };
}

struct cell cell_null(void)
{
	return (struct cell){ .null = true };
}

struct cell cell_id(const struct id *id)
{
	return cell_bytes(slice_of(id->bytes, ID_SIZE));
}

struct cell cell_money(struct money amount)
{
	return cell_number(money_minor(amount));
}

struct cell cell_time(uint64_t time_us)
{
	return cell_number((int64_t)time_us - POSTGRES_EPOCH_US);
}

void comparison_begin(struct comparison *comparison,
		      const struct table_form *form, struct findings *findings,
		      PGconn *connection, bool ahead)
{
	check(form->column_count <= COLUMNS_MAX && form->key_count >= 1);
	*comparison = (struct comparison){
		.form = form,
		.findings = findings,
		.begun = true,
	};
	rows_open(&comparison->rows, connection, form->name, form->sql,
		  ROWS_A_ROUND, ahead);
	comparison->has_row = rows_next(&comparison->rows);
}

/* "seq=17, index=3", of the row in the table or of the one expected. */
static void key_text(const struct comparison *comparison,
		     const struct cell *cells, char text[KEY_TEXT_SIZE])
{
	const struct table_form *form = comparison->form;
	size_t size = 0;

	for (uint32_t i = 0; i < form->key_count && size < KEY_TEXT_SIZE; i++) {
		int64_t value = cells != NULL
					? cells[i].number
					: rows_int64(&comparison->rows, (int)i);

		size += (size_t)snprintf(text + size, KEY_TEXT_SIZE - size,
					 "%s%s=%" PRId64, i > 0 ? ", " : "",
					 form->columns[i], value);
	}
}

/* < 0: the table's row stands before the expected one. */
static int order(const struct comparison *comparison, const struct cell *cells)
{
	for (uint32_t i = 0; i < comparison->form->key_count; i++) {
		int64_t found = rows_int64(&comparison->rows, (int)i);

		if (found != cells[i].number)
			return found < cells[i].number ? -1 : 1;
	}
	return 0;
}

static bool is_equal(const struct rows *rows, int column,
		     const struct cell *cell)
{
	struct slice bytes;

	if (rows_null(rows, column) || cell->null)
		return rows_null(rows, column) == cell->null;
	if (!cell->is_bytes)
		return rows_int64(rows, column) == cell->number;
	bytes = rows_bytes(rows, column);
	return bytes.size == cell->bytes.size &&
	       (bytes.size == 0 ||
		memcmp(bytes.data, cell->bytes.data, bytes.size) == 0);
}

static void bytes_text(struct slice bytes, char text[CELL_TEXT_SIZE])
{
	bool readable = true;
	size_t size = 0;

	for (size_t i = 0; i < bytes.size; i++)
		readable = readable && bytes.data[i] >= ' ' &&
			   bytes.data[i] < 0x7f;
	if (readable) {
		snprintf(text, CELL_TEXT_SIZE, "'%.*s'",
			 bytes.size > 40 ? 40 : (int)bytes.size,
			 (const char *)bytes.data);
		return;
	}
	text[0] = '\0';
	for (size_t i = 0; i < bytes.size && size < CELL_TEXT_SIZE - 4; i++)
		size += (size_t)snprintf(text + size, CELL_TEXT_SIZE - size,
					 "%02x", bytes.data[i]);
}

static void cell_text(const struct cell *cell, char text[CELL_TEXT_SIZE])
{
	if (cell->null)
		snprintf(text, CELL_TEXT_SIZE, "null");
	else if (cell->is_bytes)
		bytes_text(cell->bytes, text);
	else
		snprintf(text, CELL_TEXT_SIZE, "%" PRId64, cell->number);
}

static void tell_differing(const struct comparison *comparison,
			   const struct cell *cells, int column)
{
	struct finding where = in_table(comparison->form->name);
	char key[KEY_TEXT_SIZE], found[CELL_TEXT_SIZE], wanted[CELL_TEXT_SIZE];
	struct cell cell = cell_null();

	key_text(comparison, cells, key);
	if (!rows_null(&comparison->rows, column))
		cell = cells[column].is_bytes
			       ? cell_bytes(
					 rows_bytes(&comparison->rows, column))
			       : cell_number(
					 rows_int64(&comparison->rows, column));
	cell_text(&cell, found);
	cell_text(&cells[column], wanted);
	findings_add(comparison->findings, FINDING_ROW_DIFFERS, &where,
		     "%s: %s is %s, and %s by the journal", key,
		     comparison->form->columns[column], found, wanted);
}

static void tell_stray(const struct comparison *comparison)
{
	struct finding where = in_table(comparison->form->name);
	char key[KEY_TEXT_SIZE];

	key_text(comparison, NULL, key);
	findings_add(comparison->findings, FINDING_ROW_STRAY, &where, "%s",
		     key);
}

void comparison_expect(struct comparison *comparison, const struct cell *cells)
{
	struct finding where = in_table(comparison->form->name);
	char key[KEY_TEXT_SIZE];

	while (comparison->has_row && order(comparison, cells) < 0) {
		tell_stray(comparison);
		comparison->has_row = rows_next(&comparison->rows);
	}
	if (!comparison->has_row || order(comparison, cells) > 0) {
		/* A database that went away lacks nothing. */
		if (comparison->rows.failed)
			return;
		key_text(comparison, cells, key);
		findings_add(comparison->findings, FINDING_ROW_MISSING, &where,
			     "%s", key);
		return;
	}
	comparison->matched++;
	for (uint32_t i = comparison->form->key_count;
	     i < comparison->form->column_count; i++) {
		if (!is_equal(&comparison->rows, (int)i, &cells[i]))
			tell_differing(comparison, cells, (int)i);
	}
	comparison->has_row = rows_next(&comparison->rows);
}

bool comparison_end(struct comparison *comparison)
{
	if (!comparison->begun)
		return true;
	while (comparison->has_row) {
		tell_stray(comparison);
		comparison->has_row = rows_next(&comparison->rows);
	}
	rows_close(&comparison->rows);
	return !comparison->rows.failed;
}
