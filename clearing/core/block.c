/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/block.h"

#include <string.h>

#include "core/block_format.h"
#include "core/identity.h"

/*
 * Upper bounds of what facts take in the payload, by column.  All columns
 * together have less than 128 bytes of tags and lengths.
 */
#define COLUMN_HEADS_SIZE 128
#define FIXED_SIZE (ID_TAIL_SIZE + 7 /* id_ms */ + 1 /* kind */ + 1)
#define AT_SIZE 2 /* reference_at, memo_at: below BLOCK_ENTRIES_MAX */
#define EXPIRES_SIZE 8
#define NUMBER_SIZE_MAX 5
#define AMOUNT_SIZE_MAX 8
#define ENTRY_SIZE_MAX                                                  \
	(FIXED_SIZE + 3 * NUMBER_SIZE_MAX + AMOUNT_SIZE_MAX + AT_SIZE + \
	 REFERENCE_SIZE + AT_SIZE + SHA256_SIZE + ID_SIZE)

/* The longest text of an event is an actor's URI. */
#define EVENT_TEXT_SIZE_MAX IDENTITY_URI_SIZE_MAX

/* A full request fits an empty block, and so does the actor it names. */
_Static_assert(COLUMN_HEADS_SIZE + BLOCK_ENTRIES_MAX * ENTRY_SIZE_MAX +
			       2 * BLOCK_EVENT_SIZE_MAX <=
		       BLOCK_PAYLOAD_SIZE_MAX,
	       "the worst full block fits its row");
_Static_assert(BLOCK_ENTRIES_MAX *MEMO_SIZE_MAX + 2 * EVENT_TEXT_SIZE_MAX <=
		       BLOCK_TEXT_SIZE_MAX,
	       "the longest memos fit beside it");

