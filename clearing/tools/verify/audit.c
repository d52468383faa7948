/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/audit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system.h"
#include "tools/verify/chain.h"
#include "tools/verify/memos.h"
#include "tools/verify/replay.h"
#include "tools/verify/tables.h"

/* At most 64 MiB of payload on its way, and as much in hand. */
#define BLOCKS_A_ROUND 64
#define ARENA_SIZE (8u << 20)
#define PROGRESS_BLOCKS 256

enum journal_column {
	JOURNAL_SEQ,
	JOURNAL_EPOCH,
	JOURNAL_CREATED,
	JOURNAL_PREV_HASH,
	JOURNAL_HASH,
	JOURNAL_PAYLOAD,
};

/* One connection for each stream that runs beside the others. */
enum stream {
	STREAM_JOURNAL,
	STREAM_TRANSFER,
	STREAM_MEMO,
	STREAM_REST,
	STREAM_COUNT,
};

/* The projection's one row. */
struct projection {
	int64_t seq;
	uint8_t hash[SHA256_SIZE];
	int64_t epoch;
	int64_t next_number;
	int64_t time_us;
};

struct audit {
	const struct audit_options *options;
	struct findings *findings;
	struct audit_report *report;
	char *error;
	PGconn *connections[STREAM_COUNT];
	struct projection projection;
	uint64_t total;
	struct chain chain;
	struct replay replay;
	struct tables tables;
	struct memos memos;
	struct arena arena;
	void *arena_memory;
	bool reached; /* the block that the tables stand at was seen */
};

static bool connect_all(struct audit *audit)
{
	char snapshot[64] = "";

	for (int i = 0; i < STREAM_COUNT; i++) {
		audit->connections[i] = rows_connect(audit->options->database,
						     snapshot, audit->error);
		if (audit->connections[i] == NULL)
			return false;
	}
	return true;
}

static bool lost(struct audit *audit, const struct rows *rows)
{
	memcpy(audit->error, rows->error, ROWS_ERROR_SIZE);
	return false;
}

static void copy_hash(uint8_t out[SHA256_SIZE], struct slice bytes)
{
	memset(out, 0, SHA256_SIZE);
	if (bytes.size == SHA256_SIZE)
		memcpy(out, bytes.data, SHA256_SIZE);
}

static bool read_projection(struct audit *audit)
{
	struct projection *projection = &audit->projection;
	struct finding where = in_table("projection");
	struct rows rows;

	rows_open(&rows, audit->connections[STREAM_REST], "projection",
		  "select seq, hash, epoch, next_number, time_us,"
		  " (select coalesce(max(seq), -1) + 1 from clearing.journal)"
		  " from clearing.projection",
		  2, false);
	projection->seq = -1;
	if (rows_next(&rows)) {
		projection->seq = rows_int64(&rows, 0);
		copy_hash(projection->hash, rows_bytes(&rows, 1));
		projection->epoch = rows_int64(&rows, 2);
		projection->next_number = rows_int64(&rows, 3);
		projection->time_us = rows_int64(&rows, 4);
		audit->total = (uint64_t)rows_int64(&rows, 5);
	} else if (!rows.failed) {
		findings_add(audit->findings, FINDING_ROW_MISSING, &where,
			     "its one row");
	}
	audit->report->projected = projection->seq;
	rows_close(&rows);
	return !rows.failed || lost(audit, &rows);
}

static void expect_projection(struct audit *audit, const char *column,
			      int64_t found, int64_t wanted)
{
	struct finding where = in_table("projection");

	if (found != wanted)
		findings_add(audit->findings, FINDING_ROW_DIFFERS, &where,
			     "%s is %" PRId64 ", and %" PRId64
			     " by the journal",
			     column, found, wanted);
}

/* The tables' block was applied: now they can be compared. */
static bool compare_tables(struct audit *audit,
			   const struct block_header *header)
{
	const struct projection *projection = &audit->projection;
	struct finding where = at_block(header->seq);

	audit->reached = true;
	where.table = "projection";
	if (memcmp(projection->hash, header->hash, SHA256_SIZE) != 0)
		findings_add(audit->findings, FINDING_PROJECTION_OFF_CHAIN,
			     &where,
			     "its hash is not this block's: rebuild the "
			     "tables");
	audit->replay.tables = NULL;
	if (audit->replay.stopped)
		return true;
	expect_projection(audit, "next_number", projection->next_number,
			  (int64_t)audit->replay.ledger.next_number);
	expect_projection(audit, "time_us", projection->time_us,
			  (int64_t)header->created_us);
	if (projection->epoch < (int64_t)header->epoch)
		expect_projection(audit, "epoch", projection->epoch,
				  (int64_t)header->epoch);
	if (!tables_end(&audit->tables, &audit->replay.ledger, audit->error))
		return false;
	link_rows_stop(&audit->tables.links);
	audit->report->compared = true;
	return true;
}

static void run_payload(struct audit *audit, const struct block_header *header,
			struct slice payload)
{
	struct finding where = at_block(header->seq);
	struct block_fault fault = { 0 };
	struct block block = { 0 };
	enum block_decode_result result;

