/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Cities that never come back (rule PEER-44).  Their links are frozen for
 * good; what was promised over them ends as the decider says, and where that
 * was the city which is GONE, not at all.
 */
#include <string.h>

#include "peer/peer_private.h"

static bool says_gone(const struct peer *peer, struct slice city)
{
	const struct peer_directory *directory = &peer->options.directory;

	check(directory->gone != NULL);
	return directory->gone(directory->context, city);
}

bool peer_is_gone(const struct peer *peer, uint32_t number)
{
	const struct link *link = links_at(peer_links(peer), number);

	return link != NULL && link->gone;
}

bool peer_goes_over_gone(const struct peer *peer,
			 const struct payment_terms *terms)
{
	for (uint32_t i = 0; i < terms->path_count; i++) {
		if (says_gone(peer, terms->path[i]))
			return true;
	}
	return false;
}

/* This city's place in the path; path_count: not there. */
static uint32_t place_in(const struct peer *peer,
			 const struct payment_terms *terms)
{
	uint32_t place = 0;

	check(terms->path_count <= LINKLOG_PATH_MAX);
	while (place < terms->path_count &&
	       !slice_equal(terms->path[place], peer_here(peer)))
		place++;
	return place;
}

/* The last city of the path that is there; path_count: none is. */
static uint32_t last_there(const struct peer *peer,
			   const struct payment_terms *terms)
{
	for (uint32_t i = terms->path_count; i > 0; i--) {
		if (!says_gone(peer, terms->path[i - 1]))
			return i - 1;
	}
	return terms->path_count;
}

bool peer_speaker(const struct peer *peer, const struct payment_terms *terms,
		  struct slice *city)
{
	uint32_t here = place_in(peer, terms), last = last_there(peer, terms);

	if (last == terms->path_count || last <= here)
		return false;
	*city = terms->path[last];
	return true;
}

/* Nothing is said on the link from now on, and nothing of it is heard. */
static void stop_speaking(struct peer *peer, uint32_t number)
{
	struct peer_session *session = peer_session(peer, number);

	session->agreed = session->state == PEER_RECONCILED;
	peer_move(peer, number, PEER_CITY_GONE,
		  "the roster says that the city is GONE");
	/* What a former life did not take will never be there to take. */
	session->caught_up = true;
	if (!session->agreed)
		session->mark = UINT64_MAX;
}

/* (rule PEER-44): frozen for good, once what was appended is sealed. */
static bool freeze(struct peer *peer, const struct link *link)
{
	struct event event = { .kind = EVENT_LINK_GONE };
	struct recorder recorder;

	if (link->open_count > 0 || !peer_open(peer, 0, 1, 0, &recorder))
		return false;
	/* Opening a block may have closed the one before. */
	check(link->open_count == 0);
	event.link.link = link->number;
	peer_link_event(&recorder, &event);
	peer->gone_seq = recorder.block->header.seq;
	peer_mark_link(peer, link->number);
	return true;
}

bool peer_begin_gone(struct peer *peer)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 1; i <= links->link_count; i++) {
		const struct link *link = links_at(links, i);

		if (!link->gone && !says_gone(peer, link_city(link)))
			continue;
		if (peer_session(peer, i)->state != PEER_GONE)
			stop_speaking(peer, i);
		if (!link->gone && !freeze(peer, link))
			return false;
	}
	return true;
}

bool peer_end_in_leg(struct peer *peer, const struct payment *payment,
		     uint32_t reason, struct slice at_city)
{
	struct event event = { .kind = EVENT_IN_LEG_ENDED };
	struct recorder recorder;

	if (!peer_open_move(peer, &recorder))
		return false;
	event.leg_ended.link = payment->in_link;
	event.leg_ended.seq = payment->in_seq;
	event.leg_ended.reason = reason;
	event.leg_ended.at_city = at_city;
	peer_book_own_answer(peer, &recorder, payment,
			     reason == LINK_REASON_NONE);
	peer_link_event(&recorder, &event);
	return true;
}

