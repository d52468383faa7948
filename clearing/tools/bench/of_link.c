/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/of_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/city.h"
#include "tools/bench/of_node.h"
#include "tools/bench/payments.h"
#include "tools/system.h"

/* As many as a node takes on one connection. */
#define IN_FLIGHT 1024
#define REST_US (UINT64_C(60) * 1000000)
#define REST_TURN_MS 10

/* One end of the link, as its operator sees it. */
struct side {
	struct channel *channel;
	struct channel_self self;
	const char *neighbour;
	struct city_link link; /* as last asked */
	uint64_t position;
};

struct run {
	struct bench *bench;
	struct side from, to;
};

static bool look(struct bench *bench, struct side *side)
{
	uint64_t projected = 0;

	return city_link(side->channel, side->neighbour, &side->link,
			 bench->error) &&
	       city_position(side->channel, &side->position, &projected);
}

static bool is_at_rest(const struct run *run)
{
	const struct city_link *from = &run->from.link, *to = &run->to.link;

	return from->ready && to->ready && from->pending_minor == 0 &&
	       to->pending_minor == 0 && from->out_seq == to->in_seq &&
	       to->out_seq == from->in_seq &&
	       from->acknowledged_seq == from->out_seq &&
	       to->acknowledged_seq == to->out_seq;
}

/* Both ends are up, and have said all there is to say. */
static bool wait_for_rest(struct run *run)
{
	struct bench *bench = run->bench;
	uint64_t until = system_monotonic_us() + REST_US;

	while (system_monotonic_us() < until) {
		if (!look(bench, &run->from) || !look(bench, &run->to))
			return false;
		if (is_at_rest(run))
			return true;
		if (!channel_turn(run->to.channel, REST_TURN_MS))
			break;
	}
	snprintf(bench->error, sizeof(bench->error),
		 "the link between %s and %s does not come to rest",
		 run->from.self.city, run->to.self.city);
	return false;
}

static bool catch_up(struct run *run)
{
	return bench_catch_up_now(run->bench, run->from.channel) &&
	       bench_catch_up_now(run->bench, run->to.channel) &&
	       wait_for_rest(run);
}

static bool pay(struct run *run, double per_second, const char *what,
		struct payments *payments, struct load_result *result)
{
	struct bench *bench = run->bench;
	struct draw draw = bench->draw;
	struct load_work work = payments_work(payments);
	struct load_options options = {
		.channel = bench->gateway,
		.work = &work,
		.in_flight = IN_FLIGHT,
		.seconds = bench->seconds,
		.per_second = per_second,
	};

	draw.state ^= system_monotonic_us() << 1;
	*payments =
		(struct payments){ .draw = &draw, .city = run->to.self.city };
	if (!load_run(&options, result, bench->error))
		return false;
	payments->draw = NULL;
	if (payments->refused + payments->pending > 0)
		fprintf(stderr,
			"clearbench: %s: %" PRIu64 " payments were refused and "
			"%" PRIu64 " had no answer; the last: %s\n",
			what, payments->refused, payments->pending,
			payments->last_why);
	return true;
}

static void add_shares(struct run *run, const struct run *before,
		       uint64_t posted)
{
	const struct city_link *a = &run->from.link, *b = &run->to.link;
	const struct city_link *c = &before->from.link, *d = &before->to.link;
	const struct {
		const char *name;
		uint64_t count;
	} shares[] = {
		{ "link_messages", a->sent + b->sent - c->sent - d->sent },
		{ "link_signatures",
		  a->sealed + b->sealed - c->sealed - d->sealed },
		{ "link_commits", run->from.position + run->to.position -
					  before->from.position -
					  before->to.position },
	};

	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		(void)figures_add(&run->bench->figures, shares[i].name,
				  "a payment",
				  (double)shares[i].count / (double)posted);
}

static bool measure_rate(struct run *run, double *rate)
{
	struct figures *figures = &run->bench->figures;
	const struct run before = *run;
	struct load_result result;
	struct payments payments;

	if (!pay(run, 0, "link", &payments, &result) || !wait_for_rest(run))
		return false;
	if (payments.posted == 0) {
		snprintf(run->bench->error, sizeof(run->bench->error),
			 "no payment was posted: %s", payments.last_why);
		return false;
	}
	*rate = (double)payments.posted / result.seconds;
	(void)figures_add(figures, "link", "payments/s", *rate);
	(void)figures_add(figures, "link_p50", "ms", result.p50_us / 1000);
	(void)figures_add(figures, "link_p99", "ms", result.p99_us / 1000);
	add_shares(run, &before, payments.posted);
	return catch_up(run);
}

static bool measure_half(struct run *run, double rate)
{
	struct figures *figures = &run->bench->figures;
	struct load_result result;
	struct payments payments;

	if (!pay(run, rate / 2, "link_half", &payments, &result))
		return false;
	(void)figures_add(figures, "link_half", "payments/s",
			  (double)payments.posted / result.seconds);
	(void)figures_add(figures, "link_half_p50", "ms", result.p50_us / 1000);
	(void)figures_add(figures, "link_half_p99", "ms", result.p99_us / 1000);
	return true;
}

static bool open_payees(struct run *run)
{
	struct bench *bench = run->bench;
	uint64_t *ids = calloc(bench->account_count, sizeof(*ids));
	bool opened;

	check(ids != NULL);
	opened = city_accounts(run->to.channel, run->to.self.city, ids,
			       bench->account_count, bench->error);
	free(ids);
	return opened;
}

static bool measure(struct run *run)
{
	double rate = 0;

	run->from.neighbour = run->to.self.city;
	run->to.neighbour = run->from.self.city;
	return open_payees(run) && wait_for_rest(run) &&
	       bench_measure(run->bench, &of_node_single) && catch_up(run) &&
	       measure_rate(run, &rate) && measure_half(run, rate);
}

bool of_link_run(struct bench *bench)
{
	struct run run = { .bench = bench };
	bool done = false;

	run.from.channel = bench_operator(bench, &bench->node, &run.from.self);
	if (run.from.channel != NULL)
		run.to.channel =
			bench_operator(bench, &bench->to, &run.to.self);
	if (run.to.channel != NULL)
		done = measure(&run);
	channel_close(run.from.channel);
	channel_close(run.to.channel);
	return done;
}
