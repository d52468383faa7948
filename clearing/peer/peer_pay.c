/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Payments that begin here: one promise to the first neighbour of the way,
 * and another way when the first was refused (rule PEER-25).
 */
#include <string.h>

#include "peer/peer_private.h"

static void exclude(struct peer_hop *hop, struct slice from, struct slice to)
{
	check(from.size <= NAME_SIZE_MAX && to.size <= NAME_SIZE_MAX);
	memcpy(hop->from, from.data, from.size);
	memcpy(hop->to, to.data, to.size);
	hop->from_size = (uint8_t)from.size;
	hop->to_size = (uint8_t)to.size;
}

/*
 * The cheapest way whose first link takes a promise now.
 *
 * @excluded  room for PEER_ATTEMPTS_MAX; first links that take none are added.
 */
static bool find_way(struct peer *peer, struct slice city,
		     struct payment_terms *terms, struct peer_hop *excluded,
		     uint8_t *count)
{
	const struct peer_directory *directory = &peer->options.directory;

	check(*count <= PEER_ATTEMPTS_MAX);
	for (;;) {
		const struct link *link;

		terms->path_count = directory->route(
			directory->context, city, terms->amount_minor, excluded,
			*count, terms->path);
		if (terms->path_count < LINKLOG_PATH_MIN)
			return false;
		link = links_of(peer_links(peer), terms->path[1]);
		if (link != NULL && peer_may_promise(peer, link->number,
						     terms->amount_minor) == 0)
			return true;
		if (*count == PEER_ATTEMPTS_MAX)
			return false;
		exclude(&excluded[(*count)++], terms->path[0], terms->path[1]);
	}
}

/* Hold, leg and Prepare are one block (rule PEER-1). */
static bool begin_attempt(struct peer *peer, const struct peer_attempt *attempt,
			  const struct peer_hop *excluded, uint8_t count,
			  uint64_t *seq)
{
	const struct link *link =
		links_of(peer_links(peer), attempt->terms.path[1]);
	struct event_payment_held held = {
		.id = attempt->id,
		.parent = attempt->parent,
		.account = attempt->account,
		.attempt = attempt->attempt,
	};
	struct link_entry entry = { .kind = LINK_ENTRY_PREPARE };
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX];
	const struct payment *payment;
	struct recorder recorder;
	struct buffer terms;
	uint32_t slot;

	if (!peer_open_move(peer, &recorder) ||
	    !peer_can_append(peer, link->number))
		return false;
	buffer_init(&terms, bytes, sizeof(bytes));
	linklog_put_terms(&terms, &attempt->terms);
	check(!terms.overflowed);
	peer_hold(&recorder, attempt->account, link->account,
		  money_of((int64_t)attempt->terms.amount_minor), &held,
		  attempt->memo, attempt->uri);
	entry.payment_terms = buffer_view(&terms);
	peer_append(peer, &recorder, link->number, &entry);
	payment = links_payment(peer_links(peer), &attempt->id);
	check(payment != NULL);
	slot = peer_slot_of(peer, payment);
	memcpy(peer->excluded[slot], excluded, count * sizeof(struct peer_hop));
	peer->excluded_count[slot] = count;
	peer->begun[slot] = 1;
	*seq = recorder.block->header.seq;
	return true;
}

/* The same order again?  Ended ones are compared by who reads the tables. */
static bool is_same(const struct peer *peer, const struct pay_command *command,
		    const struct account *payer)
{
	const struct payment *payment;
	struct payment_terms terms;
	struct id id;

	if (!id_from_bytes(command->id, &id))
		return false;
	payment = links_payment(peer_links(peer), &id);
	if (payment == NULL || payment->role != PAYMENT_ORIGIN)
		return true;
	return linklog_terms(payment_terms_of(payment), &terms) == LINKLOG_OK &&
	       slice_equal(terms.payee, command->payee) &&
	       slice_equal(terms.reference, pay_reference(command)) &&
	       slice_equal(terms.lock, command->lock) &&
	       (command->decide_by_us == 0 ||
		terms.decide_by_us == (uint64_t)command->decide_by_us) &&
	       terms.amount_minor == (uint64_t)command->amount_minor &&
	       payer != NULL && payment->account == payer->id;
}

/* The whole address of an account here. */
static struct slice address_of(const struct peer *peer,
			       const struct account *account,
			       uint8_t bytes[LINKLOG_ADDRESS_SIZE_MAX])
{
	struct buffer out;

	buffer_init(&out, bytes, LINKLOG_ADDRESS_SIZE_MAX);
	buffer_put(&out, account_local(account));
	buffer_put_byte(&out, '@');
	buffer_put(&out, peer_here(peer));
	check(!out.overflowed);
	return buffer_view(&out);
}

