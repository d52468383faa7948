/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/crypto.h"

#include <errno.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include "base/check.h"

void crypto_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	unsigned int size = 0;
	int ok = EVP_Digest(bytes.data, bytes.size, out, &size, EVP_sha256(),
			    NULL);

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
