/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The engine's memory, its turns, and the actions it asks for. */
#include "peer/peer.h"

#include <string.h>

#include "peer/peer_private.h"

#define ALIGNMENT 16

struct layout {
	size_t sessions, dirty, is_dirty, excluded, excluded_count, begun;
	size_t scratch, leaves, retries, size;
};

static size_t reserve(size_t *size, size_t wanted)
{
	size_t start = (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	check(wanted <= SIZE_MAX - start);
	*size = start + wanted;
	return start;
}

static struct layout layout_of(const struct ledger *ledger)
{
	const struct links_options *options = &ledger->links.options;
	size_t links = options->links_max, payments = options->payments_max;
	struct layout at = { 0 };

	check(payments > 0);
	at.sessions = reserve(&at.size, links * sizeof(struct peer_session));
	at.dirty = reserve(&at.size, payments * sizeof(uint32_t));
	at.is_dirty = reserve(&at.size, payments);
	at.excluded = reserve(&at.size, payments * PEER_ATTEMPTS_MAX *
						sizeof(struct peer_hop));
	at.excluded_count = reserve(&at.size, payments);
	at.begun = reserve(&at.size, payments);
	at.scratch = reserve(&at.size, PEER_SCRATCH_SIZE);
	at.leaves = reserve(&at.size,
			    (size_t)2 * LINKLOG_ENTRIES_MAX * SHA256_SIZE);
	at.retries =
		reserve(&at.size, PEER_RETRIES_MAX * sizeof(struct peer_retry));
	return at;
}

size_t peer_memory_size(const struct ledger *ledger)
{
	return layout_of(ledger).size;
}

void peer_init(struct peer *peer, struct ledger *ledger,
	       const struct peer_options *options, void *memory)
{
	struct layout at = layout_of(ledger);
	uint8_t *base = memory;

	check(memory != NULL && (uintptr_t)memory % ALIGNMENT == 0);
	*peer = (struct peer){
		.options = *options,
		.ledger = ledger,
		.sessions = (struct peer_session *)(base + at.sessions),
		.dirty = (uint32_t *)(base + at.dirty),
		.is_dirty = base + at.is_dirty,
		.excluded = (struct peer_hop(*)[PEER_ATTEMPTS_MAX])(
			base + at.excluded),
		.excluded_count = base + at.excluded_count,
		.begun = base + at.begun,
		.scratch = base + at.scratch,
		.leaves = (uint8_t(*)[SHA256_SIZE])(base + at.leaves),
		.retries = (struct peer_retry *)(base + at.retries),
		.durable_seq = ledger->next_seq - 1,
		.began_us = ledger->time_us,
	};
	for (uint32_t i = 0; i < ledger->links.options.links_max; i++)
		peer->sessions[i].state = PEER_START;
	if (peer->options.decide_us == 0)
		peer->options.decide_us = PEER_DECIDE_US;
	ledger->links.options.on_payment = peer_on_payment;
	ledger->links.options.context = peer;
	for (uint32_t i = 0; i < ledger->links.payments_used; i++) {
		if (links_payment_slot(&ledger->links, i) != NULL)
			peer_mark(peer, links_payment_slot(&ledger->links, i));
	}
}

void peer_set_directory(struct peer *peer,
			const struct peer_directory *directory)
{
	peer->options.directory = *directory;
	/* New neighbours begin; old reasons to refuse may be gone. */
	peer->started = false;
	for (uint32_t i = 1; i <= peer_links(peer)->link_count; i++)
		peer_mark_link(peer, i);
}

struct slice peer_here(const struct peer *peer)
{
	check(peer->ledger->has_genesis);
	return slice_of(peer->ledger->city, peer->ledger->city_size);
}

struct slice peer_federation(const struct peer *peer)
{
	check(peer->ledger->has_genesis);
	return slice_of(peer->ledger->federation,
			peer->ledger->federation_size);
}

struct peer_session *peer_session(struct peer *peer, uint32_t link)
{
	check(link >= 1 && link <= peer_links(peer)->link_count);
	return &peer->sessions[link - 1];
}

const struct peer_session *peer_session_of(const struct peer *peer,
					   uint32_t link)
{
	check(link >= 1 && link <= peer_links(peer)->link_count);
	return &peer->sessions[link - 1];
}

bool peer_listed(const struct peer *peer, struct slice city)
{
	const struct peer_directory *directory = &peer->options.directory;
	const struct link *link = links_of(peer_links(peer), city);
	struct slice neighbour;

	check(directory->neighbour != NULL);
	if (directory->gone(directory->context, city) ||
	    (link != NULL && link->gone))
		return false;
	for (uint32_t i = 0;
	     directory->neighbour(directory->context, i, &neighbour); i++) {
		if (slice_equal(neighbour, city))
			return true;
	}
	return false;
}

void peer_alarm(struct peer *peer, const struct link *link, const char *what)
{
	check(what != NULL);
	if (peer->options.on_alarm != NULL)
		peer->options.on_alarm(peer->options.context, link_city(link),
				       what);
}

void peer_mark(struct peer *peer, const struct payment *payment)
{
	uint32_t slot = peer_slot_of(peer, payment);
	uint32_t size = peer_links(peer)->options.payments_max;

	check(slot < size);
	if (peer->is_dirty[slot])
		return;
	peer->is_dirty[slot] = 1;
	peer->dirty[(peer->dirty_first + peer->dirty_count) % size] = slot;
	peer->dirty_count++;
}

void peer_mark_link(struct peer *peer, uint32_t link)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment != NULL &&
		    (link == LINK_NONE || payment->in_link == link ||
		     payment->out_link == link ||
		     payment->out_state == LEG_NONE))
			peer_mark(peer, payment);
	}
}

