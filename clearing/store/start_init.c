/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Block 0: written once by clearctl init, and read at every start to see that
 * the journal is that of this city (rule JOURNAL-3).
 */
#include <stdlib.h>
#include <string.h>

#include "core/record.h"
#include "store/start_private.h"

#define ARENA_SIZE (1u << 20)

static const char genesis_block_sql[] =
	"select created, payload, (select max(seq) from clearing.journal)"
	" from clearing.journal where seq = 0";
static const char append_sql[] =
	"insert into clearing.journal"
	" (seq, epoch, created, prev_hash, hash, payload)"
	" values ($1::bigint, $2::int, $3::bigint, $4::bytea, $5::bytea,"
	" $6::bytea) on conflict (seq) do nothing";

enum found {
	FOUND_GENESIS,
	FOUND_NOTHING, /* an empty journal */
	FOUND_DAMAGED,
	FOUND_AWAY,
};

/*
 * The genesis event of block 0.  @out  its texts live as long as *@rows and
 * @memory, ARENA_SIZE bytes.
 */
static enum found read_genesis(PGconn *connection, void *memory,
			       PGresult **rows, struct event_genesis *out)
{
	struct block_fault fault;
	struct block block = { 0 };
	struct arena arena;

	*rows = pg_query(connection, genesis_block_sql, NULL);
	if (!pg_rows(*rows))
		return FOUND_AWAY;
	if (PQntuples(*rows) == 0)
		return FOUND_NOTHING;
	arena_init(&arena, memory, ARENA_SIZE);
	if (block_decode(pg_get_bytes(*rows, 0, 1),
			 (uint64_t)pg_get_int64(*rows, 0, 0), &arena, &block,
			 &fault) != BLOCK_DECODED ||
	    block.event_count == 0 || block.events[0].kind != EVENT_GENESIS)
		return FOUND_DAMAGED;
	*out = block.events[0].genesis;
	return FOUND_GENESIS;
}

static bool is_same(struct slice found, const char *wanted)
{
	return slice_equal(found, slice_from_text(wanted));
}

static bool fits_options(const struct start_options *options,
			 const struct event_genesis *genesis)
{
	return is_same(genesis->federation, options->federation) &&
	       is_same(genesis->city, options->city) &&
	       is_same(genesis->unit, options->unit) &&
	       genesis->decimals == options->decimals;
}

enum start_result start_check_genesis(struct start *start)
{
	const struct start_options *options = start->options;
	void *memory = malloc(ARENA_SIZE);
	struct event_genesis genesis;
	enum start_result result = START_OK;
	PGresult *rows = NULL;

	if (memory == NULL)
		return start_fail(start, START_AWAY, "out of memory");
	switch (read_genesis(start->connection, memory, &rows, &genesis)) {
	case FOUND_GENESIS:
		if (!fits_options(options, &genesis))
			result = start_fail(
				start, START_OTHER_CITY,
				"the journal is that of city %.*s of %.*s, "
				"unit %.*s with %u decimals; the configuration "
				"says %s of %s, %s with %u",
				(int)genesis.city.size,
				(const char *)genesis.city.data,
				(int)genesis.federation.size,
				(const char *)genesis.federation.data,
				(int)genesis.unit.size,
				(const char *)genesis.unit.data,
				genesis.decimals, options->city,
				options->federation, options->unit,
				options->decimals);
		break;
	case FOUND_NOTHING:
		result = start_fail(start, START_SCHEMA,
				    "the journal has no block 0: run clearctl "
				    "init");
		break;
	case FOUND_DAMAGED:
		result = start_fail(start, START_DAMAGED,
				    "block 0: no sound genesis");
		break;
	case FOUND_AWAY:
		result = start_away(start);
		break;
	}
	PQclear(rows);
	free(memory);
	return result;
}

