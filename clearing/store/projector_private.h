/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * projector_private: what the files of the projector share, and nobody else
 * sees.
 *
 *   queue -> batch (columns, net totals) -> one transaction
 */
#ifndef CLEARING_STORE_PROJECTOR_PRIVATE_H
#define CLEARING_STORE_PROJECTOR_PRIVATE_H

#include "base/index.h"
#include "core/links.h"
#include "store/links_load.h"
#include "store/pg.h"
#include "store/projector.h"

#define PROJECTOR_REASON_SIZE 400
/* Larger batches net account totals no better (JOURNAL.md, section 4.2). */
#define BATCH_ENTRIES_MAX 131072

/* A copy of an acknowledged block; effects and payload follow the struct. */
struct queued_block {
	struct queued_block *next;
	struct block_header header;
	uint32_t entry_count;
	struct effect *effects;
	struct slice payload;
};

/* queued_block_copy: a copy the caller frees with free(); NULL: no memory. */
struct queued_block *
queued_block_copy(const struct closed_block *block) MUST_CHECK;

/* Where the tables stand: the row of clearing.projection. */
struct tables_position {
	int64_t seq; /* -1: nothing projected */
	uint8_t hash[SHA256_SIZE];
	uint64_t next_number;
	int64_t time_us;
};

/* What a batch does to one account, net. */
struct account_change {
	uint32_t account;
	int32_t holds_open;
	int64_t debits_posted, credits_posted;
	int64_t debits_pending, credits_pending;
	uint64_t last_number;
	uint8_t state; /* 0: as it was */
	bool limits;
	int64_t credit_limit, balance_ceiling;
};

/* A hold that the batch places, as it stands at the batch's end. */
struct placed_hold {
	struct entry entry;
	uint64_t number;
	uint64_t seq;
	uint32_t index;
	uint8_t state;
	int64_t posted_amount;
	uint64_t ended_seq;
	uint32_t ended_actor;
};

/* Payments whose rows are owed at the batch's end; arrays by slot. */
struct changed_payments {
	uint32_t *slots; /* .count of them are listed, each once */
	uint32_t count;
	bool *is_listed;
	bool *is_owed; /* not written since it changed */
};

enum {
	TRANSFER_COLUMNS = 14,
	HOLD_COLUMNS = 15,
	ENDED_COLUMNS = 5,
	EXPIRED_COLUMNS = 2,
	ACTOR_COLUMNS = 2,
	ACCOUNT_COLUMNS = 6,
	CHANGE_COLUMNS = 11,
	COMMAND_COLUMNS = 4,
	TOTAL_COLUMNS = 7,
	SETTING_COLUMNS = 4,
	LINK_COLUMNS = 32,
	LINK_LIFE_COLUMNS = 5,
	LINK_BATCH_COLUMNS = 10,
	LINK_WITHDRAWN_COLUMNS = 3,
	LINK_CHANGE_COLUMNS = 9,
	PAYMENT_COLUMNS = 33,
	REQUEST_COLUMNS = 10,
	REQUEST_ENDED_COLUMNS = 3,
};

