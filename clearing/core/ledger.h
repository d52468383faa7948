/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ledger: one city's state in memory, and apply, the only code that changes
 * it.  Deciding is next door (decide.h): it reads the state and proposes
 * entries and events; apply carries out facts and never asks whether they
 * should have happened, so that a later rule cannot change the past.
 *
 * Rules LEDGER-n of proto/README.md.
 */
#ifndef CLEARING_CORE_LEDGER_H
#define CLEARING_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/index.h"
#include "core/block.h"
#include "core/event.h"
#include "core/identity.h"
#include "core/idwindow.h"
#include "core/links.h"
#include "core/name.h"

enum account_state {
	ACCOUNT_OPEN = 1,
	ACCOUNT_FROZEN = 2,
	ACCOUNT_CLOSED = 3,
};

/* Accounts that exist from the genesis block on. */
#define ACCOUNT_COMMONS 1u /* city/commons */
#define ACCOUNT_LOSS 2u	   /* city/loss */
/* Who pays or is paid where an account got lost (rule PEER-18). */
#define RECOVERED_LOCAL_ADDRESS "city/recovered"

struct account {
	uint32_t id; /* from 1; 0 is no account */
	uint8_t state;
	bool gateway_allowed;
	uint8_t local_address_size;
	uint8_t display_name_size;
	uint32_t holds_open; /* holds on either side of it */
	struct money credit_limit;
	struct money balance_ceiling;
	struct money debits_posted; /* growing totals */
	struct money credits_posted;
	struct money debits_pending; /* what open holds reserve now */
	struct money credits_pending;
	uint64_t last_number; /* newest posted entry it is part of, or 0 */
	uint8_t local_address[LOCAL_ADDRESS_SIZE_MAX];
	uint8_t display_name[DISPLAY_NAME_SIZE_MAX];
};

/* An open hold.  Ended ones live in the tables only. */
struct hold {
	struct id id;
	uint64_t number; /* of its HOLD entry */
	uint64_t expires_at_us;
	struct money amount;
	uint32_t debit;
	uint32_t credit;
	uint32_t heap_at; /* place in the expiry heap */
	uint8_t transfer_kind;
	bool has_reference;
	uint8_t reference[REFERENCE_SIZE];
};

struct actor {
	uint32_t number;    /* from 1 */
	uint64_t base_hash; /* ledger_base_hash() of its base */
	uint16_t uri_size;
	uint16_t base_size; /* of the uri without /person/NAME */
	uint8_t uri[IDENTITY_URI_SIZE_MAX];
};

struct ledger_options {
	uint32_t accounts_max; /* at most INDEX_NONE - 1, likewise below */
	uint32_t holds_max;
	uint32_t actors_max;
	uint32_t ids_max;
	uint64_t id_window_us;
	struct siphash_key key; /* random, this process's own */
	/* Neighbours and payments to them; 0 of both: a city by itself. */
	uint32_t links_max;
	uint32_t payments_max;
	sha256_function *sha256; /* for links; else unused */
};

struct ledger {
	/* from genesis */
	bool has_genesis;
	uint8_t federation_size, city_size, unit_size;
	uint8_t federation[NAME_SIZE_MAX];
	uint8_t city[NAME_SIZE_MAX];
	uint8_t unit[NAME_SIZE_MAX];
	uint32_t decimals;
	uint8_t node_key[NODE_KEY_SIZE];

	struct account *accounts; /* accounts[id - 1] */
	uint32_t account_count;
	struct actor *actors; /* actors[number - 1] */
	uint32_t actor_count;
	struct hold *holds;   /* slots; see hold_free */
	uint32_t *heap;	      /* slots of open holds, soonest expiry first */
	uint32_t *holds_free; /* stack of free slots below holds_used */
	uint32_t hold_count;
	uint32_t holds_used;
	uint32_t holds_free_count;
	struct index accounts_by_address;
	struct index actors_by_uri;
	struct index holds_by_id;
	struct idwindow ids;
	struct links links;

	uint64_t next_number; /* of the next entry, from 1 */
	uint64_t next_seq;    /* of the next block */
	uint32_t epoch;
	uint64_t time_us; /* of the newest block; node time never falls */

