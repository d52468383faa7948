/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/csv.h"

#include <string.h>

/* Unquotes in place from behind the opening quote; NULL: never closed. */
static char *unquote(char *from)
{
	char *to = from;

	for (;;) {
		if (*from == '\0')
			return NULL;
		if (*from == '"' && from[1] != '"')
			break;
		from += *from == '"';
		*to++ = *from++;
	}
	*to = '\0';
	return from + 1;
}

bool csv_split(char *line, struct csv_row *out)
{
	char *at = line, *end;

	line[strcspn(line, "\r\n")] = '\0';
	out->count = 0;
	for (;;) {
		if (out->count == CSV_FIELDS_MAX)
			return false;
		end = at + strcspn(at, ",");
		if (*at == '"') {
			end = unquote(++at);
			if (end == NULL || (*end != ',' && *end != '\0'))
				return false;
		}
		out->fields[out->count++] = at;
		if (*end == '\0')
			return true;
		*end = '\0';
		at = end + 1;
	}
}

int csv_column(const struct csv_row *row, const char *name)
{
	for (uint32_t i = 0; i < row->count; i++) {
		if (strcmp(row->fields[i], name) == 0)
			return (int)i;
	}
	return -1;
}

void csv_put(FILE *out, const char *text)
{
	if (text[strcspn(text, ",\"\r\n")] == '\0') {
		fputs(text, out);
		return;
	}
	putc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}
