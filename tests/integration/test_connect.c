/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "integration/postgres.h"
#include "store/connect.h"

static struct postgres postgres;

static int start(void **state)
{
	(void)state;
	postgres_create(&postgres);
	postgres_database(&postgres, "city");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	postgres_free(&postgres);
	return 0;
}

static struct database node_database(void)
{
	return (struct database){ .hosts = postgres.folder,
				  .dbname = "city",
				  .user = "node" };
}

static void expect(const struct database *database, enum connect_result wanted,
		   const char *word)
{
	char error[CONNECT_ERROR_SIZE] = "";
	PGconn *connection = NULL;
	enum connect_result found =
		connect_database(database, CONNECT_JOURNAL, &connection, error);

	if (found != wanted || (word != NULL && strstr(error, word) == NULL))
		fail_msg("%d, not %d: %s", found, wanted, error);
	if (found == CONNECT_OK)
		PQfinish(connection);
}

static void test_connect_sound(void **state)
{
	/* Goal: a sound database is taken, with the session the store needs. */
	struct database database = node_database();
	char error[CONNECT_ERROR_SIZE];
	PGconn *connection;
	PGresult *result;

	(void)state;
	assert_int_equal(connect_database(&database, CONNECT_PROJECTOR,
					  &connection, error),
			 CONNECT_OK);
	result = PQexec(connection,
			"select current_setting('synchronous_commit'),"
			" current_setting('TimeZone'),"
			" current_setting('application_name'),"
			" current_setting('client_encoding')");
	assert_string_equal(PQgetvalue(result, 0, 0), "off");
	assert_string_equal(PQgetvalue(result, 0, 1), "UTC");
	assert_string_equal(PQgetvalue(result, 0, 2), "clearing projector");
	assert_string_equal(PQgetvalue(result, 0, 3), "UTF8");
	PQclear(result);
	PQfinish(connection);
	assert_string_equal(connect_schema_version(), "6");
}

static void test_connect_refusals(void **state)
{
	/* Goal: each reason has its result and says what is wrong. */
	struct database database = node_database();

	(void)state;
	database.dbname = "nowhere";
	expect(&database, CONNECT_REFUSED, "nowhere");
	database = node_database();
	database.user = "nobody-known";
	expect(&database, CONNECT_REFUSED, "nobody-known");
	database = node_database();
	database.dbname = "postgres";
	expect(&database, CONNECT_SCHEMA, "sqitch");
	database = node_database();
	database.hosts = "/nonexistent";
	expect(&database, CONNECT_AWAY, "/nonexistent");
	database.hosts = "a:b:c";
	expect(&database, CONNECT_REFUSED, "host");
	database.hosts = "";
	expect(&database, CONNECT_REFUSED, "host");
	database = node_database();
	database.password_file = "/nonexistent/password";
	expect(&database, CONNECT_REFUSED, "password");
}

static void test_connect_schema_versions(void **state)
{
	/* Goal: a schema this node cannot know is refused; a newer one that
	 * still serves it is taken. */
	struct database database = node_database();

	(void)state;
	postgres_database(&postgres, "newer");
	database.dbname = "newer";
	postgres_run(&postgres, "newer",
		     "update clearing.schema_info set version = 7");
	expect(&database, CONNECT_OK, NULL);
	postgres_run(&postgres, "newer",
		     "update clearing.schema_info set needs_node = 7");
	expect(&database, CONNECT_SCHEMA, "update the node");
	postgres_run(&postgres, "newer",
		     "update clearing.schema_info set version = 1,"
		     " needs_node = 1");
	expect(&database, CONNECT_SCHEMA, "update the schema");
}

static void test_connect_durability(void **state)
{
	/* Goal: (rule JOURNAL-13) each switch that is off is named and
	 * refused, unless the test's override says otherwise. */
	static const char *const settings[] = { "fsync", "full_page_writes",
						"synchronous_commit" };
	struct database database = node_database();
	char word[64];

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(settings); i++) {
		postgres_stop(&postgres);
		snprintf(word, sizeof(word), "-c %s=off", settings[i]);
		postgres_start(&postgres, word);
		database.unsafe_durability = false;
		expect(&database, CONNECT_UNSAFE, settings[i]);
		database.unsafe_durability = true;
		expect(&database, CONNECT_OK, NULL);
	}
	postgres_stop(&postgres);
	postgres_start(&postgres, "-c synchronous_commit=local");
	database.unsafe_durability = false;
	expect(&database, CONNECT_UNSAFE, "synchronous_commit is local");
	postgres_stop(&postgres);
	postgres_start(&postgres, NULL);
	expect(&database, CONNECT_OK, NULL);
}

static void test_connect_hosts(void **state)
{
	/* Goal: silent hosts are passed over, and the one that answered is
	 * asked first the next time. */
	struct database database = node_database();
	atomic_uint last = 0;
	char hosts[256];

	(void)state;
	snprintf(hosts, sizeof(hosts), "/nonexistent, 127.0.0.1:1,%s:5432",
		 postgres.folder);
	database.hosts = hosts;
	database.host_last = &last;
	expect(&database, CONNECT_OK, NULL);
	assert_int_equal(atomic_load(&last), 2);
	expect(&database, CONNECT_OK, NULL);
	assert_int_equal(atomic_load(&last), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connect_sound),
		cmocka_unit_test(test_connect_refusals),
		cmocka_unit_test(test_connect_schema_versions),
		cmocka_unit_test(test_connect_durability),
		cmocka_unit_test(test_connect_hosts),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
