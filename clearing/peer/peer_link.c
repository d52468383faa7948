/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The machine of a link, the lives of this city, and what people order. */
#include <string.h>

#include "base/machine.h"
#include "peer/peer_private.h"

/* The drawing is in peer.h. */
static const struct machine_move link_moves[] = {
	{ PEER_START, PEER_LIFE_RECORDED, PEER_ASKING },
	{ PEER_ASKING, PEER_STALE, PEER_ASKING },
	{ PEER_ASKING, PEER_DIFFERS, PEER_RECOVERING },
	{ PEER_ASKING, PEER_RECORDED, PEER_ASKING },
	{ PEER_RECOVERING, PEER_RECORDED, PEER_ASKING },
	{ PEER_ASKING, PEER_AGREES, PEER_RECONCILED },
	{ PEER_RECONCILED, PEER_AGREES, PEER_RECONCILED },
	{ PEER_RECONCILED, PEER_REWOUND, PEER_START },
	{ PEER_ASKING, PEER_EVIDENCE, PEER_STOPPED },
	{ PEER_RECOVERING, PEER_EVIDENCE, PEER_STOPPED },
	{ PEER_RECONCILED, PEER_EVIDENCE, PEER_STOPPED },
	{ PEER_STOPPED, PEER_EVIDENCE, PEER_STOPPED },
	{ PEER_STOPPED, PEER_REPAIRED, PEER_ASKING },
	{ PEER_START, PEER_CITY_GONE, PEER_GONE },
	{ PEER_ASKING, PEER_CITY_GONE, PEER_GONE },
	{ PEER_RECOVERING, PEER_CITY_GONE, PEER_GONE },
	{ PEER_RECONCILED, PEER_CITY_GONE, PEER_GONE },
	{ PEER_STOPPED, PEER_CITY_GONE, PEER_GONE },
};

static const struct machine link_machine = {
	.name = "link",
	.moves = link_moves,
	.move_count = sizeof(link_moves) / sizeof(link_moves[0]),
};

const char *peer_link_state_name(uint8_t state)
{
	static const char *const names[] = {
		[PEER_START] = "START",
		[PEER_ASKING] = "ASKING",
		[PEER_RECOVERING] = "RECOVERING",
		[PEER_RECONCILED] = "RECONCILED",
		[PEER_STOPPED] = "STOPPED",
		[PEER_GONE] = "GONE",
	};

	check(state >= PEER_START && state <= PEER_GONE);
	return names[state];
}

void peer_move(struct peer *peer, uint32_t link, enum peer_link_move move,
	       const char *why)
{
	struct peer_session *session = peer_session(peer, link);
	bool allowed = machine_allows(&link_machine, session->state,
				      (uint8_t)move, &session->state);

	check(allowed);
	session->why = why;
	/* Only a link that is asking has something to ask. */
	session->hello_wanted =
		session->state == PEER_ASKING ||
		(session->hello_wanted && session->state == PEER_RECONCILED);
	/* (rule PEER-11), row 11: as after a start. */
	if (session->state == PEER_START)
		peer->started = false;
	if (move == PEER_EVIDENCE)
		peer_alarm(peer, links_at(peer_links(peer), link), why);
}

/* (rule PEER-10): doubling, with jitter so that two do not beat together. */
void peer_back_off(struct peer *peer, uint32_t link)
{
	struct peer_session *session = peer_session(peer, link);
	uint64_t wait = session->backoff_us * 2;
	uint8_t jitter;

	/* All that was under way fails at once: that is one failure. */
	if (peer->now_us < session->retry_us)
		return;
	if (wait < PEER_BACKOFF_MIN_US)
		wait = PEER_BACKOFF_MIN_US;
	if (wait > PEER_BACKOFF_MAX_US)
		wait = PEER_BACKOFF_MAX_US;
	peer->options.random_fill(&jitter, 1);
	session->backoff_us = wait;
	session->retry_us = peer->now_us + wait / 2 + wait / 512 * jitter;
}

/* A neighbour of the roster that is not in the books yet (PEER-1). */
static bool open_link(struct peer *peer, struct slice city)
{
	uint8_t local[5 + NAME_SIZE_MAX];
	struct event event = { .kind = EVENT_LINK_OPENED };
	const struct account *account;
	struct recorder recorder;
	struct buffer address;

	if (peer_links(peer)->link_count == peer_links(peer)->options.links_max)
		return true; /* the node's configuration has no room: lone */
	if (!peer_open(peer, 0, 4, 0, &recorder))
		return false;
	buffer_init(&address, local, sizeof(local));
	buffer_put_text(&address, "link/");
	buffer_put(&address, city);
	account = ledger_account_at(peer->ledger, buffer_view(&address));
	event.link.link = peer_links(peer)->link_count + 1;
	event.link.city = city;
	event.link.account =
		account != NULL
			? account->id
			: record_own_account(&recorder, buffer_view(&address),
					     city, peer->options.uri);
	peer_link_event(&recorder, &event);
	return true;
}

static bool open_links(struct peer *peer)
{
	const struct peer_directory *directory = &peer->options.directory;
	struct slice city;

	check(directory->neighbour != NULL);
	for (uint32_t i = 0; directory->neighbour(directory->context, i, &city);
	     i++) {
		if (links_of(peer_links(peer), city) == NULL &&
		    !directory->gone(directory->context, city) &&
		    !open_link(peer, city))
			return false;
	}
	return true;
}