/*
 * An id from before a restore may be that of a payment which a neighbour's
 * log will bring back: it is not begun again.
 */
static bool may_be_known(const struct peer *peer, const struct id *id)
{
	return peer_is_unsure(peer) &&
	       id_time_ms(id) <= (peer->began_us + ID_SKEW_US) / 1000;
}

/* Refusals 63 to 67: the federation, this node, and the way there. */
static uint32_t find_attempt(struct peer *peer, struct slice city,
			     struct peer_attempt *attempt,
			     struct peer_hop *excluded, uint8_t *count)
{
	const struct peer_directory *directory = &peer->options.directory;

	if (!directory->known(directory->context, city) ||
	    directory->gone(directory->context, city))
		return PAYMENT_PAYEE_CITY_UNKNOWN;
	if (links_room(peer_links(peer)) == 0 || !peer_has_room(peer) ||
	    !ledger_can_name(peer->ledger, attempt->uri) ||
	    peer->ledger->hold_count == peer->ledger->options.holds_max)
		return PAYMENT_TOO_MANY_PAYMENTS;
	/* (rule PEER-22) */
	if (peer_is_closed(peer) || may_be_known(peer, &attempt->id))
		return PAYMENT_RECOVERING;
	return find_way(peer, city, &attempt->terms, excluded, count)
		       ? 0
		       : PAYMENT_NO_ROUTE;
}

/* Does a promise with these terms pay @request? */
static bool pays(const uint8_t *bytes, size_t size, struct slice request)
{
	struct payment_terms terms;

	return linklog_terms(slice_of(bytes, size), &terms) == LINKLOG_OK &&
	       slice_equal(terms.reference, request);
}

/* What left this city and has not ended may still pay it. */
static bool is_under_way(const struct peer *peer, struct slice request)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL && payment->role == PAYMENT_ORIGIN &&
		    payment->out_state != LEG_VOIDED &&
		    pays(payment->terms, payment->terms_size, request))
			return true;
	}
	for (uint32_t i = 0; i < peer->retry_count; i++) {
		const struct peer_retry *retry = &peer->retries[i];

		if (pays(retry->terms, retry->terms_size, request))
			return true;
	}
	return false;
}

/* Refusals 68 to 71: a request is paid once. */
static uint32_t check_request(const struct peer *peer,
			      const struct pay_command *command)
{
	if (command->request.size == 0 || command->request_refusal != 0)
		return command->request_refusal;
	return is_under_way(peer, command->request) ? PAYMENT_REQUEST_UNDER_WAY
						    : 0;
}

/* (rule PEER-33): who trades with a lock says how long the goods may take. */
static uint64_t decide_by(const struct peer *peer,
			  const struct pay_command *command)
{
	if (command->lock.size == 0)
		return peer->now_us + peer->options.decide_us;
	return command->decide_by_us > 0 ? (uint64_t)command->decide_by_us
					 : peer->now_us + PEER_HOLD_US;
}

static bool decide_by_fits(const struct peer *peer,
			   const struct pay_command *command)
{
	if (command->decide_by_us == 0)
		return true;
	return command->lock.size > 0 && command->decide_by_us > 0 &&
	       (uint64_t)command->decide_by_us > peer->now_us &&
	       (uint64_t)command->decide_by_us <=
		       peer->now_us + PEER_HOLD_US_MAX;
}

static void fill_terms(struct peer *peer, const struct pay_command *command,
		       struct payment_terms *terms)
{
	check(command->id.size == ID_SIZE);
	memcpy(terms->payment_id, command->id.data, ID_SIZE);
	terms->federation = peer_federation(peer);
	terms->payee = command->payee;
	terms->amount_minor = (uint64_t)command->amount_minor;
	terms->decide_by_us = decide_by(peer, command);
	terms->lock = command->lock;
	terms->reference = pay_reference(command);
}

void peer_pay(struct peer *peer, const struct pay_command *command,
	      const struct caller *caller, uint64_t now_us,
	      struct answer *answer)
{
	struct peer_hop excluded[PEER_ATTEMPTS_MAX] = { 0 };
	uint8_t payer_bytes[LINKLOG_ADDRESS_SIZE_MAX], count = 0;
	struct peer_attempt attempt = { .attempt = 1,
					.memo = command->memo,
					.uri = caller->uri };
	const struct account *payer = NULL;
	struct decision decision;
	struct slice city = { 0 };