bool peer_open(struct peer *peer, uint32_t entries, uint32_t events,
	       size_t bytes, struct recorder *out)
{
	check(peer->options.open_block != NULL);
	return peer->options.open_block(peer->options.context, entries, events,
					bytes, out);
}

bool peer_open_move(struct peer *peer, struct recorder *out)
{
	return peer_open(peer, PEER_MOVE_ENTRIES, PEER_MOVE_EVENTS,
			 PEER_APPEND_SIZE, out);
}

/* (rule PEER-20) */
bool peer_can_append(const struct peer *peer, uint32_t link)
{
	const struct peer_session *session = peer_session_of(peer, link);

	if (session->state != PEER_RECONCILED && !PLANTED(APPEND_EARLY))
		return false;
	return links_can_append(links_at(peer_links(peer), link),
				LINKLOG_ENTRY_SIZE_MAX);
}

void peer_append(struct peer *peer, struct recorder *recorder, uint32_t link,
		 const struct link_entry *entry)
{
	struct links *links = peer_links(peer);
	struct link *at = links_at(links, link);
	size_t before = at->open_entries.size;
	bool first = at->open_count == 0;
	enum links_result result;

	check(peer_can_append(peer, link));
	result = links_append(links, link, entry,
			      recorder->block->header.created_us);
	check(result == LINKS_OK);
	block_reserve(recorder->block, first ? 1 : 0,
		      at->open_entries.size - before +
			      (first ? PEER_BATCH_OVERHEAD : 0));
}

void peer_link_event(struct recorder *recorder, struct event *event)
{
	record_link_event(recorder, event, (struct hash128){ 0 });
}

static uint32_t take_first(struct peer *peer)
{
	uint32_t slot = peer->dirty[peer->dirty_first];

	check(peer->dirty_count > 0);
	peer->dirty_first = (peer->dirty_first + 1) %
			    peer_links(peer)->options.payments_max;
	peer->dirty_count--;
	peer->is_dirty[slot] = 0;
	return slot;
}

/* (rule PEER-29): states are looked at, not arrivals. */
static void look_at_payments(struct peer *peer)
{
	uint32_t count = peer->dirty_count < PEER_LOOKS_PER_TURN
				 ? peer->dirty_count
				 : PEER_LOOKS_PER_TURN;

	for (uint32_t i = 0; i < count; i++) {
		struct payment *payment =
			links_payment_slot(peer_links(peer), take_first(peer));

		if (payment != NULL && !peer_look(peer, payment)) {
			/* No room in the block: when there is some again. */
			peer_mark(peer, payment);
			return;
		}
	}
}

