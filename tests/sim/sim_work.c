/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_work.h"

#include <stdio.h>
#include <string.h>

#include "sim/sim_city.h"
#include "sim/sim_roster.h"

static struct sim_random *chance_of(struct sim_city *city)
{
	return &city->sim->random;
}

static struct caller caller_of(const struct sim_city *city)
{
	struct slice uri = slice_of(city->gateway, city->gateway_size);

	return (struct caller){ .uri = uri, .base = uri };
}

/* By the client's own clock, which is not the node's. */
static struct id fresh_id(struct sim_city *city)
{
	uint8_t random[ID_TAIL_SIZE];

	sim_random_fill(chance_of(city), random, sizeof(random));
	return id_make(sim_city_now(city), random);
}

static struct slice id_slice(const struct id *id)
{
	return slice_of(id->bytes, ID_SIZE);
}

static struct sim_command *new_command(struct sim_city *city)
{
	struct sim *sim = city->sim;

	sim->commands =
		sim_grow(sim->commands, sim->command_count,
			 &sim->command_capacity, sizeof(*sim->commands));
	sim->commands[sim->command_count] =
		(struct sim_command){ .id = fresh_id(city),
				      .city = city->number };
	return &sim->commands[sim->command_count++];
}

/* The client hears once the block is durable. */
static void heard(struct sim_city *city, const struct sim_command *command,
		  const struct answer *answer)
{
	if (answer->refusal != 0)
		return;
	sim_city_wait(city, (struct sim_waiting){
				    .seq = sim_city_newest(city),
				    .command = (uint32_t)(command -
							  city->sim->commands),
			    });
}

/* The account of coop @number here, or 0: a crash may have taken it. */
static uint32_t account_of(const struct sim_city *city, uint32_t number)
{
	uint8_t local[2] = { 'c', (uint8_t)('0' + number) };
	const struct account *account = ledger_account_at(
		&city->ledger, slice_of(local, sizeof(local)));

	return account == NULL ? 0 : account->id;
}

static uint32_t some_account(struct sim_city *city)
{
	return account_of(
		city, (uint32_t)sim_random_below(chance_of(city), SIM_COOPS));
}

/* The first coop that has no account; SIM_COOPS: all have one. */
static uint32_t missing(const struct sim_city *city)
{
	uint32_t number = 0;

	while (number < SIM_COOPS && account_of(city, number) != 0)
		number++;
	return number;
}

static void open_account(struct sim_city *city)
{
	static const int64_t limits[] = { 0, 1000, 5000, 100000 };
	static const int64_t ceilings[] = { 500, 5000, 100000, 10000000 };
	struct caller caller = caller_of(city);
	struct sim_command *command = new_command(city);
	uint8_t address[64];
	struct recorder recorder;
	struct answer answer;
	int size = snprintf((char *)address, sizeof(address), "c%u@%.*s",
			    missing(city), (int)city->name.size,
			    (const char *)city->name.data);

	if (!sim_city_open(city, 1, 2, 0, &recorder))
		return;
	record_open_account(
		&recorder,
		&(struct open_account_command){
			.id = id_slice(&command->id),
			.address = slice_of(address, (size_t)size),
			.credit_limit_minor =
				limits[sim_random_below(chance_of(city), 4)],
			.balance_ceiling_minor =
				ceilings[sim_random_below(chance_of(city), 4)],
			.gateway_allowed = true,
		},
		&caller, sim_city_now(city), &answer);
	check(answer.refusal == 0);
	heard(city, command, &answer);
}

static int64_t some_amount(struct sim_city *city)
{
	static const uint64_t most[] = { 5, 100, 1000, 6000 };

	return (int64_t)sim_random_between(
		chance_of(city), 1, most[sim_random_below(chance_of(city), 4)]);
}

static void transfer(struct sim_city *city)
{
	struct caller caller = caller_of(city);
	struct sim_command *command = new_command(city);
	struct transfer_command transfer = {
		.id = id_slice(&command->id),
		.debit = { .id = some_account(city) },
		.credit = { .id = some_account(city) },
		.amount_minor = some_amount(city),
	};
	struct recorder recorder;
	struct answer answer;

	if (!sim_city_open(city, 1, 1, 0, &recorder))
		return;
	record_transfers(&recorder, &transfer, 1, &caller, sim_city_now(city),
			 &answer);
	heard(city, command, &answer);
}

static void place_hold(struct sim_city *city)
{
	struct caller caller = caller_of(city);
	struct sim_command *command = new_command(city);
	uint64_t now_us = sim_city_now(city);
	struct place_hold_command hold = {
		.transfer = { .id = id_slice(&command->id),
			      .debit = { .id = some_account(city) },
			      .credit = { .id = some_account(city) },
			      .amount_minor = some_amount(city) },
		.expires_at_us =
			now_us + sim_random_between(chance_of(city),
						    SIM_SECOND_US,
						    40 * SIM_SECOND_US),
	};
	struct recorder recorder;
	struct answer answer;

	if (!sim_city_open(city, 1, 2, 0, &recorder))
		return;
	record_place_hold(&recorder, &hold, &caller, now_us, &answer);
	heard(city, command, &answer);
}

