/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Reading a payload, strictly.  First the fields are found and the lengths of
 * the columns compared, then memory is taken, then columns become entries.
 */
#include "core/block.h"

#include "core/block_column.h"
#include "core/block_format.h"

#define FIELD_MAX BLOCK_FIELD_EVENTS

struct decoder {
	uint64_t first_number;
	uint64_t entry_count;
	uint64_t created_us;
	struct slice columns[FIELD_MAX]; /* by field number; empty: absent */
	struct slice events;		 /* from the first of them to the end */
	struct entry *entries;
	uint32_t hold_count;	/* HOLD entries */
	uint32_t hold_id_count; /* POST and VOID entries */
	struct block_fault *fault;
};

static enum block_decode_result fault_at(struct decoder *decoder,
					 enum block_decode_result result,
					 uint32_t field, uint32_t index)
{
	check(result != BLOCK_DECODED);
	*decoder->fault = (struct block_fault){
		.field = field,
		.index = index,
		.in_event = field == BLOCK_FIELD_EVENTS,
	};
	return result;
}

/* Why @value of a column is refused: its form, or as @meaning. */
static enum block_decode_result value_fault(struct decoder *decoder,
					    enum block_decode_result meaning,
					    uint64_t value, uint32_t field,
					    uint32_t index)
{
	enum block_decode_result result = meaning;

	if (value == COLUMN_ENDED)
		result = BLOCK_BAD_COLUMN;
	else if (value == COLUMN_CUT)
		result = BLOCK_MALFORMED;
	else if (value == COLUMN_MISSHAPEN)
		result = BLOCK_BAD_VALUE;
	return fault_at(decoder, result, field, index);
}

static bool is_column(uint32_t number)
{
	return number >= BLOCK_FIELD_ID_TAIL && number <= BLOCK_FIELD_EXPIRES &&
	       number != BLOCK_FIELD_UNUSED;
}

static void take_field(struct decoder *decoder, struct fields *fields)
{
	if (fields->number == BLOCK_FIELD_FIRST_NUMBER)
		decoder->first_number = fields_varint(fields);
	else if (fields->number == BLOCK_FIELD_ENTRY_COUNT)
		decoder->entry_count = fields_varint(fields);
	else
		decoder->columns[fields->number] = fields_bytes(fields);
}

/* Finds the fields before the events, and where those begin. */
static enum block_decode_result find_fields(struct decoder *decoder,
					    struct slice payload)
{
	struct fields fields = { .reader = reader_of(payload) };
	const uint8_t *begin = fields.reader.at;

	while (fields_next(&fields) && fields.number != BLOCK_FIELD_EVENTS) {
		uint32_t number = fields.number;

		if (number > BLOCK_FIELD_ENTRY_COUNT && !is_column(number))
			return fault_at(decoder, BLOCK_UNKNOWN_FIELD, number,
					0);
		take_field(decoder, &fields);
		if (fields_result(&fields) != BLOCK_DECODED)
			return fault_at(decoder, fields_result(&fields), number,
					0);
		begin = fields.reader.at;
	}
	if (fields_result(&fields) != BLOCK_DECODED)
		return fault_at(decoder, fields_result(&fields), fields.number,
				0);
	decoder->events = slice_of(begin, (size_t)(fields.reader.end - begin));
	return BLOCK_DECODED;
}

/* The columns that every entry has, each value at least a byte long. */
static enum block_decode_result check_columns(struct decoder *decoder)
{
	static const uint8_t needed[] = {
		BLOCK_FIELD_ID_MS,  BLOCK_FIELD_DEBIT, BLOCK_FIELD_CREDIT,
		BLOCK_FIELD_AMOUNT, BLOCK_FIELD_ACTOR,
	};
	uint64_t count = decoder->entry_count;