static size_t align(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

#define ENTRIES_SIZE align(BLOCK_ENTRIES_MAX * sizeof(struct entry))
#define EVENTS_SIZE align(BLOCK_EVENTS_MAX * sizeof(struct event))
#define MEMOS_SIZE align(BLOCK_ENTRIES_MAX * sizeof(struct block_memo))

size_t block_memory_size(void)
{
	return ENTRIES_SIZE + EVENTS_SIZE + MEMOS_SIZE + BLOCK_TEXT_SIZE_MAX;
}

void block_init(struct block *block, void *memory, uint64_t first_number)
{
	uint8_t *at = memory;

	check(memory != NULL && (uintptr_t)memory % 16 == 0);
	check(first_number <= BLOCK_FIRST_NUMBER_MAX);
	*block = (struct block){
		.first_number = first_number,
		.entries = (struct entry *)at,
		.events = (struct event *)(at + ENTRIES_SIZE),
		.size_estimate = COLUMN_HEADS_SIZE,
	};
	at += ENTRIES_SIZE + EVENTS_SIZE;
	block->memos = (struct block_memo *)at;
	buffer_init(&block->texts, at + MEMOS_SIZE, BLOCK_TEXT_SIZE_MAX);
}

/* At least what @entry takes, whatever time its block has. */
static uint32_t entry_size(const struct entry *entry)
{
	size_t size = FIXED_SIZE + varint_size(entry->debit) +
		      varint_size(entry->credit) + varint_size(entry->actor) +
		      varint_size((uint64_t)money_minor(entry->amount));

	if (entry->has_reference)
		size += AT_SIZE + REFERENCE_SIZE;
	if (entry->has_memo)
		size += AT_SIZE + SHA256_SIZE;
	if (entry->kind == ENTRY_HOLD)
		size += EXPIRES_SIZE;
	else if (entry->kind != ENTRY_TRANSFER)
		size += ID_SIZE;
	check(size <= ENTRY_SIZE_MAX);
	return (uint32_t)size;
}

bool transfer_kind_valid(uint32_t kind)
{
	return (kind >= TRANSFER_KIND_PAYMENT &&
		kind <= TRANSFER_KIND_WRITE_OFF) ||
	       kind == TRANSFER_KIND_LINK;
}

/* A journal that holds anything else could not be read again. */
static bool entry_valid(const struct entry *entry)
{
	return id_is_v7(&entry->id) && entry->kind < ENTRY_KIND_COUNT &&
	       transfer_kind_valid(entry->transfer_kind) &&
	       entry->debit - 1 < BLOCK_NUMBER_MAX &&
	       entry->credit - 1 < BLOCK_NUMBER_MAX &&
	       entry->actor - 1 < BLOCK_NUMBER_MAX &&
	       money_minor(entry->amount) > 0 &&
	       !(entry->has_memo && entry->kind == ENTRY_POST) &&
	       (entry->kind != ENTRY_HOLD ||
		(entry->expires_at_us > 0 &&
		 entry->expires_at_us <= BLOCK_TIME_US_MAX)) &&
	       (entry->kind < ENTRY_POST || id_is_v7(&entry->hold_id));
}

static struct slice keep_text(struct block *block, struct slice text)
{
	size_t start = block->texts.size;

	buffer_put(&block->texts, text);
	check(!block->texts.overflowed);
	return slice_of(block->texts.data + start, text.size);
}

static void keep_memo(struct block *block, struct slice text,
		      const uint8_t salt[SALT_SIZE])
{
	struct block_memo *memo = &block->memos[block->memo_count++];

	check(text.size <= MEMO_SIZE_MAX);
	memo->index = block->entry_count;
	memo->text = keep_text(block, text);
	memcpy(memo->salt, salt, SALT_SIZE);
}

void block_add_entry(struct block *block, const struct entry *entry,
		     struct slice memo, const uint8_t salt[SALT_SIZE])
{
	check(block_has_room(block, 1, 0));
	check(entry_valid(entry));
	if (entry->has_memo)
		keep_memo(block, memo, salt);
	block->entries[block->entry_count++] = *entry;
	block->size_estimate += entry_size(entry);
}

void block_add_event(struct block *block, const struct event *event)
{
	uint32_t count = block->event_count;
	struct event *kept = &block->events[count];

	check(block_has_room(block, 0, 0) && count < BLOCK_EVENTS_MAX &&
	      block->size_estimate + block_event_size(event) <=
		      BLOCK_PAYLOAD_SIZE_MAX);
	check(block_event_valid(event) && event->after <= block->entry_count);
	check(count == 0 || block->events[count - 1].after <= event->after);
	*kept = *event;
	block_event_keep(kept, &block->texts);
	block->event_count++;
	block->size_estimate += (uint32_t)block_event_size(kept);
}

void block_rewind(struct block *block, uint32_t entry_count,
		  uint32_t event_count, size_t texts_size)
{
	check(entry_count <= block->entry_count);
	check(event_count <= block->event_count);
	check(texts_size <= block->texts.size);
	while (block->event_count > event_count)
		block->size_estimate -= (uint32_t)block_event_size(
			&block->events[--block->event_count]);
	while (block->entry_count > entry_count)
		block->size_estimate -=
			entry_size(&block->entries[--block->entry_count]);
	while (block->memo_count > 0 &&
	       block->memos[block->memo_count - 1].index >= entry_count)
		block->memo_count--;
	block->texts.size = texts_size;
	check(event_count == 0 ||
	      block->events[event_count - 1].after <= entry_count);
}

bool block_has_room(const struct block *block, uint32_t entries,
		    uint32_t events)
{
	return block_has_room_for(block, entries, events, 0);
}

bool block_has_room_for(const struct block *block, uint32_t entries,
			uint32_t events, size_t bytes)
{
	size_t size, texts;

	check(block->entry_count <= BLOCK_ENTRIES_MAX);
	if (entries > BLOCK_ENTRIES_MAX - block->entry_count ||
	    events + block->reserved_events >
		    BLOCK_EVENTS_MAX - block->event_count)
		return false;
	size = block->size_estimate + block->reserved_size + bytes +
	       (size_t)entries * ENTRY_SIZE_MAX +
	       (size_t)events * BLOCK_EVENT_SIZE_MAX;
	texts = block->texts.size + block->reserved_size + bytes +
		(size_t)entries * MEMO_SIZE_MAX +
		(size_t)events * EVENT_TEXT_SIZE_MAX;
	return size <= BLOCK_PAYLOAD_SIZE_MAX && texts <= BLOCK_TEXT_SIZE_MAX;
}

/* (rule JOURNAL-7) */
bool block_is_full(const struct block *block)
{
	return block->entry_count >= BLOCK_FULL_ENTRIES ||
	       block->event_count >= BLOCK_EVENTS_MAX ||
	       block->size_estimate + block->reserved_size >= BLOCK_FULL_SIZE;
}

bool block_is_empty(const struct block *block)
{
	return block->entry_count == 0 && block->event_count == 0 &&
	       block->reserved_size == 0;
}

void block_reserve(struct block *block, uint32_t events, size_t bytes)
{
	check(block_has_room_for(block, 0, events, bytes));
	block->reserved_events += events;
	block->reserved_size += (uint32_t)bytes;
}

void block_release(struct block *block)
{
	check(block->reserved_events <= BLOCK_EVENTS_MAX);
	block->reserved_events = 0;
	block->reserved_size = 0;
}

static void put_big_endian(struct buffer *out, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (56 - 8 * i));
	buffer_put(out, slice_of(bytes, sizeof(bytes)));
}

/* (rule JOURNAL-2) */
void block_hash(const struct block_header *header, struct slice payload,
		sha256_function *sha256, struct buffer *scratch,
		uint8_t out[SHA256_SIZE])
{
	static const char domain[20] = "clearing journal v1";

	buffer_init(scratch, scratch->data, scratch->capacity);
	buffer_put(scratch, slice_of(domain, sizeof(domain)));
	put_big_endian(scratch, header->seq);
	put_big_endian(scratch, header->epoch);
	put_big_endian(scratch, header->created_us);
	buffer_put(scratch, slice_of(header->prev_hash, SHA256_SIZE));
	check(scratch->overflowed || scratch->size == BLOCK_HASH_HEAD_SIZE);
	buffer_put(scratch, payload);
	check(!scratch->overflowed);
	sha256(buffer_view(scratch), out);
}

const char *block_decode_result_name(enum block_decode_result result)
{
	switch (result) {
	case BLOCK_DECODED:
		return "DECODED";
	case BLOCK_MALFORMED:
		return "MALFORMED";
	case BLOCK_UNKNOWN_FIELD:
		return "UNKNOWN_FIELD";
	case BLOCK_UNKNOWN_KIND:
		return "UNKNOWN_KIND";
	case BLOCK_BAD_COLUMN:
		return "BAD_COLUMN";
	case BLOCK_BAD_PLACE:
		return "BAD_PLACE";
	case BLOCK_BAD_VALUE:
		return "BAD_VALUE";
	case BLOCK_TOO_LARGE:
		return "TOO_LARGE";
	case BLOCK_NO_MEMORY:
		return "NO_MEMORY";
	}
	check(!"a result that does not exist");
	return "";
}
