/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_city: one city's process as the node would run it: ledger, engine,
 * blocks that are opened, closed and acknowledged, replies that wait.
 */
#ifndef CLEARING_TESTS_SIM_SIM_CITY_H
#define CLEARING_TESTS_SIM_SIM_CITY_H

#include "sim/sim_world.h"

/* sim_city_found: an empty city with its genesis block. */
void sim_city_found(struct sim *sim, uint32_t number);

/* sim_city_free: memory and store. */
void sim_city_free(struct sim_city *city);

/* sim_city_start: a new process: replay, a new epoch, hello to everybody. */
void sim_city_start(struct sim_city *city);

/*
 * sim_city_crash: the process is gone; of the blocks in flight some landed.
 *
 * @cut  acknowledged blocks that a backup did not have.
 */
void sim_city_crash(struct sim_city *city, uint32_t cut);

/* sim_city_reload: it takes the newest roster. */
void sim_city_reload(struct sim_city *city);

/* sim_city_now: node time. */
uint64_t sim_city_now(struct sim_city *city);

/* sim_city_turn: what the node does after anything happened. */
void sim_city_turn(struct sim_city *city);

/* sim_city_open: a recorder with room; false: the queue is full. */
bool sim_city_open(struct sim_city *city, uint32_t entries, uint32_t events,
		   size_t bytes, struct recorder *out);

/* sim_city_close: the open block is closed and on its way. */
void sim_city_close(struct sim_city *city);

/* sim_city_commit: the oldest block in flight is acknowledged. */
void sim_city_commit(struct sim_city *city);

/* sim_city_newest: the newest block with anything in it. */
uint64_t sim_city_newest(const struct sim_city *city);

/* sim_city_durable: the newest acknowledged block. */
uint64_t sim_city_durable(const struct sim_city *city);

/* sim_city_wait: tell @waiting once its block is acknowledged. */
void sim_city_wait(struct sim_city *city, struct sim_waiting waiting);

/* sim_city_link: the number of its link with @other; 0: none yet. */
uint32_t sim_city_link(const struct sim_city *city, uint32_t other);

/* sim_city_of: the number of the city with @name, or SIM_NONE. */
uint32_t sim_city_of(const struct sim *sim, struct slice name);

/* sim_city_is_idle: nothing is under way, nothing is left to do. */
bool sim_city_is_idle(const struct sim_city *city);

/* sim_city_state: a hash of all that a replay must give again. */
uint64_t sim_city_state(const struct ledger *ledger);

/* sim_city_each_block: every stored block, decoded from its bytes. */
typedef void sim_block_function(struct sim_city *city,
				const struct sim_block *stored,
				const struct block *block, void *context);
void sim_city_each_block(struct sim_city *city, sim_block_function *visit,
			 void *context);

/*
 * sim_city_replay: apply every stored block to an empty @ledger and compare
 * with the states that were seen when they were closed.
 *
 * @logs  build the store's logs anew too.
 */
void sim_city_replay(struct sim_city *city, struct ledger *ledger, bool logs);

#endif
