/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Payment requests: a payee asks, the payer confirms with one command.  A
 * request moves no credit and promises none; it is recorded in both cities,
 * and the payee's city sends it on until the payer's has it.
 */
#include <string.h>

#include "api/neighbours_private.h"
#include "api/payment.h"
#include "base/utf8.h"
#include "core/linklog.h"
#include "wire/messages_payment.h"

#define EXPIRY_DEFAULT_US (UINT64_C(30) * 24 * 3600 * 1000000)
#define EXPIRY_MAX_US (UINT64_C(366) * 24 * 3600 * 1000000)
/* An ACTOR_SEEN, the request, one of slack. */
#define REQUEST_EVENTS 3

bool request_is_here(const struct api *api, struct slice text)
{
	struct address address;

	return address_parse(text, &address) &&
	       slice_equal(address.city, slice_from_text(api->city));
}

/* Left out, it is counted from the id, so that asking again says the same. */
static uint64_t expiry_of(int64_t asked_us, const struct id *id)
{
	if (asked_us == 0)
		return id_time_ms(id) * 1000 + EXPIRY_DEFAULT_US;
	return asked_us < 0 ? 0 : (uint64_t)asked_us;
}

/* Refusals 20 to 39 of a request; @out is filled in when 0. */
uint32_t request_check(const struct api *api,
		       const struct forwarded_request *request, uint64_t now_us,
		       struct event_request *out)
{
	struct address payer, payee;

	if (!id_from_bytes(request->id, &out->id))
		return PAYMENT_ID_MALFORMED;
	switch (idwindow_place(&api->ledger->ids, &out->id, now_us)) {
	case IDWINDOW_TOO_OLD:
		return PAYMENT_ID_TOO_OLD;
	case IDWINDOW_IN_FUTURE:
		return PAYMENT_ID_IN_FUTURE;
	case IDWINDOW_INSIDE:
		break;
	}
	if (!address_parse(request->payer, &payer))
		return PAYMENT_ADDRESS_MALFORMED;
	if (request->amount_minor <= 0)
		return PAYMENT_AMOUNT_NOT_POSITIVE;
	if (!money_in_range(request->amount_minor))
		return PAYMENT_AMOUNT_TOO_LARGE;
	if (request->reference.size > LINKLOG_REFERENCE_SIZE_MAX)
		return PAYMENT_REFERENCE_MALFORMED;
	if (request->purpose.size == 0 ||
	    request->purpose.size > EVENT_NOTE_SIZE_MAX ||
	    !utf8_printable(request->purpose))
		return PAYMENT_MEMO_INVALID;
	if (!address_parse(request->payee, &payee))
		return PAYMENT_PAYEE_MALFORMED;
	/* As decide_payment() would say of each payment of it. */
	if (!slice_equal(payer.city, payee.city) &&
	    address_is_reserved(payee.local))
		return PAYMENT_PAYEE_RESERVED;
	out->payer = request->payer;
	out->payee = request->payee;
	out->amount = money_of(request->amount_minor);
	out->purpose = request->purpose;
	out->reference = request->reference;
	out->expires_us = expiry_of(request->expires_at_us, &out->id);
	return 0;
}

static const struct account *account_at(const struct api *api,
					struct slice address)
{
	const struct account_ref ref = { .address = address };
	const struct account *account = NULL;

	(void)ledger_resolve(api->ledger, &ref, &account);
	return account;
}

static bool city_known(const struct api *api, struct slice text)
{
	const struct roster *roster;
	struct address address;
	uint32_t city;

	if (api->neighbours == NULL || !address_parse(text, &address))
		return false;
	roster = neighbours_options(api->neighbours)->roster;
	city = roster_city(roster, address.city);
	return city != ROSTER_NONE &&
	       roster->cities[city].status != ROSTER_CITY_GONE;
}

/* Refusals 50 to 53: those of the two accounts that are kept here. */
static uint32_t check_accounts(const struct api *api,
			       const struct event_request *request)
{
	const struct account *payer = account_at(api, request->payer);
	const struct account *payee = account_at(api, request->payee);

	if (payer == NULL && request_is_here(api, request->payer))
		return PAYMENT_DEBIT_ACCOUNT_UNKNOWN;
	if (payee == NULL && request_is_here(api, request->payee))
		return PAYMENT_CREDIT_ACCOUNT_UNKNOWN;
	if (payer != NULL && payer->state == ACCOUNT_CLOSED)
		return PAYMENT_DEBIT_ACCOUNT_CLOSED;
	return payee != NULL && payee->state == ACCOUNT_CLOSED
		       ? PAYMENT_CREDIT_ACCOUNT_CLOSED
		       : 0;
}

