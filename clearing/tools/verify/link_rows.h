/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * link_rows: what the tables of links and payments must hold, told from the
 * auditor's own replay.  Rows of links follow from where the replay ends;
 * those of batches and payments change while it goes on, so they are kept in
 * memory, long texts as their hashes.
 */
#ifndef CLEARING_TOOLS_VERIFY_LINK_ROWS_H
#define CLEARING_TOOLS_VERIFY_LINK_ROWS_H

#include "core/links.h"
#include "tools/verify/compare.h"

/* A payment as its row must be; 0.4 kB each. */
struct known_payment {
	struct id id, parent, hold_id;
	uint8_t role, in_state, out_state;
	bool in_answered, booked, duplicate, accepted, open;
	uint8_t attempt;
	uint32_t in_link, out_link;
	uint64_t in_seq, out_seq, answer_seq;
	uint64_t amount_minor;
	uint64_t decide_by_us, started_us, ended_us;
	uint32_t account, actor, reason;
	uint8_t at_city_size;
	uint8_t at_city[NAME_SIZE_MAX];
	uint8_t key_size;
	uint8_t key[LINKLOG_LOCK_SIZE];
	uint8_t texts_hash[SHA256_SIZE]; /* payer, payee, path, reference */
	uint8_t terms_hash[SHA256_SIZE];
	uint8_t proof_hash[SHA256_SIZE];
};

struct known_batch {
	uint32_t link;
	bool own;
	uint64_t first_seq;
	uint64_t withdrawn_seq; /* 0: it stands */
	struct link_boundary end;
	uint8_t hash[SHA256_SIZE]; /* of the batch as carried */
};

struct known_life {
	uint32_t link;
	bool own;
	struct link_life life;
	uint64_t seq; /* of the block */
};

struct known_request {
	struct id id;
	uint64_t seq;
	uint32_t index;
	uint32_t actor;
	int64_t amount_minor;
	uint64_t expires_us;
	uint32_t state; /* 0, or how it ended */
	uint64_t ended_seq;
	uint8_t texts_hash[SHA256_SIZE]; /* payer, payee, purpose, reference */
};

/* Rows that grow; in the order in which they came. */
struct known {
	void *rows;
	size_t count, capacity;
};

struct link_rows {
	struct findings *findings;
	PGconn *connection;
	struct links *links; /* the replay's; NULL: nothing is watched */
	struct comparison change;
	struct known payments; /* by number - 1 */
	struct known batches;
	struct known lives;
	struct known requests;
	struct known ends; /* of requests: known_request, id, state, ended */
	bool changed;
};

/*
 * link_rows_begin: watch @links, whose payments it is told of from now on.
 *
 * @connection  shared with other cursors.
 */
void link_rows_begin(struct link_rows *rows, struct findings *findings,
		     PGconn *connection, struct links *links);

/* link_rows_stop: the replay goes on behind what the tables have seen. */
void link_rows_stop(struct link_rows *rows);
void link_rows_release(struct link_rows *rows);

/* link_rows_event: an event of kinds 100 on, which was carried out. */
void link_rows_event(struct link_rows *rows, const struct block_header *header,
		     uint32_t index, const struct event *event);

/*
 * link_rows_end: the replay stands where the tables do: compare.
 * @error  ROWS_ERROR_SIZE bytes.  False when a table could not be read.
 */
bool link_rows_end(struct link_rows *rows, char *error) MUST_CHECK;

#endif
