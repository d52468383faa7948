/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_block: any bytes as a journal block's payload.
 *
 * What the codec takes must have one form: written again it is the same bytes,
 * and protobuf-c reads it and writes the same too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clearing/journal/v1/journal.pb-c.h"

#include "core/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 2026-01-01T00:00:00.123456Z */
#define CREATED_US UINT64_C(1767225600123456)

static void check_encoded(struct block *block, struct slice payload)
{
	static uint8_t bytes[BLOCK_PAYLOAD_SIZE_MAX];
	struct buffer again;

	block->header.created_us = CREATED_US;
	buffer_init(&again, bytes, sizeof(bytes));
	block_encode(block, &again);
	check(!again.overflowed);
	check(slice_equal(buffer_view(&again), payload));
}

static void check_protobuf(const struct block *block, struct slice payload)
{
	Clearing__Journal__V1__Block *wire =
		clearing__journal__v1__block__unpack(NULL, payload.size,
						     payload.data);
	uint8_t *packed = malloc(payload.size);

	check(wire != NULL && packed != NULL);
	check(wire->entry_count == block->entry_count);
	check(wire->n_events == block->event_count);
	check(clearing__journal__v1__block__get_packed_size(wire) ==
	      payload.size);
	clearing__journal__v1__block__pack(wire, packed);
	check(slice_equal(slice_of(packed, payload.size), payload));
	free(packed);
	clearing__journal__v1__block__free_unpacked(wire, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(16) uint8_t memory[BLOCK_DECODE_MEMORY_MAX];
	struct slice payload = slice_of(data, size);
	struct block block = { 0 };
	struct block_fault fault;
	struct arena arena;

	arena_init(&arena, memory, sizeof(memory));
	if (block_decode(payload, CREATED_US, &arena, &block, &fault) !=
	    BLOCK_DECODED)
		return 0;
	check_encoded(&block, payload);
	check_protobuf(&block, payload);
	return 0;
}
