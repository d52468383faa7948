/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "core/linklog.h"
#include "unit/block_equal.h"
#include "unit/random_block.h"

typedef Clearing__Journal__V1__Block wire_block;
typedef Clearing__Journal__V1__Event wire_event;

static void assert_bytes_equal(ProtobufCBinaryData a, const void *b,
			       size_t size)
{
	assert_int_equal(a.len, size);
	assert_memory_equal(a.data, b, size);
}

static void assert_text_equal(const char *a, struct slice b)
{
	assert_slice_equal(slice_from_text(a), b);
}

/* Compares each field of each account event with protobuf-c's reading. */
static void assert_wire_account(const wire_event *wire,
				const struct event_account *account)
{
	const Clearing__Journal__V1__AccountOpened *opened;
	const Clearing__Journal__V1__AccountLimitsSet *set;
	const Clearing__Journal__V1__AccountFrozen *frozen;

	if (wire->event_case ==
	    CLEARING__JOURNAL__V1__EVENT__EVENT_ACCOUNT_OPENED) {
		opened = wire->account_opened;
		assert_bytes_equal(opened->id, account->id.bytes,
				   account->actor == 0 ? 0 : ID_SIZE);
		assert_int_equal(opened->actor, account->actor);
		assert_int_equal(opened->account, account->account);
		assert_text_equal(opened->address, account->local_address);
		assert_text_equal(opened->display_name, account->display_name);
		assert_int_equal(opened->credit_limit,
				 money_minor(account->credit_limit));
		assert_int_equal(opened->balance_ceiling,
				 money_minor(account->balance_ceiling));
		assert_int_equal(opened->gateway_forbidden,
				 !account->gateway_allowed);
		return;
	}
	/* The four fields that all others begin with have one layout. */
	frozen = wire->account_frozen;
	assert_bytes_equal(frozen->id, account->id.bytes, ID_SIZE);
	assert_int_equal(frozen->actor, account->actor);
	assert_int_equal(frozen->account, account->account);
	assert_text_equal(frozen->reason, account->reason);
	if (wire->event_case !=
	    CLEARING__JOURNAL__V1__EVENT__EVENT_ACCOUNT_LIMITS_SET)
		return;
	set = wire->account_limits_set;
	assert_int_equal(set->credit_limit, money_minor(account->credit_limit));
	assert_int_equal(set->balance_ceiling,
			 money_minor(account->balance_ceiling));
	assert_int_equal(set->old_credit_limit,
			 money_minor(account->old_credit_limit));
	assert_int_equal(set->old_balance_ceiling,
			 money_minor(account->old_balance_ceiling));
}

static void assert_wire_genesis(const Clearing__Journal__V1__Genesis *wire,
				const struct event_genesis *genesis)
{
	assert_text_equal(wire->federation, genesis->federation);
	assert_text_equal(wire->city, genesis->city);
	assert_text_equal(wire->unit, genesis->unit);
	assert_int_equal(wire->decimals, genesis->decimals);
	assert_int_equal(wire->format, genesis->format);
	assert_bytes_equal(wire->node_key, genesis->node_key, NODE_KEY_SIZE);
}

static void
assert_wire_command(const Clearing__Journal__V1__LinkCommanded *wire,
		    const struct event_link *link)
{
	/* The four fields that LinkPaused and LinkResumed have, too. */
	assert_int_equal(wire->link, link->link);
	assert_bytes_equal(wire->id, link->id.bytes, ID_SIZE);
	assert_int_equal(wire->actor, link->actor);
	assert_text_equal(wire->reason, link->reason);
}

static void assert_wire_link(const wire_event *wire, const struct event *event)
{
	const struct event_link *link = &event->link;

	switch (event->kind) {
	case EVENT_LINK_OPENED:
		assert_int_equal(wire->link_opened->link, link->link);
		assert_text_equal(wire->link_opened->city, link->city);
		assert_int_equal(wire->link_opened->account, link->account);
		return;
	case EVENT_LINK_BATCH_SEALED:
	case EVENT_LINK_BATCH_TAKEN:
	case EVENT_LINK_BATCH_ADOPTED:
		assert_int_equal(wire->link_batch_sealed->link, link->link);
		assert_bytes_equal(wire->link_batch_sealed->batch,
				   link->batch.data, link->batch.size);
		return;
	case EVENT_LINK_WITHDRAWN:
	case EVENT_LINK_ACKNOWLEDGED:
		assert_int_equal(wire->link_withdrawn->link, link->link);
		assert_true(wire->link_withdrawn->seq == link->seq);
		return;
	case EVENT_LINK_LIFE_BEGUN:
	case EVENT_LINK_LIFE_ADMITTED:
		assert_int_equal(wire->link_life_begun->link, link->link);
		assert_true(wire->link_life_begun->incarnation ==
			    link->incarnation);
		assert_bytes_equal(wire->link_life_begun->nonce, link->nonce,
				   LIFE_NONCE_SIZE);
		return;
	case EVENT_LINK_RECONCILED:
		assert_int_equal(wire->link_reconciled->link, link->link);
		assert_true(wire->link_reconciled->incarnation ==
			    link->incarnation);
		assert_true(wire->link_reconciled->seq == link->seq);
		return;
	}
	assert_wire_command(wire->link_commanded, link);
	if (event->kind != EVENT_LINK_COMMANDED)
		return;
	assert_int_equal(wire->link_commanded->command, link->command);
	assert_int_equal(wire->link_commanded->line, money_minor(link->line));
}

