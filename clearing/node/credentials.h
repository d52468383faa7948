/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* credentials: the [tls] files of a configuration as a TLS context. */
#ifndef CLEARING_NODE_CREDENTIALS_H
#define CLEARING_NODE_CREDENTIALS_H

#include <openssl/ssl.h>

#include "node/config.h"

#define CREDENTIALS_ERROR_SIZE 512

/*
 * credentials_load: read the files, build the context; the caller frees it.
 * NULL on failure, with @error of CREDENTIALS_ERROR_SIZE bytes.
 */
SSL_CTX *credentials_load(const struct config *config, char *error) MUST_CHECK;

#endif
