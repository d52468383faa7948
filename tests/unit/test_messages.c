/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Requests: what protobuf-c packs is what the decoders give. */
#include "unit/support.h"

#include <string.h>

#include "clearing/v1/account.pb-c.h"
#include "clearing/v1/hold.pb-c.h"
#include "clearing/v1/statement.pb-c.h"
#include "clearing/v1/transfer.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"

#include "wire/messages.h"
#include "wire/method.h"

#define ID "\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\x00"
#define OTHER_ID \
	"\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\xff"
#define BINARY(literal) ((ProtobufCBinaryData){ 16, (uint8_t *)(literal) })

/* protobuf-c's fields are not const, though nobody writes them. */
static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

/* One test's memory: the packed request, and the arena of its decoder. */
struct desk {
	_Alignas(16) uint8_t arena_memory[8192];
	uint8_t bytes[1024];
	struct arena arena;
};

static struct slice pack(struct desk *desk, enum rpc rpc,
			 const ProtobufCMessage *msg)
{
	size_t size = protobuf_c_message_get_packed_size(msg);
	struct slice bytes = slice_of(desk->bytes, size);

	assert_true(size <= sizeof(desk->bytes));
	protobuf_c_message_pack(msg, desk->bytes);
	assert_true(rpc_request_valid(rpc_method_at(rpc), bytes));
	arena_init(&desk->arena, desk->arena_memory,
		   sizeof(desk->arena_memory));
	return bytes;
}

static void expect_text(struct slice text, const char *wanted)
{
	assert_int_equal(text.size, strlen(wanted));
	assert_memory_equal(text.data, wanted, text.size);
}

static void expect_id(struct slice id, const char *wanted)
{
	assert_int_equal(id.size, 16);
	assert_memory_equal(id.data, wanted, 16);
}

static Clearing__V1__AccountRef ref_by_id(uint64_t id)
{
	Clearing__V1__AccountRef ref = CLEARING__V1__ACCOUNT_REF__INIT;

	ref.by_case = CLEARING__V1__ACCOUNT_REF__BY_ID;
	ref.id = id;
	return ref;
}

static Clearing__V1__AccountRef ref_by_address(const char *address)
{
	Clearing__V1__AccountRef ref = CLEARING__V1__ACCOUNT_REF__INIT;

	ref.by_case = CLEARING__V1__ACCOUNT_REF__BY_ADDRESS;
	ref.address = text(address);
	return ref;
}

static Clearing__V1__PageRequest page_of(uint32_t size, const char *token)
{
	Clearing__V1__PageRequest page = CLEARING__V1__PAGE_REQUEST__INIT;

	page.size = size;
	page.token = text(token);
	return page;
}

static void test_messages_open_account(void **state)
{
	/* Every field of OpenAccount arrives; forbidden turns into allowed. */
	Clearing__V1__OpenAccountRequest msg =
		CLEARING__V1__OPEN_ACCOUNT_REQUEST__INIT;
	struct open_account_command command;
	struct desk desk;

	(void)state;
	msg.id = BINARY(ID);
	msg.address = text("bakery/till@demo");
	msg.display_name = text("B\xc3\xa4"
				"ckerei");
	msg.credit_limit_minor = -5;
	msg.balance_ceiling_minor = INT64_MAX;
	assert_true(
		decode_open_account(pack(&desk, RPC_OPEN_ACCOUNT, &msg.base),
				    &desk.arena, &command));
	expect_id(command.id, ID);
	expect_text(command.address, msg.address);
	expect_text(command.display_name, msg.display_name);
	assert_int_equal(command.credit_limit_minor, -5);
	assert_int_equal(command.balance_ceiling_minor, INT64_MAX);
	assert_true(command.gateway_allowed);
	msg.gateway_forbidden = true;
	assert_true(
		decode_open_account(pack(&desk, RPC_OPEN_ACCOUNT, &msg.base),
				    &desk.arena, &command));
	assert_false(command.gateway_allowed);
}

static void test_messages_set_limits(void **state)
{
	/* Every field of SetAccountLimits arrives. */
	Clearing__V1__SetAccountLimitsRequest msg =
		CLEARING__V1__SET_ACCOUNT_LIMITS_REQUEST__INIT;
	Clearing__V1__AccountRef ref = ref_by_id(77);
	struct account_command command;
	struct desk desk;

	(void)state;
	msg.id = BINARY(ID);
	msg.account = &ref;
	msg.credit_limit_minor = 10000;
	msg.balance_ceiling_minor = 40000;
	msg.reason = text("assembly of May");
	assert_true(decode_account_command(
		ACCOUNT_COMMAND_SET_LIMITS,
		pack(&desk, RPC_SET_ACCOUNT_LIMITS, &msg.base), &desk.arena,
		&command));
	expect_id(command.id, ID);
	assert_int_equal(command.account.id, 77);
	assert_int_equal(command.account.address.size, 0);
	assert_int_equal(command.credit_limit_minor, 10000);
	assert_int_equal(command.balance_ceiling_minor, 40000);
	expect_text(command.reason, msg.reason);
}

