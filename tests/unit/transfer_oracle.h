/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * transfer_oracle: what protobuf-c reads out of a PostTransfersRequest, to
 * hold the hand-made decoder against; for unit test and fuzzer.
 *
 * Protobuf defines a message field that comes twice as one whose bytes are
 * concatenated.  protobuf-c 1.4.1 merges otherwise: it loses an address when
 * an empty AccountRef follows, and fails on two empty ones.  So the bytes of
 * AccountRefs are concatenated here before it reads an item.
 */
#ifndef CLEARING_TESTS_TRANSFER_ORACLE_H
#define CLEARING_TESTS_TRANSFER_ORACLE_H

#include <stdlib.h>
#include <string.h>

#include "clearing/v1/transfer.pb-c.h"

#include "base/buffer.h"
#include "base/reader.h"
#include "core/decide.h"

/* oracle_put_refs: the AccountRefs under @number in @item as one field. */
static inline void oracle_put_refs(struct buffer *out, struct slice item,
				   uint32_t number)
{
	uint8_t *bytes = malloc(item.size + 1);
	struct reader reader = reader_of(item);
	struct buffer refs;
	uint32_t found, type;
	bool any = false;

	check(bytes != NULL);
	buffer_init(&refs, bytes, item.size);
	while ((found = reader_tag(&reader, &type)) != 0) {
		if (found == number) {
			buffer_put(&refs, reader_bytes(&reader));
			any = true;
		} else {
			reader_skip(&reader, type);
		}
	}
	if (any) {
		buffer_put_tag(out, number, WIRE_BYTES);
		buffer_put_varint(out, refs.size);
		buffer_put(out, buffer_view(&refs));
	}
	free(bytes);
}

/* oracle_unpack: @item, which is valid; the caller frees it. */
static inline Clearing__V1__TransferItem *oracle_unpack(struct slice item)
{
	size_t capacity = item.size + 2 * (1 + VARINT_SIZE_MAX);
	uint8_t *bytes = malloc(capacity);
	struct reader reader = reader_of(item);
	Clearing__V1__TransferItem *msg;
	const uint8_t *start = reader.at;
	struct buffer out;
	uint32_t number, type;

	check(bytes != NULL);
	buffer_init(&out, bytes, capacity);
	while ((number = reader_tag(&reader, &type)) != 0) {
		reader_skip(&reader, type);
		if (number != 2 && number != 3)
			buffer_put(&out, slice_of(start,
						  (size_t)(reader.at - start)));
		start = reader.at;
	}
	oracle_put_refs(&out, item, 2);
	oracle_put_refs(&out, item, 3);
	check(!out.overflowed);
	msg = clearing__v1__transfer_item__unpack(NULL, out.size, bytes);
	free(bytes);
	return msg;
}

static inline bool oracle_same_bytes(struct slice found, const void *data,
				     size_t size)
{
	return found.size == size &&
	       (size == 0 || memcmp(found.data, data, size) == 0);
}

static inline bool oracle_same_ref(const struct account_ref *found,
				   const Clearing__V1__AccountRef *wanted)
{
	if (wanted != NULL &&
	    wanted->by_case == CLEARING__V1__ACCOUNT_REF__BY_ADDRESS)
		return found->id == 0 &&
		       oracle_same_bytes(found->address, wanted->address,
					 strlen(wanted->address));
	return found->address.size == 0 &&
	       found->id == (wanted != NULL ? wanted->id : 0);
}

/* oracle_same: is @found what @wanted says? */
static inline bool oracle_same(const struct transfer_command *found,
			       const Clearing__V1__TransferItem *wanted)
{
	return oracle_same_bytes(found->id, wanted->id.data, wanted->id.len) &&
	       oracle_same_ref(&found->debit, wanted->debit) &&
	       oracle_same_ref(&found->credit, wanted->credit) &&
	       found->amount_minor == wanted->amount_minor &&
	       found->kind == (uint32_t)wanted->kind &&
	       oracle_same_bytes(found->reference, wanted->reference.data,
				 wanted->reference.len) &&
	       oracle_same_bytes(found->memo, wanted->memo,
				 strlen(wanted->memo)) &&
	       found->linked == (wanted->linked != 0);
}

/*
 * oracle_same_request: does the valid request @bytes have exactly the @count
 * items that @commands say?
 */
static inline bool oracle_same_request(struct slice bytes,
				       const struct transfer_command *commands,
				       uint32_t count)
{
	struct reader reader = reader_of(bytes);
	uint32_t number, type, items = 0;

	while ((number = reader_tag(&reader, &type)) != 0) {
		Clearing__V1__TransferItem *wanted;
		bool same;

		if (number != 1) {
			reader_skip(&reader, type);
			continue;
		}
		wanted = oracle_unpack(reader_bytes(&reader));
		same = wanted != NULL && items < count &&
		       oracle_same(&commands[items++], wanted);
		if (wanted != NULL)
			clearing__v1__transfer_item__free_unpacked(wanted,
								   NULL);
		if (!same)
			return false;
	}
	return items == count;
}

#endif
