/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The books of a payment between cities.  A neighbour's position is an account
 * like any other: paying to a neighbour credits it, being paid debits it.
 *
 *   origin   hold payer -> next    post at Settle, void at Release
 *   middle   hold previous -> next the same
 *   decider  transfer previous -> payee at its own Settle
 */
#include <string.h>

#include "peer/peer_private.h"

struct entry peer_entry_of(uint8_t kind, uint32_t debit, uint32_t credit,
			   struct money amount, const struct id *payment)
{
	struct entry entry = {
		.kind = kind,
		.transfer_kind = TRANSFER_KIND_LINK,
		.has_reference = true,
		.debit = debit,
		.credit = credit,
		.amount = amount,
	};

	check(debit != 0 && credit != 0 && debit != credit);
	/* (rule PEER-32): it ends by an answer alone. */
	if (kind == ENTRY_HOLD)
		entry.expires_at_us = HOLD_EXPIRES_NEVER_US;
	memcpy(entry.reference, payment->bytes, REFERENCE_SIZE);
	return entry;
}

void peer_hold(struct recorder *recorder, uint32_t debit, uint32_t credit,
	       struct money amount, struct event_payment_held *held,
	       struct slice memo, struct slice uri)
{
	struct entry entry =
		peer_entry_of(ENTRY_HOLD, debit, credit, amount, &held->id);
	struct event event = { .kind = EVENT_PAYMENT_HELD };

	record_booking(recorder, &entry, memo, uri);
	held->hold_id = entry.id;
	held->actor = entry.actor;
	event.payment_held = *held;
	peer_link_event(recorder, &event);
}

uint32_t peer_recovered_account(struct peer *peer, struct recorder *recorder)
{
	const struct account *account =
		ledger_account_at(peer->ledger, SLICE(RECOVERED_LOCAL_ADDRESS));

	check(recorder->ledger == peer->ledger);
	if (account != NULL)
		return account->id;
	return record_own_account(recorder, SLICE(RECOVERED_LOCAL_ADDRESS),
				  SLICE("Found in neighbours' logs"),
				  peer->options.uri);
}

/* (rule PEER-18): the account with @address here, or the recovered one. */
static uint32_t account_of(struct peer *peer, struct recorder *recorder,
			   struct slice address)
{
	const struct account_ref ref = { .address = address };
	const struct account *account = NULL;

	if (ledger_resolve(peer->ledger, &ref, &account) == 0 &&
	    account != NULL && account->state != ACCOUNT_CLOSED)
		return account->id;
	return peer_recovered_account(peer, recorder);
}

static uint32_t account_of_link(struct peer *peer, struct recorder *recorder,
				struct slice city)
{
	const struct link *link = links_of(peer_links(peer), city);

	check(city.size > 0);
	return link != NULL ? link->account
			    : peer_recovered_account(peer, recorder);
}

/* Between which accounts the credit of @payment moves here. */
static void sides_of(struct peer *peer, struct recorder *recorder,
		     const struct payment *payment, uint32_t *debit,
		     uint32_t *credit)
{
	struct payment_terms terms;
	enum linklog_result result =
		linklog_terms(payment_terms_of(payment), &terms);
	uint32_t at = 0;

	check(result == LINKLOG_OK && terms.path_count >= 1);
	while (at + 1 < terms.path_count &&
	       !slice_equal(terms.path[at], peer_here(peer)))
		at++;
	*debit = at == 0 ? payment->account
			 : account_of_link(peer, recorder, terms.path[at - 1]);
	if (*debit == 0)
		*debit = account_of(peer, recorder, terms.payer);
	*credit = at + 1 == terms.path_count
			  ? account_of(peer, recorder, terms.payee)
			  : account_of_link(peer, recorder, terms.path[at + 1]);
}

static struct money amount_of(const struct payment *payment)
{
	check(payment->amount_minor <= (uint64_t)MONEY_MAX_MINOR);
	return money_of((int64_t)payment->amount_minor);
}

