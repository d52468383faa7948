/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Loading: the tables in one snapshot, the ids of the window from the blocks
 * below them, then the blocks above them, applied and not decided (rules
 * JOURNAL-19, JOURNAL-20).
 */
#include <stdlib.h>
#include <string.h>

#include "store/links_load.h"
#include "store/start_private.h"

#define PAGE_ROWS 20000
#define PROGRESS_BLOCKS 1024

#define PAGE_OF " > $1::bigint order by 1 limit $2::bigint"

static const char projection_sql[] =
	"select p.seq, p.hash, p.epoch, p.next_number, p.time_us, j.hash"
	" from clearing.projection p left join clearing.journal j"
	" on j.seq = p.seq";
static const char genesis_sql[] =
	"select federation, city, unit, decimals, node_key"
	" from clearing.genesis";
static const char actors_sql[] =
	"select id::bigint, uri from clearing.actor where id" PAGE_OF;
static const char accounts_sql[] =
	"select id::bigint, address, display_name, state, gateway_allowed,"
	" holds_open, last_number, credit_limit, balance_ceiling,"
	" debits_posted, credits_posted, debits_pending, credits_pending"
	" from clearing.account where id" PAGE_OF;
static const char holds_sql[] =
	"select number, id, debit_account, credit_account, amount, expires_at,"
	" kind, reference from clearing.hold where state = 1 and "
	"number" PAGE_OF;
static const char span_sql[] = "select min(seq) from clearing.journal";
static const char created_sql[] =
	"select created from clearing.journal where seq = $1::bigint";

/* A money column: out of range is a damaged table, and no panic. */
static bool get_money(const PGresult *rows, int row, int column,
		      struct money *out)
{
	int64_t minor = pg_get_int64(rows, row, column);

	if (!money_in_range(minor))
		return false;
	*out = money_of(minor);
	return true;
}

static bool copy_text(struct slice text, uint8_t *out, size_t size_max,
		      uint8_t *size)
{
	if (text.size > size_max)
		return false;
	if (text.size > 0)
		memcpy(out, text.data, text.size);
	*size = (uint8_t)text.size;
	return true;
}

/* Loads row @row; APPLY_STATE_WRONG for values no table may have. */
typedef enum apply_result load_row(struct ledger *ledger, const PGresult *rows,
				   int row);

static enum apply_result load_actor(struct ledger *ledger, const PGresult *rows,
				    int row)
{
	return ledger_load_actor(ledger, (uint32_t)pg_get_int64(rows, row, 0),
				 pg_get_bytes(rows, row, 1));
}

static enum apply_result load_account(struct ledger *ledger,
				      const PGresult *rows, int row)
{
	struct account account = {
		.id = (uint32_t)pg_get_int64(rows, row, 0),
		.state = (uint8_t)pg_get_int16(rows, row, 3),
		.gateway_allowed = pg_get_bool(rows, row, 4),
		.holds_open = (uint32_t)pg_get_int32(rows, row, 5),
		.last_number = (uint64_t)pg_get_int64(rows, row, 6),
	};
	struct money *const totals[] = {
		&account.credit_limit,	 &account.balance_ceiling,
		&account.debits_posted,	 &account.credits_posted,
		&account.debits_pending, &account.credits_pending,
	};

	for (int i = 0; i < 6; i++) {
		if (!get_money(rows, row, 7 + i, totals[i]))
			return APPLY_STATE_WRONG;
	}
	if (!copy_text(pg_get_bytes(rows, row, 1), account.local_address,
		       LOCAL_ADDRESS_SIZE_MAX, &account.local_address_size) ||
	    !copy_text(pg_get_bytes(rows, row, 2), account.display_name,
		       DISPLAY_NAME_SIZE_MAX, &account.display_name_size))
		return APPLY_STATE_WRONG;
	return ledger_load_account(ledger, &account);
}

static enum apply_result load_hold(struct ledger *ledger, const PGresult *rows,
				   int row)
{
	struct hold hold = {
		.number = (uint64_t)pg_get_int64(rows, row, 0),
		.debit = (uint32_t)pg_get_int32(rows, row, 2),
		.credit = (uint32_t)pg_get_int32(rows, row, 3),
		.expires_at_us = (uint64_t)pg_get_time(rows, row, 5),
		.transfer_kind = (uint8_t)pg_get_int16(rows, row, 6),
	};
	struct slice reference = pg_get_bytes(rows, row, 7);

	memcpy(hold.id.bytes, PQgetvalue(rows, row, 1), ID_SIZE);
	hold.has_reference = reference.size == REFERENCE_SIZE;
	if (hold.has_reference)
		memcpy(hold.reference, reference.data, REFERENCE_SIZE);
	if (!get_money(rows, row, 4, &hold.amount))
		return APPLY_STATE_WRONG;
	return ledger_load_hold(ledger, &hold);
}

