/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_liar: a city that runs the same engine behind a shell that lies: it
 * signs a second batch at the same place, sends old messages again, and makes
 * up acknowledgements.  Only what the honest ones keep is then looked at.
 */
#ifndef CLEARING_TESTS_SIM_SIM_LIAR_H
#define CLEARING_TESTS_SIM_SIM_LIAR_H

#include "sim/sim_world.h"

/* sim_liar_meddle: what leaves a liar may be another message, or two. */
void sim_liar_meddle(struct sim *sim, struct sim_message **message);

#endif