	/* Sum of max(0, -balance) over coop accounts; fits 2^53 x 2^31. */
	__int128 credit_issued_minor;

	struct ledger_options options;
};

/* ledger_memory_size: bytes that ledger_init() wants for @options. */
size_t ledger_memory_size(const struct ledger_options *options);

/*
 * ledger_init: an empty ledger.
 *
 * @memory  ledger_memory_size(@options) bytes, all zero, aligned to 16; the
 *          caller keeps them.  Zero pages are touched only as they are used.
 */
void ledger_init(struct ledger *ledger, const struct ledger_options *options,
		 void *memory);

/* ledger_account: the account with @id, or NULL. */
const struct account *ledger_account(const struct ledger *ledger, uint64_t id);

/* ledger_account_at: the account with the local address, or NULL. */
const struct account *ledger_account_at(const struct ledger *ledger,
					struct slice local);

/* ledger_hold: the *open* hold that command @id placed, or NULL. */
const struct hold *ledger_hold(const struct ledger *ledger,
			       const struct id *id);

/* ledger_hold_due: the open hold that expires first, or NULL. */
const struct hold *ledger_hold_due(const struct ledger *ledger);

/* ledger_actor: the actor with the whole URI, or NULL if never seen. */
const struct actor *ledger_actor(const struct ledger *ledger, struct slice uri);

/* ledger_actor_by_number: the actor with @number (1 ..), or NULL. */
const struct actor *ledger_actor_by_number(const struct ledger *ledger,
					   uint32_t number);

/*
 * ledger_can_name: is @uri an actor already, or is there room for one more?
 * The caller of a recorder asks first; no room is OVERLOADED.
 */
bool ledger_can_name(const struct ledger *ledger, struct slice uri);

/* account_is_coop: not one of the reserved names city and link. */
bool account_is_coop(const struct account *account);

/* account_local, account_coop, account_display_name: views into @account. */
struct slice account_local(const struct account *account);
struct slice account_coop(const struct account *account);
struct slice account_display_name(const struct account *account);

/* account_balance: credits posted - debits posted. */
struct money account_balance(const struct account *account);

/*
 * account_may_pay: does balance - pending debits - @amount stay at or above
 * -credit_limit?  account_may_receive: does balance + pending credits +
 * @amount stay at or below the ceiling?  (Rules LEDGER-5, LEDGER-6.)
 */
bool account_may_pay(const struct account *account, struct money amount);
bool account_may_receive(const struct account *account, struct money amount);

/*
 * account_debits_fit, account_credits_fit: can @amount be added to the posted
 * total once everything pending is posted too (rules LEDGER-1, LEDGER-14)?
 */
bool account_debits_fit(const struct account *account, struct money amount);
bool account_credits_fit(const struct account *account, struct money amount);

/* Why a fact cannot be applied: the journal is damaged. */
enum apply_result {
	APPLY_OK = 0,
	APPLY_GENESIS_MISPLACED, /* second one, or not first */
	APPLY_ACTOR_UNKNOWN,
	APPLY_ACTOR_MISNUMBERED,
	APPLY_ACTOR_TWICE,
	APPLY_ACCOUNT_UNKNOWN,
	APPLY_ACCOUNT_MISNUMBERED,
	APPLY_ADDRESS_TAKEN,
	APPLY_STATE_WRONG, /* account or limits not as the event says */
	APPLY_HOLD_UNKNOWN,
	APPLY_HOLD_TWICE,
	APPLY_HOLD_DIFFERS, /* POST or VOID does not fit its hold */
	APPLY_TOTAL_TOO_LARGE,
	APPLY_ID_TWICE,	    /* an id of the window again */
	APPLY_NUMBER_WRONG, /* entry numbers have a gap */
	APPLY_TOO_MANY,	    /* accounts, holds or actors: raise the limits */
	APPLY_LINK_WRONG,   /* a log between cities does not fit */
};

/* apply_result_name: for messages. */
const char *apply_result_name(enum apply_result result);

/*
 * What an entry did that its columns do not say: the projector needs it.
 * The previous posted entries of the two accounts (0: none), and the amount
 * that a POST or VOID gave back to the pending totals.
 */
struct effect {
	uint64_t debit_previous;
	uint64_t credit_previous;
	struct money released;
};

