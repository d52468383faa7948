/* SPDX-License-Identifier: AGPL-3.0-or-later */
#define _GNU_SOURCE
#include "integration/postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BIN "/usr/lib/postgresql/15/bin/"
#define USER "nobody" /* initdb wants one that has a passwd entry */
#define START_MS 30000
#define STEP_MS 10
#define WORDS_MAX 48
#define SQL_FILE_SIZE_MAX (1 << 20)

static _Noreturn void give_up(const char *what, const char *detail)
{
	fprintf(stderr, "postgres: %s: %s\n", what, detail);
	exit(EXIT_FAILURE);
}

static void step(void)
{
	struct timespec wait = { 0, STEP_MS * 1000000L };

	nanosleep(&wait, NULL);
}

/* In the child: leave root behind, and the caller's PG* and TZ. */
static void become_user(const char *folder)
{
	const struct passwd *user = getpwnam(USER);

	if (geteuid() == 0 &&
	    (user == NULL || setgroups(0, NULL) != 0 ||
	     setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	     setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0))
		_exit(126);
	if (chdir(folder) != 0)
		_exit(126);
	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	/* After the change of user, which forgets it. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

static pid_t spawn(const char *folder, const char *const *words)
{
	char log[128];
	pid_t pid;

	snprintf(log, sizeof(log), "%s/log", folder);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		give_up("fork", strerror(errno));
	if (pid == 0) {
		int fd;

		become_user(folder);
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			_exit(126);
		execv(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	return pid;
}

static void show_log(const struct postgres *postgres)
{
	char command[160];

	snprintf(command, sizeof(command), "tail -n 30 %s/log >&2",
		 postgres->folder);
	if (system(command) != 0)
		fprintf(stderr, "postgres: no log\n");
}

static PGconn *try_connect(const struct postgres *postgres,
			   const char *database)
{
	const char *const names[] = { "host", "user", "dbname", NULL };
	const char *const values[] = { postgres->folder, "super", database,
				       NULL };

	return PQconnectdbParams(names, values, 0);
}

PGconn *postgres_connect(struct postgres *postgres, const char *database)
{
	PGconn *connection = try_connect(postgres, database);

	if (PQstatus(connection) != CONNECTION_OK)
		give_up("connect", PQerrorMessage(connection));
	return connection;
}

static void run_on(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		give_up(sql, PQerrorMessage(connection));
	PQclear(result);
}

void postgres_run(struct postgres *postgres, const char *database,
		  const char *sql)
{
	PGconn *connection = postgres_connect(postgres, database);

	run_on(connection, sql);
	PQfinish(connection);
}

char *postgres_text(struct postgres *postgres, const char *database,
		    const char *sql)
{
	PGconn *connection = postgres_connect(postgres, database);
	PGresult *result = PQexec(connection, sql);
	char *text;

	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		give_up(sql, PQerrorMessage(connection));
	text = strdup(PQgetvalue(result, 0, 0));
	PQclear(result);
	PQfinish(connection);
	return text;
}

long long postgres_number(struct postgres *postgres, const char *database,
			  const char *sql)
{
	char *text = postgres_text(postgres, database, sql);
	long long number = atoll(text);

	free(text);
	return number;
}

static void initdb(const struct postgres *postgres)
{
	char data[80];
	const char *const words[] = {
		BIN "initdb",
		"--no-sync",
		"-D",
		data,
		"-U",
		"super",
		"--auth=trust",
		"--locale=C.UTF-8",
		"--encoding=UTF8",
		"--data-checksums",
		NULL,
	};
	int status = 0;

	snprintf(data, sizeof(data), "%s/data", postgres->folder);
	if (waitpid(spawn(postgres->folder, words), &status, 0) < 0 ||
	    status != 0) {
		show_log(postgres);
		give_up("initdb", "failed");
	}
}

static pid_t spawn_server(struct postgres *postgres)
{
	static const char *const fixed[] = {
		"listen_addresses=",	    "shared_buffers=64MB",
		"max_wal_size=1GB",	    "max_connections=40",
		"wal_writer_delay=200ms",   "dynamic_shared_memory_type=mmap",
		"log_min_messages=warning",
	};
	char data[80], socket[120], further[256];
	const char *words[WORDS_MAX] = { BIN "postgres", "-D", data, "-c",
					 socket };
	uint32_t count = 5;
	char *rest = further;
	char *word;

	snprintf(data, sizeof(data), "%s/data", postgres->folder);
	snprintf(socket, sizeof(socket), "unix_socket_directories=%s",
		 postgres->folder);
	snprintf(further, sizeof(further), "%s", postgres->settings);
	for (uint32_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		words[count++] = "-c";
		words[count++] = fixed[i];
	}
	while ((word = strsep(&rest, " ")) != NULL && count < WORDS_MAX - 1) {
		if (*word != '\0')
			words[count++] = word;
	}
	return spawn(postgres->folder, words);
}

static bool answers(const struct postgres *postgres)
{
	PGconn *connection = try_connect(postgres, "postgres");
	bool up = PQstatus(connection) == CONNECTION_OK;

	PQfinish(connection);
	return up;
}

/* After a kill the lock file stands for a while: start again until then. */
void postgres_start(struct postgres *postgres, const char *settings)
{
	snprintf(postgres->settings, sizeof(postgres->settings), "%s",
		 settings ? settings : "");
	for (uint32_t ms = 0; ms < START_MS; ms += STEP_MS) {
		int status;

		if (postgres->pid == 0)
			postgres->pid = spawn_server(postgres);
		step();
		if (waitpid(postgres->pid, &status, WNOHANG) == postgres->pid)
			postgres->pid = 0;
		else if (answers(postgres))
			return;
	}
	show_log(postgres);
	give_up("start", "no answer");
}

static void wait_gone(struct postgres *postgres)
{
	int status;

	if (postgres->pid != 0 && waitpid(postgres->pid, &status, 0) < 0)
		give_up("waitpid", strerror(errno));
	postgres->pid = 0;
}

void postgres_stop(struct postgres *postgres)
{
	if (postgres->pid != 0)
		kill(postgres->pid, SIGINT);
	wait_gone(postgres);
}

/* The server's processes are the children of the postmaster. */
void postgres_kill(struct postgres *postgres)
{
	char path[64], children[4096] = "";
	char *rest = children;
	char *word;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
		 (int)postgres->pid, (int)postgres->pid);
	file = fopen(path, "r");
	kill(postgres->pid, SIGSTOP);
	if (file != NULL) {
		if (fgets(children, sizeof(children), file) == NULL)
			children[0] = '\0';
		fclose(file);
	}
	kill(postgres->pid, SIGKILL);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (atoi(word) > 1)
			kill(atoi(word), SIGKILL);
	}
	wait_gone(postgres);
}

