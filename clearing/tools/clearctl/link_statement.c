/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl link statement: the headers of one log, and whether they hold. */
#include "peer/statement.h"

#include <stdlib.h>
#include <string.h>

#include "node/crypto.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/draft.h"
#include "tools/clearctl/verbs.h"

#define HEAD_TEXT_SIZE (2 * SHA256_SIZE + 1)

/* A log while it is read. */
struct reading {
	struct session *session;
	struct statement *statement;
	struct draft draft;   /* of --roster */
	uint8_t *bytes;	      /* LINKLOG_BATCH_SIZE_MAX */
	json_t *batches;      /* what was read */
	struct table table;   /* likewise, for people */
	uint64_t next_seq;    /* to ask for */
	const char *sentence; /* of the first fault; NULL: none */
	const char *fault;    /* its name */
	uint64_t fault_seq;   /* where */
};

static json_t *batch_document(const struct link_header *header,
			      const struct link_batch *batch,
			      enum statement_result result)
{
	char head[HEAD_TEXT_SIZE], ack_head[HEAD_TEXT_SIZE];
	uint8_t hash[SHA256_SIZE];

	linklog_head(batch->header, crypto_sha256, hash);
	return json_pack(
		"{s:I, s:I, s:I, s:s, s:I, s:s, s:I, s:I, s:I, s:o, s:o, "
		"s:I, s:I, s:s}",
		"first_seq", (json_int_t)header->first_seq, "last_seq",
		(json_int_t)(header->first_seq + header->count - 1),
		"incarnation", (json_int_t)header->incarnation, "head",
		hex_text(slice_of(hash, SHA256_SIZE), head), "ack_seq",
		(json_int_t)header->ack_seq, "ack_head",
		hex_text(slice_of(header->ack_head, SHA256_SIZE), ack_head),
		"promised_minor", (json_int_t)header->promised_minor,
		"settled_minor", (json_int_t)header->settled_minor,
		"released_minor", (json_int_t)header->released_minor, "author",
		json_of_slice(header->author), "key_id",
		json_of_slice(batch->key_id), "journal_seq",
		(json_int_t)header->journal_seq, "recorded_us",
		(json_int_t)header->recorded_us, "result",
		statement_result_name(result));
}

static void add_row(struct reading *reading, const json_t *document)
{
	static const char *const amounts[] = { "promised_minor",
					       "settled_minor",
					       "released_minor" };
	char seqs[48], ack[24], text[3][AMOUNT_TEXT_SIZE], when[TIME_TEXT_SIZE];

	snprintf(seqs, sizeof(seqs), "%lld-%lld",
		 (long long)field_number(document, "first_seq"),
		 (long long)field_number(document, "last_seq"));
	snprintf(ack, sizeof(ack), "%lld",
		 (long long)field_number(document, "ack_seq"));
	for (int i = 0; i < 3; i++)
		(void)amount_text(field_number(document, amounts[i]),
				  reading->session->node.decimals, text[i]);
	table_add(
		&reading->table,
		(const char *const[]){
			seqs, ack, text[0], text[1], text[2],
			field_text(document, "author"),
			field_text(document, "key_id"),
			time_text(field_number(document, "recorded_us"), when),
			field_text(document, "result") });
}

static void note_fault(struct reading *reading, enum statement_result result,
		       uint64_t seq)
{
	if (result == STATEMENT_SOUND || reading->fault != NULL)
		return;
	reading->fault = statement_result_name(result);
	reading->sentence = statement_result_sentence(result);
	reading->fault_seq = seq;
}

/* False: it is no batch, so nothing that follows can be asked for. */
static bool take_batch(struct reading *reading, const char *text)
{
	enum statement_result result = STATEMENT_MALFORMED;
	struct link_header header;
	struct link_batch batch;
	json_t *document;
	size_t size = 0;

	if (hex_parse(text, reading->bytes, LINKLOG_BATCH_SIZE_MAX, &size))
		result = statement_next(reading->statement,
					slice_of(reading->bytes, size), &batch,
					&header);
	note_fault(reading, result, reading->next_seq);
	if (result == STATEMENT_MALFORMED)
		return false;
	document = batch_document(&header, &batch, result);
	add_row(reading, document);
	json_array_append_new(reading->batches, document);
	reading->next_seq = header.first_seq + header.count;
	return true;
}

