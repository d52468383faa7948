/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Deciding movements: transfers, and the placing of holds, which asks the
 * same questions under the same numbers.
 */
#include <string.h>

#include "core/decide_common.h"

/* The two sides of a movement, as far as they could be found. */
struct sides {
	const struct account *debit;
	const struct account *credit;
};

static uint32_t find_sides(const struct ledger *ledger,
			   const struct transfer_command *command,
			   struct sides *sides)
{
	uint32_t debit = ledger_resolve(ledger, &command->debit, &sides->debit);
	uint32_t credit =
		ledger_resolve(ledger, &command->credit, &sides->credit);

	/* The lower number of the two (rule LEDGER-3). */
	if (debit == 0 || credit == 0)
		return debit + credit;
	return debit < credit ? debit : credit;
}

static bool same_account(const struct transfer_command *command,
			 const struct sides *sides)
{
	if (sides->debit != NULL || sides->credit != NULL)
		return sides->debit == sides->credit;
	return command->debit.id == command->credit.id &&
	       slice_equal(command->debit.address, command->credit.address);
}

static bool kind_known(uint32_t kind)
{
	return kind >= TRANSFER_KIND_PAYMENT && kind <= TRANSFER_KIND_WRITE_OFF;
}

/* Refusals 32 to 36: what can be seen from the command alone. */
static uint32_t check_shape(const struct transfer_command *command)
{
	if (command->amount_minor <= 0)
		return TRANSFER_AMOUNT_NOT_POSITIVE;
	if (!money_in_range(command->amount_minor))
		return TRANSFER_AMOUNT_TOO_LARGE;
	if (command->kind != 0 && !kind_known(command->kind))
		return TRANSFER_KIND_UNKNOWN;
	if (command->reference.size != 0 &&
	    command->reference.size != REFERENCE_SIZE)
		return TRANSFER_REFERENCE_MALFORMED;
	if (!decide_text(command->memo, 0, MEMO_SIZE_MAX))
		return TRANSFER_MEMO_INVALID;
	return 0;
}

/* Refusals 50 to 55 (rule LEDGER-12). */
static uint32_t check_accounts(const struct sides *sides)
{
	if (sides->debit == NULL)
		return TRANSFER_DEBIT_ACCOUNT_UNKNOWN;
	if (sides->credit == NULL)
		return TRANSFER_CREDIT_ACCOUNT_UNKNOWN;
	if (sides->debit->state == ACCOUNT_CLOSED)
		return TRANSFER_DEBIT_ACCOUNT_CLOSED;
	if (sides->credit->state == ACCOUNT_CLOSED)
		return TRANSFER_CREDIT_ACCOUNT_CLOSED;
	if (sides->debit->state == ACCOUNT_FROZEN)
		return TRANSFER_DEBIT_ACCOUNT_FROZEN;
	if (sides->credit->state == ACCOUNT_FROZEN)
		return TRANSFER_CREDIT_ACCOUNT_FROZEN;
	return 0;
}

/* Refusals 60 to 62; false when one was given. */
static bool check_amount(const struct sides *sides, struct money amount,
			 struct decision *out)
{
	if (!account_may_pay(sides->debit, amount)) {
		decide_refuse_amount(out, TRANSFER_OVER_LIMIT,
				     sides->debit->credit_limit,
				     account_balance(sides->debit));
		return false;
	}
	if (!account_may_receive(sides->credit, amount)) {
		decide_refuse_amount(out, TRANSFER_OVER_CEILING,
				     sides->credit->balance_ceiling,
				     account_balance(sides->credit));
		return false;
	}
	if (!account_debits_fit(sides->debit, amount) ||
	    !account_credits_fit(sides->credit, amount)) {
		decide_refuse(out, TRANSFER_TOTAL_TOO_LARGE);
		return false;
	}
	return true;
}

/* The entry that the command becomes, sides unknown being 0. */
static void fill_entry(const struct transfer_command *command,
		       const struct sides *sides, struct entry *entry)
{
	entry->debit = sides->debit == NULL ? 0 : sides->debit->id;
	entry->credit = sides->credit == NULL ? 0 : sides->credit->id;
	entry->amount = money_of(command->amount_minor);
	entry->transfer_kind =
		(uint8_t)(command->kind == 0 ? TRANSFER_KIND_PAYMENT
					     : command->kind);
	entry->has_memo = command->memo.size > 0;
	entry->has_reference = command->reference.size > 0;
	if (entry->has_reference)
		memcpy(entry->reference, command->reference.data,
		       REFERENCE_SIZE);
}

static uint32_t check_expiry(const struct entry *entry, uint64_t now_us)
{
	if (entry->kind != ENTRY_HOLD)
		return 0;
	if (entry->expires_at_us <= now_us)
		return HOLD_EXPIRY_PAST;
	if (entry->expires_at_us - now_us > HOLD_EXPIRY_US_MAX)
		return HOLD_EXPIRY_TOO_FAR;
	return 0;
}

/* Refusals 20 to 37; the entry is filled as far as it goes. */
static uint32_t check_command(const struct ledger *ledger,
			      const struct transfer_command *command,
			      uint64_t now_us, struct sides *sides,
			      struct entry *entry)
{
	uint32_t refusal = decide_id(ledger, command->id, now_us, &entry->id);

	if (refusal == 0)
		refusal = find_sides(ledger, command, sides);
	if (refusal == 0)
		refusal = check_shape(command);
	if (refusal != 0)
		return refusal;
	if (same_account(command, sides))
		return TRANSFER_SAME_ACCOUNT;
	fill_entry(command, sides, entry);
	return 0;
}

static void decide_movement(const struct ledger *ledger,
			    const struct transfer_command *command,
			    const struct caller *caller, uint64_t now_us,
			    struct entry *entry, struct decision *out)
{
	uint8_t kind = entry->kind == ENTRY_HOLD ? COMMAND_PLACE_HOLD
						 : COMMAND_TRANSFER;
	struct sides sides = { 0 };
	uint32_t refusal;
	bool known;

	refusal = check_command(ledger, command, now_us, &sides, entry);
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	known = decide_recorded(ledger, &entry->id, kind,
				ledger_content_of_entry(ledger, entry,
							caller->base_hash,
							command->memo),
				out);
	/* What was done is answered so, though its time may have passed. */
	if (out->verdict == VERDICT_RECORDED)
		return;
	refusal = check_expiry(entry, now_us);
	if (refusal == 0 && known)
		return;
	if (refusal == 0)
		refusal = check_accounts(&sides);
	if (refusal != 0)
		decide_refuse(out, refusal);
	else if (check_amount(&sides, entry->amount, out))
		decide_accept(out);
}

void decide_transfer(const struct ledger *ledger,
		     const struct transfer_command *command,
		     const struct caller *caller, uint64_t now_us,
		     struct entry *entry, struct decision *out)
{
	*entry = (struct entry){ .kind = ENTRY_TRANSFER };
	decide_movement(ledger, command, caller, now_us, entry, out);
}

void decide_place_hold(const struct ledger *ledger,
		       const struct place_hold_command *command,
		       const struct caller *caller, uint64_t now_us,
		       struct entry *entry, struct decision *out)
{
	*entry = (struct entry){ .kind = ENTRY_HOLD,
				 .expires_at_us = command->expires_at_us };
	decide_movement(ledger, &command->transfer, caller, now_us, entry, out);
	if (out->verdict == VERDICT_ACCEPTED &&
	    ledger->hold_count == ledger->options.holds_max)
		decide_refuse(out, HOLD_TOO_MANY_HOLDS);
}
