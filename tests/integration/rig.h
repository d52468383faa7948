/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rig: a node's store without the node: ledger, journal, projector, and the
 * loop that turns them, for tests.  City "barcelona" of federation "demo".
 */
#ifndef CLEARING_TESTS_RIG_H
#define CLEARING_TESTS_RIG_H

#include "core/record.h"
#include "integration/postgres.h"
#include "store/journal.h"
#include "store/start.h"

#define RIG_WAIT_MS 20000

/* What on_acknowledged was told. */
struct acknowledged {
	uint64_t seq;
	uint8_t hash[SHA256_SIZE];
};

struct rig {
	struct postgres *postgres;
	char name[64]; /* of the database */
	struct database database;
	struct ledger ledger;
	void *ledger_memory;
	struct projector *projector;
	struct journal *journal;
	struct started started;
	struct caller caller;
	bool project; /* hand acknowledged blocks to the projector */
	bool takeover;
	const char *city; /* as configured: barcelona */
	const struct acknowledged_head *known;
	const atomic_bool *stop; /* for the start */
	uint32_t queue_blocks_max;
	uint32_t accounts_max;
	uint32_t links_max; /* 0: a city without links */
	uint64_t clock_us;  /* 0: the wall clock; else this one */
	char error[START_ERROR_SIZE];
	struct acknowledged *acknowledged;
	uint32_t acknowledged_count, acknowledged_capacity;
};

/* rig_create: a fresh database with block 0; nothing started. */
void rig_create(struct rig *rig, struct postgres *postgres, const char *name);
/* rig_attach: a second rig on the database of @other. */
void rig_attach(struct rig *rig, const struct rig *other);

/* rig_start: take over and load; on START_OK journal and projector run. */
enum start_result rig_start(struct rig *rig);
/* rig_stop: like a node that ends; the database stays. */
void rig_stop(struct rig *rig);

uint64_t rig_now(const struct rig *rig);

/* rig_block: room in the open block, as a recorder; fails the test if none. */
struct recorder rig_block(struct rig *rig, uint32_t entries, uint32_t events);

/* rig_account: open @address with a large limit and ceiling; its id. */
uint32_t rig_account(struct rig *rig, const char *address);

/* rig_id: a fresh command id. */
struct id rig_id(const struct rig *rig);

/* rig_transfers: @count transfers of 1 minor unit each, one request. */
void rig_transfers(struct rig *rig, uint32_t debit, uint32_t credit,
		   uint32_t count);

struct rig_item {
	uint32_t debit, credit;
	int64_t amount_minor;
	const char *memo; /* NULL: none */
	struct id id;
};

/* rig_transfer: one; its entry's number. */
uint64_t rig_transfer(struct rig *rig, const struct rig_item *item);
/* rig_try: likewise, whatever the answer. */
struct answer rig_try(struct rig *rig, const struct rig_item *item);
/* rig_limits, rig_command: commands on an account. */
void rig_limits(struct rig *rig, uint32_t account, int64_t limit_minor);
void rig_command(struct rig *rig, enum account_command_kind kind,
		 uint32_t account);
/* rig_expire: expiries due at the rig's time; how many. */
uint32_t rig_expire(struct rig *rig);
/* rig_hold: likewise, place one that expires after @seconds. */
void rig_hold(struct rig *rig, const struct rig_item *item, uint32_t seconds);
/* rig_post, rig_void: end the hold. */
void rig_post(struct rig *rig, struct id hold_id, int64_t amount_minor);
void rig_void(struct rig *rig, struct id hold_id);

/* rig_turn: one loop turn, waiting at most @ms for the journal. */
void rig_turn(struct rig *rig, int ms);

/* rig_settle: turn until all is acknowledged; fails the test at a deadline. */
void rig_settle(struct rig *rig);
/* rig_wait_state: turn until the journal is in @state. */
void rig_wait_state(struct rig *rig, enum journal_state state);
/* rig_wait_projected: until the tables stand at what is acknowledged. */
void rig_wait_projected(struct rig *rig);

/* rig_number, rig_run: SQL as superuser in the rig's database. */
long long rig_number(struct rig *rig, const char *sql);
void rig_run(struct rig *rig, const char *sql);

/* rig_expect_same: two ledgers stand for the same city, places apart. */
void rig_expect_same(const struct ledger *a, const struct ledger *b);

/* rig_tables: a text that differs when any projection table does. */
char *rig_tables(struct rig *rig);

/*
 * rig_expect_sound: the journal is one chain with right hashes, and has each
 * acknowledged block; every query of sql/invariants gives nothing.
 */
void rig_expect_sound(struct rig *rig);

void rig_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);
void rig_random(uint8_t *bytes, size_t size);

#endif
