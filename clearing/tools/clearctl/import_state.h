/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * import_state: the file beside an import that says which id each line has
 * and what became of it, so that an import that was cut off can be repeated:
 * nothing is posted twice, and what was answered is not asked again.
 *
 * Ids are on the disk before they are sent.  Text, one record a line, so that
 * a person can look up what became of a line of theirs.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_IMPORT_STATE_H
#define CLEARING_TOOLS_CLEARCTL_IMPORT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "core/id.h"

enum line_fate {
	LINE_UNSENT = 0, /* has no record yet */
	LINE_SENT = '?',
	LINE_POSTED = '+',
	LINE_REFUSED = '!',
};

struct import_line {
	struct id id;
	uint64_t hash; /* of the line's text: has the file changed? */
	enum line_fate fate;
};

struct import_state {
	int file;	/* -1: no file is kept */
	uint64_t count; /* records in it */
};

#define IMPORT_STATE_ERROR_SIZE 512

/*
 * import_state_open: open or make the file at @path.
 *
 * @city      "FEDERATION/CITY": a file of another city is refused.
 * @position  of the node now: a file that knows a later one belongs to another
 *            database and is refused.
 * @error     IMPORT_STATE_ERROR_SIZE bytes.
 */
bool import_state_open(struct import_state *state, const char *path,
		       const char *city, uint64_t position,
		       char *error) MUST_CHECK;
void import_state_close(struct import_state *state);

/* import_state_read: record @index (from 0); LINE_UNSENT behind the last. */
bool import_state_read(const struct import_state *state, uint64_t index,
		       struct import_line *out) MUST_CHECK;

/* import_state_write: record @index, at most one behind the last. */
bool import_state_write(struct import_state *state, uint64_t index,
			const struct import_line *line) MUST_CHECK;

/* import_state_sync: what was written is on the disk. */
bool import_state_sync(const struct import_state *state) MUST_CHECK;

/* import_state_position: keep the newest position that was acknowledged. */
bool import_state_position(const struct import_state *state, const char *city,
			   uint64_t position) MUST_CHECK;

#endif
