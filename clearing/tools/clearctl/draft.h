/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * draft: a roster file that clearctl reads, changes and writes.  A roster that
 * enough founders have signed is not changed: changing it begins the next
 * version.  Signatures on what is changed are dropped.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_DRAFT_H
#define CLEARING_TOOLS_CLEARCTL_DRAFT_H

#include "peer/roster.h"
#include "tools/clearctl/session.h"

/* A zeroed one is a valid empty one. */
struct draft {
	struct session *session;
	const char *path;
	struct roster *roster; /* its texts point into @file and further */
	struct slice file;
	uint8_t prev_hash[SHA256_SIZE]; /* of a next version */
};

/*
 * draft_new: an empty roster, to be written to a file that is not there yet.
 * draft_open: the one in the file at @path, in good form, signed or not.
 *
 * Both: false after telling why; draft_release() in any case.
 */
bool draft_new(struct draft *draft, struct session *session,
	       const char *path) MUST_CHECK;
bool draft_open(struct draft *draft, struct session *session,
		const char *path) MUST_CHECK;
void draft_release(struct draft *draft);

/*
 * draft_open_trusted: likewise, signed by its own founders and, with
 * --previous, a version that may follow that one.
 */
bool draft_open_trusted(struct draft *draft, struct session *session,
			const char *path) MUST_CHECK;

/*
 * draft_open_beside: likewise, for what is held against the roster of --roster:
 * a file that is none is not what was asked about, but a wrong local file.
 */
bool draft_open_beside(struct draft *draft, struct session *session,
		       const char *path) MUST_CHECK;

/* draft_change: open the file of the first operand, to be changed. */
bool draft_change(struct draft *draft, struct session *session) MUST_CHECK;

/*
 * draft_write: check what became of it and put it into its file.
 *
 * @changed  the Roster itself changed, so that signatures are gone; false:
 *           only signatures did.
 * Returns the exit status; what is wrong was told.
 */
int draft_write(struct draft *draft, bool changed);

/* draft_tell: say which version it is, and whether it is signed. */
int draft_tell(struct draft *draft);

/* draft_verify: is it signed, by its own founders? */
enum roster_result draft_verify(struct draft *draft);

/* draft_refuse: tell that @result came with @roster, with exit @status. */
int draft_refuse(struct session *session, const struct roster *roster,
		 enum roster_result result, int status);

/* draft_city: index of the city @name; ROSTER_NONE after telling. */
uint32_t draft_city(struct draft *draft, const char *name);

/*
 * draft_add_city: a zeroed city @name at its place among the others; links
 * follow their cities.  NULL after telling that there is no room for it.
 */
struct roster_city *draft_add_city(struct draft *draft, struct slice name);

/* draft_link: the link of two cities, made with lines of 0 if need be. */
struct roster_link *draft_link(struct draft *draft, uint32_t x, uint32_t y);

#endif
