/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/projector.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/projector_private.h"

#define RETRY_FIRST_MS 50
#define RETRY_MAX_MS 1000
#define IDLE_MS 1000
/*
 * Between two batches while nobody waits for the tables.  What begins and ends
 * within a batch is one row: a payment over a link, from its promise to its
 * acknowledged answer, takes tens of milliseconds.
 */
#define GATHER_MS 200
/* This part of a full queue is not left to grow. */
#define GATHER_QUEUE_PART 4
/* One decoded block; a batch decodes one after the other. */
#define ARENA_SIZE (8u << 20)
/* Partitions are asked for long before a quarter of one is used up. */
#define MAINTAIN_BLOCKS (INT64_C(1) << 18)
#define MAINTAIN_NUMBERS (UINT64_C(1) << 21)
#define MAINTAIN_S 3600

static const char position_sql[] =
	"select seq, hash, next_number, time_us, epoch"
	" from clearing.projection";
/* On this session commits are asynchronous; this one is no projection (rule
 * JOURNAL-18). */
static const char maintain_sql[] = "begin; set local synchronous_commit = on;"
				   " select clearing.maintain(); commit";

struct projector {
	struct projector_options options;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the queue, stop, begun */
	/* under the lock */
	struct queued_block *first, *last;
	uint32_t queued; /* with those of the batch under way */
	int64_t pushed_seq;
	int64_t wanted_seq; /* somebody waits for the tables to have it */
	bool begun, stop, stopped;
	uint32_t epoch;
	char reason[PROJECTOR_REASON_SIZE];
	/* told without the lock */
	atomic_int_fast64_t position;
	/* the thread's own */
	PGconn *connection;
	struct tables_position at;
	struct batch batch;
	struct arena arena;
	struct tables_position maintained;
	time_t maintained_s;
	uint32_t retry_ms;
	struct timespec next_batch; /* not before, if nobody waits */
};

struct queued_block *queued_block_copy(const struct closed_block *block)
{
	size_t effects = block->entry_count * sizeof(struct effect);
	struct queued_block *copy =
		malloc(sizeof(*copy) + effects + block->payload.size);

	if (copy == NULL)
		return NULL;
	*copy = (struct queued_block){
		.header = block->header,
		.entry_count = block->entry_count,
		.effects = (struct effect *)(copy + 1),
	};
	if (effects > 0)
		memcpy(copy->effects, block->effects, effects);
	memcpy((uint8_t *)(copy + 1) + effects, block->payload.data,
	       block->payload.size);
	copy->payload =
		slice_of((uint8_t *)(copy + 1) + effects, block->payload.size);
	return copy;
}

static void stop_for_ever(struct projector *projector, const char *reason)
{
	pthread_mutex_lock(&projector->lock);
	if (!projector->stopped)
		pg_text(projector->reason, sizeof(projector->reason), "%s",
			reason);
	projector->stopped = true;
	pthread_cond_broadcast(&projector->changed);
	pthread_mutex_unlock(&projector->lock);
	if (projector->options.on_projected != NULL)
		projector->options.on_projected(projector->options.context);
}

static void set_position(struct projector *projector,
			 const struct tables_position *at)
{
	projector->at = *at;
	atomic_store(&projector->position, at->seq);
}

/* Drops what is in the tables already: a commit whose answer was lost. */
static void drop_projected(struct projector *projector)
{
	pthread_mutex_lock(&projector->lock);
	while (projector->first != NULL &&
	       (int64_t)projector->first->header.seq <= projector->at.seq) {
		struct queued_block *block = projector->first;

		projector->first = block->next;
		projector->queued--;
		free(block);
	}
	if (projector->first == NULL)
		projector->last = NULL;
	pthread_cond_broadcast(&projector->changed);
	pthread_mutex_unlock(&projector->lock);
}

static int64_t pushed(struct projector *projector)
{
	int64_t seq;

	pthread_mutex_lock(&projector->lock);
	seq = projector->pushed_seq;
	pthread_mutex_unlock(&projector->lock);
	return seq;
}

/* The tables say where they stand; it may be behind, after a crash. */
static bool adopt_position(struct projector *projector)
{
	PGresult *rows = pg_query(projector->connection, position_sql, NULL);
	struct tables_position at = { 0 };
	bool sound = pg_rows(rows) && PQntuples(rows) == 1;
	uint32_t epoch = 0;

	if (sound) {
		at.seq = pg_get_int64(rows, 0, 0);
		memcpy(at.hash, PQgetvalue(rows, 0, 1), SHA256_SIZE);
		at.next_number = (uint64_t)pg_get_int64(rows, 0, 2);
		at.time_us = pg_get_int64(rows, 0, 3);
		epoch = (uint32_t)pg_get_int32(rows, 0, 4);
	}
	PQclear(rows);
	if (!sound)
		return false;
	/* (rule JOURNAL-16) */
	if (epoch != projector->epoch || at.seq > pushed(projector)) {
		stop_for_ever(projector,
			      "the tables belong to another node's projector");
		return false;
	}
	set_position(projector, &at);
	drop_projected(projector);
	return true;
}

