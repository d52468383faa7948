/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * netting_check: is this set-off sound, and the greatest there is?  One pass
 * over the obligations, with nothing of the solver: who checks need not trust
 * who solved.
 *
 * Why potentials prove it: nets of zero make sum f the same as sum of
 * f * (1 - (p(debtor) - p(creditor))), whatever p is, and that is at most
 *
 *     D = sum of amount * max(0, 1 - (p(debtor) - p(creditor))).
 *
 * So no set-off whatsoever clears more than D, and one that clears D is the
 * greatest.  For people: where p(debtor) - p(creditor) is above 1 nothing is
 * set off in any greatest set-off, where it is below 1 all is in each.
 *
 * The second stage's value is 2 * paid - credit drawn; more paid always counts
 * for more than credit, because a change round a loop goes over the pool once
 * and draws at most 1 more for 1 more paid.  Its bound has three more sums,
 * over the nodes: own * max(0, p), credit * max(0, p - 1), room * max(0, -p),
 * each capacity no larger than what is open of the node's obligations.
 */
#ifndef CLEARING_CORE_NETTING_CHECK_H
#define CLEARING_CORE_NETTING_CHECK_H

#include "core/netting.h"

enum netting_verdict {
	NETTING_PROVEN = 0,
	NETTING_INPUT_UNSOUND,	    /* netting_check_input() would refuse it */
	NETTING_OUT_OF_BOUNDS,	    /* below 0 or above what was open */
	NETTING_UNBALANCED,	    /* a node gives more or less than it gets */
	NETTING_PAST_LIMIT,	    /* a node passes own and credit, or room */
	NETTING_SUM_WRONG,	    /* .cleared or .credit is not the sum */
	NETTING_POTENTIAL_TOO_FAR,  /* past NETTING_POTENTIAL_MAX */
	NETTING_NOT_PROVEN_GREATEST /* less than what the potentials allow */
};

/* netting_verdict_name: "NOT_PROVEN_GREATEST"; never NULL. */
const char *netting_verdict_name(enum netting_verdict verdict);

/* netting_verdict_sentence: for people; never NULL. */
const char *netting_verdict_sentence(enum netting_verdict verdict);

/* netting_check_memory_size: bytes for either of the two below. */
size_t netting_check_memory_size(uint32_t node_count);

/*
 * netting_check: is @solution of the first stage sound and the greatest?
 *
 * @input   anything; it is checked.
 * @memory  netting_check_memory_size() bytes, aligned to 16.
 *
 * Reads set_off, potentials and cleared.  The first fault in the order of the
 * enum is told.
 */
enum netting_verdict netting_check(const struct netting_input *input,
				   const struct netting_solution *solution,
				   void *memory) MUST_CHECK;

/*
 * netting_check_draw: likewise the second stage after pool->set_off, which
 * must itself lie within the amounts (NETTING_OUT_OF_BOUNDS).
 *
 * Reads credit too.
 */
enum netting_verdict netting_check_draw(const struct netting_input *input,
					const struct netting_pool *pool,
					const struct netting_solution *solution,
					void *memory) MUST_CHECK;

#endif
