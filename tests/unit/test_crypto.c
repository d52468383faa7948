/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/crypto.h"

/* RFC 8032, section 7.1, test 2. */
static const uint8_t seed[SIGNING_SEED_SIZE] = {
	0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3,
	0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab,
	0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb
};
static const uint8_t public[NODE_KEY_SIZE] = {
	0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a,
	0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4,
	0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c
};
static const uint8_t signature_begin[4] = { 0x92, 0xa0, 0x09, 0xa9 };

static void test_crypto_signs(void **state)
{
	/* Goal: Ed25519 as others have it; any changed bit is noticed. */
	struct signing_key *key = signing_key_of_seed(seed);
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];

	(void)state;
	assert_non_null(key);
	assert_memory_equal(signing_key_public(key), public, sizeof(public));
	crypto_sign(key, SLICE("\x72"), signature);
	assert_memory_equal(signature, signature_begin,
			    sizeof(signature_begin));
	assert_true(crypto_verify(public, SLICE("\x72"), signature));
	assert_false(crypto_verify(public, SLICE("\x73"), signature));
	for (size_t i = 0; i < sizeof(signature); i++) {
		signature[i] ^= 1;
		assert_false(crypto_verify(public, SLICE("\x72"), signature));
		signature[i] ^= 1;
	}
	signing_key_free(key);
}

static void test_crypto_key_file(void **state)
{
	/* Goal: what was written is read again; nothing is written over. */
	char folder[] = "/tmp/clearing-key-XXXXXX";
	char path[64], error[CRYPTO_ERROR_SIZE];
	struct signing_key *key = signing_key_generate(), *again;
	struct stat found;

	(void)state;
	assert_non_null(key);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/node.key", folder);
	assert_null(signing_key_read(path, error));
	assert_non_null(strstr(error, "cannot be read"));
	assert_true(signing_key_write(key, path));
	assert_int_equal(stat(path, &found), 0);
	assert_int_equal(found.st_mode & 07777, 0600);
	errno = 0;
	assert_false(signing_key_write(key, path));
	assert_int_equal(errno, EEXIST);
	again = signing_key_read(path, error);
	assert_non_null(again);
	assert_memory_equal(signing_key_public(key), signing_key_public(again),
			    NODE_KEY_SIZE);
	assert_int_equal(truncate(path, 40), 0);
	assert_null(signing_key_read(path, error));
	assert_non_null(strstr(error, "no Ed25519 private key"));
	unlink(path);
	rmdir(folder);
	signing_key_free(again);
	signing_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crypto_signs),
		cmocka_unit_test(test_crypto_key_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
