/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Events of links and payments, and loading what the tables kept of them. */
#include <string.h>

#include "core/links_private.h"

static struct slice here(const struct links *links)
{
	check(links->city_size > 0);
	return slice_of(links->city, links->city_size);
}

static struct slice federation(const struct links *links)
{
	return slice_of(links->federation, links->federation_size);
}

static enum links_result apply_opened(struct links *links,
				      const struct event_link *opened)
{
	struct link *link;

	if (opened->link != links->link_count + 1)
		return LINKS_LINK_UNKNOWN;
	if (links->link_count == links->options.links_max)
		return LINKS_TOO_MANY;
	if (links_of(links, opened->city) != NULL)
		return LINKS_LINK_TWICE;
	link = &links->links[links->link_count++];
	link->number = opened->link;
	link->account = opened->account;
	links_set_text(link->city, &link->city_size, opened->city);
	linklog_first_head(federation(links), here(links), opened->city,
			   links->options.sha256, link->out.head);
	linklog_first_head(federation(links), opened->city, here(links),
			   links->options.sha256, link->in.head);
	link->open = link->out;
	link->rewrite = true; /* its first line is to be said */
	links_keep_boundary(link, &link->out);
	links_note_link(links, link);
	return LINKS_OK;
}

/* Takes apart what an event carries; its entries are the caller's to walk. */
static enum links_result batch_of(const struct event_link *event,
				  const struct link_boundary *log,
				  struct link_batch *batch,
				  struct link_header *header)
{
	if (linklog_batch(event->batch, batch) != LINKLOG_OK ||
	    linklog_header(batch->header, header) != LINKLOG_OK ||
	    header->count != batch->entry_count)
		return LINKS_MALFORMED;
	if (header->first_seq != log->seq + 1 ||
	    memcmp(header->prev_head, log->head, SHA256_SIZE) != 0)
		return LINKS_OUT_OF_ORDER;
	return LINKS_OK;
}

typedef enum links_result entry_function(struct links *links,
					 const struct links_place *place,
					 const struct link_entry *entry);

static enum links_result apply_entries(struct links *links,
				       struct links_place *place,
				       entry_function *carry_out)
{
	struct slice entries = place->batch->entries, bytes = { 0 };
	struct link_entry entry;

	while (linklog_next_entry(&entries, &bytes)) {
		enum links_result result;

		if (linklog_entry(bytes, &entry) != LINKLOG_OK)
			return LINKS_MALFORMED;
		result = carry_out(links, place, &entry);
		if (result != LINKS_OK)
			return result;
		place->seq++;
		place->index++;
	}
	return LINKS_OK;
}

/* The log ends with @batch now; do its totals say what was carried out? */
static enum links_result advance(struct links *links, struct link_boundary *log,
				 const struct link_header *header,
				 struct slice header_bytes,
				 uint64_t journal_seq)
{
	if (log->promised_minor != header->promised_minor ||
	    log->settled_minor != header->settled_minor ||
	    log->released_minor != header->released_minor)
		return LINKS_TOTALS_WRONG;
	log->seq = header->first_seq + header->count - 1;
	log->journal_seq = journal_seq;
	linklog_head(header_bytes, links->options.sha256, log->head);
	return LINKS_OK;
}

/* The own log goes on: from the open batch, or from a journal's bytes. */
static enum links_result apply_own(struct links *links,
				   const struct event_link *event,
				   uint64_t journal_seq, uint64_t now_us,
				   bool replay)
{
	struct link *link = links_at(links, event->link);
	struct link_batch batch;
	struct link_header header;
	struct links_place place = { .link = link, .now_us = now_us };
	enum links_result result;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	result = batch_of(event, &link->out, &batch, &header);
	place.batch = &batch;
	place.seq = header.first_seq;
	if (result == LINKS_OK && replay) {
		result = apply_entries(links, &place, links_sent);
		link->open.seq = place.seq - 1;
	}
	if (result != LINKS_OK)
		return result;
	result =
		advance(links, &link->open, &header, batch.header, journal_seq);
	if (result != LINKS_OK)
		return result;
	link->out = link->open;
	link->open_entries.size = 0;
	link->open_count = 0;
	links_keep_boundary(link, &link->out);
	links_note_link(links, link);
	return LINKS_OK;
}