static void end_hold(struct peer *peer, struct recorder *recorder, uint8_t kind,
		     const struct payment *payment, struct slice uri)
{
	const struct hold *hold = ledger_hold(peer->ledger, &payment->hold_id);
	struct entry entry;

	check(hold != NULL);
	entry = peer_entry_of(kind, hold->debit, hold->credit, hold->amount,
			      &payment->id);
	entry.hold_id = payment->hold_id;
	record_booking(recorder, &entry, (struct slice){ 0 }, uri);
}

static void transfer(struct peer *peer, struct recorder *recorder,
		     const struct payment *payment, struct slice uri)
{
	struct entry entry;
	uint32_t debit, credit;

	sides_of(peer, recorder, payment, &debit, &credit);
	/* Both ends lost: there is nobody left to tell apart. */
	if (debit == credit)
		return;
	entry = peer_entry_of(ENTRY_TRANSFER, debit, credit, amount_of(payment),
			      &payment->id);
	record_booking(recorder, &entry, (struct slice){ 0 }, uri);
}

static void post(struct peer *peer, struct recorder *recorder,
		 const struct payment *payment, struct slice uri)
{
	check(!payment->booked);
	if (!id_is_zero(&payment->hold_id))
		end_hold(peer, recorder, ENTRY_POST, payment, uri);
	else
		transfer(peer, recorder, payment, uri);
}

void peer_book_answer(struct peer *peer, struct recorder *recorder,
		      const struct payment *payment, bool settle,
		      struct slice uri)
{
	check(payment->out_state != LEG_POSTED &&
	      payment->out_state != LEG_VOIDED);
	if (settle && !payment->booked)
		post(peer, recorder, payment, uri);
	if (!settle && !id_is_zero(&payment->hold_id))
		end_hold(peer, recorder, ENTRY_VOID, payment, uri);
}

void peer_book_own_answer(struct peer *peer, struct recorder *recorder,
			  const struct payment *payment, bool settle)
{
	check(!payment->in_answered);
	if (settle && !payment->booked)
		post(peer, recorder, payment, peer->options.uri);
	if (!settle && !id_is_zero(&payment->hold_id) &&
	    payment->out_state != LEG_PENDING)
		end_hold(peer, recorder, ENTRY_VOID, payment,
			 peer->options.uri);
}

void peer_book_promise(struct peer *peer, struct recorder *recorder,
		       const struct payment *payment)
{
	struct event_payment_held held = { .id = payment->id };
	uint32_t debit, credit;

	/* What holds for a payment is known by its id: one of them has it. */
	if (payment->booked || payment->duplicate ||
	    !id_is_zero(&payment->hold_id) || payment->out_state != LEG_PENDING)
		return;
	sides_of(peer, recorder, payment, &debit, &credit);
	if (debit == credit)
		return;
	if (payment->role == PAYMENT_ORIGIN) {
		held.account = debit;
		held.parent = payment->id;
		held.attempt = 1;
	}
	peer_hold(recorder, debit, credit, amount_of(payment), &held,
		  (struct slice){ 0 }, peer->options.uri);
}

void peer_unbook_promise(struct peer *peer, struct recorder *recorder,
			 const struct payment *payment)
{
	check(payment->out_link != LINK_NONE);
	if (!id_is_zero(&payment->hold_id))
		end_hold(peer, recorder, ENTRY_VOID, payment,
			 peer->options.uri);
}

/* (rule PEER-19): undone by a linked correcting transfer, never deleted. */
void peer_unbook_answer(struct peer *peer, struct recorder *recorder,
			const struct payment *payment)
{
	struct entry entry;
	uint32_t debit, credit;

	check(payment->in_answered);
	if (payment->in_state != LEG_POSTED || !payment->booked ||
	    payment->out_state == LEG_POSTED)
		return;
	sides_of(peer, recorder, payment, &debit, &credit);
	if (debit == credit)
		return;
	entry = peer_entry_of(ENTRY_TRANSFER, credit, debit, amount_of(payment),
			      &payment->id);
	entry.transfer_kind = TRANSFER_KIND_CORRECTION;
	record_booking(recorder, &entry, (struct slice){ 0 },
		       peer->options.uri);
}
