/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The journal's blocks in memory: slots, the queue, opening and closing.
 * Memory is taken once, for every block there can be, and touched as it is
 * used; free slots are a stack, so that a quiet node stays with a warm few.
 */
#include "store/journal_private.h"

#include <stdlib.h>
#include <string.h>

#define HASH_OVERHEAD 128

struct journal_slot *journal_at(const struct journal *journal, uint32_t place)
{
	uint32_t at = (journal->queue_first + place) % journal->slot_count;

	check(place < journal->queue_count);
	return &journal->slots[journal->queue[at]];
}

static bool create_slot(struct journal_slot *slot)
{
	slot->memory = calloc(1, block_memory_size());
	slot->payload = calloc(1, BLOCK_PAYLOAD_SIZE_MAX);
	slot->effects = calloc(BLOCK_ENTRIES_MAX, sizeof(struct effect));
	return slot->memory && slot->payload && slot->effects;
}

bool journal_slots_create(struct journal *journal)
{
	size_t count = journal->options.queue_blocks_max + 1;
	size_t scratch = BLOCK_PAYLOAD_SIZE_MAX + HASH_OVERHEAD;
	uint8_t *bytes = malloc(scratch);

	journal->slot_count = (uint32_t)count;
	journal->slots = calloc(count, sizeof(struct journal_slot));
	journal->free = calloc(count, sizeof(uint32_t));
	journal->queue = calloc(count, sizeof(uint32_t));
	journal->resolver.sent = calloc(count, sizeof(struct sent_block));
	buffer_init(&journal->scratch, bytes, scratch);
	if (!bytes || !journal->slots || !journal->free || !journal->queue ||
	    !journal->resolver.sent)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!create_slot(&journal->slots[i]))
			return false;
		journal->free[journal->free_count++] = i;
	}
	return true;
}

void journal_slots_free(struct journal *journal)
{
	for (uint32_t i = 0; journal->slots && i < journal->slot_count; i++) {
		free(journal->slots[i].memory);
		free(journal->slots[i].payload);
		free(journal->slots[i].effects);
	}
	free(journal->slots);
	free(journal->free);
	free(journal->queue);
	free(journal->resolver.sent);
	free(journal->scratch.data);
	pg_array_release(&journal->memo_index);
	pg_array_release(&journal->memo_text);
	pg_array_release(&journal->memo_salt);
}

/* An empty open block is always the next one, of this moment. */
static void stamp(struct journal *journal, struct journal_slot *slot,
		  uint64_t now_us)
{
	const struct ledger *ledger = journal->ledger;

	slot->block.header = (struct block_header){
		.seq = ledger->next_seq,
		.epoch = ledger->epoch,
		/* (rule LEDGER-17) */
		.created_us =
			now_us > ledger->time_us ? now_us : ledger->time_us,
	};
	slot->block.first_number = ledger->next_number;
}

void journal_open_slot(struct journal *journal, uint64_t now_us)
{
	uint32_t index, at;
	struct journal_slot *slot;

	check(!journal->open && journal->free_count > 0);
	index = journal->free[--journal->free_count];
	at = (journal->queue_first + journal->queue_count) %
	     journal->slot_count;
	journal->queue[at] = index;
	journal->queue_count++;
	journal->open = true;
	slot = &journal->slots[index];
	slot->answered = false;
	block_init(&slot->block, slot->memory, journal->ledger->next_number);
	stamp(journal, slot, now_us);
}

static struct journal_slot *open_slot(const struct journal *journal)
{
	if (!journal->open)
		return NULL;
	return journal_at(journal, journal->queue_count - 1);
}

