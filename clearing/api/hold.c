/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.HoldService: placing and looking up; ending is in hold_end.c. */
#include "api/handler.h"

/* An ACTOR_SEEN and one of slack (record.h). */
#define COMMAND_EVENTS 2

/* May the caller promise this account's credit? */
static bool place_permitted(const struct api_call *call,
			    const struct transfer_command *transfer)
{
	const struct ledger *ledger = call->api->ledger;
	const struct account *debit, *credit;

	if (ledger == NULL)
		return true;
	(void)ledger_resolve(ledger, &transfer->debit, &debit);
	(void)ledger_resolve(ledger, &transfer->credit, &credit);
	return permission_pays(handler_permission(call), call->caller, debit,
			       credit);
}

void handle_place_hold(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct place_hold_command command;
	struct caller caller = handler_caller(call);
	struct recorder recorder;
	struct answer answer;
	bool ok;

	(void)api;
	do {
		ok = decode_place_hold(call->message, &call->arena, &command);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!place_permitted(call, &command.transfer)) {
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	if (!handler_accepts(call, true) ||
	    !handler_recorder(call, 1, COMMAND_EVENTS, now_us, &recorder))
		return;
	record_place_hold(&recorder, &command, &caller, now_us, &answer);
	if (answer.refusal != 0) {
		reply_refusal(call, &hold_refusals, &answer);
		return;
	}
	do {
		encode_position(&call->reply, answer.position);
	} while (handler_encode_again(call));
	reply_ok(call);
}

static void hold_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct hold_view *view = result->holds;
	const struct ledger *ledger = call->api->ledger;
	struct answer unknown = { .refusal = HOLD_HOLD_UNKNOWN };

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND) {
		reply_refusal(call, &hold_refusals, &unknown);
		return;
	}
	if (!permission_sees(handler_permission(call), call->caller,
			     ledger_account(ledger, view->debit_account),
			     ledger_account(ledger, view->credit_account))) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	do {
		encode_get_hold(&call->reply, view);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

void handle_get_hold(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct read_query query = { .kind = READ_HOLD, .limit = 1 };
	struct answer malformed = { .refusal = HOLD_ID_MALFORMED };
	struct read_request request;

	(void)api;
	(void)now_us;
	if (!handler_read_request(call, decode_get_hold, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position))
		return;
	if (!id_from_bytes(request.id, &query.id)) {
		reply_refusal(call, &hold_refusals, &malformed);
		return;
	}
	query.min_position = request.min_position;
	handler_submit(call, &query, hold_read);
}

static void holds_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	uint8_t token[PAGE_TOKEN_SIZE];
	struct slice next;
	uint64_t last = 0;

	if (handler_read_ended(call, result))
		return;
	if (result->count > 0)
		last = result->holds[result->count - 1].number;
	next = handler_next_token(call, result, last, token);
	do {
		encode_list_holds(&call->reply, result->holds, result->count,
				  next);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

void handle_list_holds(struct api *api, struct api_call *call, uint64_t now_us)
{
	struct read_query query = { .kind = READ_HOLDS };
	const struct account *account = NULL;
	struct read_request request;

	(void)api;
	(void)now_us;
	if (!handler_read_request(call, decode_list_holds, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position) ||
	    !handler_list_account(call, &request, &account))
		return;
	query.account = account == NULL ? 0 : account->id;
	query.state = request.state;
	handler_submit_page(call, &request, &query, holds_read);
}