/* @proof: it posts the leg; else it is voided for @reason. */
static bool end_out_leg(struct peer *peer, const struct payment *payment,
			const struct link_entry *answer, struct slice proof)
{
	struct event event = { .kind = EVENT_OUT_LEG_ENDED };
	struct recorder recorder;
	struct payment_terms terms;
	const struct link *link;
	enum linklog_result result =
		linklog_terms(payment_terms_of(payment), &terms);

	check(result == LINKLOG_OK);
	link = links_of(peer_links(peer),
			terms.path[place_in(peer, &terms) + 1]);
	check(link != NULL && link->gone);
	if (!peer_open_move(peer, &recorder))
		return false;
	event.leg_ended.link = link->number;
	event.leg_ended.seq = payment->out_seq;
	event.leg_ended.id = payment->id;
	event.leg_ended.reason = answer->reason;
	event.leg_ended.at_city = answer->at_city;
	event.leg_ended.proof = proof;
	peer_book_answer(peer, &recorder, payment, proof.size > 0,
			 peer->options.uri);
	peer_link_event(&recorder, &event);
	return true;
}

static struct link_entry refusal_here(const struct peer *peer)
{
	return (struct link_entry){ .kind = LINK_ENTRY_RELEASE,
				    .reason = LINK_REASON_CITY_GONE,
				    .at_city = peer_here(peer) };
}

/*
 * (rule PEER-44): the log of a decider that is GONE was the only place where
 * it could decide, and what was taken of it has been carried out.
 */
bool peer_look_at_gone(struct peer *peer, const struct payment *payment)
{
	struct link_entry refusal = refusal_here(peer);
	struct payment_terms terms;
	struct slice speaker;
	bool somebody;
	enum linklog_result result =
		linklog_terms(payment_terms_of(payment), &terms);

	check(result == LINKLOG_OK && payment->out_state == LEG_PENDING);
	somebody = peer_speaker(peer, &terms, &speaker);
	if (somebody && !PLANTED(VOID_UNASKED))
		return true;
	return end_out_leg(peer, payment, &refusal, (struct slice){ 0 });
}

/* A promise that came in before this life: did a former one forward it? */
static bool may_be_forwarded(const struct peer *peer,
			     const struct payment *payment,
			     const struct payment_terms *terms)
{
	uint32_t here = place_in(peer, terms);
	const struct peer_session *in;
	const struct link *out;

	if (payment->role != PAYMENT_MIDDLE || payment->duplicate ||
	    payment->out_state != LEG_NONE || payment->in_link == LINK_NONE ||
	    payment->in_answered || here + 1 >= terms->path_count)
		return false;
	in = peer_session_of(peer, payment->in_link);
	out = links_of(peer_links(peer), terms->path[here + 1]);
	return out != NULL && out->gone && payment->in_seq <= in->mark &&
	       !peer_session_of(peer, out->number)->agreed &&
	       (in->state == PEER_RECONCILED || in->state == PEER_GONE);
}

/* Whom to ask how @payment ended; false: nobody, or there is no need. */
static bool whom_to_ask(const struct peer *peer, const struct payment *payment,
			struct slice *city)
{
	struct payment_terms terms;

	/* Its books come first, its terms with the promise. */
	if (payment->terms_size == 0 ||
	    linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK ||
	    (!(payment->out_state == LEG_PENDING &&
	       peer_is_gone(peer, payment->out_link)) &&
	     !may_be_forwarded(peer, payment, &terms)))
		return false;
	return peer_speaker(peer, &terms, city);
}

static struct peer_ask *find_ask(struct peer *peer, uint64_t number)
{
	for (uint32_t i = 0; i < PEER_ASKS_MAX; i++) {
		if (peer->asks[i].number == number)
			return &peer->asks[i];
	}
	return NULL;
}

/* The city whose answer an open out-leg waits for. */
static bool decider_of(const struct payment *payment, struct slice *city)
{
	struct payment_terms terms;

	if (payment->out_state != LEG_PENDING ||
	    linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK ||
	    terms.path_count == 0)
		return false;
	*city = terms.path[terms.path_count - 1];
	return true;
}

/* With no place free it is asked for when the proof comes again. */
void peer_ask_decider(struct peer *peer, const struct payment *payment)
{
	struct peer_ask *free_ask = find_ask(peer, 0);

	if (free_ask != NULL && find_ask(peer, payment->number) == NULL)
		*free_ask = (struct peer_ask){
			.number = payment->number,
			.slot = peer_slot_of(peer, payment),
			.for_proof = true,
		};
}

static bool any_gone(const struct peer *peer)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 1; i <= links->link_count; i++) {
		if (links_at(links, i)->gone)
			return true;
	}
	return false;
}

