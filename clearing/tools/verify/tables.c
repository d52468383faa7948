/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/tables.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/verify/forms.h"

/* Event numbers of the contract that the journal has as entry kinds. */
#define EVENT_HOLD_VOIDED 11
#define HOLD_STATE_OPEN 1
#define HOLD_STATE_POSTED 2
#define HOLD_STATE_VOIDED 3
#define HOLD_STATE_EXPIRED 4

void tables_begin(struct tables *tables, struct ledger *ledger, PGconn *busy,
		  PGconn *rest, struct findings *findings)
{
	*tables = (struct tables){ .findings = findings, .rest = rest };
	comparison_begin(&tables->transfer, &transfer_form, findings, busy,
			 true);
	comparison_begin(&tables->change, &change_form, findings, rest, false);
	comparison_begin(&tables->command, &command_form, findings, rest,
			 false);
	comparison_begin(&tables->account_month, &account_month_form, findings,
			 rest, false);
	comparison_begin(&tables->month_start, &month_start_form, findings,
			 rest, false);
	link_rows_begin(&tables->links, findings, rest, &ledger->links);
}

void tables_release(struct tables *tables)
{
	rows_close(&tables->transfer.rows);
	rows_close(&tables->change.rows);
	rows_close(&tables->command.rows);
	rows_close(&tables->account_month.rows);
	rows_close(&tables->month_start.rows);
	link_rows_release(&tables->links);
	free(tables->holds);
	*tables = (struct tables){ 0 };
}

/* The month of a time, counted from 1970, and its first day from 2000. */
static int64_t month_of(uint64_t time_us, int64_t *first_day)
{
	time_t seconds = (time_t)(time_us / 1000000);
	struct tm when;

	if (gmtime_r(&seconds, &when) == NULL)
		return *first_day = -1;
	when = (struct tm){ .tm_year = when.tm_year,
			    .tm_mon = when.tm_mon,
			    .tm_mday = 1 };
	*first_day = (int64_t)timegm(&when) / 86400 - 10957;
	return (int64_t)when.tm_year * 12 + when.tm_mon;
}

static void close_month(struct tables *tables, const struct ledger *ledger,
			int64_t first_day)
{
	for (uint32_t i = 0; i < ledger->account_count; i++) {
		const struct account *account = &ledger->accounts[i];

		if (account->last_number < tables->month_first ||
		    account->last_number == 0)
			continue;
		comparison_expect(
			&tables->account_month,
			(const struct cell[]){
				cell_number(first_day),
				cell_number(account->id),
				cell_number((int64_t)account->last_number),
				cell_money(account->debits_posted),
				cell_money(account->credits_posted) });
	}
}

void tables_block(struct tables *tables, const struct ledger *ledger,
		  const struct block_header *header, uint64_t first_number)
{
	int64_t first_day, day_before;
	int64_t month = month_of(header->created_us, &first_day);

	if (tables->month_known && month == tables->month)
		return;
	if (tables->month_known) {
		(void)month_of(ledger->time_us, &day_before);
		close_month(tables, ledger, day_before);
	}
	tables->month_known = true;
	tables->month = month;
	tables->month_first = first_number;
	comparison_expect(
		&tables->month_start,
		(const struct cell[]){ cell_number(first_day),
				       cell_number((int64_t)first_number) });
}

static void expect_transfer(struct tables *tables,
			    const struct applied *applied)
{
	const struct entry *entry = applied->entry;
	const struct effect *effect = applied->effect;
	struct cell cells[] = {
		cell_number((int64_t)applied->number),
		cell_id(&entry->id),
		cell_number((int64_t)applied->header->seq),
		cell_number(applied->index),
		cell_number(entry->debit),
		cell_number(entry->credit),
		cell_money(entry->amount),
		cell_number(entry->transfer_kind),
		entry->has_reference
			? cell_bytes(slice_of(entry->reference, REFERENCE_SIZE))
			: cell_null(),
		entry->kind == ENTRY_POST ? cell_id(&entry->hold_id)
					  : cell_null(),
		cell_number(entry->actor),
		cell_time(applied->header->created_us),
		cell_number((int64_t)effect->debit_previous),
		cell_number((int64_t)effect->credit_previous),
	};

	comparison_expect(&tables->transfer, cells);
}

static void keep_hold(struct tables *tables, const struct known_hold *hold)
{
	if (tables->hold_count == tables->hold_capacity) {
		tables->hold_capacity = tables->hold_capacity * 2 + 1024;
		tables->holds =
			realloc(tables->holds,
				tables->hold_capacity * sizeof(*tables->holds));
		check(tables->holds != NULL);
	}
	tables->holds[tables->hold_count++] = *hold;
}

