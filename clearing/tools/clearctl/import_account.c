/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * clearctl account import: opens what is not there yet; an address that is
 * taken is compared, so that the same file can be imported again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/money.h"
#include "core/name.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/import.h"
#include "tools/clearctl/verbs.h"
#include "tools/system.h"
#include "wire/json.h"
#include "wire/messages.h"

/* Calls in flight at once: a commit of the journal serves many. */
#define WINDOW 64

enum column {
	COLUMN_ADDRESS,
	COLUMN_DISPLAY_NAME,
	COLUMN_CREDIT_LIMIT,
	COLUMN_BALANCE_CEILING,
};

static const char *const column_names[] = {
	"!address", "display_name", "!credit_limit", "!balance_ceiling", NULL,
};

/* A line that was sent. */
struct opening {
	json_t *request;
	uint64_t line_number;
	bool ended;
	uint32_t code;
	char reason[64], message[512];
	struct failure failure;
};

struct account_import {
	struct session *session;
	struct import_file file;
	struct import_tally tally;
	struct progress progress;
	uint64_t different; /* there already, but not as the line says */
	struct opening window[WINDOW];
	uint32_t count;
};

static void on_done(void *user, const struct grpc_status *status,
		    struct slice message)
{
	struct opening *opening = user;
	struct channel_reply reply = {
		.code = status->code,
		.message = status->message,
		.details = status->details,
	};

	(void)message;
	opening->ended = true;
	opening->code = status->code;
	if (status->code != GRPC_OK)
		failure_of_reply(&reply, &opening->failure, opening->reason,
				 opening->message);
}

static bool wrong_amount(struct account_import *import, const char *text)
{
	(void)session_lost_file(
		import->session, "%s:%llu: no amount '%s'", import->file.path,
		(unsigned long long)import->file.line_number, text);
	return false;
}

static bool put_amount(struct account_import *import, json_t *request,
		       const char *field, const char *text)
{
	struct money money = MONEY_ZERO;

	if (money_parse(slice_from_text(text), import->session->node.decimals,
			&money) != MONEY_PARSED)
		return wrong_amount(import, text);
	json_object_set_new(request, field, json_integer(money_minor(money)));
	return true;
}

static json_t *request_of(struct account_import *import,
			  const struct csv_row *row)
{
	const struct import_file *file = &import->file;
	const char *name = import_field(file, row, COLUMN_DISPLAY_NAME);
	json_t *account = session_account(
		import->session, import_field(file, row, COLUMN_ADDRESS));
	struct id id = system_id();
	char text[ID_TEXT_SIZE];
	struct buffer buffer;
	json_t *request;

	buffer_init(&buffer, text, sizeof(text));
	id_print(&buffer, &id);
	request = json_pack("{s:s#, s:s, s:s}", "id", text, ID_TEXT_SIZE,
			    "address", field_text(account, "address"),
			    "display_name", name);
	json_decref(account);
	if (put_amount(import, request, "credit_limit_minor",
		       import_field(file, row, COLUMN_CREDIT_LIMIT)) &&
	    put_amount(import, request, "balance_ceiling_minor",
		       import_field(file, row, COLUMN_BALANCE_CEILING)))
		return request;
	json_decref(request);
	return NULL;
}

static bool start_opening(struct account_import *import, json_t *request)
{
	const struct rpc_method *method = rpc_method_at(RPC_OPEN_ACCOUNT);
	struct opening *opening = &import->window[import->count];
	char error[JSON_ERROR_SIZE] = "the connection was lost";
	uint8_t *bytes = NULL;
	size_t size = 0;
	bool started;

	started = json_to_request(method, request, &bytes, &size, error) &&
		  channel_start(import->session->channel, method->path,
				slice_of(bytes, size),
				import->session->settings.timeout_us, on_done,
				opening);
	free(bytes);
	if (!started) {
		json_decref(request);
		(void)session_fail(
			import->session,
			&(struct failure){ CTL_NO_ANSWER, "UNAVAILABLE",
					   "UNAVAILABLE", error, true });
		return false;
	}
	*opening = (struct opening){
		.request = request,
		.line_number = import->file.line_number,
	};
	import->count++;
	return true;
}

