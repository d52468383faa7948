/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* crypto: the functions that the pure layers want passed in. */
#ifndef CLEARING_NODE_CRYPTO_H
#define CLEARING_NODE_CRYPTO_H

#include "base/siphash.h"
#include "core/block.h"

/* crypto_sha256: a sha256_function, by OpenSSL. */
void crypto_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);

/* crypto_random_fill: good random bytes from the kernel. */
void crypto_random_fill(uint8_t *bytes, size_t size);

/* crypto_random_key: a key of this process's own. */
struct siphash_key crypto_random_key(void);

#endif
