/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * chain: do the blocks' headers make one unbroken, hashed chain (rules
 * JOURNAL-2, JOURNAL-3)?  It does not look into payloads.
 */
#ifndef CLEARING_TOOLS_VERIFY_CHAIN_H
#define CLEARING_TOOLS_VERIFY_CHAIN_H

#include "core/block.h"
#include "tools/verify/finding.h"

struct chain {
	struct block_header before; /* the block looked at last */
	bool begun;
	uint8_t *scratch; /* for hashing; owned */
};

/* chain_init: before block 0. */
void chain_init(struct chain *chain);
void chain_release(struct chain *chain);

/* chain_block: the next row of the journal. */
void chain_block(struct chain *chain, const struct block_header *header,
		 struct slice payload, struct findings *findings);

#endif
