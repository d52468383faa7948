/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Links and payments in the tables, from journals that simulated cities wrote
 * while they crashed, were restored from backups and recovered.
 */
#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "integration/rig.h"
#include "sim/sim_city.h"
#include "store/block_source.h"
#include "store/links_load.h"
#include "tools/verify/audit.h"

/* Runs that are looked at, and the seeds among which they are. */
#define RUNS 1
#define SEEDS_MAX 4000
/* Of this node; any above the epochs of the journal. */
#define EPOCH 1000000

static struct postgres postgres;
static uint32_t runs;
/* Rows seen, so that nothing is compared with nothing. */
static long long payments, withdrawn;

static int start(void **state)
{
	(void)state;
	postgres_create(&postgres);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	postgres_free(&postgres);
	return 0;
}

static const struct ledger_options limits = {
	.accounts_max = 64,
	.holds_max = 512,
	.actors_max = 32,
	.ids_max = 8192,
	.id_window_us = 3600 * SIM_SECOND_US,
	.links_max = SIM_LINKS_MAX,
	.payments_max = 192,
	.sha256 = rig_sha256,
};

/* How a journal is cut into transactions. */
enum cut {
	CUT_EACH,     /* one block each */
	CUT_NONE,     /* as many as there are */
	CUT_REOPENED, /* some are lost, and another projector makes them */
	CUT_COUNT,
};

struct feed {
	struct rig *rig;
	enum cut cut;
	struct projector *projector;
	struct ledger ledger;
	void *memory;
	struct block_source source;
	struct effect effects[BLOCK_ENTRIES_MAX];
	PGconn *lock;
};

static void insert_block(PGconn *connection, const struct sim_block *block)
{
	struct pg_parameters parameters = { 0 };
	PGresult *result;

	pg_parameters_int64(&parameters, (int64_t)block->header.seq);
	pg_parameters_int32(&parameters, (int32_t)block->header.epoch);
	pg_parameters_int64(&parameters, (int64_t)block->header.created_us);
	pg_parameters_bytes(&parameters,
			    slice_of(block->header.prev_hash, SHA256_SIZE));
	pg_parameters_bytes(&parameters,
			    slice_of(block->header.hash, SHA256_SIZE));
	pg_parameters_bytes(&parameters, slice_of(block->payload, block->size));
	result = pg_query(connection,
			  "insert into clearing.journal (seq, epoch, created,"
			  " prev_hash, hash, payload) values ($1::bigint,"
			  " $2::int, $3::bigint, $4::bytea, $5::bytea,"
			  " $6::bytea)",
			  &parameters);
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		fail_msg("block %llu: %s",
			 (unsigned long long)block->header.seq,
			 PQerrorMessage(connection));
	PQclear(result);
}

/* A database whose journal is the city's, and nothing projected. */
static void make_database(struct rig *rig, const struct sim_city *city,
			  const char *name)
{
	struct rig named = { .postgres = &postgres };
	PGconn *connection;

	postgres_database(&postgres, name);
	snprintf(named.name, sizeof(named.name), "%s", name);
	rig_attach(rig, &named);
	connection = postgres_connect(&postgres, name);
	assert_true(pg_run(connection, "begin"));
	for (uint32_t i = 0; i < city->store.count; i++)
		insert_block(connection, &city->store.blocks[i]);
	assert_true(pg_run(connection, "update clearing.projection"
				       " set epoch = 1000000"));
	assert_true(pg_run(connection, "commit"));
	PQfinish(connection);
}

static void wait_position(struct projector *projector, uint64_t seq)
{
	struct timespec step = { 0, 1000000 };
	const char *reason = "too late";

	projector_hurry(projector, seq);
	for (uint32_t i = 0; projector_position(projector) != seq ||
			     projector_lag(projector) > 0;
	     i++) {
		if (projector_stopped(projector, &reason) || i > 20000)
			fail_msg("block %llu: %s", (unsigned long long)seq,
				 reason);
		nanosleep(&step, NULL);
	}
}

/* One that was told more than the tables have finds out by and by. */
static void wait_tables(struct rig *rig, uint64_t seq)
{
	struct timespec step = { 0, 5000000 };

	for (uint32_t i = 0;
	     rig_number(rig, "select seq from clearing.projection") !=
	     (long long)seq;
	     i++) {
		if (i > 4000)
			fail_msg("the tables do not get to block %llu",
				 (unsigned long long)seq);
		nanosleep(&step, NULL);
	}
}

