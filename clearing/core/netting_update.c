/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Exact labels: a search back from the deficits, ordered by how much a label
 * would rise.  Labels are valid before, so no rise is below the one that is
 * at work, and each node is settled once.
 */
#include <string.h>

#include "core/netting_private.h"

#define SPARSE_SHIFT 7 /* fewer than nodes / 128: a list, else the bitmap */
#define AHEAD_NODE 4
#define AHEAD_ENTRIES 2

/* ---- the queue of buckets */

static uint32_t bits_for(uint64_t count)
{
	uint32_t bits = 1;

	while ((UINT64_C(1) << bits) < count)
		bits++;
	return bits;
}

void queue_take(struct network_queue *queue, struct netting_memory *memory,
		uint32_t node_count)
{
	/* After a refill there are at most node_count of each. */
	queue->bucket_max = node_count + node_count / 4 + 64;
	queue->waiting_max = 2 * node_count + 64;
	queue->slot_bits = bits_for(2 * (uint64_t)queue->bucket_max);
	queue->buckets = netting_take(memory, queue->bucket_max,
				      sizeof(struct network_bucket));
	queue->waiting = netting_take(memory, queue->waiting_max,
				      sizeof(struct network_waiting));
	queue->heap = netting_take(memory, queue->bucket_max, sizeof(uint32_t));
	queue->slots = netting_take(memory, UINT64_C(1) << queue->slot_bits,
				    sizeof(uint32_t));
}

static void queue_clear(struct network_queue *queue)
{
	queue->bucket_count = 0;
	queue->waiting_count = 0;
	queue->heap_count = 0;
	memset(queue->slots, 0, sizeof(uint32_t) << queue->slot_bits);
}

static bool queue_is_full(const struct network_queue *queue)
{
	return queue->bucket_count == queue->bucket_max ||
	       queue->waiting_count == queue->waiting_max;
}

static void heap_add(struct network_queue *queue, uint32_t bucket)
{
	int64_t increase = queue->buckets[bucket].increase;
	uint32_t at = queue->heap_count++;

	while (at > 0) {
		uint32_t above = queue->heap[(at - 1) / 2];

		if (queue->buckets[above].increase <= increase)
			break;
		queue->heap[at] = above;
		at = (at - 1) / 2;
	}
	queue->heap[at] = bucket;
}

static uint32_t heap_take(struct network_queue *queue)
{
	uint32_t top = queue->heap[0];
	uint32_t last = queue->heap[--queue->heap_count];
	int64_t increase = queue->buckets[last].increase;
	uint32_t at = 0, below = 1;

	while (below < queue->heap_count) {
		if (below + 1 < queue->heap_count &&
		    queue->buckets[queue->heap[below + 1]].increase <
			    queue->buckets[queue->heap[below]].increase)
			below++;
		if (queue->buckets[queue->heap[below]].increase >= increase)
			break;
		queue->heap[at] = queue->heap[below];
		at = below;
		below = 2 * at + 1;
	}
	queue->heap[at] = last;
	return top;
}

static struct network_bucket *queue_bucket(struct network_queue *queue,
					   int64_t increase)
{
	uint64_t hash = (uint64_t)increase * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t mask = (UINT32_C(1) << queue->slot_bits) - 1;
	uint32_t slot = (uint32_t)(hash >> (64 - queue->slot_bits));

	while (queue->slots[slot] != 0) {
		struct network_bucket *bucket =
			&queue->buckets[queue->slots[slot] - 1];

		if (bucket->increase == increase)
			return bucket;
		slot = (slot + 1) & mask;
	}
	queue->buckets[queue->bucket_count] =
		(struct network_bucket){ .increase = increase };
	heap_add(queue, queue->bucket_count);
	queue->slots[slot] = ++queue->bucket_count;
	return &queue->buckets[queue->bucket_count - 1];
}

