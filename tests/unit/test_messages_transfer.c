/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The hand-made codec of PostTransfers, held against protobuf-c. */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "clearing/v1/transfer.pb-c.h"

#include "core/refusal.h"
#include "wire/messages.h"
#include "wire/method.h"
#include "unit/transfer_oracle.h"

#define ROUNDS 20000
#define SEED 20260101
#define ITEMS_MAX 5
#define ARENA_SIZE (64 * 1024)

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Numbers of every length, the ends of the range among them. */
static uint64_t random_number(uint64_t *random)
{
	uint64_t bits = next_random(random) % 65;

	if (bits == 0)
		return 0;
	return next_random(random) >> (64 - bits);
}

static void put_random_text(struct buffer *out, uint32_t number,
			    uint64_t *random)
{
	static const char *const texts[] = {
		"",
		"a@b",
		"bakery/till@demo",
		"gr\xc3\xbc\xc3\x9f dich",
		"0123456789abcdef",
		"a name longer than sixteen letters",
	};
	const char *text = texts[next_random(random) % COUNT_OF(texts)];

	buffer_put_tag(out, number, WIRE_BYTES);
	buffer_put_varint(out, strlen(text));
	buffer_put_text(out, text);
}

static void put_random_varint(struct buffer *out, uint32_t number,
			      uint64_t *random)
{
	buffer_put_tag(out, number, WIRE_VARINT);
	buffer_put_varint(out, random_number(random));
}

static void put_random_ref(struct buffer *out, uint32_t number,
			   uint64_t *random)
{
	uint8_t bytes[256];
	struct buffer ref;

	buffer_init(&ref, bytes, sizeof(bytes));
	for (uint64_t i = next_random(random) % 4; i > 0; i--) {
		if (next_random(random) % 2 == 0)
			put_random_varint(&ref, 1, random);
		else
			put_random_text(&ref, 2, random);
	}
	assert_false(ref.overflowed);
	buffer_put_tag(out, number, WIRE_BYTES);
	buffer_put_varint(out, ref.size);
	buffer_put(out, buffer_view(&ref));
}

/* Fields in any order, none, one or several of each, and unknown ones. */
static void put_random_item(struct buffer *out, uint64_t *random)
{
	uint8_t bytes[2048];
	struct buffer item;

	buffer_init(&item, bytes, sizeof(bytes));
	for (uint64_t i = next_random(random) % 14; i > 0; i--) {
		uint32_t number = (uint32_t)(next_random(random) % 10) + 1;

		if (number == 2 || number == 3)
			put_random_ref(&item, number, random);
		else if (number == 1 || number == 6 || number == 7 ||
			 number == 9)
			put_random_text(&item, number, random);
		else
			put_random_varint(&item, number, random);
	}
	assert_false(item.overflowed);
	buffer_put_tag(out, 1, WIRE_BYTES);
	buffer_put_varint(out, item.size);
	buffer_put(out, buffer_view(&item));
}

/* Decodes valid @bytes both ways; how many items there were. */
static uint32_t expect_same(struct slice bytes)
{
	_Alignas(16) static uint8_t memory[ARENA_SIZE];
	struct transfer_command *commands;
	struct arena arena;
	uint32_t count;

	arena_init(&arena, memory, sizeof(memory));
	assert_true(decode_post_transfers(bytes, &arena, UINT32_MAX, &commands,
					  &count));
	assert_true(oracle_same_request(bytes, commands, count));
	return count;
}

static void test_messages_transfer_equals_protobuf(void **state)
{
	/*
	 * Fields in any order and number, AccountRefs merged, the last
	 * member of a oneof, unknown fields: as protobuf-c reads them.
	 */
	uint64_t random = SEED;
	uint32_t items = 0;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint8_t bytes[ITEMS_MAX * 2100];
		struct buffer out;

		buffer_init(&out, bytes, sizeof(bytes));
		for (uint64_t i = next_random(&random) % ITEMS_MAX; i > 0; i--)
			put_random_item(&out, &random);
		if (next_random(&random) % 4 == 0)
			put_random_varint(&out, 3, &random);
		assert_false(out.overflowed);
		assert_true(rpc_request_valid(rpc_method_at(RPC_POST_TRANSFERS),
					      buffer_view(&out)));
		items += expect_same(buffer_view(&out));
	}
	assert_true(items > ROUNDS);
}

