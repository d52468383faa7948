/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/random_block.h"

#include <stdio.h>
#include <string.h>

#include "core/linklog.h"

static const uint8_t event_kinds[] = {
	EVENT_EPOCH_STARTED,
	EVENT_ACTOR_SEEN,
	EVENT_ACCOUNT_OPENED,
	EVENT_ACCOUNT_LIMITS_SET,
	EVENT_ACCOUNT_FROZEN,
	EVENT_ACCOUNT_UNFROZEN,
	EVENT_ACCOUNT_CLOSED,
	EVENT_HOLD_EXPIRED,
	EVENT_GENESIS,
	EVENT_RESUMED,
	EVENT_LINK_OPENED,
	EVENT_LINK_BATCH_SEALED,
	EVENT_LINK_BATCH_TAKEN,
	EVENT_LINK_BATCH_ADOPTED,
	EVENT_LINK_WITHDRAWN,
	EVENT_LINK_ACKNOWLEDGED,
	EVENT_LINK_LIFE_BEGUN,
	EVENT_LINK_LIFE_ADMITTED,
	EVENT_LINK_RECONCILED,
	EVENT_LINK_PAUSED,
	EVENT_LINK_RESUMED,
	EVENT_LINK_COMMANDED,
	EVENT_PAYMENT_HELD,
	EVENT_REJOINED,
	EVENT_ROSTER_ADOPTED,
	EVENT_REQUEST_OPENED,
	EVENT_REQUEST_ENDED,
	EVENT_LINK_GONE,
	EVENT_IN_LEG_ENDED,
	EVENT_OUT_LEG_ENDED,
	EVENT_NEVER_GIVEN,
	EVENT_REJOIN_ENDED,
	EVENT_LINK_WITHDRAW_ORDERED,
};

uint64_t random_next(struct random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t random_below(struct random *random, uint64_t count)
{
	return random_next(random) % count;
}

bool random_one_in(struct random *random, uint64_t count)
{
	return random_below(random, count) == 0;
}

void random_fill_bytes(struct random *random, void *out, size_t size)
{
	uint8_t *bytes = out;

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)random_next(random);
}

struct id random_id(struct random *random, bool wide)
{
	uint64_t time_us = RANDOM_BLOCK_CREATED_US -
			   random_below(random, 86400 * UINT64_C(1000000)) +
			   random_below(random, 60 * 1000000);
	uint8_t tail[ID_TAIL_SIZE];

	if (wide)
		time_us = random_below(random, UINT64_C(1) << 48) * 1000;
	random_fill_bytes(random, tail, sizeof(tail));
	return id_make(time_us, tail);
}

/* A number of any length below @count. */
static uint64_t any_length(struct random *random, uint64_t count)
{
	return (random_next(random) >> random_below(random, 64)) % count;
}

struct entry random_entry(struct random *random, const struct random_mix *mix)
{
	struct entry entry = {
		.id = random_id(random, mix->wide),
		.transfer_kind = TRANSFER_KIND_PAYMENT,
		.debit = (uint32_t)any_length(random, 10000) + 1,
		.credit = (uint32_t)any_length(random, 10000) + 10001,
		.actor = mix->actors ? (uint32_t)random_below(random, 300) + 1
				     : 3,
		.amount = money_of((int64_t)any_length(random, 1000000) + 1),
	};

	if (mix->wide) {
		entry.debit = (uint32_t)any_length(random, INT32_MAX) + 1;
		entry.amount = money_of(
			(int64_t)any_length(random, MONEY_MAX_MINOR) + 1);
	}
	if (mix->kinds)
		entry.kind = (uint8_t)random_below(random, ENTRY_KIND_COUNT);
	if (mix->transfer_kinds)
		entry.transfer_kind = (uint8_t)(1 + random_below(random, 6));
	if (entry.kind == ENTRY_HOLD)
		entry.expires_at_us =
			RANDOM_BLOCK_CREATED_US +
			any_length(random, 366 * UINT64_C(86400) * 1000000);
	if (entry.kind >= ENTRY_POST)
		entry.hold_id = random_id(random, mix->wide);
	entry.has_reference = random_one_in(random, mix->one_in);
	if (entry.has_reference)
		random_fill_bytes(random, entry.reference, REFERENCE_SIZE);
	entry.has_memo =
		entry.kind != ENTRY_POST && random_one_in(random, mix->one_in);
	if (entry.has_memo)
		random_fill_bytes(random, entry.memo_hash, SHA256_SIZE);
	return entry;
}

