/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Looking at payments: each state allows at most one next step, whatever
 * brought it about (rule PEER-29).  A middle city answers only as it was
 * answered; a decider decides by writing its answer.
 */
#include <string.h>

#include "peer/peer_private.h"

/* Terms of a payment that came in, with this city's place in the path. */
struct look {
	struct payment *payment;
	struct payment_terms terms;
	struct link *in;
	const struct peer_session *in_session;
	uint32_t place; /* of this city in the path; path_count: not there */
};

static void begin(struct peer *peer, struct payment *payment, struct look *look)
{
	enum linklog_result result =
		linklog_terms(payment_terms_of(payment), &look->terms);

	check(result == LINKLOG_OK);
	look->payment = payment;
	look->in = links_at(peer_links(peer), payment->in_link);
	look->in_session = peer_session_of(peer, payment->in_link);
	look->place = 0;
	while (look->place < look->terms.path_count &&
	       !slice_equal(look->terms.path[look->place], peer_here(peer)))
		look->place++;
}

/* Room in the log now?  A full batch waits for the next block. */
static bool can_answer(struct peer *peer, const struct payment *payment)
{
	const struct link *in = links_at(peer_links(peer), payment->in_link);

	if (peer_can_append(peer, payment->in_link))
		return true;
	if (in->open_count > 0)
		peer_mark(peer, payment);
	return false;
}

bool peer_release(struct peer *peer, struct payment *payment, uint32_t reason,
		  struct slice at_city)
{
	struct link_entry entry = { .kind = LINK_ENTRY_RELEASE,
				    .prepare_seq = payment->in_seq,
				    .reason = reason,
				    .at_city = at_city };
	struct recorder recorder;

	if (peer_is_gone(peer, payment->in_link))
		return peer_end_in_leg(peer, payment, reason, at_city);
	if (!can_answer(peer, payment))
		return true;
	if (!peer_open_move(peer, &recorder))
		return false;
	/* The open block may be another one now. */
	if (!can_answer(peer, payment))
		return true;
	peer_book_own_answer(peer, &recorder, payment, false);
	memcpy(entry.terms_hash, payment->terms_hash, SHA256_SIZE);
	peer_append(peer, &recorder, payment->in_link, &entry);
	return true;
}

static bool refuse(struct peer *peer, const struct look *look, uint32_t reason)
{
	check(reason != LINK_REASON_NONE);
	return peer_release(peer, look->payment, reason, peer_here(peer));
}

/* Reasons 1 to 4: what the terms themselves say (rule PEER-25). */
static uint32_t check_terms(struct peer *peer, const struct look *look)
{
	const struct payment_terms *terms = &look->terms;

	if (!slice_equal(terms->federation, peer_federation(peer)))
		return LINK_REASON_WRONG_FEDERATION;
	if (!linklog_way_fits(terms))
		return LINK_REASON_BAD_PATH;
	if (look->place == 0 || look->place == terms->path_count ||
	    !slice_equal(terms->path[look->place - 1], link_city(look->in)))
		return LINK_REASON_NOT_ON_PATH;
	return terms->amount_minor == 0 ||
			       terms->amount_minor > (uint64_t)MONEY_MAX_MINOR
		       ? LINK_REASON_AMOUNT_RANGE
		       : LINK_REASON_NONE;
}

/* Reasons 5 and 6. */
static uint32_t check_id(struct peer *peer, const struct look *look)
{
	const struct payment *payment = look->payment;
	struct idwindow *ids = &peer->ledger->ids;

	if (payment->duplicate ||
	    (!payment->accepted && idwindow_find(ids, &payment->id) != NULL))
		return LINK_REASON_ID_CONFLICT;
	return !id_is_v7(&payment->id) ||
			       idwindow_place(ids, &payment->id,
					      peer->now_us) != IDWINDOW_INSIDE
		       ? LINK_REASON_ID_TOO_OLD
		       : LINK_REASON_NONE;
}

