/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/tls_world.h"

#include <openssl/err.h>

#define LINZ SLICE("linz")
#define LINZ_URI "spiffe://alps/city/linz"

/* A server of graz that knows linz, under the other CA. */
static SSL_CTX *server_in_federation(const struct city *city)
{
	const struct tls_city_ca cities[] = {
		{ CITY, pem_view(&city->other_ca.certificate_pem) },
		{ LINZ, pem_view(&city->other_ca.certificate_pem) },
	};
	struct tls_files files = files_of(city, &city->node);
	char error[TLS_ERROR_SIZE];
	SSL_CTX *server;

	files.cities = cities;
	files.city_count = COUNT_OF(cities);
	server = tls_server_context(&files, FEDERATION, CITY, error);
	assert_non_null(server);
	return server;
}

/* Goal: another city's CA vouches for that city's node and for nobody else,
 * nor the own CA for it; a list's entry of the own city changes nothing. */
static void test_tls_lets_neighbours_in(void **state)
{
	struct city *city = *state;
	const struct holder *linz = &city->other_ca;
	const struct {
		struct wish wish;
		bool good;
	} cases[] = {
		{ { .ca = linz, .uri = SLICE(LINZ_URI) }, true },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI) }, true },
		{ { .ca = &city->ca, .uri = SLICE(NODE_URI) }, true },
		{ { .ca = &city->ca, .uri = SLICE("spiffe://alps/arbiter/a") },
		  true },
		{ { .ca = &city->ca, .uri = SLICE(LINZ_URI) }, false },
		{ { .ca = linz, .uri = SLICE(LINZ_URI "/coop/m1") }, false },
		{ { .ca = linz, .uri = SLICE(LINZ_URI "/auditor/a") }, false },
		{ { .ca = linz, .uri = SLICE(LINZ_URI "/person/ann") }, false },
		{ { .ca = linz, .uri = SLICE(NODE_URI) }, false },
		{ { .ca = linz, .uri = SLICE(COOP_URI) }, false },
		{ { .ca = linz, .uri = SLICE("spiffe://alps/arbiter/a") },
		  false },
		{ { .ca = linz, .uri = SLICE("spiffe://sea/city/linz") },
		  false },
		{ { .ca = linz, .uri = SLICE("spiffe://alps/city/wels") },
		  false },
		{ { .ca = linz, .uri = SLICE(LINZ_URI), .is_ca = true },
		  false },
		{ { .ca = linz,
		    .uri = SLICE(LINZ_URI),
		    .second_uri = SLICE(NODE_URI) },
		  false },
		{ { .ca = linz,
		    .uri = SLICE(LINZ_URI),
		    .from_s = -2 * DAY_S,
		    .until_s = -60 },
		  false },
		{ { .uri = SLICE(LINZ_URI) }, false },
	};
	SSL_CTX *server = server_in_federation(city);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct holder holder;

		make(&holder, &cases[i].wish);
		assert_int_equal(lets_in(server, &holder), cases[i].good);
		unmake(&holder);
	}
	SSL_CTX_free(server);
}

/* Goal: a CA that somebody made for himself, of the same name, vouches for
 * nobody, whether or not it comes with the chain. */
static void test_tls_refuses_self_made_ca(void **state)
{
	struct city *city = *state;
	const struct wish root = { .is_ca = true };
	struct holder ca, node;
	const struct wish wish = { .ca = &ca, .uri = SLICE(LINZ_URI) };
	SSL_CTX *server = server_in_federation(city);
	struct shake shake;
	SSL_CTX *client;

	make(&ca, &root);
	make(&node, &wish);
	assert_false(lets_in(server, &node));
	client = careless_client(&node);
	SSL_CTX_add1_chain_cert(client, ca.certificate);
	assert_false(shake_hands(&shake, server, client));
	part(&shake);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	unmake(&node);
	unmake(&ca);
}

/* The node of linz, and a connection of it to @server. */
struct neighbour {
	struct holder node;
	SSL_CTX *client;
	struct shake shake;
};

static void arrive(const struct city *city, SSL_CTX *server,
		   struct neighbour *out)
{
	const struct wish wish = { .ca = &city->other_ca,
				   .uri = SLICE(LINZ_URI) };
	const struct tls_city_ca graz = { CITY,
					  pem_view(&city->ca.certificate_pem) };
	char error[TLS_ERROR_SIZE];
	struct tls_files files;

	make(&out->node, &wish);
	files = files_of(city, &out->node);
	files.ca = pem_view(&city->other_ca.certificate_pem);
	files.cities = &graz;
	files.city_count = 1;
	out->client = tls_client_context(&files, NODE_URI, error);
	assert_non_null(out->client);
	assert_true(shake_hands(&out->shake, server, out->client));
}

static void leave(struct neighbour *neighbour)
{
	part(&neighbour->shake);
	SSL_CTX_free(neighbour->client);
	unmake(&neighbour->node);
}

/* Goal: both ends of a link know each other. */
static void test_tls_knows_its_neighbour(void **state)
{
	struct city *city = *state;
	SSL_CTX *server = server_in_federation(city);
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct neighbour linz;
	struct identity peer;
	struct buffer uri;

	arrive(city, server, &linz);
	buffer_init(&uri, data, sizeof(data));
	assert_true(tls_peer_identity(linz.shake.server, &uri, &peer));
	assert_int_equal(peer.role, ROLE_CITY);
	assert_true(slice_equal(peer.city, LINZ));
	buffer_init(&uri, data, sizeof(data));
	assert_true(tls_peer_identity(linz.shake.client, &uri, &peer));
	assert_true(slice_equal(peer.city, CITY));
	assert_true(tls_peer_still_good(linz.shake.client, linz.client));
	leave(&linz);
	SSL_CTX_free(server);
}

