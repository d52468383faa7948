/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Payments that are held until their key comes (rule PEER-33): the payee's
 * city is shown it by the payee, who had it from the payer on receipt of the
 * goods.  And payments that are let go before they are decided (PEER-37).
 */
#include <string.h>

#include "api/neighbours_private.h"
#include "api/handler.h"
#include "api/payment.h"
#include "core/linklog.h"
#include "wire/messages_payment.h"

static bool opens(const struct api *api, struct slice key, struct slice lock)
{
	uint8_t hash[SHA256_SIZE];

	if (key.size != LINKLOG_LOCK_SIZE)
		return false;
	api->sha256(key, hash);
	return slice_equal(lock, slice_of(hash, sizeof(hash)));
}

/* May the caller settle, as who is paid? */
static bool is_payees(struct api_call *call, struct slice payee)
{
	const struct account_ref ref = { .address = payee };
	const struct account *account = NULL;

	(void)ledger_resolve(call->api->ledger, &ref, &account);
	return permission_pays(handler_permission(call), call->caller, account,
			       NULL);
}

static void refuse(struct api_call *call, uint32_t refusal)
{
	struct answer answer = { .refusal = refusal };

	reply_refusal(call, &payment_refusals, &answer);
}

static void settled(struct api_call *call)
{
	encode_position(&call->reply, journal_newest(call->api->journal));
	reply_ok(call);
}

/* In the call's memory: the message is the node's only while it is handled. */
struct shown_key {
	uint8_t bytes[LINKLOG_LOCK_SIZE];
	size_t size; /* 0: none that could open anything */
};

/* How it ended: the same key again finds it posted. */
static void ended_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct payment_view *view = result->payments;
	const struct shown_key *shown = call->work;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND ||
	    view->direction != PAYMENT_IS_IN) {
		refuse(call, PAYMENT_PAYMENT_UNKNOWN);
	} else if (!is_payees(call, view->payee)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
	} else if (view->state != PAYMENT_IS_POSTED) {
		refuse(call, PAYMENT_PAYMENT_ENDED);
	} else if (!opens(call->api, slice_of(shown->bytes, shown->size),
			  view->lock)) {
		refuse(call, PAYMENT_KEY_WRONG);
	} else {
		settled(call);
	}
}

static void read_ended(struct api_call *call, const struct id *id,
		       struct slice key)
{
	struct shown_key *shown = handler_take(call, sizeof(*shown));
	struct read_query query = {
		.kind = READ_PAYMENT,
		.limit = 1,
		.id = *id,
		.min_position = journal_acknowledged(call->api->journal),
	};

	if (shown == NULL)
		return;
	*shown = (struct shown_key){ 0 };
	if (key.size == LINKLOG_LOCK_SIZE) {
		memcpy(shown->bytes, key.data, key.size);
		shown->size = key.size;
	}
	call->work = shown;
	handler_submit(call, &query, ended_read);
}

/* 0: it is posted; else why not. */
static uint32_t settle(struct api_call *call, struct peer *peer,
		       const struct payment *payment,
		       const struct payment_terms *terms, struct slice key)
{
	uint64_t now_us = call->api->now_us;

	if (payment->in_state == LEG_VOIDED ||
	    (payment->in_state != LEG_POSTED && now_us > terms->decide_by_us))
		return PAYMENT_PAYMENT_ENDED;
	if (!opens(call->api, key, terms->lock))
		return PAYMENT_KEY_WRONG;
	if (payment->in_state == LEG_POSTED)
		return PAYMENT_OK;
	/* Not accepted yet, or its link is not reconciled. */
	return peer_reveal(peer, &payment->id, key, now_us)
		       ? PAYMENT_OK
		       : PAYMENT_RECOVERING;
}

void handle_settle_payment(struct api *api, struct api_call *call,
			   uint64_t now_us)
{
	struct neighbours *neighbours;
	struct settle_request request;
	struct payment_terms terms;
	const struct payment *payment;
	uint32_t refusal;
	struct id id;

	(void)now_us;
	if (!decode_settle_payment(call->message, &call->arena, &request)) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_federation(call, true, &neighbours))
		return;
	if (!id_from_bytes(request.id, &id)) {
		refuse(call, PAYMENT_ID_MALFORMED);
		return;
	}
	payment = links_payment(&api->ledger->links, &id);
	if (payment == NULL || payment->role != PAYMENT_DECIDER ||
	    linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK) {
		read_ended(call, &id, request.key);
		return;
	}
	if (!is_payees(call, terms.payee)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	refusal = settle(call, neighbours_peer(neighbours), payment, &terms,
			 request.key);
	if (refusal == PAYMENT_OK)
		settled(call);
	else
		refuse(call, refusal);
}

static bool is_payers(struct api_call *call, uint32_t payer)
{
	return permission_pays(handler_permission(call), call->caller,
			       ledger_account(call->api->ledger, payer), NULL);
}

static void reply_cancelled(struct api_call *call, bool released)
{
	encode_cancel_payment(&call->reply, released,
			      journal_newest(call->api->journal));
	reply_ok(call);
}

static void cancelled(void *user, bool arrived, struct slice message)
{
	bool released = false;

	if (arrived && !decode_release_response(message, &released))
		released = false;
	reply_cancelled(user, released);
}

/* The decider is asked; its Release comes back as any other. */
static bool ask_decider(struct api_call *call, const struct payment *payment)
{
	const struct neighbours_options *options =
		neighbours_options(call->api->neighbours);
	const struct query_outcome_request ask = {
		.payment_id = slice_of(payment->id.bytes, ID_SIZE),
		.terms_hash = slice_of(payment->terms_hash, SHA256_SIZE),
	};
	uint8_t bytes[ID_SIZE + SHA256_SIZE + 8];
	struct payment_terms terms;
	struct buffer message;
	enum linklog_result result =
		linklog_terms(payment_terms_of(payment), &terms);

	check(result == LINKLOG_OK && terms.path_count > 0);
	buffer_init(&message, bytes, sizeof(bytes));
	encode_query_outcome_request(&message, &ask);
	check(!message.overflowed);
	return options->call(options->context, terms.path[terms.path_count - 1],
			     RPC_RELEASE_PAYMENT, buffer_view(&message),
			     cancelled, call);
}

/* What is not under way has ended, or there was nothing. */
static void not_under_way(void *user, const struct read_result *result)
{
	struct api_call *call = user;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND ||
	    result->payments[0].direction != PAYMENT_IS_OUT)
		refuse(call, PAYMENT_PAYMENT_UNKNOWN);
	else if (!is_payers(call, result->payments[0].account))
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
	else
		refuse(call, PAYMENT_PAYMENT_ENDED);
}

/* (rule PEER-37) */
void handle_cancel_payment(struct api *api, struct api_call *call,
			   uint64_t now_us)
{
	struct read_query query = { .kind = READ_PAYMENT, .limit = 1 };
	struct neighbours *neighbours;
	const struct payment *payment;
	struct slice id;

	(void)now_us;
	if (!decode_cancel_payment(call->message, &call->arena, &id)) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_federation(call, true, &neighbours))
		return;
	if (!id_from_bytes(id, &query.id)) {
		refuse(call, PAYMENT_ID_MALFORMED);
		return;
	}
	payment = payment_attempt(api, &query.id);
	if (payment == NULL) {
		query.min_position = journal_acknowledged(api->journal);
		handler_submit(call, &query, not_under_way);
	} else if (!is_payers(call, payment->account)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
	} else if (!ask_decider(call, payment)) {
		reply_cancelled(call, false);
	}
}
