/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "wire/method.h"

static void test_method_find_leads_back(void **state)
{
	/*
	 * The table stands in the order of enum rpc, and each path leads back
	 * to its own entry.
	 */
	(void)state;
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		const struct rpc_method *method = rpc_method_at((enum rpc)i);

		assert_int_equal(method->rpc, i);
		assert_ptr_equal(rpc_method_find(slice_from_text(method->path)),
				 method);
	}
}

static void test_method_types_fit_path(void **state)
{
	/*
	 * Each method has its own request and response by Buf's convention;
	 * only the streams of health and reflection are named by others.
	 */
	(void)state;
	for (uint32_t i = 0; i <= RPC_HEALTH_CHECK; i++) {
		const struct rpc_method *method = rpc_method_at((enum rpc)i);
		const ProtobufCMessageDescriptor *request = method->request;
		const ProtobufCMessageDescriptor *response = method->response;
		const char *name = strrchr(method->path, '/') + 1;
		const char *prefix = i == RPC_HEALTH_CHECK ? "Health" : "";
		char wanted[80];

		snprintf(wanted, sizeof(wanted), "%s%sRequest", prefix, name);
		assert_string_equal(request->short_name, wanted);
		snprintf(wanted, sizeof(wanted), "%s%sResponse", prefix, name);
		assert_string_equal(response->short_name, wanted);
		assert_memory_equal(method->path + 1, request->package_name,
				    strlen(request->package_name));
	}
}

static void test_method_streams(void **state)
{
	/* Only reflection's client streams. */
	(void)state;
	for (uint32_t i = 0; i < RPC_COUNT; i++)
		assert_int_equal(rpc_method_at((enum rpc)i)->client_streams,
				 i == RPC_REFLECTION_V1 ||
					 i == RPC_REFLECTION_V1ALPHA);
}

static void test_method_unknown_path(void **state)
{
	/* A path that only looks like one of ours is no method. */
	static const char *const paths[] = {
		"",
		"/",
		"clearing.v1.NodeService/GetNode",
		"/clearing.v1.NodeService/GetNod",
		"/clearing.v1.NodeService/GetNode/",
		"/clearing.v1.NodeService/getnode",
		"/clearing.v2.NodeService/GetNode",
		"/clearing.v1.TransferService/ReverseTransfer",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		assert_null(rpc_method_find(slice_from_text(paths[i])));
	assert_null(rpc_method_find((struct slice){ 0 }));
}

static void test_method_service_known(void **state)
{
	/* Health knows whole names of services that are served, no others. */
	static const struct {
		const char *name;
		bool known;
	} cases[] = {
		{ "clearing.v1.AccountService", true },
		{ "clearing.v1.TransferService", true },
		{ "clearing.v1.HoldService", true },
		{ "clearing.v1.StatementService", true },
		{ "clearing.v1.NodeService", true },
		{ "grpc.health.v1.Health", true },
		{ "grpc.reflection.v1.ServerReflection", true },
		{ "grpc.reflection.v1alpha.ServerReflection", true },
		{ "", false },
		{ "clearing.v1", false },
		{ "clearing.v1.HoldServic", false },
		{ "clearing.v1.HoldService/", false },
		{ "clearing.v1.PeerService", true },
		{ "clearing.v1.PaymentService", true },
		{ "clearing.v1.LinkService", true },
		{ "clearing.v1.FederationService", true },
		{ "clearing.v1.RoundService", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(
			rpc_service_known(slice_from_text(cases[i].name)),
			cases[i].known);
}

static void test_method_request_valid(void **state)
{
	/* The validator is that of the method's own request. */
	/* Field 1 as text: a string in Health, bytes in GetTransfer. */
	static const uint8_t not_utf8[] = { 0x0a, 0x01, 0xff };
	struct slice bytes = slice_of(not_utf8, sizeof(not_utf8));

	(void)state;
	assert_true(rpc_request_valid(rpc_method_at(RPC_GET_TRANSFER), bytes));
	assert_false(rpc_request_valid(rpc_method_at(RPC_HEALTH_CHECK), bytes));
	assert_true(rpc_request_valid(rpc_method_at(RPC_GET_NODE),
				      (struct slice){ 0 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_method_find_leads_back),
		cmocka_unit_test(test_method_types_fit_path),
		cmocka_unit_test(test_method_streams),
		cmocka_unit_test(test_method_unknown_path),
		cmocka_unit_test(test_method_service_known),
		cmocka_unit_test(test_method_request_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
