/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "peer/roster.h"

#include <string.h>

/* clang-format off */
static const struct {
	const char *name;
	const char *sentence;
} results[ROSTER_RESULT_COUNT] = {
	[ROSTER_OK] = { "OK", "the roster is good" },
	[ROSTER_TOO_LARGE] = { "TOO_LARGE",
		"the roster is larger than a roster may be" },
	[ROSTER_MALFORMED] = { "MALFORMED",
		"the bytes are not a roster in its one canonical form" },
	[ROSTER_BAD_VALUE] = { "BAD_VALUE",
		"version, federation, unit, decimals or hash of the roster "
		"before is not one that can be" },
	[ROSTER_DUPLICATE] = { "DUPLICATE",
		"a city, founder, key, link or signature stands twice or not "
		"in order" },
	[ROSTER_BAD_CITY] = { "BAD_CITY",
		"a city's name, place, CA, endpoint, URI or status is not one "
		"that can be" },
	[ROSTER_BAD_KEY] = { "BAD_KEY",
		"a city's key does not have its id, or not one of its keys is "
		"current" },
	[ROSTER_UNKNOWN_CITY] = { "UNKNOWN_CITY",
		"a founder or a link names a city that is not in the roster" },
	[ROSTER_BAD_LINK] = { "BAD_LINK",
		"a link leads to its own city, or its lines are out of "
		"range" },
	[ROSTER_NO_FOUNDER] = { "NO_FOUNDER",
		"there are no founders, so nobody could sign" },
	[ROSTER_WRONG_FEDERATION] = { "WRONG_FEDERATION",
		"the roster is another federation's" },
	[ROSTER_WRONG_UNIT] = { "WRONG_UNIT",
		"the roster has another unit or other decimals" },
	[ROSTER_STALE] = { "STALE",
		"a newer version of the roster has been seen already" },
	[ROSTER_FORKED] = { "FORKED",
		"this version of the roster has been seen with other content: "
		"the founders signed twice, talk to them" },
	[ROSTER_BROKEN_CHAIN] = { "BROKEN_CHAIN",
		"the roster does not follow the one that was seen before" },
	[ROSTER_CITY_LOST] = { "CITY_LOST",
		"a city of the roster before is missing: a city stays in, "
		"marked as gone" },
	[ROSTER_REVIVED] = { "REVIVED",
		"a city that was gone, or a key that was revoked, is back" },
	[ROSTER_UNSIGNED] = { "UNSIGNED",
		"too few founders have signed; more than two thirds must" },
};
/* clang-format on */

const char *roster_result_name(enum roster_result result)
{
	check((uint32_t)result < ROSTER_RESULT_COUNT);
	return results[result].name;
}

const char *roster_result_sentence(enum roster_result result)
{
	check((uint32_t)result < ROSTER_RESULT_COUNT);
	return results[result].sentence;
}

void roster_explain(struct buffer *out, const struct roster *roster,
		    enum roster_result result)
{
	buffer_put_text(out, roster_result_sentence(result));
	if (result == ROSTER_UNSIGNED) {
		buffer_put_text(out, " (signed by ");
		buffer_put_decimal(out, roster->founders_signed);
		buffer_put_text(out, ", needs ");
		buffer_put_decimal(out, roster->founders_needed);
		buffer_put_text(out, "; missing is ");
		buffer_put(out, roster->fault);
		buffer_put_text(out, ")");
	} else if (roster->fault.size > 0) {
		buffer_put_text(out, " (");
		buffer_put(out, roster->fault);
		buffer_put_text(out, ")");
	}
}

void roster_key_id(const uint8_t key[NODE_KEY_SIZE], sha256_function *sha256,
		   char out[ROSTER_KEY_ID_SIZE])
{
	uint8_t hash[SHA256_SIZE];
	struct buffer text;

	check(key != NULL && ROSTER_KEY_ID_SIZE % 2 == 0);
	sha256(slice_of(key, NODE_KEY_SIZE), hash);
	buffer_init(&text, out, ROSTER_KEY_ID_SIZE);
	buffer_put_hex(&text, slice_of(hash, ROSTER_KEY_ID_SIZE / 2));
}

uint32_t roster_city(const struct roster *roster, struct slice name)
{
	uint32_t low = 0, high = roster->city_count;

	check(high <= ROSTER_CITIES_MAX);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = slice_compare(roster->cities[middle].name, name);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return ROSTER_NONE;
}

