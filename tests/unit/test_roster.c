/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "clearing/federation/v1/roster.pb-c.h"
#include "unit/federation.h"

/* Bits of the first keys of cities a to d. */
enum { A = 1, B = 2, C = 4, D = 8 };
/* Bit of the second key of city a. */
#define A2 (UINT64_C(1) << FEDERATION_CITIES_MAX)

static struct roster *make_roster(void)
{
	struct roster *roster = malloc(sizeof(*roster));

	assert_non_null(roster);
	return roster;
}

static const struct roster_trust trust_any = {
	.sha256 = crypto_sha256,
	.verify = crypto_verify,
};

static void expect(enum roster_result result, enum roster_result wanted)
{
	if (result != wanted)
		fail_msg("%s instead of %s", roster_result_name(result),
			 roster_result_name(wanted));
}

static void test_roster_round_trip(void **state)
{
	/* Goal: what was encoded is decoded to the same, and looked up. */
	struct federation federation;
	struct roster *roster = make_roster();
	const struct roster_city *city;

	(void)state;
	federation_init(&federation, 4, 3);
	federation.roster->cities[3].status = ROSTER_CITY_GONE;
	federation.roster->links[1].in_flight_per_mille = 1000;
	expect(roster_load(roster, federation_seal(&federation, A | B | C),
			   &trust_any),
	       ROSTER_OK);
	assert_int_equal(roster->version, 1);
	assert_int_equal(roster->decimals, 2);
	assert_int_equal(roster->city_count, 4);
	assert_int_equal(roster->founder_count, 3);
	assert_int_equal(roster->founders_signed, 3);
	assert_int_equal(roster->founders_needed, 3);
	city = &roster->cities[roster_city(roster, SLICE("b"))];
	assert_true(slice_equal(city->uri, SLICE("spiffe://commons/city/b")));
	assert_true(slice_equal(city->place, SLICE("Somewhere, XY")));
	assert_int_equal(city->latitude, -41387400);
	assert_int_equal(city->longitude, 2168600);
	assert_int_equal(roster_city(roster, SLICE("e")), ROSTER_NONE);
	assert_int_equal(roster->cities[3].status, ROSTER_CITY_GONE);
	assert_int_equal(roster_link(roster, 2, 1), 1);
	assert_int_equal(roster_link(roster, 0, 2), ROSTER_NONE);
	assert_int_equal(roster_link(roster, 3, 3), ROSTER_NONE);
	assert_int_equal(money_minor(roster_line(&roster->links[1], 1)),
			 100000);
	assert_int_equal(money_minor(roster_line(&roster->links[1], 2)), 50000);
	assert_int_equal(roster_other_end(&roster->links[1], 1), 2);
	free(roster);
	federation_release(&federation);
}

static void test_roster_as_protobuf(void **state)
{
	/* Goal: protobuf-c reads what we write, and writes what we read. */
	struct federation federation;
	struct roster *roster = make_roster();
	Clearing__Federation__V1__SignedRoster *sealed;
	Clearing__Federation__V1__Roster *body;
	struct slice bytes;
	uint8_t *again;

	(void)state;
	federation_init(&federation, 3, 1);
	federation.roster->links[0].in_flight_per_mille = 250;
	bytes = federation_seal(&federation, A);
	sealed = clearing__federation__v1__signed_roster__unpack(
		NULL, bytes.size, bytes.data);
	assert_non_null(sealed);
	assert_int_equal(sealed->n_signatures, 1);
	assert_string_equal(sealed->signatures[0]->city, "a");
	body = clearing__federation__v1__roster__unpack(
		NULL, sealed->roster.len, sealed->roster.data);
	assert_non_null(body);
	assert_int_equal(body->n_cities, 3);
	assert_string_equal(body->cities[1]->endpoint, "127.0.0.1:7440");
	assert_int_equal(body->cities[1]->latitude, -41387400);
	assert_int_equal(
		body->cities[1]->keys[0]->state,
		CLEARING__FEDERATION__V1__KEY_STATE__KEY_STATE_CURRENT);
	assert_int_equal(body->links[0]->in_flight_per_mille, 250);
	assert_int_equal(body->links[1]->in_flight_per_mille, 0);
	assert_string_equal(body->links[1]->b, "c");
	again = malloc(bytes.size);
	assert_non_null(again);
	assert_int_equal(
		clearing__federation__v1__signed_roster__pack(sealed, again),
		bytes.size);
	expect(roster_load(roster, slice_of(again, bytes.size), &trust_any),
	       ROSTER_OK);
	assert_true(slice_equal(bytes, slice_of(again, bytes.size)));
	clearing__federation__v1__roster__free_unpacked(body, NULL);
	clearing__federation__v1__signed_roster__free_unpacked(sealed, NULL);
	free(again);
	free(roster);
	federation_release(&federation);
}

