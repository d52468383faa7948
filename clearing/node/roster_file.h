/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * roster_file: the federation's roster and this city's node key, from the
 * files that [federation] names.  Without that section the node is a lone
 * city.  It reads and judges; it tells no log and wakes no link.
 */
#ifndef CLEARING_NODE_ROSTER_FILE_H
#define CLEARING_NODE_ROSTER_FILE_H

#include "node/config.h"
#include "node/crypto.h"
#include "peer/roster.h"

#define ROSTER_FILE_ERROR_SIZE 512

/* One roster with the bytes it points into, and the key that goes with it. */
struct roster_held {
	struct roster *roster; /* NULL: none */
	struct slice bytes;
	struct signing_key *key;
	uint32_t city; /* index of this node's city in it */
};

/* A zeroed one is that of a lone city. */
struct roster_file {
	struct roster *roster;	 /* that of .now; NULL: a lone city */
	struct signing_key *key; /* likewise */
	uint32_t city;		 /* likewise */
	struct roster_held now;
	/* The one before, for whoever still looks at it in this turn. */
	struct roster_held former;
};

/*
 * roster_file_load: read and verify what @config names.
 *
 * Refused, with a reason for people in @error of ROSTER_FILE_ERROR_SIZE bytes:
 * one file without the other; a roster that cannot be read, is not sound, not
 * signed, of another federation, unit or decimals than the node's; one without
 * this city, or with another current key for it than the node's.
 */
bool roster_file_load(struct roster_file *out, const struct config *config,
		      char *error) MUST_CHECK;

/*
 * roster_file_follows: is the roster at least the newest one that the journal
 * knows, @version with @hash (rule PEER-2)?  False with @error, as above,
 * which names the file at @path.
 */
bool roster_file_follows(struct roster_file *held, const char *path,
			 uint64_t version, const uint8_t hash[SHA256_SIZE],
			 char *error) MUST_CHECK;

enum roster_reload {
	ROSTER_RELOAD_SAME,    /* nothing new in the files */
	ROSTER_RELOAD_TAKEN,   /* .roster and .key are others now */
	ROSTER_RELOAD_REFUSED, /* @error says why; the old ones stay */
};

/*
 * roster_file_reload: read both files again; a newer version that the founders
 * of the old one signed takes its place.
 */
enum roster_reload roster_file_reload(struct roster_file *held,
				      const struct config *config,
				      char *error) MUST_CHECK;

/*
 * roster_file_give_back: undo the ROSTER_RELOAD_TAKEN that has just come,
 * before anybody keeps the new roster: the former one is that of the node.
 */
void roster_file_give_back(struct roster_file *held);

void roster_file_release(struct roster_file *held);

#endif
