/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/config_key.h"

#include <string.h>

#include "node/config.h"

#define AT(member) offsetof(struct config, member)
#define PATH_MAX_BYTES 190
#define MEBIBYTE (UINT64_C(1) << 20)

/* clang-format off */
#define TEXT(sec, key, member, required, changeable, fallback)                \
	{ sec, key, CONFIG_TEXT, AT(member), 1, PATH_MAX_BYTES, fallback,     \
	  NULL, required, changeable }
#define NUMBER(sec, key, low, high, changeable, fallback)                     \
	{ sec, #key, CONFIG_NUMBER, AT(key), low, high, fallback, NULL,       \
	  false, changeable }
#define NAME(key)                                                             \
	{ "node", #key, CONFIG_NAME, AT(key), 1, 32, NULL, NULL, true, false }
#define ADDRESS(key, member, fallback)                                        \
	{ "listen", key, CONFIG_ADDRESS, AT(member), 1, PATH_MAX_BYTES,       \
	  fallback, NULL, false, false }
#define CHOICE(sec, key, choices, changeable, fallback)                       \
	{ sec, #key, CONFIG_CHOICE, AT(key), 1, 32, fallback, choices, false, \
	  changeable }

const struct config_key config_keys[CONFIG_KEY_COUNT] = {
	NAME(federation),
	NAME(city),
	{ "node", "unit", CONFIG_TEXT, AT(unit), 1, 32, "credit", NULL,
	  false, false },
	NUMBER("node", decimals, 0, 8, false, "2"),
	TEXT("node", "data_dir", data_dir, false, false, "/var/lib/clearing"),
	ADDRESS("rpc", rpc, "127.0.0.1:7440"),
	ADDRESS("ops", operations, "127.0.0.1:7441"),
	TEXT("tls", "certificate", certificate, true, true, NULL),
	TEXT("tls", "key", key, true, true, NULL),
	TEXT("tls", "ca", ca, true, true, NULL),
	TEXT("tls", "crl", crl, false, true, NULL),
	TEXT("federation", "roster", roster, false, false, NULL),
	TEXT("federation", "node_key", node_key, false, false, NULL),
	TEXT("database", "hosts", hosts, false, false, NULL),
	TEXT("database", "dbname", dbname, false, false, "clearing"),
	TEXT("database", "user", user, false, false, "clearing"),
	TEXT("database", "password_file", password_file, false, false, NULL),
	CHOICE("database", sslmode,
	       "disable allow prefer require verify-ca verify-full", false,
	       NULL),
	TEXT("database", "sslrootcert", sslrootcert, false, false, NULL),
	NUMBER("limits", accounts_max, 100, 16000000, false, "1000000"),
	NUMBER("limits", ids_max, 10000, 1000000000, false, "16000000"),
	NUMBER("limits", id_window_s, 60, 7 * 86400, false, "86400"),
	NUMBER("limits", batch_max, 1, 8190, true, "8190"),
	NUMBER("limits", message_max_bytes, 64 << 10, 16 * MEBIBYTE, true,
	       "4194304"),
	NUMBER("limits", connections_max, 1, 100000, true, "1000"),
	NUMBER("limits", connections_per_identity_max, 1, 100000, true, "64"),
	NUMBER("limits", operator_limit_max_minor, 0,
	       (UINT64_C(1) << 53) - 1, true, "0"),
	NUMBER("limits", queue_blocks_max, 4, 4096, false, "16"),
	NUMBER("limits", links_max, 1, 1000, false, "64"),
	NUMBER("limits", payments_max, 1000, 1000000, false, "65536"),
	NUMBER("limits", projector_lag_max_blocks, 16, 1000000, false, "1024"),
	CHOICE("log", level, "debug info warning error", true, "info"),
	CHOICE("log", format, "text json", true, "text"),
};
/* clang-format on */

size_t config_key_find(const char *section, const char *name)
{
	size_t i = 0;

	while (i < CONFIG_KEY_COUNT &&
	       (strcmp(config_keys[i].section, section) != 0 ||
		strcmp(config_keys[i].name, name) != 0))
		i++;
	return i;
}

bool config_section_known(const char *section)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		if (strcmp(config_keys[i].section, section) == 0)
			return true;
	return false;
}
