/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Pushing and relabelling, and guard 1: waves.  Rounds move excess one hop at
 * a time; where the way is long, a wave from the highest label down merges all
 * flow on the way.
 */
#include "core/netting_private.h"

void network_push(struct network *network, uint32_t from, uint32_t entry,
		  int64_t amount)
{
	struct network_arc *arc = &network->arcs[entry];
	struct network_arc *back = &network->arcs[arc->partner];
	uint32_t node = entry_node(network->to[entry]);

	if (back->left == 0) {
		network->to[entry] |= ENTRY_IN;
		network->to[arc->partner] |= ENTRY_OUT;
	}
	arc->left -= amount;
	back->left += amount;
	if (arc->left == 0) {
		network->to[entry] &= ~ENTRY_OUT;
		network->to[arc->partner] &= ~ENTRY_IN;
	}
	network->nodes[from].excess -= amount;
	network->nodes[node].excess += amount;
}

void network_relabel(struct network *network, uint32_t node)
{
	uint32_t first = network->nodes[node].first;
	uint32_t end = network->nodes[node + 1].first;
	int64_t least = LABEL_FAR;

	for (uint32_t at = first; at < end; at++) {
		uint32_t entry = network->to[at];
		int64_t label = network->labels[entry_node(entry)] +
				network->length[entry_kind(entry)];

		if (label < least)
			least = label;
	}
	/* What came in can go back. */
	check(least < LABEL_FAR && least > network->labels[node]);
	network->labels[node] = least;
	network->nodes[node].current = first;
	network->progress.work += 2 * (uint64_t)(end - first) + 4;
}

uint32_t network_list_active(struct network *network)
{
	uint32_t words = network->node_count / 64 + 1, count = 0;

	for (uint32_t word = 0; word < words; word++) {
		uint64_t bits = network->active[word];

		network->active[word] = 0;
		for (; bits != 0; bits &= bits - 1) {
			uint32_t node =
				word * 64 + (uint32_t)__builtin_ctzll(bits);

			if (network->nodes[node].excess > 0)
				network->list[count++] = node;
		}
	}
	return count;
}

/* ---- a heap of nodes by label, highest first, ties by index */

static bool goes_before(const struct network *network, uint32_t a, uint32_t b)
{
	if (network->labels[a] != network->labels[b])
		return network->labels[a] > network->labels[b];
	return a < b;
}

static void heap_add(struct network *network, uint32_t *count, uint32_t node)
{
	uint32_t *heap = network->list;
	uint32_t at = (*count)++;

	while (at > 0 && goes_before(network, node, heap[(at - 1) / 2])) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = node;
	bit_set(network->frontier, node);
}

static uint32_t heap_take(struct network *network, uint32_t *count)
{
	uint32_t *heap = network->list;
	uint32_t top = heap[0], last = heap[--*count];
	uint32_t at = 0, below = 1;

	while (below < *count) {
		if (below + 1 < *count &&
		    goes_before(network, heap[below + 1], heap[below]))
			below++;
		if (!goes_before(network, heap[below], last))
			break;
		heap[at] = heap[below];
		at = below;
		below = 2 * at + 1;
	}
	heap[at] = last;
	bit_clear(network->frontier, top);
	return top;
}

/* ---- one wave */

/* Over all arcs that the labels allow; labels stay until the node is done. */
static void send(struct network *network, uint32_t *count, uint32_t node)
{
	struct network_node *self = &network->nodes[node];
	uint32_t end = network->nodes[node + 1].first;
	int64_t label = network->labels[node];

	for (; self->current < end; self->current++) {
		uint32_t entry = network->to[self->current];
		uint32_t other = entry_node(entry);
		int64_t amount;

		if (network->labels[other] +
			    network->length[entry_kind(entry)] >
		    label)
			continue;
		amount = network->arcs[self->current].left;
		if (amount > self->excess)
			amount = self->excess;
		network_push(network, node, self->current, amount);
		network->progress.work += 2;
		if (network->nodes[other].excess > 0 &&
		    !bit_get(network->frontier, other) &&
		    !bit_get(network->active, other))
			heap_add(network, count, other);
		if (self->excess == 0)
			return;
	}
}

/*
 * The active become the heap.  A node that has excess left is relabelled and
 * active again, for the next wave.
 */
static uint32_t begin(struct network *network)
{
	uint32_t active = network_list_active(network), count = 0;

	/* In place: the heap grows over what was read of the list. */
	while (count < active)
		heap_add(network, &count, network->list[count]);
	return count;
}

void network_wave(struct network *network, uint64_t work_end)
{
	uint32_t count = begin(network);

	while (count > 0 && network_goes_on(network)) {
		while (count > 0) {
			uint32_t node = heap_take(network, &count);

			send(network, &count, node);
			if (network->nodes[node].excess == 0)
				continue;
			network_relabel(network, node);
			bit_set(network->active, node);
		}
		if (network->progress.work >= work_end)
			return;
		count = begin(network);
	}
}