/* An account's command; what may leave it outside its limits is excused. */
static void account_command(struct sim_city *city)
{
	static const enum account_command_kind kinds[] = {
		ACCOUNT_COMMAND_SET_LIMITS, ACCOUNT_COMMAND_SET_LIMITS,
		ACCOUNT_COMMAND_FREEZE,	    ACCOUNT_COMMAND_UNFREEZE,
		ACCOUNT_COMMAND_UNFREEZE,   ACCOUNT_COMMAND_CLOSE,
	};
	struct caller caller = caller_of(city);
	struct sim_command *command = new_command(city);
	enum account_command_kind kind =
		kinds[sim_random_below(chance_of(city), 6)];
	uint32_t account = some_account(city);
	struct account_command order = {
		.id = id_slice(&command->id),
		.account = { .id = account },
		.reason = SLICE("the council said so"),
		.credit_limit_minor =
			(int64_t)sim_random_below(chance_of(city), 8000),
		.balance_ceiling_minor =
			(int64_t)sim_random_below(chance_of(city), 80000),
	};
	struct recorder recorder;
	struct answer answer;

	if (!sim_city_open(city, 1, 2, 0, &recorder))
		return;
	record_account_command(&recorder, kind, &order, &caller,
			       sim_city_now(city), &answer);
	if (answer.refusal == 0 && kind == ACCOUNT_COMMAND_SET_LIMITS)
		city->excused[account - 1] = true;
	heard(city, command, &answer);
}

static void note_line(struct sim_city *city, uint32_t other, int64_t line)
{
	uint64_t *highest = &city->sim->line_highest[city->number][other];

	if ((uint64_t)line > *highest)
		*highest = (uint64_t)line;
}

static uint32_t some_neighbour(struct sim_city *city)
{
	uint32_t other;

	do {
		other = (uint32_t)sim_random_below(chance_of(city),
						   city->sim->plan.cities);
	} while (!city->sim->linked[city->number][other]);
	return other;
}

static void link_command(struct sim_city *city)
{
	static const enum link_command_kind kinds[] = {
		LINK_SET_LINE, LINK_SET_LINE, LINK_SET_LINE,
		LINK_FREEZE,   LINK_UNFREEZE, LINK_UNFREEZE,
		LINK_PAUSE,    LINK_RESUME,   LINK_RESUME,
	};
	struct caller caller = caller_of(city);
	struct sim_command *command = new_command(city);
	enum link_command_kind kind =
		kinds[sim_random_below(chance_of(city), 9)];
	uint32_t other = some_neighbour(city);
	struct link_command order = {
		.id = id_slice(&command->id),
		.city = city->sim->cities[other].name,
		.reason = SLICE("the council said so"),
		.line_minor = (int64_t)sim_random_below(
			chance_of(city), city->sim->plan.line_most > 0
						 ? city->sim->plan.line_most
						 : 12000),
	};
	struct answer answer;

	peer_command(&city->peer, kind, &order, &caller, sim_city_now(city),
		     &answer);
	sim_say(city->sim, "%u: link command %u about %u line %lld: %u",
		city->number, kind, other, (long long)order.line_minor,
		answer.refusal);
	if (answer.refusal == 0 && kind == LINK_SET_LINE)
		note_line(city, other, order.line_minor);
	heard(city, command, &answer);
}

static void lock_payment(struct sim_city *city, struct sim_command *command)
{
	command->locked = true;
	command->decide_by_us =
		(int64_t)(sim_city_now(city) + 30 * SIM_SECOND_US);
	sim_random_fill(chance_of(city), command->key, sizeof(command->key));
}

/* The same order, given for the first time or again. */
static void give_pay_order(struct sim_city *city, struct sim_command *command)
{
	struct sim *sim = city->sim;
	struct caller caller = caller_of(city);
	uint8_t payee[64], lock[SHA256_SIZE];
	struct pay_command order = {
		.id = id_slice(&command->id),
		.payer = { .id = command->payer },
		.amount_minor = command->amount_minor,
		.reference = SLICE("invoice 7"),
	};
	struct slice there = sim->cities[command->payee_city].name;
	struct answer answer;
	int size = snprintf((char *)payee, sizeof(payee), "c%u@%.*s",
			    command->payee, (int)there.size,
			    (const char *)there.data);

	order.payee = slice_of(payee, (size_t)size);
	if (command->locked) {
		sim_roster_hash(sim)(slice_of(command->key, LINKLOG_LOCK_SIZE),
				     lock);
		order.lock = slice_of(lock, sizeof(lock));
		order.decide_by_us = command->decide_by_us;
	}
	peer_pay(&city->peer, &order, &caller, sim_city_now(city), &answer);
	sim_say(sim, "%u: pay %08x: %lld to c%u of %u%s: %s%u", city->number,
		sim_id_short(&command->id), (long long)command->amount_minor,
		command->payee, command->payee_city,
		command->locked ? " locked" : "",
		answer.recorded ? "recorded " : "refusal ", answer.refusal);
	heard(city, command, &answer);
}

