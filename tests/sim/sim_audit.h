/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_audit: once everything is quiet: replay, and hold the books of all
 * cities against each other and against what clients were told.
 */
#ifndef CLEARING_TESTS_SIM_SIM_AUDIT_H
#define CLEARING_TESTS_SIM_SIM_AUDIT_H

#include "sim/sim_world.h"

void sim_audit(struct sim *sim);

#endif
