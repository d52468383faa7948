/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The validator on any bytes.  The first byte picks the method.  What holds:
 * a valid message twice in a row is valid (protobuf merges by concatenation),
 * cut short by protobuf's own rules it never reads too far, and what
 * protobuf-c packs of a valid message is valid again.
 */
#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "base/check.h"
#include "wire/method.h"
#include "wire/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_twice(const ProtobufCMessageDescriptor *type,
			struct slice bytes)
{
	uint8_t *twice = malloc(2 * bytes.size + 1);

	check(twice != NULL);
	if (bytes.size > 0) {
		memcpy(twice, bytes.data, bytes.size);
		memcpy(twice + bytes.size, bytes.data, bytes.size);
	}
	check(message_valid(type, slice_of(twice, 2 * bytes.size)));
	free(twice);
}

static void check_packed_again(const ProtobufCMessageDescriptor *type,
			       struct slice bytes)
{
	ProtobufCMessage *msg =
		protobuf_c_message_unpack(type, NULL, bytes.size, bytes.data);
	uint8_t *packed;
	size_t size;

	/* protobuf-c fails to merge two empty oneofs (transfer_oracle.h). */
	if (msg == NULL)
		return;
	size = protobuf_c_message_get_packed_size(msg);
	packed = malloc(size + 1);
	check(packed != NULL);
	check(protobuf_c_message_pack(msg, packed) == size);
	check(message_valid(type, slice_of(packed, size)));
	free(packed);
	protobuf_c_message_free_unpacked(msg, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rpc_method *method;
	uint8_t *copy;

	if (size == 0)
		return 0;
	method = rpc_method_at((enum rpc)(data[0] % RPC_COUNT));
	/* A copy of the exact size, so that a step too far is seen. */
	copy = malloc(size);
	check(copy != NULL);
	memcpy(copy, data + 1, size - 1);
	if (rpc_request_valid(method, slice_of(copy, size - 1))) {
		check_twice(method->request, slice_of(copy, size - 1));
		check_packed_again(method->request, slice_of(copy, size - 1));
	}
	(void)message_valid(method->response, slice_of(copy, size - 1));
	free(copy);
	return 0;
}
