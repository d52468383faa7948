/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What the block codec refuses, and where it says the fault is. */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "clearing/journal/v1/journal.pb-c.h"

#include "core/block.h"
#include "unit/random_block.h"

#define ENTRIES 4
#define EVENTS 3
#define PAYLOAD_MAX 4096
#define ARENA_SIZE BLOCK_DECODE_MEMORY_MAX

typedef Clearing__Journal__V1__Block wire_block;
typedef Clearing__Journal__V1__Event wire_event;

/* A sound block as protobuf-c's structs, for cases to spoil. */
struct sample {
	wire_block block;
	uint8_t id_tail[ENTRIES * ID_TAIL_SIZE];
	int64_t id_ms[ENTRIES + 1];
	uint32_t kind[ENTRIES + 1], debit[ENTRIES + 1], credit[ENTRIES + 1];
	uint32_t actor[ENTRIES + 1], transfer_kind[ENTRIES + 1];
	uint64_t amount[ENTRIES + 1];
	uint8_t hold_id[2 * ID_SIZE];
	uint32_t reference_at[2], memo_at[2];
	uint8_t reference[2 * REFERENCE_SIZE], memo_hash[2 * SHA256_SIZE];
	int64_t expires[2];
	wire_event events[EVENTS];
	wire_event *event_at[EVENTS];
	Clearing__Journal__V1__ActorSeen actor_seen;
	Clearing__Journal__V1__AccountOpened opened;
	Clearing__Journal__V1__AccountFrozen frozen;
	uint8_t id[ID_SIZE];
};

static void fill_columns(struct sample *s)
{
	static const struct sample fixed = {
		.id_ms = { 0, -5, 7, -86400000 },
		.kind = { ENTRY_TRANSFER, ENTRY_HOLD, ENTRY_POST, ENTRY_VOID },
		.debit = { 1, 300, 70000, INT32_MAX },
		.credit = { 2, 1, 2, 3 },
		.actor = { 1, 2, 1, 1 },
		.transfer_kind = { 1, 2, 1, 6 },
		.amount = { 1, 100, 1000000, MONEY_MAX_MINOR },
		.reference_at = { 0, 2 },
		.memo_at = { 1, 3 },
		.expires = { 3600000000 },
	};

	*s = fixed;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		s->id_tail[i * ID_TAIL_SIZE] = 0x70;
		s->id_tail[i * ID_TAIL_SIZE + 2] = 0x80;
		s->id_tail[i * ID_TAIL_SIZE + 9] = (uint8_t)i;
	}
	s->id[6] = s->hold_id[6] = s->hold_id[ID_SIZE + 6] = 0x70;
	s->id[8] = s->hold_id[8] = s->hold_id[ID_SIZE + 8] = 0x80;
}

static void point_columns(struct sample *s)
{
	wire_block *block = &s->block;

	clearing__journal__v1__block__init(block);
	block->first_number = 5;
	block->entry_count = ENTRIES;
	block->id_tail =
		(ProtobufCBinaryData){ sizeof(s->id_tail), s->id_tail };
	block->n_id_ms = block->n_kind = block->n_debit = ENTRIES;
	block->n_credit = block->n_amount = block->n_actor = ENTRIES;
	block->n_transfer_kind = ENTRIES;
	block->id_ms = s->id_ms;
	block->kind = s->kind;
	block->debit = s->debit;
	block->credit = s->credit;
	block->amount = s->amount;
	block->actor = s->actor;
	block->transfer_kind = s->transfer_kind;
	block->hold_id =
		(ProtobufCBinaryData){ sizeof(s->hold_id), s->hold_id };
	block->n_reference_at = block->n_memo_at = 2;
	block->reference_at = s->reference_at;
	block->reference =
		(ProtobufCBinaryData){ sizeof(s->reference), s->reference };
	block->memo_at = s->memo_at;
	block->memo_hash =
		(ProtobufCBinaryData){ sizeof(s->memo_hash), s->memo_hash };
	block->n_expires = 1;
	block->expires = s->expires;
}

