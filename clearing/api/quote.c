/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Quotes: what a payment would take, before anything is promised (rule
 * PEER-26).  The payee's city is asked for its name and its links; where it
 * cannot be reached, the roster and the own links are all there is to say.
 */
#include <string.h>

#include "api/neighbours_private.h"
#include "api/handler.h"
#include "wire/messages_payment.h"

#define QUOTE_MESSAGE_MAX 512

static void reply_quote(struct api_call *call, const struct quote_view *view)
{
	do {
		encode_quote_payment(&call->reply, view);
	} while (handler_encode_again(call));
	reply_ok(call);
}

/* The way, with what each hop takes of new credit. */
static void fill_hops(struct neighbours *neighbours, struct slice city,
		      int64_t amount_minor,
		      const struct quote_payee_response *hints,
		      struct quote_view *view)
{
	const struct roster *roster = neighbours_options(neighbours)->roster;
	struct route route;

	if (!neighbours_route(neighbours, city, (uint64_t)amount_minor, hints,
			      NULL, 0, &route))
		return;
	view->hop_count = route.city_count - 1;
	for (uint32_t i = 0; i < view->hop_count; i++) {
		int64_t new_credit = money_minor(route.new_credit[i]);

		view->hops[i] = (struct quote_hop_view){
			.from = roster->cities[route.cities[i]].name,
			.to = roster->cities[route.cities[i + 1]].name,
			.new_credit_minor = new_credit,
		};
		view->new_credit_minor += new_credit;
	}
}

static void quoted(void *user, bool arrived, struct slice message)
{
	struct api_call *call = user;
	const struct quote_request *request = call->work;
	struct quote_payee_response response;
	struct quote_view view = { 0 };
	struct address payee;
	bool parsed = address_parse(request->payee, &payee);

	check(parsed);
	if (!arrived || !decode_quote_payee_response(message, &response))
		arrived = false;
	if (arrived) {
		view.display_name = response.display_name;
		view.reason = response.reason;
	}
	fill_hops(call->api->neighbours, payee.city, request->amount_minor,
		  arrived ? &response : NULL, &view);
	reply_quote(call, &view);
}

static void ask_payee(struct api_call *call, struct neighbours *neighbours,
		      const struct quote_request *request, struct slice city)
{
	const struct quote_payee_request ask = {
		.payee = request->payee,
		.amount_minor = request->amount_minor,
	};
	const struct neighbours_options *options =
		neighbours_options(neighbours);
	struct quote_request *kept = handler_take(call, sizeof(*kept));
	uint8_t bytes[QUOTE_MESSAGE_MAX];
	struct buffer message;

	if (kept == NULL)
		return;
	*kept = *request;
	call->work = kept;
	buffer_init(&message, bytes, sizeof(bytes));
	encode_quote_payee_request(&message, &ask);
	if (message.overflowed ||
	    !options->call(options->context, city, RPC_QUOTE_PAYEE,
			   buffer_view(&message), quoted, call))
		quoted(call, false, (struct slice){ 0 });
}

/* Shape and city; 0, or a refusal. */
static uint32_t check_quote(struct neighbours *neighbours,
			    const struct quote_request *request,
			    struct address *payee)
{
	const struct roster *roster = neighbours_options(neighbours)->roster;

	if (request->amount_minor <= 0)
		return PAYMENT_AMOUNT_NOT_POSITIVE;
	if (!money_in_range(request->amount_minor))
		return PAYMENT_AMOUNT_TOO_LARGE;
	if (!address_parse(request->payee, payee))
		return PAYMENT_PAYEE_MALFORMED;
	if (slice_equal(payee->city, slice_from_text(neighbours->api->city)))
		return PAYMENT_PAYEE_CITY_HERE;
	return roster_city(roster, payee->city) == ROSTER_NONE
		       ? PAYMENT_PAYEE_CITY_UNKNOWN
		       : 0;
}

/* A payer that is named is one whom the caller may see. */
static bool payer_permitted(const struct api_call *call,
			    const struct account_ref *ref)
{
	const struct account *payer = NULL;

	if (ref->id == 0 && ref->address.size == 0)
		return true;
	(void)ledger_resolve(call->api->ledger, ref, &payer);
	return permission_sees(handler_permission(call), call->caller, payer,
			       NULL);
}

void handle_quote_payment(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	struct answer answer = { 0 };
	struct neighbours *neighbours;
	struct quote_request request;
	struct address payee;
	bool ok;

	(void)api;
	(void)now_us;
	do {
		ok = decode_quote_payment(call->message, &call->arena,
					  &request);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_federation(call, false, &neighbours))
		return;
	if (!payer_permitted(call, &request.payer)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	answer.refusal = check_quote(neighbours, &request, &payee);
	if (answer.refusal != 0)
		reply_refusal(call, &payment_refusals, &answer);
	else
		ask_payee(call, neighbours, &request, payee.city);
}