	if (count > BLOCK_ENTRIES_MAX)
		return fault_at(decoder, BLOCK_TOO_LARGE,
				BLOCK_FIELD_ENTRY_COUNT, 0);
	if (decoder->columns[BLOCK_FIELD_ID_TAIL].size != count * ID_TAIL_SIZE)
		return fault_at(decoder, BLOCK_BAD_COLUMN, BLOCK_FIELD_ID_TAIL,
				0);
	for (uint32_t i = 0; i < sizeof(needed); i++) {
		size_t size = decoder->columns[needed[i]].size;
		size_t least = needed[i] == BLOCK_FIELD_ACTOR ? 1 : count;

		if (count > 0 && size < least)
			return fault_at(decoder, BLOCK_BAD_COLUMN, needed[i],
					0);
	}
	for (uint32_t field = 0; field < FIELD_MAX && count == 0; field++) {
		if (decoder->columns[field].size > 0)
			return fault_at(decoder, BLOCK_BAD_COLUMN, field, 0);
	}
	if (decoder->first_number > BLOCK_FIRST_NUMBER_MAX ||
	    (decoder->first_number == 0 && count > 0))
		return fault_at(decoder, BLOCK_BAD_VALUE,
				BLOCK_FIELD_FIRST_NUMBER, 0);
	return BLOCK_DECODED;
}

/* A column must be used up by its entries. */
static enum block_decode_result expect_end(struct decoder *decoder,
					   struct slice column, uint32_t field)
{
	if (column.size == 0)
		return BLOCK_DECODED;
	return fault_at(decoder, BLOCK_BAD_COLUMN, field,
			(uint32_t)decoder->entry_count);
}

/* (rule JOURNAL-15) The id from its time difference and its tail. */
static bool set_id(struct entry *entry, const uint8_t *tail, int64_t ms)
{
	/* Big endian, the 48 bits first; the tail goes over the rest. */
	uint64_t time =
		__builtin_bswap64(column_little_endian((uint64_t)ms << 16));

	memcpy(entry->id.bytes, &time, sizeof(time));
	memcpy(entry->id.bytes + ID_SIZE - ID_TAIL_SIZE, tail, ID_TAIL_SIZE);
	return ms >= 0 && ms <= (int64_t)BLOCK_TIME_MS_MAX &&
	       id_is_v7(&entry->id);
}

/* What every entry has a value of. */
struct movement {
	uint64_t time, debit, credit, amount;
};

static bool movement_valid(const struct movement *of)
{
	return of->time <= COLUMN_VALUE_MAX &&
	       of->debit - 1 < BLOCK_NUMBER_MAX &&
	       of->credit - 1 < BLOCK_NUMBER_MAX &&
	       of->amount - 1 < (uint64_t)MONEY_MAX_MINOR;
}

/* Which value it was; the first in the order of the fields. */
static enum block_decode_result movement_fault(struct decoder *decoder,
					       const struct movement *of,
					       uint32_t index)
{
	check(!movement_valid(of));
	if (of->time > COLUMN_VALUE_MAX)
		return value_fault(decoder, BLOCK_BAD_VALUE, of->time,
				   BLOCK_FIELD_ID_MS, index);
	if (of->debit - 1 >= BLOCK_NUMBER_MAX)
		return value_fault(decoder, BLOCK_BAD_VALUE, of->debit,
				   BLOCK_FIELD_DEBIT, index);
	if (of->credit - 1 >= BLOCK_NUMBER_MAX)
		return value_fault(decoder, BLOCK_BAD_VALUE, of->credit,
				   BLOCK_FIELD_CREDIT, index);
	return value_fault(decoder, BLOCK_BAD_VALUE, of->amount,
			   BLOCK_FIELD_AMOUNT, index);
}

/*
 * The columns that all entries have, side by side in one loop: where a value
 * ends is known only when it was looked at, and so the processor has four such
 * questions at work at once instead of one.
 */
static enum block_decode_result decode_movements(struct decoder *decoder)
{
	int64_t created_ms = (int64_t)(decoder->created_us / 1000);
	const uint8_t *tail = decoder->columns[BLOCK_FIELD_ID_TAIL].data;
	struct slice times = decoder->columns[BLOCK_FIELD_ID_MS];
	struct slice debits = decoder->columns[BLOCK_FIELD_DEBIT];
	struct slice credits = decoder->columns[BLOCK_FIELD_CREDIT];
	struct slice amounts = decoder->columns[BLOCK_FIELD_AMOUNT];

