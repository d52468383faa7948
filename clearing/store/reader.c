/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "store/reader.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "store/reader_private.h"

#define READER_THREADS 2
/* The server's own limit where the caller named none, and the highest. */
#define TIMEOUT_MS_MAX 10000

struct read_list {
	struct read *first, *last;
};

struct worker {
	struct reader *reader;
	pthread_t thread;
	bool running;
	PGconn *connection; /* its own */
};

struct reader {
	struct reader_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	struct read_list parked;  /* wait for their position */
	struct read_list ready;	  /* wait for a thread */
	struct read_list running; /* on a thread, not told yet */
	struct read_list finished;
	uint32_t count; /* of all four */
	uint64_t projected;
	bool stop;
	struct worker workers[READER_THREADS];
};

static void list_push(struct read_list *list, struct read *read)
{
	read->next = NULL;
	if (list->last == NULL)
		list->first = read;
	else
		list->last->next = read;
	list->last = read;
}

static struct read *list_pop(struct read_list *list)
{
	struct read *read = list->first;

	if (read == NULL)
		return NULL;
	list->first = read->next;
	if (list->first == NULL)
		list->last = NULL;
	read->next = NULL;
	return read;
}

static void list_remove(struct read_list *list, struct read *wanted)
{
	struct read_list kept = { 0 };
	struct read *read;

	while ((read = list_pop(list)) != NULL) {
		if (read != wanted)
			list_push(&kept, read);
	}
	*list = kept;
}

static void read_free(struct read *read)
{
	PQclear(read->rows);
	free(read->items);
	free(read);
}

static void list_free(struct read_list *list)
{
	struct read *read;

	while ((read = list_pop(list)) != NULL)
		read_free(read);
}

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* 0: the deadline is past. */
static uint32_t timeout_ms(const struct read_query *query)
{
	uint64_t now = wall_us();
	uint64_t left_ms;

	if (query->deadline_us == 0)
		return TIMEOUT_MS_MAX;
	if (query->deadline_us <= now)
		return 0;
	left_ms = (query->deadline_us - now) / 1000 + 1;
	return left_ms < TIMEOUT_MS_MAX ? (uint32_t)left_ms : TIMEOUT_MS_MAX;
}

static bool connect_tables(struct worker *worker)
{
	char error[CONNECT_ERROR_SIZE];

	if (worker->connection != NULL)
		return true;
	if (connect_database(worker->reader->options.database, CONNECT_READER,
			     &worker->connection, error) != CONNECT_OK) {
		worker->connection = NULL;
		return false;
	}
	if (query_prepare(worker->connection))
		return true;
	PQfinish(worker->connection);
	worker->connection = NULL;
	return false;
}

static void drop_answer(struct read *read)
{
	PQclear(read->rows);
	free(read->items);
	read->rows = NULL;
	read->items = NULL;
}

/* A connection may have died unnoticed: a fresh one gets a second chance. */
static enum query_result run_query(struct worker *worker, struct read *read)
{
	enum query_result status = QUERY_AWAY;

	for (uint32_t i = 0; i < 2 && status == QUERY_AWAY; i++) {
		uint32_t ms = timeout_ms(&read->query);

		if (ms == 0)
			return QUERY_LATE;
		if (!connect_tables(worker))
			return QUERY_AWAY;
		drop_answer(read);
		status = query_run(worker->connection, ms, read);
		if (status == QUERY_AWAY) {
			PQfinish(worker->connection);
			worker->connection = NULL;
		}
	}
	return status;
}

static void set_status(struct read *read, enum read_status status)
{
	read->result = (struct read_result){ .status = status };
}

/* Under the lock: what becomes of a read that a thread has tried. */
static void settle(struct reader *reader, struct read *read,
		   enum query_result status)
{
	read->running = false;
	if (read->abandoned) {
		read_free(read);
		return;
	}
	list_remove(&reader->running, read);
	switch (status) {
	case QUERY_DONE:
		break;
	case QUERY_AWAY:
		set_status(read, READ_AWAY);
		break;
	case QUERY_LATE:
		set_status(read, READ_LATE);
		break;
	case QUERY_BEHIND:
		list_push(&reader->parked, read);
		return;
	}
	list_push(&reader->finished, read);
}

static void *run(void *context)
{
	struct worker *worker = context;
	struct reader *reader = worker->reader;
	struct read *read;
	enum query_result status;

	pthread_mutex_lock(&reader->lock);
	while (!reader->stop) {
		read = list_pop(&reader->ready);
		if (read == NULL) {
			pthread_cond_wait(&reader->changed, &reader->lock);
			continue;
		}
		read->running = true;
		list_push(&reader->running, read);
		pthread_mutex_unlock(&reader->lock);
		status = run_query(worker, read);
		pthread_mutex_lock(&reader->lock);
		settle(reader, read, status);
		pthread_mutex_unlock(&reader->lock);
		if (reader->options.on_ready != NULL)
			reader->options.on_ready(reader->options.context);
		pthread_mutex_lock(&reader->lock);
	}
	pthread_mutex_unlock(&reader->lock);
	if (worker->connection != NULL)
		PQfinish(worker->connection);
	return NULL;
}

