/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/replay.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "tools/system.h"

/*
 * Reserved, not used: the pages of what is not there are never touched, so
 * these are bounds of the format rather than sizes.
 */
#define ACCOUNTS_MAX (1u << 24)
#define HOLDS_MAX (1u << 23)
#define ACTORS_MAX (1u << 20)
/* The ledger's own window stays empty; idset has every id. */
#define IDS_MAX 16
#define ID_WINDOW_US 1000000
/* Entries ahead whose places in the set of ids are fetched. */
#define IDS_AHEAD 8
/*
 * A node that crashed after an expiry and came back with a clock set back a
 * little has done nothing wrong.
 */
#define EXPIRY_SLACK_US 1000000
/* As many as a node may be configured for. */
#define LINKS_MAX 1000
#define PAYMENTS_MAX 1000000

bool replay_init(struct replay *replay, struct findings *findings)
{
	struct ledger_options options = {
		.accounts_max = ACCOUNTS_MAX,
		.holds_max = HOLDS_MAX,
		.actors_max = ACTORS_MAX,
		.ids_max = IDS_MAX,
		.id_window_us = ID_WINDOW_US,
		.links_max = LINKS_MAX,
		.payments_max = PAYMENTS_MAX,
		.sha256 = system_sha256,
	};

	*replay = (struct replay){ .findings = findings };
	system_random((uint8_t *)&options.key, sizeof(options.key));
	replay->memory_size = ledger_memory_size(&options);
	replay->memory =
		mmap(NULL, replay->memory_size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (replay->memory == MAP_FAILED) {
		replay->memory = NULL;
		return false;
	}
	ledger_init(&replay->ledger, &options, replay->memory);
	/* No id is ever inside: a second one must not end the replay. */
	replay->ledger.ids.start_us = UINT64_MAX;
	idset_init(&replay->ids, options.key);
	logs_init(&replay->logs, findings);
	return true;
}

void replay_release(struct replay *replay)
{
	idset_release(&replay->ids);
	logs_release(&replay->logs);
	if (replay->memory != NULL)
		munmap(replay->memory, replay->memory_size);
	*replay = (struct replay){ 0 };
}

static enum finding_kind kind_of(enum apply_result result)
{
	switch (result) {
	case APPLY_ACTOR_UNKNOWN:
		return FINDING_ACTOR_UNKNOWN;
	case APPLY_ACCOUNT_UNKNOWN:
		return FINDING_ACCOUNT_UNKNOWN;
	case APPLY_HOLD_UNKNOWN:
	case APPLY_HOLD_TWICE:
	case APPLY_HOLD_DIFFERS:
		return FINDING_HOLD_UNFIT;
	case APPLY_ID_TWICE:
		return FINDING_ID_TWICE;
	case APPLY_NUMBER_WRONG:
		return FINDING_NUMBER_GAP;
	case APPLY_GENESIS_MISPLACED:
		return FINDING_GENESIS_WRONG;
	case APPLY_OK:
	case APPLY_ACTOR_MISNUMBERED:
	case APPLY_ACTOR_TWICE:
	case APPLY_ACCOUNT_MISNUMBERED:
	case APPLY_ADDRESS_TAKEN:
	case APPLY_STATE_WRONG:
	case APPLY_TOTAL_TOO_LARGE:
	case APPLY_TOO_MANY:
	case APPLY_LINK_WRONG:
		return FINDING_FACT_UNFIT;
	}
	clearing_panic(__FILE__, __LINE__, "apply_result");
}

/* What cannot be carried out ends the replay: all behind it would be guessed.
 */
static void stop(struct replay *replay, const struct finding *where,
		 enum apply_result result)
{
	replay->stopped = true;
	findings_add(replay->findings, kind_of(result), where,
		     "%s; replay stops here, and the tables are not compared "
		     "beyond",
		     apply_result_name(result));
}

static void look_for_id(struct replay *replay, const struct finding *where,
			const struct id *id)
{
	char text[ID_TEXT_SIZE];
	struct buffer buffer;

	if (id_is_zero(id))
		return;
	switch (idset_add(&replay->ids, id)) {
	case IDSET_ADDED:
		return;
	case IDSET_TWICE:
		break;
	case IDSET_NO_MEMORY:
		clearing_panic(__FILE__, __LINE__, "no memory for ids");
	}
	buffer_init(&buffer, text, sizeof(text));
	id_print(&buffer, id);
	findings_add(replay->findings, FINDING_ID_TWICE, where,
		     "id %.*s was carried out before", ID_TEXT_SIZE, text);
}

/* (rule LEDGER-12) */
static void look_at_state(struct replay *replay, const struct finding *where,
			  const struct account *account)
{
	if (account->state == ACCOUNT_OPEN)
		return;
	findings_add(replay->findings, FINDING_ACCOUNT_NOT_OPEN, where,
		     "account %u is %s", account->id,
		     account->state == ACCOUNT_FROZEN ? "frozen" : "closed");
}

/* TRANSFER and HOLD: what had to hold before (rules LEDGER-5, LEDGER-6). */
static void look_at_limits(struct replay *replay, const struct finding *where,
			   const struct entry *entry)
{
	const struct account *debit =
		ledger_account(&replay->ledger, entry->debit);
	const struct account *credit =
		ledger_account(&replay->ledger, entry->credit);

	if (debit == NULL || credit == NULL)
		return;
	look_at_state(replay, where, debit);
	look_at_state(replay, where, credit);
	if (!account_may_pay(debit, entry->amount))
		findings_add(replay->findings, FINDING_LIMIT_PASSED, where,
			     "account %u pays %" PRId64 " at balance %" PRId64
			     ", pending %" PRId64 ", credit limit %" PRId64,
			     debit->id, money_minor(entry->amount),
			     money_minor(account_balance(debit)),
			     money_minor(debit->debits_pending),
			     money_minor(debit->credit_limit));
	if (!account_may_receive(credit, entry->amount))
		findings_add(replay->findings, FINDING_CEILING_PASSED, where,
			     "account %u gets %" PRId64 " at balance %" PRId64
			     ", pending %" PRId64 ", ceiling %" PRId64,
			     credit->id, money_minor(entry->amount),
			     money_minor(account_balance(credit)),
			     money_minor(credit->credits_pending),
			     money_minor(credit->balance_ceiling));
}

/* POST and VOID: the hold's number; it must not have expired. */
static uint64_t look_at_hold(struct replay *replay, const struct finding *where,
			     const struct id *id, uint64_t created_us)
{
	const struct hold *hold = ledger_hold(&replay->ledger, id);

	if (hold == NULL)
		return 0;
	/* (rule LEDGER-15): decided at its block's time or later. */
	if (created_us >= hold->expires_at_us)
		findings_add(replay->findings, FINDING_HOLD_ENDED_LATE, where,
			     "the hold expired at %" PRIu64
			     " us, its block is of %" PRIu64 " us",
			     hold->expires_at_us, created_us);
	return hold->number;
}

/* Is @account a neighbour's position? */
static bool is_position(const struct replay *replay, uint32_t account)
{
	const struct links *links = &replay->ledger.links;

	for (uint32_t i = 1; i <= links->link_count; i++) {
		if (links_at(links, i)->account == account)
			return true;
	}
	return false;
}

/*
 * (rule PEER-18): what comes back from a neighbour's copy had happened, and is
 * booked whatever limits and states say by now.  It stands beside the batch
 * that brought it; and a transfer to a neighbour is never anything else, since
 * a promise to one is a hold first.
 */
static bool comes_back(const struct replay *replay, const struct entry *entry)
{
	if (entry->transfer_kind != TRANSFER_KIND_LINK &&
	    entry->transfer_kind != TRANSFER_KIND_CORRECTION)
		return false;
	if (!is_position(replay, entry->debit) &&
	    !is_position(replay, entry->credit))
		return false;
	return replay->recovering || (entry->kind == ENTRY_TRANSFER &&
				      is_position(replay, entry->credit));
}

static void run_entry(struct replay *replay, const struct block *block,
		      uint32_t index)
{
	const struct entry *entry = &block->entries[index];
	struct finding where = at_entry(block->header.seq, index);
	struct effect effect;
	struct applied applied = {
		.header = &block->header,
		.entry = entry,
		.effect = &effect,
		.number = replay->ledger.next_number,
		.index = index,
	};
	enum apply_result result;

	look_for_id(replay, &where, &entry->id);
	if (entry->kind == ENTRY_TRANSFER || entry->kind == ENTRY_HOLD) {
		if (!comes_back(replay, entry))
			look_at_limits(replay, &where, entry);
	} else {
		applied.hold_number =
			look_at_hold(replay, &where, &entry->hold_id,
				     block->header.created_us);
	}
	result = ledger_apply_entry(&replay->ledger, entry,
				    (struct hash128){ 0 }, &effect);
	if (result != APPLY_OK) {
		stop(replay, &where, result);
		return;
	}
	replay->entries++;
	if (replay->tables != NULL)
		tables_entry(replay->tables, &applied);
}

/* Remembers the latest expiry, which the next block's time is to explain. */
static uint64_t look_at_expiry(struct replay *replay, const struct id *id,
			       uint64_t seq, uint32_t index)
{
	const struct hold *hold = ledger_hold(&replay->ledger, id);

	if (hold == NULL)
		return 0;
	if (hold->expires_at_us > replay->expired_at_us) {
		replay->expired_at_us = hold->expires_at_us;
		replay->expired_seq = seq;
		replay->expired_event = index;
	}
	return hold->number;
}

void replay_time(struct replay *replay, uint64_t now_us)
{
	struct finding where =
		at_event(replay->expired_seq, replay->expired_event);

	if (replay->expired_at_us > now_us + EXPIRY_SLACK_US)
		findings_add(replay->findings, FINDING_HOLD_EXPIRED_EARLY,
			     &where,
			     "a hold until %" PRIu64
			     " us had expired by %" PRIu64 " us",
			     replay->expired_at_us, now_us);
	replay->expired_at_us = 0;
}

static enum apply_result apply_event(struct replay *replay,
				     const struct event *event, uint64_t now_us)
{
	struct hash128 none = { 0 };

	if (event->kind < EVENT_LINK_OPENED)
		return ledger_apply_event(&replay->ledger, event, none);
	return ledger_apply_link_event(&replay->ledger, event, none, now_us,
				       true);
}

static void run_event(struct replay *replay, const struct block *block,
		      uint32_t index)
{
	const struct event *event = &block->events[index];
	uint64_t seq = block->header.seq, hold_number = 0;
	struct finding where = at_event(seq, index);
	enum apply_result result;
	struct id command;

	if (tables_command_of(event, &command))
		look_for_id(replay, &where, &command);
	if (event->kind == EVENT_HOLD_EXPIRED)
		hold_number = look_at_expiry(
			replay, &event->hold_expired.hold_id, seq, index);
	if (event->kind >= EVENT_LINK_BATCH_SEALED &&
	    event->kind <= EVENT_LINK_BATCH_ADOPTED)
		logs_event(&replay->logs, &replay->ledger, &block->header,
			   index, event);
	result = apply_event(replay, event, block->header.created_us);
	if (result != APPLY_OK)
		stop(replay, &where, result);
	else if (replay->tables != NULL)
		tables_event(replay->tables, &block->header, index, event,
			     hold_number);
}

static bool is_recovering(const struct block *block)
{
	for (uint32_t i = 0; i < block->event_count; i++) {
		if (block->events[i].kind == EVENT_LINK_BATCH_ADOPTED ||
		    block->events[i].kind == EVENT_LINK_WITHDRAWN)
			return true;
	}
	return false;
}

/* (rule JOURNAL-14) The events of a place, then the entry behind it. */
static void run_facts(struct replay *replay, const struct block *block)
{
	uint32_t event = 0;

	replay->recovering = is_recovering(block);
	for (uint32_t i = 0; !replay->stopped; i++) {
		while (!replay->stopped && event < block->event_count &&
		       block->events[event].after == i)
			run_event(replay, block, event++);
		if (i == block->entry_count || replay->stopped)
			return;
		if (block->entry_count - i > IDS_AHEAD)
			idset_expect(&replay->ids,
				     &block->entries[i + IDS_AHEAD].id);
		run_entry(replay, block, i);
	}
}

void replay_block(struct replay *replay, const struct block *block)
{
	struct finding where = at_block(block->header.seq);
	struct ledger *ledger = &replay->ledger;

	if (replay->stopped)
		return;
	/* A block without entries need not know the next number. */
	if ((block->first_number != ledger->next_number &&
	     (block->first_number != 0 || block->entry_count > 0)) ||
	    block->header.seq != ledger->next_seq) {
		stop(replay, &where, APPLY_NUMBER_WRONG);
		return;
	}
	replay_time(replay, block->header.created_us);
	if (replay->tables != NULL)
		tables_block(replay->tables, ledger, &block->header,
			     ledger->next_number);
	run_facts(replay, block);
	if (replay->stopped)
		return;
	if (replay->tables != NULL)
		tables_commands(replay->tables, block);
	ledger_block_done(ledger, &block->header);
}

void replay_sum(struct replay *replay)
{
	struct finding where = at_block(replay->ledger.next_seq);
	__int128 sum = 0;

	for (uint32_t i = 0; i < replay->ledger.account_count; i++)
		sum += money_minor(
			account_balance(&replay->ledger.accounts[i]));
	if (sum != 0)
		findings_add(replay->findings, FINDING_SUM_NOT_ZERO, &where,
			     "the sum is %lld minor units", (long long)sum);
	logs_positions(&replay->logs, &replay->ledger);
}
