/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/baseline.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/id.h"
#include "tools/bench/draw.h"
#include "tools/system.h"

#define CLIENTS 16
#define ACCOUNTS 1000
#define ROWS_A_COMMIT 8192
/* The node's own row set as fixed records. */
#define RECORD_SIZE 128
#define BLOCK_SIZE (ROWS_A_COMMIT * RECORD_SIZE)

struct baseline {
	const struct database_words *words;
	PGconn *connection;
	char schema[48];
	char *error;
	double seconds;
	struct draw draw;
};

static const char ledger_sql[] =
	"create table account (id int primary key, balance bigint not null,"
	" credit_limit bigint not null) with (fillfactor = 60);"
	"insert into account select i, 0, 1000000000"
	" from generate_series(1, 1000) i;"
	"create table transfer (id uuid primary key, debit_account int not null"
	" references account, credit_account int not null references account,"
	" amount bigint not null check (amount > 0),"
	" posted_at timestamptz not null default now());";
static const char rows_sql[] =
	"create table posted (number bigint primary key, id uuid not null,"
	" seq bigint not null, index int not null, debit_account int not null,"
	" credit_account int not null, amount bigint not null,"
	" kind smallint not null, reference uuid, hold_id uuid,"
	" actor int not null, posted_at timestamptz not null,"
	" debit_previous bigint not null, credit_previous bigint not null);";
static const char blocks_sql[] =
	"create table block (seq bigint primary key, payload bytea not null);"
	"alter table block alter payload set storage external;";
/* Lower account first, so that two transfers cannot wait for each other. */
static const char transfer_sql[] =
	"with moved as (update account a set balance = a.balance + u.change"
	" from (select id, change from (values ($2::int, -$4::bigint),"
	" ($3::int, $4::bigint)) v (id, change) order by id) u"
	" where a.id = u.id and a.balance + u.change >= -a.credit_limit"
	" returning a.id)"
	" insert into transfer (id, debit_account, credit_account, amount)"
	" select $1::uuid, $2, $3, $4 where (select count(*) from moved) = 2";

static bool fail(struct baseline *baseline, PGconn *connection)
{
	snprintf(baseline->error, BASELINE_ERROR_SIZE, "%s",
		 connection != NULL ? PQerrorMessage(connection)
				    : "no connection");
	return false;
}

static bool run(struct baseline *baseline, const char *sql)
{
	PGresult *result = PQexec(baseline->connection, sql);
	bool sound = PQresultStatus(result) == PGRES_COMMAND_OK ||
		     PQresultStatus(result) == PGRES_TUPLES_OK;

	PQclear(result);
	return sound || fail(baseline, baseline->connection);
}

static PGconn *dial(struct baseline *baseline)
{
	const struct database_words *words = baseline->words;
	const char *colon = strrchr(words->hosts, ':');
	char host[256], options[96], *password = NULL;
	PGconn *connection;
	size_t size;

	snprintf(host, sizeof(host), "%.*s",
		 colon != NULL ? (int)(colon - words->hosts) : 255,
		 words->hosts);
	snprintf(options, sizeof(options), "-c search_path=%s",
		 baseline->schema);
	if (words->password_file != NULL) {
		password = system_read_file(words->password_file, &size);
		if (password != NULL)
			password[strcspn(password, "\r\n")] = '\0';
	}
	connection = PQconnectdbParams(
		(const char *const[]){ "host", "port", "dbname", "user",
				       "password", "sslmode", "sslrootcert",
				       "options", NULL },
		(const char *const[]){ host, colon != NULL ? colon + 1 : NULL,
				       words->dbname, words->user, password,
				       words->sslmode, words->sslrootcert,
				       options, NULL },
		0);
	free(password);
	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	(void)fail(baseline, connection);
	PQfinish(connection);
	return NULL;
}

/* ---- double entry by SQL, one commit a transfer, many clients */

static bool send_transfer(struct baseline *baseline, PGconn *connection)
{
	struct transfer_command command;
	struct id id;
	uint32_t debit, credit;
	uint64_t amount;
	const char *const values[] = { (const char *)id.bytes,
				       (const char *)&debit,
				       (const char *)&credit,
				       (const char *)&amount };

	draw_transfers(&baseline->draw, &command, &id, 1, system_wall_us());
	debit = htonl((uint32_t)command.debit.id);
	credit = htonl((uint32_t)command.credit.id);
	amount = htobe64((uint64_t)command.amount_minor);
	return PQsendQueryPrepared(connection, "transfer", 4, values,
				   (const int[]){ ID_SIZE, 4, 4, 8 },
				   (const int[]){ 1, 1, 1, 1 }, 0) == 1;
}

