/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * city: a whole core in memory for tests: ledger, open block, recorder, and
 * short ways to give commands.  City "demo" of federation "f", unit "credit".
 */
#ifndef CLEARING_TESTS_CITY_H
#define CLEARING_TESTS_CITY_H

#include "core/record.h"

/* 2026-01-01T00:00:00Z: when these tests happen. */
#define CITY_NOW_US UINT64_C(1767225600000000)

struct city {
	struct ledger ledger;
	struct block block;
	struct effect *effects;
	struct recorder recorder;
	struct caller gateway;
	uint64_t now_us;
	uint32_t ids_made;
	uint8_t id_bytes[16][ID_SIZE]; /* newest ids handed out */
	void *ledger_memory;
	void *block_memory;
};

/* city_create: genesis applied, block 0 done, block 1 open. */
struct city *city_create(void);
/* city_create_sized: with limits other than the small ones. */
struct city *city_create_sized(const struct ledger_options *options);
void city_free(struct city *city);

/*
 * city_turn_block: close the open block as @header and open the next.
 * @payload  receives a copy of the payload that the caller frees.
 */
struct slice city_turn_block(struct city *city, struct block_header *header);

/* city_id: the bytes of a fresh id of the present millisecond. */
struct slice city_id(struct city *city);
/* city_id_at: likewise of another time. */
struct slice city_id_at(struct city *city, uint64_t time_us);

/* city_open: open "@name@demo" with limit and ceiling; its account id. */
uint32_t city_open(struct city *city, const char *address, int64_t limit_minor,
		   int64_t ceiling_minor);

/* city_transfer: a plain transfer command between two account ids. */
struct transfer_command city_transfer(struct city *city, uint64_t debit,
				      uint64_t credit, int64_t amount_minor);

/* city_post: record one; the refusal. */
uint32_t city_post(struct city *city, const struct transfer_command *command);

/* city_balance: of an account, in minor units. */
int64_t city_balance(const struct city *city, uint32_t account);

/* city_sum: of all balances. */
int64_t city_sum(const struct city *city);

/*
 * city_expect_same: two ledgers hold the same accounts, holds, actors and
 * position.
 */
void city_expect_same(const struct ledger *a, const struct ledger *b);

/* A stand-in for SHA-256 where only sameness matters. */
void city_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);

#endif
