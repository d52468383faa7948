/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "core/name.h"

#define NAME_32 "abcdefghijklmnopqrstuvwxyz012345"

static const struct {
	struct slice name;
	bool valid;
} names[] = {
	{ SLICE("a"), true },	    { SLICE("m6"), true },
	{ SLICE("a-b"), true },	    { SLICE("barcelona"), true },
	{ SLICE("a1-2b-3"), true }, { SLICE(NAME_32), true },
	{ SLICE(""), false },	    { SLICE(NAME_32 "6"), false },
	{ SLICE("1a"), false },	    { SLICE("-a"), false },
	{ SLICE("a-"), false },	    { SLICE("a--b"), false },
	{ SLICE("A"), false },	    { SLICE("a_b"), false },
	{ SLICE("a.b"), false },    { SLICE("a b"), false },
	{ SLICE("a\0"), false },    { SLICE("\xc3\xa0"), false },
	{ SLICE("a@b"), false },    { SLICE("a/b"), false },
};

static void test_name_valid(void **state)
{
	/* Goal: [a-z][a-z0-9]*(-[a-z0-9]+)*, 1 to 32 bytes (rule LEDGER-2) */
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (name_valid(names[i].name) != names[i].valid)
			fail_msg("case %zu", i);
	}
	assert_false(name_valid((struct slice){ 0 }));
}

static void test_name_address_parts(void **state)
{
	/* Goal: an address comes apart into its names. */
	struct address address;

	(void)state;
	assert_true(
		address_parse(SLICE("m6/solar-panels@barcelona"), &address));
	assert_true(slice_equal(address.local, SLICE("m6/solar-panels")));
	assert_true(slice_equal(address.coop, SLICE("m6")));
	assert_true(slice_equal(address.purpose, SLICE("solar-panels")));
	assert_true(slice_equal(address.city, SLICE("barcelona")));
	assert_true(address_parse(SLICE("m6@b"), &address));
	assert_true(slice_equal(address.local, SLICE("m6")));
	assert_int_equal(address.purpose.size, 0);
	assert_true(address_parse(SLICE(NAME_32 "/" NAME_32 "@" NAME_32),
				  &address));
	assert_int_equal(address.local.size, LOCAL_ADDRESS_SIZE_MAX);
}

static void test_name_address_refuses(void **state)
{
	/* Goal: a part missing or wrong: no address, nothing written. */
	static const struct slice bad[] = {
		SLICE(""),	SLICE("a"),	  SLICE("@"),
		SLICE("a@"),	SLICE("@b"),	  SLICE("a/@b"),
		SLICE("/p@b"),	SLICE("a/p/q@b"), SLICE("a@b@c"),
		SLICE("a@b/c"), SLICE("A@b"),	  SLICE("a@B"),
		SLICE("a/P@b"), SLICE("7@b"),	  SLICE("a @b"),
		SLICE("a@b\0"), SLICE("a@b "),	  SLICE(NAME_32 "x@b"),
	};
	struct address address = { .coop = SLICE("untouched") };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (address_parse(bad[i], &address))
			fail_msg("case %zu", i);
	}
	assert_true(slice_equal(address.coop, SLICE("untouched")));
}

static void test_name_local_address(void **state)
{
	/* Goal: the part before the @ alone. */
	(void)state;
	assert_true(local_address_valid(SLICE("a")));
	assert_true(local_address_valid(SLICE("city/commons")));
	assert_false(local_address_valid(SLICE("")));
	assert_false(local_address_valid(SLICE("a/")));
	assert_false(local_address_valid(SLICE("/a")));
	assert_false(local_address_valid(SLICE("a/b/c")));
	assert_false(local_address_valid(SLICE("a@b")));
	assert_true(slice_equal(address_coop(SLICE("a/b")), SLICE("a")));
	assert_true(slice_equal(address_coop(SLICE("a")), SLICE("a")));
}

static void test_name_reserved(void **state)
{
	/* Goal: city and link as coop names, and as nothing else. */
	(void)state;
	assert_true(address_is_reserved(SLICE("city")));
	assert_true(address_is_reserved(SLICE("city/commons")));
	assert_true(address_is_reserved(SLICE("link/girona")));
	assert_false(address_is_reserved(SLICE("city-bakery")));
	assert_false(address_is_reserved(SLICE("a/city")));
	assert_false(address_is_reserved(SLICE("links")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_valid),
		cmocka_unit_test(test_name_address_parts),
		cmocka_unit_test(test_name_address_refuses),
		cmocka_unit_test(test_name_local_address),
		cmocka_unit_test(test_name_reserved),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
