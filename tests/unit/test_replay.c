/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "unit/city.h"

#define ACCOUNTS 12
#define BLOCKS 60
#define COMMANDS_A_BLOCK 40
#define ARENA_SIZE (4u << 20)

/* A small generator of its own, so that a seed tells the whole story. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return *state >> 33;
}

struct story {
	struct city *city;
	uint64_t random;
	uint8_t holds[64][ID_SIZE];
	uint32_t hold_count;
};

static void random_transfer(struct story *s)
{
	struct transfer_command c =
		city_transfer(s->city, 3 + next_random(&s->random) % ACCOUNTS,
			      3 + next_random(&s->random) % ACCOUNTS,
			      1 + (int64_t)(next_random(&s->random) % 300));

	if (next_random(&s->random) % 4 == 0)
		c.memo = SLICE("flour");
	if (next_random(&s->random) % 4 == 0)
		c.reference = SLICE("0123456789abcdef");
	c.kind = (uint32_t)(next_random(&s->random) % 7);
	(void)city_post(s->city, &c);
}

static void random_hold(struct story *s)
{
	struct place_hold_command c = {
		.transfer = city_transfer(
			s->city, 3 + next_random(&s->random) % ACCOUNTS,
			3 + next_random(&s->random) % ACCOUNTS,
			1 + (int64_t)(next_random(&s->random) % 100)),
		.expires_at_us =
			s->city->now_us + 1 + next_random(&s->random) % 50000,
	};
	struct answer answer;

	record_place_hold(&s->city->recorder, &c, &s->city->gateway,
			  s->city->now_us, &answer);
	if (answer.refusal == 0)
		memcpy(s->holds[s->hold_count++ % COUNT_OF(s->holds)],
		       c.transfer.id.data, ID_SIZE);
}

static void random_end(struct story *s)
{
	uint64_t which = next_random(&s->random) % COUNT_OF(s->holds);
	struct slice hold_id = slice_of(s->holds[which], ID_SIZE);
	struct post_hold_command post = {
		.id = city_id(s->city),
		.hold_id = hold_id,
		.amount_minor = 1 + (int64_t)(next_random(&s->random) % 60),
	};
	struct void_hold_command give_back = { .id = city_id(s->city),
					       .hold_id = hold_id,
					       .reason = SLICE("spoilt") };
	struct answer answer;

	if (next_random(&s->random) % 2 == 0)
		record_post_hold(&s->city->recorder, &post, &s->city->gateway,
				 s->city->now_us, &answer);
	else
		record_void_hold(&s->city->recorder, &give_back,
				 &s->city->gateway, s->city->now_us, &answer);
}

static void random_account(struct story *s)
{
	struct account_command c = {
		.id = city_id(s->city),
		.account = { .id = 3 + next_random(&s->random) % ACCOUNTS },
		.reason = SLICE("the assembly said so"),
		.credit_limit_minor = (int64_t)(next_random(&s->random) % 2000),
		.balance_ceiling_minor =
			(int64_t)(next_random(&s->random) % 2000),
	};
	struct answer answer;

	record_account_command(
		&s->city->recorder,
		(enum account_command_kind)(next_random(&s->random) % 3), &c,
		&s->city->gateway, s->city->now_us, &answer);
}

static void random_command(struct story *s)
{
	uint64_t kind = next_random(&s->random) % 20;

	s->city->now_us += 1 + next_random(&s->random) % 2000;
	(void)record_expiries(&s->city->recorder, s->city->now_us, 5);
	if (kind < 11)
		random_transfer(s);
	else if (kind < 15)
		random_hold(s);
	else if (kind < 19)
		random_end(s);
	else
		random_account(s);
}

static void expect_sound(const struct city *city)
{
	__int128 issued = 0;

	assert_int_equal(city_sum(city), 0);
	for (uint32_t id = 3; id <= city->ledger.account_count; id++)
		if (city_balance(city, id) < 0)
			issued -= city_balance(city, id);
	assert_true(issued == city->ledger.credit_issued_minor);
}

/* What a second ledger does with the first one's journal. */
static void follow(struct city *copy, const struct block_header *header,
		   struct slice payload, const struct block *original)
{
	void *memory = aligned_alloc(16, ARENA_SIZE);
	struct arena arena;
	struct block block = { 0 };
	struct block_fault fault;
	struct apply_fault apply_fault;

