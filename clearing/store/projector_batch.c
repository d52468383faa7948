/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * A batch: the facts of some blocks as columns, and account totals net over
 * all of them.  It depends on the blocks alone: where a batch ends changes no
 * row (rule JOURNAL-17).
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/projector_private.h"

/* Any fixed key: the ids of one batch are bounded and found in one place. */
static const struct siphash_key index_key = { 3, 4 };

#define DAYS_TO_2000 10957
#define DAY_S 86400

/* hold.state */
enum { HOLD_OPEN = 1, HOLD_POSTED = 2, HOLD_VOIDED = 3, HOLD_EXPIRED = 4 };
/* command.kind of a void, beside the event numbers of account commands */
enum { COMMAND_ROW_VOID = 11 };

int32_t month_of(int64_t time_us)
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	tm.tm_mday = 1;
	tm.tm_hour = 0;
	tm.tm_min = 0;
	tm.tm_sec = 0;
	return (int32_t)(timegm(&tm) / DAY_S) - DAYS_TO_2000;
}

bool batch_create(struct batch *batch)
{
	*batch = (struct batch){ 0 };
	batch->index_memory = malloc(index_memory_size(BATCH_ENTRIES_MAX));
	return batch->index_memory != NULL;
}

struct columns {
	struct pg_array *array;
	const uint32_t *types;
	uint32_t count;
};

#define COLUMN_GROUPS 19

/* Of links and payments: projector_links.c fills them. */
static const uint32_t link_types[] = {
	PG_INT4,  PG_TEXT, PG_INT4,  PG_INT8,  PG_BYTEA, PG_INT8,  PG_INT8,
	PG_INT8,  PG_INT8, PG_INT8,  PG_BYTEA, PG_INT8,	 PG_INT8,  PG_INT8,
	PG_INT8,  PG_INT8, PG_INT8,  PG_INT8,  PG_INT8,	 PG_BYTEA, PG_INT8,
	PG_BYTEA, PG_INT8, PG_BYTEA, PG_INT8,  PG_INT8,	 PG_BOOL,  PG_BOOL,
	PG_BOOL,  PG_BOOL, PG_BOOL,  PG_INT8,
};
static const uint32_t link_life_types[] = { PG_INT4, PG_BOOL, PG_INT8, PG_BYTEA,
					    PG_INT8 };
static const uint32_t link_batch_types[] = {
	PG_INT4, PG_BOOL, PG_INT8, PG_INT8, PG_BYTEA,
	PG_INT8, PG_INT8, PG_INT8, PG_INT8, PG_BYTEA,
};
static const uint32_t link_withdrawn_types[] = { PG_INT4, PG_INT8, PG_INT8 };
static const uint32_t link_change_types[] = {
	PG_INT8, PG_INT4, PG_INT4, PG_INT2,	   PG_INT2,
	PG_INT8, PG_INT4, PG_TEXT, PG_TIMESTAMPTZ,
};
static const uint32_t payment_types[] = {
	PG_INT8,	PG_UUID,	PG_UUID,  PG_UUID, PG_INT2,
	PG_INT2,	PG_INT2,	PG_BOOL,  PG_BOOL, PG_BOOL,
	PG_BOOL,	PG_BOOL,	PG_INT2,  PG_INT4, PG_INT4,
	PG_INT8,	PG_INT8,	PG_INT8,  PG_INT8, PG_TIMESTAMPTZ,
	PG_TIMESTAMPTZ, PG_TIMESTAMPTZ, PG_INT4,  PG_INT4, PG_INT4,
	PG_TEXT,	PG_TEXT,	PG_TEXT,  PG_TEXT, PG_BYTEA,
	PG_BYTEA,	PG_BYTEA,	PG_BYTEA,
};
static const uint32_t request_types[] = {
	PG_UUID,  PG_TEXT,	  PG_TEXT, PG_INT8, PG_TEXT,
	PG_BYTEA, PG_TIMESTAMPTZ, PG_INT4, PG_INT8, PG_INT4,
};
static const uint32_t request_ended_types[] = { PG_UUID, PG_INT2, PG_INT8 };

