/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * record: decide, apply, and write into the open block, as one step.
 *
 * The recorder is where a command becomes facts: it names the actor (an
 * ACTOR_SEEN comes before the first fact of each), salts and hashes the memo,
 * applies to the ledger and appends to the open block.  What it appended is
 * not durable until the block is; who tells others waits for it.
 */
#ifndef CLEARING_CORE_RECORD_H
#define CLEARING_CORE_RECORD_H

#include "core/decide.h"

struct recorder {
	struct ledger *ledger;
	struct block *block;	/* open; .header.seq == ledger->next_seq */
	struct effect *effects; /* BLOCK_ENTRIES_MAX of them, as the entries */
	sha256_function *sha256;
	/* random_fill: good random bytes for salts. */
	void (*random_fill)(uint8_t *bytes, size_t size);
};

/* What a client is told of one command. */
struct answer {
	uint32_t refusal;   /* 0: done (now or before) */
	bool recorded;	    /* it had been done before */
	uint64_t position;  /* journal seq of the block that has it */
	uint64_t number;    /* of the entry, or the account's id */
	struct money limit; /* of a refusal: see struct decision */
	struct money value;
};

/*
 * record_transfers: carry out @count commands in order.
 *
 * @answers  one each.  Linked groups are all or none: the first that fails
 *           carries its refusal, the others LINKED_FAILED; a group still open
 *           at the end is LINKED_OPEN; one that mixes recorded and new ids is
 *           ID_CONFLICT (rules LEDGER-10, LEDGER-11).
 * The open block must have room for @count entries and one event (checked).
 */
void record_transfers(struct recorder *recorder,
		      const struct transfer_command *commands, uint32_t count,
		      const struct caller *caller, uint64_t now_us,
		      struct answer *answers);

/* record_*: one command; the open block has room for an entry, two events. */
void record_place_hold(struct recorder *recorder,
		       const struct place_hold_command *command,
		       const struct caller *caller, uint64_t now_us,
		       struct answer *answer);
void record_post_hold(struct recorder *recorder,
		      const struct post_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct answer *answer);
void record_void_hold(struct recorder *recorder,
		      const struct void_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct answer *answer);
void record_open_account(struct recorder *recorder,
			 const struct open_account_command *command,
			 const struct caller *caller, uint64_t now_us,
			 struct answer *answer);

/* Which command on an account. */
enum account_command_kind {
	ACCOUNT_COMMAND_SET_LIMITS,
	ACCOUNT_COMMAND_FREEZE,
	ACCOUNT_COMMAND_UNFREEZE,
	ACCOUNT_COMMAND_CLOSE,
};

void record_account_command(struct recorder *recorder,
			    enum account_command_kind kind,
			    const struct account_command *command,
			    const struct caller *caller, uint64_t now_us,
			    struct answer *answer);

/*
 * record_expiries: expire what is due at @now_us, at most @count_max and as
 * far as the block has room (rule LEDGER-15).  Returns how many.
 */
uint32_t record_expiries(struct recorder *recorder, uint64_t now_us,
			 uint32_t count_max);

/*
 * What the node does by itself for payments between cities; peer decided it,
 * and no limit is asked here (rule PEER-18).  The block has room.
 *
 * record_id: a fresh id for an entry that no client named.
 * record_actor: the number of @uri, named now if it never was.
 * record_booking: @entry, complete but for .id and .actor, done by @uri.
 * record_link_event: an event of the kinds from 100 on.
 * record_rejoined: the city goes on from a journal that may lack what it once
 *   said, @uri says so and why; @closed to local commands (rule PEER-22).
 * record_own_account: an account that the node needs, without a limit and
 *   with the highest ceiling; opened by @uri, its number.
 */
struct id record_id(const struct recorder *recorder);
uint32_t record_actor(struct recorder *recorder, struct slice uri);
void record_booking(struct recorder *recorder, struct entry *entry,
		    struct slice memo, struct slice uri);
void record_link_event(struct recorder *recorder, struct event *event,
		       struct hash128 content);
void record_rejoined(struct recorder *recorder, struct slice uri,
		     struct slice reason, bool closed);
uint32_t record_own_account(struct recorder *recorder, struct slice local,
			    struct slice display_name, struct slice uri);

/*
 * record_genesis: the facts of block 0 into the empty block @block: genesis
 * itself and the two system accounts, in this order for ever.
 */
void record_genesis(struct block *block, const struct event_genesis *genesis);

#endif
