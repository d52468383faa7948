/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_check.h"

#include <string.h>

#include "sim/sim_city.h"

static int64_t balance_of(const struct account *account)
{
	return money_minor(account_balance(account));
}

static void check_sums(struct sim_city *city)
{
	const struct ledger *ledger = &city->ledger;
	int64_t sum = 0, pending = 0;

	for (uint32_t i = 0; i < ledger->account_count; i++) {
		const struct account *account = &ledger->accounts[i];

		sum += balance_of(account);
		pending += money_minor(account->debits_pending) -
			   money_minor(account->credits_pending);
	}
	if (sum != 0 || pending != 0)
		sim_fail(city->sim,
			 "sums of city %u: balances %lld, pending %lld",
			 city->number, (long long)sum, (long long)pending);
}

/* What came back from neighbours' logs was not asked of any limit. */
static void check_limits(struct sim_city *city)
{
	const struct ledger *ledger = &city->ledger;

	for (uint32_t i = 0; i < ledger->account_count; i++) {
		const struct account *account = &ledger->accounts[i];
		int64_t balance = balance_of(account);

		if (!account_is_coop(account) || city->excused[i] ||
		    city->restored_ever)
			continue;
		if (balance - money_minor(account->debits_pending) <
			    -money_minor(account->credit_limit) ||
		    balance + money_minor(account->credits_pending) >
			    money_minor(account->balance_ceiling))
			sim_fail(
				city->sim,
				"account %u of city %u passes its limits: %lld",
				account->id, city->number, (long long)balance);
	}
}

/* What a city's open payments say about each of its links. */
struct open_sums {
	uint64_t in_minor, out_minor;
	int64_t booked_minor; /* in the books, not in the logs */
};

/* The link before this city in the path, or behind it. */
static uint32_t link_beside(const struct sim_city *city,
			    const struct payment *payment, bool before)
{
	struct payment_terms terms;
	uint32_t at = 0, beside;

	if (linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK)
		return 0;
	while (at < terms.path_count &&
	       !slice_equal(terms.path[at], city->name))
		at++;
	if (at == terms.path_count || (before && at == 0) ||
	    (!before && at + 1 == terms.path_count))
		return 0;
	beside = sim_city_of(city->sim, terms.path[before ? at - 1 : at + 1]);
	return sim_city_link(city, beside);
}

/*
 * Is the way in answered for good?  A Release that a restored city still has
 * may have been withdrawn since; it says so when it has spoken with that
 * neighbour again.
 */
static bool is_answered(const struct sim_city *city,
			const struct payment *payment)
{
	return payment->in_answered &&
	       (payment->in_state == LEG_POSTED ||
		peer_session_of(&city->peer, payment->in_link)->state ==
			PEER_RECONCILED);
}

/* While a city recovers, one of a payment's legs may not be back yet. */
static void add_booked(const struct sim_city *city,
		       const struct payment *payment,
		       struct open_sums sums[SIM_LINKS_MAX + 1])
{
	int64_t amount = (int64_t)payment->amount_minor;
	uint32_t in = payment->in_link, out = payment->out_link;

	if (!payment->booked)
		return;
	if (in == LINK_NONE)
		in = link_beside(city, payment, true);
	if (out == LINK_NONE)
		out = link_beside(city, payment, false);
	if (!is_answered(city, payment))
		sums[in].booked_minor -= amount;
	if (payment->out_state != LEG_POSTED)
		sums[out].booked_minor += amount;
}

static void add_payment(const struct sim_city *city,
			const struct payment *payment,
			struct open_sums sums[SIM_LINKS_MAX + 1])
{
	if (payment->in_link != LINK_NONE && !payment->in_answered)
		sums[payment->in_link].in_minor += payment->amount_minor;
	if (payment->out_state == LEG_PENDING)
		sums[payment->out_link].out_minor += payment->amount_minor;
	add_booked(city, payment, sums);
}

