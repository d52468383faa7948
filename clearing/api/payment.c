/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.PaymentService: paying, and waiting for how it ends. */
#include "api/payment.h"

#include <string.h>

#include "api/neighbours_private.h"
#include "core/linklog.h"
#include "wire/messages_payment.h"

/* A call that waits for the end of the payment @id; in the call's memory. */
struct waiting {
	struct id id; /* of the command */
	uint64_t until_us;
	uint64_t position;
};

static void fill_terms(struct payment_view *view, struct slice bytes)
{
	struct payment_terms terms;

	if (linklog_terms(bytes, &terms) != LINKLOG_OK)
		return;
	view->payer = terms.payer;
	view->payee = terms.payee;
	view->amount_minor = (int64_t)terms.amount_minor;
	view->path_count = terms.path_count;
	memcpy(view->path, terms.path, sizeof(view->path));
	view->reference = terms.reference;
	view->decide_by_us = (int64_t)terms.decide_by_us;
	view->lock = terms.lock;
}

/* A payment that began here and has not ended. */
static struct payment_view pending_view(const struct payment *payment)
{
	struct payment_view view = {
		.id = slice_of(payment->parent.bytes, ID_SIZE),
		.decided_id = slice_of(payment->id.bytes, ID_SIZE),
		.state = PAYMENT_IS_PENDING,
		.direction = PAYMENT_IS_OUT,
		.attempts = payment->attempt,
		.started_at_us = (int64_t)payment->started_us,
	};

	fill_terms(&view, payment_terms_of(payment));
	return view;
}

static struct payment_view outcome_view(const struct peer_outcome *outcome)
{
	struct payment_view view = {
		.id = slice_of(outcome->parent.bytes, ID_SIZE),
		.decided_id = slice_of(outcome->id.bytes, ID_SIZE),
		.state = outcome->posted ? PAYMENT_IS_POSTED
					 : PAYMENT_IS_REFUSED,
		.direction = PAYMENT_IS_OUT,
		.attempts = outcome->attempt,
		.reason = outcome->posted ? LINK_REASON_NONE : outcome->reason,
		.at_city = outcome->at_city,
	};

	fill_terms(&view, outcome->terms);
	return view;
}

static void reply_payment(struct api_call *call, struct payment_view *view,
			  uint64_t position)
{
	if (view->state != PAYMENT_IS_PENDING && view->ended_at_us == 0)
		view->ended_at_us = (int64_t)call->api->now_us;
	do {
		encode_pay(&call->reply, view, position);
	} while (handler_encode_again(call));
	reply_ok(call);
}

static uint32_t bucket_of(const struct id *id)
{
	/* The tail of a UUIDv7 is random. */
	return ((uint32_t)id->bytes[14] << 8 | id->bytes[15]) % PAYMENT_BUCKETS;
}

static void note_late(struct api *api, uint64_t until_us)
{
	if (until_us < api->payments_late_us)
		api->payments_late_us = until_us;
}

static void wait_for_end(struct api_call *call, const struct waiting *waiting)
{
	struct api *api = call->api;
	struct waiting *kept = handler_take(call, sizeof(*kept));
	uint32_t bucket = bucket_of(&waiting->id);

	if (kept == NULL)
		return;
	*kept = *waiting;
	call->work = kept;
	call->next = api->payments[bucket];
	api->payments[bucket] = call;
	if (api->payments_waiting == 0)
		api->payments_late_us = UINT64_MAX;
	note_late(api, waiting->until_us);
	api->payments_waiting++;
}

/* Takes the calls out that wait for @id (NULL: any) or too long. */
static struct api_call *take_waiting(struct api *api, uint32_t bucket,
				     const struct id *id, uint64_t now_us)
{
	struct api_call **at = &api->payments[bucket], *taken = NULL;

	while (*at != NULL) {
		struct api_call *call = *at;
		const struct waiting *waiting = call->work;
		bool late = id == NULL && now_us >= waiting->until_us;

		if (!late && (id == NULL || !id_equal(&waiting->id, id))) {
			if (id == NULL)
				note_late(api, waiting->until_us);
			at = &call->next;
			continue;
		}
		*at = call->next;
		call->next = taken;
		taken = call;
		api->payments_waiting--;
	}
	return taken;
}

