/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_crypto: hashes and signatures that are cheap and always the same.  They
 * convince nobody outside the simulation; a share of the seeds hashes with
 * the real SHA-256.
 */
#ifndef CLEARING_TESTS_SIM_SIM_CRYPTO_H
#define CLEARING_TESTS_SIM_SIM_CRYPTO_H

#include "core/linklog.h"

/* The key that city @city has under the name "k@number". */
void sim_crypto_key(uint32_t city, uint32_t number, uint8_t key[NODE_KEY_SIZE]);

void sim_crypto_sign(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		     uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

/* A verify_function. */
bool sim_crypto_verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		       const uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

/* sha256_functions: a stand-in, and the real one. */
void sim_crypto_hash(struct slice bytes, uint8_t out[SHA256_SIZE]);
void sim_crypto_sha256(struct slice bytes, uint8_t out[SHA256_SIZE]);

#endif
