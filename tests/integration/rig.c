/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "integration/rig.h"

#include <dirent.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unit/support.h"

#define RIG_PAYMENTS 16
#define URI "spiffe://demo/city/barcelona/gateway/test"
#define LIMIT_MINOR INT64_C(1000000000000)

void rig_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	SHA256(bytes.data, bytes.size, out);
}

void rig_random(uint8_t *bytes, size_t size)
{
	assert_int_equal(RAND_bytes(bytes, (int)size), 1);
}

uint64_t rig_now(const struct rig *rig)
{
	struct timespec now;

	if (rig->clock_us != 0)
		return rig->clock_us;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void set_up(struct rig *rig, struct postgres *postgres, const char *name)
{
	*rig = (struct rig){ .postgres = postgres,
			     .project = true,
			     .city = "barcelona",
			     .queue_blocks_max = 16,
			     .accounts_max = 20000 };
	snprintf(rig->name, sizeof(rig->name), "%s", name);
	rig->database = (struct database){ .hosts = postgres->folder,
					   .dbname = rig->name,
					   .user = "node" };
	rig->caller = (struct caller){ .uri = SLICE(URI), .base = SLICE(URI) };
}

void rig_create(struct rig *rig, struct postgres *postgres, const char *name)
{
	struct event_genesis genesis = {
		.federation = SLICE("demo"),
		.city = SLICE("barcelona"),
		.unit = SLICE("credit"),
		.decimals = 2,
		.format = 1,
	};

	set_up(rig, postgres, name);
	postgres_database(postgres, name);
	if (start_init(&rig->database, &genesis, rig_now(rig), rig_sha256,
		       rig->error) != START_OK)
		fail_msg("start_init: %s", rig->error);
}

void rig_attach(struct rig *rig, const struct rig *other)
{
	set_up(rig, other->postgres, other->name);
}

static void on_acknowledged(void *context, const struct closed_block *block)
{
	struct rig *rig = context;
	struct acknowledged *last;

	if (rig->acknowledged_count == rig->acknowledged_capacity) {
		rig->acknowledged_capacity =
			rig->acknowledged_capacity * 2 + 64;
		rig->acknowledged =
			realloc(rig->acknowledged,
				rig->acknowledged_capacity * sizeof(*last));
		assert_non_null(rig->acknowledged);
	}
	last = &rig->acknowledged[rig->acknowledged_count++];
	last->seq = block->header.seq;
	memcpy(last->hash, block->header.hash, SHA256_SIZE);
	/* (rule JOURNAL-6) */
	if (rig->acknowledged_count > 1)
		assert_int_equal(last->seq, last[-1].seq + 1);
	/* It has stopped when another node took the tables over. */
	if (rig->project && !projector_push(rig->projector, block, false))
		assert_true(projector_stopped(rig->projector, NULL));
}

static void create_ledger(struct rig *rig)
{
	struct ledger_options options = { .accounts_max = rig->accounts_max,
					  .holds_max = 10000,
					  .actors_max = 1000,
					  .ids_max = 4000000,
					  .links_max = rig->links_max,
					  .payments_max = RIG_PAYMENTS,
					  .sha256 = rig_sha256,
					  .id_window_us =
						  ID_WINDOW_US_DEFAULT };

	rig_random((uint8_t *)&options.key, sizeof(options.key));
	rig->ledger_memory = calloc(1, ledger_memory_size(&options));
	assert_non_null(rig->ledger_memory);
	ledger_init(&rig->ledger, &options, rig->ledger_memory);
}

enum start_result rig_start(struct rig *rig)
{
	struct start_options start = { .database = &rig->database,
				       .node_name = "rig",
				       .federation = "demo",
				       .city = rig->city,
				       .unit = "credit",
				       .decimals = 2,
				       .takeover = rig->takeover,
				       .sha256 = rig_sha256,
				       .random_fill = rig_random,
				       .known = rig->known,
				       .stop = rig->stop };
	struct projector_options projector = { .database = &rig->database,
					       .lag_blocks_max = 5000,
					       .links_max = rig->links_max,
					       .payments_max = RIG_PAYMENTS,
					       .sha256 = rig_sha256 };
	struct journal_options journal = { .database = &rig->database,
					   .queue_blocks_max =
						   rig->queue_blocks_max,
					   .sha256 = rig_sha256,
					   .on_acknowledged = on_acknowledged,
					   .context = rig };
	enum start_result result;

	create_ledger(rig);
	rig->projector = projector_create(&projector);
	assert_non_null(rig->projector);
	result = start_store(&start, &rig->ledger, rig->projector,
			     &rig->started, rig->error);
	if (result != START_OK) {
		rig_stop(rig);
		return result;
	}
	rig->journal = journal_create(&journal, rig->started.journal,
				      &rig->started.head, &rig->ledger);
	assert_non_null(rig->journal);
	return START_OK;
}

void rig_stop(struct rig *rig)
{
	journal_free(rig->journal);
	projector_free(rig->projector);
	free(rig->ledger_memory);
	free(rig->acknowledged);
	rig->journal = NULL;
	rig->projector = NULL;
	rig->ledger_memory = NULL;
	rig->acknowledged = NULL;
	rig->acknowledged_count = 0;
	rig->acknowledged_capacity = 0;
}

struct recorder rig_block(struct rig *rig, uint32_t entries, uint32_t events)
{
	struct recorder recorder = { .ledger = &rig->ledger,
				     .sha256 = rig_sha256,
				     .random_fill = rig_random };

	recorder.block = journal_open(rig->journal, entries, events,
				      rig_now(rig), &recorder.effects);
	assert_non_null(recorder.block);
	return recorder;
}

struct id rig_id(const struct rig *rig)
{
	uint8_t random[ID_TAIL_SIZE];

	rig_random(random, sizeof(random));
	return id_make(rig_now(rig), random);
}

uint32_t rig_account(struct rig *rig, const char *address)
{
	struct recorder recorder = rig_block(rig, 0, 2);
	struct id id = rig_id(rig);
	char full[128];
	struct open_account_command command = {
		.id = slice_of(id.bytes, ID_SIZE),
		.display_name = SLICE("A Coop"),
		.credit_limit_minor = LIMIT_MINOR,
		.balance_ceiling_minor = LIMIT_MINOR,
		.gateway_allowed = true,
	};
	struct answer answer;

	snprintf(full, sizeof(full), "%s@barcelona", address);
	command.address = slice_from_text(full);
	record_open_account(&recorder, &command, &rig->caller, rig_now(rig),
			    &answer);
	assert_int_equal(answer.refusal, 0);
	return (uint32_t)answer.number;
}

/* The command; @item->id must outlive it. */
static struct transfer_command command_of(const struct rig_item *item)
{
	struct transfer_command command = {
		.id = slice_of(item->id.bytes, ID_SIZE),
		.debit = { .id = item->debit },
		.credit = { .id = item->credit },
		.amount_minor = item->amount_minor,
	};

	if (item->memo != NULL)
		command.memo = slice_from_text(item->memo);
	return command;
}

void rig_transfers(struct rig *rig, uint32_t debit, uint32_t credit,
		   uint32_t count)
{
	struct recorder recorder = rig_block(rig, count, 1);
	struct rig_item *items = calloc(count, sizeof(*items));
	struct transfer_command *commands = calloc(count, sizeof(*commands));
	struct answer *answers = calloc(count, sizeof(*answers));

	assert_true(items && commands && answers);
	for (uint32_t i = 0; i < count; i++) {
		items[i] = (struct rig_item){ .debit = debit,
					      .credit = credit,
					      .amount_minor = 1,
					      .id = rig_id(rig) };
		commands[i] = command_of(&items[i]);
	}
	record_transfers(&recorder, commands, count, &rig->caller, rig_now(rig),
			 answers);
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(answers[i].refusal, 0);
	free(items);
	free(commands);
	free(answers);
}

struct answer rig_try(struct rig *rig, const struct rig_item *item)
{
	struct recorder recorder = rig_block(rig, 1, 1);
	struct rig_item copy = *item;
	struct transfer_command command;
	struct answer answer;

	if (id_is_zero(&copy.id))
		copy.id = rig_id(rig);
	command = command_of(&copy);
	record_transfers(&recorder, &command, 1, &rig->caller, rig_now(rig),
			 &answer);
	return answer;
}

uint64_t rig_transfer(struct rig *rig, const struct rig_item *item)
{
	struct answer answer = rig_try(rig, item);

	assert_int_equal(answer.refusal, 0);
	return answer.number;
}

static void account_command(struct rig *rig, enum account_command_kind kind,
			    struct account_command *command)
{
	struct recorder recorder = rig_block(rig, 0, 2);
	struct id id = rig_id(rig);
	struct answer answer;

	command->id = slice_of(id.bytes, ID_SIZE);
	command->reason = SLICE("as agreed");
	record_account_command(&recorder, kind, command, &rig->caller,
			       rig_now(rig), &answer);
	assert_int_equal(answer.refusal, 0);
}

void rig_limits(struct rig *rig, uint32_t account, int64_t limit_minor)
{
	struct account_command command = {
		.account = { .id = account },
		.credit_limit_minor = limit_minor,
		.balance_ceiling_minor = LIMIT_MINOR,
	};

	account_command(rig, ACCOUNT_COMMAND_SET_LIMITS, &command);
}

void rig_command(struct rig *rig, enum account_command_kind kind,
		 uint32_t account)
{
	struct account_command command = { .account = { .id = account } };

	account_command(rig, kind, &command);
}

uint32_t rig_expire(struct rig *rig)
{
	struct recorder recorder = rig_block(rig, 0, 100);

	return record_expiries(&recorder, rig_now(rig), 100);
}

void rig_hold(struct rig *rig, const struct rig_item *item, uint32_t seconds)
{
	struct recorder recorder = rig_block(rig, 1, 2);
	struct place_hold_command command = {
		.transfer = command_of(item),
		.expires_at_us = rig_now(rig) + seconds * UINT64_C(1000000),
	};
	struct answer answer;

	record_place_hold(&recorder, &command, &rig->caller, rig_now(rig),
			  &answer);
	assert_int_equal(answer.refusal, 0);
}

void rig_post(struct rig *rig, struct id hold_id, int64_t amount_minor)
{
	struct recorder recorder = rig_block(rig, 1, 2);
	struct id id = rig_id(rig);
	struct post_hold_command command = {
		.id = slice_of(id.bytes, ID_SIZE),
		.hold_id = slice_of(hold_id.bytes, ID_SIZE),
		.amount_minor = amount_minor,
	};
	struct answer answer;

	record_post_hold(&recorder, &command, &rig->caller, rig_now(rig),
			 &answer);
	assert_int_equal(answer.refusal, 0);
}

void rig_void(struct rig *rig, struct id hold_id)
{
	struct recorder recorder = rig_block(rig, 1, 2);
	struct id id = rig_id(rig);
	struct void_hold_command command = {
		.id = slice_of(id.bytes, ID_SIZE),
		.hold_id = slice_of(hold_id.bytes, ID_SIZE),
		.reason = SLICE("no longer wanted"),
	};
	struct answer answer;

	record_void_hold(&recorder, &command, &rig->caller, rig_now(rig),
			 &answer);
	assert_int_equal(answer.refusal, 0);
}

void rig_turn(struct rig *rig, int ms)
{
	struct pollfd wait = { .events = POLLIN };

	journal_flush(rig->journal, rig_now(rig));
	wait.fd = journal_socket(rig->journal);
	if (journal_wants_write(rig->journal))
		wait.events |= POLLOUT;
	if (poll(&wait, 1, ms) >= 0)
		journal_advance(rig->journal, rig_now(rig));
}

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void rig_settle(struct rig *rig)
{
	uint64_t deadline = monotonic_ms() + RIG_WAIT_MS;

	while (journal_acknowledged(rig->journal) !=
	       journal_newest(rig->journal)) {
		if (monotonic_ms() > deadline)
			fail_msg("not acknowledged: state %d, %s",
				 journal_state(rig->journal),
				 journal_reason(rig->journal));
		rig_turn(rig, 50);
	}
}

void rig_wait_state(struct rig *rig, enum journal_state state)
{
	uint64_t deadline = monotonic_ms() + RIG_WAIT_MS;

	while (journal_state(rig->journal) != state) {
		if (monotonic_ms() > deadline)
			fail_msg("state %d, %s", journal_state(rig->journal),
				 journal_reason(rig->journal));
		rig_turn(rig, 50);
	}
}

void rig_wait_projected(struct rig *rig)
{
	uint64_t deadline = monotonic_ms() + RIG_WAIT_MS;
	struct timespec step = { 0, 2000000 };
	const char *reason = "";

	projector_hurry(rig->projector, journal_acknowledged(rig->journal));
	while (projector_lag(rig->projector) > 0 ||
	       projector_position(rig->projector) !=
		       journal_acknowledged(rig->journal)) {
		if (projector_stopped(rig->projector, &reason) ||
		    monotonic_ms() > deadline)
			fail_msg("not projected: %llu of %llu %s",
				 (unsigned long long)projector_position(
					 rig->projector),
				 (unsigned long long)journal_acknowledged(
					 rig->journal),
				 reason);
		nanosleep(&step, NULL);
	}
}

long long rig_number(struct rig *rig, const char *sql)
{
	return postgres_number(rig->postgres, rig->name, sql);
}

void rig_run(struct rig *rig, const char *sql)
{
	postgres_run(rig->postgres, rig->name, sql);
}

static void expect_same_account(const struct account *a,
				const struct account *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->gateway_allowed, b->gateway_allowed);
	assert_int_equal(a->holds_open, b->holds_open);
	assert_int_equal(money_compare(a->credit_limit, b->credit_limit), 0);
	assert_int_equal(money_compare(a->balance_ceiling, b->balance_ceiling),
			 0);
	assert_int_equal(money_compare(a->debits_posted, b->debits_posted), 0);
	assert_int_equal(money_compare(a->credits_posted, b->credits_posted),
			 0);
	assert_int_equal(money_compare(a->debits_pending, b->debits_pending),
			 0);
	assert_int_equal(money_compare(a->credits_pending, b->credits_pending),
			 0);
	assert_int_equal(a->last_number, b->last_number);
	assert_true(slice_equal(account_local(a), account_local(b)));
	assert_true(
		slice_equal(account_display_name(a), account_display_name(b)));
}

