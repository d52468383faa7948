/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * peer_private: what the files of the engine share, and nobody else sees.
 *
 *   peer.c          memory, turns, actions
 *   peer_link.c     the machine of a link, lives, what people do to it
 *   peer_hello.c    hellos both ways, reconciling
 *   peer_recover.c  adopting and withdrawing
 *   peer_deliver.c  batches both ways
 *   peer_booking.c  what answers and recovery mean for the books
 *   peer_payment.c  looking at payments: accept, forward, decide, answer
 *   peer_pay.c      payments that begin here
 *   peer_gone.c     cities that never come back
 */
#ifndef CLEARING_PEER_PEER_PRIVATE_H
#define CLEARING_PEER_PEER_PRIVATE_H

#include "peer/peer.h"
#include "peer/planted.h"

/* First wait after a failure; it doubles up to the last (rule PEER-10). */
#define PEER_BACKOFF_MIN_US UINT64_C(1000000)
#define PEER_BACKOFF_MAX_US UINT64_C(60000000)
/* Every open payment is looked at so often, for its decide_by. */
#define PEER_SWEEP_US UINT64_C(1000000)
/* A link that has not caught up asks again how far it has to go. */
#define PEER_MARK_US UINT64_C(5000000)
/* Payments over a city that is GONE: their deciders are asked so often. */
#define PEER_ASK_US UINT64_C(5000000)
/* Payments looked at in a turn, so that a turn ends. */
#define PEER_LOOKS_PER_TURN 2048
/* Refused payments tried again after one batch. */
#define PEER_RETRIES_MAX 256
/* Bytes of a batch beside its entries, and of the event around it. */
#define PEER_BATCH_OVERHEAD 700
/* Room that one entry more may take in the open block. */
#define PEER_APPEND_SIZE (LINKLOG_ENTRY_SIZE_MAX + PEER_BATCH_OVERHEAD)
/* Entries and events that one payment's move may take. */
#define PEER_MOVE_ENTRIES 2
#define PEER_MOVE_EVENTS 5
/* A whole batch, signed bytes, a HelloOk with every life. */
#define PEER_SCRATCH_SIZE (LINKLOG_BATCH_SIZE_MAX + 8192)

/* A payment of this city that came back refused and may be tried again. */
struct peer_retry {
	struct id id;
	struct id parent;
	uint32_t account;
	uint32_t actor;
	uint32_t reason;
	uint64_t seq; /* of the block that has the refusal */
	uint8_t attempt;
	uint8_t at_city_size;
	uint8_t at_city[NAME_SIZE_MAX];
	uint8_t excluded_count;
	struct peer_hop excluded[PEER_ATTEMPTS_MAX];
	uint16_t terms_size;
	uint8_t terms[LINKLOG_TERMS_SIZE_MAX];
};

/* How an origin's payment is begun, at first and again. */
struct peer_attempt {
	struct id id;
	struct id parent;
	uint32_t account;
	uint8_t attempt;
	struct payment_terms terms; /* complete */
	struct slice memo;
	struct slice uri; /* who asked */
};

static inline struct links *peer_links(const struct peer *peer)
{
	return &peer->ledger->links;
}

/* peer_here: this city's name; peer_federation: the federation's. */
struct slice peer_here(const struct peer *peer);
struct slice peer_federation(const struct peer *peer);

/* peer_session: of a link (checked). */
struct peer_session *peer_session(struct peer *peer, uint32_t link);

/*
 * peer_listed: is the link one of the roster's now, with a city that may speak
 * on it (rule PEER-44)?
 */
bool peer_listed(const struct peer *peer, struct slice city);

/* peer_alarm: something for people about @link. */
void peer_alarm(struct peer *peer, const struct link *link, const char *what);

/* peer_mark: look at @payment in this turn or the next. */
void peer_mark(struct peer *peer, const struct payment *payment);

/* peer_mark_link: look at every payment with a leg on @link. */
void peer_mark_link(struct peer *peer, uint32_t link);

/* peer_open: room in the open block; false: later. */
bool peer_open(struct peer *peer, uint32_t entries, uint32_t events,
	       size_t bytes, struct recorder *out) MUST_CHECK;

/* peer_open_move: room for one move of one payment. */
bool peer_open_move(struct peer *peer, struct recorder *out) MUST_CHECK;

/*
 * peer_can_append: may an entry more go to the link's log now: reconciled
 * (rule PEER-20), and is there room in its batch and ring?
 */
bool peer_can_append(const struct peer *peer, uint32_t link);

/* peer_append: add @entry to the own log (peer_can_append() was asked). */
void peer_append(struct peer *peer, struct recorder *recorder, uint32_t link,
		 const struct link_entry *entry);

/* peer_link_event: record an event that needs no content. */
void peer_link_event(struct recorder *recorder, struct event *event);

