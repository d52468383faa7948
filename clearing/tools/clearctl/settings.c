/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/clearctl/settings.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system.h"

#define TIMEOUT_S_MAX 86400.0

/* Each text setting: its flag, its environment name, its place. */
static const struct known_setting {
	const char *name;
	const char *environment;
	size_t offset;
} known_settings[] = {
	{ "endpoint", "CLEARCTL_ENDPOINT",
	  offsetof(struct settings, endpoint) },
	{ "certificate", "CLEARCTL_CERTIFICATE",
	  offsetof(struct settings, certificate) },
	{ "key", "CLEARCTL_KEY", offsetof(struct settings, key) },
	{ "ca", "CLEARCTL_CA", offsetof(struct settings, ca) },
	{ "server-uri", "CLEARCTL_SERVER_URI",
	  offsetof(struct settings, server_uri) },
};

#define SETTING_COUNT (sizeof(known_settings) / sizeof(known_settings[0]))

static char **place_of(struct settings *settings, size_t index)
{
	return (char **)((char *)settings + known_settings[index].offset);
}

static void set_once(struct settings *settings, size_t index, const char *value)
{
	char **place = place_of(settings, index);

	if (*place != NULL || value == NULL || value[0] == '\0')
		return;
	*place = strdup(value);
	check(*place != NULL);
}

bool settings_parse_timeout(const char *text, uint64_t *out_us)
{
	char *end = NULL;
	double seconds;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	seconds = strtod(text, &end);
	if (errno != 0 || !isfinite(seconds))
		return false;
	if (strcmp(end, "ms") == 0)
		seconds /= 1000;
	else if (strcmp(end, "s") != 0 && end[0] != '\0')
		return false;
	if (seconds <= 0 || seconds > TIMEOUT_S_MAX)
		return false;
	*out_us = (uint64_t)(seconds * 1e6);
	return *out_us > 0;
}

static char *trimmed(char *text)
{
	size_t size;

	text += strspn(text, " \t");
	size = strlen(text);
	while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL)
		text[--size] = '\0';
	return text;
}

static bool take_line(char *line, struct settings *out)
{
	char *value = strchr(line, '=');
	char *name;

	if (value == NULL)
		return false;
	*value++ = '\0';
	name = trimmed(line);
	value = trimmed(value);
	if (strcmp(name, "timeout") == 0)
		return out->timeout_us != 0 ||
		       settings_parse_timeout(value, &out->timeout_us);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (strcmp(name, known_settings[i].name) == 0) {
			set_once(out, i, value);
			return true;
		}
	}
	return false;
}

bool settings_parse_file(char *text, struct settings *out, uint32_t *line)
{
	uint32_t number = 0;

	while (text != NULL) {
		char *next = strchr(text, '\n');
		char *bare;

		if (next != NULL)
			*next++ = '\0';
		number++;
		bare = trimmed(text);
		if (bare[0] != '\0' && bare[0] != '#' &&
		    !take_line(bare, out)) {
			*line = number;
			return false;
		}
		text = next;
	}
	return true;
}

static bool read_file(struct settings *out, char *error)
{
	const char *home = getenv("HOME");
	char path[4096];
	uint32_t line = 0;
	size_t size;
	char *text;
	bool sound;

	if (home == NULL || home[0] == '\0')
		return true;
	snprintf(path, sizeof(path), "%s/.config/clearing/clearctl.conf", home);
	text = system_read_file(path, &size);
	if (text == NULL && (errno == ENOENT || errno == ENOTDIR))
		return true;
	if (text == NULL) {
		snprintf(error, SETTINGS_ERROR_SIZE, "%.300s: %s", path,
			 strerror(errno));
		return false;
	}
	sound = settings_parse_file(text, out, &line);
	if (!sound)
		snprintf(error, SETTINGS_ERROR_SIZE,
			 "%.300s:%u: write `endpoint`, `certificate`, `key`, "
			 "`ca`, `server-uri` or `timeout`, then `= value`",
			 path, line);
	free(text);
	return sound;
}

static bool take_timeout(const char *text, struct settings *out, char *error)
{
	if (text == NULL || out->timeout_us != 0 ||
	    settings_parse_timeout(text, &out->timeout_us))
		return true;
	snprintf(error, SETTINGS_ERROR_SIZE,
		 "timeout '%.40s': write seconds, such as 30, 1.5s or 200ms",
		 text);
	return false;
}

bool settings_read(const struct arguments *arguments, struct settings *out,
		   char *error)
{
	*out = (struct settings){ 0 };
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		set_once(out, i,
			 arguments_value(arguments, known_settings[i].name));
		set_once(out, i, getenv(known_settings[i].environment));
	}
	if (!take_timeout(arguments_value(arguments, "timeout"), out, error) ||
	    !take_timeout(getenv("CLEARCTL_TIMEOUT"), out, error) ||
	    !read_file(out, error)) {
		settings_release(out);
		return false;
	}
	set_once(out, 0, ENDPOINT_DEFAULT);
	if (out->timeout_us == 0)
		out->timeout_us = TIMEOUT_US_DEFAULT;
	return true;
}

void settings_release(struct settings *settings)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		free(*place_of(settings, i));
	*settings = (struct settings){ 0 };
}
