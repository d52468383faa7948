/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearbench: how fast a node is, beside what its database does alone. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/bench/baseline.h"
#include "tools/bench/city.h"
#include "tools/bench/figures.h"
#include "tools/bench/inside.h"
#include "tools/bench/load.h"
#include "tools/system.h"

#define ACCOUNTS_DEFAULT 1000
#define ACCOUNTS_MAX 100000
#define SECONDS_DEFAULT 5.0
#define SECONDS_MAX 3600.0
#define CATCH_UP_US (UINT64_C(300) * 1000000)
#define TARGET_OVER_SQL 150.0

enum bench_exit {
	BENCH_MEASURED = 0,
	BENCH_MISSED = 1,
	BENCH_USAGE = 2,
	BENCH_FAILED = 3,
};

struct bench {
	/* given */
	const char *endpoint, *ca, *server_uri, *database;
	const char *operator_certificate, *operator_key;
	const char *gateway_certificate, *gateway_key;
	double seconds;
	uint32_t account_count;
	bool json, check_targets, core_only;
	/* made */
	struct figures figures;
	struct channel *gateway;
	uint64_t *accounts;
	struct draw draw;
	char error[CHANNEL_ERROR_SIZE];
};

static const char usage_text[] =
	"usage: clearbench node [OPTIONS]\n"
	"       clearbench core [--seconds N] [--json]\n\n"
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
	"Ratios: batched, hot pair and single to baseline_sql, sustained to\n"
	"baseline_copy, core to baseline_journal. Absolute figures are told, "
	"ratios are\nwhat can be compared.\n\n"
	"Exit status: 0 measured, 1 with --check and a target missed, 2 usage, "
	"3 could not\nrun.\n";

/* Names of options with a value, and where it goes. */
static const struct text_option {
	const char *name;
	size_t offset;
} text_options[] = {
	{ "--endpoint", offsetof(struct bench, endpoint) },
	{ "--ca", offsetof(struct bench, ca) },
	{ "--server-uri", offsetof(struct bench, server_uri) },
	{ "--database", offsetof(struct bench, database) },
	{ "--operator-certificate",
	  offsetof(struct bench, operator_certificate) },
	{ "--operator-key", offsetof(struct bench, operator_key) },
	{ "--gateway-certificate",
	  offsetof(struct bench, gateway_certificate) },
	{ "--gateway-key", offsetof(struct bench, gateway_key) },
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

static bool parse(int argc, char **argv, struct bench *bench)
{
	if (argc < 2)
		return false;
	bench->core_only = strcmp(argv[1], "core") == 0;
	if (!bench->core_only && strcmp(argv[1], "node") != 0)
		return false;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			bench->json = true;
		else if (strcmp(argv[i], "--check") == 0)
			bench->check_targets = true;
		else if (i + 1 == argc ||
			 (!take_text(bench, argv[i], argv[i + 1]) &&
			  !take_number(bench, argv[i], argv[i + 1])))
			return false;
		else
			i++;
	}
	return bench->core_only ||
	       (bench->endpoint != NULL && bench->ca != NULL &&
		bench->operator_certificate != NULL &&
		bench->operator_key != NULL &&
		bench->gateway_certificate != NULL &&
		bench->gateway_key != NULL);
}

static struct channel *dial(struct bench *bench, const char *certificate,
			    const char *key)
{
	struct channel *channel = NULL;
	struct channel_options options = {
		.endpoint = bench->endpoint,
		.certificate = certificate,
		.key = key,
		.ca = bench->ca,
		.server_uri = bench->server_uri,
		.timeout_us = 10000000,
	};

	return channel_open(&options, &channel, bench->error) == CHANNEL_OK
		       ? channel
		       : NULL;
}

static bool prepare(struct bench *bench)
{
	struct channel_self self;
	struct channel *operator;
	bool opened;

	if (channel_self(bench->operator_certificate, &self, bench->error) !=
	    CHANNEL_OK)
		return false;
	bench->accounts = calloc(bench->account_count, sizeof(uint64_t));
	check(bench->accounts != NULL);
	operator= dial(bench, bench->operator_certificate, bench->operator_key);
	if (operator== NULL)
		return false;
	opened = city_accounts(operator, self.city, bench->accounts,
			       bench->account_count, bench->error);
	channel_close(operator);
	if (!opened)
		return false;
	draw_init(&bench->draw, bench->accounts, bench->account_count);
	bench->gateway =
		dial(bench, bench->gateway_certificate, bench->gateway_key);
	return bench->gateway != NULL;
}

