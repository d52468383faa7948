/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "node/file.h"

#define KEY_FILE_SIZE_MAX 16384

struct signing_key {
	EVP_PKEY *pair;
	uint8_t public[NODE_KEY_SIZE];
};

/*
 * Found once and never changed: to look it up by name, as EVP_sha256() does
 * each time, takes longer than to hash an entry of a log.
 */
static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	check(sha256 != NULL);
}

void crypto_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	unsigned int size = 0;
	int ok;

	check(pthread_once(&sha256_once, find_sha256) == 0);
	ok = EVP_Digest(bytes.data, bytes.size, out, &size, sha256, NULL);

	/* It fails only without the algorithm or without memory. */
	check(ok == 1 && size == SHA256_SIZE);
}

void crypto_random_fill(uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = getrandom(bytes, size, 0);

		check(got > 0 || errno == EINTR);
		if (got <= 0)
			continue;
		bytes += got;
		size -= (size_t)got;
	}
}

struct siphash_key crypto_random_key(void)
{
	struct siphash_key key;

	crypto_random_fill((uint8_t *)&key, sizeof(key));
	return key;
}

/* Takes @pair over; NULL when it is no Ed25519 key, or without memory. */
static struct signing_key *take_pair(EVP_PKEY *pair)
{
	struct signing_key *key = NULL;
	size_t size = NODE_KEY_SIZE;

	if (pair != NULL && EVP_PKEY_get_id(pair) == EVP_PKEY_ED25519)
		key = calloc(1, sizeof(*key));
	if (key != NULL &&
	    EVP_PKEY_get_raw_public_key(pair, key->public, &size) == 1 &&
	    size == NODE_KEY_SIZE) {
		key->pair = pair;
		return key;
	}
	free(key);
	EVP_PKEY_free(pair);
	return NULL;
}

/* A key in a file has no password: nobody is there to type it. */
static int no_password(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

struct signing_key *signing_key_read(const char *path, char *error)
{
	struct signing_key *key;
	struct slice text;
	BIO *source;

	if (!file_read(path, KEY_FILE_SIZE_MAX, &text)) {
		snprintf(error, CRYPTO_ERROR_SIZE, "%s cannot be read: %m",
			 path);
		return NULL;
	}
	source = BIO_new_mem_buf(text.data, (int)text.size);
	key = source == NULL ? NULL
			     : take_pair(PEM_read_bio_PrivateKey(
				       source, NULL, no_password, NULL));
	BIO_free(source);
	file_release(&text);
	if (key == NULL)
		snprintf(error, CRYPTO_ERROR_SIZE,
			 "%s is no Ed25519 private key in PEM without a "
			 "password; `clearctl keygen` makes one",
			 path);
	return key;
}

struct signing_key *signing_key_generate(void)
{
	return take_pair(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
}

struct signing_key *signing_key_of_seed(const uint8_t seed[SIGNING_SEED_SIZE])
{
	return take_pair(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
						      seed, SIGNING_SEED_SIZE));
}

bool signing_key_write(const struct signing_key *key, const char *path)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *stream;
	bool wrote;

	if (file < 0)
		return false;
	stream = fdopen(file, "w");
	if (stream == NULL) {
		close(file);
		return false;
	}
	wrote = PEM_write_PKCS8PrivateKey(stream, key->pair, NULL, NULL, 0,
					  NULL, NULL) == 1;
	wrote = fflush(stream) == 0 && fsync(file) == 0 && wrote;
	return fclose(stream) == 0 && wrote;
}

const uint8_t *signing_key_public(const struct signing_key *key)
{
	return key->public;
}

bool public_key_read(const char *path, uint8_t out[NODE_KEY_SIZE])
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *key;
	size_t size = NODE_KEY_SIZE;
	bool sound;

	if (file == NULL)
		return false;
	key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
	fclose(file);
	errno = EINVAL;
	sound = key != NULL && EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 &&
		EVP_PKEY_get_raw_public_key(key, out, &size) == 1 &&
		size == NODE_KEY_SIZE;
	EVP_PKEY_free(key);
	return sound;
}

void signing_key_free(struct signing_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pair);
	free(key);
}

void crypto_sign(void *key, struct slice bytes,
		 uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	const struct signing_key *own = key;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t size = LINKLOG_SIGNATURE_SIZE;

	/* As with hashes: it fails only without memory. */
	check(context != NULL &&
	      EVP_DigestSignInit(context, NULL, NULL, NULL, own->pair) == 1 &&
	      EVP_DigestSign(context, signature, &size, bytes.data,
			     bytes.size) == 1 &&
	      size == LINKLOG_SIGNATURE_SIZE);
	EVP_MD_CTX_free(context);
}

bool crypto_verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		   const uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	EVP_PKEY *public = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
						       key, NODE_KEY_SIZE);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good;

	check(context != NULL);
	good = public != NULL &&
	       EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
	       EVP_DigestVerify(context, signature, LINKLOG_SIGNATURE_SIZE,
				bytes.data, bytes.size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public);
	return good;
}
