/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.TransferService */
#include "api/handler.h"

/* The most that one block takes, whatever the configuration says. */
static uint32_t batch_max(const struct api *api)
{
	return api->options.batch_max < BLOCK_ENTRIES_MAX
		       ? api->options.batch_max
		       : BLOCK_ENTRIES_MAX;
}

/*
 * May the caller move all of this?  One foreign debit refuses the whole
 * request; to a coop an unknown account looks the same (rule RPC-12).
 */
static bool batch_permitted(const struct api_call *call,
			    const struct transfer_command *commands,
			    uint32_t count)
{
	const struct ledger *ledger = call->api->ledger;
	enum permission permission = handler_permission(call);

	/* Not loaded yet: STARTING, in a moment. */
	if (ledger == NULL)
		return true;
	for (uint32_t i = 0; i < count; i++) {
		const struct account *debit, *credit = NULL;

		/* What is malformed is NULL, and refused by its number. */
		(void)ledger_resolve(ledger, &commands[i].debit, &debit);
		if (permission == PERMISSION_COOPS)
			(void)ledger_resolve(ledger, &commands[i].credit,
					     &credit);
		if (!permission_pays(permission, call->caller, debit, credit))
			return false;
	}
	return true;
}

static bool batch_sized(struct api_call *call, uint32_t count)
{
	int64_t limit = batch_max(call->api), value = count;
	struct error_about about = { .field = "transfers",
				     .limit = &limit,
				     .value = &value };

	if (count == 0) {
		reply_error_now(call, REQUEST_BATCH_EMPTY, &about);
		return false;
	}
	if (value > limit) {
		reply_error_now(call, REQUEST_BATCH_TOO_LARGE, &about);
		return false;
	}
	return true;
}

static void post(struct api_call *call, const struct transfer_command *commands,
		 uint32_t count, uint64_t now_us)
{
	struct api *api = call->api;
	struct caller caller = handler_caller(call);
	struct recorder recorder;
	struct answer *answers =
		handler_take(call, count * sizeof(struct answer));

	if (answers == NULL ||
	    !handler_recorder(call, count, 1, now_us, &recorder))
		return;
	record_transfers(&recorder, commands, count, &caller, now_us, answers);
	do {
		encode_post_transfers(&call->reply, answers, count,
				      journal_newest(api->journal));
	} while (handler_encode_again(call));
	reply_ok(call);
}

void handle_post_transfers(struct api *api, struct api_call *call,
			   uint64_t now_us)
{
	struct transfer_command *commands;
	uint32_t count, decoded;
	bool ok;

	do {
		ok = decode_post_transfers(call->message, &call->arena,
					   batch_max(api), &commands, &count);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	decoded = count < batch_max(api) ? count : batch_max(api);
	if (!batch_permitted(call, commands, decoded)) {
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	if (!batch_sized(call, count) || !handler_accepts(call, true))
		return;
	post(call, commands, count, now_us);
}

static const struct account *side(const struct api *api, uint64_t account)
{
	return ledger_account(api->ledger, account);
}

static void transfer_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	const struct transfer_view *view = result->transfers;
	const struct api *api = call->api;

	if (handler_read_ended(call, result))
		return;
	if (result->status == READ_NOT_FOUND) {
		reply_error_now(call, REQUEST_TRANSFER_UNKNOWN, NULL);
		return;
	}
	if (!permission_sees(handler_permission(call), call->caller,
			     side(api, view->debit_account),
			     side(api, view->credit_account))) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	do {
		encode_get_transfer(&call->reply, view);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

/* By id, for ever: from the table; the id window may know where. */
void handle_get_transfer(struct api *api, struct api_call *call,
			 uint64_t now_us)
{
	struct read_query query = { .kind = READ_TRANSFER, .limit = 1 };
	const struct remembered *remembered;
	struct read_request request;

	(void)now_us;
	if (!handler_read_request(call, decode_get_transfer, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position))
		return;
	if (!id_from_bytes(request.id, &query.id)) {
		struct answer answer = { .refusal = TRANSFER_ID_MALFORMED };

		reply_refusal(call, &transfer_refusals, &answer);
		return;
	}
	query.min_position = request.min_position;
	remembered = idwindow_find(&api->ledger->ids, &query.id);
	if (remembered != NULL && (remembered->kind == COMMAND_TRANSFER ||
				   remembered->kind == COMMAND_POST_HOLD)) {
		query.number = remembered->number;
		if (query.min_position < remembered->seq)
			query.min_position = remembered->seq;
	}
	handler_submit(call, &query, transfer_read);
}
