/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Doubt, resolved (JOURNAL.md, section 2), on a thread, because connecting
 * and reading block.  The thread reads the journal above the acknowledged
 * head and compares it with what was sent; it changes nothing.
 */
#include "store/journal_private.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 20
#define WAIT_LONG_MS 1000
#define WAIT_SHORT_ATTEMPTS 7 /* 1, 2, 4 ... 64 ms, then the long wait */

static const char head_sql[] =
	"select seq, hash from clearing.journal where seq >= $1::bigint"
	" order by seq limit $2::bigint";

static void sleep_ms(uint32_t ms)
{
	struct timespec wait = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&wait, NULL);
}

static void wait_before(struct resolver *resolver)
{
	uint32_t attempt = resolver->attempt++;
	uint32_t ms = attempt == 0		       ? 0
		      : attempt <= WAIT_SHORT_ATTEMPTS ? 1u << (attempt - 1)
						       : WAIT_LONG_MS;

	for (uint32_t waited = 0; waited < ms && !atomic_load(&resolver->stop);
	     waited += WAIT_STEP_MS)
		sleep_ms(ms - waited < WAIT_STEP_MS ? ms - waited
						    : WAIT_STEP_MS);
}

static bool hash_is(const PGresult *rows, int row, const uint8_t *hash)
{
	return slice_equal(pg_get_bytes(rows, row, 1),
			   slice_of(hash, SHA256_SIZE));
}

static enum journal_state stop(struct resolver *resolver,
			       enum journal_state state, const char *what,
			       uint64_t seq)
{
	pg_text(resolver->reason, sizeof(resolver->reason), "%s at block %llu",
		what, (unsigned long long)seq);
	return state;
}

/* Steps 3 and 4: the rows from the acknowledged head on, against ours. */
static enum journal_state compare(struct resolver *resolver,
				  const PGresult *rows)
{
	const struct sent_block *head = &resolver->acknowledged;
	int count = PQntuples(rows);

	if (count == 0 || pg_get_int64(rows, 0, 0) != (int64_t)head->seq)
		return stop(resolver, JOURNAL_REWOUND,
			    "the database is behind what was acknowledged",
			    head->seq);
	if (!hash_is(rows, 0, head->hash))
		return stop(resolver, JOURNAL_FORKED,
			    "another block stands where ours was acknowledged",
			    head->seq);
	for (int i = 1; i < count; i++) {
		uint32_t at = (uint32_t)i - 1;

		if (at >= resolver->sent_count ||
		    pg_get_int64(rows, i, 0) !=
			    (int64_t)resolver->sent[at].seq ||
		    !hash_is(rows, i, resolver->sent[at].hash))
			return stop(resolver, JOURNAL_FENCED,
				    "another node writes the journal",
				    head->seq + (uint64_t)i);
	}
	resolver->landed = (uint32_t)count - 1;
	return JOURNAL_UP;
}

/* DOUBT: the connection went again; try once more. */
static enum journal_state look(struct resolver *resolver, PGconn *connection)
{
	struct pg_parameters parameters = { 0 };
	enum journal_state state = JOURNAL_DOUBT;
	char system[24];
	PGresult *rows;

	if (!journal_system_identifier(connection, system))
		return JOURNAL_DOUBT;
	/* (rule JOURNAL-12) */
	if (strcmp(system, resolver->system_identifier) != 0)
		return stop(resolver, JOURNAL_FORKED,
			    "the database is another cluster",
			    resolver->acknowledged.seq);
	pg_parameters_int64(&parameters, (int64_t)resolver->acknowledged.seq);
	pg_parameters_int64(&parameters, (int64_t)resolver->sent_count + 2);
	rows = pg_query(connection, head_sql, &parameters);
	if (pg_rows(rows))
		state = compare(resolver, rows);
	PQclear(rows);
	if (state == JOURNAL_UP && !journal_prepare(connection))
		return JOURNAL_DOUBT;
	return state;
}

static enum journal_state try_once(struct resolver *resolver)
{
	char error[CONNECT_ERROR_SIZE];
	PGconn *connection = NULL;
	enum journal_state state = JOURNAL_DOUBT;

	switch (connect_database(resolver->database, CONNECT_JOURNAL,
				 &connection, error)) {
	case CONNECT_OK:
		break;
	case CONNECT_AWAY:
	case CONNECT_STANDBY:
	case CONNECT_REFUSED: /* a password may be in the middle of a change */
		return JOURNAL_DOUBT;
	case CONNECT_SCHEMA:
		pg_text(resolver->reason, sizeof(resolver->reason), "%s",
			error);
		return JOURNAL_BROKEN;
	case CONNECT_UNSAFE:
		pg_text(resolver->reason, sizeof(resolver->reason), "%s",
			error);
		return JOURNAL_UNSAFE;
	}
	state = look(resolver, connection);
	if (state == JOURNAL_UP)
		resolver->connection = connection;
	else
		PQfinish(connection);
	return state;
}

static void *run(void *context)
{
	struct resolver *resolver = context;
	uint64_t one = 1;

	/* (rule JOURNAL-8) The old server process may still carry out what it
	 * was sent: the same bytes that are sent again. */
	if (resolver->old != NULL)
		PQfinish(resolver->old);
	resolver->old = NULL;
	resolver->state = JOURNAL_DOUBT;
	while (resolver->state == JOURNAL_DOUBT &&
	       !atomic_load(&resolver->stop)) {
		wait_before(resolver);
		resolver->state = try_once(resolver);
	}
	atomic_store(&resolver->done, true);
	while (write(resolver->wake_fd, &one, sizeof(one)) < 0 &&
	       errno == EINTR)
		;
	return NULL;
}

bool resolver_start(struct journal *journal)
{
	struct resolver *resolver = &journal->resolver;
	uint32_t sent = journal->landed_count + journal->sent_count;

	check(!resolver->running);
	resolver->acknowledged.seq = journal->acknowledged.seq;
	memcpy(resolver->acknowledged.hash, journal->acknowledged.hash,
	       SHA256_SIZE);
	for (uint32_t i = 0; i < sent; i++) {
		const struct block_header *header =
			&journal_at(journal, i)->closed.header;

		resolver->sent[i].seq = header->seq;
		memcpy(resolver->sent[i].hash, header->hash, SHA256_SIZE);
	}
	resolver->sent_count = sent;
	resolver->landed = 0;
	atomic_store(&resolver->done, false);
	resolver->running =
		pthread_create(&resolver->thread, NULL, run, resolver) == 0;
	return resolver->running;
}

void resolver_end(struct resolver *resolver)
{
	check(resolver->running);
	pthread_join(resolver->thread, NULL);
	resolver->running = false;
}
