/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* of_node: the figures of one node: transfers alone, in batches, sustained. */
#ifndef CLEARING_TOOLS_BENCH_OF_NODE_H
#define CLEARING_TOOLS_BENCH_OF_NODE_H

#include "tools/bench/bench.h"

/* Single transfers, 256 requests in flight: what a link is compared with. */
extern const struct bench_measure of_node_single;

/* of_node_run: everything about bench->node, which bench_prepare() found. */
bool of_node_run(struct bench *bench) MUST_CHECK;

#endif
