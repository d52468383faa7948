/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "tools/verify/replay.h"
#include "unit/city.h"

#define BLOCKS_MAX 4
#define MEMORY_SIZE (4u << 20)

/* A journal of a city that did everything right, ready to be damaged. */
struct journal {
	struct city *city;
	struct block_header headers[BLOCKS_MAX];
	struct slice payloads[BLOCKS_MAX];
	uint32_t count;
	uint32_t m1, m2;
	struct slice hold_id;
};

static void close_block(struct journal *journal)
{
	uint32_t at = journal->count++;

	assert_true(at < BLOCKS_MAX);
	journal->payloads[at] =
		city_turn_block(journal->city, &journal->headers[at]);
}

/* Block 1: accounts and transfers; 2: a hold; 3: it is posted, one freezes. */
static void make_journal(struct journal *journal)
{
	struct city *city = city_create();
	struct transfer_command command;
	struct answer answer;

	*journal = (struct journal){ .city = city };
	journal->m1 = city_open(city, "m1@demo", 1000, 1000);
	journal->m2 = city_open(city, "m2@demo", 1000, 1000);
	for (int i = 0; i < 3; i++) {
		command = city_transfer(city, journal->m1, journal->m2, 100);
		assert_int_equal(city_post(city, &command), 0);
	}
	close_block(journal);
	command = city_transfer(city, journal->m2, journal->m1, 50);
	journal->hold_id = command.id;
	record_place_hold(&city->recorder,
			  &(struct place_hold_command){
				  .transfer = command,
				  .expires_at_us = city->now_us + 60000000 },
			  &city->gateway, city->now_us, &answer);
	assert_int_equal(answer.refusal, 0);
	close_block(journal);
	record_post_hold(
		&city->recorder,
		&(struct post_hold_command){ .id = city_id(city),
					     .hold_id = journal->hold_id,
					     .amount_minor = 20 },
		&city->gateway, city->now_us, &answer);
	assert_int_equal(answer.refusal, 0);
	close_block(journal);
}

static void free_journal(struct journal *journal)
{
	for (uint32_t i = 0; i < journal->count; i++)
		free((void *)(uintptr_t)journal->payloads[i].data);
	city_free(journal->city);
}

/* A journal's blocks decoded, so that a test can change what they say. */
struct decoded {
	struct block blocks[BLOCKS_MAX];
	void *memory;
};

static void decode(const struct journal *journal, struct decoded *out)
{
	struct block_fault fault;
	struct arena arena;

	*out = (struct decoded){ .memory = malloc(MEMORY_SIZE) };
	assert_non_null(out->memory);
	arena_init(&arena, out->memory, MEMORY_SIZE);
	for (uint32_t i = 0; i < journal->count; i++) {
		assert_int_equal(block_decode(journal->payloads[i],
					      journal->headers[i].created_us,
					      &arena, &out->blocks[i], &fault),
				 BLOCK_DECODED);
		out->blocks[i].header = journal->headers[i];
	}
}

static void run_genesis(struct replay *replay)
{
	static const struct event_genesis genesis = {
		.federation = { (const uint8_t *)"f", 1 },
		.city = { (const uint8_t *)"demo", 4 },
		.unit = { (const uint8_t *)"credit", 6 },
		.decimals = 2,
		.format = 1,
	};
	void *memory = aligned_alloc(16, (block_memory_size() + 15) / 16 * 16);
	struct block block;

	assert_non_null(memory);
	block_init(&block, memory, 1);
	record_genesis(&block, &genesis);
	replay_block(replay, &block);
	free(memory);
}

static void run(const struct journal *journal, const struct decoded *decoded,
		struct findings *findings)
{
	struct replay replay;

	*findings = (struct findings){ 0 };
	assert_true(replay_init(&replay, findings));
	run_genesis(&replay);
	for (uint32_t i = 0; i < journal->count; i++)
		replay_block(&replay, &decoded->blocks[i]);
	replay_time(&replay, journal->city->now_us);
	if (!replay.stopped) {
		replay_sum(&replay);
		assert_int_equal(replay.entries, 5);
	}
	replay_release(&replay);
}

static void test_verify_replay_sound(void **state)
{
	/* Goal: a node that kept the rules leaves nothing to find. */
	static struct findings findings;
	struct journal journal;
	struct decoded decoded;

	(void)state;
	make_journal(&journal);
	decode(&journal, &decoded);
	run(&journal, &decoded, &findings);
	assert_int_equal(findings.count, 0);
	free(decoded.memory);
	free_journal(&journal);
}

static void pass_limit(struct decoded *decoded)
{
	decoded->blocks[0].entries[2].amount = money_of(801);
}

static void repeat_id(struct decoded *decoded)
{
	decoded->blocks[0].entries[2].id = decoded->blocks[0].entries[0].id;
}

static void repeat_id_later(struct decoded *decoded)
{
	decoded->blocks[2].entries[0].id = decoded->blocks[0].entries[0].id;
}

