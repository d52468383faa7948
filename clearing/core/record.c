/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/record.h"

#include <string.h>

/* Commands ahead: their cache lines arrive while others are decided. */
#define LOOK_AHEAD 8

/* What a refused group takes back: where it began. */
struct mark {
	uint32_t entry_count;
	uint32_t actor_count;
	uint32_t event_count;
	size_t texts_size;
};

/* What every command begins with: room, the window's edge, who asks. */
static struct caller begin(struct recorder *recorder,
			   const struct caller *caller, uint32_t entries,
			   uint32_t events, uint64_t now_us)
{
	struct caller known = *caller;

	check(block_has_room(recorder->block, entries, events));
	idwindow_advance(&recorder->ledger->ids, now_us);
	known.base_hash = ledger_base_hash(recorder->ledger, caller->base);
	return known;
}

static void refuse(struct answer *answer, const struct decision *decision)
{
	*answer = (struct answer){ .refusal = decision->refusal,
				   .limit = decision->limit,
				   .value = decision->value };
}

/* A refusal or a recorded answer; true when there is nothing to record. */
static bool answered(const struct decision *decision, struct answer *answer)
{
	if (decision->verdict == VERDICT_ACCEPTED)
		return false;
	refuse(answer, decision);
	if (decision->verdict == VERDICT_RECORDED)
		*answer = (struct answer){ .recorded = true,
					   .position = decision->seq,
					   .number = decision->number };
	return true;
}

static void apply_event(struct recorder *recorder, struct event *event,
			struct hash128 content)
{
	enum apply_result result;

	event->after = recorder->block->entry_count;
	result = ledger_apply_event(recorder->ledger, event, content);
	check(result == APPLY_OK);
	block_add_event(recorder->block, event);
}

/* The caller's number; the first time, the fact that it was seen. */
static uint32_t name_actor(struct recorder *recorder,
			   const struct caller *caller)
{
	const struct actor *actor = ledger_actor(recorder->ledger, caller->uri);
	struct event event = { .kind = EVENT_ACTOR_SEEN };

	if (actor != NULL)
		return actor->number;
	event.actor_seen.actor = recorder->ledger->actor_count + 1;
	event.actor_seen.uri = caller->uri;
	apply_event(recorder, &event, (struct hash128){ 0 });
	return event.actor_seen.actor;
}

/* (rule JOURNAL-24) The chain carries the salted hash, not the text. */
static void hash_memo(const struct recorder *recorder, struct slice memo,
		      uint8_t salt[SALT_SIZE], uint8_t hash[SHA256_SIZE])
{
	uint8_t bytes[SALT_SIZE + MEMO_SIZE_MAX];

	check(memo.size > 0 && memo.size <= MEMO_SIZE_MAX);
	recorder->random_fill(salt, SALT_SIZE);
	memcpy(bytes, salt, SALT_SIZE);
	memcpy(bytes + SALT_SIZE, memo.data, memo.size);
	recorder->sha256(slice_of(bytes, SALT_SIZE + memo.size), hash);
}

static void apply_entry(struct recorder *recorder, struct entry *entry,
			struct slice memo, const struct caller *caller,
			const struct decision *decision)
{
	uint32_t index = recorder->block->entry_count;
	uint8_t salt[SALT_SIZE] = { 0 };
	enum apply_result result;

	entry->actor = name_actor(recorder, caller);
	if (entry->has_memo)
		hash_memo(recorder, memo, salt, entry->memo_hash);
	result = ledger_apply_entry(recorder->ledger, entry, decision->content,
				    &recorder->effects[index]);
	check(result == APPLY_OK);
	block_add_entry(recorder->block, entry, memo, salt);
}

/* What the newest recorded fact is answered with. */
static struct answer done(const struct recorder *recorder, uint64_t number)
{
	return (struct answer){ .position = recorder->ledger->next_seq,
				.number = number };
}

static void finish_entry(struct recorder *recorder, struct entry *entry,
			 struct slice memo, const struct caller *caller,
			 const struct decision *decision, struct answer *answer)
{
	if (answered(decision, answer))
		return;
	apply_entry(recorder, entry, memo, caller, decision);
	*answer = done(recorder, recorder->ledger->next_number - 1);
}

static void record_transfer(struct recorder *recorder,
			    const struct transfer_command *command,
			    const struct caller *caller, uint64_t now_us,
			    struct answer *answer)
{
	struct decision decision;
	struct entry entry;

	decide_transfer(recorder->ledger, command, caller, now_us, &entry,
			&decision);
	finish_entry(recorder, &entry, command->memo, caller, &decision,
		     answer);
}

static struct mark mark_here(const struct recorder *recorder)
{
	return (struct mark){ .entry_count = recorder->block->entry_count,
			      .actor_count = recorder->ledger->actor_count,
			      .event_count = recorder->block->event_count,
			      .texts_size = recorder->block->texts.size };
}

