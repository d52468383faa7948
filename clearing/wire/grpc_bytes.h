/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_bytes: a queue of bytes on the heap that grows by doubling: appended
 * at the end, taken from the front.  It knows no bound: its user does.
 * A zeroed struct is an empty queue.
 */
#ifndef CLEARING_WIRE_GRPC_BYTES_H
#define CLEARING_WIRE_GRPC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct grpc_bytes {
	uint8_t *data; /* own */
	size_t start;  /* bytes taken already */
	size_t size;   /* bytes queued behind them */
	size_t capacity;
};

/*
 * grpc_bytes_reserve: room for @more bytes behind those queued.
 * Returns false when out of memory; nothing is lost then.
 */
bool grpc_bytes_reserve(struct grpc_bytes *bytes, size_t more) MUST_CHECK;

/* grpc_bytes_append: queue a copy of @piece; false when out of memory. */
bool grpc_bytes_append(struct grpc_bytes *bytes, struct slice piece) MUST_CHECK;

/* grpc_bytes_view: what is queued; valid until the next call. */
struct slice grpc_bytes_view(const struct grpc_bytes *bytes);

/* grpc_bytes_take: drop the first @count bytes; @count <= bytes->size. */
void grpc_bytes_take(struct grpc_bytes *bytes, size_t count);

/* grpc_bytes_clear: empty it; memory above @keep bytes is given back. */
void grpc_bytes_clear(struct grpc_bytes *bytes, size_t keep);

#endif