/* (rule JOURNAL-22) */
static bool maintain(struct projector *projector)
{
	struct tables_position *last = &projector->maintained;
	time_t now = time(NULL);

	if (projector->maintained_s != 0 &&
	    now - projector->maintained_s < MAINTAIN_S &&
	    projector->at.seq - last->seq < MAINTAIN_BLOCKS &&
	    projector->at.next_number - last->next_number < MAINTAIN_NUMBERS)
		return true;
	if (!pg_run(projector->connection, maintain_sql))
		return false;
	*last = projector->at;
	projector->maintained_s = now;
	return true;
}

static void disconnect(struct projector *projector)
{
	if (projector->connection != NULL)
		PQfinish(projector->connection);
	projector->connection = NULL;
}

/* One snapshot is not needed: this is the only writer of these tables. */
static bool load_shadow(struct projector *projector)
{
	char reason[PROJECTOR_REASON_SIZE];
	const char *table = "genesis";

	switch (shadow_links_load(&projector->batch, projector->connection,
				  &table)) {
	case LINKS_LOADED:
		return true;
	case LINKS_LOAD_AWAY:
		return false;
	case LINKS_LOAD_DAMAGED:
	case LINKS_LOAD_TOO_SMALL:
		break;
	}
	pg_text(reason, sizeof(reason), "table %s does not load", table);
	stop_for_ever(projector, reason);
	return false;
}

static bool connect_tables(struct projector *projector)
{
	char error[CONNECT_ERROR_SIZE];

	if (projector->connection != NULL)
		return true;
	if (connect_database(projector->options.database, CONNECT_PROJECTOR,
			     &projector->connection, error) != CONNECT_OK) {
		projector->connection = NULL;
		return false;
	}
	if (batch_prepare(projector->connection) && adopt_position(projector) &&
	    load_shadow(projector)) {
		projector->retry_ms = 0;
		return true;
	}
	disconnect(projector);
	return false;
}

static bool fits_batch(const struct queued_block *first,
		       const struct queued_block *block, uint32_t entries)
{
	return entries + block->entry_count <= BATCH_ENTRIES_MAX &&
	       month_of((int64_t)block->header.created_us) ==
		       month_of((int64_t)first->header.created_us);
}

/*
 * All that waits, to the end of the month.  They stay at the head of the queue
 * until they are committed.  Returns how many; 0: the first is not the next.
 */
static uint32_t count_batch(struct projector *projector)
{
	struct queued_block *block;
	uint32_t count = 0, entries = 0;

	pthread_mutex_lock(&projector->lock);
	block = projector->first;
	if (block != NULL &&
	    (int64_t)block->header.seq != projector->at.seq + 1)
		block = NULL;
	while (block != NULL && fits_batch(projector->first, block, entries)) {
		entries += block->entry_count;
		count++;
		block = block->next;
	}
	pthread_mutex_unlock(&projector->lock);
	return count;
}

/* The texts of a block are views into its payload, which stays; the arrays
 * are not needed once the block is added. */
static bool add_block(struct projector *projector,
		      const struct queued_block *queued)
{
	struct block_fault fault;
	struct block block = { 0 };
	char reason[PROJECTOR_REASON_SIZE];
	enum block_decode_result result;

	arena_reset(&projector->arena);
	result = block_decode(queued->payload, queued->header.created_us,
			      &projector->arena, &block, &fault);
	if (result != BLOCK_DECODED ||
	    block.entry_count != queued->entry_count) {
		pg_text(reason, sizeof(reason), "block %llu: %s",
			(unsigned long long)queued->header.seq,
			block_decode_result_name(result));
		stop_for_ever(projector, reason);
		return false;
	}
	block.header = queued->header;
	batch_add(&projector->batch, &block, queued->effects);
	if (projector->batch.unfit == NULL)
		return true;
	pg_text(reason, sizeof(reason), "block %llu: links: %s",
		(unsigned long long)queued->header.seq, projector->batch.unfit);
	stop_for_ever(projector, reason);
	return false;
}

static struct timespec deadline(uint32_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)ms * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return until;
}

