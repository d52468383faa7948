/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tls_files: PEM bytes into a context: own certificate and key, trust
 * anchors, the revocation list.  Nobody outside wire/ includes this.
 */
#ifndef CLEARING_WIRE_TLS_FILES_H
#define CLEARING_WIRE_TLS_FILES_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/tls.h"

/* tls_files_certificate: the first of @pem, to be freed; NULL without one. */
X509 *tls_files_certificate(struct slice pem) MUST_CHECK;

/*
 * tls_files_anchor: a store that trusts the CA certificates of @pem alone;
 * the caller frees it.  NULL when @pem has none, or anything else.
 */
X509_STORE *tls_files_anchor(struct slice pem) MUST_CHECK;

/*
 * tls_files_load: give @context all of @files but the other cities' CAs.
 *
 * The own certificate must fit its key, and its chain the CA, today: one that
 * no peer would accept is refused here, where a person can still read why.
 * The CA's file is the context's only trust anchor; with a revocation list
 * every leaf is looked up, and a list that is out of date refuses all.  An
 * empty list file, or one that none of the CA's keys signed, is refused here.
 * @error  TLS_ERROR_SIZE bytes; names the file and the reason.
 */
bool tls_files_load(SSL_CTX *context, const struct tls_files *files,
		    char *error) MUST_CHECK;

#endif
