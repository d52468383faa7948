/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_fault.h"

#include "sim/sim_city.h"
#include "sim/sim_net.h"

/* Blocks that a backup may be behind, and those that each has. */
#define RESTORE_BLOCKS_MAX 60
#define FOUNDED_BLOCKS 10

static uint32_t one_of(struct sim *sim, const uint32_t *values, uint32_t count)
{
	return values[sim_random_below(&sim->random, count)];
}

static uint32_t some_city(struct sim *sim)
{
	return (uint32_t)sim_random_below(&sim->random, sim->plan.cities);
}

static uint32_t some_weight(struct sim *sim, uint32_t per_mille)
{
	return sim_chance(&sim->random, per_mille)
		       ? (uint32_t)sim_random_between(&sim->random, 1, 8)
		       : 0;
}

/* By dice of its own: runs in which nobody goes are what they were. */
static void plan_gone(struct sim *sim)
{
	struct sim_plan *plan = &sim->plan;
	struct sim_random random;

	sim_random_seed(&random, sim->seed, 3);
	if (plan->cities < 3 || !sim_chance(&random, 350))
		return;
	plan->gone_most = plan->cities > 4 ? 2 : 1;
	plan->faults[SIM_FAULT_GONE] = 3;
	/* Promises that come late meet a decider that has said never. */
	plan->faults[SIM_FAULT_PARTITION] += 4;
	plan->fault_us /= 2;
	/* Who was restored must not say what it has forgotten. */
	if (plan->liar == SIM_NONE && sim_chance(&random, 500))
		plan->faults[SIM_FAULT_RESTORE] = 8;
}

void sim_fault_plan(struct sim *sim, uint32_t cities)
{
	static const uint32_t drops[] = { 0, 0, 10, 60, 250 };
	static const uint32_t duplicates[] = { 0, 20, 100, 300 };
	static const uint32_t delays[] = { 0, 10, 50, 200 };
	static const uint32_t lines[] = { 0, 0, 1200, 4000 };
	static const uint32_t counts[] = { 2, 2, 3, 3, 3, 4, 4, 5, 6, 7 };
	struct sim_random *random = &sim->random;
	struct sim_plan *plan = &sim->plan;
	uint32_t drawn = one_of(sim, counts, 10);

	*plan = (struct sim_plan){
		.cities = cities > 0 ? cities : drawn,
		.active_us = sim_random_between(random, 5, 40) * SIM_SECOND_US,
		.work_us = sim_random_between(random, 40000, 600000),
		.drop = one_of(sim, drops, 5),
		.duplicate = one_of(sim, duplicates, 4),
		.delay_long = one_of(sim, delays, 4),
		.fault_us = sim_random_between(random, 500000, 5000000),
		.faults = { some_weight(sim, 700), some_weight(sim, 500),
			    some_weight(sim, 600), some_weight(sim, 300),
			    some_weight(sim, 300), 1, 0 },
		.line_most = one_of(sim, lines, 4),
		.careless = sim_chance(random, 400),
		.links_commanded = sim_chance(random, 500),
		.accounts_commanded = sim_chance(random, 500),
		.keys_rotate = sim_chance(random, 200),
		.real_hash = sim_chance(random, 100),
		.liar = SIM_NONE,
	};
	if (plan->cities > 2 && sim_chance(random, 200)) {
		plan->liar = some_city(sim);
		plan->lies = (uint32_t)sim_random_between(random, 10, 150);
		plan->faults[SIM_FAULT_RESTORE] = 0;
	} else if (sim_chance(random, 200)) {
		/* Backup after backup, and neighbours that hear little. */
		plan->faults[SIM_FAULT_RESTORE] = 8;
		plan->faults[SIM_FAULT_PARTITION] = 6;
		plan->faults[SIM_FAULT_CRASH] = 3;
		plan->fault_us /= 3;
	}
	plan_gone(sim);
}

static void fault_after(struct sim *sim)
{
	sim_schedule(
		sim,
		sim_random_between(&sim->random, 1, 2 * sim->plan.fault_us),
		(struct sim_event){ .kind = SIM_FAULT });
}

void sim_fault_begin(struct sim *sim)
{
	fault_after(sim);
}

static void restart_after(struct sim_city *city)
{
	struct sim *sim = city->sim;
	uint64_t after_us =
		sim_random_between(&sim->random, 1000, 3 * SIM_SECOND_US);

	/* Some are gone for long. */
	if (sim_chance(&sim->random, 150))
		after_us = sim_random_between(&sim->random, 20 * SIM_SECOND_US,
					      120 * SIM_SECOND_US);
	sim_schedule(sim, after_us,
		     (struct sim_event){ .kind = SIM_RESTART,
					 .city = city->number });
}

static void crash(struct sim *sim)
{
	struct sim_city *city = &sim->cities[some_city(sim)];

	if (!city->up)
		return;
	sim->counts.crashes++;
	sim_city_crash(city, 0);
	restart_after(city);
}

/*
 * Two that lose the same entries at once are beyond the protocol; who is GONE
 * has lost all of them.
 */
static bool may_restore(const struct sim *sim, const struct sim_city *who)
{
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		const struct sim_city *city = &sim->cities[i];

		if (city->restoring && city != who)
			return false;
		if (city->gone_version > 0 && sim->linked[i][who->number])
			return false;
	}
	return true;
}

static bool may_go(const struct sim *sim, const struct sim_city *who)
{
	uint32_t gone = 0;

	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		const struct sim_city *city = &sim->cities[i];

		gone += city->gone_version > 0;
		if (city->restoring &&
		    (city == who || sim->linked[i][who->number]))
			return false;
	}
	return gone < sim->plan.gone_most && who->gone_version == 0 &&
	       who->number != sim->plan.liar;
}

