/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the block codec writes, held against protobuf-c in both directions. */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/journal/v1/journal.pb-c.h"

#include "core/block.h"
#include "unit/block_equal.h"
#include "unit/random_block.h"

#define ROUNDS 200

typedef Clearing__Journal__V1__Block wire_block;

/* Memory that a test encodes from, to and decodes into. */
struct bench {
	struct block block; /* open */
	struct block decoded;
	struct buffer payload;
	struct arena arena;
	void *block_memory;
	void *arena_memory;
};

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	bench->block_memory = aligned_alloc(16, block_memory_size());
	bench->arena_memory = aligned_alloc(16, 4u << 20);
	/* Whatever was there before must not show. */
	memset(bench->block_memory, 0xa5, block_memory_size());
	memset(bench->arena_memory, 0xa5, 4u << 20);
	block_init(&bench->block, bench->block_memory, 1000);
	arena_init(&bench->arena, bench->arena_memory, 4u << 20);
	buffer_init(&bench->payload, malloc(BLOCK_PAYLOAD_SIZE_MAX),
		    BLOCK_PAYLOAD_SIZE_MAX);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	free(bench->block_memory);
	free(bench->arena_memory);
	free(bench->payload.data);
	free(bench);
	return 0;
}

static void encode(struct bench *bench)
{
	bench->payload.size = 0;
	block_encode(&bench->block, &bench->payload);
	assert_false(bench->payload.overflowed);
	assert_true(bench->payload.size <= bench->block.size_estimate);
}

static void decode(struct bench *bench, struct slice payload)
{
	struct block_fault fault;
	enum block_decode_result result;

	arena_reset(&bench->arena);
	result = block_decode(payload, bench->block.header.created_us,
			      &bench->arena, &bench->decoded, &fault);
	if (result != BLOCK_DECODED)
		print_error("%s: field %u, index %u\n",
			    block_decode_result_name(result), fault.field,
			    fault.index);
	assert_int_equal(result, BLOCK_DECODED);
}

/* Every mix of what a block may or may not have. */
static struct random_mix mix_of(struct random *random, uint32_t round)
{
	return (struct random_mix){
		.entry_count = (uint32_t)random_below(random, 50) +
			       (round % 20 == 0 ? 1000 : 0),
		.event_count = round % 3 == 0
				       ? 0
				       : 1 + (uint32_t)random_below(random, 12),
		.kinds = round & 1,
		.actors = round & 2,
		.transfer_kinds = round & 4,
		.wide = round & 8,
		.one_in = round & 16 ? 2 : 1000,
	};
}

static void make_round(struct bench *bench, uint32_t round)
{
	struct random random = { round };
	struct random_mix mix = mix_of(&random, round);

	if (mix.entry_count == 0)
		mix.entry_count = 1;
	block_init(&bench->block, bench->block_memory,
		   1 + random_below(&random, UINT64_C(1) << 53) / 2);
	random_block(&random, &mix, &bench->block);
}

static void test_block_round_trip(void **state)
{
	/* Goal: what is written is what is read, whatever the block has. */
	struct bench *bench = *state;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		make_round(bench, round);
		encode(bench);
		decode(bench, buffer_view(&bench->payload));
		assert_block_equal(&bench->block, &bench->decoded);
	}
}

static void test_block_canonical(void **state)
{
	/* Goal: a block that was read is written as the same bytes. */
	struct bench *bench = *state;
	struct buffer again;
	uint8_t *bytes = malloc(BLOCK_PAYLOAD_SIZE_MAX);

	for (uint32_t round = 0; round < ROUNDS; round++) {
		make_round(bench, round);
		encode(bench);
		decode(bench, buffer_view(&bench->payload));
		buffer_init(&again, bytes, BLOCK_PAYLOAD_SIZE_MAX);
		bench->decoded.header = bench->block.header;
		block_encode(&bench->decoded, &again);
		assert_slice_equal(buffer_view(&again),
				   buffer_view(&bench->payload));
	}
	free(bytes);
}

static void test_block_read_by_protobuf(void **state)
{
	/*
	 * Goal: protobuf-c reads each field as it was meant, and its own
	 * writing of what it read is our bytes, which we read again.
	 */
	struct bench *bench = *state;
	uint8_t *packed = malloc(BLOCK_PAYLOAD_SIZE_MAX);

	for (uint32_t round = 0; round < ROUNDS; round++) {
		wire_block *wire;
		size_t size;

		make_round(bench, round);
		encode(bench);
		wire = clearing__journal__v1__block__unpack(
			NULL, bench->payload.size, bench->payload.data);
		assert_non_null(wire);
		assert_wire_block(wire, &bench->block);
		assert_int_equal(
			clearing__journal__v1__block__get_packed_size(wire),
			bench->payload.size);
		size = clearing__journal__v1__block__pack(wire, packed);
		assert_slice_equal(slice_of(packed, size),
				   buffer_view(&bench->payload));
		decode(bench, slice_of(packed, size));
		assert_block_equal(&bench->block, &bench->decoded);
		clearing__journal__v1__block__free_unpacked(wire, NULL);
	}
	free(packed);
}