static void expect_same_holds(const struct ledger *a, const struct ledger *b)
{
	assert_int_equal(a->hold_count, b->hold_count);
	for (uint32_t i = 0; i < a->hold_count; i++) {
		const struct hold *hold = &a->holds[a->heap[i]];
		const struct hold *other = ledger_hold(b, &hold->id);

		assert_non_null(other);
		assert_int_equal(hold->number, other->number);
		assert_int_equal(hold->expires_at_us, other->expires_at_us);
		assert_int_equal(money_compare(hold->amount, other->amount), 0);
		assert_int_equal(hold->debit, other->debit);
		assert_int_equal(hold->credit, other->credit);
		assert_int_equal(hold->transfer_kind, other->transfer_kind);
	}
}

void rig_expect_same(const struct ledger *a, const struct ledger *b)
{
	assert_int_equal(a->account_count, b->account_count);
	for (uint32_t i = 0; i < a->account_count; i++)
		expect_same_account(&a->accounts[i], &b->accounts[i]);
	assert_int_equal(a->actor_count, b->actor_count);
	for (uint32_t i = 0; i < a->actor_count; i++)
		assert_memory_equal(a->actors[i].uri, b->actors[i].uri,
				    a->actors[i].uri_size);
	expect_same_holds(a, b);
	assert_int_equal(a->next_number, b->next_number);
	assert_true(a->credit_issued_minor == b->credit_issued_minor);
	assert_int_equal(idwindow_count(&a->ids), idwindow_count(&b->ids));
}

