/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/connect.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/pg.h"

#define HOST_TIMEOUT_MS 2000
#define HOST_SIZE_MAX 256
#define PORT_SIZE_MAX 8
#define PASSWORD_SIZE_MAX 512
#define KEYWORDS_MAX 24
#define VERSION_TEXT_(number) #number
#define VERSION_TEXT(number) VERSION_TEXT_(number)

struct host {
	char name[HOST_SIZE_MAX];
	char port[PORT_SIZE_MAX]; /* empty: libpq's default */
};

/* jit off: a plan that costs much on paper must not wait for a compiler. */
#define SESSION_OPTIONS                                      \
	"-c timezone=UTC -c statement_timeout=0 -c jit=off " \
	"-c default_transaction_isolation=read\\ committed"

static const char settings_sql[] =
	"select current_setting('fsync') = 'on',"
	" current_setting('full_page_writes') = 'on',"
	" current_setting('synchronous_commit') not in ('off', 'local'),"
	" pg_is_in_recovery(), current_setting('synchronous_commit')";
static const char schema_sql[] =
	"select version, needs_node from clearing.schema_info";

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *connect_schema_version(void)
{
	return VERSION_TEXT(SCHEMA_VERSION);
}

static const char *last_colon(const char *text, size_t size)
{
	while (size > 0 && text[size - 1] != ':')
		size--;
	return size > 0 ? text + size - 1 : NULL;
}

/* One item of the list: host, host:port, [v6]:port or a socket folder. */
static bool parse_host(const char *text, size_t size, struct host *out)
{
	const char *colon = last_colon(text, size);
	size_t name = size;

	*out = (struct host){ 0 };
	if (colon != NULL && text[size - 1] != ']') {
		size_t digits = size - (size_t)(colon - text) - 1;

		if (digits == 0 || digits >= PORT_SIZE_MAX)
			return false;
		memcpy(out->port, colon + 1, digits);
		name = (size_t)(colon - text);
	}
	if (name >= 2 && text[0] == '[' && text[name - 1] == ']') {
		text++;
		name -= 2;
	}
	if (name == 0 || name >= HOST_SIZE_MAX)
		return false;
	memcpy(out->name, text, name);
	return strspn(out->port, "0123456789") == strlen(out->port);
}

static uint32_t parse_hosts(const char *text, struct host *hosts)
{
	uint32_t count = 0;

	while (*text != '\0' && count < CONNECT_HOSTS_MAX) {
		size_t size = strcspn(text, ",");
		const char *first = text;

		text += size + (text[size] == ',');
		while (size > 0 && *first == ' ') {
			first++;
			size--;
		}
		if (!parse_host(first, size, &hosts[count]))
			return 0;
		count++;
	}
	return count;
}

static bool read_password(const char *path, char *out)
{
	FILE *file = fopen(path, "re");
	bool sound;

	if (file == NULL)
		return false;
	sound = fgets(out, PASSWORD_SIZE_MAX, file) != NULL;
	fclose(file);
	if (sound)
		out[strcspn(out, "\r\n")] = '\0';
	return sound;
}

/* One attempt: which host, and what the others have in common. */
struct attempt {
	const struct database *database;
	const struct host *host;
	const char *password;
	enum connect_purpose purpose;
};

struct keywords {
	const char *names[KEYWORDS_MAX];
	const char *values[KEYWORDS_MAX];
	uint32_t count;
};

static void keyword(struct keywords *keywords, const char *name,
		    const char *value)
{
	if (value == NULL || *value == '\0')
		return;
	check(keywords->count < KEYWORDS_MAX - 1);
	keywords->names[keywords->count] = name;
	keywords->values[keywords->count++] = value;
}

static const char *application_name(enum connect_purpose purpose)
{
	switch (purpose) {
	case CONNECT_JOURNAL:
		return "clearing journal";
	case CONNECT_PROJECTOR:
		return "clearing projector";
	case CONNECT_READER:
		return "clearing reader";
	}
	clearing_panic(__FILE__, __LINE__, "purpose");
}

static PGconn *begin_connect(const struct attempt *attempt)
{
	const struct database *database = attempt->database;
	struct keywords keywords = { .count = 0 };

	keyword(&keywords, "host", attempt->host->name);
	keyword(&keywords, "port", attempt->host->port);
	keyword(&keywords, "dbname", database->dbname);
	keyword(&keywords, "user", database->user);
	keyword(&keywords, "password", attempt->password);
	keyword(&keywords, "sslmode", database->sslmode);
	keyword(&keywords, "sslrootcert", database->sslrootcert);
	keyword(&keywords, "application_name",
		application_name(attempt->purpose));
	keyword(&keywords, "client_encoding", "UTF8");
	keyword(&keywords, "options", SESSION_OPTIONS);
	keyword(&keywords, "keepalives_idle", "5");
	keyword(&keywords, "keepalives_interval", "2");
	keyword(&keywords, "keepalives_count", "3");
	keyword(&keywords, "tcp_user_timeout", "5000");
	return PQconnectStartParams(keywords.names, keywords.values, 0);
}