	peer->now_us = now_us;
	idwindow_advance(&peer->ledger->ids, now_us);
	decide_pay(peer->ledger, command, now_us, &payer, &city, &decision);
	if (decision.verdict == VERDICT_RECORDED &&
	    !is_same(peer, command, payer))
		decision = (struct decision){ .refusal = PAYMENT_ID_CONFLICT };
	*answer = (struct answer){ .refusal = decision.refusal,
				   .recorded =
					   decision.verdict == VERDICT_RECORDED,
				   .position = decision.seq,
				   .number = decision.number,
				   .limit = decision.limit,
				   .value = decision.value };
	if (decision.verdict != VERDICT_ACCEPTED)
		return;
	fill_terms(peer, command, &attempt.terms);
	memcpy(attempt.id.bytes, command->id.data, ID_SIZE);
	answer->refusal = find_attempt(peer, city, &attempt, excluded, &count);
	if (!decide_by_fits(peer, command) &&
	    answer->refusal != PAYMENT_PAYEE_CITY_UNKNOWN)
		answer->refusal = PAYMENT_DECIDE_BY_WRONG;
	if (answer->refusal == 0)
		answer->refusal = check_request(peer, command);
	if (answer->refusal != 0)
		return;
	attempt.terms.payer = address_of(peer, payer, payer_bytes);
	attempt.parent = attempt.id;
	attempt.account = payer->id;
	if (!begin_attempt(peer, &attempt, excluded, count, &answer->position))
		answer->refusal = PAYMENT_TOO_MANY_PAYMENTS;
}

static void tell(struct peer *peer, const struct peer_outcome *outcome)
{
	if (peer->options.on_outcome != NULL)
		peer->options.on_outcome(peer->options.context, outcome);
}

/* Which refusals another way may avoid. */
static bool another_way_may_do(uint32_t reason)
{
	switch (reason) {
	case LINK_REASON_FROZEN:
	case LINK_REASON_LINE:
	case LINK_REASON_TOO_MANY_PENDING:
	case LINK_REASON_NO_LINK:
	case LINK_REASON_LINK_DOWN:
	case LINK_REASON_NEXT_FROZEN:
	case LINK_REASON_NEXT_BUSY:
		return true;
	default: /* a number of the neighbour's, not an enum of ours */
		return false;
	}
}

/* The part of the way that is not to be tried again. */
static bool blame(const struct payment_terms *terms, uint32_t reason,
		  struct slice at_city, struct peer_hop *hop)
{
	bool onward = reason >= LINK_REASON_NO_LINK;
	uint32_t at = 0;

	while (at < terms->path_count && !slice_equal(terms->path[at], at_city))
		at++;
	if (at == terms->path_count || (onward && at + 1 == terms->path_count))
		return false;
	if (!onward && at == 0)
		return false;
	exclude(hop, terms->path[onward ? at : at - 1],
		terms->path[onward ? at + 1 : at]);
	return true;
}

static void keep_retry(struct peer *peer, const struct payment *payment,
		       struct peer_retry *retry)
{
	uint32_t slot = peer_slot_of(peer, payment);

	*retry = (struct peer_retry){ .id = payment->id,
				      .parent = payment->parent,
				      .account = payment->account,
				      .actor = payment->actor,
				      .reason = payment->reason,
				      .seq = peer->ledger->next_seq,
				      .attempt = payment->attempt,
				      .at_city_size = payment->at_city_size,
				      .terms_size = payment->terms_size,
				      .excluded_count =
					      peer->excluded_count[slot] };
	memcpy(retry->at_city, payment->at_city, payment->at_city_size);
	memcpy(retry->terms, payment->terms, payment->terms_size);
	memcpy(retry->excluded, peer->excluded[slot], sizeof(retry->excluded));
}

/*
 * Only what this process began is tried again: of another's attempt the client
 * may have been told that it was the last.
 */
static bool may_retry(const struct peer *peer, const struct payment *payment)
{
	check(payment->role == PAYMENT_ORIGIN);
	return payment->out_state == LEG_VOIDED &&
	       another_way_may_do(payment->reason) &&
	       payment->attempt < PEER_ATTEMPTS_MAX &&
	       peer->retry_count < PEER_RETRIES_MAX;
}

/*
 * Is this how the order ended?  While a restored city does not know whether a
 * refused attempt was the last, another may come back from a neighbour's log.
 */
