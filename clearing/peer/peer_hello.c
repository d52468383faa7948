/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Hellos both ways.  Every start is treated as a possible restore: before a
 * city speaks on a link it compares its own log with the neighbour's copy.
 */
#include <string.h>

#include "peer/peer_private.h"

#define SIGNED_DOMAIN "clearing/round/1"

static bool same_life(const struct link_life *a, const struct link_life *b)
{
	return a->incarnation == b->incarnation &&
	       memcmp(a->nonce, b->nonce, LINKLOG_NONCE_SIZE) == 0;
}

static const struct link_life *life_at(const struct link_lives *lives,
				       uint32_t place)
{
	check(place < lives->count);
	return &lives->lives[(lives->first + place) % LINK_LIVES_KEPT];
}

/* Place of @life in @lives, or .count when it is not there. */
static uint32_t life_place(const struct link_lives *lives,
			   const struct link_life *life)
{
	uint32_t i = lives->count;

	while (i > 0 && !same_life(life_at(lives, i - 1), life))
		i--;
	return i > 0 ? i - 1 : lives->count;
}

/* What a Signed message's signature is over: domain, kind, body. */
static struct slice signed_bytes(const struct peer *peer, const char *kind,
				 struct slice body)
{
	struct buffer out;

	buffer_init(&out, peer->scratch, PEER_SCRATCH_SIZE);
	buffer_put_text(&out, SIGNED_DOMAIN);
	buffer_put_byte(&out, 0);
	buffer_put_text(&out, kind);
	buffer_put_byte(&out, 0);
	buffer_put(&out, body);
	check(!out.overflowed);
	return buffer_view(&out);
}

void peer_sign_body(const struct peer *peer, const char *kind,
		    struct slice body,
		    uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	check(peer->options.sign != NULL);
	peer->options.sign(peer->options.context,
			   signed_bytes(peer, kind, body), signature);
}

struct slice peer_make_hello(struct peer *peer, uint32_t number)
{
	const struct peer_directory *directory = &peer->options.directory;
	const struct link *link = links_at(peer_links(peer), number);
	struct link_hello hello = {
		.version = 1,
		.federation = peer_federation(peer),
		.from = peer_here(peer),
		.to = link_city(link),
		.life = link->life,
		.last_reconciled = link->reconciled,
		.out_seq = link->out.seq,
		.roster_version = directory->version(directory->context),
	};
	struct buffer out;

	/* The own life once more is no earlier one. */
	check(link->life.incarnation > 0);
	memcpy(hello.out_head, link->out.head, SHA256_SIZE);
	buffer_init(&out, peer->scratch, PEER_SCRATCH_SIZE);
	linklog_put_hello(&out, &hello);
	check(!out.overflowed);
	peer->options.sha256(buffer_view(&out),
			     peer_session(peer, number)->hello_hash);
	peer_session(peer, number)->hello_stands = true;
	return buffer_view(&out);
}

/* Does the Hello come from the city that TLS named, for a link of this one? */
static const struct link *link_of_hello(struct peer *peer, struct slice city,
					const struct link_hello *hello)
{
	if (hello->version != 1 || !slice_equal(hello->from, city) ||
	    !slice_equal(hello->to, peer_here(peer)) ||
	    !slice_equal(hello->federation, peer_federation(peer)) ||
	    hello->life.incarnation == 0 || !peer_listed(peer, city))
		return NULL;
	return links_of(peer_links(peer), city);
}

/* (rule PEER-15): for ever, before it is answered. */
static bool admit(struct peer *peer, const struct link *link,
		  const struct link_life *life)
{
	struct peer_session *session = peer_session(peer, link->number);
	struct event event = { .kind = EVENT_LINK_LIFE_ADMITTED };
	struct recorder recorder;

	if (!rate_allows(&session->admitted, peer->now_us,
			 PEER_LIVES_PER_MINUTE) ||
	    !peer_open(peer, 0, 1, 0, &recorder))
		return false;
	rate_take(&session->admitted, peer->now_us);
	event.link.link = link->number;
	event.link.incarnation = life->incarnation;
	memcpy(event.link.nonce, life->nonce, LIFE_NONCE_SIZE);
	peer_link_event(&recorder, &event);
	return true;
}

/* The lives admitted after the newest one the caller's journal knows. */
static void fill_lives(const struct link *link, const struct link_hello *hello,
		       struct link_hello_ok *ok)
{
	const struct link_lives *lives = &link->peer_lives;
	uint32_t place = life_place(lives, &hello->last_reconciled);
	bool none = hello->last_reconciled.incarnation == 0;