static bool write_batch(struct projector *projector)
{
	char reason[PROJECTOR_REASON_SIZE] = "out of memory";

	batch_finish(&projector->batch);
	if (projector->batch.failed)
		return false;
	switch (batch_write(&projector->batch, projector->connection,
			    projector->epoch, reason)) {
	case BATCH_WRITTEN:
		set_position(projector, &projector->batch.to);
		drop_projected(projector);
		projector->retry_ms = 0;
		projector->next_batch = deadline(GATHER_MS);
		if (projector->options.on_projected != NULL)
			projector->options.on_projected(
				projector->options.context);
		return true;
	case BATCH_AWAY:
		return false;
	case BATCH_UNFIT:
		stop_for_ever(projector, reason);
		return false;
	}
	clearing_panic(__FILE__, __LINE__, "batch result");
}

/* Only this thread takes blocks off the head, so it may walk without lock. */
static bool project_queued(struct projector *projector, uint32_t count)
{
	struct queued_block *block;

	pthread_mutex_lock(&projector->lock);
	block = projector->first;
	pthread_mutex_unlock(&projector->lock);
	batch_begin(&projector->batch, &projector->at);
	for (uint32_t i = 0; i < count; i++) {
		if (!add_block(projector, block))
			return false;
		/* The pusher writes .next of the last one alone. */
		if (i + 1 < count)
			block = block->next;
	}
	return write_batch(projector);
}

static bool project_recovered(struct projector *projector)
{
	struct queued_block *block = block_recover(
		projector->connection, (uint64_t)(projector->at.seq + 1));
	bool done;

	if (block == NULL)
		return false;
	batch_begin(&projector->batch, &projector->at);
	done = add_block(projector, block) && write_batch(projector);
	free(block);
	return done;
}

static bool work(struct projector *projector)
{
	uint32_t count;

	if (!connect_tables(projector))
		return false;
	/* An idle connection that died is noticed here: the server may have
	 * lost its last moments, and somebody may wait for them. */
	if (PQconsumeInput(projector->connection) == 0 || !maintain(projector))
		return false;
	if (projector->at.seq >= pushed(projector))
		return true;
	count = count_batch(projector);
	return count > 0 ? project_queued(projector, count)
			 : project_recovered(projector);
}

static bool is_idle(const struct projector *projector)
{
	return projector->begun && projector->connection != NULL &&
	       projector->pushed_seq <= projector->at.seq;
}

static bool may_gather(const struct projector *projector)
{
	return projector->begun && projector->connection != NULL &&
	       projector->pushed_seq > projector->at.seq &&
	       projector->wanted_seq <= projector->at.seq &&
	       projector->queued <
		       projector->options.lag_blocks_max / GATHER_QUEUE_PART;
}

/* Waits for a block, a retry, or a look at an idle connection; false: end. */
static bool wait_for_work(struct projector *projector)
{
	struct timespec until =
		deadline(projector->retry_ms ? projector->retry_ms : IDLE_MS);
	int status = 0;
	bool go_on;

	pthread_mutex_lock(&projector->lock);
	while (!projector->stop && !projector->stopped && status == 0 &&
	       (projector->retry_ms > 0 || is_idle(projector)))
		status = pthread_cond_timedwait(&projector->changed,
						&projector->lock, &until);
	status = 0;
	while (!projector->stop && !projector->stopped && status == 0 &&
	       may_gather(projector))
		status = pthread_cond_timedwait(&projector->changed,
						&projector->lock,
						&projector->next_batch);
	while (!projector->stop && !projector->stopped && !projector->begun)
		pthread_cond_wait(&projector->changed, &projector->lock);
	go_on = !projector->stop && !projector->stopped;
	pthread_mutex_unlock(&projector->lock);
	return go_on;
}

static void *run(void *context)
{
	struct projector *projector = context;

	while (wait_for_work(projector)) {
		if (work(projector))
			continue;
		disconnect(projector);
		projector->retry_ms = projector->retry_ms
					      ? projector->retry_ms * 2
					      : RETRY_FIRST_MS;
		if (projector->retry_ms > RETRY_MAX_MS)
			projector->retry_ms = RETRY_MAX_MS;
	}
	disconnect(projector);
	return NULL;
}

static void release(struct projector *projector)
{
	while (projector->first != NULL) {
		struct queued_block *block = projector->first;

		projector->first = block->next;
		free(block);
	}
	shadow_links_release(&projector->batch);
	batch_release(&projector->batch);
	free(projector->arena.memory);
	pthread_cond_destroy(&projector->changed);
	pthread_mutex_destroy(&projector->lock);
	free(projector);
}

