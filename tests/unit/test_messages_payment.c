/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Payments and requests: held against protobuf-c, both ways. */
#include "unit/support.h"

#include <string.h>

#include "clearing/v1/payment.pb-c.h"

#include "core/linklog.h"
#include "wire/messages_payment.h"
#include "wire/method.h"

#define ID "\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\x00"
#define OTHER_ID \
	"\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\xff"
#define BINARY(literal) \
	((ProtobufCBinaryData){ sizeof(literal) - 1, (uint8_t *)(literal) })
#define LITERAL(literal) slice_of(literal, sizeof(literal) - 1)

/* One test's memory: bytes on the wire, and the arena of a decoder. */
static uint8_t bytes_memory[8192];
static _Alignas(16) uint8_t arena_memory[8192];
static struct arena arena;

/* protobuf-c's fields are not const, though nobody writes them. */
static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

static struct slice pack(enum rpc rpc, const ProtobufCMessage *msg)
{
	size_t size = protobuf_c_message_get_packed_size(msg);
	struct slice bytes = slice_of(bytes_memory, size);

	assert_true(size <= sizeof(bytes_memory));
	assert_ptr_equal(msg->descriptor, rpc_method_at(rpc)->request);
	protobuf_c_message_pack(msg, bytes_memory);
	assert_true(rpc_request_valid(rpc_method_at(rpc), bytes));
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	return bytes;
}

static struct buffer begin(void)
{
	struct buffer out;