static void check_link(struct sim_city *city, const struct link *link,
		       const struct open_sums *sums)
{
	struct sim *sim = city->sim;
	uint32_t other = sim_city_of(sim, link_city(link));
	const struct account *account =
		ledger_account(&city->ledger, link->account);
	int64_t expected = (int64_t)link->in.settled_minor -
			   (int64_t)link->open.settled_minor -
			   link->estate_minor + sums->booked_minor;

	if (link->estate_minor != 0 && !link->gone)
		sim_fail(sim, "city %u has claims on %u, which is there",
			 city->number, other);

	if (sums->in_minor != link->pending_in_minor ||
	    sums->out_minor != link->pending_out_minor)
		sim_fail(sim, "what is pending on link %u of city %u is wrong",
			 link->number, city->number);
	if (balance_of(account) != expected)
		sim_fail(sim,
			 "city %u books %lld for city %u, its logs say %lld",
			 city->number, (long long)balance_of(account), other,
			 (long long)expected);
	if (link_owed_minor(link) >
	    (int64_t)sim->line_highest[city->number][other])
		sim_fail(sim, "city %u is owed %lld by city %u: line %lld",
			 city->number, (long long)link_owed_minor(link), other,
			 (long long)sim->line_highest[city->number][other]);
}

void sim_check_city(struct sim_city *city)
{
	const struct links *links = &city->ledger.links;
	struct open_sums sums[SIM_LINKS_MAX + 1] = { 0 };

	check_sums(city);
	check_limits(city);
	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL)
			add_payment(city, payment, sums);
	}
	for (uint32_t i = 1; i <= links->link_count; i++)
		check_link(city, links_at(links, i), &sums[i]);
}

static uint32_t place_of(const struct sim *sim, const struct id *id)
{
	return sim_id_short(id) & (sim->place_count - 1);
}

struct sim_payment *sim_check_find(struct sim *sim, const struct id *id)
{
	uint32_t place = place_of(sim, id);

	while (sim->payment_places[place] != 0) {
		uint32_t number = sim->payment_places[place] - 1;

		if (id_equal(&sim->payments[number].id, id))
			return &sim->payments[number];
		place = (place + 1) & (sim->place_count - 1);
	}
	return NULL;
}

static void learn_terms(struct sim *sim, const struct payment *payment,
			struct sim_payment *seen)
{
	struct payment_terms terms;

	check(linklog_terms(payment_terms_of(payment), &terms) == LINKLOG_OK);
	for (uint32_t i = 0; i < terms.path_count; i++) {
		seen->path[i] = sim_city_of(sim, terms.path[i]);
		seen->through_liar |= seen->path[i] == sim->plan.liar;
	}
	seen->path_count = terms.path_count;
	seen->amount_minor = terms.amount_minor;
}

/*
 * The same id may travel two ways, when a restored city was given the order
 * again; each is a payment of its own here.
 */
static struct sim_payment *find_or_make(struct sim *sim,
					const struct payment *payment)
{
	uint32_t place = place_of(sim, &payment->id), number;
	struct sim_payment *seen;
	bool again = false;

	while (sim->payment_places[place] != 0) {
		seen = &sim->payments[sim->payment_places[place] - 1];
		if (id_equal(&seen->id, &payment->id)) {
			if (memcmp(seen->terms_hash, payment->terms_hash,
				   SHA256_SIZE) == 0)
				return seen;
			seen->again = again = true;
		}
		place = (place + 1) & (sim->place_count - 1);
	}
	number = sim->payment_count;
	check(number < sim->place_count / 2);
	sim->payments = sim_grow(sim->payments, number, &sim->payment_capacity,
				 sizeof(*sim->payments));
	seen = &sim->payments[number];
	*seen = (struct sim_payment){ .id = payment->id, .again = again };
	memcpy(seen->terms_hash, payment->terms_hash, SHA256_SIZE);
	learn_terms(sim, payment, seen);
	sim->payment_places[place] = ++sim->payment_count;
	return seen;
}

static bool is_posted(const struct sim_leg *leg)
{
	return leg->in_state == LEG_POSTED || leg->out_state == LEG_POSTED;
}

static bool is_voided(const struct sim_leg *leg)
{
	return leg->in_state == LEG_VOIDED || leg->out_state == LEG_VOIDED;
}

