/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/file.h"
#include "node/roster_file.h"
#include "unit/federation.h"

/* Bits of the first keys of cities a and b; the second key of a. */
enum { A = 1, B = 2 };
#define SECOND_OF_A FEDERATION_CITIES_MAX

/* A configuration owns its texts; these ones only look so. */
static char commons[] = "commons", other_federation[] = "other";
static char credit[] = "credit";
static char city_a[] = "a", city_b[] = "b", lisbon[] = "lisbon";

/* A node of city a in a folder with a roster and its key. */
struct place {
	struct federation federation;
	char folder[32], roster[64], node_key[64];
	struct config config;
	struct roster_file held;
	char error[ROSTER_FILE_ERROR_SIZE];
};

static void put_roster(struct place *place, uint64_t signers)
{
	assert_true(file_write(place->roster,
			       federation_seal(&place->federation, signers)));
}

static void put_key(struct place *place, uint32_t index)
{
	(void)unlink(place->node_key);
	assert_true(signing_key_write(place->federation.keys[index],
				      place->node_key));
}

static void begin(struct place *place)
{
	memset(place, 0, sizeof(*place));
	federation_init(&place->federation, 3, 2);
	snprintf(place->folder, sizeof(place->folder),
		 "/tmp/clearing-roster-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->roster, sizeof(place->roster), "%s/roster",
		 place->folder);
	snprintf(place->node_key, sizeof(place->node_key), "%s/node.key",
		 place->folder);
	place->config = (struct config){
		.federation = commons,
		.city = city_a,
		.unit = credit,
		.decimals = 2,
		.roster = place->roster,
		.node_key = place->node_key,
	};
	put_roster(place, A | B);
	put_key(place, 0);
}

static void end(struct place *place)
{
	roster_file_release(&place->held);
	federation_release(&place->federation);
	(void)unlink(place->roster);
	(void)unlink(place->node_key);
	assert_int_equal(rmdir(place->folder), 0);
}

static void expect_refused(struct place *place, const char *why)
{
	if (roster_file_load(&place->held, &place->config, place->error))
		fail_msg("taken, and not refused: %s", why);
	if (strstr(place->error, why) == NULL)
		fail_msg("'%s' does not say: %s", place->error, why);
	assert_null(place->held.roster);
}

static void test_roster_file_loads(void **state)
{
	/* Goal: both files make a city of a federation, none a lone one. */
	struct place place;
	char *roster, *node_key;

	(void)state;
	begin(&place);
	assert_true(roster_file_load(&place.held, &place.config, place.error));
	assert_int_equal(place.held.roster->city_count, 3);
	assert_int_equal(place.held.city, 0);
	assert_memory_equal(signing_key_public(place.held.key),
			    signing_key_public(place.federation.keys[0]),
			    NODE_KEY_SIZE);
	roster_file_release(&place.held);
	roster = place.config.roster;
	node_key = place.config.node_key;
	place.config.roster = NULL;
	expect_refused(&place, "go together");
	place.config.node_key = NULL;
	assert_true(roster_file_load(&place.held, &place.config, place.error));
	assert_null(place.held.roster);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_SAME);
	place.config.roster = roster;
	expect_refused(&place, "go together");
	place.config.node_key = node_key;
	end(&place);
}

static void test_roster_file_refuses(void **state)
{
	/* Goal: each wrong roster and key is refused with its reason. */
	struct place place;

	(void)state;
	begin(&place);
	put_roster(&place, A);
	expect_refused(&place, "UNSIGNED");
	expect_refused(&place, "signed by 1, needs 2; missing is b");
	put_roster(&place, A | B);
	place.config.federation = other_federation;
	expect_refused(&place, "WRONG_FEDERATION");
	place.config.federation = commons;
	place.config.decimals = 3;
	expect_refused(&place, "WRONG_UNIT");
	place.config.decimals = 2;
	place.config.city = lisbon;
	expect_refused(&place, "lisbon is not a city of it");
	place.config.city = city_b;
	expect_refused(&place, "the current key of b in the roster is");
	place.config.city = city_a;
	assert_int_equal(unlink(place.node_key), 0);
	expect_refused(&place, "cannot be read");
	put_key(&place, 0);
	assert_true(file_write(place.roster, SLICE("no roster")));
	expect_refused(&place, "MALFORMED");
	assert_int_equal(unlink(place.roster), 0);
	expect_refused(&place, "cannot be read");
	end(&place);
}

