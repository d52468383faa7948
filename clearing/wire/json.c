/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "wire/json.h"

#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "core/id.h"
#include "wire/json_enum.h"
#include "wire/validate.h"

#define UNSPECIFIED "UNSPECIFIED"

/* A message that is being shown: how far, and where to. */
struct level {
	const ProtobufCMessage *msg;
	json_t *object;
	unsigned field; /* the next to show */
	size_t item;	/* of it, when it is repeated */
};

const char *json_enum_name(const ProtobufCEnumDescriptor *type,
			   const ProtobufCEnumValue *value)
{
	const ProtobufCEnumValue *zero =
		protobuf_c_enum_descriptor_get_value(type, 0);
	size_t size, tail = sizeof(UNSPECIFIED) - 1;

	if (zero == NULL)
		return value->name;
	size = strlen(zero->name);
	if (size <= tail || strcmp(zero->name + size - tail, UNSPECIFIED) != 0)
		return value->name;
	if (strncmp(value->name, zero->name, size - tail) != 0)
		return value->name;
	return value->name + size - tail;
}

static json_t *from_enum(const ProtobufCFieldDescriptor *field, int number)
{
	const ProtobufCEnumValue *value =
		protobuf_c_enum_descriptor_get_value(field->descriptor, number);

	/* No refusal is not a kind of refusal. */
	if (number == 0 && strcmp(field->name, "refusal") == 0)
		return json_null();
	if (value == NULL)
		return json_integer(number);
	return json_string(json_enum_name(field->descriptor, value));
}

static json_t *from_bytes(const ProtobufCBinaryData *data)
{
	struct id id;
	char text[ID_TEXT_SIZE];
	struct buffer buffer;
	json_t *result;
	char *hex;

	if (data->len == 0)
		return json_null();
	if (data->len == ID_SIZE) {
		memcpy(id.bytes, data->data, ID_SIZE);
		buffer_init(&buffer, text, sizeof(text));
		id_print(&buffer, &id);
		return json_stringn(text, sizeof(text));
	}
	hex = malloc(2 * data->len);
	if (hex == NULL)
		return NULL;
	buffer_init(&buffer, hex, 2 * data->len);
	buffer_put_hex(&buffer, slice_of(data->data, data->len));
	result = json_stringn(hex, 2 * data->len);
	free(hex);
	return result;
}

static json_t *from_uint64(uint64_t value)
{
	/* Nothing of ours is as large; a sign would be worse than rounding. */
	if (value > INT64_MAX)
		return json_real((double)value);
	return json_integer((json_int_t)value);
}

/* A value that is no message. */
static json_t *from_value(const ProtobufCFieldDescriptor *field,
			  const void *value)
{
	const char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return json_integer(*(const int32_t *)value);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_integer(*(const uint32_t *)value);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return json_integer(*(const int64_t *)value);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return from_uint64(*(const uint64_t *)value);
	case PROTOBUF_C_TYPE_BOOL:
		return json_boolean(*(const protobuf_c_boolean *)value);
	case PROTOBUF_C_TYPE_ENUM:
		return from_enum(field, *(const int *)value);
	case PROTOBUF_C_TYPE_STRING:
		text = *(char *const *)value;
		return json_string(text != NULL ? text : "");
	case PROTOBUF_C_TYPE_BYTES:
		return from_bytes(value);
	case PROTOBUF_C_TYPE_FLOAT:
		return json_real(*(const float *)value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return json_real(*(const double *)value);
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	check(false);
	return NULL;
}

/* Bytes from one item of a repeated field to the next. */
static size_t item_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	}
	check(false);
	return 0;
}

/*
 * Shows one value; a message is entered: it comes on top of the stack.
 * @array  what it is appended to, or NULL: it is the field's only value.
 */
static bool show_value(struct level *stack, uint32_t *depth,
		       const ProtobufCFieldDescriptor *field, json_t *array,
		       const void *value)
{
	const ProtobufCMessage *inner = NULL;
	json_t *shown;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
		shown = from_value(field, value);
	} else {
		inner = *(ProtobufCMessage *const *)value;
		shown = inner != NULL ? json_object() : json_null();
	}
	if (array != NULL ? json_array_append_new(array, shown) != 0
			  : json_object_set_new(stack[*depth].object,
						field->name, shown) != 0)
		return false;
	if (inner == NULL)
		return true;
	check(*depth + 1 < VALIDATE_DEPTH_MAX);
	stack[++*depth] = (struct level){ .msg = inner, .object = shown };
	return true;
}

static bool show_repeated(struct level *stack, uint32_t *depth,
			  const ProtobufCFieldDescriptor *field)
{
	struct level *level = &stack[*depth];
	const char *msg = (const char *)level->msg;
	size_t count = *(const size_t *)(msg + field->quantifier_offset);
	const char *items = *(char *const *)(msg + field->offset);
	json_t *array;

	if (level->item == 0 &&
	    json_object_set_new(level->object, field->name, json_array()) != 0)
		return false;
	if (level->item == count) {
		level->item = 0;
		level->field++;
		return true;
	}
	array = json_object_get(level->object, field->name);
	items += level->item++ * item_size(field->type);
	return show_value(stack, depth, field, array, items);
}

/* Shows the next field, or item, of the message on top. */
static bool show_next(struct level *stack, uint32_t *depth)
{
	struct level *level = &stack[*depth];
	const ProtobufCFieldDescriptor *field =
		&level->msg->descriptor->fields[level->field];
	const char *msg = (const char *)level->msg;

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return show_repeated(stack, depth, field);
	level->field++;
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
	    *(const uint32_t *)(msg + field->quantifier_offset) != field->id)
		return true;
	return show_value(stack, depth, field, NULL, msg + field->offset);
}

static json_t *show(const ProtobufCMessage *msg)
{
	struct level stack[VALIDATE_DEPTH_MAX];
	json_t *root = json_object();
	uint32_t depth = 0;

	if (root == NULL)
		return NULL;
	stack[0] = (struct level){ .msg = msg, .object = root };
	for (;;) {
		struct level *level = &stack[depth];

		if (level->field < level->msg->descriptor->n_fields) {
			if (!show_next(stack, &depth))
				break;
		} else if (depth > 0) {
			depth--;
		} else {
			return root;
		}
	}
	json_decref(root);
	return NULL;
}

static json_t *from_message(const ProtobufCMessageDescriptor *type,
			    struct slice bytes)
{
	ProtobufCMessage *msg;
	json_t *shown;

	if (!message_valid(type, bytes))
		return NULL;
	msg = protobuf_c_message_unpack(type, NULL, bytes.size, bytes.data);
	if (msg == NULL)
		return NULL;
	shown = show(msg);
	protobuf_c_message_free_unpacked(msg, NULL);
	return shown;
}

json_t *json_from_response(const struct rpc_method *method, struct slice bytes)
{
	return from_message(method->response, bytes);
}

json_t *json_from_request(const struct rpc_method *method, struct slice bytes)
{
	return from_message(method->request, bytes);
}