static void assert_wire_held(const Clearing__Journal__V1__PaymentHeld *wire,
			     const struct event_payment_held *held)
{
	assert_bytes_equal(wire->id, held->id.bytes, ID_SIZE);
	assert_bytes_equal(wire->hold_id, held->hold_id.bytes, ID_SIZE);
	assert_bytes_equal(wire->parent, held->parent.bytes,
			   id_is_zero(&held->parent) ? 0 : ID_SIZE);
	assert_int_equal(wire->actor, held->actor);
	assert_int_equal(wire->account, held->account);
	assert_int_equal(wire->attempt, held->attempt);
}

static void
assert_wire_request(const Clearing__Journal__V1__RequestOpened *wire,
		    const struct event_request *request)
{
	assert_bytes_equal(wire->id, request->id.bytes, ID_SIZE);
	assert_int_equal(wire->actor, request->actor);
	assert_text_equal(wire->payer, request->payer);
	assert_text_equal(wire->payee, request->payee);
	assert_int_equal(wire->amount, money_minor(request->amount));
	assert_text_equal(wire->purpose, request->purpose);
	assert_bytes_equal(wire->reference, request->reference.data,
			   request->reference.size);
	assert_true(wire->expires == request->expires_us);
}

static void assert_wire_out_leg(const Clearing__Journal__V1__OutLegEnded *wire,
				const struct event_leg_ended *ended)
{
	assert_int_equal(wire->link, ended->link);
	assert_true(wire->seq == ended->seq);
	assert_int_equal(wire->reason, ended->reason);
	assert_text_equal(wire->at_city, ended->at_city);
	assert_bytes_equal(wire->id, ended->id.bytes, ID_SIZE);
	assert_bytes_equal(wire->proof, ended->proof.data, ended->proof.size);
}

/* Events of links and payments, from LINK_OPENED on. */
static void assert_wire_far(const wire_event *wire, const struct event *event)
{
	const struct event_leg_ended *ended = &event->leg_ended;

	switch (event->kind) {
	case EVENT_PAYMENT_HELD:
		assert_wire_held(wire->payment_held, &event->payment_held);
		return;
	case EVENT_LINK_WITHDRAW_ORDERED:
		assert_wire_command(wire->link_commanded, &event->link);
		return;
	case EVENT_LINK_GONE:
		assert_int_equal(wire->link_gone->link, event->link.link);
		return;
	case EVENT_IN_LEG_ENDED:
		assert_int_equal(wire->in_leg_ended->link, ended->link);
		assert_true(wire->in_leg_ended->seq == ended->seq);
		assert_int_equal(wire->in_leg_ended->reason, ended->reason);
		assert_text_equal(wire->in_leg_ended->at_city, ended->at_city);
		return;
	case EVENT_OUT_LEG_ENDED:
		assert_wire_out_leg(wire->out_leg_ended, ended);
		return;
	case EVENT_NEVER_GIVEN:
		assert_bytes_equal(wire->never_given->id,
				   event->never_given.id.bytes, ID_SIZE);
		assert_bytes_equal(wire->never_given->terms_hash,
				   event->never_given.terms_hash, SHA256_SIZE);
		return;
	case EVENT_REJOINED:
		assert_int_equal(wire->rejoined->actor, event->rejoined.actor);
		assert_text_equal(wire->rejoined->reason,
				  event->rejoined.reason);
		assert_int_equal(wire->rejoined->open_early,
				 !event->rejoined.closed);
		return;
	case EVENT_ROSTER_ADOPTED:
		assert_true(wire->roster_adopted->version ==
			    event->roster_adopted.version);
		assert_bytes_equal(wire->roster_adopted->hash,
				   event->roster_adopted.hash, SHA256_SIZE);
		return;
	case EVENT_REJOIN_ENDED:
		assert_non_null(wire->rejoin_ended);
		return;
	case EVENT_REQUEST_OPENED:
		assert_wire_request(wire->request_opened, &event->request);
		return;
	case EVENT_REQUEST_ENDED:
		assert_bytes_equal(wire->request_ended->id,
				   event->request.id.bytes, ID_SIZE);
		assert_int_equal(wire->request_ended->actor,
				 event->request.actor);
		assert_int_equal(wire->request_ended->state,
				 event->request.state);
		return;
	default:
		assert_wire_link(wire, event);
		return;
	}
}

