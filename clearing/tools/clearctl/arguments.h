/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * arguments: the command line taken apart: which verb, its operands, its
 * options.  Pure; the table of verbs stands in verbs.c.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_ARGUMENTS_H
#define CLEARING_TOOLS_CLEARCTL_ARGUMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

#define OPERANDS_MAX 4
#define OPTIONS_MAX 24
#define ARGUMENTS_ERROR_SIZE 256

struct session;

/* An option; one name means the same at every verb. */
struct option_word {
	const char *name;  /* without the dashes */
	const char *value; /* what follows it, for --help; NULL: nothing does */
	const char *meaning;
};

/* One command. */
struct verb {
	const char *noun;
	const char *action;   /* NULL: the noun is the whole command */
	const char *operands; /* "FROM TO AMOUNT", for --help */
	uint32_t operand_count;
	uint32_t operand_optional; /* how many more may follow */
	const char *options; /* names between spaces, besides the common ones */
	const char *meaning;
	bool local;	/* no connection to a node is wanted */
	bool anonymous; /* for callers without a role: ask not who is there */
	int (*run)(struct session *session); /* gives the exit status */
};

struct given_option {
	const char *name;
	const char *value;
};

struct arguments {
	const struct verb *verb; /* NULL: none was named */
	const char *operands[OPERANDS_MAX];
	uint32_t operand_count;
	struct given_option options[OPTIONS_MAX];
	uint32_t option_count;
	bool help;
};

/* What may be said: verbs end with a zeroed one, so do words. */
struct language {
	const struct verb *verbs;
	const struct option_word *words;
	const char *common; /* names of options that every verb has */
};

/*
 * arguments_parse: take @argv[1 ..] apart; options may stand anywhere, as
 * `--name value` or `--name=value`; after `--` all are operands.
 *
 * @out    views into @argv.
 * @error  ARGUMENTS_ERROR_SIZE bytes: what is wrong and what to write.
 * With .help set the operands are not complained about.
 */
bool arguments_parse(const struct language *language, int argc, char **argv,
		     struct arguments *out, char *error) MUST_CHECK;

/* arguments_value: what was given for --@name, or NULL. */
const char *arguments_value(const struct arguments *arguments,
			    const char *name);

/* arguments_has: was --@name given? */
bool arguments_has(const struct arguments *arguments, const char *name);

/* word_in: does @name stand in @list, whose names spaces part? */
bool word_in(const char *list, const char *name);

#endif