	buffer_init(&out, bytes_memory, sizeof(bytes_memory));
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

static void expect_slice(struct slice found, struct slice wanted)
{
	assert_int_equal(found.size, wanted.size);
	if (wanted.size > 0)
		assert_memory_equal(found.data, wanted.data, wanted.size);
}

static void expect_binary(ProtobufCBinaryData found, struct slice wanted)
{
	expect_slice(slice_of(found.data, found.len), wanted);
}

static Clearing__V1__AccountRef ref_of(const char *address)
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

/* Goal: every field of Pay arrives; a lock is not asked for here. */
static void test_messages_payment_pay(void **state)
{
	Clearing__V1__PayRequest msg = CLEARING__V1__PAY_REQUEST__INIT;
	Clearing__V1__AccountRef payer = ref_of("m1/till@paris");
	struct pay_request request;

	(void)state;
	msg.id = BINARY(ID);
	msg.payer = &payer;
	msg.payee = text("m2@lyon");
	msg.amount_minor = -7;
	msg.reference = BINARY("order\0 12");
	msg.memo = text("twelve loaves");
	msg.wait_ms = UINT32_MAX;
	msg.request_id = BINARY(OTHER_ID);
	msg.lock = BINARY("the hash of a key");
	msg.decide_by_us = INT64_MAX;
	assert_true(decode_pay(pack(RPC_PAY, &msg.base), &arena, &request));
	expect_slice(request.command.id, LITERAL(ID));
	expect_slice(request.command.payer.address, SLICE("m1/till@paris"));
	expect_slice(request.command.payee, SLICE("m2@lyon"));
	assert_int_equal(request.command.amount_minor, -7);
	expect_slice(request.command.reference, LITERAL("order\0 12"));
	expect_slice(request.command.memo, SLICE("twelve loaves"));
	expect_slice(request.command.lock, SLICE("the hash of a key"));
	assert_true(request.command.decide_by_us == INT64_MAX);
	assert_int_equal(request.wait_ms, UINT32_MAX);
	expect_slice(request.command.request, LITERAL(OTHER_ID));
}

/* Goal: a key comes with the payment that it opens. */
static void test_messages_payment_settle(void **state)
{
	Clearing__V1__SettlePaymentRequest msg =
		CLEARING__V1__SETTLE_PAYMENT_REQUEST__INIT;
	struct settle_request request;

	(void)state;
	msg.id = BINARY(ID);
	msg.key = BINARY("the key");
	assert_true(decode_settle_payment(pack(RPC_SETTLE_PAYMENT, &msg.base),
					  &arena, &request));
	expect_slice(request.id, LITERAL(ID));
	expect_slice(request.key, SLICE("the key"));
}

/* Goal: a client's request says what protobuf-c's would. */
static void test_messages_payment_client_asks(void **state)
{
	struct pay_request request = {
		.command = { .id = LITERAL(ID),
			     .payer.address = SLICE("m1/till@paris"),
			     .payee = SLICE("m2@lyon"),
			     .amount_minor = 12,
			     .reference = LITERAL("order\0 12"),
			     .memo = SLICE("twelve loaves"),
			     .request = LITERAL(OTHER_ID) },
		.wait_ms = 25000,
	};
	struct buffer out = begin();
	struct pay_request found;

	(void)state;
	encode_pay_request(&out, &request);
	assert_false(out.overflowed);
	assert_true(
		rpc_request_valid(rpc_method_at(RPC_PAY), buffer_view(&out)));
	arena_init(&arena, arena_memory, sizeof(arena_memory));
	assert_true(decode_pay(buffer_view(&out), &arena, &found));
	expect_slice(found.command.id, request.command.id);
	expect_slice(found.command.payer.address, SLICE("m1/till@paris"));
	expect_slice(found.command.payee, request.command.payee);
	assert_int_equal(found.command.amount_minor, 12);
	expect_slice(found.command.reference, request.command.reference);
	expect_slice(found.command.memo, request.command.memo);
	expect_slice(found.command.request, request.command.request);
	assert_int_equal(found.wait_ms, 25000);
	request.command.payer = (struct account_ref){ .id = 77 };
	out = begin();
	encode_pay_request(&out, &request);
	assert_true(decode_pay(buffer_view(&out), &arena, &found));
	assert_int_equal(found.command.payer.id, 77);
}

/* Goal: what a decoder gives lies in the arena; without room it says so. */
static void test_messages_payment_arena(void **state)
{
	Clearing__V1__PayRequest msg = CLEARING__V1__PAY_REQUEST__INIT;
	struct pay_request request;
	struct slice bytes;

	(void)state;
	msg.payee = text("m2@lyon");
	bytes = pack(RPC_PAY, &msg.base);
	assert_true(decode_pay(bytes, &arena, &request));
	memset(bytes_memory, 0xff, bytes.size);
	expect_slice(request.command.payee, SLICE("m2@lyon"));
	bytes = pack(RPC_PAY, &msg.base);
	arena_init(&arena, arena_memory, 4);
	assert_false(decode_pay(bytes, &arena, &request));
}

/* Goal: every field of QuotePayment arrives. */
static void test_messages_payment_quote_request(void **state)
{
	Clearing__V1__QuotePaymentRequest msg =
		CLEARING__V1__QUOTE_PAYMENT_REQUEST__INIT;
	Clearing__V1__AccountRef payer = CLEARING__V1__ACCOUNT_REF__INIT;
	struct quote_request request;

	(void)state;
	payer.by_case = CLEARING__V1__ACCOUNT_REF__BY_ID;
	payer.id = 77;
	msg.payer = &payer;
	msg.payee = text("m2@lyon");
	msg.amount_minor = INT64_MAX;
	assert_true(decode_quote_payment(pack(RPC_QUOTE_PAYMENT, &msg.base),
					 &arena, &request));
	assert_int_equal(request.payer.id, 77);
	expect_slice(request.payee, SLICE("m2@lyon"));
	assert_true(request.amount_minor == INT64_MAX);
}

/* Goal: GetPayment and GetReceipt are read by one decoder, rightly. */
static void test_messages_payment_by_id(void **state)
{
	Clearing__V1__GetPaymentRequest payment =
		CLEARING__V1__GET_PAYMENT_REQUEST__INIT;
	Clearing__V1__GetReceiptRequest receipt =
		CLEARING__V1__GET_RECEIPT_REQUEST__INIT;
	struct read_request request;

	(void)state;
	payment.id = BINARY(ID);
	payment.min_position = 9;
	assert_true(decode_get_payment(pack(RPC_GET_PAYMENT, &payment.base),
				       &arena, &request));
	expect_slice(request.id, LITERAL(ID));
	assert_int_equal(request.min_position, 9);
	receipt.id = BINARY(OTHER_ID);
	receipt.min_position = 10;
	/* The two requests have the same fields. */
	assert_true(decode_get_payment(pack(RPC_GET_RECEIPT, &receipt.base),
				       &arena, &request));
	expect_slice(request.id, LITERAL(OTHER_ID));
	assert_int_equal(request.min_position, 10);
}

static void expect_list(const struct read_request *request)
{
	assert_true(request->has_account);
	expect_slice(request->account.address, SLICE("m1@paris"));
	assert_int_equal(request->page_size, 7);
	expect_slice(request->page_token, SLICE("next"));
	assert_int_equal(request->min_position, 11);
}

/* Goal: both lists tell account, page and position; requests a state. */
static void test_messages_payment_lists(void **state)
{
	Clearing__V1__ListPaymentsRequest payments =
		CLEARING__V1__LIST_PAYMENTS_REQUEST__INIT;
	Clearing__V1__ListPaymentRequestsRequest requests =
		CLEARING__V1__LIST_PAYMENT_REQUESTS_REQUEST__INIT;
	Clearing__V1__AccountRef account = ref_of("m1@paris");
	Clearing__V1__PageRequest page = page_of(7, "next");
	struct read_request request;

	(void)state;
	payments.account = &account;
	payments.page = &page;
	payments.min_position = 11;
	assert_true(decode_list_payments(
		pack(RPC_LIST_PAYMENTS, &payments.base), &arena, &request));
	expect_list(&request);
	requests.account = &account;
	requests.state =
		CLEARING__V1__PAYMENT_REQUEST_STATE__PAYMENT_REQUEST_STATE_PAID;
	requests.page = &page;
	requests.min_position = 11;
	assert_true(decode_list_payment_requests(
		pack(RPC_LIST_PAYMENT_REQUESTS, &requests.base), &arena,
		&request));
	expect_list(&request);
	assert_int_equal(request.state, requests.state);
	requests = (Clearing__V1__ListPaymentRequestsRequest)
		CLEARING__V1__LIST_PAYMENT_REQUESTS_REQUEST__INIT;
	assert_true(decode_list_payment_requests(
		pack(RPC_LIST_PAYMENT_REQUESTS, &requests.base), &arena,
		&request));
	assert_false(request.has_account);
	assert_int_equal(request.id.size, 0);
	requests.id =
		(ProtobufCBinaryData){ 16, (uint8_t *)"0123456789abcdef" };
	assert_true(decode_list_payment_requests(
		pack(RPC_LIST_PAYMENT_REQUESTS, &requests.base), &arena,
		&request));
	assert_true(slice_equal(request.id, SLICE("0123456789abcdef")));
}

/* Goal: every field of a payment request arrives, and of its end the id. */
static void test_messages_payment_request(void **state)
{
	Clearing__V1__RequestPaymentRequest msg =
		CLEARING__V1__REQUEST_PAYMENT_REQUEST__INIT;
	Clearing__V1__DeclinePaymentRequestRequest decline =
		CLEARING__V1__DECLINE_PAYMENT_REQUEST_REQUEST__INIT;
	struct payment_request_command command;
	struct slice id;

	(void)state;
	msg.id = BINARY(ID);
	msg.payee = text("m2@lyon");
	msg.payer = text("m1@paris");
	msg.amount_minor = 4200;
	msg.purpose = text("twelve loaves");
	msg.reference = BINARY("invoice\0");
	msg.expires_at_us = -1;
	assert_true(decode_request_payment(pack(RPC_REQUEST_PAYMENT, &msg.base),
					   &arena, &command));
	expect_slice(command.id, LITERAL(ID));
	expect_slice(command.payee, SLICE("m2@lyon"));
	expect_slice(command.payer, SLICE("m1@paris"));
	assert_int_equal(command.amount_minor, 4200);
	expect_slice(command.purpose, SLICE("twelve loaves"));
	expect_slice(command.reference, LITERAL("invoice\0"));
	assert_int_equal(command.expires_at_us, -1);
	decline.id = BINARY(OTHER_ID);
	assert_true(decode_decline_payment_request(
		pack(RPC_DECLINE_PAYMENT_REQUEST, &decline.base), &arena, &id));
	expect_slice(id, LITERAL(OTHER_ID));
}

static struct payment_view payment_example(uint32_t state)
{
	struct payment_view view = {
		.number = 99,
		.id = LITERAL(ID),
		.state = state,
		.direction = 1,
		.payer = SLICE("m1@paris"),
		.payee = SLICE("m2@nice"),
		.amount_minor = 4200,
		.path = { SLICE("paris"), SLICE("lyon"), SLICE("nice") },
		.path_count = 3,
		.attempts = 2,
		.started_at_us = 1700000000000000,
		.ended_at_us = 1700000000000001,
		.reference = LITERAL("order\0 12"),
		.decided_id = LITERAL(OTHER_ID),
		.decide_by_us = 1700000030000000,
		.lock = SLICE("the hash of a key"),
	};