static void test_block_columns_absent(void **state)
{
	/* Goal: the common block has no column that says nothing. */
	struct bench *bench = *state;
	struct random random = { 1 };
	struct random_mix mix = { .entry_count = 100, .one_in = 1u << 30 };
	wire_block *wire;

	random_block(&random, &mix, &bench->block);
	encode(bench);
	wire = clearing__journal__v1__block__unpack(NULL, bench->payload.size,
						    bench->payload.data);
	assert_non_null(wire);
	assert_int_equal(wire->n_kind, 0);
	assert_int_equal(wire->n_actor, 1);
	assert_int_equal(wire->n_transfer_kind, 0);
	assert_int_equal(wire->n_reference_at, 0);
	assert_int_equal(wire->n_memo_at, 0);
	assert_int_equal(wire->n_expires, 0);
	assert_int_equal(wire->n_events, 0);
	clearing__journal__v1__block__free_unpacked(wire, NULL);
}

/* The worked example of proto/events.md. */
static const uint8_t example[] = {
	0x08, 0xe8, 0x07, 0x10, 0x02, 0x1a, 0x14, 0x71, 0x11, 0x82, 0x22, 0x33,
	0x33, 0x33, 0x33, 0x33, 0x33, 0x74, 0x44, 0x85, 0x55, 0x66, 0x66, 0x66,
	0x66, 0x66, 0x66, 0x22, 0x03, 0xf5, 0x01, 0x00, 0x2a, 0x02, 0x00, 0x01,
	0x32, 0x03, 0x07, 0xac, 0x02, 0x3a, 0x03, 0xac, 0x02, 0x07, 0x42, 0x03,
	0xe2, 0x09, 0x05, 0x5a, 0x01, 0x03, 0x8a, 0x01, 0x04, 0x80, 0x9c, 0x9c,
	0x39, 0xa2, 0x01, 0x1e, 0x12, 0x1c, 0x08, 0x03, 0x12, 0x18, 0x73, 0x70,
	0x69, 0x66, 0x66, 0x65, 0x3a, 0x2f, 0x2f, 0x66, 0x2f, 0x63, 0x69, 0x74,
	0x79, 0x2f, 0x63, 0x2f, 0x63, 0x6f, 0x6f, 0x70, 0x2f, 0x61, 0xa2, 0x01,
	0x05, 0x72, 0x00, 0x98, 0x06, 0x02,
};

static struct id parse_id(const char *text)
{
	struct id id;

	assert_true(id_parse(slice_from_text(text), &id));
	return id;
}

static void test_block_worked_example(void **state)
{
	/* Goal: the bytes that other implementers were shown, for ever. */
	struct bench *bench = *state;
	struct event actor = { .kind = EVENT_ACTOR_SEEN };
	struct event resumed = { .kind = EVENT_RESUMED, .after = 2 };
	struct entry paid = {
		.id = parse_id("019b76da-a800-7111-8222-333333333333"),
		.transfer_kind = TRANSFER_KIND_PAYMENT,
		.debit = 7,
		.credit = 300,
		.actor = 3,
		.amount = money_of(1250),
	};
	struct entry held = {
		.id = parse_id("019b76da-a87b-7444-8555-666666666666"),
		.kind = ENTRY_HOLD,
		.transfer_kind = TRANSFER_KIND_PAYMENT,
		.debit = 300,
		.credit = 7,
		.actor = 3,
		.amount = money_of(5),
		.expires_at_us = RANDOM_BLOCK_CREATED_US + 60000000,
	};

	bench->block.header.created_us = RANDOM_BLOCK_CREATED_US;
	actor.actor_seen.actor = 3;
	actor.actor_seen.uri = SLICE("spiffe://f/city/c/coop/a");
	block_add_event(&bench->block, &actor);
	block_add_entry(&bench->block, &paid, SLICE(""), paid.reference);
	block_add_entry(&bench->block, &held, SLICE(""), held.reference);
	block_add_event(&bench->block, &resumed);
	encode(bench);
	assert_slice_equal(buffer_view(&bench->payload),
			   slice_of(example, sizeof(example)));
	decode(bench, slice_of(example, sizeof(example)));
	assert_block_equal(&bench->block, &bench->decoded);
}

/* The dearest entry there is. */
static struct entry worst_entry(uint32_t i)
{
	struct random random = { i };
	struct entry entry = {
		.id = random_id(&random, false),
		.kind = ENTRY_VOID,
		.transfer_kind = (uint8_t)(1 + i % 6),
		.has_reference = true,
		.has_memo = true,
		.debit = INT32_MAX - i,
		.credit = INT32_MAX - 10000 - i,
		.actor = INT32_MAX - i,
		.amount = money_of(MONEY_MAX_MINOR - i),
	};

