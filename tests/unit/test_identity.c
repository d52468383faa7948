/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "core/identity.h"

struct sound {
	const char *uri;
	enum role role;
	const char *base; /* NULL: the whole URI */
	const char *federation, *city, *name, *person;
};

static const struct sound sound[] = {
	{ "spiffe://f/city/c", ROLE_CITY, NULL, "f", "c", "", "" },
	{ "spiffe://f/city/c/coop/m6", ROLE_COOP, NULL, "f", "c", "m6", "" },
	{ "spiffe://f/city/c/gateway/till", ROLE_GATEWAY, NULL, "f", "c",
	  "till", "" },
	{ "spiffe://f/city/c/operator/o", ROLE_OPERATOR, NULL, "f", "c", "o",
	  "" },
	{ "spiffe://f/city/c/treasurer/t", ROLE_TREASURER, NULL, "f", "c", "t",
	  "" },
	{ "spiffe://f/city/c/auditor/a", ROLE_AUDITOR, NULL, "f", "c", "a",
	  "" },
	{ "spiffe://f/arbiter/x", ROLE_ARBITER, NULL, "f", "", "x", "" },
	{ "spiffe://f/city/c/coop/m6/person/ann", ROLE_COOP,
	  "spiffe://f/city/c/coop/m6", "f", "c", "m6", "ann" },
	{ "spiffe://f/arbiter/x/person/ann", ROLE_ARBITER,
	  "spiffe://f/arbiter/x", "f", "", "x", "ann" },
	{ "spiffe://f/city/c/coop/person/person/person", ROLE_COOP,
	  "spiffe://f/city/c/coop/person", "f", "c", "person", "person" },
	/* sound, but of no role here */
	{ "spiffe://f", ROLE_UNKNOWN, NULL, "f", "", "", "" },
	{ "spiffe://f/city", ROLE_UNKNOWN, NULL, "f", "", "", "" },
	{ "spiffe://f/city/c/coop", ROLE_UNKNOWN, NULL, "f", "c", "", "" },
	{ "spiffe://f/city/c/janitor/j", ROLE_UNKNOWN, NULL, "f", "c", "", "" },
	{ "spiffe://f/city/c/Coop/m6", ROLE_UNKNOWN, NULL, "f", "c", "", "" },
	{ "spiffe://f/city/c/coop/M6", ROLE_UNKNOWN, NULL, "f", "c", "", "" },
	{ "spiffe://f/city/c/person/ann", ROLE_UNKNOWN, NULL, "f", "c", "",
	  "" },
	{ "spiffe://f/city/C/coop/m6", ROLE_UNKNOWN, NULL, "f", "", "", "" },
	{ "spiffe://f/city/c/coop/m6/person", ROLE_UNKNOWN, NULL, "f", "c", "",
	  "" },
	{ "spiffe://f/city/c/coop/m6/person/Ann", ROLE_UNKNOWN, NULL, "f", "c",
	  "", "" },
	{ "spiffe://f/city/c/coop/m6/robot/r", ROLE_UNKNOWN, NULL, "f", "c", "",
	  "" },
	{ "spiffe://f/city/c/coop/m6/person/ann/x", ROLE_UNKNOWN, NULL, "f",
	  "c", "", "" },
	{ "spiffe://f/a/b/c/d/e/f/g/h/i/j/k", ROLE_UNKNOWN, NULL, "f", "", "",
	  "" },
	{ "spiffe://f.example/city/c", ROLE_UNKNOWN, NULL, "f.example", "", "",
	  "" },
	{ "spiffe://f/arbiter", ROLE_UNKNOWN, NULL, "f", "", "", "" },
	{ "spiffe://f/arbiter/x/y", ROLE_UNKNOWN, NULL, "f", "", "", "" },
	{ "spiffe://f/town/c/coop/m6", ROLE_UNKNOWN, NULL, "f", "", "", "" },
};

static bool is(struct slice part, const char *text)
{
	return slice_equal(part, slice_from_text(text));
}

static void test_identity_roles_and_parts(void **state)
{
	/* Goal: each role's URI comes apart; what is none is UNKNOWN. */
	(void)state;
	for (size_t i = 0; i < COUNT_OF(sound); i++) {
		const struct sound *c = &sound[i];
		struct identity identity;

		assert_true(identity_parse(slice_from_text(c->uri), &identity));
		if (identity.role != c->role || !is(identity.uri, c->uri) ||
		    !is(identity.base, c->base != NULL ? c->base : c->uri) ||
		    !is(identity.federation, c->federation) ||
		    !is(identity.city, c->city) ||
		    !is(identity.name, c->name) ||
		    !is(identity.person, c->person))
			fail_msg("%s", c->uri);
	}
}

static void test_identity_refuses(void **state)
{
	/* Goal: what is no sound identity at all ends the handshake. */
	static const struct slice bad[] = {
		SLICE(""),
		SLICE("spiffe://"),
		SLICE("spiffe:///city/c"),
		SLICE("https://f/city/c"),
		SLICE("SPIFFE://f/city/c"),
		SLICE("spiffe:/f/city/c"),
		SLICE("spiffe://f/city/c/"),
		SLICE("spiffe://f//c"),
		SLICE("spiffe://f/city/c%2fcoop"),
		SLICE("spiffe://f/city/*"),
		SLICE("spiffe://f/city/c?x"),
		SLICE("spiffe://f/city/c#x"),
		SLICE("spiffe://f:1/city/c"),
		SLICE("spiffe://u@f/city/c"),
		SLICE("spiffe://f/city/c coop"),
		SLICE("spiffe://f/city/c\0"),
		SLICE("spiffe://f/city/\xc3\xa0"),
	};
	struct identity identity;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (identity_parse(bad[i], &identity))
			fail_msg("case %zu", i);
	}
}

static void test_identity_size(void **state)
{
	/* Goal: 255 bytes are sound, 256 are not. */
	char uri[IDENTITY_URI_SIZE_MAX + 1];
	struct identity identity;

	(void)state;
	memset(uri, 'x', sizeof(uri));
	memcpy(uri, "spiffe://", 9);
	assert_true(identity_parse(slice_of(uri, IDENTITY_URI_SIZE_MAX),
				   &identity));
	assert_false(identity_parse(slice_of(uri, IDENTITY_URI_SIZE_MAX + 1),
				    &identity));
}

static void test_identity_role_names(void **state)
{
	/* Goal: a name for each role, and only for roles. */
	static const char *const expected[ROLE_COUNT] = {
		"unknown",  "city",	 "coop",    "gateway",
		"operator", "treasurer", "auditor", "arbiter",
	};

	(void)state;
	for (int i = 0; i < ROLE_COUNT; i++)
		assert_string_equal(role_name((enum role)i), expected[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity_roles_and_parts),
		cmocka_unit_test(test_identity_refuses),
		cmocka_unit_test(test_identity_size),
		cmocka_unit_test(test_identity_role_names),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
