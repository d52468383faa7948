/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/netting.h"

#include "core/netting_private.h"

const char *netting_result_sentence(enum netting_result result)
{
	switch (result) {
	case NETTING_OK:
		return "solved";
	case NETTING_TOO_MANY:
		return "there are too many nodes or obligations";
	case NETTING_NODE_UNKNOWN:
		return "a node is not below the number of nodes";
	case NETTING_AMOUNT_NOT_POSITIVE:
		return "an amount is not above zero";
	case NETTING_TOTAL_TOO_LARGE:
		return "the amounts together are more than 2^62";
	case NETTING_CANCELLED:
		return "it was cancelled";
	case NETTING_WORK_LIMIT:
		return "it takes more work than was allowed";
	}
	return "an unknown result";
}

enum netting_result netting_check_input(const struct netting_input *input,
					uint32_t *fault)
{
	int64_t left = NETTING_TOTAL_MAX;

	if (input->node_count > NETTING_NODES_MAX ||
	    input->obligation_count > NETTING_OBLIGATIONS_MAX)
		return NETTING_TOO_MANY;
	for (uint32_t i = 0; i < input->obligation_count; i++) {
		const struct netting_obligation *obligation =
			&input->obligations[i];
		enum netting_result result = NETTING_OK;

		if (obligation->debtor >= input->node_count ||
		    obligation->creditor >= input->node_count)
			result = NETTING_NODE_UNKNOWN;
		else if (obligation->amount <= 0)
			result = NETTING_AMOUNT_NOT_POSITIVE;
		else if (obligation->amount > left)
			result = NETTING_TOTAL_TOO_LARGE;
		if (result != NETTING_OK) {
			*fault = i;
			return result;
		}
		left -= obligation->amount;
	}
	return NETTING_OK;
}

/* ---- memory */

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* What the components, the network and the joining take, one after another. */
static size_t work_size(uint32_t node_count, uint32_t arc_count)
{
	struct netting_memory components = { 0 }, graph = { 0 },
			      joining = { 0 };
	struct network network;

	plan_components_take(&components, node_count, arc_count);
	network_take(&network, &graph, node_count, arc_count);
	prices_join_take(&joining, node_count);
	return larger(larger(components.used, graph.used), joining.used);
}

size_t netting_memory_size(uint32_t node_count, uint32_t obligation_count)
{
	struct netting_memory memory = { 0 }, greedy = { 0 };

	check(node_count <= NETTING_NODES_MAX &&
	      obligation_count <= NETTING_OBLIGATIONS_MAX);
	(void)netting_take(&memory, node_count, sizeof(uint32_t));
	netting_greedy_take(&greedy, node_count, obligation_count);
	return larger(memory.used + work_size(node_count, obligation_count),
		      greedy.used);
}

static uint32_t draw_arc_count(uint32_t node_count, uint32_t obligation_count)
{
	return obligation_count + 3 * node_count;
}

size_t netting_draw_memory_size(uint32_t node_count, uint32_t obligation_count)
{
	struct netting_memory memory = { 0 };

	check(node_count <= NETTING_NODES_MAX &&
	      obligation_count <= NETTING_OBLIGATIONS_MAX);
	(void)netting_take(&memory, node_count + 1, sizeof(uint32_t));
	for (uint32_t i = 0; i < 3; i++)
		(void)netting_take(&memory, node_count, sizeof(int64_t));
	(void)netting_take(&memory, node_count + 1, sizeof(int64_t));
	return memory.used +
	       work_size(node_count + 1,
			 draw_arc_count(node_count, obligation_count));
}

/* ---- both stages */

/*
 * Solve @plan, whose component[] is taken of @memory already.
 *
 * @potentials  as many as the plan has nodes.
 */
static enum netting_result solve_plan(struct plan *plan,
				      const struct netting_options *options,
				      struct netting_memory memory,
				      int64_t *potentials,
				      struct netting_solution *solution)
{
	struct netting_memory rest = memory;
	struct network network = { .options = options };
	enum netting_result result;
	int64_t cleared;

	plan_components(plan, memory);
	network_take(&network, &rest, plan->node_count, plan->arc_count);
	network_build(&network, plan);
	if (network_wants_turning(&network)) {
		plan->turned = true;
		network_build(&network, plan);
	}
	for (uint32_t v = 0; v < plan->node_count; v++) {
		if (network.nodes[v].excess > 0)
			network.progress.open_first += network.nodes[v].excess;
	}
	result = network_solve(&network, potentials);
	if (result != NETTING_OK)
		return result;
	cleared = network_read(&network, plan, solution->set_off);
	/* What was down is up. */
	for (uint32_t v = 0; plan->turned && v < plan->node_count; v++)
		potentials[v] = -potentials[v];
	prices_join(plan, potentials, memory);
	solution->cleared = cleared;
	solution->credit = 0;
	solution->work = network.progress.work;
	solution->updates = network.progress.updates;
	solution->restarts = network.restarts;
	return NETTING_OK;
}