static bool create_shadow(struct projector *projector)
{
	const struct projector_options *options = &projector->options;
	struct links_options links = {
		.links_max = options->links_max,
		.payments_max =
			options->payments_max > 0 ? options->payments_max : 1,
		.sha256 = options->sha256,
	};

	return options->sha256 == NULL ||
	       shadow_links_create(&projector->batch, &links);
}

struct projector *projector_create(const struct projector_options *options)
{
	struct projector *projector = calloc(1, sizeof(*projector));
	void *memory = malloc(ARENA_SIZE);
	pthread_condattr_t attributes;

	check(options->lag_blocks_max >= 1);
	if (projector == NULL || memory == NULL) {
		free(projector);
		free(memory);
		return NULL;
	}
	projector->options = *options;
	projector->pushed_seq = -1;
	projector->wanted_seq = -1;
	atomic_store(&projector->position, -1);
	arena_init(&projector->arena, memory, ARENA_SIZE);
	pthread_mutex_init(&projector->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&projector->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (!batch_create(&projector->batch) || !create_shadow(projector) ||
	    pthread_create(&projector->thread, NULL, run, projector) != 0) {
		release(projector);
		return NULL;
	}
	return projector;
}

void projector_free(struct projector *projector)
{
	if (projector == NULL)
		return;
	pthread_mutex_lock(&projector->lock);
	projector->stop = true;
	pthread_cond_broadcast(&projector->changed);
	pthread_mutex_unlock(&projector->lock);
	pthread_join(projector->thread, NULL);
	release(projector);
}

void projector_begin(struct projector *projector, uint64_t seq,
		     const uint8_t hash[SHA256_SIZE], uint32_t epoch)
{
	pthread_mutex_lock(&projector->lock);
	check(!projector->begun);
	projector->begun = true;
	projector->epoch = epoch;
	projector->pushed_seq = (int64_t)seq;
	projector->at.seq = (int64_t)seq;
	memcpy(projector->at.hash, hash, SHA256_SIZE);
	atomic_store(&projector->position, (int64_t)seq);
	pthread_cond_broadcast(&projector->changed);
	pthread_mutex_unlock(&projector->lock);
}

/* (rule JOURNAL-25) */
static bool has_room(struct projector *projector, bool wait)
{
	while (wait && !projector->stop && !projector->stopped &&
	       projector->queued >= projector->options.lag_blocks_max)
		pthread_cond_wait(&projector->changed, &projector->lock);
	return !projector->stopped &&
	       projector->queued < projector->options.lag_blocks_max;
}

bool projector_push(struct projector *projector,
		    const struct closed_block *block, bool wait)
{
	struct queued_block *copy = queued_block_copy(block);
	bool room;

	if (copy == NULL)
		return false;
	pthread_mutex_lock(&projector->lock);
	check(projector->begun);
	/* Once it has stopped it takes nothing: the next one leaves a gap. */
	check(projector->stopped ||
	      (int64_t)block->header.seq == projector->pushed_seq + 1);
	room = has_room(projector, wait);
	if (room) {
		if (projector->last == NULL)
			projector->first = copy;
		else
			projector->last->next = copy;
		projector->last = copy;
		projector->queued++;
		projector->pushed_seq++;
		pthread_cond_broadcast(&projector->changed);
	}
	pthread_mutex_unlock(&projector->lock);
	if (!room)
		free(copy);
	return room;
}

void projector_hurry(struct projector *projector, uint64_t seq)
{
	pthread_mutex_lock(&projector->lock);
	if ((int64_t)seq > projector->wanted_seq) {
		projector->wanted_seq = (int64_t)seq;
		pthread_cond_broadcast(&projector->changed);
	}
	pthread_mutex_unlock(&projector->lock);
}

uint64_t projector_position(const struct projector *projector)
{
	int64_t position = atomic_load(&projector->position);

	return position < 0 ? 0 : (uint64_t)position;
}

uint32_t projector_lag(const struct projector *projector)
{
	struct projector *unlocked = (struct projector *)(uintptr_t)projector;
	int64_t lag;

	pthread_mutex_lock(&unlocked->lock);
	lag = projector->pushed_seq - atomic_load(&projector->position);
	pthread_mutex_unlock(&unlocked->lock);
	return lag > 0 ? (uint32_t)lag : 0;
}

bool projector_stopped(const struct projector *projector, const char **reason)
{
	struct projector *unlocked = (struct projector *)(uintptr_t)projector;
	bool stopped;

	pthread_mutex_lock(&unlocked->lock);
	stopped = projector->stopped;
	pthread_mutex_unlock(&unlocked->lock);
	if (stopped && reason != NULL)
		*reason = projector->reason;
	return stopped;
}
