/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <string.h>

#include "tools/system.h"
#include "tools/verify/chain.h"

#define BLOCKS 4

static const char payload[] = "bytes";

/* Makes @headers a sound chain from block 0 on. */
static void make_chain(struct block_header *headers)
{
	for (uint32_t i = 0; i < BLOCKS; i++) {
		struct buffer scratch;
		uint8_t room[256];

		headers[i] = (struct block_header){ .seq = i,
						    .epoch = i / 2,
						    .created_us = 1000 + i };
		if (i > 0)
			memcpy(headers[i].prev_hash, headers[i - 1].hash,
			       SHA256_SIZE);
		buffer_init(&scratch, room, sizeof(room));
		block_hash(&headers[i], slice_from_text(payload), system_sha256,
			   &scratch, headers[i].hash);
	}
}

static uint64_t look(const struct block_header *headers, uint32_t count,
		     struct findings *findings)
{
	struct chain chain;

	*findings = (struct findings){ 0 };
	chain_init(&chain);
	for (uint32_t i = 0; i < count; i++)
		chain_block(&chain, &headers[i], slice_from_text(payload),
			    findings);
	chain_release(&chain);
	return findings->count;
}

static void test_verify_chain_sound(void **state)
{
	/* Goal: nothing to find where nothing is wrong. */
	static struct findings findings;
	struct block_header headers[BLOCKS];

	(void)state;
	make_chain(headers);
	assert_int_equal(look(headers, BLOCKS, &findings), 0);
}

enum damage {
	HASH_FLIPPED,
	PREVIOUS_FLIPPED,
	BLOCK_TAKEN,
	FIRST_TAKEN,
	EPOCH_LOWERED,
	TIME_LOWERED,
	GENESIS_WITH_EPOCH,
};

static void damage(struct block_header *headers, enum damage how)
{
	switch (how) {
	case HASH_FLIPPED:
		headers[2].hash[5] ^= 1;
		break;
	case PREVIOUS_FLIPPED:
		headers[2].prev_hash[5] ^= 1;
		break;
	case BLOCK_TAKEN:
		headers[2] = headers[3];
		break;
	case FIRST_TAKEN:
		memmove(headers, headers + 1, (BLOCKS - 1) * sizeof(*headers));
		break;
	case EPOCH_LOWERED:
		headers[2].epoch = 0;
		headers[1].epoch = 1;
		break;
	case TIME_LOWERED:
		headers[2].created_us = 1;
		break;
	case GENESIS_WITH_EPOCH:
		headers[0].epoch = 1;
		break;
	}
}

static void test_verify_chain_damage(void **state)
{
	/* Goal: each damage by its name, at its block. */
	static const struct {
		enum damage how;
		enum finding_kind kind;
		int64_t block;
	} cases[] = {
		{ HASH_FLIPPED, FINDING_HASH_WRONG, 2 },
		{ HASH_FLIPPED, FINDING_CHAIN_BROKEN, 3 },
		{ PREVIOUS_FLIPPED, FINDING_CHAIN_BROKEN, 2 },
		{ BLOCK_TAKEN, FINDING_BLOCK_MISSING, 3 },
		{ FIRST_TAKEN, FINDING_BLOCK_MISSING, 1 },
		{ EPOCH_LOWERED, FINDING_EPOCH_FELL, 2 },
		{ TIME_LOWERED, FINDING_TIME_FELL, 2 },
		{ GENESIS_WITH_EPOCH, FINDING_GENESIS_WRONG, 0 },
	};
	static struct findings findings;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct block_header headers[BLOCKS];
		bool found = false;

		make_chain(headers);
		damage(headers, cases[i].how);
		(void)look(headers,
			   cases[i].how == FIRST_TAKEN ? BLOCKS - 1 : BLOCKS,
			   &findings);
		for (uint32_t k = 0; k < findings.kept_count; k++)
			found |= findings.kept[k].kind == cases[i].kind &&
				 findings.kept[k].block == cases[i].block;
		assert_true(found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verify_chain_sound),
		cmocka_unit_test(test_verify_chain_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
