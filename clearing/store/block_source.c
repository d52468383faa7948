/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/block_source.h"

#include <stdlib.h>
#include <string.h>

#include "store/pg.h"

/* Full blocks are 256 KiB: a chunk is at most about 16 MB. */
#define CHUNK_BLOCKS 64
/* The arrays of the largest block, twice over; touched as they are used. */
#define ARENA_SIZE (8u << 20)
#define HASH_OVERHEAD 128

static const char rows_sql[] =
	"select seq, epoch, created, prev_hash, hash, payload"
	" from clearing.journal where seq >= $1::bigint and seq <= $2::bigint"
	" order by seq";
static const char memos_sql[] =
	"select seq, index, text, salt from clearing.memo"
	" where seq >= $1::bigint and seq <= $2::bigint order by seq, index";

bool block_source_open(struct block_source *source)
{
	size_t scratch = BLOCK_PAYLOAD_SIZE_MAX + HASH_OVERHEAD;
	void *arena = malloc(ARENA_SIZE);
	void *bytes = malloc(scratch);

	arena_init(&source->arena, arena, ARENA_SIZE);
	buffer_init(&source->scratch, bytes, scratch);
	source->memo_list =
		calloc(BLOCK_ENTRIES_MAX, sizeof(struct block_memo));
	if (arena != NULL && bytes != NULL && source->memo_list != NULL)
		return true;
	block_source_close(source);
	return false;
}

void block_source_close(struct block_source *source)
{
	PQclear(source->rows);
	PQclear(source->memos);
	free(source->arena.memory);
	free(source->scratch.data);
	free(source->memo_list);
	source->rows = NULL;
	source->memos = NULL;
	source->arena.memory = NULL;
	source->scratch.data = NULL;
	source->memo_list = NULL;
}

static enum block_source_result away(struct block_source *source)
{
	pg_text(source->error, sizeof(source->error), "%s",
		PQerrorMessage(source->connection));
	return BLOCK_SOURCE_AWAY;
}

static enum block_source_result damaged(struct block_source *source,
					const char *what)
{
	pg_text(source->error, sizeof(source->error), "block %llu: %s",
		(unsigned long long)source->next_seq, what);
	return BLOCK_SOURCE_DAMAGED;
}

static enum block_source_result fetch(struct block_source *source)
{
	struct pg_parameters parameters = { 0 };
	uint64_t last = source->next_seq + CHUNK_BLOCKS - 1;

	if (last > source->last_seq)
		last = source->last_seq;
	PQclear(source->rows);
	PQclear(source->memos);
	source->memos = NULL;
	source->row = 0;
	source->memo = 0;
	pg_parameters_int64(&parameters, (int64_t)source->next_seq);
	pg_parameters_int64(&parameters, (int64_t)last);
	source->rows = pg_query(source->connection, rows_sql, &parameters);
	if (!pg_rows(source->rows))
		return away(source);
	if (!source->with_memos)
		return BLOCK_SOURCE_BLOCK;
	source->memos = pg_query(source->connection, memos_sql, &parameters);
	return pg_rows(source->memos) ? BLOCK_SOURCE_BLOCK : away(source);
}

static bool read_header(const struct block_source *source,
			struct block_header *out)
{
	const PGresult *rows = source->rows;
	struct slice prev_hash = pg_get_bytes(rows, source->row, 3);
	struct slice hash = pg_get_bytes(rows, source->row, 4);

	if (prev_hash.size != SHA256_SIZE || hash.size != SHA256_SIZE)
		return false;
	out->seq = (uint64_t)pg_get_int64(rows, source->row, 0);
	out->epoch = (uint32_t)pg_get_int32(rows, source->row, 1);
	out->created_us = (uint64_t)pg_get_int64(rows, source->row, 2);
	memcpy(out->prev_hash, prev_hash.data, SHA256_SIZE);
	memcpy(out->hash, hash.data, SHA256_SIZE);
	return true;
}

/* (rule JOURNAL-2) */
static bool is_chained(struct block_source *source,
		       const struct block_header *header, struct slice payload)
{
	uint8_t hash[SHA256_SIZE];

	if (source->sha256 == NULL)
		return true;
	if (payload.size > BLOCK_PAYLOAD_SIZE_MAX ||
	    memcmp(header->prev_hash, source->hash, SHA256_SIZE) != 0)
		return false;
	source->scratch.size = 0;
	block_hash(header, payload, source->sha256, &source->scratch, hash);
	memcpy(source->hash, header->hash, SHA256_SIZE);
	return memcmp(hash, header->hash, SHA256_SIZE) == 0;
}

/* The memos of this block: a text that was erased has no data. */
static void take_memos(struct block_source *source, struct block *block)
{
	int count = source->memos == NULL ? 0 : PQntuples(source->memos);

	block->memos = source->memo_list;
	block->memo_count = 0;
	while (source->memo < count && block->memo_count < BLOCK_ENTRIES_MAX) {
		int row = source->memo;
		uint64_t seq = (uint64_t)pg_get_int64(source->memos, row, 0);
		struct slice salt = pg_get_bytes(source->memos, row, 3);
		struct block_memo *memo;

		if (seq > source->next_seq)
			return;
		source->memo++;
		if (seq < source->next_seq)
			continue;
		memo = &block->memos[block->memo_count++];
		*memo = (struct block_memo){
			.index = (uint32_t)pg_get_int32(source->memos, row, 1),
			.text = pg_get_bytes(source->memos, row, 2),
		};
		if (salt.size == SALT_SIZE)
			memcpy(memo->salt, salt.data, SALT_SIZE);
	}
}

static enum block_source_result decode(struct block_source *source,
				       struct slice payload, struct block *out)
{
	struct block_fault fault = { 0 };
	enum block_decode_result result;

	arena_reset(&source->arena);
	result = block_decode(payload, out->header.created_us, &source->arena,
			      out, &fault);
	if (result == BLOCK_DECODED)
		return BLOCK_SOURCE_BLOCK;
	pg_text(source->error, sizeof(source->error),
		"block %llu, field %u, %s %u: %s",
		(unsigned long long)source->next_seq, fault.field,
		fault.in_event ? "event" : "entry", fault.index,
		block_decode_result_name(result));
	return BLOCK_SOURCE_DAMAGED;
}

enum block_source_result block_source_next(struct block_source *source,
					   struct block *out,
					   struct slice *payload)
{
	enum block_source_result result;

	if (source->next_seq > source->last_seq)
		return BLOCK_SOURCE_END;
	if (source->rows == NULL || source->row == PQntuples(source->rows)) {
		result = fetch(source);
		if (result != BLOCK_SOURCE_BLOCK)
			return result;
	}
	*out = (struct block){ 0 };
	if (source->row == PQntuples(source->rows) ||
	    !read_header(source, &out->header) ||
	    out->header.seq != source->next_seq)
		return damaged(source, "missing");
	*payload = pg_get_bytes(source->rows, source->row, 5);
	if (!is_chained(source, &out->header, *payload))
		return damaged(source, "the hash chain is broken");
	result = decode(source, *payload, out);
	if (result != BLOCK_SOURCE_BLOCK)
		return result;
	take_memos(source, out);
	source->row++;
	source->next_seq++;
	return BLOCK_SOURCE_BLOCK;
}
