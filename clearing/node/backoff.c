/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/backoff.h"

#include "base/check.h"

uint64_t backoff_us(uint32_t failures, uint64_t random)
{
	uint64_t wait_us = BACKOFF_US_MIN;

	if (failures == 0)
		return 0;
	for (uint32_t i = 1; i < failures && wait_us < BACKOFF_US_MAX; i++)
		wait_us *= 2;
	if (wait_us > BACKOFF_US_MAX)
		wait_us = BACKOFF_US_MAX;
	check(wait_us >= BACKOFF_US_MIN);
	return wait_us - random % (wait_us / 4);
}
