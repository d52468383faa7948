/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_audit.h"

#include <string.h>
#include <sys/mman.h>

#include "sim/sim_check.h"
#include "sim/sim_city.h"

static bool is_honest(const struct sim *sim, uint32_t city)
{
	return city != sim->plan.liar;
}

/* The whole journal, applied to nothing, gives the state that lives. */
static void audit_replay(struct sim_city *city)
{
	struct ledger_options options = city->ledger.options;
	size_t size = ledger_memory_size(&options);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	static struct ledger again;
	bool same;

	check(memory != MAP_FAILED);
	ledger_init(&again, &options, memory);
	sim_city_replay(city, &again, false);
	same = sim_city_state(&again) == sim_city_state(&city->ledger);
	check(munmap(memory, size) == 0);
	if (!same)
		sim_fail(city->sim, "city %u replays to another state at last",
			 city->number);
}

static int64_t *net_of(struct sim_city *city, struct sim_payment *payment,
		       uint32_t account_id)
{
	const struct account *account =
		ledger_account(&city->ledger, account_id);
	struct sim_leg *leg = &payment->legs[city->number];
	struct slice local = account_local(account);
	uint32_t other;

	if (!slice_starts_with(local, SLICE("link/")))
		return &leg->net_coop;
	other = sim_city_of(city->sim, slice_from(local, 5));
	for (uint32_t i = 1; i < payment->path_count; i++) {
		if (payment->path[i] == city->number &&
		    payment->path[i - 1] == other)
			return &leg->net_in;
	}
	return &leg->net_out;
}

static void audit_entry(struct sim_city *city, const struct entry *entry)
{
	struct sim_payment *payment;
	struct id id;

	if (!entry->has_reference ||
	    (entry->kind != ENTRY_TRANSFER && entry->kind != ENTRY_POST))
		return;
	memcpy(id.bytes, entry->reference, ID_SIZE);
	payment = sim_check_find(city->sim, &id);
	if (payment == NULL)
		return;
	*net_of(city, payment, entry->debit) -= money_minor(entry->amount);
	*net_of(city, payment, entry->credit) += money_minor(entry->amount);
}

static void audit_block(struct sim_city *city, const struct sim_block *stored,
			const struct block *block, void *context)
{
	(void)stored;
	(void)context;
	for (uint32_t i = 0; i < block->entry_count; i++)
		audit_entry(city, &block->entries[i]);
}

/* Once, whole, and from the right account to the right one. */
static void audit_nets(struct sim *sim, const struct sim_payment *payment,
		       uint32_t at, bool posted)
{
	const struct sim_leg *leg = &payment->legs[payment->path[at]];
	int64_t amount = posted ? (int64_t)payment->amount_minor : 0;
	bool origin = at == 0, decider = at + 1 == payment->path_count;
	int64_t coop = origin ? -amount : decider ? amount : 0;

	if (leg->net_coop != coop || leg->net_in != (origin ? 0 : -amount) ||
	    leg->net_out != (decider ? 0 : amount))
		sim_fail(sim,
			 "payment %08x of %lld, %s, moved %lld in, %lld out, "
			 "%lld here at city %u",
			 sim_id_short(&payment->id),
			 (long long)payment->amount_minor,
			 posted ? "posted" : "not posted",
			 (long long)leg->net_in, (long long)leg->net_out,
			 (long long)leg->net_coop, payment->path[at]);
}

static bool posted_at(const struct sim_payment *payment, uint32_t at)
{
	const struct sim_leg *leg = &payment->legs[payment->path[at]];
	bool origin = at == 0, decider = at + 1 == payment->path_count;

	return (origin || leg->in_state == LEG_POSTED) &&
	       (decider || leg->out_state == LEG_POSTED);
}

/* The last city of the path that is there; path_count: none. */
static uint32_t last_there(const struct sim *sim,
			   const struct sim_payment *payment)
{
	for (uint32_t i = payment->path_count; i > 0; i--) {
		if (sim->cities[payment->path[i - 1]].gone_version == 0)
			return i - 1;
	}
	return payment->path_count;
}

/* As the last city says that is there. */
static bool is_posted(const struct sim *sim, const struct sim_payment *payment)
{
	uint32_t last = last_there(sim, payment);

	return last < payment->path_count && posted_at(payment, last);
}

/* A liar on the way cannot post what an honest decider has not. */
static void audit_proven(struct sim *sim, const struct sim_payment *payment)
{
	uint32_t decider = payment->path_count - 1;

	if (sim->cities[payment->path[decider]].gone_version > 0 ||
	    !is_honest(sim, payment->path[decider]) ||
	    posted_at(payment, decider))
		return;
	for (uint32_t i = 0; i < decider; i++) {
		if (is_honest(sim, payment->path[i]) &&
		    sim->cities[payment->path[i]].gone_version == 0 &&
		    posted_at(payment, i))
			sim_fail(sim,
				 "payment %08x is posted at city %u, and its "
				 "decider never settled",
				 sim_id_short(&payment->id), payment->path[i]);
	}
}

static void audit_payment(struct sim *sim, const struct sim_payment *payment)
{
	bool posted;

	if (payment->through_liar) {
		audit_proven(sim, payment);
		return;
	}
	posted = is_posted(sim, payment);
	for (uint32_t i = 0; i < payment->path_count; i++) {
		if (sim->cities[payment->path[i]].gone_version > 0)
			continue;
		if (posted_at(payment, i) != posted)
			sim_fail(sim,
				 "payment %08x is %sposted at city %u, not so "
				 "at its decider",
				 sim_id_short(&payment->id),
				 posted ? "not " : "", payment->path[i]);
		/* What two of one id moved cannot be told apart. */
		if (!payment->again)
			audit_nets(sim, payment, i, posted);
	}
}