static bool is_same_genesis(const struct event_genesis *a,
			    const struct event_genesis *b)
{
	return slice_equal(a->federation, b->federation) &&
	       slice_equal(a->city, b->city) && slice_equal(a->unit, b->unit) &&
	       a->decimals == b->decimals &&
	       memcmp(a->node_key, b->node_key, NODE_KEY_SIZE) == 0;
}

/* Is what stands in block 0 what was asked for? */
static enum start_result compare_genesis(struct start *start,
					 const struct event_genesis *wanted)
{
	void *memory = malloc(ARENA_SIZE);
	struct event_genesis genesis;
	enum start_result result = START_OK;
	PGresult *rows = NULL;

	if (memory == NULL)
		return start_fail(start, START_AWAY, "out of memory");
	switch (read_genesis(start->connection, memory, &rows, &genesis)) {
	case FOUND_GENESIS:
		if (!is_same_genesis(&genesis, wanted))
			result = start_fail(
				start, START_OTHER_CITY,
				"the journal was begun already, "
				"for city %.*s of %.*s or with "
				"another unit or key",
				(int)genesis.city.size,
				(const char *)genesis.city.data,
				(int)genesis.federation.size,
				(const char *)genesis.federation.data);
		break;
	case FOUND_NOTHING:
		result = start_fail(start, START_DAMAGED,
				    "block 0 was written and is not there");
		break;
	case FOUND_DAMAGED:
		result = start_fail(start, START_DAMAGED,
				    "block 0: no sound genesis");
		break;
	case FOUND_AWAY:
		result = start_away(start);
		break;
	}
	PQclear(rows);
	free(memory);
	return result;
}

static enum start_result append(struct start *start,
				const struct block_header *header,
				struct slice payload)
{
	struct pg_parameters parameters = { 0 };
	enum start_result result = START_OK;
	PGresult *done;

	pg_parameters_int64(&parameters, (int64_t)header->seq);
	pg_parameters_int32(&parameters, (int32_t)header->epoch);
	pg_parameters_int64(&parameters, (int64_t)header->created_us);
	pg_parameters_bytes(&parameters,
			    slice_of(header->prev_hash, SHA256_SIZE));
	pg_parameters_bytes(&parameters, slice_of(header->hash, SHA256_SIZE));
	pg_parameters_bytes(&parameters, payload);
	done = pg_query(start->connection, append_sql, &parameters);
	if (PQresultStatus(done) != PGRES_COMMAND_OK)
		result = start_away(start);
	PQclear(done);
	return result;
}

/* (rule JOURNAL-3) */
static enum start_result write_genesis(struct start *start,
				       const struct event_genesis *genesis,
				       uint64_t now_us, sha256_function *sha256)
{
	size_t size = block_memory_size();
	uint8_t *memory = calloc(1, size + (size_t)2 * ARENA_SIZE);
	struct block_header header = { .created_us = now_us };
	struct buffer payload, scratch;
	enum start_result result;
	struct block block;

	if (memory == NULL)
		return start_fail(start, START_AWAY, "out of memory");
	buffer_init(&payload, memory + size, ARENA_SIZE);
	buffer_init(&scratch, memory + size + ARENA_SIZE, ARENA_SIZE);
	block_init(&block, memory, 1);
	block.header = header;
	record_genesis(&block, genesis);
	block_encode(&block, &payload);
	check(!payload.overflowed);
	block_hash(&header, buffer_view(&payload), sha256, &scratch,
		   header.hash);
	result = append(start, &header, buffer_view(&payload));
	free(memory);
	return result;
}

enum start_result start_init(const struct database *database,
			     const struct event_genesis *genesis,
			     uint64_t now_us, sha256_function *sha256,
			     char *error)
{
	struct start start = { .error = error };
	enum start_result result =
		start_connect(database, &start.connection, error);

	if (result != START_OK)
		return result;
	result = write_genesis(&start, genesis, now_us, sha256);
	if (result == START_OK)
		result = compare_genesis(&start, genesis);
	PQfinish(start.connection);
	return result;
}