static void open_projector(struct feed *feed, uint64_t seq,
			   const uint8_t hash[SHA256_SIZE])
{
	struct projector_options options = {
		.database = &feed->rig->database,
		.lag_blocks_max = 100000,
		.links_max = limits.links_max,
		.payments_max = limits.payments_max,
		.sha256 = rig_sha256,
	};

	feed->projector = projector_create(&options);
	assert_non_null(feed->projector);
	projector_begin(feed->projector, seq, hash, EPOCH);
}

static void push_block(struct feed *feed, const struct block *block,
		       struct slice payload)
{
	struct closed_block closed = { .header = block->header,
				       .payload = payload,
				       .entry_count = block->entry_count,
				       .effects = feed->effects };
	struct apply_fault fault;

	assert_int_equal(
		ledger_apply_block(&feed->ledger, block, feed->effects, &fault),
		APPLY_OK);
	ledger_block_done(&feed->ledger, &block->header);
	assert_true(projector_push(feed->projector, &closed, true));
	if (feed->cut == CUT_EACH)
		wait_position(feed->projector, block->header.seq);
	if (feed->cut != CUT_REOPENED || block->header.seq % 29 != 28)
		return;
	/* What it had not written yet the next one finds in the journal. */
	projector_free(feed->projector);
	open_projector(feed, block->header.seq, block->header.hash);
}

static void feed_all(struct feed *feed)
{
	struct slice payload;
	struct block block;

	while (block_source_next(&feed->source, &block, &payload) ==
	       BLOCK_SOURCE_BLOCK)
		push_block(feed, &block, payload);
	assert_string_equal(feed->source.error, "");
}

/* The whole journal into the tables; @feed->ledger is then as it stands. */
static void project(struct feed *feed, struct rig *rig, enum cut cut)
{
	uint8_t none[SHA256_SIZE] = { 0 };

	*feed = (struct feed){ .rig = rig, .cut = cut };
	feed->memory = calloc(1, ledger_memory_size(&limits));
	ledger_init(&feed->ledger, &limits, feed->memory);
	feed->source = (struct block_source){
		.connection = postgres_connect(&postgres, rig->name),
		.sha256 = rig_sha256,
		.last_seq = (uint64_t)rig_number(
			rig, "select max(seq) from clearing.journal"),
	};
	assert_true(block_source_open(&feed->source));
	feed->lock = postgres_connect(&postgres, rig->name);
	/* Locked until all blocks wait, so that they go in one transaction. */
	if (cut == CUT_NONE)
		assert_true(pg_run(feed->lock,
				   "begin; lock table clearing.projection"
				   " in share mode"));
	open_projector(feed, (uint64_t)-1, none);
	feed_all(feed);
	if (cut == CUT_NONE)
		assert_true(pg_run(feed->lock, "commit"));
	wait_position(feed->projector, feed->source.last_seq);
	wait_tables(rig, feed->source.last_seq);
	projector_free(feed->projector);
	block_source_close(&feed->source);
	PQfinish(feed->source.connection);
	PQfinish(feed->lock);
}

static void expect_boundary(const struct link_boundary *a,
			    const struct link_boundary *b)
{
	assert_true(a->seq == b->seq);
	assert_memory_equal(a->head, b->head, SHA256_SIZE);
	assert_true(a->promised_minor == b->promised_minor);
	assert_true(a->settled_minor == b->settled_minor);
	assert_true(a->released_minor == b->released_minor);
	assert_true(a->journal_seq == b->journal_seq);
}

static void expect_life(const struct link_life *a, const struct link_life *b)
{
	assert_true(a->incarnation == b->incarnation);
	assert_memory_equal(a->nonce, b->nonce, LINKLOG_NONCE_SIZE);
}

static void expect_lives(const struct link_lives *a, const struct link_lives *b)
{
	assert_int_equal(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++)
		expect_life(&a->lives[(a->first + i) % LINK_LIVES_KEPT],
			    &b->lives[(b->first + i) % LINK_LIVES_KEPT]);
}

/* What each remembers of the logs' ends, newest first. */
static void expect_rings(const struct link *a, const struct link *b)
{
	assert_int_equal(a->boundary_count, b->boundary_count);
	for (uint32_t i = 0; i < a->boundary_count; i++)
		expect_boundary(&a->boundaries[(a->boundary_first + i) %
					       LINK_BOUNDARIES_MAX],
				&b->boundaries[(b->boundary_first + i) %
					       LINK_BOUNDARIES_MAX]);
	assert_int_equal(a->recent_count, b->recent_count);
	for (uint32_t i = 0; i < a->recent_count; i++)
		expect_boundary(
			&a->recent[(a->recent_first + i) % LINK_RECENT_MAX],
			&b->recent[(b->recent_first + i) % LINK_RECENT_MAX]);
}

