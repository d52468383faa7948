/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What one entry of a log does: sent entries are the own city's, taken ones
 * the neighbour's.  A Prepare opens a leg, the other side's Settle or Release
 * ends it, once; everything else is a word about the line.
 */
#include <string.h>

#include "core/links_private.h"

static struct slice own_city(const struct links *links)
{
	check(links->city_size > 0);
	return slice_of(links->city, links->city_size);
}

static void keep_terms(struct payment *payment, struct slice bytes,
		       const struct payment_terms *terms,
		       sha256_function *sha256)
{
	check(bytes.size <= LINKLOG_TERMS_SIZE_MAX);
	memcpy(payment->terms, bytes.data, bytes.size);
	payment->terms_size = (uint16_t)bytes.size;
	payment->amount_minor = terms->amount_minor;
	payment->decide_by_us = terms->decide_by_us;
	sha256(bytes, payment->terms_hash);
}

static bool same_terms(const struct payment *payment, struct slice bytes)
{
	check(payment->used);
	return payment->terms_size == 0 ||
	       slice_equal(payment_terms_of(payment), bytes);
}

/* Who this city is for a promise that came in. */
static uint8_t role_of(const struct links *links,
		       const struct payment_terms *terms)
{
	uint32_t last = terms->path_count - 1;

	if (terms->path_count >= 1 &&
	    slice_equal(terms->path[last], own_city(links)))
		return PAYMENT_DECIDER;
	return PAYMENT_MIDDLE;
}

/*
 * (rule PEER-29), last row for a middle city: after a recovery the way out
 * may be back before the way in.
 */
static bool comes_back(const struct payment *payment, struct slice terms)
{
	return payment != NULL && payment->role == PAYMENT_MIDDLE &&
	       payment->in_link == LINK_NONE && payment->terms_size > 0 &&
	       same_terms(payment, terms);
}

static enum links_result prepare_taken(struct links *links,
				       const struct links_place *place,
				       struct slice bytes)
{
	struct payment *payment;
	struct payment_terms terms;
	struct id id;

	if (linklog_terms(bytes, &terms) != LINKLOG_OK)
		return LINKS_MALFORMED;
	memcpy(id.bytes, terms.payment_id, ID_SIZE);
	payment = links_payment(links, &id);
	if (!comes_back(payment, bytes) ||
	    links_before(links, &terms) != place->link) {
		bool duplicate = payment != NULL;

		payment = links_take_slot(links, &id, place->now_us);
		if (payment == NULL)
			return LINKS_TOO_MANY;
		payment->role = role_of(links, &terms);
		payment->duplicate = duplicate;
		keep_terms(payment, bytes, &terms, links->options.sha256);
		if (!duplicate)
			links_index_id(links, payment);
	}
	payment->in_link = place->link->number;
	payment->in_seq = place->seq;
	payment->in_state = LEG_WAITING;
	links_index_in_leg(links, payment);
	place->link->pending_in_minor += terms.amount_minor;
	place->link->pending_in_count++;
	place->link->in.promised_minor += terms.amount_minor;
	links_note(links, payment);
	return LINKS_OK;
}

/* Found again after the same order was given anew (rule PEER-18). */
static bool sends_again(const struct payment *payment, struct slice terms)
{
	return payment != NULL &&
	       (payment->out_state != LEG_NONE || !same_terms(payment, terms));
}

bool links_promise_takes_slot(const struct links *links,
			      const struct link *link, struct slice bytes,
			      bool own)
{
	const struct payment *payment;
	struct payment_terms terms;
	struct id id;

	if (linklog_terms(bytes, &terms) != LINKLOG_OK)
		return false;
	memcpy(id.bytes, terms.payment_id, ID_SIZE);
	payment = links_payment(links, &id);
	return own ? payment == NULL || sends_again(payment, bytes)
		   : !comes_back(payment, bytes) ||
			       links_before(links, &terms) != link;
}

static enum links_result prepare_sent(struct links *links,
				      const struct links_place *place,
				      struct slice bytes)
{
	struct payment *payment;
	struct payment_terms terms;
	bool duplicate;
	struct id id;

	if (linklog_terms(bytes, &terms) != LINKLOG_OK || terms.path_count == 0)
		return LINKS_MALFORMED;
	memcpy(id.bytes, terms.payment_id, ID_SIZE);
	payment = links_payment(links, &id);
	duplicate = sends_again(payment, bytes);
	if (payment == NULL || duplicate) {
		payment = links_take_slot(links, &id, place->now_us);
		if (payment == NULL)
			return LINKS_TOO_MANY;
		payment->role = slice_equal(terms.path[0], own_city(links))
					? PAYMENT_ORIGIN
					: PAYMENT_MIDDLE;
		payment->duplicate = duplicate;
		if (!duplicate)
			links_index_id(links, payment);
	}
	if (payment->terms_size == 0)
		keep_terms(payment, bytes, &terms, links->options.sha256);
	payment->out_link = place->link->number;
	payment->out_seq = place->seq;
	payment->out_state = LEG_PENDING;
	links_index_out_leg(links, payment);
	place->link->pending_out_minor += terms.amount_minor;
	place->link->pending_out_count++;
	place->link->open.promised_minor += terms.amount_minor;
	links_note(links, payment);
	return LINKS_OK;
}

static bool answers(const struct payment *payment,
		    const struct link_entry *entry)
{
	return memcmp(payment->terms_hash, entry->terms_hash, SHA256_SIZE) == 0;
}

static void keep_refusal(struct payment *payment,
			 const struct link_entry *entry)
{
	check(entry->kind == LINK_ENTRY_RELEASE);
	payment->reason = entry->reason;
	links_set_text(payment->at_city, &payment->at_city_size,
		       entry->at_city);
}

