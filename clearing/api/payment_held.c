/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Payments that are held until their key comes (rule PEER-33): the payee's
 * city is shown it by the payee, who had it from the payer on receipt of the
 * goods.
 */
#include <string.h>

#include "api/neighbours_private.h"
#include "api/handler.h"
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

/* How it ended: the same key again finds it posted. */
static void ended_read(void *user, const struct read_result *result)
{
	enum { POSTED = 2, DIRECTION_IN = 3 };
	struct api_call *call = user;
	const struct payment_view *view = result->payments;
	struct settle_request request;

	if (handler_read_ended(call, result))
		return;
	if (!decode_settle_payment(call->message, &call->arena, &request)) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (result->status == READ_NOT_FOUND ||
	    view->direction != DIRECTION_IN) {
		refuse(call, PAYMENT_PAYMENT_UNKNOWN);
	} else if (!is_payees(call, view->payee)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
	} else if (view->state != POSTED) {
		refuse(call, PAYMENT_PAYMENT_ENDED);
	} else if (!opens(call->api, request.key, view->lock)) {
		refuse(call, PAYMENT_KEY_WRONG);
	} else {
		settled(call);
	}
}

static void read_ended(struct api_call *call, const struct id *id)
{
	struct read_query query = {
		.kind = READ_PAYMENT,
		.limit = 1,
		.id = *id,
		.min_position = journal_acknowledged(call->api->journal),
	};

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
		read_ended(call, &id);
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
