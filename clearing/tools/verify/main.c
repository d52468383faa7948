/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearing-verify: the independent auditor of one city's journal and tables. */
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tools/progress.h"
#include "tools/system.h"
#include "tools/verify/audit.h"

enum verify_exit {
	VERIFY_SOUND = 0,
	VERIFY_DAMAGED = 1,
	VERIFY_USAGE = 2,
	VERIFY_UNREADABLE = 3,
};

struct given {
	const char *database;
	const char *roster;
	bool json;
	bool progress;
	bool help;
};

static void usage(FILE *out)
{
	fputs("usage: clearing-verify --database WORDS [--roster FILE] "
	      "[--json] [--progress]\n\n"
	      "  --database WORDS  'hosts=... dbname=... user=... "
	      "password_file=... sslmode=...\n"
	      "                    sslrootcert=...', as a role that may read "
	      "all (the auditor's)\n"
	      "  --roster FILE     the federation's roster: signatures of the "
	      "logs between\n"
	      "                    cities are looked at, too\n"
	      "  --json            one JSON document on stdout\n"
	      "  --progress        say how far it is, on stderr; without it "
	      "only on a terminal\n\n"
	      "Reads the journal in order: chain, hashes, formats; replays "
	      "every fact and asks of\neach what the node had to ask: limits, "
	      "states, ids, holds; compares texts with\ntheir hashes and every "
	      "row of every table with its own replay; of the logs between "
	      "cities order, heads,\nroots, totals, acknowledgements and "
	      "positions.\n\n"
	      "Exit status: 0 sound, 1 damage found, 2 usage, 3 could not be "
	      "read.\n\nNames of damage:\n",
	      out);
	for (int i = 0; i < FINDING_KINDS; i++) {
		const struct finding_meaning *meaning =
			finding_meaning((enum finding_kind)i);

		fprintf(out, "  %-21s %s\n", meaning->name, meaning->meaning);
	}
}

static bool parse(int argc, char **argv, struct given *out)
{
	*out = (struct given){ 0 };
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			out->json = true;
		else if (strcmp(argv[i], "--progress") == 0)
			out->progress = true;
		else if (strcmp(argv[i], "--help") == 0 ||
			 strcmp(argv[i], "-h") == 0)
			out->help = true;
		else if (strcmp(argv[i], "--database") == 0 && i + 1 < argc)
			out->database = argv[++i];
		else if (strncmp(argv[i], "--database=", 11) == 0)
			out->database = argv[i] + 11;
		else if (strcmp(argv[i], "--roster") == 0 && i + 1 < argc)
			out->roster = argv[++i];
		else if (strncmp(argv[i], "--roster=", 9) == 0)
			out->roster = argv[i] + 9;
		else
			return false;
	}
	return out->help || out->database != NULL;
}

static void on_progress(void *context, uint64_t done, uint64_t total)
{
	struct progress *progress = context;

	progress->total = total;
	progress_tell(progress, done);
}

static json_t *finding_document(const struct finding *finding)
{
	json_t *document = json_pack("{s:s, s:s}", "name",
				     finding_meaning(finding->kind)->name,
				     "message", finding->text);

	if (finding->block != NOWHERE)
		json_object_set_new(document, "block",
				    json_integer(finding->block));
	if (finding->entry != NOWHERE)
		json_object_set_new(document, "entry",
				    json_integer(finding->entry));
	if (finding->event != NOWHERE)
		json_object_set_new(document, "event",
				    json_integer(finding->event));
	if (finding->table != NULL)
		json_object_set_new(document, "table",
				    json_string(finding->table));
	return document;
}