	for (uint32_t i = 0; i < decoder->entry_count; i++) {
		struct entry *entry = &decoder->entries[i];
		struct movement of = { column_take(&times),
				       column_take(&debits),
				       column_take(&credits),
				       column_take(&amounts) };

		if (!movement_valid(&of))
			return movement_fault(decoder, &of, i);
		*entry = (struct entry){
			.transfer_kind = TRANSFER_KIND_PAYMENT,
			.debit = (uint32_t)of.debit,
			.credit = (uint32_t)of.credit,
			.amount = money_of((int64_t)of.amount),
		};
		if (!set_id(entry, tail, created_ms + unzigzag(of.time)))
			return fault_at(decoder, BLOCK_BAD_VALUE,
					BLOCK_FIELD_ID_TAIL, i);
		tail += ID_TAIL_SIZE;
	}
	if (times.size > 0)
		return expect_end(decoder, times, BLOCK_FIELD_ID_MS);
	if (debits.size > 0)
		return expect_end(decoder, debits, BLOCK_FIELD_DEBIT);
	if (credits.size > 0)
		return expect_end(decoder, credits, BLOCK_FIELD_CREDIT);
	return expect_end(decoder, amounts, BLOCK_FIELD_AMOUNT);
}

static enum block_decode_result decode_kinds(struct decoder *decoder)
{
	struct slice column = decoder->columns[BLOCK_FIELD_KIND];
	uint64_t all = 0;

	if (column.size == 0)
		return BLOCK_DECODED;
	for (uint32_t i = 0; i < decoder->entry_count; i++) {
		uint64_t value = column_take(&column);

		if (value >= ENTRY_KIND_COUNT)
			return value_fault(decoder, BLOCK_UNKNOWN_KIND, value,
					   BLOCK_FIELD_KIND, i);
		all |= value;
		decoder->entries[i].kind = (uint8_t)value;
		decoder->hold_count += value == ENTRY_HOLD;
		decoder->hold_id_count += value >= ENTRY_POST;
	}
	if (all == 0)
		return fault_at(decoder, BLOCK_BAD_COLUMN, BLOCK_FIELD_KIND, 0);
	return expect_end(decoder, column, BLOCK_FIELD_KIND);
}

static enum block_decode_result decode_hold_ids(struct decoder *decoder)
{
	struct slice column = decoder->columns[BLOCK_FIELD_HOLD_ID];

	if (column.size != (size_t)decoder->hold_id_count * ID_SIZE)
		return fault_at(decoder, BLOCK_BAD_COLUMN, BLOCK_FIELD_HOLD_ID,
				0);
	for (uint32_t i = 0; column.size > 0; i++) {
		struct entry *entry = &decoder->entries[i];

		check(i < decoder->entry_count);
		if (entry->kind < ENTRY_POST)
			continue;
		if (!id_from_bytes(slice_upto(column, ID_SIZE),
				   &entry->hold_id))
			return fault_at(decoder, BLOCK_BAD_VALUE,
					BLOCK_FIELD_HOLD_ID, i);
		column = slice_from(column, ID_SIZE);
	}
	return BLOCK_DECODED;
}

/* One value where all are equal, else one each. */
static enum block_decode_result decode_actors(struct decoder *decoder)
{
	struct slice column = decoder->columns[BLOCK_FIELD_ACTOR];
	uint64_t value = 0, first = 0;
	bool one = false, differ = false;

	for (uint32_t i = 0; i < decoder->entry_count; i++) {
		if (!one)
			value = column_take(&column);
		if (value - 1 >= BLOCK_NUMBER_MAX)
			return value_fault(decoder, BLOCK_BAD_VALUE, value,
					   BLOCK_FIELD_ACTOR, i);
		if (i == 0) {
			first = value;
			one = column.size == 0;
		}
		differ |= value != first;
		decoder->entries[i].actor = (uint32_t)value;
	}
	if (!one && !differ)
		return fault_at(decoder, BLOCK_BAD_COLUMN, BLOCK_FIELD_ACTOR,
				0);
	return expect_end(decoder, column, BLOCK_FIELD_ACTOR);
}

static enum block_decode_result decode_transfer_kinds(struct decoder *decoder)
{
	struct slice column = decoder->columns[BLOCK_FIELD_TRANSFER_KIND];
	bool one = column.size == 1, differ = false;
	uint64_t value = 0, first = 0;

	if (column.size == 0)
		return BLOCK_DECODED;
	for (uint32_t i = 0; i < decoder->entry_count; i++) {
		if (!one || i == 0)
			value = column_take(&column);
		if (value > UINT32_MAX || !transfer_kind_valid((uint32_t)value))
			return value_fault(decoder, BLOCK_UNKNOWN_KIND, value,
					   BLOCK_FIELD_TRANSFER_KIND, i);
		if (i == 0)
			first = value;
		differ |= value != first;
		decoder->entries[i].transfer_kind = (uint8_t)value;
	}
	if (one ? first == TRANSFER_KIND_PAYMENT : !differ)
		return fault_at(decoder, BLOCK_BAD_COLUMN,
				BLOCK_FIELD_TRANSFER_KIND, 0);
	return expect_end(decoder, column, BLOCK_FIELD_TRANSFER_KIND);
}

