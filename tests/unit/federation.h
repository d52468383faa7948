/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * federation: a federation of cities a, b, c, ... with keys made of seeds,
 * for tests that need a signed roster: fill it, change it, sign it.
 */
#ifndef CLEARING_TESTS_FEDERATION_H
#define CLEARING_TESTS_FEDERATION_H

#include "node/crypto.h"
#include "peer/roster.h"

#define FEDERATION_CITIES_MAX 26
#define FEDERATION_KEYS_MAX (2 * FEDERATION_CITIES_MAX)

struct federation {
	struct roster *roster; /* what is changed */
	uint8_t *bytes;	       /* ROSTER_SIZE_MAX, of the newest encoding */
	uint8_t *body;	       /* likewise */
	/* Key i is city i's, key 26 + i its second one. */
	struct signing_key *keys[FEDERATION_KEYS_MAX];
	char key_ids[FEDERATION_KEYS_MAX][ROSTER_KEY_ID_SIZE];
	uint8_t signatures[FEDERATION_KEYS_MAX][LINKLOG_SIGNATURE_SIZE];
};

/*
 * federation_init: version 1 of federation "commons" in "credit" with two
 * decimals: @city_count cities, the first @founder_count of them founders, a
 * link of lines 1000.00 and 500.00 between each two neighbours in the alphabet.
 */
void federation_init(struct federation *federation, uint32_t city_count,
		     uint32_t founder_count);
void federation_release(struct federation *federation);

/* federation_key: the roster's entry for key @index, as CURRENT. */
struct roster_key federation_key(const struct federation *federation,
				 uint32_t index);

/*
 * federation_seal: encode the roster as it is, signed with the keys whose
 * bits are set in @signers (bit i: key i); the bytes, until the next seal.
 */
struct slice federation_seal(struct federation *federation, uint64_t signers);

/* federation_follow: make it the version after @bytes, still to be sealed. */
void federation_follow(struct federation *federation);

#endif