static void fill_events(struct sample *s)
{
	for (uint32_t i = 0; i < EVENTS; i++) {
		clearing__journal__v1__event__init(&s->events[i]);
		s->event_at[i] = &s->events[i];
	}
	clearing__journal__v1__actor_seen__init(&s->actor_seen);
	s->actor_seen.actor = 2;
	s->actor_seen.uri = (char *)"spiffe://f/city/c/coop/a";
	s->events[0].event_case =
		CLEARING__JOURNAL__V1__EVENT__EVENT_ACTOR_SEEN;
	s->events[0].actor_seen = &s->actor_seen;
	clearing__journal__v1__account_opened__init(&s->opened);
	s->opened.id = (ProtobufCBinaryData){ ID_SIZE, s->id };
	s->opened.actor = 2;
	s->opened.account = 9;
	s->opened.address = (char *)"a/b";
	s->opened.display_name = (char *)"Bakery";
	s->events[1].event_case =
		CLEARING__JOURNAL__V1__EVENT__EVENT_ACCOUNT_OPENED;
	s->events[1].account_opened = &s->opened;
	s->events[1].after = 2;
	clearing__journal__v1__account_frozen__init(&s->frozen);
	s->frozen.id = s->opened.id;
	s->frozen.actor = 1;
	s->frozen.account = 3;
	s->frozen.reason = (char *)"lost key";
	s->events[2].event_case =
		CLEARING__JOURNAL__V1__EVENT__EVENT_ACCOUNT_FROZEN;
	s->events[2].account_frozen = &s->frozen;
	s->events[2].after = ENTRIES;
	s->block.n_events = EVENTS;
	s->block.events = s->event_at;
}

static void make_sample(struct sample *s)
{
	fill_columns(s);
	point_columns(s);
	fill_events(s);
}

/* Bytes that end where memory ends, so that ASan sees a read behind them. */
static enum block_decode_result decode(const uint8_t *bytes, size_t size,
				       struct block *out,
				       struct block_fault *fault)
{
	static _Alignas(16) uint8_t memory[ARENA_SIZE];
	uint8_t *copy = malloc(size > 0 ? size : 1);
	enum block_decode_result result;
	struct arena arena;

	if (size > 0)
		memcpy(copy, bytes, size);
	*fault = (struct block_fault){ 0 };
	arena_init(&arena, memory, sizeof(memory));
	result = block_decode(slice_of(copy, size), RANDOM_BLOCK_CREATED_US,
			      &arena, out, fault);
	free(copy);
	return result;
}

static size_t pack(const struct sample *s, uint8_t *out)
{
	size_t size = clearing__journal__v1__block__get_packed_size(&s->block);

	assert_true(size <= PAYLOAD_MAX);
	return clearing__journal__v1__block__pack(&s->block, out);
}

static void test_block_decode_reads_protobuf(void **state)
{
	/* Goal: what protobuf-c writes is read, each value where it belongs. */
	uint8_t bytes[PAYLOAD_MAX];
	struct block_fault fault;
	struct block block;
	struct sample s;

	(void)state;
	make_sample(&s);
	assert_int_equal(decode(bytes, pack(&s, bytes), &block, &fault),
			 BLOCK_DECODED);
	assert_int_equal(block.first_number, 5);
	assert_int_equal(block.entry_count, ENTRIES);
	assert_int_equal(id_time_ms(&block.entries[1].id),
			 RANDOM_BLOCK_CREATED_US / 1000 - 5);
	assert_int_equal(block.entries[3].id.bytes[15], 3);
	assert_int_equal(block.entries[3].kind, ENTRY_VOID);
	assert_int_equal(block.entries[3].debit, INT32_MAX);
	assert_int_equal(money_minor(block.entries[3].amount), MONEY_MAX_MINOR);
	assert_int_equal(block.entries[3].transfer_kind, 6);
	assert_int_equal(block.entries[1].actor, 2);
	assert_int_equal(block.entries[1].expires_at_us,
			 RANDOM_BLOCK_CREATED_US + 3600000000);
	assert_true(block.entries[2].has_reference);
	assert_false(block.entries[2].has_memo);
	assert_true(block.entries[3].has_memo);
	assert_int_equal(block.event_count, EVENTS);
	assert_int_equal(block.events[1].after, 2);
	assert_true(block.events[1].account.gateway_allowed);
	assert_int_equal(block.events[2].kind, EVENT_ACCOUNT_FROZEN);
}