/* Posted at one honest city and voided at another: never, for no moment. */
static void check_agreement(struct sim *sim, const struct sim_payment *payment)
{
	uint32_t posted = SIM_NONE, voided = SIM_NONE;

	if (payment->through_liar)
		return;
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		/* What an old backup says is not its last word. */
		if (sim->cities[i].restoring)
			continue;
		if (is_posted(&payment->legs[i]))
			posted = i;
		if (is_voided(&payment->legs[i]))
			voided = i;
	}
	if (posted != SIM_NONE && voided != SIM_NONE)
		sim_fail(sim,
			 "payment %08x is posted at city %u and voided at %u",
			 sim_id_short(&payment->id), posted, voided);
}

/* (rule PEER-38) by sums made here, not by the engine's own. */
static void check_line(struct sim_city *city, const struct payment *accepted)
{
	const struct links *links = &city->ledger.links;
	const struct link *link = links_at(links, accepted->in_link);
	int64_t exposure = link_owed_minor(link);

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL && payment->in_link == link->number &&
		    !payment->in_answered)
			exposure += (int64_t)payment->amount_minor;
	}
	if (exposure > (int64_t)link->line_minor)
		sim_fail(city->sim,
			 "city %u accepts payment %08x of city %u: %lld over "
			 "line %lld",
			 city->number, sim_id_short(&accepted->id),
			 sim_city_of(city->sim, link_city(link)),
			 (long long)exposure, (long long)link->line_minor);
}

/* (rule PEER-21) What a former life had taken may have used the line. */
static void check_caught_up(struct sim_city *city,
			    const struct payment *accepted)
{
	const struct link *link =
		links_at(&city->ledger.links, accepted->in_link);
	uint32_t author = sim_city_of(city->sim, link_city(link));

	if (link->in.seq < city->sim->taken[author][city->number])
		sim_fail(city->sim,
			 "city %u accepts payment %08x of city %u before it "
			 "has again what it once had",
			 city->number, sim_id_short(&accepted->id), author);
}

/* A leg was accepted now: decided, or forwarded, and not found again. */
static bool is_accepted_now(const struct sim_city *city,
			    const struct payment *payment,
			    const struct sim_leg *before)
{
	if (!city->up || payment->in_link == LINK_NONE || payment->duplicate ||
	    before->in_state != LEG_WAITING ||
	    payment->role == PAYMENT_ORIGIN ||
	    peer_session_of(&city->peer, payment->in_link)->state !=
		    PEER_RECONCILED)
		return false;
	if (payment->role == PAYMENT_DECIDER)
		return payment->in_state == LEG_HELD ||
		       payment->in_state == LEG_POSTED;
	return payment->in_state == LEG_HELD && payment->out_state == LEG_NONE;
}

static void count_end(struct sim *sim, const struct payment *payment,
		      const struct sim_leg *before)
{
	if (payment->role != PAYMENT_ORIGIN || before->out_state != LEG_PENDING)
		return;
	sim->counts.posted += payment->out_state == LEG_POSTED;
	sim->counts.refused += payment->out_state == LEG_VOIDED;
}

void sim_check_payment(struct sim_city *city, const struct payment *payment)
{
	struct sim *sim = city->sim;
	struct sim_payment *seen;
	struct sim_leg *leg, before;

	/* Its books come first, its terms with the promise. */
	if (payment->terms_size == 0)
		return;
	seen = find_or_make(sim, payment);
	leg = &seen->legs[city->number];
	before = *leg;
	if (id_is_zero(&seen->parent))
		seen->parent = payment->parent;
	leg->seen = true;
	leg->role = payment->role;
	leg->in_state = payment->in_state;
	leg->out_state = payment->out_state;
	leg->booked = payment->booked;
	leg->in_answered = payment->in_answered;
	leg->accepted = payment->accepted;
	if (city->up) {
		if (before.out_state == 0 && payment->attempt > 1)
			sim_say(sim, "%u: payment %08x is attempt %u of %08x",
				city->number, sim_id_short(&payment->id),
				payment->attempt,
				sim_id_short(&payment->parent));
		sim_say(sim, "%u: payment %08x in %u out %u%s%s reason %u",
			city->number, sim_id_short(&payment->id),
			payment->in_state, payment->out_state,
			payment->booked ? " booked" : "",
			payment->in_answered ? " answered" : "",
			payment->reason);
		count_end(sim, payment, &before);
	}
	/* A replay passes by what was withdrawn later. */
	if (city->up)
		check_agreement(sim, seen);
	if (is_accepted_now(city, payment, &before)) {
		check_line(city, payment);
		check_caught_up(city, payment);
	}
}

