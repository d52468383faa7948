/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/head.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/log.h"

/* Often enough to catch a rewind, rarely enough for slow disks. */
#define WRITE_NS_MIN 100000000

struct head_keeper {
	char *path;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct acknowledged_head head; /* newest noted */
	bool is_new;
	bool stop;
};

/* Wait for something new; false at the end, when nothing is left. */
static bool wait_new(struct head_keeper *keeper, struct acknowledged_head *out)
{
	bool is_new;

	pthread_mutex_lock(&keeper->lock);
	while (!keeper->is_new && !keeper->stop)
		pthread_cond_wait(&keeper->changed, &keeper->lock);
	is_new = keeper->is_new;
	keeper->is_new = false;
	*out = keeper->head;
	pthread_mutex_unlock(&keeper->lock);
	return is_new;
}

/* Leave the disk in peace for a while, unless it is the end. */
static void rest(struct head_keeper *keeper)
{
	struct timespec until;
	int status = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += WRITE_NS_MIN;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&keeper->lock);
	while (!keeper->stop && status == 0)
		status = pthread_cond_timedwait(&keeper->changed, &keeper->lock,
						&until);
	pthread_mutex_unlock(&keeper->lock);
}

static void *run(void *argument)
{
	struct head_keeper *keeper = argument;
	struct acknowledged_head head;
	bool failing = false;

	while (wait_new(keeper, &head)) {
		bool written = headfile_write(keeper->path, &head);

		if (!written && !failing)
			log_event(LOG_ERROR, "head_not_written",
				  LOG_TEXT("path", keeper->path),
				  LOG_TEXT("reason", strerror(errno)), LOG_END);
		failing = !written;
		rest(keeper);
	}
	return NULL;
}

static void release(struct head_keeper *keeper)
{
	pthread_cond_destroy(&keeper->changed);
	pthread_mutex_destroy(&keeper->lock);
	free(keeper->path);
	free(keeper);
}

struct head_keeper *head_keeper_create(const char *path,
				       const struct acknowledged_head *head)
{
	struct head_keeper *keeper = calloc(1, sizeof(*keeper));
	pthread_condattr_t attributes;

	if (keeper == NULL)
		return NULL;
	keeper->path = strdup(path);
	keeper->head = *head;
	keeper->is_new = true;
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&keeper->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	if (keeper->path != NULL &&
	    pthread_create(&keeper->thread, NULL, run, keeper) == 0)
		return keeper;
	release(keeper);
	return NULL;
}

void head_keeper_note(struct head_keeper *keeper,
		      const struct block_header *header)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->head.seq = header->seq;
	keeper->head.epoch = header->epoch;
	memcpy(keeper->head.hash, header->hash, SHA256_SIZE);
	keeper->is_new = true;
	pthread_mutex_unlock(&keeper->lock);
	pthread_cond_signal(&keeper->changed);
}

void head_keeper_free(struct head_keeper *keeper)
{
	if (keeper == NULL)
		return;
	pthread_mutex_lock(&keeper->lock);
	keeper->stop = true;
	pthread_mutex_unlock(&keeper->lock);
	pthread_cond_signal(&keeper->changed);
	pthread_join(keeper->thread, NULL);
	release(keeper);
}
