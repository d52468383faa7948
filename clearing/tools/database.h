/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * database: --database "hosts=... dbname=... user=... password_file=...
 * sslmode=... sslrootcert=..." taken apart; the names are those of
 * clearing.conf.  It connects nowhere.
 */
#ifndef CLEARING_TOOLS_DATABASE_H
#define CLEARING_TOOLS_DATABASE_H

#include <stdbool.h>

#include "base/check.h"

#define DATABASE_ERROR_SIZE 256

/* Texts view into .text, which is owned; NULL when not given. */
struct database_words {
	char *text;
	const char *hosts; /* host[:port], comma-separated, or a folder */
	const char *dbname;
	const char *user;
	const char *password_file;
	const char *sslmode;
	const char *sslrootcert;
};

/*
 * database_parse: words `name=value` between spaces; a value with spaces
 * stands between single quotes.
 *
 * @error  DATABASE_ERROR_SIZE bytes: which word is wrong.
 * hosts and dbname must be given.
 */
bool database_parse(const char *text, struct database_words *out,
		    char *error) MUST_CHECK;
void database_release(struct database_words *words);

#endif
