/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <protobuf-c/protobuf-c.h>

#include "core/id.h"
#include "wire/codec.h"
#include "wire/json_enum.h"
#include "wire/validate.h"

#define CAPACITY_FIRST 4096
#define CAPACITY_MAX (64u << 20) /* far above any message limit */

/* An object that is being encoded: how far, and where its bytes begin. */
struct level {
	const ProtobufCMessageDescriptor *type;
	json_t *object;
	void *next;    /* iterator over its keys */
	json_t *array; /* NULL, or the value of the key before @next */
	size_t item;   /* the next of @array */
	const ProtobufCFieldDescriptor *field;	/* whose value @array is */
	const ProtobufCFieldDescriptor *member; /* of the oneof that is set */
	size_t begin;
};

struct encoding {
	struct buffer *out;
	char *error;
	struct level stack[VALIDATE_DEPTH_MAX];
	uint32_t depth;
};

/* Says what is wrong with @key of the object on top; false, for returning. */
static bool wrong(struct encoding *encoding, const char *key,
		  const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool wrong(struct encoding *encoding, const char *key,
		  const char *format, ...)
{
	const char *type = encoding->stack[encoding->depth].type->short_name;
	va_list arguments;
	int size;

	size = snprintf(encoding->error, JSON_ERROR_SIZE, "%s.%.40s: ", type,
			key);
	if (size < 0 || size >= JSON_ERROR_SIZE)
		return false;
	va_start(arguments, format);
	vsnprintf(encoding->error + size, JSON_ERROR_SIZE - (size_t)size,
		  format, arguments);
	va_end(arguments);
	return false;
}

/* Proto3 leaves zeros out, but not of a oneof and not of a list. */
static bool zero_counts(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED ||
	       (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static bool put_varint(struct encoding *encoding,
		       const ProtobufCFieldDescriptor *field, uint64_t value)
{
	if (value == 0 && !zero_counts(field))
		return true;
	buffer_put_tag(encoding->out, field->id, WIRE_VARINT);
	buffer_put_varint(encoding->out, value);
	return true;
}

static bool put_bytes(struct encoding *encoding,
		      const ProtobufCFieldDescriptor *field, struct slice value)
{
	if (value.size == 0 && !zero_counts(field))
		return true;
	buffer_put_tag(encoding->out, field->id, WIRE_BYTES);
	buffer_put_varint(encoding->out, value.size);
	buffer_put(encoding->out, value);
	return true;
}

static bool put_number(struct encoding *encoding,
		       const ProtobufCFieldDescriptor *field,
		       const json_t *value, json_int_t min, json_int_t max)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value))
		return wrong(encoding, field->name, "not a whole number");
	if (number < min || number > max)
		return wrong(encoding, field->name, "out of range");
	return put_varint(encoding, field, (uint64_t)number);
}

static bool put_enum(struct encoding *encoding,
		     const ProtobufCFieldDescriptor *field, const json_t *value)
{
	const ProtobufCEnumDescriptor *type = field->descriptor;
	const char *text = json_string_value(value);

	if (text == NULL)
		return wrong(encoding, field->name, "not a name");
	for (unsigned i = 0; i < type->n_values; i++) {
		const ProtobufCEnumValue *known = &type->values[i];

		if (strcasecmp(text, json_enum_name(type, known)) == 0)
			return put_varint(encoding, field,
					  (uint64_t)known->value);
	}
	return wrong(encoding, field->name, "'%.40s' is no %s", text,
		     type->short_name);
}

static bool put_text(struct encoding *encoding,
		     const ProtobufCFieldDescriptor *field, const json_t *value)
{
	struct slice text =
		slice_of(json_string_value(value), json_string_length(value));

	if (!json_is_string(value))
		return wrong(encoding, field->name, "not a text");
	if (slice_find(text, 0) != text.size)
		return wrong(encoding, field->name, "a NUL in it");
	return put_bytes(encoding, field, text);
}

static bool hex_digit(uint8_t digit, uint8_t *out)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = digit != 0 ? strchr(digits, digit) : NULL;

	if (at == NULL)
		return false;
	*out = (uint8_t)((at - digits) % 16);
	return true;
}

/* Hex digits straight into the output. */
static bool put_hex(struct encoding *encoding,
		    const ProtobufCFieldDescriptor *field, struct slice text)
{
	if (text.size == 0)
		return put_bytes(encoding, field, text);
	if (text.size % 2 != 0)
		return wrong(encoding, field->name, "neither UUID nor hex");
	buffer_put_tag(encoding->out, field->id, WIRE_BYTES);
	buffer_put_varint(encoding->out, text.size / 2);
	for (size_t i = 0; i < text.size; i += 2) {
		uint8_t high, low;

		if (!hex_digit(text.data[i], &high) ||
		    !hex_digit(text.data[i + 1], &low))
			return wrong(encoding, field->name,
				     "neither UUID nor hex");
		buffer_put_byte(encoding->out, (uint8_t)(high << 4 | low));
	}
	return true;
}

