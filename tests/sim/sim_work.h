/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_work: what coops and operators do all day: pay, here and to other
 * cities, hold, freeze, change limits and lines, and send again what they are
 * not sure of.
 */
#ifndef CLEARING_TESTS_SIM_SIM_WORK_H
#define CLEARING_TESTS_SIM_SIM_WORK_H

#include "sim/sim_world.h"

/* sim_work_begin: coops open their accounts; from then on they work. */
void sim_work_begin(struct sim_city *city);

/* sim_work: one command, and when the next one comes. */
void sim_work(struct sim_city *city);

/* sim_work_reveal: the key to @command's payment reaches its payee. */
void sim_work_reveal(struct sim_city *city, uint32_t command);

#endif
