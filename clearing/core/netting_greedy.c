/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Loops as they are found: follow obligations from node to node; where the
 * way meets itself, take the least of the loop from all of it.  Far from the
 * greatest set-off, but each step leaves a sound one.
 */
#include "core/netting_private.h"

#define STEPS_EACH 64 /* per node and obligation: an end for hostile input */
#define NOWHERE UINT32_MAX
#define DEAD (UINT32_MAX - 1) /* no loop goes through it any more */

struct walk {
	const struct netting_input *input;
	int64_t *set_off;
	uint32_t *first, *end, *arcs; /* obligations by debtor */
	uint32_t *place; /* of a node on the path, NOWHERE or DEAD */
	uint32_t *path, path_count;
	uint64_t steps_left;
	int64_t sum;
};

static void take(struct walk *walk, struct netting_memory *memory,
		 uint32_t node_count, uint32_t obligation_count)
{
	walk->first = netting_take(memory, (uint64_t)node_count + 1,
				   sizeof(uint32_t));
	walk->end = netting_take(memory, node_count, sizeof(uint32_t));
	walk->arcs = netting_take(memory, obligation_count, sizeof(uint32_t));
	walk->place = netting_take(memory, node_count, sizeof(uint32_t));
	walk->path = netting_take(memory, node_count, sizeof(uint32_t));
}

void netting_greedy_take(struct netting_memory *memory, uint32_t node_count,
			 uint32_t obligation_count)
{
	struct walk walk;

	take(&walk, memory, node_count, obligation_count);
}

static void fill(struct walk *walk)
{
	const struct netting_input *input = walk->input;
	uint32_t sum = 0;

	for (uint32_t v = 0; v <= input->node_count; v++)
		walk->first[v] = 0;
	for (uint32_t i = 0; i < input->obligation_count; i++)
		walk->first[input->obligations[i].debtor]++;
	for (uint32_t v = 0; v <= input->node_count; v++) {
		sum += walk->first[v];
		walk->first[v] = sum;
	}
	for (uint32_t i = input->obligation_count; i-- > 0;) {
		walk->arcs[--walk->first[input->obligations[i].debtor]] = i;
		walk->set_off[i] = 0;
	}
	for (uint32_t v = 0; v < input->node_count; v++) {
		walk->end[v] = walk->first[v + 1];
		walk->place[v] = NOWHERE;
	}
}

static int64_t left_of(const struct walk *walk, uint32_t obligation)
{
	return walk->input->obligations[obligation].amount -
	       walk->set_off[obligation];
}

/* The obligation that the path goes on with at @place. */
static uint32_t arc_at(const struct walk *walk, uint32_t place)
{
	return walk->arcs[walk->first[walk->path[place]]];
}

/* The path from @place on is a loop; then it ends at @place. */
static void set_off_loop(struct walk *walk, uint32_t place)
{
	int64_t least = INT64_MAX;

	for (uint32_t i = place; i < walk->path_count; i++) {
		int64_t left = left_of(walk, arc_at(walk, i));

		least = left < least ? left : least;
	}
	for (uint32_t i = place; i < walk->path_count; i++) {
		walk->set_off[arc_at(walk, i)] += least;
		walk->sum += least;
		walk->place[walk->path[i]] = NOWHERE;
	}
	walk->steps_left -= walk->path_count - place < walk->steps_left
				    ? walk->path_count - place
				    : walk->steps_left;
	walk->path_count = place + 1;
	walk->place[walk->path[place]] = place;
}

static void walk_from(struct walk *walk, uint32_t root)
{
	walk->path[0] = root;
	walk->path_count = 1;
	walk->place[root] = 0;
	while (walk->path_count > 0 && walk->steps_left > 0) {
		uint32_t node = walk->path[walk->path_count - 1], next, arc;

		walk->steps_left--;
		if (walk->first[node] == walk->end[node]) {
			walk->place[node] = DEAD;
			walk->path_count--;
			continue;
		}
		arc = walk->arcs[walk->first[node]];
		next = walk->input->obligations[arc].creditor;
		if (left_of(walk, arc) == 0 || walk->place[next] == DEAD) {
			walk->first[node]++;
		} else if (walk->place[next] == NOWHERE) {
			walk->place[next] = walk->path_count;
			walk->path[walk->path_count++] = next;
		} else {
			set_off_loop(walk, walk->place[next]);
		}
	}
}

int64_t netting_greedy(const struct netting_input *input, int64_t *set_off,
		       struct netting_memory memory)
{
	struct walk walk = { .input = input, .set_off = set_off };

	take(&walk, &memory, input->node_count, input->obligation_count);
	fill(&walk);
	walk.steps_left = STEPS_EACH * ((uint64_t)input->node_count +
					input->obligation_count);
	for (uint32_t v = 0; v < input->node_count; v++) {
		if (walk.place[v] == NOWHERE)
			walk_from(&walk, v);
	}
	return walk.sum;
}
