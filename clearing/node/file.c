/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(int file, struct slice *out, uint8_t *memory, size_t room)
{
	size_t size = 0;
	ssize_t got = 1;

	while (got != 0 && size < room) {
		got = read(file, memory + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		size += (size_t)got;
	}
	if (size == room) {
		errno = EFBIG;
		return false;
	}
	*out = slice_of(memory, size);
	return true;
}

bool file_read(const char *path, size_t size_max, struct slice *out)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t *memory;
	int kept;

	if (file < 0)
		return false;
	memory = malloc(size_max + 1);
	if (memory != NULL && read_all(file, out, memory, size_max + 1)) {
		close(file);
		return true;
	}
	kept = errno;
	free(memory);
	close(file);
	errno = kept;
	return false;
}

void file_release(struct slice *bytes)
{
	if (bytes->data != NULL)
		OPENSSL_cleanse((void *)(uintptr_t)bytes->data, bytes->size);
	free((void *)(uintptr_t)bytes->data);
	*bytes = (struct slice){ 0 };
}

static bool write_all(int file, struct slice bytes)
{
	while (bytes.size > 0) {
		ssize_t put = write(file, bytes.data, bytes.size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		bytes = slice_from(bytes, (size_t)put);
	}
	return true;
}

bool file_write(const char *path, struct slice bytes)
{
	char beside[PATH_MAX];
	bool ok;
	int file;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >=
	    (int)sizeof(beside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	file = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0)
		return false;
	ok = write_all(file, bytes);
	ok = close(file) == 0 && ok;
	return ok && rename(beside, path) == 0;
}

int file_lock(const char *path)
{
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int kept;

	if (file < 0 || flock(file, LOCK_EX | LOCK_NB) == 0)
		return file;
	kept = errno;
	close(file);
	errno = kept;
	return -1;
}

bool folder_make(const char *path)
{
	struct stat found;

	if (mkdir(path, 0700) == 0)
		return true;
	if (errno != EEXIST || stat(path, &found) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(found.st_mode);
}
