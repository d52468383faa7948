/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "wire/tls_files.h"
#include "wire/tls_policy.h"

/* A leaf, at most two intermediates, the root. */
#define CHAIN_DEPTH_MAX 3

/* What a peer may send as its chain before anything is known of it. */
#define CHAIN_SIZE_MAX 32768

/* The length of "h2", then "h2": the one protocol (rule RPC-1). */
static const uint8_t PROTOCOLS[] = { 2, 'h', '2' };

/* A client that offers none does not come by here: tls_peer_identity(). */
static int select_protocol(SSL *ssl, const uint8_t **out, uint8_t *out_size,
			   const uint8_t *offered, unsigned int offered_size,
			   void *user)
{
	uint8_t *selected = NULL;

	(void)ssl;
	(void)user;
	if (SSL_select_next_proto(&selected, out_size, PROTOCOLS,
				  sizeof(PROTOCOLS), offered,
				  offered_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

/* What server and client have in common (rule RPC-1). */
static bool set_policy(SSL_CTX *context, struct tls_policy *policy)
{
	if (SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) != 1)
		return false;
	/* Tickets may cost a client's last bytes, and full handshakes time. */
	if (SSL_CTX_set_num_tickets(context, 0) != 1)
		return false;
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	/* 34 KiB less for each connection that is idle. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(context, CHAIN_SIZE_MAX);
	SSL_CTX_set_verify_depth(context, CHAIN_DEPTH_MAX);
	if (policy->is_server)
		SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
	else if (SSL_CTX_set_alpn_protos(context, PROTOCOLS,
					 sizeof(PROTOCOLS)) != 0)
		return false;
	return tls_policy_install(context, policy);
}

static SSL_CTX *create(const SSL_METHOD *method, const struct tls_files *files,
		       struct tls_policy *policy, char *error)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (context == NULL || !set_policy(context, policy)) {
		snprintf(error, TLS_ERROR_SIZE, "tls: out of memory");
		goto failed;
	}
	if (!tls_files_load(context, files, error))
		goto failed;
	return context;
failed:
	SSL_CTX_free(context);
	return NULL;
}

/* The own certificate's URI; false, with @error, when it has not just one. */
static bool own_uri(struct slice certificate, struct buffer *uri,
		    struct identity *own, char *error)
{
	if (tls_own_identity(certificate, uri, own))
		return true;
	snprintf(error, TLS_ERROR_SIZE,
		 "certificate: not a PEM certificate with one URI of the form "
		 "spiffe://FEDERATION/city/CITY");
	return false;
}

/* An arbiter's city is empty. */
static void set_city(struct tls_policy *policy, struct slice city)
{
	if (city.size > 0)
		memcpy(policy->city, city.data, city.size);
	policy->city_size = city.size;
}

static bool refuse_city(struct slice city, const char *why, char *error)
{
	snprintf(error, TLS_ERROR_SIZE, "ca of %.*s: %s", (int)city.size,
		 (const char *)city.data, why);
	return false;
}

/* Another city's CA, as an anchor of @policy. */
static bool add_city(struct tls_policy *policy, const struct tls_city_ca *city,
		     char *error)
{
	X509_STORE *store;

	if (slice_equal(city->city, slice_of(policy->city, policy->city_size)))
		return true;
	if (!name_valid(city->city))
		return refuse_city(city->city, "no city has that name", error);
	if (tls_policy_knows(policy, city->city))
		return refuse_city(city->city, "the city stands twice", error);
	store = tls_files_anchor(city->ca);
	if (store == NULL)
		return refuse_city(city->city, "not PEM certificates of a CA",
				   error);
	return tls_policy_add(policy, city->city, store) ||
	       refuse_city(city->city, "out of memory", error);
}

SSL_CTX *tls_server_context(const struct tls_files *files,
			    struct slice federation, struct slice city,
			    char *error)
{
	struct tls_policy policy = { .is_server = true };
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	SSL_CTX *context = NULL;
	struct buffer uri;
	struct identity own;
	size_t i = 0;

	check(name_valid(federation) && name_valid(city));
	buffer_init(&uri, data, sizeof(data));
	if (!own_uri(files->certificate, &uri, &own, error))
		return NULL;
	if (own.role != ROLE_CITY || !slice_equal(own.federation, federation) ||
	    !slice_equal(own.city, city)) {
		snprintf(error, TLS_ERROR_SIZE,
			 "certificate: it is for %.*s, not for "
			 "spiffe://%.*s/city/%.*s",
			 (int)own.uri.size, (const char *)own.uri.data,
			 (int)federation.size, (const char *)federation.data,
			 (int)city.size, (const char *)city.data);
		return NULL;
	}
	memcpy(policy.federation, federation.data, federation.size);
	policy.federation_size = federation.size;
	set_city(&policy, city);
	while (i < files->city_count &&
	       add_city(&policy, &files->cities[i], error))
		i++;
	if (i == files->city_count)
		context = create(TLS_server_method(), files, &policy, error);
	tls_policy_release(&policy);
	/* Left there they would be taken for a connection's. */
	ERR_clear_error();
	return context;
}

/* The CA of the city whose node the client expects, if not its own. */
static bool add_expected(struct tls_policy *policy,
			 const struct tls_files *files,
			 const struct identity *expected, char *error)
{
	if (policy->city_size == 0 || expected->role == ROLE_ARBITER ||
	    slice_equal(expected->city,
			slice_of(policy->city, policy->city_size)))
		return true;
	for (size_t i = 0; i < files->city_count; i++) {
		if (slice_equal(files->cities[i].city, expected->city))
			return add_city(policy, &files->cities[i], error);
	}
	return refuse_city(expected->city, "none is known", error);
}

SSL_CTX *tls_client_context(const struct tls_files *files,
			    const char *expected_uri, char *error)
{
	const struct slice expected = slice_from_text(expected_uri);
	struct tls_policy policy = { .is_server = false };
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct identity own, identity;
	SSL_CTX *context = NULL;
	struct buffer uri;

	buffer_init(&uri, data, sizeof(data));
	if (!own_uri(files->certificate, &uri, &own, error))
		return NULL;
	if (!identity_parse(expected, &identity)) {
		snprintf(error, TLS_ERROR_SIZE, "%.150s: not a node's URI",
			 expected_uri);
		return NULL;
	}
	memcpy(policy.uri, expected.data, expected.size);
	policy.uri_size = expected.size;
	set_city(&policy, own.city);
	if (add_expected(&policy, files, &identity, error))
		context = create(TLS_client_method(), files, &policy, error);
	tls_policy_release(&policy);
	ERR_clear_error();
	return context;
}

static bool spoke_http2(const SSL *ssl)
{
	const uint8_t *protocol = NULL;
	unsigned int size = 0;

	SSL_get0_alpn_selected(ssl, &protocol, &size);
	return slice_equal(slice_of(protocol, size), SLICE("h2"));
}

bool tls_peer_identity(const SSL *ssl, struct buffer *uri, struct identity *out)
{
	X509 *peer = SSL_get0_peer_certificate(ssl);

	if (peer == NULL || SSL_get_verify_result(ssl) != X509_V_OK ||
	    !spoke_http2(ssl))
		return false;
	return tls_certificate_uri(peer, uri) &&
	       identity_parse(buffer_view(uri), out);
}

bool tls_own_identity(struct slice certificate, struct buffer *uri,
		      struct identity *out)
{
	X509 *own = tls_files_certificate(certificate);
	bool good;

	good = own != NULL && tls_certificate_uri(own, uri) &&
	       identity_parse(buffer_view(uri), out);
	X509_free(own);
	ERR_clear_error();
	return good;
}

bool tls_peer_still_good(const SSL *ssl, SSL_CTX *context)
{
	X509 *peer = SSL_get0_peer_certificate(ssl);
	const bool good =
		peer != NULL &&
		tls_policy_verify(context, ssl, peer,
				  SSL_get_peer_cert_chain(ssl)) == X509_V_OK;

	ERR_clear_error();
	return good;
}
