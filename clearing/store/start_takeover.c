/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Taking over: every start puts a block of its own on the head, after which
 * nothing of an older writer can land (rule JOURNAL-10).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/start_private.h"

#define WATCH_MS 3000
#define WATCH_STEP_MS 200
#define TRIES_MAX 10000
#define PAYLOAD_SIZE_MAX 1024
#define NODE_NAME_SIZE_MAX 200

static const char writer_sql[] =
	"select beat, coalesce(node, ''), heartbeat_at is null"
	" or heartbeat_at < clock_timestamp() - interval '10 seconds',"
	" coalesce(to_char(heartbeat_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), '')"
	" from clearing.writer";
static const char head_sql[] =
	"select epoch, payload = $1::bytea from clearing.journal"
	" order by seq desc limit 1";
/* The server hashes: two round trips would lose most races against a busy
 * writer (JOURNAL.md, section 2). */
static const char takeover_sql[] =
	"insert into clearing.journal"
	" (seq, epoch, created, prev_hash, hash, payload)"
	" select n.seq, n.epoch, n.created, n.prev_hash,"
	" sha256('clearing journal v1\\000'::bytea || int8send(n.seq)"
	" || int8send(n.epoch) || int8send(n.created) || n.prev_hash"
	" || $2::bytea), $2::bytea"
	" from (select seq + 1 as seq, epoch + 1 as epoch,"
	" greatest(created, $1::bigint) as created, hash as prev_hash"
	" from clearing.journal order by seq desc limit 1) n"
	" on conflict (seq) do nothing"
	" returning seq, epoch, created, prev_hash, hash";
static const char terminate_sql[] =
	"select pg_terminate_backend(pid) from pg_stat_activity"
	" where application_name = 'clearing journal'"
	" and datname = current_database() and pid <> pg_backend_pid()";
static const char own_tables_sql[] =
	"update clearing.projection set epoch = $1::int"
	" where epoch < $1::int";
static const char own_writer_sql[] =
	"update clearing.writer set epoch = $1::int, node = $2::text,"
	" beat = beat + 1, heartbeat_at = clock_timestamp()"
	" where epoch <= $1::int";

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct writer_row {
	int64_t beat;
	bool silent; /* said goodbye, or nothing for 10 s */
	char node[NODE_NAME_SIZE_MAX];
	char seen[32];
};

static enum start_result read_writer(struct start *start,
				     struct writer_row *out)
{
	PGresult *rows = pg_query(start->connection, writer_sql, NULL);
	enum start_result result = START_OK;

	if (pg_rows(rows) && PQntuples(rows) == 1) {
		out->beat = pg_get_int64(rows, 0, 0);
		out->silent = pg_get_bool(rows, 0, 2);
		pg_text(out->node, sizeof(out->node), "%s",
			PQgetvalue(rows, 0, 1));
		pg_text(out->seen, sizeof(out->seen), "%s",
			PQgetvalue(rows, 0, 3));
	} else {
		result = start_away(start);
	}
	PQclear(rows);
	return result;
}

/* A courtesy against two nodes that fence each other for ever; no fence. */
enum start_result start_watch(struct start *start)
{
	struct timespec step = { 0, WATCH_STEP_MS * 1000000L };
	struct writer_row first, row;
	enum start_result result = read_writer(start, &first);

	if (result != START_OK || first.silent)
		return result;
	for (uint32_t ms = 0; ms < WATCH_MS; ms += WATCH_STEP_MS) {
		nanosleep(&step, NULL);
		if (start_stopped(start))
			return START_STOPPED;
		result = read_writer(start, &row);
		if (result != START_OK || row.silent)
			return result;
		if (row.beat != first.beat)
			return start_fail(start, START_SERVED,
					  "already served by %s, last seen %s; "
					  "stop it, or start with --takeover",
					  row.node, row.seen);
	}
	return START_OK;
}

/* The payload: who takes over, and a nonce by which we know it again. */
static bool compose(struct start *start, struct buffer *out)
{
	size_t size = block_memory_size();
	void *memory = calloc(1, size);
	struct event event = { .kind = EVENT_EPOCH_STARTED };
	struct block block;

	if (memory == NULL)
		return false;
	event.epoch_started.node = slice_from_text(start->options->node_name);
	start->options->random_fill(event.epoch_started.nonce, NONCE_SIZE);
	/* The number of the next entry is not known before the head is. */
	block_init(&block, memory, 0);
	block_add_event(&block, &event);
	block_encode(&block, out);
	free(memory);
	return !out->overflowed;
}

struct head {
	uint32_t epoch;
	bool ours; /* a try of ours whose answer was lost */
};

static enum start_result read_head(struct start *start, struct slice payload,
				   struct head *out)
{
	struct pg_parameters parameters = { 0 };
	enum start_result result = START_OK;
	PGresult *rows;