/* Each spoils a sound sample in one way. */

static void spoil_count_high(struct sample *s)
{
	s->block.entry_count++;
}

static void spoil_count_huge(struct sample *s)
{
	s->block.entry_count = BLOCK_ENTRIES_MAX + 1;
}

static void spoil_count_none(struct sample *s)
{
	s->block.entry_count = 0;
}

static void spoil_number_none(struct sample *s)
{
	s->block.first_number = 0;
}

static void spoil_number_huge(struct sample *s)
{
	s->block.first_number = UINT64_C(1) << 53;
}

static void spoil_id_version(struct sample *s)
{
	s->id_tail[ID_TAIL_SIZE] = 0x40;
}

static void spoil_id_time(struct sample *s)
{
	s->id_ms[2] = -(int64_t)(RANDOM_BLOCK_CREATED_US / 1000) - 1;
}

static void spoil_id_time_far(struct sample *s)
{
	s->id_ms[2] = INT64_MIN;
}

static void spoil_times_short(struct sample *s)
{
	s->block.n_id_ms--;
}

static void spoil_kind_unknown(struct sample *s)
{
	s->kind[3] = 4;
}

static void spoil_kinds_long(struct sample *s)
{
	s->block.n_kind++;
}

static void spoil_kinds_all_zero(struct sample *s)
{
	memset(s->kind, 0, sizeof(s->kind));
}

static void spoil_debit_none(struct sample *s)
{
	s->debit[1] = 0;
}

static void spoil_debit_large(struct sample *s)
{
	s->debit[3] = UINT32_C(1) << 31;
}

static void spoil_debits_short(struct sample *s)
{
	s->block.n_debit--;
}

static void spoil_debits_long(struct sample *s)
{
	s->debit[4] = 1;
	s->block.n_debit++;
}

static void spoil_credit_none(struct sample *s)
{
	s->credit[0] = 0;
}

static void spoil_credits_none(struct sample *s)
{
	s->block.n_credit = 0;
}

static void spoil_amount_none(struct sample *s)
{
	s->amount[2] = 0;
}

static void spoil_amount_large(struct sample *s)
{
	s->amount[2] = (uint64_t)MONEY_MAX_MINOR + 1;
}

static void spoil_amount_huge(struct sample *s)
{
	s->amount[2] = UINT64_MAX;
}

static void spoil_hold_ids_short(struct sample *s)
{
	s->block.hold_id.len = ID_SIZE;
}

static void spoil_hold_id_version(struct sample *s)
{
	s->hold_id[ID_SIZE + 6] = 0x10;
}

static void spoil_actor_none(struct sample *s)
{
	s->actor[1] = 0;
}

static void spoil_actors_two(struct sample *s)
{
	s->block.n_actor = 2;
}

static void spoil_actors_equal(struct sample *s)
{
	s->actor[1] = 1;
}

static void spoil_transfer_kind_unknown(struct sample *s)
{
	s->transfer_kind[3] = 7;
}

static void spoil_transfer_kinds_equal(struct sample *s)
{
	for (uint32_t i = 0; i < ENTRIES; i++)
		s->transfer_kind[i] = 2;
}

static void spoil_transfer_kind_default(struct sample *s)
{
	s->block.n_transfer_kind = 1;
}

static void spoil_transfer_kinds_two(struct sample *s)
{
	s->block.n_transfer_kind = 2;
}

static void spoil_reference_falls(struct sample *s)
{
	s->reference_at[0] = 2;
}

static void spoil_reference_behind(struct sample *s)
{
	s->reference_at[1] = ENTRIES;
}