/* (rule PEER-38) (rule PEER-39): everything that is open counts. */
static int64_t exposure(const struct link *link, const struct payment *payment)
{
	if (PLANTED(LINE_WITHOUT_OPEN))
		return link_owed_minor(link) + (int64_t)payment->amount_minor;
	if (PLANTED(FREE_ON_PENDING))
		return link_exposure_minor(link) -
		       (int64_t)link->pending_out_minor;
	return link_exposure_minor(link);
}

/* A silent neighbour must not lock the whole line with promises. */
static bool too_much_in_flight(struct peer *peer, const struct link *link)
{
	const struct peer_directory *directory = &peer->options.directory;
	unsigned __int128 most = link->line_minor;

	most = most *
	       directory->in_flight_per_mille(directory->context,
					      link_city(link)) /
	       1000;
	return link->pending_in_count > 1 && link->pending_in_minor > most;
}

/* Reasons 7 to 11: this city and this link, now. */
static uint32_t check_now(struct peer *peer, const struct look *look)
{
	const struct link *in = look->in;

	if (peer_goes_over_gone(peer, &look->terms) &&
	    !PLANTED(SETTLE_OVER_GONE))
		return LINK_REASON_CITY_GONE;
	if (in->frozen_here || in->frozen_there || in->paused)
		return LINK_REASON_FROZEN;
	if (peer->now_us > look->terms.decide_by_us)
		return LINK_REASON_LATE;
	if (exposure(in, look->payment) > (int64_t)in->line_minor ||
	    !account_debits_fit(ledger_account(peer->ledger, in->account),
				money_of((int64_t)look->terms.amount_minor)))
		return LINK_REASON_LINE;
	return too_much_in_flight(peer, in) ? LINK_REASON_TOO_MANY_PENDING
					    : LINK_REASON_NONE;
}

/* (rule PEER-27), what is the same for a middle city and a decider. */
static uint32_t check_leg(struct peer *peer, const struct look *look)
{
	uint32_t reason = check_terms(peer, look);

	if (reason == LINK_REASON_NONE)
		reason = check_id(peer, look);
	return reason == LINK_REASON_NONE ? check_now(peer, look) : reason;
}

/* Reasons 16 to 19. */
static uint32_t check_payee(struct peer *peer, const struct look *look,
			    const struct account **payee)
{
	const struct account_ref ref = { .address = look->terms.payee };
	struct money amount = money_of((int64_t)look->terms.amount_minor);

	if (ledger_resolve(peer->ledger, &ref, payee) != 0 || *payee == NULL)
		return LINK_REASON_PAYEE_UNKNOWN;
	if ((*payee)->state == ACCOUNT_CLOSED || !account_is_coop(*payee))
		return LINK_REASON_PAYEE_CLOSED;
	if (!account_may_receive(*payee, amount) ||
	    !account_credits_fit(*payee, amount))
		return LINK_REASON_PAYEE_CEILING;
	return (*payee)->state == ACCOUNT_FROZEN ? LINK_REASON_PAYEE_DECLINED
						 : LINK_REASON_NONE;
}

/* The decision, and the payee's credit, are one block (rule PEER-1). */
static bool settle(struct peer *peer, const struct look *look,
		   const struct account *payee)
{
	struct payment *payment = look->payment;
	struct link_entry entry = { .kind = LINK_ENTRY_SETTLE,
				    .prepare_seq = payment->in_seq };
	struct recorder recorder;
	struct entry booking;

	if (!can_answer(peer, payment))
		return true;
	if (!peer_open_move(peer, &recorder))
		return false;
	if (!can_answer(peer, payment))
		return true;
	booking = peer_entry_of(ENTRY_TRANSFER, look->in->account, payee->id,
				money_of((int64_t)payment->amount_minor),
				&payment->id);
	record_booking(&recorder, &booking, (struct slice){ 0 },
		       peer->options.uri);
	memcpy(entry.terms_hash, payment->terms_hash, SHA256_SIZE);
	peer_append(peer, &recorder, payment->in_link, &entry);
	return true;
}

