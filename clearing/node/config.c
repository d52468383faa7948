/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/config.h"

#include <ctype.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "core/name.h"
#include "node/endpoint.h"
#include "node/config_key.h"
#include "node/config_line.h"
#include "node/file.h"

#define CONFIG_FILE_SIZE_MAX (1u << 20)
#define VARIABLE_SIZE_MAX 64
#define NUMBER_DIGITS_MAX 18

/* One parse under way. */
struct parse {
	struct config config;
	struct config_lines lines;
	const char *name;
	char *error;
	uint32_t seen[CONFIG_KEY_COUNT]; /* line of each key, 0: not given */
	bool failed;
	uint32_t failed_line;
};

static void *member_of(const struct config *config, size_t index)
{
	return (char *)(uintptr_t)config + config_keys[index].offset;
}

static bool is_number(size_t index)
{
	return config_keys[index].type == CONFIG_NUMBER;
}

/* Keep the first error: the others may follow from it. */
__attribute__((format(printf, 3, 4))) static int
fail(struct parse *parse, const char *where, const char *format, ...)
{
	va_list arguments;
	int size;

	if (parse->failed)
		return 0;
	parse->failed = true;
	parse->failed_line = parse->lines.line;
	if (where == NULL)
		size = snprintf(parse->error, CONFIG_ERROR_SIZE,
				"%s:%u: ", parse->name, parse->lines.line);
	else
		size = snprintf(parse->error, CONFIG_ERROR_SIZE, "%s: ", where);
	check(size >= 0);
	if (size >= CONFIG_ERROR_SIZE)
		return 0;
	va_start(arguments, format);
	vsnprintf(parse->error + size, CONFIG_ERROR_SIZE - (size_t)size, format,
		  arguments);
	va_end(arguments);
	return 0;
}

static bool parse_number(const char *text, uint64_t *out)
{
	size_t size = strlen(text);
	uint64_t value = 0;

	if (size == 0 || size > NUMBER_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*out = value;
	return true;
}

static bool is_address(const char *text)
{
	struct sockaddr_storage address;
	int size;

	return endpoint_parse(text, &address, &size);
}

static bool is_choice(const char *choices, const char *text)
{
	size_t size = strlen(text);
	const char *at = choices;

	while (size > 0 && (at = strstr(at, text)) != NULL) {
		bool begins = at == choices || at[-1] == ' ';
		bool ends = at[size] == ' ' || at[size] == '\0';

		if (begins && ends)
			return true;
		at += size;
	}
	return false;
}

/* What a value of @key should have been, when @text is not one. */
static const char *wrong_text(const struct config_key *key, const char *text,
			      char remedy[CONFIG_ERROR_SIZE])
{
	struct slice slice = slice_from_text(text);

	switch (key->type) {
	case CONFIG_NAME:
		if (name_valid(slice))
			return NULL;
		return "use lower-case letters, digits and single hyphens, "
		       "beginning with a letter, at most 32 bytes";
	case CONFIG_ADDRESS:
		return is_address(text) ? NULL
					: "use IP:PORT or [IPv6]:PORT, port 0 "
					  "for any free one";
	case CONFIG_CHOICE:
		if (is_choice(key->choices, text))
			return NULL;
		snprintf(remedy, CONFIG_ERROR_SIZE, "use one of: %s",
			 key->choices);
		return remedy;
	case CONFIG_TEXT:
	case CONFIG_NUMBER:
		break;
	}
	if (utf8_printable(slice) && slice.size >= key->min)
		return NULL;
	return "use a text without control characters";
}

static int set_number(struct parse *parse, const char *where, size_t index,
		      const char *value)
{
	const struct config_key *key = &config_keys[index];
	uint64_t *member = member_of(&parse->config, index);
	uint64_t number;

	if (parse_number(value, &number) && number >= key->min &&
	    number <= key->max) {
		*member = number;
		return 1;
	}
	return fail(parse, where,
		    "[%s] %s = %s is not a number from %llu to %llu; the "
		    "default is %s",
		    key->section, key->name, value,
		    (unsigned long long)key->min, (unsigned long long)key->max,
		    key->fallback);
}

/* @where: NULL for the present line of the file. */
static int set_value(struct parse *parse, const char *where, size_t index,
		     const char *value)
{
	const struct config_key *key = &config_keys[index];
	char remedy[CONFIG_ERROR_SIZE];
	const char *wrong;
	char **member;
	char *copy;

	if (is_number(index))
		return set_number(parse, where, index, value);
	wrong = wrong_text(key, value, remedy);
	/* Only the environment and names can pass the line's bound. */
	if (wrong == NULL && key->type == CONFIG_TEXT && where == NULL &&
	    strlen(value) > key->max)
		wrong = "use a shorter text";
	if (wrong != NULL)
		return fail(parse, where, "[%s] %s = %s is not valid; %s",
			    key->section, key->name, value, wrong);
	copy = strdup(value);
	if (copy == NULL)
		return fail(parse, where, "out of memory");
	member = member_of(&parse->config, index);
	free(*member);
	*member = copy;
	return 1;
}

/* An ini_handler: one key of the file. */
static int on_key(void *user, const char *section, const char *name,
		  const char *value)
{
	struct parse *parse = user;
	size_t index = config_key_find(section, name);

	if (index == CONFIG_KEY_COUNT && section[0] == '\0')
		return fail(parse, NULL,
			    "%s stands before any [section]; begin with "
			    "[node]",
			    name);
	if (index == CONFIG_KEY_COUNT && config_section_known(section))
		return fail(parse, NULL,
			    "unknown key [%s] %s; remove it or correct its "
			    "name",
			    section, name);
	if (index == CONFIG_KEY_COUNT) {
		uint32_t key_line = parse->lines.line;

		parse->lines.line = parse->lines.section_line;
		return fail(parse, NULL,
			    "unknown section [%s], which line %u is in; remove "
			    "it: sections are node listen tls federation "
			    "database limits log",
			    section, key_line);
	}
	if (parse->seen[index] != 0)
		return fail(parse, NULL,
			    "[%s] %s was given in line %u already; keep one",
			    section, name, parse->seen[index]);
	parse->seen[index] = parse->lines.line;
	return set_value(parse, NULL, index, value);
}

static bool parse_lines(struct parse *parse)
{
	int wrong_line = ini_parse_stream(config_line_next, &parse->lines,
					  on_key, parse);

	/* A line that libinih refused comes before what followed from it. */
	if (wrong_line > 0 &&
	    (!parse->failed || (uint32_t)wrong_line < parse->failed_line)) {
		parse->failed = false;
		parse->lines.line = (uint32_t)wrong_line;
		fail(parse, NULL,
		     "neither [section] nor key = value; correct "
		     "it or make it a comment with #");
	} else if (parse->lines.problem != NULL) {
		fail(parse, NULL, "%s", parse->lines.problem);
	}
	return !parse->failed;
}

/* CLEARING_SECTION_KEY comes before the file, the file before the default. */
static bool parse_environment(struct parse *parse,
			      config_environment *environment)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		char variable[VARIABLE_SIZE_MAX];
		const char *value;
		int size =
			snprintf(variable, sizeof(variable), "CLEARING_%s_%s",
				 config_keys[i].section, config_keys[i].name);

		check(size > 0 && size < (int)sizeof(variable));
		for (char *at = variable; *at != '\0'; at++)
			*at = (char)toupper((unsigned char)*at);
		value = environment(variable);
		if (value == NULL || value[0] == '\0')
			continue;
		if (!set_value(parse, variable, i, value))
			return false;
		parse->seen[i] = UINT32_MAX;
	}
	return true;
}