/* Of payments with one id at most one is posted. */
static void audit_again(struct sim *sim, const struct sim_payment *payment)
{
	uint32_t posted = 0;

	for (uint32_t i = 0; i < sim->payment_count && payment->again; i++) {
		const struct sim_payment *other = &sim->payments[i];

		posted += id_equal(&other->id, &payment->id) &&
			  is_posted(sim, other);
	}
	if (posted > 1)
		sim_fail(sim, "payment %08x is posted %u times",
			 sim_id_short(&payment->id), posted);
}

static void audit_pair(struct sim *sim, uint32_t a, uint32_t b)
{
	const struct sim_city *left = &sim->cities[a], *right = &sim->cities[b];
	const struct link *there =
		links_at(&left->ledger.links, sim_city_link(left, b));
	const struct link *back =
		links_at(&right->ledger.links, sim_city_link(right, a));
	int64_t owes = money_minor(
		account_balance(ledger_account(&left->ledger, there->account)));
	int64_t owed = money_minor(
		account_balance(ledger_account(&right->ledger, back->account)));

	if (memcmp(there->out.head, back->in.head, SHA256_SIZE) != 0 ||
	    memcmp(there->in.head, back->out.head, SHA256_SIZE) != 0)
		sim_fail(sim, "cities %u and %u do not have the same logs", a,
			 b);
	if (owes != -owed)
		sim_fail(sim, "city %u says %lld, city %u says %lld", a,
			 (long long)owes, b, (long long)owed);
}

/*
 * What is owed between a city and one that is GONE is the sum of what was
 * posted between the two, in the logs or after they had ended (rule PEER-44).
 */
static void audit_estate(struct sim *sim, uint32_t here, uint32_t gone)
{
	const struct sim_city *city = &sim->cities[here];
	const struct link *link =
		links_at(&city->ledger.links, sim_city_link(city, gone));
	int64_t owed = 0;

	for (uint32_t i = 0; i < sim->payment_count; i++) {
		const struct sim_payment *payment = &sim->payments[i];
		const struct sim_leg *leg = &payment->legs[here];
		int64_t amount = (int64_t)payment->amount_minor;

		for (uint32_t k = 1; k < payment->path_count; k++) {
			if (payment->path[k - 1] == gone &&
			    payment->path[k] == here &&
			    leg->in_state == LEG_POSTED)
				owed += amount;
			if (payment->path[k - 1] == here &&
			    payment->path[k] == gone &&
			    leg->out_state == LEG_POSTED)
				owed -= amount;
		}
	}
	/* What a liar has to answer may stay open for ever. */
	if (!link->gone ||
	    (sim->plan.liar == SIM_NONE &&
	     link->pending_in_count + link->pending_out_count > 0))
		sim_fail(sim, "city %u has legs open with %u, which is GONE",
			 here, gone);
	if (link_owed_minor(link) != owed)
		sim_fail(sim,
			 "city %u claims %lld of the estate of %u: its "
			 "payments say %lld",
			 here, (long long)link_owed_minor(link), gone,
			 (long long)owed);
}

/* Both ways: one of the two, or neither, is GONE. */
static void audit_link(struct sim *sim, uint32_t a, uint32_t b)
{
	bool a_gone = sim->cities[a].gone_version > 0;
	bool b_gone = sim->cities[b].gone_version > 0;

	if (!a_gone && !b_gone)
		audit_pair(sim, a, b);
	else if (!a_gone)
		audit_estate(sim, a, b);
	else if (!b_gone)
		audit_estate(sim, b, a);
}

static bool any_posted(const struct sim *sim, const struct id *parent)
{
	for (uint32_t i = 0; i < sim->payment_count; i++) {
		const struct sim_payment *payment = &sim->payments[i];

		if ((id_equal(&payment->parent, parent) ||
		     id_equal(&payment->id, parent)) &&
		    is_posted(sim, payment))
			return true;
	}
	return false;
}

/* What was told to a client is so. */
static void audit_command(struct sim *sim, const struct sim_command *command)
{
	const struct sim_city *city = &sim->cities[command->city];
	const struct sim_payment *payment;

	if (command->acknowledged && !city->restored_ever &&
	    idwindow_find(&city->ledger.ids, &command->id) == NULL &&
	    id_time_ms(&command->id) * 1000 > city->ledger.ids.start_us)
		sim_fail(sim,
			 "command %08x of city %u was acknowledged and "
			 "is not known",
			 sim_id_short(&command->id), command->city);
	if (!command->pays || !command->ended)
		return;
	payment = sim_check_find(sim, &command->final);
	check(payment != NULL);
	if (payment->through_liar ||
	    last_there(sim, payment) == payment->path_count)
		return;
	if (any_posted(sim, &command->id) != command->posted)
		sim_fail(sim, "the client of %08x was told that it is %sposted",
			 sim_id_short(&command->id),
			 command->posted ? "" : "not ");
}

void sim_audit(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		/* What stood in its memory is of no use any more. */
		if (sim->cities[i].gone_version > 0)
			continue;
		audit_replay(&sim->cities[i]);
		sim_city_each_block(&sim->cities[i], audit_block, NULL);
	}
	for (uint32_t i = 0; i < sim->payment_count; i++) {
		audit_payment(sim, &sim->payments[i]);
		audit_again(sim, &sim->payments[i]);
	}
	for (uint32_t i = 0; i < sim->command_count; i++)
		audit_command(sim, &sim->commands[i]);
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (sim->linked[i][j] && is_honest(sim, i) &&
			    is_honest(sim, j))
				audit_link(sim, i, j);
		}
	}
}
