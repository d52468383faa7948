/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * siphash: SipHash-2-4 with 64 and 128 bits of output (Aumasson, Bernstein
 * 2012; the 128-bit form as in the authors' reference).  Keyed, so that who
 * chooses the input cannot choose collisions.  Never for anything that must
 * convince another party: that is SHA-256, passed in from outside.
 */
#ifndef CLEARING_BASE_SIPHASH_H
#define CLEARING_BASE_SIPHASH_H

#include <stdint.h>

#include "base/slice.h"

struct siphash_key {
	uint64_t k0, k1;
};

struct hash128 {
	uint64_t a, b;
};

/* siphash64: 64-bit hash of @bytes under @key. */
uint64_t siphash64(struct siphash_key key, struct slice bytes);

/* siphash128: 128-bit hash of @bytes under @key. */
struct hash128 siphash128(struct siphash_key key, struct slice bytes);

/* hash128_equal: same hash. */
static inline bool hash128_equal(struct hash128 x, struct hash128 y)
{
	return x.a == y.a && x.b == y.b;
}

#endif