/*
 * The next entry that a sparse column names: above @before - 1, below the
 * count.  Written to @at on success.
 */
static enum block_decode_result take_place(struct decoder *decoder,
					   struct slice *column, uint32_t field,
					   uint32_t before, uint32_t *at)
{
	uint64_t value = column_take(column);

	if (value < before || value >= decoder->entry_count)
		return value_fault(decoder, BLOCK_BAD_VALUE, value, field,
				   before);
	*at = (uint32_t)value;
	return BLOCK_DECODED;
}

static enum block_decode_result decode_references(struct decoder *decoder)
{
	struct slice places = decoder->columns[BLOCK_FIELD_REFERENCE_AT];
	struct slice bytes = decoder->columns[BLOCK_FIELD_REFERENCE];
	uint32_t next = 0, at = 0;

	while (bytes.size >= REFERENCE_SIZE) {
		enum block_decode_result result = take_place(
			decoder, &places, BLOCK_FIELD_REFERENCE_AT, next, &at);

		if (result != BLOCK_DECODED)
			return result;
		decoder->entries[at].has_reference = true;
		memcpy(decoder->entries[at].reference, bytes.data,
		       REFERENCE_SIZE);
		bytes = slice_from(bytes, REFERENCE_SIZE);
		next = at + 1;
	}
	if (bytes.size > 0)
		return fault_at(decoder, BLOCK_BAD_COLUMN,
				BLOCK_FIELD_REFERENCE, next);
	return expect_end(decoder, places, BLOCK_FIELD_REFERENCE_AT);
}

/* (rule JOURNAL-24) */
static enum block_decode_result decode_memos(struct decoder *decoder)
{
	struct slice places = decoder->columns[BLOCK_FIELD_MEMO_AT];
	struct slice bytes = decoder->columns[BLOCK_FIELD_MEMO_HASH];
	uint32_t next = 0, at = 0;

	while (bytes.size >= SHA256_SIZE) {
		enum block_decode_result result = take_place(
			decoder, &places, BLOCK_FIELD_MEMO_AT, next, &at);

		if (result != BLOCK_DECODED)
			return result;
		if (decoder->entries[at].kind == ENTRY_POST)
			return fault_at(decoder, BLOCK_BAD_VALUE,
					BLOCK_FIELD_MEMO_AT, at);
		decoder->entries[at].has_memo = true;
		memcpy(decoder->entries[at].memo_hash, bytes.data, SHA256_SIZE);
		bytes = slice_from(bytes, SHA256_SIZE);
		next = at + 1;
	}
	if (bytes.size > 0)
		return fault_at(decoder, BLOCK_BAD_COLUMN,
				BLOCK_FIELD_MEMO_HASH, next);
	return expect_end(decoder, places, BLOCK_FIELD_MEMO_AT);
}

static bool expiry_valid(uint64_t created_us, int64_t after)
{
	int64_t expires_us = (int64_t)created_us + after;

	return after >= -BLOCK_EXPIRES_US_MAX &&
	       after <= BLOCK_EXPIRES_US_MAX && expires_us > 0 &&
	       expires_us <= (int64_t)BLOCK_TIME_US_MAX;
}

static enum block_decode_result decode_expiries(struct decoder *decoder)
{
	struct slice column = decoder->columns[BLOCK_FIELD_EXPIRES];

	for (uint32_t i = 0; i < decoder->entry_count; i++) {
		struct entry *entry = &decoder->entries[i];
		uint64_t value;

		if (entry->kind != ENTRY_HOLD)
			continue;
		value = column_take(&column);
		if (value > COLUMN_VALUE_MAX ||
		    !expiry_valid(decoder->created_us, unzigzag(value)))
			return value_fault(decoder, BLOCK_BAD_VALUE, value,
					   BLOCK_FIELD_EXPIRES, i);
		entry->expires_at_us =
			decoder->created_us + (uint64_t)unzigzag(value);
	}
	return expect_end(decoder, column, BLOCK_FIELD_EXPIRES);
}