struct reader *reader_create(const struct reader_options *options)
{
	struct reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return NULL;
	reader->options = *options;
	pthread_mutex_init(&reader->lock, NULL);
	pthread_cond_init(&reader->changed, NULL);
	for (uint32_t i = 0; i < READER_THREADS; i++) {
		struct worker *worker = &reader->workers[i];

		worker->reader = reader;
		worker->running =
			pthread_create(&worker->thread, NULL, run, worker) == 0;
		if (!worker->running) {
			reader_free(reader);
			return NULL;
		}
	}
	return reader;
}

void reader_free(struct reader *reader)
{
	if (reader == NULL)
		return;
	pthread_mutex_lock(&reader->lock);
	reader->stop = true;
	pthread_cond_broadcast(&reader->changed);
	pthread_mutex_unlock(&reader->lock);
	for (uint32_t i = 0; i < READER_THREADS; i++) {
		if (reader->workers[i].running)
			pthread_join(reader->workers[i].thread, NULL);
	}
	list_free(&reader->parked);
	list_free(&reader->ready);
	list_free(&reader->running);
	list_free(&reader->finished);
	pthread_cond_destroy(&reader->changed);
	pthread_mutex_destroy(&reader->lock);
	free(reader);
}

bool reader_submit(struct reader *reader, const struct read_query *query,
		   read_done *done, void *user)
{
	struct read *read;
	bool room;

	check(query->limit <= READER_ROWS_MAX && query->city != NULL);
	check(query->limit > 0 || query->kind == READ_TRANSFER ||
	      query->kind == READ_HOLD);
	read = calloc(1, sizeof(*read));
	if (read == NULL)
		return false;
	read->query = *query;
	read->done = done;
	read->user = user;
	pthread_mutex_lock(&reader->lock);
	/* (rule JOURNAL-25) */
	room = reader->count < READER_QUEUE_MAX;
	if (room) {
		reader->count++;
		list_push(query->min_position <= reader->projected
				  ? &reader->ready
				  : &reader->parked,
			  read);
		pthread_cond_signal(&reader->changed);
	}
	pthread_mutex_unlock(&reader->lock);
	if (!room)
		free(read);
	return room;
}

/* Under the lock: parked reads whose position has come go on. */
static void release_parked(struct reader *reader)
{
	struct read_list parked = reader->parked;
	struct read *read;

	reader->parked = (struct read_list){ 0 };
	while ((read = list_pop(&parked)) != NULL) {
		if (read->query.min_position <= reader->projected)
			list_push(&reader->ready, read);
		else
			list_push(&reader->parked, read);
	}
	if (reader->ready.first != NULL)
		pthread_cond_broadcast(&reader->changed);
}

/* Under the lock: takes out what is late; @out gets what is to be told. */
static void take_late(struct read_list *list, uint64_t now_us,
		      struct read_list *out)
{
	struct read_list all = *list;
	struct read *read;

	*list = (struct read_list){ 0 };
	while ((read = list_pop(&all)) != NULL) {
		bool late = read->query.deadline_us != 0 &&
			    read->query.deadline_us < now_us;

		list_push(late ? out : list, read);
	}
}

static void tell(struct read *read)
{
	read->done(read->user, &read->result);
	read_free(read);
}

/* A thread still works for this one; it frees it when it comes back. */
static void tell_running(struct read *read)
{
	struct read_result late = { .status = READ_LATE };

	read->done(read->user, &late);
}

void reader_collect(struct reader *reader, uint64_t projected, uint64_t now_us)
{
	struct read_list finished, late = { 0 }, abandoned = { 0 };
	struct read_list told = { 0 };
	struct read *read;

	pthread_mutex_lock(&reader->lock);
	reader->projected = projected;
	finished = reader->finished;
	reader->finished = (struct read_list){ 0 };
	take_late(&reader->parked, now_us, &late);
	take_late(&reader->ready, now_us, &late);
	take_late(&reader->running, now_us, &abandoned);
	release_parked(reader);
	for (read = finished.first; read != NULL; read = read->next)
		reader->count--;
	for (read = late.first; read != NULL; read = read->next)
		reader->count--;
	while ((read = list_pop(&abandoned)) != NULL) {
		struct read *copy = calloc(1, sizeof(*copy));

		/* Without memory it is told by the thread, later. */
		if (copy == NULL) {
			list_push(&reader->running, read);
			continue;
		}
		copy->done = read->done;
		copy->user = read->user;
		read->abandoned = true;
		reader->count--;
		list_push(&told, copy);
	}
	pthread_mutex_unlock(&reader->lock);
	while ((read = list_pop(&finished)) != NULL)
		tell(read);
	while ((read = list_pop(&late)) != NULL) {
		set_status(read, READ_LATE);
		tell(read);
	}
	while ((read = list_pop(&told)) != NULL) {
		tell_running(read);
		free(read);
	}
}
