/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Replay: whole blocks, tables that were loaded, and the ids of blocks that
 * are in the tables already.  Nothing is decided here (rule JOURNAL-19).
 */
#include "core/apply.h"

#include <string.h>

/* The memo of entry @index, walking the sorted list with *@at. */
static const struct block_memo *memo_of(const struct block *block,
					uint32_t index, uint32_t *at)
{
	while (*at < block->memo_count && block->memos[*at].index < index)
		(*at)++;
	if (*at < block->memo_count && block->memos[*at].index == index)
		return &block->memos[*at];
	return NULL;
}

/* All zero where an erased or missing memo makes it unknowable. */
static struct hash128 content_of_entry(const struct ledger *ledger,
				       const struct block *block,
				       uint32_t index, uint32_t *memo_at)
{
	const struct entry *entry = &block->entries[index];
	const struct actor *actor =
		ledger_actor_by_number(ledger, entry->actor);
	const struct block_memo *memo;
	struct slice text = { 0 };

	if (actor == NULL)
		return (struct hash128){ 0 };
	if (entry->has_memo) {
		memo = memo_of(block, index, memo_at);
		if (memo == NULL || memo->text.data == NULL)
			return (struct hash128){ 0 };
		text = memo->text;
	}
	return ledger_content_of_entry(ledger, entry, actor->base_hash, text);
}

static struct hash128 content_of_event(const struct ledger *ledger,
				       const struct event *event)
{
	const struct actor *actor;

	if (apply_command_of_event(event) == 0)
		return (struct hash128){ 0 };
	actor = ledger_actor_by_number(ledger, apply_actor_of_event(event));
	if (actor == NULL)
		return (struct hash128){ 0 };
	return ledger_content_of_event(ledger, event, actor->base_hash);
}

static enum apply_result apply_event(struct ledger *ledger,
				     const struct block *block,
				     const struct event *event)
{
	if (event->kind >= EVENT_LINK_OPENED)
		return ledger_apply_link_event(ledger, event,
					       content_of_event(ledger, event),
					       block->header.created_us, true);
	return ledger_apply_event(ledger, event,
				  content_of_event(ledger, event));
}

static enum apply_result events_at(struct ledger *ledger,
				   const struct block *block, uint32_t place,
				   uint32_t *at)
{
	enum apply_result result = APPLY_OK;

	while (result == APPLY_OK && *at < block->event_count &&
	       block->events[*at].after == place) {
		const struct event *event = &block->events[*at];

		result = apply_event(ledger, block, event);
		if (result == APPLY_OK)
			(*at)++;
	}
	return result;
}

/* (rule JOURNAL-14) Events of a place first, then the entry behind it. */
enum apply_result ledger_apply_block(struct ledger *ledger,
				     const struct block *block,
				     struct effect *effects,
				     struct apply_fault *fault)
{
	uint32_t event_at = 0, memo_at = 0;
	enum apply_result result;

	/* A takeover is written before its place is known, and has no entry. */
	if (block->first_number != ledger->next_number &&
	    (block->first_number != 0 || block->entry_count > 0)) {
		*fault = (struct apply_fault){ .result = APPLY_NUMBER_WRONG };
		return APPLY_NUMBER_WRONG;
	}
	for (uint32_t i = 0;; i++) {
		result = events_at(ledger, block, i, &event_at);
		*fault = (struct apply_fault){ result, event_at, true };
		if (result != APPLY_OK || i == block->entry_count)
			return result;
		result = ledger_apply_entry(
			ledger, &block->entries[i],
			content_of_entry(ledger, block, i, &memo_at),
			&effects[i]);
		*fault = (struct apply_fault){ result, i, false };
		if (result != APPLY_OK)
			return result;
	}
}

void ledger_block_done(struct ledger *ledger, const struct block_header *header)
{
	check(header->seq == ledger->next_seq);
	ledger->next_seq++;
	ledger->epoch = header->epoch;
	/* (rule LEDGER-17) */
	if (header->created_us > ledger->time_us)
		ledger->time_us = header->created_us;
}

static void remember(struct ledger *ledger, const struct remembered *what)
{
	if (what->kind != 0 && idwindow_find(&ledger->ids, &what->id) == NULL)
		idwindow_add(&ledger->ids, what);
}

void apply_remember_payment(struct ledger *ledger, const struct entry *entry,
			    uint64_t number, uint64_t seq)
{
	struct remembered what = {
		.number = number,
		.seq = seq,
		.kind = COMMAND_PAY,
	};

	if (entry->transfer_kind != TRANSFER_KIND_LINK ||
	    !entry->has_reference || entry->kind > ENTRY_HOLD)
		return;
	memcpy(what.id.bytes, entry->reference, ID_SIZE);
	if (id_is_v7(&what.id))
		remember(ledger, &what);
}

/* (rule JOURNAL-20) */
void ledger_remember_block(struct ledger *ledger, const struct block *block)
{
	uint32_t memo_at = 0;

	for (uint32_t i = 0; i < block->entry_count; i++) {
		const struct entry *entry = &block->entries[i];

		remember(ledger, &(struct remembered){
					 .id = entry->id,
					 .content = content_of_entry(
						 ledger, block, i, &memo_at),
					 .number = block->first_number + i,
					 .seq = block->header.seq,
					 .kind = apply_command_of(entry),
				 });
		apply_remember_payment(ledger, entry, block->first_number + i,
				       block->header.seq);
	}
	for (uint32_t i = 0; i < block->event_count; i++) {
		const struct event *event = &block->events[i];

		struct remembered what;

		if (apply_command_of_event(event) == 0)
			continue;
		what = apply_remembered(event, content_of_event(ledger, event),
					block->header.seq);
		remember(ledger, &what);
	}
}

enum apply_result ledger_load_genesis(struct ledger *ledger,
				      const struct event_genesis *genesis)
{
	if (ledger->has_genesis)
		return APPLY_GENESIS_MISPLACED;
	apply_keep_genesis(ledger, genesis);
	return APPLY_OK;
}

enum apply_result ledger_load_account(struct ledger *ledger,
				      const struct account *account)
{
	int64_t balance = money_minor(account_balance(account));

	if (account->id != ledger->account_count + 1)
		return APPLY_ACCOUNT_MISNUMBERED;
	if (ledger->account_count == ledger->options.accounts_max)
		return APPLY_TOO_MANY;
	if (ledger_account_at(ledger, account_local(account)) != NULL)
		return APPLY_ADDRESS_TAKEN;
	apply_keep_account(ledger, account);
	if (balance < 0 && account_is_coop(account))
		ledger->credit_issued_minor += -balance;
	return APPLY_OK;
}

enum apply_result ledger_load_hold(struct ledger *ledger,
				   const struct hold *hold)
{
	if (ledger_account(ledger, hold->debit) == NULL ||
	    ledger_account(ledger, hold->credit) == NULL)
		return APPLY_ACCOUNT_UNKNOWN;
	if (ledger_hold(ledger, &hold->id) != NULL)
		return APPLY_HOLD_TWICE;
	if (ledger->hold_count == ledger->options.holds_max)
		return APPLY_TOO_MANY;
	apply_keep_hold(ledger, hold);
	return APPLY_OK;
}

void ledger_load_position(struct ledger *ledger,
			  const struct block_header *header,
			  uint64_t next_number)
{
	check(ledger->next_seq == 0 && next_number >= 1);
	ledger->next_seq = header->seq + 1;
	ledger->epoch = header->epoch;
	ledger->time_us = header->created_us;
	ledger->next_number = next_number;
}
