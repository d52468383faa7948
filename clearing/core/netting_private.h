/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * netting_private: what the parts of the solver share: the plan (which arcs
 * there are, by stage), the network (their residual form), and the steps that
 * lead to a flow of least cost.  Nobody else includes it.
 *
 * The flow r is what stays uncleared.  Every obligation is an arc of cost 1
 * (2 in the second stage) that r may use up to what is open of it; the node's
 * excess is what it still has to send on, a deficit below 0.  At the start r
 * is 0 and the excess is the net position.  The pool's arcs cost 0, and 1
 * where they draw credit.  Push-relabel moves excess to deficits along arcs
 * that the labels allow, which are distances (cost, hops) to a deficit.
 *
 * An entry is one residual arc as one of its ends sees it; each arc has two.
 */
#ifndef CLEARING_CORE_NETTING_PRIVATE_H
#define CLEARING_CORE_NETTING_PRIVATE_H

#include "core/netting.h"

#define NETTING_SEARCH_MAX 64 /* entries gathered at once */

/* Low bits of struct network.to; the rest is the node at the other end. */
#define ENTRY_OUT 1u /* this arc has capacity left */
#define ENTRY_IN 2u  /* the opposite one has */
#define ENTRY_COST_SHIFT 2
#define ENTRY_NODE_SHIFT 5
#define ENTRY_KINDS 32 /* values of the low bits */

/* Labels are cost * scale + hops; no label is ever this far. */
#define LABEL_FAR (INT64_C(1) << 61)
#define LABEL_SCALE (INT64_C(1) << 32)

/* Which arcs there are: obligations first, then three for each account. */
struct plan {
	const struct netting_input *input;
	const int64_t *before; /* taken by the first stage, or NULL */
	/* Of the second stage, cut to what can be used; else NULL. */
	int64_t *own, *credit, *room;
	uint32_t node_count; /* with the pool, if there is one: the last */
	uint32_t arc_count;
	uint32_t obligation_cost;
	bool turned; /* r goes against the arcs, from deficits to excess */
	uint32_t *component; /* per node; sinks have the lowest */
	uint32_t component_count;
};

struct plan_arc {
	uint32_t from, to;
	int64_t capacity; /* 0: not there */
	uint32_t cost;
};

/* 12 bytes: touched by pushes alone. */
struct network_arc {
	int64_t left;
	uint32_t partner; /* the entry at the other end */
} __attribute__((packed, aligned(4)));

struct network_node {
	int64_t excess;
	uint32_t first;	  /* its entries end where the next node's begin */
	uint32_t current; /* entries before it are not allowed by the labels */
};

/* Nodes whose label would rise by the same. */
struct network_bucket {
	int64_t increase;
	uint32_t chain; /* a waiting + 1 */
	uint32_t count;
};

/* A node in a bucket; out of date where the node's increase is another. */
struct network_waiting {
	uint32_t node;
	uint32_t next; /* + 1 */
};

/* Buckets by increase, least first; emptied and refilled when it is full. */
struct network_queue {
	struct network_bucket *buckets;
	struct network_waiting *waiting;
	uint32_t *slots; /* hash of increase: bucket + 1 */
	uint32_t *heap;	 /* of buckets */
	uint32_t bucket_max, bucket_count;
	uint32_t waiting_max, waiting_count;
	uint32_t heap_count;
	uint32_t slot_bits;
};

struct network {
	uint32_t node_count, entry_count;
	uint32_t *to;
	struct network_arc *arcs;
	struct network_node *nodes; /* one more than there are */
	int64_t *labels, *next_labels;
	uint64_t *active;   /* bit a node: has excess, waits for its turn */
	uint64_t *frontier; /* bit a node: of an update or a wave */
	const uint32_t *component; /* per node */
	uint64_t *busy; /* bit a component: has excess; the others are done */
	uint32_t *list; /* nodes of a round, of a bucket, or a wave's heap */
	struct network_queue queue;
	int64_t scale;
	int64_t length[ENTRY_KINDS];	  /* of an entry's own arc */
	int64_t length_back[ENTRY_KINDS]; /* of the opposite arc */
	const struct netting_options *options;
	struct netting_progress progress;
	uint64_t work_told; /* when on_progress was last asked */
	uint32_t restarts;
	enum netting_result result; /* why it stopped, or NETTING_OK */
};

static inline uint32_t entry_node(uint32_t entry)
{
	return entry >> ENTRY_NODE_SHIFT;
}

static inline uint32_t entry_kind(uint32_t entry)
{
	return entry & (ENTRY_KINDS - 1);
}

/* entry_cost: of the entry's own arc: below 0 where it takes flow back. */
int64_t entry_cost(uint32_t entry);

