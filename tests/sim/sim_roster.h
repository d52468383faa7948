/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_roster: which cities there are, which have a link, and the ways between
 * them, as the engines ask for it.
 */
#ifndef CLEARING_TESTS_SIM_SIM_ROSTER_H
#define CLEARING_TESTS_SIM_SIM_ROSTER_H

#include "sim/sim_world.h"

/* sim_roster_make: links and lines of this run. */
void sim_roster_make(struct sim *sim);

/* sim_roster_directory: what @city's engine asks. */
struct peer_directory sim_roster_directory(struct sim_city *city);

/* sim_roster_random: a random_fill function. */
void sim_roster_random(uint8_t *bytes, size_t size);

/* sim_roster_hash: the sha256_function of this run. */
sha256_function *sim_roster_hash(const struct sim *sim);

#endif
