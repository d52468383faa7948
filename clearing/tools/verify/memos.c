/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/memos.h"

#include <inttypes.h>
#include <string.h>

#include "tools/system.h"

#define ROWS_A_ROUND 10000

enum column {
	COLUMN_SEQ,
	COLUMN_INDEX,
	COLUMN_TEXT,
	COLUMN_SALT,
};

void memos_begin(struct memos *memos, struct findings *findings,
		 PGconn *connection)
{
	*memos = (struct memos){ .findings = findings };
	rows_open(&memos->rows, connection, "memo",
		  "select seq, index, text, salt from clearing.memo"
		  " order by seq, index",
		  ROWS_A_ROUND, true);
	memos->has_row = rows_next(&memos->rows);
}

static void step(struct memos *memos)
{
	memos->has_row = rows_next(&memos->rows);
}

/* Does the row stand before entry @index of block @seq? */
static bool is_before(const struct memos *memos, uint64_t seq, uint64_t index)
{
	uint64_t found = (uint64_t)rows_int64(&memos->rows, COLUMN_SEQ);

	return found < seq ||
	       (found == seq &&
		(uint64_t)rows_int64(&memos->rows, COLUMN_INDEX) < index);
}

static void drop_strays(struct memos *memos, uint64_t seq, uint64_t index)
{
	struct finding where = in_table("memo");

	while (memos->has_row && is_before(memos, seq, index)) {
		findings_add(memos->findings, FINDING_MEMO_STRAY, &where,
			     "seq=%" PRId64 ", index=%" PRId64,
			     rows_int64(&memos->rows, COLUMN_SEQ),
			     rows_int64(&memos->rows, COLUMN_INDEX));
		step(memos);
	}
}

static bool fits(const struct memos *memos, const struct entry *entry)
{
	struct slice text = rows_bytes(&memos->rows, COLUMN_TEXT);
	struct slice salt = rows_bytes(&memos->rows, COLUMN_SALT);
	uint8_t bytes[SALT_SIZE + MEMO_SIZE_MAX], hash[SHA256_SIZE];

	if (rows_null(&memos->rows, COLUMN_SALT) || salt.size != SALT_SIZE ||
	    text.size > MEMO_SIZE_MAX)
		return false;
	memcpy(bytes, salt.data, SALT_SIZE);
	memcpy(bytes + SALT_SIZE, text.data, text.size);
	system_sha256(slice_of(bytes, SALT_SIZE + text.size), hash);
	return memcmp(hash, entry->memo_hash, SHA256_SIZE) == 0;
}

static void look_at(struct memos *memos, uint64_t seq, uint32_t index,
		    const struct entry *entry)
{
	struct finding where = at_entry(seq, index);

	where.table = "memo";
	drop_strays(memos, seq, index);
	if (!memos->has_row || is_before(memos, seq, index) ||
	    !is_before(memos, seq, (uint64_t)index + 1)) {
		if (!memos->rows.failed)
			findings_add(memos->findings, FINDING_MEMO_MISSING,
				     &where,
				     "its row is gone; an erased text "
				     "leaves an empty row");
		return;
	}
	memos->count++;
	if (rows_null(&memos->rows, COLUMN_TEXT))
		memos->erased++;
	else if (!fits(memos, entry))
		findings_add(memos->findings, FINDING_MEMO_WRONG, &where,
			     "salt and text do not hash to what the chain "
			     "carries");
	step(memos);
}

void memos_block(struct memos *memos, const struct block *block)
{
	for (uint32_t i = 0; i < block->entry_count; i++) {
		if (block->entries[i].has_memo)
			look_at(memos, block->header.seq, i,
				&block->entries[i]);
	}
	drop_strays(memos, block->header.seq + 1, 0);
}

void memos_skip(struct memos *memos, uint64_t seq)
{
	drop_strays(memos, seq, 0);
	while (memos->has_row && is_before(memos, seq + 1, 0))
		step(memos);
}

bool memos_end(struct memos *memos)
{
	drop_strays(memos, UINT64_MAX, 0);
	rows_close(&memos->rows);
	return !memos->rows.failed;
}
