/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_store.h"

#include <stdlib.h>
#include <string.h>

static void *copy_of(struct slice bytes)
{
	void *copy = malloc(bytes.size > 0 ? bytes.size : 1);

	check(copy != NULL);
	if (bytes.size > 0)
		memcpy(copy, bytes.data, bytes.size);
	return copy;
}

/* Room for one more item of @size bytes. */
static void *grown(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity == 0 ? 16 : *capacity * 2;
	items = realloc(items, *capacity * size);
	check(items != NULL);
	return items;
}

static void log_cut(struct sim_log *log, uint32_t count)
{
	while (log->count > count)
		free(log->batches[--log->count].bytes);
}

static void forget_logs(struct sim_store *store)
{
	for (uint32_t i = 0; i < SIM_LINKS_MAX; i++) {
		log_cut(&store->own[i], 0);
		log_cut(&store->taken[i], 0);
	}
}

void sim_store_free(struct sim_store *store)
{
	sim_store_cut(store, 0);
	for (uint32_t i = 0; i < SIM_LINKS_MAX; i++) {
		free(store->own[i].batches);
		free(store->taken[i].batches);
	}
	free(store->blocks);
	*store = (struct sim_store){ 0 };
}

struct sim_block *sim_store_add(struct sim_store *store,
				const struct block_header *header,
				struct slice payload)
{
	struct sim_block *block;

	check(header->seq == store->count);
	store->blocks = grown(store->blocks, store->count, &store->capacity,
			      sizeof(*store->blocks));
	block = &store->blocks[store->count++];
	*block = (struct sim_block){
		.header = *header,
		.payload = copy_of(payload),
		.size = payload.size,
	};
	return block;
}

void sim_store_cut(struct sim_store *store, uint32_t count)
{
	forget_logs(store);
	while (store->count > count)
		free(store->blocks[--store->count].payload);
	if (store->acknowledged > count)
		store->acknowledged = count;
}

static void log_add(struct sim_log *log, struct slice bytes, uint64_t block)
{
	struct link_header header;
	struct link_batch batch;

	check(linklog_batch(bytes, &batch) == LINKLOG_OK &&
	      linklog_header(batch.header, &header) == LINKLOG_OK);
	log->batches = grown(log->batches, log->count, &log->capacity,
			     sizeof(*log->batches));
	log->batches[log->count++] = (struct sim_batch){
		.first_seq = header.first_seq,
		.last_seq = header.first_seq + header.count - 1,
		.block = block,
		.bytes = copy_of(bytes),
		.size = bytes.size,
	};
}

static void withdraw(struct sim_log *log, uint64_t seq)
{
	uint32_t count = log->count;

	while (count > 0 && log->batches[count - 1].last_seq > seq)
		count--;
	log_cut(log, count);
}

void sim_store_follow(struct sim_store *store, const struct block *block,
		      uint64_t seq)
{
	for (uint32_t i = 0; i < block->event_count; i++) {
		const struct event *event = &block->events[i];
		uint32_t at = event->link.link - 1;

		switch (event->kind) {
		case EVENT_LINK_BATCH_SEALED:
		case EVENT_LINK_BATCH_ADOPTED:
			log_add(&store->own[at], event->link.batch, seq);
			break;
		case EVENT_LINK_BATCH_TAKEN:
			log_add(&store->taken[at], event->link.batch, seq);
			break;
		case EVENT_LINK_WITHDRAWN:
			withdraw(&store->own[at], event->link.seq);
			break;
		}
	}
}

uint32_t sim_log_from(const struct sim_log *log, uint64_t seq)
{
	uint32_t low = 0, high = log->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (log->batches[middle].last_seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct sim_batch *sim_log_at(const struct sim_log *log, uint64_t seq)
{
	uint32_t at = sim_log_from(log, seq);

	if (at == log->count || log->batches[at].first_seq != seq)
		return NULL;
	return &log->batches[at];
}