/* Nothing is damaged: this node was given less memory than the city needs. */
static enum start_result too_small(struct start *start)
{
	const struct ledger *ledger = start->ledger;
	const struct ledger_options *options = &ledger->options;

	if (ledger->account_count == options->accounts_max)
		return start_fail(start, START_LIMITS,
				  "the city has more accounts than "
				  "limits.accounts_max, %u: raise it",
				  options->accounts_max);
	if (ledger->hold_count == options->holds_max)
		return start_fail(start, START_LIMITS,
				  "the city has more open holds than the %u "
				  "that this node takes",
				  options->holds_max);
	return start_fail(start, START_LIMITS,
			  "the city has more actors than the %u that this "
			  "node takes",
			  options->actors_max);
}

static enum start_result load_rows(struct start *start, const char *table,
				   const PGresult *rows, load_row *load)
{
	int count = PQntuples(rows);

	for (int row = 0; row < count; row++) {
		enum apply_result result = load(start->ledger, rows, row);

		if (result == APPLY_TOO_MANY)
			return too_small(start);
		if (result != APPLY_OK)
			return start_fail(start, START_DAMAGED,
					  "table %s, row %lld: %s", table,
					  (long long)pg_get_int64(rows, row, 0),
					  apply_result_name(result));
	}
	return START_OK;
}

/* A whole table by pages of its first column. */
static enum start_result load_table(struct start *start, const char *table,
				    const char *sql, load_row *load)
{
	enum start_result result = START_OK;
	int64_t last = 0;
	uint64_t done = 0;
	int count = PAGE_ROWS;

	while (result == START_OK && count == PAGE_ROWS) {
		struct pg_parameters parameters = { 0 };
		PGresult *rows;

		pg_parameters_int64(&parameters, last);
		pg_parameters_int64(&parameters, PAGE_ROWS);
		rows = pg_query(start->connection, sql, &parameters);
		count = PQntuples(rows);
		result = pg_rows(rows) ? load_rows(start, table, rows, load)
				       : start_away(start);
		if (count > 0)
			last = pg_get_int64(rows, count - 1, 0);
		PQclear(rows);
		done += (uint64_t)count;
		if (start->options->on_progress != NULL && count > 0)
			start->options->on_progress(start->options->context,
						    table, done, 0);
		if (result == START_OK && start_stopped(start))
			result = START_STOPPED;
	}
	return result;
}

static enum start_result load_genesis(struct start *start)
{
	PGresult *rows = pg_query(start->connection, genesis_sql, NULL);
	struct event_genesis genesis = { .format = 1 };
	enum start_result result = START_OK;
	struct slice key;

	if (!pg_rows(rows)) {
		result = start_away(start);
	} else if (PQntuples(rows) != 1 ||
		   PQgetlength(rows, 0, 4) != NODE_KEY_SIZE) {
		result = start_fail(start, START_DAMAGED,
				    "table genesis has no sound row");
	} else {
		genesis.federation = pg_get_bytes(rows, 0, 0);
		genesis.city = pg_get_bytes(rows, 0, 1);
		genesis.unit = pg_get_bytes(rows, 0, 2);
		genesis.decimals = (uint32_t)pg_get_int32(rows, 0, 3);
		key = pg_get_bytes(rows, 0, 4);
		memcpy(genesis.node_key, key.data, NODE_KEY_SIZE);
		if (ledger_load_genesis(start->ledger, &genesis) != APPLY_OK)
			result = start_fail(start, START_DAMAGED,
					    "table genesis does not load");
	}
	PQclear(rows);
	return result;
}

