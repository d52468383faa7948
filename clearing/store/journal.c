/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/journal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "store/journal_private.h"

#define RESOLVER_RETRY_US UINT64_C(1000000)

/*
 * JOURNAL.md, section 1.2: the chain is the fence.  $1 is cast at every use;
 * in "seq = $1 - 1" alone the server would take it for an int.
 */
#define INSERT_BLOCK                                                     \
	"insert into clearing.journal"                                   \
	" (seq, epoch, created, prev_hash, hash, payload)"               \
	" select $1::bigint, $2::int, $3::bigint, $4::bytea, $5::bytea," \
	" $6::bytea where exists (select from clearing.journal"          \
	" where seq = $1::bigint - 1 and hash = $4::bytea"               \
	" and epoch <= $2::int) on conflict (seq) do nothing returning seq"

static const char append_sql[] = INSERT_BLOCK;
/* (rule JOURNAL-24) Texts stand beside the chain, in the same statement. */
static const char append_memos_sql[] =
	"with block as (" INSERT_BLOCK "), texts as ("
	"insert into clearing.memo (seq, index, text, salt)"
	" select block.seq, u.index, u.text, u.salt from block,"
	" unnest($7::int[], $8::text[], $9::bytea[]) u (index, text, salt))"
	" select seq from block";

bool journal_prepare(PGconn *connection)
{
	static const char *const statements[][2] = {
		{ "journal_append", append_sql },
		{ "journal_append_memos", append_memos_sql },
	};

	for (uint32_t i = 0; i < 2; i++) {
		PGresult *result = PQprepare(connection, statements[i][0],
					     statements[i][1], 0, NULL);
		bool done = PQresultStatus(result) == PGRES_COMMAND_OK;

		PQclear(result);
		if (!done)
			return false;
	}
	return PQenterPipelineMode(connection) == 1 &&
	       PQsetnonblocking(connection, 1) == 0;
}

bool journal_system_identifier(PGconn *connection, char out[24])
{
	PGresult *result = pg_query(
		connection,
		"select system_identifier::text from pg_control_system()",
		NULL);
	struct slice text = { 0 };
	bool found;

	if (pg_rows(result) && PQntuples(result) == 1)
		text = pg_get_bytes(result, 0, 0);
	found = text.data != NULL && text.size < 24;
	if (found) {
		memcpy(out, text.data, text.size);
		out[text.size] = '\0';
	}
	PQclear(result);
	return found;
}

/* (rule JOURNAL-5) A cancelled wait for a standby tells success and this. */
static void on_notice(void *context, const PGresult *notice)
{
	struct journal *journal = context;
	const char *severity =
		PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (severity == NULL || strcmp(severity, "WARNING") == 0) {
		journal->warned = true;
		pg_text(journal->reason, sizeof(journal->reason), "%s",
			PQresultErrorMessage(notice));
	}
}

static void put_memos(struct journal *journal, const struct closed_block *block,
		      struct pg_parameters *parameters)
{
	struct pg_array *index = &journal->memo_index;
	struct pg_array *text = &journal->memo_text;
	struct pg_array *salt = &journal->memo_salt;

	pg_array_reset(index, PG_INT4);
	pg_array_reset(text, PG_TEXT);
	pg_array_reset(salt, PG_BYTEA);
	for (uint32_t i = 0; i < block->memo_count; i++) {
		const struct block_memo *memo = &block->memos[i];

		pg_array_int32(index, (int32_t)memo->index);
		pg_array_bytes(text, memo->text);
		pg_array_bytes(salt, slice_of(memo->salt, SALT_SIZE));
	}
	pg_parameters_bytes(parameters, pg_array_view(index));
	pg_parameters_bytes(parameters, pg_array_view(text));
	pg_parameters_bytes(parameters, pg_array_view(salt));
}