/* It came from the neighbour's copy, so the neighbour has it. */
static enum links_result apply_adopted(struct links *links,
				       const struct event_link *event,
				       uint64_t journal_seq, uint64_t now_us)
{
	struct link *link = links_at(links, event->link);
	enum links_result result =
		apply_own(links, event, journal_seq, now_us, true);

	if (result == LINKS_OK)
		links_acknowledge(links, link, link->out.seq);
	return result;
}

static enum links_result apply_taken(struct links *links,
				     const struct event_link *event,
				     uint64_t journal_seq, uint64_t now_us)
{
	struct link *link = links_at(links, event->link);
	struct link_batch batch;
	struct link_header header;
	struct links_place place = { .link = link, .now_us = now_us };
	enum links_result result;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	result = batch_of(event, &link->in, &batch, &header);
	if (result != LINKS_OK)
		return result;
	place.batch = &batch;
	place.seq = header.first_seq;
	result = apply_entries(links, &place, links_taken);
	if (result == LINKS_OK)
		result = advance(links, &link->in, &header, batch.header,
				 journal_seq);
	if (result != LINKS_OK)
		return result;
	links_keep_recent(link, &link->in);
	link->header_ack = header.ack_seq;
	if (header.journal_seq > link->journal_seq_seen)
		link->journal_seq_seen = header.journal_seq;
	/* Beyond the own log: this city was rewound and is recovering. */
	if (header.ack_seq <= link->out.seq)
		links_acknowledge(links, link, header.ack_seq);
	links_note_link(links, link);
	return LINKS_OK;
}

static struct link_life life_of(const struct event_link *event)
{
	struct link_life life = { .incarnation = event->incarnation };

	memcpy(life.nonce, event->nonce, LIFE_NONCE_SIZE);
	return life;
}

/* (rule PEER-14) (rule PEER-15) */
static void apply_life(struct link *link, const struct event *event)
{
	struct link_life life = life_of(&event->link);

	if (event->kind == EVENT_LINK_LIFE_BEGUN) {
		link->life = life;
		links_keep_life(&link->own_lives, &life);
	} else {
		link->peer_life = life;
		links_keep_life(&link->peer_lives, &life);
	}
}

static enum links_result apply_on_link(struct links *links,
				       const struct event *event)
{
	struct link *link = links_at(links, event->link.link);
	enum links_result result = LINKS_OK;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	if (event->kind == EVENT_LINK_GONE)
		result = links_gone(links, link);
	else if (event->kind == EVENT_LINK_WITHDRAWN)
		result = links_withdraw(links, link, event->link.seq);
	else if (event->kind == EVENT_LINK_ACKNOWLEDGED)
		links_acknowledge(links, link, event->link.seq);
	else if (event->kind == EVENT_LINK_RECONCILED)
		link->reconciled = link->life;
	else if (event->kind == EVENT_LINK_PAUSED)
		link->paused = true;
	else if (event->kind == EVENT_LINK_RESUMED)
		link->paused = false;
	else if (!event_is_link_command(event->kind))
		apply_life(link, event);
	if (result == LINKS_OK)
		links_note_link(links, link);
	return result;
}