static void queue_add(struct network_queue *queue, int64_t increase,
		      uint32_t node)
{
	struct network_bucket *bucket = queue_bucket(queue, increase);

	queue->waiting[queue->waiting_count] =
		(struct network_waiting){ node, bucket->chain };
	bucket->chain = ++queue->waiting_count;
	bucket->count++;
}

/* ---- the search */

/* The bucket at work. */
struct front {
	int64_t increase;
	int64_t need;	  /* excess that no settled node has */
	uint32_t pending; /* bits of the frontier, or places of the list */
	uint32_t listed;  /* places of the list that are filled */
	bool sparse;	  /* the list, not the frontier */
};

static void front_add(struct network *network, struct front *front,
		      uint32_t node)
{
	front->pending++;
	if (front->sparse)
		network->list[front->listed++] = node;
	else
		bit_set(network->frontier, node);
}

/* What is out of date stays behind; what is not waits once. */
static void queue_refill(struct network *network, const struct front *front)
{
	queue_clear(&network->queue);
	for (uint32_t v = 0; v < network->node_count; v++) {
		int64_t increase = network->next_labels[v] - network->labels[v];

		if (network->next_labels[v] < LABEL_FAR &&
		    increase > front->increase)
			queue_add(&network->queue, increase, v);
	}
}

/* @node can reach a deficit by @label, over a neighbour that was settled. */
static void offer(struct network *network, struct front *front, uint32_t node,
		  int64_t label)
{
	int64_t increase = label - network->labels[node];

	if (increase < front->increase) {
		increase = front->increase;
		label = network->labels[node] + increase;
	}
	if (label >= network->next_labels[node])
		return;
	network->next_labels[node] = label;
	if (increase == front->increase) {
		front_add(network, front, node);
		return;
	}
	if (queue_is_full(&network->queue))
		queue_refill(network, front); /* finds @node too */
	else
		queue_add(&network->queue, increase, node);
}

static void settle(struct network *network, struct front *front, uint32_t node)
{
	uint32_t found[NETTING_SEARCH_MAX];
	uint32_t at = network->nodes[node].first;
	uint32_t end = network->nodes[node + 1].first;
	const int64_t *next_labels = network->next_labels;
	const int64_t *length = network->length_back;
	int64_t label = next_labels[node];

	if (network->nodes[node].excess > 0)
		front->need -= network->nodes[node].excess;
	network->progress.work += end - at;
	while (at < end) {
		uint32_t upto = end - at > NETTING_SEARCH_MAX
					? at + NETTING_SEARCH_MAX
					: end;
		uint32_t count = 0;

		/* Without a branch: most entries are of no use. */
		for (; at < upto; at++) {
			uint32_t entry = network->to[at];

			found[count] = entry;
			count += label + length[entry_kind(entry)] <
				 next_labels[entry_node(entry)];
		}
		for (uint32_t i = 0; i < count; i++)
			offer(network, front, entry_node(found[i]),
			      label + length[entry_kind(found[i])]);
	}
}

static void settle_word(struct network *network, struct front *front,
			uint32_t word)
{
	while (network->frontier[word] != 0) {
		uint64_t bits = network->frontier[word];

		network->frontier[word] = 0;
		for (; bits != 0; bits &= bits - 1) {
			uint32_t node =
				word * 64 + (uint32_t)__builtin_ctzll(bits);

			front->pending--;
			settle(network, front, node);
		}
	}
}

static void list_frontier(struct network *network, struct front *front)
{
	uint32_t words = network->node_count / 64 + 1;

	front->sparse = true;
	front->listed = 0;
	for (uint32_t word = 0; word < words && front->pending > front->listed;
	     word++) {
		uint64_t bits = network->frontier[word];

		network->frontier[word] = 0;
		for (; bits != 0; bits &= bits - 1)
			network->list[front->listed++] =
				word * 64 + (uint32_t)__builtin_ctzll(bits);
	}
}