/* The machine of a link: see the drawing in peer.h. */
enum peer_link_move {
	PEER_LIFE_RECORDED = 1,
	PEER_STALE,
	PEER_DIFFERS,
	PEER_RECORDED,
	PEER_AGREES,
	PEER_EVIDENCE,
	PEER_REWOUND, /* the neighbour has more than this city ever wrote */
	PEER_REPAIRED,
	PEER_CITY_GONE, /* it never comes back */
};

/* peer_move: move the link's machine; a move that is not allowed panics. */
void peer_move(struct peer *peer, uint32_t link, enum peer_link_move move,
	       const char *why);

/* peer_back_off: nothing on this link for a while, longer each time. */
void peer_back_off(struct peer *peer, uint32_t link);

/* peer_begin: record what this life needs; false: no room, later. */
bool peer_begin(struct peer *peer) MUST_CHECK;

/* peer_life_is_stale: the neighbour admitted a higher life (PEER-15). */
void peer_life_is_stale(struct peer *peer, uint32_t link, uint64_t highest);

/* peer_make_hello: a Hello of this life into scratch. */
struct slice peer_make_hello(struct peer *peer, uint32_t link);

/* peer_reconciled: the logs agree; @out_seq is how far the neighbour's went. */
void peer_reconciled(struct peer *peer, uint32_t link, uint64_t out_seq,
		     uint64_t in_seq);

/*
 * peer_is_unsure: was this city restored, and may a neighbour's log still
 * bring back what it did before?
 */
bool peer_is_unsure(const struct peer *peer);

/* peer_end_rejoin: say that the books are rebuilt, once they are. */
void peer_end_rejoin(struct peer *peer);

/* peer_say_line: write line and freeze again where that is due (PEER-19). */
void peer_say_line(struct peer *peer, uint32_t link);

/* peer_recover: the neighbour's copy differs: what to fetch first. */
void peer_recover(struct peer *peer, uint32_t link, uint64_t in_seq);

/*
 * peer_may_withdraw: may the own log end at @to?  Not below what the neighbour
 * acknowledged or answered, whatever it says now (rules PEER-4, PEER-23).
 */
bool peer_may_withdraw(const struct peer *peer, uint32_t link,
		       uint64_t to) MUST_CHECK;

/* peer_withdraw: the own log is to end at @to (rule PEER-19); false: later. */
bool peer_withdraw(struct peer *peer, uint32_t link, uint64_t to) MUST_CHECK;

/*
 * peer_take_batch: record a batch of the neighbour's log that was checked;
 * false: no room, nothing was done.
 */
bool peer_take_batch(struct peer *peer, const struct link *link,
		     struct slice bytes, const struct link_batch *batch,
		     const struct link_header *header) MUST_CHECK;

/*
 * peer_check_proofs: row 12 of PEER-11 as far as it needs keys: each Settle is
 * the decider's own, or proven; BUSY: the decider is asked to sign again what
 * a REVOKED key did.  After links_check_batch().
 */
enum peer_answer peer_check_proofs(struct peer *peer, const struct link *link,
				   const struct link_batch *batch);

/*
 * peer_count_promises: how many of @batch, of the own log or the neighbour's,
 * need memory for a payment; answers, and second legs, need none.
 */
uint32_t peer_count_promises(const struct peer *peer, const struct link *link,
			     const struct link_batch *batch, bool own);

/*
 * peer_acknowledges: does @header acknowledge an end of the own log that is
 * there, as it is (row 11 of PEER-11)?
 */
bool peer_acknowledges(const struct link *link,
		       const struct link_header *header);

/* peer_note_acknowledged: record it now, so that payments are forgotten. */
void peer_note_acknowledged(struct peer *peer);

/* peer_remembered_from: the oldest end of an own batch that is known. */
uint64_t peer_remembered_from(const struct link *link);

/*
 * peer_deliver_from: both agree that the neighbour has the own log to @in_seq;
 * what comes after it is sent, whatever is under way.
 */
void peer_deliver_from(struct peer *peer, uint32_t link, uint64_t in_seq);

/* peer_next_delivery: is there a batch to send on this link now? */
bool peer_next_delivery(struct peer *peer, uint32_t link,
			struct peer_action *out);

/*
 * peer_book_answer: what the neighbour's answer to an out-leg means here: the
 * hold is posted or voided.  Before the batch is applied.
 */
void peer_book_answer(struct peer *peer, struct recorder *recorder,
		      const struct payment *payment, bool settle,
		      struct slice uri);

/* peer_book_own_answer: likewise of an own answer that is adopted. */
void peer_book_own_answer(struct peer *peer, struct recorder *recorder,
			  const struct payment *payment, bool settle);

