/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/of_node.h"

#include "tools/system.h"

const struct bench_measure of_node_single = {
	"single_256", "single_256_p50", "single_256_p99", 1, 256, false
};

/* As fast as tables and journal together: until both are there. */
static bool run_sustained(struct bench *bench)
{
	const struct bench_measure measure = { .rate = "sustained_1000",
					       .batch = 1000,
					       .in_flight = 16 };
	uint64_t begun = system_monotonic_us();
	struct bench_outcome outcome;

	if (!bench_load(bench, &measure, &outcome) ||
	    !bench_catch_up(bench, bench->gateway, outcome.position))
		return false;
	(void)figures_add(&bench->figures, measure.rate, "transfers/s",
			  (double)outcome.posted * 1e6 /
				  (double)(system_monotonic_us() - begun));
	return true;
}

bool of_node_run(struct bench *bench)
{
	static const struct bench_measure batched[] = {
		{ "batched_100", "batched_100_p50", "batched_100_p99", 100, 64,
		  false },
		{ "batched_1000", "batched_1000_p50", "batched_1000_p99", 1000,
		  16, false },
	};
	static const struct bench_measure others[] = {
		{ "single_1", "single_1_p50", "single_1_p99", 1, 1, false },
		{ "hot_pair_1000", NULL, NULL, 1000, 16, true },
	};

	return bench_measure(bench, &batched[0]) &&
	       bench_measure(bench, &batched[1]) &&
	       bench_measure(bench, &of_node_single) &&
	       bench_measure(bench, &others[0]) &&
	       bench_measure(bench, &others[1]) && run_sustained(bench);
}
