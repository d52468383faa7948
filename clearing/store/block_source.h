/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * block_source: blocks read back from the journal, decoded, in the order of
 * seq, a chunk a query.  Blocking; for loading and for rebuilding tables.
 */
#ifndef CLEARING_STORE_BLOCK_SOURCE_H
#define CLEARING_STORE_BLOCK_SOURCE_H

#include <libpq-fe.h>

#include "base/arena.h"
#include "core/block.h"

#define BLOCK_SOURCE_ERROR_SIZE 300

enum block_source_result {
	BLOCK_SOURCE_BLOCK = 0,
	BLOCK_SOURCE_END,     /* the last one was given */
	BLOCK_SOURCE_AWAY,    /* the database does not answer */
	BLOCK_SOURCE_DAMAGED, /* gap, chain, hash or payload */
};

struct block_source {
	PGconn *connection;	   /* the caller's */
	sha256_function *sha256;   /* NULL: chain and hashes are not checked */
	uint8_t hash[SHA256_SIZE]; /* of the block before; with .sha256 */
	uint64_t next_seq;
	uint64_t last_seq;
	bool with_memos; /* fill block.memos */
	/* own */
	PGresult *rows, *memos;
	int row, memo;
	struct arena arena;
	struct buffer scratch;
	struct block_memo *memo_list;
	char error[BLOCK_SOURCE_ERROR_SIZE];
};

/*
 * block_source_open: the fields above "own" are set, the others zero.
 * Returns false without memory.
 */
bool block_source_open(struct block_source *source) MUST_CHECK;
void block_source_close(struct block_source *source);

/*
 * block_source_next: one block.
 *
 * @out      decoded, with its header; it and @payload are valid until the next
 *           call.
 * On AWAY and DAMAGED source->error says what and where.
 */
enum block_source_result block_source_next(struct block_source *source,
					   struct block *out,
					   struct slice *payload) MUST_CHECK;

#endif