	ok->last_known = place < lives->count || (none && !lives->cut);
	for (uint32_t i = none ? 0 : place + 1;
	     ok->last_known && i < lives->count; i++) {
		if (!same_life(life_at(lives, i), &hello->life))
			ok->lives_since[ok->lives_count++] = *life_at(lives, i);
	}
}

static void answer_hello(struct peer *peer, const struct link *link,
			 struct slice bytes, const struct link_hello *hello,
			 struct buffer *body)
{
	const struct peer_directory *directory = &peer->options.directory;
	struct link_hello_ok ok = {
		.in_seq = link->in.seq,
		.out_seq = link->out.seq,
		.journal_seq_seen = link->journal_seq_seen,
		.roster_version = directory->version(directory->context),
	};

	check(body->size == 0);
	peer->options.sha256(bytes, ok.hello_hash);
	memcpy(ok.in_head, link->in.head, SHA256_SIZE);
	memcpy(ok.out_head, link->out.head, SHA256_SIZE);
	fill_lives(link, hello, &ok);
	linklog_put_hello_ok(body, &ok);
}

/* A new life there has to hear a Hello of ours again (row 4 of PEER-11). */
static void heard_hello(struct peer *peer, const struct link *link,
			const struct link_hello *hello, bool fresh)
{
	struct peer_session *session = peer_session(peer, link->number);

	session->peer_said_hello = true;
	if (fresh && session->state != PEER_START &&
	    session->state != PEER_STOPPED) {
		session->hello_wanted = true;
		session->retry_us = 0;
		session->backoff_us = 0;
	}
	/* It may have lost what we counted on; or this Hello is an old one. */
	if (session->state == PEER_RECONCILED && !session->caught_up &&
	    hello->out_seq < session->mark)
		session->hello_wanted = true;
}

/* (rule PEER-15) (rule PEER-16): always answered, reconciled or not. */
enum peer_hello_result peer_hello_came(struct peer *peer, struct slice city,
				       struct slice hello_bytes,
				       uint64_t now_us, struct buffer *body,
				       uint64_t *highest)
{
	struct link_hello hello;
	const struct link *link;
	bool fresh;

	peer->now_us = now_us;
	if (linklog_hello(hello_bytes, &hello) != LINKLOG_OK)
		return PEER_HELLO_MALFORMED;
	link = link_of_hello(peer, city, &hello);
	if (link == NULL)
		return PEER_HELLO_MALFORMED;
	fresh = hello.life.incarnation > link->peer_life.incarnation;
	if (!fresh && !same_life(&hello.life, &link->peer_life)) {
		*highest = link->peer_life.incarnation;
		return PEER_HELLO_STALE;
	}
	if (fresh && !admit(peer, link, &hello.life))
		return PEER_HELLO_BUSY;
	answer_hello(peer, link, hello_bytes, &hello, body);
	heard_hello(peer, link, &hello, fresh);
	return PEER_HELLO_OK;
}

/* Did this city live a life that its journal does not know any more? */
static bool forgot_a_life(const struct link *link,
			  const struct link_hello_ok *ok)
{
	if (!ok->last_known)
		return false;
	for (uint32_t i = 0; i < ok->lives_count; i++) {
		if (life_place(&link->own_lives, &ok->lives_since[i]) ==
		    link->own_lives.count)
			return true;
	}
	return false;
}

enum comparison {
	COMPARE_AGREES,	  /* the neighbour's copy is this log or a part of it */
	COMPARE_WITHDRAW, /* the same, but what it lacks was disowned */
	COMPARE_DIFFERS,  /* it has what this city has not */
};

/* Is the neighbour's copy the beginning of this log? */
static bool is_beginning(const struct link *link,
			 const struct link_hello_ok *ok)
{
	const struct link_boundary *end = link_boundary_at(link, ok->in_seq);

	if (ok->in_seq > link->out.seq)
		return false;
	/* Below what is remembered: its chain will be checked on delivery. */
	if (end == NULL)
		return ok->in_seq < peer_remembered_from(link) ||
		       PLANTED(HEAD_UNCHECKED);
	return memcmp(end->head, ok->in_head, SHA256_SIZE) == 0 ||
	       PLANTED(HEAD_UNCHECKED);
}

/*
 * (rule PEER-23): ordered by people, but never what the neighbour has
 * acknowledged: where it lacks that it was restored, and gets it again.
 */