	arena_reset(&audit->arena);
	result = block_decode(payload, header->created_us, &audit->arena,
			      &block, &fault);
	if (result == BLOCK_DECODED) {
		block.header = *header;
		memos_block(&audit->memos, &block);
		replay_block(&audit->replay, &block);
		return;
	}
	if (fault.in_event)
		where.event = fault.index;
	else
		where.entry = fault.index;
	findings_add(audit->findings, FINDING_PAYLOAD_INVALID, &where,
		     "%s in field %u; replay stops here, and the tables are "
		     "not compared beyond",
		     block_decode_result_name(result), fault.field);
	memos_skip(&audit->memos, header->seq);
	audit->replay.stopped = true;
}

static bool run_block(struct audit *audit, const struct rows *rows)
{
	struct slice payload = rows_bytes(rows, JOURNAL_PAYLOAD);
	struct block_header header = {
		.seq = (uint64_t)rows_int64(rows, JOURNAL_SEQ),
		.epoch = (uint32_t)rows_int64(rows, JOURNAL_EPOCH),
		.created_us = (uint64_t)rows_int64(rows, JOURNAL_CREATED),
	};

	copy_hash(header.prev_hash, rows_bytes(rows, JOURNAL_PREV_HASH));
	copy_hash(header.hash, rows_bytes(rows, JOURNAL_HASH));
	chain_block(&audit->chain, &header, payload, audit->findings);
	run_payload(audit, &header, payload);
	audit->report->blocks++;
	audit->report->payload_bytes += payload.size;
	return (int64_t)header.seq != audit->projection.seq ||
	       compare_tables(audit, &header);
}

static bool run_journal(struct audit *audit)
{
	const struct audit_options *options = audit->options;
	struct rows rows;
	bool sound = true;

	rows_open(&rows, audit->connections[STREAM_JOURNAL], "journal",
		  "select seq, epoch, created, prev_hash, hash, payload"
		  " from clearing.journal order by seq",
		  BLOCKS_A_ROUND, true);
	while (sound && rows_next(&rows)) {
		sound = run_block(audit, &rows);
		if (options->on_progress != NULL &&
		    audit->report->blocks % PROGRESS_BLOCKS == 0)
			options->on_progress(options->context,
					     audit->report->blocks,
					     audit->total);
	}
	if (rows.failed)
		sound = lost(audit, &rows);
	rows_close(&rows);
	return sound;
}

/* Where the journal ends, and what that means for the rest. */
static void look_at_end(struct audit *audit)
{
	const struct block_header *last = &audit->chain.before;
	struct finding where = at_block(last->seq);

	replay_time(&audit->replay, system_wall_us());
	if (!audit->replay.stopped)
		replay_sum(&audit->replay);
	if (!audit->chain.begun)
		findings_add(audit->findings, FINDING_JOURNAL_CUT, &where,
			     "the journal is empty: not even block 0");
	else if (!audit->reached && audit->projection.seq > (int64_t)last->seq)
		findings_add(audit->findings, FINDING_JOURNAL_CUT, &where,
			     "the journal ends here, the tables stand at block "
			     "%" PRId64,
			     audit->projection.seq);
	else if (!audit->reached)
		findings_add(audit->findings, FINDING_PROJECTION_OFF_CHAIN,
			     &where,
			     "the tables stand at block %" PRId64
			     ", which is missing",
			     audit->projection.seq);
}

static bool run_all(struct audit *audit)
{
	struct tables *tables = &audit->tables;

	if (!connect_all(audit) || !read_projection(audit))
		return false;
	memos_begin(&audit->memos, audit->findings,
		    audit->connections[STREAM_MEMO]);
	tables_begin(tables, &audit->replay.ledger,
		     audit->connections[STREAM_TRANSFER],
		     audit->connections[STREAM_REST], audit->findings);
	audit->replay.tables = tables;
	/* Nothing was projected yet: all tables must be empty. */
	if (audit->projection.seq < 0) {
		audit->reached = true;
		audit->replay.tables = NULL;
		if (!tables_end(tables, &audit->replay.ledger, audit->error))
			return false;
		link_rows_stop(&tables->links);
		audit->report->compared = true;
	}
	if (!run_journal(audit))
		return false;
	look_at_end(audit);
	if (!memos_end(&audit->memos))
		return lost(audit, &audit->memos.rows);
	return true;
}

static void release(struct audit *audit)
{
	tables_release(&audit->tables);
	rows_close(&audit->memos.rows);
	for (int i = 0; i < STREAM_COUNT; i++)
		PQfinish(audit->connections[i]);
	replay_release(&audit->replay);
	chain_release(&audit->chain);
	free(audit->arena_memory);
	free(audit);
}

bool audit_run(const struct audit_options *options, struct findings *findings,
	       struct audit_report *out, char *error)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	bool done = false;

	check(audit != NULL);
	*out = (struct audit_report){ 0 };
	audit->options = options;
	audit->findings = findings;
	audit->report = out;
	audit->error = error;
	audit->arena_memory = malloc(ARENA_SIZE);
	check(audit->arena_memory != NULL);
	arena_init(&audit->arena, audit->arena_memory, ARENA_SIZE);
	chain_init(&audit->chain);
	if (replay_init(&audit->replay, findings)) {
		audit->replay.logs.roster = options->roster;
		done = run_all(audit);
	} else {
		snprintf(error, ROWS_ERROR_SIZE,
			 "cannot reserve memory: raise the limit on address "
			 "space");
	}
	out->entries = audit->replay.entries;
	out->accounts = audit->replay.ledger.account_count;
	out->link_batches = audit->replay.logs.batches;
	out->link_signatures = audit->replay.logs.signatures;
	out->memos = audit->memos.count;
	out->memos_erased = audit->memos.erased;
	release(audit);
	return done;
}
