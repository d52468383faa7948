/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tls_policy: who may stand at the other end of a handshake, beyond what
 * OpenSSL verifies by itself: the one URI SAN.  Nobody outside wire/
 * includes this.
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

/* The larger of what a server and what a client has to remember. */
struct tls_policy {
	bool is_server;
	/* A client's: the only URI it accepts. */
	uint8_t uri[IDENTITY_URI_SIZE_MAX];
	size_t uri_size;
	/* A server's: its peers are of this federation and city. */
	uint8_t federation[NAME_SIZE_MAX];
	size_t federation_size;
	uint8_t city[NAME_SIZE_MAX];
	size_t city_size;
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
 * tls_policy_install: @context verifies its peers by @policy (copied, freed
 * with the context), besides chain, dates and revocation.
 * Returns false when out of memory.
 */
bool tls_policy_install(SSL_CTX *context,
			const struct tls_policy *policy) MUST_CHECK;

/*
 * tls_policy_admits: is @certificate, whose chain is sound already, one that
 * @context accepts?  Refused: a CA's own certificate, and every other URI
 * than the policy's (rule RPC-2).
 */
bool tls_policy_admits(const SSL_CTX *context, X509 *certificate) MUST_CHECK;

#endif
