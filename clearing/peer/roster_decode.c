/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Reading a roster: strictly, piece by piece, each checked where it is read. */
#include "peer/roster.h"

#include <string.h>

#include "base/utf8.h"
#include "core/block_format.h"
#include "core/identity.h"
#include "peer/roster_format.h"

#define PEM_HEAD "-----BEGIN CERTIFICATE-----"
#define LATITUDE_MAX 90000000
#define LONGITUDE_MAX 180000000
#define PER_MILLE_MAX 1000
#define PORT_MAX 65535
/* Exact in JSON. */
#define VERSION_MAX ((UINT64_C(1) << 53) - 1)

/* fields_next(), where @number may come again after itself. */
static bool next_field(struct fields *fields, uint32_t number_min,
		       uint32_t number_max)
{
	check(number_min <= number_max);
	if (fields->number >= number_min && fields->number <= number_max)
		fields->repeated = fields->number;
	return fields_next(fields);
}

static enum roster_result fields_end(const struct fields *fields)
{
	return fields_result(fields) == BLOCK_DECODED ? ROSTER_OK
						      : ROSTER_MALFORMED;
}

/* A field nobody knows (rule PEER-8). */
static enum roster_result unknown_field(struct fields *fields)
{
	reader_fail(&fields->reader);
	return ROSTER_MALFORMED;
}

/* A number of at most 32 bits; more becomes the largest, which no field is. */
static uint32_t small_varint(struct fields *fields)
{
	uint64_t value = fields_varint(fields);

	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static int64_t signed_varint(struct fields *fields)
{
	return unzigzag(fields_varint(fields));
}

static bool angle_valid(int64_t angle, int64_t angle_max)
{
	return angle >= -angle_max && angle <= angle_max;
}

/* Whom the result is about; only what can be shown. */
static void blame(struct roster *roster, struct slice city)
{
	check(roster != NULL);
	roster->fault = name_valid(city) ? city : (struct slice){ 0 };
}

static enum roster_result decode_signature(struct slice bytes,
					   struct roster_signature *out)
{
	struct fields fields = { .reader = reader_of(bytes) };

	while (fields_next(&fields)) {
		switch (fields.number) {
		case SIGNATURE_CITY:
			out->city = fields_bytes(&fields);
			break;
		case SIGNATURE_KEY_ID:
			out->key_id = fields_bytes(&fields);
			break;
		case SIGNATURE_BYTES:
			out->signature = fields_bytes(&fields);
			break;
		default:
			return unknown_field(&fields);
		}
	}
	if (fields_end(&fields) != ROSTER_OK || !name_valid(out->city) ||
	    out->key_id.size != ROSTER_KEY_ID_SIZE ||
	    out->signature.size != LINKLOG_SIGNATURE_SIZE)
		return ROSTER_MALFORMED;
	return ROSTER_OK;
}

static enum roster_result add_signature(struct roster *roster,
					struct slice bytes)
{
	struct roster_signature *one =
		&roster->signatures[roster->signature_count];
	int order;

	if (roster->signature_count == ROSTER_SIGNATURES_MAX)
		return ROSTER_TOO_LARGE;
	if (decode_signature(bytes, one) != ROSTER_OK)
		return ROSTER_MALFORMED;
	if (roster->signature_count++ == 0)
		return ROSTER_OK;
	order = slice_compare(one[-1].city, one->city);
	if (order == 0)
		order = slice_compare(one[-1].key_id, one->key_id);
	blame(roster, one->city);
	return order < 0 ? ROSTER_OK : ROSTER_DUPLICATE;
}

static bool key_valid(const struct roster_key *key, sha256_function *sha256)
{
	char id[ROSTER_KEY_ID_SIZE];

	if (key->key.size != NODE_KEY_SIZE || key->state < ROSTER_KEY_CURRENT ||
	    key->state > ROSTER_KEY_REVOKED)
		return false;
	roster_key_id(key->key.data, sha256, id);
	return slice_equal(key->id, slice_of(id, sizeof(id)));
}

static enum roster_result decode_key(struct slice bytes, struct roster_key *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	uint32_t state = 0;

	while (fields_next(&fields)) {
		switch (fields.number) {
		case KEY_ID:
			out->id = fields_bytes(&fields);
			break;
		case KEY_BYTES:
			out->key = fields_bytes(&fields);
			break;
		case KEY_STATE:
			state = small_varint(&fields);
			break;
		default:
			return unknown_field(&fields);
		}
	}
	out->state = state > ROSTER_KEY_REVOKED ? 0 : (uint8_t)state;
	return fields_end(&fields);
}

static enum roster_result add_key(struct roster_city *city, struct slice bytes,
				  sha256_function *sha256)
{
	struct roster_key *key = &city->keys[city->key_count];

	if (city->key_count == ROSTER_KEYS_MAX)
		return ROSTER_TOO_LARGE;
	if (decode_key(bytes, key) != ROSTER_OK)
		return ROSTER_MALFORMED;
	if (!key_valid(key, sha256))
		return ROSTER_BAD_KEY;
	if (city->key_count++ > 0 && slice_compare(key[-1].id, key->id) >= 0)
		return ROSTER_DUPLICATE;
	return ROSTER_OK;
}

/* One field of City that is no key; false: a field nobody knows. */
static bool decode_city_field(struct fields *fields, struct roster_city *city,
			      int64_t angles[2])
{
	switch (fields->number) {
	case CITY_NAME:
		city->name = fields_bytes(fields);
		return true;
	case CITY_PLACE:
		city->place = fields_bytes(fields);
		return true;
	case CITY_LATITUDE:
		angles[0] = signed_varint(fields);
		return true;
	case CITY_LONGITUDE:
		angles[1] = signed_varint(fields);
		return true;
	case CITY_BIOREGION:
		city->bioregion = fields_bytes(fields);
		return true;
	case CITY_CA:
		city->ca = fields_bytes(fields);
		return true;
	case CITY_ENDPOINT:
		city->endpoint = fields_bytes(fields);
		return true;
	case CITY_URI:
		city->uri = fields_bytes(fields);
		return true;
	}
	return false;
}

static bool port_valid(struct slice text)
{
	uint32_t port = 0;

	if (text.size == 0 || text.size > 5 || text.data[0] == '0')
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		port = port * 10 + (uint32_t)(text.data[i] - '0');
	}
	return port <= PORT_MAX;
}

