/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * session: one run of clearctl: its arguments, its connection, and how it
 * says what happened: tables for people, or one JSON document; failures with
 * the exit status that scripts look at.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_SESSION_H
#define CLEARING_TOOLS_CLEARCTL_SESSION_H

#include <jansson.h>

#include "core/id.h"
#include "core/refusal.h"
#include "tools/channel.h"
#include "tools/clearctl/arguments.h"
#include "tools/clearctl/settings.h"
#include "wire/method.h"

enum ctl_exit {
	CTL_DONE = 0,
	CTL_REFUSED = 1,
	CTL_USAGE = 2,
	CTL_NO_ANSWER = 3, /* send again with the same id */
	CTL_IDENTITY = 4,
	CTL_NOT_FOUND = 5,
	CTL_CONFLICT = 6,
	CTL_FILE = 7,
};

/* What GetNode said. */
struct node_facts {
	uint32_t decimals;
	uint32_t batch_max;
	uint64_t position;
	char federation[64];
	char city[64];
	char unit[64];
};

struct session {
	struct arguments arguments;
	struct settings settings;
	struct channel_self self;
	struct channel *channel;
	struct node_facts node;
	bool json;
	int status; /* of the first failure told */
};

/* A failure as it is told. */
struct failure {
	int status;	    /* enum ctl_exit */
	const char *code;   /* gRPC's word, or USAGE, LOCAL_FILE */
	const char *reason; /* "OVER_LIMIT"; or what @code says */
	const char *message;
	bool retry;
};

/*
 * session_connect: open the channel and ask who is there (GetNode).
 * On failure it has been told; the status is in @session->status.
 */
bool session_connect(struct session *session) MUST_CHECK;
void session_release(struct session *session);

/*
 * session_call: one call; @request is released in any case.
 *
 * Returns a new reference, or NULL after telling the failure.
 */
json_t *session_call(struct session *session, enum rpc rpc,
		     json_t *request) MUST_CHECK;

/*
 * session_try: like session_call(), but a failure is described in @failure
 * and not told; its texts live until the next call.
 */
json_t *session_try(struct session *session, enum rpc rpc, json_t *request,
		    struct failure *failure) MUST_CHECK;

/* session_fail: tell @failure, keep its status and return it. */
int session_fail(struct session *session, const struct failure *failure);

/* session_misuse: wrong arguments; session_lost_file: a local file. */
int session_misuse(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int session_lost_file(struct session *session, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* failure_of_reply: what a reply other than OK means. */
void failure_of_reply(const struct channel_reply *reply,
		      struct failure *failure, char reason[64],
		      char message[512]);

/* failure_of_refusal: what refusal @number of @family means. */
void failure_of_refusal(const struct refusal_family *family, uint32_t number,
			struct failure *failure);

/* session_print: @document on stdout, released; the status CTL_DONE. */
int session_print(json_t *document);

/*
 * session_id: the command's id: --id, or a fresh one, which is told on stderr
 * at once so that the command can be repeated if the answer gets lost.
 * False after telling that --id is no UUID.
 */
bool session_id(struct session *session, struct id *out,
		char text[ID_TEXT_SIZE + 1]) MUST_CHECK;

/* session_operand, session_value: operand @index, value of --@name or NULL. */
const char *session_operand(const struct session *session, uint32_t index);
const char *session_value(const struct session *session, const char *name);

/*
 * session_account: a request's AccountRef for @text: a number, an address, or
 * an address without its city, which is then the own one.
 */
json_t *session_account(const struct session *session, const char *text);

/*
 * session_amount: "12.34" in minor units of the node's unit.
 * @what  names it in the complaint.  False after telling.
 */
bool session_amount(struct session *session, const char *what, const char *text,
		    int64_t *out_minor) MUST_CHECK;

#endif