bool journal_send(struct journal *journal, struct journal_slot *slot)
{
	const struct closed_block *block = &slot->closed;
	const struct block_header *header = &block->header;
	struct pg_parameters parameters = { 0 };
	const char *name = "journal_append";

	pg_parameters_int64(&parameters, (int64_t)header->seq);
	pg_parameters_int32(&parameters, (int32_t)header->epoch);
	pg_parameters_int64(&parameters, (int64_t)header->created_us);
	pg_parameters_bytes(&parameters,
			    slice_of(header->prev_hash, SHA256_SIZE));
	pg_parameters_bytes(&parameters, slice_of(header->hash, SHA256_SIZE));
	pg_parameters_bytes(&parameters, block->payload);
	if (block->memo_count > 0) {
		put_memos(journal, block, &parameters);
		name = "journal_append_memos";
	}
	slot->answered = false;
	if (journal->memo_index.failed || journal->memo_text.failed ||
	    journal->memo_salt.failed)
		return false;
	/* (rule JOURNAL-4) */
	return pg_send(journal->connection, name, &parameters) &&
	       PQpipelineSync(journal->connection) == 1;
}

/* Final: the node reads the state and ends. */
static void end(struct journal *journal, enum journal_state state,
		const char *reason)
{
	journal->state = state;
	journal->wants_write = false;
	journal->wake_us = 0;
	if (reason != journal->reason)
		pg_text(journal->reason, sizeof(journal->reason), "%s", reason);
	if (journal->connection != NULL)
		PQfinish(journal->connection);
	journal->connection = NULL;
}

/*
 * Anything but a sure commit: give the connection up and find out on a fresh
 * one (JOURNAL.md, section 2).  Blocks are kept as they are.
 */
static void doubt(struct journal *journal, const char *reason, uint64_t now_us)
{
	struct resolver *resolver = &journal->resolver;

	if (reason != journal->reason)
		pg_text(journal->reason, sizeof(journal->reason), "%s", reason);
	if (journal->doubt_since_us == 0)
		journal->doubt_since_us = now_us;
	journal->state = JOURNAL_DOUBT;
	journal->wants_write = false;
	journal->warned = false;
	if (journal->connection != NULL) {
		check(resolver->old == NULL);
		resolver->old = journal->connection;
		journal->connection = NULL;
	}
	journal->wake_us = 0;
	if (!resolver_start(journal))
		journal->wake_us = now_us + RESOLVER_RETRY_US;
}

static void lost(struct journal *journal, uint64_t now_us)
{
	char reason[JOURNAL_REASON_SIZE];

	pg_text(reason, sizeof(reason), "connection lost: %s",
		PQerrorMessage(journal->connection));
	doubt(journal, reason, now_us);
}

static void flush(struct journal *journal, uint64_t now_us)
{
	int left = PQflush(journal->connection);

	if (left < 0)
		lost(journal, now_us);
	else
		journal->wants_write = left > 0;
}

/* Sends closed blocks while there are free places in flight. */
static void send_closed(struct journal *journal, uint64_t now_us)
{
	uint32_t closed = journal->queue_count - journal->open;
	uint32_t next = journal->landed_count + journal->sent_count;

	while (next < closed && journal->sent_count < JOURNAL_IN_FLIGHT_MAX) {
		if (!journal_send(journal, journal_at(journal, next))) {
			lost(journal, now_us);
			return;
		}
		journal->sent_count++;
		next++;
	}
	flush(journal, now_us);
}

/* (rule JOURNAL-7) */
void journal_flush(struct journal *journal, uint64_t now_us)
{
	struct journal_slot *slot;
	uint32_t waiting;

	if (journal->state != JOURNAL_UP)
		return;
	waiting = journal->queue_count - journal->landed_count;
	if (journal->open) {
		slot = journal_at(journal, journal->queue_count - 1);
		if (!block_is_empty(&slot->block) &&
		    (waiting == 1 || block_is_full(&slot->block)))
			journal_close(journal);
	}
	if (waiting > 0)
		send_closed(journal, now_us);
}

