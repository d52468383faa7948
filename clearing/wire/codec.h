/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * codec: what the message files share: reading a request's fields into a
 * plain struct, protobuf-c's unpack over an arena for the messages that are
 * not ours, and messages inside messages in a buffer.
 */
#ifndef CLEARING_WIRE_CODEC_H
#define CLEARING_WIRE_CODEC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "wire/messages.h"

/*
 * codec_unpack: @bytes as a protobuf-c message of @type, made in @arena.
 * Returns NULL when the arena is exhausted (or @bytes were not validated).
 */
void *codec_unpack(const ProtobufCMessageDescriptor *type, struct slice bytes,
		   struct arena *arena) MUST_CHECK;

/* codec_text: view of a text of protobuf-c's; NULL is empty. */
struct slice codec_text(const char *text);

/* What a field of a request becomes in the struct that is read into. */
enum codec_kind {
	CODEC_BYTES,  /* bytes or string: struct slice */
	CODEC_NUMBER, /* int64, uint64 */
	CODEC_UINT32, /* uint32, enum: the low 32 bits */
	CODEC_BOOL,
	CODEC_ACCOUNT, /* AccountRef: struct account_ref */
	/* these two into a struct read_request */
	CODEC_READ_ACCOUNT, /* AccountRef: .account and .has_account */
	CODEC_READ_PAGE,    /* PageRequest: .page_size and .page_token */
};

struct codec_field {
	uint32_t number;
	enum codec_kind kind;
	size_t offset; /* in the struct */
};

/*
 * codec_read: the fields of the valid message @bytes into @out, zeroed by the
 * caller.
 *
 * As protobuf says: of a field that comes twice the last counts, messages are
 * merged, unknown fields are stepped over.  protobuf-c does the second wrong:
 * it fails on an AccountRef that comes twice empty, which looks like an
 * exhausted arena.  Texts and ids are copied into @arena; false when it is
 * exhausted.  Without an arena they are views into @bytes, and it is false
 * when those are malformed.
 */
bool codec_read(const struct codec_field *fields, size_t count,
		struct slice bytes, struct arena *arena, void *out) MUST_CHECK;

/* CODEC_READ: codec_read() with the whole array @fields. */
#define CODEC_READ(fields, bytes, arena, out)                                  \
	codec_read(fields, sizeof(fields) / sizeof((fields)[0]), bytes, arena, \
		   out)

struct reader;

/*
 * codec_read_account: the AccountRef @bytes into @ref, on top of what an
 * earlier one said.  @parent fails where @bytes are malformed.
 */
void codec_read_account(struct slice bytes, struct account_ref *ref,
			struct reader *parent);

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