/* The hold with that number, which replay saw placed. */
static struct known_hold *hold_of(struct tables *tables, uint64_t number)
{
	size_t low = 0, high = tables->hold_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tables->holds[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	check(low < tables->hold_count && tables->holds[low].number == number);
	return &tables->holds[low];
}

static void end_hold(struct tables *tables, const struct applied *applied,
		     uint8_t state)
{
	struct known_hold *hold = hold_of(tables, applied->hold_number);

	hold->state = state;
	hold->ended_seq = applied->header->seq;
	if (applied->entry != NULL)
		hold->ended_actor = applied->entry->actor;
	if (state == HOLD_STATE_POSTED)
		hold->posted_amount = applied->entry->amount;
}

void tables_entry(struct tables *tables, const struct applied *applied)
{
	switch ((enum entry_kind)applied->entry->kind) {
	case ENTRY_TRANSFER:
		expect_transfer(tables, applied);
		return;
	case ENTRY_HOLD:
		keep_hold(tables, &(struct known_hold){
					  .placed = *applied->entry,
					  .number = applied->number,
					  .placed_seq = applied->header->seq,
					  .placed_index = applied->index,
					  .state = HOLD_STATE_OPEN,
				  });
		return;
	case ENTRY_POST:
		end_hold(tables, applied, HOLD_STATE_POSTED);
		expect_transfer(tables, applied);
		return;
	case ENTRY_VOID:
		end_hold(tables, applied, HOLD_STATE_VOIDED);
		return;
	}
	clearing_panic(__FILE__, __LINE__, "entry kind");
}

static void expect_change(struct tables *tables,
			  const struct block_header *header, uint32_t index,
			  const struct event *event)
{
	const struct event_account *on = &event->account;
	bool is_set = event->kind == EVENT_ACCOUNT_LIMITS_SET;
	bool is_new = is_set || event->kind == EVENT_ACCOUNT_OPENED;
	struct cell cells[] = {
		cell_number((int64_t)header->seq),
		cell_number(index),
		cell_number(on->account),
		cell_number(event->kind),
		is_set ? cell_money(on->old_credit_limit) : cell_null(),
		is_new ? cell_money(on->credit_limit) : cell_null(),
		is_set ? cell_money(on->old_balance_ceiling) : cell_null(),
		is_new ? cell_money(on->balance_ceiling) : cell_null(),
		on->actor != 0 ? cell_number(on->actor) : cell_null(),
		cell_bytes(on->reason),
		cell_time(header->created_us),
	};

	comparison_expect(&tables->change, cells);
}

void tables_event(struct tables *tables, const struct block_header *header,
		  uint32_t index, const struct event *event,
		  uint64_t hold_number)
{
	if (event->kind >= EVENT_LINK_OPENED) {
		link_rows_event(&tables->links, header, index, event);
		return;
	}
	switch (event->kind) {
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		expect_change(tables, header, index, event);
		return;
	case EVENT_HOLD_EXPIRED:
		end_hold(tables,
			 &(struct applied){ .header = header,
					    .hold_number = hold_number },
			 HOLD_STATE_EXPIRED);
		return;
	case EVENT_EPOCH_STARTED:
	case EVENT_ACTOR_SEEN:
	case EVENT_GENESIS:
	case EVENT_RESUMED:
		return;
	}
	clearing_panic(__FILE__, __LINE__, "event kind");
}

bool tables_command_of(const struct event *event, struct id *out)
{
	if (event->kind >= EVENT_ACCOUNT_OPENED &&
	    event->kind <= EVENT_ACCOUNT_CLOSED)
		*out = event->account.id;
	else if (event_is_link_command(event->kind))
		*out = event->link.id;
	else if (event->kind == EVENT_REQUEST_OPENED)
		*out = event->request.id;
	else
		return false;
	return !id_is_zero(out);
}

static void expect_command(struct tables *tables, const struct block *block,
			   uint32_t index, uint8_t kind, const struct id *id)
{
	comparison_expect(
		&tables->command,
		(const struct cell[]){ cell_number((int64_t)block->header.seq),
				       cell_number(kind == EVENT_HOLD_VOIDED),
				       cell_number(index), cell_number(kind),
				       cell_id(id) });
}

void tables_commands(struct tables *tables, const struct block *block)
{
	for (uint32_t i = 0; i < block->event_count; i++) {
		struct id command;

		if (tables_command_of(&block->events[i], &command))
			expect_command(tables, block, i, block->events[i].kind,
				       &command);
	}
	for (uint32_t i = 0; i < block->entry_count; i++) {
		if (block->entries[i].kind == ENTRY_VOID)
			expect_command(tables, block, i, EVENT_HOLD_VOIDED,
				       &block->entries[i].id);
	}
}

static void expect_holds(struct tables *tables, struct comparison *comparison)
{
	for (size_t i = 0; i < tables->hold_count; i++) {
		const struct known_hold *hold = &tables->holds[i];
		const struct entry *placed = &hold->placed;
		bool is_open = hold->state == HOLD_STATE_OPEN;
		struct cell cells[] = {
			cell_number((int64_t)hold->number),
			cell_id(&placed->id),
			cell_number(placed->debit),
			cell_number(placed->credit),
			cell_money(placed->amount),
			cell_number(hold->state),
			cell_money(hold->posted_amount),
			cell_time(placed->expires_at_us),
			cell_number(placed->transfer_kind),
			placed->has_reference
				? cell_bytes(slice_of(placed->reference,
						      REFERENCE_SIZE))
				: cell_null(),
			cell_number(placed->actor),
			cell_number((int64_t)hold->placed_seq),
			cell_number(hold->placed_index),
			is_open ? cell_null()
				: cell_number((int64_t)hold->ended_seq),
			hold->ended_actor != 0 ? cell_number(hold->ended_actor)
					       : cell_null(),
		};

		comparison_expect(comparison, cells);
	}
}

static void expect_accounts(const struct ledger *ledger,
			    struct comparison *comparison)
{
	for (uint32_t i = 0; i < ledger->account_count; i++) {
		const struct account *account = &ledger->accounts[i];
		struct cell cells[] = {
			cell_number(account->id),
			cell_bytes(account_local(account)),
			cell_bytes(account_display_name(account)),
			cell_number(account->state),
			cell_number(account->gateway_allowed),
			cell_money(account->credit_limit),
			cell_money(account->balance_ceiling),
			cell_money(account->debits_posted),
			cell_money(account->credits_posted),
			cell_money(account->debits_pending),
			cell_money(account->credits_pending),
			cell_number(account->holds_open),
			cell_number((int64_t)account->last_number),
		};

		comparison_expect(comparison, cells);
	}
}

static void expect_actors(const struct ledger *ledger,
			  struct comparison *comparison)
{
	for (uint32_t i = 0; i < ledger->actor_count; i++) {
		const struct actor *actor = &ledger->actors[i];

		comparison_expect(
			comparison,
			(const struct cell[]){
				cell_number(actor->number),
				cell_bytes(slice_of(actor->uri,
						    actor->uri_size)) });
	}
}

static void expect_genesis(const struct ledger *ledger,
			   struct comparison *comparison)
{
	struct cell cells[] = {
		cell_number(1),
		cell_bytes(
			slice_of(ledger->federation, ledger->federation_size)),
		cell_bytes(slice_of(ledger->city, ledger->city_size)),
		cell_bytes(slice_of(ledger->unit, ledger->unit_size)),
		cell_number(ledger->decimals),
		cell_bytes(slice_of(ledger->node_key, NODE_KEY_SIZE)),
	};

