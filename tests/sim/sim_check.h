/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_check: the all-seeing observer.  It is told what happens, keeps running
 * totals, and ends the run when something does not hold.
 */
#ifndef CLEARING_TESTS_SIM_SIM_CHECK_H
#define CLEARING_TESTS_SIM_SIM_CHECK_H

#include "sim/sim_world.h"

/* sim_check_city: sums, limits, books of links: whatever one city can show. */
void sim_check_city(struct sim_city *city);

/* sim_check_payment: a payment changed; agreement, and lines when accepted. */
void sim_check_payment(struct sim_city *city, const struct payment *payment);

/* sim_check_forget: the city's memory is gone; what it knew is not known. */
void sim_check_forget(struct sim_city *city);

/* sim_check_replayed: what it knows again agrees with the others. */
void sim_check_replayed(struct sim_city *city);

/* sim_check_outcome: an engine says how a payment ended; told when durable. */
void sim_check_outcome(struct sim_city *city,
		       const struct peer_outcome *outcome);

/* sim_check_told: a client hears. */
void sim_check_told(struct sim_city *city, const struct sim_waiting *waiting);

/* sim_check_head: @batch of a neighbour is durable here: the same for ever. */
void sim_check_head(struct sim_city *city, uint32_t link,
		    const struct sim_batch *batch);

/* Answers and alarms that no honest city gives another. */
void sim_check_alarm(struct sim_city *city, uint32_t other, const char *what);
void sim_check_answer(struct sim_city *city, uint32_t from, uint32_t answer);
void sim_check_hello(struct sim_city *city, uint32_t from, uint32_t result);

/* sim_check_nothing_open: every payment has ended here. */
bool sim_check_nothing_open(const struct sim_city *city);

/* sim_check_why_not_quiet: it took too long; says where it hangs. */
_Noreturn void sim_check_why_not_quiet(struct sim *sim);

/* sim_check_find: the first payment with @id, or NULL. */
struct sim_payment *sim_check_find(struct sim *sim, const struct id *id);

#endif
