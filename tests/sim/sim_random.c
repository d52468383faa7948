/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_random.h"

#include <string.h>

#include "base/check.h"

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t sim_random_next(struct sim_random *random)
{
	uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void sim_random_seed(struct sim_random *random, uint64_t seed, uint64_t stream)
{
	struct sim_random first = { seed };

	random->state = sim_random_next(&first) ^
			(stream * UINT64_C(0xd1342543de82ef95));
	random->state = sim_random_next(random);
}

uint64_t sim_random_below(struct sim_random *random, uint64_t count)
{
	check(count > 0);
	return sim_random_next(random) % count;
}

uint64_t sim_random_between(struct sim_random *random, uint64_t low,
			    uint64_t high)
{
	check(low <= high);
	return low + sim_random_below(random, high - low + 1);
}

bool sim_chance(struct sim_random *random, uint32_t per_mille)
{
	return per_mille > 0 && sim_random_below(random, 1000) < per_mille;
}

void sim_random_fill(struct sim_random *random, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = sim_random_next(random);
		size_t left = size - i;

		memcpy(bytes + i, &word,
		       left < sizeof(word) ? left : sizeof(word));
	}
}
