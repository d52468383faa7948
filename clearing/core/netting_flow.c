/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The main loop: exact labels, then rounds over all nodes with excess, first
 * in first out, until the labels have grown stale; and guard 2, the restart
 * at a finite scale.
 */
#include <string.h>

#include "core/netting_private.h"

#define AHEAD_NODE 8
#define AHEAD_ENTRY 4
#define TELL_WORK (UINT64_C(1) << 18) /* a millisecond or a few */
#define SCALE_FIRST 16
#define SCALE_STEP 16
#define CLOSE_PASSES 20

bool network_goes_on(struct network *network)
{
	const struct netting_options *options = network->options;

	if (options->work_max > 0 && network->progress.work > options->work_max)
		network->result = NETTING_WORK_LIMIT;
	if (network->result != NETTING_OK)
		return false;
	if (options->on_progress == NULL ||
	    network->progress.work - network->work_told < TELL_WORK)
		return true;
	network->work_told = network->progress.work;
	if (!options->on_progress(options->context, &network->progress))
		network->result = NETTING_CANCELLED;
	return network->result == NETTING_OK;
}

/* Pushes until @node has no excess.  Returns how many pushes that took. */
static uint32_t discharge(struct network *network, uint32_t node)
{
	struct network_node *self = &network->nodes[node];
	uint32_t end = network->nodes[node + 1].first;
	int64_t label = network->labels[node];
	uint32_t pushes = 0;

	while (self->excess > 0) {
		uint32_t entry, other;
		int64_t amount;

		if (self->current == end) {
			network_relabel(network, node);
			label = network->labels[node];
		}
		entry = network->to[self->current];
		other = entry_node(entry);
		if (network->labels[other] +
			    network->length[entry_kind(entry)] >
		    label) {
			self->current++;
			continue;
		}
		amount = network->arcs[self->current].left;
		if (amount > self->excess)
			amount = self->excess;
		network_push(network, node, self->current, amount);
		pushes++;
		if (network->nodes[other].excess > 0)
			bit_set(network->active, other);
		if (self->excess > 0)
			self->current++;
	}
	return pushes;
}

static uint64_t discharge_list(struct network *network, uint32_t count)
{
	const uint32_t *list = network->list;
	uint64_t pushes = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i + AHEAD_NODE < count)
			__builtin_prefetch(
				&network->nodes[list[i + AHEAD_NODE]]);
		if (i + AHEAD_ENTRY < count)
			__builtin_prefetch(
				&network->to
					 [network->nodes[list[i + AHEAD_ENTRY]]
						  .current]);
		pushes += discharge(network, list[i]);
	}
	return pushes;
}

static void activate(struct network *network)
{
	memset(network->active, 0,
	       (network->node_count / 64 + 1) * sizeof(uint64_t));
	for (uint32_t v = 0; v < network->node_count; v++) {
		if (network->nodes[v].excess > 0)
			bit_set(network->active, v);
	}
}

/*
 * How much relabelling until the next update: half of what an update costs,
 * less when few nodes have excess.
 */
static uint64_t work_between(const struct network *network, uint32_t active)
{
	uint64_t nodes = network->node_count, share = 64 * (uint64_t)active;
	uint64_t whole = network->entry_count + 4 * nodes;

	if (share > nodes)
		share = nodes;
	if (share < nodes / 4)
		share = nodes / 4;
	return (uint64_t)((unsigned __int128)whole * share / (2 * nodes)) + 1;
}

/* Excess moves on until the labels are stale or all of it has arrived. */
static void move(struct network *network, uint32_t active)
{
	uint64_t work_end =
		network->progress.work + work_between(network, active);
	int64_t budget = (int64_t)network->entry_count +
			 4 * (int64_t)network->node_count;
	uint32_t count;

	activate(network);
	while (network->progress.work < work_end && network_goes_on(network)) {
		if (budget <= 0) {
			network_wave(network, work_end);
			return;
		}
		count = network_list_active(network);
		if (count == 0)
			return;
		budget -= (int64_t)discharge_list(network, count) +
			  (network->node_count >> 7) + 1;
	}
}

/*
 * Guard 2: from this flow on with labels of @scale, where a node that has to
 * go a longer way is not pushed to and fro for 2^32 hops.  Arcs that gain by
 * @prices are used up first, so that the labels are valid.
 */
static void restart(struct network *network, const int64_t *prices,
		    int64_t scale)
{
	network->restarts++;
	network_set_scale(network, scale);
	for (uint32_t v = 0; v < network->node_count; v++) {
		network->labels[v] = prices[v] * scale;
		network->nodes[v].current = network->nodes[v].first;
	}
	for (uint32_t v = 0; v < network->node_count; v++) {
		uint32_t end = network->nodes[v + 1].first;

		for (uint32_t at = network->nodes[v].first; at < end; at++) {
			uint32_t entry = network->to[at];

			if ((entry & ENTRY_OUT) != 0 &&
			    entry_cost(entry) + prices[entry_node(entry)] <
				    prices[v])
				network_push(network, v, at,
					     network->arcs[at].left);
		}
	}
}

/*
 * All excess to deficits, at the present scale.  False: it was stopped, or
 * there were more updates than @update_max.
 */
static bool settle_all(struct network *network, uint64_t update_max)
{
	uint64_t updates = 0;
	uint32_t active;

	while ((active = network_update(network)) > 0) {
		if (!network_goes_on(network) || ++updates > update_max)
			return false;
		move(network, active);
		if (network->result != NETTING_OK)
			return false;
	}
	return true;
}

static int64_t price_least(const struct network *network, const int64_t *prices)
{
	int64_t least = INT64_MAX;

	for (uint32_t v = 0; v < network->node_count; v++)
		least = prices[v] < least ? prices[v] : least;
	return least;
}

/* Below a scale of 2^32 there is no limit: above n hops it ends by itself. */
enum netting_result network_solve(struct network *network, int64_t *potentials)
{
	uint64_t update_max = network->options->update_max;
	uint64_t passes = CLOSE_PASSES;
	int64_t scale = SCALE_FIRST, least;

	if (update_max == 0)
		update_max = NETTING_UPDATES_DEFAULT;
	for (;;) {
		bool settled = settle_all(network, update_max);

		if (network->result != NETTING_OK)
			return network->result;
		prices_of_labels(network, potentials);
		if (settled && prices_close(network, potentials, passes))
			return NETTING_OK;
		/* Labels count from 0. */
		least = price_least(network, potentials);
		for (uint32_t v = 0; v < network->node_count; v++)
			potentials[v] -= least;
		restart(network, potentials, scale);
		passes = scale > network->node_count
				 ? (uint64_t)network->node_count + 2
				 : CLOSE_PASSES;
		scale *= SCALE_STEP;
		update_max = UINT64_MAX;
	}
}
