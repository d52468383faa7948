/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "peer/route.h"

#define CITIES_MAX 9
#define HOPS_MAX 40
#define FAR money_of(MONEY_MAX_MINOR)

static struct route_memory memory;

/* The oracle: every path, one after the other. */
struct walk {
	const struct route_request *request;
	uint32_t cities[ROUTE_CITIES_MAX], hops[ROUTE_HOPS_MAX];
	uint32_t next[ROUTE_CITIES_MAX]; /* hop to be tried at each depth */
	struct route best;
	__int128 best_cost; /* < 0: none yet */
};

/* The cost as the issue words it; < 0: the hop has no room. */
static __int128 plain_cost(const struct route_hop *hop, int64_t amount)
{
	int64_t owed = money_minor(hop->owed), line = money_minor(hop->line);
	int64_t free_part = owed < 0 ? -owed : 0;
	int64_t fresh = amount > free_part ? amount - free_part : 0;
	int64_t use = owed + amount;
	__int128 share;

	if (hop->closed || use > line ||
	    fresh > money_minor(hop->new_credit_max))
		return -1;
	if (fresh == 0)
		return 0;
	share = use;
	share = share * (1 << 20) / line;
	return (__int128)fresh * ((1 << 20) + share);
}

static __int128 walk_cost(const struct walk *walk, uint32_t depth)
{
	__int128 sum = 0;

	for (uint32_t i = 0; i < depth; i++) {
		__int128 cost = plain_cost(&walk->request->hops[walk->hops[i]],
					   money_minor(walk->request->amount));

		if (cost < 0)
			return -1;
		sum += cost;
	}
	return sum;
}

static bool is_better(const struct walk *walk, uint32_t depth, __int128 cost)
{
	if (walk->best_cost < 0 || cost != walk->best_cost)
		return walk->best_cost < 0 || cost < walk->best_cost;
	if (depth + 1 != walk->best.city_count)
		return depth + 1 < walk->best.city_count;
	for (uint32_t i = 0; i <= depth; i++) {
		if (walk->cities[i] != walk->best.cities[i])
			return walk->cities[i] < walk->best.cities[i];
	}
	return false;
}

static void arrive(struct walk *walk, uint32_t depth)
{
	__int128 cost = walk_cost(walk, depth);

	if (cost < 0 || !is_better(walk, depth, cost))
		return;
	walk->best_cost = cost;
	walk->best.city_count = depth + 1;
	memcpy(walk->best.cities, walk->cities, sizeof(walk->cities));
	memcpy(walk->best.hops, walk->hops, sizeof(walk->hops));
}

static bool is_visited(const struct walk *walk, uint32_t depth, uint32_t city)
{
	for (uint32_t i = 0; i <= depth; i++) {
		if (walk->cities[i] == city)
			return true;
	}
	return false;
}

static void try_all(struct walk *walk)
{
	const struct route_request *request = walk->request;
	uint32_t depth = 0;

	walk->cities[0] = request->origin;
	walk->next[0] = 0;
	for (;;) {
		uint32_t index = walk->next[depth]++;
		const struct route_hop *hop;

		if (index == request->hop_count) {
			if (depth-- == 0)
				return;
			continue;
		}
		hop = &request->hops[index];
		if (hop->from != walk->cities[depth] ||
		    is_visited(walk, depth, hop->to))
			continue;
		walk->hops[depth] = index;
		walk->cities[depth + 1] = hop->to;
		if (hop->to == request->target) {
			arrive(walk, depth + 1);
		} else if (depth + 1 < ROUTE_HOPS_MAX) {
			depth++;
			walk->next[depth] = 0;
		}
	}
}

static uint64_t seed = 1;

static uint32_t draw(uint32_t limit)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)(seed >> 33) % limit;
}

/* Few different values, so that costs are often equal. */
static void draw_hops(struct route_hop *hops, uint32_t count, uint32_t cities)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t from = draw(cities);

		hops[i] = (struct route_hop){
			.from = from,
			.to = (from + 1 + draw(cities - 1)) % cities,
			.line = money_of(draw(4) * 50),
			.owed = money_of((int64_t)draw(5) * 40 - 80),
			.new_credit_max = draw(4) == 0 ? money_of(60) : FAR,
			.closed = draw(10) == 0,
		};
	}
}

static void test_route_is_the_best(void **state)
{
	/* Goal: on 20,000 small graphs the same as trying every path. */
	uint32_t found = 0;

	(void)state;
	for (uint32_t round = 0; round < 20000; round++) {
		uint32_t cities = 2 + draw(CITIES_MAX - 1);
		struct route_hop hops[HOPS_MAX];
		struct route_request request = {
			.hops = hops,
			.hop_count = draw(3 * cities),
			.city_count = cities,
			.target = 1 + draw(cities - 1),
			.amount = money_of(1 + draw(120)),
		};
		struct walk walk = { .request = &request, .best_cost = -1 };
		struct route route = { 0 };

		draw_hops(hops, request.hop_count, cities);
		try_all(&walk);
		if (route_find(&request, &memory, &route) !=
		    (walk.best_cost >= 0))
			fail_msg("round %u: found or not", round);
		if (walk.best_cost < 0)
			continue;
		found++;
		if (route.city_count != walk.best.city_count ||
		    memcmp(route.cities, walk.best.cities,
			   route.city_count * sizeof(route.cities[0])) != 0)
			fail_msg("round %u: another path", round);
	}
	assert_in_range(found, 5000, 19000);
}

