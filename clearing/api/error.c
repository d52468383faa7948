/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/error.h"

#include <string.h>

#include "wire/messages.h"

/* An ErrorInfo with the longest message and three metadata values. */
#define DETAILS_SIZE_MAX 768
/* Sign, 19 digits, NUL. */
#define NUMBER_TEXT_SIZE 24
/* When to come again: some commits later; when the database is back. */
#define RETRY_OVERLOADED_US 100000
#define RETRY_AWAY_US 1000000

struct error_entry {
	uint32_t code;
	const char *reason;
	const char *message;
	uint64_t retry_delay_us;
};

/* (rule RPC-6) */
static const struct error_entry entries[] = {
	[REQUEST_MALFORMED] = { GRPC_INVALID_ARGUMENT, "MALFORMED",
				"the message is not what the method takes", 0 },
	[REQUEST_NOT_PERMITTED] = { GRPC_PERMISSION_DENIED, "NOT_PERMITTED",
				    "the caller's role does not permit this",
				    0 },
	[REQUEST_BATCH_EMPTY] = { GRPC_INVALID_ARGUMENT, "BATCH_EMPTY",
				  "the request has no transfers", 0 },
	[REQUEST_BATCH_TOO_LARGE] = { GRPC_INVALID_ARGUMENT, "BATCH_TOO_LARGE",
				      "the request has too many transfers: "
				      "send several requests",
				      0 },
	[REQUEST_STARTING] = { GRPC_UNAVAILABLE, "STARTING",
			       "the node is starting: send it again soon",
			       RETRY_AWAY_US },
	[REQUEST_DRAINING] = { GRPC_UNAVAILABLE, "DRAINING",
			       "the node is stopping: send it again later",
			       RETRY_AWAY_US },
	[REQUEST_DATABASE_AWAY] = { GRPC_UNAVAILABLE, "DATABASE_AWAY",
				    "the database does not answer: send it "
				    "again with the same id",
				    RETRY_AWAY_US },
	[REQUEST_CLOCK_JUMPED] = { GRPC_UNAVAILABLE, "CLOCK_JUMPED",
				   "the node's clock jumped: an operator has "
				   "to confirm the time",
				   RETRY_AWAY_US },
	[REQUEST_REJOINING] = { GRPC_UNAVAILABLE, "REJOINING",
				"the city was restored and is rebuilding its "
				"books from its neighbours: send it again "
				"with the same id",
				RETRY_AWAY_US },
	[REQUEST_OVERLOADED] = { GRPC_RESOURCE_EXHAUSTED, "OVERLOADED",
				 "the node is busy: send it again soon",
				 RETRY_OVERLOADED_US },
	[REQUEST_PAGE_TOKEN_INVALID] = { GRPC_INVALID_ARGUMENT,
					 "PAGE_TOKEN_INVALID",
					 "the page token is of another query",
					 0 },
	[REQUEST_TRANSFER_UNKNOWN] = { GRPC_NOT_FOUND, "TRANSFER_UNKNOWN",
				       "no transfer has this id", 0 },
	[REQUEST_SERVICE_UNKNOWN] = { GRPC_NOT_FOUND, "SERVICE_UNKNOWN",
				      "no such service is served here", 0 },
	[REQUEST_DEADLINE_PASSED] = { GRPC_DEADLINE_EXCEEDED, "DEADLINE_PASSED",
				      "the deadline passed; what was recorded "
				      "stays: ask again with the same id",
				      0 },
	[REQUEST_NO_FEDERATION] = { GRPC_FAILED_PRECONDITION, "NO_FEDERATION",
				    "this city is in no federation: its "
				    "operator sets [federation] roster and "
				    "node_key",
				    0 },
	[REQUEST_PAYER_CITY_AWAY] = { GRPC_UNAVAILABLE, "PAYER_CITY_AWAY",
				      "the request is recorded here, but the "
				      "payer's city does not answer: send it "
				      "again with the same id",
				      RETRY_AWAY_US },
};

