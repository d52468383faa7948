/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include <protobuf-c/protobuf-c.h>

#include "wire/json.h"
#include "wire/messages.h"

#define UUID "01890a5d-ac96-774b-bcce-b302099a8057"
#define UUID_BYTES \
	"\x01\x89\x0a\x5d\xac\x96\x77\x4b\xbc\xce\xb3\x02\x09\x9a\x80\x57"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *document = json_loads(text, JSON_ALLOW_NUL, &error);

	if (document == NULL)
		fail_msg("%s in: %s", error.text, text);
	return document;
}

/* Compares with what @wanted parses to; takes @found. */
static void expect(json_t *found, const char *wanted)
{
	json_t *document = parse(wanted);
	char *text;

	assert_non_null(found);
	text = json_dumps(found, JSON_SORT_KEYS);
	if (!json_equal(found, document))
		fail_msg("%s is not %s", text, wanted);
	free(text);
	json_decref(document);
	json_decref(found);
}

static const struct {
	enum rpc rpc;
	const char *document;
	const char *shown;
} round_trips[] = {
	{ RPC_GET_NODE, "{}", "{}" },
	{ RPC_OPEN_ACCOUNT, "{}",
	  "{\"id\": null, \"address\": \"\", \"display_name\": \"\","
	  " \"credit_limit_minor\": 0, \"balance_ceiling_minor\": 0,"
	  " \"gateway_forbidden\": false}" },
	{ RPC_OPEN_ACCOUNT,
	  "{\"id\": \"" UUID "\", \"address\": \"a@demo\","
	  " \"display_name\": \"B\\u00e4cker\","
	  " \"credit_limit_minor\": 9007199254740991,"
	  " \"balance_ceiling_minor\": -1,"
	  " \"gateway_forbidden\": true}",
	  "{\"id\": \"" UUID "\", \"address\": \"a@demo\","
	  " \"display_name\": \"B\\u00e4cker\","
	  " \"credit_limit_minor\": 9007199254740991,"
	  " \"balance_ceiling_minor\": -1,"
	  " \"gateway_forbidden\": true}" },
	{ RPC_GET_ACCOUNT, "{\"account\": {\"id\": 5}, \"min_position\": null}",
	  "{\"account\": {\"id\": 5}, \"min_position\": 0}" },
	{ RPC_GET_ACCOUNT, "{\"account\": {\"id\": 0}}",
	  "{\"account\": {\"id\": 0}, \"min_position\": 0}" },
	{ RPC_GET_ACCOUNT, "{\"account\": {\"address\": \"a/b@demo\"}}",
	  "{\"account\": {\"address\": \"a/b@demo\"},"
	  " \"min_position\": 0}" },
	{ RPC_GET_ACCOUNT, "{\"account\": {}, \"min_position\": 1}",
	  "{\"account\": {}, \"min_position\": 1}" },
	{ RPC_GET_ACCOUNT, "{\"account\": null}",
	  "{\"account\": null, \"min_position\": 0}" },
	{ RPC_GET_TRANSFER, "{\"id\": \"00ffA1\"}",
	  "{\"id\": \"00ffa1\", \"min_position\": 0}" },
	{ RPC_LIST_HOLDS, "{\"state\": \"voided\", \"page\": {\"size\": 7}}",
	  "{\"account\": null, \"state\": \"VOIDED\","
	  " \"page\": {\"size\": 7, \"token\": \"\"},"
	  " \"min_position\": 0}" },
	{ RPC_POST_TRANSFERS, "{\"transfers\": []}", "{\"transfers\": []}" },
	{ RPC_POST_TRANSFERS,
	  "{\"transfers\": [{\"kind\": \"Levy\", \"linked\": true,"
	  " \"debit\": {\"id\": 1}, \"credit\": {\"id\": 2},"
	  " \"amount_minor\": 3}, {}]}",
	  "{\"transfers\": [{\"id\": null, \"debit\": {\"id\": 1},"
	  " \"credit\": {\"id\": 2}, \"amount_minor\": 3,"
	  " \"kind\": \"LEVY\", \"reference\": null, \"memo\": \"\","
	  " \"linked\": true},"
	  " {\"id\": null, \"debit\": null, \"credit\": null,"
	  " \"amount_minor\": 0, \"kind\": \"UNSPECIFIED\","
	  " \"reference\": null, \"memo\": \"\", \"linked\": "
	  "false}]}" },
};