/* (rule PEER-14): one higher than any this journal knows, with a nonce. */
static bool begin_life(struct peer *peer, const struct link *link,
		       uint64_t incarnation, enum peer_link_move move)
{
	struct peer_session *session = peer_session(peer, link->number);
	struct event event = { .kind = EVENT_LINK_LIFE_BEGUN };
	struct recorder recorder;

	if (!peer_open(peer, 0, 1, 0, &recorder))
		return false;
	event.link.link = link->number;
	event.link.incarnation = incarnation;
	peer->options.random_fill(event.link.nonce, LIFE_NONCE_SIZE);
	peer_link_event(&recorder, &event);
	session->life_seq = recorder.block->header.seq;
	/* What is answered to an earlier life's hello is not about this. */
	session->hello_stands = false;
	peer_move(peer, link->number, move, "saying hello");
	return true;
}

bool peer_begin(struct peer *peer)
{
	const struct links *links = peer_links(peer);

	if (!open_links(peer) || !peer_begin_gone(peer))
		return false;
	for (uint32_t i = 1; i <= links->link_count; i++) {
		const struct link *link = links_at(links, i);

		if (peer_session(peer, i)->state == PEER_START &&
		    !begin_life(peer, link, link->life.incarnation + 1,
				PEER_LIFE_RECORDED))
			return false;
	}
	return true;
}

/* (rule PEER-15): a jump of more than 2^32 is no honest neighbour's. */
void peer_life_is_stale(struct peer *peer, uint32_t link, uint64_t highest)
{
	const struct link *at = links_at(peer_links(peer), link);
	struct peer_session *session = peer_session(peer, link);

	if (highest > at->life.incarnation + (UINT64_C(1) << 32)) {
		peer_move(peer, link, PEER_EVIDENCE,
			  "the neighbour names a life far beyond this city's");
		return;
	}
	if (session->state == PEER_RECONCILED) {
		peer_move(peer, link, PEER_REWOUND,
			  "a later life of this city is known there");
		return;
	}
	if (session->state != PEER_ASKING)
		return;
	if (highest < at->life.incarnation)
		highest = at->life.incarnation;
	if (!begin_life(peer, at, highest + 1, PEER_STALE))
		session->hello_wanted = true;
	/* A restored city hears it once; each life is a record for ever. */
	if (session->stale_before)
		peer_back_off(peer, link);
	session->stale_before = true;
}

/* What a command adds to the own log. */
static struct link_entry command_entry(const struct event_link *on)
{
	struct link_entry entry = { .kind = (uint8_t)on->command };

	if (on->command == LINK_ENTRY_LINE_CHANGE)
		entry.line_minor = (uint64_t)money_minor(on->line);
	else
		entry.note = on->reason;
	return entry;
}

/* (rule PEER-20): an entry waits; (rule PEER-23): only where nothing goes on */
static uint32_t check_state(const struct peer *peer, const struct event *event)
{
	uint8_t state = peer_session_of(peer, event->link.link)->state;

	if (event->link.command != 0 && state != PEER_RECONCILED)
		return LINK_NOT_RECONCILED;
	return event->kind == EVENT_LINK_WITHDRAW_ORDERED &&
			       state != PEER_STOPPED
		       ? LINK_NOT_STOPPED
		       : 0;
}

/*
 * In a new life (rule PEER-23): once the neighbour has admitted it, nothing
 * that an earlier one still has under way can be taken there.
 */
static void order_withdrawal(struct peer *peer, uint32_t number)
{
	const struct link *link = links_at(peer_links(peer), number);
	bool begun = begin_life(peer, link, link->life.incarnation + 1,
				PEER_REPAIRED);

	check(begun);
	peer_session(peer, number)->withdraw = true;
	peer_session(peer, number)->retry_us = 0;
}

void peer_command(struct peer *peer, enum link_command_kind kind,
		  const struct link_command *command,
		  const struct caller *caller, uint64_t now_us,
		  struct answer *answer)
{
	struct caller known = *caller;
	struct recorder recorder;
	struct decision decision;
	struct link_entry entry;
	struct event event;

	known.base_hash = ledger_base_hash(peer->ledger, caller->base);
	idwindow_advance(&peer->ledger->ids, now_us);
	decide_link(peer->ledger, kind, command, &known, now_us, &event,
		    &decision);
	*answer = (struct answer){ .refusal = decision.refusal,
				   .recorded =
					   decision.verdict == VERDICT_RECORDED,
				   .position = decision.seq };
	if (decision.verdict != VERDICT_ACCEPTED)
		return;
	answer->refusal = check_state(peer, &event);
	if (answer->refusal != 0)
		return;
	if (!ledger_can_name(peer->ledger, caller->uri) ||
	    !peer_open(peer, 0, 4, PEER_APPEND_SIZE, &recorder) ||
	    (event.link.command != 0 &&
	     !peer_can_append(peer, event.link.link))) {
		answer->refusal = LINK_LOG_FULL;
		return;
	}
	event.link.actor = record_actor(&recorder, caller->uri);
	record_link_event(&recorder, &event, decision.content);
	if (event.link.command != 0) {
		entry = command_entry(&event.link);
		peer_append(peer, &recorder, event.link.link, &entry);
	} else if (kind == LINK_WITHDRAW) {
		order_withdrawal(peer, event.link.link);
	}
	answer->position = recorder.block->header.seq;
	peer_mark_link(peer, event.link.link);
}

void peer_ask_again(struct peer *peer, uint32_t link)
{
	struct peer_session *session = peer_session(peer, link);

	if (session->state == PEER_GONE)
		return;
	if (session->state == PEER_STOPPED)
		peer_move(peer, link, PEER_REPAIRED, "an operator asks again");
	session->hello_wanted = session->state != PEER_START;
	session->retry_us = 0;
}
