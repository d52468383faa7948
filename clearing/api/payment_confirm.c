/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Paying what was asked for: an order that names a payment request is held
 * against it, and what the order leaves out is the request's.
 */
#include <string.h>

#include "api/payment.h"
#include "core/linklog.h"

/* An order whose payment request is being read; in the call's memory. */
struct confirming {
	struct pay_request order;
	struct id request;
	uint8_t payer[ADDRESS_SIZE_MAX];
	uint8_t payee[ADDRESS_SIZE_MAX];
};

static bool names_payer(const struct pay_command *command)
{
	return command->payer.id != 0 || command->payer.address.size > 0;
}

/* A view into the rows of a read, kept in @memory. */
static struct slice keep(struct slice address, uint8_t memory[ADDRESS_SIZE_MAX])
{
	check(address.size <= ADDRESS_SIZE_MAX);
	if (address.size > 0)
		memcpy(memory, address.data, address.size);
	return slice_of(memory, address.size);
}

/* The same account, by whatever name. */
static bool is_payer(const struct api *api, const struct account_ref *named,
		     struct slice asked)
{
	const struct account_ref ref = { .address = asked };
	const struct account *one = NULL, *other = NULL;

	(void)ledger_resolve(api->ledger, named, &one);
	(void)ledger_resolve(api->ledger, &ref, &other);
	return one != NULL && one == other;
}

/* What was left out is the request's; 0, or the refusal of the rest. */
static uint32_t fill_in(const struct api *api, struct confirming *confirming,
			const struct payment_request_view *view)
{
	struct pay_command *command = &confirming->order.command;

	if (!names_payer(command))
		command->payer.address = keep(view->payer, confirming->payer);
	if (command->payee.size == 0)
		command->payee = keep(view->payee, confirming->payee);
	if (command->amount_minor == 0)
		command->amount_minor = view->amount_minor;
	if (view->state != PAYMENT_REQUEST_OPEN)
		return PAYMENT_REQUEST_ENDED;
	if (!is_payer(api, &command->payer, view->payer) ||
	    !slice_equal(command->payee, view->payee) ||
	    command->amount_minor != view->amount_minor)
		return PAYMENT_REQUEST_DIFFERS;
	return command->request_refusal;
}

static void stop_confirming(struct api *api, const struct api_call *call)
{
	struct api_call **at = &api->confirming;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
}

static bool is_here(const struct api *api, struct slice payee)
{
	struct address address;

	return address_parse(payee, &address) &&
	       slice_equal(address.city, slice_from_text(api->city));
}

static void order_here(struct api_call *call, const struct pay_command *command,
		       const struct payment_request_view *request)
{
	if (!payment_permitted(call, command))
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
	else if (handler_accepts(call, true))
		payment_order_here(call, command, request, call->api->now_us);
}

static void request_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	struct confirming *confirming = call->work;
	struct pay_command *command = &confirming->order.command;
	struct neighbours *neighbours;

	stop_confirming(call->api, call);
	call->next = NULL;
	if (handler_read_ended(call, result))
		return;
	command->request_refusal =
		result->status == READ_NOT_FOUND
			? PAYMENT_REQUEST_UNKNOWN
			: fill_in(call->api, confirming, result->requests);
	if (is_here(call->api, command->payee) &&
	    result->status != READ_NOT_FOUND)
		order_here(call, command, result->requests);
	else if (handler_federation(call, true, &neighbours))
		payment_order(call, &confirming->order, call->api->now_us);
}

/* Another order that pays it, and is not decided yet. */
static bool is_confirming(const struct api *api,
			  const struct confirming *confirming)
{
	for (const struct api_call *call = api->confirming; call != NULL;
	     call = call->next) {
		const struct confirming *other = call->work;

		if (id_equal(&other->request, &confirming->request) &&
		    !slice_equal(other->order.command.id,
				 confirming->order.command.id))
			return true;
	}
	return false;
}

void payment_confirm(struct api_call *call, const struct pay_request *order,
		     const struct id *request)
{
	struct api *api = call->api;
	/* All that this node has decided: it may have been paid just now. */
	struct read_query query = {
		.kind = READ_REQUEST,
		.limit = 1,
		.id = *request,
		.until_us = (int64_t)api->now_us,
		.min_position = journal_newest(api->journal),
	};
	struct confirming *confirming = handler_take(call, sizeof(*confirming));

	if (confirming == NULL)
		return;
	*confirming =
		(struct confirming){ .order = *order, .request = *request };
	if (is_confirming(api, confirming))
		confirming->order.command.request_refusal =
			PAYMENT_REQUEST_UNDER_WAY;
	call->work = confirming;
	if (!handler_submit(call, &query, request_read))
		return;
	call->next = api->confirming;
	api->confirming = call;
}
