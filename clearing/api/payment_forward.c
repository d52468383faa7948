/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Payment requests between cities: the payee's city tells the payer's of one,
 * which says why not when it does not take it; and the payer's city gives back
 * one that was declined.
 */
#include <string.h>

#include "api/neighbours_private.h"
#include "api/payment.h"

#define FORWARD_MESSAGE_MAX 1024

/* A request that is on its way to the payer's city; in the call's memory. */
struct forwarding {
	struct id id;
	bool open;
	bool fresh;
};

static void reply_position(struct api_call *call)
{
	encode_position(&call->reply, journal_newest(call->api->journal));
	reply_ok(call);
}

void request_look_up(struct api_call *call, const struct id *id,
		     read_done *done)
{
	struct read_query query = {
		.kind = READ_REQUEST,
		.limit = 1,
		.id = *id,
		.until_us = (int64_t)call->api->now_us,
		.min_position = journal_newest(call->api->journal),
	};

	handler_submit(call, &query, done);
}

/* False: it was not sent, and @done does not come. */
static bool tell(struct api_call *call, struct slice whom,
		 const struct payment_request_view *view, neighbours_done *done)
{
	const struct neighbours_options *options;
	const struct forwarded_request request = {
		.id = view->id,
		.payer = view->payer,
		.payee = view->payee,
		.amount_minor = view->amount_minor,
		.purpose = view->purpose,
		.reference = view->reference,
		.expires_at_us = view->expires_at_us,
	};
	uint8_t bytes[FORWARD_MESSAGE_MAX];
	struct address address;
	struct buffer message;

	if (call->api->neighbours == NULL || !address_parse(whom, &address))
		return false;
	options = neighbours_options(call->api->neighbours);
	buffer_init(&message, bytes, sizeof(bytes));
	encode_forwarded_request(&message, &request);
	check(!message.overflowed);
	return options->call(options->context, address.city,
			     RPC_FORWARD_PAYMENT_REQUEST, buffer_view(&message),
			     done, call);
}

/* ---- to the payer's city */

/* The refusal that another city's answer names; NULL: none of this family. */
static const struct refusal *refusal_in(struct slice details)
{
	struct error_view view;

	if (!decode_error_details(details, &view))
		return NULL;
	for (uint32_t i = 0; i < payment_refusals.count; i++) {
		const struct refusal *refusal = &payment_refusals.refusals[i];

		if (slice_equal(view.reason, slice_from_text(refusal->name)))
			return refusal;
	}
	return NULL;
}

/*
 * Will the payer never have it?  An id that is too old there may have been
 * taken while it was not.
 */
static bool is_final(const struct forwarding *forwarding,
		     const struct refusal *refusal)
{
	return !refusal->retry &&
	       (forwarding->fresh || refusal->number != PAYMENT_ID_TOO_OLD);
}

static void forwarded(void *user, bool arrived, struct slice message)
{
	struct api_call *call = user;
	const struct forwarding *forwarding = call->work;
	const struct refusal *refusal = arrived ? NULL : refusal_in(message);
	struct answer answer = { 0 };

	if (arrived) {
		reply_position(call);
		return;
	}
	/* The payee's record stands; the same request again sends it again. */
	if (refusal == NULL) {
		reply_error(call, REQUEST_PAYER_CITY_AWAY, NULL);
		return;
	}
	if (forwarding->open && is_final(forwarding, refusal) &&
	    !request_end(call, &forwarding->id))
		return;
	/* It was taken, and declined since: its sending has not changed. */
	if (refusal->number == PAYMENT_REQUEST_ENDED && !forwarding->fresh) {
		reply_position(call);
		return;
	}
	answer.refusal = refusal->number;
	reply_refusal(call, &payment_refusals, &answer);
}

/* One that was declined may have been so because it was refused there. */
static void read_to_send(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	struct forwarding *forwarding = call->work;
	const struct payment_request_view *view = result->requests;
	const struct answer unknown = { .refusal = PAYMENT_REQUEST_UNKNOWN };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND) {
		reply_refusal(call, &payment_refusals, &unknown);
		return;
	}
	forwarding->open = view->state == PAYMENT_REQUEST_OPEN;
	if (!forwarding->open && view->state != PAYMENT_REQUEST_DECLINED)
		reply_position(call);
	else if (!tell(call, view->payer, view, forwarded))
		forwarded(call, false, (struct slice){ 0 });
}

