/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * config_key: the table of configuration keys: name, type, range, default.
 * For config.c alone.
 */
#ifndef CLEARING_NODE_CONFIG_KEY_H
#define CLEARING_NODE_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_TEXT,	/* min to max bytes of printable UTF-8 */
	CONFIG_NAME,	/* [a-z][a-z0-9]*(-[a-z0-9]+)* */
	CONFIG_ADDRESS, /* IP:PORT, [IPv6]:PORT */
	CONFIG_NUMBER,	/* min to max */
	CONFIG_CHOICE,	/* one of a list */
};

struct config_key {
	const char *section;
	const char *name;
	enum config_type type;
	size_t offset;	      /* in struct config: char * or uint64_t */
	uint64_t min, max;    /* NUMBER: value; TEXT: size */
	const char *fallback; /* NULL: none */
	const char *choices;  /* CHOICE: "a b c" */
	bool required;
	bool changeable; /* by SIGHUP */
};

#define CONFIG_KEY_COUNT 33

extern const struct config_key config_keys[CONFIG_KEY_COUNT];

/* config_key_find: index of [@section] @name, or CONFIG_KEY_COUNT. */
size_t config_key_find(const char *section, const char *name);

/* config_section_known: does any key stand in [@section]? */
bool config_section_known(const char *section);

#endif
