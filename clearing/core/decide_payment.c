/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Deciding what leaves the city: a payment, and what people do to a link. */
#include <string.h>

#include "core/decide_common.h"
#include "core/linklog.h"

struct slice pay_reference(const struct pay_command *command)
{
	return command->request.size > 0 ? command->request
					 : command->reference;
}

/* Of reference and request one is given, or both alike. */
static bool reference_is_well_formed(const struct pay_command *command)
{
	if (command->request.size == 0)
		return command->reference.size <= LINKLOG_REFERENCE_SIZE_MAX;
	return command->request.size == ID_SIZE &&
	       (command->reference.size == 0 ||
		slice_equal(command->reference, command->request));
}

static uint32_t check_shape(const struct pay_command *command)
{
	if (command->amount_minor <= 0)
		return PAYMENT_AMOUNT_NOT_POSITIVE;
	if (!money_in_range(command->amount_minor))
		return PAYMENT_AMOUNT_TOO_LARGE;
	if (command->lock.size != 0 && command->lock.size != LINKLOG_LOCK_SIZE)
		return PAYMENT_LOCK_MALFORMED;
	if (!reference_is_well_formed(command))
		return PAYMENT_REFERENCE_MALFORMED;
	return decide_text(command->memo, 0, MEMO_SIZE_MAX)
		       ? 0
		       : PAYMENT_MEMO_INVALID;
}

static uint32_t check_payee(const struct ledger *ledger,
			    const struct pay_command *command,
			    struct slice *city)
{
	struct address address;

	if (!address_parse(command->payee, &address))
		return PAYMENT_PAYEE_MALFORMED;
	*city = address.city;
	if (slice_equal(address.city,
			slice_of(ledger->city, ledger->city_size)))
		return PAYMENT_PAYEE_CITY_HERE;
	return address_is_reserved(address.local) ? PAYMENT_PAYEE_RESERVED : 0;
}

/* What was left to a request that is not known cannot be judged. */
static bool is_left_open(const struct pay_command *command)
{
	return command->request_refusal == PAYMENT_REQUEST_UNKNOWN &&
	       (command->payee.size == 0 || command->amount_minor == 0 ||
		(command->payer.id == 0 && command->payer.address.size == 0));
}

/* The payer is asked as for a hold (rule LEDGER-12). */
void decide_payer(const struct account *payer, struct money amount,
		  struct decision *out)
{
	*out = (struct decision){ 0 };
	if (payer == NULL)
		decide_refuse(out, PAYMENT_DEBIT_ACCOUNT_UNKNOWN);
	else if (payer->state == ACCOUNT_CLOSED)
		decide_refuse(out, PAYMENT_DEBIT_ACCOUNT_CLOSED);
	else if (payer->state == ACCOUNT_FROZEN)
		decide_refuse(out, PAYMENT_DEBIT_ACCOUNT_FROZEN);
	else if (!account_may_pay(payer, amount))
		decide_refuse_amount(out, PAYMENT_OVER_LIMIT,
				     payer->credit_limit, amount);
	else if (!account_debits_fit(payer, amount))
		decide_refuse(out, PAYMENT_TOTAL_TOO_LARGE);
	else
		decide_accept(out);
}

void decide_pay(const struct ledger *ledger, const struct pay_command *command,
		uint64_t now_us, const struct account **payer,
		struct slice *payee_city, struct decision *out)
{
	uint32_t refusal, unresolved;
	struct id id;

	*out = (struct decision){ 0 };
	refusal = decide_id(ledger, command->id, now_us, &id);
	unresolved = ledger_resolve(ledger, &command->payer, payer);
	if (refusal == 0 && is_left_open(command))
		refusal = command->request_refusal;
	if (refusal == 0)
		refusal = unresolved;
	if (refusal == 0)
		refusal = check_shape(command);
	if (refusal == 0)
		refusal = check_payee(ledger, command, payee_city);
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	if (decide_recorded(ledger, &id, COMMAND_PAY, (struct hash128){ 0 },
			    out))
		return;
	/* A neighbour's promise has it, which may not be accepted yet. */
	if (links_payment(&ledger->links, &id) != NULL) {
		decide_refuse(out, PAYMENT_ID_CONFLICT);
		return;
	}
	decide_payer(*payer, money_of(command->amount_minor), out);
}

