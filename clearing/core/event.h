/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * event: the facts that a journal block carries.
 *
 * Movements and promises of credit are *entries*, numbered densely from 1 in
 * the order of the journal; everything rarer is an *event* with a place among
 * the entries.  Both are plain values: decide makes them, apply (ledger.h)
 * carries them out, block.h writes and reads them.  Texts are views into
 * memory that lives as long as the command or the block.
 */
#ifndef CLEARING_CORE_EVENT_H
#define CLEARING_CORE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/id.h"
#include "core/money.h"

#define SHA256_SIZE 32
#define SALT_SIZE 16
#define MEMO_SIZE_MAX 140
#define REASON_SIZE_MAX 140
#define DISPLAY_NAME_SIZE_MAX 80
#define REFERENCE_SIZE 16
#define NODE_KEY_SIZE 32
#define NONCE_SIZE 16

/* Numbers are for ever: they stand in the journal. */
enum entry_kind {
	ENTRY_TRANSFER = 0, /* posted at once */
	ENTRY_HOLD = 1,	    /* a promise: counts against the limit */
	ENTRY_POST = 2,	    /* the promise kept, in full or part */
	ENTRY_VOID = 3,	    /* the promise given back */
};

#define ENTRY_KIND_COUNT 4

enum transfer_kind {
	TRANSFER_KIND_PAYMENT = 1,
	TRANSFER_KIND_CONTRIBUTION = 2,
	TRANSFER_KIND_LEVY = 3,
	TRANSFER_KIND_CORRECTION = 4,
	TRANSFER_KIND_OPENING_BALANCE = 5,
	TRANSFER_KIND_WRITE_OFF = 6,
	/* 7 CREDIT_DRAW and 8 LINK are made by the node, never asked for */
};

/*
 * One entry.  @debit and @credit are account ids.  For POST and VOID they,
 * the kind and the reference repeat those of the hold, so that an entry can
 * be read by itself; @amount of a VOID is the whole hold's.
 */
struct entry {
	struct id id;	       /* of the command */
	uint8_t kind;	       /* enum entry_kind */
	uint8_t transfer_kind; /* enum transfer_kind */
	bool has_reference;
	bool has_memo; /* TRANSFER, HOLD; VOID: its reason */
	uint32_t debit;
	uint32_t credit;
	uint32_t actor;		/* number of the actor, from 1 */
	struct money amount;	/* > 0 */
	uint64_t expires_at_us; /* HOLD only */
	struct id hold_id;	/* POST, VOID: the HOLD's command id */
	uint8_t reference[REFERENCE_SIZE];
	uint8_t memo_hash[SHA256_SIZE]; /* SHA-256(salt, text) */
};

/*
 * Event numbers are for ever; they are the field numbers in
 * proto/clearing/journal/v1/journal.proto.  8 to 11 of the contract
 * (TRANSFER_POSTED, HOLD_PLACED, HOLD_POSTED, HOLD_VOIDED) are the entry
 * kinds above and never stand here.
 */
enum event_kind {
	EVENT_EPOCH_STARTED = 1,
	EVENT_ACTOR_SEEN = 2,
	EVENT_ACCOUNT_OPENED = 3,
	EVENT_ACCOUNT_LIMITS_SET = 4,
	EVENT_ACCOUNT_FROZEN = 5,
	EVENT_ACCOUNT_UNFROZEN = 6,
	EVENT_ACCOUNT_CLOSED = 7,
	EVENT_HOLD_EXPIRED = 12,
	EVENT_GENESIS = 13, /* block 0 only, first */
	EVENT_RESUMED = 14, /* the empty barrier block after doubt */
};

struct event_epoch_started {
	struct slice node; /* who took over, for people */
	uint8_t nonce[NONCE_SIZE];
};

struct event_actor_seen {
	uint32_t actor; /* number it gets: the next one */
	struct slice uri;
};

/* Commands on accounts: each names its id, actor, account and reason. */
struct event_account {
	struct id id;	/* zero for accounts opened by genesis */
	uint32_t actor; /* 0: the node itself, genesis only */
	uint32_t account;
	struct slice reason; /* empty for ACCOUNT_OPENED */
	/* ACCOUNT_OPENED, ACCOUNT_LIMITS_SET: */
	struct money credit_limit;
	struct money balance_ceiling;
	/* ACCOUNT_LIMITS_SET: what they were */
	struct money old_credit_limit;
	struct money old_balance_ceiling;
	/* ACCOUNT_OPENED: */
	struct slice local_address;
	struct slice display_name;
	bool gateway_allowed;
};

struct event_hold_expired {
	struct id hold_id;
};

struct event_genesis {
	struct slice federation;
	struct slice city;
	struct slice unit;
	uint32_t decimals;
	uint32_t format;		 /* of the payload: 1 */
	uint8_t node_key[NODE_KEY_SIZE]; /* Ed25519 public key */
};

struct event {
	uint8_t kind;	/* enum event_kind */
	uint32_t after; /* how many entries of the block come before it */
	union {
		struct event_epoch_started epoch_started;
		struct event_actor_seen actor_seen;
		struct event_account account; /* kinds 3 to 7 */
		struct event_hold_expired hold_expired;
		struct event_genesis genesis;
	};
};

#endif