static void test_messages_transfer_mutations(void **state)
{
	/* A flipped byte: refused by the validator, or read alike. */
	uint64_t random = SEED + 1;
	uint32_t valid = 0;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint8_t bytes[ITEMS_MAX * 2100];
		struct buffer out;

		buffer_init(&out, bytes, sizeof(bytes));
		put_random_item(&out, &random);
		put_random_item(&out, &random);
		bytes[next_random(&random) % out.size] =
			(uint8_t)next_random(&random);
		if (!rpc_request_valid(rpc_method_at(RPC_POST_TRANSFERS),
				       buffer_view(&out)))
			continue;
		valid++;
		(void)expect_same(buffer_view(&out));
	}
	assert_in_range(valid, ROUNDS / 10, ROUNDS * 9 / 10);
}

static void test_messages_transfer_malformed(void **state)
{
	/* Should bytes come here unvalidated, nothing worse than false. */
	_Alignas(16) static uint8_t memory[ARENA_SIZE];
	uint64_t random = SEED + 2;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		struct transfer_command *commands;
		struct arena arena;
		uint8_t *bytes;
		size_t size = next_random(&random) % 40;
		uint32_t count;

		/* On the heap, so that a sanitizer sees a step too far. */
		bytes = malloc(size + 1);
		assert_non_null(bytes);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)(next_random(&random) % 32);
		bytes[0] = 0x0a;
		arena_init(&arena, memory, sizeof(memory));
		if (decode_post_transfers(slice_of(bytes, size), &arena,
					  UINT32_MAX, &commands, &count))
			assert_true(count <= size);
		free(bytes);
	}
}

static void test_messages_transfer_count_max(void **state)
{
	/* More items than are wanted: counted, not decoded. */
	_Alignas(16) static uint8_t memory[ARENA_SIZE];
	uint8_t bytes[64];
	struct transfer_command *commands;
	struct buffer out;
	struct arena arena;
	uint32_t count;

	(void)state;
	buffer_init(&out, bytes, sizeof(bytes));
	for (uint32_t i = 0; i < 10; i++)
		buffer_put(&out, SLICE("\x0a\x02\x20\x07"));
	arena_init(&arena, memory, 3 * sizeof(*commands));
	assert_false(decode_post_transfers(buffer_view(&out), &arena, 10,
					   &commands, &count));
	assert_true(decode_post_transfers(buffer_view(&out), &arena, 3,
					  &commands, &count));
	assert_int_equal(count, 10);
	assert_int_equal(commands[2].amount_minor, 7);
	arena_reset(&arena);
	assert_true(decode_post_transfers((struct slice){ 0 }, &arena, 3,
					  &commands, &count));
	assert_int_equal(count, 0);
}

static struct transfer_command random_command(uint64_t *random)
{
	static const char id[] = "0123456789abcdef";
	/* Long enough for sizes of two bytes. */
	static const char memo[] =
		"a memo of one hundred and thirty letters and more, so that "
		"the size of the item and of the memo itself take two bytes "
		"each on the wire....";
	struct transfer_command command = { 0 };

	command.id = slice_of(id, next_random(random) % 2 * 16);
	command.debit.id = random_number(random);
	if (next_random(random) % 2 == 0)
		command.credit.address = SLICE("bakery/till@demo");
	else
		command.credit.id = random_number(random);
	command.amount_minor = (int64_t)random_number(random);
	command.kind = (uint32_t)(next_random(random) % 9);
	command.reference = slice_of(id, next_random(random) % 2 * 16);
	command.memo = slice_of(memo, next_random(random) % sizeof(memo));
	command.linked = next_random(random) % 2 == 0;
	return command;
}

static void test_messages_transfer_request(void **state)
{
	/* What the client writes, protobuf-c and the node read. */
	struct transfer_command commands[ITEMS_MAX];
	uint8_t bytes[ITEMS_MAX * 600];
	uint64_t random = SEED + 3;

	(void)state;
	for (uint32_t round = 0; round < ROUNDS / 10; round++) {
		Clearing__V1__PostTransfersRequest *msg;
		struct buffer out;

		for (uint32_t i = 0; i < ITEMS_MAX; i++)
			commands[i] = random_command(&random);
		buffer_init(&out, bytes, sizeof(bytes));
		encode_post_transfers_request(&out, commands, ITEMS_MAX);
		assert_false(out.overflowed);
		assert_int_equal(expect_same(buffer_view(&out)), ITEMS_MAX);
		msg = clearing__v1__post_transfers_request__unpack(
			NULL, out.size, bytes);
		assert_non_null(msg);
		for (uint32_t i = 0; i < ITEMS_MAX; i++)
			assert_true(
				oracle_same(&commands[i], msg->transfers[i]));
		clearing__v1__post_transfers_request__free_unpacked(msg, NULL);
	}
}