static void spoil_references_short(struct sample *s)
{
	s->block.reference.len -= 1;
}

static void spoil_reference_places(struct sample *s)
{
	s->block.n_reference_at = 1;
}

static void spoil_memo_on_post(struct sample *s)
{
	s->memo_at[0] = 2;
}

static void spoil_memo_places_long(struct sample *s)
{
	s->block.memo_hash.len = SHA256_SIZE;
}

static void spoil_memos_short(struct sample *s)
{
	s->block.memo_hash.len -= 3;
}

static void spoil_expiries_none(struct sample *s)
{
	s->block.n_expires = 0;
}

static void spoil_expiries_two(struct sample *s)
{
	s->block.n_expires = 2;
}

static void spoil_expiry_far(struct sample *s)
{
	s->expires[0] = INT64_C(1) << 53;
}

static void spoil_expiry_before_time(struct sample *s)
{
	s->expires[0] = -(int64_t)RANDOM_BLOCK_CREATED_US;
}

static void spoil_place_falls(struct sample *s)
{
	s->events[2].after = 1;
}

static void spoil_place_behind(struct sample *s)
{
	s->events[2].after = ENTRIES + 1;
}

static void spoil_place_huge(struct sample *s)
{
	s->events[2].after = UINT32_MAX;
}

static void spoil_event_none(struct sample *s)
{
	s->events[1].event_case = 0;
}

static void spoil_actor_seen_none(struct sample *s)
{
	s->actor_seen.actor = 0;
}

static void spoil_actor_seen_uri(struct sample *s)
{
	s->actor_seen.uri = (char *)"https://f/city/c";
}

static void spoil_opened_address(struct sample *s)
{
	s->opened.address = (char *)"a/B";
}

static void spoil_opened_name(struct sample *s)
{
	s->opened.display_name = (char *)"tab\there";
}

static void spoil_opened_utf8(struct sample *s)
{
	s->opened.display_name = (char *)"\xff";
}

static void spoil_opened_limit(struct sample *s)
{
	s->opened.credit_limit = (uint64_t)MONEY_MAX_MINOR + 1;
}

static void spoil_opened_actor(struct sample *s)
{
	s->opened.actor = 0;
}

static void spoil_opened_id_size(struct sample *s)
{
	s->opened.id.len = 15;
}

static void spoil_frozen_id(struct sample *s)
{
	s->frozen.id.len = 0;
}

static void spoil_frozen_reason(struct sample *s)
{
	s->frozen.reason = (char *)"";
}

static void spoil_frozen_account(struct sample *s)
{
	s->frozen.account = 0;
}

struct spoiled {
	void (*spoil)(struct sample *s);
	enum block_decode_result result;
	struct block_fault fault;
};