static void column_groups(struct batch *batch,
			  struct columns out[COLUMN_GROUPS])
{
	static const uint32_t transfer[] = {
		PG_INT8, PG_UUID,	 PG_INT8, PG_INT4, PG_INT4,
		PG_INT4, PG_INT8,	 PG_INT2, PG_UUID, PG_UUID,
		PG_INT4, PG_TIMESTAMPTZ, PG_INT8, PG_INT8,
	};
	static const uint32_t hold[] = {
		PG_INT8, PG_UUID, PG_INT4,	  PG_INT4, PG_INT8,
		PG_INT2, PG_INT8, PG_TIMESTAMPTZ, PG_INT2, PG_UUID,
		PG_INT4, PG_INT8, PG_INT4,	  PG_INT8, PG_INT4,
	};
	static const uint32_t ended[] = { PG_UUID, PG_INT2, PG_INT8, PG_INT8,
					  PG_INT4 };
	static const uint32_t expired[] = { PG_UUID, PG_INT8 };
	static const uint32_t actor[] = { PG_INT4, PG_TEXT };
	static const uint32_t account[] = { PG_INT4, PG_TEXT, PG_TEXT,
					    PG_BOOL, PG_INT8, PG_INT8 };
	static const uint32_t change[] = {
		PG_INT8, PG_INT4, PG_INT4, PG_INT2, PG_INT8,	    PG_INT8,
		PG_INT8, PG_INT8, PG_INT4, PG_TEXT, PG_TIMESTAMPTZ,
	};
	static const uint32_t command[] = { PG_UUID, PG_INT2, PG_INT8,
					    PG_INT4 };
	static const uint32_t total[] = { PG_INT4, PG_INT8, PG_INT8, PG_INT8,
					  PG_INT8, PG_INT4, PG_INT8 };
	static const uint32_t setting[] = { PG_INT4, PG_INT2, PG_INT8,
					    PG_INT8 };
	const struct columns groups[COLUMN_GROUPS] = {
		{ batch->transfer, transfer, TRANSFER_COLUMNS },
		{ batch->hold, hold, HOLD_COLUMNS },
		{ batch->ended, ended, ENDED_COLUMNS },
		{ batch->expired, expired, EXPIRED_COLUMNS },
		{ batch->actor, actor, ACTOR_COLUMNS },
		{ batch->account, account, ACCOUNT_COLUMNS },
		{ batch->change, change, CHANGE_COLUMNS },
		{ batch->command, command, COMMAND_COLUMNS },
		{ batch->total, total, TOTAL_COLUMNS },
		{ batch->setting, setting, SETTING_COLUMNS },
		{ batch->link, link_types, LINK_COLUMNS },
		{ batch->link_life, link_life_types, LINK_LIFE_COLUMNS },
		{ batch->link_batch, link_batch_types, LINK_BATCH_COLUMNS },
		{ batch->link_withdrawn, link_withdrawn_types,
		  LINK_WITHDRAWN_COLUMNS },
		{ batch->link_change, link_change_types, LINK_CHANGE_COLUMNS },
		{ batch->payment, payment_types, PAYMENT_COLUMNS },
		{ batch->payment_again, payment_types, PAYMENT_COLUMNS },
		{ batch->request, request_types, REQUEST_COLUMNS },
		{ batch->request_ended, request_ended_types,
		  REQUEST_ENDED_COLUMNS },
	};

	memcpy(out, groups, sizeof(groups));
}

void batch_release(struct batch *batch)
{
	struct columns groups[COLUMN_GROUPS];

	column_groups(batch, groups);
	for (uint32_t i = 0; i < COLUMN_GROUPS; i++) {
		for (uint32_t j = 0; j < groups[i].count; j++)
			pg_array_release(&groups[i].array[j]);
	}
	free(batch->index_memory);
	free(batch->holds);
	free(batch->accounts);
	free(batch->account_at);
	*batch = (struct batch){ 0 };
}

void batch_begin(struct batch *batch, const struct tables_position *from)
{
	struct columns groups[COLUMN_GROUPS];

	column_groups(batch, groups);
	for (uint32_t i = 0; i < COLUMN_GROUPS; i++) {
		for (uint32_t j = 0; j < groups[i].count; j++)
			pg_array_reset(&groups[i].array[j], groups[i].types[j]);
	}
	for (uint32_t i = 0; i < batch->account_count; i++)
		batch->account_at[batch->accounts[i].account] = 0;
	if (batch->hold_count > 0 || batch->holds_by_id.slots_max == 0) {
		memset(batch->index_memory, 0,
		       index_memory_size(BATCH_ENTRIES_MAX));
		index_init(&batch->holds_by_id, BATCH_ENTRIES_MAX,
			   batch->index_memory);
	}
	batch->account_count = 0;
	batch->hold_count = 0;
	batch->has_genesis = false;
	batch->links_changed = false;
	batch->first_payment =
		batch->links == NULL ? 0 : batch->links->next_payment;
	batch->unfit = NULL;
	batch->failed = false;
	batch->from = *from;
	batch->to = *from;
}

