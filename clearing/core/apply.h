/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * apply: pieces that entries, events and replay share.  For core alone; the
 * contract with everybody else is ledger.h.
 */
#ifndef CLEARING_CORE_APPLY_H
#define CLEARING_CORE_APPLY_H

#include "core/ledger.h"

/* apply_keep_hold: make a hold known without touching its accounts. */
void apply_keep_hold(struct ledger *ledger, const struct hold *hold);

/* apply_expiry: end an open hold for its time. */
enum apply_result apply_expiry(struct ledger *ledger,
			       const struct id *hold_id) MUST_CHECK;

/* apply_command_of: which command an entry answers (enum command_kind). */
uint8_t apply_command_of(const struct entry *entry);

/*
 * apply_command_of_event: likewise for an event; 0 for events
 * that no command made (genesis opens accounts without one).
 */
uint8_t apply_command_of_event(const struct event *event);

/*
 * apply_remember_payment: the id of the payment that @entry books for the
 * first time: its reference (rule PEER-27, ID_CONFLICT).
 */
void apply_remember_payment(struct ledger *ledger, const struct entry *entry,
			    uint64_t number, uint64_t seq);

/* apply_remembered: what the id window keeps of a command's event. */
struct remembered apply_remembered(const struct event *event,
				   struct hash128 content, uint64_t seq);

/* apply_actor_of_event: who gave the command that @event carries out. */
uint32_t apply_actor_of_event(const struct event *event);

/* apply_keep_account: append an account and index its address. */
void apply_keep_account(struct ledger *ledger, const struct account *account);

/* apply_keep_genesis: remember whose ledger this is. */
void apply_keep_genesis(struct ledger *ledger,
			const struct event_genesis *genesis);

/*
 * What may happen to an account: see the drawing in apply_event.c.
 * account_moves_to: the state that event @kind leads to, or 0.
 */
uint8_t account_moves_to(uint8_t state, uint8_t kind);

#endif
