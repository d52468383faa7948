/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_gzip: inflate one compressed message, bounded.  Nothing here
 * compresses: replies are small, and the CPU is better spent elsewhere.
 */
#ifndef CLEARING_WIRE_GRPC_GZIP_H
#define CLEARING_WIRE_GRPC_GZIP_H

#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/grpc_bytes.h"

enum grpc_gzip_result {
	GRPC_GZIP_OK,
	GRPC_GZIP_TOO_LARGE, /* more than @size_max comes out */
	GRPC_GZIP_MALFORMED, /* no gzip, cut off, or bytes behind its end */
	GRPC_GZIP_NO_MEMORY,
};

/*
 * grpc_gzip_inflate: @bytes, exactly one gzip member, into @out (emptied
 * first).  Stops as soon as more than @size_max bytes come out, so that a
 * bomb costs no more than a message (rule RPC-8).
 */
enum grpc_gzip_result grpc_gzip_inflate(struct slice bytes, uint32_t size_max,
					struct grpc_bytes *out) MUST_CHECK;

#endif
