/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * finding: what clearing-verify found to be wrong: a stable name for each
 * kind of damage, and where.  It keeps the first ones and counts all.
 */
#ifndef CLEARING_TOOLS_VERIFY_FINDING_H
#define CLEARING_TOOLS_VERIFY_FINDING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define FINDINGS_KEPT 1000
#define FINDING_TEXT_SIZE 256

enum finding_kind {
	/* the chain */
	FINDING_GENESIS_WRONG,
	FINDING_BLOCK_MISSING,
	FINDING_JOURNAL_CUT,
	FINDING_CHAIN_BROKEN,
	FINDING_HASH_WRONG,
	FINDING_EPOCH_FELL,
	FINDING_TIME_FELL,
	/* what the blocks say */
	FINDING_PAYLOAD_INVALID,
	FINDING_NUMBER_GAP,
	FINDING_ID_TWICE,
	FINDING_ACTOR_UNKNOWN,
	FINDING_ACCOUNT_UNKNOWN,
	FINDING_ACCOUNT_NOT_OPEN,
	FINDING_LIMIT_PASSED,
	FINDING_CEILING_PASSED,
	FINDING_HOLD_UNFIT,
	FINDING_HOLD_ENDED_LATE,
	FINDING_HOLD_EXPIRED_EARLY,
	FINDING_FACT_UNFIT,
	FINDING_SUM_NOT_ZERO,
	/* the logs between cities */
	FINDING_LINK_BATCH_WRONG,
	FINDING_LINK_SIGNATURE_WRONG,
	FINDING_LINK_POSITION_WRONG,
	/* texts beside the chain */
	FINDING_MEMO_MISSING,
	FINDING_MEMO_WRONG,
	FINDING_MEMO_STRAY,
	/* the tables */
	FINDING_PROJECTION_OFF_CHAIN,
	FINDING_ROW_MISSING,
	FINDING_ROW_DIFFERS,
	FINDING_ROW_STRAY,
	FINDING_KINDS,
};

/* Names are for ever: scripts look at them. */
struct finding_meaning {
	const char *name;
	const char *meaning;
};

/* finding_meaning: of each kind, for --help and reports. */
const struct finding_meaning *finding_meaning(enum finding_kind kind);

#define NOWHERE INT64_MIN

struct finding {
	enum finding_kind kind;
	int64_t block; /* NOWHERE where it is about none; so below */
	int64_t entry;
	int64_t event;
	const char *table; /* NULL: none */
	char text[FINDING_TEXT_SIZE];
};

struct findings {
	struct finding kept[FINDINGS_KEPT];
	uint32_t kept_count;
	uint64_t count;
	uint64_t count_by[FINDING_KINDS];
};

/*
 * findings_add: one more.
 *
 * @where   its .block, .entry, .event and .table.
 * @format  what was expected and found, for people.
 */
void findings_add(struct findings *findings, enum finding_kind kind,
		  const struct finding *where, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* at_block, at_entry, at_event, in_table: the @where of findings_add(). */
struct finding at_block(uint64_t block);
struct finding at_entry(uint64_t block, uint32_t entry);
struct finding at_event(uint64_t block, uint32_t event);
struct finding in_table(const char *table);

/* finding_print: one line: NAME, where, what. */
void finding_print(const struct finding *finding, FILE *out);

#endif