static void name_nobody(struct decoded *decoded)
{
	decoded->blocks[0].entries[1].credit = 77;
}

static void act_as_nobody(struct decoded *decoded)
{
	decoded->blocks[0].entries[1].actor = 77;
}

static void leave_a_gap(struct decoded *decoded)
{
	decoded->blocks[1].first_number++;
}

static void post_more(struct decoded *decoded)
{
	decoded->blocks[2].entries[0].amount = money_of(51);
}

static void post_late(struct decoded *decoded)
{
	decoded->blocks[2].header.created_us += 60000000;
}

static void open_twice(struct decoded *decoded)
{
	struct block *block = &decoded->blocks[0];

	for (uint32_t i = 0; i < block->event_count; i++) {
		if (block->events[i].kind == EVENT_ACCOUNT_OPENED)
			block->events[i].account.local_address = SLICE("m1");
	}
}

static void freeze_before(struct decoded *decoded)
{
	/* The second account's opening becomes the first one's freezing. */
	struct block *block = &decoded->blocks[0];

	for (uint32_t i = 0; i < block->event_count; i++) {
		struct event *event = &block->events[i];

		if (event->kind == EVENT_ACCOUNT_OPENED &&
		    event->account.account == 4) {
			event->kind = EVENT_ACCOUNT_FROZEN;
			event->account.account = 3;
			event->account.reason = SLICE("why");
		}
	}
	for (uint32_t i = 0; i < block->entry_count; i++)
		block->entries[i].credit = 2;
}

static void expire_early(struct decoded *decoded)
{
	static struct event expiry = { .kind = EVENT_HOLD_EXPIRED };
	struct block *block = &decoded->blocks[2];

	expiry.hold_expired.hold_id = block->entries[0].hold_id;
	block->entry_count = 0;
	block->events = &expiry;
	block->event_count = 1;
}

static void test_verify_replay_damage(void **state)
{
	/* Goal: what should not have happened, by its name and place. */
	static const struct {
		void (*damage)(struct decoded *decoded);
		enum finding_kind kind;
		int64_t block, entry;
	} cases[] = {
		{ pass_limit, FINDING_LIMIT_PASSED, 1, 2 },
		{ pass_limit, FINDING_CEILING_PASSED, 1, 2 },
		{ repeat_id, FINDING_ID_TWICE, 1, 2 },
		{ repeat_id_later, FINDING_ID_TWICE, 3, 0 },
		{ name_nobody, FINDING_ACCOUNT_UNKNOWN, 1, 1 },
		{ act_as_nobody, FINDING_ACTOR_UNKNOWN, 1, 1 },
		{ leave_a_gap, FINDING_NUMBER_GAP, 2, NOWHERE },
		{ post_more, FINDING_HOLD_UNFIT, 3, 0 },
		{ post_late, FINDING_HOLD_ENDED_LATE, 3, 0 },
		{ open_twice, FINDING_FACT_UNFIT, 1, NOWHERE },
		{ freeze_before, FINDING_ACCOUNT_NOT_OPEN, 1, 0 },
	};
	static struct findings findings;
	struct journal journal;

	(void)state;
	make_journal(&journal);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct decoded decoded;
		bool found = false;

		decode(&journal, &decoded);
		cases[i].damage(&decoded);
		run(&journal, &decoded, &findings);
		for (uint32_t k = 0; k < findings.kept_count; k++)
			found |= findings.kept[k].kind == cases[i].kind &&
				 findings.kept[k].block == cases[i].block &&
				 findings.kept[k].entry == cases[i].entry;
		assert_true(found);
		free(decoded.memory);
	}
	free_journal(&journal);
}

static void test_verify_replay_expiry(void **state)
{
	/* Goal: a hold that expired before its time is seen when the next
	 * block tells how late it was by then. */
	static struct findings findings;
	struct journal journal;
	struct decoded decoded;
	struct replay replay;

	(void)state;
	make_journal(&journal);
	decode(&journal, &decoded);
	expire_early(&decoded);
	assert_true(replay_init(&replay, &findings));
	run_genesis(&replay);
	for (uint32_t i = 0; i < journal.count; i++)
		replay_block(&replay, &decoded.blocks[i]);
	assert_int_equal(findings.count, 0);
	replay_time(&replay, journal.city->now_us + 60000000);
	assert_int_equal(findings.count, 0);
	replay_release(&replay);

	assert_true(replay_init(&replay, &findings));
	run_genesis(&replay);
	for (uint32_t i = 0; i < journal.count; i++)
		replay_block(&replay, &decoded.blocks[i]);
	replay_time(&replay, journal.city->now_us + 50000000);
	assert_int_equal(findings.count_by[FINDING_HOLD_EXPIRED_EARLY], 1);
	assert_int_equal(findings.count, 1);
	replay_release(&replay);
	free(decoded.memory);
	free_journal(&journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify_replay_sound),
		cmocka_unit_test(test_verify_replay_damage),
		cmocka_unit_test(test_verify_replay_expiry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
