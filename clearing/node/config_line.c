/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/config_line.h"

#include <string.h>

#include "base/check.h"
#include "base/utf8.h"

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool all_blank(struct slice line)
{
	for (size_t i = 0; i < line.size; i++)
		if (!is_blank(line.data[i]))
			return false;
	return true;
}

static bool has_inner_comment(struct slice line)
{
	for (size_t i = 1; i < line.size; i++)
		if (line.data[i] == ';' && is_blank(line.data[i - 1]))
			return true;
	return false;
}

/* Why libinih would misread @line; NULL when it would not. */
static const char *problem_of(struct slice line)
{
	if (all_blank(line))
		return NULL;
	if (line.size > CONFIG_LINE_SIZE_MAX)
		return "the line is too long; 197 bytes is the most";
	if (!utf8_valid(line))
		return "the line is not UTF-8 text; write it again";
	if (line.data[0] == ';' || line.data[0] == '#')
		return NULL;
	if (is_blank(line.data[0]))
		return "the line is indented; begin it in the first column";
	if (has_inner_comment(line))
		return "' ;' would begin a comment; put comments on lines of "
		       "their own";
	return NULL;
}

char *config_line_next(char *out, int size, void *stream)
{
	struct config_lines *lines = stream;
	struct slice line;
	size_t end;

	if (lines->problem != NULL || lines->rest.size == 0)
		return NULL;
	end = slice_find(lines->rest, '\n');
	line = slice_upto(lines->rest, end);
	lines->rest =
		slice_from(lines->rest, end < lines->rest.size ? end + 1 : end);
	lines->line++;
	lines->problem = problem_of(line);
	if (lines->problem != NULL)
		return NULL;
	if (all_blank(line))
		line.size = 0;
	if (line.size > 0 && line.data[0] == '[')
		lines->section_line = lines->line;
	check(size > 0 && line.size < (size_t)size);
	if (line.size > 0)
		memcpy(out, line.data, line.size);
	out[line.size] = '\0';
	return out;
}