/* Refusals 41 to 72 of one that is not known yet. */
static uint32_t check_fresh(const struct api *api,
			    const struct event_request *request,
			    uint64_t now_us)
{
	uint64_t asked_us = id_time_ms(&request->id) * 1000;
	uint32_t refusal;

	if (request->expires_us <= now_us)
		return PAYMENT_EXPIRY_PAST;
	/* The same in both cities, whatever their clocks say. */
	if (request->expires_us > asked_us + EXPIRY_MAX_US)
		return PAYMENT_EXPIRY_TOO_FAR;
	refusal = check_accounts(api, request);
	if (refusal == 0 && !request_is_here(api, request->payer) &&
	    !city_known(api, request->payer))
		refusal = PAYMENT_PAYER_CITY_UNKNOWN;
	return refusal;
}

uint32_t request_record(struct api_call *call, struct event *event,
			uint64_t now_us, bool *fresh)
{
	struct api *api = call->api;
	struct ledger *ledger = api->ledger;
	struct caller caller = handler_caller(call);
	const struct remembered *found;
	struct recorder recorder;
	struct hash128 content;
	uint32_t refusal;

	content = ledger_content_of_event(
		ledger, event, ledger_base_hash(ledger, caller.base));
	found = idwindow_find(&ledger->ids, &event->request.id);
	*fresh = found == NULL;
	if (found != NULL)
		return found->kind == COMMAND_REQUEST &&
				       hash128_equal(found->content, content)
			       ? 0
			       : PAYMENT_ID_CONFLICT;
	refusal = check_fresh(api, &event->request, now_us);
	if (refusal != 0)
		return refusal;
	if (!handler_recorder(call, 0, REQUEST_EVENTS, now_us, &recorder))
		return UINT32_MAX;
	event->request.actor = record_actor(&recorder, caller.uri);
	record_link_event(&recorder, event, content);
	return 0;
}

/* May the caller act for this side of a request? */
static bool is_callers(struct api_call *call, struct slice address)
{
	return permission_pays(handler_permission(call), call->caller,
			       account_at(call->api, address), NULL);
}

