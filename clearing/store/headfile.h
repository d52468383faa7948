/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * headfile: the node's own memory of the head it acknowledged, in a small
 * local file: a lower bound, by which a database that comes back behind it is
 * recognised (rule JOURNAL-12).  Written beside and renamed, fsynced.
 */
#ifndef CLEARING_STORE_HEADFILE_H
#define CLEARING_STORE_HEADFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "core/event.h"

struct acknowledged_head {
	char system_identifier[24];
	uint32_t timeline;
	uint32_t epoch;
	uint64_t seq;
	uint8_t hash[SHA256_SIZE];
};

enum headfile_result {
	HEADFILE_OK = 0,
	HEADFILE_MISSING,
	HEADFILE_DAMAGED, /* not one of ours: refuse to start */
	HEADFILE_UNREADABLE,
};

/* headfile_read: @out is written on HEADFILE_OK. */
enum headfile_result headfile_read(const char *path,
				   struct acknowledged_head *out) MUST_CHECK;

/* headfile_write: false when the disk refuses; errno tells why. */
bool headfile_write(const char *path,
		    const struct acknowledged_head *head) MUST_CHECK;

#endif
