/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/grpc_guard.h"

static const struct {
	uint32_t burst;
	uint32_t forgive_us;
} RULES[GRPC_STRIKE_COUNT] = {
	[GRPC_STRIKE_PING] = { GRPC_PING_BURST, GRPC_PING_FORGIVE_US },
	[GRPC_STRIKE_SETTINGS] = { GRPC_SETTINGS_BURST,
				   GRPC_SETTINGS_FORGIVE_US },
	[GRPC_STRIKE_RESET] = { GRPC_RESET_BURST, GRPC_RESET_FORGIVE_US },
	[GRPC_STRIKE_EMPTY] = { GRPC_EMPTY_BURST, GRPC_EMPTY_FORGIVE_US },
};

bool grpc_guard_strike(struct grpc_guard *guard, enum grpc_strike kind,
		       uint64_t now_us)
{
	uint32_t *strikes = &guard->strikes[kind];
	uint64_t *since_us = &guard->since_us[kind];
	uint64_t forgiven = 0;

	if (now_us > *since_us)
		forgiven = (now_us - *since_us) / RULES[kind].forgive_us;
	if (forgiven >= *strikes) {
		*strikes = 0;
		*since_us = now_us;
	} else {
		*strikes -= (uint32_t)forgiven;
		*since_us += forgiven * RULES[kind].forgive_us;
	}
	if (*strikes >= RULES[kind].burst)
		return false;
	(*strikes)++;
	return true;
}

void grpc_guard_forgive(struct grpc_guard *guard, enum grpc_strike kind)
{
	guard->strikes[kind] = 0;
}
