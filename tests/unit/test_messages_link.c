/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Links and the federation: held against protobuf-c, both ways. */
#include "unit/support.h"

#include <string.h>

#include "clearing/v1/federation.pb-c.h"
#include "clearing/v1/link.pb-c.h"

#include "wire/messages_payment.h"
#include "wire/method.h"

#define ID "\x01\x9b\x00\x11\x22\x33\x74\x44\x85\x55\x66\x77\x88\x99\xaa\x00"
#define HEAD "0123456789abcdef0123456789ABCDEF"
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

/* Goal: the two requests that name a city and nothing else. */
static void test_messages_link_city(void **state)
{
	Clearing__V1__GetLinkRequest get = CLEARING__V1__GET_LINK_REQUEST__INIT;
	Clearing__V1__ReconcileLinkRequest reconcile =
		CLEARING__V1__RECONCILE_LINK_REQUEST__INIT;
	struct slice city;

	(void)state;
	get.city = text("lyon");
	assert_true(
		decode_link_city(pack(RPC_GET_LINK, &get.base), &arena, &city));
	expect_slice(city, SLICE("lyon"));
	reconcile.city = text("nice");
	assert_true(decode_link_city(pack(RPC_RECONCILE_LINK, &reconcile.base),
				     &arena, &city));
	expect_slice(city, SLICE("nice"));
}

/* Goal: every field of SetLine arrives. */
static void test_messages_link_set_line(void **state)
{
	Clearing__V1__SetLineRequest msg = CLEARING__V1__SET_LINE_REQUEST__INIT;
	struct link_command command;

	(void)state;
	msg.id = BINARY(ID);
	msg.city = text("lyon");
	msg.reason = text("assembly of May");
	msg.line_minor = -1;
	assert_true(decode_link_command(pack(RPC_SET_LINE, &msg.base), &arena,
					&command));
	expect_slice(command.id, LITERAL(ID));
	expect_slice(command.city, SLICE("lyon"));
	expect_slice(command.reason, SLICE("assembly of May"));
	assert_int_equal(command.line_minor, -1);
}

/* Goal: WithdrawLink arrives with what was confirmed. */
static void test_messages_link_withdraw(void **state)
{
	Clearing__V1__WithdrawLinkRequest msg =
		CLEARING__V1__WITHDRAW_LINK_REQUEST__INIT;
	struct link_command command;

	(void)state;
	msg.id = BINARY(ID);
	msg.city = text("lyon");
	msg.reason = text("a bug of ours");
	assert_true(decode_link_command(pack(RPC_WITHDRAW_LINK, &msg.base),
					&arena, &command));
	assert_false(command.confirmed);
	msg.confirmed_not_restored = true;
	assert_true(decode_link_command(pack(RPC_WITHDRAW_LINK, &msg.base),
					&arena, &command));
	expect_slice(command.id, LITERAL(ID));
	expect_slice(command.city, SLICE("lyon"));
	expect_slice(command.reason, SLICE("a bug of ours"));
	assert_true(command.confirmed);
}

/*
 * Goal: the four commands that only give a reason have the same fields under
 * the same numbers, so that one decoder does.
 */
static void test_messages_link_with_reason(void **state)
{
	static const enum rpc rpcs[] = { RPC_FREEZE_LINK, RPC_UNFREEZE_LINK,
					 RPC_PAUSE_LINK, RPC_RESUME_LINK };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rpcs); i++) {
		Clearing__V1__FreezeLinkRequest msg =
			CLEARING__V1__FREEZE_LINK_REQUEST__INIT;
		struct link_command command;
		struct slice bytes;
		Clearing__V1__FreezeLinkRequest *again;

		msg.id = BINARY(ID);
		msg.city = text("lyon");
		msg.reason = text("they do not answer");
		bytes = pack(RPC_FREEZE_LINK, &msg.base);
		again = (void *)protobuf_c_message_unpack(
			rpc_method_at(rpcs[i])->request, NULL, bytes.size,
			bytes.data);
		assert_non_null(again);
		assert_int_equal(again->base.n_unknown_fields, 0);
		assert_string_equal(again->base.descriptor->fields[2].name,
				    "reason");
		done(again);
		assert_true(decode_link_command(bytes, &arena, &command));
		expect_slice(command.id, LITERAL(ID));
		expect_slice(command.city, SLICE("lyon"));
		expect_slice(command.reason, SLICE("they do not answer"));
		assert_int_equal(command.line_minor, 0);
	}
}

