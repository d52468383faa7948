/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.StatementService */
#include "api/handler.h"

/* The balance, and how far it may still go either way, never below zero. */
static struct balance_view balance_of(const struct account *account)
{
	int64_t balance = money_minor(account_balance(account));
	int64_t available = balance - money_minor(account->debits_pending) +
			    money_minor(account->credit_limit);
	int64_t receivable = money_minor(account->balance_ceiling) - balance -
			     money_minor(account->credits_pending);

	return (struct balance_view){
		.balance_minor = balance,
		.available_minor = available > 0 ? available : 0,
		.receivable_minor = receivable > 0 ? receivable : 0,
	};
}

void handle_get_balance(struct api *api, struct api_call *call, uint64_t now_us)
{
	const struct account *account;
	struct read_request request;
	struct balance_view view;

	(void)now_us;
	if (!handler_read_request(call, decode_get_balance, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position) ||
	    !handler_read_account(call, &request.account, &account))
		return;
	view = balance_of(account);
	view.position = journal_newest(api->journal);
	do {
		encode_get_balance(&call->reply, &view);
	} while (handler_encode_again(call));
	reply_ok(call);
}

bool handler_list_account(struct api_call *call,
			  const struct read_request *request,
			  const struct account **out)
{
	*out = NULL;
	if (request->has_account)
		return handler_read_account(call, &request->account, out);
	/* The whole node: not for a coop. */
	if (handler_permission(call) == PERMISSION_ALL)
		return true;
	reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
	return false;
}

static void statement_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	struct statement_view view = {
		.opening_minor = result->opening_minor,
		.closing_minor = result->closing_minor,
		.entries = result->entries,
		.entry_count = result->count,
	};
	uint8_t token[PAGE_TOKEN_SIZE];
	uint64_t last = 0;

	if (handler_read_ended(call, result))
		return;
	if (result->count > 0)
		last = result->entries[result->count - 1].transfer.number;
	view.next_token = handler_next_token(call, result, last, token);
	do {
		encode_get_statement(&call->reply, &view);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

void handle_get_statement(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	struct read_query query = { .kind = READ_STATEMENT };
	const struct account *account;
	struct read_request request;

	(void)api;
	(void)now_us;
	if (!handler_read_request(call, decode_get_statement, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position) ||
	    !handler_read_account(call, &request.account, &account))
		return;
	query.account = account->id;
	query.from_us = request.from_us;
	query.until_us = request.until_us;
	handler_submit_page(call, &request, &query, statement_read);
}

static void entries_read(void *user, const struct read_result *result)
{
	struct api_call *call = user;
	uint8_t token[PAGE_TOKEN_SIZE];
	struct slice next;
	uint64_t last = 0;

	if (handler_read_ended(call, result))
		return;
	if (result->count > 0)
		last = result->transfers[result->count - 1].number;
	next = handler_next_token(call, result, last, token);
	do {
		encode_list_entries(&call->reply, result->transfers,
				    result->count, next);
	} while (handler_encode_again(call));
	reply_ok_now(call);
}

void handle_list_entries(struct api *api, struct api_call *call,
			 uint64_t now_us)
{
	struct read_query query = { .kind = READ_ENTRIES };
	const struct account *account;
	struct read_request request;

	(void)api;
	(void)now_us;
	if (!handler_read_request(call, decode_list_entries, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position) ||
	    !handler_list_account(call, &request, &account))
		return;
	query.account = account == NULL ? 0 : account->id;
	handler_submit_page(call, &request, &query, entries_read);
}
