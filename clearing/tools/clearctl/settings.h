/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settings: how to reach the node: flags first, then the environment
 * (CLEARCTL_ENDPOINT and so on), then ~/.config/clearing/clearctl.conf with
 * lines `name = value`.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_SETTINGS_H
#define CLEARING_TOOLS_CLEARCTL_SETTINGS_H

#include "tools/channel.h"
#include "tools/clearctl/arguments.h"

#define SETTINGS_ERROR_SIZE 512
#define ENDPOINT_DEFAULT "127.0.0.1:7440"
#define TIMEOUT_US_DEFAULT (UINT64_C(30) * 1000000)

/* All texts are owned by the settings. */
struct settings {
	char *endpoint;
	char *certificate;
	char *key;
	char *ca;
	char *server_uri; /* NULL: from the certificate */
	uint64_t timeout_us;
};

/*
 * settings_read: put them together.
 *
 * @error  SETTINGS_ERROR_SIZE bytes; a wrong line of the file is named.
 * Returns false for a file with an unknown name or a timeout that is none; a
 * file that is not there is no fault.
 */
bool settings_read(const struct arguments *arguments, struct settings *out,
		   char *error) MUST_CHECK;
void settings_release(struct settings *settings);

/*
 * settings_parse_file: the lines of @text into those of @out that are not
 * set yet; @text is changed.  @line receives the number of a wrong line.
 */
bool settings_parse_file(char *text, struct settings *out,
			 uint32_t *line) MUST_CHECK;

/*
 * settings_parse_timeout: "30", "1.5s" or "200ms"; seconds without a unit.
 * False for anything else, and for 0 or more than a day.
 */
bool settings_parse_timeout(const char *text, uint64_t *out_us) MUST_CHECK;

#endif
