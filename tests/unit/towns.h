/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * towns: up to four cities in one process for tests of the engine between
 * them: "alpha", "beta", "gamma", "delta" in a row, each with a link to the
 * next.  Every block is durable at once, every message arrives; a test that
 * wants it otherwise takes the steps itself.  A city has the coops "c0" and
 * "c1" with a limit of 1000.00 and a ceiling of 5000.00.
 */
#ifndef CLEARING_TESTS_TOWNS_H
#define CLEARING_TESTS_TOWNS_H

#include "peer/peer.h"

#define TOWNS_MAX 4
#define TOWN_BLOCKS_MAX 512
#define TOWN_BATCHES_MAX 256
#define TOWN_OUTCOMES_MAX 64
/* 2026-01-01T00:00:00Z: when these tests happen. */
#define TOWNS_NOW_US UINT64_C(1767225600000000)

/* A batch or a block, as bytes. */
struct town_bytes {
	uint8_t *data;
	size_t size;
	uint64_t first_seq;
	uint64_t created_us; /* of a block */
	uint32_t link;
	bool own;
};

struct town {
	struct towns *towns;
	struct slice name;
	uint32_t number;
	struct ledger ledger;
	struct peer peer;
	struct block block;
	struct effect *effects;
	void *ledger_memory, *peer_memory, *block_memory;
	bool block_open;
	bool full; /* no block has room */
	struct town_bytes blocks[TOWN_BLOCKS_MAX];
	uint32_t block_count;
	struct town_bytes batches[TOWN_BATCHES_MAX];
	uint32_t batch_count;
	struct peer_outcome outcomes[TOWN_OUTCOMES_MAX];
	uint32_t outcome_count;
	uint32_t alarms;
	uint32_t forks; /* batches that were kept as evidence */
	/* By link number - 1, in this process; all ones: nothing withdrawn. */
	uint64_t withdrawn_to[TOWNS_MAX];
	uint64_t roster_version;
	uint32_t line; /* what it gives each neighbour at first */
	uint8_t uri[64];
	uint32_t uri_size;
};

struct towns {
	uint32_t count;
	uint64_t now_us;
	struct town town[TOWNS_MAX];
	bool cut[TOWNS_MAX][TOWNS_MAX]; /* messages that way are lost */
	bool is_gone[TOWNS_MAX];
	bool is_lost[TOWNS_MAX]; /* its process has ended for good */
	bool unordered; /* nobody says that a restored town was restored */
	bool revoked[TOWNS_MAX]; /* its key "k1"; it signs with "k2" */
	uint32_t ids_made;
	uint8_t id_bytes[64][ID_SIZE];
};

/* towns_create: @count cities, founded, up and reconciled; lines 100000. */
struct towns *towns_create(uint32_t count);
/* towns_create_with: likewise with other first lines. */
struct towns *towns_create_with(uint32_t count, uint32_t line);
void towns_free(struct towns *towns);

/* towns_run: turns and messages until nothing moves any more. */
void towns_run(struct towns *towns);
/* towns_wait: the clock goes on, second by second, everybody works on. */
void towns_wait(struct towns *towns, uint32_t seconds);

/* towns_revoke: the key of town @number, in a roster that reaches all. */
void towns_revoke(struct towns *towns, uint32_t number);

/* town_turn: one turn; the block is closed and durable. */
void town_turn(struct town *town);
/* town_rejoin: as an operator says after a restore (rule PEER-22). */
void town_rejoin(struct town *town, bool closed);

/*
 * town_restart: a new process; @blocks of its journal are left (0: all), which
 * its operator orders to rejoin.
 */
void town_restart(struct town *town, uint32_t blocks);
/* town_open: a recorder of the open block. */
struct recorder town_open(struct town *town);

/*
 * towns_lose: the process of town @number ends, and never comes back; what it
 * sent has arrived.  towns_mark_gone: the roster that says so reaches all.
 */
void towns_lose(struct towns *towns, uint32_t number);
void towns_mark_gone(struct towns *towns, uint32_t number);

/* town_link: its link with @other, and what is known of it in this life. */
struct link *town_link(struct town *town, const struct town *other);
const struct peer_session *town_session(struct town *town,
					const struct town *other);

/* town_account: of coop "c@number". */
const struct account *town_account(const struct town *town, uint32_t number);
int64_t town_balance(const struct town *town, uint32_t number);
/* town_position: the balance of its account about @other. */
int64_t town_position(struct town *town, const struct town *other);

/* town_id: a fresh id of now; valid for the next 63 of them. */
struct slice town_id(struct towns *towns);
struct caller town_caller(const struct town *town);

/* town_pay: c0 pays @payee, which is a whole address; the refusal. */
uint32_t town_pay(struct town *town, const char *payee, int64_t amount_minor,
		  struct slice id);
/* town_command: on the link with @other, confirmed; the refusal. */
uint32_t town_command(struct town *town, enum link_command_kind kind,
		      const struct town *other, int64_t line_minor);

/* town_outcome: of the order @id, or NULL. */
const struct peer_outcome *town_outcome(const struct town *town,
					struct slice id);

/*
 * town_forge: a batch of @author for @reader, signed, with @entries; the
 * header is what comes next in the log that @reader has taken.  @change may
 * spoil it before it is signed.
 */
typedef void town_change(struct link_header *header);
struct slice town_forge(struct town *author, struct town *reader,
			const struct link_entry *entries, uint32_t count,
			town_change *change);

/* town_deliver: @batch of @author reaches @reader; the answer. */
enum peer_answer town_deliver(struct town *author, struct town *reader,
			      struct slice batch);

/* A stand-in for Ed25519: who has the key can sign. */
void town_key(uint32_t number, uint8_t key[NODE_KEY_SIZE]);

#endif
