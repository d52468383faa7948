/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearbench: how fast a node is, beside what its database does alone. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/baseline.h"
#include "tools/bench/bench.h"
#include "tools/bench/inside.h"
#include "tools/bench/of_link.h"
#include "tools/bench/of_net.h"
#include "tools/bench/of_node.h"

#define ACCOUNTS_DEFAULT 1000
#define ACCOUNTS_MAX 100000
#define SECONDS_DEFAULT 5.0
#define SECONDS_MAX 3600.0
#define TARGET_OVER_SQL 150.0

enum bench_exit {
	BENCH_MEASURED = 0,
	BENCH_MISSED = 1,
	BENCH_USAGE = 2,
	BENCH_FAILED = 3,
};

enum bench_what { BENCH_NODE, BENCH_LINK, BENCH_CORE, BENCH_NET };

/* What the command line says beside struct bench. */
struct arguments {
	enum bench_what what;
	bool json, check_targets;
	struct bench bench;
	struct of_net net;
};

static const char usage_text[] =
	"usage: clearbench node [OPTIONS]\n"
	"       clearbench link [OPTIONS] [--to-OPTIONS]\n"
	"       clearbench core [--seconds N] [--json]\n"
	"       clearbench net [--obligations N] [--family NAME] [--file "
	"FILE]\n"
	"                      [--lemon PROGRAM] [--seconds N] [--json]\n\n"
	"  --endpoint HOST:PORT          of the node\n"
	"  --ca FILE                     the city's CA\n"
	"  --operator-certificate FILE   opens accounts bench-1, bench-2, ...\n"
	"  --operator-key FILE\n"
	"  --gateway-certificate FILE    sends the transfers\n"
	"  --gateway-key FILE\n"
	"  --server-uri URI              the node's, if not of the same city\n"
	"  --database WORDS              'hosts=... dbname=... user=...': "
	"measure the\n"
	"                                baselines there, in a schema that is "
	"made and dropped\n"
	"  --seconds N                   for each figure (default 5)\n"
	"  --accounts N                  2 to 100000 (default 1000)\n"
	"  --json                        a list of name, value, unit, ratio, "
	"target, met\n"
	"  --check                       status 1 when a target is missed\n\n"
	"A link is measured with payments from the node to a neighbour, whose "
	"operator\nsees to accounts there:\n\n"
	"  --to-endpoint HOST:PORT       --to-ca FILE    --to-server-uri URI\n"
	"  --to-operator-certificate FILE                --to-operator-key "
	"FILE\n\n"
	"Set-offs (net) are measured on generated families (scale_free, "
	"cities,\nring, equal, supply) of N obligations, 100 to 10000000 "
	"(default 100000), and on\nthose of FILE, beside LEMON's solvers where "
	"clearbench-lemon was built, each for\nat most --seconds; ratios are "
	"of CostScaling to ours.\n\n"
	"Ratios: batched, hot pair and single to baseline_sql, sustained to\n"
	"baseline_copy, core to baseline_journal, link to single_256. Absolute "
	"figures are\ntold, ratios are what can be compared.\n\n"
	"Exit status: 0 measured, 1 with --check and a target missed, 2 usage, "
	"3 could not\nrun.\n";

#define PLACE(member) offsetof(struct bench, member)

/* Names of options with a value, and where it goes. */
static const struct text_option {
	const char *name;
	size_t offset;
} text_options[] = {
	{ "--endpoint", PLACE(node.endpoint) },
	{ "--ca", PLACE(node.ca) },
	{ "--server-uri", PLACE(node.server_uri) },
	{ "--operator-certificate", PLACE(node.operator_certificate) },
	{ "--operator-key", PLACE(node.operator_key) },
	{ "--gateway-certificate", PLACE(node.gateway_certificate) },
	{ "--gateway-key", PLACE(node.gateway_key) },
	{ "--to-endpoint", PLACE(to.endpoint) },
	{ "--to-ca", PLACE(to.ca) },
	{ "--to-server-uri", PLACE(to.server_uri) },
	{ "--to-operator-certificate", PLACE(to.operator_certificate) },
	{ "--to-operator-key", PLACE(to.operator_key) },
	{ "--database", PLACE(database) },
};

static bool take_text(struct bench *bench, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(text_options) / sizeof(text_options[0]);
	     i++) {
		if (strcmp(text_options[i].name, name) == 0) {
			*(const char **)((char *)bench +
					 text_options[i].offset) = value;
			return true;
		}
	}
	return false;
}

static bool take_number(struct bench *bench, const char *name,
			const char *value)
{
	char *end = NULL;
	double number = strtod(value, &end);

	if (end == value || *end != '\0')
		return false;
	if (strcmp(name, "--seconds") == 0 && number > 0 &&
	    number <= SECONDS_MAX)
		bench->seconds = number;
	else if (strcmp(name, "--accounts") == 0 && number >= 2 &&
		 number <= ACCOUNTS_MAX)
		bench->account_count = (uint32_t)number;
	else
		return false;
	return true;
}

