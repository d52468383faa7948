/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tls: the TLS policy of nodes and clients: TLS 1.3 alone, mutual, ALPN "h2",
 * no tickets; identity from the one URI SAN; one CA a city, whose signature
 * counts for no other city's URI (rules RPC-n).
 * Works on PEM bytes: reading files is the shell's affair.
 */
#ifndef CLEARING_WIRE_TLS_H
#define CLEARING_WIRE_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/slice.h"
#include "core/identity.h"

struct tls_city_ca {
	struct slice city; /* a name */
	struct slice ca;   /* PEM */
};

struct tls_files {
	struct slice certificate; /* PEM: own, then intermediates */
	struct slice key;	  /* PEM */
	struct slice ca;	  /* PEM: the city's CA */
	struct slice crl;	  /* PEM; NULL: there is no revocation list */
	/*
	 * The federation's cities, from the roster, without those that are
	 * gone.  An entry of the own city is passed over: .ca is its CA.  The
	 * revocation list is the own CA's alone: another city's node is good
	 * until its dates, or the roster, say otherwise.
	 */
	const struct tls_city_ca *cities;
	size_t city_count;
};

#define TLS_ERROR_SIZE 256

/*
 * tls_server_context: for a node of @city in @federation.
 *
 * The own certificate must be the node's: its URI SAN
 * spiffe://@federation/city/@city, and match the key.  A peer's handshake ends
 * unless it has exactly one URI SAN, and
 *   - that is a sound identity of this city or an arbiter's, and its chain is
 *     sound for @files->ca, unexpired and unrevoked (with a CRL, an expired
 *     one fails closed); or
 *   - that is the node's of another city of @files->cities, and its chain is
 *     sound for that city's CA.
 * A city of @files->cities whose CA is not PEM, or that stands there twice,
 * fails the whole.
 * @error  receives why not, TLS_ERROR_SIZE bytes.
 * Returns NULL on failure; else the caller frees it with SSL_CTX_free().
 */
SSL_CTX *tls_server_context(const struct tls_files *files,
			    struct slice federation, struct slice city,
			    char *error) MUST_CHECK;

/*
 * tls_client_context: for a client that expects the node @expected_uri behind
 * the address it dials (pinned in the handshake).  Host names are not checked:
 * the URI is.
 *
 * The CA that may vouch for it is @files->ca for the own city; for another the
 * one of @files->cities, without which there is no context.  To an arbiter,
 * who has no city, @files->ca is everyone's.
 */
SSL_CTX *tls_client_context(const struct tls_files *files,
			    const char *expected_uri, char *error) MUST_CHECK;

/*
 * tls_peer_identity: who is at the other end, after the handshake.
 *
 * @uri  room for IDENTITY_URI_SIZE_MAX bytes that @out views into.
 * Returns false when there is none, or ALPN was not "h2".
 */
bool tls_peer_identity(const SSL *ssl, struct buffer *uri,
		       struct identity *out) MUST_CHECK;

/*
 * tls_own_identity: the identity of a certificate's PEM (clients take their
 * federation and city from it).
 */
bool tls_own_identity(struct slice certificate, struct buffer *uri,
		      struct identity *out) MUST_CHECK;

/*
 * tls_peer_still_good: re-verify a live peer's chain against a new context
 * (after a reload): OpenSSL does not.
 */
bool tls_peer_still_good(const SSL *ssl, SSL_CTX *context) MUST_CHECK;

#endif
