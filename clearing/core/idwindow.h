/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * idwindow: the command ids of the last day, so that nothing happens twice.
 *
 * An id is inside the window while start <= its time <= now + skew.  Ids
 * inside are remembered with their content and recorded answer, or were never
 * recorded; ids outside are refused and never looked up.  When memory is full
 * the start of the window moves up: an id is either remembered or refused
 * (rules LEDGER-8, LEDGER-9).
 *
 * Memory: 83 bytes an id (48 the record, 4 its chain, 31 the index), touched
 * only as ids come: 1.3 GB for 16 M.  Besides 4 bytes for each 2^16 us of the
 * window and the skew: 5.3 MB for a day.
 */
#ifndef CLEARING_CORE_IDWINDOW_H
#define CLEARING_CORE_IDWINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/index.h"
#include "base/siphash.h"
#include "core/id.h"

#define ID_WINDOW_US_DEFAULT (UINT64_C(24) * 3600 * 1000000)
#define ID_SKEW_US (UINT64_C(60) * 1000000)

/* What a remembered id was: every kind of changing command. */
enum command_kind {
	COMMAND_TRANSFER = 1,
	COMMAND_PLACE_HOLD = 2,
	COMMAND_POST_HOLD = 3,
	COMMAND_VOID_HOLD = 4,
	COMMAND_OPEN_ACCOUNT = 5,
	COMMAND_SET_LIMITS = 6,
	COMMAND_FREEZE = 7,
	COMMAND_UNFREEZE = 8,
	COMMAND_CLOSE = 9,
	COMMAND_PAY = 10,     /* a payment to or from another city */
	COMMAND_LINK = 11,    /* on a link: line, freeze, pause */
	COMMAND_REQUEST = 12, /* a payment request, its decline */
};

struct remembered {
	struct id id;
	struct hash128 content; /* all zero: cannot be compared any more */
	uint64_t number;	/* of the entry, or the account's id */
	uint64_t seq : 56;	/* of the block */
	uint64_t kind : 8;	/* enum command_kind */
};

struct idwindow {
	struct remembered *entries;
	uint32_t *chain; /* per entry: next of its slot or free, + 1 */
	uint32_t *slots; /* per time slot, a ring: newest entry + 1 */
	struct index index;
	struct siphash_key key;
	uint32_t entries_max;
	uint32_t entries_used; /* ever taken from the array */
	uint32_t free;	       /* head of the free list + 1 */
	uint32_t slot_count;
	uint64_t slot_first; /* absolute number of the oldest slot */
	uint64_t window_us;
	uint64_t start_us; /* never falls */
};

enum idwindow_place {
	IDWINDOW_INSIDE = 0,
	IDWINDOW_TOO_OLD,
	IDWINDOW_IN_FUTURE,
};

/* idwindow_memory_size: bytes for @ids_max ids over @window_us. */
size_t idwindow_memory_size(uint32_t ids_max, uint64_t window_us);

/*
 * idwindow_init: an empty window that starts at 0.
 *
 * @key     drawn at random at each start; never stored.
 * @memory  that many bytes, all zero, aligned to 16; the caller keeps them.
 */
void idwindow_init(struct idwindow *window, uint32_t ids_max,
		   uint64_t window_us, struct siphash_key key, void *memory);

/*
 * idwindow_advance: forget what @now_us has left behind; the start moves up to
 * @now_us - window.  Call once a loop turn, and for each block replayed.
 */
void idwindow_advance(struct idwindow *window, uint64_t now_us);

/* idwindow_place: where is @id as seen at @now_us? */
enum idwindow_place idwindow_place(const struct idwindow *window,
				   const struct id *id, uint64_t now_us);

/* idwindow_find: the remembered @id, or NULL.  Valid until the next change. */
const struct remembered *idwindow_find(const struct idwindow *window,
				       const struct id *id);

/* idwindow_prefetch: these 16 bytes will be looked for soon. */
void idwindow_prefetch(const struct idwindow *window, const uint8_t *id);

/*
 * idwindow_add: remember @what; its id must not be remembered yet (checked).
 *
 * Older than the window: nothing happens.  Full: the oldest slot of time that
 * has ids is given up first and the start moves up to its end, which may be
 * above the id itself; it is then not remembered but, like those, refused.
 */
void idwindow_add(struct idwindow *window, const struct remembered *what);

/*
 * idwindow_remove: forget @id (a group undone).  It must be remembered, or
 * older than the start (checked).
 */
void idwindow_remove(struct idwindow *window, const struct id *id);

/*
 * idwindow_count: ids in memory now, also those that are older than the start
 * and wait to be freed.
 */
uint32_t idwindow_count(const struct idwindow *window);

#endif
