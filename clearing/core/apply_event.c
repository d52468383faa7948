/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Applying events: who acts, which accounts there are, and expiries. */
#include "core/apply.h"

#include <string.h>

#include "base/machine.h"

/*
 *            FROZEN              CLOSED
 *   OPEN ------------> FROZEN ----------+
 *    |  <------------                   v
 *    |     UNFROZEN                  CLOSED (final)
 *    +---------------------------------^
 *            CLOSED
 */
static const struct machine_move account_moves[] = {
	{ ACCOUNT_OPEN, EVENT_ACCOUNT_FROZEN, ACCOUNT_FROZEN },
	{ ACCOUNT_FROZEN, EVENT_ACCOUNT_UNFROZEN, ACCOUNT_OPEN },
	{ ACCOUNT_OPEN, EVENT_ACCOUNT_CLOSED, ACCOUNT_CLOSED },
	{ ACCOUNT_FROZEN, EVENT_ACCOUNT_CLOSED, ACCOUNT_CLOSED },
};

static const struct machine account_machine = {
	.name = "account",
	.moves = account_moves,
	.move_count = sizeof(account_moves) / sizeof(account_moves[0]),
};

uint8_t account_moves_to(uint8_t state, uint8_t kind)
{
	uint8_t to = 0;

	check(state >= ACCOUNT_OPEN && state <= ACCOUNT_CLOSED);
	return machine_allows(&account_machine, state, kind, &to) ? to : 0;
}

static void keep_text(uint8_t *to, uint8_t *size, struct slice text,
		      size_t size_max)
{
	check(text.size <= size_max && size_max <= UINT8_MAX);
	if (text.size > 0)
		memcpy(to, text.data, text.size);
	*size = (uint8_t)text.size;
}

void apply_keep_genesis(struct ledger *ledger,
			const struct event_genesis *genesis)
{
	keep_text(ledger->federation, &ledger->federation_size,
		  genesis->federation, NAME_SIZE_MAX);
	keep_text(ledger->city, &ledger->city_size, genesis->city,
		  NAME_SIZE_MAX);
	keep_text(ledger->unit, &ledger->unit_size, genesis->unit,
		  NAME_SIZE_MAX);
	ledger->decimals = genesis->decimals;
	memcpy(ledger->node_key, genesis->node_key, NODE_KEY_SIZE);
	ledger->has_genesis = true;
	links_name(&ledger->links,
		   slice_of(ledger->federation, ledger->federation_size),
		   slice_of(ledger->city, ledger->city_size));
}

static enum apply_result apply_genesis(struct ledger *ledger,
				       const struct event_genesis *genesis)
{
	if (ledger->has_genesis || ledger->next_seq != 0 ||
	    ledger->account_count > 0)
		return APPLY_GENESIS_MISPLACED;
	apply_keep_genesis(ledger, genesis);
	return APPLY_OK;
}

static bool keep_actor(struct ledger *ledger, struct slice uri)
{
	uint32_t slot = ledger->actor_count;
	struct actor *actor = &ledger->actors[slot];
	struct identity identity;

	check(slot < ledger->options.actors_max);
	if (!identity_parse(uri, &identity))
		return false;
	actor->number = slot + 1;
	actor->uri_size = (uint16_t)uri.size;
	actor->base_size = (uint16_t)identity.base.size;
	actor->base_hash = ledger_base_hash(ledger, identity.base);
	memcpy(actor->uri, uri.data, uri.size);
	index_insert(&ledger->actors_by_uri, slot,
		     (uint32_t)siphash64(ledger->options.key, uri));
	ledger->actor_count++;
	return true;
}

static enum apply_result apply_actor(struct ledger *ledger, uint32_t number,
				     struct slice uri)
{
	if (number != ledger->actor_count + 1)
		return APPLY_ACTOR_MISNUMBERED;
	if (ledger_actor(ledger, uri) != NULL)
		return APPLY_ACTOR_TWICE;
	if (ledger->actor_count == ledger->options.actors_max)
		return APPLY_TOO_MANY;
	return keep_actor(ledger, uri) ? APPLY_OK : APPLY_ACTOR_UNKNOWN;
}

void ledger_undo_actor(struct ledger *ledger)
{
	const struct actor *actor;

	check(ledger->actor_count > 0);
	actor = &ledger->actors[--ledger->actor_count];
	index_remove(
		&ledger->actors_by_uri, ledger->actor_count,
		(uint32_t)siphash64(ledger->options.key,
				    slice_of(actor->uri, actor->uri_size)));
}