static bool hold_for_payee(struct peer *peer, const struct look *look,
			   const struct account *payee)
{
	struct event_payment_held held = { .id = look->payment->id,
					   .account = payee->id };
	struct recorder recorder;

	if (peer->ledger->hold_count == peer->ledger->options.holds_max)
		return refuse(peer, look, LINK_REASON_TOO_MANY_PENDING);
	if (!peer_open_move(peer, &recorder))
		return false;
	peer_hold(&recorder, look->in->account, payee->id,
		  money_of((int64_t)look->terms.amount_minor), &held,
		  (struct slice){ 0 }, peer->options.uri);
	return true;
}

static bool look_as_decider(struct peer *peer, const struct look *look)
{
	const struct account *payee = NULL;
	uint32_t reason;

	/* Accepted, and waiting for its key (rule PEER-33). */
	if (look->payment->in_state == LEG_HELD) {
		if (peer_goes_over_gone(peer, &look->terms))
			return refuse(peer, look, LINK_REASON_CITY_GONE);
		return peer->now_us <= look->terms.decide_by_us ||
		       refuse(peer, look, LINK_REASON_LATE);
	}
	/* (rule PEER-21) */
	if (!look->in_session->caught_up && !PLANTED(NOT_CAUGHT_UP) &&
	    peer->now_us <= look->terms.decide_by_us)
		return true;
	reason = check_leg(peer, look);
	if (reason == LINK_REASON_NONE)
		reason = check_payee(peer, look, &payee);
	if (reason != LINK_REASON_NONE)
		return refuse(peer, look, reason);
	return look->terms.lock.size > 0 ? hold_for_payee(peer, look, payee)
					 : settle(peer, look, payee);
}

/* Own batches that the neighbour has not acknowledged. */
static uint32_t unacknowledged(const struct link *link, uint64_t acknowledged)
{
	uint32_t count = 0;

	while (count < link->boundary_count && count <= PEER_WINDOW) {
		uint32_t place =
			link->boundary_first + link->boundary_count - 1 - count;

		if (link->boundaries[place % LINK_BOUNDARIES_MAX].seq <=
		    acknowledged)
			break;
		count++;
	}
	return count;
}

/* (rule PEER-39): what the neighbour would refuse is not asked. */
static bool line_has_room(const struct link *link, uint64_t amount_minor)
{
	__int128 debt = -(__int128)link_owed_minor(link) +
			link->pending_out_minor + amount_minor;

	return debt <= (__int128)link->peer_line_minor;
}

/* What is kept free of promises that wait for a neighbour's answer. */
static uint32_t kept_free(const struct links *links)
{
	uint32_t half = links->options.payments_max / 2;

	check(half > 0);
	return half < LINKLOG_ENTRIES_MAX ? half : LINKLOG_ENTRIES_MAX;
}

bool peer_has_room(const struct peer *peer)
{
	const struct links *links = peer_links(peer);
	uint64_t open = kept_free(links);

	for (uint32_t i = 1; i <= links->link_count; i++)
		open += links_at(links, i)->pending_out_count;
	return open < links->options.payments_max;
}

bool peer_is_short_of_room(const struct peer *peer)
{
	const struct links *links = peer_links(peer);

	return links_room(links) < kept_free(links);
}

uint32_t peer_may_promise(struct peer *peer, uint32_t number,
			  uint64_t amount_minor)
{
	const struct link *link = links_at(peer_links(peer), number);
	const struct peer_session *session = peer_session_of(peer, number);

	if (session->state != PEER_RECONCILED || !session->connected ||
	    !peer_listed(peer, link_city(link)))
		return LINK_REASON_LINK_DOWN;
	if (link->frozen_here || link->frozen_there || link->paused)
		return LINK_REASON_NEXT_FROZEN;
	/* (rule PEER-32) */
	if (session->due_us > 0 &&
	    peer->now_us > session->due_us + PEER_STUCK_US)
		return LINK_REASON_NEXT_BUSY;
	return !peer_has_room(peer) || !peer_can_append(peer, number) ||
			       unacknowledged(link, session->acknowledged) >=
				       PEER_WINDOW ||
			       peer->ledger->hold_count ==
				       peer->ledger->options.holds_max ||
			       !line_has_room(link, amount_minor) ||
			       !account_credits_fit(
				       ledger_account(peer->ledger,
						      link->account),
				       money_of((int64_t)amount_minor))
		       ? LINK_REASON_NEXT_BUSY
		       : LINK_REASON_NONE;
}

