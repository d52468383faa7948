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
	/* 7 CREDIT_DRAW and 8 are made by the node, never asked for */
	TRANSFER_KIND_LINK = 8, /* one side of it is a neighbour's account */
};

/*
 * Expiry of a hold that has none: a payer's hold behind a promise to another
 * city ends by that city's answer alone (rule PEER-32).  2200-01-01.
 */
#define HOLD_EXPIRES_NEVER_US UINT64_C(7258118400000000)

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
	EVENT_LINK_OPENED = 100,
	EVENT_LINK_BATCH_SEALED = 101,	/* of the own log */
	EVENT_LINK_BATCH_TAKEN = 102,	/* of the neighbour's log */
	EVENT_LINK_BATCH_ADOPTED = 103, /* own, from the neighbour's copy */
	EVENT_LINK_WITHDRAWN = 104,	/* the own log ends earlier now */
	EVENT_LINK_ACKNOWLEDGED = 105,
	EVENT_LINK_LIFE_BEGUN = 106,	/* own */
	EVENT_LINK_LIFE_ADMITTED = 107, /* the neighbour's */
	EVENT_LINK_RECONCILED = 108,
	EVENT_LINK_PAUSED = 109,
	EVENT_LINK_RESUMED = 110,
	EVENT_LINK_COMMANDED = 111, /* who had a line or freeze changed, why */
	EVENT_PAYMENT_HELD = 112,
	EVENT_REJOINED = 113,
	EVENT_ROSTER_ADOPTED = 114,
	EVENT_REQUEST_OPENED = 115,
	EVENT_REQUEST_ENDED = 116,
	EVENT_LINK_GONE = 117,	   /* the roster says: it never comes back */
	EVENT_IN_LEG_ENDED = 118,  /* with it; in the own books alone */
	EVENT_OUT_LEG_ENDED = 119, /* likewise */
	EVENT_NEVER_GIVEN = 120,   /* this city will not settle a payment */
	EVENT_REJOIN_ENDED = 121,
	EVENT_LINK_WITHDRAW_ORDERED = 122, /* by an operator */
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

/* Longest texts of the events of links and payments. */
#define EVENT_BATCH_SIZE_MAX (256u << 10)
#define EVENT_NOTE_SIZE_MAX 140
#define LIFE_NONCE_SIZE 8

/*
 * What happened on a link.  Each kind uses what its line in block_event.c
 * names; @link is the number of LINK_OPENED, from 1.
 */
struct event_link {
	uint32_t link;
	uint32_t account;   /* OPENED: of the position */
	struct slice city;  /* OPENED: the neighbour */
	struct slice batch; /* SEALED, TAKEN, ADOPTED: a Batch as carried */
	/* WITHDRAWN: where the own log ends; ACKNOWLEDGED: up to here;
	 * RECONCILED: how far the neighbour's log went */
	uint64_t seq;
	uint64_t incarnation;		/* LIFE_*, RECONCILED: the own */
	uint8_t nonce[LIFE_NONCE_SIZE]; /* LIFE_* */
	/* PAUSED, RESUMED, COMMANDED, WITHDRAW_ORDERED: */
	struct id id;
	uint32_t actor;
	struct slice reason;
	uint32_t command; /* COMMANDED: enum link_entry_kind */
	struct money line;
};

/*
 * The books hold an amount for payment @id: the origin from the payer, a
 * middle city between two neighbours, a decider for a payee who waits for a
 * key.  At the origin it says besides who asked.
 */
struct event_payment_held {
	struct id id;
	struct id hold_id; /* the HOLD entry in the same block */
	struct id
		parent; /* origin: the command; differs from @id when retried */
	uint32_t actor;
	uint32_t account; /* payer (origin) or payee (decider); 0: middle */
	uint32_t attempt; /* origin: from 1; else 0 */
};

/*
 * A leg with a city that is GONE has ended, though that city's log has ended
 * before (rule PEER-44): posted when @reason is 0, else voided.
 */
struct event_leg_ended {
	uint32_t link; /* with the city that is GONE */
	/* Of the Prepare; OUT: 0 when none is known here (PEER-4). */
	uint64_t seq;
	struct id id;	      /* OUT: the payment */
	uint32_t reason;      /* enum link_reason */
	struct slice at_city; /* that refused; may be empty */
	struct slice proof;   /* OUT: of the decider's answer, or empty */
};

/* (rule PEER-45) */
struct event_never_given {
	struct id id; /* the payment */
	uint8_t terms_hash[SHA256_SIZE];
};

/*
 * An operator had the city go on from a journal that may lack what it once
 * said (rule PEER-22).  REJOIN_ENDED, which has nothing to say, takes it back:
 * all neighbours' logs were compared and taken.
 */
struct event_rejoined {
	uint32_t actor;
	struct slice reason;
	bool closed; /* to local commands until it has ended */
};

struct event_roster_adopted {
	uint64_t version;
	uint8_t hash[SHA256_SIZE];
};

/* A payee asks a payer; either may be in another city. */
struct event_request {
	struct id id;
	uint32_t actor;
	struct slice payer; /* addresses with @city */
	struct slice payee;
	struct money amount;
	struct slice purpose;
	struct slice reference; /* at most 128 bytes */
	uint64_t expires_us;
	uint32_t state; /* ENDED: enum request_state */
};

enum request_state {
	PAYMENT_REQUEST_OPEN = 1,
	PAYMENT_REQUEST_PAID = 2,
	PAYMENT_REQUEST_DECLINED = 3,
	PAYMENT_REQUEST_EXPIRED = 4,
};

/* Is it about a payment request, which is in the tables alone? */
static inline bool event_is_of_request(uint16_t kind)
{
	return kind == EVENT_REQUEST_OPENED || kind == EVENT_REQUEST_ENDED;
}

/* Is it about one link alone: does it have a struct event_link? */
static inline bool event_is_on_link(uint16_t kind)
{
	return (kind >= EVENT_LINK_OPENED && kind <= EVENT_LINK_COMMANDED) ||
	       kind == EVENT_LINK_GONE || kind == EVENT_LINK_WITHDRAW_ORDERED;
}

/* Did somebody order it for a link, with id, actor and reason? */
static inline bool event_is_link_command(uint16_t kind)
{
	return (kind >= EVENT_LINK_PAUSED && kind <= EVENT_LINK_COMMANDED) ||
	       kind == EVENT_LINK_WITHDRAW_ORDERED;
}

struct event {
	uint16_t kind;	/* enum event_kind */
	uint32_t after; /* how many entries of the block come before it */
	union {
		struct event_epoch_started epoch_started;
		struct event_actor_seen actor_seen;
		struct event_account account; /* kinds 3 to 7 */
		struct event_hold_expired hold_expired;
		struct event_genesis genesis;
		struct event_link link; /* kinds 100 to 111, 117, 122 */
		struct event_payment_held payment_held;
		struct event_rejoined rejoined;
		struct event_roster_adopted roster_adopted;
		struct event_request request;	  /* kinds 115, 116 */
		struct event_leg_ended leg_ended; /* kinds 118, 119 */
		struct event_never_given never_given;
	};
};

#endif