/* The payee's side. */
void handle_request_payment(struct api *api, struct api_call *call,
			    uint64_t now_us)
{
	struct event event = { .kind = EVENT_REQUEST_OPENED };
	struct payment_request_command command;
	struct forwarded_request request;
	struct answer answer = { 0 };
	bool ok, fresh;

	do {
		ok = decode_request_payment(call->message, &call->arena,
					    &command);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_accepts(call, true))
		return;
	request = (struct forwarded_request){
		command.id,
		command.payer,
		command.payee,
		command.amount_minor,
		command.purpose,
		command.reference,
		command.expires_at_us,
	};
	answer.refusal = request_check(api, &request, now_us, &event.request);
	if (answer.refusal == 0 && !request_is_here(api, command.payee))
		answer.refusal = PAYMENT_ADDRESS_OTHER_CITY;
	if (answer.refusal == 0 && !is_callers(call, command.payee)) {
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	if (answer.refusal == 0 && !request_is_here(api, command.payer) &&
	    api->neighbours == NULL) {
		reply_error_now(call, REQUEST_NO_FEDERATION, NULL);
		return;
	}
	if (answer.refusal == 0)
		answer.refusal = request_record(call, &event, now_us, &fresh);
	if (answer.refusal == UINT32_MAX)
		return;
	if (answer.refusal != 0) {
		reply_refusal(call, &payment_refusals, &answer);
		return;
	}
	if (!request_is_here(api, command.payer)) {
		request_send_on(call, &event.request.id, fresh);
		return;
	}
	encode_position(&call->reply, journal_newest(api->journal));
	reply_ok(call);
}

static void requests_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	uint8_t token[PAGE_TOKEN_SIZE];
	struct slice next;
	uint64_t last = 0;

	if (handler_read_ended(call, result))
		return;
	if (result->count > 0)
		last = result->requests[result->count - 1].opened_position;
	next = handler_next_token(call, result, last, token);
	do {
		encode_list_payment_requests(&call->reply, result->requests,
					     result->count, next);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

static void put_address(const struct api *api, const struct account *account,
			struct read_query *query)
{
	struct buffer out;

	buffer_init(&out, query->address, sizeof(query->address));
	buffer_put(&out, account_local(account));
	buffer_put_byte(&out, '@');
	buffer_put_text(&out, api->city);
	check(!out.overflowed);
	query->address_size = (uint8_t)out.size;
}

static void one_request_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct payment_request_view *view = result->requests;
	struct answer unknown = { .refusal = PAYMENT_REQUEST_UNKNOWN };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND) {
		reply_refusal(call, &payment_refusals, &unknown);
		return;
	}
	if (!permission_sees(handler_permission(call), call->caller,
			     account_at(call->api, view->payer),
			     account_at(call->api, view->payee))) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	do {
		encode_list_payment_requests(&call->reply, view, 1,
					     (struct slice){ 0 });
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

static void read_one(struct api_call *call, const struct read_request *request)
{
	struct answer malformed = { .refusal = PAYMENT_ID_MALFORMED };
	struct read_query query = {
		.kind = READ_REQUEST,
		.limit = 1,
		.until_us = (int64_t)call->api->now_us,
		.min_position = journal_acknowledged(call->api->journal),
	};

	if (!id_from_bytes(request->id, &query.id)) {
		reply_refusal(call, &payment_refusals, &malformed);
		return;
	}
	if (request->min_position > query.min_position)
		query.min_position = request->min_position;
	handler_submit(call, &query, one_request_read);
}

void handle_list_payment_requests(struct api *api, struct api_call *call,
				  uint64_t now_us)
{
	struct read_query query = { .kind = READ_REQUESTS,
				    .until_us = (int64_t)now_us };
	const struct account *account = NULL;
	struct read_request request;

	if (!handler_read_request(call, decode_list_payment_requests,
				  &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position))
		return;
	if (request.id.size > 0) {
		read_one(call, &request);
		return;
	}
	if (!handler_list_account(call, &request, &account))
		return;
	if (account != NULL) {
		query.account = account->id;
		put_address(api, account, &query);
	}
	query.state = request.state;
	handler_submit_page(call, &request, &query, requests_read);
}

bool request_end(struct api_call *call, const struct id *id)
{
	struct event event = { .kind = EVENT_REQUEST_ENDED };
	struct caller caller = handler_caller(call);
	struct recorder recorder;

	/* It was waited for an answer: the node may be closing by now. */
	if (!handler_accepts(call, true) ||
	    !handler_recorder(call, 0, REQUEST_EVENTS, call->api->now_us,
			      &recorder))
		return false;
	event.request.id = *id;
	event.request.state = PAYMENT_REQUEST_DECLINED;
	event.request.actor = record_actor(&recorder, caller.uri);
	record_link_event(&recorder, &event, (struct hash128){ 0 });
	return true;
}

/* One that is open, or, sent again, one that was declined. */
static void decline(struct api_call *call,
		    const struct payment_request_view *view)
{
	struct id id;
	bool ok = id_from_bytes(view->id, &id);

	check(ok);
	if (view->state == PAYMENT_REQUEST_OPEN && !request_end(call, &id))
		return;
	request_give_back(call, &id);
}

static void read_to_decline(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct payment_request_view *view = result->requests;
	struct answer answer = { .refusal = PAYMENT_REQUEST_UNKNOWN };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND) {
		reply_refusal(call, &payment_refusals, &answer);
	} else if (!is_callers(call, view->payer)) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
	} else if (view->state != PAYMENT_REQUEST_OPEN &&
		   view->state != PAYMENT_REQUEST_DECLINED) {
		answer.refusal = PAYMENT_REQUEST_ENDED;
		reply_refusal(call, &payment_refusals, &answer);
	} else if (handler_accepts(call, true)) {
		decline(call, view);
	}
}

void handle_decline_payment_request(struct api *api, struct api_call *call,
				    uint64_t now_us)
{
	struct read_query query = { .kind = READ_REQUEST,
				    .limit = 1,
				    .until_us = (int64_t)now_us };
	struct answer malformed = { .refusal = PAYMENT_ID_MALFORMED };
	struct slice id;

	if (!decode_decline_payment_request(call->message, &call->arena, &id)) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_accepts(call, true))
		return;
	if (!id_from_bytes(id, &query.id)) {
		reply_refusal(call, &payment_refusals, &malformed);
		return;
	}
	query.min_position = journal_acknowledged(api->journal);
	handler_submit(call, &query, read_to_decline);
}
