/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_random: the one source of chance of a run.  The same seed gives the
 * same numbers for ever, on every machine.
 */
#ifndef CLEARING_TESTS_SIM_SIM_RANDOM_H
#define CLEARING_TESTS_SIM_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
	uint64_t state;
};

/* sim_random_seed: streams of one seed are independent of each other. */
void sim_random_seed(struct sim_random *random, uint64_t seed, uint64_t stream);

uint64_t sim_random_next(struct sim_random *random);

/* sim_random_below: 0 to @count - 1; @count > 0. */
uint64_t sim_random_below(struct sim_random *random, uint64_t count);

/* sim_random_between: @low to @high, both included. */
uint64_t sim_random_between(struct sim_random *random, uint64_t low,
			    uint64_t high);

/* sim_chance: true @per_mille times in a thousand. */
bool sim_chance(struct sim_random *random, uint32_t per_mille);

void sim_random_fill(struct sim_random *random, uint8_t *bytes, size_t size);

#endif