	return view;
}

static void expect_payment(const Clearing__V1__Payment *found,
			   const struct payment_view *wanted)
{
	expect_binary(found->id, wanted->id);
	assert_int_equal(found->state, wanted->state);
	assert_int_equal(found->direction, wanted->direction);
	expect_slice(slice_from_text(found->payer), wanted->payer);
	expect_slice(slice_from_text(found->payee), wanted->payee);
	assert_int_equal(found->amount_minor, wanted->amount_minor);
	assert_int_equal(found->n_path, wanted->path_count);
	for (uint32_t i = 0; i < wanted->path_count; i++)
		expect_slice(slice_from_text(found->path[i]), wanted->path[i]);
	assert_int_equal(found->attempts, wanted->attempts);
	assert_int_equal(found->started_at_us, wanted->started_at_us);
	assert_int_equal(found->ended_at_us, wanted->ended_at_us);
	expect_binary(found->reference, wanted->reference);
	expect_binary(found->decided_id, wanted->decided_id);
	assert_int_equal(found->decide_by_us, wanted->decide_by_us);
	expect_binary(found->lock, wanted->lock);
}

/* Goal: every field of a posted payment, in each of the three replies. */
static void test_messages_payment_replies(void **state)
{
	const struct payment_view views[] = { payment_example(2),
					      payment_example(1) };
	Clearing__V1__PayResponse *paid;
	Clearing__V1__GetPaymentResponse *got;
	Clearing__V1__ListPaymentsResponse *list;
	struct buffer out = begin();

	(void)state;
	encode_pay(&out, &views[0], UINT64_MAX);
	paid = unpack(RPC_PAY, &out);
	expect_payment(paid->payment, &views[0]);
	assert_int_equal(paid->payment->reason, 0);
	assert_string_equal(paid->payment->sentence, "");
	assert_true(paid->position == UINT64_MAX);
	done(paid);
	out = begin();
	encode_get_payment(&out, &views[1]);
	got = unpack(RPC_GET_PAYMENT, &out);
	expect_payment(got->payment, &views[1]);
	done(got);
	out = begin();
	encode_list_payments(&out, views, 2, SLICE("next"));
	list = unpack(RPC_LIST_PAYMENTS, &out);
	assert_int_equal(list->n_payments, 2);
	expect_payment(list->payments[0], &views[0]);
	expect_payment(list->payments[1], &views[1]);
	assert_string_equal(list->next_token, "next");
	done(list);
}

/* Goal: a client reads how it ended, and no more than half a message. */
static void test_messages_payment_client_hears(void **state)
{
	struct payment_view view = payment_example(3), found = { 0 };
	struct buffer out = begin();
	uint64_t position = 0;

	(void)state;
	view.reason = LINK_REASON_LINE;
	view.at_city = SLICE("lyon");
	encode_pay(&out, &view, 31);
	assert_true(decode_pay_response(buffer_view(&out), &found, &position));
	assert_int_equal(found.state, 3);
	assert_int_equal(found.reason, LINK_REASON_LINE);
	assert_int_equal(found.amount_minor, 4200);
	assert_int_equal(found.attempts, 2);
	assert_int_equal(position, 31);
	/* Its last byte is the position; the payment alone is sound, too. */
	assert_true(decode_pay_response(slice_of(out.data, out.size - 2),
					&found, &position));
	assert_int_equal(position, 0);
	assert_false(decode_pay_response(slice_of(out.data, out.size - 3),
					 &found, &position));
}

/* Goal: a refusal names itself, its city, and says it in words. */
static void test_messages_payment_refused(void **state)
{
	struct payment_view view = payment_example(3);
	Clearing__V1__GetPaymentResponse *got;

	(void)state;
	view.at_city = SLICE("nice");
	for (uint32_t reason = 1; reason < LINK_REASON_COUNT; reason++) {
		struct buffer out = begin();

		view.reason = reason;
		encode_get_payment(&out, &view);
		got = unpack(RPC_GET_PAYMENT, &out);
		expect_payment(got->payment, &view);
		assert_int_equal(got->payment->reason, reason);
		assert_string_equal(got->payment->reason_name,
				    link_reason_name(reason));
		assert_string_equal(got->payment->sentence,
				    link_reason_sentence(reason));
		assert_string_equal(got->payment->at_city, "nice");
		done(got);
	}
}

/* Goal: a quote tells its way hop by hop, or why there can be none. */
static void test_messages_payment_quote(void **state)
{
	struct quote_view view = {
		.display_name = SLICE("Bakery"),
		.hops = { { SLICE("paris"), SLICE("lyon"), 0 },
			  { SLICE("lyon"), SLICE("nice"), 300 } },
		.hop_count = 2,
		.new_credit_minor = 300,
	};
	Clearing__V1__QuotePaymentResponse *quote;
	struct buffer out = begin();

	(void)state;
	encode_quote_payment(&out, &view);
	quote = unpack(RPC_QUOTE_PAYMENT, &out);
	assert_string_equal(quote->display_name, "Bakery");
	assert_int_equal(quote->reason, 0);
	assert_int_equal(quote->n_hops, 2);
	assert_string_equal(quote->hops[0]->from, "paris");
	assert_string_equal(quote->hops[0]->to, "lyon");
	assert_int_equal(quote->hops[0]->new_credit_minor, 0);
	assert_string_equal(quote->hops[1]->to, "nice");
	assert_int_equal(quote->hops[1]->new_credit_minor, 300);
	assert_int_equal(quote->new_credit_minor, 300);
	assert_string_equal(quote->at_city, "");
	done(quote);
	view.reason = LINK_REASON_PAYEE_CEILING;
	view.at_city = SLICE("nice");
	view.hop_count = 0;
	out = begin();
	encode_quote_payment(&out, &view);
	quote = unpack(RPC_QUOTE_PAYMENT, &out);
	assert_int_equal(quote->reason, LINK_REASON_PAYEE_CEILING);
	assert_string_equal(quote->reason_name, "PAYEE_CEILING");
	assert_string_equal(quote->at_city, "nice");
	assert_string_equal(quote->sentence,
			    link_reason_sentence(LINK_REASON_PAYEE_CEILING));
	assert_int_equal(quote->n_hops, 0);
	done(quote);
}

/* Goal: terms and proof leave as they are, byte for byte. */
static void test_messages_payment_receipt(void **state)
{
	Clearing__V1__GetReceiptResponse *receipt;
	struct buffer out = begin();

	(void)state;
	encode_get_receipt(&out, LITERAL("terms\0"), LITERAL("\0proof"));
	receipt = unpack(RPC_GET_RECEIPT, &out);
	expect_binary(receipt->terms, LITERAL("terms\0"));
	expect_binary(receipt->proof, LITERAL("\0proof"));
	done(receipt);
}

/* Goal: every field of a listed payment request. */
static void test_messages_payment_requests(void **state)
{
	const struct payment_request_view views[] = {
		{ .opened_position = 99,
		  .id = LITERAL(ID),
		  .state = 3,
		  .payer = SLICE("m1@paris"),
		  .payee = SLICE("m2@lyon"),
		  .amount_minor = 4200,
		  .purpose = SLICE("twelve loaves"),
		  .reference = LITERAL("invoice\0"),
		  .expires_at_us = INT64_MAX,
		  .actor = SLICE("spiffe://f/city/lyon/coop/m2") },
		{ .id = LITERAL(OTHER_ID) },
	};
	Clearing__V1__ListPaymentRequestsResponse *list;
	Clearing__V1__PaymentRequest *first;
	struct buffer out = begin();

	(void)state;
	encode_list_payment_requests(&out, views, 2, SLICE("next"));
	list = unpack(RPC_LIST_PAYMENT_REQUESTS, &out);
	assert_int_equal(list->n_requests, 2);
	first = list->requests[0];
	expect_binary(first->id, views[0].id);
	assert_int_equal(first->state, 3);
	assert_string_equal(first->payer, "m1@paris");
	assert_string_equal(first->payee, "m2@lyon");
	assert_int_equal(first->amount_minor, 4200);
	assert_string_equal(first->purpose, "twelve loaves");
	expect_binary(first->reference, views[0].reference);
	assert_true(first->expires_at_us == INT64_MAX);
	assert_string_equal(first->actor, "spiffe://f/city/lyon/coop/m2");
	expect_binary(list->requests[1]->id, views[1].id);
	assert_string_equal(list->next_token, "next");
	done(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_payment_pay),
		cmocka_unit_test(test_messages_payment_settle),
		cmocka_unit_test(test_messages_payment_client_asks),
		cmocka_unit_test(test_messages_payment_client_hears),
		cmocka_unit_test(test_messages_payment_arena),
		cmocka_unit_test(test_messages_payment_quote_request),
		cmocka_unit_test(test_messages_payment_by_id),
		cmocka_unit_test(test_messages_payment_lists),
		cmocka_unit_test(test_messages_payment_request),
		cmocka_unit_test(test_messages_payment_replies),
		cmocka_unit_test(test_messages_payment_refused),
		cmocka_unit_test(test_messages_payment_quote),
		cmocka_unit_test(test_messages_payment_receipt),
		cmocka_unit_test(test_messages_payment_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
