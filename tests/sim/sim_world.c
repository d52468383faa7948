/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_audit.h"
#include "sim/sim_check.h"
#include "sim/sim_city.h"
#include "sim/sim_fault.h"
#include "sim/sim_net.h"
#include "sim/sim_roster.h"
#include "sim/sim_work.h"

/* Quiet must come within this, once everything is mended. */
#define QUIET_WITHIN_US (3600 * SIM_SECOND_US)

/* Functions that an engine calls know no context: whose turn it is. */
static struct sim *running;

struct sim *sim_running(void)
{
	check(running != NULL);
	return running;
}

/* A programmer error in an engine is a finding like any other. */
/* Weak: a test that has the simulator inside may have its own. */
__attribute__((weak)) void clearing_panic(const char *file, int line,
					  const char *what)
{
	if (running == NULL) {
		fprintf(stderr, "%s:%d: %s\n", file, line, what);
		abort();
	}
	sim_fail(running, "panic at %s:%d: %s", file, line, what);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sim->what, sizeof(sim->what), format, arguments);
	va_end(arguments);
	sim->broken = true;
	longjmp(sim->out, 1);
}

void sim_say(const struct sim *sim, const char *format, ...)
{
	va_list arguments;

	if (!sim->verbose)
		return;
	printf("%12.6f ", (double)(sim->now_us - SIM_START_US) / 1e6);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

uint32_t sim_id_short(const struct id *id)
{
	uint32_t tail;

	memcpy(&tail, id->bytes + ID_SIZE - sizeof(tail), sizeof(tail));
	return tail;
}

void *sim_grow(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity == 0 ? 64 : *capacity * 2;
	items = realloc(items, *capacity * size);
	check(items != NULL);
	return items;
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
	struct sim_event kept = *a;

	*a = *b;
	*b = kept;
}

void sim_schedule(struct sim *sim, uint64_t after_us, struct sim_event event)
{
	uint32_t at = sim->event_count;

	sim->events =
		sim_grow(sim->events, at, &sim->event_capacity, sizeof(event));
	event.at_us = sim->now_us + after_us;
	event.order = sim->event_order++;
	sim->events[at] = event;
	sim->event_count++;
	while (at > 0 &&
	       earlier(&sim->events[at], &sim->events[(at - 1) / 2])) {
		swap(&sim->events[at], &sim->events[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static bool next_event(struct sim *sim, struct sim_event *out)
{
	uint32_t at = 0;

	if (sim->event_count == 0)
		return false;
	*out = sim->events[0];
	sim->events[0] = sim->events[--sim->event_count];
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= sim->event_count)
			return true;
		if (child + 1 < sim->event_count &&
		    earlier(&sim->events[child + 1], &sim->events[child]))
			child++;
		if (!earlier(&sim->events[child], &sim->events[at]))
			return true;
		swap(&sim->events[child], &sim->events[at]);
		at = child;
	}
}

/* Events of a process that is gone mean nothing any more. */
static bool is_void(const struct sim *sim, const struct sim_event *event)
{
	const struct sim_city *city;

	if (event->kind == SIM_MESSAGE || event->kind == SIM_TIMEOUT ||
	    event->kind == SIM_FAULT || event->kind == SIM_HEAL ||
	    event->kind == SIM_RESTART || event->kind == SIM_WORK ||
	    event->kind == SIM_ROSTER)
		return false;
	city = &sim->cities[event->city];
	return !city->up || city->run != event->run;
}

static void on_timer(struct sim *sim, const struct sim_event *event)
{
	struct sim_city *city = &sim->cities[event->city];

	/* One that was asked for anew meanwhile is void. */
	if (city->turn_at_us != event->at_us)
		return;
	city->turn_at_us = 0;
	sim_city_turn(city);
}

static void on_city_event(struct sim *sim, const struct sim_event *event)
{
	struct sim_city *city = &sim->cities[event->city];

	switch ((enum sim_event_kind)event->kind) {
	case SIM_TURN:
		on_timer(sim, event);
		return;
	case SIM_FLUSH:
		city->flush_due = false;
		sim_city_close(city);
		sim_city_turn(city);
		return;
	case SIM_COMMIT:
		sim_city_commit(city);
		sim_city_turn(city);
		return;
	case SIM_CONNECT:
		sim_net_connect(city, event->other);
		return;
	case SIM_DISCONNECT:
		sim_net_disconnect(city, event->other);
		return;
	default:
		sim_work_reveal(city, event->other);
		return;
	}
}

static void on_event(struct sim *sim, const struct sim_event *event)
{
	struct sim_city *city = &sim->cities[event->city];

	switch ((enum sim_event_kind)event->kind) {
	case SIM_MESSAGE:
		sim_net_arrive(sim, event->message);
		return;
	case SIM_TIMEOUT:
		sim_net_timeout(sim, event->other);
		return;
	case SIM_WORK:
		sim_work(city);
		return;
	case SIM_FAULT:
		sim_fault(sim);
		return;
	case SIM_HEAL:
		sim_fault_heal(sim, event->city, event->other);
		return;
	case SIM_RESTART:
		if (!city->up && city->gone_version == 0)
			sim_city_start(city);
		return;
	case SIM_ROSTER:
		sim_city_reload(city);
		return;
	default:
		on_city_event(sim, event);
		return;
	}
}

static void step(struct sim *sim, const struct sim_event *event)
{
	if (event->at_us > sim->now_us)
		sim->now_us = event->at_us;
	if (is_void(sim, event))
		return;
	sim->steps++;
	on_event(sim, event);
}

static bool all_idle(const struct sim *sim)
{
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		const struct sim_city *city = &sim->cities[i];

		if (city->gone_version == 0 &&
		    (!city->up || !sim_city_is_idle(city)))
			return false;
	}
	return true;
}

static void run_active(struct sim *sim, uint64_t steps)
{
	uint64_t until_us = sim->now_us + sim->plan.active_us;
	struct sim_event event;

	while (sim->now_us < until_us && sim->steps < steps &&
	       next_event(sim, &event))
		step(sim, &event);
}

static void run_quiet(struct sim *sim)
{
	uint64_t until_us = sim->now_us + QUIET_WITHIN_US;
	struct sim_event event;

	sim->quiet = true;
	sim_fault_mend(sim);
	sim_say(sim, "everything is mended");
	while (next_event(sim, &event)) {
		step(sim, &event);
		if (sim->steps % 16 == 0 && all_idle(sim))
			return;
		if (sim->now_us > until_us)
			sim_check_why_not_quiet(sim);
	}
	sim_fail(sim, "nothing is due any more, and yet it is not quiet");
}

static void forget(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->event_count; i++)
		free(sim->events[i].message);
	for (uint32_t i = 0; i < sim->captured_count; i++)
		free(sim->captured[i]);
	for (uint32_t i = 0; i < SIM_CITIES_MAX; i++) {
		struct sim_city *city = &sim->cities[i];

		for (uint32_t j = 0; j < city->waiting_count; j++)
			free(city->waiting[j].message);
		city->waiting_count = 0;
		sim_store_free(&city->store);
	}
	memset(sim->payment_places, 0,
	       sim->place_count * sizeof(*sim->payment_places));
}

/* Everything but the memory is as at first. */
static void begin(struct sim *sim, uint64_t seed)
{
	if (sim->payment_places == NULL) {
		sim->place_count = 1u << 14;
		sim->payment_places =
			calloc(sim->place_count, sizeof(*sim->payment_places));
		check(sim->payment_places != NULL);
	}
	sim->seed = seed;
	sim->broken = false;
	sim->quiet = false;
	sim->now_us = SIM_START_US;
	sim->steps = 0;
	sim->event_count = sim->call_count = sim->calls_open = 0;
	sim->payment_count = sim->command_count = sim->head_count = 0;
	sim->captured_count = 0;
	sim->roster_version = 1;
	sim->event_order = 0;
	memset(sim->linked, 0, sizeof(sim->linked));
	memset(sim->lines, 0, sizeof(sim->lines));
	memset(sim->line_highest, 0, sizeof(sim->line_highest));
	memset(sim->taken, 0, sizeof(sim->taken));
	memset(sim->cut, 0, sizeof(sim->cut));
	sim_random_seed(&sim->random, seed, 1);
	sim_random_seed(&sim->engine, seed, 2);
	running = sim;
}

bool sim_run(struct sim *sim, uint64_t seed, uint32_t cities, uint64_t steps)
{
	begin(sim, seed);
	if (setjmp(sim->out) == 0) {
		sim_fault_plan(sim, cities);
		sim_roster_make(sim);
		sim_say(sim, "%u cities, liar %d", sim->plan.cities,
			(int)sim->plan.liar);
		for (uint32_t i = 0; i < sim->plan.cities; i++)
			sim_city_found(sim, i);
		for (uint32_t i = 0; i < sim->plan.cities; i++) {
			sim_city_start(&sim->cities[i]);
			sim_work_begin(&sim->cities[i]);
		}
		sim_fault_begin(sim);
		run_active(sim, steps > 0 ? steps : UINT64_MAX);
		run_quiet(sim);
		sim_audit(sim);
		if (sim->at_end != NULL)
			sim->at_end(sim, sim->context);
	}
	running = NULL;
	forget(sim);
	return !sim->broken;
}

void sim_release(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_CITIES_MAX; i++)
		sim_city_free(&sim->cities[i]);
	free(sim->events);
	free(sim->calls);
	free(sim->payments);
	free(sim->payment_places);
	free(sim->commands);
	free(sim->heads);
}