static void test_json_request_round_trip(void **state)
{
	/* A document encoded and shown again: with every field it left out. */
	(void)state;
	for (size_t i = 0; i < COUNT_OF(round_trips); i++) {
		const struct rpc_method *method =
			rpc_method_at(round_trips[i].rpc);
		json_t *document = parse(round_trips[i].document);
		char error[JSON_ERROR_SIZE];
		uint8_t *bytes;
		size_t size;

		if (!json_to_request(method, document, &bytes, &size, error))
			fail_msg("%s: %s", round_trips[i].document, error);
		expect(json_from_request(method, slice_of(bytes, size)),
		       round_trips[i].shown);
		free(bytes);
		json_decref(document);
	}
}

static void test_json_request_bytes(void **state)
{
	/* To the byte, so that both directions are not wrong alike. */
	static const char wanted[] =
		"\x0a\x2b\x0a\x10" UUID_BYTES "\x12\x03\x12\x01"
		"a"
		"\x1a\x03\x08\xac\x02"
		"\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		"\x01\x28\x03\x40\x01";
	json_t *document = parse(
		"{\"transfers\": [{\"id\": \"" UUID "\","
		" \"debit\": {\"address\": \"a\"}, \"credit\": {\"id\": 300},"
		" \"amount_minor\": -1, \"kind\": \"LEVY\", \"reference\": "
		"\"\","
		" \"memo\": \"\", \"linked\": true}]}");
	char error[JSON_ERROR_SIZE];
	uint8_t *bytes;
	size_t size;

	(void)state;
	assert_true(json_to_request(rpc_method_at(RPC_POST_TRANSFERS), document,
				    &bytes, &size, error));
	assert_int_equal(size, sizeof(wanted) - 1);
	assert_memory_equal(bytes, wanted, size);
	free(bytes);
	json_decref(document);
}