/* (rule PEER-31) The first answer to a leg is final. */
static enum links_result answer_sent(struct links *links,
				     const struct links_place *place,
				     const struct link_entry *entry)
{
	struct link *link = place->link;
	struct payment *payment =
		links_in_leg(links, link->number, entry->prepare_seq);
	bool settle = entry->kind == LINK_ENTRY_SETTLE;

	if (payment == NULL || payment->in_answered)
		return LINKS_LEG_UNKNOWN;
	if (!answers(payment, entry))
		return LINKS_LEG_DIFFERS;
	payment->in_answered = true;
	payment->answer_seq = place->seq;
	payment->ended_us = place->now_us;
	link->pending_in_minor -= payment->amount_minor;
	link->pending_in_count--;
	if (settle) {
		payment->in_state = LEG_POSTED;
		payment->booked = true;
		payment->accepted = true;
		payment->hold_id = (struct id){ 0 };
		link->open.settled_minor += payment->amount_minor;
	} else {
		payment->in_state = LEG_VOIDED;
		if (payment->out_state != LEG_PENDING)
			payment->hold_id = (struct id){ 0 };
		keep_refusal(payment, entry);
		link->open.released_minor += payment->amount_minor;
	}
	links_answered(links, link, payment);
	links_note(links, payment);
	return LINKS_OK;
}

/* The decider's own Settle becomes a proof that travels on (rule PEER-34). */
static void make_proof(struct links *links, const struct links_place *place,
		       struct payment *payment)
{
	struct buffer out;

	buffer_init(&out, payment->proof, sizeof(payment->proof));
	linklog_prove(place->batch, place->index, links->leaves,
		      links->options.sha256, &out);
	check(!out.overflowed);
	payment->proof_size = (uint16_t)out.size;
}

static void keep_proof(struct links *links, const struct links_place *place,
		       const struct link_entry *entry, struct payment *payment)
{
	check(entry->proof.size <= LINKLOG_PROOF_SIZE_MAX);
	if (entry->key.size > 0) {
		memcpy(payment->key, entry->key.data, entry->key.size);
		payment->key_size = (uint8_t)entry->key.size;
	}
	if (entry->proof.size > 0) {
		memcpy(payment->proof, entry->proof.data, entry->proof.size);
		payment->proof_size = (uint16_t)entry->proof.size;
	} else if (payment->role == PAYMENT_MIDDLE) {
		make_proof(links, place, payment);
	}
}

static enum links_result answer_taken(struct links *links,
				      const struct links_place *place,
				      const struct link_entry *entry)
{
	struct link *link = place->link;
	struct payment *payment =
		links_out_leg(links, link->number, entry->prepare_seq);

	if (payment == NULL || payment->out_state != LEG_PENDING)
		return LINKS_LEG_UNKNOWN;
	if (!answers(payment, entry))
		return LINKS_LEG_DIFFERS;
	link->pending_out_minor -= payment->amount_minor;
	link->pending_out_count--;
	payment->ended_us = place->now_us;
	payment->hold_id = (struct id){ 0 };
	if (payment->role == PAYMENT_ORIGIN)
		payment->answer_seq = place->seq;
	if (entry->kind == LINK_ENTRY_SETTLE) {
		payment->out_state = LEG_POSTED;
		payment->booked = true;
		link->in.settled_minor += payment->amount_minor;
		keep_proof(links, place, entry, payment);
	} else {
		payment->out_state = LEG_VOIDED;
		keep_refusal(payment, entry);
		link->in.released_minor += payment->amount_minor;
	}
	links_note(links, payment);
	return LINKS_OK;
}

enum links_result links_sent(struct links *links,
			     const struct links_place *place,
			     const struct link_entry *entry)
{
	struct link *link = place->link;

	switch ((enum link_entry_kind)entry->kind) {
	case LINK_ENTRY_PREPARE:
		if (entry->payment_terms.size == 0)
			return LINKS_ROUND_UNKNOWN;
		return prepare_sent(links, place, entry->payment_terms);
	case LINK_ENTRY_SETTLE:
	case LINK_ENTRY_RELEASE:
		return answer_sent(links, place, entry);
	case LINK_ENTRY_LINE_CHANGE: /* (rule PEER-40) */
		link->line_minor = entry->line_minor;
		link->rewrite = false;
		return LINKS_OK;
	case LINK_ENTRY_FREEZE: /* (rule PEER-41) */
		link->frozen_here = true;
		return LINKS_OK;
	case LINK_ENTRY_UNFREEZE:
		link->frozen_here = false;
		return LINKS_OK;
	}
	clearing_panic(__FILE__, __LINE__, "link entry kind");
}

enum links_result links_taken(struct links *links,
			      const struct links_place *place,
			      const struct link_entry *entry)
{
	struct link *link = place->link;

	switch ((enum link_entry_kind)entry->kind) {
	case LINK_ENTRY_PREPARE:
		if (entry->payment_terms.size == 0)
			return LINKS_ROUND_UNKNOWN;
		return prepare_taken(links, place, entry->payment_terms);
	case LINK_ENTRY_SETTLE:
	case LINK_ENTRY_RELEASE:
		return answer_taken(links, place, entry);
	case LINK_ENTRY_LINE_CHANGE:
		link->peer_line_minor = entry->line_minor;
		return LINKS_OK;
	case LINK_ENTRY_FREEZE:
		link->frozen_there = true;
		return LINKS_OK;
	case LINK_ENTRY_UNFREEZE:
		link->frozen_there = false;
		return LINKS_OK;
	}
	clearing_panic(__FILE__, __LINE__, "link entry kind");
}