static const struct spoiled spoiled[] = {
	{ spoil_count_high, BLOCK_BAD_COLUMN, { 3, 0, false } },
	{ spoil_count_huge, BLOCK_TOO_LARGE, { 2, 0, false } },
	{ spoil_count_none, BLOCK_BAD_COLUMN, { 3, 0, false } },
	{ spoil_number_none, BLOCK_BAD_VALUE, { 1, 0, false } },
	{ spoil_number_huge, BLOCK_BAD_VALUE, { 1, 0, false } },
	{ spoil_id_version, BLOCK_BAD_VALUE, { 3, 1, false } },
	{ spoil_id_time, BLOCK_BAD_VALUE, { 3, 2, false } },
	{ spoil_id_time_far, BLOCK_BAD_VALUE, { 4, 2, false } },
	{ spoil_times_short, BLOCK_BAD_COLUMN, { 4, 0, false } },
	{ spoil_kind_unknown, BLOCK_UNKNOWN_KIND, { 5, 3, false } },
	{ spoil_kinds_long, BLOCK_BAD_COLUMN, { 5, 4, false } },
	{ spoil_kinds_all_zero, BLOCK_BAD_COLUMN, { 5, 0, false } },
	{ spoil_debit_none, BLOCK_BAD_VALUE, { 6, 1, false } },
	{ spoil_debit_large, BLOCK_BAD_VALUE, { 6, 3, false } },
	{ spoil_debits_short, BLOCK_BAD_COLUMN, { 6, 3, false } },
	{ spoil_debits_long, BLOCK_BAD_COLUMN, { 6, 4, false } },
	{ spoil_credit_none, BLOCK_BAD_VALUE, { 7, 0, false } },
	{ spoil_credits_none, BLOCK_BAD_COLUMN, { 7, 0, false } },
	{ spoil_amount_none, BLOCK_BAD_VALUE, { 8, 2, false } },
	{ spoil_amount_large, BLOCK_BAD_VALUE, { 8, 2, false } },
	{ spoil_amount_huge, BLOCK_BAD_VALUE, { 8, 2, false } },
	{ spoil_hold_ids_short, BLOCK_BAD_COLUMN, { 10, 0, false } },
	{ spoil_hold_id_version, BLOCK_BAD_VALUE, { 10, 3, false } },
	{ spoil_actor_none, BLOCK_BAD_VALUE, { 11, 1, false } },
	{ spoil_actors_two, BLOCK_BAD_COLUMN, { 11, 2, false } },
	{ spoil_actors_equal, BLOCK_BAD_COLUMN, { 11, 0, false } },
	{ spoil_transfer_kind_unknown, BLOCK_UNKNOWN_KIND, { 12, 3, false } },
	{ spoil_transfer_kinds_equal, BLOCK_BAD_COLUMN, { 12, 0, false } },
	{ spoil_transfer_kind_default, BLOCK_BAD_COLUMN, { 12, 0, false } },
	{ spoil_transfer_kinds_two, BLOCK_BAD_COLUMN, { 12, 2, false } },
	{ spoil_reference_falls, BLOCK_BAD_VALUE, { 13, 3, false } },
	{ spoil_reference_behind, BLOCK_BAD_VALUE, { 13, 1, false } },
	{ spoil_references_short, BLOCK_BAD_COLUMN, { 14, 1, false } },
	{ spoil_reference_places, BLOCK_BAD_COLUMN, { 13, 1, false } },
	{ spoil_memo_on_post, BLOCK_BAD_VALUE, { 15, 2, false } },
	{ spoil_memo_places_long, BLOCK_BAD_COLUMN, { 15, 4, false } },
	{ spoil_memos_short, BLOCK_BAD_COLUMN, { 16, 2, false } },
	{ spoil_expiries_none, BLOCK_BAD_COLUMN, { 17, 1, false } },
	{ spoil_expiries_two, BLOCK_BAD_COLUMN, { 17, 4, false } },
	{ spoil_expiry_far, BLOCK_BAD_VALUE, { 17, 1, false } },
	{ spoil_expiry_before_time, BLOCK_BAD_VALUE, { 17, 1, false } },
	{ spoil_place_falls, BLOCK_BAD_PLACE, { 20, 2, true } },
	{ spoil_place_behind, BLOCK_BAD_PLACE, { 20, 2, true } },
	{ spoil_place_huge, BLOCK_BAD_PLACE, { 20, 2, true } },
	{ spoil_event_none, BLOCK_MALFORMED, { 20, 1, true } },
	{ spoil_actor_seen_none, BLOCK_BAD_VALUE, { 20, 0, true } },
	{ spoil_actor_seen_uri, BLOCK_BAD_VALUE, { 20, 0, true } },
	{ spoil_opened_address, BLOCK_BAD_VALUE, { 20, 1, true } },
	{ spoil_opened_name, BLOCK_BAD_VALUE, { 20, 1, true } },
	{ spoil_opened_utf8, BLOCK_BAD_VALUE, { 20, 1, true } },
	{ spoil_opened_limit, BLOCK_BAD_VALUE, { 20, 1, true } },
	{ spoil_opened_actor, BLOCK_BAD_VALUE, { 20, 1, true } },
	{ spoil_opened_id_size, BLOCK_BAD_VALUE, { 20, 1, true } },
	{ spoil_frozen_id, BLOCK_BAD_VALUE, { 20, 2, true } },
	{ spoil_frozen_reason, BLOCK_BAD_VALUE, { 20, 2, true } },
	{ spoil_frozen_account, BLOCK_BAD_VALUE, { 20, 2, true } },
};

