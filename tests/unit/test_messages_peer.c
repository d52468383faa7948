/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What cities say to each other, both ways, held against protobuf-c. */
#include "unit/support.h"

#include <string.h>

#include "clearing/v1/peer.pb-c.h"

#include "wire/messages_peer.h"
#include "wire/method.h"

#define ID "\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\x00"
#define HASH "0123456789abcdef0123456789ABCDEF"
#define NONCE "\x00\x01\x02\x03\x04\x05\x06\x07"
#define BINARY(literal) \
	((ProtobufCBinaryData){ sizeof(literal) - 1, (uint8_t *)(literal) })
#define LITERAL(literal) slice_of(literal, sizeof(literal) - 1)

static uint8_t packed[8192];
static uint8_t written[8192];

/* protobuf-c's fields are not const, though nobody writes them. */
static char *text(const char *constant)
{
	return (char *)(uintptr_t)constant;
}

static struct slice pack(const ProtobufCMessage *msg)
{
	size_t size = protobuf_c_message_get_packed_size(msg);

	assert_true(size <= sizeof(packed));
	protobuf_c_message_pack(msg, packed);
	return slice_of(packed, size);
}

static struct slice pack_request(enum rpc rpc, const ProtobufCMessage *msg)
{
	struct slice bytes = pack(msg);

	assert_ptr_equal(msg->descriptor, rpc_method_at(rpc)->request);
	assert_true(rpc_request_valid(rpc_method_at(rpc), bytes));
	return bytes;
}

static struct buffer begin(void)
{
	struct buffer out;

	buffer_init(&out, written, sizeof(written));
	return out;
}

/* What was written is, byte for byte, what protobuf-c writes of @msg. */
static void expect_packed(const struct buffer *out, const ProtobufCMessage *msg)
{
	struct slice wanted = pack(msg);

	assert_false(out->overflowed);
	assert_int_equal(out->size, wanted.size);
	assert_memory_equal(out->data, wanted.data, wanted.size);
}

static void expect_slice(struct slice found, struct slice wanted)
{
	assert_int_equal(found.size, wanted.size);
	if (wanted.size > 0)
		assert_memory_equal(found.data, wanted.data, wanted.size);
}

/* Goal: a Hello goes both ways as the bytes it is. */
static void test_messages_peer_hello_request(void **state)
{
	Clearing__V1__HelloRequest msg = CLEARING__V1__HELLO_REQUEST__INIT;
	struct buffer out = begin();
	struct slice hello;

	(void)state;
	msg.hello = BINARY("a\0hello");
	encode_hello_request(&out, LITERAL("a\0hello"));
	expect_packed(&out, &msg.base);
	assert_true(decode_hello_request(pack_request(RPC_HELLO, &msg.base),
					 &hello));
	expect_slice(hello, LITERAL("a\0hello"));
}

/* Goal: either answer arrives as itself, and says nothing of the other. */
static void test_messages_peer_hello_response(void **state)
{
	Clearing__V1__HelloResponse msg = CLEARING__V1__HELLO_RESPONSE__INIT;
	Clearing__V1__SignedBody ok = CLEARING__V1__SIGNED_BODY__INIT;
	const struct signed_body body = { LITERAL("body\0"), SLICE("key"),
					  LITERAL("signature") };
	struct peer_hello_reply reply = { .arrived = true };
	struct buffer out = begin();

	(void)state;
	msg.stale_highest = UINT64_MAX;
	encode_hello_stale(&out, UINT64_MAX);
	expect_packed(&out, &msg.base);
	assert_true(decode_hello_response(buffer_view(&out), &reply));
	assert_true(reply.arrived && reply.stale_highest == UINT64_MAX);
	assert_int_equal(reply.body.size, 0);
	msg.stale_highest = 0;
	msg.ok = &ok;
	ok.body = BINARY("body\0");
	ok.key_id = text("key");
	ok.signature = BINARY("signature");
	out = begin();
	encode_hello_ok(&out, &body);
	expect_packed(&out, &msg.base);
	assert_true(decode_hello_response(buffer_view(&out), &reply));
	assert_int_equal(reply.stale_highest, 0);
	expect_slice(reply.body, body.body);
	expect_slice(reply.key_id, body.key_id);
	expect_slice(reply.signature, body.signature);
}

