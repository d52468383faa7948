/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "base/siphash.h"

#include <string.h>

#include "base/check.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v2 = rotate_left(s->v2, 32);
}

static uint64_t load_little(const uint8_t *bytes, size_t size)
{
	uint64_t word = 0;

	check(size <= 8);
	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static void absorb(struct sip *s, struct slice bytes)
{
	size_t at = 0;
	uint64_t word;

	check(bytes.size == 0 || bytes.data != NULL);
	for (; at + 8 <= bytes.size; at += 8) {
		word = load_little(bytes.data + at, 8);
		s->v3 ^= word;
		sip_round(s);
		sip_round(s);
		s->v0 ^= word;
	}
	word = (uint64_t)bytes.size << 56;
	if (at < bytes.size)
		word |= load_little(bytes.data + at, bytes.size - at);
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

static uint64_t squeeze(struct sip *s)
{
	for (int i = 0; i < 4; i++)
		sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

static struct sip start(struct siphash_key key)
{
	return (struct sip){ key.k0 ^ 0x736f6d6570736575u,
			     key.k1 ^ 0x646f72616e646f6du,
			     key.k0 ^ 0x6c7967656e657261u,
			     key.k1 ^ 0x7465646279746573u };
}

uint64_t siphash64(struct siphash_key key, struct slice bytes)
{
	struct sip s = start(key);

	absorb(&s, bytes);
	s.v2 ^= 0xff;
	return squeeze(&s);
}

struct hash128 siphash128(struct siphash_key key, struct slice bytes)
{
	struct sip s = start(key);
	struct hash128 hash;

	s.v1 ^= 0xee;
	absorb(&s, bytes);
	s.v2 ^= 0xee;
	hash.a = squeeze(&s);
	s.v1 ^= 0xdd;
	hash.b = squeeze(&s);
	return hash;
}
