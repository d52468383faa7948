/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/import_state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_SIZE 128
/* uuid, space, 16 digits of the hash, space, fate, line end */
#define RECORD_SIZE (ID_TEXT_SIZE + 1 + 16 + 1 + 1 + 1)
#define MAGIC "clearctl import 1"

static bool write_at(const struct import_state *state, const char *bytes,
		     size_t size, uint64_t at)
{
	ssize_t done = pwrite(state->file, bytes, size, (off_t)at);

	if (done >= 0 && (size_t)done != size)
		errno = ENOSPC;
	return done >= 0 && (size_t)done == size;
}

bool import_state_position(const struct import_state *state, const char *city,
			   uint64_t position)
{
	char head[HEAD_SIZE + 1];
	int size;

	if (state->file < 0)
		return true;
	size = snprintf(head, sizeof(head), "%s %20" PRIu64 " %.70s", MAGIC,
			position, city);
	check(size > 0 && size < HEAD_SIZE);
	memset(head + size, ' ', (size_t)(HEAD_SIZE - size));
	head[HEAD_SIZE - 1] = '\n';
	return write_at(state, head, HEAD_SIZE, 0);
}

static bool head_fits(const struct import_state *state, const char *city,
		      uint64_t position, const char *path, char *error)
{
	char head[HEAD_SIZE + 1] = "", name[80] = "";
	uint64_t known = 0;
	ssize_t size = pread(state->file, head, HEAD_SIZE, 0);

	if (size != HEAD_SIZE ||
	    sscanf(head, MAGIC " %" SCNu64 " %79s", &known, name) != 2) {
		snprintf(error, IMPORT_STATE_ERROR_SIZE,
			 "%.300s: not a state file of an import", path);
		return false;
	}
	if (strcmp(name, city) != 0 || known > position) {
		snprintf(error, IMPORT_STATE_ERROR_SIZE,
			 "%.300s: belongs to another node (%s, position "
			 "%" PRIu64 "): give another --state",
			 path, name, known);
		return false;
	}
	return true;
}

static bool open_file(struct import_state *state, const char *path,
		      const char *city, uint64_t position, char *error)
{
	struct stat found;

	state->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (state->file < 0 || fstat(state->file, &found) != 0) {
		snprintf(error, IMPORT_STATE_ERROR_SIZE, "%.300s: %s", path,
			 strerror(errno));
		return false;
	}
	if (flock(state->file, LOCK_EX | LOCK_NB) != 0) {
		snprintf(error, IMPORT_STATE_ERROR_SIZE,
			 "%.300s: another import is using it", path);
		return false;
	}
	if (found.st_size == 0) {
		if (import_state_position(state, city, position))
			return true;
		snprintf(error, IMPORT_STATE_ERROR_SIZE, "%.300s: %s", path,
			 strerror(errno));
		return false;
	}
	if (!head_fits(state, city, position, path, error))
		return false;
	/* A record that was cut off was never sent. */
	state->count = (uint64_t)(found.st_size - HEAD_SIZE) / RECORD_SIZE;
	return true;
}

bool import_state_open(struct import_state *state, const char *path,
		       const char *city, uint64_t position, char *error)
{
	*state = (struct import_state){ .file = -1 };
	if (open_file(state, path, city, position, error))
		return true;
	import_state_close(state);
	return false;
}

void import_state_close(struct import_state *state)
{
	if (state->file >= 0)
		close(state->file);
	*state = (struct import_state){ .file = -1 };
}

bool import_state_read(const struct import_state *state, uint64_t index,
		       struct import_line *out)
{
	char record[RECORD_SIZE + 1] = "";
	char fate = 0;

	*out = (struct import_line){ .fate = LINE_UNSENT };
	if (state->file < 0 || index >= state->count)
		return true;
	if (pread(state->file, record, RECORD_SIZE,
		  (off_t)(HEAD_SIZE + index * RECORD_SIZE)) != RECORD_SIZE ||
	    !id_parse(slice_of(record, ID_TEXT_SIZE), &out->id) ||
	    sscanf(record + ID_TEXT_SIZE, " %16" SCNx64 " %c", &out->hash,
		   &fate) != 2 ||
	    strchr("?+!", fate) == NULL) {
		errno = EBADMSG;
		return false;
	}
	out->fate = (enum line_fate)fate;
	return true;
}

bool import_state_write(struct import_state *state, uint64_t index,
			const struct import_line *line)
{
	char record[RECORD_SIZE + 1];
	struct buffer text;

	if (state->file < 0)
		return true;
	check(index <= state->count);
	buffer_init(&text, record, ID_TEXT_SIZE);
	id_print(&text, &line->id);
	snprintf(record + ID_TEXT_SIZE, sizeof(record) - ID_TEXT_SIZE,
		 " %016" PRIx64 " %c\n", line->hash, (char)line->fate);
	if (!write_at(state, record, RECORD_SIZE,
		      HEAD_SIZE + index * RECORD_SIZE))
		return false;
	if (index == state->count)
		state->count++;
	return true;
}

bool import_state_sync(const struct import_state *state)
{
	return state->file < 0 || fdatasync(state->file) == 0;
}
