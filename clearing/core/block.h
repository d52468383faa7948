/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * block: a journal block's payload as bytes, and the hash that chains it.
 *
 * The payload is one protobuf message, clearing.journal.v1.Block
 * (proto/clearing/journal/v1/journal.proto; proto/events.md), entries as
 * columns, so that any language can read it.  This codec is by hand because it
 * is the hot path; a test and a fuzzer hold it against protobuf-c.
 *
 * Rules JOURNAL-2, JOURNAL-14, JOURNAL-15, JOURNAL-24 (proto/README.md).
 */
#ifndef CLEARING_CORE_BLOCK_H
#define CLEARING_CORE_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/check.h"
#include "core/event.h"

/* Entries a block: one full request always fits an empty block. */
#define BLOCK_ENTRIES_MAX 8190
/* Events a block: commands on accounts, expiries (1,000 a loop turn). */
#define BLOCK_EVENTS_MAX 4096
/* The journal's CHECK on payload; the worst full block stays below. */
#define BLOCK_PAYLOAD_SIZE_MAX (1u << 20)
/* Bytes of event texts and memos a block holds beside its columns. */
#define BLOCK_TEXT_SIZE_MAX (2u << 20)
/* A block is closed when it reaches one of these (rule JOURNAL-7). */
#define BLOCK_FULL_ENTRIES 8190
#define BLOCK_FULL_SIZE (256u << 10)

/* Arena that any block can be decoded into. */
#define BLOCK_DECODE_MEMORY_MAX                     \
	(BLOCK_ENTRIES_MAX * sizeof(struct entry) + \
	 BLOCK_EVENTS_MAX * sizeof(struct event) + 64)

/* SHA-256 as a function passed in: the pure layers link no library. */
typedef void sha256_function(struct slice bytes, uint8_t out[SHA256_SIZE]);

/* What is hashed before the payload. */
#define BLOCK_HASH_HEAD_SIZE (20 + 3 * 8 + SHA256_SIZE)

struct block_header {
	uint64_t seq;
	uint32_t epoch;
	uint64_t created_us; /* microseconds since 1970, never falling */
	uint8_t prev_hash[SHA256_SIZE];
	uint8_t hash[SHA256_SIZE];
};

/* A memo's text, which stands beside the chain (rule JOURNAL-24). */
struct block_memo {
	uint32_t index; /* of its entry in the block */
	struct slice text;
	uint8_t salt[SALT_SIZE];
};

/*
 * An open or decoded block.  The arrays are the owner's: see block_init() and
 * block_decode().  An entry's .reference and .memo_hash mean something only
 * where its flags say so.
 */
struct block {
	struct block_header header;
	uint64_t first_number; /* of entries[0], or of the next one */
	uint32_t entry_count;
	uint32_t event_count;
	uint32_t memo_count;
	struct entry *entries;
	struct event *events;	  /* in order of .after, then as recorded */
	struct block_memo *memos; /* open blocks only; never in the payload */
	struct buffer texts;	  /* where an open block keeps its texts */
	uint32_t size_estimate;	  /* of the payload, kept while it grows */
	/* Kept free for what the block's end adds: batches of links. */
	uint32_t reserved_size;
	uint32_t reserved_events;
};

/* block_memory_size: bytes that block_init() wants. */
size_t block_memory_size(void);

/*
 * block_init: an empty open block over block_memory_size() bytes at @memory,
 * aligned to 16, which the caller keeps; may be called again to reuse them.
 * The memory need not be cleared and is touched only as the block fills.
 *
 * @first_number  the number that its first entry will have.
 */
void block_init(struct block *block, void *memory, uint64_t first_number);

/*
 * block_add_entry, block_add_event: record one more fact.
 *
 * Texts are copied.  @memo and @salt are used when @entry->has_memo.
 * The caller asked block_has_room() before, @event->after does not fall, and
 * every value is one that block_decode() takes (checked).
 */
