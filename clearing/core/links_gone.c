/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A neighbour that never comes back (rule PEER-44): its log has ended, and the
 * own one has nobody to read it.  What was promised on the link ends here in
 * the books alone, and what posts is a claim on the estate or a debt to it.
 */
#include <string.h>

#include "core/links_private.h"

/* Nobody is left who could acknowledge: nothing waits for it any more. */
enum links_result links_gone(struct links *links, struct link *link)
{
	if (link->gone || link->open_count > 0)
		return LINKS_OUT_OF_ORDER;
	link->gone = true;
	link->rewrite = false;
	links_acknowledge(links, link, link->out.seq);
	return LINKS_OK;
}

static struct link *gone_link(const struct links *links,
			      const struct event_leg_ended *ended)
{
	struct link *link = links_at(links, ended->link);

	return link != NULL && link->gone ? link : NULL;
}

static void keep_refusal(struct payment *payment,
			 const struct event_leg_ended *ended)
{
	check(ended->reason != LINK_REASON_NONE);
	payment->reason = ended->reason;
	links_set_text(payment->at_city, &payment->at_city_size,
		       ended->at_city);
}

enum links_result links_in_leg_ended(struct links *links,
				     const struct event_leg_ended *ended,
				     uint64_t now_us)
{
	struct link *link = gone_link(links, ended);
	bool posted = ended->reason == LINK_REASON_NONE;
	struct payment *payment;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	payment = links_in_leg(links, link->number, ended->seq);
	if (payment == NULL || payment->in_answered)
		return LINKS_LEG_UNKNOWN;
	/* As the way out was answered, and never before (rule PEER-30). */
	if (payment->out_state == LEG_PENDING ||
	    posted != (payment->out_state == LEG_POSTED))
		return LINKS_LEG_DIFFERS;
	payment->in_answered = true;
	payment->ended_us = now_us;
	payment->hold_id = (struct id){ 0 };
	link->pending_in_minor -= payment->amount_minor;
	link->pending_in_count--;
	payment->in_state = posted ? LEG_POSTED : LEG_VOIDED;
	if (posted)
		link->estate_minor += (int64_t)payment->amount_minor;
	else
		keep_refusal(payment, ended);
	links_note_link(links, link);
	links_note(links, payment);
	return LINKS_OK;
}

/* The decider's Settle, for the way back; and the key that it shows. */
static enum links_result keep_proof(struct payment *payment, struct slice bytes)
{
	struct link_proof proof;
	struct link_entry entry;

	if (bytes.size > LINKLOG_PROOF_SIZE_MAX ||
	    linklog_proof(bytes, &proof) != LINKLOG_OK ||
	    linklog_entry(proof.entry, &entry) != LINKLOG_OK ||
	    entry.kind != LINK_ENTRY_SETTLE)
		return LINKS_MALFORMED;
	memcpy(payment->proof, bytes.data, bytes.size);
	payment->proof_size = (uint16_t)bytes.size;
	if (entry.key.size > 0)
		memcpy(payment->key, entry.key.data, entry.key.size);
	payment->key_size = (uint8_t)entry.key.size;
	return LINKS_OK;
}

/*
 * The promise, as far as it is known; without it the payment that waits, when
 * the decider proves that a life which nobody remembers had forwarded it.
 */
static struct payment *promised(struct links *links,
				const struct event_leg_ended *ended)
{
	struct payment *payment;

	if (ended->seq > 0)
		return links_out_leg(links, ended->link, ended->seq);
	payment = links_payment(links, &ended->id);
	if (payment == NULL || payment->role != PAYMENT_MIDDLE ||
	    payment->out_state != LEG_NONE || payment->in_answered ||
	    ended->reason != LINK_REASON_NONE)
		return NULL;
	payment->out_link = ended->link;
	links_index_out_leg(links, payment);
	payment->out_state = LEG_PENDING;
	return payment;
}

enum links_result links_out_leg_ended(struct links *links,
				      const struct event_leg_ended *ended,
				      uint64_t now_us)
{
	struct link *link = gone_link(links, ended);
	bool posted = ended->reason == LINK_REASON_NONE;
	struct payment *payment;
	enum links_result result = LINKS_OK;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	payment = promised(links, ended);
	if (payment == NULL || payment->out_state != LEG_PENDING ||
	    !id_equal(&payment->id, &ended->id))
		return LINKS_LEG_UNKNOWN;
	if (posted)
		result = keep_proof(payment, ended->proof);
	if (result != LINKS_OK)
		return result;
	if (ended->seq > 0) {
		link->pending_out_minor -= payment->amount_minor;
		link->pending_out_count--;
	}
	payment->ended_us = now_us;
	payment->hold_id = (struct id){ 0 };
	payment->out_state = posted ? LEG_POSTED : LEG_VOIDED;
	if (posted) {
		payment->booked = true;
		link->estate_minor -= (int64_t)payment->amount_minor;
	} else {
		keep_refusal(payment, ended);
	}
	links_note_link(links, link);
	links_note(links, payment);
	return LINKS_OK;
}
