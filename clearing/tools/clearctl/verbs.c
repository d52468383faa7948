/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The table of verbs and options, and --help made of it. */
#include "tools/clearctl/verbs.h"

#include <string.h>

static const struct option_word words[] = {
	{ "endpoint", "HOST:PORT", "where the node listens" },
	{ "certificate", "FILE", "own certificate, PEM: who is asking" },
	{ "key", "FILE", "its key, PEM" },
	{ "ca", "FILE", "the city's CA, PEM" },
	{ "server-uri", "URI",
	  "the node expected there (default: of the own "
	  "certificate's city)" },
	{ "timeout", "TIME", "how long to wait: 30, 1.5s, 200ms (default 30)" },
	{ "json", NULL, "one JSON document on stdout, failures too" },
	{ "id", "UUID",
	  "of the command; a fresh one otherwise, told on "
	  "stderr: repeat with it when no answer came" },
	{ "name", "TEXT", "display name, at most 80 bytes" },
	{ "limit", "AMOUNT", "credit limit: how far below zero" },
	{ "ceiling", "AMOUNT", "balance ceiling: how far above zero" },
	{ "gateway-forbidden", NULL, "no gateway may move its credit" },
	{ "reason", "TEXT",
	  "why; stays in the journal for ever (of a hold: a memo, "
	  "which can be erased)" },
	{ "kind", "KIND",
	  "payment, contribution, levy, correction, "
	  "opening_balance or write_off" },
	{ "reference", "UUID", "of your own, kept with it" },
	{ "memo", "TEXT", "at most 140 bytes; can be erased later" },
	{ "expires", "TIME", "+15m, +24h, +7d or 2026-01-31T12:00:00Z" },
	{ "account", "ACCOUNT", "only of this account" },
	{ "state", "STATE|FILE",
	  "of holds: open, posted, voided or expired; "
	  "of an import: where its ids are kept "
	  "(default FILE.ids)" },
	{ "from", "TIME", "from then on: 2026-01-31, 2026-01-31T12:00:00Z" },
	{ "until", "TIME", "up to, and without, then" },
	{ "format", "FORMAT", "hledger, csv or json" },
	{ "batch", "COUNT", "lines a request, 1 to 8190 (default 1000)" },
	{ "refused", "FILE", "write the refused lines there, with why" },
	{ "retry-refused", NULL,
	  "ask again about lines that an earlier run "
	  "saw refused" },
	{ "strict", NULL, "status 1 when a line was refused" },
	{ "quiet", NULL, "no progress" },
	{ "config", "FILE", "take what is not given from a clearing.conf" },
	{ "database", "WORDS",
	  "'hosts=... dbname=... user=... "
	  "password_file=... sslmode=... "
	  "sslrootcert=...'" },
	{ "federation", "NAME", "that the city is a member of" },
	{ "city", "NAME", "of this node" },
	{ "unit", "NAME", "of account" },
	{ "decimals", "COUNT", "of the unit, 0 to 8 (default 2)" },
	{ "node-key", "FILE",
	  "the city's Ed25519 public key, PEM (in a roster also "
	  "its 64 hex digits)" },
	{ "out", "FILE", "where to (default node.key)" },
	{ "founders", "CITY,CITY", "more than two thirds of whom must sign" },
	{ "place", "TEXT", "where the city is, at most 80 bytes" },
	{ "latitude", "DEGREES", "41.3874" },
	{ "longitude", "DEGREES", "-71.0589" },
	{ "bioregion", "NAME", "that it lies in" },
	{ "gone", NULL, "it does not come back, for ever" },
	{ "line-a", "AMOUNT", "what the first city lets the second owe" },
	{ "line-b", "AMOUNT", "what the second city lets the first owe" },
	{ "in-flight", "PER-MILLE",
	  "of a line that promises may take up (default 500)" },
	{ "revoke", "KEY-ID", "nothing signed with it counts any more" },
	{ "drop", "KEY-ID", "take it out; nothing can be proven by it then" },
	{ "open-early", NULL,
	  "take local commands before the books are rebuilt: a coop "
	  "may spend twice inside the city" },
	{ "previous", "FILE", "the version that was held before" },
	{ 0 },
};

static const char common[] =
	"endpoint certificate key ca server-uri timeout json";

