/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Writing the columns.  A loop a column, straight over the entries; room is
 * asked for once a column, for the longest values it can have.
 */
#include "core/block.h"

#include <string.h>

#include "core/block_column.h"
#include "core/block_format.h"

/* Tag and length of a column: 2 and at most 4 bytes. */
#define COLUMN_HEAD_MAX 6
/* What decides which columns there are. */
struct summary {
	bool kinds; /* not all TRANSFER */
	bool one_actor;
	bool one_transfer_kind;
	uint32_t hold_count;
	uint32_t hold_id_count;
	uint32_t reference_count;
	uint32_t memo_count;
};

static struct summary summary_of(const struct block *block)
{
	const struct entry *first = block->entries;
	struct summary of = { .one_actor = true, .one_transfer_kind = true };

	for (uint32_t i = 0; i < block->entry_count; i++) {
		const struct entry *entry = &block->entries[i];

		of.kinds |= entry->kind != ENTRY_TRANSFER;
		of.one_actor &= entry->actor == first->actor;
		of.one_transfer_kind &=
			entry->transfer_kind == first->transfer_kind;
		of.hold_count += entry->kind == ENTRY_HOLD;
		of.hold_id_count += entry->kind >= ENTRY_POST;
		of.reference_count += entry->has_reference;
		of.memo_count += entry->has_memo;
	}
	return of;
}

/*
 * Begins a column of at most @size_max bytes of values.  Returns where they
 * go, or NULL when there is no room.
 */
static uint8_t *column_begin(struct buffer *out, size_t size_max)
{
	size_t room = out->capacity - out->size;

	check(out->size <= out->capacity);
	if (out->overflowed || room < COLUMN_HEAD_MAX + COLUMN_VALUE_SIZE_MAX ||
	    room - COLUMN_HEAD_MAX - COLUMN_VALUE_SIZE_MAX < size_max) {
		out->overflowed = true;
		return NULL;
	}
	return out->data + out->size + COLUMN_HEAD_MAX;
}

/* Ends it: now that its length is known, moves it up to its head. */
static void column_end(struct buffer *out, uint32_t field, uint8_t *begin,
		       const uint8_t *end)
{
	size_t size = (size_t)(end - begin);

	buffer_put_tag(out, field, WIRE_BYTES);
	buffer_put_varint(out, size);
	check(out->data + out->size <= begin);
	memmove(out->data + out->size, begin, size);
	out->size += size;
}

static void put_id_tails(const struct block *block, struct buffer *out)
{
	uint32_t count = block->entry_count;
	uint8_t *begin = column_begin(out, (size_t)count * ID_TAIL_SIZE);
	uint8_t *at = begin;

	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < count; i++, at += ID_TAIL_SIZE)
		memcpy(at, block->entries[i].id.bytes + ID_SIZE - ID_TAIL_SIZE,
		       ID_TAIL_SIZE);
	column_end(out, BLOCK_FIELD_ID_TAIL, begin, at);
}

/* (rule JOURNAL-15) An id's time, as the difference from the block's. */
static void put_id_times(const struct block *block, struct buffer *out)
{
	int64_t created_ms = (int64_t)(block->header.created_us / 1000);
	uint32_t count = block->entry_count;
	uint8_t *begin =
		column_begin(out, (size_t)count * COLUMN_VALUE_SIZE_MAX);
	uint8_t *at = begin;

	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < count; i++) {
		int64_t ms = (int64_t)id_time_ms(&block->entries[i].id);

		at = column_put(at, zigzag(ms - created_ms));
	}
	column_end(out, BLOCK_FIELD_ID_MS, begin, at);
}

/* A column of the uint32_t at @offset of the first @count entries. */
static void put_numbers(const struct block *block, struct buffer *out,
			uint32_t field, size_t offset, uint32_t count)
{
	const uint8_t *entry = (const uint8_t *)block->entries + offset;
	uint8_t *begin =
		column_begin(out, (size_t)count * COLUMN_VALUE_SIZE_MAX);
	uint8_t *at = begin;

	check(count <= block->entry_count);
	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < count; i++, entry += sizeof(struct entry))
		at = column_put(at, *(const uint32_t *)entry);
	column_end(out, field, begin, at);
}

/* The same of a uint8_t, whose values stay below 0x80. */
static void put_kinds(const struct block *block, struct buffer *out,
		      uint32_t field, size_t offset, uint32_t count)
{
	const uint8_t *entry = (const uint8_t *)block->entries + offset;
	uint8_t *begin = column_begin(out, count);

	check(count <= block->entry_count);
	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < count; i++, entry += sizeof(struct entry))
		begin[i] = *entry;
	column_end(out, field, begin, begin + count);
}

static void put_amounts(const struct block *block, struct buffer *out)
{
	uint32_t count = block->entry_count;
	uint8_t *begin =
		column_begin(out, (size_t)count * COLUMN_VALUE_SIZE_MAX);
	uint8_t *at = begin;

	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < count; i++)
		at = column_put(
			at, (uint64_t)money_minor(block->entries[i].amount));
	column_end(out, BLOCK_FIELD_AMOUNT, begin, at);
}

static void put_hold_ids(const struct block *block, struct buffer *out,
			 uint32_t hold_id_count)
{
	uint8_t *begin = column_begin(out, (size_t)hold_id_count * ID_SIZE);
	uint8_t *at = begin;

	if (begin == NULL || hold_id_count == 0)
		return;
	for (uint32_t i = 0; i < block->entry_count; i++) {
		if (block->entries[i].kind < ENTRY_POST)
			continue;
		memcpy(at, block->entries[i].hold_id.bytes, ID_SIZE);
		at += ID_SIZE;
	}
	column_end(out, BLOCK_FIELD_HOLD_ID, begin, at);
}