static bool may_withdraw_now(const struct peer *peer, const struct link *link,
			     const struct link_hello_ok *ok)
{
	return peer_session_of(peer, link->number)->withdraw &&
	       peer_may_withdraw(peer, link->number, ok->in_seq);
}

/* (rule PEER-17), steps 1 and 2. */
static enum comparison compare(const struct peer *peer, const struct link *link,
			       const struct link_hello_ok *ok)
{
	if (!is_beginning(link, ok))
		return COMPARE_DIFFERS;
	return ok->in_seq < link->out.seq &&
			       ok->in_seq >= peer_remembered_from(link) &&
			       (forgot_a_life(link, ok) ||
				may_withdraw_now(peer, link, ok))
		       ? COMPARE_WITHDRAW
		       : COMPARE_AGREES;
}

/*
 * (rule PEER-17): the mark falls to what the neighbour says now.  A Hello that
 * was long on its way must not lower it; an answer to an own one can.
 */
static void lower_mark(struct peer_session *session, const struct link *link,
		       uint64_t out_seq)
{
	if (out_seq < session->mark)
		session->mark = out_seq;
	if (link->in.seq >= session->mark)
		session->caught_up = true;
}

/* In a life that was reconciled already: the neighbour began a new one. */
static void compare_again(struct peer *peer, const struct link *link,
			  const struct link_hello_ok *ok)
{
	struct peer_session *session = peer_session(peer, link->number);

	if (compare(peer, link, ok) == COMPARE_DIFFERS) {
		peer_move(peer, link->number, PEER_EVIDENCE,
			  "the neighbour's copy of this city's log is not "
			  "what this city wrote in this life");
		return;
	}
	peer_deliver_from(peer, link->number, ok->in_seq);
	lower_mark(session, link, ok->out_seq);
}

static void agree(struct peer *peer, const struct link *link,
		  const struct link_hello_ok *ok)
{
	struct peer_session *session = peer_session(peer, link->number);

	if (session->state == PEER_RECONCILED) {
		compare_again(peer, link, ok);
		return;
	}
	switch (compare(peer, link, ok)) {
	case COMPARE_AGREES:
		session->withdraw = false;
		peer_reconciled(peer, link->number, ok->out_seq, ok->in_seq);
		return;
	case COMPARE_WITHDRAW:
		if (!peer_may_withdraw(peer, link->number, ok->in_seq)) {
			peer_move(peer, link->number, PEER_EVIDENCE,
				  "the neighbour denies what it acknowledged "
				  "or answered: it lies, or was restored, too");
			return;
		}
		if (peer_withdraw(peer, link->number, ok->in_seq))
			peer_move(peer, link->number, PEER_RECORDED,
				  "withdrew what the neighbour never had");
		session->hello_wanted = true;
		return;
	case COMPARE_DIFFERS:
		session->withdraw = false;
		peer_move(peer, link->number, PEER_DIFFERS,
			  "fetching what this city signed and forgot");
		peer_recover(peer, link->number, ok->in_seq);
		return;
	}
}

static bool signature_holds(struct peer *peer, const struct link *link,
			    const struct peer_hello_reply *reply)
{
	const struct peer_directory *directory = &peer->options.directory;
	uint8_t key[NODE_KEY_SIZE];

	return reply->signature.size == LINKLOG_SIGNATURE_SIZE &&
	       directory->key(directory->context, link_city(link),
			      reply->key_id, key) &&
	       peer->options.verify(key,
				    signed_bytes(peer, "HelloOk", reply->body),
				    reply->signature.data);
}

bool peer_signed_by(struct peer *peer, struct slice city, const char *kind,
		    const struct peer_outcome_reply *reply)
{
	const struct peer_directory *directory = &peer->options.directory;
	uint8_t key[NODE_KEY_SIZE];

	return reply->signature.size == LINKLOG_SIGNATURE_SIZE &&
	       directory->key(directory->context, city, reply->key_id, key) &&
	       peer->options.verify(key, signed_bytes(peer, kind, reply->body),
				    reply->signature.data);
}

static void try_later(struct peer *peer, uint32_t link, const char *why)
{
	struct peer_session *session = peer_session(peer, link);

	session->why = why;
	session->hello_wanted =
		session->state != PEER_START && session->state != PEER_STOPPED;
	peer_back_off(peer, link);
}

/* Not one to a Hello of an earlier life, nor one that nobody waits for. */
static bool expects_answer(const struct peer_session *session)
{
	return (session->state == PEER_ASKING ||
		session->state == PEER_RECONCILED) &&
	       session->hello_stands;
}

