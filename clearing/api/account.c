/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing.v1.AccountService */
#include "api/handler.h"

/* Accounts looked at for one page, so that a search never holds up the loop. */
#define ACCOUNTS_PER_PAGE_SCAN_MAX 100000

/* What a command on an account records: an ACTOR_SEEN and the event itself. */
#define COMMAND_EVENTS 2

void handle_open_account(struct api *api, struct api_call *call,
			 uint64_t now_us)
{
	struct open_account_command command;
	struct caller caller = handler_caller(call);
	struct recorder recorder;
	struct answer answer;
	bool ok;

	(void)api;
	do {
		ok = decode_open_account(call->message, &call->arena, &command);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (!handler_accepts(call, true) ||
	    !handler_recorder(call, 1, COMMAND_EVENTS, now_us, &recorder))
		return;
	record_open_account(&recorder, &command, &caller, now_us, &answer);
	if (answer.refusal != 0) {
		reply_refusal(call, &account_refusals, &answer);
		return;
	}
	do {
		encode_open_account(&call->reply, answer.number,
				    answer.position);
	} while (handler_encode_again(call));
	reply_ok(call);
}

/* Up to what limit may the caller set one? */
static bool limit_permitted(struct api_call *call,
			    const struct account_command *command)
{
	int64_t limit = call->api->options.operator_limit_max_minor;
	struct error_about about = { .field = "credit_limit_minor",
				     .limit = &limit,
				     .value = &command->credit_limit_minor };

	if (handler_permission(call) != PERMISSION_LIMIT)
		return true;
	if (limit > 0 && command->credit_limit_minor <= limit)
		return true;
	reply_error(call, REQUEST_NOT_PERMITTED, &about);
	return false;
}

static void handle_account_command(struct api_call *call,
				   enum account_command_kind kind,
				   uint64_t now_us)
{
	struct account_command command;
	struct caller caller = handler_caller(call);
	struct recorder recorder;
	struct answer answer;
	bool ok;

	do {
		ok = decode_account_command(kind, call->message, &call->arena,
					    &command);
	} while (handler_decode_again(call, ok));
	if (!ok) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return;
	}
	if (kind == ACCOUNT_COMMAND_SET_LIMITS &&
	    !limit_permitted(call, &command))
		return;
	if (!handler_accepts(call, true) ||
	    !handler_recorder(call, 1, COMMAND_EVENTS, now_us, &recorder))
		return;
	record_account_command(&recorder, kind, &command, &caller, now_us,
			       &answer);
	if (answer.refusal != 0) {
		reply_refusal(call, &account_refusals, &answer);
		return;
	}
	do {
		encode_position(&call->reply, answer.position);
	} while (handler_encode_again(call));
	reply_ok(call);
}

void handle_set_account_limits(struct api *api, struct api_call *call,
			       uint64_t now_us)
{
	(void)api;
	handle_account_command(call, ACCOUNT_COMMAND_SET_LIMITS, now_us);
}

void handle_freeze_account(struct api *api, struct api_call *call,
			   uint64_t now_us)
{
	(void)api;
	handle_account_command(call, ACCOUNT_COMMAND_FREEZE, now_us);
}

void handle_unfreeze_account(struct api *api, struct api_call *call,
			     uint64_t now_us)
{
	(void)api;
	handle_account_command(call, ACCOUNT_COMMAND_UNFREEZE, now_us);
}

void handle_close_account(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	(void)api;
	handle_account_command(call, ACCOUNT_COMMAND_CLOSE, now_us);
}

void handle_get_account(struct api *api, struct api_call *call, uint64_t now_us)
{
	const struct account *account;
	struct read_request request;

	(void)now_us;
	if (!handler_read_request(call, decode_get_account, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position) ||
	    !handler_read_account(call, &request.account, &account))
		return;
	do {
		encode_get_account(&call->reply, account,
				   slice_from_text(api->city),
				   journal_newest(api->journal));
	} while (handler_encode_again(call));
	reply_ok(call);
}

/* A page of accounts by id, after @cursor. */
struct account_page {
	const struct account **accounts;
	uint32_t count;
	uint32_t count_max;
	uint64_t cursor; /* of the next page; 0: there is none */
};

static void fill_page(const struct api_call *call, uint64_t cursor,
		      struct account_page *page)
{
	const struct ledger *ledger = call->api->ledger;
	bool own = handler_permission(call) == PERMISSION_OWN;
	uint64_t end = cursor + ACCOUNTS_PER_PAGE_SCAN_MAX;

	if (end > ledger->account_count)
		end = ledger->account_count;
	page->cursor = end < ledger->account_count ? end : 0;
	for (uint64_t i = cursor; i < end; i++) {
		const struct account *account = &ledger->accounts[i];

		if (own && !permission_owns(call->caller, account))
			continue;
		if (page->count == page->count_max) {
			page->cursor = i;
			return;
		}
		page->accounts[page->count++] = account;
	}
}

/* A page may be short, or even empty, and yet have a next one (rule RPC-14). */
void handle_list_accounts(struct api *api, struct api_call *call,
			  uint64_t now_us)
{
	struct page_query query = { .rpc = RPC_LIST_ACCOUNTS };
	uint8_t token[PAGE_TOKEN_SIZE];
	struct account_page page = { 0 };
	struct read_request request;
	struct buffer next;
	uint64_t cursor;

	(void)now_us;
	if (!handler_read_request(call, decode_list_accounts, &request) ||
	    !handler_accepts(call, false) ||
	    handler_waits(call, request.min_position))
		return;
	if (handler_permission(call) == PERMISSION_OWN)
		query.coop = call->caller->name;
	if (!page_cursor(request.page_token, &query, &cursor)) {
		reply_error_now(call, REQUEST_PAGE_TOKEN_INVALID, NULL);
		return;
	}
	page.count_max = page_size(request.page_size);
	page.accounts =
		handler_take(call, page.count_max * sizeof(struct account *));
	if (page.accounts == NULL)
		return;
	fill_page(call, cursor, &page);
	buffer_init(&next, token, sizeof(token));
	if (page.cursor > 0)
		page_token(&next, &query, page.cursor);
	do {
		encode_list_accounts(&call->reply, page.accounts, page.count,
				     slice_from_text(api->city),
				     buffer_view(&next),
				     journal_newest(api->journal));
	} while (handler_encode_again(call));
	reply_ok(call);
}
