/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * links_private: pieces that the files of links share.  For core alone; the
 * contract with everybody else is links.h.
 */
#ifndef CLEARING_CORE_LINKS_PRIVATE_H
#define CLEARING_CORE_LINKS_PRIVATE_H

#include "core/links.h"

/* Where an entry stands: in which log, at which seq, in which batch. */
struct links_place {
	struct link *link;
	uint64_t seq;
	uint64_t now_us;
	const struct link_batch *batch; /* of taken entries; else NULL */
	uint32_t index;			/* in the batch */
};

/* links_sent: an entry of the own log; links_taken: of the neighbour's. */
enum links_result links_sent(struct links *links,
			     const struct links_place *place,
			     const struct link_entry *entry) MUST_CHECK;
enum links_result links_taken(struct links *links,
			      const struct links_place *place,
			      const struct link_entry *entry) MUST_CHECK;

/*
 * links_in_leg_ended, links_out_leg_ended: a leg with a city that is GONE
 * ends, without an entry in a log (rule PEER-44).
 */
enum links_result links_in_leg_ended(struct links *links,
				     const struct event_leg_ended *ended,
				     uint64_t now_us) MUST_CHECK;
enum links_result links_out_leg_ended(struct links *links,
				      const struct event_leg_ended *ended,
				      uint64_t now_us) MUST_CHECK;

/* links_gone: the neighbour of @link never comes back. */
enum links_result links_gone(struct links *links, struct link *link) MUST_CHECK;

/*
 * links_before: the link with the city that stands before this one on the way;
 * NULL: there is none.
 */
struct link *links_before(const struct links *links,
			  const struct payment_terms *terms);

/* links_take_slot: a fresh payment with the next number; NULL when full. */
struct payment *links_take_slot(struct links *links, const struct id *id,
				uint64_t now_us) MUST_CHECK;

/* links_index_*: make a payment, or a leg of it, findable. */
void links_index_id(struct links *links, const struct payment *payment);
void links_index_in_leg(struct links *links, const struct payment *payment);
void links_index_out_leg(struct links *links, const struct payment *payment);
void links_unindex_out_leg(struct links *links, const struct payment *payment);

/*
 * links_note: tell who listens that @payment changed, and forget it if
 * nothing can change it any more.
 */
void links_note(struct links *links, struct payment *payment);

/* links_note_link: tell who listens that @link changed. */
void links_note_link(struct links *links, const struct link *link);

/* links_answered: @payment's answer stands at its .answer_seq now. */
void links_answered(struct links *links, struct link *link,
		    struct payment *payment);

/* links_acknowledge: the neighbour has the own log up to @seq. */
void links_acknowledge(struct links *links, struct link *link, uint64_t seq);

/* links_keep_boundary, links_keep_recent: a batch more, in the rings. */
void links_keep_boundary(struct link *link,
			 const struct link_boundary *boundary);
void links_keep_recent(struct link *link, const struct link_boundary *boundary);

/* links_keep_life: the newest of a side's lives. */
void links_keep_life(struct link_lives *lives, const struct link_life *life);

/* links_withdraw: the own log ends at @to; what came after is undone. */
enum links_result links_withdraw(struct links *links, struct link *link,
				 uint64_t to) MUST_CHECK;

/* links_set_text: copy a name of at most NAME_SIZE_MAX bytes. */
void links_set_text(uint8_t *to, uint8_t *size, struct slice text);

#endif