void payment_on_outcome(void *context, const struct peer_outcome *outcome)
{
	struct api *api = ((struct neighbours *)context)->api;
	struct payment_view view = outcome_view(outcome);
	struct api_call *call = take_waiting(api, bucket_of(&outcome->parent),
					     &outcome->parent, 0);

	while (call != NULL) {
		struct api_call *next = call->next;

		call->next = NULL;
		reply_payment(call, &view, outcome->seq);
		call = next;
	}
}

const struct payment *payment_attempt(const struct api *api,
				      const struct id *id)
{
	const struct links *links = &api->ledger->links;
	const struct payment *payment = links_payment(links, id);

	if (payment != NULL && payment->role == PAYMENT_ORIGIN)
		return payment;
	for (uint32_t i = 0; i < links->payments_used; i++) {
		payment = links_payment_slot(links, i);
		if (payment != NULL && payment->role == PAYMENT_ORIGIN &&
		    id_equal(&payment->parent, id))
			return payment;
	}
	return NULL;
}

void payment_late(struct api *api, uint64_t now_us)
{
	if (api->payments_waiting == 0 || now_us < api->payments_late_us)
		return;
	/* Found anew among those that stay. */
	api->payments_late_us = UINT64_MAX;
	for (uint32_t i = 0; i < PAYMENT_BUCKETS; i++) {
		struct api_call *call = take_waiting(api, i, NULL, now_us);

		while (call != NULL) {
			struct api_call *next = call->next;
			const struct waiting *waiting = call->work;
			const struct payment *payment =
				payment_attempt(api, &waiting->id);
			struct payment_view view = { 0 };

			call->next = NULL;
			if (payment != NULL)
				view = pending_view(payment);
			reply_payment(call, &view, waiting->position);
			call = next;
		}
	}
}

void payment_give_up(struct api *api)
{
	for (uint32_t i = 0; i < PAYMENT_BUCKETS; i++) {
		struct api_call *call = take_waiting(api, i, NULL, UINT64_MAX);

		while (call != NULL) {
			struct api_call *next = call->next;

			call->next = NULL;
			reply_error_now(call, REQUEST_DATABASE_AWAY, NULL);
			call = next;
		}
	}
}

/* An order that was carried out before, as the tables have it. */
static void recorded_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct pay_request *request = call->work;
	struct answer conflict = { .refusal = PAYMENT_ID_CONFLICT };
	struct payment_view view;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND ||
	    result->payments[0].direction != PAYMENT_IS_OUT ||
	    !slice_equal(result->payments[0].payee, request->command.payee) ||
	    result->payments[0].amount_minor != request->command.amount_minor ||
	    !slice_equal(result->payments[0].reference,
			 pay_reference(&request->command)) ||
	    !slice_equal(result->payments[0].lock, request->command.lock)) {
		reply_refusal(call, &payment_refusals, &conflict);
		return;
	}
	view = result->payments[0];
	reply_payment(call, &view, journal_newest(call->api->journal));
}

static void read_recorded(struct api_call *call,
			  const struct pay_request *request)
{
	/* Since then it has ended, maybe just now. */
	struct read_query query = {
		.kind = READ_PAYMENT,
		.limit = 1,
		.min_position = journal_newest(call->api->journal),
	};
	struct pay_request *kept = handler_take(call, sizeof(*kept));

	if (kept == NULL)
		return;
	*kept = *request;
	call->work = kept;
	memcpy(query.id.bytes, request->command.id.data, ID_SIZE);
	handler_submit(call, &query, recorded_read);
}

