/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc: what server and client side share: status codes, and a status with
 * its details as google.rpc.Status bytes.
 */
#ifndef CLEARING_WIRE_GRPC_H
#define CLEARING_WIRE_GRPC_H

#include <stdint.h>

#include "base/slice.h"

/* Numbers are gRPC's. */
enum grpc_code {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
};

/* grpc_code_name: "FAILED_PRECONDITION"; "UNKNOWN" for a number not above. */
const char *grpc_code_name(uint32_t code);

struct grpc_status {
	uint32_t code;
	struct slice message; /* UTF-8, for a person */
	struct slice details; /* encoded google.rpc.Status, or empty */
};

#endif