static void test_json_request_refused(void **state)
{
	/* What does not fit names the message, the key and why. */
	static const struct {
		enum rpc rpc;
		const char *document;
		const char *error;
	} cases[] = {
		{ RPC_GET_NODE, "[]", "not an object" },
		{ RPC_GET_NODE, "{\"x\": 1}", "GetNodeRequest.x: unknown key" },
		{ RPC_GET_ACCOUNT, "{\"account\": {\"number\": 1}}",
		  "AccountRef.number: unknown key" },
		{ RPC_GET_ACCOUNT, "{\"account\": 5}",
		  "GetAccountRequest.account: not an object" },
		{ RPC_GET_ACCOUNT,
		  "{\"account\": {\"id\": 1, \"address\": \"a@b\"}}",
		  "AccountRef.address: beside 'id'" },
		{ RPC_GET_ACCOUNT, "{\"account\": {\"id\": -1}}",
		  "AccountRef.id: out of range" },
		{ RPC_GET_ACCOUNT, "{\"account\": {\"id\": \"5\"}}",
		  "AccountRef.id: not a whole number" },
		{ RPC_GET_ACCOUNT, "{\"account\": {\"id\": 1.0}}",
		  "AccountRef.id: not a whole number" },
		{ RPC_LIST_ACCOUNTS, "{\"page\": {\"size\": 4294967296}}",
		  "PageRequest.size: out of range" },
		{ RPC_OPEN_ACCOUNT, "{\"address\": 1}",
		  "OpenAccountRequest.address: not a text" },
		{ RPC_OPEN_ACCOUNT, "{\"address\": \"a\\u0000b\"}",
		  "OpenAccountRequest.address: a NUL in it" },
		{ RPC_OPEN_ACCOUNT, "{\"gateway_forbidden\": 1}",
		  "OpenAccountRequest.gateway_forbidden: not true or false" },
		{ RPC_GET_TRANSFER, "{\"id\": 7}",
		  "GetTransferRequest.id: not a text" },
		{ RPC_GET_TRANSFER, "{\"id\": \"0g\"}",
		  "GetTransferRequest.id: neither UUID nor hex" },
		{ RPC_GET_TRANSFER, "{\"id\": \"012\"}",
		  "GetTransferRequest.id: neither UUID nor hex" },
		{ RPC_LIST_HOLDS, "{\"state\": \"GONE\"}",
		  "ListHoldsRequest.state: 'GONE' is no HoldState" },
		{ RPC_LIST_HOLDS, "{\"state\": 1}",
		  "ListHoldsRequest.state: not a name" },
		{ RPC_POST_TRANSFERS, "{\"transfers\": {}}",
		  "PostTransfersRequest.transfers: not a list" },
		{ RPC_POST_TRANSFERS, "{\"transfers\": [1]}",
		  "PostTransfersRequest.transfers: not an object" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *document = parse(cases[i].document);
		char error[JSON_ERROR_SIZE];
		uint8_t *bytes;
		size_t size;

		assert_false(json_to_request(rpc_method_at(cases[i].rpc),
					     document, &bytes, &size, error));
		assert_string_equal(error, cases[i].error);
		json_decref(document);
	}
}

static void test_json_request_long_key(void **state)
{
	/* A key of any length ends in a short error. */
	json_t *document = json_object();
	char key[1000], error[JSON_ERROR_SIZE];
	uint8_t *bytes;
	size_t size;

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(json_object_set_new(document, key, json_true()), 0);
	assert_false(json_to_request(rpc_method_at(RPC_GET_NODE), document,
				     &bytes, &size, error));
	assert_true(strlen(error) < JSON_ERROR_SIZE);
	assert_non_null(strstr(error, "unknown key"));
	json_decref(document);
}

static void test_json_request_large(void **state)
{
	/* A full batch grows the output several times over. */
	json_t *list = json_array(), *document = json_object();
	char error[JSON_ERROR_SIZE];
	uint8_t *bytes;
	size_t size;

	(void)state;
	for (uint32_t i = 0; i < 8190; i++) {
		json_t *item = json_object();

		json_object_set_new(item, "id", json_string(UUID));
		json_object_set_new(item, "amount_minor", json_integer(i));
		json_array_append_new(list, item);
	}
	json_object_set_new(document, "transfers", list);
	assert_true(json_to_request(rpc_method_at(RPC_POST_TRANSFERS), document,
				    &bytes, &size, error));
	assert_true(size > 8190 * 20);
	assert_true(rpc_request_valid(rpc_method_at(RPC_POST_TRANSFERS),
				      slice_of(bytes, size)));
	free(bytes);
	json_decref(document);
}

static void test_json_response(void **state)
{
	/* Refusals: 0 is null; messages that are not there; enum names. */
	static const struct {
		enum rpc rpc;
		struct slice bytes;
		const char *shown;
	} cases[] = {
		{ RPC_POST_TRANSFERS,
		  SLICE("\x0a\x04\x20\x05\x30\x06"
			"\x0a\x04\x08\x3c\x10\x01"
			"\x0a\x02\x08\x63"
			"\x10\x06"),
		  "{\"results\": ["
		  "{\"refusal\": null, \"retry\": false, \"message\": \"\","
		  " \"number\": 5, \"recorded\": false, \"position\": 6},"
		  "{\"refusal\": \"OVER_LIMIT\", \"retry\": true,"
		  " \"message\": \"\", \"number\": 0, \"recorded\": false,"
		  " \"position\": 0},"
		  "{\"refusal\": 99, \"retry\": false, \"message\": \"\","
		  " \"number\": 0, \"recorded\": false, \"position\": 0}],"
		  " \"position\": 6}" },
		{ RPC_HEALTH_CHECK, SLICE("\x08\x01"),
		  "{\"status\": \"SERVING\"}" },
		{ RPC_HEALTH_CHECK, SLICE(""), "{\"status\": \"UNKNOWN\"}" },
		{ RPC_GET_HOLD, SLICE(""), "{\"hold\": null}" },
		{ RPC_GET_BALANCE,
		  SLICE("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		  "{\"balance_minor\": -1, \"available_minor\": 0,"
		  " \"receivable_minor\": 0, \"position\": 0}" },
		{ RPC_GET_STATEMENT, SLICE("\x12\x06\x0a\x02\x10\x07\x10\x05"),
		  "{\"opening_minor\": 0, \"entries\": [{\"transfer\":"
		  " {\"id\": null, \"number\": 7, \"position\": 0,"
		  " \"debit_account\": 0, \"credit_account\": 0,"
		  " \"debit_address\": \"\", \"credit_address\": \"\","
		  " \"amount_minor\": 0, \"kind\": \"UNSPECIFIED\","
		  " \"reference\": null, \"hold_id\": null, \"memo\": \"\","
		  " \"memo_erased\": false, \"actor\": \"\","
		  " \"posted_at_us\": 0},"
		  " \"change_minor\": 5, \"balance_minor\": 0}],"
		  " \"closing_minor\": 0, \"next_token\": \"\"}" },
		{ RPC_REFLECTION_V1, SLICE("\x2a\x04\x12\x02\x05\x06"),
		  "{\"valid_host\": \"\", \"original_request\": null,"
		  " \"all_extension_numbers_response\":"
		  " {\"base_type_name\": \"\","
		  " \"extension_number\": [5, 6]}}" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		expect(json_from_response(rpc_method_at(cases[i].rpc),
					  cases[i].bytes),
		       cases[i].shown);
}

static void test_json_response_malformed(void **state)
{
	/* Bytes that are no such message give nothing. */
	const struct rpc_method *method = rpc_method_at(RPC_GET_NODE);

	(void)state;
	assert_null(json_from_response(method, SLICE("\x0a")));
	assert_null(json_from_response(method, SLICE("\x0a\x01\xff")));
	assert_null(json_from_response(method, SLICE("\x20\x80")));
}

/* Adds the messages that @type holds to the @count of @types. */
static uint32_t add_inner(const ProtobufCMessageDescriptor *type,
			  const ProtobufCMessageDescriptor **types,
			  uint32_t count)
{
	for (unsigned i = 0; i < type->n_fields; i++) {
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			types[count++] = type->fields[i].descriptor;
	}
	return count;
}

static void test_json_knows_every_request(void **state)
{
	/* No request has a field of a type that json_to_request lacks. */
	(void)state;
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		const ProtobufCMessageDescriptor *types[64] = {
			rpc_method_at((enum rpc)i)->request
		};
		uint32_t count = 1;

		for (uint32_t at = 0; at < count; at++) {
			for (unsigned k = 0; k < types[at]->n_fields; k++) {
				ProtobufCType type = types[at]->fields[k].type;

				assert_true(type == PROTOBUF_C_TYPE_INT32 ||
					    type == PROTOBUF_C_TYPE_UINT32 ||
					    type == PROTOBUF_C_TYPE_INT64 ||
					    type == PROTOBUF_C_TYPE_UINT64 ||
					    type == PROTOBUF_C_TYPE_BOOL ||
					    type == PROTOBUF_C_TYPE_ENUM ||
					    type == PROTOBUF_C_TYPE_STRING ||
					    type == PROTOBUF_C_TYPE_BYTES ||
					    type == PROTOBUF_C_TYPE_MESSAGE);
			}
			count = add_inner(types[at], types, count);
			assert_true(count < COUNT_OF(types));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_request_round_trip),
		cmocka_unit_test(test_json_request_bytes),
		cmocka_unit_test(test_json_request_refused),
		cmocka_unit_test(test_json_request_long_key),
		cmocka_unit_test(test_json_request_large),
		cmocka_unit_test(test_json_response),
		cmocka_unit_test(test_json_response_malformed),
		cmocka_unit_test(test_json_knows_every_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