static struct slice text_of(struct random *random, size_t size_min,
			    size_t size_max)
{
	static uint8_t texts[4][256];
	static uint32_t newest;
	size_t size = size_min +
		      (size_t)random_below(random, size_max - size_min + 1);
	uint8_t *text = texts[newest++ % 4];

	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)('a' + random_below(random, 26));
	return slice_of(text, size);
}

static struct money limit_of(struct random *random)
{
	if (random_one_in(random, 5))
		return MONEY_ZERO;
	return money_of((int64_t)any_length(random, MONEY_MAX_MINOR));
}

static void fill_account(struct random *random, struct event *event)
{
	bool by_genesis =
		event->kind == EVENT_ACCOUNT_OPENED && random_one_in(random, 4);

	if (!by_genesis) {
		event->account.id = random_id(random, false);
		event->account.actor = 1 + (uint32_t)any_length(random, 1000);
	}
	event->account.account = 1 + (uint32_t)any_length(random, 1000000);
	if (event->kind == EVENT_ACCOUNT_OPENED) {
		event->account.local_address = text_of(random, 1, 32);
		event->account.display_name = text_of(random, 0, 80);
		event->account.gateway_allowed = random_one_in(random, 2);
	} else {
		event->account.reason = text_of(random, 1, 140);
	}
	if (event->kind != EVENT_ACCOUNT_OPENED &&
	    event->kind != EVENT_ACCOUNT_LIMITS_SET)
		return;
	event->account.credit_limit = limit_of(random);
	event->account.balance_ceiling = limit_of(random);
	if (event->kind == EVENT_ACCOUNT_LIMITS_SET) {
		event->account.old_credit_limit = limit_of(random);
		event->account.old_balance_ceiling = limit_of(random);
	}
}

static void fill_genesis(struct random *random, struct event_genesis *genesis)
{
	genesis->federation = text_of(random, 1, 32);
	genesis->city = text_of(random, 1, 32);
	genesis->unit = text_of(random, 1, 32);
	genesis->decimals = (uint32_t)random_below(random, 9);
	genesis->format = 1;
	random_fill_bytes(random, genesis->node_key, NODE_KEY_SIZE);
}

static void fill_link(struct random *random, uint32_t kind,
		      struct event_link *link)
{
	link->link = 1 + (uint32_t)random_below(random, 300);
	if (kind == EVENT_LINK_GONE)
		return;
	if (kind == EVENT_LINK_OPENED) {
		link->city = text_of(random, 1, 32);
		link->account = 1 + (uint32_t)any_length(random, 1000000);
	} else if (kind <= EVENT_LINK_BATCH_ADOPTED) {
		link->batch = text_of(random, 1, 250);
	} else if (kind <= EVENT_LINK_ACKNOWLEDGED) {
		link->seq = any_length(random, UINT64_MAX);
	} else if (kind <= EVENT_LINK_LIFE_ADMITTED) {
		link->incarnation = any_length(random, UINT64_MAX);
		random_fill_bytes(random, link->nonce, LIFE_NONCE_SIZE);
	} else if (kind == EVENT_LINK_RECONCILED) {
		link->incarnation = any_length(random, UINT64_MAX);
		link->seq = any_length(random, UINT64_MAX);
	} else {
		link->id = random_id(random, false);
		link->actor = 1 + (uint32_t)any_length(random, 1000);
		link->reason = text_of(random, 1, 140);
	}
	if (kind != EVENT_LINK_COMMANDED)
		return;
	link->command =
		LINK_ENTRY_LINE_CHANGE + (uint32_t)random_below(random, 3);
	link->line = limit_of(random);
}

static void fill_held(struct random *random, struct event_payment_held *held)
{
	held->id = random_id(random, false);
	held->hold_id = random_id(random, false);
	held->actor = 1 + (uint32_t)any_length(random, 1000);
	if (random_one_in(random, 2))
		return;
	held->parent = random_id(random, false);
	held->account = 1 + (uint32_t)any_length(random, 1000000);
	held->attempt = 1 + (uint32_t)random_below(random, 3);
}

