/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/tls_world.h"

#include <openssl/err.h>
#include <string.h>

/* Goal: an honest coop is let in and known by its URI; no ticket is given. */
static void test_tls_knows_its_peer(void **state)
{
	struct city *city = *state;
	const struct tls_files files = files_of(city, &city->coop);
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	char error[TLS_ERROR_SIZE];
	SSL_CTX *client = tls_client_context(&files, NODE_URI, error);
	struct identity peer;
	struct buffer uri;
	struct shake shake;

	assert_non_null(client);
	assert_true(shake_hands(&shake, city->server, client));
	assert_string_equal(SSL_get_version(shake.server), "TLSv1.3");
	buffer_init(&uri, data, sizeof(data));
	assert_true(tls_peer_identity(shake.server, &uri, &peer));
	assert_int_equal(peer.role, ROLE_COOP);
	assert_true(slice_equal(peer.uri, SLICE(COOP_URI)));
	assert_true(slice_equal(peer.name, SLICE("m1")));
	buffer_init(&uri, data, sizeof(data));
	assert_true(tls_peer_identity(shake.client, &uri, &peer));
	assert_int_equal(peer.role, ROLE_CITY);
	assert_false(SSL_SESSION_is_resumable(SSL_get_session(shake.client)));
	part(&shake);
	SSL_CTX_free(client);
}

/* Goal: each certificate that breaks a rule ends the handshake. */
static void test_tls_refuses_certificates(void **state)
{
	struct city *city = *state;
	const struct {
		struct wish wish;
		bool good;
	} cases[] = {
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI) }, true },
		{ { .ca = &city->ca, .uri = SLICE(NODE_URI) }, true },
		{ { .ca = &city->ca,
		    .uri = SLICE("spiffe://alps/city/graz/robot/r2") },
		  true },
		{ { .ca = &city->ca, .uri = SLICE("spiffe://alps/arbiter/a") },
		  true },
		{ { .ca = &city->other_ca, .uri = SLICE(COOP_URI) }, false },
		{ { .uri = SLICE(COOP_URI) }, false },
		{ { .ca = &city->ca,
		    .uri = SLICE("spiffe://alps/city/linz/coop/m1") },
		  false },
		{ { .ca = &city->ca,
		    .uri = SLICE("spiffe://alps/city/grazx/coop/m1") },
		  false },
		{ { .ca = &city->ca,
		    .uri = SLICE("spiffe://sea/city/graz/coop/m1") },
		  false },
		{ { .ca = &city->ca, .uri = SLICE("spiffe://sea/arbiter/a") },
		  false },
		{ { .ca = &city->ca, .uri = SLICE("https://alps/city/graz") },
		  false },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI "/*") }, false },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI "\0x") }, false },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI "\0") }, false },
		{ { .ca = &city->ca, .without_uri = true }, false },
		{ { .ca = &city->ca }, false },
		{ { .ca = &city->ca,
		    .uri = SLICE(COOP_URI),
		    .second_uri = SLICE(COOP_URI) },
		  false },
		{ { .ca = &city->ca,
		    .uri = SLICE(COOP_URI),
		    .second_uri = SLICE("https://graz.example") },
		  false },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI), .is_ca = true },
		  false },
		{ { .ca = &city->ca,
		    .uri = SLICE(COOP_URI),
		    .from_s = -2 * DAY_S,
		    .until_s = -60 },
		  false },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI), .from_s = 3600 },
		  false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct holder holder;

		make(&holder, &cases[i].wish);
		assert_int_equal(lets_in(city->server, &holder), cases[i].good);
		unmake(&holder);
	}
	assert_false(lets_in(city->server, NULL));
	assert_false(lets_in(city->server, &city->ca));
}

/* Goal: an intermediate CA counts when the leaf's holder sends it, and what
 * a member signs with its own certificate does not. */
static void test_tls_refuses_members_as_ca(void **state)
{
	struct city *city = *state;
	const struct wish wish = { .ca = &city->coop, .uri = SLICE(COOP_URI) };
	struct holder holder;
	struct shake shake;
	SSL_CTX *client;

	make(&holder, &wish);
	client = careless_client(&holder);
	SSL_CTX_add1_chain_cert(client, city->coop.certificate);
	assert_false(shake_hands(&shake, city->server, client));
	part(&shake);
	SSL_CTX_free(client);
	unmake(&holder);
}