void journal_close(struct journal *journal)
{
	struct journal_slot *slot = open_slot(journal);
	struct block_header *header;
	struct buffer payload;

	check(slot != NULL && !block_is_empty(&slot->block));
	if (journal->options.on_close != NULL)
		journal->options.on_close(journal->options.context,
					  &slot->block);
	header = &slot->block.header;
	check(header->seq == journal->newest.seq + 1);
	check(header->seq == journal->ledger->next_seq);
	buffer_init(&payload, slot->payload, BLOCK_PAYLOAD_SIZE_MAX);
	block_encode(&slot->block, &payload);
	check(!payload.overflowed);
	memcpy(header->prev_hash, journal->newest.hash, SHA256_SIZE);
	journal->scratch.size = 0;
	block_hash(header, buffer_view(&payload), journal->options.sha256,
		   &journal->scratch, header->hash);
	slot->closed = (struct closed_block){
		.header = *header,
		.payload = buffer_view(&payload),
		.entry_count = slot->block.entry_count,
		.effects = slot->effects,
		.memos = slot->block.memos,
		.memo_count = slot->block.memo_count,
	};
	ledger_block_done(journal->ledger, header);
	journal->newest = *header;
	journal->open = false;
}

/* (rule JOURNAL-6) Only ever the oldest, so the order is that of seq. */
void journal_pop(struct journal *journal)
{
	struct journal_slot *slot = journal_at(journal, 0);

	check(slot->closed.header.seq == journal->acknowledged.seq + 1);
	journal->acknowledged = slot->closed.header;
	journal->options.on_acknowledged(journal->options.context,
					 &slot->closed);
	journal->free[journal->free_count++] =
		journal->queue[journal->queue_first];
	journal->queue_first = (journal->queue_first + 1) % journal->slot_count;
	journal->queue_count--;
	if (journal->landed_count > 0)
		journal->landed_count--;
	else
		journal->sent_count--;
}

/* (rule JOURNAL-9) No position that was promised moves: what waits, serves. */
bool journal_barrier(struct journal *journal, uint64_t now_us)
{
	struct event resumed = { .kind = EVENT_RESUMED };
	struct journal_slot *slot = open_slot(journal);
	uint32_t closed = journal->queue_count - journal->open;
	enum apply_result result;

	if (closed > journal->landed_count + journal->sent_count)
		return true;
	if (slot == NULL && journal->free_count == 0)
		return false;
	if (slot == NULL)
		journal_open_slot(journal, now_us);
	slot = open_slot(journal);
	if (block_is_empty(&slot->block)) {
		stamp(journal, slot, now_us);
		result = ledger_apply_event(journal->ledger, &resumed,
					    (struct hash128){ 0 });
		check(result == APPLY_OK);
		block_add_event(&slot->block, &resumed);
	}
	journal_close(journal);
	return true;
}

struct block *journal_open(struct journal *journal, uint32_t entries,
			   uint32_t events, uint64_t now_us,
			   struct effect **effects)
{
	const struct journal_room room = { entries, events, 0 };

	check(entries <= BLOCK_ENTRIES_MAX && events <= BLOCK_EVENTS_MAX);
	return journal_open_for(journal, &room, now_us, effects);
}

static bool has_room(const struct journal_slot *slot,
		     const struct journal_room *room)
{
	return block_has_room_for(&slot->block, room->entries, room->events,
				  room->bytes) &&
	       !block_is_full(&slot->block);
}

struct block *journal_open_for(struct journal *journal,
			       const struct journal_room *room, uint64_t now_us,
			       struct effect **effects)
{
	struct journal_slot *slot = open_slot(journal);

	if (journal->state != JOURNAL_UP && journal->state != JOURNAL_DOUBT)
		return NULL;
	if (slot == NULL || !has_room(slot, room)) {
		/* (rule JOURNAL-25) The last slot is kept for the barrier. */
		if (journal->free_count <= 1)
			return NULL;
		if (slot != NULL)
			journal_close(journal);
		journal_open_slot(journal, now_us);
		slot = open_slot(journal);
	} else if (block_is_empty(&slot->block)) {
		stamp(journal, slot, now_us);
	}
	*effects = slot->effects;
	return &slot->block;
}