/* peer_book_promise: hold for a Prepare that is adopted; after applying. */
void peer_book_promise(struct peer *peer, struct recorder *recorder,
		       const struct payment *payment);

/* peer_unbook: before a withdrawal takes back an answer or a promise. */
void peer_unbook_answer(struct peer *peer, struct recorder *recorder,
			const struct payment *payment);
void peer_unbook_promise(struct peer *peer, struct recorder *recorder,
			 const struct payment *payment);

/*
 * peer_hold: reserve @amount for @payment, and say so with PAYMENT_HELD.
 *
 * @held  .id, .parent, .account, .attempt; the rest is filled in.
 */
void peer_hold(struct recorder *recorder, uint32_t debit, uint32_t credit,
	       struct money amount, struct event_payment_held *held,
	       struct slice memo, struct slice uri);

/* peer_entry_of: an entry of kind LINK between two accounts for a payment. */
struct entry peer_entry_of(uint8_t kind, uint32_t debit, uint32_t credit,
			   struct money amount, const struct id *payment);

/* peer_recovered_account: city/recovered, opened when needed (PEER-18). */
uint32_t peer_recovered_account(struct peer *peer, struct recorder *recorder);

/* peer_is_gone: did the link end with a city that never comes back? */
bool peer_is_gone(const struct peer *peer, uint32_t link);

/* peer_goes_over_gone: is a city of the path GONE (reason 7)? */
bool peer_goes_over_gone(const struct peer *peer,
			 const struct payment_terms *terms);

/*
 * peer_speaker: who can tell how a payment ended, seen from this city of its
 * path: its decider, or if that is GONE, too, the last city before it that is
 * not; false: all cities after this one are GONE.
 */
bool peer_speaker(const struct peer *peer, const struct payment_terms *terms,
		  struct slice *city) MUST_CHECK;

/* peer_begin_gone: freeze links with cities that are GONE; false: later. */
bool peer_begin_gone(struct peer *peer) MUST_CHECK;

/* peer_end_in_leg: @reason 0: posted; in the own books alone; false: later. */
bool peer_end_in_leg(struct peer *peer, const struct payment *payment,
		     uint32_t reason, struct slice at_city) MUST_CHECK;

/*
 * peer_look_at_gone: a promise to a city that is GONE: void it, when nobody
 * is left to ask; false: no room.
 */
bool peer_look_at_gone(struct peer *peer,
		       const struct payment *payment) MUST_CHECK;

/*
 * peer_ask_decider: for a proof of the answer to @payment, whose out-leg is
 * open, that is signed by a key which counts.
 */
void peer_ask_decider(struct peer *peer, const struct payment *payment);

/* peer_slot_of: where @payment stands in memory. */
static inline uint32_t peer_slot_of(const struct peer *peer,
				    const struct payment *payment)
{
	return (uint32_t)(payment - peer_links(peer)->payments);
}

/* peer_gather_asks: whose outcome is to be asked for next. */
void peer_gather_asks(struct peer *peer);

/* peer_next_ask: likewise, as an action; false: none now. */
bool peer_next_ask(struct peer *peer, struct peer_action *out) MUST_CHECK;

/* peer_release: waive a promise that came in; false: no room, later. */
bool peer_release(struct peer *peer, struct payment *payment, uint32_t reason,
		  struct slice at_city) MUST_CHECK;

/*
 * peer_proven: does @proof show the decider's answer to @payment (PEER-34)?
 *
 * @entry  written when it does: a Settle or a Release.
 */
bool peer_proven(struct peer *peer, const struct payment *payment,
		 struct slice proof, struct link_entry *entry) MUST_CHECK;

/* peer_signed_by: is @signature that of @city, over a body of @kind? */
bool peer_signed_by(struct peer *peer, struct slice city, const char *kind,
		    const struct peer_outcome_reply *reply) MUST_CHECK;

/* peer_look: take the next step that @payment allows; false: no room. */
bool peer_look(struct peer *peer, struct payment *payment) MUST_CHECK;

/*
 * peer_may_promise: 0, or why no Prepare can go out on @link now: LINK_DOWN,
 * NEXT_FROZEN or NEXT_BUSY.
 */
uint32_t peer_may_promise(struct peer *peer, uint32_t link,
			  uint64_t amount_minor);

/*
 * peer_has_room: may one more promise wait for a neighbour's answer?  A part
 * of the memory stays free of these, so that the batches which bring the
 * answers can always be taken.
 */
bool peer_has_room(const struct peer *peer);

/* peer_is_short_of_room: ended payments are to be forgotten soon. */
bool peer_is_short_of_room(const struct peer *peer);

/* peer_retry_all: try refused payments again, another way (rule PEER-25). */
void peer_retry_all(struct peer *peer);

/* peer_on_payment: a payment changed; for links. */
void peer_on_payment(void *context, const struct payment *payment);

#endif