void apply_keep_account(struct ledger *ledger, const struct account *account)
{
	uint32_t slot = ledger->account_count;
	uint64_t hash = siphash64(ledger->options.key, account_local(account));

	check(slot < ledger->options.accounts_max && account->id == slot + 1);
	ledger->accounts[slot] = *account;
	index_insert(&ledger->accounts_by_address, slot, (uint32_t)hash);
	ledger->account_count++;
}

static enum apply_result apply_opened(struct ledger *ledger,
				      const struct event_account *opened)
{
	struct account account = {
		.id = opened->account,
		.state = ACCOUNT_OPEN,
		.gateway_allowed = opened->gateway_allowed,
		.credit_limit = opened->credit_limit,
		.balance_ceiling = opened->balance_ceiling,
	};

	if (opened->account != ledger->account_count + 1)
		return APPLY_ACCOUNT_MISNUMBERED;
	if (ledger->account_count == ledger->options.accounts_max)
		return APPLY_TOO_MANY;
	if (ledger_account_at(ledger, opened->local_address) != NULL)
		return APPLY_ADDRESS_TAKEN;
	keep_text(account.local_address, &account.local_address_size,
		  opened->local_address, LOCAL_ADDRESS_SIZE_MAX);
	keep_text(account.display_name, &account.display_name_size,
		  opened->display_name, DISPLAY_NAME_SIZE_MAX);
	apply_keep_account(ledger, &account);
	return APPLY_OK;
}

static enum apply_result apply_limits(struct account *account,
				      const struct event_account *set)
{
	if (account->state == ACCOUNT_CLOSED ||
	    money_compare(account->credit_limit, set->old_credit_limit) != 0 ||
	    money_compare(account->balance_ceiling, set->old_balance_ceiling) !=
		    0)
		return APPLY_STATE_WRONG;
	account->credit_limit = set->credit_limit;
	account->balance_ceiling = set->balance_ceiling;
	return APPLY_OK;
}

static enum apply_result apply_state(struct account *account, uint8_t kind)
{
	uint8_t to = account_moves_to(account->state, kind);

	if (to == 0)
		return APPLY_STATE_WRONG;
	/* (rule LEDGER-16) */
	if (to == ACCOUNT_CLOSED &&
	    (account->holds_open > 0 ||
	     money_compare(account_balance(account), MONEY_ZERO) != 0))
		return APPLY_STATE_WRONG;
	account->state = to;
	return APPLY_OK;
}

static enum apply_result apply_on_account(struct ledger *ledger,
					  const struct event *event)
{
	const struct event_account *on = &event->account;

	if (on->account == 0 || on->account > ledger->account_count)
		return APPLY_ACCOUNT_UNKNOWN;
	if (event->kind == EVENT_ACCOUNT_LIMITS_SET)
		return apply_limits(&ledger->accounts[on->account - 1], on);
	return apply_state(&ledger->accounts[on->account - 1], event->kind);
}

static uint8_t command_of_link_event(const struct event *event)
{
	check(event->kind >= EVENT_LINK_OPENED);
	if (event_is_link_command(event->kind))
		return COMMAND_LINK;
	if (event->kind == EVENT_REQUEST_OPENED)
		return COMMAND_REQUEST;
	/* A request's end bears the request's own id. */
	return 0;
}

struct remembered apply_remembered(const struct event *event,
				   struct hash128 content, uint64_t seq)
{
	struct remembered what = {
		.content = content,
		.seq = seq,
		.kind = apply_command_of_event(event),
	};

	if (what.kind == COMMAND_LINK) {
		what.id = event->link.id;
		what.number = event->link.link;
	} else if (what.kind == COMMAND_REQUEST) {
		what.id = event->request.id;
	} else {
		what.id = event->account.id;
		what.number = event->account.account;
	}
	return what;
}

uint32_t apply_actor_of_event(const struct event *event)
{
	check(apply_command_of_event(event) != 0);
	if (event->kind < EVENT_LINK_OPENED)
		return event->account.actor;
	return event_is_link_command(event->kind) ? event->link.actor
						  : event->request.actor;
}

uint8_t apply_command_of_event(const struct event *event)
{
	static const uint8_t commands[] = {
		[EVENT_ACCOUNT_OPENED] = COMMAND_OPEN_ACCOUNT,
		[EVENT_ACCOUNT_LIMITS_SET] = COMMAND_SET_LIMITS,
		[EVENT_ACCOUNT_FROZEN] = COMMAND_FREEZE,
		[EVENT_ACCOUNT_UNFROZEN] = COMMAND_UNFREEZE,
		[EVENT_ACCOUNT_CLOSED] = COMMAND_CLOSE,
	};

	if (event->kind >= EVENT_LINK_OPENED)
		return command_of_link_event(event);
	if (event->kind >= sizeof(commands) || commands[event->kind] == 0 ||
	    id_is_zero(&event->account.id))
		return 0;
	return commands[event->kind];
}