	entry.hold_id = entry.id;
	random_fill_bytes(&random, entry.reference, REFERENCE_SIZE);
	random_fill_bytes(&random, entry.memo_hash, SHA256_SIZE);
	return entry;
}

static void test_block_worst_fits(void **state)
{
	/*
	 * Goal: a full block of the dearest entries with the longest memos,
	 * and the actor it names, fits its row; there is then no more room.
	 */
	struct bench *bench = *state;
	uint8_t memo[MEMO_SIZE_MAX], uri[IDENTITY_URI_SIZE_MAX];
	struct event actor = { .kind = EVENT_ACTOR_SEEN };

	memset(memo, 'm', sizeof(memo));
	memset(uri, 'u', sizeof(uri));
	memcpy(uri, "spiffe://", 9);
	actor.actor_seen.actor = INT32_MAX;
	actor.actor_seen.uri = slice_of(uri, sizeof(uri));
	bench->block.header.created_us = 1;
	assert_true(block_has_room(&bench->block, BLOCK_ENTRIES_MAX, 1));
	assert_true(block_is_empty(&bench->block));
	block_add_event(&bench->block, &actor);
	for (uint32_t i = 0; i < BLOCK_ENTRIES_MAX; i++) {
		struct entry entry = worst_entry(i);

		block_add_entry(&bench->block, &entry,
				slice_of(memo, sizeof(memo)), entry.reference);
	}
	assert_true(block_is_full(&bench->block));
	assert_false(block_has_room(&bench->block, 1, 0));
	encode(bench);
	decode(bench, buffer_view(&bench->payload));
	assert_block_equal(&bench->block, &bench->decoded);
	assert_int_equal(bench->block.memo_count, BLOCK_ENTRIES_MAX);
}

static void test_block_is_full_by_size(void **state)
{
	/* Goal: a block of few but dear facts closes at 256 KiB. */
	struct bench *bench = *state;
	uint32_t i = 0;

	while (!block_is_full(&bench->block)) {
		struct entry entry = worst_entry(i++);

		block_add_entry(&bench->block, &entry, SLICE("m"),
				entry.reference);
	}
	assert_in_range(i, 2000, 4000);
	encode(bench);
	assert_in_range(bench->payload.size, BLOCK_FULL_SIZE * 8 / 10,
			BLOCK_FULL_SIZE + 200);
}

static void test_block_events_keep_room(void **state)
{
	/* Goal: as long as there is room it can be used, up to the last. */
	struct bench *bench = *state;
	uint8_t uri[IDENTITY_URI_SIZE_MAX];
	struct event actor = { .kind = EVENT_ACTOR_SEEN };

	memset(uri, 'u', sizeof(uri));
	memcpy(uri, "spiffe://", 9);
	actor.actor_seen.actor = INT32_MAX;
	actor.actor_seen.uri = slice_of(uri, sizeof(uri));
	while (block_has_room(&bench->block, 0, 1))
		block_add_event(&bench->block, &actor);
	assert_true(bench->block.event_count > 3000);
	encode(bench);
	decode(bench, buffer_view(&bench->payload));
	assert_int_equal(bench->decoded.event_count, bench->block.event_count);
}

static void test_block_rewind(void **state)
{
	/* Goal: after a rewind the block is what it was, memos and all. */
	struct bench *bench = *state;
	struct random random = { 7 };
	struct random_mix mix = {
		.entry_count = 20, .event_count = 5, .kinds = true, .one_in = 2
	};
	uint32_t entries, events, memos, estimate;
	uint8_t before[20000];
	size_t texts, size;

	random_block(&random, &mix, &bench->block);
	encode(bench);
	size = bench->payload.size;
	memcpy(before, bench->payload.data, size);
	entries = bench->block.entry_count;
	events = bench->block.event_count;
	memos = bench->block.memo_count;
	estimate = bench->block.size_estimate;
	texts = bench->block.texts.size;
	for (uint32_t i = 0; i < 10; i++) {
		struct entry entry = random_entry(&random, &mix);
		struct event event = random_event(&random);

		event.after = bench->block.entry_count;
		block_add_event(&bench->block, &event);
		block_add_entry(&bench->block, &entry, SLICE("x"),
				entry.id.bytes);
	}
	assert_true(bench->block.memo_count > memos);
	block_rewind(&bench->block, entries, events, texts);
	assert_int_equal(bench->block.memo_count, memos);
	assert_int_equal(bench->block.size_estimate, estimate);
	encode(bench);
	assert_slice_equal(buffer_view(&bench->payload),
			   slice_of(before, size));
}