static enum links_result apply_held(struct links *links,
				    const struct event_payment_held *held,
				    uint64_t now_us)
{
	struct payment *payment = links_payment(links, &held->id);

	if (payment == NULL) {
		payment = links_take_slot(links, &held->id, now_us);
		if (payment == NULL)
			return LINKS_TOO_MANY;
		payment->role =
			held->account == 0 ? PAYMENT_MIDDLE : PAYMENT_ORIGIN;
		links_index_id(links, payment);
	}
	payment->hold_id = held->hold_id;
	payment->account = held->account;
	if (payment->role == PAYMENT_ORIGIN) {
		payment->parent = held->parent;
		payment->actor = held->actor;
		payment->attempt = (uint8_t)held->attempt;
	}
	payment->accepted = true;
	if (payment->in_state == LEG_WAITING)
		payment->in_state = LEG_HELD;
	links_note(links, payment);
	return LINKS_OK;
}

enum links_result links_apply(struct links *links, const struct event *event,
			      uint64_t journal_seq, uint64_t now_us,
			      bool replay)
{
	check(event->kind >= EVENT_LINK_OPENED);
	switch (event->kind) {
	case EVENT_LINK_OPENED:
		return apply_opened(links, &event->link);
	case EVENT_LINK_BATCH_SEALED:
		return apply_own(links, &event->link, journal_seq, now_us,
				 replay);
	case EVENT_LINK_BATCH_ADOPTED:
		return apply_adopted(links, &event->link, journal_seq, now_us);
	case EVENT_LINK_BATCH_TAKEN:
		return apply_taken(links, &event->link, journal_seq, now_us);
	case EVENT_PAYMENT_HELD:
		return apply_held(links, &event->payment_held, now_us);
	case EVENT_ROSTER_ADOPTED:
		links->roster_version = event->roster_adopted.version;
		memcpy(links->roster_hash, event->roster_adopted.hash,
		       SHA256_SIZE);
		return LINKS_OK;
	case EVENT_NEVER_GIVEN: /* that none will be settled, the roster says */
		return LINKS_OK;
	case EVENT_REJOINED:
		links->rejoin =
			event->rejoined.closed ? REJOIN_CLOSED : REJOIN_OPEN;
		return LINKS_OK;
	case EVENT_REJOIN_ENDED:
		links->rejoin = REJOIN_NONE;
		return LINKS_OK;
	case EVENT_IN_LEG_ENDED:
		return links_in_leg_ended(links, &event->leg_ended, now_us);
	case EVENT_OUT_LEG_ENDED:
		return links_out_leg_ended(links, &event->leg_ended, now_us);
	default:
		return apply_on_link(links, event);
	}
}

/* What withdrawing takes from the totals, to hold against the boundary. */
static void take_answer_back(struct link *link, struct payment *payment)
{
	check(payment->in_answered);
	if (payment->in_state == LEG_POSTED)
		link->open.settled_minor -= payment->amount_minor;
	else
		link->open.released_minor -= payment->amount_minor;
	/* (rule PEER-19) WAITING and not HELD: the line is checked again. */
	if (payment->in_state == LEG_POSTED && payment->out_state != LEG_POSTED)
		payment->booked = false;
	payment->in_state = LEG_WAITING;
	payment->in_answered = false;
	payment->answer_seq = 0;
	payment->ended_us = 0;
	link->pending_in_minor += payment->amount_minor;
	link->pending_in_count++;
}

static void take_promise_back(struct links *links, struct link *link,
			      struct payment *payment)
{
	links_unindex_out_leg(links, payment);
	link->open.promised_minor -= payment->amount_minor;
	link->pending_out_minor -= payment->amount_minor;
	link->pending_out_count--;
	payment->hold_id = (struct id){ 0 };
	payment->out_link = LINK_NONE;
	payment->out_seq = 0;
	payment->out_state = LEG_NONE;
	if (payment->in_state == LEG_HELD)
		payment->in_state = LEG_WAITING;
	if (payment->role != PAYMENT_ORIGIN)
		return;
	payment->out_state = LEG_VOIDED;
	payment->reason = LINK_REASON_LINK_DOWN;
	links_set_text(payment->at_city, &payment->at_city_size, here(links));
}

