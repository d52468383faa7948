/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The file is text, for the operator's eye:
 *
 *   clearing head 1
 *   system 7417...
 *   timeline 1
 *   epoch 3
 *   seq 1234
 *   hash 64 digits
 *   check 16 digits          SipHash of all above, against a damaged disk
 */
#include "store/headfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/siphash.h"

#define FILE_SIZE_MAX 512
#define PATH_SIZE_MAX 4096
#define HASH_TEXT_SIZE (2 * SHA256_SIZE)

/* Against accidents, not against people: the key is no secret. */
static const struct siphash_key check_key = { 1, 2 };

static uint64_t check_sum(const char *text, size_t size)
{
	return siphash64(check_key, slice_of(text, size));
}

static int compose(const struct acknowledged_head *head, char *text)
{
	char hash[HASH_TEXT_SIZE + 1] = { 0 };
	struct buffer digits;
	int size;

	buffer_init(&digits, hash, HASH_TEXT_SIZE);
	buffer_put_hex(&digits, slice_of(head->hash, SHA256_SIZE));
	size = snprintf(text, FILE_SIZE_MAX,
			"clearing head 1\nsystem %s\ntimeline %" PRIu32
			"\nepoch %" PRIu32 "\nseq %" PRIu64 "\nhash %s\n",
			head->system_identifier, head->timeline, head->epoch,
			head->seq, hash);
	check(size > 0 && size < FILE_SIZE_MAX - 32);
	size += snprintf(text + size, (size_t)(FILE_SIZE_MAX - size),
			 "check %016" PRIx64 "\n",
			 check_sum(text, (size_t)size));
	return size;
}

static int digit(char text)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = text == '\0' ? NULL : strchr(digits, text);

	return at == NULL ? -1 : (int)(at - digits);
}

static bool parse_hash(const char *text, uint8_t out[SHA256_SIZE])
{
	for (int i = 0; i < SHA256_SIZE; i++) {
		int high = digit(text[2 * i]);
		int low = high < 0 ? -1 : digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return text[HASH_TEXT_SIZE] == '\0';
}

/* Only what compose() writes is taken: parse, compose again, compare. */
static bool parse(const char *text, struct acknowledged_head *out)
{
	struct acknowledged_head head = { 0 };
	char hash[HASH_TEXT_SIZE + 1] = "";
	char again[FILE_SIZE_MAX];

	if (sscanf(text,
		   "clearing head 1\nsystem %23s\ntimeline %" SCNu32
		   "\nepoch %" SCNu32 "\nseq %" SCNu64 "\nhash %64s\n",
		   head.system_identifier, &head.timeline, &head.epoch,
		   &head.seq, hash) != 5 ||
	    !parse_hash(hash, head.hash))
		return false;
	compose(&head, again);
	if (strcmp(again, text) != 0)
		return false;
	*out = head;
	return true;
}

enum headfile_result headfile_read(const char *path,
				   struct acknowledged_head *out)
{
	char text[FILE_SIZE_MAX + 1];
	FILE *file = fopen(path, "re");
	size_t size;
	bool failed;

	if (file == NULL)
		return errno == ENOENT ? HEADFILE_MISSING : HEADFILE_UNREADABLE;
	size = fread(text, 1, FILE_SIZE_MAX, file);
	failed = ferror(file) != 0;
	fclose(file);
	if (failed)
		return HEADFILE_UNREADABLE;
	text[size] = '\0';
	return parse(text, out) ? HEADFILE_OK : HEADFILE_DAMAGED;
}

static bool write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, text, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		text += written;
		size -= (size_t)written;
	}
	return fsync(fd) == 0;
}

/* The new name is durable only when its folder is. */
static bool sync_folder(const char *path)
{
	char folder[PATH_SIZE_MAX];
	char *slash;
	int fd;
	bool sound;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	sound = fsync(fd) == 0;
	close(fd);
	return sound;
}

/* (rule JOURNAL-12) */
bool headfile_write(const char *path, const struct acknowledged_head *head)
{
	char beside[PATH_SIZE_MAX];
	char text[FILE_SIZE_MAX];
	int size = compose(head, text);
	bool sound;
	int fd;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >=
	    (int)sizeof(beside)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	sound = write_all(fd, text, (size_t)size);
	sound = close(fd) == 0 && sound;
	return sound && rename(beside, path) == 0 && sync_folder(path);
}