static void assert_wire_event(const wire_event *wire, const struct event *event)
{
	assert_int_equal(wire->event_case, event->kind);
	assert_int_equal(wire->after, event->after);
	switch (event->kind) {
	case EVENT_EPOCH_STARTED:
		assert_text_equal(wire->epoch_started->node,
				  event->epoch_started.node);
		assert_bytes_equal(wire->epoch_started->nonce,
				   event->epoch_started.nonce, NONCE_SIZE);
		break;
	case EVENT_ACTOR_SEEN:
		assert_int_equal(wire->actor_seen->actor,
				 event->actor_seen.actor);
		assert_text_equal(wire->actor_seen->uri, event->actor_seen.uri);
		break;
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		assert_wire_account(wire, &event->account);
		break;
	case EVENT_HOLD_EXPIRED:
		assert_bytes_equal(wire->hold_expired->hold_id,
				   event->hold_expired.hold_id.bytes, ID_SIZE);
		break;
	case EVENT_GENESIS:
		assert_wire_genesis(wire->genesis, &event->genesis);
		break;
	case EVENT_RESUMED:
		break;
	default:
		assert_wire_far(wire, event);
		break;
	}
}

/* Where the next value stands in the columns that not every entry is in. */
struct cursors {
	size_t hold_id, reference, memo, expires;
};

static void assert_wire_extras(const wire_block *wire, uint32_t i,
			       const struct entry *entry, struct cursors *at)
{
	if (entry->kind == ENTRY_HOLD)
		assert_int_equal(wire->expires[at->expires++],
				 entry->expires_at_us -
					 RANDOM_BLOCK_CREATED_US);
	if (entry->kind >= ENTRY_POST)
		assert_memory_equal(wire->hold_id.data +
					    ID_SIZE * at->hold_id++,
				    entry->hold_id.bytes, ID_SIZE);
	if (entry->has_reference) {
		assert_int_equal(wire->reference_at[at->reference], i);
		assert_memory_equal(wire->reference.data +
					    REFERENCE_SIZE * at->reference++,
				    entry->reference, REFERENCE_SIZE);
	}
	if (entry->has_memo) {
		assert_int_equal(wire->memo_at[at->memo], i);
		assert_memory_equal(wire->memo_hash.data +
					    SHA256_SIZE * at->memo++,
				    entry->memo_hash, SHA256_SIZE);
	}
}

static void assert_wire_entry(const wire_block *wire, uint32_t i,
			      const struct entry *entry)
{
	assert_memory_equal(wire->id_tail.data + ID_TAIL_SIZE * i,
			    entry->id.bytes + 6, ID_TAIL_SIZE);
	assert_int_equal(wire->id_ms[i],
			 (int64_t)id_time_ms(&entry->id) -
				 (int64_t)(RANDOM_BLOCK_CREATED_US / 1000));
	assert_int_equal(wire->n_kind == 0 ? 0 : wire->kind[i], entry->kind);
	assert_int_equal(wire->debit[i], entry->debit);
	assert_int_equal(wire->credit[i], entry->credit);
	assert_int_equal(wire->amount[i], money_minor(entry->amount));
	assert_int_equal(wire->actor[wire->n_actor == 1 ? 0 : i], entry->actor);
	if (wire->n_transfer_kind == 0)
		assert_int_equal(entry->transfer_kind, 1);
	else
		assert_int_equal(
			wire->transfer_kind[wire->n_transfer_kind == 1 ? 0 : i],
			entry->transfer_kind);
}

void assert_wire_block(const wire_block *wire, const struct block *block)
{
	struct cursors at = { 0 };

	assert_int_equal(wire->first_number, block->first_number);
	assert_int_equal(wire->entry_count, block->entry_count);
	assert_int_equal(wire->n_debit, block->entry_count);
	assert_int_equal(wire->n_events, block->event_count);
	for (uint32_t i = 0; i < block->entry_count; i++) {
		assert_wire_entry(wire, i, &block->entries[i]);
		assert_wire_extras(wire, i, &block->entries[i], &at);
	}
	assert_int_equal(wire->n_expires, at.expires);
	assert_int_equal(wire->hold_id.len, at.hold_id * ID_SIZE);
	assert_int_equal(wire->n_reference_at, at.reference);
	assert_int_equal(wire->reference.len, at.reference * REFERENCE_SIZE);
	assert_int_equal(wire->n_memo_at, at.memo);
	assert_int_equal(wire->memo_hash.len, at.memo * SHA256_SIZE);
	for (uint32_t i = 0; i < block->event_count; i++)
		assert_wire_event(wire->events[i], &block->events[i]);
}