/* The queue of answers that wait to be acknowledged, made anew. */
static void queue_answers(struct links *links, struct link *link)
{
	uint32_t last = link->answered_first, kept = 0;

	while (last != 0) {
		struct payment *payment = &links->payments[last - 1];
		uint32_t next = payment->answered_next;

		/* In order of seq: those that stay are the first ones. */
		if (payment->in_answered && payment->in_link == link->number) {
			kept = last;
		} else {
			payment->answered_next = 0;
			if (kept != 0)
				links->payments[kept - 1].answered_next = next;
			else
				link->answered_first = next;
		}
		last = next;
	}
	link->answered_last = kept;
}

static const struct link_boundary *withdraw_to(const struct links *links,
					       const struct link *link,
					       uint64_t to,
					       struct link_boundary *first)
{
	if (to > 0)
		return link_boundary_at(link, to);
	*first = (struct link_boundary){ 0 };
	linklog_first_head(federation(links), here(links), link_city(link),
			   links->options.sha256, first->head);
	return first;
}

/* What is known above @to has to be all that the log has there. */
bool links_can_withdraw(const struct links *links, const struct link *link,
			uint64_t to)
{
	struct link_boundary first, sums;
	const struct link_boundary *end = withdraw_to(links, link, to, &first);

	if (end == NULL)
		return false;
	sums = *end;
	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment == NULL)
			continue;
		if (payment->in_link == link->number && payment->in_answered &&
		    payment->answer_seq > to)
			*(payment->in_state == LEG_POSTED
				  ? &sums.settled_minor
				  : &sums.released_minor) +=
				payment->amount_minor;
		if (payment->out_link != link->number || payment->out_seq <= to)
			continue;
		if (payment->out_state != LEG_PENDING)
			return false;
		sums.promised_minor += payment->amount_minor;
	}
	return link->open.promised_minor == sums.promised_minor &&
	       link->open.settled_minor == sums.settled_minor &&
	       link->open.released_minor == sums.released_minor;
}

/* (rule PEER-19) */
enum links_result links_withdraw(struct links *links, struct link *link,
				 uint64_t to)
{
	struct link_boundary first, keep;
	const struct link_boundary *end = withdraw_to(links, link, to, &first);

	check(link->open_count == 0);
	if (end == NULL)
		return LINKS_WITHDRAWN_TOO_FAR;
	keep = *end;
	for (uint32_t i = 0; i < links->payments_used; i++) {
		struct payment *payment = links_payment_slot(links, i);
		bool answer, promise;

		if (payment == NULL)
			continue;
		answer = payment->in_link == link->number &&
			 payment->in_answered && payment->answer_seq > to;
		promise = payment->out_link == link->number &&
			  payment->out_seq > to;
		if (promise && payment->out_state != LEG_PENDING)
			return LINKS_WITHDRAWN_TOO_FAR;
		if (answer)
			take_answer_back(link, payment);
		if (promise)
			take_promise_back(links, link, payment);
		if (answer || promise)
			links_note(links, payment);
	}
	queue_answers(links, link);
	if (link->open.promised_minor != keep.promised_minor ||
	    link->open.settled_minor != keep.settled_minor ||
	    link->open.released_minor != keep.released_minor)
		return LINKS_WITHDRAWN_TOO_FAR;
	link->out = keep;
	link->open = keep;
	link->rewrite = true;
	if (link->acknowledged > to)
		link->acknowledged = to;
	while (link->boundary_count > 0 &&
	       link->boundaries[(link->boundary_first + link->boundary_count -
				 1) %
				LINK_BOUNDARIES_MAX]
			       .seq > to)
		link->boundary_count--;
	return LINKS_OK;
}

enum links_result links_load_link(struct links *links, const struct link *from)
{
	struct link *link;