/* (rule LEDGER-10) Nothing of a group that failed remains. */
static void undo_to(struct recorder *recorder, const struct mark *mark)
{
	struct block *block = recorder->block;

	for (uint32_t i = block->entry_count; i > mark->entry_count; i--)
		ledger_undo_transfer(recorder->ledger, &block->entries[i - 1],
				     &recorder->effects[i - 1]);
	while (recorder->ledger->actor_count > mark->actor_count)
		ledger_undo_actor(recorder->ledger);
	block_rewind(block, mark->entry_count, mark->event_count,
		     mark->texts_size);
}

static void fail_group(struct answer *answers, uint32_t count, uint32_t failed,
		       const struct answer *why)
{
	check(failed < count);
	for (uint32_t i = 0; i < count; i++)
		answers[i] =
			(struct answer){ .refusal = TRANSFER_LINKED_FAILED };
	answers[failed] = *why;
}

/*
 * (rule LEDGER-11) All recorded or none: @i is the first that differs.  That
 * comes before what its accounts would say (rule LEDGER-3).
 */
static bool mixes(const struct answer *answers, uint32_t i)
{
	return i > 0 && answers[i].recorded != answers[0].recorded &&
	       (answers[i].refusal == 0 ||
		answers[i].refusal > TRANSFER_ID_CONFLICT);
}

static void record_group(struct recorder *recorder,
			 const struct transfer_command *commands,
			 uint32_t count, const struct caller *caller,
			 uint64_t now_us, struct answer *answers)
{
	struct mark mark = mark_here(recorder);
	struct answer why = { .refusal = TRANSFER_LINKED_OPEN };

	if (commands[count - 1].linked) {
		fail_group(answers, count, count - 1, &why);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		record_transfer(recorder, &commands[i], caller, now_us,
				&answers[i]);
		if (mixes(answers, i))
			answers[i] =
				(struct answer){ .refusal =
							 TRANSFER_ID_CONFLICT };
		if (answers[i].refusal == 0)
			continue;
		why = answers[i];
		undo_to(recorder, &mark);
		fail_group(answers, count, i, &why);
		return;
	}
}

/* How many items from @commands on belong together. */
static uint32_t group_size(const struct transfer_command *commands,
			   uint32_t count)
{
	uint32_t size = 1;

	check(count > 0);
	while (size < count && commands[size - 1].linked)
		size++;
	return size;
}

/* The id window is far larger than any cache: ask for its lines early. */
static void look_ahead(const struct recorder *recorder,
		       const struct transfer_command *commands, uint32_t from,
		       uint32_t until)
{
	for (uint32_t i = from; i < until; i++) {
		if (commands[i].id.size == ID_SIZE)
			idwindow_prefetch(&recorder->ledger->ids,
					  commands[i].id.data);
	}
}

void record_transfers(struct recorder *recorder,
		      const struct transfer_command *commands, uint32_t count,
		      const struct caller *caller, uint64_t now_us,
		      struct answer *answers)
{
	struct caller known = begin(recorder, caller, count, 1, now_us);
	uint32_t size;

	for (uint32_t i = 0; i < count; i += size) {
		uint32_t from = i + LOOK_AHEAD, until;

		size = group_size(commands + i, count - i);
		until = from + size < count ? from + size : count;
		look_ahead(recorder, commands, from, until);
		if (size == 1 && !commands[i].linked)
			record_transfer(recorder, &commands[i], &known, now_us,
					&answers[i]);
		else
			record_group(recorder, commands + i, size, &known,
				     now_us, answers + i);
	}
}

void record_place_hold(struct recorder *recorder,
		       const struct place_hold_command *command,
		       const struct caller *caller, uint64_t now_us,
		       struct answer *answer)
{
	struct caller known = begin(recorder, caller, 1, 2, now_us);
	struct decision decision;
	struct entry entry;

	decide_place_hold(recorder->ledger, command, &known, now_us, &entry,
			  &decision);
	finish_entry(recorder, &entry, command->transfer.memo, &known,
		     &decision, answer);
}

void record_post_hold(struct recorder *recorder,
		      const struct post_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct answer *answer)
{
	struct caller known = begin(recorder, caller, 1, 2, now_us);
	struct decision decision;
	struct entry entry;

	decide_post_hold(recorder->ledger, command, &known, now_us, &entry,
			 &decision);
	finish_entry(recorder, &entry, (struct slice){ 0 }, &known, &decision,
		     answer);
}

void record_void_hold(struct recorder *recorder,
		      const struct void_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct answer *answer)
{
	struct caller known = begin(recorder, caller, 1, 2, now_us);
	struct decision decision;
	struct entry entry;

	decide_void_hold(recorder->ledger, command, &known, now_us, &entry,
			 &decision);
	finish_entry(recorder, &entry, command->reason, &known, &decision,
		     answer);
}

static void finish_event(struct recorder *recorder, struct event *event,
			 const struct caller *caller,
			 const struct decision *decision, struct answer *answer)
{
	if (answered(decision, answer))
		return;
	event->account.actor = name_actor(recorder, caller);
	apply_event(recorder, event, decision->content);
	*answer = done(recorder, event->account.account);
}

void record_open_account(struct recorder *recorder,
			 const struct open_account_command *command,
			 const struct caller *caller, uint64_t now_us,
			 struct answer *answer)
{
	struct caller known = begin(recorder, caller, 1, 2, now_us);
	struct decision decision;
	struct event event;

