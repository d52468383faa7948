/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/starter.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/log.h"

/* Between two lines that say how far it is. */
#define PROGRESS_S 2

struct starter {
	struct starter_options options;
	pthread_t thread;
	atomic_bool stop;
	atomic_bool done;
	time_t progress_told;
	enum start_result result;
	struct started started;
	char error[START_ERROR_SIZE];
};

static void on_progress(void *context, const char *step, uint64_t done,
			uint64_t total)
{
	struct starter *starter = context;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < starter->progress_told + PROGRESS_S)
		return;
	starter->progress_told = now.tv_sec;
	log_event(LOG_INFO, "starting", LOG_TEXT("step", step),
		  LOG_NUMBER("done", done), LOG_NUMBER("total", total),
		  LOG_END);
}

static void *run(void *argument)
{
	struct starter *starter = argument;

	starter->result = start_store(
		&starter->options.start, starter->options.ledger,
		starter->options.projector, &starter->started, starter->error);
	starter->done = true;
	starter->options.on_done(starter->options.context);
	return NULL;
}

struct starter *starter_create(const struct starter_options *options)
{
	struct starter *starter = calloc(1, sizeof(*starter));

	if (starter == NULL)
		return NULL;
	starter->options = *options;
	starter->options.start.stop = &starter->stop;
	starter->options.start.on_progress = on_progress;
	starter->options.start.context = starter;
	if (pthread_create(&starter->thread, NULL, run, starter) == 0)
		return starter;
	free(starter);
	return NULL;
}

void starter_stop(struct starter *starter)
{
	starter->stop = true;
}

bool starter_finish(struct starter *starter, enum start_result *result,
		    struct started *out, char *error)
{
	if (!starter->done)
		return false;
	pthread_join(starter->thread, NULL);
	*result = starter->result;
	if (starter->result == START_OK)
		*out = starter->started;
	else
		memcpy(error, starter->error, START_ERROR_SIZE);
	free(starter);
	return true;
}