/* Page after page; false after telling that one could not be had. */
static bool read_log(struct reading *reading)
{
	struct session *session = reading->session;
	bool more = true;

	while (more) {
		json_t *answer = session_call(
			session, RPC_GET_LINK_STATEMENT,
			json_pack("{s:s, s:b, s:I}", "city",
				  session_operand(session, 0), "own",
				  arguments_has(&session->arguments, "own"),
				  "from_seq", (json_int_t)reading->next_seq));
		json_t *batch;
		size_t index;

		if (answer == NULL)
			return false;
		more = json_array_size(json_object_get(answer, "batches")) > 0;
		json_array_foreach(json_object_get(answer, "batches"), index,
				   batch)
		{
			if (more)
				more = take_batch(reading,
						  json_string_value(batch));
		}
		json_decref(answer);
	}
	return true;
}

static void print_document(struct reading *reading)
{
	const struct session *session = reading->session;
	json_t *document = json_pack(
		"{s:s, s:b, s:b, s:b, s:O}", "city",
		session_operand(session, 0), "own",
		arguments_has(&session->arguments, "own"), "signatures_checked",
		reading->statement->roster != NULL, "valid",
		reading->fault == NULL, "batches", reading->batches);

	if (reading->fault != NULL)
		json_object_set_new(document, "error",
				    json_pack("{s:s, s:s, s:s, s:b}", "code",
					      "DATA_LOSS", "reason",
					      reading->fault, "message",
					      reading->sentence, "retry", 0));
	(void)session_print(document);
}

static int tell(struct reading *reading)
{
	struct session *session = reading->session;
	char message[160];

	if (session->json) {
		print_document(reading);
		return reading->fault == NULL ? CTL_DONE : CTL_REFUSED;
	}
	table_print(&reading->table, stdout);
	if (reading->fault == NULL) {
		puts(reading->statement->roster != NULL
			     ? "chain, entries and signatures hold"
			     : "chain and entries hold; --roster FILE checks "
			       "the signatures");
		return CTL_DONE;
	}
	snprintf(message, sizeof(message), "batch from seq %llu: %s",
		 (unsigned long long)reading->fault_seq, reading->sentence);
	return session_fail(
		session, &(struct failure){ CTL_REFUSED, "DATA_LOSS",
					    reading->fault, message, false });
}

/* --from and --roster; false after telling. */
static bool take_options(struct reading *reading)
{
	struct session *session = reading->session;
	const char *from = session_value(session, "from");
	const char *roster = session_value(session, "roster");
	char *end = NULL;

	reading->next_seq = 1;
	if (from != NULL)
		reading->next_seq = strtoull(from, &end, 10);
	if (from != NULL && (from[0] < '1' || from[0] > '9' || *end != '\0' ||
			     reading->next_seq > INT64_MAX)) {
		(void)session_misuse(session, "--from '%s': give a seq, from 1",
				     from);
		return false;
	}
	if (roster == NULL)
		return true;
	if (!draft_open_beside(&reading->draft, session, roster))
		return false;
	reading->statement->roster = reading->draft.roster;
	return true;
}

static void begin(struct reading *reading)
{
	static const char *const heads[] = { "seq",	"ack",	    "promised",
					     "settled", "released", "author",
					     "key",	"recorded", "result" };
	struct session *session = reading->session;
	struct slice here = slice_from_text(session->node.city);
	struct slice there = slice_from_text(session_operand(session, 0));
	bool own = arguments_has(&session->arguments, "own");
	struct statement *statement = calloc(1, sizeof(*statement));

	reading->bytes = malloc(LINKLOG_BATCH_SIZE_MAX);
	reading->batches = json_array();
	check(statement != NULL && reading->bytes != NULL &&
	      reading->batches != NULL);
	statement->federation = slice_from_text(session->node.federation);
	statement->author = own ? here : there;
	statement->peer = own ? there : here;
	statement->sha256 = crypto_sha256;
	statement->verify = crypto_verify;
	reading->statement = statement;
	table_init(&reading->table, heads, 9, 0x1e);
}

int verb_link_statement(struct session *session)
{
	struct reading reading = { .session = session };

	begin(&reading);
	if (take_options(&reading) && read_log(&reading))
		session->status = tell(&reading);
	table_release(&reading.table);
	json_decref(reading.batches);
	free(reading.bytes);
	free(reading.statement);
	draft_release(&reading.draft);
	return session->status;
}
