/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/heap.h"

static bool before(const struct ledger *ledger, uint32_t a, uint32_t b)
{
	const struct hold *x = &ledger->holds[a];
	const struct hold *y = &ledger->holds[b];

	if (x->expires_at_us != y->expires_at_us)
		return x->expires_at_us < y->expires_at_us;
	return x->number < y->number;
}

static void put(struct ledger *ledger, uint32_t at, uint32_t slot)
{
	ledger->heap[at] = slot;
	ledger->holds[slot].heap_at = at;
}

static void rise(struct ledger *ledger, uint32_t at, uint32_t slot)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 2;

		if (!before(ledger, slot, ledger->heap[parent]))
			break;
		put(ledger, at, ledger->heap[parent]);
		at = parent;
	}
	put(ledger, at, slot);
}

static void sink(struct ledger *ledger, uint32_t at, uint32_t slot)
{
	uint32_t count = ledger->hold_count;

	while (2 * at + 1 < count) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < count && before(ledger, ledger->heap[child + 1],
						ledger->heap[child]))
			child++;
		if (!before(ledger, ledger->heap[child], slot))
			break;
		put(ledger, at, ledger->heap[child]);
		at = child;
	}
	put(ledger, at, slot);
}

void heap_insert(struct ledger *ledger, uint32_t slot)
{
	check(ledger->hold_count < ledger->options.holds_max);
	ledger->hold_count++;
	rise(ledger, ledger->hold_count - 1, slot);
}

void heap_remove(struct ledger *ledger, uint32_t slot)
{
	uint32_t at = ledger->holds[slot].heap_at;
	uint32_t last;

	check(ledger->hold_count > 0 && ledger->heap[at] == slot);
	last = ledger->heap[--ledger->hold_count];
	if (last == slot)
		return;
	sink(ledger, at, last);
	rise(ledger, ledger->holds[last].heap_at, last);
}
