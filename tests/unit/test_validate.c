/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "clearing/v1/transfer.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"

#include "wire/method.h"
#include "wire/validate.h"

#define MUTATIONS 60000
#define SEED 7441

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct example {
	const char *what;
	const char *bytes;
	size_t size;
	bool valid;
};

/* A string literal with its size, NULs and all. */
#define BYTES(literal) literal, sizeof(literal) - 1

static void expect(const ProtobufCMessageDescriptor *type,
		   const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct slice bytes =
			slice_of(examples[i].bytes, examples[i].size);

		if (message_valid(type, bytes) != examples[i].valid)
			fail_msg("%s: not %s", examples[i].what,
				 examples[i].valid ? "valid" : "refused");
	}
}

static void test_validate_strings(void **state)
{
	/* Only UTF-8 without NUL is a string (rule RPC-5). */
	static const struct example examples[] = {
		{ "empty message", BYTES(""), true },
		{ "empty", BYTES("\x0a\x00"), true },
		{ "ASCII",
		  BYTES("\x0a\x03"
			"abc"),
		  true },
		{ "a long ASCII",
		  BYTES("\x0a\x12"
			"abcdefghijklmnopqr"),
		  true },
		{ "two, three, four bytes",
		  BYTES("\x0a\x09"
			"\xc3\xa4\xe2\x82\xac"
			"\xf0\x9f\x8c\xb1"),
		  true },
		{ "behind eight ASCII",
		  BYTES("\x0a\x0a"
			"abcdefgh\xc3\xa4"),
		  true },
		{ "control characters", BYTES("\x0a\x03\x01\x1f\x7f"), true },
		{ "NUL alone", BYTES("\x0a\x01\x00"), false },
		{ "NUL inside",
		  BYTES("\x0a\x03"
			"a\0b"),
		  false },
		{ "NUL in the first eight",
		  BYTES("\x0a\x09"
			"abc\0efghi"),
		  false },
		{ "NUL behind eight",
		  BYTES("\x0a\x0a"
			"abcdefgh\0i"),
		  false },
		{ "NUL behind UTF-8", BYTES("\x0a\x03\xc3\xa4\x00"), false },
		{ "lone continuation", BYTES("\x0a\x01\x80"), false },
		{ "cut short",
		  BYTES("\x0a\x02"
			"a\xc3"),
		  false },
		{ "overlong", BYTES("\x0a\x02\xc0\xaf"), false },
		{ "overlong NUL", BYTES("\x0a\x02\xc0\x80"), false },
		{ "surrogate", BYTES("\x0a\x03\xed\xa0\x80"), false },
		{ "above U+10FFFF", BYTES("\x0a\x04\xf4\x90\x80\x80"), false },
		{ "0xff in eight",
		  BYTES("\x0a\x08"
			"abcdef\xffh"),
		  false },
	};

	(void)state;
	expect(&grpc__health__v1__health_check_request__descriptor, examples,
	       COUNT_OF(examples));
}

