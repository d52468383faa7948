/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/database.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct known_word {
	const char *name;
	size_t offset;
} known_words[] = {
	{ "hosts", offsetof(struct database_words, hosts) },
	{ "dbname", offsetof(struct database_words, dbname) },
	{ "user", offsetof(struct database_words, user) },
	{ "password_file", offsetof(struct database_words, password_file) },
	{ "sslmode", offsetof(struct database_words, sslmode) },
	{ "sslrootcert", offsetof(struct database_words, sslrootcert) },
};

static bool set_word(struct database_words *words, const char *name,
		     const char *value)
{
	for (size_t i = 0; i < sizeof(known_words) / sizeof(known_words[0]);
	     i++) {
		const char **place =
			(const char **)((char *)words + known_words[i].offset);

		if (strcmp(known_words[i].name, name) == 0 && *place == NULL) {
			*place = value;
			return true;
		}
	}
	return false;
}

/* The end of the value at *@value, which is cut there; NULL: open quote. */
static char *cut_value(char **value)
{
	char *end;

	if (**value == '\'') {
		(*value)++;
		end = strchr(*value, '\'');
		if (end == NULL)
			return NULL;
	} else {
		end = *value + strcspn(*value, " \t\n");
	}
	if (*end != '\0')
		*end++ = '\0';
	return end;
}

static bool parse_words(struct database_words *words, char *error)
{
	char *at = words->text;

	for (at += strspn(at, " \t\n"); *at != '\0';
	     at += strspn(at, " \t\n")) {
		char *name = at;
		char *value = strchr(at, '=');

		if (value == NULL) {
			snprintf(error, DATABASE_ERROR_SIZE,
				 "'%.60s': write name=value", name);
			return false;
		}
		*value++ = '\0';
		at = cut_value(&value);
		if (at == NULL || !set_word(words, name, value)) {
			snprintf(error, DATABASE_ERROR_SIZE,
				 "'%.60s': not one of hosts, dbname, user, "
				 "password_file, sslmode, sslrootcert once "
				 "each, or an open quote",
				 name);
			return false;
		}
	}
	if (words->hosts != NULL && words->dbname != NULL)
		return true;
	snprintf(error, DATABASE_ERROR_SIZE, "give hosts= and dbname=");
	return false;
}

bool database_parse(const char *text, struct database_words *out, char *error)
{
	*out = (struct database_words){ .text = strdup(text) };
	check(out->text != NULL);
	if (parse_words(out, error))
		return true;
	database_release(out);
	return false;
}

void database_release(struct database_words *words)
{
	free(words->text);
	*words = (struct database_words){ 0 };
}
