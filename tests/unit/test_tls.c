/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "wire/tls.h"

#define PEM_MAX 8192
#define FEDERATION SLICE("alps")
#define CITY SLICE("graz")
#define NODE_URI "spiffe://alps/city/graz"
#define COOP_URI "spiffe://alps/city/graz/coop/m1"
#define DAY_S 86400

struct pem {
	uint8_t data[PEM_MAX];
	size_t size;
};

/* A certificate and the key to it. */
struct holder {
	EVP_PKEY *key;
	X509 *certificate;
	struct pem certificate_pem;
	struct pem key_pem;
};

/* What is odd about a certificate; zero is an honest one. */
struct wish {
	const struct holder *ca; /* NULL: signs itself */
	struct slice uri;
	struct slice second_uri;
	bool is_ca;
	bool without_uri;
	long from_s; /* from now */
	long until_s;
};

static struct slice pem_view(const struct pem *pem)
{
	return slice_of(pem->data, pem->size);
}

static void to_pem(BIO *bio, struct pem *pem)
{
	const int size = BIO_read(bio, pem->data, sizeof(pem->data));

	assert_in_range(size, 1, (int)sizeof(pem->data) - 1);
	pem->size = (size_t)size;
	BIO_free(bio);
}

static void add_uri(GENERAL_NAMES *names, struct slice uri)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	assert_int_equal(ASN1_STRING_set(text, uri.data, (int)uri.size), 1);
	GENERAL_NAME_set0_value(name, GEN_URI, text);
	sk_GENERAL_NAME_push(names, name);
}

static void add_names(X509 *certificate, const struct wish *wish)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *dns = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();

	/* Beside the URI other kinds of names may stand. */
	ASN1_STRING_set(text, "localhost", 9);
	GENERAL_NAME_set0_value(dns, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, dns);
	if (!wish->without_uri)
		add_uri(names, wish->uri);
	if (wish->second_uri.size > 0)
		add_uri(names, wish->second_uri);
	assert_int_equal(X509_add1_ext_i2d(certificate, NID_subject_alt_name,
					   names, 0, 0),
			 1);
	GENERAL_NAMES_free(names);
}

static void add_ca(X509 *certificate)
{
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();

	basic->ca = 1;
	assert_int_equal(X509_add1_ext_i2d(certificate, NID_basic_constraints,
					   basic, 1, 0),
			 1);
	BASIC_CONSTRAINTS_free(basic);
}

static void make(struct holder *holder, const struct wish *wish)
{
	static long serial = 100;
	const struct holder *ca = wish->ca != NULL ? wish->ca : holder;
	const char *name = wish->ca != NULL ? "member" : "city's CA";
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);
	BIO *bio;

	holder->key = EVP_EC_gen("P-256");
	holder->certificate = certificate;
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate),
			wish->from_s != 0 ? wish->from_s : -DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(certificate),
			wish->until_s != 0 ? wish->until_s : DAY_S);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate,
			     X509_get_subject_name(ca->certificate));
	X509_set_pubkey(certificate, holder->key);
	if (wish->uri.size > 0 || wish->without_uri)
		add_names(certificate, wish);
	if (wish->is_ca)
		add_ca(certificate);
	assert_true(X509_sign(certificate, ca->key, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, certificate);
	to_pem(bio, &holder->certificate_pem);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(bio, holder->key, NULL, NULL, 0, NULL, NULL);
	to_pem(bio, &holder->key_pem);
}

static void unmake(struct holder *holder)
{
	EVP_PKEY_free(holder->key);
	X509_free(holder->certificate);
}

/* A list of @ca that names @revoked, if any; valid until @until_s from now. */
static void make_crl(const struct holder *ca, const struct holder *revoked,
		     long until_s, struct pem *pem)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *at = X509_gmtime_adj(NULL, -DAY_S);
	BIO *bio = BIO_new(BIO_s_mem());

	X509_CRL_set_version(crl, 1);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->certificate));
	X509_CRL_set1_lastUpdate(crl, at);
	if (revoked != NULL) {
		X509_REVOKED *entry = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(
			entry, X509_get_serialNumber(revoked->certificate));
		X509_REVOKED_set_revocationDate(entry, at);
		X509_CRL_add0_revoked(crl, entry);
	}
	ASN1_TIME_free(at);
	at = X509_gmtime_adj(NULL, until_s);
	X509_CRL_set1_nextUpdate(crl, at);
	ASN1_TIME_free(at);
	assert_true(X509_CRL_sign(crl, ca->key, EVP_sha256()) > 0);
	PEM_write_bio_X509_CRL(bio, crl);
	to_pem(bio, pem);
	X509_CRL_free(crl);
}

