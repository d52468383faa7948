/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* How a call ends (handler.h). */
#include "api/handler.h"

/* The one place where an answer leaves. */
void reply_leave(struct api_call *call)
{
	struct api *api = call->api;

	check(!call->answered && api->pending > 0);
	call->answered = true;
	api->pending--;
	api->options.on_reply(api->options.context, call);
}

/*
 * Nothing is said before it is durable: answers, refusals and balances alike
 * (rule JOURNAL-6); a recorded id too (rule JOURNAL-21).
 */
static void leave_when_durable(struct api_call *call)
{
	struct api *api = call->api;
	uint64_t newest;

	if (api->journal == NULL) {
		reply_leave(call);
		return;
	}
	newest = journal_newest(api->journal);
	if (newest <= journal_acknowledged(api->journal)) {
		reply_leave(call);
		return;
	}
	call->wait_seq = newest;
	queue_put(&api->replies, call);
}

static void set_ok(struct api_call *call)
{
	call->status = (struct grpc_status){ .code = GRPC_OK };
	if (call->reply.overflowed)
		error_status(REQUEST_OVERLOADED, NULL, &call->arena,
			     &call->status);
}

void reply_ok(struct api_call *call)
{
	set_ok(call);
	leave_when_durable(call);
}

void reply_ok_now(struct api_call *call)
{
	set_ok(call);
	reply_leave(call);
}

void reply_error(struct api_call *call, enum request_error error,
		 const struct error_about *about)
{
	error_status(error, about, &call->arena, &call->status);
	leave_when_durable(call);
}

void reply_error_now(struct api_call *call, enum request_error error,
		     const struct error_about *about)
{
	error_status(error, about, &call->arena, &call->status);
	reply_leave(call);
}

void reply_refusal(struct api_call *call, const struct refusal_family *family,
		   const struct answer *answer)
{
	error_refusal_status(family, answer, &call->arena, &call->status);
	leave_when_durable(call);
}

/* What was recorded stays (rule RPC-7). */
void reply_late(struct api_call *call)
{
	/* A client that set no deadline did not miss one. */
	reply_error_now(call,
			call->deadline_own ? REQUEST_DATABASE_AWAY
					   : REQUEST_DEADLINE_PASSED,
			NULL);
}