/* The account at the taken address: is it what the line asks for? */
static bool is_as_asked(struct account_import *import, const json_t *request)
{
	static const char *const fields[] = {
		"display_name",
		"credit_limit_minor",
		"balance_ceiling_minor",
	};
	struct failure failure;
	json_t *answer =
		session_try(import->session, RPC_GET_ACCOUNT,
			    json_pack("{s:{s:s}}", "account", "address",
				      field_text(request, "address")),
			    &failure);
	const json_t *account = json_object_get(answer, "account");
	bool same = answer != NULL;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		same = same &&
		       json_equal(json_object_get(account, fields[i]),
				  json_object_get(request, fields[i])) == 1;
	json_decref(answer);
	return same;
}

static void count_refusal(struct import_tally *tally, const char *reason)
{
	tally->refused++;
	for (uint32_t i = 0; i < account_refusals.count; i++) {
		const struct refusal *refusal = &account_refusals.refusals[i];

		if (strcmp(refusal->name, reason) == 0 &&
		    refusal->number < REFUSAL_NUMBERS)
			tally->refused_by[refusal->number]++;
	}
}

static bool settle(struct account_import *import, struct opening *opening)
{
	bool taken = opening->code != GRPC_OK &&
		     strcmp(opening->failure.reason, "ADDRESS_TAKEN") == 0;

	if (opening->code == GRPC_OK) {
		import->tally.done++;
		return true;
	}
	if (taken && is_as_asked(import, opening->request)) {
		import->tally.recorded++;
		return true;
	}
	if (opening->failure.status == CTL_NO_ANSWER ||
	    opening->failure.status == CTL_IDENTITY) {
		(void)session_fail(import->session, &opening->failure);
		return false;
	}
	count_refusal(&import->tally, opening->failure.reason);
	import->different += taken;
	fprintf(stderr, "clearctl: %s:%llu: %s: %s\n", import->file.path,
		(unsigned long long)opening->line_number,
		opening->failure.reason,
		taken ? "the account is there already, with another name, "
			"limit or ceiling"
		      : opening->failure.message);
	return true;
}

/* Waits for all that were sent and counts what came of them. */
static bool drain(struct account_import *import)
{
	uint64_t until =
		system_monotonic_us() + import->session->settings.timeout_us;
	struct channel *channel = import->session->channel;
	bool going = true, sound = true;

	while (going && channel_in_flight(channel) > 0 &&
	       system_monotonic_us() < until)
		going = channel_turn(channel, 1000);
	for (uint32_t i = 0; i < import->count; i++) {
		struct opening *opening = &import->window[i];

		if (!opening->ended && sound) {
			sound = false;
			(void)session_fail(
				import->session,
				&(struct failure){ CTL_NO_ANSWER, "UNAVAILABLE",
						   "UNAVAILABLE",
						   "no answer to some lines: "
						   "import the file again",
						   true });
		}
		sound = sound && settle(import, opening);
		json_decref(opening->request);
		opening->request = NULL;
	}
	import->count = 0;
	progress_tell(&import->progress, import->tally.lines);
	return sound;
}

static bool run_lines(struct account_import *import)
{
	char line[CSV_LINE_MAX];
	struct csv_row row;
	uint64_t hash;

	for (;;) {
		json_t *request;

		switch (import_line(import->session, &import->file, line, &row,
				    &hash)) {
		case IMPORT_LINE:
			break;
		case IMPORT_END:
			return drain(import);
		case IMPORT_FAULT:
			return drain(import) && false;
		}
		import->tally.lines++;
		request = request_of(import, &row);
		if (request == NULL)
			return drain(import) && false;
		if (!start_opening(import, request))
			return drain(import) && false;
		if (import->count == WINDOW && !drain(import))
			return false;
	}
}

int verb_account_import(struct session *session)
{
	struct account_import *import = calloc(1, sizeof(*import));
	bool done;

	check(import != NULL);
	import->session = session;
	if (!import_open(session, &import->file, session_operand(session, 0),
			 column_names)) {
		free(import);
		return session->status;
	}
	progress_begin(&import->progress, "accounts",
		       import->file.line_count > 0 ? import->file.line_count - 1
						   : 0,
		       arguments_has(&session->arguments, "quiet"));
	done = run_lines(import);
	progress_end(&import->progress, import->tally.lines);
	if (done || !session->json)
		(void)import_summary(session, &import->tally, &account_refusals,
				     "opened",
				     progress_seconds(&import->progress));
	/* What is still in flight must not find its window gone. */
	channel_close(session->channel);
	session->channel = NULL;
	import_close(&import->file);
	free(import);
	return session->status;
}