/* A city with its CA and node, and an honest coop. */
struct city {
	struct holder ca;
	struct holder other_ca;
	struct holder node;
	struct holder coop;
	SSL_CTX *server;
};

static struct tls_files files_of(const struct city *city,
				 const struct holder *holder)
{
	return (struct tls_files){
		.certificate = pem_view(&holder->certificate_pem),
		.key = pem_view(&holder->key_pem),
		.ca = pem_view(&city->ca.certificate_pem),
	};
}

static struct city world;

static int setup(void **state)
{
	const struct wish root = { .is_ca = true };
	const struct wish node = { .ca = &world.ca, .uri = SLICE(NODE_URI) };
	const struct wish coop = { .ca = &world.ca, .uri = SLICE(COOP_URI) };
	char error[TLS_ERROR_SIZE];
	struct tls_files files;

	make(&world.ca, &root);
	make(&world.other_ca, &root);
	make(&world.node, &node);
	make(&world.coop, &coop);
	files = files_of(&world, &world.node);
	world.server = tls_server_context(&files, FEDERATION, CITY, error);
	assert_non_null(world.server);
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct city *city = *state;

	SSL_CTX_free(city->server);
	unmake(&city->ca);
	unmake(&city->other_ca);
	unmake(&city->node);
	unmake(&city->coop);
	return 0;
}

/* A client that keeps no policy of its own. */
static SSL_CTX *careless_client(const struct holder *holder)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	if (holder != NULL) {
		SSL_CTX_use_certificate(context, holder->certificate);
		SSL_CTX_use_PrivateKey(context, holder->key);
	}
	SSL_CTX_set_alpn_protos(context, (const uint8_t *)"\2h2", 3);
	return context;
}

struct shake {
	SSL *server;
	SSL *client;
};

static bool step(SSL *ssl)
{
	const int result = SSL_do_handshake(ssl);

	if (result != 1 && SSL_get_error(ssl, result) == SSL_ERROR_SSL) {
		ERR_clear_error();
		return false;
	}
	return true;
}

/* Both sides to the end of the handshake; false when either refused. */
static bool shake_hands(struct shake *shake, SSL_CTX *server, SSL_CTX *client)
{
	BIO *server_end;
	BIO *client_end;
	uint8_t byte;

	assert_int_equal(BIO_new_bio_pair(&server_end, 0, &client_end, 0), 1);
	shake->server = SSL_new(server);
	shake->client = SSL_new(client);
	SSL_set_bio(shake->server, server_end, server_end);
	SSL_set_bio(shake->client, client_end, client_end);
	SSL_set_accept_state(shake->server);
	SSL_set_connect_state(shake->client);
	for (uint32_t turn = 0; turn < 20; turn++) {
		if (!step(shake->client) || !step(shake->server))
			return false;
		if (SSL_is_init_finished(shake->server) &&
		    SSL_is_init_finished(shake->client)) {
			/* A late alert of the other side comes with a read. */
			const int result = SSL_read(shake->client, &byte, 1);

			return SSL_get_error(shake->client, result) ==
			       SSL_ERROR_WANT_READ;
		}
	}
	return false;
}

static void part(struct shake *shake)
{
	SSL_free(shake->server);
	SSL_free(shake->client);
	ERR_clear_error();
}

/* Does @server let in a client with @holder's certificate? */
static bool lets_in(SSL_CTX *server, const struct holder *holder)
{
	SSL_CTX *client = careless_client(holder);
	struct shake shake;
	const bool good = shake_hands(&shake, server, client);

	part(&shake);
	SSL_CTX_free(client);
	return good;
}

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

	return cmocka_run_group_tests(tests, setup, teardown);
}