	if (ledger->has_genesis)
		comparison_expect(comparison, cells);
}

static bool end_one(struct comparison *comparison, char *error)
{
	if (comparison_end(comparison))
		return true;
	memcpy(error, comparison->rows.error, ROWS_ERROR_SIZE);
	return false;
}

bool tables_end(struct tables *tables, const struct ledger *ledger, char *error)
{
	struct comparison small;

	if (!end_one(&tables->transfer, error) ||
	    !end_one(&tables->change, error) ||
	    !end_one(&tables->command, error) ||
	    !end_one(&tables->account_month, error) ||
	    !end_one(&tables->month_start, error))
		return false;
	comparison_begin(&small, &hold_form, tables->findings, tables->rest,
			 false);
	expect_holds(tables, &small);
	if (!end_one(&small, error))
		return false;
	comparison_begin(&small, &account_form, tables->findings, tables->rest,
			 false);
	expect_accounts(ledger, &small);
	if (!end_one(&small, error))
		return false;
	comparison_begin(&small, &actor_form, tables->findings, tables->rest,
			 false);
	expect_actors(ledger, &small);
	if (!end_one(&small, error))
		return false;
	comparison_begin(&small, &genesis_form, tables->findings, tables->rest,
			 false);
	expect_genesis(ledger, &small);
	return end_one(&small, error) && link_rows_end(&tables->links, error);
}
