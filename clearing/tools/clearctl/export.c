/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl export: the posted entries, page by page, as they come. */
#include <string.h>
#include <unistd.h>

#include "tools/clearctl/csv.h"
#include "tools/clearctl/documents.h"
#include "tools/clearctl/hledger.h"
#include "tools/progress.h"
#include "tools/clearctl/verbs.h"

#define PAGE_SIZE 1000

enum format {
	FORMAT_HLEDGER,
	FORMAT_CSV,
	FORMAT_JSON,
};

struct export
{
	struct session *session;
	enum format format;
	uint64_t count;
	struct progress progress;
};

static bool opening(struct export *export)
{
	const struct node_facts *node = &export->session->node;
	json_t *accounts;

	switch (export->format) {
	case FORMAT_CSV:
		puts("number,id,position,posted_at,from,to,amount,kind,"
		     "reference,hold_id,memo,actor");
		return true;
	case FORMAT_JSON:
		putchar('[');
		return true;
	case FORMAT_HLEDGER:
		break;
	}
	accounts = fetch_pages(export->session, RPC_LIST_ACCOUNTS,
			       json_object(), "accounts");
	if (accounts == NULL)
		return false;
	hledger_opening(stdout, node->unit, node->decimals, accounts);
	json_decref(accounts);
	return true;
}

static void put_csv(const struct export *export, const json_t *transfer)
{
	static const char *const texts[] = { "kind", "reference", "hold_id",
					     "memo", "actor" };
	char when[TIME_TEXT_SIZE], amount[AMOUNT_TEXT_SIZE];

	printf("%lld,%s,%lld,%s,", (long long)field_number(transfer, "number"),
	       field_text(transfer, "id"),
	       (long long)field_number(transfer, "position"),
	       time_text(field_number(transfer, "posted_at_us"), when));
	csv_put(stdout, field_text(transfer, "debit_address"));
	putchar(',');
	csv_put(stdout, field_text(transfer, "credit_address"));
	printf(",%s", amount_text(field_number(transfer, "amount_minor"),
				  export->session->node.decimals, amount));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		putchar(',');
		csv_put(stdout, field_text(transfer, texts[i]));
	}
	putchar('\n');
}

static void put_transfer(const struct export *export, const json_t *transfer)
{
	switch (export->format) {
	case FORMAT_HLEDGER:
		hledger_transfer(stdout, export->session->node.unit,
				 export->session->node.decimals, transfer);
		break;
	case FORMAT_CSV:
		put_csv(export, transfer);
		break;
	case FORMAT_JSON:
		fputs(export->count == 0 ? "\n" : ",\n", stdout);
		(void)json_dumpf(transfer, stdout,
				 JSON_COMPACT | JSON_PRESERVE_ORDER);
		break;
	}
}

/* Writes one page; *@token is the way to the next one, "" at the end. */
static bool put_page(struct export *export, json_t *request)
{
	json_t *answer = session_call(export->session, RPC_LIST_ENTRIES,
				      json_deep_copy(request));
	json_t *entry;
	size_t index;

	if (answer == NULL)
		return false;
	json_array_foreach(json_object_get(answer, "entries"), index, entry)
	{
		put_transfer(export, entry);
		export->count++;
	}
	json_object_set(json_object_get(request, "page"), "token",
			json_object_get(answer, "next_token"));
	json_decref(answer);
	progress_tell(&export->progress, export->count);
	return !ferror(stdout);
}

static bool put_entries(struct export *export)
{
	const char *account = session_value(export->session, "account");
	json_t *request = json_pack(
		"{s:{s:i}, s:I}", "page", "size", PAGE_SIZE, "min_position",
		(json_int_t) export->session->node.position);
	bool going = true;

	if (account != NULL)
		json_object_set_new(request, "account",
				    session_account(export->session, account));
	while (going && (export->count == 0 ||
			 field_text(json_object_get(request, "page"),
				    "token")[0] != '\0')) {
		uint64_t before = export->count;

		going = put_page(export, request);
		if (going && export->count == before)
			break;
	}
	json_decref(request);
	return going;
}

static bool pick_format(struct session *session, enum format *out)
{
	static const char *const names[] = { "hledger", "csv", "json" };
	const char *text = session_value(session, "format");

	for (uint32_t i = 0; text != NULL && i < 3; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum format)i;
			return true;
		}
	}
	(void)session_misuse(session, "give --format hledger, csv or json");
	return false;
}

int verb_export(struct session *session)
{
	struct export export = { .session = session };
	bool quiet = arguments_has(&session->arguments, "quiet") ||
		     isatty(STDOUT_FILENO) == 1;

	/* stdout is the export's: what goes wrong is told on stderr. */
	if (!pick_format(session, &export.format))
		return session->status;
	session->json = false;
	progress_begin(&export.progress, "entries", 0, quiet);
	if (!opening(&export) || !put_entries(&export)) {
		if (session->status == CTL_DONE)
			(void)session_lost_file(session,
						"stdout: cannot write");
		return session->status;
	}
	if (export.format == FORMAT_JSON)
		fputs("\n]\n", stdout);
	progress_end(&export.progress, export.count);
	if (fflush(stdout) != 0)
		return session_lost_file(session, "stdout: cannot write");
	return CTL_DONE;
}