/* a(0) and d(3) are joined over b(1) and over c(2). */
static void make_diamond(struct route_hop hops[4])
{
	static const uint32_t ends[4][2] = {
		{ 0, 1 }, { 1, 3 }, { 0, 2 }, { 2, 3 }
	};

	for (uint32_t i = 0; i < 4; i++)
		hops[i] = (struct route_hop){ .from = ends[i][0],
					      .to = ends[i][1],
					      .line = money_of(1000),
					      .new_credit_max = FAR };
}

static void test_route_prefers(void **state)
{
	/* Goal: names decide a tie; debt used up and spared lines go before. */
	struct route_hop hops[5];
	struct route_request request = { hops, 4, 4, 0, 3, money_of(100) };
	struct route route;

	(void)state;
	make_diamond(hops);
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.city_count, 3);
	assert_int_equal(route.cities[1], 1);
	/* b's line is nearer to its end: c. */
	hops[1].owed = money_of(10);
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.cities[1], 2);
	assert_int_equal(money_minor(route.new_credit[0]), 100);
	/* d owes b 60 of 100: b. */
	hops[1].owed = money_of(-60);
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.cities[1], 1);
	assert_int_equal(money_minor(route.new_credit[1]), 40);
	/* A direct hop has fewer of them, at any cost that is not more. */
	hops[4] = (struct route_hop){ 0,	  3,   money_of(100),
				      MONEY_ZERO, FAR, false };
	request.hop_count = 5;
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.cities[1], 1);
	hops[1].owed = MONEY_ZERO;
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.city_count, 2);
	assert_int_equal(route.hops[0], 4);
}

static void test_route_another_when_full(void **state)
{
	/* Goal: full, closed or over what may be in flight: the other way. */
	struct route_hop hops[4];
	struct route_request request = { hops, 4, 4, 0, 3, money_of(100) };
	struct route route;

	(void)state;
	make_diamond(hops);
	hops[0].owed = money_of(900);
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.cities[1], 2);
	hops[2].closed = true;
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.cities[1], 1);
	request.amount = money_of(101);
	assert_false(route_find(&request, &memory, &route));
	hops[2].closed = false;
	hops[3].new_credit_max = money_of(100);
	assert_false(route_find(&request, &memory, &route));
	/* Paying back is no new credit. */
	hops[3].owed = money_of(-1);
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.cities[1], 2);
}

static void test_route_length(void **state)
{
	/* Goal: eight cities are a path, nine are not. */
	struct route_hop hops[8];
	struct route_request request = { hops, 8, 9, 0, 7, money_of(1) };
	struct route route;

	(void)state;
	for (uint32_t i = 0; i < 8; i++)
		hops[i] = (struct route_hop){ i,	  i + 1, money_of(1),
					      MONEY_ZERO, FAR,	 false };
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(route.city_count, ROUTE_CITIES_MAX);
	request.target = 8;
	assert_false(route_find(&request, &memory, &route));
}

static void test_route_largest(void **state)
{
	/* Goal: the largest amounts and debts overflow nothing. */
	struct route_hop hops[2] = {
		{ 0, 1, FAR, MONEY_ZERO, FAR, false },
		{ 1, 2, FAR, money_of(-MONEY_MAX_MINOR), FAR, false },
	};
	struct route_request request = { hops, 2, 3, 0, 2, FAR };
	struct route route;

	(void)state;
	assert_true(route_find(&request, &memory, &route));
	assert_int_equal(money_minor(route.new_credit[0]), MONEY_MAX_MINOR);
	assert_int_equal(money_minor(route.new_credit[1]), 0);
	hops[0].owed = money_of(1);
	assert_false(route_find(&request, &memory, &route));
}

static void test_route_hops_of_roster(void **state)
{
	/* Goal: both directions of each link, closed where a city is gone. */
	struct roster *roster = calloc(1, sizeof(*roster));
	struct route_hop *hops =
		malloc(ROUTE_HOP_COUNT_MAX * sizeof(struct route_hop));

	(void)state;
	assert_true(roster != NULL && hops != NULL);
	roster->city_count = 3;
	roster->link_count = 2;
	roster->links[0] = (struct roster_link){ 0, 1, money_of(1000),
						 money_of(501), 500 };
	roster->links[1] =
		(struct roster_link){ 1, 2, money_of(7), money_of(8), 1000 };
	roster->cities[2].status = ROSTER_CITY_GONE;
	assert_int_equal(route_hops(roster, hops), 4);
	assert_int_equal(hops[0].from, 0);
	assert_int_equal(hops[0].to, 1);
	assert_int_equal(money_minor(hops[0].line), 501);
	assert_int_equal(money_minor(hops[0].new_credit_max), 501);
	assert_false(hops[0].closed);
	assert_int_equal(hops[1].from, 1);
	assert_int_equal(money_minor(hops[1].line), 1000);
	assert_int_equal(money_minor(hops[1].new_credit_max), 1000);
	assert_true(hops[2].closed && hops[3].closed);
	free(hops);
	free(roster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_is_the_best),
		cmocka_unit_test(test_route_prefers),
		cmocka_unit_test(test_route_another_when_full),
		cmocka_unit_test(test_route_length),
		cmocka_unit_test(test_route_largest),
		cmocka_unit_test(test_route_hops_of_roster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