/* Where the tables stand; they must belong to this journal. */
static enum start_result load_projection(struct start *start,
					 struct block_header *at,
					 uint64_t *next_number)
{
	PGresult *rows = pg_query(start->connection, projection_sql, NULL);
	enum start_result result = START_OK;

	if (!pg_rows(rows) || PQntuples(rows) != 1) {
		result = start_away(start);
		PQclear(rows);
		return result;
	}
	start->tables_seq = pg_get_int64(rows, 0, 0);
	*next_number = (uint64_t)pg_get_int64(rows, 0, 3);
	at->seq = (uint64_t)start->tables_seq;
	at->epoch = (uint32_t)pg_get_int32(rows, 0, 2);
	at->created_us = (uint64_t)pg_get_int64(rows, 0, 4);
	if (PQgetlength(rows, 0, 1) == SHA256_SIZE)
		memcpy(at->hash, PQgetvalue(rows, 0, 1), SHA256_SIZE);
	memcpy(start->tables_hash, at->hash, SHA256_SIZE);
	if (start->tables_seq >= 0 &&
	    !slice_equal(pg_get_bytes(rows, 0, 1), pg_get_bytes(rows, 0, 5)))
		result = start_fail(start, START_DAMAGED,
				    "the tables stand at block %lld of another "
				    "journal: rebuild them",
				    (long long)start->tables_seq);
	PQclear(rows);
	return result;
}

static enum start_result load_links(struct start *start)
{
	const char *table = "";

	if (start->ledger->options.links_max == 0)
		return START_OK;
	switch (links_load(start->connection, &start->ledger->links, &table)) {
	case LINKS_LOADED:
		return START_OK;
	case LINKS_LOAD_AWAY:
		return start_away(start);
	case LINKS_LOAD_DAMAGED:
		return start_fail(start, START_DAMAGED,
				  "table %s does not load", table);
	case LINKS_LOAD_TOO_SMALL:
		return start_fail(start, START_LIMITS,
				  "the city has more links or open payments "
				  "than limits.links_max and "
				  "limits.payments_max: raise them");
	}
	clearing_panic(__FILE__, __LINE__, "links load result");
}

static enum start_result load_tables(struct start *start)
{
	struct block_header at = { 0 };
	uint64_t next_number = 1;
	enum start_result result = load_projection(start, &at, &next_number);

	if (result != START_OK || start->tables_seq < 0)
		return result;
	result = load_genesis(start);
	if (result == START_OK)
		result = load_table(start, "actor", actors_sql, load_actor);
	if (result == START_OK)
		result = load_table(start, "account", accounts_sql,
				    load_account);
	if (result == START_OK)
		result = load_table(start, "hold", holds_sql, load_hold);
	if (result == START_OK)
		result = load_links(start);
	if (result == START_OK)
		ledger_load_position(start->ledger, &at, next_number);
	return result;
}

static enum start_result query_number(struct start *start, const char *sql,
				      const struct pg_parameters *parameters,
				      int64_t *out)
{
	PGresult *rows = pg_query(start->connection, sql, parameters);
	enum start_result result = START_OK;

	if (!pg_rows(rows))
		result = start_away(start);
	else if (PQntuples(rows) != 1 || PQgetisnull(rows, 0, 0))
		result = start_fail(start, START_DAMAGED,
				    "the journal has a gap");
	else
		*out = pg_get_int64(rows, 0, 0);
	PQclear(rows);
	return result;
}

/*
 * The first block that can hold an id of the window.  Created never falls, but
 * is the time when a block was opened, and while it waits for those in flight
 * it takes ids of any time before the next one: so the one before the bound
 * counts as well.
 */
static enum start_result find_window(struct start *start, uint64_t bound_us,
				     uint64_t *out)
{
	int64_t low = 0, high = start->tables_seq + 1, created = 0;
	enum start_result result = query_number(start, span_sql, NULL, &low);
	int64_t first = low;

	while (result == START_OK && low < high) {
		struct pg_parameters parameters = { 0 };
		int64_t middle = low + (high - low) / 2;

		pg_parameters_int64(&parameters, middle);
		result =
			query_number(start, created_sql, &parameters, &created);
		if (created < (int64_t)bound_us)
			low = middle + 1;
		else
			high = middle;
	}
	*out = (uint64_t)(low > first ? low - 1 : low);
	return result;
}

static enum start_result source_failed(struct start *start,
				       const struct block_source *source,
				       enum block_source_result result)
{
	if (start_stopped(start))
		return START_STOPPED;
	return start_fail(
		start, result == BLOCK_SOURCE_AWAY ? START_AWAY : START_DAMAGED,
		"%s", source->error);
}

