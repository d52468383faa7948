/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * netting_case: obligations to be solved in a test, and a slow solver that
 * shares nothing with the real one.
 */
#ifndef CLEARING_TESTS_NETTING_CASE_H
#define CLEARING_TESTS_NETTING_CASE_H

#include "unit/support.h"

#include "base/slice.h"
#include "core/netting.h"
#include "core/netting_check.h"

struct netting_case {
	struct netting_input input;
	struct netting_obligation *obligations;
	struct netting_options options;
	struct netting_solution solution;
	struct netting_account *accounts; /* zero until set */
	struct netting_solution drawn;	  /* of the second stage */
	uint32_t room; /* obligations that there is room for */
};

/* case_init: room for that many obligations; there is none yet. */
void case_init(struct netting_case *one, uint32_t nodes, uint32_t room);
void case_release(struct netting_case *one);
/* case_add: one obligation more. */
void case_add(struct netting_case *one, uint32_t debtor, uint32_t creditor,
	      int64_t amount);
/* case_read: from a file of tests/data/netting. */
void case_read(struct netting_case *one, const char *name);

/*
 * case_make_source: 26 nodes, loops of equal amounts, and node 0 alone owes
 * more than it is owed: the network is turned.
 */
void case_make_source(struct netting_case *one);

/* case_solve, case_draw: the two stages, as they came out. */
enum netting_result case_solve(struct netting_case *one);
enum netting_result case_draw(struct netting_case *one);
/* case_verdict, case_draw_verdict: what the checker says of them. */
enum netting_verdict case_verdict(struct netting_case *one);
enum netting_verdict case_draw_verdict(struct netting_case *one);

/* case_expect: solve and prove it; @cleared is what must come out. */
void case_expect(struct netting_case *one, int64_t cleared);

/*
 * case_slow: the greatest set-off, by hunting loops that gain; and of the
 * second stage @weight * paid - credit, for any weight.
 */
int64_t case_slow(const struct netting_case *one);
int64_t case_slow_draw(const struct netting_case *one, int64_t weight);

/* case_draw_random: a number below @limit; case_seed: begin anew. */
uint32_t case_random(uint32_t limit);
void case_seed(uint64_t seed);

/* case_file: a file of tests/data/netting, malloc'ed. */
struct slice case_file(const char *name);

#endif