/* In turns, so that one that stays unknown is in nobody's way. */
void peer_gather_asks(struct peer *peer)
{
	const struct links *links = peer_links(peer);

	if (peer->now_us < peer->next_ask_us || !any_gone(peer))
		return;
	peer->next_ask_us = peer->now_us + PEER_ASK_US;
	for (uint32_t i = 0; i < links->payments_used; i++) {
		uint32_t slot = (peer->ask_slot + i) % links->payments_used;
		const struct payment *payment = links_payment_slot(links, slot);
		struct peer_ask *free_ask = find_ask(peer, 0);
		struct slice city;

		if (free_ask == NULL) {
			peer->ask_slot = slot;
			return;
		}
		if (payment == NULL || !whom_to_ask(peer, payment, &city) ||
		    find_ask(peer, payment->number) != NULL)
			continue;
		*free_ask = (struct peer_ask){ .number = payment->number,
					       .slot = slot };
	}
}

/* The payment that is asked about, if that is still of use. */
static struct payment *asked_about(const struct peer *peer,
				   const struct peer_ask *ask,
				   struct slice *city)
{
	struct payment *payment =
		links_payment_slot(peer_links(peer), ask->slot);

	if (payment == NULL || payment->number != ask->number)
		return NULL;
	return (ask->for_proof ? decider_of(payment, city)
			       : whom_to_ask(peer, payment, city))
		       ? payment
		       : NULL;
}

bool peer_next_ask(struct peer *peer, struct peer_action *out)
{
	/* (rule PEER-1) */
	if (peer->gone_seq > peer->durable_seq)
		return false;
	for (uint32_t i = 0; i < PEER_ASKS_MAX; i++) {
		struct peer_ask *ask = &peer->asks[i];
		const struct payment *payment;
		struct slice city;

		if (ask->number == 0 || ask->flying)
			continue;
		payment = asked_about(peer, ask, &city);
		if (payment == NULL) {
			*ask = (struct peer_ask){ 0 };
			continue;
		}
		ask->flying = true;
		*out = (struct peer_action){
			.kind = PEER_ASK_OUTCOME,
			.city = city,
			.number = ask->number,
			.terms = payment_terms_of(payment),
		};
		return true;
	}
	return false;
}

/* Whether or not it can be recorded now: it is asked again if not. */
static void heard_proof(struct peer *peer, struct payment *payment,
			struct slice proof)
{
	struct link_entry answer;
	bool done;

	if (!peer_proven(peer, payment, proof, &answer))
		return;
	if (answer.kind == LINK_ENTRY_SETTLE)
		done = end_out_leg(peer, payment, &(struct link_entry){ 0 },
				   proof);
	else if (payment->out_state == LEG_PENDING)
		done = end_out_leg(peer, payment, &answer, (struct slice){ 0 });
	else
		done = peer_release(peer, payment, answer.reason,
				    answer.at_city);
	if (!done)
		peer->next_ask_us = peer->now_us;
}

/* What is proven is remembered until the neighbour's batch comes again. */
static void heard_again(struct peer *peer, const struct payment *payment,
			struct slice proof)
{
	struct link_entry answer;

	if (peer_proven(peer, payment, proof, &answer))
		peer_mark_link(peer, payment->out_link);
}

/* (rule PEER-45): signed by the city that would have to settle. */
static bool is_never(struct peer *peer, const struct payment *payment,
		     struct slice city, const struct peer_outcome_reply *reply)
{
	struct link_never never;

	return linklog_never(reply->body, &never) == LINKLOG_OK &&
	       memcmp(never.payment_id, payment->id.bytes, ID_SIZE) == 0 &&
	       memcmp(never.terms_hash, payment->terms_hash, SHA256_SIZE) ==
		       0 &&
	       peer_signed_by(peer, city, "Never", reply);
}

static void heard_never(struct peer *peer, struct payment *payment)
{
	struct link_entry refusal = refusal_here(peer);
	bool done = payment->out_state == LEG_PENDING
			    ? end_out_leg(peer, payment, &refusal,
					  (struct slice){ 0 })
			    : peer_release(peer, payment, refusal.reason,
					   refusal.at_city);

	if (!done)
		peer->next_ask_us = peer->now_us;
}

