/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* clearctl init: block 0 of a city's journal. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"
#include "core/money.h"
#include "core/name.h"
#include "node/config.h"
#include "node/crypto.h"
#include "store/start.h"
#include "tools/clearctl/verbs.h"
#include "tools/database.h"
#include "tools/system.h"

#define PATH_SIZE 4096

/* Where the facts of block 0 come from: flags, or a node's configuration. */
struct init {
	struct session *session;
	struct config config; /* zero without --config */
	struct database_words words;
	struct database database;
	struct event_genesis genesis;
};

static bool write_pem(const char *path, EVP_PKEY *key, bool private)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			private ? 0600 : 0644);
	FILE *stream = file >= 0 ? fdopen(file, "w") : NULL;
	int wrote;

	if (stream == NULL)
		return false;
	wrote = private ? PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL,
					       NULL)
			: PEM_write_PUBKEY(stream, key);
	return fclose(stream) == 0 && wrote == 1;
}

/* A key pair of the city's own where there is none yet. */
static bool make_key(const char *folder, uint8_t out[NODE_KEY_SIZE])
{
	char private[PATH_SIZE], public[PATH_SIZE];
	size_t size = NODE_KEY_SIZE;
	EVP_PKEY *key;
	bool made;

	snprintf(private, sizeof(private), "%s/node.key", folder);
	snprintf(public, sizeof(public), "%s/node.pub", folder);
	if (public_key_read(public, out))
		return true;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	made = key != NULL && write_pem(private, key, true) &&
	       write_pem(public, key, false) &&
	       EVP_PKEY_get_raw_public_key(key, out, &size) == 1;
	EVP_PKEY_free(key);
	if (made)
		fprintf(stderr, "made the city's key: %s and %s\n", private,
			public);
	return made;
}

/* The signing key: --node-key, or node.pub by the certificate or the data. */
static bool find_key(struct init *init)
{
	const char *given = session_value(init->session, "node-key");
	const char *certificate = init->config.certificate;
	const char *slash =
		certificate != NULL ? strrchr(certificate, '/') : NULL;
	uint8_t *key = init->genesis.node_key;
	char path[PATH_SIZE];

	if (given != NULL) {
		if (public_key_read(given, key))
			return true;
		(void)session_lost_file(init->session,
					"%s: no Ed25519 public key in PEM: %s",
					given, strerror(errno));
		return false;
	}
	if (slash != NULL) {
		snprintf(path, sizeof(path), "%.*s/node.pub",
			 (int)(slash - certificate), certificate);
		if (public_key_read(path, key))
			return true;
	}
	if (init->config.data_dir == NULL) {
		(void)session_misuse(init->session,
				     "give --node-key FILE, the city's Ed25519 "
				     "public key in PEM");
		return false;
	}
	if (make_key(init->config.data_dir, key))
		return true;
	(void)session_lost_file(init->session, "%s: cannot make a node key: %s",
				init->config.data_dir, strerror(errno));
	return false;
}

static bool read_config(struct init *init)
{
	const char *path = session_value(init->session, "config");
	char error[CONFIG_ERROR_SIZE];

	if (path == NULL || config_read(path, &init->config, error))
		return true;
	(void)session_misuse(init->session, "%s", error);
	return false;
}

static bool find_database(struct init *init)
{
	const char *text = session_value(init->session, "database");
	const char *unsafe = getenv("CLEARING_UNSAFE_DURABILITY");
	char error[DATABASE_ERROR_SIZE];

	if (text != NULL) {
		if (!database_parse(text, &init->words, error)) {
			(void)session_misuse(init->session, "--database: %s",
					     error);
			return false;
		}
	} else if (init->config.hosts != NULL) {
		init->words = (struct database_words){
			.hosts = init->config.hosts,
			.dbname = init->config.dbname,
			.user = init->config.user,
			.password_file = init->config.password_file,
			.sslmode = init->config.sslmode,
			.sslrootcert = init->config.sslrootcert,
		};
	} else {
		(void)session_misuse(init->session,
				     "give --database 'hosts=... dbname=... "
				     "user=...', or --config");
		return false;
	}
	init->database = (struct database){
		.hosts = init->words.hosts,
		.dbname = init->words.dbname,
		.user = init->words.user,
		.password_file = init->words.password_file,
		.sslmode = init->words.sslmode,
		.sslrootcert = init->words.sslrootcert,
		.unsafe_durability = unsafe != NULL && strcmp(unsafe, "1") == 0,
	};
	return true;
}

