/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_linklog: any bytes as a message between cities; the first byte says
 * which one.
 *
 * What the codec takes must have one form: written again it is the same bytes,
 * and protobuf-c, which keeps to link.proto, reads it and writes the same too.
 */
#include <stdint.h>
#include <stdlib.h>

#include "clearing/link/v1/link.pb-c.h"

#include "unit/link_forms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const messages[FORM_COUNT] = {
	[FORM_HEADER] = &clearing__link__v1__header__descriptor,
	[FORM_BATCH] = &clearing__link__v1__batch__descriptor,
	[FORM_ENTRY] = &clearing__link__v1__entry__descriptor,
	[FORM_TERMS] = &clearing__link__v1__payment_terms__descriptor,
	[FORM_PROOF] = &clearing__link__v1__proof__descriptor,
	[FORM_HELLO] = &clearing__link__v1__hello__descriptor,
	[FORM_HELLO_OK] = &clearing__link__v1__hello_ok__descriptor,
	[FORM_NEVER] = &clearing__link__v1__never__descriptor,
};

/* Proofs and certificates inside an entry are bytes to the codec. */
static bool is_flat(enum link_form form, struct slice bytes)
{
	struct link_entry entry;

	return form != FORM_ENTRY ||
	       (linklog_entry(bytes, &entry) == LINKLOG_OK &&
		entry.proof.size == 0 && entry.certificate.size == 0);
}

static void check_protobuf(enum link_form form, struct slice bytes)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(
		messages[form], NULL, bytes.size, bytes.data);
	uint8_t *packed = malloc(bytes.size);

	check(message != NULL && packed != NULL);
	check(protobuf_c_message_get_packed_size(message) == bytes.size);
	protobuf_c_message_pack(message, packed);
	check(slice_equal(slice_of(packed, bytes.size), bytes));
	free(packed);
	protobuf_c_message_free_unpacked(message, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t memory[LINKLOG_BATCH_SIZE_MAX];
	struct buffer again;
	struct slice bytes;
	enum link_form form;

	if (size == 0)
		return 0;
	bytes = slice_of(data + 1, size - 1);
	form = (enum link_form)(data[0] % FORM_COUNT);
	buffer_init(&again, memory, sizeof(memory));
	if (link_form_again(form, bytes, &again) != LINKLOG_OK)
		return 0;
	check(!again.overflowed);
	check(slice_equal(buffer_view(&again), bytes));
	if (is_flat(form, bytes))
		check_protobuf(form, bytes);
	return 0;
}