/* Goal: which log, and from where; batches leave as they are. */
static void test_messages_link_statement(void **state)
{
	Clearing__V1__GetLinkStatementRequest msg =
		CLEARING__V1__GET_LINK_STATEMENT_REQUEST__INIT;
	Clearing__V1__GetLinkStatementResponse *reply;
	struct link_statement_request request;
	struct buffer out = begin();

	(void)state;
	encode_statement_batch(&out, LITERAL("one\0"));
	encode_statement_batch(&out, SLICE("two"));
	reply = unpack(RPC_GET_LINK_STATEMENT, &out);
	assert_int_equal(reply->n_batches, 2);
	expect_binary(reply->batches[0], LITERAL("one\0"));
	expect_binary(reply->batches[1], SLICE("two"));
	done(reply);
	msg.city = text("lyon");
	msg.own = true;
	msg.from_seq = UINT64_MAX;
	assert_true(decode_link_statement(
		pack(RPC_GET_LINK_STATEMENT, &msg.base), &arena, &request));
	expect_slice(request.city, SLICE("lyon"));
	assert_true(request.own);
	assert_true(request.from_seq == UINT64_MAX);
}

static struct link_view link_example(void)
{
	struct link_view view = {
		.city = SLICE("lyon"),
		.state = 5,
		.why = SLICE("FORK"),
		.connected = true,
		.frozen_here = true,
		.paused = true,
		.owed_minor = -500,
		.line_minor = 1000,
		.peer_line_minor = 2000,
		.pending_in_minor = 30,
		.pending_out_minor = 40,
		.out_seq = 7,
		.in_seq = 8,
		.acknowledged_seq = 6,
		.incarnation = 3,
		.out_head = SLICE(HEAD),
		.in_head = LITERAL("\0" HEAD),
		.oldest_promise_us = 1700000000000000,
		.account = 12,
		.estate_minor = -9,
		.batches_sealed = 13,
		.batches_sent = 14,
	};

	return view;
}

static void expect_link(const Clearing__V1__Link *found,
			const struct link_view *wanted)
{
	expect_slice(slice_from_text(found->city), wanted->city);
	assert_int_equal(found->state, wanted->state);
	expect_slice(slice_from_text(found->why), wanted->why);
	assert_int_equal(found->connected, wanted->connected);
	assert_int_equal(found->caught_up, wanted->caught_up);
	assert_int_equal(found->frozen_here, wanted->frozen_here);
	assert_int_equal(found->frozen_there, wanted->frozen_there);
	assert_int_equal(found->paused, wanted->paused);
	assert_int_equal(found->owed_minor, wanted->owed_minor);
	assert_int_equal(found->line_minor, wanted->line_minor);
	assert_int_equal(found->peer_line_minor, wanted->peer_line_minor);
	assert_int_equal(found->pending_in_minor, wanted->pending_in_minor);
	assert_int_equal(found->pending_out_minor, wanted->pending_out_minor);
	assert_int_equal(found->out_seq, wanted->out_seq);
	expect_binary(found->out_head, wanted->out_head);
	assert_int_equal(found->in_seq, wanted->in_seq);
	expect_binary(found->in_head, wanted->in_head);
	assert_int_equal(found->acknowledged_seq, wanted->acknowledged_seq);
	assert_int_equal(found->incarnation, wanted->incarnation);
	assert_int_equal(found->oldest_promise_us, wanted->oldest_promise_us);
	assert_int_equal(found->account, wanted->account);
	assert_int_equal(found->estate_minor, wanted->estate_minor);
	assert_int_equal(found->batches_sealed, wanted->batches_sealed);
	assert_int_equal(found->batches_sent, wanted->batches_sent);
}

