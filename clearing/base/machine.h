/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * machine: a state machine is a table of allowed moves.  The owner draws it
 * above its table, keeps the state, and moves it only through here.
 */
#ifndef CLEARING_BASE_MACHINE_H
#define CLEARING_BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

struct machine_move {
	uint8_t from;
	uint8_t event;
	uint8_t to;
};

struct machine {
	const char *name;
	const struct machine_move *moves;
	uint32_t move_count;
	const char *const *state_names;
	const char *const *event_names;
};

/*
 * machine_allows: is there a move for @event in @state?
 *
 * @to  receives the state it leads to; written only when there is one.
 */
bool machine_allows(const struct machine *machine, uint8_t state, uint8_t event,
		    uint8_t *to);

/* machine_step: move @state by @event; a move not in the table panics. */
void machine_step(const struct machine *machine, uint8_t *state, uint8_t event);

#endif
