/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_net: calls between cities.  A call's request and its reply are messages
 * of their own: each may be late, lost, doubled, or overtaken; the caller
 * gives up after a while.
 */
#ifndef CLEARING_TESTS_SIM_SIM_NET_H
#define CLEARING_TESTS_SIM_SIM_NET_H

#include "sim/sim_world.h"

/* sim_net_message: a message with room for @size bytes. */
struct sim_message *sim_net_message(size_t size);

/* sim_net_send: off it goes, and perhaps arrives; owns @message. */
void sim_net_send(struct sim *sim, struct sim_message *message);

/* sim_net_perform: what an engine asks for becomes a call. */
void sim_net_perform(struct sim_city *city, const struct peer_action *action);

/* sim_net_arrive: a message reaches its city; owns @message. */
void sim_net_arrive(struct sim *sim, struct sim_message *message);

/* sim_net_timeout: the caller of @call gives up, if it still waits. */
void sim_net_timeout(struct sim *sim, uint32_t call);

/* sim_net_connect: try to connect; again later when it does not work. */
void sim_net_connect(struct sim_city *city, uint32_t other);

/* sim_net_disconnect: the connection is gone, calls over it fail. */
void sim_net_disconnect(struct sim_city *city, uint32_t other);

/* sim_net_begin: a process starts: no connection stands, all are tried. */
void sim_net_begin(struct sim_city *city);

/* sim_net_gone: a process ended: its neighbours will notice. */
void sim_net_gone(struct sim_city *city);

#endif
