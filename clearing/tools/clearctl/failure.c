/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* What answers other than OK mean: exit status, word, sentence, retry. */
#include <stdio.h>
#include <string.h>

#include "tools/clearctl/session.h"
#include "wire/messages.h"

static int status_of_code(uint32_t code)
{
	switch (code) {
	case GRPC_CANCELLED:
	case GRPC_UNKNOWN:
	case GRPC_DEADLINE_EXCEEDED:
	case GRPC_ABORTED:
	case GRPC_INTERNAL:
	case GRPC_UNAVAILABLE:
		return CTL_NO_ANSWER;
	case GRPC_PERMISSION_DENIED:
	case GRPC_UNAUTHENTICATED:
		return CTL_IDENTITY;
	case GRPC_NOT_FOUND:
		return CTL_NOT_FOUND;
	case GRPC_ALREADY_EXISTS:
		return CTL_CONFLICT;
	}
	return CTL_REFUSED;
}

/* The refusal of that name in any family: the same word means the same. */
static const struct refusal *refusal_named(const char *name)
{
	static const struct refusal_family *const families[] = {
		&transfer_refusals, &hold_refusals, &account_refusals,
		&payment_refusals,  &link_refusals,
	};

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		for (uint32_t k = 0; k < families[i]->count; k++) {
			if (strcmp(families[i]->refusals[k].name, name) == 0)
				return &families[i]->refusals[k];
		}
	}
	return NULL;
}

static void copy_slice(char *to, size_t capacity, struct slice text)
{
	size_t size = text.size < capacity ? text.size : capacity - 1;

	if (size > 0)
		memcpy(to, text.data, size);
	to[size] = '\0';
}

void failure_of_reply(const struct channel_reply *reply,
		      struct failure *failure, char reason[64],
		      char message[512])
{
	struct error_view view;
	const struct refusal *refusal;

	copy_slice(message, 512, reply->message);
	if (decode_error_details(reply->details, &view) && view.reason.size > 0)
		copy_slice(reason, 64, view.reason);
	else
		snprintf(reason, 64, "%s", grpc_code_name(reply->code));
	refusal = refusal_named(reason);
	*failure = (struct failure){
		.status = status_of_code(reply->code),
		.code = grpc_code_name(reply->code),
		.reason = reason,
		.message = message[0] != '\0' ? message : "no reason given",
	};
	/* Busy is not an answer: the same id again is right. */
	if (strcmp(reason, "OVERLOADED") == 0)
		failure->status = CTL_NO_ANSWER;
	failure->retry = failure->status == CTL_NO_ANSWER ||
			 (refusal != NULL && refusal->retry);
}

void failure_of_refusal(const struct refusal_family *family, uint32_t number,
			struct failure *failure)
{
	const struct refusal *refusal = NULL;

	for (uint32_t i = 0; i < family->count; i++) {
		if (family->refusals[i].number == number)
			refusal = &family->refusals[i];
	}
	if (refusal == NULL) {
		*failure = (struct failure){ CTL_REFUSED, "FAILED_PRECONDITION",
					     "UNKNOWN_REFUSAL",
					     "refused for a reason this "
					     "clearctl does not know",
					     false };
		return;
	}
	*failure = (struct failure){
		.status = CTL_REFUSED,
		.code = "FAILED_PRECONDITION",
		.reason = refusal->name,
		.message = refusal->sentence,
		.retry = refusal->retry,
	};
	switch (refusal->class) {
	case REFUSAL_SHAPE:
		failure->code = "INVALID_ARGUMENT";
		break;
	case REFUSAL_UNKNOWN:
		failure->code = "NOT_FOUND";
		failure->status = CTL_NOT_FOUND;
		break;
	case REFUSAL_TAKEN:
		failure->code = "ALREADY_EXISTS";
		failure->status = CTL_CONFLICT;
		break;
	case REFUSAL_PRECONDITION:
		break;
	}
}