static bool take_what(const char *word, enum bench_what *what)
{
	static const char *const words[] = { [BENCH_NODE] = "node",
					     [BENCH_LINK] = "link",
					     [BENCH_CORE] = "core",
					     [BENCH_NET] = "net" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*what = (enum bench_what)i;
			return true;
		}
	}
	return false;
}

/* Is given what cannot be guessed? */
static bool is_enough(const struct arguments *arguments)
{
	const struct bench_node *node = &arguments->bench.node;
	const struct bench_node *to = &arguments->bench.to;

	if (arguments->what == BENCH_CORE || arguments->what == BENCH_NET)
		return true;
	if (arguments->what == BENCH_LINK &&
	    (to->endpoint == NULL || to->ca == NULL ||
	     to->operator_certificate == NULL || to->operator_key == NULL))
		return false;
	return node->endpoint != NULL && node->ca != NULL &&
	       node->operator_certificate != NULL &&
	       node->operator_key != NULL &&
	       node->gateway_certificate != NULL && node->gateway_key != NULL;
}

static bool take_net(struct of_net *net, const char *name, const char *value)
{
	char *end = NULL;
	unsigned long number;

	if (strcmp(name, "--file") == 0) {
		net->file = value;
		return true;
	}
	if (strcmp(name, "--family") == 0) {
		net->family = value;
		return of_net_knows(value);
	}
	if (strcmp(name, "--lemon") == 0) {
		net->lemon = value;
		return true;
	}
	number = strtoul(value, &end, 10);
	if (strcmp(name, "--obligations") != 0 || *end != '\0' ||
	    number < OF_NET_OBLIGATIONS_MIN || number > OF_NET_OBLIGATIONS_MAX)
		return false;
	net->obligation_count = (uint32_t)number;
	return true;
}

static bool parse(int argc, char **argv, struct arguments *arguments)
{
	struct bench *bench = &arguments->bench;

	if (argc < 2 || !take_what(argv[1], &arguments->what))
		return false;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			arguments->json = true;
		else if (strcmp(argv[i], "--check") == 0)
			arguments->check_targets = true;
		else if (i + 1 == argc ||
			 (!take_text(bench, argv[i], argv[i + 1]) &&
			  !take_number(bench, argv[i], argv[i + 1]) &&
			  !take_net(&arguments->net, argv[i], argv[i + 1])))
			return false;
		else
			i++;
	}
	return is_enough(arguments);
}

static bool measure_baselines(struct bench *bench)
{
	struct database_words words;
	bool sound;

	if (bench->database == NULL)
		return true;
	if (!database_parse(bench->database, &words, bench->error))
		return false;
	sound = baseline_run(&words, bench->seconds, &bench->figures,
			     bench->error);
	database_release(&words);
	return sound;
}

static bool run(struct arguments *arguments)
{
	struct bench *bench = &arguments->bench;

	switch (arguments->what) {
	case BENCH_NODE:
		if (!bench_prepare(bench) || !of_node_run(bench) ||
		    !measure_baselines(bench))
			return false;
		break;
	case BENCH_LINK:
		return bench_prepare(bench) && of_link_run(bench);
	case BENCH_NET:
		arguments->net.limit_s = (uint32_t)(bench->seconds + 1);
		return of_net_run(&arguments->net, &bench->figures,
				  bench->error, sizeof(bench->error));
	case BENCH_CORE:
		break;
	}
	inside_run(bench->seconds, &bench->figures);
	return true;
}

static void relate(struct figures *figures)
{
	figures_relate(figures, "batched_100", "baseline_sql", TARGET_OVER_SQL);
	figures_relate(figures, "batched_1000", "baseline_sql",
		       TARGET_OVER_SQL);
	figures_relate(figures, "hot_pair_1000", "baseline_sql", 0);
	figures_relate(figures, "single_256", "baseline_sql", 0);
	figures_relate(figures, "sustained_1000", "baseline_copy", 0);
	figures_relate(figures, "core", "baseline_journal", 0);
	figures_relate(figures, "link", "single_256", OF_LINK_TARGET);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.bench = { .seconds = SECONDS_DEFAULT,
			   .account_count = ACCOUNTS_DEFAULT },
		.net = { .obligation_count = OF_NET_OBLIGATIONS_DEFAULT },
	};
	struct bench *bench = &arguments.bench;
	bool done;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		return BENCH_MEASURED;
	}
	if (!parse(argc, argv, &arguments)) {
		fputs(usage_text, stderr);
		return BENCH_USAGE;
	}
	done = run(&arguments);
	bench_release(bench);
	relate(&bench->figures);
	if (arguments.json)
		figures_print_json(&bench->figures, stdout);
	else
		figures_print(&bench->figures, stdout);
	if (!done) {
		fprintf(stderr, "clearbench: %s\n", bench->error);
		return BENCH_FAILED;
	}
	return arguments.check_targets && !figures_met(&bench->figures)
		       ? BENCH_MISSED
		       : BENCH_MEASURED;
}
