/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include "grpc/reflection/v1/reflection.pb-c.h"

#include "wire/messages.h"
#include "wire/method.h"
#include "wire/reflection.h"

#define RESPONSE Grpc__Reflection__V1__ServerReflectionResponse

/* Which answer: the field of the response's oneof that is set. */
enum { ANSWER_FILES = 4, ANSWER_SERVICES = 6, ANSWER_ERROR = 7 };

static const char *const services[] = {
	"clearing.v1.AccountService",
	"clearing.v1.FederationService",
	"clearing.v1.HoldService",
	"clearing.v1.LinkService",
	"clearing.v1.NodeService",
	"clearing.v1.PaymentService",
	"clearing.v1.PeerService",
	"clearing.v1.StatementService",
	"clearing.v1.TransferService",
	"grpc.health.v1.Health",
	"grpc.reflection.v1.ServerReflection",
	"grpc.reflection.v1alpha.ServerReflection",
};

/* Asks for @text under @field; the caller frees the answer with done(). */
static RESPONSE *ask_field(uint32_t field, const char *text)
{
	_Alignas(16) static uint8_t memory[8192];
	static uint8_t reply[65536];
	uint8_t bytes[256];
	struct buffer request, out;
	struct arena arena;
	RESPONSE *msg;

	buffer_init(&request, bytes, sizeof(bytes));
	buffer_put_field_bytes(&request, 1, SLICE("localhost"));
	buffer_put_tag(&request, field, WIRE_BYTES);
	buffer_put_varint(&request, strlen(text));
	buffer_put_text(&request, text);
	assert_false(request.overflowed);
	buffer_init(&out, reply, sizeof(reply));
	arena_init(&arena, memory, sizeof(memory));
	assert_true(encode_reflection(buffer_view(&request), &arena, &out));
	msg = grpc__reflection__v1__server_reflection_response__unpack(
		NULL, out.size, reply);
	assert_non_null(msg);
	/* Every answer repeats what was asked. */
	assert_string_equal(msg->valid_host, "localhost");
	assert_non_null(msg->original_request);
	assert_string_equal(msg->original_request->host, "localhost");
	return msg;
}

static void done(RESPONSE *msg)
{
	grpc__reflection__v1__server_reflection_response__free_unpacked(msg,
									NULL);
}

static struct slice file_at(const RESPONSE *msg, size_t index)
{
	const Grpc__Reflection__V1__FileDescriptorResponse *files;

	assert_int_equal(msg->message_response_case, ANSWER_FILES);
	files = msg->file_descriptor_response;
	assert_true(index < files->n_file_descriptor_proto);
	return slice_of(files->file_descriptor_proto[index].data,
			files->file_descriptor_proto[index].len);
}

static void expect_name(struct slice file, const char *name)
{
	struct slice found = descriptor_piece(file, FILE_NAME);

	assert_int_equal(found.size, strlen(name));
	assert_memory_equal(found.data, name, found.size);
}

static void expect_not_found(RESPONSE *msg)
{
	assert_int_equal(msg->message_response_case, ANSWER_ERROR);
	assert_int_equal(msg->error_response->error_code, GRPC_NOT_FOUND);
	assert_true(strlen(msg->error_response->error_message) > 0);
	done(msg);
}

static void test_reflection_lists_services(void **state)
{
	/* Each service that is served, and no other. */
	RESPONSE *msg = ask_field(7, "");
	const Grpc__Reflection__V1__ListServiceResponse *list;

	(void)state;
	assert_int_equal(msg->message_response_case, ANSWER_SERVICES);
	list = msg->list_services_response;
	assert_int_equal(list->n_service, COUNT_OF(services));
	for (size_t i = 0; i < COUNT_OF(services); i++) {
		const char *name = list->service[i]->name;
		bool known = false;

		for (size_t k = 0; k < COUNT_OF(services); k++)
			known = known || strcmp(services[k], name) == 0;
		assert_true(known);
		assert_true(rpc_service_known(slice_from_text(name)));
	}
	done(msg);
}

static void test_reflection_every_method_is_described(void **state)
{
	/* Each served path, asked for as a symbol, is found in a file. */
	(void)state;
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		const char *path = rpc_method_at((enum rpc)i)->path;
		char symbol[128];
		RESPONSE *msg;

		snprintf(symbol, sizeof(symbol), "%s", path + 1);
		*strchr(symbol, '/') = '.';
		msg = ask_field(4, symbol);
		assert_true(file_at(msg, 0).size > 0);
		done(msg);
	}
}