/* A name from its flag or the configuration. */
static bool find_name(struct init *init, const char *option, const char *other,
		      struct slice *out)
{
	const char *text = session_value(init->session, option);

	if (text == NULL)
		text = other;
	if (text == NULL || !name_valid(slice_from_text(text))) {
		(void)session_misuse(init->session,
				     "give --%s NAME: lower-case letters, "
				     "digits and dashes, at most %d",
				     option, NAME_SIZE_MAX);
		return false;
	}
	*out = slice_from_text(text);
	return true;
}

/* The unit is for people: any printable text. */
static bool find_unit(struct init *init)
{
	const char *text = session_value(init->session, "unit");
	struct slice unit;

	unit = slice_from_text(text != NULL		   ? text
			       : init->config.unit != NULL ? init->config.unit
							   : "");
	if (unit.size < 1 || unit.size > NAME_SIZE_MAX ||
	    !utf8_printable(unit)) {
		(void)session_misuse(init->session,
				     "give --unit TEXT: at most %d bytes",
				     NAME_SIZE_MAX);
		return false;
	}
	init->genesis.unit = unit;
	return true;
}

static bool find_decimals(struct init *init)
{
	const char *text = session_value(init->session, "decimals");

	init->genesis.decimals = text != NULL ? (uint32_t)(text[0] - '0')
				 : init->config.city != NULL
					 ? (uint32_t)init->config.decimals
					 : 2;
	if (init->genesis.decimals <= MONEY_DECIMALS_MAX &&
	    (text == NULL || text[1] == '\0'))
		return true;
	(void)session_misuse(init->session, "--decimals: 0 to %d",
			     MONEY_DECIMALS_MAX);
	return false;
}

static int status_of(enum start_result result)
{
	switch (result) {
	case START_OK:
		return CTL_DONE;
	case START_AWAY:
	case START_STOPPED:
		return CTL_NO_ANSWER;
	case START_REFUSED:
		return CTL_IDENTITY;
	case START_SCHEMA:
	case START_UNSAFE:
		return CTL_REFUSED;
	case START_SERVED:
	case START_FENCED:
	case START_REWOUND:
	case START_DAMAGED:
	case START_OTHER_CITY:
	case START_LIMITS:
		return CTL_CONFLICT;
	}
	clearing_panic(__FILE__, __LINE__, "start_result");
}

static int write_block(struct init *init)
{
	char error[START_ERROR_SIZE] = "";
	enum start_result result =
		start_init(&init->database, &init->genesis, system_wall_us(),
			   system_sha256, error);

	if (result != START_OK)
		return session_fail(init->session,
				    &(struct failure){ status_of(result),
						       "FAILED_PRECONDITION",
						       "INIT", error,
						       result == START_AWAY });
	if (init->session->json)
		return session_print(json_pack(
			"{s:s#, s:s#, s:s#, s:i}", "federation",
			init->genesis.federation.data,
			(int)init->genesis.federation.size, "city",
			init->genesis.city.data, (int)init->genesis.city.size,
			"unit", init->genesis.unit.data,
			(int)init->genesis.unit.size, "decimals",
			(int)init->genesis.decimals));
	printf("the journal of %.*s begins with block 0\n",
	       (int)init->genesis.city.size, init->genesis.city.data);
	return CTL_DONE;
}

int verb_init(struct session *session)
{
	struct init init = { .session = session };

	init.genesis.format = 1;
	if (read_config(&init) && find_database(&init) &&
	    find_name(&init, "federation", init.config.federation,
		      &init.genesis.federation) &&
	    find_name(&init, "city", init.config.city, &init.genesis.city) &&
	    find_unit(&init) && find_decimals(&init) && find_key(&init))
		session->status = write_block(&init);
	database_release(&init.words);
	config_release(&init.config);
	return session->status;
}