static void test_block_decode_refuses_spoiled(void **state)
{
	/* Goal: each thing that can be wrong is told, and where it is. */
	uint8_t bytes[PAYLOAD_MAX];
	struct block_fault fault;
	struct block block;
	struct sample s;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(spoiled); i++) {
		const struct spoiled *c = &spoiled[i];
		enum block_decode_result result;

		make_sample(&s);
		c->spoil(&s);
		result = decode(bytes, pack(&s, bytes), &block, &fault);
		if (result != c->result || fault.field != c->fault.field ||
		    fault.index != c->fault.index ||
		    fault.in_event != c->fault.in_event)
			fail_msg("case %zu: %s, field %u, index %u", i,
				 block_decode_result_name(result), fault.field,
				 fault.index);
	}
}

static void test_block_decode_truncated(void **state)
{
	/*
	 * Goal: a cut at any byte is refused, except between two events, where
	 * it is a sound block with fewer of them; nothing behind is read.
	 */
	uint8_t bytes[PAYLOAD_MAX];
	struct block_fault fault;
	uint32_t sound = 0;
	struct block block;
	struct sample s;
	size_t size;

	(void)state;
	make_sample(&s);
	size = pack(&s, bytes);
	for (size_t cut = 0; cut < size; cut++) {
		enum block_decode_result result =
			decode(bytes, cut, &block, &fault);

		if (result != BLOCK_DECODED)
			continue;
		assert_int_equal(block.event_count, sound);
		assert_int_equal(block.entry_count, ENTRIES);
		sound++;
	}
	assert_int_equal(sound, EVENTS);
}

static void test_block_decode_flipped(void **state)
{
	/*
	 * Goal: whatever a flipped bit makes of a block, it is refused or it
	 * is a block that is written as these very bytes.
	 */
	uint8_t bytes[PAYLOAD_MAX], again[PAYLOAD_MAX + 256];
	static _Alignas(16) uint8_t memory[ARENA_SIZE];
	struct block_fault fault;
	struct block block = { 0 };
	struct buffer out;
	struct sample s;
	struct arena arena;
	size_t size;

	(void)state;
	make_sample(&s);
	size = pack(&s, bytes);
	for (size_t bit = 0; bit < size * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		arena_init(&arena, memory, sizeof(memory));
		if (block_decode(slice_of(bytes, size), RANDOM_BLOCK_CREATED_US,
				 &arena, &block, &fault) == BLOCK_DECODED) {
			buffer_init(&out, again, sizeof(again));
			block.header.created_us = RANDOM_BLOCK_CREATED_US;
			block_encode(&block, &out);
			assert_int_equal(out.size, size);
			assert_memory_equal(again, bytes, size);
		}
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void test_block_decode_no_memory(void **state)
{
	/* Goal: an arena too small is said, and is no panic. */
	static _Alignas(16) uint8_t memory[ENTRIES * sizeof(struct entry)];
	uint8_t bytes[PAYLOAD_MAX];
	struct block_fault fault;
	struct block block;
	struct arena arena;
	struct sample s;
	size_t size;

	(void)state;
	make_sample(&s);
	size = pack(&s, bytes);
	arena_init(&arena, memory, sizeof(memory));
	assert_int_equal(block_decode(slice_of(bytes, size),
				      RANDOM_BLOCK_CREATED_US, &arena, &block,
				      &fault),
			 BLOCK_NO_MEMORY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_block_decode_reads_protobuf),
		cmocka_unit_test(test_block_decode_refuses_spoiled),
		cmocka_unit_test(test_block_decode_truncated),
		cmocka_unit_test(test_block_decode_flipped),
		cmocka_unit_test(test_block_decode_no_memory),
	};

	return cmocka_run_group_tests_name("block_decode", tests, NULL, NULL);
}
