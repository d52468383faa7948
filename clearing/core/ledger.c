/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/ledger.h"

#include <string.h>

#define ALIGNMENT 16

/* Where each part of the ledger's memory begins. */
struct layout {
	size_t accounts, actors, holds, heap, holds_free;
	size_t by_address, by_uri, by_id, ids, links;
	size_t size;
};

static size_t reserve(size_t *size, size_t wanted)
{
	size_t start = (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	check(wanted <= SIZE_MAX - start);
	*size = start + wanted;
	return start;
}

static struct links_options
links_options_of(const struct ledger_options *options)
{
	check(options->links_max == 0 || options->sha256 != NULL);
	return (struct links_options){
		.links_max = options->links_max,
		/* An index has at least a slot. */
		.payments_max =
			options->payments_max > 0 ? options->payments_max : 1,
		.key = options->key,
		.sha256 = options->sha256,
	};
}

static struct layout layout_of(const struct ledger_options *options)
{
	struct links_options links = links_options_of(options);
	struct layout at = { 0 };
	size_t accounts = options->accounts_max;
	size_t actors = options->actors_max;
	size_t holds = options->holds_max;

	check(accounts < INDEX_NONE && actors < INDEX_NONE);
	check(holds < INDEX_NONE);
	at.accounts = reserve(&at.size, accounts * sizeof(struct account));
	at.actors = reserve(&at.size, actors * sizeof(struct actor));
	at.holds = reserve(&at.size, holds * sizeof(struct hold));
	at.heap = reserve(&at.size, holds * sizeof(uint32_t));
	at.holds_free = reserve(&at.size, holds * sizeof(uint32_t));
	at.by_address =
		reserve(&at.size, index_memory_size(options->accounts_max));
	at.by_uri = reserve(&at.size, index_memory_size(options->actors_max));
	at.by_id = reserve(&at.size, index_memory_size(options->holds_max));
	at.ids = reserve(&at.size, idwindow_memory_size(options->ids_max,
							options->id_window_us));
	at.links = reserve(&at.size, links_memory_size(&links));
	return at;
}

size_t ledger_memory_size(const struct ledger_options *options)
{
	return layout_of(options).size;
}

void ledger_init(struct ledger *ledger, const struct ledger_options *options,
		 void *memory)
{
	struct links_options links = links_options_of(options);
	struct layout at = layout_of(options);
	uint8_t *base = memory;

	check(memory != NULL && (uintptr_t)memory % ALIGNMENT == 0);
	*ledger = (struct ledger){
		.accounts = (struct account *)(base + at.accounts),
		.actors = (struct actor *)(base + at.actors),
		.holds = (struct hold *)(base + at.holds),
		.heap = (uint32_t *)(base + at.heap),
		.holds_free = (uint32_t *)(base + at.holds_free),
		.next_number = 1,
		.options = *options,
	};
	index_init(&ledger->accounts_by_address, options->accounts_max,
		   base + at.by_address);
	index_init(&ledger->actors_by_uri, options->actors_max,
		   base + at.by_uri);
	index_init(&ledger->holds_by_id, options->holds_max, base + at.by_id);
	idwindow_init(&ledger->ids, options->ids_max, options->id_window_us,
		      options->key, base + at.ids);
	links_init(&ledger->links, &links, base + at.links);
}

const struct account *ledger_account(const struct ledger *ledger, uint64_t id)
{
	check(ledger->accounts != NULL);
	if (id == 0 || id > ledger->account_count)
		return NULL;
	return &ledger->accounts[id - 1];
}

const struct account *ledger_account_at(const struct ledger *ledger,
					struct slice local)
{
	const struct index *index = &ledger->accounts_by_address;
	struct index_cursor cursor;
	uint32_t slot = index_first(
		index, (uint32_t)siphash64(ledger->options.key, local),
		&cursor);

	while (slot != INDEX_NONE) {
		const struct account *account = &ledger->accounts[slot];

		if (slice_equal(account_local(account), local))
			return account;
		slot = index_next(index, &cursor);
	}
	return NULL;
}

const struct hold *ledger_hold(const struct ledger *ledger, const struct id *id)
{
	const struct index *index = &ledger->holds_by_id;
	uint64_t hash =
		siphash64(ledger->options.key, slice_of(id->bytes, ID_SIZE));
	struct index_cursor cursor;
	uint32_t slot = index_first(index, (uint32_t)hash, &cursor);

	while (slot != INDEX_NONE) {
		if (id_equal(&ledger->holds[slot].id, id))
			return &ledger->holds[slot];
		slot = index_next(index, &cursor);
	}
	return NULL;
}

const struct hold *ledger_hold_due(const struct ledger *ledger)
{
	check(ledger->holds != NULL);
	if (ledger->hold_count == 0)
		return NULL;
	return &ledger->holds[ledger->heap[0]];
}

static struct slice actor_uri(const struct actor *actor)
{
	return slice_of(actor->uri, actor->uri_size);
}

const struct actor *ledger_actor(const struct ledger *ledger, struct slice uri)
{
	const struct index *index = &ledger->actors_by_uri;
	struct index_cursor cursor;
	uint32_t slot = index_first(
		index, (uint32_t)siphash64(ledger->options.key, uri), &cursor);

	while (slot != INDEX_NONE) {
		if (slice_equal(actor_uri(&ledger->actors[slot]), uri))
			return &ledger->actors[slot];
		slot = index_next(index, &cursor);
	}
	return NULL;
}

const struct actor *ledger_actor_by_number(const struct ledger *ledger,
					   uint32_t number)
{
	check(ledger->actors != NULL);
	if (number == 0 || number > ledger->actor_count)
		return NULL;
	return &ledger->actors[number - 1];
}

bool ledger_can_name(const struct ledger *ledger, struct slice uri)
{
	return ledger->actor_count < ledger->options.actors_max ||
	       ledger_actor(ledger, uri) != NULL;
}

struct slice account_local(const struct account *account)
{
	check(account->local_address_size <= LOCAL_ADDRESS_SIZE_MAX);
	return slice_of(account->local_address, account->local_address_size);
}

struct slice account_coop(const struct account *account)
{
	return address_coop(account_local(account));
}

struct slice account_display_name(const struct account *account)
{
	check(account->display_name_size <= DISPLAY_NAME_SIZE_MAX);
	return slice_of(account->display_name, account->display_name_size);
}

bool account_is_coop(const struct account *account)
{
	return !address_is_reserved(account_local(account));
}

struct money account_balance(const struct account *account)
{
	struct money balance = MONEY_ZERO;
	bool fits = money_subtract(account->credits_posted,
				   account->debits_posted, &balance);

	check(fits);
	return balance;
}

/* (rule LEDGER-5) Pending credits do not appear here. */
bool account_may_pay(const struct account *account, struct money amount)
{
	__int128 least = (__int128)money_minor(account->credits_posted) -
			 money_minor(account->debits_posted) -
			 money_minor(account->debits_pending) -
			 money_minor(amount);

	return least >= -(__int128)money_minor(account->credit_limit);
}

/* (rule LEDGER-6) Pending debits do not appear here. */
bool account_may_receive(const struct account *account, struct money amount)
{
	__int128 most = (__int128)money_minor(account->credits_posted) -
			money_minor(account->debits_posted) +
			money_minor(account->credits_pending) +
			money_minor(amount);

	return most <= money_minor(account->balance_ceiling);
}

static bool total_fits(struct money posted, struct money pending,
		       struct money amount)
{
	struct money sum = MONEY_ZERO;

	return money_add(posted, pending, &sum) && money_add(sum, amount, &sum);
}

/* (rule LEDGER-1) (rule LEDGER-14): what is pending can still be posted. */
bool account_debits_fit(const struct account *account, struct money amount)
{
	return total_fits(account->debits_posted, account->debits_pending,
			  amount);
}

bool account_credits_fit(const struct account *account, struct money amount)
{
	return total_fits(account->credits_posted, account->credits_pending,
			  amount);
}

const char *apply_result_name(enum apply_result result)
{
	static const char *const names[] = {
		[APPLY_OK] = "OK",
		[APPLY_GENESIS_MISPLACED] = "GENESIS_MISPLACED",
		[APPLY_ACTOR_UNKNOWN] = "ACTOR_UNKNOWN",
		[APPLY_ACTOR_MISNUMBERED] = "ACTOR_MISNUMBERED",
		[APPLY_ACTOR_TWICE] = "ACTOR_TWICE",
		[APPLY_ACCOUNT_UNKNOWN] = "ACCOUNT_UNKNOWN",
		[APPLY_ACCOUNT_MISNUMBERED] = "ACCOUNT_MISNUMBERED",
		[APPLY_ADDRESS_TAKEN] = "ADDRESS_TAKEN",
		[APPLY_STATE_WRONG] = "STATE_WRONG",
		[APPLY_HOLD_UNKNOWN] = "HOLD_UNKNOWN",
		[APPLY_HOLD_TWICE] = "HOLD_TWICE",
		[APPLY_HOLD_DIFFERS] = "HOLD_DIFFERS",
		[APPLY_TOTAL_TOO_LARGE] = "TOTAL_TOO_LARGE",
		[APPLY_ID_TWICE] = "ID_TWICE",
		[APPLY_NUMBER_WRONG] = "NUMBER_WRONG",
		[APPLY_TOO_MANY] = "TOO_MANY",
		[APPLY_LINK_WRONG] = "LINK_WRONG",
	};

	check((size_t)result < sizeof(names) / sizeof(names[0]));
	return names[result];
}