void sim_check_replayed(struct sim_city *city)
{
	const struct sim *sim = city->sim;

	for (uint32_t i = 0; i < sim->payment_count; i++)
		check_agreement(city->sim, &sim->payments[i]);
}

void sim_check_forget(struct sim_city *city)
{
	struct sim *sim = city->sim;

	for (uint32_t i = 0; i < sim->payment_count; i++)
		sim->payments[i].legs[city->number] = (struct sim_leg){ 0 };
}

static uint32_t command_of(const struct sim *sim, const struct id *id)
{
	for (uint32_t i = sim->command_count; i > 0; i--) {
		if (id_equal(&sim->commands[i - 1].id, id))
			return i - 1;
	}
	return SIM_NONE;
}

void sim_check_outcome(struct sim_city *city,
		       const struct peer_outcome *outcome)
{
	uint32_t command = command_of(city->sim, &outcome->parent);

	/* One that was found again does not know its command any more. */
	if (command == SIM_NONE)
		return;
	sim_city_wait(city, (struct sim_waiting){ .seq = outcome->seq,
						  .command = command,
						  .is_outcome = true,
						  .posted = outcome->posted,
						  .id = outcome->id });
}

void sim_check_told(struct sim_city *city, const struct sim_waiting *waiting)
{
	struct sim *sim = city->sim;
	struct sim_command *command = &sim->commands[waiting->command];

	if (!waiting->is_outcome) {
		command->acknowledged = true;
		return;
	}
	sim_say(sim, "%u: the client of %08x hears: %08x is %sposted",
		city->number, sim_id_short(&command->id),
		sim_id_short(&waiting->id), waiting->posted ? "" : "not ");
	if (command->ended && command->posted != waiting->posted &&
	    city->number != sim->plan.liar)
		sim_fail(sim, "the client of %08x was told both ends",
			 sim_id_short(&command->id));
	command->ended = true;
	command->posted = waiting->posted;
	command->final = waiting->id;
}

void sim_check_head(struct sim_city *city, uint32_t link_number,
		    const struct sim_batch *batch)
{
	struct sim *sim = city->sim;
	const struct link *link = links_at(&city->ledger.links, link_number);
	uint32_t author = sim_city_of(sim, link_city(link));
	struct sim_head *head;
	struct link_batch parts;
	uint8_t bytes[SHA256_SIZE];

	if (author == sim->plan.liar || city->number == sim->plan.liar)
		return;
	if (batch->last_seq > sim->taken[author][city->number])
		sim->taken[author][city->number] = batch->last_seq;
	check(linklog_batch(slice_of(batch->bytes, batch->size), &parts) ==
	      LINKLOG_OK);
	linklog_head(parts.header, city->ledger.options.sha256, bytes);
	for (uint32_t i = sim->head_count; i > 0; i--) {
		head = &sim->heads[i - 1];
		if (head->author != author || head->reader != city->number)
			continue;
		if (head->seq < batch->last_seq)
			break;
		if (head->seq > batch->last_seq)
			continue;
		if (memcmp(head->head, bytes, SHA256_SIZE) != 0)
			sim_fail(sim,
				 "city %u wrote two logs for city %u at %u",
				 author, city->number, (uint32_t)head->seq);
		return;
	}
	sim->heads = sim_grow(sim->heads, sim->head_count, &sim->head_capacity,
			      sizeof(*sim->heads));
	head = &sim->heads[sim->head_count++];
	*head = (struct sim_head){ .author = author,
				   .reader = city->number,
				   .seq = batch->last_seq };
	memcpy(head->head, bytes, SHA256_SIZE);
}

