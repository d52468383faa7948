/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* transfers: PostTransfers as the work of a load. */
#ifndef CLEARING_TOOLS_BENCH_TRANSFERS_H
#define CLEARING_TOOLS_BENCH_TRANSFERS_H

#include "tools/bench/draw.h"
#include "tools/bench/load.h"

struct transfers {
	struct draw *draw; /* the caller's */
	uint32_t batch;	   /* transfers a request */
	uint64_t posted;
	uint64_t refused;
	uint64_t position; /* the newest that was told */
	struct transfer_command *commands;
	struct id *ids;
	struct answer *answers;
};

/* transfers_init: @batch a request, drawn by @draw. */
void transfers_init(struct transfers *transfers, struct draw *draw,
		    uint32_t batch);
void transfers_release(struct transfers *transfers);

/* transfers_work: for load_run(); @transfers outlives it. */
struct load_work transfers_work(struct transfers *transfers);

#endif