static bool put_binary(struct encoding *encoding,
		       const ProtobufCFieldDescriptor *field,
		       const json_t *value)
{
	struct slice text =
		slice_of(json_string_value(value), json_string_length(value));
	struct id id;

	if (!json_is_string(value))
		return wrong(encoding, field->name, "not a text");
	if (id_parse(text, &id))
		return put_bytes(encoding, field,
				 slice_of(id.bytes, sizeof(id.bytes)));
	return put_hex(encoding, field, text);
}

static bool put_bool(struct encoding *encoding,
		     const ProtobufCFieldDescriptor *field, const json_t *value)
{
	if (!json_is_boolean(value))
		return wrong(encoding, field->name, "not true or false");
	return put_varint(encoding, field, json_is_true(value) ? 1 : 0);
}

/* The object comes on top of the stack, as a message. */
static bool enter(struct encoding *encoding,
		  const ProtobufCFieldDescriptor *field, json_t *value)
{
	if (!json_is_object(value))
		return wrong(encoding, field->name, "not an object");
	if (encoding->depth + 1 == VALIDATE_DEPTH_MAX)
		return wrong(encoding, field->name, "nested too deep");
	encoding->stack[++encoding->depth] = (struct level){
		.type = field->descriptor,
		.object = value,
		.next = json_object_iter(value),
		.begin = codec_begin(encoding->out, field->id),
	};
	return true;
}

static bool put_value(struct encoding *encoding,
		      const ProtobufCFieldDescriptor *field, json_t *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
		return put_number(encoding, field, value, INT32_MIN, INT32_MAX);
	case PROTOBUF_C_TYPE_UINT32:
		return put_number(encoding, field, value, 0, UINT32_MAX);
	case PROTOBUF_C_TYPE_INT64:
		return put_number(encoding, field, value, INT64_MIN, INT64_MAX);
	case PROTOBUF_C_TYPE_UINT64:
		return put_number(encoding, field, value, 0, INT64_MAX);
	case PROTOBUF_C_TYPE_BOOL:
		return put_bool(encoding, field, value);
	case PROTOBUF_C_TYPE_ENUM:
		return put_enum(encoding, field, value);
	case PROTOBUF_C_TYPE_STRING:
		return put_text(encoding, field, value);
	case PROTOBUF_C_TYPE_BYTES:
		return put_binary(encoding, field, value);
	case PROTOBUF_C_TYPE_MESSAGE:
		return enter(encoding, field, value);
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		break;
	}
	/* No request has a field of these types; a test looks. */
	return wrong(encoding, field->name, "of a type that is not known");
}

/* Takes the next key of the object on top. */
static bool put_key(struct encoding *encoding)
{
	struct level *level = &encoding->stack[encoding->depth];
	const char *key = json_object_iter_key(level->next);
	json_t *value = json_object_iter_value(level->next);
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(level->type,
								key);

	level->next = json_object_iter_next(level->object, level->next);
	if (field == NULL)
		return wrong(encoding, key, "unknown key");
	if (json_is_null(value))
		return true;
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
		if (level->member != NULL)
			return wrong(encoding, key, "beside '%s'",
				     level->member->name);
		level->member = field;
	}
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return put_value(encoding, field, value);
	if (!json_is_array(value))
		return wrong(encoding, key, "not a list");
	level->array = value;
	level->item = 0;
	level->field = field;
	return true;
}

static bool encode(struct encoding *encoding)
{
	for (;;) {
		struct level *level = &encoding->stack[encoding->depth];
		json_t *item = json_array_get(level->array, level->item);

		if (item != NULL) {
			level->item++;
			if (!put_value(encoding, level->field, item))
				return false;
		} else if (level->next != NULL) {
			level->array = NULL;
			if (!put_key(encoding))
				return false;
		} else if (encoding->depth > 0) {
			codec_end(encoding->out, level->begin);
			encoding->depth--;
		} else {
			return true;
		}
	}
}

bool json_to_request(const struct rpc_method *method, const json_t *document,
		     uint8_t **out, size_t *size, char *error)
{
	/* Jansson's iterators want an object that may be changed. */
	json_t *object = (json_t *)(uintptr_t)document;
	size_t capacity = CAPACITY_FIRST;

	snprintf(error, JSON_ERROR_SIZE, "not an object");
	if (!json_is_object(object))
		return false;
	for (; capacity <= CAPACITY_MAX; capacity *= 2) {
		uint8_t *bytes = malloc(capacity);
		struct buffer buffer;
		struct encoding encoding = { .out = &buffer, .error = error };
		bool done;

		if (bytes == NULL)
			break;
		buffer_init(&buffer, bytes, capacity);
		encoding.stack[0] = (struct level){
			.type = method->request,
			.object = object,
			.next = json_object_iter(object),
		};
		done = encode(&encoding);
		if (done && !buffer.overflowed) {
			*out = bytes;
			*size = buffer.size;
			return true;
		}
		free(bytes);
		if (!done)
			return false;
	}
	snprintf(error, JSON_ERROR_SIZE, "too large");
	return false;
}