static inline void bit_set(uint64_t *bits, uint32_t at)
{
	bits[at >> 6] |= UINT64_C(1) << (at & 63);
}

static inline void bit_clear(uint64_t *bits, uint32_t at)
{
	bits[at >> 6] &= ~(UINT64_C(1) << (at & 63));
}

static inline bool bit_get(const uint64_t *bits, uint32_t at)
{
	return (bits[at >> 6] >> (at & 63) & 1) != 0;
}

/* Memory is handed out from the front, in pieces aligned to 64 bytes. */
struct netting_memory {
	uint8_t *base; /* NULL: only count */
	size_t used;
};

void *netting_take(struct netting_memory *memory, uint64_t count, size_t size);

/* ---- netting_graph.c */

/* plan_arc: arc @index of @plan as r goes over it. */
struct plan_arc plan_arc(const struct plan *plan, uint32_t index);

/*
 * plan_components: fill .component and .component_count.  The pool's arcs
 * count in the direction in which set-offs go, the opposite of r.
 *
 * @memory  what it takes is free again afterwards.
 */
void plan_components(struct plan *plan, struct netting_memory memory);
/* plan_components_take: how much that is, for the count alone. */
void plan_components_take(struct netting_memory *memory, uint32_t node_count,
			  uint32_t arc_count);

/* network_take: the arrays of a network of this many nodes and arcs. */
void network_take(struct network *network, struct netting_memory *memory,
		  uint32_t node_count, uint32_t arc_count);
/* network_build: fill it with the arcs of @plan that can be in a loop. */
void network_build(struct network *network, const struct plan *plan);
/*
 * network_read: per obligation what r left of it: the set-off.  Returns the
 * sum.
 */
int64_t network_read(struct network *network, const struct plan *plan,
		     int64_t *set_off);
/* network_set_scale: the lengths of arcs at @scale. */
void network_set_scale(struct network *network, int64_t scale);

/*
 * network_wants_turning: are there so many more deficits than nodes with
 * excess that the other direction is better?  One source that feeds thousands
 * of deficits in a row passes each of them by for each; the other way round
 * they run together.
 */
bool network_wants_turning(const struct network *network);

/* ---- netting_update.c */

/* queue_take: the arrays of @queue for @node_count nodes. */
void queue_take(struct network_queue *queue, struct netting_memory *memory,
		uint32_t node_count);

/*
 * network_update: make the labels of all nodes with excess exact.
 *
 * Returns how many nodes have excess; progress.open is their sum.
 */
uint32_t network_update(struct network *network);

/* ---- netting_wave.c */

/*
 * network_list_active: into .list, in the order of their indexes; how many.
 * None is active any more.
 */
uint32_t network_list_active(struct network *network);

/* network_push: @amount over @entry of @from, which has as much left. */
void network_push(struct network *network, uint32_t from, uint32_t entry,
		  int64_t amount);
/* network_relabel: raise @node's label as far as its arcs allow. */
void network_relabel(struct network *network, uint32_t node);
/* network_wave: from the highest label down, until @work_end or no excess. */
void network_wave(struct network *network, uint64_t work_end);

/* ---- netting_flow.c */

/* network_goes_on: may it work on?  False: .result says why not. */
bool network_goes_on(struct network *network);
/*
 * network_solve: all excess to deficits at least cost.
 *
 * @potentials  per node: what proves it within each component; written on
 *              NETTING_OK.
 */
enum netting_result network_solve(struct network *network,
				  int64_t *potentials) MUST_CHECK;

/* ---- netting_price.c */

/*
 * prices_of_labels: the labels' costs, rounded.
 */
void prices_of_labels(const struct network *network, int64_t *prices);
/*
 * prices_close: lower prices until no residual arc gains by them, for at most
 * @passes passes; false when that was not enough.
 */
bool prices_close(struct network *network, int64_t *prices,
		  uint64_t passes) MUST_CHECK;
/*
 * prices_join: shift the prices of each component so that they prove the arcs
 * between components too, and the pool, if there is one, has 0.
 *
 * @memory  two int64_t a component are taken of it.
 */
void prices_join(const struct plan *plan, int64_t *prices,
		 struct netting_memory memory);
/* prices_join_take: how much that is, for the count alone. */
void prices_join_take(struct netting_memory *memory, uint32_t node_count);

/* ---- netting_greedy.c */

/*
 * netting_greedy: a set-off that keeps every net position: loops as they are
 * found.  What is given when the solver was stopped.
 *
 * @memory  netting_greedy_take() of it.  Returns the sum.
 */
int64_t netting_greedy(const struct netting_input *input, int64_t *set_off,
		       struct netting_memory memory);
void netting_greedy_take(struct netting_memory *memory, uint32_t node_count,
			 uint32_t obligation_count);

#endif