/* Promised now or before: the answer, or the wait for its end. */
static void promised(struct api_call *call, const struct pay_request *request,
		     const struct answer *answer, uint64_t now_us)
{
	struct waiting waiting = { .position = answer->position };
	const struct payment *payment;
	struct payment_view view;

	memcpy(waiting.id.bytes, request->command.id.data, ID_SIZE);
	payment = payment_attempt(call->api, &waiting.id);
	if (payment == NULL) {
		read_recorded(call, request);
		return;
	}
	if (request->wait_ms > 0) {
		waiting.until_us = now_us + (uint64_t)request->wait_ms * 1000;
		/* A little before the client gives up. */
		if (waiting.until_us > call->deadline_us - PAYMENT_SLACK_US)
			waiting.until_us = call->deadline_us - PAYMENT_SLACK_US;
		wait_for_end(call, &waiting);
		return;
	}
	view = pending_view(payment);
	reply_payment(call, &view, answer->position);
}

/* A payer left to a request that is not known is for the refusal to say. */
bool payment_permitted(struct api_call *call, const struct pay_command *command)
{
	const struct account *payer = NULL;

	if (command->request_refusal == PAYMENT_REQUEST_UNKNOWN &&
	    command->payer.id == 0 && command->payer.address.size == 0)
		return true;
	(void)ledger_resolve(call->api->ledger, &command->payer, &payer);
	return permission_pays(handler_permission(call), call->caller, payer,
			       NULL);
}

void payment_order(struct api_call *call, const struct pay_request *request,
		   uint64_t now_us)
{
	struct caller caller = handler_caller(call);
	struct answer answer;

	if (!payment_permitted(call, &request->command)) {
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	peer_pay(neighbours_peer(call->api->neighbours), &request->command,
		 &caller, now_us, &answer);
	if (answer.refusal != 0)
		reply_refusal(call, &payment_refusals, &answer);
	else
		promised(call, request, &answer, now_us);
}

void handle_pay(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct neighbours *neighbours;
	struct pay_request request;
	struct id asked;
	bool ok;

	(void)api;
	do {
		ok = decode_pay(call->message, &call->arena, &request);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_accepts(call, true))
		return;
	/* No id of a request: the decision says so. */
	if (id_from_bytes(request.command.request, &asked))
		payment_confirm(call, &request, &asked);
	else if (handler_federation(call, true, &neighbours))
		payment_order(call, &request, now_us);
}

static void payment_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct payment_view *view = result->payments;
	struct answer unknown = { .refusal = PAYMENT_PAYMENT_UNKNOWN };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND) {
		reply_refusal(call, &payment_refusals, &unknown);
		return;
	}
	if (!permission_sees(handler_permission(call), call->caller,
			     ledger_account(call->api->ledger, view->account),
			     NULL)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	if (call->method->rpc == RPC_GET_RECEIPT) {
		receipt_find(call, view, NULL);
		return;
	}
	do {
		encode_get_payment(&call->reply, view);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

/* GetPayment and GetReceipt ask alike. */
void handle_get_payment(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct read_query query = { .kind = READ_PAYMENT, .limit = 1 };
	struct answer malformed = { .refusal = PAYMENT_ID_MALFORMED };
	struct read_request request;

	(void)now_us;
	if (!handler_read_request(call, decode_get_payment, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position))
		return;
	if (!id_from_bytes(request.id, &query.id)) {
		reply_refusal(call, &payment_refusals, &malformed);
		return;
	}
	/* What this node has acknowledged is not to be missed. */
	query.min_position = journal_acknowledged(api->journal);
	if (request.min_position > query.min_position)
		query.min_position = request.min_position;
	handler_submit(call, &query, payment_read);
}

static void payments_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	uint8_t token[PAGE_TOKEN_SIZE];
	struct slice next;
	uint64_t last = 0;

	if (handler_read_ended(call, result))
		return;
	if (result->count > 0)
		last = result->payments[result->count - 1].number;
	next = handler_next_token(call, result, last, token);
	do {
		encode_list_payments(&call->reply, result->payments,
				     result->count, next);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

void handle_list_payments(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	struct read_query query = { .kind = READ_PAYMENTS };
	const struct account *account = NULL;
	struct read_request request;

	(void)api;
	(void)now_us;
	if (!handler_read_request(call, decode_list_payments, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position) ||
	    !handler_list_account(call, &request, &account))
		return;
	query.account = account == NULL ? 0 : account->id;
	handler_submit_page(call, &request, &query, payments_read);
}