static void run_file(PGconn *connection, const char *path)
{
	char *text = calloc(1, SQL_FILE_SIZE_MAX + 1);
	FILE *file = fopen(path, "r");

	if (file == NULL || text == NULL ||
	    fread(text, 1, SQL_FILE_SIZE_MAX, file) == 0)
		give_up(path, "cannot be read");
	fclose(file);
	run_on(connection, text);
	free(text);
}

/* The changes in the order of sqitch.plan: its lines' first words. */
static void deploy(struct postgres *postgres, const char *database)
{
	static const char folder[] = SOURCE_FOLDER "/sql";
	PGconn *connection = postgres_connect(postgres, database);
	char path[512], line[512], change[128];
	FILE *plan;

	PQsetNoticeReceiver(connection, NULL, NULL);
	snprintf(path, sizeof(path), "%s/roles.sql", folder);
	run_file(connection, path);
	snprintf(path, sizeof(path), "%s/sqitch.plan", folder);
	plan = fopen(path, "r");
	if (plan == NULL)
		give_up(path, strerror(errno));
	while (fgets(line, sizeof(line), plan) != NULL) {
		if (line[0] == '%' || sscanf(line, "%127s", change) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/deploy/%s.sql", folder,
			 change);
		run_file(connection, path);
	}
	fclose(plan);
	PQfinish(connection);
}

void postgres_create(struct postgres *postgres)
{
	const struct passwd *user = getpwnam(USER);

	*postgres = (struct postgres){ .folder = "/tmp/clearing-pg-XXXXXX" };
	if (mkdtemp(postgres->folder) == NULL)
		give_up("mkdtemp", strerror(errno));
	if (geteuid() == 0 &&
	    (user == NULL ||
	     chown(postgres->folder, user->pw_uid, user->pw_gid) != 0))
		give_up("chown to " USER, strerror(errno));
	initdb(postgres);
	postgres_start(postgres, NULL);
	postgres_run(postgres, "postgres", "create database template_clearing");
	deploy(postgres, "template_clearing");
	postgres_run(postgres, "postgres",
		     "create role node login in role clearing_app");
}

static void remove_folder(const char *folder)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl("/bin/rm", "rm", "-rf", "--", folder, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fprintf(stderr, "postgres: %s is left behind\n", folder);
}

void postgres_free(struct postgres *postgres)
{
	postgres_stop(postgres);
	remove_folder(postgres->folder);
}

void postgres_copy(struct postgres *postgres, const char *from,
		   const char *name)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "create database %s template %s", name,
		 from);
	postgres_run(postgres, "postgres", sql);
}

void postgres_database(struct postgres *postgres, const char *name)
{
	postgres_copy(postgres, "template_clearing", name);
}
