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
		view.at_city = payee.city;
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

/* Refusals 32 to 39: what the request says itself. */
static uint32_t check_shape(const struct api *api,
			    const struct quote_request *request,
			    struct address *payee)
{
	if (request->amount_minor <= 0)
		return PAYMENT_AMOUNT_NOT_POSITIVE;
	if (!money_in_range(request->amount_minor))
		return PAYMENT_AMOUNT_TOO_LARGE;
	if (!address_parse(request->payee, payee))
		return PAYMENT_PAYEE_MALFORMED;
	if (slice_equal(payee->city, slice_from_text(api->city)))
		return PAYMENT_PAYEE_CITY_HERE;
	return address_is_reserved(payee->local) ? PAYMENT_PAYEE_RESERVED : 0;
}

static bool is_member(const struct roster *roster, struct slice city)
{
	uint32_t at = roster_city(roster, city);

	return at != ROSTER_NONE &&
	       roster->cities[at].status != ROSTER_CITY_GONE;
}

static bool names_payer(const struct quote_request *request)
{
	return request->payer.id != 0 || request->payer.address.size > 0;
}

/* In the order of the numbers, as an order to pay would be refused. */
static void check_quote(struct neighbours *neighbours,
			const struct quote_request *request,
			struct address *payee, struct answer *out)
{
	const struct roster *roster = neighbours_options(neighbours)->roster;
	struct api *api = neighbours->api;
	const struct account *payer = NULL;
	struct decision decision = { 0 };

	if (names_payer(request))
		decision.refusal =
			ledger_resolve(api->ledger, &request->payer, &payer);
	if (decision.refusal == 0)
		decision.refusal = check_shape(api, request, payee);
	if (decision.refusal == 0 && names_payer(request))
		decide_payer(payer, money_of(request->amount_minor), &decision);
	if (decision.refusal == 0 && !is_member(roster, payee->city))
		decision.refusal = PAYMENT_PAYEE_CITY_UNKNOWN;
	*out = (struct answer){ .refusal = decision.refusal,
				.limit = decision.limit,
				.value = decision.value };
}

/* A payer that is named is one whom the caller may see. */
static bool payer_permitted(const struct api_call *call,
			    const struct quote_request *request)
{
	const struct account *payer = NULL;

	if (!names_payer(request))
		return true;
	(void)ledger_resolve(call->api->ledger, &request->payer, &payer);
	return permission_sees(handler_permission(call), call->caller, payer,
			       NULL);
}

void handle_quote_payment(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	struct neighbours *neighbours;
	struct quote_request request;
	struct answer answer;
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
	if (!payer_permitted(call, &request)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	check_quote(neighbours, &request, &payee, &answer);
	if (answer.refusal != 0)
		reply_refusal(call, &payment_refusals, &answer);
	else
		ask_payee(call, neighbours, &request, payee.city);
}
