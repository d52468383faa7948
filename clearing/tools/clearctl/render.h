/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * render: tables for people, amounts and times as people write them, and
 * back.  Nothing here knows of the node.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_RENDER_H
#define CLEARING_TOOLS_CLEARCTL_RENDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/check.h"
#include "base/slice.h"

#define TABLE_COLUMNS_MAX 12
#define AMOUNT_TEXT_SIZE 32
#define TIME_TEXT_SIZE 32

/* A table that is kept until it is printed; columns are as wide as needed. */
struct table {
	uint32_t column_count;
	uint32_t right; /* bit per column: set to the right */
	size_t width[TABLE_COLUMNS_MAX];
	char **cells; /* row by row, owned */
	size_t cell_count, cell_capacity;
};

/* table_init: @heads column_count texts; see struct table for @right. */
void table_init(struct table *table, const char *const *heads,
		uint32_t column_count, uint32_t right);
/* table_add: one row; the texts are copied. */
void table_add(struct table *table, const char *const *cells);
/* table_print: all rows; then the table is released. */
void table_print(struct table *table, FILE *out);

/* table_release: without printing it; a zeroed one is released already. */
void table_release(struct table *table);

/* text_width: terminal columns that UTF-8 @text takes, one a character. */
size_t text_width(const char *text);

/* amount_text: "-12.34" with the unit's decimals. */
const char *amount_text(int64_t minor, uint32_t decimals,
			char out[AMOUNT_TEXT_SIZE]);

/* time_text: RFC 3339 with Z, microseconds only where there are any. */
const char *time_text(int64_t time_us, char out[TIME_TEXT_SIZE]);

/*
 * hex_text: @bytes in lower-case digits; @out has room for twice as many and
 * a NUL.
 */
const char *hex_text(struct slice bytes, char *out);

/*
 * hex_parse: the bytes of which @text has the digits.
 *
 * @out  @capacity bytes.  False: no digits in pairs, or more than that.
 */
bool hex_parse(const char *text, uint8_t *out, size_t capacity,
	       size_t *size) MUST_CHECK;

/*
 * time_parse: "2026-01-31", "2026-01-31T12:00:00Z" (fractions allowed), or,
 * counted from @now_us, "+90s", "+15m", "+24h", "+7d".
 */
bool time_parse(const char *text, int64_t now_us, int64_t *out_us) MUST_CHECK;

#endif
