/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/validate.h"

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/utf8.h"
#include "wire/scan.h"

/* A message that is being read: its type and where it ends. */
struct frame {
	const ProtobufCMessageDescriptor *type;
	const uint8_t *end;
};

#define LETTERS 8 /* bytes looked at together */
#define EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/*
 * Addresses and ids are ASCII: eight bytes at a time without a set high bit
 * and without zero; what is left, and any other text, the slow way.
 */
static bool text_valid(struct slice text)
{
	while (text.size >= LETTERS) {
		uint64_t word;

		memcpy(&word, text.data, sizeof(word));
		/* With no high bit set, x - 1 borrows into it for 0 alone. */
		if (((word | (word - EACH_BYTE(1))) & EACH_BYTE(0x80)) != 0)
			return utf8_valid(text);
		text.data += LETTERS;
		text.size -= LETTERS;
	}
	while (text.size > 0) {
		if (text.data[0] == 0 || text.data[0] >= 0x80)
			return utf8_valid(text);
		text.data++;
		text.size--;
	}
	return true;
}

static const ProtobufCFieldDescriptor *
field_find(const ProtobufCMessageDescriptor *type, uint32_t number)
{
	/* Most of our messages number their fields 1, 2, 3 ... */
	if (number <= type->n_fields && type->fields[number - 1].id == number)
		return &type->fields[number - 1];
	return protobuf_c_message_descriptor_get_field(type, number);
}

/* The wire type that a value of @type has outside of a packed field. */
static uint32_t wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		return WIRE_VARINT;
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return WIRE_BYTES;
	}
	check(false);
	return WIRE_BYTES;
}

/* The values of a packed field, one after the other to the end. */
static void packed_check(struct reader *reader, uint32_t item_type)
{
	struct slice bytes = scan_bytes(reader);
	struct reader items = reader_of(bytes);

	while (!reader_at_end(&items))
		scan_skip(&items, item_type);
	if (!reader_ok(&items))
		reader_fail(reader);
}

/* A value of @field that is no message. */
static void value_check(struct reader *reader,
			const ProtobufCFieldDescriptor *field, uint32_t type)
{
	uint32_t expected = wire_type_of(field->type);

	if (type == expected && type == WIRE_VARINT) {
		(void)scan_varint(reader, VARINT_SIZE_MAX);
	} else if (type == expected && type == WIRE_BYTES) {
		struct slice bytes = scan_bytes(reader);

		if (field->type == PROTOBUF_C_TYPE_STRING && !text_valid(bytes))
			reader_fail(reader);
	} else if (type == expected) {
		scan_skip(reader, type);
	} else if (type == WIRE_BYTES &&
		   field->label == PROTOBUF_C_LABEL_REPEATED) {
		packed_check(reader, expected);
	} else {
		reader_fail(reader);
	}
}

/*
 * Reads one field of the message on top of the stack; a message field goes on
 * top of it.  The reader never looks past the end of the top.
 */
static void field_check(struct reader *reader, struct frame *stack,
			uint32_t *depth)
{
	const ProtobufCFieldDescriptor *field;
	uint32_t type, number = scan_key(reader, &type);
	struct slice inner;

	if (number == 0)
		return;
	field = field_find(stack[*depth].type, number);
	if (field == NULL) {
		scan_skip(reader, type);
		return;
	}
	if (field->type != PROTOBUF_C_TYPE_MESSAGE || type != WIRE_BYTES) {
		value_check(reader, field, type);
		return;
	}
	inner = scan_bytes(reader);
	if (!reader_ok(reader) || *depth + 1 == VALIDATE_DEPTH_MAX) {
		reader_fail(reader);
		return;
	}
	stack[++*depth] = (struct frame){ .type = field->descriptor,
					  .end = inner.data + inner.size };
	reader->at = inner.data;
	reader->end = inner.data + inner.size;
}

/* Strings are UTF-8 without NUL, nesting is bounded (rule RPC-5). */
bool message_valid(const ProtobufCMessageDescriptor *type, struct slice bytes)
{
	struct frame stack[VALIDATE_DEPTH_MAX];
	struct reader reader = reader_of(bytes);
	uint32_t depth = 0;

	check(type != NULL);
	stack[0] = (struct frame){ .type = type, .end = reader.end };
	while (reader_ok(&reader)) {
		if (reader.at < reader.end) {
			field_check(&reader, stack, &depth);
		} else if (depth > 0) {
			reader.end = stack[--depth].end;
		} else {
			return true;
		}
	}
	return false;
}
