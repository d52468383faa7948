/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * links: what is known of the neighbours: two logs a link, their totals, and
 * the payments whose legs are not all answered.  Here is the only code that
 * changes it: entries the own city appends, and events of the journal.  It
 * never asks whether something should have happened: that is peer's.
 *
 * It knows no account but by number and moves no credit: the ledger's entries
 * beside these events do.  So the projector can keep a second one, apply the
 * same blocks, and write into the tables what changed.
 *
 *   in-leg:   NONE -> WAITING -> HELD -> POSTED | VOIDED   (the creditor's)
 *   out-leg:  NONE -> PENDING -> POSTED | VOIDED           (the debtor's)
 *
 * Rules PEER-n of proto/README.md.
 */
#ifndef CLEARING_CORE_LINKS_H
#define CLEARING_CORE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/index.h"
#include "base/siphash.h"
#include "core/event.h"
#include "core/linklog.h"

/* No link: a payment's leg that does not exist. */
#define LINK_NONE 0u
/* Lives remembered a link and side; older ones count as not known. */
#define LINK_LIVES_KEPT LINKLOG_LIVES_MAX
/* Batches of the own log above the one its header acknowledged. */
#define LINK_BOUNDARIES_MAX 1024
/* Newest batches of the neighbour's log, to know a resent one again. */
#define LINK_RECENT_MAX 64

/* The end of a batch, and the log's totals with it. */
struct link_boundary {
	uint64_t seq; /* of the batch's last entry; 0: before the first */
	uint8_t head[SHA256_SIZE];
	uint64_t promised_minor; /* sums of Prepare, Settle, Release */
	uint64_t settled_minor;
	uint64_t released_minor;
	uint64_t journal_seq; /* of the block that has it here */
};

/* The newest lives, a ring: lives[(first + i) % LINK_LIVES_KEPT]. */
struct link_lives {
	struct link_life *lives;
	uint32_t first;
	uint32_t count;
	bool cut; /* older ones were forgotten */
};

struct link {
	uint32_t number;  /* from 1; links.links[number - 1] */
	uint32_t account; /* link/CITY@here */
	uint8_t city_size;
	uint8_t city[NAME_SIZE_MAX];
	struct link_boundary out;    /* own log, sealed */
	struct link_boundary in;     /* neighbour's log, as taken */
	struct link_boundary open;   /* own log with what the open block adds */
	uint64_t acknowledged;	     /* own log: the neighbour has it so far */
	uint64_t header_ack;	     /* the same, said by its newest header */
	uint64_t journal_seq_seen;   /* newest of the neighbour's headers */
	struct link_life life;	     /* own, newest begun */
	struct link_life reconciled; /* own, newest that was reconciled */
	struct link_life peer_life;  /* neighbour's, newest admitted */
	struct link_lives own_lives;
	struct link_lives peer_lives;
	uint64_t line_minor;	  /* what it may owe here (rule PEER-40) */
	uint64_t peer_line_minor; /* what it lets this city owe */
	bool frozen_here;	  /* by this city (rule PEER-41) */
	bool frozen_there;	  /* by the neighbour */
	bool paused;		  /* operator: no new promises over it */
	bool rewrite; /* line and freeze are to be written again (PEER-19) */
	/* The neighbour never comes back; both logs have ended (PEER-44). */
	bool gone;
	/* What it owes beyond the logs, net: a claim on its estate. */
	int64_t estate_minor;
	/* In-legs not answered in the own log; out-legs not answered. */
	uint64_t pending_in_minor;
	uint64_t pending_out_minor;
	uint32_t pending_in_count;
	uint32_t pending_out_count;
	/* Ends of own batches from header_ack on, a ring. */
	struct link_boundary *boundaries;
	uint32_t boundary_first;
	uint32_t boundary_count;
	/* Ends of the newest batches taken, a ring. */
	struct link_boundary *recent;
	uint32_t recent_first;
	uint32_t recent_count;
	/* The open block's entries of the own log (rule PEER-7). */
	struct buffer open_entries; /* as link_batch.entries */
	uint32_t open_count;
	/* Payments answered in the own log, by answer_seq: slots + 1. */
	uint32_t answered_first;
	uint32_t answered_last;
};

enum leg_state {
	LEG_NONE = 0,
	LEG_WAITING = 1, /* in: counted, not accepted */
	LEG_HELD = 2,	 /* in: accepted, forwarded or waiting for a key */
	LEG_PENDING = 3, /* out: promised */
	LEG_POSTED = 4,
	LEG_VOIDED = 5,
};

enum payment_role {
	PAYMENT_ORIGIN = 1,
	PAYMENT_MIDDLE = 2,
	PAYMENT_DECIDER = 3,
};

/* A payment with a leg here that still matters. */
struct payment {
	uint64_t number; /* from 1, for ever: its key in the tables */
	struct id id;
	struct id parent;  /* origin: the command that began it; else zero */
	struct id hold_id; /* what the books hold for it; zero: nothing */
	uint8_t role;	   /* enum payment_role */
	uint8_t in_state;  /* enum leg_state */
	uint8_t out_state;
	bool in_answered; /* the own log says how the in-leg ended */
	bool booked;	  /* credit has moved in the books for good */
	bool duplicate;	  /* another leg has this id: it will be released */
	bool accepted;	  /* its id is remembered because of this leg */
	uint8_t attempt;  /* origin: from 1 */
	uint32_t in_link; /* LINK_NONE: no such leg */
	uint32_t out_link;
	uint64_t in_seq;  /* of the Prepare in the neighbour's log */
	uint64_t out_seq; /* of the Prepare in the own log */
	/*
	 * Of the own Settle or Release; at the origin the neighbour's; 0: none,
	 * also where the leg ended with a city that is GONE.
	 */
	uint64_t answer_seq;
	uint64_t amount_minor;
	uint64_t decide_by_us;
	uint64_t started_us; /* block time when it was first seen here */
	uint64_t ended_us;   /* block time of its last answer; 0: open */
	uint32_t account;    /* payer at the origin, payee at the decider */
	uint32_t actor;	     /* origin: who asked */
	uint32_t reason;     /* enum link_reason */
	uint8_t at_city_size;
	uint8_t at_city[NAME_SIZE_MAX]; /* who refused */
	uint8_t terms_hash[SHA256_SIZE];
	uint8_t key_size; /* 0 or LINKLOG_LOCK_SIZE: of a Settle taken */
	uint8_t key[LINKLOG_LOCK_SIZE];
	uint16_t terms_size;
	uint16_t proof_size; /* of the decider's Settle, once taken */
	bool used;
	uint32_t answered_next; /* slot + 1 */
	uint64_t checked;	/* by which links_check_batch() */
	uint8_t terms[LINKLOG_TERMS_SIZE_MAX];
	uint8_t proof[LINKLOG_PROOF_SIZE_MAX];
};

struct links_options {
	uint32_t links_max;
	uint32_t payments_max; /* unresolved at once */
	struct siphash_key key;
	sha256_function *sha256;
	/*
	 * A link or payment changed; a payment is forgotten right after its
	 * last change.  Either may be NULL.
	 */
	void (*on_link)(void *context, const struct link *link);
	void (*on_payment)(void *context, const struct payment *payment);
	void *context;
};

/* Is the city being rebuilt from its neighbours' logs (rule PEER-22)? */
enum rejoin {
	REJOIN_NONE = 0,
	REJOIN_CLOSED, /* and takes no local commands meanwhile */
	REJOIN_OPEN,   /* an operator opened it early */
};

struct links {
	uint8_t federation_size, city_size; /* this city, from genesis */
	uint8_t federation[NAME_SIZE_MAX];
	uint8_t city[NAME_SIZE_MAX];
	struct link *links; /* links[number - 1] */
	uint32_t link_count;
	struct payment *payments; /* slots */
	uint32_t *payments_free;
	uint32_t payments_used;
	uint32_t payments_free_count;
	uint32_t payment_count;
	struct index payments_by_id;	 /* not the duplicates */
	struct index payments_by_in_leg; /* (link, in_seq) */
	struct index payments_by_out_leg;
	uint64_t next_payment;	 /* number of the next one */
	uint64_t roster_version; /* newest adopted; 0: none */
	uint8_t roster_hash[SHA256_SIZE];
	uint8_t rejoin;			/* enum rejoin */
	uint8_t (*leaves)[SHA256_SIZE]; /* LINKLOG_ENTRIES_MAX, and as many */
	uint64_t checks;		/* of links_check_batch() so far */
	struct links_options options;
};

/* links_memory_size: bytes that links_init() wants. */
size_t links_memory_size(const struct links_options *options);

/*
 * links_init: no link, no payment.
 *
 * @memory  links_memory_size() bytes, all zero, aligned to 16; the caller
 *          keeps them.  Zero pages are touched only as they are used.
 */
void links_init(struct links *links, const struct links_options *options,
		void *memory);

/* links_name: whose links these are; before anything else (genesis). */
void links_name(struct links *links, struct slice federation,
		struct slice city);

/* links_at: link @number, or NULL.  links_of: the link with @city, or NULL. */
struct link *links_at(const struct links *links, uint32_t number);
struct link *links_of(const struct links *links, struct slice city);

/* link_city: a view into @link. */
struct slice link_city(const struct link *link);

/*
 * link_owed: what the neighbour owes this city, net; negative: this city owes
 * (section 6 of PROTOCOL.md; what the open block adds counts), with what
 * became owed after the logs had ended (rule PEER-44).
 */
int64_t link_owed_minor(const struct link *link);

/* link_exposure: owed, and what its unanswered promises may add (PEER-38). */
int64_t link_exposure_minor(const struct link *link);

/* links_payment: the payment with @id that is no duplicate, or NULL. */
struct payment *links_payment(const struct links *links, const struct id *id);

/* links_in_leg, links_out_leg: the payment of that leg, or NULL. */
struct payment *links_in_leg(const struct links *links, uint32_t link,
			     uint64_t seq);
struct payment *links_out_leg(const struct links *links, uint32_t link,
			      uint64_t seq);

/* links_payment_slot: slot @slot below payments_used, or NULL if unused. */
struct payment *links_payment_slot(const struct links *links, uint32_t slot);

/* links_is_over: can nothing change @payment any more (rule PEER-9)? */
bool links_is_over(const struct links *links, const struct payment *payment);

/* payment_terms_of: its terms as carried. */
struct slice payment_terms_of(const struct payment *payment);

/* link_boundary_at: the own batch that ends at @seq, or NULL if not known. */
const struct link_boundary *link_boundary_at(const struct link *link,
					     uint64_t seq);
/* link_recent_at: likewise a taken batch. */
const struct link_boundary *link_recent_at(const struct link *link,
					   uint64_t seq);

/*
 * links_can_append: is there room in the open batch of @link for one more
 * entry of @size bytes, and for a batch more (rule PEER-7, limits)?
 */
bool links_can_append(const struct link *link, size_t size);

/* links_room: payments that can still be taken. */
uint32_t links_room(const struct links *links);

/* Why a fact does not fit: the journal, or the neighbour's log, is wrong. */
enum links_result {
	LINKS_OK = 0,
	LINKS_MALFORMED,	 /* bytes do not decode */
	LINKS_LINK_UNKNOWN,	 /* no such link, or misnumbered */
	LINKS_LINK_TWICE,	 /* a second link with this city */
	LINKS_OUT_OF_ORDER,	 /* seq or head does not continue the log */
	LINKS_LEG_UNKNOWN,	 /* an answer to no open promise */
	LINKS_LEG_DIFFERS,	 /* terms or states do not fit */
	LINKS_TOTALS_WRONG,	 /* header's totals are not the entries' sums */
	LINKS_TOO_MANY,		 /* links or payments: raise the limits */
	LINKS_WITHDRAWN_TOO_FAR, /* below what is remembered */
	LINKS_ROUND_UNKNOWN,	 /* a leg of a round without its proposal */
	LINKS_ROOT_WRONG,	 /* header's root is not the entries' */
};

const char *links_result_name(enum links_result result);

/*
 * links_append: the own city adds @entry to its log with @link; it counts at
 * once and becomes part of the batch that the open block's end seals.
 *
 * @entry   valid (linklog_put_entry() takes it), and links_can_append().
 * @now_us  block time.
 */
enum links_result links_append(struct links *links, uint32_t link,
			       const struct link_entry *entry,
			       uint64_t now_us) MUST_CHECK;

/*
 * links_header: the header of the batch of what was appended to @link, of
 * which there is something, for the open block @journal_seq (rule PEER-7).
 *
 * @bytes  receives the header's bytes, to be signed.
 */
void links_header(struct links *links, uint32_t link, uint64_t journal_seq,
		  uint64_t now_us, struct buffer *bytes);

/*
 * links_apply: carry out an event of kinds 100 to 114 and 117 to 122.
 *
 * @journal_seq, @now_us  of its block.
 * @replay  the event comes from a journal: LINK_BATCH_SEALED then carries its
 *          entries out; while recording, links_append() has done so before,
 *          and it only ends the open batch.
 * Anything but LINKS_OK leaves the links unusable when the event comes from a
 * journal; links_check_batch() tells before recording.
 */
enum links_result links_apply(struct links *links, const struct event *event,
			      uint64_t journal_seq, uint64_t now_us,
			      bool replay) MUST_CHECK;

/*
 * links_check_batch: would LINK_BATCH_TAKEN (or, when @own, ADOPTED) of
 * @batch fit?  Changes nothing.  Rows 10 and 12 of PEER-11 but for proofs,
 * which the caller verifies.
 */
enum links_result links_check_batch(struct links *links, uint32_t link,
				    const struct link_batch *batch,
				    bool own) MUST_CHECK;

/*
 * links_promise_takes_slot: would a Prepare on @link with these terms, the own
 * city's or the neighbour's, need memory for one more payment?  False where it
 * is the other leg of one that is known.
 */
bool links_promise_takes_slot(const struct links *links,
			      const struct link *link, struct slice terms,
			      bool own);

/*
 * links_can_withdraw: would LINK_WITHDRAWN of @link to @to fit: is that end
 * known, and did the neighbour answer nothing that was promised after it?
 */
bool links_can_withdraw(const struct links *links, const struct link *link,
			uint64_t to) MUST_CHECK;

/* Loading from the tables, in this order, before any block is applied. */
enum links_result links_load_link(struct links *links,
				  const struct link *link) MUST_CHECK;
/* Newest LINK_LIVES_KEPT of each side, in order. */
void links_load_life(struct links *links, uint32_t link,
		     const struct link_life *life, bool own);
/* Own batches from header_ack on, and the newest taken ones, in order. */
void links_load_boundary(struct links *links, uint32_t link,
			 const struct link_boundary *boundary, bool own);
/*
 * links_load_beginning: the end before the first own batch; before any other.
 * Where the log is longer than the ring, later ends push it out.
 */
void links_load_beginning(struct links *links, uint32_t link);
/* In the order of answer_seq, those without an answer anywhere. */
enum links_result links_load_payment(struct links *links,
				     const struct payment *payment) MUST_CHECK;
/* Pending sums are made from the payments. */
void links_load_counters(struct links *links, uint64_t next_payment,
			 uint64_t roster_version,
			 const uint8_t roster_hash[SHA256_SIZE]);
/* What the last events 113 and 121 left; false: it is none of enum rejoin. */
bool links_load_rejoin(struct links *links, uint32_t rejoin) MUST_CHECK;

#endif
