/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include "base/siphash.h"

/* Key 00 01 .. 0f, as in the vectors that the authors publish. */
static const struct siphash_key key = { 0x0706050403020100,
					0x0f0e0d0c0b0a0908 };

/* Inputs are 00 01 02 .. of this size. */
static const struct {
	size_t size;
	uint64_t hash;
} vectors64[] = {
	{ 0, 0x726fdb47dd0e0e31 },  { 1, 0x74f839c593dc67fd },
	{ 2, 0x0d6c8009d9a94f5a },  { 3, 0x85676696d7fb7e2d },
	{ 7, 0xab0200f58b01d137 },  { 8, 0x93f5f5799a932462 },
	{ 15, 0xa129ca6149be45e5 },
};

/* Output bytes read as two little-endian words. */
static const struct {
	size_t size;
	struct hash128 hash;
} vectors128[] = {
	{ 0, { 0xe6a825ba047f81a3, 0x930255c71472f66d } },
	{ 1, { 0x44af996bd8c187da, 0x45fc229b11597634 } },
};

static void fill(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)i;
}

static void test_siphash_vectors_64(void **state)
{
	/* Goal: the published results. */
	uint8_t bytes[64];

	(void)state;
	fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < COUNT_OF(vectors64); i++)
		assert_int_equal(
			siphash64(key, slice_of(bytes, vectors64[i].size)),
			vectors64[i].hash);
}

static void test_siphash_vectors_128(void **state)
{
	/* Goal: the published results of the wide form. */
	uint8_t bytes[64];

	(void)state;
	fill(bytes, sizeof(bytes));
	for (size_t i = 0; i < COUNT_OF(vectors128); i++) {
		struct hash128 hash =
			siphash128(key, slice_of(bytes, vectors128[i].size));

		assert_int_equal(hash.a, vectors128[i].hash.a);
		assert_int_equal(hash.b, vectors128[i].hash.b);
		assert_true(hash128_equal(hash, vectors128[i].hash));
	}
}

static void test_siphash_depends_on_all(void **state)
{
	/* Goal: key, content and length each change the hash. */
	struct siphash_key other = { key.k0, key.k1 ^ 1 };
	uint64_t hash = siphash64(key, SLICE("abc"));

	(void)state;
	assert_int_not_equal(siphash64(other, SLICE("abc")), hash);
	assert_int_not_equal(siphash64(key, SLICE("abd")), hash);
	assert_int_not_equal(siphash64(key, SLICE("abc\0")), hash);
	assert_false(hash128_equal(siphash128(key, SLICE("a")),
				   siphash128(key, SLICE("b"))));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash_vectors_64),
		cmocka_unit_test(test_siphash_vectors_128),
		cmocka_unit_test(test_siphash_depends_on_all),
	};

	return cmocka_run_group_tests_name("siphash", tests, NULL, NULL);
}
