/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * route: over which cities a payment goes (rule PEER-25).  The cheapest way in
 * new credit: using up what the next city owes anyway costs nothing; each
 * minor unit of new credit costs 1 + use/line, so that lines near their end
 * are spared; then the fewest hops; then the names, first city first.
 *
 * Pure and exact: integers alone, the same answer for the same input.  What
 * it is told of other cities' links is advice, so a route is a proposal: the
 * caller closes the hop that refused and asks again.
 */
#ifndef CLEARING_PEER_ROUTE_H
#define CLEARING_PEER_ROUTE_H

#include "peer/roster.h"

#define ROUTE_CITIES_MAX LINKLOG_PATH_MAX
#define ROUTE_HOPS_MAX (ROUTE_CITIES_MAX - 1)
/* Each link can be walked both ways. */
#define ROUTE_HOP_COUNT_MAX (2 * ROSTER_LINKS_MAX)

/* One direction of a link: @from may come to owe @to. */
struct route_hop {
	uint32_t from;	   /* debtor: index of a city in the roster */
	uint32_t to;	   /* creditor */
	struct money line; /* what @to lets @from owe */
	/*
	 * What @from owes @to already, promises included (its exposure, rule
	 * PEER-38); below zero: @to owes @from.  Zero where it is not known.
	 */
	struct money owed;
	/*
	 * The most new credit that this payment may take up here, when that
	 * is less than the line leaves.  Paying back is not bounded by it.
	 */
	struct money new_credit_max;
	bool closed; /* frozen, GONE, down, or refused before */
};

struct route {
	uint32_t cities[ROUTE_CITIES_MAX]; /* origin first */
	uint32_t city_count;		   /* 2 to ROUTE_CITIES_MAX */
	uint32_t hops[ROUTE_HOPS_MAX];	   /* indexes, city_count - 1 of them */
	struct money new_credit[ROUTE_HOPS_MAX]; /* that each hop takes up */
};

/* The best walk of each length to each city; route_find()'s own. */
struct route_label {
	__int128 cost;
	uint32_t hop; /* the last of the walk; ROSTER_NONE: there is no walk */
};

struct route_memory {
	struct route_label labels[ROUTE_CITIES_MAX][ROSTER_CITIES_MAX];
};

struct route_request {
	const struct route_hop *hops;
	uint32_t hop_count; /* at most ROUTE_HOP_COUNT_MAX */
	uint32_t city_count;
	uint32_t origin; /* != target */
	uint32_t target;
	struct money amount; /* > 0 */
};

/*
 * route_find: the best route.
 *
 * @memory  about 256 KB, overwritten.
 * @out     written only on success.
 * Returns false when no open way has room for the amount.
 */
bool route_find(const struct route_request *request,
		struct route_memory *memory, struct route *out) MUST_CHECK;

/*
 * route_hops: both directions of each link of @roster, with nothing owed:
 * link i becomes hops 2i (a pays b) and 2i + 1 (b pays a); those of a city
 * that is GONE are closed.
 *
 * @out  ROUTE_HOP_COUNT_MAX of them.
 * Returns how many.
 */
uint32_t route_hops(const struct roster *roster, struct route_hop *out);

/* route_new_credit: what @amount would take up beyond what is owed back. */
struct money route_new_credit(const struct route_hop *hop, struct money amount);

#endif
