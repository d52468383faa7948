/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the block codec writes, held against protobuf-c in both directions. */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/journal/v1/journal.pb-c.h"

#include "core/block.h"
#include "unit/random_block.h"

#define ROUNDS 200

typedef Clearing__Journal__V1__Block wire_block;
typedef Clearing__Journal__V1__Event wire_event;

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

static void assert_slice_equal(struct slice a, struct slice b)
{
	assert_int_equal(a.size, b.size);
	if (a.size > 0)
		assert_memory_equal(a.data, b.data, a.size);
}

static void assert_entry_equal(const struct entry *a, const struct entry *b)
{
	assert_true(id_equal(&a->id, &b->id));
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->transfer_kind, b->transfer_kind);
	assert_int_equal(a->debit, b->debit);
	assert_int_equal(a->credit, b->credit);
	assert_int_equal(a->actor, b->actor);
	assert_int_equal(money_minor(a->amount), money_minor(b->amount));
	assert_int_equal(a->expires_at_us, b->expires_at_us);
	assert_true(id_equal(&a->hold_id, &b->hold_id));
	assert_int_equal(a->has_reference, b->has_reference);
	if (a->has_reference)
		assert_memory_equal(a->reference, b->reference, REFERENCE_SIZE);
	assert_int_equal(a->has_memo, b->has_memo);
	if (a->has_memo)
		assert_memory_equal(a->memo_hash, b->memo_hash, SHA256_SIZE);
}

static void assert_account_equal(const struct event_account *a,
				 const struct event_account *b)
{
	assert_true(id_equal(&a->id, &b->id));
	assert_int_equal(a->actor, b->actor);
	assert_int_equal(a->account, b->account);
	assert_slice_equal(a->reason, b->reason);
	assert_int_equal(money_minor(a->credit_limit),
			 money_minor(b->credit_limit));
	assert_int_equal(money_minor(a->balance_ceiling),
			 money_minor(b->balance_ceiling));
	assert_int_equal(money_minor(a->old_credit_limit),
			 money_minor(b->old_credit_limit));
	assert_int_equal(money_minor(a->old_balance_ceiling),
			 money_minor(b->old_balance_ceiling));
	assert_slice_equal(a->local_address, b->local_address);
	assert_slice_equal(a->display_name, b->display_name);
	assert_int_equal(a->gateway_allowed, b->gateway_allowed);
}

static void assert_genesis_equal(const struct event_genesis *a,
				 const struct event_genesis *b)
{
	assert_slice_equal(a->federation, b->federation);
	assert_slice_equal(a->city, b->city);
	assert_slice_equal(a->unit, b->unit);
	assert_int_equal(a->decimals, b->decimals);
	assert_int_equal(a->format, b->format);
	assert_memory_equal(a->node_key, b->node_key, NODE_KEY_SIZE);
}

static void assert_event_equal(const struct event *a, const struct event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->after, b->after);
	switch (a->kind) {
	case EVENT_EPOCH_STARTED:
		assert_slice_equal(a->epoch_started.node,
				   b->epoch_started.node);
		assert_memory_equal(a->epoch_started.nonce,
				    b->epoch_started.nonce, NONCE_SIZE);
		break;
	case EVENT_ACTOR_SEEN:
		assert_int_equal(a->actor_seen.actor, b->actor_seen.actor);
		assert_slice_equal(a->actor_seen.uri, b->actor_seen.uri);
		break;
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		assert_account_equal(&a->account, &b->account);
		break;
	case EVENT_HOLD_EXPIRED:
		assert_true(id_equal(&a->hold_expired.hold_id,
				     &b->hold_expired.hold_id));
		break;
	case EVENT_GENESIS:
		assert_genesis_equal(&a->genesis, &b->genesis);
		break;
	case EVENT_RESUMED:
		break;
	}
}

