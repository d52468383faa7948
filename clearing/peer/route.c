/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "peer/route.h"

/* use/line in the cost of a unit of new credit: fixed point. */
#define COST_ONE (INT64_C(1) << 20)

typedef __int128 cost_number;

struct money route_new_credit(const struct route_hop *hop, struct money amount)
{
	struct money rest;

	check(money_compare(amount, MONEY_ZERO) > 0);
	/* What @to owes is used up first. */
	if (money_compare(hop->owed, MONEY_ZERO) >= 0)
		return amount;
	if (!money_add(amount, hop->owed, &rest) ||
	    money_compare(rest, MONEY_ZERO) < 0)
		return MONEY_ZERO;
	return rest;
}

/*
 * What @amount costs on @hop; false when there is no room for it.  A line
 * ends at the debt it allows (rule PEER-38).
 */
static bool hop_cost(const struct route_hop *hop, struct money amount,
		     cost_number *out)
{
	struct money fresh = route_new_credit(hop, amount), use;

	check(hop->from != hop->to);
	if (hop->closed || money_compare(fresh, hop->new_credit_max) > 0 ||
	    !money_add(hop->owed, amount, &use) ||
	    money_compare(use, hop->line) > 0)
		return false;
	*out = 0;
	if (money_compare(fresh, MONEY_ZERO) > 0)
		*out = (cost_number)money_minor(fresh) *
		       (COST_ONE +
			(int64_t)((cost_number)money_minor(use) * COST_ONE /
				  money_minor(hop->line)));
	return true;
}

/* Cities of the walk of @length hops that ends at @city; last one last. */
static void walk_cities(const struct route_request *request,
			const struct route_memory *memory, uint32_t length,
			uint32_t city, uint32_t out[ROUTE_CITIES_MAX])
{
	check(length < ROUTE_CITIES_MAX);
	while (length > 0) {
		uint32_t hop = memory->labels[length][city].hop;

		check(hop < request->hop_count);
		out[length--] = city;
		city = request->hops[hop].from;
	}
	out[0] = city;
}

/* Does the walk to @x come before that to @y by its cities' names? */
static bool names_before(const struct route_request *request,
			 const struct route_memory *memory, uint32_t length,
			 uint32_t x, uint32_t y)
{
	uint32_t of_x[ROUTE_CITIES_MAX], of_y[ROUTE_CITIES_MAX];

	check(length < ROUTE_CITIES_MAX);
	walk_cities(request, memory, length, x, of_x);
	walk_cities(request, memory, length, y, of_y);
	for (uint32_t i = 0; i <= length; i++) {
		if (of_x[i] != of_y[i])
			return of_x[i] < of_y[i];
	}
	return false;
}

/* Is a walk of @length hops that goes on over @hop better than the known? */
static void relax(const struct route_request *request,
		  struct route_memory *memory, uint32_t length, uint32_t index)
{
	const struct route_hop *hop = &request->hops[index];
	const struct route_label *before = &memory->labels[length][hop->from];
	struct route_label *label = &memory->labels[length + 1][hop->to];
	cost_number cost;

	check(hop->from < request->city_count && hop->to < request->city_count);
	if (before->cost < 0 || !hop_cost(hop, request->amount, &cost))
		return;
	cost += before->cost;
	if (label->cost >= 0 &&
	    (cost > label->cost ||
	     (cost == label->cost &&
	      !names_before(request, memory, length, hop->from,
			    request->hops[label->hop].from))))
		return;
	*label = (struct route_label){ cost, index };
}

static void clear_labels(const struct route_request *request,
			 struct route_memory *memory)
{
	check(request->city_count <= ROSTER_CITIES_MAX);
	for (uint32_t length = 0; length < ROUTE_CITIES_MAX; length++) {
		for (uint32_t i = 0; i < request->city_count; i++)
			memory->labels[length][i] =
				(struct route_label){ -1, ROSTER_NONE };
	}
	memory->labels[0][request->origin].cost = 0;
}

static void write_route(const struct route_request *request,
			const struct route_memory *memory, uint32_t length,
			struct route *out)
{
	check(length >= 1 && length <= ROUTE_HOPS_MAX);
	walk_cities(request, memory, length, request->target, out->cities);
	out->city_count = length + 1;
	for (uint32_t i = 0; i < length; i++) {
		uint32_t city = out->cities[i + 1];
		uint32_t hop = memory->labels[i + 1][city].hop;

		out->hops[i] = hop;
		out->new_credit[i] =
			route_new_credit(&request->hops[hop], request->amount);
	}
}

/*
 * The origin chooses the whole path, all cities on it different (rule PEER-25).
 * Bellman and Ford, a hop a round.  A walk through a city twice is never the
 * best: without its loop it costs no more and is shorter.
 */
bool route_find(const struct route_request *request,
		struct route_memory *memory, struct route *out)
{
	uint32_t best = 0;

	check(request->origin < request->city_count);
	check(request->target < request->city_count);
	check(request->origin != request->target);
	check(request->hop_count <= ROUTE_HOP_COUNT_MAX);
	clear_labels(request, memory);
	for (uint32_t length = 0; length < ROUTE_HOPS_MAX; length++) {
		for (uint32_t i = 0; i < request->hop_count; i++)
			relax(request, memory, length, i);
	}
	for (uint32_t length = 1; length <= ROUTE_HOPS_MAX; length++) {
		cost_number cost = memory->labels[length][request->target].cost;

		if (cost >= 0 &&
		    (best == 0 ||
		     cost < memory->labels[best][request->target].cost))
			best = length;
	}
	if (best == 0)
		return false;
	write_route(request, memory, best, out);
	return true;
}

static struct route_hop hop_of(const struct roster *roster,
			       const struct roster_link *link, uint32_t debtor)
{
	uint32_t creditor = roster_other_end(link, debtor);

	return (struct route_hop){
		.from = debtor,
		.to = creditor,
		.line = roster_line(link, creditor),
		.owed = MONEY_ZERO,
		.new_credit_max = roster_line(link, creditor),
		.closed = roster->cities[debtor].status == ROSTER_CITY_GONE ||
			  roster->cities[creditor].status == ROSTER_CITY_GONE,
	};
}

uint32_t route_hops(const struct roster *roster, struct route_hop *out)
{
	check(roster->link_count <= ROSTER_LINKS_MAX);
	for (uint32_t i = 0; i < roster->link_count; i++) {
		const struct roster_link *link = &roster->links[i];

		out[2 * i] = hop_of(roster, link, link->a);
		out[2 * i + 1] = hop_of(roster, link, link->b);
	}
	return 2 * roster->link_count;
}
