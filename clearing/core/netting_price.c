/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Prices: one whole number a node, such that no residual arc has
 * p(from) > p(to) + cost.  They are what the certificate calls potentials.
 */
#include "core/netting_private.h"

void prices_of_labels(const struct network *network, int64_t *prices)
{
	int64_t scale = network->scale;

	for (uint32_t v = 0; v < network->node_count; v++)
		prices[v] = (network->labels[v] + scale / 2) / scale;
}

/* Lower @node's price to what its arcs allow; was it above? */
static bool lower(const struct network *network, int64_t *prices, uint32_t node)
{
	uint32_t end = network->nodes[node + 1].first;
	int64_t price = prices[node];

	for (uint32_t at = network->nodes[node].first; at < end; at++) {
		uint32_t entry = network->to[at];
		int64_t allowed = prices[entry_node(entry)] + entry_cost(entry);

		if ((entry & ENTRY_OUT) != 0 && allowed < price)
			price = allowed;
	}
	if (price == prices[node])
		return false;
	prices[node] = price;
	return true;
}

bool prices_close(struct network *network, int64_t *prices, uint64_t passes)
{
	bool changed = true;

	for (uint64_t pass = 0; changed && pass < passes; pass++) {
		changed = false;
		for (uint32_t v = 0; v < network->node_count; v++)
			changed |= lower(network, prices, v);
		network->progress.work += network->entry_count;
	}
	return !changed;
}

void prices_join_take(struct netting_memory *memory, uint32_t node_count)
{
	(void)netting_take(memory, node_count, sizeof(int64_t));
	(void)netting_take(memory, node_count, sizeof(int64_t));
}

/*
 * Arcs lead from a component to one with a lower number.  With all prices of
 * the higher above all of the lower by what an obligation costs, none of them
 * has anything to set off.
 */
void prices_join(const struct plan *plan, int64_t *prices,
		 struct netting_memory memory)
{
	uint32_t count = plan->component_count;
	int64_t *least = netting_take(&memory, count, sizeof(int64_t));
	int64_t *most = netting_take(&memory, count, sizeof(int64_t));
	int64_t next = 0, zero = 0;

	for (uint32_t i = 0; i < count; i++) {
		least[i] = INT64_MAX;
		most[i] = INT64_MIN;
	}
	for (uint32_t v = 0; v < plan->node_count; v++) {
		uint32_t i = plan->component[v];

		least[i] = prices[v] < least[i] ? prices[v] : least[i];
		most[i] = prices[v] > most[i] ? prices[v] : most[i];
	}
	for (uint32_t i = 0; i < count; i++) {
		int64_t height = most[i] - least[i];

		most[i] = next - least[i]; /* the shift */
		next += height + plan->obligation_cost;
	}
	if (plan->own != NULL)
		zero = prices[plan->node_count - 1] +
		       most[plan->component[plan->node_count - 1]];
	for (uint32_t v = 0; v < plan->node_count; v++)
		prices[v] += most[plan->component[v]] - zero;
}