static bool with_liar(const struct sim_city *city, uint32_t other)
{
	uint32_t liar = city->sim->plan.liar;

	return liar != SIM_NONE && (city->number == liar || other == liar);
}

void sim_check_alarm(struct sim_city *city, uint32_t other, const char *what)
{
	sim_say(city->sim, "%u: alarm about %u: %s", city->number, other, what);
	if (!with_liar(city, other))
		sim_fail(city->sim, "alarm of city %u about city %u: %s",
			 city->number, other, what);
	city->sim->counts.forks++;
}

void sim_check_answer(struct sim_city *city, uint32_t from, uint32_t answer)
{
	/* Of what was still on its way. */
	if (answer == PEER_WRONG_LINK &&
	    city->sim->cities[from].gone_version > 0)
		return;
	switch ((enum peer_answer)answer) {
	case PEER_TAKEN:
	case PEER_NOT_RECONCILED:
	case PEER_STALE_INCARNATION:
	case PEER_DUPLICATE:
	case PEER_GAP:
	case PEER_BUSY:
		return;
	default:
		if (!with_liar(city, from))
			sim_fail(city->sim, "city %u answers city %u with %s",
				 city->number, from, peer_answer_name(answer));
	}
}

void sim_check_hello(struct sim_city *city, uint32_t from, uint32_t result)
{
	if (result == PEER_HELLO_MALFORMED && !with_liar(city, from) &&
	    city->sim->cities[from].gone_version == 0 &&
	    sim_city_link(city, from) != 0)
		sim_fail(city->sim, "city %u does not understand city %u",
			 city->number, from);
}

static bool is_open(const struct payment *payment)
{
	return payment->out_state == LEG_PENDING ||
	       (payment->in_link != LINK_NONE && !payment->in_answered);
}

/* A leg with a liar may stay open for ever: that is the liar's own loss. */
static bool is_excused(const struct sim_city *city,
		       const struct payment *payment)
{
	struct sim_payment *seen = sim_check_find(city->sim, &payment->id);

	return city->number == city->sim->plan.liar ||
	       (seen != NULL && seen->through_liar);
}

bool sim_check_nothing_open(const struct sim_city *city)
{
	const struct links *links = &city->ledger.links;

	if (city->peer.retry_count > 0)
		return false;
	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL && is_open(payment) &&
		    !is_excused(city, payment))
			return false;
	}
	return true;
}

static void say_link(struct sim_city *city, uint32_t number)
{
	const struct link *link = links_at(&city->ledger.links, number);
	const struct peer_session *session =
		peer_session_of(&city->peer, number);

	sim_say(city->sim,
		"  %u link %u to %u: %s%s out %u acknowledged %u in %u mark %u "
		"pending in %u out %u: %s",
		city->number, number, sim_city_of(city->sim, link_city(link)),
		peer_link_state_name(session->state),
		session->connected ? " connected" : "", (uint32_t)link->out.seq,
		(uint32_t)session->acknowledged, (uint32_t)link->in.seq,
		(uint32_t)session->mark, link->pending_in_count,
		link->pending_out_count,
		session->why == NULL ? "" : session->why);
}

void sim_check_why_not_quiet(struct sim *sim)
{
	const struct payment *open = NULL;
	uint32_t where = SIM_NONE;

	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		struct sim_city *city = &sim->cities[i];
		const struct links *links = &city->ledger.links;

		if (city->gone_version > 0 ||
		    (city->up && sim_city_is_idle(city)))
			continue;
		if (where == SIM_NONE)
			where = i;
		sim_say(sim, "city %u: waiting %u, %u of %u blocks", i,
			city->waiting_count, city->store.acknowledged,
			city->store.count);
		for (uint32_t j = 1; j <= links->link_count; j++)
			say_link(city, j);
		for (uint32_t j = 0; j < links->payments_used; j++) {
			open = links_payment_slot(links, j);
			if (open != NULL && is_open(open))
				sim_say(sim,
					"  payment %08x role %u in %u "
					"out %u answered %u",
					sim_id_short(&open->id), open->role,
					open->in_state, open->out_state,
					open->in_answered);
		}
	}
	sim_fail(sim, "everything was mended, and city %u has not come to rest",
		 where);
}