static void test_block_keeps_texts(void **state)
{
	/* Goal: texts of events and memos live in the block, not outside. */
	struct bench *bench = *state;
	struct entry entry = worst_entry(1);
	struct event event = { .kind = EVENT_ACTOR_SEEN };
	char uri[] = "spiffe://f/city/c/coop/a", memo[] = "for bread";
	uint8_t salt[SALT_SIZE] = "sixteen bytes..";

	event.actor_seen.actor = 1;
	event.actor_seen.uri = slice_from_text(uri);
	block_add_event(&bench->block, &event);
	block_add_entry(&bench->block, &entry, slice_from_text(memo), salt);
	memset(uri, 'x', sizeof(uri) - 1);
	memset(memo, 'x', sizeof(memo) - 1);
	assert_slice_equal(bench->block.events[0].actor_seen.uri,
			   SLICE("spiffe://f/city/c/coop/a"));
	assert_slice_equal(bench->block.memos[0].text, SLICE("for bread"));
	assert_memory_equal(bench->block.memos[0].salt, salt, SALT_SIZE);
	assert_int_equal(bench->block.memos[0].index, 0);
}

static void test_block_small_buffer_overflows(void **state)
{
	/* Goal: too little room is said, and nothing is written behind it. */
	struct bench *bench = *state;
	size_t full;

	make_round(bench, 21);
	encode(bench);
	full = bench->payload.size;
	for (size_t room = 0; room < full; room += 7) {
		uint8_t *bytes = malloc(room + 1);
		struct buffer out;

		buffer_init(&out, bytes, room);
		block_encode(&bench->block, &out);
		assert_true(out.overflowed);
		assert_true(out.size <= room);
		free(bytes);
	}
}

/* Not SHA-256: keeps what it was given. */
static uint8_t hashed[1000];
static size_t hashed_size;

static void keep_hashed(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	memcpy(hashed, bytes.data, bytes.size);
	hashed_size = bytes.size;
	memset(out, 0x77, SHA256_SIZE);
}

static void test_block_hash_input(void **state)
{
	/* Goal: what is hashed is exactly what rule JOURNAL-2 says. */
	static const char expected[] =
		"clearing journal v1\0"
		"\x01\x02\x03\x04\x05\x06\x07\x08"
		"\0\0\0\0\0\0\x01\x02"
		"\0\0\0\0\0\0\x03\x04"
		"ppppppppppppppppppppppppppppppppPAYLOAD";
	struct block_header header = { .seq = 0x0102030405060708,
				       .epoch = 0x0102,
				       .created_us = 0x0304 };
	uint8_t scratch_bytes[200], hash[SHA256_SIZE];
	struct buffer scratch;

	(void)state;
	memset(header.prev_hash, 'p', SHA256_SIZE);
	buffer_init(&scratch, scratch_bytes, sizeof(scratch_bytes));
	block_hash(&header, SLICE("PAYLOAD"), keep_hashed, &scratch, hash);
	assert_slice_equal(slice_of(hashed, hashed_size),
			   slice_of(expected, sizeof(expected) - 1));
	assert_int_equal(hash[0], 0x77);
}

static void test_block_checks_facts(void **state)
{
	/* Goal: a fact that could not be read again is never recorded. */
	struct bench *bench = *state;
	struct entry good = worst_entry(1), entry = good;
	struct event event = { .kind = EVENT_HOLD_EXPIRED };

	entry.amount = MONEY_ZERO;
	expect_assert_failure(block_add_entry(&bench->block, &entry, SLICE("m"),
					      good.reference));
	entry = good;
	entry.debit = 0;
	expect_assert_failure(block_add_entry(&bench->block, &entry, SLICE("m"),
					      good.reference));
	entry = good;
	entry.kind = ENTRY_POST;
	expect_assert_failure(block_add_entry(&bench->block, &entry, SLICE("m"),
					      good.reference));
	expect_assert_failure(block_add_event(&bench->block, &event));
	event.kind = EVENT_RESUMED;
	event.after = 1;
	expect_assert_failure(block_add_event(&bench->block, &event));
	assert_true(block_is_empty(&bench->block));
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_block_round_trip),
		BENCH_TEST(test_block_canonical),
		BENCH_TEST(test_block_read_by_protobuf),
		BENCH_TEST(test_block_columns_absent),
		BENCH_TEST(test_block_worked_example),
		BENCH_TEST(test_block_worst_fits),
		BENCH_TEST(test_block_is_full_by_size),
		BENCH_TEST(test_block_events_keep_room),
		BENCH_TEST(test_block_rewind),
		BENCH_TEST(test_block_keeps_texts),
		BENCH_TEST(test_block_small_buffer_overflows),
		BENCH_TEST(test_block_hash_input),
		BENCH_TEST(test_block_checks_facts),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
