/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Deciding how a hold ends.  Freezes, limits and ceilings are not asked: what
 * was promised is kept (rules LEDGER-12, LEDGER-14).
 */
#include <string.h>

#include "core/decide_common.h"

/* The rest of an ending entry repeats its hold. */
static void fill_from_hold(struct entry *entry, const struct hold *hold)
{
	entry->debit = hold->debit;
	entry->credit = hold->credit;
	entry->transfer_kind = hold->transfer_kind;
	entry->has_reference = hold->has_reference;
	memcpy(entry->reference, hold->reference, REFERENCE_SIZE);
	if (entry->kind == ENTRY_VOID)
		entry->amount = hold->amount;
}

/* Refusals 56, 59, 64 and 66 (rule LEDGER-13). */
static void decide_end(const struct ledger *ledger, uint64_t now_us,
		       struct entry *entry, struct decision *out)
{
	const struct hold *hold = ledger_hold(ledger, &entry->hold_id);

	if (hold == NULL) {
		decide_refuse(out, HOLD_HOLD_UNKNOWN);
		return;
	}
	/* (rule LEDGER-15): expired, whether or not the event was written. */
	if (now_us >= hold->expires_at_us) {
		decide_refuse(out, HOLD_HOLD_EXPIRED);
		return;
	}
	if (entry->kind == ENTRY_POST &&
	    money_compare(entry->amount, hold->amount) > 0) {
		decide_refuse_amount(out, HOLD_AMOUNT_OVER_HOLD, hold->amount,
				     entry->amount);
		return;
	}
	/* (rules PEER-32, PEER-46): the answer of the next city ends it. */
	if (hold->transfer_kind == TRANSFER_KIND_LINK) {
		decide_refuse(out, HOLD_PAYMENT_PENDING);
		return;
	}
	fill_from_hold(entry, hold);
	decide_accept(out);
}

static uint32_t check_ids(const struct ledger *ledger, struct slice id,
			  struct slice hold_id, uint64_t now_us,
			  struct entry *entry)
{
	uint32_t refusal = decide_id(ledger, id, now_us, &entry->id);

	if (refusal != 0)
		return refusal;
	return id_from_bytes(hold_id, &entry->hold_id) ? 0 : HOLD_ID_MALFORMED;
}

void decide_post_hold(const struct ledger *ledger,
		      const struct post_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct entry *entry, struct decision *out)
{
	uint32_t refusal;

	*entry = (struct entry){ .kind = ENTRY_POST };
	refusal =
		check_ids(ledger, command->id, command->hold_id, now_us, entry);
	if (refusal == 0 && command->amount_minor <= 0)
		refusal = HOLD_AMOUNT_NOT_POSITIVE;
	if (refusal == 0 && !money_in_range(command->amount_minor))
		refusal = HOLD_AMOUNT_TOO_LARGE;
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	entry->amount = money_of(command->amount_minor);
	if (decide_recorded(ledger, &entry->id, COMMAND_POST_HOLD,
			    ledger_content_of_entry(ledger, entry,
						    caller->base_hash,
						    (struct slice){ 0 }),
			    out))
		return;
	decide_end(ledger, now_us, entry, out);
}

void decide_void_hold(const struct ledger *ledger,
		      const struct void_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct entry *entry, struct decision *out)
{
	uint32_t refusal;

	*entry = (struct entry){ .kind = ENTRY_VOID };
	refusal =
		check_ids(ledger, command->id, command->hold_id, now_us, entry);
	if (refusal == 0 && !decide_text(command->reason, 0, MEMO_SIZE_MAX))
		refusal = HOLD_MEMO_INVALID;
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	entry->has_memo = command->reason.size > 0;
	if (decide_recorded(ledger, &entry->id, COMMAND_VOID_HOLD,
			    ledger_content_of_entry(ledger, entry,
						    caller->base_hash,
						    command->reason),
			    out))
		return;
	decide_end(ledger, now_us, entry, out);
}
