/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/record.h"
#include "tools/bench/draw.h"
#include "tools/system.h"

#define ACCOUNTS 1000
#define BATCH 1000
#define CHUNK 100 /* batches between two readings of the clock */
#define IDS_MAX (4u << 20)
#define LIMIT_MINOR INT64_C(1000000000000)

struct inside {
	struct ledger ledger;
	struct block block;
	struct recorder recorder;
	struct effect *effects;
	struct answer *answers;
	struct transfer_command *commands;
	struct id *ids;
	uint8_t *payload;
	void *ledger_memory, *block_memory;
	struct caller caller;
	uint64_t accounts[ACCOUNTS];
	struct draw draw;
	uint64_t done;
};

static void *take(size_t size)
{
	/* calloc aligns to 16; pages that are not used stay untouched. */
	void *memory = calloc(1, size);

	check(memory != NULL);
	return memory;
}

/* Hands the full block over, as the journal would, and opens the next. */
static void close_block(struct inside *inside, uint64_t now_us)
{
	struct buffer payload;

	buffer_init(&payload, inside->payload, BLOCK_PAYLOAD_SIZE_MAX);
	block_encode(&inside->block, &payload);
	check(!payload.overflowed);
	ledger_block_done(&inside->ledger, &inside->block.header);
	block_init(&inside->block, inside->block_memory,
		   inside->ledger.next_number);
	inside->block.header = (struct block_header){
		.seq = inside->ledger.next_seq,
		.created_us = now_us,
	};
}

static void open_city(struct inside *inside, uint64_t now_us)
{
	struct event_genesis genesis = {
		.federation = SLICE("bench"),
		.city = SLICE("bench"),
		.unit = SLICE("credit"),
		.decimals = 2,
		.format = 1,
	};
	struct apply_fault fault;
	struct answer answer;

	record_genesis(&inside->block, &genesis);
	check(ledger_apply_block(&inside->ledger, &inside->block,
				 inside->effects, &fault) == APPLY_OK);
	close_block(inside, now_us);
	for (uint32_t i = 0; i < ACCOUNTS; i++) {
		struct id id = system_id();
		char address[64];

		snprintf(address, sizeof(address), "bench-%u@bench", i + 1);
		record_open_account(
			&inside->recorder,
			&(struct open_account_command){
				.id = slice_of(id.bytes, ID_SIZE),
				.address = slice_from_text(address),
				.credit_limit_minor = LIMIT_MINOR,
				.balance_ceiling_minor = LIMIT_MINOR,
				.gateway_allowed = true },
			&inside->caller, now_us, &answer);
		check(answer.refusal == 0);
		inside->accounts[i] = answer.number;
	}
	close_block(inside, now_us);
}

static struct inside *begin(void)
{
	struct ledger_options options = {
		.accounts_max = ACCOUNTS + 8,
		.holds_max = 8,
		.actors_max = 8,
		.ids_max = IDS_MAX,
		.id_window_us = ID_WINDOW_US_DEFAULT,
	};
	struct inside *inside = take(sizeof(*inside));

	system_random((uint8_t *)&options.key, sizeof(options.key));
	inside->ledger_memory = take(ledger_memory_size(&options));
	inside->block_memory = take(block_memory_size());
	inside->effects = take(BLOCK_ENTRIES_MAX * sizeof(struct effect));
	inside->answers = take(BATCH * sizeof(struct answer));
	inside->commands =
		take((size_t)BATCH * CHUNK * sizeof(struct transfer_command));
	inside->ids = take((size_t)BATCH * CHUNK * sizeof(struct id));
	inside->payload = take(BLOCK_PAYLOAD_SIZE_MAX);
	ledger_init(&inside->ledger, &options, inside->ledger_memory);
	block_init(&inside->block, inside->block_memory, 1);
	inside->recorder = (struct recorder){
		.ledger = &inside->ledger,
		.block = &inside->block,
		.effects = inside->effects,
		.sha256 = system_sha256,
		.random_fill = system_random,
	};
	inside->caller = (struct caller){
		.uri = SLICE("spiffe://bench/city/bench/gateway/bench"),
		.base = SLICE("spiffe://bench/city/bench/gateway/bench"),
	};
	draw_init(&inside->draw, inside->accounts, ACCOUNTS);
	open_city(inside, system_wall_us());
	return inside;
}

/* One chunk; its commands are made before the clock is read. */
static uint64_t run_chunk(struct inside *inside)
{
	uint64_t now_us = system_wall_us(), begun;

	draw_transfers(&inside->draw, inside->commands, inside->ids,
		       BATCH * CHUNK, now_us);
	begun = system_monotonic_us();
	for (uint32_t i = 0; i < CHUNK; i++) {
		if (!block_has_room(&inside->block, BATCH, 1))
			close_block(inside, now_us);
		record_transfers(&inside->recorder,
				 &inside->commands[(size_t)i * BATCH], BATCH,
				 &inside->caller, now_us, inside->answers);
		for (uint32_t k = 0; k < BATCH; k++)
			inside->done += inside->answers[k].refusal == 0;
	}
	return system_monotonic_us() - begun;
}

static void end(struct inside *inside)
{
	free(inside->payload);
	free(inside->ids);
	free(inside->commands);
	free(inside->answers);
	free(inside->effects);
	free(inside->block_memory);
	free(inside->ledger_memory);
	free(inside);
}

void inside_run(double seconds, struct figures *figures)
{
	struct inside *inside = begin();
	uint64_t spent_us = 0;

	while ((double)spent_us < seconds * 1e6)
		spent_us += run_chunk(inside);
	(void)figures_add(figures, "core", "transfers/s",
			  (double)inside->done * 1e6 / (double)spent_us);
	end(inside);
}