static void expect_link(const struct link *a, const struct link *b)
{
	assert_int_equal(a->account, b->account);
	assert_true(slice_equal(link_city(a), link_city(b)));
	expect_boundary(&a->out, &b->out);
	expect_boundary(&a->in, &b->in);
	expect_boundary(&a->open, &b->open);
	assert_true(a->acknowledged == b->acknowledged);
	assert_true(a->header_ack == b->header_ack);
	assert_true(a->journal_seq_seen == b->journal_seq_seen);
	expect_life(&a->life, &b->life);
	expect_life(&a->reconciled, &b->reconciled);
	expect_life(&a->peer_life, &b->peer_life);
	expect_lives(&a->own_lives, &b->own_lives);
	expect_lives(&a->peer_lives, &b->peer_lives);
	assert_true(a->line_minor == b->line_minor);
	assert_true(a->peer_line_minor == b->peer_line_minor);
	assert_int_equal(a->frozen_here, b->frozen_here);
	assert_int_equal(a->frozen_there, b->frozen_there);
	assert_int_equal(a->paused, b->paused);
	assert_int_equal(a->rewrite, b->rewrite);
	assert_int_equal(a->gone, b->gone);
	assert_true(a->estate_minor == b->estate_minor);
	assert_true(a->pending_in_minor == b->pending_in_minor);
	assert_true(a->pending_out_minor == b->pending_out_minor);
	assert_int_equal(a->pending_in_count, b->pending_in_count);
	assert_int_equal(a->pending_out_count, b->pending_out_count);
	expect_rings(a, b);
}

static void expect_payment(const struct payment *a, const struct payment *b)
{
	struct payment left = *a, right = *b;

	/* Where they lie in memory is each one's own affair. */
	left.checked = right.checked = 0;
	left.answered_next = right.answered_next = 0;
	/* Padding, and texts behind their sizes, say nothing. */
	assert_true(left.number == right.number);
	assert_memory_equal(&left.id, &right.id, 3 * sizeof(struct id));
	assert_memory_equal(&left.role, &right.role,
			    offsetof(struct payment, in_link) -
				    offsetof(struct payment, role));
	assert_memory_equal(&left.in_link, &right.in_link,
			    offsetof(struct payment, at_city) -
				    offsetof(struct payment, in_link));
	assert_memory_equal(left.at_city, right.at_city, left.at_city_size);
	assert_memory_equal(left.terms_hash, right.terms_hash, SHA256_SIZE);
	assert_int_equal(left.key_size, right.key_size);
	assert_memory_equal(left.key, right.key, left.key_size);
	assert_true(
		slice_equal(payment_terms_of(&left), payment_terms_of(&right)));
	assert_int_equal(left.proof_size, right.proof_size);
	assert_memory_equal(left.proof, right.proof, left.proof_size);
}

/* Answers that wait to be acknowledged, in their order. */
static void expect_queue(const struct links *a, const struct links *b,
			 uint32_t link)
{
	uint32_t left = links_at(a, link)->answered_first;
	uint32_t right = links_at(b, link)->answered_first;

	while (left != 0 && right != 0) {
		assert_true(a->payments[left - 1].number ==
			    b->payments[right - 1].number);
		left = a->payments[left - 1].answered_next;
		right = b->payments[right - 1].answered_next;
	}
	assert_int_equal(left, right);
}

static const struct payment *numbered(const struct links *links,
				      uint64_t number)
{
	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL && payment->number == number)
			return payment;
	}
	return NULL;
}

static void expect_links(const struct links *a, const struct links *b)
{
	assert_int_equal(a->link_count, b->link_count);
	for (uint32_t i = 1; i <= a->link_count; i++) {
		expect_link(links_at(a, i), links_at(b, i));
		expect_queue(a, b, i);
	}
	assert_int_equal(a->payment_count, b->payment_count);
	for (uint32_t i = 0; i < a->payments_used; i++) {
		const struct payment *payment = links_payment_slot(a, i);

		if (payment == NULL)
			continue;
		assert_non_null(numbered(b, payment->number));
		expect_payment(payment, numbered(b, payment->number));
	}
	assert_true(a->next_payment == b->next_payment);
	assert_true(a->roster_version == b->roster_version);
	assert_int_equal(a->rejoin, b->rejoin);
	assert_memory_equal(a->roster_hash, b->roster_hash, SHA256_SIZE);
}