/* Room for one more of @size bytes in *@items, @count of them in use. */
static bool grow(void **items, uint32_t count, uint32_t *capacity, size_t size)
{
	uint32_t wanted = *capacity ? *capacity * 2 : 1024;
	void *larger;

	if (count < *capacity)
		return true;
	larger = realloc(*items, (size_t)wanted * size);
	if (larger == NULL)
		return false;
	*items = larger;
	*capacity = wanted;
	return true;
}

static bool map_account(struct batch *batch, uint32_t account)
{
	uint32_t size = batch->account_at_size ? batch->account_at_size : 1024;
	uint32_t *larger;

	if (account < batch->account_at_size)
		return true;
	while (size <= account)
		size *= 2;
	larger = realloc(batch->account_at, size * sizeof(uint32_t));
	if (larger == NULL)
		return false;
	memset(larger + batch->account_at_size, 0,
	       (size - batch->account_at_size) * sizeof(uint32_t));
	batch->account_at = larger;
	batch->account_at_size = size;
	return true;
}

struct account_change *batch_account(struct batch *batch, uint32_t account)
{
	void *items = batch->accounts;
	uint32_t at;

	if (!map_account(batch, account)) {
		batch->failed = true;
		return NULL;
	}
	at = batch->account_at[account];
	if (at > 0)
		return &batch->accounts[at - 1];
	if (!grow(&items, batch->account_count, &batch->account_capacity,
		  sizeof(struct account_change))) {
		batch->failed = true;
		return NULL;
	}
	batch->accounts = items;
	batch->accounts[batch->account_count] =
		(struct account_change){ .account = account };
	batch->account_at[account] = ++batch->account_count;
	return &batch->accounts[batch->account_count - 1];
}

/* Net changes of both sides: what moves between pending and posted. */
struct movement {
	int64_t posted;
	int64_t pending;
	int32_t holds;
	uint64_t number; /* of a posted entry, else 0 */
};

static void move(struct batch *batch, const struct entry *entry,
		 struct movement m)
{
	struct account_change *side = batch_account(batch, entry->debit);

	if (side == NULL)
		return;
	side->debits_posted += m.posted;
	side->debits_pending += m.pending;
	side->holds_open += m.holds;
	if (m.number > 0)
		side->last_number = m.number;
	side = batch_account(batch, entry->credit);
	if (side == NULL)
		return;
	side->credits_posted += m.posted;
	side->credits_pending += m.pending;
	side->holds_open += m.holds;
	if (m.number > 0)
		side->last_number = m.number;
}

static void put_id(struct pg_array *array, const struct id *id)
{
	pg_array_bytes(array, slice_of(id->bytes, ID_SIZE));
}

static void put_reference(struct pg_array *array, const struct entry *entry)
{
	if (entry->has_reference)
		pg_array_bytes(array,
			       slice_of(entry->reference, REFERENCE_SIZE));
	else
		pg_array_null(array);
}

/* Where an entry or event stands. */
struct place {
	uint64_t number;
	uint32_t index;
};

static void put_transfer(struct batch *batch, const struct entry *entry,
			 struct place at, const struct effect *effect)
{
	struct pg_array *column = batch->transfer;

	pg_array_int64(&column[0], (int64_t)at.number);
	put_id(&column[1], &entry->id);
	pg_array_int64(&column[2], (int64_t)batch->header->seq);
	pg_array_int32(&column[3], (int32_t)at.index);
	pg_array_int32(&column[4], (int32_t)entry->debit);
	pg_array_int32(&column[5], (int32_t)entry->credit);
	pg_array_int64(&column[6], money_minor(entry->amount));
	pg_array_int16(&column[7], entry->transfer_kind);
	put_reference(&column[8], entry);
	if (entry->kind == ENTRY_POST)
		put_id(&column[9], &entry->hold_id);
	else
		pg_array_null(&column[9]);
	pg_array_int32(&column[10], (int32_t)entry->actor);
	pg_array_time(&column[11], (int64_t)batch->header->created_us);
	pg_array_int64(&column[12], (int64_t)effect->debit_previous);
	pg_array_int64(&column[13], (int64_t)effect->credit_previous);
}

