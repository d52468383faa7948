/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * config_line: lines of a configuration for libinih, which by itself cuts
 * long lines, joins indented ones to the key before, drops what follows " ;",
 * and does not say where it is.  This counts, and refuses such lines.
 */
#ifndef CLEARING_NODE_CONFIG_LINE_H
#define CLEARING_NODE_CONFIG_LINE_H

#include <stdint.h>

#include "base/slice.h"

/* libinih's own bound, with its newline and NUL. */
#define CONFIG_LINE_SIZE_MAX 197

struct config_lines {
	struct slice rest;
	uint32_t line;	       /* number of the line handed out last */
	uint32_t section_line; /* and of the last [section] before it */
	const char *problem;   /* what is wrong with it, or NULL */
};

/*
 * config_line_next: the next line into @out (an ini_reader).
 *
 * @size    of @out.
 * @stream  a struct config_lines.
 * Returns NULL at the end and at a line that is refused (then .problem).
 */
char *config_line_next(char *out, int size, void *stream);

#endif