/* What a start would load is what the replay made. */
static void expect_loads(const struct feed *feed)
{
	struct links_options options = { .links_max = limits.links_max,
					 .payments_max = limits.payments_max,
					 .sha256 = rig_sha256 };
	void *memory = calloc(1, links_memory_size(&options));
	PGconn *connection = postgres_connect(&postgres, feed->rig->name);
	const struct links *live = &feed->ledger.links;
	struct links loaded;
	const char *table = "";

	links_init(&loaded, &options, memory);
	links_name(&loaded, slice_of(live->federation, live->federation_size),
		   slice_of(live->city, live->city_size));
	assert_int_equal(links_load(connection, &loaded, &table), LINKS_LOADED);
	expect_links(live, &loaded);
	PQfinish(connection);
	free(memory);
}

/* What clearing-verify says to the tables as they are; how much it found. */
static uint64_t audit(const struct rig *rig, struct findings *findings)
{
	struct database_words words = { .hosts = postgres.folder,
					.dbname = rig->name,
					.user = "node" };
	struct audit_options options = { .database = &words };
	char error[ROWS_ERROR_SIZE] = "";
	struct audit_report report;

	*findings = (struct findings){ 0 };
	if (!audit_run(&options, findings, &report, error))
		fail_msg("audit: %s", error);
	assert_true(report.compared && report.link_batches > 0);
	return findings->count;
}

static void expect_audited(const struct rig *rig)
{
	struct findings *findings = calloc(1, sizeof(*findings));

	assert_non_null(findings);
	if (audit(rig, findings) > 0) {
		finding_print(&findings->kept[0], stderr);
		fail_msg("%s: %llu findings", rig->name,
			 (unsigned long long)findings->count);
	}
	free(findings);
}

/* A line a table: the first that differs is named. */
static void expect_same_tables(const char *found, const char *wanted,
			       const char *name)
{
	while (*found != '\0' && strcmp(found, wanted) != 0) {
		size_t size = strcspn(found, "\n");

		if (strncmp(found, wanted, size + 1) != 0)
			fail_msg("%s: %.*s, not %.*s", name, (int)size, found,
				 (int)strcspn(wanted, "\n"), wanted);
		found += size + 1;
		wanted += size + 1;
	}
}

static void look_at_city(const struct sim_city *city)
{
	static const char *const names[CUT_COUNT] = { "each", "none",
						      "reopened" };
	char *wanted = NULL;

	for (int cut = 0; cut < CUT_COUNT; cut++) {
		struct feed *feed = malloc(sizeof(*feed));
		struct rig rig;
		char name[64];
		char *found;

		snprintf(name, sizeof(name), "run%u_city%u_%s", runs,
			 city->number, names[cut]);
		make_database(&rig, city, name);
		project(feed, &rig, (enum cut)cut);
		found = rig_tables(&rig);
		if (wanted == NULL)
			wanted = found;
		expect_same_tables(found, wanted, name);
		if (found != wanted)
			free(found);
		rig_expect_sound(&rig);
		expect_loads(feed);
		if (cut == CUT_EACH)
			expect_audited(&rig);
		payments += rig_number(&rig, "select count(*) from"
					     " clearing.payment");
		withdrawn += rig_number(&rig, "select count(*) from"
					      " clearing.link_batch"
					      " where withdrawn_seq > 0");
		free(feed->memory);
		free(feed);
	}
	free(wanted);
}

/* Of the runs those with everything that is hard. */
static void look_at_run(struct sim *sim, void *context)
{
	(void)context;
	if (!sim->plan.real_hash || sim->counts.withdrawn == 0 ||
	    sim->counts.adopted == 0 || sim->plan.liar != SIM_NONE)
		return;
	for (uint32_t i = 0; i < sim->plan.cities; i++)
		look_at_city(&sim->cities[i]);
	print_message("seed %llu: %u cities\n", (unsigned long long)sim->seed,
		      sim->plan.cities);
	runs++;
}

/* What is planted in a table, and what must be said of which table. */
struct damage {
	const char *sql;
	enum finding_kind kind;
	const char *table;
};