/* (rule PEER-24): the terms go on as the bytes that came. */
static bool forward(struct peer *peer, const struct look *look,
		    const struct link *out)
{
	struct payment *payment = look->payment;
	struct link_entry entry = { .kind = LINK_ENTRY_PREPARE,
				    .payment_terms =
					    payment_terms_of(payment) };
	struct event_payment_held held = { .id = payment->id };
	struct recorder recorder;

	if (!peer_open_move(peer, &recorder))
		return false;
	if (!peer_can_append(peer, out->number)) {
		peer_mark(peer, payment);
		return true;
	}
	peer_hold(&recorder, look->in->account, out->account,
		  money_of((int64_t)payment->amount_minor), &held,
		  (struct slice){ 0 }, peer->options.uri);
	peer_append(peer, &recorder, out->number, &entry);
	return true;
}

/* May the in-leg be refused although no out-leg is known (PEER-29)? */
static bool was_never_forwarded(const struct peer *peer,
				const struct look *look, const struct link *out)
{
	const struct peer_session *session;
	struct slice speaker;

	if (out == NULL || look->payment->in_seq > look->in_session->mark)
		return true;
	session = peer_session_of(peer, out->number);
	/* (rule PEER-44): where nobody is left, nobody can have settled. */
	if (out->gone)
		return session->agreed ||
		       !peer_speaker(peer, &look->terms, &speaker);
	return session->state == PEER_RECONCILED;
}

/* WAITING, and nothing was promised onward as far as this city knows. */
static bool look_before_forwarding(struct peer *peer, const struct look *look)
{
	uint32_t reason = check_leg(peer, look);
	struct link *out = NULL;

	if (look->place + 1 < look->terms.path_count)
		out = links_of(peer_links(peer),
			       look->terms.path[look->place + 1]);
	/* A former life may have forwarded it: its log will tell. */
	if (!was_never_forwarded(peer, look, out))
		return true;
	if (!look->in_session->caught_up && !PLANTED(NOT_CAUGHT_UP) &&
	    peer->now_us <= look->terms.decide_by_us)
		return true;
	if (reason == LINK_REASON_NONE && out == NULL)
		reason = LINK_REASON_NO_LINK;
	/* (rule PEER-28): only while there is no out-leg. */
	if (reason == LINK_REASON_NONE)
		reason = peer_may_promise(peer, out->number,
					  look->terms.amount_minor);
	if (reason != LINK_REASON_NONE)
		return refuse(peer, look, reason);
	return forward(peer, look, out);
}

/* (rule PEER-30): as the out-leg was answered, and never otherwise. */
static bool pass_answer_on(struct peer *peer, struct payment *payment)
{
	struct link_entry entry = {
		.kind = LINK_ENTRY_SETTLE,
		.prepare_seq = payment->in_seq,
		.key = slice_of(payment->key, payment->key_size),
		.proof = slice_of(payment->proof, payment->proof_size),
	};
	struct recorder recorder;

	if (payment->out_state == LEG_VOIDED)
		return peer_release(
			peer, payment, payment->reason,
			slice_of(payment->at_city, payment->at_city_size));
	if (peer_is_gone(peer, payment->in_link))
		return peer_end_in_leg(peer, payment, LINK_REASON_NONE,
				       (struct slice){ 0 });
	if (!can_answer(peer, payment))
		return true;
	if (!peer_open_move(peer, &recorder))
		return false;
	if (!can_answer(peer, payment))
		return true;
	memcpy(entry.terms_hash, payment->terms_hash, SHA256_SIZE);
	peer_append(peer, &recorder, payment->in_link, &entry);
	return true;
}