void peer_hello_answered(struct peer *peer, uint32_t number,
			 const struct peer_hello_reply *reply)
{
	const struct peer_directory *directory = &peer->options.directory;
	const struct link *link = links_at(peer_links(peer), number);
	struct peer_session *session = peer_session(peer, number);
	struct link_hello_ok ok;

	session->hello_flying = false;
	if (!expects_answer(session))
		return;
	if (!reply->arrived) {
		try_later(peer, number, "no answer to the hello");
	} else if (reply->stale_highest > 0) {
		peer_life_is_stale(peer, number, reply->stale_highest);
	} else if (linklog_hello_ok(reply->body, &ok) != LINKLOG_OK ||
		   !signature_holds(peer, link, reply)) {
		try_later(peer, number,
			  "the neighbour's answer to the hello "
			  "is malformed or not signed by it");
	} else if (memcmp(ok.hello_hash, session->hello_hash, SHA256_SIZE) !=
		   0) {
		try_later(peer, number, "an answer to another hello");
	} else if (ok.roster_version > directory->version(directory->context)) {
		/* (rule PEER-2) */
		session->roster_behind = true;
		try_later(peer, number,
			  "the neighbour has a newer roster: "
			  "install it and reload");
	} else {
		session->roster_behind = false;
		session->stale_before = false;
		session->backoff_us = 0;
		agree(peer, link, &ok);
	}
}

/* What has to be said first: the line, and a freeze that was withdrawn. */
static bool rewrite(struct peer *peer, const struct link *link)
{
	const struct peer_directory *directory = &peer->options.directory;
	struct link_entry line = { .kind = LINK_ENTRY_LINE_CHANGE,
				   .line_minor = link->line_minor };
	struct link_entry freeze = { .kind = link->frozen_here
						     ? LINK_ENTRY_FREEZE
						     : LINK_ENTRY_UNFREEZE };
	struct recorder recorder;

	if (!link->rewrite)
		return true;
	if (!peer_open(peer, 0, 2, 2 * PEER_APPEND_SIZE, &recorder))
		return false;
	/* (rule PEER-40): the roster's line is what a link begins with. */
	if (link->out.seq == 0 && link->line_minor == 0)
		line.line_minor = directory->line_minor(directory->context,
							link_city(link));
	peer_append(peer, &recorder, link->number, &line);
	if (link->out.seq > 0)
		peer_append(peer, &recorder, link->number, &freeze);
	return true;
}

void peer_say_line(struct peer *peer, uint32_t number)
{
	const struct link *link = links_at(peer_links(peer), number);

	if (peer_session(peer, number)->state == PEER_RECONCILED &&
	    peer_can_append(peer, number))
		(void)rewrite(peer, link);
}

bool peer_is_unsure(const struct peer *peer)
{
	const struct links *links = peer_links(peer);

	if (links->rejoin == REJOIN_NONE)
		return false;
	for (uint32_t i = 1; i <= links->link_count; i++) {
		const struct peer_session *session = peer_session_of(peer, i);

		if (peer_listed(peer, link_city(links_at(links, i))) &&
		    (session->state != PEER_RECONCILED || !session->caught_up))
			return true;
	}
	return false;
}

/* (rule PEER-22) */
void peer_end_rejoin(struct peer *peer)
{
	struct event event = { .kind = EVENT_REJOIN_ENDED };
	struct recorder recorder;

	if (peer_links(peer)->rejoin == REJOIN_NONE || !peer->started ||
	    peer_is_unsure(peer) || !peer_open(peer, 0, 1, 0, &recorder))
		return;
	peer_link_event(&recorder, &event);
}

/* (rule PEER-17), step 5 */
void peer_reconciled(struct peer *peer, uint32_t number, uint64_t out_seq,
		     uint64_t in_seq)
{
	struct peer_session *session = peer_session(peer, number);
	const struct link *link = links_at(peer_links(peer), number);
	struct event event = { .kind = EVENT_LINK_RECONCILED };
	struct recorder recorder;

	if (!peer_open(peer, 0, 1, 0, &recorder)) {
		session->hello_wanted = true;
		return;
	}
	event.link.link = number;
	event.link.incarnation = link->life.incarnation;
	event.link.seq = out_seq;
	peer_link_event(&recorder, &event);
	peer_move(peer, number, PEER_AGREES, "");
	session->mark = out_seq;
	session->mark_us = peer->now_us + PEER_MARK_US;
	session->caught_up = link->in.seq >= out_seq;
	peer_deliver_from(peer, number, in_seq);
	peer_say_line(peer, number);
}
