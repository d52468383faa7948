/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/block_equal.h"

#include "unit/support.h"

void assert_slice_equal(struct slice a, struct slice b)
{
	assert_int_equal(a.size, b.size);
	if (a.size > 0)
		assert_memory_equal(a.data, b.data, a.size);
}

static void assert_entry_equal(const struct entry *a, const struct entry *b)
{
	assert_true(id_equal(&a->id, &b->id));
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->transfer_kind, b->transfer_kind);
	assert_int_equal(a->debit, b->debit);
	assert_int_equal(a->credit, b->credit);
	assert_int_equal(a->actor, b->actor);
	assert_int_equal(money_minor(a->amount), money_minor(b->amount));
	assert_int_equal(a->expires_at_us, b->expires_at_us);
	assert_true(id_equal(&a->hold_id, &b->hold_id));
	assert_int_equal(a->has_reference, b->has_reference);
	if (a->has_reference)
		assert_memory_equal(a->reference, b->reference, REFERENCE_SIZE);
	assert_int_equal(a->has_memo, b->has_memo);
	if (a->has_memo)
		assert_memory_equal(a->memo_hash, b->memo_hash, SHA256_SIZE);
}

static void assert_account_equal(const struct event_account *a,
				 const struct event_account *b)
{
	assert_true(id_equal(&a->id, &b->id));
	assert_int_equal(a->actor, b->actor);
	assert_int_equal(a->account, b->account);
	assert_slice_equal(a->reason, b->reason);
	assert_int_equal(money_minor(a->credit_limit),
			 money_minor(b->credit_limit));
	assert_int_equal(money_minor(a->balance_ceiling),
			 money_minor(b->balance_ceiling));
	assert_int_equal(money_minor(a->old_credit_limit),
			 money_minor(b->old_credit_limit));
	assert_int_equal(money_minor(a->old_balance_ceiling),
			 money_minor(b->old_balance_ceiling));
	assert_slice_equal(a->local_address, b->local_address);
	assert_slice_equal(a->display_name, b->display_name);
	assert_int_equal(a->gateway_allowed, b->gateway_allowed);
}

static void assert_genesis_equal(const struct event_genesis *a,
				 const struct event_genesis *b)
{
	assert_slice_equal(a->federation, b->federation);
	assert_slice_equal(a->city, b->city);
	assert_slice_equal(a->unit, b->unit);
	assert_int_equal(a->decimals, b->decimals);
	assert_int_equal(a->format, b->format);
	assert_memory_equal(a->node_key, b->node_key, NODE_KEY_SIZE);
}

static void assert_link_equal(const struct event_link *a,
			      const struct event_link *b)
{
	assert_int_equal(a->link, b->link);
	assert_int_equal(a->account, b->account);
	assert_slice_equal(a->city, b->city);
	assert_slice_equal(a->batch, b->batch);
	assert_true(a->seq == b->seq);
	assert_true(a->incarnation == b->incarnation);
	assert_memory_equal(a->nonce, b->nonce, LIFE_NONCE_SIZE);
	assert_true(id_equal(&a->id, &b->id));
	assert_int_equal(a->actor, b->actor);
	assert_slice_equal(a->reason, b->reason);
	assert_int_equal(a->command, b->command);
	assert_int_equal(money_minor(a->line), money_minor(b->line));
}

static void assert_request_equal(const struct event_request *a,
				 const struct event_request *b)
{
	assert_true(id_equal(&a->id, &b->id));
	assert_int_equal(a->actor, b->actor);
	assert_slice_equal(a->payer, b->payer);
	assert_slice_equal(a->payee, b->payee);
	assert_int_equal(money_minor(a->amount), money_minor(b->amount));
	assert_slice_equal(a->purpose, b->purpose);
	assert_slice_equal(a->reference, b->reference);
	assert_true(a->expires_us == b->expires_us);
	assert_int_equal(a->state, b->state);
}

static void assert_leg_equal(const struct event_leg_ended *a,
			     const struct event_leg_ended *b)
{
	assert_int_equal(a->link, b->link);
	assert_true(a->seq == b->seq);
	assert_int_equal(a->reason, b->reason);
	assert_slice_equal(a->at_city, b->at_city);
	assert_true(id_equal(&a->id, &b->id));
	assert_slice_equal(a->proof, b->proof);
}

/* Events of links and payments, from LINK_OPENED on. */
static void assert_far_equal(const struct event *a, const struct event *b)
{
	switch (a->kind) {
	case EVENT_PAYMENT_HELD:
		assert_memory_equal(&a->payment_held, &b->payment_held,
				    sizeof(a->payment_held));
		return;
	case EVENT_IN_LEG_ENDED:
	case EVENT_OUT_LEG_ENDED:
		assert_leg_equal(&a->leg_ended, &b->leg_ended);
		return;
	case EVENT_NEVER_GIVEN:
		assert_memory_equal(&a->never_given, &b->never_given,
				    sizeof(a->never_given));
		return;
	case EVENT_REJOINED:
		assert_int_equal(a->rejoined.actor, b->rejoined.actor);
		assert_slice_equal(a->rejoined.reason, b->rejoined.reason);
		assert_int_equal(a->rejoined.closed, b->rejoined.closed);
		return;
	case EVENT_ROSTER_ADOPTED:
		assert_true(a->roster_adopted.version ==
			    b->roster_adopted.version);
		assert_memory_equal(a->roster_adopted.hash,
				    b->roster_adopted.hash, SHA256_SIZE);
		return;
	case EVENT_REJOIN_ENDED:
		return;
	case EVENT_REQUEST_OPENED:
	case EVENT_REQUEST_ENDED:
		assert_request_equal(&a->request, &b->request);
		return;
	default:
		assert_link_equal(&a->link, &b->link);
		return;
	}
}

static void assert_event_equal(const struct event *a, const struct event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->after, b->after);
	switch (a->kind) {
	case EVENT_EPOCH_STARTED:
		assert_slice_equal(a->epoch_started.node,
				   b->epoch_started.node);
		assert_memory_equal(a->epoch_started.nonce,
				    b->epoch_started.nonce, NONCE_SIZE);
		break;
	case EVENT_ACTOR_SEEN:
		assert_int_equal(a->actor_seen.actor, b->actor_seen.actor);
		assert_slice_equal(a->actor_seen.uri, b->actor_seen.uri);
		break;
	case EVENT_ACCOUNT_OPENED:
	case EVENT_ACCOUNT_LIMITS_SET:
	case EVENT_ACCOUNT_FROZEN:
	case EVENT_ACCOUNT_UNFROZEN:
	case EVENT_ACCOUNT_CLOSED:
		assert_account_equal(&a->account, &b->account);
		break;
	case EVENT_HOLD_EXPIRED:
		assert_true(id_equal(&a->hold_expired.hold_id,
				     &b->hold_expired.hold_id));
		break;
	case EVENT_GENESIS:
		assert_genesis_equal(&a->genesis, &b->genesis);
		break;
	case EVENT_RESUMED:
		break;
	default:
		assert_far_equal(a, b);
		break;
	}
}

void assert_block_equal(const struct block *a, const struct block *b)
{
	assert_int_equal(a->first_number, b->first_number);
	assert_int_equal(a->entry_count, b->entry_count);
	assert_int_equal(a->event_count, b->event_count);
	for (uint32_t i = 0; i < a->entry_count; i++)
		assert_entry_equal(&a->entries[i], &b->entries[i]);
	for (uint32_t i = 0; i < a->event_count; i++)
		assert_event_equal(&a->events[i], &b->events[i]);
}