/* Goal: a node that a new roster no longer names, or names with another CA,
 * is found out on a live connection; the own revocation list says nothing of
 * another city's node. */
static void test_tls_looks_again_at_neighbours(void **state)
{
	struct city *city = *state;
	const struct slice own = pem_view(&city->ca.certificate_pem);
	const struct slice other = pem_view(&city->other_ca.certificate_pem);
	const struct {
		struct tls_city_ca ca;
		bool good;
	} cases[] = {
		{ { LINZ, other }, true },
		{ { LINZ, own }, false },
		{ { SLICE("wels"), other }, false },
	};
	SSL_CTX *server = server_in_federation(city);
	struct tls_files files = files_of(city, &city->node);
	struct neighbour linz;
	struct pem crl;

	make_crl(&city->ca, NULL, DAY_S, &crl);
	files.crl = pem_view(&crl);
	files.city_count = 1;
	arrive(city, server, &linz);
	assert_true(tls_peer_still_good(linz.shake.server, server));
	assert_false(tls_peer_still_good(linz.shake.server, city->server));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[TLS_ERROR_SIZE];
		SSL_CTX *fresh;

		files.cities = &cases[i].ca;
		fresh = tls_server_context(&files, FEDERATION, CITY, error);
		assert_non_null(fresh);
		assert_int_equal(tls_peer_still_good(linz.shake.server, fresh),
				 cases[i].good);
		SSL_CTX_free(fresh);
	}
	leave(&linz);
	SSL_CTX_free(server);
}

/* Goal: a node that dials its neighbour accepts that city's node under that
 * city's CA, and nothing that its own CA, or a member, makes of it. */
static void test_tls_pins_the_neighbour(void **state)
{
	struct city *city = *state;
	const struct holder *linz = &city->other_ca;
	const struct {
		struct wish wish;
		bool good;
	} cases[] = {
		{ { .ca = linz, .uri = SLICE(LINZ_URI) }, true },
		{ { .ca = &city->ca, .uri = SLICE(LINZ_URI) }, false },
		{ { .ca = linz, .uri = SLICE(NODE_URI) }, false },
		{ { .ca = &city->ca, .uri = SLICE(NODE_URI) }, false },
		{ { .ca = linz, .uri = SLICE(LINZ_URI "/coop/m1") }, false },
		{ { .uri = SLICE(LINZ_URI) }, false },
	};
	const struct tls_city_ca cities[] = {
		{ SLICE("wels"), pem_view(&city->ca.certificate_pem) },
		{ LINZ, pem_view(&linz->certificate_pem) },
	};
	struct tls_files files = files_of(city, &city->node);
	char error[TLS_ERROR_SIZE];
	SSL_CTX *client;

	assert_null(tls_client_context(&files, LINZ_URI, error));
	assert_string_equal(error, "ca of linz: none is known");
	files.cities = cities;
	files.city_count = COUNT_OF(cities);
	client = tls_client_context(&files, LINZ_URI, error);
	assert_non_null(client);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SSL_CTX *server = SSL_CTX_new(TLS_server_method());
		struct holder holder;
		struct shake shake;

		make(&holder, &cases[i].wish);
		SSL_CTX_use_certificate(server, holder.certificate);
		SSL_CTX_use_PrivateKey(server, holder.key);
		SSL_CTX_set_num_tickets(server, 0);
		assert_int_equal(shake_hands(&shake, server, client),
				 cases[i].good);
		part(&shake);
		SSL_CTX_free(server);
		unmake(&holder);
	}
	SSL_CTX_free(client);
}

/* Goal: a city's CA that is none, and a city that stands twice, are told. */
static void test_tls_refuses_cities(void **state)
{
	struct city *city = *state;
	const struct slice ca = pem_view(&city->ca.certificate_pem);
	const struct {
		struct tls_city_ca cities[2];
		const char *error;
	} cases[] = {
		{ { { LINZ, SLICE("") }, { SLICE("wels"), ca } },
		  "ca of linz: not PEM certificates of a CA" },
		{ { { LINZ, ca },
		    { SLICE("wels"), pem_view(&city->coop.certificate_pem) } },
		  "ca of wels: not PEM certificates of a CA" },
		{ { { LINZ, ca }, { LINZ, ca } },
		  "ca of linz: the city stands twice" },
		{ { { LINZ, ca }, { SLICE("No"), ca } },
		  "ca of No: no city has that name" },
	};
	struct tls_files files = files_of(city, &city->node);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[TLS_ERROR_SIZE] = "";

		files.cities = cases[i].cities;
		files.city_count = 2;
		assert_null(
			tls_server_context(&files, FEDERATION, CITY, error));
		assert_string_equal(error, cases[i].error);
		assert_int_equal(ERR_peek_error(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_lets_neighbours_in),
		cmocka_unit_test(test_tls_refuses_self_made_ca),
		cmocka_unit_test(test_tls_knows_its_neighbour),
		cmocka_unit_test(test_tls_looks_again_at_neighbours),
		cmocka_unit_test(test_tls_pins_the_neighbour),
		cmocka_unit_test(test_tls_refuses_cities),
	};

	return cmocka_run_group_tests(tests, tls_world_setup,
				      tls_world_teardown);
}
