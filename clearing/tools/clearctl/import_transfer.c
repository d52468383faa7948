/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * clearctl transfer import: lines in their order, one batch after the other
 * on one connection, so that the node decides them in the order of the file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/name.h"
#include "tools/clearctl/import.h"
#include "tools/clearctl/import_state.h"
#include "tools/clearctl/verbs.h"
#include "tools/system.h"
#include "wire/messages.h"

#define BATCH_DEFAULT 1000
#define BATCH_MAX 8190
/* Room a request needs for a line: addresses, memo, ids, tags. */
#define LINE_REQUEST_SIZE 1024
#define BUSY_WAIT_US 50000

enum column {
	COLUMN_ID,
	COLUMN_FROM,
	COLUMN_TO,
	COLUMN_AMOUNT,
	COLUMN_MEMO,
	COLUMN_REFERENCE,
};

static const char *const column_names[] = {
	"id", "!from", "!to", "!amount", "memo", "reference", NULL,
};

/* A line of the batch. */
struct row {
	uint64_t index; /* of its record in the state file */
	bool resumed;	/* an earlier run may have sent it */
	struct import_line line;
	struct csv_row fields;
	struct id reference;
	char text[CSV_LINE_MAX];
	char address[2][ADDRESS_SIZE_MAX + 2];
};

struct transfer_import {
	struct session *session;
	struct import_file file;
	struct import_state state;
	struct import_tally tally;
	struct progress progress;
	FILE *refused;
	char city[130]; /* "FEDERATION/CITY" */
	uint64_t next_index;
	uint64_t position;
	uint32_t batch, count;
	struct row *rows;
	struct transfer_command *commands;
	struct answer *answers;
	uint8_t *request;
};

static bool wrong_line(struct transfer_import *import, const char *what,
		       const char *text)
{
	(void)session_lost_file(import->session, "%s:%" PRIu64 ": %s '%s'",
				import->file.path, import->file.line_number,
				what, text);
	return false;
}

static void name_account(const struct transfer_import *import, const char *text,
			 char *room, struct account_ref *out)
{
	size_t size = strlen(text);

	*out = (struct account_ref){ 0 };
	if (size > 0 && size <= 18 && text[strspn(text, "0123456789")] == '\0')
		out->id = strtoull(text, NULL, 10);
	else if (strchr(text, '@') == NULL && size <= LOCAL_ADDRESS_SIZE_MAX) {
		snprintf(room, ADDRESS_SIZE_MAX + 2, "%s@%.*s", text,
			 NAME_SIZE_MAX, import->session->self.city);
		out->address = slice_from_text(room);
	} else {
		out->address = slice_from_text(text);
	}
}

static bool fill_command(struct transfer_import *import, struct row *row,
			 struct transfer_command *out)
{
	const struct import_file *file = &import->file;
	const char *amount = import_field(file, &row->fields, COLUMN_AMOUNT);
	const char *reference =
		import_field(file, &row->fields, COLUMN_REFERENCE);
	struct money money = MONEY_ZERO;

	*out = (struct transfer_command){ 0 };
	if (money_parse(slice_from_text(amount), import->session->node.decimals,
			&money) != MONEY_PARSED)
		return wrong_line(import, "no amount", amount);
	out->amount_minor = money_minor(money);
	if (reference[0] != '\0') {
		if (!id_parse(slice_from_text(reference), &row->reference))
			return wrong_line(import, "no reference", reference);
		out->reference = slice_of(row->reference.bytes, ID_SIZE);
	}
	name_account(import, import_field(file, &row->fields, COLUMN_FROM),
		     row->address[0], &out->debit);
	name_account(import, import_field(file, &row->fields, COLUMN_TO),
		     row->address[1], &out->credit);
	out->memo =
		slice_from_text(import_field(file, &row->fields, COLUMN_MEMO));
	out->id = slice_of(row->line.id.bytes, ID_SIZE);
	return true;
}

/* The id of a line: the file's own, or the one its state has or gets now. */
static bool find_id(struct transfer_import *import, struct row *row,
		    uint64_t hash)
{
	const char *id = import_field(&import->file, &row->fields, COLUMN_ID);

	if (import->file.columns[COLUMN_ID] >= 0) {
		row->line = (struct import_line){ .fate = LINE_SENT };
		return id_parse(slice_from_text(id), &row->line.id) ||
		       wrong_line(import, "no id", id);
	}
	if (!import_state_read(&import->state, row->index, &row->line)) {
		(void)session_lost_file(import->session,
					"the state file is damaged at record "
					"%" PRIu64,
					row->index + 1);
		return false;
	}
	row->resumed = row->line.fate != LINE_UNSENT;
	if (row->resumed && row->line.hash != hash)
		return wrong_line(import,
				  "changed since the import began; give "
				  "another --state:",
				  row->text);
	if (row->resumed)
		return true;
	row->line = (struct import_line){ .id = system_id(),
					  .hash = hash,
					  .fate = LINE_SENT };
	return true;
}

