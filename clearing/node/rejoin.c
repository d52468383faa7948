/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The file is text, for the operator's eye:
 *
 *   clearing rejoin 1
 *   actor spiffe://commons/city/lisbon/operator/ana
 *   open_early 0
 *   reason the disk died, backup of Monday
 */
#include "node/rejoin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/utf8.h"
#include "node/file.h"

#define FILE_SIZE_MAX 1024

static bool path_of(const char *data_dir, const char *name, char out[PATH_MAX])
{
	int length = snprintf(out, PATH_MAX, "%s/%s", data_dir, name);

	if (length > 0 && length < PATH_MAX)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

static size_t compose(const struct rejoin_order *order,
		      char text[FILE_SIZE_MAX])
{
	int size = snprintf(text, FILE_SIZE_MAX,
			    "clearing rejoin 1\nactor %s\nopen_early %d\n"
			    "reason %s\n",
			    order->actor, order->open_early, order->reason);

	check(size > 0 && size < FILE_SIZE_MAX);
	return (size_t)size;
}

/* The node, which reads it, may be another user than who orders. */
static bool give_to_owner(const char *data_dir, const char *path)
{
	struct stat folder;

	return geteuid() != 0 ||
	       (stat(data_dir, &folder) == 0 &&
		chown(path, folder.st_uid, folder.st_gid) == 0);
}

/*
 * The order first: a head that is aside without one would let a rewound
 * journal pass unnoticed.
 */
bool rejoin_order(const char *data_dir, const struct rejoin_order *order)
{
	char path[PATH_MAX], head[PATH_MAX], kept[PATH_MAX];
	char text[FILE_SIZE_MAX];
	size_t size = compose(order, text);

	if (!path_of(data_dir, REJOIN_FILE, path) ||
	    !path_of(data_dir, REJOIN_HEAD_FILE, head) ||
	    !path_of(data_dir, REJOIN_HEAD_KEPT_FILE, kept) ||
	    !file_write(path, slice_of(text, size)) ||
	    !give_to_owner(data_dir, path))
		return false;
	return rename(head, kept) == 0 || errno == ENOENT;
}

/* Only what compose() writes is taken: parse, compose again, compare. */
static bool parse(struct slice bytes, struct rejoin_order *out)
{
	char text[FILE_SIZE_MAX], again[FILE_SIZE_MAX];
	struct identity identity;
	int open_early;

	if (bytes.size >= sizeof(text))
		return false;
	memcpy(text, bytes.data, bytes.size);
	text[bytes.size] = '\0';
	*out = (struct rejoin_order){ 0 };
	if (sscanf(text,
		   "clearing rejoin 1\nactor %255s\nopen_early %d\n"
		   "reason %140[^\n]\n",
		   out->actor, &open_early, out->reason) != 3)
		return false;
	out->open_early = open_early != 0;
	return compose(out, again) == bytes.size && strcmp(again, text) == 0 &&
	       utf8_printable(slice_from_text(out->reason)) &&
	       identity_parse(slice_from_text(out->actor), &identity);
}

enum rejoin_result rejoin_read(const char *data_dir, struct rejoin_order *out)
{
	struct rejoin_order order;
	struct slice bytes = { 0 };
	char path[PATH_MAX];
	bool sound;

	if (!path_of(data_dir, REJOIN_FILE, path))
		return REJOIN_UNREADABLE;
	if (!file_read(path, FILE_SIZE_MAX, &bytes))
		return errno == ENOENT ? REJOIN_NOT_ORDERED : REJOIN_UNREADABLE;
	sound = parse(bytes, &order);
	file_release(&bytes);
	if (!sound)
		return REJOIN_DAMAGED;
	*out = order;
	return REJOIN_ORDERED;
}

bool rejoin_done(const char *data_dir)
{
	char path[PATH_MAX];

	return path_of(data_dir, REJOIN_FILE, path) && unlink(path) == 0;
}
