/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl federation: making and changing a roster file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/identity.h"
#include "node/crypto.h"
#include "node/file.h"
#include "tools/clearctl/draft.h"
#include "tools/clearctl/render.h"
#include "tools/clearctl/verbs.h"

#define DEGREE_DECIMALS 6
#define PER_MILLE_MAX 1000

/* What options become, beside the draft that keeps pointing at it. */
struct change {
	struct draft draft;
	struct slice ca;
	char uri[IDENTITY_URI_SIZE_MAX + 1];
	uint8_t key[NODE_KEY_SIZE];
	char key_id[ROSTER_KEY_ID_SIZE];
};

static int end(struct change *change, bool done)
{
	struct session *session = change->draft.session;

	if (done && draft_write(&change->draft, true) == CTL_DONE)
		session->status = draft_tell(&change->draft);
	file_release(&change->ca);
	draft_release(&change->draft);
	return session->status;
}

/* A number of one option, or @fallback without it. */
static bool take_number(struct session *session, const char *option,
			uint32_t number_max, uint32_t *out)
{
	const char *text = session_value(session, option);
	char *rest;
	unsigned long value;

	if (text == NULL)
		return true;
	value = strtoul(text, &rest, 10);
	if (text[0] < '0' || text[0] > '9' || *rest != '\0' ||
	    value > number_max) {
		(void)session_misuse(session, "--%s: 0 to %u", option,
				     number_max);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

/* Puts a founder at its place; the same one twice is refused in the end. */
static void add_founder(struct roster *roster, struct slice name)
{
	uint32_t at = roster->founder_count++;

	while (at > 0 && slice_compare(roster->founders[at - 1], name) > 0) {
		roster->founders[at] = roster->founders[at - 1];
		at--;
	}
	roster->founders[at] = name;
}

static bool take_founders(struct change *change)
{
	struct session *session = change->draft.session;
	const char *text = session_value(session, "founders");
	struct roster *roster = change->draft.roster;

	while (text != NULL && *text != '\0') {
		size_t size = strcspn(text, ",");
		struct slice name = slice_of(text, size);

		if (!name_valid(name) ||
		    roster->founder_count == ROSTER_CITIES_MAX)
			break;
		add_founder(roster, name);
		text += size + (text[size] == ',');
	}
	if (text != NULL && *text == '\0' && roster->founder_count > 0)
		return true;
	(void)session_misuse(session, "give --founders CITY,CITY,...: the "
				      "cities whose node keys sign");
	return false;
}

int verb_federation_init(struct session *session)
{
	struct change change = { 0 };
	const char *federation = session_value(session, "federation");
	const char *unit = session_value(session, "unit");
	struct roster *roster;
	bool made;

	if (!draft_new(&change.draft, session, session_operand(session, 0)))
		return end(&change, false);
	roster = change.draft.roster;
	roster->version = 1;
	roster->decimals = 2;
	roster->unit = slice_from_text(unit != NULL ? unit : "credit");
	made = take_number(session, "decimals", MONEY_DECIMALS_MAX,
			   &roster->decimals) &&
	       take_founders(&change);
	if (made && federation == NULL) {
		(void)session_misuse(session, "give --federation NAME");
		made = false;
	}
	if (made)
		roster->federation = slice_from_text(federation);
	return end(&change, made);
}

/* A key as 64 hex digits. */
static bool key_of_hex(const char *text, uint8_t out[NODE_KEY_SIZE])
{
	size_t size = 0;

	return hex_parse(text, out, NODE_KEY_SIZE, &size) &&
	       size == NODE_KEY_SIZE;
}

/* --node-key, as digits or a PEM file, into @change. */
static bool take_key(struct change *change, struct roster_key *out)
{
	struct session *session = change->draft.session;
	const char *text = session_value(session, "node-key");

	if (text == NULL) {
		(void)session_misuse(session,
				     "give --node-key, the city's Ed25519 "
				     "public key: 64 hex digits or a PEM file");
		return false;
	}
	if (!key_of_hex(text, change->key) &&
	    !public_key_read(text, change->key)) {
		(void)session_lost_file(session,
					"%s: no Ed25519 public key in PEM: %s",
					text, strerror(errno));
		return false;
	}
	roster_key_id(change->key, crypto_sha256, change->key_id);
	*out = (struct roster_key){
		.id = slice_of(change->key_id, ROSTER_KEY_ID_SIZE),
		.key = slice_of(change->key, NODE_KEY_SIZE),
		.state = ROSTER_KEY_CURRENT,
	};
	return true;
}

/* An option of text into @out, when it is given. */
static void take_text(const struct session *session, const char *option,
		      struct slice *out)
{
	const char *text = session_value(session, option);

	if (text != NULL)
		*out = slice_from_text(text);
}

/* Degrees have a point and decimals as amounts have. */
static bool take_degrees(struct session *session, const char *option,
			 int32_t *out)
{
	const char *text = session_value(session, option);
	struct money degrees;

	if (text == NULL)
		return true;
	if (money_parse(slice_from_text(text), DEGREE_DECIMALS, &degrees) !=
		    MONEY_PARSED ||
	    money_minor(degrees) > INT32_MAX ||
	    money_minor(degrees) < INT32_MIN) {
		(void)session_misuse(session,
				     "--%s '%s': write degrees as -71.0589, "
				     "with at most %d decimals",
				     option, text, DEGREE_DECIMALS);
		return false;
	}
	*out = (int32_t)money_minor(degrees);
	return true;
}

static bool take_ca(struct change *change, struct roster_city *city)
{
	struct session *session = change->draft.session;
	const char *path = session_value(session, "ca");

	if (path == NULL)
		return true;
	if (!file_read(path, ROSTER_CA_SIZE_MAX, &change->ca)) {
		(void)session_lost_file(session, "%s: %s", path,
					strerror(errno));
		return false;
	}
	city->ca = change->ca;
	return true;
}

/* Everything of a city that is no key, where it is given. */
static bool take_city(struct change *change, struct roster_city *city)
{
	struct session *session = change->draft.session;

	take_text(session, "place", &city->place);
	take_text(session, "bioregion", &city->bioregion);
	take_text(session, "endpoint", &city->endpoint);
	return take_degrees(session, "latitude", &city->latitude) &&
	       take_degrees(session, "longitude", &city->longitude) &&
	       take_ca(change, city);
}

static bool refuse_known_city(const struct change *change, const char *name)
{
	char text[256];

	if (roster_city(change->draft.roster, slice_from_text(name)) ==
	    ROSTER_NONE)
		return false;
	snprintf(text, sizeof(text),
		 "%s is in it already; `federation set-city` changes it", name);
	(void)session_fail(change->draft.session,
			   &(struct failure){ CTL_CONFLICT, "ALREADY_EXISTS",
					      "CITY_TAKEN", text, false });
	return true;
}

static bool add_city(struct change *change)
{
	struct session *session = change->draft.session;
	struct roster *roster = change->draft.roster;
	const char *name = session_operand(session, 1);
	struct roster_city *city;

	if (refuse_known_city(change, name))
		return false;
	if (session_value(session, "ca") == NULL ||
	    session_value(session, "endpoint") == NULL) {
		(void)session_misuse(session,
				     "give --ca FILE, the city's CA, and "
				     "--endpoint HOST:PORT, where its node "
				     "listens");
		return false;
	}
	city = draft_add_city(&change->draft, slice_from_text(name));
	if (city == NULL)
		return false;
	snprintf(change->uri, sizeof(change->uri), "spiffe://%.*s/city/%s",
		 (int)roster->federation.size, roster->federation.data, name);
	city->uri = slice_from_text(change->uri);
	city->status = ROSTER_CITY_ACTIVE;
	city->key_count = 1;
	return take_key(change, &city->keys[0]) && take_city(change, city);
}

int verb_federation_add_city(struct session *session)
{
	struct change change = { 0 };

	return end(&change,
		   draft_change(&change.draft, session) && add_city(&change));
}

int verb_federation_set_city(struct session *session)
{
	struct change change = { 0 };
	bool opened = draft_change(&change.draft, session);
	struct roster_city *city;
	uint32_t index;

	if (!opened)
		return end(&change, false);
	index = draft_city(&change.draft, session_operand(session, 1));
	if (index == ROSTER_NONE)
		return end(&change, false);
	city = &change.draft.roster->cities[index];
	if (arguments_has(&session->arguments, "gone"))
		city->status = ROSTER_CITY_GONE;
	return end(&change, take_city(&change, city));
}

/* One side's line, when it is given. */
static bool take_line(struct session *session, const char *option,
		      struct money *line)
{
	const char *text = session_value(session, option);
	char name[32];
	int64_t minor;

	if (text == NULL)
		return true;
	snprintf(name, sizeof(name), "--%s", option);
	if (!session_amount(session, name, text, &minor))
		return false;
	if (minor < 0) {
		(void)session_misuse(session, "%s: a line is not below 0",
				     name);
		return false;
	}
	*line = money_of(minor);
	return true;
}

static bool add_link(struct change *change)
{
	struct draft *draft = &change->draft;
	struct session *session = draft->session;
	uint32_t x = draft_city(draft, session_operand(session, 1));
	uint32_t y = x == ROSTER_NONE
			     ? ROSTER_NONE
			     : draft_city(draft, session_operand(session, 2));
	struct roster_link *link;

	if (x == ROSTER_NONE || y == ROSTER_NONE)
		return false;
	if (x == y) {
		(void)session_misuse(session, "a city has no link to itself");
		return false;
	}
	link = draft_link(draft, x, y);
	session->node.decimals = draft->roster->decimals;
	/* --line-a is the line of the city that was named first. */
	return link != NULL &&
	       take_line(session, "line-a",
			 x == link->a ? &link->line_a : &link->line_b) &&
	       take_line(session, "line-b",
			 x == link->a ? &link->line_b : &link->line_a) &&
	       take_number(session, "in-flight", PER_MILLE_MAX,
			   &link->in_flight_per_mille);
}

int verb_federation_add_link(struct session *session)
{
	struct change change = { 0 };

	return end(&change,
		   draft_change(&change.draft, session) && add_link(&change));
}

/* The key named by an option; ROSTER_KEYS_MAX after telling. */
static uint32_t find_key(struct session *session,
			 const struct roster_city *city, const char *option)
{
	const char *text = session_value(session, option);
	char message[256];

	for (uint32_t i = 0; i < city->key_count; i++) {
		if (slice_equal(city->keys[i].id, slice_from_text(text)))
			return i;
	}
	snprintf(message, sizeof(message), "--%s %s: no key of %.*s", option,
		 text, (int)city->name.size, city->name.data);
	(void)session_fail(session,
			   &(struct failure){ CTL_NOT_FOUND, "NOT_FOUND",
					      "KEY_UNKNOWN", message, false });
	return ROSTER_KEYS_MAX;
}

static bool revoke_and_drop(struct session *session, struct roster_city *city)
{
	uint32_t at;

	if (session_value(session, "revoke") != NULL) {
		at = find_key(session, city, "revoke");
		if (at == ROSTER_KEYS_MAX)
			return false;
		city->keys[at].state = ROSTER_KEY_REVOKED;
	}
	if (session_value(session, "drop") != NULL) {
		at = find_key(session, city, "drop");
		if (at == ROSTER_KEYS_MAX)
			return false;
		city->key_count--;
		memmove(&city->keys[at], &city->keys[at + 1],
			(city->key_count - at) * sizeof(city->keys[0]));
	}
	return true;
}

/* The new key in its place; the one that was current retires (PEER-43). */
static bool rotate_key(struct change *change, struct roster_city *city)
{
	struct session *session = change->draft.session;
	uint32_t at = city->key_count;
	struct roster_key key;

	if (!take_key(change, &key))
		return false;
	if (city->key_count == ROSTER_KEYS_MAX) {
		(void)session_misuse(session,
				     "%.*s has %d keys, which is the most: "
				     "--drop one that nothing was signed with "
				     "lately",
				     (int)city->name.size, city->name.data,
				     ROSTER_KEYS_MAX);
		return false;
	}
	for (uint32_t i = 0; i < city->key_count; i++) {
		if (city->keys[i].state == ROSTER_KEY_CURRENT)
			city->keys[i].state = ROSTER_KEY_RETIRED;
	}
	for (; at > 0 && slice_compare(city->keys[at - 1].id, key.id) > 0; at--)
		city->keys[at] = city->keys[at - 1];
	city->keys[at] = key;
	city->key_count++;
	return true;
}

static bool set_key(struct change *change)
{
	struct session *session = change->draft.session;
	uint32_t index =
		draft_city(&change->draft, session_operand(session, 1));
	struct roster_city *city;

	if (index == ROSTER_NONE)
		return false;
	city = &change->draft.roster->cities[index];
	if (!revoke_and_drop(session, city))
		return false;
	if (session_value(session, "node-key") == NULL &&
	    (session_value(session, "revoke") != NULL ||
	     session_value(session, "drop") != NULL))
		return true;
	return rotate_key(change, city);
}

int verb_federation_set_key(struct session *session)
{
	struct change change = { 0 };

	return end(&change,
		   draft_change(&change.draft, session) && set_key(&change));
}
