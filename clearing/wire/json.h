/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * json: protobuf messages as JSON by their descriptors, for clearctl and
 * tests.  snake_case, integers as numbers, enums as names without prefix,
 * bytes fields of 16 bytes as UUID text and others as hex; every field is
 * present (proto3 zero values too), an unset message is null, a oneof shows
 * the member that is set.
 */
#ifndef CLEARING_WIRE_JSON_H
#define CLEARING_WIRE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/method.h"

#define JSON_ERROR_SIZE 160

/*
 * json_to_request: encode @document as @method's request.
 *
 * @out    malloc'ed bytes that the caller frees.
 * @error  JSON_ERROR_SIZE bytes; why not: unknown key, wrong type.
 */
bool json_to_request(const struct rpc_method *method, const json_t *document,
		     uint8_t **out, size_t *size, char *error) MUST_CHECK;

/* json_from_response: a new reference, or NULL when @bytes are malformed. */
json_t *json_from_response(const struct rpc_method *method,
			   struct slice bytes) MUST_CHECK;

/* json_from_request: likewise for requests (tests, logs). */
json_t *json_from_request(const struct rpc_method *method,
			  struct slice bytes) MUST_CHECK;

#endif