/* Takes one answer if it is there: 1 posted, 0 not yet, -1 failed. */
static int take_transfer(PGconn *connection)
{
	PGresult *result;
	int posted = 0;

	if (PQconsumeInput(connection) != 1)
		return -1;
	if (PQisBusy(connection))
		return 0;
	while ((result = PQgetResult(connection)) != NULL) {
		posted = PQresultStatus(result) == PGRES_COMMAND_OK ? 1 : -1;
		PQclear(result);
	}
	return posted;
}

/* Answers and new transfers until @until; false when one failed. */
static bool drive_clients(struct baseline *baseline, PGconn **clients,
			  uint64_t until, uint64_t *count)
{
	struct pollfd waits[CLIENTS];

	for (int i = 0; i < CLIENTS; i++) {
		waits[i] = (struct pollfd){ .fd = PQsocket(clients[i]),
					    .events = POLLIN };
		if (!send_transfer(baseline, clients[i]))
			return fail(baseline, clients[i]);
	}
	while (system_monotonic_us() < until) {
		if (poll(waits, CLIENTS, 100) < 0)
			continue;
		for (int i = 0; i < CLIENTS; i++) {
			int taken = waits[i].revents != 0
					    ? take_transfer(clients[i])
					    : 0;

			if (taken == 0)
				continue;
			if (taken < 0 || !send_transfer(baseline, clients[i]))
				return fail(baseline, clients[i]);
			(*count)++;
		}
	}
	return true;
}

static bool measure_sql(struct baseline *baseline, struct figures *figures)
{
	PGconn *clients[CLIENTS] = { 0 };
	uint64_t begun, count = 0;
	bool sound = run(baseline, ledger_sql);
	PGresult *prepared;

	for (int i = 0; i < CLIENTS && sound; i++) {
		clients[i] = dial(baseline);
		sound = clients[i] != NULL;
		if (!sound)
			break;
		prepared = PQprepare(clients[i], "transfer", transfer_sql, 0,
				     NULL);
		sound = PQresultStatus(prepared) == PGRES_COMMAND_OK ||
			fail(baseline, clients[i]);
		PQclear(prepared);
	}
	begun = system_monotonic_us();
	if (sound)
		sound = drive_clients(
			baseline, clients,
			begun + (uint64_t)(baseline->seconds * 1e6), &count);
	if (sound)
		(void)figures_add(
			figures, "baseline_sql", "transfers/s",
			(double)count * 1e6 /
				(double)(system_monotonic_us() - begun));
	for (int i = 0; i < CLIENTS; i++)
		PQfinish(clients[i]);
	return sound;
}

/* ---- COPY of rows */

static void put16(uint8_t **at, uint16_t value)
{
	value = htons(value);
	memcpy(*at, &value, sizeof(value));
	*at += sizeof(value);
}

static void put32(uint8_t **at, uint32_t value)
{
	value = htonl(value);
	memcpy(*at, &value, sizeof(value));
	*at += sizeof(value);
}

static void put_int32(uint8_t **at, uint32_t value)
{
	put32(at, 4);
	put32(at, value);
}

static void put_int64(uint8_t **at, uint64_t value)
{
	put32(at, 8);
	put32(at, (uint32_t)(value >> 32));
	put32(at, (uint32_t)value);
}

static void put_row(uint8_t **at, uint64_t number,
		    const struct transfer_command *command)
{
	put16(at, 14);
	put_int64(at, number);
	put32(at, ID_SIZE);
	memcpy(*at, command->id.data, ID_SIZE);
	*at += ID_SIZE;
	put_int64(at, number / ROWS_A_COMMIT);
	put_int32(at, (uint32_t)(number % ROWS_A_COMMIT));
	put_int32(at, (uint32_t)command->debit.id);
	put_int32(at, (uint32_t)command->credit.id);
	put_int64(at, (uint64_t)command->amount_minor);
	put32(at, 2);
	put16(at, 1);
	put32(at, UINT32_MAX); /* null: reference */
	put32(at, UINT32_MAX); /* null: hold_id */
	put_int32(at, 1);
	put_int64(at, number);
	put_int64(at, number > 1 ? number - 1 : 0);
	put_int64(at, number > 2 ? number - 2 : 0);
}