static bool parse_defaults(struct parse *parse)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		if (parse->seen[i] != 0)
			continue;
		if (key->required) {
			fail(parse, parse->name,
			     "[%s] %s is missing; it has no default",
			     key->section, key->name);
			return false;
		}
		if (key->fallback != NULL &&
		    !set_value(parse, parse->name, i, key->fallback))
			return false;
	}
	return true;
}

bool config_parse(struct slice text, const char *name,
		  config_environment *environment, struct config *out,
		  char *error)
{
	struct parse parse = { .lines = { .rest = text },
			       .name = name,
			       .error = error };

	if (!parse_lines(&parse) || !parse_environment(&parse, environment) ||
	    !parse_defaults(&parse)) {
		config_release(&parse.config);
		return false;
	}
	*out = parse.config;
	return true;
}

static const char *environment_of_process(const char *name)
{
	return getenv(name);
}

bool config_read(const char *path, struct config *out, char *error)
{
	struct slice text;
	bool ok;

	if (!file_read(path, CONFIG_FILE_SIZE_MAX, &text)) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "%s: cannot be read (%m); name another with --config",
			 path);
		return false;
	}
	ok = config_parse(text, path, environment_of_process, out, error);
	file_release(&text);
	return ok;
}

void config_release(struct config *config)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		if (!is_number(i))
			free(*(char **)member_of(config, i));
	*config = (struct config){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_value(const struct config *a, const struct config *b,
		       size_t index)
{
	if (is_number(index))
		return *(uint64_t *)member_of(a, index) ==
		       *(uint64_t *)member_of(b, index);
	return same_text(*(char **)member_of(a, index),
			 *(char **)member_of(b, index));
}

void config_compare(const struct config *old, const struct config *fresh,
		    void (*on_change)(void *context, const char *section,
				      const char *key, bool changeable),
		    void *context)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		if (!same_value(old, fresh, i))
			on_change(context, config_keys[i].section,
				  config_keys[i].name,
				  config_keys[i].changeable);
}
