/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * head: keeps the state file up to the acknowledged head, at most each 100 ms
 * and at the end, on a thread: its fsync would hold up the loop.  It is never
 * ahead of what was acknowledged (rule JOURNAL-12).
 */
#ifndef CLEARING_NODE_HEAD_H
#define CLEARING_NODE_HEAD_H

#include "core/block.h"
#include "store/headfile.h"

struct head_keeper;

/*
 * head_keeper_create: keep the file at @path; @head is written at once.
 * NULL when there is no memory or thread.
 */
struct head_keeper *
head_keeper_create(const char *path,
		   const struct acknowledged_head *head) MUST_CHECK;

/* head_keeper_note: @header was acknowledged. */
void head_keeper_note(struct head_keeper *keeper,
		      const struct block_header *header);

/* head_keeper_free: write the newest, then end. */
void head_keeper_free(struct head_keeper *keeper);

#endif
