/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/city.h"
#include "tools/bench/transfers.h"
#include "tools/system.h"

#define DIAL_US UINT64_C(10000000)
#define CATCH_UP_US (UINT64_C(300) * 1000000)

void bench_release(struct bench *bench)
{
	channel_close(bench->gateway);
	free(bench->accounts);
	bench->gateway = NULL;
	bench->accounts = NULL;
}

static struct channel *dial(struct bench *bench, const struct bench_node *node,
			    const char *certificate, const char *key)
{
	struct channel *channel = NULL;
	struct channel_options options = {
		.endpoint = node->endpoint,
		.certificate = certificate,
		.key = key,
		.ca = node->ca,
		.server_uri = node->server_uri,
		.timeout_us = DIAL_US,
	};

	return channel_open(&options, &channel, bench->error) == CHANNEL_OK
		       ? channel
		       : NULL;
}

struct channel *bench_operator(struct bench *bench,
			       const struct bench_node *node,
			       struct channel_self *self)
{
	if (channel_self(node->operator_certificate, self, bench->error) !=
	    CHANNEL_OK)
		return NULL;
	return dial(bench, node, node->operator_certificate,
		    node->operator_key);
}

bool bench_prepare(struct bench *bench)
{
	struct channel_self self;
	struct channel *channel = bench_operator(bench, &bench->node, &self);
	bool opened;

	if (channel == NULL)
		return false;
	bench->accounts = calloc(bench->account_count, sizeof(uint64_t));
	check(bench->accounts != NULL);
	opened = city_accounts(channel, self.city, bench->accounts,
			       bench->account_count, bench->error);
	channel_close(channel);
	if (!opened)
		return false;
	draw_init(&bench->draw, bench->accounts, bench->account_count);
	bench->gateway =
		dial(bench, &bench->node, bench->node.gateway_certificate,
		     bench->node.gateway_key);
	return bench->gateway != NULL;
}

bool bench_load(struct bench *bench, const struct bench_measure *measure,
		struct bench_outcome *out)
{
	struct draw draw = bench->draw;
	struct transfers transfers;
	struct load_result result;
	struct load_work work;
	struct load_options options = {
		.channel = bench->gateway,
		.work = &work,
		.in_flight = measure->in_flight,
		.seconds = bench->seconds,
	};
	bool done;

	draw.back_and_forth = measure->hot;
	draw.state ^= system_monotonic_us() << 1;
	transfers_init(&transfers, &draw, measure->batch);
	work = transfers_work(&transfers);
	done = load_run(&options, &result, bench->error);
	transfers_release(&transfers);
	if (!done)
		return false;
	if (transfers.refused > 0)
		fprintf(stderr, "clearbench: %s: %llu transfers were refused\n",
			measure->rate, (unsigned long long)transfers.refused);
	*out = (struct bench_outcome){ transfers.posted, transfers.position,
				       result.seconds, result.p50_us,
				       result.p99_us };
	return true;
}

bool bench_measure(struct bench *bench, const struct bench_measure *measure)
{
	struct bench_outcome outcome;

	if (!bench_load(bench, measure, &outcome))
		return false;
	(void)figures_add(&bench->figures, measure->rate, "transfers/s",
			  (double)outcome.posted / outcome.seconds);
	if (measure->p50 != NULL)
		(void)figures_add(&bench->figures, measure->p50, "ms",
				  outcome.p50_us / 1000);
	if (measure->p99 != NULL)
		(void)figures_add(&bench->figures, measure->p99, "ms",
				  outcome.p99_us / 1000);
	return bench_catch_up_now(bench, bench->gateway);
}

static bool no_answer(struct bench *bench)
{
	snprintf(bench->error, sizeof(bench->error),
		 "the node does not answer");
	return false;
}

bool bench_catch_up(struct bench *bench, struct channel *channel,
		    uint64_t target)
{
	uint64_t until = system_monotonic_us() + CATCH_UP_US;
	uint64_t position = 0, projected = 0;

	while (system_monotonic_us() < until) {
		if (!city_position(channel, &position, &projected) ||
		    !channel_turn(channel, 5))
			return no_answer(bench);
		if (projected >= target)
			return true;
	}
	snprintf(bench->error, sizeof(bench->error),
		 "the projector did not catch up in 300 s");
	return false;
}

bool bench_catch_up_now(struct bench *bench, struct channel *channel)
{
	uint64_t position = 0, projected = 0;

	if (!city_position(channel, &position, &projected))
		return no_answer(bench);
	return bench_catch_up(bench, channel, position);
}
