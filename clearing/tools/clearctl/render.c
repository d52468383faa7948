/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/render.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/money.h"

#define SECOND_US INT64_C(1000000)
/* Far beyond any expiry, so that sums cannot overflow. */
#define SPAN_MAX INT64_C(1000000000)

size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

void table_init(struct table *table, const char *const *heads,
		uint32_t column_count, uint32_t right)
{
	check(column_count >= 1 && column_count <= TABLE_COLUMNS_MAX);
	*table = (struct table){
		.column_count = column_count,
		.right = right,
	};
	table_add(table, heads);
}

void table_add(struct table *table, const char *const *cells)
{
	for (uint32_t i = 0; i < table->column_count; i++) {
		size_t width = text_width(cells[i]);

		if (table->cell_count == table->cell_capacity) {
			table->cell_capacity = table->cell_capacity * 2 + 64;
			table->cells =
				realloc(table->cells,
					table->cell_capacity * sizeof(char *));
			check(table->cells != NULL);
		}
		table->cells[table->cell_count] = strdup(cells[i]);
		check(table->cells[table->cell_count] != NULL);
		table->cell_count++;
		if (width > table->width[i])
			table->width[i] = width;
	}
}

static void print_cell(const struct table *table, uint32_t column,
		       const char *text, FILE *out)
{
	int gap = (int)(table->width[column] - text_width(text));
	bool last = column + 1 == table->column_count;

	if ((table->right & 1u << column) != 0)
		fprintf(out, "%*s%s", gap, "", text);
	else if (last)
		fputs(text, out);
	else
		fprintf(out, "%s%*s", text, gap, "");
	fputs(last ? "\n" : "  ", out);
}

void table_print(struct table *table, FILE *out)
{
	for (size_t i = 0; i < table->cell_count; i++) {
		print_cell(table, (uint32_t)(i % table->column_count),
			   table->cells[i], out);
	}
	table_release(table);
}

void table_release(struct table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){ 0 };
}

const char *amount_text(int64_t minor, uint32_t decimals,
			char out[AMOUNT_TEXT_SIZE])
{
	struct buffer buffer;

	if (!money_in_range(minor)) {
		snprintf(out, AMOUNT_TEXT_SIZE, "%lld minor", (long long)minor);
		return out;
	}
	buffer_init(&buffer, out, AMOUNT_TEXT_SIZE - 1);
	money_print(&buffer, money_of(minor), decimals);
	check(!buffer.overflowed);
	out[buffer.size] = '\0';
	return out;
}

const char *time_text(int64_t time_us, char out[TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)(time_us / SECOND_US);
	int64_t rest = time_us % SECOND_US;
	struct tm when;
	size_t size;

	if (time_us < 0 || gmtime_r(&seconds, &when) == NULL) {
		snprintf(out, TIME_TEXT_SIZE, "-");
		return out;
	}
	size = strftime(out, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &when);
	if (rest != 0)
		size += (size_t)snprintf(out + size, TIME_TEXT_SIZE - size,
					 ".%06d", (int)rest);
	snprintf(out + size, TIME_TEXT_SIZE - size, "Z");
	return out;
}

const char *hex_text(struct slice bytes, char *out)
{
	struct buffer text;

	buffer_init(&text, out, 2 * bytes.size);
	buffer_put_hex(&text, bytes);
	out[2 * bytes.size] = '\0';
	return out;
}

bool hex_parse(const char *text, uint8_t *out, size_t capacity, size_t *size)
{
	size_t digits = strlen(text);

	if (digits % 2 != 0 || digits / 2 > capacity ||
	    text[strspn(text, "0123456789abcdefABCDEF")] != '\0')
		return false;
	for (size_t i = 0; i < digits / 2; i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	*size = digits / 2;
	return true;
}

static bool parse_span(const char *text, int64_t now_us, int64_t *out_us)
{
	static const char units[] = "smhd";
	static const int64_t unit_s[] = { 1, 60, 3600, 86400 };
	char *end = NULL;
	long long count;
	const char *unit;

	if (!isdigit((unsigned char)text[0]))
		return false;
	count = strtoll(text, &end, 10);
	unit = *end != '\0' ? strchr(units, *end) : NULL;
	if (unit == NULL || end[1] != '\0' || count <= 0 ||
	    count > SPAN_MAX / 86400)
		return false;
	*out_us = now_us + count * unit_s[unit - units] * SECOND_US;
	return true;
}

/* ".5" to ".123456" as microseconds; *@text moves behind it. */
static int64_t parse_fraction(const char **text)
{
	int64_t scale = SECOND_US, sum = 0;

	if (**text != '.' || !isdigit((unsigned char)(*text)[1]))
		return 0;
	for ((*text)++; isdigit((unsigned char)**text); (*text)++) {
		scale /= 10;
		sum += scale * (**text - '0');
	}
	return sum;
}

static bool parse_moment(const char *text, int64_t *out_us)
{
	struct tm when = { 0 };
	const char *end = strptime(text, "%Y-%m-%d", &when);
	int64_t fraction = 0;
	struct tm again;
	time_t seconds;
	int day = when.tm_mday, month = when.tm_mon;

	if (end == NULL)
		return false;
	if (*end != '\0') {
		if (*end != 'T' && *end != ' ')
			return false;
		end = strptime(end + 1, "%H:%M:%S", &when);
		if (end == NULL)
			return false;
		fraction = parse_fraction(&end);
		if (strcmp(end, "Z") != 0)
			return false;
	}
	seconds = timegm(&when);
	/* The 31st of February is no day. */
	if (gmtime_r(&seconds, &again) == NULL || again.tm_mday != day ||
	    again.tm_mon != month || seconds < 0)
		return false;
	*out_us = (int64_t)seconds * SECOND_US + fraction;
	return true;
}

bool time_parse(const char *text, int64_t now_us, int64_t *out_us)
{
	if (text[0] == '+')
		return parse_span(text + 1, now_us, out_us);
	return parse_moment(text, out_us);
}
