/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * error: how a whole request is refused: a gRPC status with ErrorInfo
 * (rule RPC-6).  What becomes of single transfers is not here: that is a
 * result in an OK answer.
 */
#ifndef CLEARING_API_ERROR_H
#define CLEARING_API_ERROR_H

#include "base/arena.h"
#include "core/record.h"
#include "wire/grpc.h"

/* In the order of rule RPC-4, then what single methods add. */
enum request_error {
	REQUEST_MALFORMED,
	REQUEST_NOT_PERMITTED,
	REQUEST_BATCH_EMPTY,
	REQUEST_BATCH_TOO_LARGE,
	REQUEST_STARTING,
	REQUEST_DRAINING,
	REQUEST_DATABASE_AWAY,
	REQUEST_CLOCK_JUMPED,
	REQUEST_REJOINING,
	REQUEST_OVERLOADED,
	REQUEST_PAGE_TOKEN_INVALID,
	REQUEST_TRANSFER_UNKNOWN,
	REQUEST_SERVICE_UNKNOWN,
	REQUEST_DEADLINE_PASSED,
	REQUEST_NO_FEDERATION,
	REQUEST_PAYER_CITY_AWAY,
};

/* What the error is about; members that are NULL are left out. */
struct error_about {
	const char *field;
	const int64_t *limit;
	const int64_t *value;
};

/*
 * error_status: @error as a status; details are put into @arena, and are
 * empty when it is exhausted.
 */
void error_status(enum request_error error, const struct error_about *about,
		  struct arena *arena, struct grpc_status *out);

/*
 * error_refusal_status: a command's refusal as a status: its code by class,
 * its name as the reason, limit and value where the answer has them.
 */
void error_refusal_status(const struct refusal_family *family,
			  const struct answer *answer, struct arena *arena,
			  struct grpc_status *out);

#endif
