/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The writer row: who writes now, for people and for a node that starts.  A
 * thread of its own, so that a slow server never holds up the loop.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/pg.h"
#include "store/start.h"

#define BEAT_S 1

static const char beat_sql[] =
	"update clearing.writer set epoch = $1::int, node = $2::text,"
	" beat = beat + 1, heartbeat_at = clock_timestamp()"
	" where epoch <= $1::int";
static const char goodbye_sql[] =
	"update clearing.writer set heartbeat_at = null"
	" where epoch = $1::int and node = $2::text";

struct heartbeat {
	const struct database *database;
	char *node_name;
	uint32_t epoch;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	atomic_bool overtaken;
};

/* Returns false when the server did not do it. */
static bool tell(struct heartbeat *heartbeat, PGconn *connection,
		 const char *sql)
{
	struct pg_parameters parameters = { 0 };
	PGresult *result;
	bool done;

	pg_parameters_int32(&parameters, (int32_t)heartbeat->epoch);
	pg_parameters_bytes(&parameters, slice_from_text(heartbeat->node_name));
	result = pg_query(connection, sql, &parameters);
	done = PQresultStatus(result) == PGRES_COMMAND_OK;
	/* The row has a later epoch: another node writes now. */
	if (done && strcmp(PQcmdTuples(result), "0") == 0)
		heartbeat->overtaken = true;
	PQclear(result);
	return done;
}

/* Sleeps until the next beat; true when it is time to go. */
static bool wait_beat(struct heartbeat *heartbeat)
{
	struct timespec until;
	int status = 0;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += BEAT_S;
	pthread_mutex_lock(&heartbeat->lock);
	while (!heartbeat->stop && status == 0)
		status = pthread_cond_timedwait(&heartbeat->wake,
						&heartbeat->lock, &until);
	stop = heartbeat->stop;
	pthread_mutex_unlock(&heartbeat->lock);
	return stop;
}

static void *run(void *context)
{
	struct heartbeat *heartbeat = context;
	PGconn *connection = NULL;
	char error[CONNECT_ERROR_SIZE];

	do {
		if (connection == NULL &&
		    connect_database(heartbeat->database, CONNECT_READER,
				     &connection, error) != CONNECT_OK)
			connection = NULL;
		if (connection != NULL &&
		    !tell(heartbeat, connection, beat_sql)) {
			PQfinish(connection);
			connection = NULL;
		}
	} while (!wait_beat(heartbeat));
	if (connection != NULL) {
		/* Not said, it is seen by a silence of 10 s. */
		(void)tell(heartbeat, connection, goodbye_sql);
		PQfinish(connection);
	}
	return NULL;
}

struct heartbeat *heartbeat_create(const struct database *database,
				   const char *node_name, uint32_t epoch)
{
	struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));
	pthread_condattr_t attributes;

	if (heartbeat == NULL)
		return NULL;
	heartbeat->database = database;
	heartbeat->epoch = epoch;
	heartbeat->node_name = strdup(node_name);
	pthread_mutex_init(&heartbeat->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&heartbeat->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	if (heartbeat->node_name == NULL ||
	    pthread_create(&heartbeat->thread, NULL, run, heartbeat) != 0) {
		free(heartbeat->node_name);
		free(heartbeat);
		return NULL;
	}
	return heartbeat;
}

bool heartbeat_overtaken(const struct heartbeat *heartbeat)
{
	return heartbeat->overtaken;
}

void heartbeat_free(struct heartbeat *heartbeat)
{
	if (heartbeat == NULL)
		return;
	pthread_mutex_lock(&heartbeat->lock);
	heartbeat->stop = true;
	pthread_cond_signal(&heartbeat->wake);
	pthread_mutex_unlock(&heartbeat->lock);
	pthread_join(heartbeat->thread, NULL);
	pthread_cond_destroy(&heartbeat->wake);
	pthread_mutex_destroy(&heartbeat->lock);
	free(heartbeat->node_name);
	free(heartbeat);
}
