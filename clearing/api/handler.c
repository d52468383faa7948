/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/handler.h"

#include <string.h>

/* Reads that wait for a position to come (rule JOURNAL-25). */
#define PARKED_MAX 4096

enum permission handler_permission(const struct api_call *call)
{
	return permission_of(call->method->rpc, call->caller->role);
}

struct caller handler_caller(const struct api_call *call)
{
	return (struct caller){ .uri = call->caller->uri,
				.base = call->caller->base };
}

/* Why a node that has its ledger takes no commands now. */
static bool state_refuses(const struct api_call *call, bool command,
			  enum request_error *error)
{
	switch (call->api->state) {
	case NODE_SERVING:
		return false;
	case NODE_STARTING:
		*error = REQUEST_STARTING;
		return true;
	case NODE_DATABASE_AWAY:
		*error = REQUEST_DATABASE_AWAY;
		return true;
	case NODE_DRAINING:
		*error = REQUEST_DRAINING;
		return true;
	case NODE_CLOCK_JUMPED:
		*error = REQUEST_CLOCK_JUMPED;
		return command;
	case NODE_REJOINING:
		*error = REQUEST_REJOINING;
		return command && !permission_rebuilds(call->method->rpc);
	}
	clearing_panic(__FILE__, __LINE__, "node state");
}

/* (rule RPC-4) */
bool handler_accepts(struct api_call *call, bool command)
{
	struct api *api = call->api;
	enum request_error error;

	/* A read that was let in before the drain is answered. */
	if (api->state == NODE_DRAINING && call->message_kept && !command)
		return true;
	if (state_refuses(call, command, &error)) {
		reply_error_now(call, error, NULL);
		return false;
	}
	check(api->ledger != NULL);
	return true;
}

bool handler_federation(struct api_call *call, bool command,
			struct neighbours **out)
{
	if (!handler_accepts(call, command))
		return false;
	*out = call->api->neighbours;
	if (*out != NULL)
		return true;
	reply_error_now(call, REQUEST_NO_FEDERATION, NULL);
	return false;
}

/* (rule JOURNAL-25) */
bool handler_recorder(struct api_call *call, uint32_t entries, uint32_t events,
		      uint64_t now_us, struct recorder *out)
{
	struct api *api = call->api;
	struct effect *effects = NULL;
	struct block *block = NULL;

	if (projector_lag(api->projector) <=
		    api->options.projector_lag_max_blocks &&
	    ledger_can_name(api->ledger, call->caller->uri))
		block = journal_open(api->journal, entries, events, now_us,
				     &effects);
	if (block == NULL) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return false;
	}
	*out = (struct recorder){
		.ledger = api->ledger,
		.block = block,
		.effects = effects,
		.sha256 = api->sha256,
		.random_fill = api->random_fill,
	};
	return true;
}

static bool more_memory(struct api_call *call)
{
	return call->api->options.on_more_memory(call->api->options.context,
						 call);
}

bool handler_decode_again(struct api_call *call, bool ok)
{
	return !ok && more_memory(call);
}

bool handler_encode_again(struct api_call *call)
{
	/* Without more memory the overflow stays, and reply_ok() says so. */
	return call->reply.overflowed && more_memory(call);
}

bool handler_read_request(struct api_call *call, handler_read_decoder *decoder,
			  struct read_request *out)
{
	bool ok;

	do {
		*out = (struct read_request){ 0 };
		ok = decoder(call->message, &call->arena, out);
	} while (handler_decode_again(call, ok));
	if (!ok)
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
	return ok;
}

/* The message is the node's only until api_handle() returns. */
static bool keep_message(struct api_call *call)
{
	void *copy;

	if (call->message_kept || call->message.size == 0)
		return true;
	copy = handler_take(call, call->message.size);
	if (copy == NULL)
		return false;
	memcpy(copy, call->message.data, call->message.size);
	call->message.data = copy;
	call->message_kept = true;
	return true;
}

/*
 * (rule RPC-13): here, where a client that leaves takes its call along.  The
 * store's queue is shared by all, and who comes in waits for the tables alone.
 */
bool handler_waits(struct api_call *call, uint64_t min_position)
{
	struct api *api = call->api;

	if (journal_acknowledged(api->journal) >= min_position)
		return false;
	if (api->parked.count >= PARKED_MAX) {
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
		return true;
	}
	if (!keep_message(call))
		return true;
	call->wait_seq = min_position;
	queue_put(&api->parked, call);
	return true;
}

bool handler_read_account(struct api_call *call, const struct account_ref *ref,
			  const struct account **out)
{
	struct api *api = call->api;
	enum permission permission = handler_permission(call);
	const struct account *account;
	struct answer answer = { 0 };

	answer.refusal = ledger_resolve(api->ledger, ref, &account);
	/* Unknown and another's look alike to a coop (rule RPC-12). */
	if (!permission_sees(permission, call->caller, account, NULL)) {
		reply_error(call, REQUEST_NOT_PERMITTED, NULL);
		return false;
	}
	if (answer.refusal == 0 && account == NULL)
		answer.refusal = ACCOUNT_ACCOUNT_UNKNOWN;
	if (answer.refusal != 0) {
		reply_refusal(call, &account_refusals, &answer);
		return false;
	}
	*out = account;
	return true;
}

bool handler_submit(struct api_call *call, struct read_query *query,
		    read_done *done)
{
	struct api *api = call->api;

	query->deadline_us = call->deadline_us;
	query->city = api->city;
	if (reader_submit(api->reader, query, done, call)) {
		/* The tables may be gathering blocks: not while one waits. */
		projector_hurry(api->projector, query->min_position);
		return true;
	}
	reply_error_now(call, REQUEST_OVERLOADED, NULL);
	return false;
}

void handler_submit_page(struct api_call *call,
			 const struct read_request *request,
			 struct read_query *query, read_done *done)
{
	struct page_query *page = handler_take(call, sizeof(*page));

	if (page == NULL)
		return;
	query->limit = page_size(request->page_size);
	query->min_position = request->min_position;
	*page = (struct page_query){
		.rpc = call->method->rpc,
		.account = query->account,
		.state = query->state,
		.after_number = request->after_number,
		.from_us = request->from_us,
		.until_us = request->until_us,
	};
	call->work = page;
	if (!page_cursor(request->page_token, page, &query->cursor)) {
		reply_error_now(call, REQUEST_PAGE_TOKEN_INVALID, NULL);
		return;
	}
	if (query->cursor == 0)
		query->cursor = request->after_number;
	(void)handler_submit(call, query, done);
}

struct slice handler_next_token(const struct api_call *call,
				const struct read_result *result, uint64_t last,
				uint8_t memory[PAGE_TOKEN_SIZE])
{
	struct buffer next;

	buffer_init(&next, memory, PAGE_TOKEN_SIZE);
	if (result->more)
		page_token(&next, call->work, last);
	return buffer_view(&next);
}

bool handler_read_ended(struct api_call *call, const struct read_result *result)
{
	switch (result->status) {
	case READ_OK:
	case READ_NOT_FOUND:
		return false;
	case READ_LATE:
		reply_late(call);
		return true;
	case READ_AWAY:
		reply_error_now(call, REQUEST_DATABASE_AWAY, NULL);
		return true;
	}
	clearing_panic(__FILE__, __LINE__, "read status");
}

void *handler_take(struct api_call *call, size_t size)
{
	void *memory = arena_take(&call->arena, size);

	if (memory == NULL && more_memory(call))
		memory = arena_take(&call->arena, size);
	if (memory == NULL)
		reply_error_now(call, REQUEST_OVERLOADED, NULL);
	return memory;
}