static void assert_block_equal(const struct block *a, const struct block *b)
{
	assert_int_equal(a->first_number, b->first_number);
	assert_int_equal(a->entry_count, b->entry_count);
	assert_int_equal(a->event_count, b->event_count);
	for (uint32_t i = 0; i < a->entry_count; i++)
		assert_entry_equal(&a->entries[i], &b->entries[i]);
	for (uint32_t i = 0; i < a->event_count; i++)
		assert_event_equal(&a->events[i], &b->events[i]);
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

static void assert_bytes_equal(ProtobufCBinaryData a, const void *b,
			       size_t size)
{
	assert_int_equal(a.len, size);
	assert_memory_equal(a.data, b, size);
}

static void assert_text_equal(const char *a, struct slice b)
{
	assert_slice_equal(slice_from_text(a), b);
}

/* Compares each field of each account event with protobuf-c's reading. */
static void assert_wire_account(const wire_event *wire,
				const struct event_account *account)
{
	const Clearing__Journal__V1__AccountOpened *opened;
	const Clearing__Journal__V1__AccountLimitsSet *set;
	const Clearing__Journal__V1__AccountFrozen *frozen;

	if (wire->event_case ==
	    CLEARING__JOURNAL__V1__EVENT__EVENT_ACCOUNT_OPENED) {
		opened = wire->account_opened;
		assert_bytes_equal(opened->id, account->id.bytes,
				   account->actor == 0 ? 0 : ID_SIZE);
		assert_int_equal(opened->actor, account->actor);
		assert_int_equal(opened->account, account->account);
		assert_text_equal(opened->address, account->local_address);
		assert_text_equal(opened->display_name, account->display_name);
		assert_int_equal(opened->credit_limit,
				 money_minor(account->credit_limit));
		assert_int_equal(opened->balance_ceiling,
				 money_minor(account->balance_ceiling));
		assert_int_equal(opened->gateway_forbidden,
				 !account->gateway_allowed);
		return;
	}
	/* The four fields that all others begin with have one layout. */
	frozen = wire->account_frozen;
	assert_bytes_equal(frozen->id, account->id.bytes, ID_SIZE);
	assert_int_equal(frozen->actor, account->actor);
	assert_int_equal(frozen->account, account->account);
	assert_text_equal(frozen->reason, account->reason);
	if (wire->event_case !=
	    CLEARING__JOURNAL__V1__EVENT__EVENT_ACCOUNT_LIMITS_SET)
		return;
	set = wire->account_limits_set;
	assert_int_equal(set->credit_limit, money_minor(account->credit_limit));
	assert_int_equal(set->balance_ceiling,
			 money_minor(account->balance_ceiling));
	assert_int_equal(set->old_credit_limit,
			 money_minor(account->old_credit_limit));
	assert_int_equal(set->old_balance_ceiling,
			 money_minor(account->old_balance_ceiling));
}

static void assert_wire_genesis(const Clearing__Journal__V1__Genesis *wire,
				const struct event_genesis *genesis)
{
	assert_text_equal(wire->federation, genesis->federation);
	assert_text_equal(wire->city, genesis->city);
	assert_text_equal(wire->unit, genesis->unit);
	assert_int_equal(wire->decimals, genesis->decimals);
	assert_int_equal(wire->format, genesis->format);
	assert_bytes_equal(wire->node_key, genesis->node_key, NODE_KEY_SIZE);
}

static void assert_wire_event(const wire_event *wire, const struct event *event)
{
	assert_int_equal(wire->event_case, event->kind);
	assert_int_equal(wire->after, event->after);
	switch (event->kind) {
	case EVENT_EPOCH_STARTED:
		assert_text_equal(wire->epoch_started->node,
				  event->epoch_started.node);
		assert_bytes_equal(wire->epoch_started->nonce,
				   event->epoch_started.nonce, NONCE_SIZE);
		break;
	case EVENT_ACTOR_SEEN:
		assert_int_equal(wire->actor_seen->actor,
				 event->actor_seen.actor);
		assert_text_equal(wire->actor_seen->uri, event->actor_seen.uri);
		break;
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		assert_wire_account(wire, &event->account);
		break;
	case EVENT_HOLD_EXPIRED:
		assert_bytes_equal(wire->hold_expired->hold_id,
				   event->hold_expired.hold_id.bytes, ID_SIZE);
		break;
	case EVENT_GENESIS:
		assert_wire_genesis(wire->genesis, &event->genesis);
		break;
	case EVENT_RESUMED:
		break;
	}
}

/* Where the next value stands in the columns that not every entry is in. */
struct cursors {
	size_t hold_id, reference, memo, expires;
};

static void assert_wire_extras(const wire_block *wire, uint32_t i,
			       const struct entry *entry, struct cursors *at)
{
	if (entry->kind == ENTRY_HOLD)
		assert_int_equal(wire->expires[at->expires++],
				 entry->expires_at_us -
					 RANDOM_BLOCK_CREATED_US);
	if (entry->kind >= ENTRY_POST)
		assert_memory_equal(wire->hold_id.data +
					    ID_SIZE * at->hold_id++,
				    entry->hold_id.bytes, ID_SIZE);
	if (entry->has_reference) {
		assert_int_equal(wire->reference_at[at->reference], i);
		assert_memory_equal(wire->reference.data +
					    REFERENCE_SIZE * at->reference++,
				    entry->reference, REFERENCE_SIZE);
	}
	if (entry->has_memo) {
		assert_int_equal(wire->memo_at[at->memo], i);
		assert_memory_equal(wire->memo_hash.data +
					    SHA256_SIZE * at->memo++,
				    entry->memo_hash, SHA256_SIZE);
	}
}

static void assert_wire_entry(const wire_block *wire, uint32_t i,
			      const struct entry *entry)
{
	assert_memory_equal(wire->id_tail.data + ID_TAIL_SIZE * i,
			    entry->id.bytes + 6, ID_TAIL_SIZE);
	assert_int_equal(wire->id_ms[i],
			 (int64_t)id_time_ms(&entry->id) -
				 (int64_t)(RANDOM_BLOCK_CREATED_US / 1000));
	assert_int_equal(wire->n_kind == 0 ? 0 : wire->kind[i], entry->kind);
	assert_int_equal(wire->debit[i], entry->debit);
	assert_int_equal(wire->credit[i], entry->credit);
	assert_int_equal(wire->amount[i], money_minor(entry->amount));
	assert_int_equal(wire->actor[wire->n_actor == 1 ? 0 : i], entry->actor);
	if (wire->n_transfer_kind == 0)
		assert_int_equal(entry->transfer_kind, 1);
	else
		assert_int_equal(
			wire->transfer_kind[wire->n_transfer_kind == 1 ? 0 : i],
			entry->transfer_kind);
}

static void assert_wire_block(const wire_block *wire, const struct block *block)
{
	struct cursors at = { 0 };

	assert_int_equal(wire->first_number, block->first_number);
	assert_int_equal(wire->entry_count, block->entry_count);
	assert_int_equal(wire->n_debit, block->entry_count);
	assert_int_equal(wire->n_events, block->event_count);
	for (uint32_t i = 0; i < block->entry_count; i++) {
		assert_wire_entry(wire, i, &block->entries[i]);
		assert_wire_extras(wire, i, &block->entries[i], &at);
	}
	assert_int_equal(wire->n_expires, at.expires);
	assert_int_equal(wire->hold_id.len, at.hold_id * ID_SIZE);
	assert_int_equal(wire->n_reference_at, at.reference);
	assert_int_equal(wire->reference.len, at.reference * REFERENCE_SIZE);
	assert_int_equal(wire->n_memo_at, at.memo);
	assert_int_equal(wire->memo_hash.len, at.memo * SHA256_SIZE);
	for (uint32_t i = 0; i < block->event_count; i++)
		assert_wire_event(wire->events[i], &block->events[i]);
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
