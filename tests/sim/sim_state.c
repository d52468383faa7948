/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* A hash over a city's state, and the replay that must give it again. */
#include <stdlib.h>
#include <string.h>

#include "sim/sim_check.h"
#include "sim/sim_city.h"

static const struct siphash_key state_key = { 11, 13 };

static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
	return sum * UINT64_C(0x9e3779b97f4a7c15) +
	       siphash64(state_key, slice_of(bytes, size));
}

static uint64_t of_account(const struct account *account)
{
	uint64_t numbers[] = {
		account->id,
		account->state,
		account->holds_open,
		(uint64_t)money_minor(account->credit_limit),
		(uint64_t)money_minor(account->balance_ceiling),
		(uint64_t)money_minor(account->debits_posted),
		(uint64_t)money_minor(account->credits_posted),
		(uint64_t)money_minor(account->debits_pending),
		(uint64_t)money_minor(account->credits_pending),
		account->last_number,
	};

	return mix(0, numbers, sizeof(numbers));
}

static uint64_t of_holds(const struct ledger *ledger)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ledger->hold_count; i++) {
		const struct hold *hold = &ledger->holds[ledger->heap[i]];
		uint64_t numbers[] = { hold->number, hold->expires_at_us,
				       (uint64_t)money_minor(hold->amount),
				       hold->debit, hold->credit };

		/* In any order. */
		sum += mix(mix(0, numbers, sizeof(numbers)), hold->id.bytes,
			   ID_SIZE);
	}
	return sum;
}

static uint64_t of_boundary(const struct link_boundary *boundary)
{
	uint64_t numbers[] = { boundary->seq, boundary->promised_minor,
			       boundary->settled_minor,
			       boundary->released_minor,
			       boundary->journal_seq };

	return mix(mix(0, numbers, sizeof(numbers)), boundary->head,
		   SHA256_SIZE);
}

static uint64_t of_link(const struct link *link)
{
	uint64_t numbers[] = {
		link->number,
		link->account,
		of_boundary(&link->out),
		of_boundary(&link->in),
		of_boundary(&link->open),
		link->acknowledged,
		link->header_ack,
		link->journal_seq_seen,
		link->life.incarnation,
		link->reconciled.incarnation,
		link->peer_life.incarnation,
		link->own_lives.count,
		link->peer_lives.count,
		link->line_minor,
		link->frozen_here,
		link->frozen_there,
		link->paused,
		link->rewrite,
		link->pending_in_minor,
		link->pending_out_minor,
		link->pending_in_count,
		link->pending_out_count,
		link->boundary_count,
		link->recent_count,
		link->open_count,
		link->gone,
		(uint64_t)link->estate_minor,
	};

	return mix(0, numbers, sizeof(numbers));
}

static uint64_t of_payment(const struct payment *payment)
{
	uint64_t numbers[] = {
		payment->number,       payment->role,
		payment->in_state,     payment->out_state,
		payment->in_answered,  payment->booked,
		payment->duplicate,    payment->accepted,
		payment->attempt,      payment->in_link,
		payment->out_link,     payment->in_seq,
		payment->out_seq,      payment->answer_seq,
		payment->amount_minor, payment->decide_by_us,
		payment->started_us,   payment->ended_us,
		payment->account,      payment->actor,
		payment->reason,       payment->terms_size,
		payment->proof_size,   payment->key_size,
	};
	uint64_t sum = mix(0, numbers, sizeof(numbers));

	sum = mix(sum, payment->id.bytes, ID_SIZE);
	sum = mix(sum, payment->parent.bytes, ID_SIZE);
	sum = mix(sum, payment->hold_id.bytes, ID_SIZE);
	sum = mix(sum, payment->terms, payment->terms_size);
	sum = mix(sum, payment->proof, payment->proof_size);
	return mix(sum, payment->at_city, payment->at_city_size);
}

uint64_t sim_city_state(const struct ledger *ledger)
{
	const struct links *links = &ledger->links;
	uint64_t sum = 0;
	uint64_t numbers[] = {
		ledger->next_number,   ledger->next_seq,
		ledger->time_us,       ledger->actor_count,
		links->next_payment,   links->roster_version,
		links->payment_count,  of_holds(ledger),
		ledger->account_count, (uint64_t)ledger->credit_issued_minor,
		links->rejoin,
	};

	for (uint32_t i = 0; i < ledger->account_count; i++)
		sum = sum * 31 + of_account(&ledger->accounts[i]);
	for (uint32_t i = 0; i < links->link_count; i++)
		sum = sum * 31 + of_link(&links->links[i]);
	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		/* Slots are this process's own affair. */
		if (payment != NULL)
			sum += of_payment(payment);
	}
	return mix(sum, numbers, sizeof(numbers));
}

static void decode(struct sim_city *city, const struct sim_block *stored,
		   struct arena *arena, struct block *out)
{
	struct block_fault fault;
	enum block_decode_result result;

	arena_reset(arena);
	*out = (struct block){ .header = stored->header };
	result = block_decode(slice_of(stored->payload, stored->size),
			      stored->header.created_us, arena, out, &fault);
	if (result != BLOCK_DECODED)
		sim_fail(city->sim, "block %u of city %u does not decode: %s",
			 (uint32_t)stored->header.seq, city->number,
			 block_decode_result_name(result));
	out->header = stored->header;
}

static void apply(struct sim_city *city, struct ledger *ledger,
		  const struct block *block)
{
	struct apply_fault fault = { 0 };
	enum apply_result result =
		ledger_apply_block(ledger, block, city->effects, &fault);

	if (result != APPLY_OK)
		sim_fail(city->sim,
			 "block %u of city %u does not replay: %s at %s %u",
			 (uint32_t)block->header.seq, city->number,
			 apply_result_name(result),
			 fault.in_event ? "event" : "entry", fault.index);
	ledger_block_done(ledger, &block->header);
}

void sim_city_each_block(struct sim_city *city, sim_block_function *visit,
			 void *context)
{
	static void *memory;
	struct arena arena;
	struct block block;

	if (memory == NULL)
		memory = malloc(BLOCK_DECODE_MEMORY_MAX);
	check(memory != NULL);
	arena_init(&arena, memory, BLOCK_DECODE_MEMORY_MAX);
	for (uint32_t i = 0; i < city->store.count; i++) {
		decode(city, &city->store.blocks[i], &arena, &block);
		visit(city, &city->store.blocks[i], &block, context);
	}
}

struct replay {
	struct ledger *ledger;
	bool logs;
};

static void replay_block(struct sim_city *city, const struct sim_block *stored,
			 const struct block *block, void *context)
{
	const struct replay *replay = context;

	apply(city, replay->ledger, block);
	if (replay->logs)
		sim_store_follow(&city->store, block, block->header.seq);
	if (stored->has_state &&
	    stored->state != sim_city_state(replay->ledger))
		sim_fail(city->sim,
			 "block %u of city %u replays to another state",
			 (uint32_t)block->header.seq, city->number);
}

void sim_city_replay(struct sim_city *city, struct ledger *ledger, bool logs)
{
	struct replay replay = { ledger, logs };

	sim_city_each_block(city, replay_block, &replay);
}
