/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * credentials: the [tls] files of a configuration, and the CAs of a roster's
 * cities, as TLS contexts.  It decides nothing about the roster.
 */
#ifndef CLEARING_NODE_CREDENTIALS_H
#define CLEARING_NODE_CREDENTIALS_H

#include <openssl/ssl.h>

#include "node/config.h"
#include "peer/roster.h"

#define CREDENTIALS_ERROR_SIZE 512

/*
 * credentials_load: read the files, build the context for the node's
 * listener; the caller frees it.
 *
 * @roster  whose cities' nodes may come in, those that are GONE excepted;
 *          NULL: no other city's.  Not needed any more afterwards.
 * NULL on failure, with @error of CREDENTIALS_ERROR_SIZE bytes.
 */
SSL_CTX *credentials_load(const struct config *config,
			  const struct roster *roster, char *error) MUST_CHECK;

/*
 * credentials_dial: likewise the context with which this node dials the node
 * of the city at index @city of @roster, whose URI and CA it pins.
 */
SSL_CTX *credentials_dial(const struct config *config,
			  const struct roster *roster, uint32_t city,
			  char *error) MUST_CHECK;

#endif