/* A value or a rule of the table that our own block breaks, for ever. */
static bool is_refused_for_ever(const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *rule = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);

	/* Without a name 23514 is a missing partition, which maintenance
	 * makes. */
	return state != NULL && (strncmp(state, "22", 2) == 0 ||
				 (strncmp(state, "23", 2) == 0 && rule));
}

static void on_failure(struct journal *journal, const PGresult *result,
		       uint64_t now_us)
{
	bool final = is_refused_for_ever(result);

	pg_text(journal->reason, sizeof(journal->reason), "%s",
		PQresultErrorMessage(result));
	if (final)
		end(journal, JOURNAL_BROKEN, journal->reason);
	else
		doubt(journal, journal->reason, now_us);
}

/* (rule JOURNAL-5) One row, then the Sync, and no WARNING on the way. */
static void on_sync(struct journal *journal, uint64_t now_us)
{
	struct journal_slot *slot;

	check(journal->sent_count > 0);
	slot = journal_at(journal, journal->landed_count);
	if (!slot->answered || journal->warned) {
		doubt(journal,
		      journal->warned ? journal->reason
				      : "a block was answered without a row",
		      now_us);
		return;
	}
	journal->resolver.attempt = 0;
	journal->doubt_since_us = 0;
	journal->reason[0] = '\0';
	/* (rule JOURNAL-9) What landed before is now as durable as this. */
	while (journal->landed_count > 0)
		journal_pop(journal);
	journal_pop(journal);
}

static void on_result(struct journal *journal, const PGresult *result,
		      uint64_t now_us)
{
	switch (PQresultStatus(result)) {
	case PGRES_TUPLES_OK:
		if (PQntuples(result) != 1)
			doubt(journal,
			      "a block found its place taken or its "
			      "predecessor missing",
			      now_us);
		else
			journal_at(journal, journal->landed_count)->answered =
				true;
		return;
	case PGRES_PIPELINE_SYNC:
		on_sync(journal, now_us);
		return;
	default: /* libpq's enum: whatever else it is, it is no commit */
		on_failure(journal, result, now_us);
	}
}

static void read_results(struct journal *journal, uint64_t now_us)
{
	if (PQconsumeInput(journal->connection) == 0) {
		lost(journal, now_us);
		return;
	}
	while (journal->state == JOURNAL_UP && journal->sent_count > 0 &&
	       !PQisBusy(journal->connection)) {
		PGresult *result = PQgetResult(journal->connection);

		if (result != NULL)
			on_result(journal, result, now_us);
		else if (PQstatus(journal->connection) != CONNECTION_OK)
			lost(journal, now_us);
		PQclear(result);
	}
}

/* A further barrier would be found landed, and no surer, like all before. */
static void end_unsure(struct journal *journal)
{
	char reason[JOURNAL_REASON_SIZE];

	pg_text(reason, sizeof(reason),
		"%u blocks landed and none is surely durable: %s",
		journal->landed_count, journal->reason);
	end(journal, JOURNAL_UNSAFE, reason);
}

static void on_resolved(struct journal *journal, uint64_t now_us)
{
	struct resolver *resolver = &journal->resolver;
	uint64_t count;

	resolver_end(resolver);
	if (read(resolver->wake_fd, &count, sizeof(count)) < 0)
		count = 0; /* nothing was written: it does not matter */
	if (resolver->state != JOURNAL_UP) {
		end(journal, resolver->state, resolver->reason);
		return;
	}
	journal->connection = resolver->connection;
	resolver->connection = NULL;
	PQsetNoticeReceiver(journal->connection, on_notice, journal);
	journal->landed_count = resolver->landed;
	journal->sent_count = 0;
	journal->state = JOURNAL_UP;
	if (journal->landed_count > 0 && !journal_barrier(journal, now_us)) {
		end_unsure(journal);
		return;
	}
	if (journal->queue_count == 0)
		journal->doubt_since_us = 0;
	send_closed(journal, now_us);
	if (journal->state == JOURNAL_UP)
		journal_flush(journal, now_us);
	if (journal->state == JOURNAL_UP && journal->sent_count == 0)
		journal->doubt_since_us = 0;
}

