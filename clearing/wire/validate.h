/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * validate: is this a well-formed message of its type?  One pass over the
 * bytes before any handler: wire format, field types, nesting of at most
 * VALIDATE_DEPTH_MAX, strings that are UTF-8 without NUL (protobuf-c checks
 * none of it).  Unknown fields are allowed in requests.
 */
#ifndef CLEARING_WIRE_VALIDATE_H
#define CLEARING_WIRE_VALIDATE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/slice.h"

#define VALIDATE_DEPTH_MAX 8

/* message_valid: see above. */
bool message_valid(const ProtobufCMessageDescriptor *type, struct slice bytes);

#endif
