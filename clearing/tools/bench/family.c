/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/family.h"

#include <stdlib.h>

#define CITY_NODES 32
#define CITY_OBLIGATIONS 1000
#define BETWEEN_CITIES 100 /* one obligation in so many */
#define CHORD_MAX 8
#define EQUAL_AMOUNT 100
#define TIERS 6
#define UPWARDS 12 /* one obligation in so many closes a loop */

struct draws {
	uint64_t state;
	uint32_t nodes;
	uint32_t ringed; /* of FAMILY_RING: how far the ring has come */
};

static uint32_t draw(struct draws *draws, uint32_t limit)
{
	uint64_t mixed = draws->state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((mixed >> 32) * limit >> 32);
}

/* About log-normal, as invoices are: half of them are below 24,000. */
static int64_t draw_amount(struct draws *draws)
{
	uint32_t bits = 11 + draw(draws, 3) + draw(draws, 3) + draw(draws, 3);
	uint32_t power = UINT32_C(1) << bits;

	return power + draw(draws, power);
}

/* A node is the likelier the lower it is: a tail as in trade. */
static uint32_t draw_hub(struct draws *draws)
{
	uint64_t part = draw(draws, 1u << 20), rank;

	rank = part * part >> 20;
	rank = rank * draws->nodes >> 20;
	/* Scattered, so that hubs are not neighbours in memory. */
	return (uint32_t)(rank * 2654435761u % draws->nodes);
}

static struct netting_obligation of_hubs(struct draws *draws)
{
	return (struct netting_obligation){ draw_hub(draws), draw_hub(draws),
					    draw_amount(draws) };
}

static struct netting_obligation of_cities(struct draws *draws)
{
	uint32_t city = draw(draws, draws->nodes / CITY_NODES) * CITY_NODES;
	uint32_t creditor = city + draw(draws, CITY_NODES);

	if (draw(draws, BETWEEN_CITIES) == 0)
		creditor = draw(draws, draws->nodes);
	return (struct netting_obligation){ city + draw(draws, CITY_NODES),
					    creditor, draw_amount(draws) };
}

/* Once round, then chords to either side. */
static struct netting_obligation of_ring(struct draws *draws)
{
	uint32_t nodes = draws->nodes, debtor, hop = 1;

	if (draws->ringed < nodes) {
		debtor = draws->ringed++;
	} else {
		debtor = draw(draws, nodes);
		hop += draw(draws, CHORD_MAX);
		hop = draw(draws, 2) == 0 ? hop : nodes - hop;
	}
	return (struct netting_obligation){ debtor, (debtor + hop) % nodes,
					    draw_amount(draws) };
}

static struct netting_obligation of_supply(struct draws *draws)
{
	uint32_t tier_nodes = draws->nodes / TIERS;
	uint32_t tier = draw(draws, TIERS - 1);
	uint32_t upper = tier * tier_nodes + draw(draws, tier_nodes);
	uint32_t lower = (tier + 1) * tier_nodes + draw(draws, tier_nodes);
	int64_t amount = draw_amount(draws);

	if (draw(draws, UPWARDS) == 0)
		return (struct netting_obligation){ lower,
						    draw(draws, tier_nodes),
						    amount };
	return (struct netting_obligation){ upper, lower, amount };
}

const char *family_name(enum family family)
{
	static const char *const names[FAMILY_COUNT] = {
		[FAMILY_SCALE_FREE] = "scale_free",
		[FAMILY_CITIES] = "cities",
		[FAMILY_RING] = "ring",
		[FAMILY_EQUAL] = "equal",
		[FAMILY_SUPPLY] = "supply",
	};

	check(family < FAMILY_COUNT);
	return names[family];
}

static uint32_t nodes_of(enum family family, uint32_t count)
{
	uint32_t nodes = count / 5;

	if (family == FAMILY_CITIES)
		nodes = (count / CITY_OBLIGATIONS + 1) * CITY_NODES;
	else if (family == FAMILY_SUPPLY)
		nodes = (uint32_t)((uint64_t)count * 3 / 10);
	return nodes < CITY_NODES ? CITY_NODES : nodes;
}

static struct netting_obligation one_of(enum family family, struct draws *draws)
{
	struct netting_obligation obligation = { 0 };

	switch (family) {
	case FAMILY_SCALE_FREE:
		return of_hubs(draws);
	case FAMILY_CITIES:
		return of_cities(draws);
	case FAMILY_RING:
		return of_ring(draws);
	case FAMILY_EQUAL:
		obligation = of_hubs(draws);
		obligation.amount = EQUAL_AMOUNT;
		return obligation;
	case FAMILY_SUPPLY:
		return of_supply(draws);
	case FAMILY_COUNT:
		break;
	}
	check(false);
	return obligation;
}

struct netting_obligation *family_make(enum family family, uint32_t count,
				       uint32_t *nodes)
{
	struct draws draws = { family + 1, nodes_of(family, count), 0 };
	struct netting_obligation *made = malloc((count + 1) * sizeof(*made));

	check(made != NULL);
	for (uint32_t i = 0; i < count; i++)
		made[i] = one_of(family, &draws);
	*nodes = draws.nodes;
	return made;
}