/* The decimal text of @number, which may be NULL, in @text. */
static const char *number_text(const int64_t *number,
			       char text[NUMBER_TEXT_SIZE])
{
	struct buffer buffer;

	if (number == NULL)
		return NULL;
	buffer_init(&buffer, text, NUMBER_TEXT_SIZE - 1);
	if (*number < 0)
		buffer_put_byte(&buffer, '-');
	buffer_put_decimal(&buffer, *number < 0 ? -(uint64_t)*number
						: (uint64_t)*number);
	text[buffer.size] = '\0';
	return text;
}

static void fill_status(const struct error_details *details,
			struct arena *arena, struct grpc_status *out)
{
	struct buffer buffer = { 0 };
	void *memory = arena_take(arena, DETAILS_SIZE_MAX);

	*out = (struct grpc_status){ .code = details->code,
				     .message = details->message };
	if (memory == NULL)
		return;
	buffer_init(&buffer, memory, DETAILS_SIZE_MAX);
	encode_error_details(&buffer, details);
	if (!buffer.overflowed)
		out->details = buffer_view(&buffer);
}

void error_status(enum request_error error, const struct error_about *about,
		  struct arena *arena, struct grpc_status *out)
{
	const struct error_entry *entry = &entries[error];
	char limit[NUMBER_TEXT_SIZE], value[NUMBER_TEXT_SIZE];
	struct error_details details = {
		.code = entry->code,
		.message = slice_from_text(entry->message),
		.reason = entry->reason,
		.retry_delay_us = entry->retry_delay_us,
	};

	if (about != NULL) {
		details.field = about->field;
		details.limit = number_text(about->limit, limit);
		details.value = number_text(about->value, value);
	}
	fill_status(&details, arena, out);
}

static uint32_t code_of(enum refusal_class class)
{
	switch (class) {
	case REFUSAL_SHAPE:
		return GRPC_INVALID_ARGUMENT;
	case REFUSAL_UNKNOWN:
		return GRPC_NOT_FOUND;
	case REFUSAL_TAKEN:
		return GRPC_ALREADY_EXISTS;
	case REFUSAL_PRECONDITION:
		return GRPC_FAILED_PRECONDITION;
	}
	clearing_panic(__FILE__, __LINE__, "refusal class");
}

/*
 * Which field of the request a refusal is about: by the beginning of its
 * name, longest first.
 */
static const char *field_of(const char *name)
{
	static const struct {
		const char *beginning;
		const char *field;
	} fields[] = {
		{ "ID_", "id" },
		{ "ADDRESS_", "address" },
		{ "NAME_", "address" },
		{ "AMOUNT_", "amount_minor" },
		{ "KIND_", "kind" },
		{ "REFERENCE_", "reference" },
		{ "MEMO_", "memo" },
		{ "EXPIRY_", "expires_at_us" },
		{ "LIMIT_", "credit_limit_minor" },
		{ "CEILING_", "balance_ceiling_minor" },
		{ "REASON_", "reason" },
		{ "DISPLAY_NAME_", "display_name" },
		{ "DEBIT_", "debit" },
		{ "CREDIT_", "credit" },
		{ "ACCOUNT_", "account" },
		{ "HOLD_", "hold_id" },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (slice_starts_with(slice_from_text(name),
				      slice_from_text(fields[i].beginning)))
			return fields[i].field;
	return NULL;
}

void error_refusal_status(const struct refusal_family *family,
			  const struct answer *answer, struct arena *arena,
			  struct grpc_status *out)
{
	const struct refusal *refusal = refusal_find(family, answer->refusal);
	char limit_text[NUMBER_TEXT_SIZE], value_text[NUMBER_TEXT_SIZE];
	int64_t limit = money_minor(answer->limit);
	int64_t value = money_minor(answer->value);
	struct error_details details = {
		.code = code_of(refusal->class),
		.message = slice_from_text(refusal->sentence),
		.reason = refusal->name,
		.field = field_of(refusal->name),
	};

	if (limit != 0 || value != 0) {
		details.limit = number_text(&limit, limit_text);
		details.value = number_text(&value, value_text);
	}
	fill_status(&details, arena, out);
}