static void test_messages_with_reason(void **state)
{
	/*
	 * Freeze, Unfreeze and Close share a decoder, so their requests must
	 * share fields and numbers.
	 */
	static const struct {
		enum account_command_kind kind;
		enum rpc rpc;
		const ProtobufCMessageDescriptor *type;
	} cases[] = {
		{ ACCOUNT_COMMAND_FREEZE, RPC_FREEZE_ACCOUNT,
		  &clearing__v1__freeze_account_request__descriptor },
		{ ACCOUNT_COMMAND_UNFREEZE, RPC_UNFREEZE_ACCOUNT,
		  &clearing__v1__unfreeze_account_request__descriptor },
		{ ACCOUNT_COMMAND_CLOSE, RPC_CLOSE_ACCOUNT,
		  &clearing__v1__close_account_request__descriptor },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		/* The three C structs are alike too: only the type differs. */
		Clearing__V1__FreezeAccountRequest msg =
			CLEARING__V1__FREEZE_ACCOUNT_REQUEST__INIT;
		Clearing__V1__AccountRef ref = ref_by_address("a@demo");
		struct account_command command;
		struct desk desk;

		assert_int_equal(cases[i].type->n_fields, 3);
		msg.base.descriptor = cases[i].type;
		msg.id = BINARY(ID);
		msg.account = &ref;
		msg.reason = text("why");
		assert_true(decode_account_command(
			cases[i].kind, pack(&desk, cases[i].rpc, &msg.base),
			&desk.arena, &command));
		expect_id(command.id, ID);
		expect_text(command.account.address, "a@demo");
		assert_int_equal(command.account.id, 0);
		expect_text(command.reason, "why");
	}
}

static void test_messages_place_hold(void **state)
{
	/* Every field of PlaceHold arrives; a time before 1970 is 1970. */
	Clearing__V1__PlaceHoldRequest msg =
		CLEARING__V1__PLACE_HOLD_REQUEST__INIT;
	Clearing__V1__AccountRef debit = ref_by_id(3);
	Clearing__V1__AccountRef credit = ref_by_address("b@demo");
	struct place_hold_command command;
	struct desk desk;

	(void)state;
	msg.id = BINARY(ID);
	msg.debit = &debit;
	msg.credit = &credit;
	msg.amount_minor = 1234;
	msg.expires_at_us = 1767225600000000;
	msg.kind = CLEARING__V1__TRANSFER_KIND__TRANSFER_KIND_LEVY;
	msg.reference = BINARY(OTHER_ID);
	msg.memo = text("flour");
	assert_true(decode_place_hold(pack(&desk, RPC_PLACE_HOLD, &msg.base),
				      &desk.arena, &command));
	expect_id(command.transfer.id, ID);
	assert_int_equal(command.transfer.debit.id, 3);
	expect_text(command.transfer.credit.address, "b@demo");
	assert_int_equal(command.transfer.amount_minor, 1234);
	assert_int_equal(command.transfer.kind, TRANSFER_KIND_LEVY);
	expect_id(command.transfer.reference, OTHER_ID);
	expect_text(command.transfer.memo, "flour");
	assert_int_equal(command.expires_at_us, UINT64_C(1767225600000000));
	msg.expires_at_us = -1;
	msg.kind = -1;
	assert_true(decode_place_hold(pack(&desk, RPC_PLACE_HOLD, &msg.base),
				      &desk.arena, &command));
	assert_int_equal(command.expires_at_us, 0);
	assert_int_equal(command.transfer.kind, UINT32_MAX);
}

static void test_messages_end_hold(void **state)
{
	/* Every field of PostHold and VoidHold arrives. */
	Clearing__V1__PostHoldRequest post =
		CLEARING__V1__POST_HOLD_REQUEST__INIT;
	Clearing__V1__VoidHoldRequest void_ =
		CLEARING__V1__VOID_HOLD_REQUEST__INIT;
	struct post_hold_command post_command;
	struct void_hold_command void_command;
	struct desk desk;

	(void)state;
	post.id = BINARY(ID);
	post.hold_id = BINARY(OTHER_ID);
	post.amount_minor = 99;
	assert_true(decode_post_hold(pack(&desk, RPC_POST_HOLD, &post.base),
				     &desk.arena, &post_command));
	expect_id(post_command.id, ID);
	expect_id(post_command.hold_id, OTHER_ID);
	assert_int_equal(post_command.amount_minor, 99);
	void_.id = BINARY(ID);
	void_.hold_id = BINARY(OTHER_ID);
	void_.reason = text("mistake");
	assert_true(decode_void_hold(pack(&desk, RPC_VOID_HOLD, &void_.base),
				     &desk.arena, &void_command));
	expect_id(void_command.id, ID);
	expect_id(void_command.hold_id, OTHER_ID);
	expect_text(void_command.reason, "mistake");
}

