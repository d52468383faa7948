/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Every decoder of requests and replies.  The first byte picks the method;
 * PostTransfers is held against protobuf-c, JSON against itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "unit/transfer_oracle.h"
#include "wire/json.h"
#include "wire/messages.h"
#include "wire/messages_payment.h"
#include "wire/messages_peer.h"
#include "wire/method.h"

#define ARENA_SIZE (1 << 20)
#define REPLY_SIZE (1 << 17)
#define RESULTS_MAX 64
/* The arena does for any valid message of this size. */
#define SIZE_SURE 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static _Alignas(16) uint8_t arena_memory[ARENA_SIZE];
static uint8_t reply[REPLY_SIZE];

static void run_post_transfers(struct slice bytes, struct arena *arena)
{
	struct transfer_command *commands, *again;
	uint32_t count, count_again;
	struct buffer out;

	if (!decode_post_transfers(bytes, arena, UINT32_MAX, &commands,
				   &count)) {
		check(bytes.size > SIZE_SURE);
		return;
	}
	check(oracle_same_request(bytes, commands, count));
	/* An empty address is written as no account at all: the same. */
	buffer_init(&out, reply, sizeof(reply));
	encode_post_transfers_request(&out, commands, count);
	if (out.overflowed)
		return;
	if (!decode_post_transfers(buffer_view(&out), arena, UINT32_MAX, &again,
				   &count_again))
		return;
	check(count_again == count);
	check(oracle_same_request(buffer_view(&out), commands, count));
}

static void run_commands(struct slice bytes, enum rpc rpc, struct arena *arena)
{
	union {
		struct open_account_command open;
		struct account_command account;
		struct place_hold_command place;
		struct post_hold_command post;
		struct void_hold_command void_;
	} out;
	bool ok = true;

	if (rpc == RPC_OPEN_ACCOUNT)
		ok = decode_open_account(bytes, arena, &out.open);
	else if (rpc == RPC_SET_ACCOUNT_LIMITS)
		ok = decode_account_command(ACCOUNT_COMMAND_SET_LIMITS, bytes,
					    arena, &out.account);
	else if (rpc == RPC_CLOSE_ACCOUNT)
		ok = decode_account_command(ACCOUNT_COMMAND_CLOSE, bytes, arena,
					    &out.account);
	else if (rpc == RPC_PLACE_HOLD)
		ok = decode_place_hold(bytes, arena, &out.place);
	else if (rpc == RPC_POST_HOLD)
		ok = decode_post_hold(bytes, arena, &out.post);
	else if (rpc == RPC_VOID_HOLD)
		ok = decode_void_hold(bytes, arena, &out.void_);
	check(ok || bytes.size > SIZE_SURE);
}

static void run_reads(struct slice bytes, enum rpc rpc, struct arena *arena)
{
	struct read_request out;
	bool ok = true;

	if (rpc == RPC_GET_ACCOUNT)
		ok = decode_get_account(bytes, arena, &out);
	else if (rpc == RPC_LIST_ACCOUNTS)
		ok = decode_list_accounts(bytes, arena, &out);
	else if (rpc == RPC_GET_TRANSFER)
		ok = decode_get_transfer(bytes, arena, &out);
	else if (rpc == RPC_GET_HOLD)
		ok = decode_get_hold(bytes, arena, &out);
	else if (rpc == RPC_LIST_HOLDS)
		ok = decode_list_holds(bytes, arena, &out);
	else if (rpc == RPC_GET_BALANCE)
		ok = decode_get_balance(bytes, arena, &out);
	else if (rpc == RPC_GET_STATEMENT)
		ok = decode_get_statement(bytes, arena, &out);
	else if (rpc == RPC_LIST_ENTRIES)
		ok = decode_list_entries(bytes, arena, &out);
	check(ok || bytes.size > SIZE_SURE);
}

static void run_payments(struct slice bytes, enum rpc rpc, struct arena *arena)
{
	union {
		struct pay_request pay;
		struct quote_request quote;
		struct settle_request settle;
		struct read_request read;
		struct payment_request_command request;
		struct link_command link;
		struct link_statement_request statement;
		struct slice text;
	} out;
	bool ok = true;

	if (rpc == RPC_PAY)
		ok = decode_pay(bytes, arena, &out.pay);
	else if (rpc == RPC_QUOTE_PAYMENT)
		ok = decode_quote_payment(bytes, arena, &out.quote);
	else if (rpc == RPC_CANCEL_PAYMENT)
		ok = decode_cancel_payment(bytes, arena, &out.text);
	else if (rpc == RPC_SETTLE_PAYMENT)
		ok = decode_settle_payment(bytes, arena, &out.settle);
	else if (rpc == RPC_GET_PAYMENT)
		ok = decode_get_payment(bytes, arena, &out.read);
	else if (rpc == RPC_LIST_PAYMENTS)
		ok = decode_list_payments(bytes, arena, &out.read);
	else if (rpc == RPC_LIST_PAYMENT_REQUESTS)
		ok = decode_list_payment_requests(bytes, arena, &out.read);
	else if (rpc == RPC_REQUEST_PAYMENT)
		ok = decode_request_payment(bytes, arena, &out.request);
	else if (rpc == RPC_DECLINE_PAYMENT_REQUEST)
		ok = decode_decline_payment_request(bytes, arena, &out.text);
	else if (rpc == RPC_GET_LINK)
		ok = decode_link_city(bytes, arena, &out.text);
	else if (rpc == RPC_SET_LINE)
		ok = decode_link_command(bytes, arena, &out.link);
	else if (rpc == RPC_GET_LINK_STATEMENT)
		ok = decode_link_statement(bytes, arena, &out.statement);
	check(ok || bytes.size > SIZE_SURE);
}