static uint32_t hash_of(const struct id *id)
{
	return (uint32_t)siphash64(index_key, slice_of(id->bytes, ID_SIZE));
}

static void place_hold(struct batch *batch, const struct entry *entry,
		       struct place at)
{
	void *items = batch->holds;

	if (!grow(&items, batch->hold_count, &batch->hold_capacity,
		  sizeof(struct placed_hold))) {
		batch->failed = true;
		return;
	}
	batch->holds = items;
	check(batch->hold_count < BATCH_ENTRIES_MAX);
	batch->holds[batch->hold_count] = (struct placed_hold){
		.entry = *entry,
		.number = at.number,
		.seq = batch->header->seq,
		.index = at.index,
		.state = HOLD_OPEN,
	};
	index_insert(&batch->holds_by_id, batch->hold_count,
		     hash_of(&entry->id));
	batch->hold_count++;
	move(batch, entry,
	     (struct movement){ .pending = money_minor(entry->amount),
				.holds = 1 });
}

static struct placed_hold *find_placed(struct batch *batch, const struct id *id)
{
	struct index_cursor cursor;
	uint32_t slot = index_first(&batch->holds_by_id, hash_of(id), &cursor);

	while (slot != INDEX_NONE &&
	       !id_equal(&batch->holds[slot].entry.id, id))
		slot = index_next(&batch->holds_by_id, &cursor);
	return slot == INDEX_NONE ? NULL : &batch->holds[slot];
}

/* POST and VOID; the hold is one of this batch, or in the table. */
static void end_hold(struct batch *batch, const struct entry *entry,
		     struct place at, const struct effect *effect)
{
	bool posts = entry->kind == ENTRY_POST;
	struct placed_hold *placed = find_placed(batch, &entry->hold_id);
	int64_t posted = posts ? money_minor(entry->amount) : 0;

	if (placed != NULL) {
		placed->state = posts ? HOLD_POSTED : HOLD_VOIDED;
		placed->posted_amount = posted;
		placed->ended_seq = batch->header->seq;
		placed->ended_actor = entry->actor;
	} else {
		put_id(&batch->ended[0], &entry->hold_id);
		pg_array_int16(&batch->ended[1],
			       posts ? HOLD_POSTED : HOLD_VOIDED);
		pg_array_int64(&batch->ended[2], posted);
		pg_array_int64(&batch->ended[3], (int64_t)batch->header->seq);
		pg_array_int32(&batch->ended[4], (int32_t)entry->actor);
	}
	move(batch, entry,
	     (struct movement){ .posted = posted,
				.pending = -money_minor(effect->released),
				.holds = -1,
				.number = posts ? at.number : 0 });
}

void batch_command(struct batch *batch, const struct id *id, int16_t kind,
		   uint32_t index)
{
	put_id(&batch->command[0], id);
	pg_array_int16(&batch->command[1], kind);
	pg_array_int64(&batch->command[2], (int64_t)batch->header->seq);
	pg_array_int32(&batch->command[3], (int32_t)index);
}

static void add_entry(struct batch *batch, const struct entry *entry,
		      struct place at, const struct effect *effect)
{
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_TRANSFER:
		put_transfer(batch, entry, at, effect);
		move(batch, entry,
		     (struct movement){ .posted = money_minor(entry->amount),
					.number = at.number });
		return;
	case ENTRY_HOLD:
		place_hold(batch, entry, at);
		return;
	case ENTRY_POST:
		put_transfer(batch, entry, at, effect);
		end_hold(batch, entry, at, effect);
		return;
	case ENTRY_VOID:
		batch_command(batch, &entry->id, COMMAND_ROW_VOID, at.index);
		end_hold(batch, entry, at, effect);
		return;
	}
	clearing_panic(__FILE__, __LINE__, "entry kind");
}

/* The event does not say what it released: the hold of this batch does, or
 * the table (batch_write). */
static void expire_hold(struct batch *batch, const struct id *hold_id)
{
	struct placed_hold *placed = find_placed(batch, hold_id);

	if (placed == NULL) {
		put_id(&batch->expired[0], hold_id);
		pg_array_int64(&batch->expired[1], (int64_t)batch->header->seq);
		return;
	}
	placed->state = HOLD_EXPIRED;
	placed->ended_seq = batch->header->seq;
	move(batch, &placed->entry,
	     (struct movement){ .pending = -money_minor(placed->entry.amount),
				.holds = -1 });
}

