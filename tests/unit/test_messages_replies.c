/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Replies: what the encoders write is what protobuf-c reads. */
#include "unit/support.h"

#include <string.h>

#include "clearing/v1/account.pb-c.h"
#include "clearing/v1/hold.pb-c.h"
#include "clearing/v1/node.pb-c.h"
#include "clearing/v1/statement.pb-c.h"
#include "clearing/v1/transfer.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"

#include "wire/messages.h"
#include "wire/method.h"

#define ID "\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\x00"
#define HOLD_ID "0123456789abcdef"

/* A reply and what protobuf-c makes of it; one at a time. */
static uint8_t reply_bytes[16384];

static struct buffer reply(void)
{
	struct buffer out;

	buffer_init(&out, reply_bytes, sizeof(reply_bytes));
	return out;
}

/* Unpacks a reply of @rpc; the caller frees it with done(). */
static void *unpack(enum rpc rpc, const struct buffer *out)
{
	void *msg = protobuf_c_message_unpack(rpc_method_at(rpc)->response,
					      NULL, out->size, out->data);

	assert_false(out->overflowed);
	assert_non_null(msg);
	assert_int_equal(((ProtobufCMessage *)msg)->n_unknown_fields, 0);
	return msg;
}

static void done(void *msg)
{
	protobuf_c_message_free_unpacked(msg, NULL);
}

static void expect_binary(ProtobufCBinaryData found, struct slice wanted)
{
	assert_int_equal(found.len, wanted.size);
	if (wanted.size > 0)
		assert_memory_equal(found.data, wanted.data, wanted.size);
}

static void expect_text(const char *found, struct slice wanted)
{
	assert_int_equal(strlen(found), wanted.size);
	assert_memory_equal(found, wanted.data, wanted.size);
}

static void test_messages_replies_position(void **state)
{
	/* A position alone, in the six replies that have nothing else. */
	static const enum rpc rpcs[] = {
		RPC_SET_ACCOUNT_LIMITS, RPC_FREEZE_ACCOUNT,
		RPC_UNFREEZE_ACCOUNT,	RPC_CLOSE_ACCOUNT,
		RPC_PLACE_HOLD,		RPC_VOID_HOLD,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rpcs); i++) {
		struct buffer out = reply();
		Clearing__V1__PlaceHoldResponse *msg;

		encode_position(&out, 300 + i);
		msg = unpack(rpcs[i], &out);
		assert_string_equal(msg->base.descriptor->fields[0].name,
				    "position");
		assert_int_equal(msg->position, 300 + i);
		done(msg);
	}
}

static void test_messages_replies_pairs(void **state)
{
	/* The replies of two or three numbers. */
	Clearing__V1__OpenAccountResponse *opened;
	Clearing__V1__PostHoldResponse *posted;
	Clearing__V1__GetBalanceResponse *balance;
	const struct balance_view view = { -5, INT64_MIN, INT64_MAX, 9 };
	struct buffer out = reply();

	(void)state;
	encode_open_account(&out, 7, UINT64_MAX);
	opened = unpack(RPC_OPEN_ACCOUNT, &out);
	assert_int_equal(opened->account_id, 7);
	assert_true(opened->position == UINT64_MAX);
	done(opened);
	out = reply();
	encode_post_hold(&out, 8, 9);
	posted = unpack(RPC_POST_HOLD, &out);
	assert_int_equal(posted->position, 8);
	assert_int_equal(posted->number, 9);
	done(posted);
	out = reply();
	encode_get_balance(&out, &view);
	balance = unpack(RPC_GET_BALANCE, &out);
	assert_int_equal(balance->balance_minor, -5);
	assert_true(balance->available_minor == INT64_MIN);
	assert_true(balance->receivable_minor == INT64_MAX);
	assert_int_equal(balance->position, 9);
	done(balance);
}