void peer_outcome_answered(struct peer *peer, uint64_t number,
			   const struct peer_outcome_reply *reply)
{
	struct peer_ask *ask = find_ask(peer, number);
	struct payment *payment;
	struct slice city;
	bool for_proof;

	if (ask == NULL || number == 0)
		return;
	payment = asked_about(peer, ask, &city);
	for_proof = ask->for_proof;
	*ask = (struct peer_ask){ 0 };
	if (payment == NULL || !reply->arrived)
		return;
	if (for_proof)
		heard_again(peer, payment, reply->proof);
	else if (reply->proof.size > 0)
		heard_proof(peer, payment, reply->proof);
	else if (reply->body.size > 0 && is_never(peer, payment, city, reply))
		heard_never(peer, payment);
}

/* Who asks is on the path, and this city is the one that can tell. */
static bool may_tell(const struct peer *peer, struct slice city,
		     const struct payment_terms *terms)
{
	bool on_path = false;

	for (uint32_t i = 0; i < terms->path_count; i++)
		on_path |= slice_equal(terms->path[i], city);
	return on_path && !slice_equal(city, peer_here(peer)) &&
	       slice_equal(terms->federation, peer_federation(peer)) &&
	       peer_goes_over_gone(peer, terms);
}

/*
 * (rule PEER-45): with the city before it this one has compared its log in
 * this life, so it knows every Settle that it ever wrote.
 */
bool peer_may_say_never(struct peer *peer, struct slice city,
			struct slice terms_bytes)
{
	struct payment_terms terms;
	const struct link *before;
	uint32_t here;

	if (linklog_terms(terms_bytes, &terms) != LINKLOG_OK ||
	    !may_tell(peer, city, &terms))
		return false;
	here = place_in(peer, &terms);
	if (here == 0 || here == terms.path_count ||
	    here != last_there(peer, &terms))
		return false;
	before = links_of(peer_links(peer), terms.path[here - 1]);
	return before != NULL &&
	       (before->gone || peer_session_of(peer, before->number)->state ==
					PEER_RECONCILED);
}

/* Does a leg of it wait, or has one been posted? */
static bool may_be_settled(const struct peer *peer,
			   const uint8_t hash[SHA256_SIZE])
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL &&
		    memcmp(payment->terms_hash, hash, SHA256_SIZE) == 0 &&
		    (!payment->in_answered || payment->in_state == LEG_POSTED ||
		     payment->out_state == LEG_PENDING ||
		     payment->out_state == LEG_POSTED))
			return true;
	}
	return false;
}

static bool was_given(const struct peer *peer, const uint8_t hash[SHA256_SIZE])
{
	for (uint32_t i = 0; i < PEER_NEVERS_KEPT; i++) {
		if (memcmp(peer->nevers[i], hash, SHA256_SIZE) == 0)
			return true;
	}
	return false;
}

static bool record_never(struct peer *peer, const struct link_never *never)
{
	struct event event = { .kind = EVENT_NEVER_GIVEN };
	struct recorder recorder;

	if (was_given(peer, never->terms_hash))
		return true;
	memcpy(event.never_given.id.bytes, never->payment_id, ID_SIZE);
	memcpy(event.never_given.terms_hash, never->terms_hash, SHA256_SIZE);
	if (!id_is_v7(&event.never_given.id) ||
	    !peer_open(peer, 0, 1, 0, &recorder))
		return false;
	peer_link_event(&recorder, &event);
	memcpy(peer->nevers[peer->next_never++ % PEER_NEVERS_KEPT],
	       never->terms_hash, SHA256_SIZE);
	return true;
}

/* (rule PEER-45) */
bool peer_say_never(struct peer *peer, struct slice city,
		    struct slice terms_bytes, uint64_t now_us,
		    struct buffer *body)
{
	struct payment_terms terms;
	struct link_never never;

	peer->now_us = now_us;
	if (!peer_may_say_never(peer, city, terms_bytes) ||
	    linklog_terms(terms_bytes, &terms) != LINKLOG_OK)
		return false;
	memcpy(never.payment_id, terms.payment_id, LINKLOG_ID_SIZE);
	peer->options.sha256(terms_bytes, never.terms_hash);
	if (may_be_settled(peer, never.terms_hash) ||
	    !record_never(peer, &never))
		return false;
	linklog_put_never(body, &never);
	return true;
}