/* Goal: TLS 1.2 is refused; so is a protocol other than h2; a client that
 * offers none gets through the handshake but has no identity. */
static void test_tls_refuses_versions_and_protocols(void **state)
{
	struct city *city = *state;
	SSL_CTX *client = careless_client(&city->coop);
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct identity peer;
	struct buffer uri;
	struct shake shake;

	SSL_CTX_set_max_proto_version(client, TLS1_2_VERSION);
	assert_false(shake_hands(&shake, city->server, client));
	part(&shake);
	SSL_CTX_set_max_proto_version(client, TLS1_3_VERSION);
	SSL_CTX_set_alpn_protos(client, (const uint8_t *)"\x08http/1.1", 9);
	assert_false(shake_hands(&shake, city->server, client));
	part(&shake);
	SSL_CTX_set_alpn_protos(client, NULL, 0);
	assert_true(shake_hands(&shake, city->server, client));
	buffer_init(&uri, data, sizeof(data));
	assert_false(tls_peer_identity(shake.server, &uri, &peer));
	part(&shake);
	SSL_CTX_free(client);
}

/* Goal: with a revocation list the revoked are refused, others let in; a list
 * out of date refuses all. */
static void test_tls_revokes(void **state)
{
	struct city *city = *state;
	const struct wish wish = { .ca = &city->ca, .uri = SLICE(COOP_URI) };
	const struct {
		long until_s;
		bool lets_others_in;
	} cases[] = {
		{ DAY_S, true },
		{ -60, false },
	};
	struct tls_files files = files_of(city, &city->node);
	char error[TLS_ERROR_SIZE];
	struct holder revoked;

	make(&revoked, &wish);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pem crl;
		SSL_CTX *server;

		make_crl(&city->ca, &revoked, cases[i].until_s, &crl);
		files.crl = pem_view(&crl);
		server = tls_server_context(&files, FEDERATION, CITY, error);
		assert_non_null(server);
		assert_int_equal(lets_in(server, &city->coop),
				 cases[i].lets_others_in);
		assert_false(lets_in(server, &revoked));
		SSL_CTX_free(server);
	}
	assert_true(lets_in(city->server, &revoked));
	unmake(&revoked);
}

/* Goal: after a reload live peers are looked at again: the good stay, the
 * revoked, and those of another CA, do not. */
static void test_tls_looks_again(void **state)
{
	struct city *city = *state;
	const struct tls_files coop = files_of(city, &city->coop);
	struct tls_files files = files_of(city, &city->node);
	char error[TLS_ERROR_SIZE];
	SSL_CTX *client = tls_client_context(&coop, NODE_URI, error);
	struct shake shake;
	struct pem crl;
	SSL_CTX *server;

	assert_true(shake_hands(&shake, city->server, client));
	assert_true(tls_peer_still_good(shake.server, city->server));
	assert_true(tls_peer_still_good(shake.client, client));
	make_crl(&city->ca, NULL, DAY_S, &crl);
	files.crl = pem_view(&crl);
	server = tls_server_context(&files, FEDERATION, CITY, error);
	assert_true(tls_peer_still_good(shake.server, server));
	SSL_CTX_free(server);
	make_crl(&city->ca, &city->coop, DAY_S, &crl);
	files.crl = pem_view(&crl);
	server = tls_server_context(&files, FEDERATION, CITY, error);
	assert_false(tls_peer_still_good(shake.server, server));
	SSL_CTX_free(server);
	part(&shake);
	SSL_CTX_free(client);
}