/* Goal: a delivery goes both ways, with its life. */
static void test_messages_peer_deliver_request(void **state)
{
	Clearing__V1__DeliverRequest msg = CLEARING__V1__DELIVER_REQUEST__INIT;
	struct link_life life = { .incarnation = UINT64_C(1) << 40 };
	struct peer_delivery delivery = { .city = SLICE("lyon") };
	struct buffer out = begin();

	(void)state;
	memcpy(life.nonce, NONCE, LINKLOG_NONCE_SIZE);
	msg.from = text("lyon");
	msg.incarnation = life.incarnation;
	msg.nonce = BINARY(NONCE);
	msg.batch = BINARY("batch");
	encode_deliver_request(&out, SLICE("lyon"), &life, SLICE("batch"));
	expect_packed(&out, &msg.base);
	assert_true(decode_deliver_request(pack_request(RPC_DELIVER, &msg.base),
					   &delivery));
	expect_slice(delivery.city, SLICE("lyon"));
	expect_slice(delivery.from, SLICE("lyon"));
	expect_slice(delivery.batch, SLICE("batch"));
	assert_true(delivery.life.incarnation == life.incarnation);
	assert_memory_equal(delivery.life.nonce, NONCE, LINKLOG_NONCE_SIZE);
}

/* Goal: with a nonce of a wrong size a delivery is of no life at all. */
static void test_messages_peer_deliver_wrong_nonce(void **state)
{
	static const struct link_life none;
	Clearing__V1__DeliverRequest msg = CLEARING__V1__DELIVER_REQUEST__INIT;
	const ProtobufCBinaryData nonces[] = { BINARY(""), BINARY("1234567"),
					       BINARY("123456789") };

	(void)state;
	msg.incarnation = 7;
	for (size_t i = 0; i < COUNT_OF(nonces); i++) {
		struct peer_delivery delivery = { .life = { 9, NONCE } };

		msg.nonce = nonces[i];
		assert_true(decode_deliver_request(pack(&msg.base), &delivery));
		assert_true(delivery.life.incarnation == none.incarnation);
		assert_memory_equal(delivery.life.nonce, none.nonce,
				    LINKLOG_NONCE_SIZE);
	}
}

/* Goal: the acknowledgement goes both ways; zero is an answer, too. */
static void test_messages_peer_deliver_response(void **state)
{
	static const uint32_t answers[] = { PEER_TAKEN, PEER_GAP, PEER_BUSY };
	Clearing__V1__DeliverResponse msg =
		CLEARING__V1__DELIVER_RESPONSE__INIT;

	(void)state;
	msg.in_seq = UINT64_MAX;
	msg.in_head = BINARY(HASH);
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct peer_deliver_reply reply = { .arrived = true };
		struct buffer out = begin();

		msg.answer = answers[i];
		encode_deliver_response(&out, answers[i], UINT64_MAX,
					SLICE(HASH));
		expect_packed(&out, &msg.base);
		assert_true(decode_deliver_response(buffer_view(&out), &reply));
		assert_true(reply.arrived);
		assert_int_equal(reply.answer, answers[i]);
		assert_true(reply.in_seq == UINT64_MAX);
		expect_slice(reply.in_head, SLICE(HASH));
	}
}