static struct account account_example(uint32_t id)
{
	struct account account = {
		.id = id,
		.state = ACCOUNT_FROZEN,
		.gateway_allowed = true,
		.local_address_size = 11,
		.display_name_size = 6,
		.holds_open = 3,
		.credit_limit = money_of(10000),
		.balance_ceiling = money_of(40000),
		.debits_posted = money_of(700),
		.credits_posted = money_of(200),
		.debits_pending = money_of(50),
		.credits_pending = money_of(60),
		.local_address = "bakery/till",
		.display_name = "Bakery",
	};

	return account;
}

static void expect_account(const Clearing__V1__Account *found, uint32_t id)
{
	assert_int_equal(found->id, id);
	assert_string_equal(found->address, "bakery/till@demo");
	assert_string_equal(found->display_name, "Bakery");
	assert_int_equal(found->state,
			 CLEARING__V1__ACCOUNT_STATE__ACCOUNT_STATE_FROZEN);
	assert_int_equal(found->credit_limit_minor, 10000);
	assert_int_equal(found->balance_ceiling_minor, 40000);
	assert_int_equal(found->balance_minor, -500);
	assert_int_equal(found->debits_posted_minor, 700);
	assert_int_equal(found->credits_posted_minor, 200);
	assert_int_equal(found->debits_pending_minor, 50);
	assert_int_equal(found->credits_pending_minor, 60);
	assert_int_equal(found->holds_open, 3);
	assert_true(found->gateway_allowed);
}

static void test_messages_replies_accounts(void **state)
{
	/* Every field of an account, alone and in a page. */
	const struct account first = account_example(3);
	const struct account second = account_example(4000000000);
	const struct account *const both[] = { &first, &second };
	Clearing__V1__GetAccountResponse *one;
	Clearing__V1__ListAccountsResponse *page;
	struct buffer out = reply();

	(void)state;
	encode_get_account(&out, &first, SLICE("demo"), 12);
	one = unpack(RPC_GET_ACCOUNT, &out);
	expect_account(one->account, 3);
	assert_int_equal(one->position, 12);
	done(one);
	out = reply();
	encode_list_accounts(&out, both, 2, SLICE("demo"), SLICE("token"), 13);
	page = unpack(RPC_LIST_ACCOUNTS, &out);
	assert_int_equal(page->n_accounts, 2);
	expect_account(page->accounts[0], 3);
	expect_account(page->accounts[1], 4000000000);
	assert_string_equal(page->next_token, "token");
	assert_int_equal(page->position, 13);
	done(page);
}

static struct transfer_view transfer_example(uint64_t number)
{
	return (struct transfer_view){
		.id = SLICE(ID),
		.number = number,
		.position = 20,
		.debit_account = 3,
		.credit_account = 4,
		.debit_address = SLICE("a@demo"),
		.credit_address = SLICE("b@demo"),
		.amount_minor = 1234567,
		.kind = TRANSFER_KIND_LEVY,
		.reference = SLICE("fedcba9876543210"),
		.hold_id = SLICE(HOLD_ID),
		.memo = SLICE("bread and more bread, so much bread"),
		.memo_erased = true,
		.actor = SLICE("spiffe://f/city/demo/gateway/till"),
		.posted_at_us = 1767225600000000,
	};
}

static void expect_transfer(const Clearing__V1__Transfer *found,
			    uint64_t number)
{
	struct transfer_view wanted = transfer_example(number);

	expect_binary(found->id, wanted.id);
	assert_int_equal(found->number, number);
	assert_int_equal(found->position, 20);
	assert_int_equal(found->debit_account, 3);
	assert_int_equal(found->credit_account, 4);
	expect_text(found->debit_address, wanted.debit_address);
	expect_text(found->credit_address, wanted.credit_address);
	assert_int_equal(found->amount_minor, 1234567);
	assert_int_equal(found->kind, TRANSFER_KIND_LEVY);
	expect_binary(found->reference, wanted.reference);
	expect_binary(found->hold_id, wanted.hold_id);
	expect_text(found->memo, wanted.memo);
	assert_true(found->memo_erased);
	expect_text(found->actor, wanted.actor);
	assert_int_equal(found->posted_at_us, wanted.posted_at_us);
}