	pg_parameters_bytes(&parameters, payload);
	rows = pg_query(start->connection, head_sql, &parameters);
	if (!pg_rows(rows)) {
		result = start_away(start);
	} else if (PQntuples(rows) == 0) {
		result = start_fail(start, START_SCHEMA,
				    "the journal is empty: run clearctl init");
	} else {
		out->epoch = (uint32_t)pg_get_int32(rows, 0, 0);
		out->ours = pg_get_bool(rows, 0, 1);
	}
	PQclear(rows);
	return result;
}

static bool take_row(const PGresult *rows, struct block_header *out)
{
	if (PQntuples(rows) != 1)
		return false;
	out->seq = (uint64_t)pg_get_int64(rows, 0, 0);
	out->epoch = (uint32_t)pg_get_int32(rows, 0, 1);
	out->created_us = (uint64_t)pg_get_int64(rows, 0, 2);
	memcpy(out->prev_hash, PQgetvalue(rows, 0, 3), SHA256_SIZE);
	memcpy(out->hash, PQgetvalue(rows, 0, 4), SHA256_SIZE);
	return true;
}

/* A session that takes over waits for a writer that froze, but not long. */
static enum start_result bound_statements(struct start *start)
{
	return pg_run(start->connection, "set statement_timeout = '2s'")
		       ? START_OK
		       : start_away(start);
}

static enum start_result reconnect(struct start *start)
{
	enum start_result result;

	PQfinish(start->connection);
	start->connection = NULL;
	result = start_open(start);
	if (result == START_OK)
		result = bound_statements(start);
	/* Another server may have answered: nothing is written behind the head
	 * that is known. */
	return result == START_OK ? start_check_head(start) : result;
}

/*
 * One try.  @done  true when our block is in and durable; false to look at
 * the head and try again.
 */
static enum start_result try_once(struct start *start, struct slice payload,
				  bool *done)
{
	struct pg_parameters parameters = { 0 };
	enum start_result result = START_OK;
	uint32_t warnings = start->warnings;
	PGresult *rows;

	*done = false;
	pg_parameters_int64(&parameters, (int64_t)wall_us());
	pg_parameters_bytes(&parameters, payload);
	rows = pg_query(start->connection, takeover_sql, &parameters);
	if (pg_rows(rows)) {
		/* (rule JOURNAL-5) With a WARNING it may not be durable. */
		*done = warnings == start->warnings &&
			take_row(rows, &start->found.head);
	} else if (pg_state_is(rows, "57014")) {
		/* A writer that froze holds its row and its connection. */
		if (!pg_run(start->connection, terminate_sql))
			result = start_away(start);
	} else if (PQstatus(start->connection) != CONNECTION_OK) {
		result = reconnect(start);
	} else {
		result = start_away(start);
	}
	PQclear(rows);
	return result;
}

/* (rule JOURNAL-10), (rule JOURNAL-11) */
static enum start_result race(struct start *start, struct slice payload)
{
	struct head first = { 0 }, head;
	enum start_result result = read_head(start, payload, &first);
	bool done = false;

	for (uint32_t i = 0; result == START_OK && i < TRIES_MAX; i++) {
		result = try_once(start, payload, &done);
		if (result != START_OK || done)
			return result;
		if (start_stopped(start))
			return START_STOPPED;
		result = read_head(start, payload, &head);
		if (result == START_OK && head.ours)
			first.epoch = head.epoch;
		if (result == START_OK && head.epoch != first.epoch)
			return start_fail(start, START_FENCED,
					  "another node took over while this "
					  "one was starting (epoch %u)",
					  head.epoch);
	}
	if (result == START_OK)
		result = start_fail(start, START_AWAY,
				    "the old writer was faster %d times",
				    TRIES_MAX);
	return result;
}

static enum start_result own_rows(struct start *start)
{
	struct pg_parameters parameters = { 0 };
	enum start_result result = START_OK;
	PGresult *rows;

	pg_parameters_int32(&parameters, (int32_t)start->found.head.epoch);
	/* Waits for the old projector's transaction, and ends its way. */
	rows = pg_query(start->connection, own_tables_sql, &parameters);
	if (PQresultStatus(rows) != PGRES_COMMAND_OK)
		result = start_away(start);
	PQclear(rows);
	if (result != START_OK)
		return result;
	pg_parameters_bytes(&parameters,
			    slice_from_text(start->options->node_name));
	rows = pg_query(start->connection, own_writer_sql, &parameters);
	if (PQresultStatus(rows) != PGRES_COMMAND_OK)
		result = start_away(start);
	PQclear(rows);
	return result;
}

enum start_result start_take_over(struct start *start)
{
	uint8_t bytes[PAYLOAD_SIZE_MAX];
	struct buffer payload;
	enum start_result result;

	buffer_init(&payload, bytes, sizeof(bytes));
	if (!compose(start, &payload))
		return start_fail(start, START_AWAY, "out of memory");
	result = bound_statements(start);
	if (result == START_OK)
		result = race(start, buffer_view(&payload));
	if (result == START_OK)
		result = own_rows(start);
	if (result == START_OK &&
	    !pg_run(start->connection, "set statement_timeout = 0"))
		result = start_away(start);
	return result;
}