/*
 * The two columns of what only some entries have: which ones, and a fixed
 * number of bytes of each.
 */
struct sparse {
	uint32_t at_field, field;
	size_t flag_offset; /* of a bool in struct entry */
	size_t offset;	    /* of the bytes */
	size_t size;
};

static const struct sparse references = {
	.at_field = BLOCK_FIELD_REFERENCE_AT,
	.field = BLOCK_FIELD_REFERENCE,
	.flag_offset = offsetof(struct entry, has_reference),
	.offset = offsetof(struct entry, reference),
	.size = REFERENCE_SIZE,
};

static const struct sparse memo_hashes = {
	.at_field = BLOCK_FIELD_MEMO_AT,
	.field = BLOCK_FIELD_MEMO_HASH,
	.flag_offset = offsetof(struct entry, has_memo),
	.offset = offsetof(struct entry, memo_hash),
	.size = SHA256_SIZE,
};

static bool has(const struct sparse *sparse, const uint8_t *entry)
{
	return *(const bool *)(entry + sparse->flag_offset);
}

static void put_places(const struct block *block, struct buffer *out,
		       const struct sparse *sparse, uint32_t count)
{
	const uint8_t *entry = (const uint8_t *)block->entries;
	uint8_t *begin =
		column_begin(out, (size_t)count * COLUMN_VALUE_SIZE_MAX);
	uint8_t *at = begin;

	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < block->entry_count; i++) {
		if (has(sparse, entry))
			at = column_put(at, i);
		entry += sizeof(struct entry);
	}
	column_end(out, sparse->at_field, begin, at);
}

static void put_sparse(const struct block *block, struct buffer *out,
		       const struct sparse *sparse, uint32_t count)
{
	const uint8_t *entry = (const uint8_t *)block->entries;
	uint8_t *begin, *at;

	if (count == 0)
		return;
	put_places(block, out, sparse, count);
	begin = at = column_begin(out, count * sparse->size);
	if (begin == NULL)
		return;
	for (uint32_t i = 0; i < block->entry_count; i++) {
		if (has(sparse, entry)) {
			memcpy(at, entry + sparse->offset, sparse->size);
			at += sparse->size;
		}
		entry += sizeof(struct entry);
	}
	column_end(out, sparse->field, begin, at);
}

static void put_expiries(const struct block *block, struct buffer *out,
			 uint32_t hold_count)
{
	uint8_t *begin =
		column_begin(out, (size_t)hold_count * COLUMN_VALUE_SIZE_MAX);
	uint8_t *at = begin;

	if (begin == NULL || hold_count == 0)
		return;
	for (uint32_t i = 0; i < block->entry_count; i++) {
		const struct entry *entry = &block->entries[i];
		int64_t after;

		if (entry->kind != ENTRY_HOLD)
			continue;
		check(entry->expires_at_us > 0 &&
		      entry->expires_at_us <= BLOCK_TIME_US_MAX);
		after = (int64_t)(entry->expires_at_us -
				  block->header.created_us);
		check(after >= -BLOCK_EXPIRES_US_MAX &&
		      after <= BLOCK_EXPIRES_US_MAX);
		at = column_put(at, zigzag(after));
	}
	column_end(out, BLOCK_FIELD_EXPIRES, begin, at);
}

static void put_columns(const struct block *block, struct buffer *out)
{
	struct summary of = summary_of(block);
	uint32_t count = block->entry_count;

	put_id_tails(block, out);
	put_id_times(block, out);
	if (of.kinds)
		put_kinds(block, out, BLOCK_FIELD_KIND,
			  offsetof(struct entry, kind), count);
	put_numbers(block, out, BLOCK_FIELD_DEBIT,
		    offsetof(struct entry, debit), count);
	put_numbers(block, out, BLOCK_FIELD_CREDIT,
		    offsetof(struct entry, credit), count);
	put_amounts(block, out);
	put_hold_ids(block, out, of.hold_id_count);
	put_numbers(block, out, BLOCK_FIELD_ACTOR,
		    offsetof(struct entry, actor), of.one_actor ? 1 : count);
	if (!of.one_transfer_kind ||
	    block->entries[0].transfer_kind != TRANSFER_KIND_PAYMENT)
		put_kinds(block, out, BLOCK_FIELD_TRANSFER_KIND,
			  offsetof(struct entry, transfer_kind),
			  of.one_transfer_kind ? 1 : count);
	put_sparse(block, out, &references, of.reference_count);
	put_sparse(block, out, &memo_hashes, of.memo_count);
	put_expiries(block, out, of.hold_count);
}

/* (rule JOURNAL-14) */
void block_encode(const struct block *block, struct buffer *out)
{
	check(block->header.created_us <= BLOCK_TIME_US_MAX);
	check(block->entry_count == 0 || block->first_number > 0);
	buffer_put_field_varint(out, BLOCK_FIELD_FIRST_NUMBER,
				block->first_number);
	buffer_put_field_varint(out, BLOCK_FIELD_ENTRY_COUNT,
				block->entry_count);
	if (block->entry_count > 0)
		put_columns(block, out);
	for (uint32_t i = 0; i < block->event_count; i++)
		block_event_encode(&block->events[i], out);
}
