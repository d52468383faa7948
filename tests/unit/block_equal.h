/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * block_equal: is what was read what was written?  Each fails the test at the
 * first value that differs; every field of every fact is looked at.
 */
#ifndef CLEARING_TESTS_UNIT_BLOCK_EQUAL_H
#define CLEARING_TESTS_UNIT_BLOCK_EQUAL_H

#include "clearing/journal/v1/journal.pb-c.h"

#include "core/block.h"

/* assert_slice_equal: the same bytes. */
void assert_slice_equal(struct slice a, struct slice b);

/* assert_block_equal: the same entries and events, wherever texts lie. */
void assert_block_equal(const struct block *a, const struct block *b);

/*
 * assert_wire_block: protobuf-c read the facts of @block, of
 * RANDOM_BLOCK_CREATED_US, by the fields of journal.proto.
 */
void assert_wire_block(const Clearing__Journal__V1__Block *wire,
		       const struct block *block);

#endif
