/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * json_enum: names of enum values without what they all begin with: PAYMENT
 * of TRANSFER_KIND_PAYMENT.  What both directions of json.h share.
 */
#ifndef CLEARING_WIRE_JSON_ENUM_H
#define CLEARING_WIRE_JSON_ENUM_H

#include <protobuf-c/protobuf-c.h>

/*
 * json_enum_name: the short name of @value, a view into the descriptor.
 *
 * Buf's convention names the zero value PREFIX_UNSPECIFIED; an enum without
 * one (grpc.health's) has no prefix.
 */
const char *json_enum_name(const ProtobufCEnumDescriptor *type,
			   const ProtobufCEnumValue *value);

#endif