/* Goal: a client accepts the node that it expects, and no other server. */
static void test_tls_pins_the_server(void **state)
{
	struct city *city = *state;
	const struct {
		struct wish wish;
		bool good;
	} cases[] = {
		{ { .ca = &city->ca, .uri = SLICE(NODE_URI) }, true },
		{ { .ca = &city->ca, .uri = SLICE("spiffe://alps/city/linz") },
		  false },
		{ { .ca = &city->ca, .uri = SLICE(COOP_URI) }, false },
		{ { .ca = &city->other_ca, .uri = SLICE(NODE_URI) }, false },
		{ { .ca = &city->ca,
		    .uri = SLICE(NODE_URI),
		    .second_uri = SLICE(COOP_URI) },
		  false },
		{ { .ca = &city->ca,
		    .uri = SLICE(NODE_URI),
		    .from_s = -2 * DAY_S,
		    .until_s = -60 },
		  false },
	};
	const struct tls_files files = files_of(city, &city->coop);
	char error[TLS_ERROR_SIZE];
	SSL_CTX *client = tls_client_context(&files, NODE_URI, error);

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

/* Goal: files that do not fit are refused with the name of the file. */
static void test_tls_refuses_files(void **state)
{
	static const struct slice RUBBISH =
		SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n"
		      "-----END CERTIFICATE-----\n");
	struct city *city = *state;
	const struct tls_files good = files_of(city, &city->node);
	struct tls_files cases[10];
	const char *const starts[] = {
		"certificate:", "certificate:", "key:", "key:", "ca:",
		"ca:",		"certificate:", "crl:", "crl:", "crl:"
	};
	struct pem foreign;

	make_crl(&city->other_ca, NULL, DAY_S, &foreign);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		cases[i] = good;
	cases[0].certificate = RUBBISH;
	cases[1].certificate = pem_view(&city->coop.certificate_pem);
	cases[2].key = pem_view(&city->coop.key_pem);
	cases[3].key = SLICE("no key");
	cases[4].ca = SLICE("");
	cases[5].ca = pem_view(&city->coop.certificate_pem);
	cases[6].ca = pem_view(&city->other_ca.certificate_pem);
	cases[7].crl = RUBBISH;
	/* As a failed download leaves it: it must not let the revoked in. */
	cases[8].crl = SLICE("");
	cases[9].crl = pem_view(&foreign);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char error[TLS_ERROR_SIZE] = "";

		assert_null(
			tls_server_context(&cases[i], FEDERATION, CITY, error));
		assert_memory_equal(error, starts[i], strlen(starts[i]));
		/* Nothing is left for a later connection to find. */
		assert_int_equal(ERR_peek_error(), 0);
	}
}

/* Goal: an own certificate that has expired, or is of another city, is told
 * at the start; a client reads who it is from its certificate. */
static void test_tls_reads_its_own(void **state)
{
	struct city *city = *state;
	const struct wish old = { .ca = &city->ca,
				  .uri = SLICE(NODE_URI),
				  .from_s = -2 * DAY_S,
				  .until_s = -60 };
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	char error[TLS_ERROR_SIZE];
	struct identity own;
	struct buffer uri;
	struct holder holder;
	struct tls_files files;

	make(&holder, &old);
	files = files_of(city, &holder);
	assert_null(tls_server_context(&files, FEDERATION, CITY, error));
	assert_non_null(strstr(error, "expired"));
	unmake(&holder);
	files = files_of(city, &city->node);
	assert_null(
		tls_server_context(&files, FEDERATION, SLICE("linz"), error));
	assert_non_null(strstr(error, "spiffe://alps/city/linz"));
	assert_null(tls_client_context(&files, "https://x", error));
	buffer_init(&uri, data, sizeof(data));
	assert_true(tls_own_identity(pem_view(&city->coop.certificate_pem),
				     &uri, &own));
	assert_true(slice_equal(own.city, CITY));
	buffer_init(&uri, data, sizeof(data));
	assert_false(tls_own_identity(pem_view(&city->ca.certificate_pem), &uri,
				      &own));
	assert_false(tls_own_identity(SLICE(""), &uri, &own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_knows_its_peer),
		cmocka_unit_test(test_tls_refuses_certificates),
		cmocka_unit_test(test_tls_refuses_members_as_ca),
		cmocka_unit_test(test_tls_refuses_versions_and_protocols),
		cmocka_unit_test(test_tls_revokes),
		cmocka_unit_test(test_tls_looks_again),
		cmocka_unit_test(test_tls_pins_the_server),
		cmocka_unit_test(test_tls_refuses_files),
		cmocka_unit_test(test_tls_reads_its_own),
	};

	return cmocka_run_group_tests(tests, tls_world_setup,
				      tls_world_teardown);
}