static void test_roster_needs_signatures(void **state)
{
	/* Goal: more than two thirds of the founders, nobody else, no other. */
	static const struct {
		uint32_t founders;
		uint64_t signers;
		uint32_t needed, counted;
		enum roster_result result;
	} cases[] = {
		{ 1, A, 1, 1, ROSTER_OK },
		{ 1, 0, 1, 0, ROSTER_UNSIGNED },
		{ 1, B | C | D, 1, 0, ROSTER_UNSIGNED },
		{ 2, A, 2, 1, ROSTER_UNSIGNED },
		{ 2, A | B, 2, 2, ROSTER_OK },
		{ 3, A | B, 3, 2, ROSTER_UNSIGNED },
		{ 3, A | B | D, 3, 2, ROSTER_UNSIGNED },
		{ 3, A | B | C, 3, 3, ROSTER_OK },
		{ 4, A | B | C, 3, 3, ROSTER_OK },
		{ 4, A | D, 3, 2, ROSTER_UNSIGNED },
		/* A key that is not in the roster signs nothing. */
		{ 2, A2 | B, 2, 1, ROSTER_UNSIGNED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct federation federation;
		struct roster *roster = make_roster();

		federation_init(&federation, 4, cases[i].founders);
		expect(roster_load(
			       roster,
			       federation_seal(&federation, cases[i].signers),
			       &trust_any),
		       cases[i].result);
		assert_int_equal(roster->founders_needed, cases[i].needed);
		assert_int_equal(roster->founders_signed, cases[i].counted);
		free(roster);
		federation_release(&federation);
	}
}

static void test_roster_tampered(void **state)
{
	/* Goal: no changed byte leaves a good roster with other content. */
	struct federation federation;
	struct roster *roster = make_roster();
	struct slice bytes;
	uint8_t *copy;

	(void)state;
	federation_init(&federation, 2, 2);
	bytes = federation_seal(&federation, A | B);
	copy = malloc(bytes.size);
	assert_non_null(copy);
	for (size_t i = 0; i < bytes.size; i++) {
		memcpy(copy, bytes.data, bytes.size);
		copy[i] ^= 1;
		if (roster_load(roster, slice_of(copy, bytes.size),
				&trust_any) == ROSTER_OK)
			fail_msg("byte %zu", i);
	}
	for (size_t size = 0; size < bytes.size; size++) {
		memcpy(copy, bytes.data, size);
		if (roster_load(roster, slice_of(copy, size), &trust_any) ==
		    ROSTER_OK)
			fail_msg("cut to %zu", size);
	}
	free(copy);
	free(roster);
	federation_release(&federation);
}

/* Each spoils a sound roster in one way. */
static void spoil_version(struct roster *roster)
{
	roster->version = 0;
}

static void spoil_federation(struct roster *roster)
{
	roster->federation = SLICE("Commons");
}

static void spoil_unit(struct roster *roster)
{
	roster->unit = SLICE("");
}

static void spoil_decimals(struct roster *roster)
{
	roster->decimals = MONEY_DECIMALS_MAX + 1;
}

static void spoil_prev_hash(struct roster *roster)
{
	roster->version = 2;
}

static void spoil_order(struct roster *roster)
{
	struct roster_city city = roster->cities[0];

	roster->cities[0] = roster->cities[1];
	roster->cities[1] = city;
}

static void spoil_twice(struct roster *roster)
{
	roster->cities[1] = roster->cities[0];
}

static void spoil_founder_twice(struct roster *roster)
{
	roster->founders[1] = roster->founders[0];
}

static void spoil_founder(struct roster *roster)
{
	roster->founders[1] = SLICE("nowhere");
}

static void spoil_no_founder(struct roster *roster)
{
	roster->founder_count = 0;
}

static void spoil_place(struct roster *roster)
{
	roster->cities[1].place = SLICE("a\nb");
}

static void spoil_bioregion(struct roster *roster)
{
	roster->cities[1].bioregion = SLICE("North Atlantic");
}

static void spoil_latitude(struct roster *roster)
{
	roster->cities[1].latitude = 90000001;
}

static void spoil_ca(struct roster *roster)
{
	roster->cities[1].ca = SLICE("MIIB");
}

static void spoil_endpoint(struct roster *roster)
{
	roster->cities[1].endpoint = SLICE("somewhere");
}

static void spoil_port(struct roster *roster)
{
	roster->cities[1].endpoint = SLICE("127.0.0.1:70000");
}

static void spoil_uri(struct roster *roster)
{
	roster->cities[1].uri = roster->cities[0].uri;
}

static void spoil_status(struct roster *roster)
{
	roster->cities[1].status = 0;
}

static void spoil_no_key(struct roster *roster)
{
	roster->cities[1].key_count = 0;
}

static void spoil_no_current(struct roster *roster)
{
	roster->cities[1].keys[0].state = ROSTER_KEY_RETIRED;
}

static void spoil_key_id(struct roster *roster)
{
	roster->cities[1].keys[0].id = roster->cities[0].keys[0].id;
}

static void spoil_key_state(struct roster *roster)
{
	roster->cities[1].keys[0].state = 4;
}

static void spoil_link_self(struct roster *roster)
{
	roster->links[0].b = roster->links[0].a;
}

static void spoil_link_order(struct roster *roster)
{
	roster->links[0] =
		(struct roster_link){ 1, 0, MONEY_ZERO, MONEY_ZERO, 500 };
}

static void spoil_link_twice(struct roster *roster)
{
	roster->links[1] = roster->links[0];
}

static void spoil_in_flight(struct roster *roster)
{
	roster->links[0].in_flight_per_mille = 1001;
}

static void test_roster_refuses(void **state)
{
	/* Goal: each wrong value has its refusal, and names its city. */
	static const struct {
		void (*spoil)(struct roster *roster);
		enum roster_result result;
		const char *fault;
	} cases[] = {
		{ spoil_version, ROSTER_BAD_VALUE, "" },
		{ spoil_federation, ROSTER_BAD_CITY, "a" },
		{ spoil_unit, ROSTER_BAD_VALUE, "" },
		{ spoil_decimals, ROSTER_BAD_VALUE, "" },
		{ spoil_prev_hash, ROSTER_BAD_VALUE, "" },
		{ spoil_order, ROSTER_DUPLICATE, "a" },
		{ spoil_twice, ROSTER_DUPLICATE, "a" },
		{ spoil_founder_twice, ROSTER_DUPLICATE, "a" },
		{ spoil_founder, ROSTER_UNKNOWN_CITY, "nowhere" },
		{ spoil_no_founder, ROSTER_NO_FOUNDER, "" },
		{ spoil_place, ROSTER_BAD_CITY, "b" },
		{ spoil_bioregion, ROSTER_BAD_CITY, "b" },
		{ spoil_latitude, ROSTER_BAD_CITY, "b" },
		{ spoil_ca, ROSTER_BAD_CITY, "b" },
		{ spoil_endpoint, ROSTER_BAD_CITY, "b" },
		{ spoil_port, ROSTER_BAD_CITY, "b" },
		{ spoil_uri, ROSTER_BAD_CITY, "b" },
		{ spoil_status, ROSTER_BAD_CITY, "b" },
		{ spoil_no_key, ROSTER_BAD_KEY, "b" },
		{ spoil_no_current, ROSTER_BAD_KEY, "b" },
		{ spoil_key_id, ROSTER_BAD_KEY, "b" },
		{ spoil_key_state, ROSTER_BAD_KEY, "b" },
		{ spoil_link_self, ROSTER_BAD_LINK, "a" },
		{ spoil_link_order, ROSTER_BAD_LINK, "b" },
		{ spoil_link_twice, ROSTER_DUPLICATE, "a" },
		{ spoil_in_flight, ROSTER_BAD_LINK, "a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct federation federation;
		struct roster *roster = make_roster();
		enum roster_result result;

		federation_init(&federation, 3, 2);
		cases[i].spoil(federation.roster);
		result =
			roster_load(roster, federation_seal(&federation, A | B),
				    &trust_any);
		if (result != cases[i].result ||
		    !slice_equal(roster->fault,
				 slice_from_text(cases[i].fault)))
			fail_msg("case %zu: %s about '%.*s'", i,
				 roster_result_name(result),
				 (int)roster->fault.size, roster->fault.data);
		free(roster);
		federation_release(&federation);
	}
}

static void test_roster_explains(void **state)
{
	/* Goal: a person learns how many signatures are missing, and whose. */
	struct federation federation;
	struct roster *roster = make_roster();
	char text[ROSTER_EXPLAIN_SIZE_MAX + 1] = "";
	struct buffer buffer;

	(void)state;
	federation_init(&federation, 3, 3);
	expect(roster_load(roster, federation_seal(&federation, A | B),
			   &trust_any),
	       ROSTER_UNSIGNED);
	buffer_init(&buffer, text, ROSTER_EXPLAIN_SIZE_MAX);
	roster_explain(&buffer, roster, ROSTER_UNSIGNED);
	assert_string_equal(text, "too few founders have signed; more than two "
				  "thirds must (signed by 2, needs 3; missing "
				  "is c)");
	roster->fault = SLICE("b");
	memset(text, 0, sizeof(text));
	buffer_init(&buffer, text, ROSTER_EXPLAIN_SIZE_MAX);
	roster_explain(&buffer, roster, ROSTER_CITY_LOST);
	assert_non_null(strstr(text, "(b)"));
	free(roster);
	federation_release(&federation);
}

static void test_roster_too_large(void **state)
{
	/* Goal: what is over the limit is not even looked at. */
	struct roster *roster = make_roster();
	uint8_t *bytes = calloc(1, ROSTER_SIZE_MAX + 1);

	(void)state;
	assert_non_null(bytes);
	expect(roster_load(roster, slice_of(bytes, ROSTER_SIZE_MAX + 1),
			   &trust_any),
	       ROSTER_TOO_LARGE);
	expect(roster_load(roster, slice_of(bytes, ROSTER_SIZE_MAX),
			   &trust_any),
	       ROSTER_MALFORMED);
	expect(roster_load(roster, slice_of(bytes, 0), &trust_any),
	       ROSTER_BAD_VALUE);
	free(bytes);
	free(roster);
}

static void test_roster_expected(void **state)
{
	/* Goal: another federation or unit than expected is refused. */
	struct federation federation;
	struct roster *roster = make_roster();
	struct roster_trust trust = trust_any;
	struct slice bytes;

	(void)state;
	federation_init(&federation, 2, 1);
	bytes = federation_seal(&federation, 0);
	trust.federation = SLICE("other");
	trust.unit = SLICE("hour");
	expect(roster_load(roster, bytes, &trust), ROSTER_WRONG_FEDERATION);
	trust.federation = SLICE("commons");
	expect(roster_load(roster, bytes, &trust), ROSTER_WRONG_UNIT);
	trust.unit = SLICE("credit");
	expect(roster_load(roster, bytes, &trust), ROSTER_WRONG_UNIT);
	trust.decimals = 2;
	expect(roster_load(roster, bytes, &trust), ROSTER_UNSIGNED);
	expect(roster_load(roster, federation_seal(&federation, A), &trust),
	       ROSTER_OK);
	free(roster);
	federation_release(&federation);
}

/* A federation at version 1, held in @previous as by a node. */
struct story {
	struct federation federation;
	struct roster *previous, *roster;
	uint8_t *first; /* keeps the bytes that @previous points into */
	struct roster_trust trust;
};

static void begin(struct story *story)
{
	struct slice bytes;

	federation_init(&story->federation, 3, 2);
	story->previous = make_roster();
	story->roster = make_roster();
	bytes = federation_seal(&story->federation, A | B);
	story->first = malloc(bytes.size);
	assert_non_null(story->first);
	memcpy(story->first, bytes.data, bytes.size);
	story->trust = trust_any;
	expect(roster_load(story->previous, slice_of(story->first, bytes.size),
			   &story->trust),
	       ROSTER_OK);
	story->trust.previous = story->previous;
	federation_follow(&story->federation);
}

static void expect_next(struct story *story, uint64_t signers,
			enum roster_result wanted)
{
	expect(roster_load(story->roster,
			   federation_seal(&story->federation, signers),
			   &story->trust),
	       wanted);
}

static void end(struct story *story)
{
	free(story->first);
	free(story->previous);
	free(story->roster);
	federation_release(&story->federation);
}

static void test_roster_follows(void **state)
{
	/* Goal: newer is taken; older, forked and unchained ones are not. */
	static const uint8_t other_hash[SHA256_SIZE] = { 1 };
	struct story story;
	struct roster *draft;

	(void)state;
	begin(&story);
	draft = story.federation.roster;
	draft->links[0].line_a = money_of(1);
	expect_next(&story, A | B, ROSTER_OK);
	expect_next(&story, A, ROSTER_UNSIGNED);
	draft->prev_hash = slice_of(other_hash, sizeof(other_hash));
	expect_next(&story, A | B, ROSTER_BROKEN_CHAIN);
	/* A version in between is missing: only keys can be compared. */
	draft->version = 5;
	expect_next(&story, A | B, ROSTER_OK);
	/* The same version again: with its bytes, and with others. */
	draft->version = 1;
	draft->prev_hash = (struct slice){ 0 };
	expect_next(&story, A | B, ROSTER_FORKED);
	draft->links[0].line_a = money_of(100000);
	expect_next(&story, A | B, ROSTER_OK);
	end(&story);
}

static void test_roster_stale(void **state)
{
	/* Goal: what was seen before this start counts as well. */
	struct story story;

	(void)state;
	begin(&story);
	story.trust.previous = NULL;
	story.trust.seen_version = 3;
	expect_next(&story, A | B, ROSTER_STALE);
	story.trust.seen_version = 2;
	expect_next(&story, A | B, ROSTER_FORKED);
	memcpy(story.trust.seen_hash, story.roster->hash, SHA256_SIZE);
	expect_next(&story, A | B, ROSTER_OK);
	story.trust.seen_version = 1;
	expect_next(&story, A | B, ROSTER_BROKEN_CHAIN);
	memcpy(story.trust.seen_hash, story.previous->hash, SHA256_SIZE);
	expect_next(&story, A | B, ROSTER_OK);
	end(&story);
}

static void test_roster_rotation(void **state)
{
	/* Goal: a key is rotated by a roster that the old key signs. */
	struct story story;
	struct roster_city *city;
	uint32_t fresh;

	(void)state;
	begin(&story);
	city = &story.federation.roster->cities[0];
	city->keys[0].state = ROSTER_KEY_RETIRED;
	city->keys[1] =
		federation_key(&story.federation, FEDERATION_CITIES_MAX);
	city->key_count = 2;
	fresh = slice_compare(city->keys[0].id, city->keys[1].id) < 0 ? 1 : 0;
	if (fresh == 0) {
		struct roster_key key = city->keys[0];

		city->keys[0] = city->keys[1];
		city->keys[1] = key;
	}
	expect_next(&story, A2 | B, ROSTER_UNSIGNED);
	expect_next(&story, A | B, ROSTER_OK);
	assert_true(slice_equal(roster_current_key(story.roster, 0)->id,
				city->keys[fresh].id));
	/* Old signatures stay good (rule PEER-43). */
	assert_non_null(roster_key(story.roster, 0, city->keys[1 - fresh].id));
	/* Who has seen no roster before takes the retired key's word. */
	story.trust.previous = NULL;
	expect_next(&story, A | B, ROSTER_OK);
	city->keys[1 - fresh].state = ROSTER_KEY_REVOKED;
	expect_next(&story, A | B, ROSTER_UNSIGNED);
	expect_next(&story, A2 | B, ROSTER_OK);
	assert_null(roster_key(story.roster, 0, city->keys[1 - fresh].id));
	end(&story);
}

static void test_roster_for_ever(void **state)
{
	/* Goal: no city leaves, none that is gone comes back, nor a key. */
	struct story story;
	struct roster *draft;

	(void)state;
	begin(&story);
	draft = story.federation.roster;
	draft->city_count = 2;
	draft->link_count = 1;
	expect_next(&story, A | B, ROSTER_CITY_LOST);
	assert_true(slice_equal(story.roster->fault, SLICE("c")));
	draft->city_count = 3;
	story.previous->cities[2].status = ROSTER_CITY_GONE;
	expect_next(&story, A | B, ROSTER_REVIVED);
	draft->cities[2].status = ROSTER_CITY_GONE;
	expect_next(&story, A | B, ROSTER_OK);
	story.previous->cities[2].keys[0].state = ROSTER_KEY_REVOKED;
	expect_next(&story, A | B, ROSTER_REVIVED);
	draft->cities[2].keys[0].state = ROSTER_KEY_REVOKED;
	expect_next(&story, A | B, ROSTER_OK);
	assert_null(roster_current_key(story.roster, 2));
	end(&story);
}

static void test_roster_result_names(void **state)
{
	/* Goal: every result has a name of its own and a sentence. */
	(void)state;
	for (uint32_t i = 0; i < ROSTER_RESULT_COUNT; i++) {
		assert_true(strlen(roster_result_sentence(i)) > 10);
		for (uint32_t k = 0; k < i; k++)
			assert_string_not_equal(roster_result_name(i),
						roster_result_name(k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roster_round_trip),
		cmocka_unit_test(test_roster_as_protobuf),
		cmocka_unit_test(test_roster_needs_signatures),
		cmocka_unit_test(test_roster_tampered),
		cmocka_unit_test(test_roster_refuses),
		cmocka_unit_test(test_roster_explains),
		cmocka_unit_test(test_roster_too_large),
		cmocka_unit_test(test_roster_expected),
		cmocka_unit_test(test_roster_follows),
		cmocka_unit_test(test_roster_stale),
		cmocka_unit_test(test_roster_rotation),
		cmocka_unit_test(test_roster_for_ever),
		cmocka_unit_test(test_roster_result_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