/* Its last messages may still be on their way, and so is the roster. */
static void go(struct sim *sim)
{
	struct sim_city *city = &sim->cities[some_city(sim)];

	if (!may_go(sim, city))
		return;
	sim->counts.gone++;
	if (city->up)
		sim_city_crash(city, 0);
	city->gone_version = ++sim->roster_version;
	sim_say(sim, "%u never comes back: roster %" PRIu64, city->number,
		sim->roster_version);
	for (uint32_t i = 0; i < sim->plan.cities; i++)
		sim_schedule(
			sim, sim_random_below(&sim->random, 15 * SIM_SECOND_US),
			(struct sim_event){ .kind = SIM_ROSTER, .city = i });
}

/* The same backup again, or one that is somewhat old. */
static uint32_t some_backup(struct sim *sim, const struct sim_city *city)
{
	uint32_t count = city->store.acknowledged;
	uint32_t oldest = count > FOUNDED_BLOCKS + RESTORE_BLOCKS_MAX
				  ? count - RESTORE_BLOCKS_MAX
				  : FOUNDED_BLOCKS;

	if (city->backup > 0 && sim_chance(&sim->random, 500))
		return city->backup;
	return (uint32_t)sim_random_between(&sim->random, oldest, count - 1);
}

static void restore(struct sim *sim)
{
	struct sim_city *city = &sim->cities[some_city(sim)];

	if (!city->up || city->store.acknowledged <= FOUNDED_BLOCKS ||
	    !may_restore(sim, city))
		return;
	city->backup = some_backup(sim, city);
	sim->counts.restores++;
	city->restored_ever = city->restoring = true;
	sim_city_crash(city, city->store.acknowledged - city->backup);
	restart_after(city);
}

static void heal_after(struct sim *sim, uint32_t city, uint32_t other)
{
	uint64_t after_us = sim_chance(&sim->random, 200) ? 30 * SIM_SECOND_US
							  : 4 * SIM_SECOND_US;

	sim_schedule(sim, sim_random_between(&sim->random, 10000, after_us),
		     (struct sim_event){
			     .kind = SIM_HEAL, .city = city, .other = other });
}

/* One way or both; the connections may live through it. */
static void part(struct sim *sim)
{
	uint32_t a = some_city(sim), b = some_city(sim);

	if (a == b || !sim->linked[a][b])
		return;
	sim->counts.partitions++;
	sim->cut[a][b] = true;
	if (sim_chance(&sim->random, 500))
		sim->cut[b][a] = true;
	sim_say(sim, "messages from %u to %u are lost%s", a, b,
		sim->cut[b][a] ? ", and back" : "");
	if (sim->cities[a].up && sim_chance(&sim->random, 500))
		sim_net_disconnect(&sim->cities[a], b);
	heal_after(sim, a, b);
}

static void stall(struct sim *sim)
{
	struct sim_city *city = &sim->cities[some_city(sim)];

	if (!city->up || city->stalled)
		return;
	city->stalled = true;
	sim_say(sim, "the database of %u stalls", city->number);
	heal_after(sim, city->number, SIM_NONE);
}

static void turn_clock(struct sim *sim)
{
	struct sim_city *city = &sim->cities[some_city(sim)];
	uint64_t most = sim_chance(&sim->random, 200) ? 50 : 3;
	uint64_t step = sim_random_below(&sim->random, most * SIM_SECOND_US);

	city->clock_us =
		sim_chance(&sim->random, 500) ? (int64_t)step : -(int64_t)step;
	sim_say(sim, "the clock of %u is %lld us ahead", city->number,
		(long long)city->clock_us);
}

static void cut_connection(struct sim *sim)
{
	uint32_t a = some_city(sim), b = some_city(sim);

	if (a != b && sim->cities[a].up)
		sim_net_disconnect(&sim->cities[a], b);
}

static enum sim_fault_kind some_fault(struct sim *sim)
{
	const uint32_t *faults = sim->plan.faults;
	uint32_t sum = 0, kind = 0;
	uint64_t dice;

	for (uint32_t i = 0; i < SIM_FAULT_KINDS; i++)
		sum += faults[i];
	dice = sim_random_below(&sim->random, sum);
	while (dice >= faults[kind])
		dice -= faults[kind++];
	return (enum sim_fault_kind)kind;
}

void sim_fault(struct sim *sim)
{
	if (sim->quiet)
		return;
	switch (some_fault(sim)) {
	case SIM_FAULT_CRASH:
		crash(sim);
		break;
	case SIM_FAULT_RESTORE:
		restore(sim);
		break;
	case SIM_FAULT_PARTITION:
		part(sim);
		break;
	case SIM_FAULT_STALL:
		stall(sim);
		break;
	case SIM_FAULT_CLOCK:
		turn_clock(sim);
		break;
	case SIM_FAULT_CONNECTION:
		cut_connection(sim);
		break;
	case SIM_FAULT_GONE:
		go(sim);
		break;
	}
	fault_after(sim);
}

void sim_fault_heal(struct sim *sim, uint32_t number, uint32_t other)
{
	struct sim_city *city = &sim->cities[number];

	if (other != SIM_NONE) {
		sim->cut[number][other] = sim->cut[other][number] = false;
		return;
	}
	if (!city->stalled)
		return;
	city->stalled = false;
	sim_say(sim, "the database of %u answers again", number);
	if (city->up)
		sim_city_commit(city);
}

void sim_fault_mend(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		struct sim_city *city = &sim->cities[i];

		for (uint32_t j = 0; j < sim->plan.cities; j++)
			sim->cut[i][j] = false;
		if (city->gone_version > 0)
			continue;
		sim_city_reload(city);
		if (!city->up)
			sim_city_start(city);
		else
			sim_fault_heal(sim, i, SIM_NONE);
	}
}