static void print_document(const struct findings *findings,
			   const struct audit_report *report, double seconds)
{
	json_t *list = json_array();
	json_t *document;

	for (uint32_t i = 0; i < findings->kept_count; i++)
		json_array_append_new(list,
				      finding_document(&findings->kept[i]));
	document = json_pack(
		"{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:f, s:I, "
		"s:o}",
		"sound", findings->count == 0, "blocks",
		(json_int_t)report->blocks, "entries",
		(json_int_t)report->entries, "accounts",
		(json_int_t)report->accounts, "memos",
		(json_int_t)report->memos, "memos_erased",
		(json_int_t)report->memos_erased, "link_batches",
		(json_int_t)report->link_batches, "link_signatures",
		(json_int_t)report->link_signatures, "projected",
		(json_int_t)report->projected, "tables_compared",
		report->compared, "seconds", seconds, "finding_count",
		(json_int_t)findings->count, "findings", list);
	json_dumpf(document, stdout,
		   JSON_INDENT(2) | JSON_PRESERVE_ORDER |
			   JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(document);
}

static void print_report(const struct findings *findings,
			 const struct audit_report *report, double seconds)
{
	double rate = seconds > 0 ? (double)report->entries / seconds : 0;

	for (uint32_t i = 0; i < findings->kept_count; i++)
		finding_print(&findings->kept[i], stdout);
	if (findings->count > findings->kept_count)
		printf("... and %" PRIu64 " more\n",
		       findings->count - findings->kept_count);
	printf("%" PRIu64 " blocks, %" PRIu64 " entries, %u accounts, %" PRIu64
	       " memos (%" PRIu64 " erased); tables at block %" PRId64 "%s; "
	       "%.2f s, %.0f entries a second\n",
	       report->blocks, report->entries, report->accounts, report->memos,
	       report->memos_erased, report->projected,
	       report->compared ? "" : ", not compared", seconds, rate);
	if (report->link_batches > 0)
		printf("%" PRIu64 " batches of logs between cities, "
		       "signatures %s\n",
		       report->link_batches,
		       report->link_signatures > 0 ? "looked at"
						   : "not looked at");
	if (findings->count == 0)
		puts("sound");
	else
		printf("damaged: %" PRIu64 " findings\n", findings->count);
}

static int unreadable(const struct given *given, const char *error)
{
	json_t *document;

	if (given->json) {
		document =
			json_pack("{s:{s:s, s:s, s:s, s:b}}", "error", "code",
				  "UNAVAILABLE", "reason", "COULD_NOT_READ",
				  "message", error, "retry", true);
		json_dumpf(document, stdout,
			   JSON_INDENT(2) | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(document);
	} else {
		fprintf(stderr, "clearing-verify: %s\n", error);
	}
	return VERIFY_UNREADABLE;
}

/* NULL when none was given; @error says why when one does not load. */
static struct roster *load_roster(const char *path, char **bytes, char *error)
{
	struct roster_trust trust = { .sha256 = system_sha256,
				      .verify = system_verify };
	struct roster *roster;
	enum roster_result result;
	size_t size;

	*bytes = path != NULL ? system_read_file(path, &size) : NULL;
	if (*bytes == NULL) {
		if (path != NULL)
			snprintf(error, ROWS_ERROR_SIZE, "%.300s: %m", path);
		return NULL;
	}
	roster = calloc(1, sizeof(*roster));
	check(roster != NULL);
	result = roster_load(roster, slice_of(*bytes, size), &trust);
	if (result == ROSTER_OK)
		return roster;
	snprintf(error, ROWS_ERROR_SIZE, "%.300s: %s", path,
		 roster_result_sentence(result));
	free(roster);
	return NULL;
}

static int run(const struct given *given, const struct database_words *words,
	       const struct roster *roster)
{
	struct findings *findings = calloc(1, sizeof(*findings));
	char error[ROWS_ERROR_SIZE] = "";
	struct audit_report report;
	struct progress progress;
	int status = VERIFY_DAMAGED;

	check(findings != NULL);
	progress_begin(&progress, "blocks", 0, false);
	progress.quiet = !progress.terminal && !given->progress;
	if (!audit_run(&(struct audit_options){ .database = words,
						.roster = roster,
						.on_progress = on_progress,
						.context = &progress },
		       findings, &report, error)) {
		free(findings);
		return unreadable(given, error);
	}
	progress_end(&progress, report.blocks);
	if (given->json)
		print_document(findings, &report, progress_seconds(&progress));
	else
		print_report(findings, &report, progress_seconds(&progress));
	if (findings->count == 0)
		status = VERIFY_SOUND;
	free(findings);
	return status;
}

int main(int argc, char **argv)
{
	char error[DATABASE_ERROR_SIZE], why[ROWS_ERROR_SIZE];
	struct database_words words;
	struct roster *roster;
	struct given given;
	char *bytes;
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (!parse(argc, argv, &given)) {
		usage(stderr);
		return VERIFY_USAGE;
	}
	if (given.help) {
		usage(stdout);
		return VERIFY_SOUND;
	}
	if (!database_parse(given.database, &words, error)) {
		fprintf(stderr, "clearing-verify: --database: %s\n", error);
		return VERIFY_USAGE;
	}
	roster = load_roster(given.roster, &bytes, why);
	status = roster == NULL && given.roster != NULL
			 ? unreadable(&given, why)
			 : run(&given, &words, roster);
	free(roster);
	free(bytes);
	database_release(&words);
	return status;
}