static const struct example wire_formats[] = {
	{ "amount", BYTES("\x20\x05"), true },
	{ "largest varint",
	  BYTES("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), true },
	{ "varint over 64 bits",
	  BYTES("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false },
	{ "varint of 11 bytes",
	  BYTES("\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), false },
	{ "varint cut short", BYTES("\x20\x80"), false },
	{ "no value", BYTES("\x20"), false },
	{ "amount as bytes", BYTES("\x22\x01\x05"), false },
	{ "amount as fixed64",
	  BYTES("\x21"
		"12345678"),
	  false },
	{ "id as varint", BYTES("\x08\x05"), false },
	{ "debit as varint", BYTES("\x10\x05"), false },
	{ "debit", BYTES("\x12\x02\x08\x05"), true },
	{ "debit twice", BYTES("\x12\x02\x08\x05\x12\x00"), true },
	{ "debit longer than the rest", BYTES("\x12\x03\x08\x05"), false },
	{ "debit cuts its field", BYTES("\x12\x01\x08\x05\x00"), false },
	{ "field longer than debit",
	  BYTES("\x12\x02\x12\x05"
		"abcde"),
	  false },
	{ "address with NUL", BYTES("\x12\x03\x12\x01\x00"), false },
	{ "unknown varint", BYTES("\x78\x05"), true },
	{ "unknown bytes", BYTES("\x7a\x02\xff\x00"), true },
	{ "unknown fixed32",
	  BYTES("\x7d"
		"1234"),
	  true },
	{ "unknown fixed64",
	  BYTES("\x79"
		"12345678"),
	  true },
	{ "unknown cut short",
	  BYTES("\x79"
		"1234567"),
	  false },
	{ "unknown group", BYTES("\x7b\x7c"), false },
	{ "group end alone", BYTES("\x7c"), false },
	{ "group as a known field", BYTES("\x13\x14"), false },
	{ "wire type 6", BYTES("\x7e\x00"), false },
	{ "wire type 7", BYTES("\x7f\x00"), false },
	{ "field 0", BYTES("\x00\x00"), false },
	{ "field 2^29 - 1", BYTES("\xf8\xff\xff\xff\x0f\x00"), true },
	{ "field 2^29", BYTES("\x80\x80\x80\x80\x10\x00"), false },
	{ "key of 5 bytes", BYTES("\xa0\x80\x80\x80\x00\x05"), true },
	{ "key of 6 bytes", BYTES("\xa0\x80\x80\x80\x80\x00\x05"), false },
	{ "length of 5 bytes", BYTES("\x0a\x81\x80\x80\x80\x00x"), true },
	{ "length of 6 bytes", BYTES("\x0a\x81\x80\x80\x80\x80\x00x"), false },
	{ "length near 2^64",
	  BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"), false },
};

static void test_validate_wire_format(void **state)
{
	/*
	 * Wire types fit the fields; pieces end where they say; groups, field
	 * zero, and keys and lengths that protobuf-c cannot read are refused.
	 */
	(void)state;
	expect(&clearing__v1__transfer_item__descriptor, wire_formats,
	       COUNT_OF(wire_formats));
}

static void test_validate_packed(void **state)
{
	/* Repeated numbers may be packed or not, and must be whole. */
	static const struct example examples[] = {
		{ "not packed", BYTES("\x10\x05\x10\x06"), true },
		{ "packed", BYTES("\x12\x03\x05\x80\x01"), true },
		{ "packed, empty", BYTES("\x12\x00"), true },
		{ "packed, cut short", BYTES("\x12\x02\x05\x80"), false },
		{ "fixed32 in place",
		  BYTES("\x15"
			"1234"),
		  false },
	};

	(void)state;
	expect(&grpc__reflection__v1__extension_number_response__descriptor,
	       examples, COUNT_OF(examples));
}

/* A message type that holds itself: none of ours does. */
static const ProtobufCFieldDescriptor box_fields[];
static const ProtobufCIntRange box_ranges[] = { { 1, 0 }, { 0, 1 } };
static const unsigned box_names[] = { 0 };
static const ProtobufCMessageDescriptor box = {
	.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "Box",
	.short_name = "Box",
	.sizeof_message = sizeof(ProtobufCMessage) + sizeof(void *),
	.n_fields = 1,
	.fields = box_fields,
	.fields_sorted_by_name = box_names,
	.n_field_ranges = 1,
	.field_ranges = box_ranges,
};
static const ProtobufCFieldDescriptor box_fields[] = { {
	.name = "box",
	.id = 1,
	.label = PROTOBUF_C_LABEL_NONE,
	.type = PROTOBUF_C_TYPE_MESSAGE,
	.offset = sizeof(ProtobufCMessage),
	.descriptor = &box,
} };

/* @depth boxes in each other, written from the innermost outwards. */
static struct slice boxes(uint8_t *bytes, size_t size, uint32_t depth)
{
	size_t at = size;

	for (uint32_t i = 1; i < depth; i++) {
		size_t inner = size - at;

		if (inner >= 0x4000)
			bytes[--at] = (uint8_t)(inner >> 14);
		if (inner >= 0x80)
			bytes[--at] = (uint8_t)((inner >> 7 & 0x7f) |
						(inner >= 0x4000 ? 0x80 : 0));
		bytes[--at] =
			(uint8_t)((inner & 0x7f) | (inner >= 0x80 ? 0x80 : 0));
		bytes[--at] = 0x0a;
	}
	return slice_of(bytes + at, size - at);
}

static void test_validate_depth(void **state)
{
	/* 8 messages in each other are read, 9 and 10,000 refused (RPC-5). */
	static uint8_t bytes[65536];

	(void)state;
	for (uint32_t depth = 1; depth <= VALIDATE_DEPTH_MAX; depth++)
		assert_true(message_valid(&box,
					  boxes(bytes, sizeof(bytes), depth)));
	assert_false(message_valid(
		&box, boxes(bytes, sizeof(bytes), VALIDATE_DEPTH_MAX + 1)));
	assert_false(message_valid(&box, boxes(bytes, sizeof(bytes), 10000)));
}

static void test_validate_comes_back_up(void **state)
{
	/* After a deep message its neighbours are read as their own type. */
	/* Two items: id, debit by id, amount; then an unknown field. */
	static const char bytes[] = "\x0a\x07\x0a\x01i\x12\x00\x20\x05"
				    "\x0a\x06\x12\x02\x08\x05\x20\x05"
				    "\x78\x01";

	(void)state;
	assert_true(
		message_valid(&clearing__v1__post_transfers_request__descriptor,
			      slice_of(bytes, sizeof(bytes) - 1)));
	/* The same one byte short. */
	assert_false(
		message_valid(&clearing__v1__post_transfers_request__descriptor,
			      slice_of(bytes, sizeof(bytes) - 2)));
}

static size_t valid_sample(uint8_t *bytes)
{
	static const char sample[] =
		"\x0a\x36\x0a\x10iiiiiiiiiiiiiiii\x12\x02\x08\x05"
		"\x1a\x0a\x12\x08"
		"a@b-city\x20\xac\x02\x28\x01\x3a\x0b"
		"gr\xc3\xbc\xc3\x9f"
		" dich\x40\x01"
		"\x0a\x08\x12\x02\x08\x05\x20\x05\x78\x01";

	memcpy(bytes, sample, sizeof(sample) - 1);
	return sizeof(sample) - 1;
}

static void test_validate_implies_unpack(void **state)
{
	/*
	 * Whatever is valid can be unpacked by protobuf-c: no decoder fails
	 * behind the validator but for memory.
	 */
	uint64_t random = SEED;
	uint32_t valid = 0;

	(void)state;
	for (uint32_t round = 0; round < MUTATIONS; round++) {
		uint8_t bytes[128];
		size_t size = valid_sample(bytes);
		uint64_t changes = next_random(&random) % 4;
		Clearing__V1__PostTransfersRequest *msg;

		for (uint64_t i = 0; i < changes; i++)
			bytes[next_random(&random) % size] =
				(uint8_t)next_random(&random);
		if (next_random(&random) % 8 == 0)
			size = next_random(&random) % size;
		if (!message_valid(
			    &clearing__v1__post_transfers_request__descriptor,
			    slice_of(bytes, size)))
			continue;
		valid++;
		msg = clearing__v1__post_transfers_request__unpack(NULL, size,
								   bytes);
		assert_non_null(msg);
		clearing__v1__post_transfers_request__free_unpacked(msg, NULL);
	}
	/* Both outcomes were seen. */
	assert_in_range(valid, MUTATIONS / 10, MUTATIONS * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_validate_strings),
		cmocka_unit_test(test_validate_wire_format),
		cmocka_unit_test(test_validate_packed),
		cmocka_unit_test(test_validate_depth),
		cmocka_unit_test(test_validate_comes_back_up),
		cmocka_unit_test(test_validate_implies_unpack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