static const struct verb verbs[] = {
	{ .noun = "account",
	  .action = "open",
	  .operands = "ADDRESS",
	  .operand_count = 1,
	  .options = "name limit ceiling gateway-forbidden id",
	  .meaning = "open an account (operator)",
	  .run = verb_account_open },
	{ .noun = "account",
	  .action = "list",
	  .operands = "",
	  .options = "",
	  .meaning = "all accounts one may see",
	  .run = verb_account_list },
	{ .noun = "account",
	  .action = "show",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "",
	  .meaning = "one account with balance and holds",
	  .run = verb_account_show },
	{ .noun = "account",
	  .action = "limits",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "limit ceiling reason id",
	  .meaning = "set credit limit and balance ceiling (treasurer)",
	  .run = verb_account_limits },
	{ .noun = "account",
	  .action = "freeze",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "reason id",
	  .meaning = "no new transfers and holds (operator)",
	  .run = verb_account_freeze },
	{ .noun = "account",
	  .action = "unfreeze",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "reason id",
	  .meaning = "undo freeze (operator)",
	  .run = verb_account_unfreeze },
	{ .noun = "account",
	  .action = "close",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "reason id",
	  .meaning = "close for ever, at balance zero (operator)",
	  .run = verb_account_close },
	{ .noun = "account",
	  .action = "import",
	  .operands = "FILE.csv",
	  .operand_count = 1,
	  .options = "strict quiet",
	  .meaning = "open what is not there yet; columns address, "
		     "display_name, credit_limit, balance_ceiling (operator)",
	  .run = verb_account_import },
	{ .noun = "transfer",
	  .action = "post",
	  .operands = "FROM TO AMOUNT",
	  .operand_count = 3,
	  .options = "kind reference memo id",
	  .meaning = "pay",
	  .run = verb_transfer_post },
	{ .noun = "transfer",
	  .action = "show",
	  .operands = "UUID",
	  .operand_count = 1,
	  .options = "",
	  .meaning = "look a transfer up by its id",
	  .run = verb_transfer_show },
	{ .noun = "transfer",
	  .action = "import",
	  .operands = "FILE.csv",
	  .operand_count = 1,
	  .options = "batch state refused retry-refused strict quiet",
	  .meaning = "pay line by line, in the order of the file; columns "
		     "from, to, amount, and optionally id, memo, reference; "
		     "cut off, it can be repeated and posts nothing twice",
	  .run = verb_transfer_import },
	{ .noun = "hold",
	  .action = "place",
	  .operands = "FROM TO AMOUNT",
	  .operand_count = 3,
	  .options = "expires kind reference memo id",
	  .meaning = "promise a payment until it expires",
	  .run = verb_hold_place },
	{ .noun = "hold",
	  .action = "post",
	  .operands = "HOLD [AMOUNT]",
	  .operand_count = 1,
	  .operand_optional = 1,
	  .options = "id",
	  .meaning = "keep the promise, whole or in part",
	  .run = verb_hold_post },
	{ .noun = "hold",
	  .action = "void",
	  .operands = "HOLD",
	  .operand_count = 1,
	  .options = "reason id",
	  .meaning = "give the promise back (payee, gateway, operator)",
	  .run = verb_hold_void },
	{ .noun = "hold",
	  .action = "show",
	  .operands = "HOLD",
	  .operand_count = 1,
	  .options = "",
	  .meaning = "one hold",
	  .run = verb_hold_show },
	{ .noun = "hold",
	  .action = "list",
	  .operands = "",
	  .options = "account state",
	  .meaning = "holds in the order they were placed",
	  .run = verb_hold_list },
	{ .noun = "balance",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "",
	  .meaning = "the newest balance, and what may be paid and received",
	  .run = verb_balance },
	{ .noun = "statement",
	  .operands = "ACCOUNT",
	  .operand_count = 1,
	  .options = "from until",
	  .meaning = "opening balance, entries, closing balance",
	  .run = verb_statement },
	{ .noun = "export",
	  .operands = "",
	  .options = "format account quiet",
	  .meaning = "all posted entries on stdout",
	  .run = verb_export },
	{ .noun = "node",
	  .operands = "",
	  .options = "",
	  .meaning = "which node answers, and how it is",
	  .run = verb_node },
	{ .noun = "health",
	  .operands = "[SERVICE]",
	  .operand_optional = 1,
	  .options = "",
	  .meaning = "does it serve? status 0 or 3",
	  .anonymous = true,
	  .run = verb_health },
	{ .noun = "id",
	  .operands = "",
	  .options = "",
	  .meaning = "make a UUIDv7",
	  .local = true,
	  .run = verb_id },
	{ .noun = "init",
	  .operands = "",
	  .options = "config database federation city unit decimals node-key",
	  .meaning = "write block 0 of a new city's journal; again is no harm",
	  .local = true,
	  .run = verb_init },
	{ .noun = "rejoin",
	  .operands = "",
	  .options = "config reason open-early",
	  .meaning = "let a stopped node go on from a restored backup or an "
		     "empty database; it rebuilds its books from its "
		     "neighbours (operator)",
	  .local = true,
	  .run = verb_rejoin },
	{ .noun = "keygen",
	  .operands = "",
	  .options = "out",
	  .meaning = "make a city's node key (Ed25519), with which it signs",
	  .local = true,
	  .run = verb_keygen },
	{ .noun = "federation",
	  .action = "init",
	  .operands = "FILE",
	  .operand_count = 1,
	  .options = "federation unit decimals founders",
	  .meaning = "begin a roster: the file a federation is known by",
	  .local = true,
	  .run = verb_federation_init },
	{ .noun = "federation",
	  .action = "add-city",
	  .operands = "FILE CITY",
	  .operand_count = 2,
	  .options = "node-key place latitude longitude bioregion",
	  .meaning = "put a city into it, with --ca and --endpoint; changing "
		     "a signed roster begins its next version, to be signed "
		     "anew",
	  .local = true,
	  .run = verb_federation_add_city },
	{ .noun = "federation",
	  .action = "set-city",
	  .operands = "FILE CITY",
	  .operand_count = 2,
	  .options = "place latitude longitude bioregion gone",
	  .meaning = "change what is given; also --ca, --endpoint",
	  .local = true,
	  .run = verb_federation_set_city },
	{ .noun = "federation",
	  .action = "add-link",
	  .operands = "FILE A B",
	  .operand_count = 3,
	  .options = "line-a line-b in-flight",
	  .meaning = "link two cities, or change the lines of their link",
	  .local = true,
	  .run = verb_federation_add_link },
	{ .noun = "federation",
	  .action = "set-key",
	  .operands = "FILE CITY",
	  .operand_count = 2,
	  .options = "node-key revoke drop",
	  .meaning = "give a city a new key and retire its old one; the old "
		     "one signs this version",
	  .local = true,
	  .run = verb_federation_set_key },
	{ .noun = "federation",
	  .action = "sign",
	  .operands = "FILE",
	  .operand_count = 1,
	  .options = "city",
	  .meaning = "sign it as a founder, with --key FILE, its node key",
	  .local = true,
	  .run = verb_federation_sign },
	{ .noun = "federation",
	  .action = "show",
	  .operands = "FILE",
	  .operand_count = 1,
	  .options = "",
	  .meaning = "its cities, links and signatures",
	  .local = true,
	  .run = verb_federation_show },
	{ .noun = "federation",
	  .action = "verify",
	  .operands = "FILE",
	  .operand_count = 1,
	  .options = "previous",
	  .meaning = "is it sound and signed? status 0 or 1",
	  .local = true,
	  .run = verb_federation_verify },
	{ 0 },
};

