/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/arguments.h"

#include <stdio.h>
#include <string.h>

bool word_in(const char *list, const char *name)
{
	size_t size = strlen(name);

	while (*list != '\0') {
		size_t word = strcspn(list, " ");

		if (word == size && memcmp(list, name, size) == 0)
			return true;
		list += word;
		list += strspn(list, " ");
	}
	return false;
}

/* The word that @text (after its dashes) names up to '=' or its end. */
static const struct option_word *find_word(const struct language *language,
					   const char *text)
{
	size_t size = strcspn(text, "=");

	for (const struct option_word *word = language->words;
	     word->name != NULL; word++) {
		if (strlen(word->name) == size &&
		    memcmp(word->name, text, size) == 0)
			return word;
	}
	return NULL;
}

static bool take_option(const struct language *language, char **argv, int *at,
			struct arguments *out, char *error)
{
	const char *text = argv[*at] + 2;
	const struct option_word *word = find_word(language, text);
	const char *value = strchr(text, '=');

	if (word == NULL) {
		snprintf(error, ARGUMENTS_ERROR_SIZE, "no option --%s", text);
		return false;
	}
	if (value != NULL)
		value++;
	else if (word->value != NULL)
		value = argv[++*at];
	if ((word->value != NULL) != (value != NULL)) {
		snprintf(error, ARGUMENTS_ERROR_SIZE, "--%s takes %s",
			 word->name,
			 word->value != NULL ? word->value : "no value");
		return false;
	}
	if (out->option_count == OPTIONS_MAX ||
	    arguments_has(out, word->name)) {
		snprintf(error, ARGUMENTS_ERROR_SIZE, "--%s is given twice",
			 word->name);
		return false;
	}
	out->options[out->option_count++] =
		(struct given_option){ word->name, value };
	return true;
}

/* The verb of up to two leading words; *@used tells how many it took. */
static const struct verb *find_verb(const struct language *language,
				    const char *const *words, uint32_t count,
				    uint32_t *used)
{
	for (const struct verb *verb = language->verbs; verb->noun != NULL;
	     verb++) {
		if (count == 0 || strcmp(verb->noun, words[0]) != 0)
			continue;
		*used = verb->action == NULL ? 1 : 2;
		if (verb->action == NULL ||
		    (count > 1 && strcmp(verb->action, words[1]) == 0))
			return verb;
	}
	return NULL;
}

static bool options_fit(const struct language *language,
			const struct arguments *out, char *error)
{
	for (uint32_t i = 0; i < out->option_count; i++) {
		const char *name = out->options[i].name;

		if (word_in(language->common, name) ||
		    word_in(out->verb->options, name))
			continue;
		snprintf(error, ARGUMENTS_ERROR_SIZE,
			 "%s%s%s takes no option --%s", out->verb->noun,
			 out->verb->action != NULL ? " " : "",
			 out->verb->action != NULL ? out->verb->action : "",
			 name);
		return false;
	}
	return true;
}

static bool fit_verb(const struct language *language, const char *const *words,
		     uint32_t count, struct arguments *out, char *error)
{
	uint32_t used = 0;

	out->verb = find_verb(language, words, count, &used);
	if (out->verb == NULL) {
		snprintf(error, ARGUMENTS_ERROR_SIZE,
			 count == 0 ? "no command given"
				    : "no command '%s%s%s'",
			 count > 0 ? words[0] : "", count > 1 ? " " : "",
			 count > 1 ? words[1] : "");
		return out->help;
	}
	out->operand_count = count - used;
	for (uint32_t i = used; i < count && i - used < OPERANDS_MAX; i++)
		out->operands[i - used] = words[i];
	if (out->help)
		return true;
	if (out->operand_count < out->verb->operand_count ||
	    out->operand_count >
		    out->verb->operand_count + out->verb->operand_optional) {
		snprintf(error, ARGUMENTS_ERROR_SIZE, "%s%s%s wants: %s",
			 out->verb->noun, out->verb->action != NULL ? " " : "",
			 out->verb->action != NULL ? out->verb->action : "",
			 out->verb->operands[0] != '\0' ? out->verb->operands
							: "no operand");
		return false;
	}
	return options_fit(language, out, error);
}

bool arguments_parse(const struct language *language, int argc, char **argv,
		     struct arguments *out, char *error)
{
	const char *words[OPERANDS_MAX + 2];
	uint32_t count = 0;
	bool only_words = false;

	*out = (struct arguments){ 0 };
	for (int i = 1; i < argc; i++) {
		if (!only_words && strcmp(argv[i], "--") == 0) {
			only_words = true;
		} else if (!only_words && (strcmp(argv[i], "--help") == 0 ||
					   strcmp(argv[i], "-h") == 0)) {
			out->help = true;
		} else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
			if (!take_option(language, argv, &i, out, error))
				return false;
		} else if (count < OPERANDS_MAX + 2) {
			words[count++] = argv[i];
		} else {
			snprintf(error, ARGUMENTS_ERROR_SIZE,
				 "too many operands from '%s' on", argv[i]);
			return false;
		}
	}
	return fit_verb(language, words, count, out, error);
}

const char *arguments_value(const struct arguments *arguments, const char *name)
{
	for (uint32_t i = 0; i < arguments->option_count; i++) {
		if (strcmp(arguments->options[i].name, name) == 0)
			return arguments->options[i].value;
	}
	return NULL;
}

bool arguments_has(const struct arguments *arguments, const char *name)
{
	for (uint32_t i = 0; i < arguments->option_count; i++) {
		if (strcmp(arguments->options[i].name, name) == 0)
			return true;
	}
	return false;
}
