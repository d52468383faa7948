/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * memos: texts beside the chain against their salted hashes in it (rule
 * JOURNAL-24).  An erased text is counted and is no damage.
 */
#ifndef CLEARING_TOOLS_VERIFY_MEMOS_H
#define CLEARING_TOOLS_VERIFY_MEMOS_H

#include "core/block.h"
#include "tools/verify/finding.h"
#include "tools/verify/rows.h"

struct memos {
	struct rows rows;
	struct findings *findings;
	bool has_row;
	uint64_t count;
	uint64_t erased;
};

/* memos_begin: read the table on @connection, which no other cursor uses. */
void memos_begin(struct memos *memos, struct findings *findings,
		 PGconn *connection);

/* memos_block: the texts of the next block, which was decoded. */
void memos_block(struct memos *memos, const struct block *block);

/* memos_skip: the next block could not be decoded: take its texts as given. */
void memos_skip(struct memos *memos, uint64_t seq);

/* memos_end: what is left is stray.  False when it could not be read. */
bool memos_end(struct memos *memos) MUST_CHECK;

#endif
