/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_crypto.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/siphash.h"

void sim_crypto_key(uint32_t city, uint32_t number, uint8_t key[NODE_KEY_SIZE])
{
	memset(key, 0x42, NODE_KEY_SIZE);
	memcpy(key, &city, sizeof(city));
	memcpy(key + 8, &number, sizeof(number));
}

void sim_crypto_sign(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		     uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	struct siphash_key secret;
	struct hash128 hash;

	memcpy(&secret, key, sizeof(secret));
	hash = siphash128(secret, bytes);
	for (size_t i = 0; i < LINKLOG_SIGNATURE_SIZE; i += sizeof(hash))
		memcpy(signature + i, &hash, sizeof(hash));
}

bool sim_crypto_verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		       const uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	uint8_t expected[LINKLOG_SIGNATURE_SIZE];

	sim_crypto_sign(key, bytes, expected);
	return memcmp(expected, signature, sizeof(expected)) == 0;
}

void sim_crypto_hash(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	struct hash128 hash = siphash128((struct siphash_key){ 3, 7 }, bytes);
	struct hash128 other = { hash.a * UINT64_C(0x9e3779b97f4a7c15),
				 hash.b * UINT64_C(0xd1342543de82ef95) };

	memcpy(out, &hash, sizeof(hash));
	memcpy(out + sizeof(hash), &other, sizeof(other));
}

void sim_crypto_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	SHA256(bytes.data, bytes.size, out);
}
