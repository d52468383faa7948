/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "peer/roster.h"

#include "peer/roster_format.h"

#define KEY_SIZE_MAX 64
#define CITY_SIZE_MAX                                               \
	(ROSTER_KEYS_MAX * KEY_SIZE_MAX + 3 * NAME_SIZE_MAX +       \
	 2 * ROSTER_PLACE_SIZE_MAX + 2 * ROSTER_ENDPOINT_SIZE_MAX + \
	 ROSTER_CA_SIZE_MAX + 64)
#define LINK_SIZE_MAX (2 * NAME_SIZE_MAX + 32)
#define SIGNATURE_SIZE_MAX \
	(NAME_SIZE_MAX + LINKLOG_KEY_ID_SIZE_MAX + LINKLOG_SIGNATURE_SIZE + 16)

/* A message that does not fit its room has a value over its limit. */
static void put_message(struct buffer *out, uint32_t number,
			const struct buffer *message)
{
	check(message->size > 0 || message->overflowed);
	if (message->overflowed)
		out->overflowed = true;
	buffer_put_field_bytes(out, number, buffer_view(message));
}

static void put_key(struct buffer *out, const struct roster_key *key)
{
	uint8_t bytes[KEY_SIZE_MAX];
	struct buffer message;

	buffer_init(&message, bytes, sizeof(bytes));
	buffer_put_field_bytes(&message, KEY_ID, key->id);
	buffer_put_field_bytes(&message, KEY_BYTES, key->key);
	buffer_put_field_varint(&message, KEY_STATE, key->state);
	put_message(out, CITY_KEYS, &message);
}

static void put_city(struct buffer *out, const struct roster_city *city)
{
	uint8_t bytes[CITY_SIZE_MAX];
	struct buffer message;

	check(city->key_count <= ROSTER_KEYS_MAX);
	buffer_init(&message, bytes, sizeof(bytes));
	buffer_put_field_bytes(&message, CITY_NAME, city->name);
	buffer_put_field_bytes(&message, CITY_PLACE, city->place);
	buffer_put_field_varint(&message, CITY_LATITUDE,
				zigzag(city->latitude));
	buffer_put_field_varint(&message, CITY_LONGITUDE,
				zigzag(city->longitude));
	buffer_put_field_bytes(&message, CITY_BIOREGION, city->bioregion);
	for (uint32_t i = 0; i < city->key_count; i++)
		put_key(&message, &city->keys[i]);
	buffer_put_field_bytes(&message, CITY_CA, city->ca);
	buffer_put_field_bytes(&message, CITY_ENDPOINT, city->endpoint);
	buffer_put_field_bytes(&message, CITY_URI, city->uri);
	buffer_put_field_varint(&message, CITY_STATUS, city->status);
	put_message(out, ROSTER_CITIES, &message);
}

static void put_link(struct buffer *out, const struct roster *roster,
		     const struct roster_link *link)
{
	uint8_t bytes[LINK_SIZE_MAX];
	struct buffer message;

	check(link->a < roster->city_count && link->b < roster->city_count);
	buffer_init(&message, bytes, sizeof(bytes));
	buffer_put_field_bytes(&message, LINK_A, roster->cities[link->a].name);
	buffer_put_field_bytes(&message, LINK_B, roster->cities[link->b].name);
	buffer_put_field_varint(&message, LINK_LINE_A,
				(uint64_t)money_minor(link->line_a));
	buffer_put_field_varint(&message, LINK_LINE_B,
				(uint64_t)money_minor(link->line_b));
	/* The default is written by its absence. */
	if (link->in_flight_per_mille != ROSTER_IN_FLIGHT_PER_MILLE_DEFAULT)
		buffer_put_field_varint(&message, LINK_IN_FLIGHT,
					link->in_flight_per_mille);
	put_message(out, ROSTER_LINKS, &message);
}

void roster_encode_body(const struct roster *roster, struct buffer *out)
{
	check(roster->founder_count <= ROSTER_CITIES_MAX);
	check(roster->city_count <= ROSTER_CITIES_MAX);
	check(roster->link_count <= ROSTER_LINKS_MAX);
	buffer_put_field_varint(out, ROSTER_VERSION, roster->version);
	buffer_put_field_bytes(out, ROSTER_FEDERATION, roster->federation);
	buffer_put_field_bytes(out, ROSTER_UNIT, roster->unit);
	buffer_put_field_varint(out, ROSTER_DECIMALS, roster->decimals);
	buffer_put_field_bytes(out, ROSTER_PREV_HASH, roster->prev_hash);
	for (uint32_t i = 0; i < roster->founder_count; i++)
		buffer_put_field_bytes(out, ROSTER_FOUNDERS,
				       roster->founders[i]);
	for (uint32_t i = 0; i < roster->city_count; i++)
		put_city(out, &roster->cities[i]);
	for (uint32_t i = 0; i < roster->link_count; i++)
		put_link(out, roster, &roster->links[i]);
}

void roster_encode(const struct roster *roster, struct buffer *out)
{
	check(roster->signature_count <= ROSTER_SIGNATURES_MAX);
	buffer_put_field_bytes(out, SIGNED_ROSTER, roster->body);
	for (uint32_t i = 0; i < roster->signature_count; i++) {
		const struct roster_signature *one = &roster->signatures[i];
		uint8_t bytes[SIGNATURE_SIZE_MAX];
		struct buffer message;

		buffer_init(&message, bytes, sizeof(bytes));
		buffer_put_field_bytes(&message, SIGNATURE_CITY, one->city);
		buffer_put_field_bytes(&message, SIGNATURE_KEY_ID, one->key_id);
		buffer_put_field_bytes(&message, SIGNATURE_BYTES,
				       one->signature);
		put_message(out, SIGNED_SIGNATURES, &message);
	}
}

void roster_signed(const uint8_t hash[SHA256_SIZE],
		   uint8_t out[ROSTER_SIGNED_SIZE])
{
	struct buffer buffer;

	buffer_init(&buffer, out, ROSTER_SIGNED_SIZE);
	buffer_put_text(&buffer, "clearing/roster/1");
	buffer_put_byte(&buffer, 0);
	buffer_put(&buffer, slice_of(hash, SHA256_SIZE));
	check(!buffer.overflowed && buffer.size == ROSTER_SIGNED_SIZE);
}