char *rig_tables(struct rig *rig)
{
	static const char *const tables[] = {
		"genesis",	 "actor",
		"account",	 "account_change",
		"account_month", "month_start",
		"transfer",	 "hold",
		"command",	 "link",
		"link_life",	 "link_batch",
		"payment",	 "payment_request",
		"link_change",	 "federation",
	};
	char *all = calloc(COUNT_OF(tables), 128);
	size_t size = 0;

	assert_non_null(all);
	for (uint32_t i = 0; i < COUNT_OF(tables); i++) {
		char sql[200];
		char *digest;

		snprintf(sql, sizeof(sql),
			 "select count(*) || ' ' || coalesce(md5(string_agg("
			 "t::text, '|' order by t::text)), '') from "
			 "clearing.%s t",
			 tables[i]);
		digest = postgres_text(rig->postgres, rig->name, sql);
		size += (size_t)snprintf(all + size, 128, "%s %s\n", tables[i],
					 digest);
		free(digest);
	}
	return all;
}

static void expect_invariant(struct rig *rig, PGconn *connection,
			     const char *file)
{
	static char sql[65536];
	char path[512];
	FILE *source;
	PGresult *result;
	size_t size;

	snprintf(path, sizeof(path), SOURCE_FOLDER "/sql/invariants/%s", file);
	source = fopen(path, "r");
	assert_non_null(source);
	size = fread(sql, 1, sizeof(sql) - 1, source);
	sql[size] = '\0';
	fclose(source);
	result = PQexec(connection, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 0)
		fail_msg("%s in %s: %d rows, %s %s", file, rig->name,
			 PQntuples(result), PQerrorMessage(connection),
			 PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
}

static void expect_invariants(struct rig *rig)
{
	DIR *folder = opendir(SOURCE_FOLDER "/sql/invariants");
	PGconn *connection = postgres_connect(rig->postgres, rig->name);
	const struct dirent *file;
	uint32_t seen = 0;

	assert_non_null(folder);
	while ((file = readdir(folder)) != NULL) {
		size_t size = strlen(file->d_name);

		if (size < 4 || strcmp(file->d_name + size - 4, ".sql") != 0)
			continue;
		expect_invariant(rig, connection, file->d_name);
		seen++;
	}
	assert_true(seen >= 10);
	closedir(folder);
	PQfinish(connection);
}

static void expect_acknowledged(struct rig *rig)
{
	PGconn *connection = postgres_connect(rig->postgres, rig->name);
	PGresult *rows = PQexecParams(
		connection, "select seq, hash from clearing.journal order by 1",
		0, NULL, NULL, NULL, NULL, 1);

	assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
	for (uint32_t i = 0; i < rig->acknowledged_count; i++) {
		const struct acknowledged *block = &rig->acknowledged[i];

		assert_true(block->seq < (uint64_t)PQntuples(rows));
		assert_memory_equal(PQgetvalue(rows, (int)block->seq, 1),
				    block->hash, SHA256_SIZE);
	}
	PQclear(rows);
	PQfinish(connection);
}

void rig_expect_sound(struct rig *rig)
{
	expect_acknowledged(rig);
	expect_invariants(rig);
}
