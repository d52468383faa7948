/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Applying entries: what moves credit.  Each function checks that the fact
 * fits the state, then changes it; facts come from decide or from the journal,
 * so a misfit is an answer here and not a panic.
 */
#include "core/apply.h"

#include <string.h>

#include "core/heap.h"

static struct account *account_of(struct ledger *ledger, uint32_t id)
{
	check(id >= 1 && id <= ledger->account_count);
	return &ledger->accounts[id - 1];
}

static struct money plus(struct money a, struct money b)
{
	struct money sum = MONEY_ZERO;
	bool fits = money_add(a, b, &sum);

	check(fits);
	return sum;
}

static struct money minus(struct money a, struct money b)
{
	struct money difference = MONEY_ZERO;
	bool fits = money_subtract(a, b, &difference);

	check(fits);
	return difference;
}

static int64_t issued_by(const struct account *account)
{
	int64_t balance = money_minor(account_balance(account));

	return balance < 0 && account_is_coop(account) ? -balance : 0;
}

/* Changes the posted totals of both sides (rule LEDGER-4). */
static void move_posted(struct ledger *ledger, const struct entry *entry,
			bool undo)
{
	struct account *debit = account_of(ledger, entry->debit);
	struct account *credit = account_of(ledger, entry->credit);
	struct money amount =
		undo ? money_negate(entry->amount) : entry->amount;
	int64_t before = issued_by(debit) + issued_by(credit);

	debit->debits_posted = plus(debit->debits_posted, amount);
	credit->credits_posted = plus(credit->credits_posted, amount);
	ledger->credit_issued_minor +=
		issued_by(debit) + issued_by(credit) - before;
}

static void post(struct ledger *ledger, const struct entry *entry,
		 struct effect *effect)
{
	struct account *debit = account_of(ledger, entry->debit);
	struct account *credit = account_of(ledger, entry->credit);

	effect->debit_previous = debit->last_number;
	effect->credit_previous = credit->last_number;
	move_posted(ledger, entry, false);
	debit->last_number = ledger->next_number;
	credit->last_number = ledger->next_number;
}

static uint32_t hold_hash(const struct ledger *ledger, const struct hold *hold)
{
	return (uint32_t)siphash64(ledger->options.key,
				   slice_of(hold->id.bytes, ID_SIZE));
}

static void index_hold(struct ledger *ledger, uint32_t slot)
{
	const struct hold *hold = &ledger->holds[slot];

	index_insert(&ledger->holds_by_id, slot, hold_hash(ledger, hold));
	heap_insert(ledger, slot);
}

static uint32_t take_slot(struct ledger *ledger)
{
	if (ledger->holds_free_count > 0)
		return ledger->holds_free[--ledger->holds_free_count];
	check(ledger->holds_used < ledger->options.holds_max);
	return ledger->holds_used++;
}

void apply_keep_hold(struct ledger *ledger, const struct hold *hold)
{
	uint32_t slot = take_slot(ledger);

	ledger->holds[slot] = *hold;
	index_hold(ledger, slot);
}

/* Gives back what the hold reserved, and forgets it (rule LEDGER-13). */
static void end_hold(struct ledger *ledger, const struct hold *hold)
{
	struct account *debit = account_of(ledger, hold->debit);
	struct account *credit = account_of(ledger, hold->credit);
	uint32_t slot = (uint32_t)(hold - ledger->holds);

	debit->debits_pending = minus(debit->debits_pending, hold->amount);
	credit->credits_pending = minus(credit->credits_pending, hold->amount);
	check(debit->holds_open > 0 && credit->holds_open > 0);
	debit->holds_open--;
	credit->holds_open--;
	heap_remove(ledger, slot);
	index_remove(&ledger->holds_by_id, slot, hold_hash(ledger, hold));
	ledger->holds_free[ledger->holds_free_count++] = slot;
}

static enum apply_result apply_transfer(struct ledger *ledger,
					const struct entry *entry,
					struct effect *effect)
{
	if (!account_debits_fit(account_of(ledger, entry->debit),
				entry->amount) ||
	    !account_credits_fit(account_of(ledger, entry->credit),
				 entry->amount))
		return APPLY_TOTAL_TOO_LARGE;
	post(ledger, entry, effect);
	return APPLY_OK;
}