enum netting_result netting_solve(const struct netting_input *input,
				  const struct netting_options *options,
				  void *memory,
				  struct netting_solution *solution)
{
	struct netting_memory rest = { memory, 0 };
	struct plan plan = { .input = input,
			     .node_count = input->node_count,
			     .arc_count = input->obligation_count,
			     .obligation_cost = 1 };
	enum netting_result result;
	uint32_t fault;

	check(netting_check_input(input, &fault) == NETTING_OK);
	check(memory != NULL && (uintptr_t)memory % 64 == 0);
	plan.component =
		netting_take(&rest, input->node_count, sizeof(uint32_t));
	result = solve_plan(&plan, options, rest, solution->potentials,
			    solution);
	if (result != NETTING_OK)
		solution->cleared =
			netting_greedy(input, solution->set_off,
				       (struct netting_memory){ memory, 0 });
	return result;
}

/* ---- the second stage */

static int64_t at_most(int64_t amount, int64_t limit)
{
	if (amount < 0)
		amount = 0;
	return amount < limit ? amount : limit;
}

/*
 * What each account may do, cut to what its obligations can use, so that no
 * sum leaves 64 bits.
 */
static void cut_accounts(struct plan *plan, const struct netting_pool *pool)
{
	const struct netting_input *input = plan->input;

	for (uint32_t v = 0; v < input->node_count; v++)
		plan->own[v] = plan->room[v] = 0;
	for (uint32_t i = 0; i < input->obligation_count; i++) {
		struct plan_arc arc = plan_arc(plan, i);

		plan->own[arc.from] += arc.capacity;
		plan->room[arc.to] += arc.capacity;
	}
	for (uint32_t v = 0; v < input->node_count; v++) {
		const struct netting_account *account = &pool->accounts[v];
		int64_t open = plan->own[v];

		plan->own[v] = at_most(account->own, open);
		plan->credit[v] = at_most(account->credit, open - plan->own[v]);
		plan->room[v] = at_most(account->room, plan->room[v]);
	}
}

/* What the nodes pay more than they get and own, summed; uses .room. */
static int64_t credit_drawn(struct plan *plan, const int64_t *paid)
{
	const struct netting_input *input = plan->input;
	int64_t *net = plan->room, sum = 0;

	for (uint32_t v = 0; v < input->node_count; v++)
		net[v] = 0;
	for (uint32_t i = 0; i < input->obligation_count; i++) {
		net[input->obligations[i].debtor] += paid[i];
		net[input->obligations[i].creditor] -= paid[i];
	}
	for (uint32_t v = 0; v < input->node_count; v++)
		sum += net[v] > plan->own[v] ? net[v] - plan->own[v] : 0;
	return sum;
}

enum netting_result netting_draw(const struct netting_input *input,
				 const struct netting_pool *pool,
				 const struct netting_options *options,
				 void *memory,
				 struct netting_solution *solution)
{
	struct netting_memory rest = { memory, 0 };
	uint32_t node_count = input->node_count, fault;
	struct plan plan = { .input = input,
			     .before = pool->set_off,
			     .node_count = node_count + 1,
			     .arc_count = draw_arc_count(
				     node_count, input->obligation_count),
			     .obligation_cost = 2 };
	enum netting_result result;
	int64_t *potentials;

	check(netting_check_input(input, &fault) == NETTING_OK);
	check(memory != NULL && (uintptr_t)memory % 64 == 0);
	check(pool->set_off != solution->set_off);
	plan.component = netting_take(&rest, node_count + 1, sizeof(uint32_t));
	plan.own = netting_take(&rest, node_count, sizeof(int64_t));
	plan.credit = netting_take(&rest, node_count, sizeof(int64_t));
	plan.room = netting_take(&rest, node_count, sizeof(int64_t));
	potentials = netting_take(&rest, node_count + 1, sizeof(int64_t));
	cut_accounts(&plan, pool);
	result = solve_plan(&plan, options, rest, potentials, solution);
	if (result != NETTING_OK)
		return result;
	for (uint32_t v = 0; v < node_count; v++)
		solution->potentials[v] = potentials[v];
	solution->credit = credit_drawn(&plan, solution->set_off);
	return NETTING_OK;
}