/* Is there anything to ask about the line, now? */
static bool is_settled(const struct transfer_import *import,
		       const struct row *row)
{
	bool again =
		arguments_has(&import->session->arguments, "retry-refused");

	return row->line.fate == LINE_POSTED ||
	       (row->line.fate == LINE_REFUSED && !again);
}

static bool keep_ids(struct transfer_import *import)
{
	for (uint32_t i = 0; i < import->count; i++) {
		struct row *row = &import->rows[i];

		if (!row->resumed &&
		    !import_state_write(&import->state, row->index, &row->line))
			goto fault;
	}
	if (import_state_sync(&import->state))
		return true;
fault:
	(void)session_lost_file(import->session, "state file: %s",
				strerror(errno));
	return false;
}

static void wait_us(uint64_t span_us)
{
	struct timespec span = {
		.tv_sec = (time_t)(span_us / 1000000),
		.tv_nsec = (long)(span_us % 1000000) * 1000,
	};

	while (nanosleep(&span, &span) != 0 && errno == EINTR)
		continue;
}

/* Sends until the node is not too busy, or the deadline passed. */
static void send_patiently(struct transfer_import *import, struct slice request,
			   struct channel_reply *reply)
{
	const struct settings *settings = &import->session->settings;
	uint64_t until = system_monotonic_us() + settings->timeout_us;
	struct error_view view;

	for (;;) {
		channel_call(import->session->channel,
			     rpc_method_at(RPC_POST_TRANSFERS)->path, request,
			     settings->timeout_us, reply);
		if (reply->code != GRPC_RESOURCE_EXHAUSTED ||
		    !decode_error_details(reply->details, &view) ||
		    !slice_equal(view.reason, SLICE("OVERLOADED")) ||
		    system_monotonic_us() > until)
			return;
		wait_us(view.retry_delay_us > 0 ? view.retry_delay_us
						: BUSY_WAIT_US);
	}
}

static bool send_batch(struct transfer_import *import)
{
	struct channel_reply reply;
	struct failure failure;
	struct buffer request;
	char reason[64], message[512];
	uint32_t count = 0;

	buffer_init(&request, import->request,
		    (size_t)import->batch * LINE_REQUEST_SIZE + 4096);
	encode_post_transfers_request(&request, import->commands,
				      import->count);
	if (request.overflowed) {
		(void)session_lost_file(import->session,
					"%s: lines too long for one request: "
					"use a smaller --batch",
					import->file.path);
		return false;
	}
	send_patiently(import, buffer_view(&request), &reply);
	if (reply.code != GRPC_OK) {
		failure_of_reply(&reply, &failure, reason, message);
		(void)session_fail(import->session, &failure);
		return false;
	}
	if (decode_post_transfers_response(reply.message, import->answers,
					   import->count, &count,
					   &import->position) &&
	    count == import->count)
		return true;
	(void)session_fail(
		import->session,
		&(struct failure){ CTL_NO_ANSWER, "INTERNAL", "MALFORMED",
				   "the answer cannot be read", true });
	return false;
}

static void write_refused(struct transfer_import *import, const struct row *row,
			  const struct failure *failure)
{
	char id[ID_TEXT_SIZE + 1] = "";
	struct buffer buffer;

	if (import->refused == NULL)
		return;
	buffer_init(&buffer, id, ID_TEXT_SIZE);
	id_print(&buffer, &row->line.id);
	fprintf(import->refused, "%s", id);
	for (uint32_t i = COLUMN_FROM; i <= COLUMN_REFERENCE; i++) {
		putc(',', import->refused);
		csv_put(import->refused,
			import_field(&import->file, &row->fields, i));
	}
	fprintf(import->refused, ",%s,", failure->reason);
	csv_put(import->refused, failure->message);
	putc('\n', import->refused);
}

/* An id that left the window since an earlier run: was it posted then? */
static bool was_posted(struct transfer_import *import, const struct row *row)
{
	char id[ID_TEXT_SIZE + 1] = "";
	struct failure failure;
	struct buffer buffer;
	json_t *found;

	buffer_init(&buffer, id, ID_TEXT_SIZE);
	id_print(&buffer, &row->line.id);
	found = session_try(import->session, RPC_GET_TRANSFER,
			    json_pack("{s:s}", "id", id), &failure);
	json_decref(found);
	return found != NULL;
}

static bool settle_row(struct transfer_import *import, struct row *row,
		       const struct answer *answer)
{
	struct import_tally *tally = &import->tally;
	struct failure failure;

	row->line.fate = LINE_POSTED;
	if (answer->refusal == TRANSFER_OK) {
		if (answer->recorded)
			tally->recorded++;
		else
			tally->done++;
	} else if (answer->refusal == TRANSFER_ID_TOO_OLD && row->resumed &&
		   was_posted(import, row)) {
		tally->recorded++;
	} else {
		tally->refused++;
		if (answer->refusal < REFUSAL_NUMBERS)
			tally->refused_by[answer->refusal]++;
		row->line.fate = LINE_REFUSED;
		failure_of_refusal(&transfer_refusals, answer->refusal,
				   &failure);
		write_refused(import, row, &failure);
	}
	return import_state_write(&import->state, row->index, &row->line);
}