static bool host_byte_valid(uint8_t byte, bool bracketed)
{
	bool digit = byte >= '0' && byte <= '9';
	bool letter =
		(byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');

	if (bracketed)
		return digit || letter || byte == ':' || byte == '.';
	return digit || letter || byte == '.' || byte == '-';
}

/* host:port, 192.0.2.1:port or [IPv6]:port. */
static bool endpoint_valid(struct slice text)
{
	size_t colon = text.size;
	bool bracketed = text.size > 0 && text.data[0] == '[';
	struct slice host;

	if (text.size > ROSTER_ENDPOINT_SIZE_MAX)
		return false;
	while (colon > 0 && text.data[colon - 1] != ':')
		colon--;
	if (colon < 2 || !port_valid(slice_from(text, colon)))
		return false;
	host = slice_upto(text, colon - 1);
	if (bracketed) {
		if (host.size < 4 || host.data[host.size - 1] != ']')
			return false;
		host = slice_of(host.data + 1, host.size - 2);
	}
	for (size_t i = 0; i < host.size; i++) {
		if (!host_byte_valid(host.data[i], bracketed))
			return false;
	}
	return true;
}

/* Exactly spiffe://FEDERATION/city/NAME. */
static bool uri_valid(const struct roster *roster,
		      const struct roster_city *city)
{
	struct identity identity;

	return identity_parse(city->uri, &identity) &&
	       identity.role == ROLE_CITY &&
	       slice_equal(identity.federation, roster->federation) &&
	       slice_equal(identity.city, city->name);
}

static bool city_valid(const struct roster *roster,
		       const struct roster_city *city)
{
	return name_valid(city->name) &&
	       city->place.size <= ROSTER_PLACE_SIZE_MAX &&
	       utf8_printable(city->place) &&
	       (city->bioregion.size == 0 || name_valid(city->bioregion)) &&
	       city->ca.size <= ROSTER_CA_SIZE_MAX && utf8_valid(city->ca) &&
	       slice_starts_with(city->ca, SLICE(PEM_HEAD)) &&
	       endpoint_valid(city->endpoint) && uri_valid(roster, city) &&
	       (city->status == ROSTER_CITY_ACTIVE ||
		city->status == ROSTER_CITY_GONE);
}

/* One key is CURRENT; a city that is gone may have none. */
static bool keys_valid(const struct roster_city *city)
{
	uint32_t current = 0;

	for (uint32_t i = 0; i < city->key_count; i++)
		current += city->keys[i].state == ROSTER_KEY_CURRENT;
	if (city->status == ROSTER_CITY_GONE)
		return current <= 1;
	return current == 1;
}

static enum roster_result decode_city(struct slice bytes,
				      sha256_function *sha256,
				      struct roster_city *city)
{
	struct fields fields = { .reader = reader_of(bytes) };
	int64_t angles[2] = { 0, 0 };
	enum roster_result result = ROSTER_OK;
	uint32_t status = 0;

	while (result == ROSTER_OK &&
	       next_field(&fields, CITY_KEYS, CITY_KEYS)) {
		if (fields.number == CITY_KEYS)
			result = add_key(city, fields_bytes(&fields), sha256);
		else if (fields.number == CITY_STATUS)
			status = small_varint(&fields);
		else if (!decode_city_field(&fields, city, angles))
			return unknown_field(&fields);
	}
	if (!reader_ok(&fields.reader) || fields.uncanonical)
		return ROSTER_MALFORMED;
	if (result != ROSTER_OK)
		return result;
	if (!angle_valid(angles[0], LATITUDE_MAX) ||
	    !angle_valid(angles[1], LONGITUDE_MAX))
		return ROSTER_BAD_CITY;
	city->latitude = (int32_t)angles[0];
	city->longitude = (int32_t)angles[1];
	city->status = status > ROSTER_CITY_GONE ? 0 : (uint8_t)status;
	return ROSTER_OK;
}

static enum roster_result add_city(struct roster *roster, struct slice bytes,
				   sha256_function *sha256)
{
	struct roster_city *city = &roster->cities[roster->city_count];
	enum roster_result result;

	if (roster->city_count == ROSTER_CITIES_MAX)
		return ROSTER_TOO_LARGE;
	result = decode_city(bytes, sha256, city);
	blame(roster, city->name);
	if (result != ROSTER_OK)
		return result;
	if (!city_valid(roster, city))
		return ROSTER_BAD_CITY;
	if (!keys_valid(city))
		return ROSTER_BAD_KEY;
	if (roster->city_count++ > 0 &&
	    slice_compare(city[-1].name, city->name) >= 0)
		return ROSTER_DUPLICATE;
	return ROSTER_OK;
}

struct link_fields {
	struct slice a, b;
	uint64_t line_a, line_b;
	uint32_t in_flight_per_mille;
};

static enum roster_result decode_link(struct slice bytes,
				      struct link_fields *out)
{
	struct fields fields = { .reader = reader_of(bytes) };

	while (fields_next(&fields)) {
		switch (fields.number) {
		case LINK_A:
			out->a = fields_bytes(&fields);
			break;
		case LINK_B:
			out->b = fields_bytes(&fields);
			break;
		case LINK_LINE_A:
			out->line_a = fields_varint(&fields);
			break;
		case LINK_LINE_B:
			out->line_b = fields_varint(&fields);
			break;
		case LINK_IN_FLIGHT:
			out->in_flight_per_mille = small_varint(&fields);
			break;
		default:
			return unknown_field(&fields);
		}
	}
	/* The default has one form: not to be there. */
	if (out->in_flight_per_mille == ROSTER_IN_FLIGHT_PER_MILLE_DEFAULT)
		return ROSTER_MALFORMED;
	if (out->in_flight_per_mille == 0)
		out->in_flight_per_mille = ROSTER_IN_FLIGHT_PER_MILLE_DEFAULT;
	return fields_end(&fields);
}

static enum roster_result find_ends(struct roster *roster,
				    const struct link_fields *fields,
				    struct roster_link *link)
{
	link->a = roster_city(roster, fields->a);
	link->b = roster_city(roster, fields->b);
	if (link->a == ROSTER_NONE || link->b == ROSTER_NONE) {
		blame(roster, link->a == ROSTER_NONE ? fields->a : fields->b);
		return ROSTER_UNKNOWN_CITY;
	}
	return link->a < link->b ? ROSTER_OK : ROSTER_BAD_LINK;
}

static enum roster_result add_link(struct roster *roster, struct slice bytes)
{
	struct roster_link *link = &roster->links[roster->link_count];
	struct link_fields fields = { 0 };
	enum roster_result result;

	if (roster->link_count == ROSTER_LINKS_MAX)
		return ROSTER_TOO_LARGE;
	if (decode_link(bytes, &fields) != ROSTER_OK)
		return ROSTER_MALFORMED;
	blame(roster, fields.a);
	result = find_ends(roster, &fields, link);
	if (result != ROSTER_OK)
		return result;
	if (fields.line_a > (uint64_t)MONEY_MAX_MINOR ||
	    fields.line_b > (uint64_t)MONEY_MAX_MINOR ||
	    fields.in_flight_per_mille > PER_MILLE_MAX)
		return ROSTER_BAD_LINK;
	link->line_a = money_of((int64_t)fields.line_a);
	link->line_b = money_of((int64_t)fields.line_b);
	link->in_flight_per_mille = fields.in_flight_per_mille;
	if (roster->link_count++ > 0 &&
	    (link[-1].a > link->a ||
	     (link[-1].a == link->a && link[-1].b >= link->b)))
		return ROSTER_DUPLICATE;
	return ROSTER_OK;
}

static enum roster_result add_founder(struct roster *roster, struct slice name)
{
	struct slice *founder = &roster->founders[roster->founder_count];

	if (roster->founder_count == ROSTER_CITIES_MAX)
		return ROSTER_TOO_LARGE;
	*founder = name;
	blame(roster, name);
	if (roster->founder_count++ > 0 &&
	    slice_compare(founder[-1], *founder) >= 0)
		return ROSTER_DUPLICATE;
	return ROSTER_OK;
}

static enum roster_result decode_body_field(struct fields *fields,
					    struct roster *roster,
					    sha256_function *sha256)
{
	switch (fields->number) {
	case ROSTER_VERSION:
		roster->version = fields_varint(fields);
		return ROSTER_OK;
	case ROSTER_FEDERATION:
		roster->federation = fields_bytes(fields);
		return ROSTER_OK;
	case ROSTER_UNIT:
		roster->unit = fields_bytes(fields);
		return ROSTER_OK;
	case ROSTER_DECIMALS:
		roster->decimals = small_varint(fields);
		return ROSTER_OK;
	case ROSTER_PREV_HASH:
		roster->prev_hash = fields_bytes(fields);
		return ROSTER_OK;
	case ROSTER_FOUNDERS:
		return add_founder(roster, fields_bytes(fields));
	case ROSTER_CITIES:
		return add_city(roster, fields_bytes(fields), sha256);
	case ROSTER_LINKS:
		return add_link(roster, fields_bytes(fields));
	}
	return unknown_field(fields);
}

static bool head_valid(const struct roster *roster)
{
	size_t hash_size = roster->version == 1 ? 0 : SHA256_SIZE;

	return roster->version >= 1 && roster->version <= VERSION_MAX &&
	       name_valid(roster->federation) && roster->unit.size >= 1 &&
	       roster->unit.size <= NAME_SIZE_MAX &&
	       utf8_printable(roster->unit) &&
	       roster->decimals <= MONEY_DECIMALS_MAX &&
	       roster->prev_hash.size == hash_size;
}

static enum roster_result decode_body(struct roster *roster,
				      sha256_function *sha256)
{
	struct fields fields = { .reader = reader_of(roster->body) };
	enum roster_result result = ROSTER_OK;

	while (result == ROSTER_OK &&
	       next_field(&fields, ROSTER_FOUNDERS, ROSTER_LINKS))
		result = decode_body_field(&fields, roster, sha256);
	if (!reader_ok(&fields.reader) || fields.uncanonical)
		return ROSTER_MALFORMED;
	if (result != ROSTER_OK)
		return result;
	roster->fault = (struct slice){ 0 };
	return head_valid(roster) ? ROSTER_OK : ROSTER_BAD_VALUE;
}

enum roster_result roster_decode(struct slice bytes, sha256_function *sha256,
				 struct roster *out)
{
	struct fields fields = { .reader = reader_of(bytes) };
	enum roster_result result = ROSTER_OK;

	memset(out, 0, sizeof(*out));
	if (bytes.size > ROSTER_SIZE_MAX)
		return ROSTER_TOO_LARGE;
	while (result == ROSTER_OK &&
	       next_field(&fields, SIGNED_SIGNATURES, SIGNED_SIGNATURES)) {
		if (fields.number == SIGNED_ROSTER)
			out->body = fields_bytes(&fields);
		else if (fields.number == SIGNED_SIGNATURES)
			result = add_signature(out, fields_bytes(&fields));
		else
			return unknown_field(&fields);
	}
	if (result == ROSTER_OK)
		result = fields_end(&fields);
	if (result != ROSTER_OK)
		return result;
	sha256(out->body, out->hash);
	return decode_body(out, sha256);
}