void request_send_on(struct api_call *call, const struct id *id, bool fresh)
{
	struct forwarding *forwarding = handler_take(call, sizeof(*forwarding));

	if (forwarding == NULL)
		return;
	*forwarding = (struct forwarding){ .id = *id, .fresh = fresh };
	call->work = forwarding;
	request_look_up(call, id, read_to_send);
}

/* ---- back to the payee's */

static void given_back(void *user, bool arrived, struct slice message)
{
	(void)arrived;
	(void)message;
	reply_position(user);
}

static void read_to_give_back(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct payment_request_view *view = result->requests;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND ||
	    request_is_here(call->api, view->payee) ||
	    !tell(call, view->payee, view, given_back))
		reply_position(call);
}

void request_give_back(struct api_call *call, const struct id *id)
{
	request_look_up(call, id, read_to_give_back);
}

/* ---- what other cities tell */

static void take_back(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct forwarded_request *told = call->work;
	const struct payment_request_view *view = result->requests;
	struct answer answer = { 0 };
	struct id id;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND)
		answer.refusal = PAYMENT_REQUEST_UNKNOWN;
	else if (!slice_equal(told->payer, view->payer) ||
		 !slice_equal(told->payee, view->payee) ||
		 told->amount_minor != view->amount_minor)
		answer.refusal = PAYMENT_REQUEST_DIFFERS;
	if (answer.refusal != 0) {
		reply_refusal(call, &payment_refusals, &answer);
		return;
	}
	if (view->state == PAYMENT_REQUEST_OPEN &&
	    (!id_from_bytes(view->id, &id) || !request_end(call, &id)))
		return;
	reply_position(call);
}

/* It may be as old as it will: its id was looked at when it was made. */
static void came_back(struct api_call *call,
		      const struct forwarded_request *request)
{
	const struct answer malformed = { .refusal = PAYMENT_ID_MALFORMED };
	struct forwarded_request *kept;
	struct id id;

	if (!id_from_bytes(request->id, &id)) {
		reply_refusal(call, &payment_refusals, &malformed);
		return;
	}
	kept = handler_take(call, sizeof(*kept));
	if (kept == NULL)
		return;
	*kept = *request;
	call->work = kept;
	request_look_up(call, &id, take_back);
}

static bool is_callers_city(const struct api_call *call, struct slice text)
{
	struct address address;

	return address_parse(text, &address) &&
	       slice_equal(address.city, call->caller->city);
}

/* Sent again: whether it was declined may not have been heard there. */
static void came_again(void *user, const struct read_result *result)
{
	const struct answer ended = { .refusal = PAYMENT_REQUEST_ENDED };
	struct api_call *call = user;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_OK &&
	    result->requests[0].state == PAYMENT_REQUEST_DECLINED)
		reply_refusal(call, &payment_refusals, &ended);
	else
		reply_position(call);
}

/* The payer's side, from the payee's city. */
static void came(struct api_call *call, const struct forwarded_request *request,
		 uint64_t now_us)
{
	struct event event = { .kind = EVENT_REQUEST_OPENED };
	struct api *api = call->api;
	struct answer answer = { 0 };
	bool fresh = false;

	answer.refusal = request_check(api, request, now_us, &event.request);
	if (answer.refusal == 0 && !request_is_here(api, request->payer))
		answer.refusal = PAYMENT_ADDRESS_OTHER_CITY;
	/* A city asks for its own coops alone. */
	if (answer.refusal == 0 && !is_callers_city(call, request->payee)) {
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	if (answer.refusal == 0)
		answer.refusal = request_record(call, &event, now_us, &fresh);
	if (answer.refusal == UINT32_MAX)
		return;
	if (answer.refusal != 0)
		reply_refusal(call, &payment_refusals, &answer);
	else if (!fresh)
		request_look_up(call, &event.request.id, came_again);
	else
		reply_position(call);
}

/* A request for a coop here, or one of a coop's here that comes back. */
void handle_forward_payment_request(struct api *api, struct api_call *call,
				    uint64_t now_us)
{
	struct forwarded_request request;
	struct neighbours *neighbours;

	if (!decode_forwarded_request(call->message, &request)) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (!neighbours_let_in(call, &neighbours))
		return;
	if (!neighbours_count(neighbours, call->caller->city, COUNTED_REQUEST,
			      now_us)) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (request_is_here(api, request.payee) &&
	    is_callers_city(call, request.payer))
		came_back(call, &request);
	else
		came(call, &request, now_us);
}