void journal_advance(struct journal *journal, uint64_t now_us)
{
	if (journal->state == JOURNAL_DOUBT) {
		if (atomic_load(&journal->resolver.done))
			on_resolved(journal, now_us);
		else if (journal->wake_us != 0 && now_us >= journal->wake_us)
			doubt(journal, journal->reason, now_us);
		return;
	}
	if (journal->state != JOURNAL_UP)
		return;
	read_results(journal, now_us);
	if (journal->state == JOURNAL_UP)
		flush(journal, now_us);
}

static bool begin(struct journal *journal)
{
	struct resolver *resolver = &journal->resolver;

	resolver->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolver->wake_fd < 0 || !journal_slots_create(journal))
		return false;
	resolver->database = journal->options.database;
	return journal_system_identifier(journal->connection,
					 resolver->system_identifier) &&
	       journal_prepare(journal->connection);
}

struct journal *journal_create(const struct journal_options *options,
			       PGconn *connection,
			       const struct block_header *head,
			       struct ledger *ledger)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	check(options->queue_blocks_max >= 1);
	check(ledger->next_seq == head->seq + 1);
	if (journal == NULL) {
		PQfinish(connection);
		return NULL;
	}
	journal->options = *options;
	journal->connection = connection;
	journal->acknowledged = *head;
	journal->newest = *head;
	journal->ledger = ledger;
	journal->state = JOURNAL_UP;
	journal->resolver.wake_fd = -1;
	/* Before the first query: the start's receiver is gone. */
	PQsetNoticeReceiver(connection, on_notice, journal);
	if (!begin(journal)) {
		journal_free(journal);
		return NULL;
	}
	return journal;
}

void journal_free(struct journal *journal)
{
	struct resolver *resolver;

	if (journal == NULL)
		return;
	resolver = &journal->resolver;
	atomic_store(&resolver->stop, true);
	if (resolver->running)
		resolver_end(resolver);
	if (resolver->connection != NULL)
		PQfinish(resolver->connection);
	if (resolver->old != NULL)
		PQfinish(resolver->old);
	if (journal->connection != NULL)
		PQfinish(journal->connection);
	if (resolver->wake_fd >= 0)
		close(resolver->wake_fd);
	journal_slots_free(journal);
	free(journal);
}

int journal_socket(const struct journal *journal)
{
	if (journal->state == JOURNAL_UP)
		return PQsocket(journal->connection);
	return journal->state == JOURNAL_DOUBT ? journal->resolver.wake_fd : -1;
}

bool journal_wants_write(const struct journal *journal)
{
	return journal->wants_write;
}

uint64_t journal_wake_us(const struct journal *journal)
{
	return journal->wake_us;
}

uint64_t journal_acknowledged(const struct journal *journal)
{
	return journal->acknowledged.seq;
}

uint64_t journal_newest(const struct journal *journal)
{
	const struct journal_slot *slot;

	if (!journal->open)
		return journal->newest.seq;
	slot = journal_at(journal, journal->queue_count - 1);
	return block_is_empty(&slot->block) ? journal->newest.seq
					    : slot->block.header.seq;
}

void journal_head(const struct journal *journal, struct block_header *out)
{
	*out = journal->acknowledged;
}

enum journal_state journal_state(const struct journal *journal)
{
	return journal->state;
}

uint64_t journal_doubt_since_us(const struct journal *journal)
{
	return journal->doubt_since_us;
}

const char *journal_reason(const struct journal *journal)
{
	return journal->reason;
}