static void test_messages_list_holds(void **state)
{
	/* An account that was not named differs from an empty reference. */
	Clearing__V1__ListHoldsRequest msg =
		CLEARING__V1__LIST_HOLDS_REQUEST__INIT;
	Clearing__V1__AccountRef ref = ref_by_id(0);
	Clearing__V1__PageRequest page = page_of(7, "next");
	struct read_request request;
	struct desk desk;

	(void)state;
	assert_true(decode_list_holds(pack(&desk, RPC_LIST_HOLDS, &msg.base),
				      &desk.arena, &request));
	assert_false(request.has_account);
	assert_int_equal(request.page_size, 0);
	assert_int_equal(request.page_token.size, 0);
	msg.account = &ref;
	msg.state = CLEARING__V1__HOLD_STATE__HOLD_STATE_VOIDED;
	msg.page = &page;
	msg.min_position = UINT64_MAX;
	assert_true(decode_list_holds(pack(&desk, RPC_LIST_HOLDS, &msg.base),
				      &desk.arena, &request));
	assert_true(request.has_account);
	assert_int_equal(request.account.id, 0);
	assert_int_equal(request.state, 3);
	assert_int_equal(request.page_size, 7);
	expect_text(request.page_token, "next");
	assert_true(request.min_position == UINT64_MAX);
}

static void test_messages_reads(void **state)
{
	/* The reads by id and by account fill what their requests have. */
	Clearing__V1__GetTransferRequest transfer =
		CLEARING__V1__GET_TRANSFER_REQUEST__INIT;
	Clearing__V1__GetHoldRequest hold =
		CLEARING__V1__GET_HOLD_REQUEST__INIT;
	Clearing__V1__GetAccountRequest account =
		CLEARING__V1__GET_ACCOUNT_REQUEST__INIT;
	Clearing__V1__GetBalanceRequest balance =
		CLEARING__V1__GET_BALANCE_REQUEST__INIT;
	Clearing__V1__AccountRef ref = ref_by_address("a/b@demo");
	struct read_request request;
	struct desk desk;

	(void)state;
	transfer.id = hold.id = BINARY(ID);
	transfer.min_position = hold.min_position = 9;
	account.account = balance.account = &ref;
	account.min_position = balance.min_position = 10;
	assert_true(decode_get_transfer(
		pack(&desk, RPC_GET_TRANSFER, &transfer.base), &desk.arena,
		&request));
	expect_id(request.id, ID);
	assert_int_equal(request.min_position, 9);
	assert_true(decode_get_hold(pack(&desk, RPC_GET_HOLD, &hold.base),
				    &desk.arena, &request));
	expect_id(request.id, ID);
	assert_int_equal(request.min_position, 9);
	assert_true(
		decode_get_account(pack(&desk, RPC_GET_ACCOUNT, &account.base),
				   &desk.arena, &request));
	expect_text(request.account.address, "a/b@demo");
	assert_int_equal(request.min_position, 10);
	assert_true(
		decode_get_balance(pack(&desk, RPC_GET_BALANCE, &balance.base),
				   &desk.arena, &request));
	expect_text(request.account.address, "a/b@demo");
	assert_int_equal(request.min_position, 10);
	assert_true(request.has_account);
}

static void test_messages_pages(void **state)
{
	/* The reads in pages fill what their requests have. */
	Clearing__V1__ListAccountsRequest accounts =
		CLEARING__V1__LIST_ACCOUNTS_REQUEST__INIT;
	Clearing__V1__GetStatementRequest statement =
		CLEARING__V1__GET_STATEMENT_REQUEST__INIT;
	Clearing__V1__ListEntriesRequest entries =
		CLEARING__V1__LIST_ENTRIES_REQUEST__INIT;
	Clearing__V1__AccountRef ref = ref_by_id(5);
	Clearing__V1__PageRequest page = page_of(1000, "t");
	struct read_request request;
	struct desk desk;

	(void)state;
	accounts.page = statement.page = entries.page = &page;
	statement.account = &ref;
	statement.from_us = 1;
	statement.until_us = 2;
	entries.after_number = 3;
	assert_true(decode_list_accounts(
		pack(&desk, RPC_LIST_ACCOUNTS, &accounts.base), &desk.arena,
		&request));
	assert_int_equal(request.page_size, 1000);
	expect_text(request.page_token, "t");
	assert_true(decode_get_statement(
		pack(&desk, RPC_GET_STATEMENT, &statement.base), &desk.arena,
		&request));
	assert_int_equal(request.account.id, 5);
	assert_int_equal(request.from_us, 1);
	assert_int_equal(request.until_us, 2);
	assert_int_equal(request.page_size, 1000);
	assert_true(decode_list_entries(
		pack(&desk, RPC_LIST_ENTRIES, &entries.base), &desk.arena,
		&request));
	assert_false(request.has_account);
	assert_int_equal(request.after_number, 3);
	expect_text(request.page_token, "t");
}