static enum block_decode_result decode_entries(struct decoder *decoder)
{
	/* In this order: later ones ask the kinds. */
	static enum block_decode_result (*const steps[])(struct decoder *) = {
		decode_movements, decode_kinds,		 decode_hold_ids,
		decode_actors,	  decode_transfer_kinds, decode_references,
		decode_memos,	  decode_expiries,
	};
	enum block_decode_result result = BLOCK_DECODED;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		result = steps[i](decoder);
		if (result != BLOCK_DECODED)
			break;
	}
	return result;
}

/* How many events there are; they are the only fields left. */
static enum block_decode_result count_events(struct decoder *decoder,
					     uint32_t *count)
{
	struct fields fields = { .reader = reader_of(decoder->events),
				 .repeated = BLOCK_FIELD_EVENTS };

	while (fields_next(&fields)) {
		if (fields.number > BLOCK_FIELD_EVENTS)
			return fault_at(decoder, BLOCK_UNKNOWN_FIELD,
					fields.number, 0);
		(void)fields_bytes(&fields);
		if (fields_result(&fields) != BLOCK_DECODED)
			break;
		if (*count == BLOCK_EVENTS_MAX)
			return fault_at(decoder, BLOCK_TOO_LARGE,
					BLOCK_FIELD_EVENTS, *count);
		(*count)++;
	}
	if (fields_result(&fields) == BLOCK_DECODED)
		return BLOCK_DECODED;
	return fault_at(decoder, fields_result(&fields), BLOCK_FIELD_EVENTS,
			*count);
}

static enum block_decode_result
decode_events(struct decoder *decoder, struct event *events, uint32_t count)
{
	struct fields fields = { .reader = reader_of(decoder->events),
				 .repeated = BLOCK_FIELD_EVENTS };
	uint32_t place = 0;

	for (uint32_t i = 0; i < count && fields_next(&fields); i++) {
		enum block_decode_result result =
			block_event_decode(fields_bytes(&fields), &events[i]);

		/* (rule JOURNAL-14) */
		if (result == BLOCK_DECODED &&
		    (events[i].after < place ||
		     events[i].after > decoder->entry_count))
			result = BLOCK_BAD_PLACE;
		if (result != BLOCK_DECODED)
			return fault_at(decoder, result, BLOCK_FIELD_EVENTS, i);
		place = events[i].after;
	}
	return BLOCK_DECODED;
}

static enum block_decode_result decode_all(struct decoder *decoder,
					   struct slice payload,
					   struct arena *arena,
					   struct block *out)
{
	enum block_decode_result result = find_fields(decoder, payload);
	uint32_t event_count = 0;
	struct event *events;

	if (result == BLOCK_DECODED)
		result = check_columns(decoder);
	if (result == BLOCK_DECODED)
		result = count_events(decoder, &event_count);
	if (result != BLOCK_DECODED)
		return result;
	/* A block without a fact is what a cut one looks like. */
	if (decoder->entry_count == 0 && event_count == 0)
		return fault_at(decoder, BLOCK_MALFORMED, 0, 0);
	decoder->entries =
		arena_take(arena, decoder->entry_count * sizeof(struct entry));
	events = arena_take(arena, event_count * sizeof(struct event));
	if (decoder->entries == NULL || events == NULL)
		return fault_at(decoder, BLOCK_NO_MEMORY, 0, 0);
	if (decoder->entry_count > 0)
		result = decode_entries(decoder);
	if (result == BLOCK_DECODED)
		result = decode_events(decoder, events, event_count);
	if (result != BLOCK_DECODED)
		return result;
	out->first_number = decoder->first_number;
	out->entry_count = (uint32_t)decoder->entry_count;
	out->event_count = event_count;
	out->entries = decoder->entries;
	out->events = events;
	return BLOCK_DECODED;
}

enum block_decode_result block_decode(struct slice payload, uint64_t created_us,
				      struct arena *arena, struct block *out,
				      struct block_fault *fault)
{
	struct decoder decoder = { .created_us = created_us, .fault = fault };

	if (created_us > BLOCK_TIME_US_MAX) {
		*fault = (struct block_fault){ 0 };
		return BLOCK_BAD_VALUE;
	}
	if (payload.size > BLOCK_PAYLOAD_SIZE_MAX) {
		*fault = (struct block_fault){ 0 };
		return BLOCK_TOO_LARGE;
	}
	return decode_all(&decoder, payload, arena, out);
}