static void test_messages_transfer_request_overflow(void **state)
{
	/* Too little room is said, whatever the size, and not overrun. */
	struct transfer_command command = { .debit.address = SLICE("a@b"),
					    .credit.id = 5,
					    .amount_minor = 1 };

	(void)state;
	for (size_t capacity = 0; capacity < 200; capacity++) {
		uint8_t *bytes = malloc(capacity + 1);
		struct buffer out;

		assert_non_null(bytes);
		buffer_init(&out, bytes, capacity);
		encode_post_transfers_request(&out, &command, 1);
		assert_true(out.overflowed || capacity > 100);
		assert_true(out.size <= capacity);
		free(bytes);
	}
}

static void expect_result(const Clearing__V1__TransferResult *found,
			  const struct answer *wanted)
{
	const struct refusal *refusal = NULL;

	assert_int_equal(found->refusal, wanted->refusal);
	assert_true(found->number == wanted->number);
	assert_true(found->position == wanted->position);
	assert_int_equal(found->recorded, wanted->recorded);
	if (wanted->refusal != 0)
		refusal = refusal_find(&transfer_refusals, wanted->refusal);
	assert_int_equal(found->retry, refusal != NULL && refusal->retry);
	assert_string_equal(found->message,
			    refusal != NULL ? refusal->sentence : "");
}

static void test_messages_transfer_results(void **state)
{
	/*
	 * Each answer is one result in its place: posted, recorded before,
	 * and every refusal with its sentence; the client reads them back.
	 */
	static const struct answer posted[] = {
		{ .number = 1, .position = 2 },
		{ .number = UINT64_MAX, .position = UINT64_MAX },
		{ .number = 300, .position = 0, .recorded = true },
		{ 0 },
	};
	struct answer answers[64] = { 0 }, back[64];
	static uint8_t bytes[32768];
	Clearing__V1__PostTransfersResponse *msg;
	struct buffer out;
	uint64_t position;
	uint32_t count = COUNT_OF(posted), found;

	(void)state;
	memcpy(answers, posted, sizeof(posted));
	for (uint32_t i = 0; i < transfer_refusals.count; i++)
		answers[count++].refusal = transfer_refusals.refusals[i].number;
	assert_in_range(count, 20, COUNT_OF(answers));
	buffer_init(&out, bytes, sizeof(bytes));
	encode_post_transfers(&out, answers, count, 4711);
	assert_false(out.overflowed);
	msg = clearing__v1__post_transfers_response__unpack(NULL, out.size,
							    bytes);
	assert_non_null(msg);
	assert_int_equal(msg->n_results, count);
	assert_int_equal(msg->position, 4711);
	for (uint32_t i = 0; i < count; i++)
		expect_result(msg->results[i], &answers[i]);
	assert_true(decode_post_transfers_response(
		buffer_view(&out), back, COUNT_OF(back), &found, &position));
	assert_int_equal(found, count);
	assert_int_equal(position, 4711);
	for (uint32_t i = 0; i < count; i++)
		expect_result(msg->results[i], &back[i]);
	assert_true(decode_post_transfers_response(buffer_view(&out), back, 2,
						   &found, &position));
	assert_int_equal(found, count);
	clearing__v1__post_transfers_response__free_unpacked(msg, NULL);
}

static void test_messages_transfer_response_malformed(void **state)
{
	/* A server that sends nonsense is told apart from one that answers. */
	static const struct slice cases[] = {
		SLICE("\x0a"),
		SLICE("\x0a\x05\x08"),
		SLICE("\x0a\x01\x08"),
		SLICE("\x10"),
		SLICE("\x0a\x02\x1a\x05"),
		SLICE("\x13"),
		SLICE("\x0a\x01\x0b"),
	};
	struct answer answer;
	uint64_t position;
	uint32_t count;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_false(decode_post_transfers_response(
			cases[i], &answer, 1, &count, &position));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_transfer_equals_protobuf),
		cmocka_unit_test(test_messages_transfer_mutations),
		cmocka_unit_test(test_messages_transfer_malformed),
		cmocka_unit_test(test_messages_transfer_count_max),
		cmocka_unit_test(test_messages_transfer_request),
		cmocka_unit_test(test_messages_transfer_request_overflow),
		cmocka_unit_test(test_messages_transfer_results),
		cmocka_unit_test(test_messages_transfer_response_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