/* Goal: what is asked of a log, and its batches in their order. */
static void test_messages_peer_fetch_log(void **state)
{
	Clearing__V1__FetchLogRequest msg =
		CLEARING__V1__FETCH_LOG_REQUEST__INIT;
	Clearing__V1__FetchLogResponse answer =
		CLEARING__V1__FETCH_LOG_RESPONSE__INIT;
	ProtobufCBinaryData parts[] = { BINARY("one"), BINARY("two\0"),
					BINARY("three") };
	const struct fetch_log_request asked = { SLICE("lyon"), 1 << 20 };
	struct fetch_log_request request;
	struct slice batches[3];
	struct buffer out = begin();
	uint32_t count;

	(void)state;
	msg.author = text("lyon");
	msg.from_seq = 1 << 20;
	encode_fetch_log_request(&out, &asked);
	expect_packed(&out, &msg.base);
	assert_true(decode_fetch_log_request(
		pack_request(RPC_FETCH_LOG, &msg.base), &request));
	expect_slice(request.author, asked.author);
	assert_true(request.from_seq == asked.from_seq);
	answer.n_batches = COUNT_OF(parts);
	answer.batches = parts;
	out = begin();
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		encode_fetched_batch(&out,
				     slice_of(parts[i].data, parts[i].len));
	expect_packed(&out, &answer.base);
	assert_true(decode_fetch_log_response(buffer_view(&out), batches, 3,
					      &count));
	assert_int_equal(count, 3);
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		expect_slice(batches[i], slice_of(parts[i].data, parts[i].len));
	/* No more than there is room for; the rest is asked for again. */
	assert_true(decode_fetch_log_response(buffer_view(&out), batches, 2,
					      &count));
	assert_int_equal(count, 2);
	assert_true(decode_fetch_log_response((struct slice){ 0 }, batches, 3,
					      &count));
	assert_int_equal(count, 0);
}

static void test_messages_peer_quote_payee_request(void **state)
{
	/* Goal: address and amount go both ways, a negative one too. */
	Clearing__V1__QuotePayeeRequest msg =
		CLEARING__V1__QUOTE_PAYEE_REQUEST__INIT;
	const struct quote_payee_request asked = { SLICE("m1@lyon"), -1 };
	struct quote_payee_request request;
	struct buffer out = begin();

	(void)state;
	msg.payee = text("m1@lyon");
	msg.amount_minor = -1;
	encode_quote_payee_request(&out, &asked);
	expect_packed(&out, &msg.base);
	assert_true(decode_quote_payee_request(
		pack_request(RPC_QUOTE_PAYEE, &msg.base), &request));
	expect_slice(request.payee, asked.payee);
	assert_true(request.amount_minor == asked.amount_minor);
}

static void expect_hints(const struct quote_payee_response *found,
			 const struct quote_payee_response *wanted)
{
	assert_int_equal(found->link_count, wanted->link_count);
	for (uint32_t i = 0; i < wanted->link_count; i++) {
		expect_slice(found->links[i].city, wanted->links[i].city);
		assert_true(found->links[i].owed_minor ==
			    wanted->links[i].owed_minor);
		assert_true(found->links[i].line_minor ==
			    wanted->links[i].line_minor);
	}
}

/* Goal: name, reason and hints go both ways; an empty hint stays one. */
static void test_messages_peer_quote_payee_response(void **state)
{
	const struct quote_payee_response told = {
		.display_name = SLICE("B\xc3\xa4"
				      "ckerei"),
		.reason = LINK_REASON_PAYEE_CEILING,
		.links = { { SLICE("paris"), -500, 1000 },
			   { SLICE("lyon"), INT64_MAX, 0 },
			   { { 0 }, 0, 0 } },
		.link_count = 3,
	};
	Clearing__V1__QuotePayeeResponse msg =
		CLEARING__V1__QUOTE_PAYEE_RESPONSE__INIT;
	Clearing__V1__LinkHint hints[3] = { CLEARING__V1__LINK_HINT__INIT,
					    CLEARING__V1__LINK_HINT__INIT,
					    CLEARING__V1__LINK_HINT__INIT };
	Clearing__V1__LinkHint *links[] = { &hints[0], &hints[1], &hints[2] };
	struct quote_payee_response response;
	struct buffer out = begin();

	(void)state;
	hints[0].city = text("paris");
	hints[0].owed_minor = -500;
	hints[0].line_minor = 1000;
	hints[1].city = text("lyon");
	hints[1].owed_minor = INT64_MAX;
	msg.display_name = text("B\xc3\xa4"
				"ckerei");
	msg.reason = LINK_REASON_PAYEE_CEILING;
	msg.n_links = 3;
	msg.links = links;
	encode_quote_payee_response(&out, &told);
	expect_packed(&out, &msg.base);
	assert_true(decode_quote_payee_response(buffer_view(&out), &response));
	expect_slice(response.display_name, told.display_name);
	assert_int_equal(response.reason, told.reason);
	expect_hints(&response, &told);
}