static const uint16_t link_events[] = {
	[LINK_SET_LINE] = EVENT_LINK_COMMANDED,
	[LINK_FREEZE] = EVENT_LINK_COMMANDED,
	[LINK_UNFREEZE] = EVENT_LINK_COMMANDED,
	[LINK_PAUSE] = EVENT_LINK_PAUSED,
	[LINK_RESUME] = EVENT_LINK_RESUMED,
	[LINK_WITHDRAW] = EVENT_LINK_WITHDRAW_ORDERED,
};

static const uint8_t link_entries[] = {
	[LINK_SET_LINE] = LINK_ENTRY_LINE_CHANGE,
	[LINK_FREEZE] = LINK_ENTRY_FREEZE,
	[LINK_UNFREEZE] = LINK_ENTRY_UNFREEZE,
	[LINK_PAUSE] = 0,
	[LINK_RESUME] = 0,
	[LINK_WITHDRAW] = 0,
};

/* Refusals 54 to 57: is there anything to do? */
static uint32_t check_link(const struct link *link, enum link_command_kind kind)
{
	switch (kind) {
	case LINK_SET_LINE:
		return 0;
	case LINK_FREEZE:
		return link->frozen_here ? LINK_ALREADY_FROZEN : 0;
	case LINK_UNFREEZE:
		return link->frozen_here ? 0 : LINK_NOT_FROZEN;
	case LINK_PAUSE:
		return link->paused ? LINK_ALREADY_PAUSED : 0;
	case LINK_RESUME:
		return link->paused ? 0 : LINK_NOT_PAUSED;
	case LINK_WITHDRAW: /* the books do not know whether it stopped */
		return 0;
	}
	clearing_panic(__FILE__, __LINE__, "link command");
}

static uint32_t check_command(const struct link_command *command,
			      enum link_command_kind kind)
{
	if (kind == LINK_SET_LINE &&
	    (command->line_minor < 0 || !money_in_range(command->line_minor)))
		return LINK_LINE_OUT_OF_RANGE;
	if (!decide_text(command->reason, 1, REASON_SIZE_MAX))
		return LINK_REASON_INVALID;
	/* (rule PEER-23): both operators, this one for both. */
	return kind == LINK_WITHDRAW && !command->confirmed ? LINK_NOT_CONFIRMED
							    : 0;
}

void decide_link(const struct ledger *ledger, enum link_command_kind kind,
		 const struct link_command *command,
		 const struct caller *caller, uint64_t now_us,
		 struct event *event, struct decision *out)
{
	struct event_link *on = &event->link;
	const struct link *link = links_of(&ledger->links, command->city);
	uint32_t refusal;

	check((size_t)kind < sizeof(link_events) / sizeof(link_events[0]));
	*out = (struct decision){ 0 };
	*event = (struct event){ .kind = link_events[kind] };
	refusal = decide_id(ledger, command->id, now_us, &on->id);
	if (refusal == 0)
		refusal = check_command(command, kind);
	if (refusal != 0) {
		decide_refuse(out, refusal);
		return;
	}
	on->link = link == NULL ? 0 : link->number;
	on->reason = command->reason;
	on->command = link_entries[kind];
	if (kind == LINK_SET_LINE)
		on->line = money_of(command->line_minor);
	if (decide_recorded(
		    ledger, &on->id, COMMAND_LINK,
		    ledger_content_of_event(ledger, event, caller->base_hash),
		    out))
		return;
	refusal = link == NULL ? LINK_LINK_UNKNOWN : check_link(link, kind);
	if (refusal != 0)
		decide_refuse(out, refusal);
	else
		decide_accept(out);
}