/* PQconnectPoll knows no time limit: drive it by hand until the deadline. */
static bool drive_connect(PGconn *connection, const char **problem)
{
	uint64_t deadline = monotonic_ms() + HOST_TIMEOUT_MS;
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status == PGRES_POLLING_READING ||
	       status == PGRES_POLLING_WRITING) {
		uint64_t now = monotonic_ms();
		struct pollfd wait = {
			.fd = PQsocket(connection),
			.events = status == PGRES_POLLING_READING ? POLLIN
								  : POLLOUT,
		};

		if (now >= deadline || wait.fd < 0) {
			*problem = wait.fd < 0 ? PQerrorMessage(connection)
					       : "no answer within 2 s";
			return false;
		}
		if (poll(&wait, 1, (int)(deadline - now)) > 0)
			status = PQconnectPoll(connection);
	}
	*problem = PQerrorMessage(connection);
	return status == PGRES_POLLING_OK;
}

/*
 * A failed start carries its SQLSTATE only in a verbose message, behind the
 * severity and two spaces.  @message  receives what follows it.
 */
static bool find_sqlstate(const char *text, const char **message, char out[6])
{
	for (const char *at = text; *at != '\0'; at++) {
		size_t size =
			strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (size == 5 && at > text + 1 && at[-1] == ' ' &&
		    at[-2] == ' ' && at[5] == ':' && at[6] == ' ') {
			memcpy(out, at, 5);
			out[5] = '\0';
			*message = at + 7;
			return true;
		}
		if (size > 0)
			at += size - 1;
	}
	return false;
}

static enum connect_result explain_failure(const struct host *host,
					   const char *problem, char *error)
{
	const char *message = problem;
	char state[6];
	bool refused = false;

	if (find_sqlstate(problem, &message, state))
		refused = strncmp(state, "28", 2) == 0 ||
			  strcmp(state, "3D000") == 0 ||
			  strcmp(state, "42501") == 0;
	pg_text(error, CONNECT_ERROR_SIZE, "%s: %.*s", host->name,
		(int)strcspn(message, "\n"), message);
	return refused ? CONNECT_REFUSED : CONNECT_AWAY;
}

/* A server's answer to a check that was no answer. */
static enum connect_result unanswered(PGconn *connection, char *error)
{
	pg_text(error, CONNECT_ERROR_SIZE, "%s: %s", PQhost(connection),
		PQerrorMessage(connection));
	return CONNECT_AWAY;
}

/* (rule JOURNAL-13) */
static enum connect_result check_settings(const struct database *database,
					  PGconn *connection, char *error)
{
	PGresult *result = pg_query(connection, settings_sql, NULL);
	enum connect_result status = CONNECT_OK;
	const char *off, *value;

	if (!pg_rows(result)) {
		PQclear(result);
		return unanswered(connection, error);
	}
	off = !pg_get_bool(result, 0, 0)   ? "fsync"
	      : !pg_get_bool(result, 0, 1) ? "full_page_writes"
	      : !pg_get_bool(result, 0, 2) ? "synchronous_commit"
					   : NULL;
	/* Of the three it alone has more values than two. */
	value = pg_get_bool(result, 0, 1) && pg_get_bool(result, 0, 0)
			? PQgetvalue(result, 0, 4)
			: "off";
	if (pg_get_bool(result, 0, 3)) {
		pg_text(error, CONNECT_ERROR_SIZE,
			"%s: the server is a standby (in recovery)",
			PQhost(connection));
		status = CONNECT_STANDBY;
	} else if (off != NULL && !database->unsafe_durability) {
		pg_text(error, CONNECT_ERROR_SIZE,
			"%s: %s is %s, so what is acknowledged could be lost; "
			"set it to on (CLEARING_UNSAFE_DURABILITY=1 is for "
			"tests alone)",
			PQhost(connection), off, value);
		status = CONNECT_UNSAFE;
	}
	PQclear(result);
	return status;
}

/* Is it that the schema is missing, and not that the server went away? */
static bool is_undefined(const PGresult *result)
{
	return pg_state_is(result, "42P01") || pg_state_is(result, "3F000") ||
	       pg_state_is(result, "42703") || pg_state_is(result, "42501");
}

