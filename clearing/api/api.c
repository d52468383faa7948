/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>

#include "api/handler.h"
#include "api/neighbours.h"
#include "api/payment.h"

/* Expiries a loop turn (rule LEDGER-15). */
#define EXPIRIES_PER_TURN_MAX 1000

static handler_function *const handlers[RPC_COUNT] = {
	[RPC_OPEN_ACCOUNT] = handle_open_account,
	[RPC_GET_ACCOUNT] = handle_get_account,
	[RPC_LIST_ACCOUNTS] = handle_list_accounts,
	[RPC_SET_ACCOUNT_LIMITS] = handle_set_account_limits,
	[RPC_FREEZE_ACCOUNT] = handle_freeze_account,
	[RPC_UNFREEZE_ACCOUNT] = handle_unfreeze_account,
	[RPC_CLOSE_ACCOUNT] = handle_close_account,
	[RPC_POST_TRANSFERS] = handle_post_transfers,
	[RPC_GET_TRANSFER] = handle_get_transfer,
	[RPC_PLACE_HOLD] = handle_place_hold,
	[RPC_POST_HOLD] = handle_post_hold,
	[RPC_VOID_HOLD] = handle_void_hold,
	[RPC_GET_HOLD] = handle_get_hold,
	[RPC_LIST_HOLDS] = handle_list_holds,
	[RPC_GET_BALANCE] = handle_get_balance,
	[RPC_GET_STATEMENT] = handle_get_statement,
	[RPC_LIST_ENTRIES] = handle_list_entries,
	[RPC_GET_NODE] = handle_get_node,
	[RPC_HELLO] = handle_hello,
	[RPC_DELIVER] = handle_deliver,
	[RPC_FETCH_LOG] = handle_fetch_log,
	[RPC_QUOTE_PAYEE] = handle_quote_payee,
	[RPC_QUERY_OUTCOME] = handle_query_outcome,
	[RPC_RELEASE_PAYMENT] = handle_release_payment,
	[RPC_FORWARD_PAYMENT_REQUEST] = handle_forward_payment_request,
	[RPC_QUOTE_PAYMENT] = handle_quote_payment,
	[RPC_PAY] = handle_pay,
	[RPC_SETTLE_PAYMENT] = handle_settle_payment,
	[RPC_CANCEL_PAYMENT] = handle_cancel_payment,
	[RPC_GET_PAYMENT] = handle_get_payment,
	[RPC_LIST_PAYMENTS] = handle_list_payments,
	[RPC_GET_RECEIPT] = handle_get_payment,
	[RPC_REQUEST_PAYMENT] = handle_request_payment,
	[RPC_LIST_PAYMENT_REQUESTS] = handle_list_payment_requests,
	[RPC_DECLINE_PAYMENT_REQUEST] = handle_decline_payment_request,
	[RPC_GET_LINK] = handle_get_link,
	[RPC_GET_LINK_STATEMENT] = handle_get_link_statement,
	[RPC_RECONCILE_LINK] = handle_reconcile_link,
	[RPC_SET_LINE] = handle_link_command,
	[RPC_FREEZE_LINK] = handle_link_command,
	[RPC_UNFREEZE_LINK] = handle_link_command,
	[RPC_PAUSE_LINK] = handle_link_command,
	[RPC_RESUME_LINK] = handle_link_command,
	[RPC_WITHDRAW_LINK] = handle_link_command,
	[RPC_GET_ROSTER] = handle_get_roster,
	[RPC_LIST_CITIES] = handle_list_cities,
	[RPC_LIST_LINKS] = handle_list_links,
	[RPC_HEALTH_CHECK] = handle_health_check,
	/* Watch and reflection are streams, which the node serves. */
};

struct api *api_create(const struct api_options *options)
{
	struct api *api = calloc(1, sizeof(*api));

	if (api == NULL)
		return NULL;
	api->options = *options;
	api->state = NODE_STARTING;
	queue_init(&api->replies);
	queue_init(&api->parked);
	return api;
}

void api_free(struct api *api)
{
	free(api);
}

static void note_settled(struct api *api)
{
	__int128 issued = api->ledger->credit_issued_minor;

	if (journal_newest(api->journal) > journal_acknowledged(api->journal))
		return;
	api->credit_issued_minor =
		issued > MONEY_MAX_MINOR ? MONEY_MAX_MINOR : (int64_t)issued;
}

void api_serve(struct api *api, struct ledger *ledger, struct journal *journal,
	       struct reader *reader, struct projector *projector,
	       sha256_function *sha256,
	       void (*random_fill)(uint8_t *bytes, size_t size))
{
	check(api->ledger == NULL);
	api->ledger = ledger;
	api->journal = journal;
	api->reader = reader;
	api->projector = projector;
	api->sha256 = sha256;
	api->random_fill = random_fill;
	memcpy(api->city, ledger->city, ledger->city_size);
	note_settled(api);
}

void api_set_state(struct api *api, enum node_state state)
{
	api->state = state;
}

