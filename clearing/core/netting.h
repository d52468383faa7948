/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * netting: the most that obligations can be set off against each other.
 *
 * An obligation says that a debtor owes a creditor.  A set-off takes from
 * each obligation between nothing and its amount so that every member gives
 * as much as it gets: net positions stay as they are.  Found is one whose sum
 * is the greatest there is, exactly, with potentials that prove it to anybody
 * (netting_check.h).  Then, in a stage of its own that never touches the
 * first, more is paid from balances and credit within what each account may
 * (netting_draw).  Last, each pair's sum goes to its oldest obligations.
 *
 * Does not: read files (netting_text.h), know accounts, post anything.
 *
 * Integers alone, one thread, the caller's memory.  What is chosen among equal
 * results depends on the input and its order alone: the same input gives the
 * same bytes on every machine.  Amounts are in any one unit, minor ones of
 * credit as a rule; each is at least 1, and all together at most
 * NETTING_TOTAL_MAX, so that every balance fits 64 bits.
 *
 * Method: a flow r = amount - set-off of least cost, by push-relabel with
 * labels (cost, hops), as in "How the set-off is found" of clearing/README.md.
 */
#ifndef CLEARING_CORE_NETTING_H
#define CLEARING_CORE_NETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

#define NETTING_NODES_MAX ((UINT32_C(1) << 27) - 2) /* the pool is one more */
#define NETTING_OBLIGATIONS_MAX (UINT32_C(1) << 29)
#define NETTING_TOTAL_MAX (INT64_C(1) << 62)
#define NETTING_POTENTIAL_MAX (INT64_C(1) << 30)

/* More exact label updates than this: guard 2, a restart at a finite scale. */
#define NETTING_UPDATES_DEFAULT 300

struct netting_obligation {
	uint32_t debtor, creditor; /* nodes, from 0 */
	int64_t amount;		   /* 1 or more */
};

struct netting_input {
	const struct netting_obligation *obligations;
	uint32_t obligation_count;
	uint32_t node_count;
};

enum netting_result {
	NETTING_OK = 0,
	NETTING_TOO_MANY,	     /* nodes or obligations */
	NETTING_NODE_UNKNOWN,	     /* a node not below node_count */
	NETTING_AMOUNT_NOT_POSITIVE, /* 0 or less */
	NETTING_TOTAL_TOO_LARGE,     /* above NETTING_TOTAL_MAX with this one */
	NETTING_CANCELLED,	     /* on_progress said so */
	NETTING_WORK_LIMIT,	     /* work_max was reached */
};

/* netting_result_sentence: for people; never NULL. */
const char *netting_result_sentence(enum netting_result result);

/* How far a solver has come. */
struct netting_progress {
	uint64_t work;	    /* arcs looked at, the measure of work_max */
	uint32_t updates;   /* exact label updates */
	int64_t open;	    /* excess that has no place yet; 0 at the end */
	int64_t open_first; /* what that was at the start; may grow again in a
			       restart, so that open can be above it */
};

/* Returns false to stop; called every few milliseconds. */
typedef bool netting_progress_function(void *context,
				       const struct netting_progress *progress);

/* A zeroed one is good: no limits, nobody asks. */
struct netting_options {
	netting_progress_function *on_progress; /* NULL: nobody is told */
	void *context;				/* for on_progress */
	uint64_t work_max;   /* arcs looked at; 0: no limit.  Not a time, so
				that a refusal can be repeated */
	uint32_t update_max; /* 0: NETTING_UPDATES_DEFAULT */
};

/* What was found; the arrays are the caller's. */
struct netting_solution {
	int64_t *set_off;    /* per obligation: 0 to what was open of it */
	int64_t *potentials; /* per node; prove that no more is possible; of
				netting_solve: 0 to the number of nodes */
	int64_t cleared;     /* sum of set_off */
	int64_t credit;	     /* of netting_draw: credit drawn */
	uint64_t work;
	uint32_t updates;
	uint32_t restarts; /* of guard 2 */
};

/*
 * netting_check_input: may this be solved?
 *
 * @fault  index of the first obligation that is wrong; not written on
 *         NETTING_OK and NETTING_TOO_MANY.
 *
 * Refusals in the order of enum netting_result, obligation by obligation.  An
 * obligation of a node to itself is sound: it is set off whole.
 */
enum netting_result netting_check_input(const struct netting_input *input,
					uint32_t *fault) MUST_CHECK;

/*
 * netting_memory_size: bytes that netting_solve() wants.
 * netting_draw_memory_size: bytes that netting_draw() wants.
 *
 * Both counts within their limits (checked).  About 32 an obligation and 130
 * a node; a draw takes 160 a node more.
 */
size_t netting_memory_size(uint32_t node_count, uint32_t obligation_count);
size_t netting_draw_memory_size(uint32_t node_count, uint32_t obligation_count);

/*
 * netting_solve: the first stage: the greatest set-off that keeps every net
 * position.
 *
 * @input     sound by netting_check_input() (checked).
 * @memory    netting_memory_size() bytes, aligned to 64, with anything in it.
 * @solution  its arrays given by the caller; all of it is written on
 *            NETTING_OK; on other results set_off is a set-off that keeps
 *            every net position, but not the greatest (netting_greedy), its
 *            sum in .cleared, and potentials are not written.
 *
 * Errors: NETTING_CANCELLED, NETTING_WORK_LIMIT.
 */
enum netting_result netting_solve(const struct netting_input *input,
				  const struct netting_options *options,
				  void *memory,
				  struct netting_solution *solution) MUST_CHECK;

/* What an account may do in the second stage; below 0 counts as 0. */
struct netting_account {
	int64_t own;	/* may pay this much from a balance above zero */
	int64_t credit; /* and then this much by going below */
	int64_t room;	/* may get this much more than it pays */
};

/* What the second stage begins with. */
struct netting_pool {
	const struct netting_account *accounts; /* per node */
	const int64_t *set_off; /* of the first stage, per obligation */
};

/*
 * netting_draw: the second stage: what is still open after the first, paid
 * through a pool that lets each node pay more than it gets, up to own and
 * credit, or get more than it pays, up to room.  Pays the most; among those
 * draws the least credit, which is, summed over the nodes, what they pay more
 * than they get and own.  The first stage is never routed anew.
 *
 * @input     of the first stage.
 * @memory    netting_draw_memory_size() bytes, aligned to 64.
 * @solution  set_off: what is paid besides pool->set_off; may not be the same
 *            array.  potentials: those of the nodes where the pool has 0.
 *            On an error it is not written.
 *
 * Errors: NETTING_CANCELLED, NETTING_WORK_LIMIT.
 */
enum netting_result netting_draw(const struct netting_input *input,
				 const struct netting_pool *pool,
				 const struct netting_options *options,
				 void *memory,
				 struct netting_solution *solution) MUST_CHECK;

/* netting_oldest_memory_size: bytes that netting_oldest_first() wants. */
size_t netting_oldest_memory_size(uint32_t obligation_count);

/*
 * netting_oldest_first: give what each ordered pair of debtor and creditor
 * has set off to its obligations by age, oldest due first, ties by index.
 * Sums of pairs stay, so every certificate stays good.
 *
 * @due      per obligation, any clock: less is older.
 * @before   what earlier stages took of each, or NULL: nothing.
 * @set_off  of this stage; changed.
 * @memory   netting_oldest_memory_size() bytes, aligned to 8.
 */
void netting_oldest_first(const struct netting_input *input, const int64_t *due,
			  const int64_t *before, int64_t *set_off,
			  void *memory);

#endif