/* Ids to the disk, request out, answers in. */
static bool flush_batch(struct transfer_import *import)
{
	bool kept = true;

	if (import->count == 0)
		return true;
	if (!keep_ids(import) || !send_batch(import))
		return false;
	for (uint32_t i = 0; i < import->count && kept; i++)
		kept = settle_row(import, &import->rows[i],
				  &import->answers[i]);
	if (!kept || !import_state_position(&import->state, import->city,
					    import->position)) {
		(void)session_lost_file(import->session, "state file: %s",
					strerror(errno));
		return false;
	}
	import->count = 0;
	progress_tell(&import->progress, import->tally.lines);
	return true;
}

/* One line into the batch; full batches go out. */
static bool take_row(struct transfer_import *import, uint64_t hash)
{
	struct row *row = &import->rows[import->count];

	row->index = import->next_index++;
	row->resumed = false;
	import->tally.lines++;
	if (!find_id(import, row, hash))
		return false;
	if (is_settled(import, row)) {
		import->tally.skipped++;
		return true;
	}
	if (!fill_command(import, row, &import->commands[import->count]))
		return false;
	import->count++;
	return import->count < import->batch || flush_batch(import);
}

static bool run_lines(struct transfer_import *import)
{
	for (;;) {
		struct row *row = &import->rows[import->count];
		uint64_t hash;

		switch (import_line(import->session, &import->file, row->text,
				    &row->fields, &hash)) {
		case IMPORT_LINE:
			if (!take_row(import, hash))
				return false;
			break;
		case IMPORT_END:
			return flush_batch(import);
		case IMPORT_FAULT:
			return false;
		}
	}
}

static bool open_state(struct transfer_import *import)
{
	const char *given = session_value(import->session, "state");
	char path[4096], error[IMPORT_STATE_ERROR_SIZE];

	import->state.file = -1;
	snprintf(import->city, sizeof(import->city), "%s/%s",
		 import->session->node.federation, import->session->node.city);
	if (import->file.columns[COLUMN_ID] >= 0)
		return true;
	snprintf(path, sizeof(path), "%s.ids", import->file.path);
	if (import_state_open(&import->state, given != NULL ? given : path,
			      import->city, import->session->node.position,
			      error))
		return true;
	(void)session_lost_file(import->session, "%s", error);
	return false;
}

static bool open_refused(struct transfer_import *import)
{
	const char *path = session_value(import->session, "refused");

	if (path == NULL)
		return true;
	import->refused = fopen(path, "we");
	if (import->refused == NULL) {
		(void)session_lost_file(import->session, "%s: %s", path,
					strerror(errno));
		return false;
	}
	fputs("id,from,to,amount,memo,reference,refusal,message\n",
	      import->refused);
	return true;
}

static bool take_memory(struct transfer_import *import)
{
	const char *text = session_value(import->session, "batch");
	unsigned long batch =
		text != NULL ? strtoul(text, NULL, 10) : BATCH_DEFAULT;

	if (text == NULL && import->session->node.batch_max > 0 &&
	    batch > import->session->node.batch_max)
		batch = import->session->node.batch_max;
	if (batch < 1 || batch > BATCH_MAX) {
		(void)session_misuse(import->session,
				     "--batch: 1 to %d lines a request",
				     BATCH_MAX);
		return false;
	}
	import->batch = (uint32_t)batch;
	import->rows = calloc(batch, sizeof(*import->rows));
	import->commands = calloc(batch, sizeof(*import->commands));
	import->answers = calloc(batch, sizeof(*import->answers));
	import->request = malloc(batch * LINE_REQUEST_SIZE + 4096);
	check(import->rows != NULL && import->commands != NULL &&
	      import->answers != NULL && import->request != NULL);
	return true;
}

static bool close_refused(struct transfer_import *import)
{
	bool sound = import->refused == NULL || fclose(import->refused) == 0;

	import->refused = NULL;
	if (!sound)
		(void)session_lost_file(import->session,
					"the file of refused lines: %s",
					strerror(errno));
	return sound;
}

int verb_transfer_import(struct session *session)
{
	struct transfer_import import = { .session = session };
	bool quiet = arguments_has(&session->arguments, "quiet");
	bool done;

	import.state.file = -1;
	if (!import_open(session, &import.file, session_operand(session, 0),
			 column_names))
		return session->status;
	progress_begin(&import.progress, "lines",
		       import.file.line_count > 0 ? import.file.line_count - 1
						  : 0,
		       quiet);
	done = take_memory(&import) && open_state(&import) &&
	       open_refused(&import) && run_lines(&import);
	done = close_refused(&import) && done;
	progress_end(&import.progress, import.tally.lines);
	/* Cut off, a document with the failure was printed already. */
	if (done || !session->json)
		(void)import_summary(session, &import.tally, &transfer_refusals,
				     "posted",
				     progress_seconds(&import.progress));
	import_state_close(&import.state);
	import_close(&import.file);
	free(import.request);
	free(import.answers);
	free(import.commands);
	free(import.rows);
	return session->status;
}