static bool copy_rows(struct baseline *baseline, const uint8_t *bytes,
		      size_t size)
{
	PGresult *result = PQexec(baseline->connection,
				  "copy posted from stdin (format binary)");
	bool sound = PQresultStatus(result) == PGRES_COPY_IN;

	PQclear(result);
	if (!sound ||
	    PQputCopyData(baseline->connection, (const char *)bytes,
			  (int)size) != 1 ||
	    PQputCopyEnd(baseline->connection, NULL) != 1)
		return fail(baseline, baseline->connection);
	while ((result = PQgetResult(baseline->connection)) != NULL) {
		sound = sound && PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
	}
	return sound || fail(baseline, baseline->connection);
}

static bool measure_copy(struct baseline *baseline, struct figures *figures)
{
	static const char head[19] = "PGCOPY\n\377\r\n";
	struct transfer_command *commands =
		calloc(ROWS_A_COMMIT, sizeof(*commands));
	struct id *ids = calloc(ROWS_A_COMMIT, sizeof(*ids));
	uint8_t *bytes = malloc((size_t)ROWS_A_COMMIT * 256 + 64);
	uint64_t begun, until, number = 0;
	bool sound = run(baseline, rows_sql);

	check(commands != NULL && ids != NULL && bytes != NULL);
	begun = system_monotonic_us();
	until = begun + (uint64_t)(baseline->seconds * 1e6);
	while (sound && system_monotonic_us() < until) {
		uint8_t *at = bytes + sizeof(head);

		memcpy(bytes, head, sizeof(head));
		draw_transfers(&baseline->draw, commands, ids, ROWS_A_COMMIT,
			       system_wall_us());
		for (uint32_t i = 0; i < ROWS_A_COMMIT; i++)
			put_row(&at, ++number, &commands[i]);
		put16(&at, UINT16_MAX);
		sound = copy_rows(baseline, bytes, (size_t)(at - bytes));
	}
	if (sound)
		(void)figures_add(
			figures, "baseline_copy", "transfers/s",
			(double)number * 1e6 /
				(double)(system_monotonic_us() - begun));
	free(bytes);
	free(ids);
	free(commands);
	return sound;
}

/* ---- raw journal blocks */

static bool insert_block(struct baseline *baseline, uint64_t seq,
			 const uint8_t *bytes)
{
	uint64_t number = htobe64(seq);
	PGresult *result = PQexecParams(
		baseline->connection,
		"insert into block (seq, payload) values ($1::bigint, "
		"$2::bytea)",
		2, NULL,
		(const char *const[]){ (const char *)&number,
				       (const char *)bytes },
		(const int[]){ 8, BLOCK_SIZE }, (const int[]){ 1, 1 }, 0);
	bool sound = PQresultStatus(result) == PGRES_COMMAND_OK;

	PQclear(result);
	return sound || fail(baseline, baseline->connection);
}

static bool measure_journal(struct baseline *baseline, struct figures *figures)
{
	uint8_t *bytes = malloc(BLOCK_SIZE);
	uint64_t begun, until, seq = 0;
	bool sound = run(baseline, blocks_sql);

	check(bytes != NULL);
	system_random(bytes, BLOCK_SIZE);
	begun = system_monotonic_us();
	until = begun + (uint64_t)(baseline->seconds * 1e6);
	while (sound && system_monotonic_us() < until)
		sound = insert_block(baseline, seq++, bytes);
	if (sound)
		(void)figures_add(
			figures, "baseline_journal", "transfers/s",
			(double)seq * ROWS_A_COMMIT * 1e6 /
				(double)(system_monotonic_us() - begun));
	free(bytes);
	return sound;
}

bool baseline_run(const struct database_words *words, double seconds,
		  struct figures *figures, char *error)
{
	uint64_t accounts[ACCOUNTS];
	struct baseline baseline = { .words = words, .seconds = seconds };
	char sql[128];
	bool sound;

	for (uint32_t i = 0; i < ACCOUNTS; i++)
		accounts[i] = i + 1;
	draw_init(&baseline.draw, accounts, ACCOUNTS);
	baseline.error = error;
	snprintf(baseline.schema, sizeof(baseline.schema), "clearbench_%ld",
		 (long)getpid());
	baseline.connection = dial(&baseline);
	if (baseline.connection == NULL)
		return false;
	snprintf(sql, sizeof(sql), "create schema %s", baseline.schema);
	sound = run(&baseline, sql);
	if (sound) {
		sound = measure_sql(&baseline, figures) &&
			measure_copy(&baseline, figures) &&
			measure_journal(&baseline, figures);
		snprintf(sql, sizeof(sql),
			 "set client_min_messages = warning; "
			 "drop schema %s cascade",
			 baseline.schema);
		sound = run(&baseline, sql) && sound;
	}
	PQfinish(baseline.connection);
	return sound;
}