static void settle_list(struct network *network, struct front *front)
{
	for (uint32_t at = 0; at < front->listed; at++) {
		if (at + AHEAD_NODE < front->listed)
			__builtin_prefetch(
				&network->nodes[network->list[at +
							      AHEAD_NODE]]);
		if (at + AHEAD_ENTRIES < front->listed) {
			uint32_t soon = network->list[at + AHEAD_ENTRIES];

			__builtin_prefetch(
				&network->to[network->nodes[soon].first]);
		}
		front->pending--;
		settle(network, front, network->list[at]);
	}
}

/* In the order of indexes while there are many, for the cache's sake. */
static void settle_front(struct network *network, struct front *front)
{
	uint32_t words = network->node_count / 64 + 1;
	uint32_t sparse = network->node_count >> SPARSE_SHIFT;

	while (!front->sparse && front->pending > 0) {
		for (uint32_t word = 0; word < words; word++)
			settle_word(network, front, word);
		if (front->pending <= sparse)
			list_frontier(network, front);
	}
	if (front->sparse)
		settle_list(network, front);
}

/* The next bucket becomes the front; false when there is none. */
static bool front_next(struct network *network, struct front *front)
{
	struct network_queue *queue = &network->queue;
	const struct network_bucket *bucket;

	if (queue->heap_count == 0)
		return false;
	bucket = &queue->buckets[heap_take(queue)];
	front->increase = bucket->increase;
	front->sparse = bucket->count <= network->node_count >> SPARSE_SHIFT;
	front->listed = 0;
	front->pending = 0;
	for (uint32_t at = bucket->chain; at != 0;) {
		const struct network_waiting *waiting = &queue->waiting[at - 1];
		uint32_t node = waiting->node;

		if (network->next_labels[node] - network->labels[node] ==
		    front->increase)
			front_add(network, front, node);
		at = waiting->next;
	}
	return true;
}

/* Deficits keep their labels; all others are far until they are reached. */
static uint32_t begin(struct network *network, struct front *front)
{
	uint32_t count = 0;

	*front = (struct front){ 0 };
	queue_clear(&network->queue);
	memset(network->busy, 0,
	       (network->node_count / 64 + 1) * sizeof(uint64_t));
	for (uint32_t v = 0; v < network->node_count; v++) {
		int64_t excess = network->nodes[v].excess;

		network->next_labels[v] = LABEL_FAR;
		if (excess < 0) {
			network->next_labels[v] = network->labels[v];
			front_add(network, front, v);
		} else if (excess > 0) {
			front->need += excess;
			bit_set(network->busy, network->component[v]);
			count++;
		}
	}
	return count;
}

/*
 * Nodes that were not reached may rise as far as the last that were.  Those of
 * components that are done stay, else they would rise for ever.
 */
static void lift(struct network *network, int64_t increase)
{
	for (uint32_t v = 0; v < network->node_count; v++) {
		int64_t label = network->labels[v] + increase;

		if (!bit_get(network->busy, network->component[v]))
			continue;
		if (network->next_labels[v] < label)
			label = network->next_labels[v];
		if (label != network->labels[v]) {
			check(label < LABEL_FAR);
			network->labels[v] = label;
			network->nodes[v].current = network->nodes[v].first;
		}
	}
}

uint32_t network_update(struct network *network)
{
	struct front front;
	uint32_t count = begin(network, &front);
	bool found = true;

	network->progress.open = front.need;
	/* Excess and deficits sum to zero. */
	check((count == 0) == (front.pending == 0));
	if (count == 0)
		return 0;
	network->progress.updates++;
	network->progress.work += network->node_count;
	settle_front(network, &front);
	while (front.need > 0 && (found = front_next(network, &front)))
		settle_front(network, &front);
	/* r = amount is a flow, so each excess can reach a deficit. */
	check(found);
	lift(network, front.increase);
	return count;
}