static void fill_request(struct random *random, uint32_t kind,
			 struct event_request *request)
{
	request->id = random_id(random, false);
	request->actor = 1 + (uint32_t)any_length(random, 1000);
	if (kind == EVENT_REQUEST_ENDED) {
		request->state = PAYMENT_REQUEST_PAID +
				 (uint32_t)random_below(random, 3);
		return;
	}
	request->payer = text_of(random, 1, LINKLOG_ADDRESS_SIZE_MAX);
	request->payee = text_of(random, 1, LINKLOG_ADDRESS_SIZE_MAX);
	request->amount = limit_of(random);
	request->purpose = text_of(random, 0, EVENT_NOTE_SIZE_MAX);
	request->reference = text_of(random, 0, LINKLOG_REFERENCE_SIZE_MAX);
	request->expires_us = any_length(random, UINT64_C(1) << 52);
}

static void fill_leg(struct random *random, uint32_t kind,
		     struct event_leg_ended *ended)
{
	ended->link = 1 + (uint32_t)random_below(random, 300);
	ended->seq = any_length(random, UINT64_MAX);
	if (random_one_in(random, 2)) {
		ended->reason = 1 + (uint32_t)random_below(random, 21);
		ended->at_city = text_of(random, 1, 32);
	}
	if (kind == EVENT_IN_LEG_ENDED)
		return;
	ended->id = random_id(random, false);
	ended->proof = text_of(random, 0, 250);
}

/* Events of links and payments, from LINK_OPENED on. */
static void fill_far(struct random *random, struct event *event)
{
	switch (event->kind) {
	case EVENT_PAYMENT_HELD:
		fill_held(random, &event->payment_held);
		return;
	case EVENT_IN_LEG_ENDED:
	case EVENT_OUT_LEG_ENDED:
		fill_leg(random, event->kind, &event->leg_ended);
		return;
	case EVENT_NEVER_GIVEN:
		event->never_given.id = random_id(random, false);
		random_fill_bytes(random, event->never_given.terms_hash,
				  SHA256_SIZE);
		return;
	case EVENT_REJOINED:
		event->rejoined.actor = 1 + (uint32_t)any_length(random, 1000);
		event->rejoined.reason = text_of(random, 1, 140);
		event->rejoined.closed = any_length(random, 1) == 0;
		return;
	case EVENT_ROSTER_ADOPTED:
		event->roster_adopted.version = any_length(random, UINT64_MAX);
		random_fill_bytes(random, event->roster_adopted.hash,
				  SHA256_SIZE);
		return;
	case EVENT_REJOIN_ENDED:
		return;
	case EVENT_REQUEST_OPENED:
	case EVENT_REQUEST_ENDED:
		fill_request(random, event->kind, &event->request);
		return;
	default:
		fill_link(random, event->kind, &event->link);
		return;
	}
}

struct event random_event(struct random *random)
{
	static uint8_t uri[IDENTITY_URI_SIZE_MAX];
	struct buffer text;
	struct event event = {
		.kind = event_kinds[random_below(random, sizeof(event_kinds))],
	};

	switch (event.kind) {
	case EVENT_EPOCH_STARTED:
		event.epoch_started.node = text_of(random, 0, 200);
		random_fill_bytes(random, event.epoch_started.nonce,
				  NONCE_SIZE);
		break;
	case EVENT_ACTOR_SEEN:
		event.actor_seen.actor = 1 + (uint32_t)any_length(random, 9999);
		buffer_init(&text, uri, sizeof(uri));
		buffer_put_text(&text, "spiffe://f/city/c/coop/");
		buffer_put(&text, text_of(random, 1, 32));
		event.actor_seen.uri = buffer_view(&text);
		break;
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		fill_account(random, &event);
		break;
	case EVENT_HOLD_EXPIRED:
		event.hold_expired.hold_id = random_id(random, false);
		break;
	case EVENT_GENESIS:
		fill_genesis(random, &event.genesis);
		break;
	case EVENT_RESUMED:
		break;
	default:
		fill_far(random, &event);
		break;
	}
	return event;
}

void random_block(struct random *random, const struct random_mix *mix,
		  struct block *block)
{
	uint32_t events_left = mix->event_count;

	block->header.created_us = RANDOM_BLOCK_CREATED_US;
	for (uint32_t i = 0; i <= mix->entry_count; i++) {
		struct entry entry;
		char memo[20];

		while (events_left > 0 &&
		       (i == mix->entry_count || random_one_in(random, 3))) {
			struct event event = random_event(random);

			event.after = i;
			block_add_event(block, &event);
			events_left--;
		}
		if (i == mix->entry_count)
			break;
		entry = random_entry(random, mix);
		snprintf(memo, sizeof(memo), "memo %u", i);
		block_add_entry(block, &entry, slice_from_text(memo),
				entry.id.bytes);
	}
}