static const struct damage damages[] = {
	{ "update clearing.link set line = line + 1 where number = 1",
	  FINDING_ROW_DIFFERS, "link" },
	{ "update clearing.link set in_settled = in_settled + 1",
	  FINDING_ROW_DIFFERS, "link" },
	{ "update clearing.link set reconciled_nonce = '\\x0000000000000000'",
	  FINDING_ROW_DIFFERS, "link" },
	{ "delete from clearing.link_life where seq = (select max(seq) from"
	  " clearing.link_life)",
	  FINDING_ROW_MISSING, "link_life" },
	{ "update clearing.link_batch set batch = set_byte(batch,"
	  " length(batch) - 1, get_byte(batch, length(batch) - 1) # 1)"
	  " where first_seq = 1 and own",
	  FINDING_ROW_DIFFERS, "link_batch" },
	{ "update clearing.link_batch set withdrawn_seq = seq + 1 where own"
	  " and seq = (select max(seq) from clearing.link_batch where own)",
	  FINDING_ROW_DIFFERS, "link_batch" },
	{ "insert into clearing.link_batch select link, own, first_seq + 9999,"
	  " last_seq + 9999, withdrawn_seq, head, promised, settled, released,"
	  " seq, batch from clearing.link_batch where not own limit 1",
	  FINDING_ROW_STRAY, "link_batch" },
	{ "update clearing.payment set amount = amount + 1 where number = 1",
	  FINDING_ROW_DIFFERS, "payment" },
	{ "update clearing.payment set payee = 'me@here' where number = 1",
	  FINDING_ROW_DIFFERS, "payment" },
	{ "update clearing.payment set proof = 'x' where number = 1",
	  FINDING_ROW_DIFFERS, "payment" },
	{ "delete from clearing.payment where number = 2", FINDING_ROW_MISSING,
	  "payment" },
	{ "delete from clearing.link_change where what = 100",
	  FINDING_ROW_MISSING, "link_change" },
	{ "insert into clearing.payment_request values (gen_random_uuid(),"
	  " 'a@b', 'c@d', 1, '', '', now(), null, 1, 1, 0, null)",
	  FINDING_ROW_STRAY, "payment_request" },
	{ "update clearing.federation set next_payment = next_payment + 1",
	  FINDING_ROW_DIFFERS, "federation" },
};

static bool finds(const struct findings *findings, const struct damage *damage)
{
	for (uint32_t i = 0; i < findings->kept_count; i++) {
		const struct finding *finding = &findings->kept[i];

		if (finding->kind == damage->kind && finding->table != NULL &&
		    strcmp(finding->table, damage->table) == 0)
			return true;
	}
	return false;
}

static void test_links_damage(void **state)
{
	/* Goal: clearing-verify names what somebody changed in the tables of
	 * links and payments, each by itself. */
	struct findings *findings = calloc(1, sizeof(*findings));
	struct rig rig, named = { .postgres = &postgres };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		snprintf(named.name, sizeof(named.name), "damaged%zu", i);
		postgres_copy(&postgres, "run0_city0_each", named.name);
		rig_attach(&rig, &named);
		rig_run(&rig, damages[i].sql);
		if (audit(&rig, findings) == 0 || !finds(findings, &damages[i]))
			fail_msg("not found: %s", damages[i].sql);
	}
	free(findings);
}

static void test_links_independent_of_batches(void **state)
{
	/* Goal: (rules JOURNAL-17, JOURNAL-18) whatever happened on its links,
	 * a city's tables are the same wherever the projector's transactions
	 * were cut and however often it began anew; they satisfy every
	 * invariant, and what is loaded from them is what a replay gives. */
	struct sim *sim = calloc(1, sizeof(*sim));

	(void)state;
	sim->at_end = look_at_run;
	for (uint64_t seed = 1; seed < SEEDS_MAX && runs < RUNS; seed++) {
		memset(&sim->counts, 0, sizeof(sim->counts));
		if (!sim_run(sim, seed, 3, 0))
			fail_msg("seed %llu: %s", (unsigned long long)seed,
				 sim->what);
	}
	assert_int_equal(runs, RUNS);
	assert_true(payments >= 100 && withdrawn >= 1);
	print_message("%lld payments, %lld batches withdrawn\n", payments,
		      withdrawn);
	sim_release(sim);
	free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_independent_of_batches),
		cmocka_unit_test(test_links_damage),
	};

	return cmocka_run_group_tests_name("links", tests, start, stop);
}
