/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* From obligations to a network: arcs, strong components, arrays. */
#include <string.h>

#include "core/netting_private.h"

#define AHEAD 12 /* arcs: their nodes are asked for that early */
#define ALIGNMENT 64
#define TURN_RATIO 8 /* deficits a node with excess */

void *netting_take(struct netting_memory *memory, uint64_t count, size_t size)
{
	size_t at = memory->used;

	memory->used +=
		(count * size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	return memory->base == NULL ? NULL : memory->base + at;
}

/* ---- the plan */

/* Three arcs for each account: own, credit, room. */
static struct plan_arc pool_arc(const struct plan *plan, uint32_t index)
{
	uint32_t node = index / 3, pool = plan->node_count - 1;

	switch (index % 3) {
	case 0:
		return (struct plan_arc){ node, pool, plan->own[node], 0 };
	case 1:
		return (struct plan_arc){ node, pool, plan->credit[node], 1 };
	}
	return (struct plan_arc){ pool, node, plan->room[node], 0 };
}

/* What the first stage took of obligation @index. */
static int64_t before_of(const struct plan *plan, uint32_t index)
{
	return plan->before == NULL ? 0 : plan->before[index];
}

static struct plan_arc straight_arc(const struct plan *plan, uint32_t index)
{
	const struct netting_obligation *obligation;
	int64_t open;

	check(index < plan->arc_count);
	if (index >= plan->input->obligation_count)
		return pool_arc(plan, index - plan->input->obligation_count);
	obligation = &plan->input->obligations[index];
	open = obligation->amount - before_of(plan, index);
	/* One to oneself is set off whole, and no arc. */
	if (obligation->debtor == obligation->creditor)
		open = 0;
	return (struct plan_arc){ obligation->debtor, obligation->creditor,
				  open, plan->obligation_cost };
}

struct plan_arc plan_arc(const struct plan *plan, uint32_t index)
{
	struct plan_arc arc = straight_arc(plan, index);
	uint32_t from = arc.from;

	if (plan->turned) {
		arc.from = arc.to;
		arc.to = from;
	}
	return arc;
}

/* The arc as a set-off goes over it. */
static struct plan_arc plan_loop_arc(const struct plan *plan, uint32_t index)
{
	struct plan_arc arc = straight_arc(plan, index);
	uint32_t from = arc.from;

	if (index >= plan->input->obligation_count) {
		arc.from = arc.to;
		arc.to = from;
	}
	return arc;
}

/* ---- strong components (Tarjan's, without recursion) */

struct search {
	const struct plan *plan;
	uint32_t *first, *heads; /* arcs by node */
	uint32_t *order;	 /* when a node was first seen, from 1 */
	uint32_t *low;		 /* the earliest that can be reached */
	uint32_t *path;		 /* nodes under way */
	uint32_t *open;		 /* seen, in no component yet */
	uint32_t path_count, open_count, seen;
};

static void search_take(struct search *search, struct netting_memory *memory,
			uint32_t node_count, uint32_t arc_count)
{
	search->first = netting_take(memory, node_count + 1, sizeof(uint32_t));
	search->heads = netting_take(memory, arc_count, sizeof(uint32_t));
	search->order = netting_take(memory, node_count, sizeof(uint32_t));
	search->low = netting_take(memory, node_count, sizeof(uint32_t));
	search->path = netting_take(memory, node_count, sizeof(uint32_t));
	search->open = netting_take(memory, node_count, sizeof(uint32_t));
}

static void search_fill(struct search *search)
{
	const struct plan *plan = search->plan;
	uint32_t *first = search->first;
	uint32_t sum = 0;

	memset(first, 0, (plan->node_count + 1) * sizeof(first[0]));
	for (uint32_t i = 0; i < plan->arc_count; i++) {
		struct plan_arc arc = plan_loop_arc(plan, i);

		first[arc.from] += arc.capacity > 0;
	}
	/* first[v] becomes the end of v's, and falls to its begin. */
	for (uint32_t v = 0; v <= plan->node_count; v++) {
		sum += first[v];
		first[v] = sum;
	}
	for (uint32_t i = plan->arc_count; i-- > 0;) {
		struct plan_arc arc = plan_loop_arc(plan, i);

		if (arc.capacity > 0)
			search->heads[--first[arc.from]] = arc.to;
	}
}

static void enter(struct search *search, uint32_t node)
{
	search->order[node] = search->low[node] = ++search->seen;
	search->path[search->path_count++] = node;
	search->open[search->open_count++] = node;
}

/* All of @node's arcs were followed. */
static void leave(struct search *search, struct plan *plan, uint32_t node)
{
	uint32_t member;

	search->path_count--;
	if (search->path_count > 0) {
		uint32_t above = search->path[search->path_count - 1];

		if (search->low[node] < search->low[above])
			search->low[above] = search->low[node];
	}
	if (search->low[node] != search->order[node])
		return;
	do {
		member = search->open[--search->open_count];
		plan->component[member] = plan->component_count;
		search->low[member] = UINT32_MAX; /* in no path any more */
	} while (member != node);
	plan->component_count++;
}

/*
 * One node and all that can be reached from it.  first[v] goes up as v's arcs
 * are followed; they end where component[] of the search's start says, which
 * is not set before v is left.
 */
static void search_from(struct search *search, struct plan *plan, uint32_t root)
{
	uint32_t *end = plan->component;

	enter(search, root);
	while (search->path_count > 0) {
		uint32_t node = search->path[search->path_count - 1], head;

		if (search->first[node] == end[node]) {
			leave(search, plan, node);
			continue;
		}
		head = search->heads[search->first[node]++];
		if (search->order[head] == 0)
			enter(search, head);
		else if (search->low[head] != UINT32_MAX &&
			 search->order[head] < search->low[node])
			search->low[node] = search->order[head];
	}
}

void plan_components_take(struct netting_memory *memory, uint32_t node_count,
			  uint32_t arc_count)
{
	struct search search;

	search_take(&search, memory, node_count, arc_count);
}

void plan_components(struct plan *plan, struct netting_memory memory)
{
	struct search search = { .plan = plan };

	search_take(&search, &memory, plan->node_count, plan->arc_count);
	search_fill(&search);
	memset(search.order, 0, plan->node_count * sizeof(uint32_t));
	memcpy(plan->component, search.first + 1,
	       plan->node_count * sizeof(uint32_t));
	plan->component_count = 0;
	for (uint32_t v = 0; v < plan->node_count; v++) {
		if (search.order[v] == 0)
			search_from(&search, plan, v);
	}
}

/* ---- the network */

int64_t entry_cost(uint32_t entry)
{
	uint32_t kind = entry_kind(entry) >> ENTRY_COST_SHIFT;
	int64_t cost = kind >> 1;

	return (kind & 1) != 0 ? -cost : cost;
}

void network_set_scale(struct network *network, int64_t scale)
{
	network->scale = scale;
	for (uint32_t kind = 0; kind < ENTRY_KINDS; kind++) {
		int64_t cost = entry_cost(kind) * scale;

		network->length[kind] =
			(kind & ENTRY_OUT) != 0 ? cost + 1 : LABEL_FAR;
		network->length_back[kind] =
			(kind & ENTRY_IN) != 0 ? 1 - cost : LABEL_FAR;
	}
}

void network_take(struct network *network, struct netting_memory *memory,
		  uint32_t node_count, uint32_t arc_count)
{
	uint64_t entries = 2 * (uint64_t)arc_count;
	uint64_t words = (uint64_t)node_count / 64 + 1;

	network->to = netting_take(memory, entries, sizeof(uint32_t));
	network->arcs =
		netting_take(memory, entries, sizeof(struct network_arc));
	network->nodes = netting_take(memory, (uint64_t)node_count + 1,
				      sizeof(struct network_node));
	network->labels = netting_take(memory, node_count, sizeof(int64_t));
	network->next_labels =
		netting_take(memory, node_count, sizeof(int64_t));
	network->active = netting_take(memory, words, sizeof(uint64_t));
	network->frontier = netting_take(memory, words, sizeof(uint64_t));
	network->busy = netting_take(memory, words, sizeof(uint64_t));
	network->list = netting_take(memory, node_count, sizeof(uint32_t));
	queue_take(&network->queue, memory, node_count);
}

static bool is_kept(const struct plan *plan, const struct plan_arc *arc)
{
	return arc->capacity > 0 &&
	       plan->component[arc->from] == plan->component[arc->to];
}

/* labels[v]: how many arcs leave v, next_labels[v]: how many come. */
static void count_arcs(struct network *network, const struct plan *plan)
{
	size_t size = network->node_count * sizeof(int64_t);

	memset(network->labels, 0, size);
	memset(network->next_labels, 0, size);
	for (uint32_t i = 0; i < plan->arc_count; i++) {
		struct plan_arc arc = plan_arc(plan, i);

		if (is_kept(plan, &arc)) {
			network->labels[arc.from]++;
			network->next_labels[arc.to]++;
		}
	}
}

/* The two become the places of the next leaving and coming entry. */
static void place_nodes(struct network *network)
{
	uint32_t at = 0;

	for (uint32_t v = 0; v < network->node_count; v++) {
		uint32_t leaving = (uint32_t)network->labels[v];
		uint32_t coming = (uint32_t)network->next_labels[v];

		network->nodes[v] = (struct network_node){ 0, at, at };
		network->labels[v] = at;
		network->next_labels[v] = at + leaving;
		at += leaving + coming;
	}
	network->nodes[network->node_count] =
		(struct network_node){ 0, at, at };
	network->entry_count = at;
}

static void add_arc(struct network *network, const struct plan_arc *arc)
{
	uint32_t leaving = (uint32_t)network->labels[arc->from]++;
	uint32_t coming = (uint32_t)network->next_labels[arc->to]++;
	uint32_t forward = 2 * arc->cost, back = 2 * arc->cost + 1;

	network->to[leaving] = arc->to << ENTRY_NODE_SHIFT |
			       forward << ENTRY_COST_SHIFT | ENTRY_OUT;
	network->to[coming] = arc->from << ENTRY_NODE_SHIFT |
			      back << ENTRY_COST_SHIFT | ENTRY_IN;
	network->arcs[leaving] = (struct network_arc){ arc->capacity, coming };
	network->arcs[coming] = (struct network_arc){ 0, leaving };
}

static void fill_arcs(struct network *network, const struct plan *plan)
{
	uint32_t obligation_count = plan->input->obligation_count;

	for (uint32_t i = 0; i < plan->arc_count; i++) {
		struct plan_arc arc = plan_arc(plan, i);

		if (i + AHEAD < obligation_count) {
			const struct netting_obligation *soon =
				&plan->input->obligations[i + AHEAD];

			__builtin_prefetch(
				&network->next_labels[soon->creditor], 1);
			__builtin_prefetch(&network->labels[soon->debtor], 1);
		}
		if (!is_kept(plan, &arc))
			continue;
		add_arc(network, &arc);
		if (i < obligation_count) {
			network->nodes[arc.from].excess += arc.capacity;
			network->nodes[arc.to].excess -= arc.capacity;
		}
	}
}

void network_build(struct network *network, const struct plan *plan)
{
	check(plan->node_count <= NETTING_NODES_MAX + 1);
	network->node_count = plan->node_count;
	network->component = plan->component;
	count_arcs(network, plan);
	place_nodes(network);
	fill_arcs(network, plan);
	memset(network->labels, 0, network->node_count * sizeof(int64_t));
	memset(network->frontier, 0,
	       (network->node_count / 64 + 1) * sizeof(uint64_t));
	network_set_scale(network, LABEL_SCALE);
}

bool network_wants_turning(const struct network *network)
{
	uint64_t givers = 0, takers = 0;

	for (uint32_t v = 0; v < network->node_count; v++) {
		givers += network->nodes[v].excess > 0;
		takers += network->nodes[v].excess < 0;
	}
	return takers / TURN_RATIO > givers;
}

int64_t network_read(struct network *network, const struct plan *plan,
		     int64_t *set_off)
{
	int64_t sum = 0;

	for (uint32_t v = 0; v < network->node_count; v++)
		network->nodes[v].current = network->nodes[v].first;
	for (uint32_t i = 0; i < plan->input->obligation_count; i++) {
		const struct netting_obligation *obligation =
			&plan->input->obligations[i];
		struct plan_arc arc = plan_arc(plan, i);

		set_off[i] = 0;
		if (is_kept(plan, &arc))
			set_off[i] = network->arcs[network->nodes[arc.from]
							   .current++]
					     .left;
		else if (obligation->debtor == obligation->creditor)
			set_off[i] = obligation->amount - before_of(plan, i);
		sum += set_off[i];
	}
	return sum;
}