static void pay(struct sim_city *city)
{
	struct sim *sim = city->sim;
	struct sim_command *command;
	uint32_t to =
		(uint32_t)sim_random_below(chance_of(city), sim->plan.cities);

	if (to == city->number)
		return;
	command = new_command(city);
	command->pays = true;
	command->payer = some_account(city);
	command->payee_city = to;
	/* Now and then to nobody. */
	command->payee =
		(uint32_t)sim_random_below(chance_of(city), SIM_COOPS + 1);
	command->amount_minor = some_amount(city);
	if (sim_chance(chance_of(city), 80))
		lock_payment(city, command);
	give_pay_order(city, command);
	if (command->locked && sim_chance(chance_of(city), 750))
		sim_schedule(
			sim,
			sim_random_between(chance_of(city), 100000,
					   25 * SIM_SECOND_US),
			(struct sim_event){
				.kind = SIM_REVEAL,
				.city = to,
				.run = sim->cities[to].run,
				.other = (uint32_t)(command - sim->commands),
			});
}

/* Unsure clients send the same order again, perhaps to a new process. */
static void pay_again(struct sim_city *city)
{
	struct sim *sim = city->sim;
	struct sim_command *command;

	if (sim->command_count == 0)
		return;
	command = &sim->commands[sim_random_below(chance_of(city),
						  sim->command_count)];
	if (command->pays && !command->ended && command->city == city->number)
		give_pay_order(city, command);
}

static bool cancel(struct sim_city *city, const struct sim_command *command,
		   const struct sim_payment *payment)
{
	return peer_cancel(&city->peer, city->sim->cities[command->city].name,
			   &payment->id,
			   slice_of(payment->terms_hash, SHA256_SIZE),
			   sim_city_now(city));
}

void sim_work_reveal(struct sim_city *city, uint32_t number)
{
	struct sim *sim = city->sim;
	const struct sim_command *command = &sim->commands[number];
	struct slice key = slice_of(command->key, LINKLOG_LOCK_SIZE);
	/* Some think better of it (rule PEER-37). */
	bool cancels = command->key[0] % 4 == 0;
	bool done = false;

	/* The payee knows the order; which attempt reached it, its city. */
	for (uint32_t i = 0; i < sim->payment_count && !done; i++) {
		const struct sim_payment *payment = &sim->payments[i];

		if (!id_equal(&payment->parent, &command->id))
			continue;
		done = cancels ? cancel(city, command, payment)
			       : peer_reveal(&city->peer, &payment->id, key,
					     sim_city_now(city));
	}
	sim_say(sim, "%u: %s %08x: %s", city->number,
		cancels ? "cancel" : "key to", sim_id_short(&command->id),
		done ? "done" : "no use");
	sim_city_turn(city);
}

static void one_command(struct sim_city *city)
{
	const struct sim_plan *plan = &city->sim->plan;
	uint64_t dice = sim_random_below(chance_of(city), 100);

	if (missing(city) < SIM_COOPS)
		open_account(city);
	else if (dice < 8)
		transfer(city);
	else if (dice < 13)
		place_hold(city);
	else if (dice < 18 && plan->accounts_commanded)
		account_command(city);
	else if (dice < 24 && plan->links_commanded)
		link_command(city);
	else if (dice < 28)
		pay_again(city);
	else if (dice < 29)
		peer_ask_again(&city->peer, 1);
	else
		pay(city);
}

static void work_after(struct sim_city *city, uint64_t after_us)
{
	sim_schedule(
		city->sim, after_us,
		(struct sim_event){ .kind = SIM_WORK, .city = city->number });
}

void sim_work(struct sim_city *city)
{
	struct sim *sim = city->sim;

	if (sim->quiet)
		return;
	if (city->up) {
		/* Often several at once: they share a block and a batch. */
		do {
			one_command(city);
		} while (sim_chance(chance_of(city), 500));
		sim_city_turn(city);
	}
	work_after(city, sim_random_between(chance_of(city), 1,
					    2 * sim->plan.work_us));
}

void sim_work_begin(struct sim_city *city)
{
	work_after(city, sim_random_below(chance_of(city), SIM_SECOND_US));
}
