/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/system.h"
#include "wire/messages.h"

#define TIMEOUT_US (UINT64_C(30) * 1000000)
#define BUSY_WAIT_US 20000
#define SAMPLES_MAX (4u << 20)

struct load;

struct slot {
	struct load *load;
	struct buffer request;
	bool waiting; /* in flight */
	bool again;   /* the same bytes once more, not before .not_before_us */
	uint64_t begun_us; /* its latency counts from here */
	uint64_t not_before_us;
};

struct load {
	const struct load_options *options;
	struct load_result *result;
	struct slot *slots;
	uint64_t begun_us;
	uint64_t made; /* requests begun */
	uint32_t *samples;
	uint32_t sample_count;
	uint32_t open; /* slots in flight or to be sent again */
	char *error;
	bool failed;
};

static void keep_sample(struct load *load, uint64_t span_us)
{
	if (load->sample_count < SAMPLES_MAX)
		load->samples[load->sample_count++] = (uint32_t)span_us;
}

static void fail(struct load *load, const char *what, struct slice text)
{
	if (!load->failed)
		snprintf(load->error, CHANNEL_ERROR_SIZE, "%s: %.*s", what,
			 text.size > 300 ? 300 : (int)text.size,
			 (const char *)text.data);
	load->failed = true;
}

static bool is_busy(const struct grpc_status *status, uint64_t *wait_us)
{
	struct error_view view;

	if (status->code != GRPC_RESOURCE_EXHAUSTED ||
	    !decode_error_details(status->details, &view) ||
	    !slice_equal(view.reason, SLICE("OVERLOADED")))
		return false;
	*wait_us = view.retry_delay_us > 0 ? view.retry_delay_us : BUSY_WAIT_US;
	return true;
}

static void on_done(void *user, const struct grpc_status *status,
		    struct slice message)
{
	struct slot *slot = user;
	struct load *load = slot->load;
	const struct load_work *work = load->options->work;
	uint64_t now = system_monotonic_us(), wait_us = 0;

	slot->waiting = false;
	if (status->code == GRPC_OK) {
		keep_sample(load, now - slot->begun_us);
		load->open--;
		if (!work->take(work->context, message))
			fail(load, "answer", SLICE("cannot be read"));
	} else if (is_busy(status, &wait_us)) {
		slot->again = true;
		slot->not_before_us = now + wait_us;
		load->result->busy++;
	} else {
		load->open--;
		if (work->refused == NULL ||
		    !work->refused(work->context, status))
			fail(load, grpc_code_name(status->code),
			     status->message);
	}
}

static void send_slot(struct load *load, struct slot *slot)
{
	slot->waiting = true;
	slot->again = false;
	if (channel_start(load->options->channel, load->options->work->path,
			  buffer_view(&slot->request), TIMEOUT_US, on_done,
			  slot))
		return;
	slot->waiting = false;
	load->open--;
	fail(load, "connection", SLICE("takes no more calls"));
}

/* When the next request is due; by the clock, whatever is answered. */
static uint64_t due_us(const struct load *load)
{
	if (load->options->per_second <= 0)
		return 0;
	return load->begun_us +
	       (uint64_t)((double)load->made * 1e6 / load->options->per_second);
}

static void fill_slot(struct load *load, struct slot *slot, uint64_t now)
{
	const struct load_work *work = load->options->work;
	uint64_t due = due_us(load);

	slot->request.size = 0;
	work->fill(work->context, &slot->request);
	check(!slot->request.overflowed);
	/* One that found no place in time has waited since it was due. */
	slot->begun_us = due > 0 ? due : now;
	load->made++;
	load->open++;
	send_slot(load, slot);
}

static void send_again(struct load *load, struct slot *slot, uint64_t now)
{
	if (load->options->per_second <= 0)
		slot->begun_us = now;
	send_slot(load, slot);
}

/* Sends what may be sent at @now; fresh requests only before @until. */
static void feed(struct load *load, uint64_t until, uint64_t now)
{
	for (uint32_t i = 0; i < load->options->in_flight && !load->failed;
	     i++) {
		struct slot *slot = &load->slots[i];

		if (slot->waiting)
			continue;
		if (slot->again && now >= slot->not_before_us)
			send_again(load, slot, now);
		else if (!slot->again && now < until && now >= due_us(load))
			fill_slot(load, slot, now);
	}
}

static void run(struct load *load)
{
	uint64_t begun = system_monotonic_us(), now = begun;
	uint64_t until = begun + (uint64_t)(load->options->seconds * 1e6);
	int wait_ms = load->options->per_second > 0 ? 1 : 10;

	load->begun_us = begun;
	do {
		feed(load, until, now);
		if (!channel_turn(load->options->channel, wait_ms))
			fail(load, "connection", SLICE("lost"));
		now = system_monotonic_us();
		if (now > until + TIMEOUT_US)
			fail(load, "node", SLICE("no answer"));
	} while (!load->failed && (now < until || load->open > 0));
	load->result->seconds = (double)(now - begun) / 1e6;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void take_percentiles(struct load *load)
{
	uint32_t count = load->sample_count;

	if (count == 0)
		return;
	qsort(load->samples, count, sizeof(*load->samples), by_size);
	load->result->p50_us = load->samples[count / 2];
	load->result->p99_us = load->samples[(uint64_t)count * 99 / 100];
}

static void take_memory(struct load *load)
{
	const struct load_options *options = load->options;

	load->slots = calloc(options->in_flight, sizeof(*load->slots));
	load->samples = malloc(SAMPLES_MAX * sizeof(*load->samples));
	check(load->slots != NULL && load->samples != NULL);
	for (uint32_t i = 0; i < options->in_flight; i++) {
		void *bytes = malloc(options->work->request_size);

		check(bytes != NULL);
		load->slots[i].load = load;
		buffer_init(&load->slots[i].request, bytes,
			    options->work->request_size);
	}
}

static void release(struct load *load)
{
	for (uint32_t i = 0; i < load->options->in_flight; i++)
		free(load->slots[i].request.data);
	free(load->samples);
	free(load->slots);
}

bool load_run(const struct load_options *options, struct load_result *out,
	      char *error)
{
	struct load load = { .options = options, .result = out };

	*out = (struct load_result){ 0 };
	load.error = error;
	take_memory(&load);
	run(&load);
	take_percentiles(&load);
	/* Calls still open would find their slots gone. */
	while (load.failed && channel_in_flight(options->channel) > 0 &&
	       channel_turn(options->channel, 1000))
		continue;
	if (!load.failed || channel_in_flight(options->channel) == 0)
		release(&load);
	return !load.failed;
}
