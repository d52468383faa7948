/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Paying a request of a payee in the same city: an ordinary transfer, in one
 * block with the end of the request, so that neither is without the other.
 */
#include <string.h>

#include "api/payment.h"

/* The transfer; an ACTOR_SEEN, the end, one of slack. */
#define HERE_ENTRIES 1
#define HERE_EVENTS 3

static struct transfer_command transfer_of(const struct pay_command *command)
{
	return (struct transfer_command){
		.id = command->id,
		.debit = command->payer,
		.credit = { .address = command->payee },
		.amount_minor = command->amount_minor,
		.reference = command->request,
		.memo = command->memo,
	};
}

static void end_request(struct recorder *recorder, struct slice request,
			struct slice uri)
{
	struct event event = { .kind = EVENT_REQUEST_ENDED };

	check(request.size == ID_SIZE);
	memcpy(event.request.id.bytes, request.data, ID_SIZE);
	event.request.state = PAYMENT_REQUEST_PAID;
	event.request.actor = record_actor(recorder, uri);
	record_link_event(recorder, &event, (struct hash128){ 0 });
}

static void reply_posted(struct api_call *call,
			 const struct pay_command *command, struct slice payer,
			 const struct answer *answer)
{
	const struct api *api = call->api;
	const struct payment_view view = {
		.id = command->id,
		.state = PAYMENT_IS_POSTED,
		.direction = PAYMENT_IS_OUT,
		.payer = payer,
		.payee = command->payee,
		.amount_minor = command->amount_minor,
		.path = { slice_from_text(api->city) },
		.path_count = 1,
		.attempts = 1,
		.ended_at_us = (int64_t)api->now_us,
		.reference = command->request,
		.decided_id = command->id,
	};

	do {
		encode_pay(&call->reply, &view, answer->position);
	} while (handler_encode_again(call));
	reply_ok(call);
}

/* Sent again it is answered as before, whatever the request says by now. */
static bool is_recorded(const struct api *api,
			const struct pay_command *command)
{
	struct id id;

	return id_from_bytes(command->id, &id) &&
	       idwindow_find(&api->ledger->ids, &id) != NULL;
}

void payment_order_here(struct api_call *call,
			const struct pay_command *command,
			const struct payment_request_view *request,
			uint64_t now_us)
{
	const struct transfer_command transfer = transfer_of(command);
	struct caller caller = handler_caller(call);
	struct answer answer = { .refusal = command->request_refusal };
	struct recorder recorder;

	/* A payment is held between cities alone (rule PEER-33). */
	if (command->lock.size > 0)
		answer.refusal = PAYMENT_PAYEE_CITY_HERE;
	if (answer.refusal != 0 && !is_recorded(call->api, command)) {
		reply_refusal(call, &payment_refusals, &answer);
		return;
	}
	if (!handler_recorder(call, HERE_ENTRIES, HERE_EVENTS, now_us,
			      &recorder))
		return;
	record_transfers(&recorder, &transfer, 1, &caller, now_us, &answer);
	if (answer.refusal != 0) {
		reply_refusal(call, &transfer_refusals, &answer);
		return;
	}
	if (!answer.recorded)
		end_request(&recorder, command->request, caller.uri);
	reply_posted(call, command, request->payer, &answer);
}
