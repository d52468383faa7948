/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay: the auditor's own run through the journal's facts.  The ledger of
 * core/ carries them out; what a node checks before it lets a fact happen is
 * asked here of every fact again: limits, states, ids, holds (rules LEDGER-n).
 */
#ifndef CLEARING_TOOLS_VERIFY_REPLAY_H
#define CLEARING_TOOLS_VERIFY_REPLAY_H

#include "core/ledger.h"
#include "tools/verify/finding.h"
#include "tools/verify/idset.h"
#include "tools/verify/logs.h"
#include "tools/verify/tables.h"

struct replay {
	struct ledger ledger;
	void *memory;
	size_t memory_size;
	struct idset ids;
	struct logs logs;
	struct findings *findings;
	struct tables *tables; /* NULL: behind what the tables have seen */
	bool stopped;	 /* a fact could not be applied: nothing more is */
	bool recovering; /* the block brings facts back */
	uint64_t entries;
	/* The latest hold that expired in the newest block with expiries. */
	uint64_t expired_at_us;
	uint64_t expired_seq;
	uint32_t expired_event;
};

/* replay_init: an empty city.  False when memory cannot be reserved. */
bool replay_init(struct replay *replay, struct findings *findings) MUST_CHECK;
void replay_release(struct replay *replay);

/*
 * replay_block: carry out a decoded block, and say what should not have been.
 * @block  .header is the row's.
 */
void replay_block(struct replay *replay, const struct block *block);

/*
 * replay_time: node time had reached @now_us by when the next block was
 * opened: holds that expired until then were due.
 */
void replay_time(struct replay *replay, uint64_t now_us);

/*
 * replay_sum: balances must sum to zero (rule LEDGER-4), and those of
 * neighbours must be what both logs say.
 */
void replay_sum(struct replay *replay);

#endif