static void test_messages_replies_transfers(void **state)
{
	/* Every field of a transfer, alone and in a page. */
	struct transfer_view views[2];
	Clearing__V1__GetTransferResponse *one;
	Clearing__V1__ListEntriesResponse *page;
	struct buffer out = reply();

	(void)state;
	views[0] = transfer_example(1);
	views[1] = transfer_example(UINT64_C(1) << 40);
	encode_get_transfer(&out, &views[0]);
	one = unpack(RPC_GET_TRANSFER, &out);
	expect_transfer(one->transfer, 1);
	done(one);
	out = reply();
	encode_list_entries(&out, views, 2, SLICE("next"));
	page = unpack(RPC_LIST_ENTRIES, &out);
	assert_int_equal(page->n_entries, 2);
	expect_transfer(page->entries[0], 1);
	expect_transfer(page->entries[1], UINT64_C(1) << 40);
	assert_string_equal(page->next_token, "next");
	done(page);
	out = reply();
	encode_list_entries(&out, NULL, 0, (struct slice){ 0 });
	assert_int_equal(out.size, 0);
}

static void test_messages_replies_statement(void **state)
{
	/* A statement's entries hold transfers: two messages deep. */
	struct statement_entry_view entries[2] = {
		{ .change_minor = -7, .balance_minor = -107 },
		{ .change_minor = 7, .balance_minor = -100 },
	};
	const struct statement_view view = { .opening_minor = -107,
					     .closing_minor = -107,
					     .entries = entries,
					     .entry_count = 2,
					     .next_token = SLICE("older") };
	Clearing__V1__GetStatementResponse *msg;
	struct buffer out = reply();

	(void)state;
	entries[0].transfer = transfer_example(6);
	entries[1].transfer = transfer_example(5);
	encode_get_statement(&out, &view);
	msg = unpack(RPC_GET_STATEMENT, &out);
	assert_int_equal(msg->opening_minor, -107);
	assert_int_equal(msg->closing_minor, -107);
	assert_string_equal(msg->next_token, "older");
	assert_int_equal(msg->n_entries, 2);
	for (uint32_t i = 0; i < 2; i++) {
		expect_transfer(msg->entries[i]->transfer, 6 - i);
		assert_int_equal(msg->entries[i]->change_minor,
				 entries[i].change_minor);
		assert_int_equal(msg->entries[i]->balance_minor,
				 entries[i].balance_minor);
	}
	done(msg);
}

static void expect_hold(const Clearing__V1__Hold *found,
			const struct hold_view *wanted)
{
	expect_binary(found->id, wanted->id);
	assert_int_equal(found->state, wanted->state);
	assert_int_equal(found->debit_account, wanted->debit_account);
	assert_int_equal(found->credit_account, wanted->credit_account);
	expect_text(found->debit_address, wanted->debit_address);
	expect_text(found->credit_address, wanted->credit_address);
	assert_int_equal(found->amount_minor, wanted->amount_minor);
	assert_int_equal(found->posted_amount_minor,
			 wanted->posted_amount_minor);
	assert_int_equal(found->expires_at_us, wanted->expires_at_us);
	assert_int_equal(found->kind, wanted->kind);
	expect_binary(found->reference, wanted->reference);
	expect_text(found->memo, wanted->memo);
	assert_int_equal(found->memo_erased, wanted->memo_erased);
	expect_text(found->actor, wanted->actor);
	assert_int_equal(found->placed_position, wanted->placed_position);
	assert_int_equal(found->ended_position, wanted->ended_position);
}