enum node_state api_state(const struct api *api)
{
	return api->state;
}

bool api_rejoin(struct api *api, const struct rejoined_by *by, uint64_t now_us,
		uint64_t *seq)
{
	struct recorder recorder = { .ledger = api->ledger,
				     .sha256 = api->sha256,
				     .random_fill = api->random_fill };

	check(api->ledger != NULL && api->neighbours == NULL);
	if (!ledger_can_name(api->ledger, by->uri))
		return false;
	recorder.block =
		journal_open(api->journal, 0, 2, now_us, &recorder.effects);
	if (recorder.block == NULL)
		return false;
	record_rejoined(&recorder, by->uri, by->reason, by->closed);
	*seq = recorder.block->header.seq;
	return true;
}

void api_set_options(struct api *api, const struct api_options *options)
{
	api->options = *options;
}

/* (rule RPC-4): malformed, then not permitted, then the method's own. */
void api_handle(struct api *api, struct api_call *call, uint64_t now_us)
{
	handler_function *handler = handlers[call->method->rpc];

	check(handler != NULL);
	call->api = api;
	api->now_us = now_us;
	api->pending++;
	if (call->deadline_us == 0) {
		call->deadline_us = now_us + API_WAIT_US;
		call->deadline_own = true;
	}
	/* (rule RPC-5) */
	if (!rpc_request_valid(call->method, call->message)) {
		reply_error_now(call, REQUEST_MALFORMED, NULL);
		return;
	}
	if (handler_permission(call) == PERMISSION_NONE) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return;
	}
	handler(api, call, now_us);
}

void api_abandon(struct api *api, struct api_call *call)
{
	call->abandoned = true;
	/* Who waits for a position only reads: nobody is left to tell. */
	if (queue_remove(&api->parked, call))
		reply_late(call);
}

/*
 * Due expiries come before other decisions of a turn (rule LEDGER-15), but
 * never on a clock that nobody confirmed, nor past a full queue.
 */
static void expire(struct api *api, uint64_t now_us)
{
	const struct hold *due = ledger_hold_due(api->ledger);
	struct recorder recorder = { .ledger = api->ledger,
				     .sha256 = api->sha256,
				     .random_fill = api->random_fill };

	if (due == NULL || due->expires_at_us > now_us)
		return;
	if (api->state == NODE_CLOCK_JUMPED || api->state == NODE_DRAINING ||
	    projector_lag(api->projector) >
		    api->options.projector_lag_max_blocks)
		return;
	recorder.block =
		journal_open(api->journal, 0, 1, now_us, &recorder.effects);
	/* By the block's time, so that it never tells of an expiry to come. */
	if (recorder.block != NULL)
		record_expiries(&recorder, recorder.block->header.created_us,
				EXPIRIES_PER_TURN_MAX);
}

static void answer_late(struct wait_queue *queue, uint64_t now_us)
{
	struct api_call *call = queue_take_late(queue, now_us), *next;

	for (; call != NULL; call = next) {
		next = call->next;
		reply_late(call);
	}
}

void api_turn(struct api *api, uint64_t now_us)
{
	api->now_us = now_us;
	if (api->ledger == NULL)
		return;
	expire(api, now_us);
	answer_late(&api->replies, now_us);
	answer_late(&api->parked, now_us);
	payment_late(api, now_us);
	if (api->neighbours != NULL)
		neighbours_turn(api->neighbours, now_us);
	reader_collect(api->reader, projector_position(api->projector), now_us);
}

void api_turn_end(struct api *api)
{
	/* What this turn brought goes into the block it began. */
	if (api->neighbours != NULL)
		neighbours_turn(api->neighbours, api->now_us);
}

void api_join(struct api *api, struct neighbours *neighbours)
{
	check(api->ledger != NULL);
	api->neighbours = neighbours;
}

/* Those that waited for a position ask again, in their order. */
static void run_parked(struct api *api, uint64_t seq)
{
	struct api_call *call = queue_take_all_ready(&api->parked, seq), *next;

	for (; call != NULL; call = next) {
		next = call->next;
		call->next = NULL;
		handlers[call->method->rpc](api, call, api->now_us);
	}
}

/* (rule JOURNAL-6) */
void api_acknowledged(struct api *api, uint64_t seq)
{
	struct api_call *call;

	note_settled(api);
	if (api->neighbours != NULL)
		neighbours_durable(api->neighbours, seq);
	while ((call = queue_take_ready(&api->replies, seq)) != NULL)
		reply_leave(call);
	if (api->parked.count > 0)
		run_parked(api, seq);
}

void api_give_up(struct api *api)
{
	struct wait_queue *queues[] = { &api->replies, &api->parked };
	struct api_call *call;

	for (size_t i = 0; i < 2; i++)
		while ((call = queue_take_ready(queues[i], UINT64_MAX)) != NULL)
			reply_error_now(call, REQUEST_DATABASE_AWAY, NULL);
	payment_give_up(api);
}

uint32_t api_pending(const struct api *api)
{
	return api->pending;
}
