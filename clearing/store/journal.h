/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * journal: the writer.  Closed blocks go in, acknowledged positions come out;
 * in between is PostgreSQL, pipelined, several blocks in flight, and every
 * kind of doubt (rules JOURNAL-n; JOURNAL.md is their source).
 *
 * Non-blocking: the owner's loop waits on journal_socket() and calls
 * journal_advance().  Reconnecting and resolving doubt, which block, run on a
 * thread of the module's own that touches nothing but its connection and a
 * copy of the unacknowledged (seq, hash) list; journal_socket() then is the
 * thread's wake-up descriptor.
 */
#ifndef CLEARING_STORE_JOURNAL_H
#define CLEARING_STORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/record.h"
#include "store/connect.h"

#define JOURNAL_IN_FLIGHT_MAX 4

/*
 *   UP --doubt--> DOUBT --resolved--> UP
 *   UP, DOUBT --another writer--> FENCED
 *   DOUBT --head behind or other--> REWOUND, FORKED
 *   UP, DOUBT --our own block refused--> BROKEN
 */
enum journal_state {
	JOURNAL_UP = 1,
	JOURNAL_DOUBT,	 /* reconnecting, resolving: nothing is lost */
	JOURNAL_FENCED,	 /* final: another node writes (exit 5) */
	JOURNAL_REWOUND, /* final: database behind what was acknowledged (6) */
	JOURNAL_FORKED, /* final: other block where ours was acknowledged (6) */
	JOURNAL_BROKEN, /* final: the database refuses our block for ever */
	/* Final: durability was switched off, or blocks land and land and no
	 * commit is ever sure (7). */
	JOURNAL_UNSAFE,
};

/* A block that is closed: bytes that never change (rule JOURNAL-8). */
struct closed_block {
	struct block_header header;
	struct slice payload;
	uint32_t entry_count;
	struct effect *effects; /* entry_count of them, for the projector */
	struct block_memo *memos;
	uint32_t memo_count;
};

struct journal;

struct journal_options {
	const struct database *database;
	uint32_t queue_blocks_max; /* open + closed + in flight */
	sha256_function *sha256;
	/*
	 * An acknowledged block, in the order of seq, exactly once.  @block is
	 * valid until this returns.
	 */
	void (*on_acknowledged)(void *context,
				const struct closed_block *block);
	/*
	 * The open block is about to be closed: add what belongs at its end,
	 * for which room was reserved (rule PEER-7).  May be NULL.
	 */
	void (*on_close)(void *context, struct block *block);
	void *context;
};

/*
 * journal_create: go on after a takeover.
 *
 * @connection  from start_store(); owned by the journal from now on.
 * @head        the takeover block, which is acknowledged.
 * @ledger      loaded; the next block is ledger->next_seq.
 * Returns NULL, with @connection closed, when memory or descriptors are out.
 */
struct journal *journal_create(const struct journal_options *options,
			       PGconn *connection,
			       const struct block_header *head,
			       struct ledger *ledger) MUST_CHECK;

/*
 * journal_free: close the connection; what is not acknowledged is in doubt
 * for ever as far as this process is concerned.
 */
void journal_free(struct journal *journal);

/*
 * journal_open: the open block with room for @entries and @events more, its
 * header.created_us stamped with @now_us when it was empty.  Closes the
 * present one when it has no room.
 *
 * @effects  receives where the recorder puts effects.
 * Returns NULL when the queue is full: answer OVERLOADED (rule JOURNAL-25).
 */
struct block *journal_open(struct journal *journal, uint32_t entries,
			   uint32_t events, uint64_t now_us,
			   struct effect **effects) MUST_CHECK;

/* journal_open_for: likewise, with room for @room->bytes of texts more. */
struct journal_room {
	uint32_t entries;
	uint32_t events;
	size_t bytes;
};
struct block *journal_open_for(struct journal *journal,
			       const struct journal_room *room, uint64_t now_us,
			       struct effect **effects) MUST_CHECK;

/*
 * journal_flush: at the end of a loop turn: close and send by the rule "idle
 * or full" (rule JOURNAL-7).
 */
void journal_flush(struct journal *journal, uint64_t now_us);

/* journal_advance: read what the server said; call when the socket is ready. */
void journal_advance(struct journal *journal, uint64_t now_us);

/* What to wait for.  The descriptor changes after doubt: ask each turn. */
int journal_socket(const struct journal *journal);
bool journal_wants_write(const struct journal *journal);
/* When journal_advance() is to be called at the latest; 0: no need. */
uint64_t journal_wake_us(const struct journal *journal);

/* Positions: newest durable, and newest with anything recorded in it. */
uint64_t journal_acknowledged(const struct journal *journal);
uint64_t journal_newest(const struct journal *journal);
/* journal_head: the newest durable block, for the state file. */
void journal_head(const struct journal *journal, struct block_header *out);
enum journal_state journal_state(const struct journal *journal);
/* Since when in doubt; 0 when not. */
uint64_t journal_doubt_since_us(const struct journal *journal);
/* One line for the log and the operator: why it is not UP. */
const char *journal_reason(const struct journal *journal);

#endif
