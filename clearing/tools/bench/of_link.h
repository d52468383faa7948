/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * of_link: the figures of a link: payments from one city to its neighbour,
 * what each takes of messages, signatures and journal blocks, how long they
 * take at half that rate; and single transfers of the paying city alone, to
 * compare with.
 */
#ifndef CLEARING_TOOLS_BENCH_OF_LINK_H
#define CLEARING_TOOLS_BENCH_OF_LINK_H

#include "tools/bench/bench.h"

/* The least share of single_256 that payments over a link shall reach. */
#define OF_LINK_TARGET 0.2

/* of_link_run: from bench->node, which bench_prepare() found, to bench->to. */
bool of_link_run(struct bench *bench) MUST_CHECK;

#endif
