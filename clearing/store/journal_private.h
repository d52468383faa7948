/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * journal_private: what the files of the journal share, and nobody else sees.
 *
 * Blocks that are not acknowledged stand in one queue, oldest first:
 *
 *   landed ...   found by reading, waiting for a later commit (JOURNAL-9)
 *   in flight    sent on this connection, not answered
 *   closed       bytes that never change, not sent
 *   open         the newest, growing; at most one
 */
#ifndef CLEARING_STORE_JOURNAL_PRIVATE_H
#define CLEARING_STORE_JOURNAL_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "store/journal.h"
#include "store/pg.h"

#define JOURNAL_REASON_SIZE 500

/* Memory for one block, from open to acknowledged. */
struct journal_slot {
	struct block block;
	void *memory;	  /* block_memory_size() */
	uint8_t *payload; /* BLOCK_PAYLOAD_SIZE_MAX */
	struct effect *effects;
	struct closed_block closed;
	bool answered; /* its result was one row; the Sync is to come */
};

/* A block that was sent: all that resolving needs to know of it. */
struct sent_block {
	uint64_t seq;
	uint8_t hash[SHA256_SIZE];
};

/* What the resolver's thread was given, and what it found. */
struct resolver {
	pthread_t thread;
	bool running;
	atomic_bool stop;
	atomic_bool done;
	int wake_fd; /* eventfd: written when done */
	/* given */
	const struct database *database;
	PGconn *old;
	char system_identifier[24];
	struct sent_block acknowledged;
	struct sent_block *sent; /* room for every slot */
	uint32_t sent_count;
	uint32_t attempt; /* since the last commit: how long to wait */
	/* found */
	PGconn *connection; /* prepared; with state UP */
	enum journal_state state;
	uint32_t landed; /* of sent, from the first */
	char reason[JOURNAL_REASON_SIZE];
};

struct journal {
	struct journal_options options;
	struct ledger *ledger;
	PGconn *connection; /* NULL unless UP */
	enum journal_state state;
	char reason[JOURNAL_REASON_SIZE];
	uint64_t doubt_since_us;
	uint64_t wake_us;
	bool wants_write;
	bool warned; /* a WARNING since the last commit */

	struct journal_slot *slots;
	uint32_t slot_count; /* one more than blocks_max: the barrier's */
	uint32_t *free;	     /* stack: the warmest on top */
	uint32_t free_count;
	uint32_t *queue; /* ring of slots, oldest first */
	uint32_t queue_first;
	uint32_t queue_count;
	uint32_t landed_count;
	uint32_t sent_count;
	bool open; /* the newest in the queue is open */

	struct block_header acknowledged;
	struct block_header newest; /* of the closed blocks: the chain's end */
	struct buffer scratch;	    /* for block_hash() */
	struct pg_array memo_index, memo_text, memo_salt;
	struct resolver resolver;
};

/* journal_at: slot @place of the queue, 0 the oldest. */
struct journal_slot *journal_at(const struct journal *journal, uint32_t place);

/* journal_slots_create: memory for every block; false when there is none. */
bool journal_slots_create(struct journal *journal) MUST_CHECK;
void journal_slots_free(struct journal *journal);

/* journal_open_slot: begin a block in a free slot (there is one: checked). */
void journal_open_slot(struct journal *journal, uint64_t now_us);

/*
 * journal_close: encode, chain and hash the open block, which is not empty.
 * From here its bytes never change (rule JOURNAL-8).
 */
void journal_close(struct journal *journal);

/* journal_pop: the oldest block is acknowledged: tell, and free its slot. */
void journal_pop(struct journal *journal);

/*
 * journal_barrier: make sure that a block waits to be sent: close the open one
 * or, when nothing waits, an empty RESUMED (rule JOURNAL-9).  False when all
 * memory is in blocks that landed, one barrier after the other.
 */
bool journal_barrier(struct journal *journal, uint64_t now_us) MUST_CHECK;

/*
 * journal_prepare: put @connection into the writer's mode.  Blocking.
 *
 * @context  of the notice receiver: the journal.
 */
bool journal_prepare(PGconn *connection) MUST_CHECK;

/* journal_system_identifier: of the cluster behind @connection.  Blocking. */
bool journal_system_identifier(PGconn *connection, char out[24]) MUST_CHECK;

/* journal_send: one block, one statement, one Sync (rule JOURNAL-4). */
bool journal_send(struct journal *journal,
		  struct journal_slot *slot) MUST_CHECK;

/* resolver_start: find out on a thread; false when there is no thread. */
bool resolver_start(struct journal *journal) MUST_CHECK;
/* resolver_end: wait for the thread; what it found is in the resolver. */
void resolver_end(struct resolver *resolver);

#endif
