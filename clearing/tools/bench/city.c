/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/city.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system.h"
#include "wire/json.h"

#define LIMIT_MINOR INT64_C(1000000000000)
#define TIMEOUT_US (UINT64_C(30) * 1000000)

/* One call by JSON; NULL with *@code when it did not end with OK. */
static json_t *call(struct channel *channel, enum rpc rpc, json_t *request,
		    uint32_t *code, char *error)
{
	const struct rpc_method *method = rpc_method_at(rpc);
	char why[JSON_ERROR_SIZE];
	struct channel_reply reply;
	uint8_t *bytes = NULL;
	size_t size = 0;
	bool encoded = json_to_request(method, request, &bytes, &size, why);

	json_decref(request);
	check(encoded);
	channel_call(channel, method->path, slice_of(bytes, size), TIMEOUT_US,
		     &reply);
	free(bytes);
	*code = reply.code;
	if (reply.code == GRPC_OK)
		return json_from_response(method, reply.message);
	snprintf(error, CHANNEL_ERROR_SIZE, "%s: %.*s", method->path,
		 reply.message.size > 300 ? 300 : (int)reply.message.size,
		 (const char *)reply.message.data);
	return NULL;
}

static uint64_t number_in(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static bool find_account(struct channel *channel, const char *address,
			 uint64_t *out, char *error)
{
	uint32_t code;
	json_t *answer =
		call(channel, RPC_GET_ACCOUNT,
		     json_pack("{s:{s:s}}", "account", "address", address),
		     &code, error);

	if (answer == NULL)
		return false;
	*out = number_in(json_object_get(answer, "account"), "id");
	json_decref(answer);
	return *out != 0;
}

static bool open_account(struct channel *channel, const char *address,
			 uint64_t *out, char *error)
{
	struct id id = system_id();
	char text[ID_TEXT_SIZE];
	struct buffer buffer;
	uint32_t code;
	json_t *answer;

	buffer_init(&buffer, text, sizeof(text));
	id_print(&buffer, &id);
	answer = call(channel, RPC_OPEN_ACCOUNT,
		      json_pack("{s:s#, s:s, s:I, s:I}", "id", text,
				ID_TEXT_SIZE, "address", address,
				"credit_limit_minor", (json_int_t)LIMIT_MINOR,
				"balance_ceiling_minor",
				(json_int_t)LIMIT_MINOR),
		      &code, error);
	if (answer == NULL)
		return code == GRPC_ALREADY_EXISTS &&
		       find_account(channel, address, out, error);
	*out = number_in(answer, "account_id");
	json_decref(answer);
	return true;
}

bool city_accounts(struct channel *channel, const char *city, uint64_t *ids,
		   uint32_t count, char *error)
{
	char address[128];

	for (uint32_t i = 0; i < count; i++) {
		snprintf(address, sizeof(address), "bench-%" PRIu32 "@%.60s",
			 i + 1, city);
		if (!open_account(channel, address, &ids[i], error))
			return false;
	}
	return true;
}

bool city_position(struct channel *channel, uint64_t *position,
		   uint64_t *projected)
{
	char error[CHANNEL_ERROR_SIZE];
	uint32_t code;
	json_t *answer =
		call(channel, RPC_GET_NODE, json_object(), &code, error);

	if (answer == NULL)
		return false;
	*position = number_in(answer, "position");
	*projected = number_in(answer, "projected_position");
	json_decref(answer);
	return true;
}

static bool is_true(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

bool city_link(struct channel *channel, const char *neighbour,
	       struct city_link *out, char *error)
{
	uint32_t code;
	json_t *answer =
		call(channel, RPC_GET_LINK,
		     json_pack("{s:s}", "city", neighbour), &code, error);
	const json_t *link = json_object_get(answer, "link");
	const char *state = json_string_value(json_object_get(link, "state"));

	if (answer == NULL)
		return false;
	*out = (struct city_link){
		.ready = state != NULL && strcmp(state, "RECONCILED") == 0 &&
			 is_true(link, "connected") &&
			 is_true(link, "caught_up"),
		.pending_minor =
			(int64_t)(number_in(link, "pending_in_minor") +
				  number_in(link, "pending_out_minor")),
		.out_seq = number_in(link, "out_seq"),
		.in_seq = number_in(link, "in_seq"),
		.acknowledged_seq = number_in(link, "acknowledged_seq"),
		.sealed = number_in(link, "batches_sealed"),
		.sent = number_in(link, "batches_sent"),
	};
	json_decref(answer);
	return true;
}
