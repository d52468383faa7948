/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/money.h"
#include "tools/system.h"
#include "wire/json.h"

static int from_channel(struct session *session, enum channel_result result,
			const char *error)
{
	static const struct {
		int status;
		const char *code;
		bool retry;
	} meaning[] = {
		[CHANNEL_OK] = { CTL_DONE, "OK", false },
		[CHANNEL_FILES] = { CTL_FILE, "LOCAL_FILE", false },
		[CHANNEL_AWAY] = { CTL_NO_ANSWER, "UNAVAILABLE", true },
		[CHANNEL_IDENTITY] = { CTL_IDENTITY, "UNAUTHENTICATED", false },
	};

	return session_fail(session, &(struct failure){
					     .status = meaning[result].status,
					     .code = meaning[result].code,
					     .reason = meaning[result].code,
					     .message = error,
					     .retry = meaning[result].retry,
				     });
}

static void keep_text(char *to, size_t size, const json_t *object,
		      const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	snprintf(to, size, "%s", text != NULL ? text : "");
}

static uint64_t number_of(const json_t *object, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(object, name));
}

static bool ask_node(struct session *session)
{
	json_t *node = session_call(session, RPC_GET_NODE, json_object());
	struct node_facts *facts = &session->node;

	if (node == NULL)
		return false;
	facts->decimals = (uint32_t)number_of(node, "decimals");
	facts->batch_max = (uint32_t)number_of(node, "batch_max");
	facts->position = number_of(node, "position");
	keep_text(facts->federation, sizeof(facts->federation), node,
		  "federation");
	keep_text(facts->city, sizeof(facts->city), node, "city");
	keep_text(facts->unit, sizeof(facts->unit), node, "unit");
	json_decref(node);
	if (facts->decimals > MONEY_DECIMALS_MAX)
		facts->decimals = MONEY_DECIMALS_MAX;
	return true;
}

bool session_connect(struct session *session)
{
	const struct settings *settings = &session->settings;
	struct channel_options options = {
		.endpoint = settings->endpoint,
		.certificate = settings->certificate,
		.key = settings->key,
		.ca = settings->ca,
		.server_uri = settings->server_uri,
		.timeout_us = settings->timeout_us,
	};
	char error[CHANNEL_ERROR_SIZE] = "";
	enum channel_result result =
		channel_self(settings->certificate, &session->self, error);

	if (result == CHANNEL_OK)
		result = channel_open(&options, &session->channel, error);
	if (result != CHANNEL_OK) {
		(void)from_channel(session, result, error);
		return false;
	}
	return session->arguments.verb->anonymous || ask_node(session);
}

void session_release(struct session *session)
{
	channel_close(session->channel);
	session->channel = NULL;
	settings_release(&session->settings);
}

json_t *session_try(struct session *session, enum rpc rpc, json_t *request,
		    struct failure *failure)
{
	static char reason[64], message[512];
	const struct rpc_method *method = rpc_method_at(rpc);
	char error[JSON_ERROR_SIZE] = "out of memory";
	struct channel_reply reply;
	uint8_t *bytes = NULL;
	size_t size = 0;
	json_t *response = NULL;
	bool encoded = json_to_request(method, request, &bytes, &size, error);

	json_decref(request);
	if (!encoded) {
		snprintf(message, sizeof(message), "%s", error);
		*failure = (struct failure){ CTL_USAGE, "INVALID_ARGUMENT",
					     "MALFORMED", message, false };
		return NULL;
	}
	channel_call(session->channel, method->path, slice_of(bytes, size),
		     session->settings.timeout_us, &reply);
	free(bytes);
	if (reply.code == GRPC_OK)
		response = json_from_response(method, reply.message);
	if (reply.code == GRPC_OK && response == NULL)
		*failure =
			(struct failure){ CTL_NO_ANSWER, "INTERNAL",
					  "MALFORMED",
					  "the answer cannot be read", true };
	else if (response == NULL)
		failure_of_reply(&reply, failure, reason, message);
	return response;
}