	decide_open_account(recorder->ledger, command, &known, now_us, &event,
			    &decision);
	finish_event(recorder, &event, &known, &decision, answer);
}

typedef void decide_function(const struct ledger *ledger,
			     const struct account_command *command,
			     const struct caller *caller, uint64_t now_us,
			     struct event *event, struct decision *out);

void record_account_command(struct recorder *recorder,
			    enum account_command_kind kind,
			    const struct account_command *command,
			    const struct caller *caller, uint64_t now_us,
			    struct answer *answer)
{
	static decide_function *const decide[] = {
		[ACCOUNT_COMMAND_SET_LIMITS] = decide_set_limits,
		[ACCOUNT_COMMAND_FREEZE] = decide_freeze,
		[ACCOUNT_COMMAND_UNFREEZE] = decide_unfreeze,
		[ACCOUNT_COMMAND_CLOSE] = decide_close,
	};
	struct caller known = begin(recorder, caller, 1, 2, now_us);
	struct decision decision;
	struct event event;

	check((size_t)kind < sizeof(decide) / sizeof(decide[0]));
	decide[kind](recorder->ledger, command, &known, now_us, &event,
		     &decision);
	finish_event(recorder, &event, &known, &decision, answer);
}

/* (rule LEDGER-15) */
uint32_t record_expiries(struct recorder *recorder, uint64_t now_us,
			 uint32_t count_max)
{
	uint32_t count = 0;

	while (count < count_max && block_has_room(recorder->block, 0, 1)) {
		const struct hold *due = ledger_hold_due(recorder->ledger);
		struct event event = { .kind = EVENT_HOLD_EXPIRED };

		if (due == NULL || now_us < due->expires_at_us)
			break;
		event.hold_expired.hold_id = due->id;
		apply_event(recorder, &event, (struct hash128){ 0 });
		count++;
	}
	return count;
}

struct id record_id(const struct recorder *recorder)
{
	uint8_t random[ID_TAIL_SIZE];

	check(recorder->random_fill != NULL);
	recorder->random_fill(random, sizeof(random));
	return id_make(recorder->block->header.created_us, random);
}

uint32_t record_actor(struct recorder *recorder, struct slice uri)
{
	struct caller caller = { .uri = uri };

	check(ledger_can_name(recorder->ledger, uri));
	return name_actor(recorder, &caller);
}

void record_booking(struct recorder *recorder, struct entry *entry,
		    struct slice memo, struct slice uri)
{
	struct caller caller = { .uri = uri };
	struct decision decision = { .verdict = VERDICT_ACCEPTED };

	check(block_has_room(recorder->block, 1, 1));
	entry->id = record_id(recorder);
	entry->has_memo = memo.size > 0;
	apply_entry(recorder, entry, memo, &caller, &decision);
}

void record_link_event(struct recorder *recorder, struct event *event,
		       struct hash128 content)
{
	enum apply_result result;

	event->after = recorder->block->entry_count;
	result = ledger_apply_link_event(recorder->ledger, event, content,
					 recorder->block->header.created_us,
					 false);
	check(result == APPLY_OK);
	block_add_event(recorder->block, event);
}

void record_rejoined(struct recorder *recorder, struct slice uri,
		     struct slice reason, bool closed)
{
	struct event event = { .kind = EVENT_REJOINED };

	event.rejoined.actor = record_actor(recorder, uri);
	event.rejoined.reason = reason;
	event.rejoined.closed = closed;
	record_link_event(recorder, &event, (struct hash128){ 0 });
}

uint32_t record_own_account(struct recorder *recorder, struct slice local,
			    struct slice display_name, struct slice uri)
{
	struct event event = { .kind = EVENT_ACCOUNT_OPENED };

	event.account.id = record_id(recorder);
	event.account.actor = record_actor(recorder, uri);
	event.account.account = recorder->ledger->account_count + 1;
	event.account.local_address = local;
	event.account.display_name = display_name;
	event.account.credit_limit = money_of(MONEY_MAX_MINOR);
	event.account.balance_ceiling = money_of(MONEY_MAX_MINOR);
	apply_event(recorder, &event, (struct hash128){ 0 });
	return event.account.account;
}

static void open_system_account(struct block *block, uint32_t account,
				struct slice local_address,
				struct slice display_name)
{
	struct event event = { .kind = EVENT_ACCOUNT_OPENED };

	event.account.account = account;
	event.account.local_address = local_address;
	event.account.display_name = display_name;
	event.account.balance_ceiling = money_of(MONEY_MAX_MINOR);
	block_add_event(block, &event);
}

/* (rule JOURNAL-3) */
void record_genesis(struct block *block, const struct event_genesis *genesis)
{
	struct event event = { .kind = EVENT_GENESIS, .genesis = *genesis };

	check(block_is_empty(block));
	block_add_event(block, &event);
	open_system_account(block, ACCOUNT_COMMONS, SLICE("city/commons"),
			    SLICE("Commons fund"));
	open_system_account(block, ACCOUNT_LOSS, SLICE("city/loss"),
			    SLICE("Losses borne together"));
}