	if (from->number != links->link_count + 1)
		return LINKS_LINK_UNKNOWN;
	if (links->link_count == links->options.links_max)
		return LINKS_TOO_MANY;
	if (links_of(links, link_city(from)) != NULL)
		return LINKS_LINK_TWICE;
	link = &links->links[links->link_count++];
	link->number = from->number;
	link->account = from->account;
	links_set_text(link->city, &link->city_size, link_city(from));
	link->out = from->out;
	link->in = from->in;
	link->open = from->out;
	link->acknowledged = from->acknowledged;
	link->header_ack = from->header_ack;
	link->journal_seq_seen = from->journal_seq_seen;
	link->life = from->life;
	link->reconciled = from->reconciled;
	link->peer_life = from->peer_life;
	link->line_minor = from->line_minor;
	link->peer_line_minor = from->peer_line_minor;
	link->frozen_here = from->frozen_here;
	link->frozen_there = from->frozen_there;
	link->paused = from->paused;
	link->rewrite = from->rewrite;
	link->gone = from->gone;
	link->estate_minor = from->estate_minor;
	return LINKS_OK;
}

void links_load_life(struct links *links, uint32_t number,
		     const struct link_life *life, bool own)
{
	struct link *link = links_at(links, number);

	check(link != NULL);
	links_keep_life(own ? &link->own_lives : &link->peer_lives, life);
}

void links_load_boundary(struct links *links, uint32_t number,
			 const struct link_boundary *boundary, bool own)
{
	struct link *link = links_at(links, number);
	struct link_boundary end;

	check(link != NULL);
	/* The rings want rising seqs; the link already stands at the end. */
	end = own ? link->out : link->in;
	if (own) {
		link->out.seq = boundary->seq;
		links_keep_boundary(link, boundary);
		link->out = end;
	} else {
		link->in.seq = boundary->seq;
		links_keep_recent(link, boundary);
		link->in = end;
	}
}

void links_load_beginning(struct links *links, uint32_t number)
{
	const struct link *link = links_at(links, number);
	struct link_boundary first = { 0 };

	check(link != NULL && link->boundary_count == 0);
	linklog_first_head(federation(links), here(links), link_city(link),
			   links->options.sha256, first.head);
	links_load_boundary(links, number, &first, true);
}

static void count_pending(struct links *links, const struct payment *payment)
{
	struct link *in = links_at(links, payment->in_link);
	struct link *out = links_at(links, payment->out_link);

	if (in != NULL && !payment->in_answered) {
		in->pending_in_minor += payment->amount_minor;
		in->pending_in_count++;
	}
	if (out != NULL && payment->out_state == LEG_PENDING) {
		out->pending_out_minor += payment->amount_minor;
		out->pending_out_count++;
	}
}

enum links_result links_load_payment(struct links *links,
				     const struct payment *from)
{
	struct payment *payment;
	struct link *in;

	if (links_room(links) == 0)
		return LINKS_TOO_MANY;
	payment = links_take_slot(links, &from->id, from->started_us);
	check(payment != NULL);
	*payment = *from;
	payment->used = true;
	payment->answered_next = 0;
	payment->checked = 0;
	if (!payment->duplicate)
		links_index_id(links, payment);
	if (payment->in_link != LINK_NONE)
		links_index_in_leg(links, payment);
	if (payment->out_link != LINK_NONE)
		links_index_out_leg(links, payment);
	count_pending(links, payment);
	in = links_at(links, payment->in_link);
	if (in != NULL && payment->in_answered &&
	    payment->answer_seq > in->acknowledged)
		links_answered(links, in, payment);
	return LINKS_OK;
}

void links_load_counters(struct links *links, uint64_t next_payment,
			 uint64_t roster_version,
			 const uint8_t roster_hash[SHA256_SIZE])
{
	links->next_payment = next_payment;
	links->roster_version = roster_version;
	memcpy(links->roster_hash, roster_hash, SHA256_SIZE);
}

bool links_load_rejoin(struct links *links, uint32_t rejoin)
{
	if (rejoin > REJOIN_OPEN)
		return false;
	links->rejoin = (uint8_t)rejoin;
	return true;
}