const struct language clearctl_language = { verbs, words, common };

static void list_words(const char *names, FILE *out)
{
	for (const struct option_word *word = words; word->name != NULL;
	     word++) {
		char left[64];

		if (!word_in(names, word->name))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", word->name,
			 word->value != NULL ? " " : "",
			 word->value != NULL ? word->value : "");
		fprintf(out, "  %-24s  %s\n", left, word->meaning);
	}
}

static void list_verbs(FILE *out)
{
	for (const struct verb *verb = verbs; verb->noun != NULL; verb++) {
		char left[64];

		snprintf(left, sizeof(left), "%s%s%s %s", verb->noun,
			 verb->action != NULL ? " " : "",
			 verb->action != NULL ? verb->action : "",
			 verb->operands);
		/* The whole of it stands in its own --help. */
		fprintf(out, "  %-30s  %.*s\n", left,
			(int)strcspn(verb->meaning, ";"), verb->meaning);
	}
}

void verb_usage(const struct verb *verb, FILE *out)
{
	if (verb == NULL) {
		fputs("usage: clearctl [OPTIONS] VERB ...\n\n", out);
		list_verbs(out);
		fputs("\nof all verbs (--help after one tells its own):\n",
		      out);
	} else {
		fprintf(out, "usage: clearctl %s%s%s %s [OPTIONS]\n\n%s\n\n",
			verb->noun, verb->action != NULL ? " " : "",
			verb->action != NULL ? verb->action : "",
			verb->operands, verb->meaning);
		list_words(verb->options, out);
		fputs("\nof all verbs:\n", out);
	}
	list_words(common, out);
	fputs("\nAn ACCOUNT is its number, its address coop[/purpose]@city, "
	      "or the address\nwithout the city for one's own. Options may "
	      "stand in the environment as\nCLEARCTL_ENDPOINT, "
	      "CLEARCTL_CERTIFICATE, ..., or in\n"
	      "~/.config/clearing/clearctl.conf as `endpoint = ...`.\n\n"
	      "Exit status: 0 done, 1 refused, 2 usage, 3 no answer (send "
	      "again with the\nsame id), 4 identity or permission, 5 not "
	      "found, 6 conflict, 7 local file.\n",
	      out);
}