static void test_messages_replies_holds(void **state)
{
	/* Every field of a hold, alone and in a page. */
	const struct hold_view views[2] = {
		{ .id = SLICE(HOLD_ID),
		  .state = 2,
		  .debit_account = 3,
		  .credit_account = 4,
		  .debit_address = SLICE("a@demo"),
		  .credit_address = SLICE("b@demo"),
		  .amount_minor = 500,
		  .posted_amount_minor = 499,
		  .expires_at_us = 1767225600000000,
		  .kind = TRANSFER_KIND_PAYMENT,
		  .reference = SLICE(ID),
		  .memo = SLICE("flour"),
		  .memo_erased = true,
		  .actor = SLICE("spiffe://f/city/demo/coop/a"),
		  .placed_position = 30,
		  .ended_position = 31,
		  .number = 99 },
		{ .id = SLICE(ID),
		  .state = 1,
		  .debit_address = SLICE(""),
		  .credit_address = SLICE(""),
		  .memo = SLICE(""),
		  .actor = SLICE("") },
	};
	Clearing__V1__GetHoldResponse *one;
	Clearing__V1__ListHoldsResponse *page;
	struct buffer out = reply();

	(void)state;
	encode_get_hold(&out, &views[0]);
	one = unpack(RPC_GET_HOLD, &out);
	expect_hold(one->hold, &views[0]);
	done(one);
	out = reply();
	encode_list_holds(&out, views, 2, SLICE("t"));
	page = unpack(RPC_LIST_HOLDS, &out);
	assert_int_equal(page->n_holds, 2);
	expect_hold(page->holds[0], &views[0]);
	expect_hold(page->holds[1], &views[1]);
	assert_string_equal(page->next_token, "t");
	done(page);
}

static void test_messages_replies_node(void **state)
{
	/* Every field of GetNode, and health's one. */
	const struct node_view view = { .federation = SLICE("f"),
					.city = SLICE("demo"),
					.unit = SLICE("credit"),
					.decimals = 2,
					.version = SLICE("0.1.0"),
					.schema = SLICE("1"),
					.state = 2,
					.position = 100,
					.projected_position = 99,
					.epoch = 5,
					.accounts = 6007,
					.credit_issued_minor = 1041500,
					.time_us = 1767225600000000,
					.batch_max = 8190,
					.message_max_bytes = 4194304 };
	Clearing__V1__GetNodeResponse *msg;
	Grpc__Health__V1__HealthCheckResponse *health;
	struct buffer out = reply();

	(void)state;
	encode_get_node(&out, &view);
	msg = unpack(RPC_GET_NODE, &out);
	expect_text(msg->federation, view.federation);
	expect_text(msg->city, view.city);
	expect_text(msg->unit, view.unit);
	assert_int_equal(msg->decimals, 2);
	expect_text(msg->version, view.version);
	expect_text(msg->schema, view.schema);
	assert_int_equal(msg->state, 2);
	assert_int_equal(msg->position, 100);
	assert_int_equal(msg->projected_position, 99);
	assert_int_equal(msg->epoch, 5);
	assert_int_equal(msg->accounts, 6007);
	assert_int_equal(msg->credit_issued_minor, 1041500);
	assert_int_equal(msg->time_us, view.time_us);
	assert_int_equal(msg->batch_max, 8190);
	assert_int_equal(msg->message_max_bytes, 4194304);
	done(msg);
	out = reply();
	encode_health_check(&out, 2);
	health = unpack(RPC_HEALTH_CHECK, &out);
	assert_int_equal(health->status, 2);
	done(health);
}

static void test_messages_replies_overflow(void **state)
{
	/* A reply that does not fit says so, at every size below its own. */
	struct statement_entry_view entry = { .change_minor = 1 };
	const struct statement_view view = { .entries = &entry,
					     .entry_count = 1 };
	struct buffer out = reply();
	size_t size;

	(void)state;
	entry.transfer = transfer_example(6);
	encode_get_statement(&out, &view);
	size = out.size;
	assert_true(size > 0x80); /* sizes of two bytes in it */
	for (size_t capacity = 0; capacity <= size; capacity++) {
		uint8_t bytes[1024];

		buffer_init(&out, bytes, capacity);
		encode_get_statement(&out, &view);
		assert_int_equal(out.overflowed, capacity < size);
		assert_true(out.size <= capacity);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_replies_position),
		cmocka_unit_test(test_messages_replies_pairs),
		cmocka_unit_test(test_messages_replies_accounts),
		cmocka_unit_test(test_messages_replies_transfers),
		cmocka_unit_test(test_messages_replies_statement),
		cmocka_unit_test(test_messages_replies_holds),
		cmocka_unit_test(test_messages_replies_node),
		cmocka_unit_test(test_messages_replies_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