/* Genesis opens accounts without a command; nothing else may. */
static bool actor_fits(const struct ledger *ledger,
		       const struct event_account *account)
{
	if (ledger->next_seq == 0)
		return account->actor == 0 && id_is_zero(&account->id);
	return ledger_actor_by_number(ledger, account->actor) != NULL &&
	       !id_is_zero(&account->id);
}

static enum apply_result apply_account(struct ledger *ledger,
				       const struct event *event,
				       struct hash128 content)
{
	const struct event_account *account = &event->account;
	struct remembered what;
	enum apply_result result;

	if (!actor_fits(ledger, account))
		return APPLY_ACTOR_UNKNOWN;
	if (idwindow_find(&ledger->ids, &account->id) != NULL)
		return APPLY_ID_TWICE;
	result = event->kind == EVENT_ACCOUNT_OPENED
			 ? apply_opened(ledger, account)
			 : apply_on_account(ledger, event);
	if (result != APPLY_OK || apply_command_of_event(event) == 0)
		return result;
	what = apply_remembered(event, content, ledger->next_seq);
	idwindow_add(&ledger->ids, &what);
	return APPLY_OK;
}

enum apply_result ledger_apply_event(struct ledger *ledger,
				     const struct event *event,
				     struct hash128 content)
{
	if (event->kind != EVENT_GENESIS && !ledger->has_genesis)
		return APPLY_GENESIS_MISPLACED;
	check(event->kind < EVENT_LINK_OPENED);
	switch (event->kind) {
	case EVENT_GENESIS:
		return apply_genesis(ledger, &event->genesis);
	case EVENT_ACTOR_SEEN:
		return apply_actor(ledger, event->actor_seen.actor,
				   event->actor_seen.uri);
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		return apply_account(ledger, event, content);
	case EVENT_HOLD_EXPIRED:
		return apply_expiry(ledger, &event->hold_expired.hold_id);
	case EVENT_EPOCH_STARTED:
	case EVENT_RESUMED:
		return APPLY_OK;
	}
	clearing_panic(__FILE__, __LINE__, "event kind");
}

static enum apply_result link_result(enum links_result result)
{
	check((uint32_t)result <= LINKS_ROOT_WRONG);
	if (result == LINKS_OK)
		return APPLY_OK;
	return result == LINKS_TOO_MANY ? APPLY_TOO_MANY : APPLY_LINK_WRONG;
}

/* Who asked, and which account it is about, must be known. */
static bool names_fit(const struct ledger *ledger, const struct event *event)
{
	uint32_t actor = 0, account = 0;

	if (event->kind == EVENT_PAYMENT_HELD)
		actor = event->payment_held.actor;
	if (event->kind == EVENT_LINK_OPENED)
		account = event->link.account;
	else if (event_is_on_link(event->kind))
		actor = event->link.actor;
	else if (event->kind == EVENT_PAYMENT_HELD)
		account = event->payment_held.account;
	else if (event->kind == EVENT_REJOINED)
		actor = event->rejoined.actor;
	else if (event_is_of_request(event->kind))
		actor = event->request.actor;
	return (actor == 0 || ledger_actor_by_number(ledger, actor) != NULL) &&
	       (account == 0 || ledger_account(ledger, account) != NULL);
}

enum apply_result ledger_apply_link_event(struct ledger *ledger,
					  const struct event *event,
					  struct hash128 content,
					  uint64_t now_us, bool replay)
{
	struct remembered what = { 0 };
	enum apply_result result = APPLY_OK;

	check(event->kind >= EVENT_LINK_OPENED);
	if (!ledger->has_genesis)
		return APPLY_GENESIS_MISPLACED;
	if (!names_fit(ledger, event))
		return APPLY_ACTOR_UNKNOWN;
	if (apply_command_of_event(event) != 0)
		what = apply_remembered(event, content, ledger->next_seq);
	if (what.kind != 0 && idwindow_find(&ledger->ids, &what.id) != NULL)
		return APPLY_ID_TWICE;
	/* A payment request is in the tables alone. */
	if (!event_is_of_request(event->kind))
		result = link_result(links_apply(&ledger->links, event,
						 ledger->next_seq, now_us,
						 replay));
	if (result == APPLY_OK && what.kind != 0)
		idwindow_add(&ledger->ids, &what);
	return result;
}

enum apply_result ledger_load_actor(struct ledger *ledger, uint32_t number,
				    struct slice uri)
{
	return apply_actor(ledger, number, uri);
}
