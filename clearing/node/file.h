/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* file: small files whole, and the folders they stand in. */
#ifndef CLEARING_NODE_FILE_H
#define CLEARING_NODE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/slice.h"

/*
 * file_read: the bytes of the file at @path, at most @size_max.
 *
 * @out  malloc'ed; file_release() wipes and frees it.
 * Returns false with errno set.
 */
bool file_read(const char *path, size_t size_max, struct slice *out) MUST_CHECK;

/* file_release: wipe (it may be a key) and free. */
void file_release(struct slice *bytes);

/*
 * file_write: put @bytes into the file at @path, by a file beside it that is
 * renamed over it.  Returns false with errno set.
 */
bool file_write(const char *path, struct slice bytes) MUST_CHECK;

/*
 * file_lock: hold the file at @path, made when missing, for this process
 * alone; its end, however it comes, lets go.
 *
 * Returns the descriptor to close; -1 with errno set: EWOULDBLOCK when
 * another process holds it.
 */
int file_lock(const char *path) MUST_CHECK;

/* folder_make: make the folder at @path, mode 0700, unless it is there. */
bool folder_make(const char *path) MUST_CHECK;

#endif