/* The city's key of that id in any state, or NULL. */
static const struct roster_key *any_key(const struct roster_city *city,
					struct slice key_id)
{
	check(city->key_count <= ROSTER_KEYS_MAX);
	for (uint32_t i = 0; i < city->key_count; i++) {
		if (slice_equal(city->keys[i].id, key_id))
			return &city->keys[i];
	}
	return NULL;
}

const struct roster_key *roster_any_key(const struct roster *roster,
					uint32_t city, struct slice key_id)
{
	check(city < roster->city_count);
	return any_key(&roster->cities[city], key_id);
}

const struct roster_key *roster_key(const struct roster *roster, uint32_t city,
				    struct slice key_id)
{
	/* (rule PEER-43) Of a RETIRED key old proofs stay valid. */
	const struct roster_key *key = roster_any_key(roster, city, key_id);

	if (key == NULL || key->state == ROSTER_KEY_REVOKED)
		return NULL;
	return key;
}

const struct roster_key *roster_current_key(const struct roster *roster,
					    uint32_t city)
{
	const struct roster_city *one = &roster->cities[city];

	check(city < roster->city_count);
	for (uint32_t i = 0; i < one->key_count; i++) {
		if (one->keys[i].state == ROSTER_KEY_CURRENT)
			return &one->keys[i];
	}
	return NULL;
}

uint32_t roster_link(const struct roster *roster, uint32_t x, uint32_t y)
{
	uint32_t a = x < y ? x : y, b = x < y ? y : x;
	uint32_t low = 0, high = roster->link_count;

	check(high <= ROSTER_LINKS_MAX);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct roster_link *link = &roster->links[middle];

		if (link->a == a && link->b == b)
			return middle;
		if (link->a < a || (link->a == a && link->b < b))
			low = middle + 1;
		else
			high = middle;
	}
	return ROSTER_NONE;
}

struct money roster_line(const struct roster_link *link, uint32_t creditor)
{
	check(creditor == link->a || creditor == link->b);
	return creditor == link->a ? link->line_a : link->line_b;
}

uint32_t roster_other_end(const struct roster_link *link, uint32_t city)
{
	check(city == link->a || city == link->b);
	return city == link->a ? link->b : link->a;
}

/* Is there a good signature on @hash of the founder at @city of @keys? */
static bool founder_signed(const struct roster *roster,
			   const struct roster *keys, uint32_t city,
			   bool current_only, verify_function *verify)
{
	uint8_t bytes[ROSTER_SIGNED_SIZE];

	roster_signed(roster->hash, bytes);
	for (uint32_t i = 0; i < roster->signature_count; i++) {
		const struct roster_signature *one = &roster->signatures[i];
		const struct roster_key *key;

		if (!slice_equal(one->city, keys->cities[city].name))
			continue;
		key = roster_key(keys, city, one->key_id);
		if (key == NULL ||
		    (current_only && key->state != ROSTER_KEY_CURRENT))
			continue;
		if (verify(key->key.data, slice_of(bytes, sizeof(bytes)),
			   one->signature.data))
			return true;
	}
	return false;
}

/* Each founder is a city, and there is one. */
static enum roster_result check_founders(struct roster *roster)
{
	check(roster->founder_count <= ROSTER_CITIES_MAX);
	for (uint32_t i = 0; i < roster->founder_count; i++) {
		if (roster_city(roster, roster->founders[i]) != ROSTER_NONE)
			continue;
		if (name_valid(roster->founders[i]))
			roster->fault = roster->founders[i];
		return ROSTER_UNKNOWN_CITY;
	}
	return roster->founder_count > 0 ? ROSTER_OK : ROSTER_NO_FOUNDER;
}

/* Have more than two thirds of the founders in @keys signed @roster? */
static enum roster_result check_signatures(struct roster *roster,
					   const struct roster *keys,
					   verify_function *verify)
{
	bool current_only = keys != roster;

	roster->founders_signed = 0;
	roster->founders_needed = keys->founder_count * 2 / 3 + 1;
	for (uint32_t i = 0; i < keys->founder_count; i++) {
		uint32_t city = roster_city(keys, keys->founders[i]);

		check(city != ROSTER_NONE);
		if (founder_signed(roster, keys, city, current_only, verify))
			roster->founders_signed++;
		else
			roster->fault = keys->founders[i];
	}
	if (roster->founders_signed < roster->founders_needed)
		return ROSTER_UNSIGNED;
	roster->fault = (struct slice){ 0 };
	return ROSTER_OK;
}

