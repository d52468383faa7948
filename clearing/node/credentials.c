/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/credentials.h"

#include <stdio.h>

#include "node/file.h"
#include "wire/tls.h"

#define PEM_SIZE_MAX ((size_t)1 << 20)

static bool read_pem(const char *key, const char *path, struct slice *out,
		     char *error)
{
	/* Only the revocation list may be left out. */
	if (path == NULL || file_read(path, PEM_SIZE_MAX, out))
		return true;
	snprintf(error, CREDENTIALS_ERROR_SIZE,
		 "[tls] %s = %s cannot be read: %m", key, path);
	return false;
}

SSL_CTX *credentials_load(const struct config *config, char *error)
{
	struct tls_files files = { 0 };
	char reason[TLS_ERROR_SIZE];
	SSL_CTX *tls = NULL;

	if (!read_pem("certificate", config->certificate, &files.certificate,
		      error) ||
	    !read_pem("key", config->key, &files.key, error) ||
	    !read_pem("ca", config->ca, &files.ca, error) ||
	    !read_pem("crl", config->crl, &files.crl, error))
		goto out;
	tls = tls_server_context(&files, slice_from_text(config->federation),
				 slice_from_text(config->city), reason);
	if (tls == NULL)
		snprintf(error, CREDENTIALS_ERROR_SIZE, "[tls]: %s", reason);
out:
	file_release(&files.crl);
	file_release(&files.ca);
	file_release(&files.key);
	file_release(&files.certificate);
	return tls;
}