void block_add_entry(struct block *block, const struct entry *entry,
		     struct slice memo, const uint8_t salt[SALT_SIZE]);
void block_add_event(struct block *block, const struct event *event);

/*
 * block_rewind: take back everything recorded since the block had these
 * counts and @texts_size == block->texts.size (a linked group that failed).
 */
void block_rewind(struct block *block, uint32_t entry_count,
		  uint32_t event_count, size_t texts_size);

/* block_has_room: do @entries more entries and @events more events fit? */
bool block_has_room(const struct block *block, uint32_t entries,
		    uint32_t events);

/* block_has_room_for: likewise, and @bytes more of events' texts? */
bool block_has_room_for(const struct block *block, uint32_t entries,
			uint32_t events, size_t bytes);

/*
 * block_reserve: keep room for @events events of @bytes in all, which the
 * block's end will add; there is room (checked).  A block with something
 * reserved is not empty.  block_release: nothing is kept any more.
 */
void block_reserve(struct block *block, uint32_t events, size_t bytes);
void block_release(struct block *block);

/* transfer_kind_valid: may an entry of the journal have this kind? */
bool transfer_kind_valid(uint32_t kind);

/* block_is_full: has it reached a size at which it is to be closed? */
bool block_is_full(const struct block *block);

/* block_is_empty: nothing recorded. */
bool block_is_empty(const struct block *block);

/*
 * block_encode: the payload, canonical: the same facts give the same bytes.
 *
 * @block  .header.created_us is what times are relative to.
 * @out    BLOCK_PAYLOAD_SIZE_MAX bytes of room suffice for any block; with
 *         less it may overflow although the payload would just have fitted.
 */
void block_encode(const struct block *block, struct buffer *out);

enum block_decode_result {
	BLOCK_DECODED = 0,
	BLOCK_MALFORMED,     /* not protobuf, or trailing or truncated bytes */
	BLOCK_UNKNOWN_FIELD, /* a field or event this node does not know */
	BLOCK_UNKNOWN_KIND,  /* an entry kind, transfer kind or flag */
	BLOCK_BAD_COLUMN,    /* a column of the wrong length */
	BLOCK_BAD_PLACE,     /* .after falls or passes entry_count */
	BLOCK_BAD_VALUE,     /* range, text, id version; not canonical */
	BLOCK_TOO_LARGE,     /* more entries or events than a block may have */
	BLOCK_NO_MEMORY,     /* the arena is exhausted */
};

/* Where a block is wrong, for the message that stops the replay. */
struct block_fault {
	uint32_t field; /* number in the Block message; 0: none */
	uint32_t index; /* of the entry or event */
	bool in_event;	/* @index counts events, else entries */
};

/* block_decode_result_name: for messages. */
const char *block_decode_result_name(enum block_decode_result result);

/*
 * block_decode: entries and events from payload bytes, strictly: whatever is
 * taken is exactly what block_encode() would write of it.
 *
 * @arena       holds the arrays, BLOCK_DECODE_MEMORY_MAX bytes suffice; texts
 *              are views into @payload.
 * @created_us  of the row; times in the payload are relative to it.
 * @out         .entries, .events, counts, first_number (0 is taken where there
 *              is no entry: a takeover may not know it); .header, .memos and
 *              .texts are not touched.
 * @fault       written on failure.
 */
enum block_decode_result block_decode(struct slice payload, uint64_t created_us,
				      struct arena *arena, struct block *out,
				      struct block_fault *fault) MUST_CHECK;

/*
 * block_hash: SHA-256 over the 20 bytes "clearing journal v1" and NUL, then
 * seq, epoch and created as 8 bytes big endian each, prev_hash, payload.
 *
 * @scratch  room for BLOCK_HASH_HEAD_SIZE + payload bytes; overwritten.
 */
void block_hash(const struct block_header *header, struct slice payload,
		sha256_function *sha256, struct buffer *scratch,
		uint8_t out[SHA256_SIZE]);

#endif