static bool look_as_middle(struct peer *peer, const struct look *look)
{
	struct payment *payment = look->payment;

	switch ((enum leg_state)payment->out_state) {
	case LEG_NONE:
		return look_before_forwarding(peer, look);
	case LEG_PENDING:
		if ((PLANTED(RELEASE_ON_CLOCK) &&
		     peer->now_us > look->terms.decide_by_us) ||
		    PLANTED(RELEASE_WHILE_OUT))
			return refuse(peer, look, LINK_REASON_LATE);
		return true;
	case LEG_POSTED:
	case LEG_VOIDED:
		return pass_answer_on(peer, payment);
	case LEG_WAITING:
	case LEG_HELD:
		break;
	}
	clearing_panic(__FILE__, __LINE__, "out-leg state");
}

bool peer_look(struct peer *peer, struct payment *payment)
{
	struct look look;

	if (payment->out_state == LEG_PENDING &&
	    peer_is_gone(peer, payment->out_link))
		return peer_look_at_gone(peer, payment);
	if (payment->role == PAYMENT_ORIGIN || payment->in_answered ||
	    payment->in_link == LINK_NONE)
		return true;
	begin(peer, payment, &look);
	if (look.in_session->state != PEER_RECONCILED && !look.in->gone &&
	    !PLANTED(APPEND_EARLY))
		return true;
	/* Another leg of the same payment has its place in the books. */
	if (payment->duplicate)
		return refuse(peer, &look, LINK_REASON_ID_CONFLICT);
	return payment->role == PAYMENT_DECIDER ? look_as_decider(peer, &look)
						: look_as_middle(peer, &look);
}

/* (rule PEER-33) */
bool peer_reveal(struct peer *peer, const struct id *id, struct slice key,
		 uint64_t now_us)
{
	struct payment *payment = links_payment(peer_links(peer), id);
	struct link_entry entry = { .kind = LINK_ENTRY_SETTLE, .key = key };
	struct recorder recorder;
	uint8_t hash[SHA256_SIZE];
	struct look look;

	peer->now_us = now_us;
	if (payment == NULL || payment->role != PAYMENT_DECIDER ||
	    payment->in_state != LEG_HELD || payment->in_answered ||
	    key.size != LINKLOG_LOCK_SIZE)
		return false;
	begin(peer, payment, &look);
	peer->options.sha256(key, hash);
	if (!slice_equal(look.terms.lock, slice_of(hash, SHA256_SIZE)) ||
	    now_us > look.terms.decide_by_us ||
	    peer_goes_over_gone(peer, &look.terms) ||
	    !peer_open_move(peer, &recorder) ||
	    !peer_can_append(peer, payment->in_link))
		return false;
	entry.prepare_seq = payment->in_seq;
	memcpy(entry.terms_hash, payment->terms_hash, SHA256_SIZE);
	peer_book_own_answer(peer, &recorder, payment, true);
	peer_append(peer, &recorder, payment->in_link, &entry);
	return true;
}

/* (rule PEER-37): only while it is undecided, and only who began it. */
bool peer_cancel(struct peer *peer, struct slice city, const struct id *id,
		 struct slice terms_hash, uint64_t now_us)
{
	struct payment *payment = links_payment(peer_links(peer), id);
	struct look look;

	peer->now_us = now_us;
	if (payment == NULL || payment->role != PAYMENT_DECIDER ||
	    !slice_equal(terms_hash,
			 slice_of(payment->terms_hash, SHA256_SIZE)))
		return false;
	begin(peer, payment, &look);
	if (look.terms.path_count == 0 ||
	    !slice_equal(look.terms.path[0], city))
		return false;
	if (payment->in_answered)
		return payment->in_state == LEG_VOIDED;
	if (look.in_session->state != PEER_RECONCILED ||
	    !peer_can_append(peer, payment->in_link))
		return false;
	/* Nothing is forgotten before the neighbour has the answer. */
	return refuse(peer, &look, LINK_REASON_CANCELLED) &&
	       payment->in_answered;
}