json_t *session_call(struct session *session, enum rpc rpc, json_t *request)
{
	struct failure failure;
	json_t *response = session_try(session, rpc, request, &failure);

	if (response == NULL)
		(void)session_fail(session, &failure);
	return response;
}

int session_print(json_t *document)
{
	if (document == NULL ||
	    json_dumpf(document, stdout,
		       JSON_INDENT(2) | JSON_PRESERVE_ORDER |
			       JSON_REAL_PRECISION(6)) != 0)
		return CTL_FILE;
	putchar('\n');
	json_decref(document);
	return fflush(stdout) == 0 ? CTL_DONE : CTL_FILE;
}

int session_fail(struct session *session, const struct failure *failure)
{
	json_t *document;

	if (session->status == CTL_DONE)
		session->status = failure->status;
	if (!session->json) {
		fprintf(stderr, "clearctl: %s: %s\n", failure->reason,
			failure->message);
		if (failure->retry && failure->status == CTL_NO_ANSWER &&
		    session->channel != NULL)
			fprintf(stderr,
				"clearctl: it may have been done: repeat it "
				"with the same --id\n");
		return failure->status;
	}
	document =
		json_pack("{s:{s:s, s:s, s:s, s:b}}", "error", "code",
			  failure->code, "reason", failure->reason, "message",
			  failure->message, "retry", failure->retry);
	(void)session_print(document);
	return failure->status;
}

int session_misuse(struct session *session, const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return session_fail(session,
			    &(struct failure){ CTL_USAGE, "USAGE", "USAGE",
					       message, false });
}

int session_lost_file(struct session *session, const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	return session_fail(session,
			    &(struct failure){ CTL_FILE, "LOCAL_FILE",
					       "LOCAL_FILE", message, false });
}

const char *session_operand(const struct session *session, uint32_t index)
{
	if (index >= session->arguments.operand_count)
		return NULL;
	return session->arguments.operands[index];
}

const char *session_value(const struct session *session, const char *name)
{
	return arguments_value(&session->arguments, name);
}

bool session_id(struct session *session, struct id *out,
		char text[ID_TEXT_SIZE + 1])
{
	const char *given = session_value(session, "id");
	struct buffer buffer;

	if (given == NULL) {
		*out = system_id();
	} else if (!id_parse(slice_from_text(given), out)) {
		(void)session_misuse(session, "--id '%s' is no UUID", given);
		return false;
	}
	buffer_init(&buffer, text, ID_TEXT_SIZE);
	id_print(&buffer, out);
	text[ID_TEXT_SIZE] = '\0';
	if (given == NULL)
		fprintf(stderr, "id %s\n", text);
	return true;
}

json_t *session_account(const struct session *session, const char *text)
{
	char address[256];

	if (text[0] != '\0' && text[strspn(text, "0123456789")] == '\0' &&
	    strlen(text) <= 18)
		return json_pack("{s:I}", "id",
				 (json_int_t)strtoull(text, NULL, 10));
	if (strchr(text, '@') != NULL)
		return json_pack("{s:s}", "address", text);
	snprintf(address, sizeof(address), "%s@%s", text, session->self.city);
	return json_pack("{s:s}", "address", address);
}

bool session_amount(struct session *session, const char *what, const char *text,
		    int64_t *out_minor)
{
	struct money money = MONEY_ZERO;
	uint32_t decimals = session->node.decimals;

	switch (money_parse(slice_from_text(text), decimals, &money)) {
	case MONEY_PARSED:
		*out_minor = money_minor(money);
		return true;
	case MONEY_MALFORMED:
		(void)session_misuse(session,
				     "%s '%s': write it as 12.34, with a point "
				     "and no separators",
				     what, text);
		return false;
	case MONEY_TOO_MANY_DECIMALS:
		(void)session_misuse(session,
				     "%s '%s': %s has %u decimals, no more",
				     what, text, session->node.unit, decimals);
		return false;
	case MONEY_OUT_OF_RANGE:
		(void)session_misuse(session, "%s '%s' is too large", what,
				     text);
		return false;
	}
	clearing_panic(__FILE__, __LINE__, "money_parse_result");
}
