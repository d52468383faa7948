/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "unit/federation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

/* Texts that rosters point into; the same for every federation. */
static char names[FEDERATION_CITIES_MAX][2];
static char uris[FEDERATION_CITIES_MAX][40];
static uint8_t prev_hash[SHA256_SIZE];

struct roster_key federation_key(const struct federation *federation,
				 uint32_t index)
{
	return (struct roster_key){
		.id = slice_of(federation->key_ids[index], ROSTER_KEY_ID_SIZE),
		.key = slice_of(signing_key_public(federation->keys[index]),
				NODE_KEY_SIZE),
		.state = ROSTER_KEY_CURRENT,
	};
}

static void make_key(struct federation *federation, uint32_t index)
{
	uint8_t seed[SIGNING_SEED_SIZE] = { 7, (uint8_t)index };

	federation->keys[index] = signing_key_of_seed(seed);
	assert_non_null(federation->keys[index]);
	roster_key_id(signing_key_public(federation->keys[index]),
		      crypto_sha256, federation->key_ids[index]);
}

static struct roster_city make_city(const struct federation *federation,
				    uint32_t index)
{
	struct roster_city city = {
		.place = SLICE("Somewhere, XY"),
		.bioregion = SLICE("north-atlantic"),
		.ca = SLICE(PEM),
		.endpoint = SLICE("127.0.0.1:7440"),
		.latitude = -41387400,
		.longitude = 2168600,
		.keys = { federation_key(federation, index) },
		.key_count = 1,
		.status = ROSTER_CITY_ACTIVE,
	};

	names[index][0] = (char)('a' + index);
	snprintf(uris[index], sizeof(uris[index]), "spiffe://commons/city/%s",
		 names[index]);
	city.name = slice_from_text(names[index]);
	city.uri = slice_from_text(uris[index]);
	return city;
}

void federation_init(struct federation *federation, uint32_t city_count,
		     uint32_t founder_count)
{
	struct roster *roster;

	memset(federation, 0, sizeof(*federation));
	federation->roster = calloc(1, sizeof(*federation->roster));
	federation->bytes = malloc(ROSTER_SIZE_MAX);
	federation->body = malloc(ROSTER_SIZE_MAX);
	assert_true(federation->roster != NULL && federation->bytes != NULL &&
		    federation->body != NULL);
	for (uint32_t i = 0; i < FEDERATION_KEYS_MAX; i++)
		make_key(federation, i);
	roster = federation->roster;
	roster->version = 1;
	roster->federation = SLICE("commons");
	roster->unit = SLICE("credit");
	roster->decimals = 2;
	for (uint32_t i = 0; i < city_count; i++) {
		roster->cities[roster->city_count++] = make_city(federation, i);
		if (i < founder_count)
			roster->founders[roster->founder_count++] =
				roster->cities[i].name;
		if (i > 0)
			roster->links[roster->link_count++] =
				(struct roster_link){ i - 1, i,
						      money_of(100000),
						      money_of(50000), 500 };
	}
}

void federation_release(struct federation *federation)
{
	for (uint32_t i = 0; i < FEDERATION_KEYS_MAX; i++)
		signing_key_free(federation->keys[i]);
	free(federation->roster);
	free(federation->bytes);
	free(federation->body);
}

static void sign(struct federation *federation, uint32_t index)
{
	struct roster *roster = federation->roster;
	struct slice city = roster->cities[index % FEDERATION_CITIES_MAX].name;
	struct slice key_id =
		slice_of(federation->key_ids[index], ROSTER_KEY_ID_SIZE);
	uint32_t at = roster->signature_count++;
	uint8_t bytes[ROSTER_SIGNED_SIZE];

	roster_signed(roster->hash, bytes);
	crypto_sign(federation->keys[index], slice_of(bytes, sizeof(bytes)),
		    federation->signatures[index]);
	/* In order of (city, key_id). */
	while (at > 0 &&
	       (slice_compare(roster->signatures[at - 1].city, city) > 0 ||
		(slice_equal(roster->signatures[at - 1].city, city) &&
		 slice_compare(roster->signatures[at - 1].key_id, key_id) >
			 0))) {
		roster->signatures[at] = roster->signatures[at - 1];
		at--;
	}
	roster->signatures[at] = (struct roster_signature){
		city, key_id,
		slice_of(federation->signatures[index], LINKLOG_SIGNATURE_SIZE)
	};
}

struct slice federation_seal(struct federation *federation, uint64_t signers)
{
	struct roster *roster = federation->roster;
	struct buffer buffer;

	buffer_init(&buffer, federation->body, ROSTER_SIZE_MAX);
	roster_encode_body(roster, &buffer);
	assert_false(buffer.overflowed);
	roster->body = buffer_view(&buffer);
	crypto_sha256(roster->body, roster->hash);
	roster->signature_count = 0;
	for (uint32_t i = 0; i < FEDERATION_KEYS_MAX; i++) {
		if ((signers >> i & 1) != 0)
			sign(federation, i);
	}
	buffer_init(&buffer, federation->bytes, ROSTER_SIZE_MAX);
	roster_encode(roster, &buffer);
	assert_false(buffer.overflowed);
	return buffer_view(&buffer);
}

void federation_follow(struct federation *federation)
{
	struct roster *roster = federation->roster;

	memcpy(prev_hash, roster->hash, sizeof(prev_hash));
	roster->prev_hash = slice_of(prev_hash, sizeof(prev_hash));
	roster->version++;
}
