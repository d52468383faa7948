/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/machine.h"

#include <stddef.h>

#include "base/check.h"

bool machine_allows(const struct machine *machine, uint8_t state, uint8_t event,
		    uint8_t *to)
{
	check(machine->moves != NULL);
	for (uint32_t i = 0; i < machine->move_count; i++) {
		const struct machine_move *move = &machine->moves[i];

		if (move->from == state && move->event == event) {
			*to = move->to;
			return true;
		}
	}
	return false;
}

void machine_step(const struct machine *machine, uint8_t *state, uint8_t event)
{
	uint8_t to = 0;
	bool allowed = machine_allows(machine, *state, event, &to);

	check(allowed);
	*state = to;
}
