/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The canonical record of a command: what the client said, in a fixed order
 * and width, hashed under this process's own key (rule LEDGER-8).
 */
#include "core/ledger.h"

/* Fixed parts, then the texts of a payment request, the longest. */
#define RECORD_SIZE_MAX 768

static void put_u64(struct buffer *record, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	buffer_put(record, slice_of(bytes, sizeof(bytes)));
}

static void put_money(struct buffer *record, struct money amount)
{
	put_u64(record, (uint64_t)money_minor(amount));
}

/* A length before the bytes keeps two texts apart. */
static void put_text(struct buffer *record, struct slice text)
{
	put_u64(record, text.size);
	buffer_put(record, text);
}

static struct hash128 finish(const struct ledger *ledger,
			     const struct buffer *record)
{
	check(!record->overflowed);
	return siphash128(ledger->options.key, buffer_view(record));
}

uint64_t ledger_base_hash(const struct ledger *ledger, struct slice base)
{
	check(base.size > 0);
	return siphash64(ledger->options.key, base);
}

/* What a client says of a movement; the rest of it is the hold's. */
static void put_movement(struct buffer *record, const struct entry *entry)
{
	put_u64(record, (uint64_t)entry->debit << 32 | entry->credit);
	put_money(record, entry->amount);
	put_u64(record, entry->expires_at_us);
	buffer_put_byte(record, entry->transfer_kind);
	buffer_put_byte(record, entry->has_reference);
	if (entry->has_reference)
		buffer_put(record, slice_of(entry->reference, REFERENCE_SIZE));
}

struct hash128 ledger_content_of_entry(const struct ledger *ledger,
				       const struct entry *entry,
				       uint64_t base_hash, struct slice memo)
{
	uint8_t bytes[RECORD_SIZE_MAX];
	struct buffer record;

	buffer_init(&record, bytes, sizeof(bytes));
	buffer_put_byte(&record, entry->kind);
	put_u64(&record, base_hash);
	if (entry->kind == ENTRY_TRANSFER || entry->kind == ENTRY_HOLD)
		put_movement(&record, entry);
	else
		buffer_put(&record, slice_of(entry->hold_id.bytes, ID_SIZE));
	if (entry->kind == ENTRY_POST)
		put_money(&record, entry->amount);
	put_text(&record, memo);
	return finish(ledger, &record);
}

/* On a link, or a payment request: what the client said. */
static void put_link_event(struct buffer *record, const struct event *event)
{
	const struct event_request *request = &event->request;

	if (event_is_on_link(event->kind)) {
		put_u64(record,
			(uint64_t)event->link.link << 32 | event->link.command);
		put_money(record, event->link.line);
		put_text(record, event->link.reason);
	} else if (event->kind == EVENT_REQUEST_ENDED) {
		put_u64(record, request->state);
	} else {
		put_money(record, request->amount);
		put_u64(record, request->expires_us);
		put_text(record, request->payer);
		put_text(record, request->payee);
		put_text(record, request->purpose);
		put_text(record, request->reference);
	}
}

struct hash128 ledger_content_of_event(const struct ledger *ledger,
				       const struct event *event,
				       uint64_t base_hash)
{
	const struct event_account *account = &event->account;
	uint8_t bytes[RECORD_SIZE_MAX];
	struct buffer record;

	buffer_init(&record, bytes, sizeof(bytes));
	/* Apart from the entry kinds above. */
	buffer_put_byte(&record, (uint8_t)(0x80 | event->kind));
	put_u64(&record, base_hash);
	if (event->kind >= EVENT_LINK_OPENED) {
		put_link_event(&record, event);
		return finish(ledger, &record);
	}
	check(event->kind >= EVENT_ACCOUNT_OPENED &&
	      event->kind <= EVENT_ACCOUNT_CLOSED);
	put_money(&record, account->credit_limit);
	put_money(&record, account->balance_ceiling);
	if (event->kind == EVENT_ACCOUNT_OPENED) {
		buffer_put_byte(&record, account->gateway_allowed);
		put_text(&record, account->local_address);
		put_text(&record, account->display_name);
	} else {
		put_u64(&record, account->account);
		put_text(&record, account->reason);
	}
	return finish(ledger, &record);
}
