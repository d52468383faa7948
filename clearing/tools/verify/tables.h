/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tables: what each table of the projection must hold after a block, told
 * from the auditor's own replay.  The order of calls is that of the journal.
 */
#ifndef CLEARING_TOOLS_VERIFY_TABLES_H
#define CLEARING_TOOLS_VERIFY_TABLES_H

#include "core/ledger.h"
#include "tools/verify/compare.h"
#include "tools/verify/link_rows.h"

/* A hold as the table knows it: open ones and ended ones. */
struct known_hold {
	struct entry placed;
	uint64_t number;
	uint64_t placed_seq;
	uint32_t placed_index;
	uint8_t state; /* 1 open, 2 posted, 3 voided, 4 expired */
	struct money posted_amount;
	uint64_t ended_seq;
	uint32_t ended_actor; /* 0: none */
};

struct tables {
	struct findings *findings;
	PGconn *rest; /* for the small tables */
	struct comparison transfer;
	struct comparison change;
	struct comparison command;
	struct comparison account_month;
	struct comparison month_start;
	struct link_rows links;
	struct known_hold *holds; /* by rising number */
	size_t hold_count, hold_capacity;
	int64_t month; /* of the block before, counted from January 2000 */
	uint64_t month_first; /* number */
	bool month_known;
};

/*
 * tables_begin: start reading; the two connections share a snapshot.
 *
 * @ledger  of the replay: payments that change in it are told to @tables.
 * @busy    for the transfer table alone; @rest for all others.
 */
void tables_begin(struct tables *tables, struct ledger *ledger, PGconn *busy,
		  PGconn *rest, struct findings *findings);
/* tables_release: before the connections are finished. */
void tables_release(struct tables *tables);

/*
 * tables_block: a block begins, and with it perhaps a month: the month before
 * is closed as @ledger stands, before the block is applied.
 */
void tables_block(struct tables *tables, const struct ledger *ledger,
		  const struct block_header *header, uint64_t first_number);

/* An entry that was applied. */
struct applied {
	const struct block_header *header;
	const struct entry *entry;
	const struct effect *effect;
	uint64_t number;
	uint64_t hold_number; /* POST, VOID: of the hold it ended */
	uint32_t index;
};

void tables_entry(struct tables *tables, const struct applied *applied);

/*
 * tables_event: likewise an event.
 * @hold_number  HOLD_EXPIRED: of the hold it ended.
 */
void tables_event(struct tables *tables, const struct block_header *header,
		  uint32_t index, const struct event *event,
		  uint64_t hold_number);

/* tables_command_of: false when no command made @event; its id otherwise. */
bool tables_command_of(const struct event *event, struct id *out) MUST_CHECK;

/* tables_commands: the commands of a whole block, events before voids. */
void tables_commands(struct tables *tables, const struct block *block);

/*
 * tables_end: @ledger stands where the tables do: compare what is left.
 * @error  ROWS_ERROR_SIZE bytes.  False when a table could not be read.
 */
bool tables_end(struct tables *tables, const struct ledger *ledger,
		char *error) MUST_CHECK;

#endif