/* (rule PEER-32): how old the oldest open promise of each link is. */
static void note_oldest(struct peer *peer)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 0; i < links->link_count; i++)
		peer->sessions[i].oldest_us = peer->sessions[i].due_us = 0;
	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);
		struct peer_session *session;

		if (payment == NULL || payment->out_state != LEG_PENDING)
			continue;
		session = peer_session(peer, payment->out_link);
		if (session->oldest_us == 0 ||
		    payment->started_us < session->oldest_us)
			session->oldest_us = payment->started_us;
		if (session->due_us == 0 ||
		    payment->decide_by_us < session->due_us)
			session->due_us = payment->decide_by_us;
	}
}

/*
 * The mark may be one that the neighbour withdrew from since: without a word
 * of its own nothing would say so.
 */
static void ask_for_mark(struct peer *peer, struct peer_session *session)
{
	if (session->state != PEER_RECONCILED || session->caught_up ||
	    peer->now_us < session->mark_us)
		return;
	session->mark_us = peer->now_us + PEER_MARK_US;
	session->hello_wanted = true;
}

static void sweep(struct peer *peer)
{
	peer_mark_link(peer, LINK_NONE);
	note_oldest(peer);
	peer_gather_asks(peer);
	for (uint32_t i = 1; i <= peer_links(peer)->link_count; i++) {
		peer_say_line(peer, i);
		ask_for_mark(peer, &peer->sessions[i - 1]);
	}
}

void peer_turn(struct peer *peer, uint64_t now_us)
{
	peer->now_us = now_us;
	if (!peer->started)
		peer->started = peer_begin(peer);
	if (now_us >= peer->next_sweep_us) {
		peer->next_sweep_us = now_us + PEER_SWEEP_US;
		sweep(peer);
	}
	if (peer_is_short_of_room(peer))
		peer_note_acknowledged(peer);
	peer_retry_all(peer);
	look_at_payments(peer);
	peer_end_rejoin(peer);
}

uint64_t peer_wake_us(const struct peer *peer)
{
	if (!peer->started || peer->dirty_count > 0)
		return peer->now_us;
	return peer->next_sweep_us;
}

void peer_durable(struct peer *peer, uint64_t seq)
{
	check(seq >= peer->durable_seq || seq + 1 == 0);
	peer->durable_seq = seq;
}

static bool may_ask(const struct peer *peer, const struct peer_session *session)
{
	return session->connected && !session->hello_flying &&
	       !session->fetch_flying && peer->now_us >= session->retry_us &&
	       session->life_seq <= peer->durable_seq;
}

static bool next_on_link(struct peer *peer, uint32_t link,
			 struct peer_action *out)
{
	struct peer_session *session = peer_session(peer, link);

	*out = (struct peer_action){ .link = link };
	if (session->state == PEER_START || session->state == PEER_STOPPED ||
	    session->state == PEER_GONE)
		return false;
	if (may_ask(peer, session) && session->hello_wanted) {
		out->kind = PEER_SAY_HELLO;
		out->message = peer_make_hello(peer, link);
		session->hello_flying = true;
		session->hello_wanted = false;
		return true;
	}
	if (session->state == PEER_RECOVERING && may_ask(peer, session)) {
		out->kind = PEER_FETCH_LOG;
		out->own = session->fetch_own;
		out->seq =
			session->fetch_own
				? session->recover_from
				: links_at(peer_links(peer), link)->in.seq + 1;
		session->fetch_flying = true;
		return true;
	}
	return session->state == PEER_RECONCILED &&
	       peer_next_delivery(peer, link, out);
}

bool peer_next_action(struct peer *peer, struct peer_action *out)
{
	check(out != NULL);
	for (uint32_t i = 1; i <= peer_links(peer)->link_count; i++) {
		if (next_on_link(peer, i, out))
			return true;
	}
	return peer_next_ask(peer, out);
}

void peer_connected(struct peer *peer, uint32_t link, bool connected)
{
	struct peer_session *session = peer_session(peer, link);

	if (session->connected == connected)
		return;
	session->connected = connected;
	if (connected) {
		session->retry_us = 0;
		session->backoff_us = 0;
	}
	peer_mark_link(peer, link);
}

bool peer_is_closed(const struct peer *peer)
{
	check(peer->sessions != NULL);
	return peer_links(peer)->rejoin == REJOIN_CLOSED;
}