static bool is_last(const struct peer *peer, const struct payment *payment)
{
	check(payment->role == PAYMENT_ORIGIN);
	return payment->out_state == LEG_POSTED || !peer_is_unsure(peer);
}

static void ended(struct peer *peer, const struct payment *payment)
{
	uint32_t slot = peer_slot_of(peer, payment);
	bool begun = peer->begun[slot] != 0;
	struct peer_outcome outcome = {
		.id = payment->id,
		/* Found again: its first attempt has the order's id. */
		.parent = id_is_zero(&payment->parent) ? payment->id
						       : payment->parent,
		.posted = payment->out_state == LEG_POSTED,
		.reason = payment->reason,
		.at_city = slice_of(payment->at_city, payment->at_city_size),
		.terms = payment_terms_of(payment),
		.attempt = payment->attempt,
		.seq = peer->ledger->next_seq,
	};

	peer->begun[slot] = 0;
	if (begun && may_retry(peer, payment))
		keep_retry(peer, payment, &peer->retries[peer->retry_count++]);
	else if (begun || is_last(peer, payment))
		tell(peer, &outcome);
}

void peer_on_payment(void *context, const struct payment *payment)
{
	struct peer *peer = context;

	if (payment->role == PAYMENT_ORIGIN &&
	    (payment->out_state == LEG_POSTED ||
	     payment->out_state == LEG_VOIDED))
		ended(peer, payment);
	else if (!payment->in_answered)
		peer_mark(peer, payment);
}

static bool payer_still_may(const struct peer *peer,
			    const struct peer_retry *retry, uint64_t amount)
{
	const struct account *payer =
		ledger_account(peer->ledger, retry->account);
	struct money money = money_of((int64_t)amount);

	return payer != NULL && payer->state == ACCOUNT_OPEN &&
	       account_may_pay(payer, money) &&
	       account_debits_fit(payer, money);
}

/* What the next attempt will be; false: there is none. */
static bool next_attempt(struct peer *peer, struct peer_retry *retry,
			 struct peer_attempt *attempt)
{
	const struct actor *actor =
		ledger_actor_by_number(peer->ledger, retry->actor);
	uint8_t random[ID_TAIL_SIZE];
	struct address payee;

	if (linklog_terms(slice_of(retry->terms, retry->terms_size),
			  &attempt->terms) != LINKLOG_OK ||
	    actor == NULL || !address_parse(attempt->terms.payee, &payee) ||
	    !payer_still_may(peer, retry, attempt->terms.amount_minor))
		return false;
	if (retry->excluded_count == PEER_ATTEMPTS_MAX ||
	    !blame(&attempt->terms, retry->reason,
		   slice_of(retry->at_city, retry->at_city_size),
		   &retry->excluded[retry->excluded_count]))
		return false;
	retry->excluded_count++;
	if (links_room(peer_links(peer)) == 0 ||
	    !find_way(peer, payee.city, &attempt->terms, retry->excluded,
		      &retry->excluded_count))
		return false;
	peer->options.random_fill(random, sizeof(random));
	attempt->id = id_make(peer->now_us, random);
	memcpy(attempt->terms.payment_id, attempt->id.bytes, ID_SIZE);
	if (attempt->terms.lock.size == 0)
		attempt->terms.decide_by_us =
			peer->now_us + peer->options.decide_us;
	attempt->parent = retry->parent;
	attempt->account = retry->account;
	attempt->attempt = retry->attempt + 1;
	attempt->uri = slice_of(actor->uri, actor->uri_size);
	return true;
}

/* (rule PEER-25): a new id, begun only after the Release of the former. */
static void retry_one(struct peer *peer, struct peer_retry *retry)
{
	struct peer_outcome outcome = {
		.id = retry->id,
		.parent = retry->parent,
		.reason = retry->reason,
		.at_city = slice_of(retry->at_city, retry->at_city_size),
		.terms = slice_of(retry->terms, retry->terms_size),
		.attempt = retry->attempt,
		.seq = retry->seq,
	};
	struct peer_attempt attempt = { 0 };
	uint64_t seq;

	if (!next_attempt(peer, retry, &attempt) ||
	    !begin_attempt(peer, &attempt, retry->excluded,
			   retry->excluded_count, &seq))
		tell(peer, &outcome);
}

void peer_retry_all(struct peer *peer)
{
	uint32_t count = peer->retry_count;

	check(count <= PEER_RETRIES_MAX);
	/* None of these can end at once, so the list does not grow. */
	for (uint32_t i = 0; i < count; i++)
		retry_one(peer, &peer->retries[i]);
	peer->retry_count = 0;
}
