/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * heap: open holds by expiry, soonest first; ties by entry number, so that
 * every replay expires them in the same order.  Part of the ledger.
 */
#ifndef CLEARING_CORE_HEAP_H
#define CLEARING_CORE_HEAP_H

#include "core/ledger.h"

/* heap_insert: put the hold in @slot, at ledger->hold_count, into the heap. */
void heap_insert(struct ledger *ledger, uint32_t slot);

/* heap_remove: take the hold in @slot out; the last one fills its place. */
void heap_remove(struct ledger *ledger, uint32_t slot);

#endif
