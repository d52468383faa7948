/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tls_policy: who may stand at the other end of a handshake: the one URI
 * SAN, and the CA that may vouch for it.  Chain, dates and revocation are
 * OpenSSL's work; which CA it works with is decided here.  Nobody outside
 * wire/ includes this.
 */
#ifndef CLEARING_WIRE_TLS_POLICY_H
#define CLEARING_WIRE_TLS_POLICY_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/slice.h"
#include "core/identity.h"
#include "core/name.h"

/* Another city, and who alone may vouch for its node. */
struct tls_anchor {
	uint8_t city[NAME_SIZE_MAX];
	size_t city_size;
	X509_STORE *store;
};

/* The larger of what a server and what a client has to remember. */
struct tls_policy {
	bool is_server;
	/* A client's: the only URI it accepts. */
	uint8_t uri[IDENTITY_URI_SIZE_MAX];
	size_t uri_size;
	/* The own ones; a client's federation does not matter to it, and an
	 * arbiter has no city. */
	uint8_t federation[NAME_SIZE_MAX];
	size_t federation_size;
	uint8_t city[NAME_SIZE_MAX];
	size_t city_size;
	/* Other cities; the policy's, with their stores. */
	struct tls_anchor *anchors;
	size_t anchor_count;
};

/*
 * tls_certificate_uri: the URI of @certificate's one URI SAN, put into @uri.
 *
 * Returns false when there is none or more than one, when it does not fit, or
 * when the extension stands twice or is malformed.  The bytes are as they
 * stand there: what they may be is identity_parse()'s affair.
 */
bool tls_certificate_uri(X509 *certificate, struct buffer *uri) MUST_CHECK;

/*
 * tls_policy_add: the node of @city counts when @store vouches for it.
 *
 * @store  the policy's from now on, also on failure.
 * Returns false when out of memory.
 */
bool tls_policy_add(struct tls_policy *policy, struct slice city,
		    X509_STORE *store) MUST_CHECK;

/* tls_policy_knows: was @city added? */
bool tls_policy_knows(const struct tls_policy *policy,
		      struct slice city) MUST_CHECK;

/* tls_policy_release: one that was not installed. */
void tls_policy_release(struct tls_policy *policy);

/*
 * tls_policy_install: @context verifies its peers by @policy, whose anchors
 * are the context's on success.
 * Returns false when out of memory.
 */
bool tls_policy_install(SSL_CTX *context, struct tls_policy *policy) MUST_CHECK;

/*
 * tls_policy_verify: is @certificate, of the peer of @ssl, one that @context
 * accepts?
 *
 * Its chain must end in a CA of the city that its URI names, and in no other:
 * for the own city and the arbiter the context's own store, for another
 * city's node that city's anchor.  Refused besides: a CA's own certificate,
 * every URI of another federation, of another city's members, and, by a
 * client, every URI than its own policy's (rule RPC-2).
 * @untrusted  what the peer sent besides; may be NULL.
 * Returns X509_V_OK or why not.
 */
int tls_policy_verify(SSL_CTX *context, const SSL *ssl, X509 *certificate,
		      STACK_OF(X509) * untrusted) MUST_CHECK;

#endif