static void test_reflection_symbols(void **state)
{
	/* Services, methods, messages, nested types, enums: by full name. */
	static const struct {
		const char *symbol;
		const char *file; /* NULL: not found */
	} cases[] = {
		{ "clearing.v1.HoldService", "clearing/v1/hold.proto" },
		{ "clearing.v1.HoldService.GetHold", "clearing/v1/hold.proto" },
		{ "clearing.v1.Hold", "clearing/v1/hold.proto" },
		{ "clearing.v1.HoldState", "clearing/v1/hold.proto" },
		{ "clearing.v1.HoldRefusal", "clearing/v1/common.proto" },
		{ "clearing.v1.TransferItem", "clearing/v1/transfer.proto" },
		{ "clearing.v1.AccountRef", "clearing/v1/common.proto" },
		{ "grpc.health.v1.HealthCheckResponse.ServingStatus",
		  "grpc/health/v1/health.proto" },
		{ "grpc.reflection.v1.ErrorResponse",
		  "grpc/reflection/v1/reflection.proto" },
		{ "grpc.reflection.v1alpha.ErrorResponse",
		  "grpc/reflection/v1alpha/reflection.proto" },
		{ "clearing.v1", NULL },
		{ "clearing.v1.", NULL },
		{ "clearing.v1.Hol", NULL },
		{ "clearing.v1.HoldServic", NULL },
		{ "clearing.v1.HoldService.", NULL },
		{ "clearing.v1.HoldService.GetHol", NULL },
		{ "clearing.v1.HoldService.GetHold.x", NULL },
		{ "clearing.v1.Hold.State", NULL },
		{ "clearing.journal.v1.Block", NULL },
		{ "Hold", NULL },
		{ ".clearing.v1.Hold", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		RESPONSE *msg = ask_field(4, cases[i].symbol);

		if (cases[i].file == NULL) {
			expect_not_found(msg);
			continue;
		}
		expect_name(file_at(msg, 0), cases[i].file);
		done(msg);
	}
}

static void test_reflection_files_with_imports(void **state)
{
	/* The file first, then all that it needs, each once. */
	RESPONSE *msg = ask_field(3, "clearing/v1/statement.proto");

	(void)state;
	assert_int_equal(msg->file_descriptor_response->n_file_descriptor_proto,
			 3);
	expect_name(file_at(msg, 0), "clearing/v1/statement.proto");
	expect_name(file_at(msg, 1), "clearing/v1/transfer.proto");
	expect_name(file_at(msg, 2), "clearing/v1/common.proto");
	done(msg);
	msg = ask_field(3, "clearing/v1/common.proto");
	assert_int_equal(msg->file_descriptor_response->n_file_descriptor_proto,
			 1);
	done(msg);
	expect_not_found(ask_field(3, "clearing/v1/round.proto"));
	expect_not_found(ask_field(3, ""));
}

static void test_reflection_no_extensions(void **state)
{
	/* Proto3 has no extensions to tell of. */
	(void)state;
	expect_not_found(ask_field(6, "clearing.v1.Hold"));
	/* An ExtensionRequest: containing_type. */
	expect_not_found(ask_field(5, "\x0a\x01x"));
}

static void test_reflection_refuses(void **state)
{
	/* Asked nothing; malformed bytes; no room for the answer. */
	_Alignas(16) uint8_t memory[4096];
	static const char list[] = "\x3a\x00";
	uint8_t reply[64];
	struct buffer out;
	struct arena arena;
	RESPONSE *msg;

	(void)state;
	arena_init(&arena, memory, sizeof(memory));
	buffer_init(&out, reply, sizeof(reply));
	assert_true(encode_reflection((struct slice){ 0 }, &arena, &out));
	msg = grpc__reflection__v1__server_reflection_response__unpack(
		NULL, out.size, reply);
	assert_non_null(msg);
	assert_int_equal(msg->message_response_case, ANSWER_ERROR);
	assert_int_equal(msg->error_response->error_code,
			 GRPC_INVALID_ARGUMENT);
	done(msg);
	buffer_init(&out, reply, sizeof(reply));
	assert_false(encode_reflection(SLICE("\x1a\x02\xff"), &arena, &out));
	assert_false(encode_reflection(SLICE("\x1a\x01\xff"), &arena, &out));
	assert_int_equal(out.size, 0);
	assert_false(encode_reflection(SLICE(list), &arena, &out));
	assert_true(out.overflowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reflection_lists_services),
		cmocka_unit_test(test_reflection_every_method_is_described),
		cmocka_unit_test(test_reflection_symbols),
		cmocka_unit_test(test_reflection_files_with_imports),
		cmocka_unit_test(test_reflection_no_extensions),
		cmocka_unit_test(test_reflection_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