/* The audit trail (rule LEDGER-17). */
static void put_change(struct batch *batch, const struct event *event,
		       uint32_t index)
{
	const struct event_account *account = &event->account;
	struct pg_array *column = batch->change;
	bool old = event->kind == EVENT_ACCOUNT_LIMITS_SET;
	bool set = old || event->kind == EVENT_ACCOUNT_OPENED;
	const struct money limits[] = { account->old_credit_limit,
					account->credit_limit,
					account->old_balance_ceiling,
					account->balance_ceiling };

	pg_array_int64(&column[0], (int64_t)batch->header->seq);
	pg_array_int32(&column[1], (int32_t)index);
	pg_array_int32(&column[2], (int32_t)account->account);
	pg_array_int16(&column[3], (int16_t)event->kind);
	for (uint32_t i = 0; i < 4; i++) {
		if (i % 2 == 0 ? old : set)
			pg_array_int64(&column[4 + i], money_minor(limits[i]));
		else
			pg_array_null(&column[4 + i]);
	}
	if (account->actor > 0)
		pg_array_int32(&column[8], (int32_t)account->actor);
	else
		pg_array_null(&column[8]);
	pg_array_bytes(&column[9], account->reason);
	pg_array_time(&column[10], (int64_t)batch->header->created_us);
	if (!id_is_zero(&account->id))
		batch_command(batch, &account->id, (int16_t)event->kind, index);
}

static void put_account(struct batch *batch,
			const struct event_account *account)
{
	struct pg_array *column = batch->account;

	pg_array_int32(&column[0], (int32_t)account->account);
	pg_array_bytes(&column[1], account->local_address);
	pg_array_bytes(&column[2], account->display_name);
	pg_array_bool(&column[3], account->gateway_allowed);
	pg_array_int64(&column[4], money_minor(account->credit_limit));
	pg_array_int64(&column[5], money_minor(account->balance_ceiling));
}

static void set_state(struct batch *batch, uint32_t account,
		      enum account_state state)
{
	struct account_change *change = batch_account(batch, account);

	if (change != NULL)
		change->state = (uint8_t)state;
}

static void set_limits(struct batch *batch, const struct event_account *account)
{
	struct account_change *change = batch_account(batch, account->account);

	if (change == NULL)
		return;
	change->limits = true;
	change->credit_limit = money_minor(account->credit_limit);
	change->balance_ceiling = money_minor(account->balance_ceiling);
}

static void add_event(struct batch *batch, const struct event *event,
		      uint32_t index)
{
	if (event->kind >= EVENT_LINK_OPENED) {
		batch_add_link_event(batch, event, index);
		return;
	}
	switch (event->kind) {
	case EVENT_EPOCH_STARTED:
	case EVENT_RESUMED:
		return;
	case EVENT_ACTOR_SEEN:
		pg_array_int32(&batch->actor[0],
			       (int32_t)event->actor_seen.actor);
		pg_array_bytes(&batch->actor[1], event->actor_seen.uri);
		return;
	case EVENT_ACCOUNT_OPENED:
		put_account(batch, &event->account);
		break;
	case EVENT_ACCOUNT_LIMITS_SET:
		set_limits(batch, &event->account);
		break;
	case EVENT_ACCOUNT_FROZEN:
		set_state(batch, event->account.account, ACCOUNT_FROZEN);
		break;
	case EVENT_ACCOUNT_UNFROZEN:
		set_state(batch, event->account.account, ACCOUNT_OPEN);
		break;
	case EVENT_ACCOUNT_CLOSED:
		set_state(batch, event->account.account, ACCOUNT_CLOSED);
		break;
	case EVENT_HOLD_EXPIRED:
		expire_hold(batch, &event->hold_expired.hold_id);
		return;
	case EVENT_GENESIS:
		batch->has_genesis = true;
		batch->genesis = event->genesis;
		batch_name_links(batch, &event->genesis);
		return;
	}
	put_change(batch, event, index);
}

