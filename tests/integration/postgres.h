/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * postgres: a private PostgreSQL 15 for one test program: a cluster in a
 * folder of its own under /tmp, mode 0700, with a Unix socket there and no
 * port.  Who may enter the folder is trusted.  The server is a child of the
 * test and dies with it.  Every failure ends the test program.
 */
#ifndef CLEARING_TESTS_POSTGRES_H
#define CLEARING_TESTS_POSTGRES_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <sys/types.h>

struct postgres {
	char folder[64];    /* also the socket's */
	char settings[256]; /* -c ... for the next start */
	pid_t pid;	    /* of the postmaster; 0: not running */
};

/*
 * postgres_create: initdb as an unprivileged user, start, and make the
 * database "template_clearing" with roles, schema, and the login role "node".
 */
void postgres_create(struct postgres *postgres);

/* postgres_free: stop it and remove the folder. */
void postgres_free(struct postgres *postgres);

/*
 * postgres_start: start and wait until it answers.
 *
 * @settings  further "-c name=value" words, or NULL.
 */
void postgres_start(struct postgres *postgres, const char *settings);

/* postgres_stop: fast shutdown, waited for. */
void postgres_stop(struct postgres *postgres);

/* postgres_kill: SIGKILL to it and all its processes; waited for. */
void postgres_kill(struct postgres *postgres);

/* postgres_database: a fresh database with the schema in it. */
void postgres_database(struct postgres *postgres, const char *name);
/* postgres_copy: a copy of @from, which nobody uses. */
void postgres_copy(struct postgres *postgres, const char *from,
		   const char *name);

/* postgres_connect: as superuser. */
PGconn *postgres_connect(struct postgres *postgres, const char *database);

/* postgres_run: statements as superuser in @database. */
void postgres_run(struct postgres *postgres, const char *database,
		  const char *sql);

/* postgres_text: the one field that @sql gives; freed with free(). */
char *postgres_text(struct postgres *postgres, const char *database,
		    const char *sql);
/* postgres_number: likewise, as a number. */
long long postgres_number(struct postgres *postgres, const char *database,
			  const char *sql);

#endif
