/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * crypto: the functions that the pure layers want passed in, by OpenSSL, and
 * the Ed25519 keys they sign with.  A key is a city's node key; TLS keys are
 * other ones (wire/tls.h).
 */
#ifndef CLEARING_NODE_CRYPTO_H
#define CLEARING_NODE_CRYPTO_H

#include <stdbool.h>

#include "base/siphash.h"
#include "core/linklog.h"

/* crypto_sha256: a sha256_function, by OpenSSL. */
void crypto_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);

/* crypto_random_fill: good random bytes from the kernel. */
void crypto_random_fill(uint8_t *bytes, size_t size);

/* crypto_random_key: a key of this process's own. */
struct siphash_key crypto_random_key(void);

#define CRYPTO_ERROR_SIZE 512
#define SIGNING_SEED_SIZE 32

/* A private key, and the public one with it. */
struct signing_key;

/*
 * signing_key_read: the Ed25519 private key in the PEM file at @path; the
 * caller frees it.  NULL with @error of CRYPTO_ERROR_SIZE bytes.
 */
struct signing_key *signing_key_read(const char *path, char *error) MUST_CHECK;

/* signing_key_generate: a fresh one; NULL: out of memory. */
struct signing_key *signing_key_generate(void) MUST_CHECK;

/* signing_key_of_seed: always the same one for a seed; for tests. */
struct signing_key *
signing_key_of_seed(const uint8_t seed[SIGNING_SEED_SIZE]) MUST_CHECK;

/*
 * signing_key_write: into a new file of mode 0600 at @path, as PKCS#8 in PEM.
 * Returns false with errno set: EEXIST when there is one, which stays.
 */
bool signing_key_write(const struct signing_key *key,
		       const char *path) MUST_CHECK;

/* signing_key_public: the public key, NODE_KEY_SIZE bytes, the key's own. */
const uint8_t *signing_key_public(const struct signing_key *key);

/*
 * public_key_read: the Ed25519 public key in the PEM file at @path;
 * false with errno set, EINVAL: there is none in it.
 */
bool public_key_read(const char *path, uint8_t out[NODE_KEY_SIZE]) MUST_CHECK;

/* signing_key_free: wipe and free; NULL is none. */
void signing_key_free(struct signing_key *key);

/* crypto_sign: sign @bytes with @key, a struct signing_key. */
void crypto_sign(void *key, struct slice bytes,
		 uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

/* crypto_verify: a verify_function. */
bool crypto_verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		   const uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

#endif