static void test_messages_merged(void **state)
{
	/*
	 * Fields that come twice: the last counts; AccountRefs are merged,
	 * empty ones too; unknown fields take no memory.
	 */
	static const struct {
		struct slice bytes;
		uint64_t id;
		const char *address;
	} cases[] = {
		{ SLICE("\x0a\x00\x0a\x00"), 0, "" },
		{ SLICE("\x0a\x02\x08\x05\x0a\x00"), 5, "" },
		{ SLICE("\x0a\x05\x12\x03"
			"a@b\x0a\x00"),
		  0, "a@b" },
		{ SLICE("\x0a\x05\x12\x03"
			"a@b\x0a\x02\x08\x05"),
		  5, "" },
		{ SLICE("\x0a\x07\x08\x05\x12\x03"
			"a@b\x7a\x10zzzzzzzzzzzzzzzz"),
		  0, "a@b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct read_request request;
		struct desk desk;

		assert_true(rpc_request_valid(rpc_method_at(RPC_GET_ACCOUNT),
					      cases[i].bytes));
		arena_init(&desk.arena, desk.arena_memory, 16);
		assert_true(decode_get_account(cases[i].bytes, &desk.arena,
					       &request));
		assert_true(request.has_account);
		assert_int_equal(request.account.id, cases[i].id);
		expect_text(request.account.address, cases[i].address);
	}
}

static void test_messages_outlive_bytes(void **state)
{
	/* What was decoded is not touched when the message is gone. */
	Clearing__V1__ListEntriesRequest msg =
		CLEARING__V1__LIST_ENTRIES_REQUEST__INIT;
	Clearing__V1__AccountRef ref = ref_by_address("a@demo");
	Clearing__V1__PageRequest page = page_of(1, "token");
	struct read_request request;
	struct desk desk;

	(void)state;
	msg.account = &ref;
	msg.page = &page;
	assert_true(
		decode_list_entries(pack(&desk, RPC_LIST_ENTRIES, &msg.base),
				    &desk.arena, &request));
	memset(desk.bytes, 0xff, sizeof(desk.bytes));
	expect_text(request.account.address, "a@demo");
	expect_text(request.page_token, "token");
}

static void test_messages_health(void **state)
{
	/* Health's service name, empty for the whole server. */
	Grpc__Health__V1__HealthCheckRequest msg =
		GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct slice service;
	struct desk desk;

	(void)state;
	assert_true(
		decode_health_check(pack(&desk, RPC_HEALTH_CHECK, &msg.base),
				    &desk.arena, &service));
	assert_int_equal(service.size, 0);
	msg.service = text("clearing.v1.HoldService");
	assert_true(
		decode_health_check(pack(&desk, RPC_HEALTH_CHECK, &msg.base),
				    &desk.arena, &service));
	expect_text(service, "clearing.v1.HoldService");
}

static void test_messages_arena_exhausted(void **state)
{
	/* An arena that is too small ends the request and nothing else. */
	Clearing__V1__OpenAccountRequest msg =
		CLEARING__V1__OPEN_ACCOUNT_REQUEST__INIT;
	struct open_account_command command;
	struct desk desk;
	struct slice bytes;
	size_t size = 0;

	(void)state;
	msg.id = BINARY(ID);
	msg.address = text("bakery@demo");
	msg.display_name = text("Bakery");
	bytes = pack(&desk, RPC_OPEN_ACCOUNT, &msg.base);
	for (;; size += 16) {
		assert_true(size < sizeof(desk.arena_memory));
		arena_init(&desk.arena, desk.arena_memory, size);
		if (decode_open_account(bytes, &desk.arena, &command))
			break;
	}
	expect_text(command.display_name, "Bakery");
	assert_true(size > 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_open_account),
		cmocka_unit_test(test_messages_set_limits),
		cmocka_unit_test(test_messages_with_reason),
		cmocka_unit_test(test_messages_place_hold),
		cmocka_unit_test(test_messages_end_hold),
		cmocka_unit_test(test_messages_list_holds),
		cmocka_unit_test(test_messages_reads),
		cmocka_unit_test(test_messages_pages),
		cmocka_unit_test(test_messages_merged),
		cmocka_unit_test(test_messages_outlive_bytes),
		cmocka_unit_test(test_messages_health),
		cmocka_unit_test(test_messages_arena_exhausted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