/* (rule JOURNAL-14) Events of a place first, then the entry behind it. */
void batch_add(struct batch *batch, const struct block *block,
	       const struct effect *effects)
{
	uint32_t event_at = 0;

	check(block->header.seq == (uint64_t)(batch->to.seq + 1));
	batch->header = &block->header;
	for (uint32_t i = 0; i <= block->entry_count; i++) {
		struct place at = { batch->to.next_number + i, i };

		while (event_at < block->event_count &&
		       block->events[event_at].after == i) {
			add_event(batch, &block->events[event_at], event_at);
			event_at++;
		}
		if (i < block->entry_count)
			add_entry(batch, &block->entries[i], at, &effects[i]);
	}
	batch->to.seq++;
	batch->to.next_number += block->entry_count;
	batch->to.time_us = (int64_t)block->header.created_us;
	memcpy(batch->to.hash, block->header.hash, SHA256_SIZE);
	batch->header = NULL;
}

static void put_hold(struct batch *batch, const struct placed_hold *hold)
{
	struct pg_array *column = batch->hold;
	const struct entry *entry = &hold->entry;

	pg_array_int64(&column[0], (int64_t)hold->number);
	put_id(&column[1], &entry->id);
	pg_array_int32(&column[2], (int32_t)entry->debit);
	pg_array_int32(&column[3], (int32_t)entry->credit);
	pg_array_int64(&column[4], money_minor(entry->amount));
	pg_array_int16(&column[5], hold->state);
	pg_array_int64(&column[6], hold->posted_amount);
	pg_array_time(&column[7], (int64_t)entry->expires_at_us);
	pg_array_int16(&column[8], entry->transfer_kind);
	put_reference(&column[9], entry);
	pg_array_int32(&column[10], (int32_t)entry->actor);
	pg_array_int64(&column[11], (int64_t)hold->seq);
	pg_array_int32(&column[12], (int32_t)hold->index);
	if (hold->state == HOLD_OPEN)
		pg_array_null(&column[13]);
	else
		pg_array_int64(&column[13], (int64_t)hold->ended_seq);
	if (hold->ended_actor == 0)
		pg_array_null(&column[14]);
	else
		pg_array_int32(&column[14], (int32_t)hold->ended_actor);
}

static bool has_moved(const struct account_change *change)
{
	return change->debits_posted != 0 || change->credits_posted != 0 ||
	       change->debits_pending != 0 || change->credits_pending != 0 ||
	       change->holds_open != 0 || change->last_number != 0;
}

static void put_change_of(struct batch *batch,
			  const struct account_change *change)
{
	struct pg_array *column = batch->total;

	if (has_moved(change)) {
		pg_array_int32(&column[0], (int32_t)change->account);
		pg_array_int64(&column[1], change->debits_posted);
		pg_array_int64(&column[2], change->credits_posted);
		pg_array_int64(&column[3], change->debits_pending);
		pg_array_int64(&column[4], change->credits_pending);
		pg_array_int32(&column[5], change->holds_open);
		pg_array_int64(&column[6], (int64_t)change->last_number);
	}
	if (change->state == 0 && !change->limits)
		return;
	column = batch->setting;
	pg_array_int32(&column[0], (int32_t)change->account);
	if (change->state != 0)
		pg_array_int16(&column[1], change->state);
	else
		pg_array_null(&column[1]);
	if (change->limits) {
		pg_array_int64(&column[2], change->credit_limit);
		pg_array_int64(&column[3], change->balance_ceiling);
	} else {
		pg_array_null(&column[2]);
		pg_array_null(&column[3]);
	}
}

static int by_account(const void *a, const void *b)
{
	const struct account_change *x = a, *y = b;

	return x->account < y->account ? -1 : x->account > y->account;
}

void batch_finish(struct batch *batch)
{
	struct columns groups[COLUMN_GROUPS];

	/* In one order always: neighbours in the heap are touched together. */
	if (batch->account_count > 0)
		qsort(batch->accounts, batch->account_count,
		      sizeof(struct account_change), by_account);
	for (uint32_t i = 0; i < batch->account_count; i++)
		put_change_of(batch, &batch->accounts[i]);
	for (uint32_t i = 0; i < batch->hold_count; i++)
		put_hold(batch, &batch->holds[i]);
	batch_finish_payments(batch);
	column_groups(batch, groups);
	for (uint32_t i = 0; i < COLUMN_GROUPS; i++) {
		for (uint32_t j = 0; j < groups[i].count; j++)
			batch->failed |= groups[i].array[j].failed;
	}
}