/* Goal: every field of a link, alone and in a list. */
static void test_messages_link_views(void **state)
{
	struct link_view views[] = { link_example(), link_example() };
	Clearing__V1__GetLinkResponse *one;
	Clearing__V1__ListLinksResponse *list;
	struct buffer out = begin();

	(void)state;
	views[1].connected = false;
	views[1].caught_up = true;
	views[1].frozen_here = false;
	views[1].frozen_there = true;
	views[1].paused = false;
	encode_get_link(&out, &views[0], 9);
	one = unpack(RPC_GET_LINK, &out);
	expect_link(one->link, &views[0]);
	assert_int_equal(one->position, 9);
	done(one);
	out = begin();
	encode_list_links(&out, views, 2, 10);
	list = unpack(RPC_LIST_LINKS, &out);
	assert_int_equal(list->n_links, 2);
	expect_link(list->links[0], &views[0]);
	expect_link(list->links[1], &views[1]);
	assert_int_equal(list->position, 10);
	done(list);
}

/* Goal: a position alone, in the ten replies that have nothing else. */
static void test_messages_link_position(void **state)
{
	static const enum rpc rpcs[] = {
		RPC_RECONCILE_LINK,
		RPC_SET_LINE,
		RPC_FREEZE_LINK,
		RPC_UNFREEZE_LINK,
		RPC_PAUSE_LINK,
		RPC_RESUME_LINK,
		RPC_WITHDRAW_LINK,
		RPC_REQUEST_PAYMENT,
		RPC_DECLINE_PAYMENT_REQUEST,
		RPC_FORWARD_PAYMENT_REQUEST,
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rpcs); i++) {
		struct buffer out = begin();
		Clearing__V1__SetLineResponse *msg;

		encode_position(&out, 300 + i);
		msg = unpack(rpcs[i], &out);
		assert_string_equal(msg->base.descriptor->fields[0].name,
				    "position");
		assert_int_equal(msg->position, 300 + i);
		done(msg);
	}
}

/* Goal: the roster leaves as it was loaded. */
static void test_messages_link_roster(void **state)
{
	Clearing__V1__GetRosterResponse *reply;
	struct buffer out = begin();

	(void)state;
	encode_get_roster(&out, 4, LITERAL("roster\0"));
	reply = unpack(RPC_GET_ROSTER, &out);
	assert_int_equal(reply->version, 4);
	expect_binary(reply->roster, LITERAL("roster\0"));
	done(reply);
}

/* Goal: every field of every city. */
static void test_messages_link_cities(void **state)
{
	const struct city_view views[] = {
		{ SLICE("lyon"), SLICE("Lyon"), SLICE("Rh\xc3\xb4ne"),
		  SLICE("lyon.example:7440"), SLICE("spiffe://f/city/lyon"),
		  false, true },
		{ SLICE("nice"), SLICE("Nice"), SLICE("Alpes"),
		  SLICE("nice.example:7440"), SLICE("spiffe://f/city/nice"),
		  true, false },
	};
	Clearing__V1__ListCitiesResponse *list;
	struct buffer out = begin();

	(void)state;
	encode_city(&out, &views[0]);
	encode_city(&out, &views[1]);
	list = unpack(RPC_LIST_CITIES, &out);
	assert_int_equal(list->n_cities, 2);
	for (size_t i = 0; i < COUNT_OF(views); i++) {
		const Clearing__V1__City *city = list->cities[i];

		expect_slice(slice_from_text(city->name), views[i].name);
		expect_slice(slice_from_text(city->place), views[i].place);
		expect_slice(slice_from_text(city->bioregion),
			     views[i].bioregion);
		expect_slice(slice_from_text(city->endpoint),
			     views[i].endpoint);
		expect_slice(slice_from_text(city->uri), views[i].uri);
		assert_int_equal(city->gone, views[i].gone);
		assert_int_equal(city->neighbour, views[i].neighbour);
	}
	done(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_link_city),
		cmocka_unit_test(test_messages_link_set_line),
		cmocka_unit_test(test_messages_link_withdraw),
		cmocka_unit_test(test_messages_link_with_reason),
		cmocka_unit_test(test_messages_link_statement),
		cmocka_unit_test(test_messages_link_views),
		cmocka_unit_test(test_messages_link_position),
		cmocka_unit_test(test_messages_link_roster),
		cmocka_unit_test(test_messages_link_cities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