static void test_roster_file_reload(void **state)
{
	/* Goal: a newer, signed version is taken; anything else changes
	 * nothing. */
	struct place place;
	struct roster *first;

	(void)state;
	begin(&place);
	assert_true(roster_file_load(&place.held, &place.config, place.error));
	first = place.held.roster;
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_SAME);
	place.federation.roster->links[0].line_a = money_of(7);
	put_roster(&place, A | B);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_REFUSED);
	assert_non_null(strstr(place.error, "FORKED"));
	memcpy(place.federation.roster->hash, first->hash, SHA256_SIZE);
	federation_follow(&place.federation);
	put_roster(&place, A);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_REFUSED);
	assert_non_null(strstr(place.error, "UNSIGNED"));
	assert_ptr_equal(place.held.roster, first);
	put_roster(&place, A | B);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_TAKEN);
	assert_int_equal(place.held.roster->version, 2);
	assert_int_equal(money_minor(place.held.roster->links[0].line_a), 7);
	/* Who still looks at the old one in this turn may. */
	assert_int_equal(first->version, 1);
	place.federation.roster->version = 1;
	place.federation.roster->prev_hash = (struct slice){ 0 };
	put_roster(&place, A | B);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_REFUSED);
	assert_non_null(strstr(place.error, "STALE"));
	end(&place);
}

static void test_roster_file_given_back(void **state)
{
	/* Goal: one that is given back was never there, however often. */
	struct place place;
	struct roster *first;

	(void)state;
	begin(&place);
	assert_true(roster_file_load(&place.held, &place.config, place.error));
	first = place.held.roster;
	memcpy(place.federation.roster->hash, first->hash, SHA256_SIZE);
	federation_follow(&place.federation);
	put_roster(&place, A | B);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(roster_file_reload(&place.held, &place.config,
						    place.error),
				 ROSTER_RELOAD_TAKEN);
		roster_file_give_back(&place.held);
		assert_ptr_equal(place.held.roster, first);
		assert_int_equal(first->version, 1);
		assert_int_equal(place.held.city, 0);
		assert_memory_equal(
			signing_key_public(place.held.key),
			signing_key_public(place.federation.keys[0]),
			NODE_KEY_SIZE);
	}
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_TAKEN);
	assert_int_equal(place.held.roster->version, 2);
	end(&place);
}

static void test_roster_file_rotation(void **state)
{
	/* Goal: the new key comes with the roster that has it, not before. */
	struct place place;
	struct roster_city *city;

	(void)state;
	begin(&place);
	assert_true(roster_file_load(&place.held, &place.config, place.error));
	city = &place.federation.roster->cities[0];
	city->keys[0].state = ROSTER_KEY_RETIRED;
	city->keys[1] = federation_key(&place.federation, SECOND_OF_A);
	city->key_count = 2;
	if (slice_compare(city->keys[0].id, city->keys[1].id) > 0) {
		struct roster_key key = city->keys[0];

		city->keys[0] = city->keys[1];
		city->keys[1] = key;
	}
	federation_follow(&place.federation);
	put_roster(&place, A | B);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_REFUSED);
	assert_non_null(strstr(place.error, "the current key of a"));
	put_key(&place, SECOND_OF_A);
	assert_int_equal(
		roster_file_reload(&place.held, &place.config, place.error),
		ROSTER_RELOAD_TAKEN);
	assert_memory_equal(
		signing_key_public(place.held.key),
		signing_key_public(place.federation.keys[SECOND_OF_A]),
		NODE_KEY_SIZE);
	end(&place);
}

static void test_roster_file_follows(void **state)
{
	/* Goal: a start with an older roster than the journal knows fails. */
	static const uint8_t other[SHA256_SIZE] = { 1 };
	struct place place;

	(void)state;
	begin(&place);
	assert_true(
		roster_file_follows(&place.held, "f", 5, other, place.error));
	assert_true(roster_file_load(&place.held, &place.config, place.error));
	assert_true(
		roster_file_follows(&place.held, "f", 0, other, place.error));
	assert_true(roster_file_follows(&place.held, "f", 1,
					place.held.roster->hash, place.error));
	assert_false(
		roster_file_follows(&place.held, "f", 1, other, place.error));
	assert_non_null(strstr(place.error, "FORKED"));
	assert_false(
		roster_file_follows(&place.held, "f", 2, other, place.error));
	assert_non_null(strstr(place.error, "STALE"));
	end(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roster_file_loads),
		cmocka_unit_test(test_roster_file_refuses),
		cmocka_unit_test(test_roster_file_reload),
		cmocka_unit_test(test_roster_file_given_back),
		cmocka_unit_test(test_roster_file_rotation),
		cmocka_unit_test(test_roster_file_follows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