static enum apply_result apply_hold(struct ledger *ledger,
				    const struct entry *entry)
{
	struct account *debit = account_of(ledger, entry->debit);
	struct account *credit = account_of(ledger, entry->credit);
	struct hold hold = {
		.id = entry->id,
		.number = ledger->next_number,
		.expires_at_us = entry->expires_at_us,
		.amount = entry->amount,
		.debit = entry->debit,
		.credit = entry->credit,
		.transfer_kind = entry->transfer_kind,
		.has_reference = entry->has_reference,
	};

	if (ledger_hold(ledger, &entry->id) != NULL)
		return APPLY_HOLD_TWICE;
	if (ledger->hold_count == ledger->options.holds_max)
		return APPLY_TOO_MANY;
	if (!account_debits_fit(debit, entry->amount) ||
	    !account_credits_fit(credit, entry->amount))
		return APPLY_TOTAL_TOO_LARGE;
	memcpy(hold.reference, entry->reference, REFERENCE_SIZE);
	apply_keep_hold(ledger, &hold);
	debit->debits_pending = plus(debit->debits_pending, entry->amount);
	credit->credits_pending = plus(credit->credits_pending, entry->amount);
	debit->holds_open++;
	credit->holds_open++;
	return APPLY_OK;
}

static bool fits_hold(const struct entry *entry, const struct hold *hold)
{
	int order = money_compare(entry->amount, hold->amount);

	return entry->debit == hold->debit && entry->credit == hold->credit &&
	       entry->transfer_kind == hold->transfer_kind &&
	       entry->has_reference == hold->has_reference &&
	       memcmp(entry->reference, hold->reference, REFERENCE_SIZE) == 0 &&
	       (entry->kind == ENTRY_VOID ? order == 0 : order <= 0);
}

/* POST and VOID. */
static enum apply_result apply_end(struct ledger *ledger,
				   const struct entry *entry,
				   struct effect *effect)
{
	const struct hold *hold = ledger_hold(ledger, &entry->hold_id);

	if (hold == NULL)
		return APPLY_HOLD_UNKNOWN;
	if (!fits_hold(entry, hold))
		return APPLY_HOLD_DIFFERS;
	effect->released = hold->amount;
	end_hold(ledger, hold);
	if (entry->kind == ENTRY_POST)
		post(ledger, entry, effect);
	return APPLY_OK;
}

static enum apply_result apply_kind(struct ledger *ledger,
				    const struct entry *entry,
				    struct effect *effect)
{
	switch ((enum entry_kind)entry->kind) {
	case ENTRY_TRANSFER:
		return apply_transfer(ledger, entry, effect);
	case ENTRY_HOLD:
		return apply_hold(ledger, entry);
	case ENTRY_POST:
	case ENTRY_VOID:
		return apply_end(ledger, entry, effect);
	}
	clearing_panic(__FILE__, __LINE__, "entry kind");
}

uint8_t apply_command_of(const struct entry *entry)
{
	static const uint8_t commands[ENTRY_KIND_COUNT] = {
		[ENTRY_TRANSFER] = COMMAND_TRANSFER,
		[ENTRY_HOLD] = COMMAND_PLACE_HOLD,
		[ENTRY_POST] = COMMAND_POST_HOLD,
		[ENTRY_VOID] = COMMAND_VOID_HOLD,
	};

	check(entry->kind < ENTRY_KIND_COUNT);
	return commands[entry->kind];
}

enum apply_result ledger_apply_entry(struct ledger *ledger,
				     const struct entry *entry,
				     struct hash128 content,
				     struct effect *effect)
{
	struct effect done = { 0 };
	enum apply_result result;

	if (entry->debit == entry->credit ||
	    ledger_account(ledger, entry->debit) == NULL ||
	    ledger_account(ledger, entry->credit) == NULL)
		return APPLY_ACCOUNT_UNKNOWN;
	if (ledger_actor_by_number(ledger, entry->actor) == NULL)
		return APPLY_ACTOR_UNKNOWN;
	if (idwindow_find(&ledger->ids, &entry->id) != NULL)
		return APPLY_ID_TWICE;
	result = apply_kind(ledger, entry, &done);
	if (result != APPLY_OK)
		return result;
	idwindow_add(&ledger->ids, &(struct remembered){
					   .id = entry->id,
					   .content = content,
					   .number = ledger->next_number,
					   .seq = ledger->next_seq,
					   .kind = apply_command_of(entry),
				   });
	apply_remember_payment(ledger, entry, ledger->next_number,
			       ledger->next_seq);
	ledger->next_number++;
	*effect = done;
	return APPLY_OK;
}

void ledger_undo_transfer(struct ledger *ledger, const struct entry *entry,
			  const struct effect *effect)
{
	check(entry->kind == ENTRY_TRANSFER && ledger->next_number > 1);
	move_posted(ledger, entry, true);
	account_of(ledger, entry->debit)->last_number = effect->debit_previous;
	account_of(ledger, entry->credit)->last_number =
		effect->credit_previous;
	/* A window that was full may have moved past it already. */
	if (idwindow_find(&ledger->ids, &entry->id) != NULL)
		idwindow_remove(&ledger->ids, &entry->id);
	ledger->next_number--;
}

enum apply_result apply_expiry(struct ledger *ledger, const struct id *hold_id)
{
	const struct hold *hold = ledger_hold(ledger, hold_id);

	if (hold == NULL)
		return APPLY_HOLD_UNKNOWN;
	end_hold(ledger, hold);
	return APPLY_OK;
}
