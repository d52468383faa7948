/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The projector commits asynchronously, so a crash of the server may take its
 * last moments back, after the blocks were dropped from memory.  They are in
 * the journal; what the ledger knew beside them (the previous transfers of an
 * account, what a post released) is in the tables that stand just below.
 */
#include <stdlib.h>
#include <string.h>

#include "store/block_source.h"
#include "store/projector_private.h"

static const char accounts_sql[] = "select id, last_number from "
				   "clearing.account where id = any($1::int[])";
static const char holds_sql[] =
	"select id, amount from clearing.hold where id = any($1::uuid[])";

struct recovery {
	PGconn *connection;
	const struct block *block;
	struct effect *effects;
	struct batch scratch; /* only its map of accounts is used */
	struct pg_array array;
};

/* Posted totals move by TRANSFER and POST alone. */
static bool is_posted(const struct entry *entry)
{
	return entry->kind == ENTRY_TRANSFER || entry->kind == ENTRY_POST;
}

static bool ask(struct recovery *recovery, const char *sql, PGresult **rows)
{
	struct pg_parameters parameters = { 0 };

	if (recovery->array.failed)
		return false;
	pg_parameters_bytes(&parameters, pg_array_view(&recovery->array));
	*rows = pg_query(recovery->connection, sql, &parameters);
	if (pg_rows(*rows))
		return true;
	PQclear(*rows);
	return false;
}

static bool load_last_numbers(struct recovery *recovery)
{
	const struct block *block = recovery->block;
	struct account_change *account;
	PGresult *rows;

	for (uint32_t i = 0; i < block->entry_count; i++) {
		if (!batch_account(&recovery->scratch,
				   block->entries[i].debit) ||
		    !batch_account(&recovery->scratch,
				   block->entries[i].credit))
			return false;
	}
	pg_array_reset(&recovery->array, PG_INT4);
	for (uint32_t i = 0; i < recovery->scratch.account_count; i++)
		pg_array_int32(&recovery->array,
			       (int32_t)recovery->scratch.accounts[i].account);
	if (!ask(recovery, accounts_sql, &rows))
		return false;
	for (int row = 0; row < PQntuples(rows); row++) {
		account = batch_account(&recovery->scratch,
					(uint32_t)pg_get_int32(rows, row, 0));
		if (account != NULL)
			account->last_number =
				(uint64_t)pg_get_int64(rows, row, 1);
	}
	PQclear(rows);
	return true;
}

/* The walk that the ledger made: who was moved by which entry before. */
static void make_previous(struct recovery *recovery, uint64_t first_number)
{
	const struct block *block = recovery->block;

	for (uint32_t i = 0; i < block->entry_count; i++) {
		const struct entry *entry = &block->entries[i];
		struct account_change *debit, *credit;

		if (!is_posted(entry))
			continue;
		debit = batch_account(&recovery->scratch, entry->debit);
		credit = batch_account(&recovery->scratch, entry->credit);
		check(debit != NULL && credit != NULL);
		recovery->effects[i].debit_previous = debit->last_number;
		recovery->effects[i].credit_previous = credit->last_number;
		debit->last_number = first_number + i;
		credit->last_number = first_number + i;
	}
}

static const struct entry *placed_before(const struct block *block,
					 uint32_t index)
{
	const struct id *id = &block->entries[index].hold_id;

	for (uint32_t i = 0; i < index; i++) {
		if (block->entries[i].kind == ENTRY_HOLD &&
		    id_equal(&block->entries[i].id, id))
			return &block->entries[i];
	}
	return NULL;
}

/* A POST releases the whole hold, placed in this block or in the table. */
static bool make_released(struct recovery *recovery)
{
	const struct block *block = recovery->block;
	PGresult *rows;
	bool sound = true;

	for (uint32_t i = 0; sound && i < block->entry_count; i++) {
		const struct entry *entry = &block->entries[i];
		const struct entry *hold = NULL;

		if (entry->kind == ENTRY_VOID)
			recovery->effects[i].released = entry->amount;
		if (entry->kind != ENTRY_POST)
			continue;
		hold = placed_before(block, i);
		if (hold != NULL) {
			recovery->effects[i].released = hold->amount;
			continue;
		}
		pg_array_reset(&recovery->array, PG_UUID);
		pg_array_bytes(&recovery->array,
			       slice_of(entry->hold_id.bytes, ID_SIZE));
		if (!ask(recovery, holds_sql, &rows))
			return false;
		sound = PQntuples(rows) == 1 &&
			money_in_range(pg_get_int64(rows, 0, 1));
		if (sound)
			recovery->effects[i].released =
				money_of(pg_get_int64(rows, 0, 1));
		PQclear(rows);
	}
	return sound;
}

static struct queued_block *recover(struct recovery *recovery,
				    struct slice payload)
{
	const struct block *block = recovery->block;
	struct queued_block *copy = NULL;

	recovery->effects =
		calloc(block->entry_count + 1, sizeof(struct effect));
	if (recovery->effects != NULL && load_last_numbers(recovery) &&
	    make_released(recovery)) {
		make_previous(recovery, block->first_number);
		copy = queued_block_copy(&(struct closed_block){
			.header = block->header,
			.payload = payload,
			.entry_count = block->entry_count,
			.effects = recovery->effects,
		});
	}
	free(recovery->effects);
	return copy;
}

struct queued_block *block_recover(PGconn *connection, uint64_t seq)
{
	struct block_source source = {
		.connection = connection,
		.next_seq = seq,
		.last_seq = seq,
	};
	struct recovery recovery = { .connection = connection };
	struct queued_block *copy = NULL;
	struct slice payload;
	struct block block;

	if (!batch_create(&recovery.scratch))
		return NULL;
	if (!block_source_open(&source)) {
		batch_release(&recovery.scratch);
		return NULL;
	}
	recovery.block = &block;
	if (block_source_next(&source, &block, &payload) == BLOCK_SOURCE_BLOCK)
		copy = recover(&recovery, payload);
	block_source_close(&source);
	pg_array_release(&recovery.array);
	batch_release(&recovery.scratch);
	return copy;
}
