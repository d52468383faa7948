/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * connect: a sound connection to the city's database, or a clear reason.
 * Blocking; called at start and on the store's own threads.
 */
#ifndef CLEARING_STORE_CONNECT_H
#define CLEARING_STORE_CONNECT_H

#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

#define SCHEMA_VERSION 6
#define CONNECT_ERROR_SIZE 400
#define CONNECT_HOSTS_MAX 16

/* Where the database is; texts are the owner's and NUL-terminated. */
struct database {
	const char
		*hosts; /* host[:port], comma-separated, or a socket folder */
	const char *dbname;
	const char *user;
	const char *password_file; /* NULL: none */
	const char *sslmode;	   /* NULL: libpq's default */
	const char *sslrootcert;
	bool unsafe_durability; /* CLEARING_UNSAFE_DURABILITY=1 */
	/* Which host answered last, to be asked first; NULL: not kept. */
	atomic_uint *host_last;
};

enum connect_result {
	CONNECT_OK = 0,
	CONNECT_AWAY,	 /* no host answers, or it is starting or stopping */
	CONNECT_STANDBY, /* in recovery: as AWAY, the next host may do */
	CONNECT_REFUSED, /* authentication, no such database */
	CONNECT_SCHEMA,	 /* schema unknown to this node (exit 4) */
	CONNECT_UNSAFE,	 /* fsync, full_page_writes, synchronous_commit */
};

enum connect_purpose {
	CONNECT_JOURNAL,   /* application_name 'clearing journal' */
	CONNECT_PROJECTOR, /* synchronous_commit = off */
	CONNECT_READER,
};

/*
 * connect_database: try each host, the last good one first, 2 s each, and
 * check settings (rule JOURNAL-13).
 *
 * @error  CONNECT_ERROR_SIZE bytes: what was wrong and what to do.
 * @out    written on CONNECT_OK; the caller finishes it with PQfinish().
 */
enum connect_result connect_database(const struct database *database,
				     enum connect_purpose purpose, PGconn **out,
				     char *error) MUST_CHECK;

/*
 * connect_schema_version: the schema that every connection of this node was
 * found to have, text, for GetNode.
 */
const char *connect_schema_version(void);

#endif