/* Is @roster the next one, the same one, or one further on (rule PEER-2)? */
static enum roster_result check_version(const struct roster *roster,
					uint64_t version,
					const uint8_t hash[SHA256_SIZE])
{
	if (version == 0)
		return ROSTER_OK;
	if (roster->version < version)
		return ROSTER_STALE;
	if (roster->version == version)
		return memcmp(roster->hash, hash, SHA256_SIZE) == 0
			       ? ROSTER_OK
			       : ROSTER_FORKED;
	if (roster->version == version + 1 &&
	    !slice_equal(roster->prev_hash, slice_of(hash, SHA256_SIZE)))
		return ROSTER_BROKEN_CHAIN;
	return ROSTER_OK;
}

static bool same_unit(const struct roster *roster, struct slice unit,
		      uint32_t decimals)
{
	return slice_equal(roster->unit, unit) && roster->decimals == decimals;
}

static enum roster_result check_expected(const struct roster *roster,
					 const struct roster_trust *trust)
{
	const struct roster *previous = trust->previous;

	if ((trust->federation.size > 0 &&
	     !slice_equal(roster->federation, trust->federation)) ||
	    (previous != NULL &&
	     !slice_equal(roster->federation, previous->federation)))
		return ROSTER_WRONG_FEDERATION;
	if ((trust->unit.size > 0 &&
	     !same_unit(roster, trust->unit, trust->decimals)) ||
	    (previous != NULL &&
	     !same_unit(roster, previous->unit, previous->decimals)))
		return ROSTER_WRONG_UNIT;
	return ROSTER_OK;
}

/* Neither a city that was gone nor a key that was revoked comes back. */
static bool is_revived(const struct roster_city *old,
		       const struct roster_city *fresh)
{
	/* (rule PEER-44) GONE is final. */
	if (old->status == ROSTER_CITY_GONE &&
	    fresh->status != ROSTER_CITY_GONE)
		return true;
	for (uint32_t i = 0; i < old->key_count; i++) {
		const struct roster_key *key = any_key(fresh, old->keys[i].id);

		if (old->keys[i].state == ROSTER_KEY_REVOKED && key != NULL &&
		    key->state != ROSTER_KEY_REVOKED)
			return true;
	}
	return false;
}

static enum roster_result check_cities(struct roster *roster,
				       const struct roster *previous)
{
	for (uint32_t i = 0; i < previous->city_count; i++) {
		const struct roster_city *old = &previous->cities[i];
		uint32_t city = roster_city(roster, old->name);

		roster->fault = old->name;
		if (city == ROSTER_NONE)
			return ROSTER_CITY_LOST;
		if (is_revived(old, &roster->cities[city]))
			return ROSTER_REVIVED;
	}
	roster->fault = (struct slice){ 0 };
	return ROSTER_OK;
}

static enum roster_result check_previous(struct roster *roster,
					 const struct roster_trust *trust)
{
	const struct roster *previous = trust->previous;
	enum roster_result result;

	/* The same one again is held against nothing but itself. */
	if (previous == NULL || roster->version == previous->version)
		return ROSTER_OK;
	result = check_cities(roster, previous);
	if (result != ROSTER_OK)
		return result;
	return check_signatures(roster, previous, trust->verify);
}

enum roster_result roster_verify(struct roster *roster,
				 const struct roster_trust *trust)
{
	const struct roster *previous = trust->previous;
	enum roster_result result = check_founders(roster);

	check(roster != previous);
	if (result == ROSTER_OK)
		result = check_expected(roster, trust);
	if (result == ROSTER_OK)
		result = check_version(roster, trust->seen_version,
				       trust->seen_hash);
	if (result == ROSTER_OK && previous != NULL)
		result = check_version(roster, previous->version,
				       previous->hash);
	if (result == ROSTER_OK)
		result = check_previous(roster, trust);
	if (result != ROSTER_OK)
		return result;
	return check_signatures(roster, roster, trust->verify);
}

enum roster_result roster_load(struct roster *roster, struct slice bytes,
			       const struct roster_trust *trust)
{
	enum roster_result result = roster_decode(bytes, trust->sha256, roster);

	if (result != ROSTER_OK)
		return result;
	return roster_verify(roster, trust);
}
