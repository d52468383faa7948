/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/identity.h"

#include "core/name.h"

/* F / "city" / C / role / X / "person" / NAME */
#define SEGMENTS_MAX 7

struct segments {
	struct slice at[SEGMENTS_MAX];
	uint32_t count; /* SEGMENTS_MAX + 1: more than any role has */
};

static const struct {
	struct slice segment;
	enum role role;
} member_roles[] = {
	{ { (const uint8_t *)"coop", 4 }, ROLE_COOP },
	{ { (const uint8_t *)"gateway", 7 }, ROLE_GATEWAY },
	{ { (const uint8_t *)"operator", 8 }, ROLE_OPERATOR },
	{ { (const uint8_t *)"treasurer", 9 }, ROLE_TREASURER },
	{ { (const uint8_t *)"auditor", 7 }, ROLE_AUDITOR },
};

#define MEMBER_ROLE_COUNT (sizeof(member_roles) / sizeof(member_roles[0]))

static bool is_path_byte(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' ||
	       byte == '-';
}

/* False when a segment is empty or has a byte that a plain path has not. */
static bool split(struct slice path, struct segments *out)
{
	out->count = 0;
	for (;;) {
		size_t slash = slice_find(path, '/');

		for (size_t i = 0; i < slash; i++) {
			if (!is_path_byte(path.data[i]))
				return false;
		}
		if (slash == 0)
			return false;
		if (out->count < SEGMENTS_MAX)
			out->at[out->count] = slice_upto(path, slash);
		if (out->count <= SEGMENTS_MAX)
			out->count++;
		if (slash == path.size)
			return true;
		path = slice_from(path, slash + 1);
	}
}

/* Takes a last /person/NAME off, where there is one behind a member. */
static struct slice take_person(struct segments *segments, uint32_t count)
{
	struct slice person;

	check(count + 2 <= SEGMENTS_MAX);
	if (segments->count != count + 2 ||
	    !slice_equal(segments->at[count], SLICE("person")) ||
	    !name_valid(segments->at[count + 1]))
		return (struct slice){ 0 };
	person = segments->at[count + 1];
	segments->count = count;
	return person;
}

static enum role role_of_member(struct slice segment)
{
	for (uint32_t i = 0; i < MEMBER_ROLE_COUNT; i++) {
		if (slice_equal(segment, member_roles[i].segment))
			return member_roles[i].role;
	}
	return ROLE_UNKNOWN;
}

/* Fills in who it is below a city; leaves the role UNKNOWN where it is none. */
static void read_city(struct segments *segments, struct identity *identity)
{
	identity->city = segments->at[2];
	if (segments->count == 3) {
		identity->role = ROLE_CITY;
		return;
	}
	identity->person = take_person(segments, 5);
	if (segments->count != 5 || !name_valid(segments->at[4]))
		return;
	identity->role = role_of_member(segments->at[3]);
	identity->name = segments->at[4];
}

static void read_arbiter(struct segments *segments, struct identity *identity)
{
	identity->person = take_person(segments, 3);
	if (segments->count != 3 || !name_valid(segments->at[2]))
		return;
	identity->role = ROLE_ARBITER;
	identity->name = segments->at[2];
}

static void read_role(struct segments *segments, struct identity *identity)
{
	if (!name_valid(segments->at[0]) || segments->count < 3)
		return;
	if (slice_equal(segments->at[1], SLICE("city")) &&
	    name_valid(segments->at[2]))
		read_city(segments, identity);
	else if (slice_equal(segments->at[1], SLICE("arbiter")))
		read_arbiter(segments, identity);
}

bool identity_parse(struct slice uri, struct identity *out)
{
	struct slice scheme = SLICE("spiffe://");
	struct identity identity = { .role = ROLE_UNKNOWN, .uri = uri };
	struct segments segments;

	if (uri.size > IDENTITY_URI_SIZE_MAX ||
	    !slice_starts_with(uri, scheme) ||
	    !split(slice_from(uri, scheme.size), &segments))
		return false;
	identity.federation = segments.at[0];
	read_role(&segments, &identity);
	identity.base = uri;
	if (identity.role == ROLE_UNKNOWN) {
		identity.name = identity.person = (struct slice){ 0 };
	} else if (identity.person.size > 0) {
		/* (rule RPC-3): the person changes no right. */
		size_t size = identity.person.size + SLICE("/person/").size;

		check(size < uri.size);
		identity.base = slice_upto(uri, uri.size - size);
	}
	*out = identity;
	return true;
}

const char *role_name(enum role role)
{
	switch (role) {
	case ROLE_UNKNOWN:
		return "unknown";
	case ROLE_CITY:
		return "city";
	case ROLE_COOP:
		return "coop";
	case ROLE_GATEWAY:
		return "gateway";
	case ROLE_OPERATOR:
		return "operator";
	case ROLE_TREASURER:
		return "treasurer";
	case ROLE_AUDITOR:
		return "auditor";
	case ROLE_ARBITER:
		return "arbiter";
	}
	check(!"a role that does not exist");
	return "";
}