/* A figure of the load: its rate, and how long a request took. */
struct measure {
	const char *rate, *p50, *p99;
	uint32_t batch, in_flight;
	bool hot;
};

static bool run_load(struct bench *bench, const struct measure *measure,
		     struct load_result *out)
{
	struct draw draw = bench->draw;
	struct load_options options = {
		.channel = bench->gateway,
		.draw = &draw,
		.batch = measure->batch,
		.in_flight = measure->in_flight,
		.seconds = bench->seconds,
	};

	draw.back_and_forth = measure->hot;
	draw.state ^= system_monotonic_us() << 1;
	if (!load_run(&options, out, bench->error))
		return false;
	if (out->refused > 0)
		fprintf(stderr, "clearbench: %s: %llu transfers were refused\n",
			measure->rate, (unsigned long long)out->refused);
	return true;
}

static bool run_measure(struct bench *bench, const struct measure *measure)
{
	struct load_result result;

	if (!run_load(bench, measure, &result))
		return false;
	(void)figures_add(&bench->figures, measure->rate, "transfers/s",
			  (double)result.posted / result.seconds);
	if (measure->p50 == NULL)
		return true;
	(void)figures_add(&bench->figures, measure->p50, "ms",
			  result.p50_us / 1000);
	(void)figures_add(&bench->figures, measure->p99, "ms",
			  result.p99_us / 1000);
	return true;
}

static bool catch_up(struct bench *bench, uint64_t target)
{
	uint64_t until = system_monotonic_us() + CATCH_UP_US;
	uint64_t position = 0, projected = 0;

	while (system_monotonic_us() < until) {
		if (!city_position(bench->gateway, &position, &projected) ||
		    !channel_turn(bench->gateway, 5)) {
			snprintf(bench->error, sizeof(bench->error),
				 "the node does not answer");
			return false;
		}
		if (projected >= target)
			return true;
	}
	snprintf(bench->error, sizeof(bench->error),
		 "the projector did not catch up in 300 s");
	return false;
}

/* As fast as tables and journal together: until both are there. */
static bool run_sustained(struct bench *bench)
{
	const struct measure measure = { .rate = "sustained_1000",
					 .batch = 1000,
					 .in_flight = 16 };
	struct load_result result;
	uint64_t begun;

	begun = system_monotonic_us();
	if (!run_load(bench, &measure, &result) ||
	    !catch_up(bench, result.position))
		return false;
	(void)figures_add(&bench->figures, measure.rate, "transfers/s",
			  (double)result.posted * 1e6 /
				  (double)(system_monotonic_us() - begun));
	return true;
}

static bool measure_node(struct bench *bench)
{
	static const struct measure measures[] = {
		{ "batched_100", "batched_100_p50", "batched_100_p99", 100, 64,
		  false },
		{ "batched_1000", "batched_1000_p50", "batched_1000_p99", 1000,
		  16, false },
		{ "single_256", "single_256_p50", "single_256_p99", 1, 256,
		  false },
		{ "single_1", "single_1_p50", "single_1_p99", 1, 1, false },
		{ "hot_pair_1000", NULL, NULL, 1000, 16, true },
	};
	uint64_t position = 0, projected = 0;

	for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
		/* Each begins with nothing left over from the one before. */
		if (!run_measure(bench, &measures[i]) ||
		    !city_position(bench->gateway, &position, &projected) ||
		    !catch_up(bench, position))
			return false;
	}
	return run_sustained(bench);
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

static bool run(struct bench *bench)
{
	if (!bench->core_only && (!prepare(bench) || !measure_node(bench) ||
				  !measure_baselines(bench)))
		return false;
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
}

int main(int argc, char **argv)
{
	struct bench bench = {
		.seconds = SECONDS_DEFAULT,
		.account_count = ACCOUNTS_DEFAULT,
	};
	bool done;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage_text, stdout);
		return BENCH_MEASURED;
	}
	if (!parse(argc, argv, &bench)) {
		fputs(usage_text, stderr);
		return BENCH_USAGE;
	}
	done = run(&bench);
	channel_close(bench.gateway);
	free(bench.accounts);
	relate(&bench.figures);
	if (bench.json)
		figures_print_json(&bench.figures, stdout);
	else
		figures_print(&bench.figures, stdout);
	if (!done) {
		fprintf(stderr, "clearbench: %s\n", bench.error);
		return BENCH_FAILED;
	}
	return bench.check_targets && !figures_met(&bench.figures)
		       ? BENCH_MISSED
		       : BENCH_MEASURED;
}
