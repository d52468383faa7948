/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/tls_world.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

struct slice pem_view(const struct pem *pem)
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

void make(struct holder *holder, const struct wish *wish)
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

void unmake(struct holder *holder)
{
	EVP_PKEY_free(holder->key);
	X509_free(holder->certificate);
}

void make_crl(const struct holder *ca, const struct holder *revoked,
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

struct tls_files files_of(const struct city *city, const struct holder *holder)
{
	return (struct tls_files){
		.certificate = pem_view(&holder->certificate_pem),
		.key = pem_view(&holder->key_pem),
		.ca = pem_view(&city->ca.certificate_pem),
	};
}

static struct city world;

int tls_world_setup(void **state)
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

int tls_world_teardown(void **state)
{
	struct city *city = *state;

	SSL_CTX_free(city->server);
	unmake(&city->ca);
	unmake(&city->other_ca);
	unmake(&city->node);
	unmake(&city->coop);
	return 0;
}

SSL_CTX *careless_client(const struct holder *holder)
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

static bool step(SSL *ssl)
{
	const int result = SSL_do_handshake(ssl);

	if (result != 1 && SSL_get_error(ssl, result) == SSL_ERROR_SSL) {
		ERR_clear_error();
		return false;
	}
	return true;
}

bool shake_hands(struct shake *shake, SSL_CTX *server, SSL_CTX *client)
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

void part(struct shake *shake)
{
	SSL_free(shake->server);
	SSL_free(shake->client);
	ERR_clear_error();
}

bool lets_in(SSL_CTX *server, const struct holder *holder)
{
	SSL_CTX *client = careless_client(holder);
	struct shake shake;
	const bool good = shake_hands(&shake, server, client);

	part(&shake);
	SSL_CTX_free(client);
	return good;
}