/* (rule JOURNAL-13) Version @version needs a node that knows @needs_node. */
static enum connect_result check_schema(PGconn *connection, char *error)
{
	PGresult *result = pg_query(connection, schema_sql, NULL);
	enum connect_result status = CONNECT_OK;
	int32_t version = 0, needs_node = 0;

	if (!pg_rows(result) && !is_undefined(result)) {
		PQclear(result);
		return unanswered(connection, error);
	}
	if (!pg_rows(result)) {
		pg_text(error, CONNECT_ERROR_SIZE,
			"%s: no clearing schema that this user may read; "
			"deploy sql/ with sqitch (%s)",
			PQhost(connection), PQerrorMessage(connection));
		status = CONNECT_SCHEMA;
	} else if (PQntuples(result) == 1) {
		version = pg_get_int32(result, 0, 0);
		needs_node = pg_get_int32(result, 0, 1);
	}
	if (status == CONNECT_OK &&
	    (version < SCHEMA_VERSION || needs_node > SCHEMA_VERSION)) {
		pg_text(error, CONNECT_ERROR_SIZE,
			"%s: schema version %d needs a node of %d, this node "
			"knows %d; update %s",
			PQhost(connection), version, needs_node, SCHEMA_VERSION,
			version < SCHEMA_VERSION ? "the schema" : "the node");
		status = CONNECT_SCHEMA;
	}
	PQclear(result);
	return status;
}

/* (rule JOURNAL-18) Only after the check that the server's own is on. */
static bool set_purpose(PGconn *connection, enum connect_purpose purpose)
{
	switch (purpose) {
	case CONNECT_JOURNAL:
		return true;
	case CONNECT_PROJECTOR:
		return pg_run(
			connection,
			"set synchronous_commit = off;"
			"set idle_in_transaction_session_timeout = '10s'");
	case CONNECT_READER:
		return pg_run(connection, "set statement_timeout = '10s'");
	}
	clearing_panic(__FILE__, __LINE__, "purpose");
}

static void ignore_notice(void *context, const PGresult *notice)
{
	(void)context;
	(void)notice;
}

static enum connect_result try_host(const struct attempt *attempt, PGconn **out,
				    char *error)
{
	PGconn *connection = begin_connect(attempt);
	enum connect_result status;
	const char *problem = "out of memory";

	if (connection == NULL)
		return explain_failure(attempt->host, problem, error);
	PQsetNoticeReceiver(connection, ignore_notice, NULL);
	PQsetErrorVerbosity(connection, PQERRORS_VERBOSE);
	if (!drive_connect(connection, &problem)) {
		status = explain_failure(attempt->host, problem, error);
		PQfinish(connection);
		return status;
	}
	PQsetErrorVerbosity(connection, PQERRORS_DEFAULT);
	status = check_settings(attempt->database, connection, error);
	if (status == CONNECT_OK)
		status = check_schema(connection, error);
	if (status == CONNECT_OK && !set_purpose(connection, attempt->purpose))
		status = unanswered(connection, error);
	if (status == CONNECT_OK)
		*out = connection;
	else
		PQfinish(connection);
	return status;
}

enum connect_result connect_database(const struct database *database,
				     enum connect_purpose purpose, PGconn **out,
				     char *error)
{
	struct host hosts[CONNECT_HOSTS_MAX];
	uint32_t count = parse_hosts(database->hosts, hosts);
	char password[PASSWORD_SIZE_MAX] = "";
	char reason[CONNECT_ERROR_SIZE];
	enum connect_result worst = CONNECT_AWAY;
	uint32_t first = 0;

	if (count == 0) {
		pg_text(error, CONNECT_ERROR_SIZE,
			"database hosts \"%s\": not a list of host[:port]",
			database->hosts);
		return CONNECT_REFUSED;
	}
	if (database->password_file != NULL &&
	    !read_password(database->password_file, password)) {
		pg_text(error, CONNECT_ERROR_SIZE,
			"cannot read the database password file %s",
			database->password_file);
		return CONNECT_REFUSED;
	}
	if (database->host_last != NULL)
		first = atomic_load(database->host_last) % count;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = (first + i) % count;
		struct attempt attempt = { database, &hosts[at], password,
					   purpose };
		enum connect_result status = try_host(&attempt, out, reason);

		if (status == CONNECT_OK && database->host_last != NULL)
			atomic_store(database->host_last, at);
		if (status == CONNECT_OK)
			return status;
		/* What an operator must mend is told before who is silent. */
		if (i == 0 || status > worst)
			memcpy(error, reason, sizeof(reason));
		worst = status > worst ? status : worst;
	}
	return worst;
}
