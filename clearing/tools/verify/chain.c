/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/chain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system.h"

#define SCRATCH_SIZE (BLOCK_PAYLOAD_SIZE_MAX + 128)

void chain_init(struct chain *chain)
{
	*chain = (struct chain){ .scratch = malloc(SCRATCH_SIZE) };
	check(chain->scratch != NULL);
}

void chain_release(struct chain *chain)
{
	free(chain->scratch);
	*chain = (struct chain){ 0 };
}

/* (rule JOURNAL-3) */
static void look_at_first(const struct block_header *header,
			  struct findings *findings)
{
	static const uint8_t zeros[SHA256_SIZE];
	struct finding where = at_block(header->seq);

	if (header->seq != 0)
		findings_add(findings, FINDING_BLOCK_MISSING, &where,
			     "the journal begins here, not at block 0");
	else if (header->epoch != 0 ||
		 memcmp(header->prev_hash, zeros, SHA256_SIZE) != 0)
		findings_add(findings, FINDING_GENESIS_WRONG, &where,
			     "epoch %u; or a hash before the first",
			     header->epoch);
}

static void look_behind(const struct block_header *before,
			const struct block_header *header,
			struct findings *findings)
{
	struct finding where = at_block(header->seq);

	if (header->seq != before->seq + 1)
		findings_add(findings, FINDING_BLOCK_MISSING, &where,
			     "blocks %" PRIu64 " to %" PRIu64 " are missing",
			     before->seq + 1, header->seq - 1);
	else if (memcmp(header->prev_hash, before->hash, SHA256_SIZE) != 0)
		findings_add(findings, FINDING_CHAIN_BROKEN, &where,
			     "its prev_hash is not block %" PRIu64 "'s hash",
			     before->seq);
	if (header->epoch < before->epoch)
		findings_add(findings, FINDING_EPOCH_FELL, &where,
			     "epoch %u after %u", header->epoch, before->epoch);
	/* (rule LEDGER-17) */
	if (header->created_us < before->created_us)
		findings_add(findings, FINDING_TIME_FELL, &where,
			     "created %" PRIu64 " us after %" PRIu64 " us",
			     header->created_us, before->created_us);
}

void chain_block(struct chain *chain, const struct block_header *header,
		 struct slice payload, struct findings *findings)
{
	struct finding where = at_block(header->seq);
	struct buffer scratch;
	uint8_t hash[SHA256_SIZE];

	if (chain->begun)
		look_behind(&chain->before, header, findings);
	else
		look_at_first(header, findings);
	buffer_init(&scratch, chain->scratch, SCRATCH_SIZE);
	/* (rule JOURNAL-2) */
	block_hash(header, payload, system_sha256, &scratch, hash);
	if (memcmp(hash, header->hash, SHA256_SIZE) != 0)
		findings_add(findings, FINDING_HASH_WRONG, &where,
			     "its bytes do not have the hash that it carries");
	chain->before = *header;
	chain->begun = true;
}
