/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * config: what clearing.conf and CLEARING_SECTION_KEY say, checked.  An
 * unknown key, a value out of range or a line that would be misread is an
 * error that names file, line and remedy.  It opens nothing but the file.
 */
#ifndef CLEARING_NODE_CONFIG_H
#define CLEARING_NODE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

#define CONFIG_ERROR_SIZE 512

/* Texts are malloc'ed, NULL when not given; config_release() frees them. */
struct config {
	/* [node] */
	char *federation;
	char *city;
	char *unit;
	uint64_t decimals;
	char *data_dir;
	/* [listen] */
	char *rpc;
	char *operations; /* key "ops" */
	/* [tls] */
	char *certificate;
	char *key;
	char *ca;
	char *crl;
	/* [federation] */
	char *roster;	/* NULL: a lone city */
	char *node_key; /* likewise */
	/* [database] */
	char *hosts; /* NULL: there is no [database] */
	char *dbname;
	char *user;
	char *password_file;
	char *sslmode;
	char *sslrootcert;
	/* [limits] */
	uint64_t accounts_max;
	uint64_t ids_max;
	uint64_t id_window_s;
	uint64_t batch_max;
	uint64_t message_max_bytes;
	uint64_t connections_max;
	uint64_t connections_per_identity_max;
	uint64_t operator_limit_max_minor;
	uint64_t queue_blocks_max;
	uint64_t links_max;    /* neighbours */
	uint64_t payments_max; /* between cities, under way at once */
	uint64_t projector_lag_max_blocks;
	/* [log] */
	char *level;
	char *format;
};

/* How an environment variable is looked up: getenv(), or a test's. */
typedef const char *config_environment(const char *name);

/*
 * config_parse: read configuration text.
 *
 * @name   of the file, for messages.
 * @out    written only on success; the caller releases it.
 * @error  CONFIG_ERROR_SIZE bytes: "FILE:LINE: what is wrong; the remedy".
 */
bool config_parse(struct slice text, const char *name,
		  config_environment *environment, struct config *out,
		  char *error) MUST_CHECK;

/* config_read: config_parse() of the file at @path. */
bool config_read(const char *path, struct config *out, char *error) MUST_CHECK;

void config_release(struct config *config);

/*
 * config_compare: call @on_change for each key whose value differs.
 *
 * @changeable  whether the running node can take the new value.
 */
void config_compare(const struct config *old, const struct config *fresh,
		    void (*on_change)(void *context, const char *section,
				      const char *key, bool changeable),
		    void *context);

#endif