/* Goal: hints past the limit are left out, not written past the array. */
static void test_messages_peer_quote_payee_too_many(void **state)
{
	struct quote_payee_response one = {
		.links = { { SLICE("paris"), 1, 2 } },
		.link_count = 1,
	};
	struct quote_payee_response response;
	struct buffer out = begin();

	(void)state;
	for (uint32_t i = 0; i < LINK_HINTS_MAX + 3; i++)
		encode_quote_payee_response(&out, &one);
	assert_false(out.overflowed);
	assert_true(decode_quote_payee_response(buffer_view(&out), &response));
	assert_int_equal(response.link_count, LINK_HINTS_MAX);
	expect_slice(response.links[LINK_HINTS_MAX - 1].city, SLICE("paris"));
}

/* Goal: an outcome is asked for by id and terms; unknown is empty. */
static void test_messages_peer_query_outcome(void **state)
{
	Clearing__V1__QueryOutcomeRequest msg =
		CLEARING__V1__QUERY_OUTCOME_REQUEST__INIT;
	Clearing__V1__QueryOutcomeResponse answer =
		CLEARING__V1__QUERY_OUTCOME_RESPONSE__INIT;
	struct query_outcome_request request;
	struct buffer out = begin();

	(void)state;
	msg.payment_id = BINARY(ID);
	msg.terms_hash = BINARY(HASH);
	assert_true(decode_query_outcome_request(
		pack_request(RPC_QUERY_OUTCOME, &msg.base), &request));
	expect_slice(request.payment_id, LITERAL(ID));
	expect_slice(request.terms_hash, SLICE(HASH));
	encode_query_outcome_response(&out, (struct slice){ 0 });
	assert_int_equal(out.size, 0);
	answer.proof = BINARY("proof");
	encode_query_outcome_response(&out, SLICE("proof"));
	expect_packed(&out, &answer.base);
}

/* Goal: with a city that is GONE the terms go along, and a Never comes back. */
static void test_messages_peer_never(void **state)
{
	Clearing__V1__QueryOutcomeRequest msg =
		CLEARING__V1__QUERY_OUTCOME_REQUEST__INIT;
	Clearing__V1__QueryOutcomeResponse answer =
		CLEARING__V1__QUERY_OUTCOME_RESPONSE__INIT;
	Clearing__V1__SignedBody body = CLEARING__V1__SIGNED_BODY__INIT;
	const struct signed_body never = { SLICE("a word"), SLICE("k1"),
					   SLICE("its signature") };
	const struct query_outcome_request sent = { LITERAL(ID), SLICE(HASH),
						    SLICE("the terms") };
	struct query_outcome_request request;
	struct peer_outcome_reply reply = { .arrived = true };
	struct buffer out = begin();

	(void)state;
	encode_query_outcome_request(&out, &sent);
	msg.payment_id = BINARY(ID);
	msg.terms_hash = BINARY(HASH);
	msg.terms = BINARY("the terms");
	expect_packed(&out, &msg.base);
	assert_true(decode_query_outcome_request(buffer_view(&out), &request));
	expect_slice(request.terms, SLICE("the terms"));
	out = begin();
	encode_query_outcome_never(&out, &never);
	body.body = BINARY("a word");
	body.key_id = text("k1");
	body.signature = BINARY("its signature");
	answer.never = &body;
	expect_packed(&out, &answer.base);
	assert_true(decode_query_outcome_response(buffer_view(&out), &reply));
	assert_true(reply.arrived);
	assert_int_equal(reply.proof.size, 0);
	expect_slice(reply.body, SLICE("a word"));
	expect_slice(reply.key_id, SLICE("k1"));
	expect_slice(reply.signature, SLICE("its signature"));
	assert_false(decode_query_outcome_response(SLICE("\x0a\x09"), &reply));
}

