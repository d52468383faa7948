/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/idwindow.h"

#include "base/slice.h"

/*
 * Ids are kept by slots of time, 2^16 us each, in a ring.  So short, because
 * a full window gives up whole slots, and fresh ids with the newest of them.
 */
#define SLOT_SHIFT 16

/*
 * What is older than the start is freed little by little: at a million ids a
 * second one slot holds 65,000, which at once would hold up everybody.  The
 * ring has slots to spare for what waits to be freed.
 */
#define SLOTS_SPARE 1024
#define FREED_BY_ADVANCE_MAX 8192
#define FREED_BY_ADD_MAX 64

static uint64_t slot_of(uint64_t time_us)
{
	return time_us >> SLOT_SHIFT;
}

/* Slots from the one of the start to the one of now + skew, ends included. */
static uint32_t slots_for(uint64_t window_us)
{
	uint64_t count = slot_of(window_us + ID_SKEW_US) + 2 + SLOTS_SPARE;

	check(window_us > 0 && count < UINT32_MAX);
	return (uint32_t)count;
}

static size_t align(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

size_t idwindow_memory_size(uint32_t ids_max, uint64_t window_us)
{
	return align((size_t)ids_max * sizeof(struct remembered)) +
	       align((size_t)ids_max * sizeof(uint32_t)) +
	       align((size_t)slots_for(window_us) * sizeof(uint32_t)) +
	       align(index_memory_size(ids_max));
}

void idwindow_init(struct idwindow *window, uint32_t ids_max,
		   uint64_t window_us, struct siphash_key key, void *memory)
{
	uint8_t *at = memory;

	check(memory != NULL && (uintptr_t)memory % 16 == 0);
	check(ids_max > 0 && ids_max < INDEX_NONE);
	*window = (struct idwindow){
		.key = key,
		.entries_max = ids_max,
		.slot_count = slots_for(window_us),
		.window_us = window_us,
	};
	window->entries = (struct remembered *)at;
	at += align((size_t)ids_max * sizeof(struct remembered));
	window->chain = (uint32_t *)at;
	at += align((size_t)ids_max * sizeof(uint32_t));
	window->slots = (uint32_t *)at;
	at += align((size_t)window->slot_count * sizeof(uint32_t));
	index_init(&window->index, ids_max, at);
}

static uint64_t time_of(const struct id *id)
{
	return id_time_ms(id) * 1000;
}

static uint32_t hash_of(const struct idwindow *window, const struct id *id)
{
	return (uint32_t)siphash64(window->key, slice_of(id->bytes, ID_SIZE));
}

static uint32_t *slot_at(const struct idwindow *window, uint64_t slot)
{
	check(slot >= window->slot_first &&
	      slot - window->slot_first < window->slot_count);
	return &window->slots[slot % window->slot_count];
}

static uint32_t entry_find(const struct idwindow *window, const struct id *id,
			   uint32_t hash)
{
	struct index_cursor cursor;
	uint32_t at = index_first(&window->index, hash, &cursor);

	while (at != INDEX_NONE && !id_equal(&window->entries[at].id, id))
		at = index_next(&window->index, &cursor);
	return at;
}

static void entry_free(struct idwindow *window, uint32_t at)
{
	index_remove(&window->index, at,
		     hash_of(window, &window->entries[at].id));
	window->chain[at] = window->free;
	window->free = at + 1;
}

/* Frees an id of the oldest slot, or goes to the next slot if it has none. */
static uint32_t free_oldest(struct idwindow *window)
{
	uint32_t *slot = slot_at(window, window->slot_first);
	uint32_t at = *slot - 1;

	if (*slot == 0) {
		window->slot_first++;
		return 0;
	}
	*slot = window->chain[at];
	entry_free(window, at);
	return 1;
}

/* Frees ids of slots that the start has left behind, about @count_max. */
static void free_old(struct idwindow *window, uint32_t count_max)
{
	uint64_t first = slot_of(window->start_us);
	uint32_t count = 0;

	while (window->slot_first < first && window->index.count > 0 &&
	       count < count_max)
		count += free_oldest(window);
	if (window->slot_first < first && window->index.count == 0)
		window->slot_first = first;
}

/* (rule LEDGER-9): the start only ever moves up. */
static void move_start(struct idwindow *window, uint64_t start_us)
{
	if (start_us > window->start_us)
		window->start_us = start_us;
}

void idwindow_advance(struct idwindow *window, uint64_t now_us)
{
	if (now_us > window->window_us)
		move_start(window, now_us - window->window_us);
	free_old(window, FREED_BY_ADVANCE_MAX);
}

enum idwindow_place idwindow_place(const struct idwindow *window,
				   const struct id *id, uint64_t now_us)
{
	uint64_t time_us = time_of(id);

	/* (rule LEDGER-9) */
	if (time_us > now_us + ID_SKEW_US)
		return IDWINDOW_IN_FUTURE;
	if (time_us < window->start_us ||
	    (now_us > window->window_us &&
	     time_us < now_us - window->window_us))
		return IDWINDOW_TOO_OLD;
	return IDWINDOW_INSIDE;
}

const struct remembered *idwindow_find(const struct idwindow *window,
				       const struct id *id)
{
	uint32_t at;

	if (time_of(id) < window->start_us)
		return NULL;
	at = entry_find(window, id, hash_of(window, id));
	return at == INDEX_NONE ? NULL : &window->entries[at];
}

void idwindow_prefetch(const struct idwindow *window, const uint8_t *id)
{
	check(id != NULL);
	index_prefetch(&window->index,
		       (uint32_t)siphash64(window->key, slice_of(id, ID_SIZE)));
}

static bool is_full(const struct idwindow *window)
{
	return window->free == 0 && window->entries_used == window->entries_max;
}

/* The start moves to the end of the oldest slot that has ids. */
static void make_room(struct idwindow *window)
{
	check(window->index.count > 0);
	free_old(window, FREED_BY_ADD_MAX);
	if (window->free != 0)
		return;
	while (free_oldest(window) == 0)
		;
	move_start(window, (window->slot_first + 1) << SLOT_SHIFT);
}

/* The ring must reach from the oldest slot to that of @time_us. */
static void make_reach(struct idwindow *window, uint64_t time_us)
{
	/* No id is ever further ahead than the skew. */
	if (time_us > window->window_us + ID_SKEW_US)
		move_start(window, time_us - window->window_us - ID_SKEW_US);
	while (slot_of(time_us) >= window->slot_first + window->slot_count)
		free_old(window, FREED_BY_ADVANCE_MAX);
}

static uint32_t entry_take(struct idwindow *window)
{
	uint32_t at;

	if (window->free == 0)
		return window->entries_used++;
	at = window->free - 1;
	window->free = window->chain[at];
	return at;
}

void idwindow_add(struct idwindow *window, const struct remembered *what)
{
	uint64_t time_us = time_of(&what->id);
	uint32_t hash = hash_of(window, &what->id);
	uint32_t *slot, at;

	make_reach(window, time_us);
	if (time_us < window->start_us)
		return;
	check(entry_find(window, &what->id, hash) == INDEX_NONE);
	if (is_full(window))
		make_room(window);
	if (time_us < window->start_us)
		return;
	slot = slot_at(window, slot_of(time_us));
	at = entry_take(window);
	window->entries[at] = *what;
	window->chain[at] = *slot;
	*slot = at + 1;
	index_insert(&window->index, at, hash);
}

void idwindow_remove(struct idwindow *window, const struct id *id)
{
	uint32_t at = entry_find(window, id, hash_of(window, id));
	uint32_t *link;

	if (at == INDEX_NONE) {
		check(time_of(id) < window->start_us);
		return;
	}
	link = slot_at(window, slot_of(time_of(id)));
	while (*link != at + 1) {
		check(*link != 0);
		link = &window->chain[*link - 1];
	}
	*link = window->chain[at];
	entry_free(window, at);
}

uint32_t idwindow_count(const struct idwindow *window)
{
	return window->index.count;
}
