/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_fault: what goes wrong: processes die, databases stall and lose what
 * was not written or are restored from old backups, cables are cut one way or
 * both, clocks jump.  Which of it a run sees is drawn from its seed.
 */
#ifndef CLEARING_TESTS_SIM_SIM_FAULT_H
#define CLEARING_TESTS_SIM_SIM_FAULT_H

#include "sim/sim_world.h"

/* sim_fault_plan: draw the run's plan; @cities 0: how many, too. */
void sim_fault_plan(struct sim *sim, uint32_t cities);

/* sim_fault_begin: from now on things go wrong. */
void sim_fault_begin(struct sim *sim);

/* sim_fault: one fault, and when the next one comes. */
void sim_fault(struct sim *sim);

/* sim_fault_heal: what was cut between two cities, or stalled, is whole. */
void sim_fault_heal(struct sim *sim, uint32_t city, uint32_t other);

/* sim_fault_mend: everything is mended and everybody is up. */
void sim_fault_mend(struct sim *sim);

#endif