/* Goal: letting go is asked for like an outcome; the answer is yes or no. */
static void test_messages_peer_release(void **state)
{
	Clearing__V1__ReleasePaymentResponse answer =
		CLEARING__V1__RELEASE_PAYMENT_RESPONSE__INIT;
	struct buffer out = begin();
	bool released = true;

	(void)state;
	encode_release_response(&out, false);
	assert_int_equal(out.size, 0);
	assert_true(decode_release_response(buffer_view(&out), &released));
	assert_false(released);
	encode_release_response(&out, true);
	answer.released = true;
	expect_packed(&out, &answer.base);
	assert_true(decode_release_response(buffer_view(&out), &released));
	assert_true(released);
}

/* Goal: every field of a forwarded request goes both ways. */
static void test_messages_peer_forwarded_request(void **state)
{
	Clearing__V1__ForwardPaymentRequestRequest msg =
		CLEARING__V1__FORWARD_PAYMENT_REQUEST_REQUEST__INIT;
	const struct forwarded_request sent = {
		.id = LITERAL(ID),
		.payer = SLICE("m1@lyon"),
		.payee = SLICE("m2@paris"),
		.amount_minor = 4200,
		.purpose = SLICE("twelve loaves"),
		.reference = LITERAL("invoice\0"),
		.expires_at_us = INT64_MAX,
	};
	struct forwarded_request request;
	struct buffer out = begin();

	(void)state;
	msg.id = BINARY(ID);
	msg.payer = text("m1@lyon");
	msg.payee = text("m2@paris");
	msg.amount_minor = 4200;
	msg.purpose = text("twelve loaves");
	msg.reference = BINARY("invoice\0");
	msg.expires_at_us = INT64_MAX;
	encode_forwarded_request(&out, &sent);
	expect_packed(&out, &msg.base);
	assert_true(decode_forwarded_request(
		pack_request(RPC_FORWARD_PAYMENT_REQUEST, &msg.base),
		&request));
	expect_slice(request.id, sent.id);
	expect_slice(request.payer, sent.payer);
	expect_slice(request.payee, sent.payee);
	assert_true(request.amount_minor == sent.amount_minor);
	expect_slice(request.purpose, sent.purpose);
	expect_slice(request.reference, sent.reference);
	assert_true(request.expires_at_us == sent.expires_at_us);
}

/* Goal: what a neighbour sends cut or spoilt is refused, never read past. */
static void test_messages_peer_malformed(void **state)
{
	static const char *const cases[] = {
		("\x0a\x05"
		 "abcd"),		    /* field 1 ends too early */
		"\x0a",			    /* a key without its value */
		"\x0b",			    /* a group */
		"\x1a\x02\x0a\x05",	    /* field 3, a message cut inside */
		"\x12\xff\xff\xff\xff\x0f", /* a length without its bytes */
	};
	struct quote_payee_response quoted;
	struct peer_deliver_reply delivered = { 0 };
	struct peer_hello_reply hello = { 0 };
	struct slice batch;
	uint32_t count;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct slice bytes = slice_from_text(cases[i]);

		assert_false(decode_quote_payee_response(bytes, &quoted));
		/* The fourth is a text to these: an unknown field, or a head */
		if (i == 3)
			continue;
		assert_false(decode_hello_response(bytes, &hello));
		assert_false(decode_deliver_response(bytes, &delivered));
		assert_false(
			decode_fetch_log_response(bytes, &batch, 1, &count));
	}
	assert_false(decode_hello_response(slice_from_text("\x0a\x02\x0a\x05"),
					   &hello));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_peer_hello_request),
		cmocka_unit_test(test_messages_peer_hello_response),
		cmocka_unit_test(test_messages_peer_deliver_request),
		cmocka_unit_test(test_messages_peer_deliver_wrong_nonce),
		cmocka_unit_test(test_messages_peer_deliver_response),
		cmocka_unit_test(test_messages_peer_fetch_log),
		cmocka_unit_test(test_messages_peer_quote_payee_request),
		cmocka_unit_test(test_messages_peer_quote_payee_response),
		cmocka_unit_test(test_messages_peer_quote_payee_too_many),
		cmocka_unit_test(test_messages_peer_query_outcome),
		cmocka_unit_test(test_messages_peer_never),
		cmocka_unit_test(test_messages_peer_release),
		cmocka_unit_test(test_messages_peer_forwarded_request),
		cmocka_unit_test(test_messages_peer_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