/*
 * ledger_apply_entry: carry out @entry as entry ledger->next_number of block
 * ledger->next_seq.
 *
 * @content  of ledger_content(), for the window; zero if unknown.
 * @effect   written on APPLY_OK.
 * Anything but APPLY_OK leaves the ledger as it was.
 */
enum apply_result ledger_apply_entry(struct ledger *ledger,
				     const struct entry *entry,
				     struct hash128 content,
				     struct effect *effect) MUST_CHECK;

/*
 * ledger_undo_transfer: take back the newest applied entry, a TRANSFER, as
 * part of a linked group that failed.
 */
void ledger_undo_transfer(struct ledger *ledger, const struct entry *entry,
			  const struct effect *effect);

/*
 * ledger_undo_actor: take back the newest actor, which no fact names yet, as
 * part of a linked group that failed.
 */
void ledger_undo_actor(struct ledger *ledger);

/* ledger_apply_event: the same for an event. */
enum apply_result ledger_apply_event(struct ledger *ledger,
				     const struct event *event,
				     struct hash128 content) MUST_CHECK;

/*
 * ledger_apply_link_event: likewise for the kinds from 100 on.
 *
 * @now_us  of the block.
 * @replay  see links_apply().
 */
enum apply_result ledger_apply_link_event(struct ledger *ledger,
					  const struct event *event,
					  struct hash128 content,
					  uint64_t now_us,
					  bool replay) MUST_CHECK;

/*
 * ledger_block_done: the block @header is complete; the next one begins.
 * Advances next_seq, time and epoch.
 */
void ledger_block_done(struct ledger *ledger,
		       const struct block_header *header);

/* Where replay stopped. */
struct apply_fault {
	enum apply_result result;
	uint32_t index;
	bool in_event;
};

/*
 * ledger_apply_block: a whole decoded block, in the order of rule JOURNAL-14;
 * the caller calls ledger_block_done() after it.
 *
 * @block    .memos holds the texts for contents of the id window, by rising
 *           index; an entry whose memo is not there, or erased (data NULL), is
 *           remembered with a content that matches anything.
 * @effects  entry_count of them.
 * @fault    written on failure; the ledger is then unusable.
 */
enum apply_result ledger_apply_block(struct ledger *ledger,
				     const struct block *block,
				     struct effect *effects,
				     struct apply_fault *fault) MUST_CHECK;

/* ledger_base_hash: of a caller's URI without /person/NAME. */
uint64_t ledger_base_hash(const struct ledger *ledger, struct slice base);

/*
 * ledger_content_of_entry, ledger_content_of_event: the canonical record's
 * hash: what makes two commands with one id the same command (rule LEDGER-8).
 * Only what the client said counts, not what the node added.
 *
 * @base_hash  ledger_base_hash() of the caller.
 * @memo       the text; empty when there is none.
 */
struct hash128 ledger_content_of_entry(const struct ledger *ledger,
				       const struct entry *entry,
				       uint64_t base_hash, struct slice memo);
struct hash128 ledger_content_of_event(const struct ledger *ledger,
				       const struct event *event,
				       uint64_t base_hash);

/* Loading from the tables, in this order, before any block is applied. */
enum apply_result
ledger_load_genesis(struct ledger *ledger,
		    const struct event_genesis *genesis) MUST_CHECK;
enum apply_result ledger_load_actor(struct ledger *ledger, uint32_t number,
				    struct slice uri) MUST_CHECK;
/* @account as it stands in the table; ids must come in order from 1. */
enum apply_result ledger_load_account(struct ledger *ledger,
				      const struct account *account) MUST_CHECK;
/* Pending totals are in the account rows; this only makes the hold known. */
enum apply_result ledger_load_hold(struct ledger *ledger,
				   const struct hold *hold) MUST_CHECK;
/* ledger_load_position: what is loaded is the state after this block. */
void ledger_load_position(struct ledger *ledger,
			  const struct block_header *header,
			  uint64_t next_number);

/*
 * ledger_remember_block: ids of a block that is already in the loaded state
 * (recovery of the window only; changes nothing else).
 */
void ledger_remember_block(struct ledger *ledger, const struct block *block);

#endif
