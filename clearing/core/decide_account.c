/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Deciding commands on accounts. */
#include "core/apply.h"
#include "core/decide_common.h"

static bool amount_fits(int64_t minor)
{
	return minor >= 0 && money_in_range(minor);
}

/* Refusals 33 and 34. */
static uint32_t check_limits(int64_t credit_limit_minor,
			     int64_t balance_ceiling_minor)
{
	if (!amount_fits(credit_limit_minor))
		return ACCOUNT_LIMIT_OUT_OF_RANGE;
	if (!amount_fits(balance_ceiling_minor))
		return ACCOUNT_CEILING_OUT_OF_RANGE;
	return 0;
}

/* Refusals 20 to 36 of an opening; fills the event. */
static uint32_t check_opening(const struct ledger *ledger,
			      const struct open_account_command *command,
			      uint64_t now_us, struct event_account *opened)
{
	struct address address;
	uint32_t refusal = decide_id(ledger, command->id, now_us, &opened->id);

	if (refusal != 0)
		return refusal;
	if (!address_parse(command->address, &address))
		return ACCOUNT_ADDRESS_MALFORMED;
	if (!slice_equal(address.city,
			 slice_of(ledger->city, ledger->city_size)))
		return ACCOUNT_ADDRESS_OTHER_CITY;
	/* (rule LEDGER-2) */
	if (address_is_reserved(address.local))
		return ACCOUNT_NAME_RESERVED;
	refusal = check_limits(command->credit_limit_minor,
			       command->balance_ceiling_minor);
	if (refusal != 0)
		return refusal;
	if (!decide_text(command->display_name, 0, DISPLAY_NAME_SIZE_MAX))
		return ACCOUNT_DISPLAY_NAME_INVALID;
	opened->local_address = address.local;
	opened->display_name = command->display_name;
	opened->credit_limit = money_of(command->credit_limit_minor);
	opened->balance_ceiling = money_of(command->balance_ceiling_minor);
	opened->gateway_allowed = command->gateway_allowed;
	return 0;
}

static bool recorded(const struct ledger *ledger, const struct event *event,
		     const struct caller *caller, struct decision *out)
{
	return decide_recorded(
		ledger, &event->account.id, apply_command_of_event(event),
		ledger_content_of_event(ledger, event, caller->base_hash), out);
}

void decide_open_account(const struct ledger *ledger,
			 const struct open_account_command *command,
			 const struct caller *caller, uint64_t now_us,
			 struct event *event, struct decision *out)
{
	uint32_t refusal;

	*event = (struct event){ .kind = EVENT_ACCOUNT_OPENED };
	refusal = check_opening(ledger, command, now_us, &event->account);
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	if (recorded(ledger, event, caller, out))
		return;
	/* Closed accounts keep their address for ever (rule LEDGER-2). */
	if (ledger_account_at(ledger, event->account.local_address) != NULL) {
		decide_refuse(out, ACCOUNT_ADDRESS_TAKEN);
	} else if (ledger->account_count == ledger->options.accounts_max) {
		decide_refuse(out, ACCOUNT_TOO_MANY_ACCOUNTS);
	} else {
		event->account.account = ledger->account_count + 1;
		decide_accept(out);
	}
}

/* Refusals 20 to 35 of a command on an account that should exist. */
static uint32_t check_on_account(const struct ledger *ledger,
				 const struct account_command *command,
				 uint64_t now_us, struct event *event,
				 const struct account **account)
{
	struct event_account *on = &event->account;
	uint32_t refusal = decide_id(ledger, command->id, now_us, &on->id);

	if (refusal == 0)
		refusal = ledger_resolve(ledger, &command->account, account);
	if (refusal == 0 && event->kind == EVENT_ACCOUNT_CLOSED &&
	    *account != NULL && !account_is_coop(*account))
		refusal = ACCOUNT_NAME_RESERVED;
	if (refusal == 0 && event->kind == EVENT_ACCOUNT_LIMITS_SET)
		refusal = check_limits(command->credit_limit_minor,
				       command->balance_ceiling_minor);
	if (refusal != 0)
		return refusal;
	/* (rule LEDGER-17) */
	if (!decide_text(command->reason, 1, REASON_SIZE_MAX))
		return ACCOUNT_REASON_INVALID;
	on->reason = command->reason;
	on->account = *account == NULL ? 0 : (*account)->id;
	if (event->kind == EVENT_ACCOUNT_LIMITS_SET) {
		on->credit_limit = money_of(command->credit_limit_minor);
		on->balance_ceiling = money_of(command->balance_ceiling_minor);
	}
	return 0;
}

/* Refusals 52 to 61: does the account's state allow it? */
static uint32_t check_state(const struct account *account, uint8_t kind)
{
	if (account->state == ACCOUNT_CLOSED)
		return ACCOUNT_ACCOUNT_CLOSED;
	/* A limit below what is used is allowed (rule LEDGER-7). */
	if (kind == EVENT_ACCOUNT_LIMITS_SET)
		return 0;
	if (account_moves_to(account->state, kind) == 0)
		return kind == EVENT_ACCOUNT_FROZEN ? ACCOUNT_ALREADY_FROZEN
						    : ACCOUNT_NOT_FROZEN;
	if (kind != EVENT_ACCOUNT_CLOSED)
		return 0;
	/* (rule LEDGER-16) */
	if (money_compare(account_balance(account), MONEY_ZERO) != 0)
		return ACCOUNT_BALANCE_NOT_ZERO;
	return account->holds_open > 0 ? ACCOUNT_HOLDS_OPEN : 0;
}

static void decide_on_account(const struct ledger *ledger,
			      const struct account_command *command,
			      const struct caller *caller, uint64_t now_us,
			      struct event *event, struct decision *out)
{
	const struct account *account = NULL;
	uint32_t refusal;

	refusal = check_on_account(ledger, command, now_us, event, &account);
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	if (recorded(ledger, event, caller, out))
		return;
	refusal = account == NULL ? ACCOUNT_ACCOUNT_UNKNOWN
				  : check_state(account, event->kind);
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	if (event->kind == EVENT_ACCOUNT_LIMITS_SET) {
		event->account.old_credit_limit = account->credit_limit;
		event->account.old_balance_ceiling = account->balance_ceiling;
	}
	decide_accept(out);
}

void decide_set_limits(const struct ledger *ledger,
		       const struct account_command *command,
		       const struct caller *caller, uint64_t now_us,
		       struct event *event, struct decision *out)
{
	*event = (struct event){ .kind = EVENT_ACCOUNT_LIMITS_SET };
	decide_on_account(ledger, command, caller, now_us, event, out);
}

void decide_freeze(const struct ledger *ledger,
		   const struct account_command *command,
		   const struct caller *caller, uint64_t now_us,
		   struct event *event, struct decision *out)
{
	*event = (struct event){ .kind = EVENT_ACCOUNT_FROZEN };
	decide_on_account(ledger, command, caller, now_us, event, out);
}

void decide_unfreeze(const struct ledger *ledger,
		     const struct account_command *command,
		     const struct caller *caller, uint64_t now_us,
		     struct event *event, struct decision *out)
{
	*event = (struct event){ .kind = EVENT_ACCOUNT_UNFROZEN };
	decide_on_account(ledger, command, caller, now_us, event, out);
}

void decide_close(const struct ledger *ledger,
		  const struct account_command *command,
		  const struct caller *caller, uint64_t now_us,
		  struct event *event, struct decision *out)
{
	*event = (struct event){ .kind = EVENT_ACCOUNT_CLOSED };
	decide_on_account(ledger, command, caller, now_us, event, out);
}