/* A valid request of a neighbour is always read: it needs no memory. */
static void run_neighbours(struct slice bytes, enum rpc rpc)
{
	union {
		struct slice hello;
		struct peer_delivery delivery;
		struct fetch_log_request log;
		struct quote_payee_request quote;
		struct query_outcome_request query;
		struct forwarded_request request;
	} out;
	bool ok = true;

	if (rpc == RPC_HELLO)
		ok = decode_hello_request(bytes, &out.hello);
	else if (rpc == RPC_DELIVER)
		ok = decode_deliver_request(bytes, &out.delivery);
	else if (rpc == RPC_FETCH_LOG)
		ok = decode_fetch_log_request(bytes, &out.log);
	else if (rpc == RPC_QUOTE_PAYEE)
		ok = decode_quote_payee_request(bytes, &out.quote);
	else if (rpc == RPC_QUERY_OUTCOME || rpc == RPC_RELEASE_PAYMENT)
		ok = decode_query_outcome_request(bytes, &out.query);
	else if (rpc == RPC_FORWARD_PAYMENT_REQUEST)
		ok = decode_forwarded_request(bytes, &out.request);
	check(ok);
}

/* Shown, encoded and shown again: the same, where JSON can say it. */
static void run_json(const struct rpc_method *method, struct slice bytes)
{
	json_t *shown = json_from_request(method, bytes), *again;
	char error[JSON_ERROR_SIZE];
	uint8_t *encoded;
	size_t size;

	if (shown == NULL)
		return;
	if (json_to_request(method, shown, &encoded, &size, error)) {
		again = json_from_request(method, slice_of(encoded, size));
		check(again != NULL && json_equal(shown, again));
		json_decref(again);
		free(encoded);
	}
	json_decref(shown);
}

static void run_request(const struct rpc_method *method, struct slice bytes,
			struct arena *arena)
{
	struct buffer out;

	run_commands(bytes, method->rpc, arena);
	run_reads(bytes, method->rpc, arena);
	run_payments(bytes, method->rpc, arena);
	run_neighbours(bytes, method->rpc);
	run_json(method, bytes);
	if (method->rpc == RPC_POST_TRANSFERS)
		run_post_transfers(bytes, arena);
	if (!method->client_streams)
		return;
	buffer_init(&out, reply, sizeof(reply));
	if (encode_reflection(bytes, arena, &out))
		json_decref(json_from_response(method, buffer_view(&out)));
}

/* What a neighbour could answer: what is given lies in what it sent. */
static void run_answers(struct slice bytes)
{
	struct slice batches[RESULTS_MAX];
	struct quote_payee_response quoted;
	struct peer_deliver_reply delivered = { 0 };
	struct peer_hello_reply hello = { 0 };
	uint32_t count;

	(void)!decode_hello_response(bytes, &hello);
	(void)!decode_deliver_response(bytes, &delivered);
	if (decode_quote_payee_response(bytes, &quoted))
		check(quoted.link_count <= LINK_HINTS_MAX);
	if (!decode_fetch_log_response(bytes, batches, RESULTS_MAX, &count))
		return;
	check(count <= RESULTS_MAX);
	for (uint32_t i = 0; i < count; i++)
		check(batches[i].data >= bytes.data &&
		      batches[i].data + batches[i].size <=
			      bytes.data + bytes.size);
}

/* What a server could send: no validator stands before these. */
static void run_replies(struct slice bytes)
{
	struct answer answers[RESULTS_MAX];
	struct error_view view;
	uint64_t position;
	uint32_t count;

	(void)!decode_error_details(bytes, &view);
	(void)!decode_post_transfers_response(bytes, answers, RESULTS_MAX,
					      &count, &position);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rpc_method *method;
	struct arena arena;
	uint8_t *copy;

	if (size == 0)
		return 0;
	method = rpc_method_at((enum rpc)(data[0] % RPC_COUNT));
	/* A copy of the exact size, so that a step too far is seen. */
	copy = malloc(size);
	check(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	if (rpc_request_valid(method, slice_of(copy, size - 1)))
		run_request(method, slice_of(copy, size - 1), &arena);
	run_replies(slice_of(copy, size - 1));
	run_answers(slice_of(copy, size - 1));
	free(copy);
	return 0;
}
