/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * codec: what the message files share: protobuf-c's unpack over an arena,
 * views of what it made, and messages inside messages in a buffer.
 */
#ifndef CLEARING_WIRE_CODEC_H
#define CLEARING_WIRE_CODEC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "clearing/v1/common.pb-c.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "wire/messages.h"

/*
 * codec_unpack: @bytes as a protobuf-c message of @type, made in @arena.
 * Returns NULL when the arena is exhausted (or @bytes were not validated).
 */
void *codec_unpack(const ProtobufCMessageDescriptor *type, struct slice bytes,
		   struct arena *arena) MUST_CHECK;

/* codec_bytes, codec_text: views of protobuf-c's fields. */
struct slice codec_bytes(ProtobufCBinaryData data);
struct slice codec_text(const char *text);

/* codec_account: how a client names an account; NULL names none. */
struct account_ref codec_account(const Clearing__V1__AccountRef *ref);

/* codec_read_account, codec_read_page: the parts most reads have. */
void codec_read_account(struct read_request *out,
			const Clearing__V1__AccountRef *ref);
void codec_read_page(struct read_request *out,
		     const Clearing__V1__PageRequest *page);

/*
 * codec_begin, codec_end: a message as field @number of another one; what is
 * put between the two is its content.  They nest.
 *
 * codec_begin returns where it began, for codec_end.
 */
size_t codec_begin(struct buffer *out, uint32_t number);
void codec_end(struct buffer *out, size_t begin);

/* codec_put_int64, codec_put_bool: tag and value; zero is left out. */
void codec_put_int64(struct buffer *out, uint32_t number, int64_t value);
void codec_put_bool(struct buffer *out, uint32_t number, bool value);

/* codec_put_transfer: the content of a Transfer. */
void codec_put_transfer(struct buffer *out, const struct transfer_view *view);

#endif
