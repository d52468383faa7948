/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static bool read_files(const struct config *config, struct tls_files *files,
		       char *error)
{
	return read_pem("certificate", config->certificate, &files->certificate,
			error) &&
	       read_pem("key", config->key, &files->key, error) &&
	       read_pem("ca", config->ca, &files->ca, error) &&
	       read_pem("crl", config->crl, &files->crl, error);
}

static void release_files(struct tls_files *files)
{
	file_release(&files->crl);
	file_release(&files->ca);
	file_release(&files->key);
	file_release(&files->certificate);
}

/* Those that are GONE are trusted no more. */
static size_t list_cities(const struct roster *roster, struct tls_city_ca *out)
{
	size_t count = 0;

	for (uint32_t i = 0; i < roster->city_count; i++) {
		const struct roster_city *city = &roster->cities[i];

		if (city->status != ROSTER_CITY_GONE)
			out[count++] =
				(struct tls_city_ca){ city->name, city->ca };
	}
	return count;
}

static SSL_CTX *build(const struct config *config, const char *expected_uri,
		      const struct tls_files *files, char *error)
{
	char reason[TLS_ERROR_SIZE];
	SSL_CTX *tls;

	if (expected_uri != NULL)
		tls = tls_client_context(files, expected_uri, reason);
	else
		tls = tls_server_context(files,
					 slice_from_text(config->federation),
					 slice_from_text(config->city), reason);
	if (tls == NULL)
		snprintf(error, CREDENTIALS_ERROR_SIZE, "[tls]: %s", reason);
	return tls;
}

/* @expected_uri  NULL: for the listener. */
static SSL_CTX *load(const struct config *config, const struct roster *roster,
		     const char *expected_uri, char *error)
{
	struct tls_files files = { 0 };
	struct tls_city_ca *cities = NULL;
	SSL_CTX *tls = NULL;

	if (roster != NULL && roster->city_count > 0) {
		cities = calloc(roster->city_count, sizeof(*cities));
		if (cities == NULL) {
			snprintf(error, CREDENTIALS_ERROR_SIZE,
				 "[tls]: out of memory");
			return NULL;
		}
		files.city_count = list_cities(roster, cities);
		files.cities = cities;
	}
	if (read_files(config, &files, error))
		tls = build(config, expected_uri, &files, error);
	release_files(&files);
	free(cities);
	return tls;
}

SSL_CTX *credentials_load(const struct config *config,
			  const struct roster *roster, char *error)
{
	return load(config, roster, NULL, error);
}

SSL_CTX *credentials_dial(const struct config *config,
			  const struct roster *roster, uint32_t city,
			  char *error)
{
	char uri[IDENTITY_URI_SIZE_MAX + 1];
	struct slice expected;

	check(city < roster->city_count);
	expected = roster->cities[city].uri;
	check(expected.size < sizeof(uri));
	memcpy(uri, expected.data, expected.size);
	uri[expected.size] = '\0';
	return load(config, roster, uri, error);
}