/* All that one transaction writes; reused from batch to batch. */
struct batch {
	struct pg_array transfer[TRANSFER_COLUMNS];
	struct pg_array hold[HOLD_COLUMNS];
	struct pg_array ended[ENDED_COLUMNS]; /* holds of earlier batches */
	struct pg_array expired[EXPIRED_COLUMNS];
	struct pg_array actor[ACTOR_COLUMNS];
	struct pg_array account[ACCOUNT_COLUMNS];
	struct pg_array change[CHANGE_COLUMNS];
	struct pg_array command[COMMAND_COLUMNS];
	struct pg_array total[TOTAL_COLUMNS];
	struct pg_array setting[SETTING_COLUMNS];
	struct pg_array link[LINK_COLUMNS];
	struct pg_array link_life[LINK_LIFE_COLUMNS];
	struct pg_array link_batch[LINK_BATCH_COLUMNS];
	struct pg_array link_withdrawn[LINK_WITHDRAWN_COLUMNS];
	struct pg_array link_change[LINK_CHANGE_COLUMNS];
	struct pg_array payment[PAYMENT_COLUMNS];	/* the tables' first */
	struct pg_array payment_again[PAYMENT_COLUMNS]; /* those they have */
	struct pg_array request[REQUEST_COLUMNS];
	struct pg_array request_ended[REQUEST_ENDED_COLUMNS];
	/* The projector's own links, at the batch's end (projector_links.c);
	 * NULL where blocks are only looked at. */
	struct links *links;
	struct links_options links_options;
	void *links_memory;
	size_t links_memory_size;
	bool links_changed;
	struct changed_payments changed;
	uint64_t first_payment; /* the tables have those below */
	const char *unfit;	/* a block does not fit the links: why */
	bool has_genesis;
	struct event_genesis genesis; /* texts of the first block's payload */
	struct placed_hold *holds;
	uint32_t hold_count, hold_capacity;
	struct index holds_by_id;
	void *index_memory;
	struct account_change *accounts;
	uint32_t account_count, account_capacity;
	uint32_t *account_at; /* by account id: place in accounts + 1 */
	uint32_t account_at_size;
	struct tables_position from, to;
	bool failed; /* no memory */
	/* of the block being added */
	const struct block_header *header;
};

/* batch_create: false without memory. */
bool batch_create(struct batch *batch) MUST_CHECK;
void batch_release(struct batch *batch);

/* batch_begin: empty, on top of @from. */
void batch_begin(struct batch *batch, const struct tables_position *from);

/*
 * batch_add: the facts of the next block.
 *
 * @block  decoded; its texts stay valid until the batch is written.
 */
void batch_add(struct batch *batch, const struct block *block,
	       const struct effect *effects);

/* batch_command: a row of clearing.command. */
void batch_command(struct batch *batch, const struct id *id, int16_t kind,
		   uint32_t index);

/*
 * batch_add_link_event: an event of the kinds from 100 on; .unfit says why it
 * does not fit.  batch_name_links: the batch has genesis.
 */
void batch_add_link_event(struct batch *batch, const struct event *event,
			  uint32_t index);
void batch_name_links(struct batch *batch, const struct event_genesis *genesis);

/* batch_finish_payments: rows of the payments that changed and go on. */
void batch_finish_payments(struct batch *batch);

/*
 * shadow_links_create: links of @options for the batch; shadow_links_load:
 * make them as the tables are, after each connect.  LINKS_LOAD_AWAY also
 * where there is no memory; see links_load() for @table.
 */
bool shadow_links_create(struct batch *batch,
			 const struct links_options *options) MUST_CHECK;
enum links_load_result shadow_links_load(struct batch *batch,
					 PGconn *connection,
					 const char **table) MUST_CHECK;
void shadow_links_release(struct batch *batch);

/* batch_finish: order accounts and holds into their columns. */
void batch_finish(struct batch *batch);

/* batch_account: what the batch does to @account; NULL without memory. */
struct account_change *batch_account(struct batch *batch, uint32_t account);

/* month_of: days from 2000-01-01 to the first of the month, UTC. */
int32_t month_of(int64_t time_us);

enum batch_result {
	BATCH_WRITTEN = 0,
	BATCH_AWAY,  /* lost, or the tables stand elsewhere: look again */
	BATCH_UNFIT, /* the tables refuse it for ever */
};

/*
 * batch_write: one transaction (rule JOURNAL-16).
 *
 * @epoch   of this node.
 * @reason  PROJECTOR_REASON_SIZE bytes, written unless BATCH_WRITTEN.
 */
enum batch_result batch_write(struct batch *batch, PGconn *connection,
			      uint32_t epoch, char *reason) MUST_CHECK;

/* batch_prepare: the statements of batch_write() on a new connection. */
bool batch_prepare(PGconn *connection) MUST_CHECK;

/*
 * block_recover: block @seq from the journal, with the effects it had, made
 * again from tables that stand at @seq - 1.  NULL: the database is away, or
 * the block is not there.
 */
struct queued_block *block_recover(PGconn *connection, uint64_t seq) MUST_CHECK;

#endif