static void progress(struct start *start, const char *step,
		     const struct block_source *source, uint64_t first)
{
	uint64_t done = source->next_seq - first;

	if (start->options->on_progress != NULL &&
	    (done % PROGRESS_BLOCKS == 0 ||
	     source->next_seq > source->last_seq))
		start->options->on_progress(start->options->context, step, done,
					    source->last_seq + 1 - first);
}

/* (rule JOURNAL-20) */
static enum start_result load_ids(struct start *start)
{
	struct block_source source = {
		.connection = start->connection,
		.last_seq = (uint64_t)start->tables_seq,
		.with_memos = true,
	};
	uint64_t now = start->found.head.created_us;
	uint64_t reach = start->ledger->options.id_window_us + ID_SKEW_US;
	enum block_source_result result = BLOCK_SOURCE_BLOCK;
	enum start_result found;
	struct slice payload;
	struct block block;
	uint64_t first;

	found = find_window(start, now > reach ? now - reach : 0, &first);
	if (found != START_OK)
		return found;
	source.next_seq = first;
	if (!block_source_open(&source))
		return start_fail(start, START_AWAY, "out of memory");
	while (result == BLOCK_SOURCE_BLOCK && !start_stopped(start)) {
		result = block_source_next(&source, &block, &payload);
		if (result == BLOCK_SOURCE_BLOCK) {
			ledger_remember_block(start->ledger, &block);
			progress(start, "ids", &source, first);
		}
	}
	if (result != BLOCK_SOURCE_END)
		found = source_failed(start, &source, result);
	block_source_close(&source);
	return found;
}

static enum start_result replay_block(struct start *start, struct block *block,
				      struct slice payload,
				      struct effect *effects)
{
	struct apply_fault fault = { 0 };
	struct closed_block closed = {
		.header = block->header,
		.payload = payload,
		.entry_count = block->entry_count,
		.effects = effects,
	};
	enum apply_result result;

	result = ledger_apply_block(start->ledger, block, effects, &fault);
	if (result == APPLY_TOO_MANY)
		return too_small(start);
	if (result != APPLY_OK)
		return start_fail(start, START_DAMAGED, "block %llu, %s %u: %s",
				  (unsigned long long)block->header.seq,
				  fault.in_event ? "event" : "entry",
				  fault.index, apply_result_name(fault.result));
	ledger_block_done(start->ledger, &block->header);
	if (!projector_push(start->projector, &closed, true))
		return start_stopped(start)
			       ? START_STOPPED
			       : start_fail(start, START_FENCED,
					    "the projector has stopped");
	return START_OK;
}

/* (rule JOURNAL-19) */
static enum start_result replay(struct start *start)
{
	uint64_t first = (uint64_t)(start->tables_seq + 1);
	struct block_source source = {
		.connection = start->connection,
		.sha256 = start->options->sha256,
		.next_seq = first,
		.last_seq = start->found.head.seq,
		.with_memos = true,
	};
	struct effect *effects = calloc(BLOCK_ENTRIES_MAX, sizeof(*effects));
	enum block_source_result result = BLOCK_SOURCE_BLOCK;
	enum start_result found = START_OK;
	struct slice payload;
	struct block block;

	memcpy(source.hash, start->tables_hash, SHA256_SIZE);
	if (effects == NULL || !block_source_open(&source)) {
		free(effects);
		return start_fail(start, START_AWAY, "out of memory");
	}
	while (result == BLOCK_SOURCE_BLOCK && found == START_OK &&
	       !start_stopped(start)) {
		result = block_source_next(&source, &block, &payload);
		if (result != BLOCK_SOURCE_BLOCK)
			break;
		found = replay_block(start, &block, payload, effects);
		progress(start, "replay", &source, first);
	}
	if (found == START_OK && result != BLOCK_SOURCE_END)
		found = source_failed(start, &source, result);
	block_source_close(&source);
	free(effects);
	return found;
}

enum start_result start_load(struct start *start)
{
	enum start_result result;

	if (!pg_run(start->connection,
		    "begin isolation level repeatable read read only"))
		return start_away(start);
	result = load_tables(start);
	if (!pg_run(start->connection, "commit") && result == START_OK)
		result = start_away(start);
	if (result != START_OK)
		return result;
	projector_begin(start->projector, (uint64_t)start->tables_seq,
			start->tables_hash, start->found.head.epoch);
	if (start->tables_seq >= 0)
		result = load_ids(start);
	if (result == START_OK)
		result = replay(start);
	return result;
}
