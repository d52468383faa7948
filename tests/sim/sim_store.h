/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_store: the database of one city, in memory: closed blocks as bytes, of
 * which a first part is acknowledged; and the batches of its links' logs, as
 * its tables would give them.  A crash loses what never landed; a restore
 * takes acknowledged blocks away again.
 */
#ifndef CLEARING_TESTS_SIM_SIM_STORE_H
#define CLEARING_TESTS_SIM_SIM_STORE_H

#include "core/block.h"
#include "core/linklog.h"

#define SIM_LINKS_MAX 8

struct sim_block {
	struct block_header header;
	uint8_t *payload; /* owned */
	size_t size;
	bool has_state; /* .state is what the city's state hashed to */
	uint64_t state;
};

struct sim_batch {
	uint64_t first_seq;
	uint64_t last_seq;
	uint64_t block; /* seq of the journal block that has it */
	uint8_t *bytes; /* owned; a Batch as carried */
	size_t size;
};

/* Batches in the order of their seqs. */
struct sim_log {
	struct sim_batch *batches;
	uint32_t count;
	uint32_t capacity;
};

struct sim_store {
	struct sim_block *blocks;
	uint32_t count;
	uint32_t capacity;
	uint32_t acknowledged;		     /* how many of them */
	struct sim_log own[SIM_LINKS_MAX];   /* by link number - 1 */
	struct sim_log taken[SIM_LINKS_MAX]; /* of the neighbours */
};

/* sim_store_free: everything it owns. */
void sim_store_free(struct sim_store *store);

/* sim_store_add: one more closed block; @payload is copied. */
struct sim_block *sim_store_add(struct sim_store *store,
				const struct block_header *header,
				struct slice payload);

/* sim_store_cut: only the first @count blocks are left; no logs. */
void sim_store_cut(struct sim_store *store, uint32_t count);

/* sim_store_follow: carry the log events of block @seq into the logs. */
void sim_store_follow(struct sim_store *store, const struct block *block,
		      uint64_t seq);

/* sim_log_at: the batch that begins at @seq, or NULL. */
const struct sim_batch *sim_log_at(const struct sim_log *log, uint64_t seq);

/* sim_log_from: index of the first batch that ends at @seq or later. */
uint32_t sim_log_from(const struct sim_log *log, uint64_t seq);

#endif
