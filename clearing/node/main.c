/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearingd: the clearing node of one city. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "node/config.h"
#include "node/credentials.h"
#include "node/log.h"
#include "node/node.h"

static const char help[] =
	"usage: clearingd [--config FILE] [--check-config] [--takeover]\n"
	"\n"
	"The clearing node of one city. It needs a database that is set up;\n"
	"deploy/clearing-node makes and runs one.\n"
	"\n"
	"  --config FILE    default /etc/clearing/clearing.conf\n"
	"  --check-config   read the configuration and the files it names, and "
	"end\n"
	"  --takeover       take over from a node that still runs\n"
	"  --help, --version\n"
	"\n"
	"Signals: TERM stops, HUP reads TLS files and limits again, USR1\n"
	"confirms the clock after a jump. Exit status: 0 stopped,\n"
	"2 configuration, 3 no database, 4 schema, 5 fenced, 6 database "
	"behind\n"
	"what was acknowledged, 7 durability off, 8 journal damaged.\n";

enum option_number {
	OPTION_CONFIG = 1,
	OPTION_CHECK_CONFIG,
	OPTION_TAKEOVER,
	OPTION_HELP,
	OPTION_VERSION,
};

struct arguments {
	const char *config_path;
	bool check_config;
	bool takeover;
	bool done; /* --help, --version */
};

/* False: usage, which was said. */
static bool read_arguments(int count, char **texts, struct arguments *out)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
		{ "takeover", no_argument, NULL, OPTION_TAKEOVER },
		{ "help", no_argument, NULL, OPTION_HELP },
		{ "version", no_argument, NULL, OPTION_VERSION },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*out = (struct arguments){ .config_path =
					   "/etc/clearing/clearing.conf" };
	while ((option = getopt_long(count, texts, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			out->config_path = optarg;
			break;
		case OPTION_CHECK_CONFIG:
			out->check_config = true;
			break;
		case OPTION_TAKEOVER:
			out->takeover = true;
			break;
		case OPTION_HELP:
			fputs(help, stdout);
			out->done = true;
			return true;
		case OPTION_VERSION:
			puts("clearingd " CLEARING_VERSION);
			out->done = true;
			return true;
		default:
			fputs(help, stderr);
			return false;
		}
	}
	if (optind < count) {
		fprintf(stderr, "clearingd: what is \"%s\"?\n%s", texts[optind],
			help);
		return false;
	}
	return true;
}

/* As many descriptors as the system lets us have. */
static void raise_limits(const struct config *config)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	/* The database, files and threads take a few dozen. */
	if (limit.rlim_cur < config->connections_max + 64)
		log_event(
			LOG_WARNING, "few_descriptors",
			LOG_NUMBER("allowed", limit.rlim_cur),
			LOG_NUMBER("connections_max", config->connections_max),
			LOG_END);
}

static int check_only(struct config *config, const char *path)
{
	char error[CREDENTIALS_ERROR_SIZE];
	SSL_CTX *tls = credentials_load(config, NULL, error);
	bool has_database = config->hosts != NULL;
	struct roster_file federation = { 0 };

	if (tls != NULL && !roster_file_load(&federation, config, error)) {
		SSL_CTX_free(tls);
		tls = NULL;
	}
	roster_file_release(&federation);
	config_release(config);
	if (tls == NULL) {
		fprintf(stderr, "%s: %s\n", path, error);
		return EXIT_CONFIGURATION;
	}
	SSL_CTX_free(tls);
	printf("%s: sound%s\n", path,
	       has_database ? ""
			    : ", but without [database]: run it by "
			      "deploy/clearing-node");
	return EXIT_STOPPED;
}

int main(int count, char **texts)
{
	char error[CONFIG_ERROR_SIZE];
	struct arguments arguments;
	struct config config;

	if (!read_arguments(count, texts, &arguments))
		return EXIT_CONFIGURATION;
	if (arguments.done)
		return EXIT_STOPPED;
	if (!config_read(arguments.config_path, &config, error)) {
		fprintf(stderr, "%s\n", error);
		return EXIT_CONFIGURATION;
	}
	if (arguments.check_config)
		return check_only(&config, arguments.config_path);
	if (config.hosts == NULL) {
		fprintf(stderr,
			"%s: no [database] hosts; clearingd never starts a "
			"database: use deploy/clearing-node --data DIR, or "
			"name one\n",
			arguments.config_path);
		config_release(&config);
		return EXIT_CONFIGURATION;
	}
	log_set(config.level, config.format);
	signal(SIGPIPE, SIG_IGN);
	raise_limits(&config);
	return node_run(&config, arguments.config_path, CLEARING_VERSION,
			arguments.takeover);
}