	assert_non_null(memory);
	arena_init(&arena, memory, ARENA_SIZE);
	assert_int_equal(block_decode(payload, header->created_us, &arena,
				      &block, &fault),
			 BLOCK_DECODED);
	block.header = *header;
	block.memos = original->memos;
	block.memo_count = original->memo_count;
	assert_int_equal(ledger_apply_block(&copy->ledger, &block,
					    copy->effects, &apply_fault),
			 APPLY_OK);
	ledger_block_done(&copy->ledger, header);
	free(memory);
}

static void play(uint64_t seed)
{
	struct story s = { .city = city_create(), .random = seed };
	struct city *copy = city_create();
	char address[] = "a@demo";

	for (uint32_t i = 0; i < ACCOUNTS; i++, address[0]++)
		(void)city_open(s.city, address, 400, 600);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		struct block_header header;
		struct block original;
		struct slice payload;

		for (uint32_t i = 0; i < COMMANDS_A_BLOCK; i++)
			random_command(&s);
		expect_sound(s.city);
		/* Empty blocks are never written. */
		if (block_is_empty(&s.city->block))
			continue;
		original = s.city->block;
		payload = city_turn_block(s.city, &header);
		follow(copy, &header, payload, &original);
		free((void *)payload.data);
	}
	city_expect_same(&s.city->ledger, &copy->ledger);
	city_free(copy);
	city_free(s.city);
}

static void test_replay_gives_the_same_state(void **state)
{
	/* (rule JOURNAL-19) What was decided here is applied there, and both
	 * end alike, ids and contents included. */
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		play(seed);
}

static void test_replay_answers_retries_as_before(void **state)
{
	/* (rule LEDGER-8) A node that replayed knows ids and contents. */
	struct city *city = city_create(), *copy = city_create();
	uint32_t a = city_open(city, "a@demo", 100, 100);
	uint32_t b = city_open(city, "b@demo", 100, 100);
	struct transfer_command c = city_transfer(city, a, b, 7);
	struct block original;
	struct block_header header;
	struct slice payload;
	struct answer answer;

	(void)state;
	c.memo = SLICE("seeds");
	assert_int_equal(city_post(city, &c), 0);
	original = city->block;
	payload = city_turn_block(city, &header);
	follow(copy, &header, payload, &original);
	/* Its open block began before the replay. */
	copy->block.first_number = copy->ledger.next_number;
	record_transfers(&copy->recorder, &c, 1, &copy->gateway, copy->now_us,
			 &answer);
	assert_true(answer.recorded);
	assert_int_equal(answer.position, header.seq);
	c.memo = SLICE("other seeds");
	record_transfers(&copy->recorder, &c, 1, &copy->gateway, copy->now_us,
			 &answer);
	assert_int_equal(answer.refusal, TRANSFER_ID_CONFLICT);
	free((void *)payload.data);
	city_free(copy);
	city_free(city);
}

static void test_replay_stops_at_misfits(void **state)
{
	/* A fact that does not fit the state is named, and changes nothing. */
	struct city *city = city_create();
	uint32_t a = city_open(city, "a@demo", 100, 100);
	uint32_t b = city_open(city, "b@demo", 100, 100);
	struct id id;
	struct entry good = { .debit = a,
			      .credit = b,
			      .actor = 1,
			      .amount = money_of(5),
			      .transfer_kind = 1 };
	struct entry bad;
	struct effect effect;

	(void)state;
	assert_true(id_from_bytes(city_id(city), &id));
	good.id = id;
#define EXPECT(result, field, value)                                       \
	do {                                                               \
		bad = good;                                                \
		bad.field = (value);                                       \
		assert_int_equal(ledger_apply_entry(&city->ledger, &bad,   \
						    (struct hash128){ 0 }, \
						    &effect),              \
				 (result));                                \
	} while (0)
	EXPECT(APPLY_ACCOUNT_UNKNOWN, debit, 99);
	EXPECT(APPLY_ACCOUNT_UNKNOWN, credit, a);
	EXPECT(APPLY_ACTOR_UNKNOWN, actor, 7);
	EXPECT(APPLY_HOLD_UNKNOWN, kind, ENTRY_POST);
	EXPECT(APPLY_HOLD_UNKNOWN, kind, ENTRY_VOID);
#undef EXPECT
	assert_int_equal(city_balance(city, a), 0);
	assert_int_equal(ledger_apply_entry(&city->ledger, &good,
					    (struct hash128){ 0 }, &effect),
			 APPLY_OK);
	assert_int_equal(ledger_apply_entry(&city->ledger, &good,
					    (struct hash128){ 0 }, &effect),
			 APPLY_ID_TWICE);
	city_free(city);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replay_gives_the_same_state),
		cmocka_unit_test(test_replay_answers_retries_as_before),
		cmocka_unit_test(test_replay_stops_at_misfits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
