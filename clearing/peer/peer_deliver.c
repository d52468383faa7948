/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Batches both ways: sending the own ones, taking the others. */
#include <string.h>

#include "peer/peer_private.h"

const char *peer_answer_name(uint32_t answer)
{
	static const char *const names[PEER_ANSWER_COUNT] = {
		"TAKEN",	  "TOO_LARGE",
		"MALFORMED",	  "WRONG_LINK",
		"NOT_RECONCILED", "STALE_INCARNATION",
		"DUPLICATE",	  "GAP",
		"FORK",		  "BAD_KEY",
		"BAD_SIGNATURE",  "BAD_ROOT",
		"BAD_ACK",	  "BAD_ANSWER",
		"BAD_TOTALS",	  "UNKNOWN_PROPOSAL",
		"BUSY",
	};

	return answer < PEER_ANSWER_COUNT ? names[answer] : "UNKNOWN";
}

const char *peer_answer_sentence(uint32_t answer)
{
	static const char *const sentences[PEER_ANSWER_COUNT] = {
		"taken",
		"the batch is larger than the protocol allows",
		"the batch is not in the protocol's form",
		"the batch is not of a link that the roster has",
		"the link is not reconciled there yet",
		"the batch is of an earlier life of this city",
		"the batch was taken before",
		"batches before it are missing there",
		"the logs have parted: compare both cities' journals",
		"the key is not in the neighbour's roster",
		"the signature does not hold",
		"the entries are not those that were signed",
		"it acknowledges what was never sent",
		"it answers what was never asked, or without proof",
		"its totals are not the sums of its entries",
		"the round's proposal is not known there",
		"the neighbour is busy",
	};

	return answer < PEER_ANSWER_COUNT ? sentences[answer]
					  : "an answer that does not exist";
}

/* The end of the own batch that begins at @first; NULL: not remembered. */
static const struct link_boundary *batch_end(const struct link *link,
					     uint64_t first)
{
	for (uint32_t i = 0; i < link->boundary_count; i++) {
		const struct link_boundary *at =
			&link->boundaries[(link->boundary_first + i) %
					  LINK_BOUNDARIES_MAX];

		if (at->seq >= first)
			return i > 0 || first == 1 ? at : NULL;
	}
	return NULL;
}

/* (rule PEER-10) in order, as many at once as the window allows. */
bool peer_next_delivery(struct peer *peer, uint32_t number,
			struct peer_action *out)
{
	struct peer_session *session = peer_session(peer, number);
	const struct link *link = links_at(peer_links(peer), number);
	const struct link_boundary *end;

	if (!session->connected || session->resend ||
	    session->delivering >= PEER_IN_FLIGHT_MAX ||
	    session->next_deliver > link->out.seq ||
	    peer->now_us < session->retry_us)
		return false;
	end = batch_end(link, session->next_deliver);
	/* (rule PEER-1) */
	if (end != NULL && end->journal_seq > peer->durable_seq)
		return false;
	if (end == NULL && session->delivering > 0)
		return false;
	out->kind = PEER_SEND_BATCH;
	out->seq = session->next_deliver;
	out->life = link->life;
	out->agreement = session->agreements;
	session->delivering++;
	session->sent++;
	if (end != NULL)
		session->next_deliver = end->seq + 1;
	else
		session->resend = true; /* its end comes with the answer */
	return true;
}

/* All that was under way has been answered: from where to go on. */
static void settle_deliveries(struct peer_session *session)
{
	if (session->delivering > 0 || !session->resend)
		return;
	session->resend = false;
	session->next_deliver = session->acknowledged + 1;
}

uint64_t peer_remembered_from(const struct link *link)
{
	check(link->boundary_count > 0);
	return link->boundaries[link->boundary_first].seq;
}

static void heard_acknowledgement(struct peer *peer, const struct link *link,
				  const struct peer_deliver_reply *reply)
{
	struct peer_session *session = peer_session(peer, link->number);
	const struct link_boundary *end = link_boundary_at(link, reply->in_seq);

	if (reply->in_seq > link->out.seq ||
	    (end == NULL && reply->in_seq >= peer_remembered_from(link)) ||
	    (end != NULL &&
	     !slice_equal(reply->in_head, slice_of(end->head, SHA256_SIZE)))) {
		peer_move(peer, link->number, PEER_EVIDENCE,
			  "the neighbour acknowledges what this city never "
			  "wrote");
		return;
	}
	if (reply->answer == PEER_GAP || reply->in_seq > session->acknowledged)
		session->acknowledged = reply->in_seq;
}

/* (rule PEER-12): an honest neighbour never says these. */
static bool is_final(uint32_t answer)
{
	return answer == PEER_TOO_LARGE || answer == PEER_MALFORMED ||
	       answer == PEER_FORK ||
	       (answer >= PEER_BAD_KEY && answer <= PEER_BAD_TOTALS);
}

static void not_taken(struct peer *peer, uint32_t number,
		      const struct peer_deliver_reply *reply)
{
	struct peer_session *session = peer_session(peer, number);

	session->resend = true;
	if (reply->arrived && is_final(reply->answer)) {
		if (session->state != PEER_STOPPED)
			peer_move(peer, number, PEER_EVIDENCE,
				  peer_answer_sentence(reply->answer));
		return;
	}
	if (reply->arrived && (reply->answer == PEER_NOT_RECONCILED ||
			       reply->answer == PEER_STALE_INCARNATION))
		session->hello_wanted = true;
	/* A gap is mended at once, the rest takes time. */
	if (!reply->arrived || reply->answer != PEER_GAP)
		peer_back_off(peer, number);
}

void peer_deliver_from(struct peer *peer, uint32_t number, uint64_t in_seq)
{
	struct peer_session *session = peer_session(peer, number);

	session->agreements++;
	session->acknowledged = in_seq;
	session->next_deliver = in_seq + 1;
	session->delivering = 0;
	session->resend = false;
	peer_mark_link(peer, number);
}

void peer_batch_answered(struct peer *peer, uint32_t number, uint64_t agreement,
			 const struct peer_deliver_reply *reply)
{
	struct peer_session *session = peer_session(peer, number);
	const struct link *link = links_at(peer_links(peer), number);
	bool taken = reply->arrived && (reply->answer == PEER_TAKEN ||
					reply->answer == PEER_DUPLICATE);

	if (session->state != PEER_RECONCILED ||
	    agreement != session->agreements)
		return;
	if (session->delivering > 0)
		session->delivering--;
	if (taken || (reply->arrived && reply->answer == PEER_GAP))
		heard_acknowledgement(peer, link, reply);
	if (session->state != PEER_RECONCILED)
		return;
	if (taken)
		session->backoff_us = 0;
	else
		not_taken(peer, number, reply);
	settle_deliveries(session);
	if (session->next_deliver <= session->acknowledged)
		session->next_deliver = session->acknowledged + 1;
}

/* Rows 3 to 8 of PEER-11: the link, its lives, and its place in the log. */
static enum peer_answer check_place(struct peer *peer,
				    const struct peer_delivery *delivery,
				    const struct link *link,
				    const struct link_batch *batch,
				    const struct link_header *header)
{
	const struct peer_session *session = peer_session(peer, link->number);
	uint64_t last = header->first_seq + header->count - 1;
	const struct link_boundary *taken = link_recent_at(link, last);
	uint8_t head[SHA256_SIZE];

	if (session->state != PEER_RECONCILED || !session->peer_said_hello)
		return PEER_NOT_RECONCILED;
	if ((delivery->life.incarnation != link->peer_life.incarnation ||
	     memcmp(delivery->life.nonce, link->peer_life.nonce,
		    LINKLOG_NONCE_SIZE) != 0 ||
	     header->incarnation > link->peer_life.incarnation) &&
	    !PLANTED(OLD_LIFE_TAKEN))
		return PEER_STALE_INCARNATION;
	if (last <= link->in.seq) {
		linklog_head(batch->header, peer->options.sha256, head);
		return taken != NULL && memcmp(taken->head, head,
					       SHA256_SIZE) != 0
			       ? PEER_FORK
			       : PEER_DUPLICATE;
	}
	if (header->first_seq != link->in.seq + 1)
		return PEER_GAP;
	if (memcmp(header->prev_head, link->in.head, SHA256_SIZE) != 0)
		return PEER_FORK;
	return PEER_TAKEN;
}

/* Row 9. */
static enum peer_answer check_signature(struct peer *peer,
					const struct link_batch *batch,
					const struct link_header *header)
{
	const struct peer_directory *directory = &peer->options.directory;
	uint8_t key[NODE_KEY_SIZE];
	struct buffer bytes;

	if (!directory->key(directory->context, header->author, batch->key_id,
			    key))
		return PEER_BAD_KEY;
	buffer_init(&bytes, peer->scratch, PEER_SCRATCH_SIZE);
	linklog_signed(&bytes, batch->header);
	if (batch->signature.size != LINKLOG_SIGNATURE_SIZE ||
	    !peer->options.verify(key, buffer_view(&bytes),
				  batch->signature.data))
		return PEER_BAD_SIGNATURE;
	return PEER_TAKEN;
}

bool peer_acknowledges(const struct link *link,
		       const struct link_header *header)
{
	const struct link_boundary *end =
		link_boundary_at(link, header->ack_seq);

	if (header->ack_seq > link->out.seq)
		return false;
	return end == NULL
		       ? header->ack_seq < peer_remembered_from(link)
		       : memcmp(end->head, header->ack_head, SHA256_SIZE) == 0;
}

/* Row 11. */
static enum peer_answer check_acknowledgement(struct peer *peer,
					      const struct link *link,
					      const struct link_header *header)
{
	if (header->ack_seq > link->out.seq) {
		/* This city was rewound under its own feet. */
		peer_move(peer, link->number, PEER_REWOUND,
			  "the neighbour acknowledges more than this city "
			  "remembers");
		return PEER_BAD_ACK;
	}
	return peer_acknowledges(link, header) ? PEER_TAKEN : PEER_BAD_ACK;
}

static enum peer_answer answer_of(enum links_result result)
{
	switch (result) {
	case LINKS_OK:
		return PEER_TAKEN;
	case LINKS_ROOT_WRONG:
		return PEER_BAD_ROOT;
	case LINKS_LEG_UNKNOWN:
	case LINKS_LEG_DIFFERS:
		return PEER_BAD_ANSWER;
	case LINKS_TOTALS_WRONG:
		return PEER_BAD_TOTALS;
	case LINKS_ROUND_UNKNOWN:
		return PEER_UNKNOWN_PROPOSAL;
	case LINKS_TOO_MANY:
		return PEER_BUSY;
	case LINKS_OUT_OF_ORDER:
		return PEER_FORK;
	case LINKS_MALFORMED:
	case LINKS_LINK_UNKNOWN:
	case LINKS_LINK_TWICE:
	case LINKS_WITHDRAWN_TOO_FAR:
		return PEER_MALFORMED;
	}
	clearing_panic(__FILE__, __LINE__, "links result");
}

/* Rows 9 to 12. */
static enum peer_answer check_content(struct peer *peer,
				      const struct link *link,
				      const struct link_batch *batch,
				      const struct link_header *header)
{
	enum peer_answer answer = check_signature(peer, batch, header);
	enum links_result fits;

	if (answer != PEER_TAKEN)
		return answer;
	fits = links_check_batch(peer_links(peer), link->number, batch, false);
	if (fits == LINKS_MALFORMED || fits == LINKS_ROOT_WRONG)
		return answer_of(fits);
	answer = check_acknowledgement(peer, link, header);
	if (answer != PEER_TAKEN)
		return answer;
	return fits == LINKS_OK ? peer_check_proofs(peer, link, batch)
				: answer_of(fits);
}

/* What the neighbour's answers mean for the books, before they are applied. */
static void book_answers(struct peer *peer, struct recorder *recorder,
			 const struct link *link, struct slice uri,
			 const struct link_batch *batch)
{
	struct slice entries = batch->entries, bytes = { 0 };
	struct link_entry entry;

	while (linklog_next_entry(&entries, &bytes)) {
		const struct payment *payment;
		enum linklog_result result = linklog_entry(bytes, &entry);

		check(result == LINKLOG_OK);
		if (entry.kind != LINK_ENTRY_SETTLE &&
		    entry.kind != LINK_ENTRY_RELEASE)
			continue;
		payment = links_out_leg(peer_links(peer), link->number,
					entry.prepare_seq);
		check(payment != NULL);
		peer_book_answer(peer, recorder, payment,
				 entry.kind == LINK_ENTRY_SETTLE, uri);
	}
}

/* The neighbour's node: the actor of what its answers do. */
static struct slice uri_of(const struct peer *peer, const struct link *link,
			   uint8_t bytes[IDENTITY_URI_SIZE_MAX])
{
	struct buffer out;

	buffer_init(&out, bytes, IDENTITY_URI_SIZE_MAX);
	buffer_put_text(&out, "spiffe://");
	buffer_put(&out, peer_federation(peer));
	buffer_put_text(&out, "/city/");
	buffer_put(&out, link_city(link));
	check(!out.overflowed);
	return buffer_view(&out);
}

uint32_t peer_count_promises(const struct peer *peer, const struct link *link,
			     const struct link_batch *batch, bool own)
{
	struct slice entries = batch->entries, bytes = { 0 };
	struct link_entry entry;
	uint32_t count = 0;

	while (linklog_next_entry(&entries, &bytes)) {
		enum linklog_result result = linklog_entry(bytes, &entry);

		check(result == LINKLOG_OK);
		count += entry.kind == LINK_ENTRY_PREPARE &&
			 links_promise_takes_slot(peer_links(peer), link,
						  entry.payment_terms, own);
	}
	return count;
}

/* Row 14, then all of it or nothing (rule PEER-12). */
bool peer_take_batch(struct peer *peer, const struct link *link,
		     struct slice bytes, const struct link_batch *batch,
		     const struct link_header *header)
{
	struct peer_session *session = peer_session(peer, link->number);
	struct event event = { .kind = EVENT_LINK_BATCH_TAKEN };
	uint8_t uri_bytes[IDENTITY_URI_SIZE_MAX];
	struct slice uri = uri_of(peer, link, uri_bytes);
	struct recorder recorder;

	if (links_room(peer_links(peer)) <
		    peer_count_promises(peer, link, batch, false) ||
	    !ledger_can_name(peer->ledger, uri) ||
	    !peer_open(peer, header->count, 4, bytes.size + 64, &recorder))
		return false;
	book_answers(peer, &recorder, link, uri, batch);
	event.link.link = link->number;
	event.link.batch = bytes;
	peer_link_event(&recorder, &event);
	if (session->state == PEER_RECONCILED && !session->caught_up &&
	    link->in.seq >= session->mark) {
		session->caught_up = true;
		peer_mark_link(peer, link->number);
	}
	return true;
}

/* Rows 1 to 14 of PEER-11, in this order. */
static enum peer_answer receive(struct peer *peer,
				const struct peer_delivery *delivery,
				const struct link **link)
{
	enum linklog_result form = LINKLOG_TOO_LARGE;
	struct link_batch batch;
	struct link_header header;
	enum peer_answer answer;

	if (delivery->batch.size <= LINKLOG_BATCH_SIZE_MAX)
		form = linklog_batch(delivery->batch, &batch);
	if (form == LINKLOG_TOO_LARGE)
		return PEER_TOO_LARGE;
	if (form != LINKLOG_OK ||
	    linklog_header(batch.header, &header) != LINKLOG_OK ||
	    header.version != 1)
		return PEER_MALFORMED;
	if (!slice_equal(delivery->city, delivery->from) ||
	    !slice_equal(header.author, delivery->from) ||
	    !slice_equal(header.peer, peer_here(peer)) ||
	    !slice_equal(header.federation, peer_federation(peer)) ||
	    !peer_listed(peer, delivery->from))
		return PEER_WRONG_LINK;
	*link = links_of(peer_links(peer), delivery->from);
	if (*link == NULL)
		return PEER_WRONG_LINK;
	answer = check_place(peer, delivery, *link, &batch, &header);
	if (answer == PEER_TAKEN)
		answer = check_content(peer, *link, &batch, &header);
	if (answer == PEER_FORK && peer->options.on_fork != NULL)
		peer->options.on_fork(peer->options.context, header.author,
				      &batch);
	if (answer != PEER_TAKEN)
		return answer;
	return peer_take_batch(peer, *link, delivery->batch, &batch, &header)
		       ? PEER_TAKEN
		       : PEER_BUSY;
}

enum peer_answer peer_batch_came(struct peer *peer,
				 const struct peer_delivery *delivery,
				 uint64_t now_us, uint64_t *in_seq,
				 uint8_t in_head[SHA256_SIZE])
{
	const struct link *link = NULL;
	enum peer_answer answer;

	peer->now_us = now_us;
	*in_seq = 0;
	memset(in_head, 0, SHA256_SIZE);
	answer = receive(peer, delivery, &link);
	if (link == NULL)
		return answer;
	*in_seq = link->in.seq;
	memcpy(in_head, link->in.head, SHA256_SIZE);
	if (is_final(answer))
		peer_alarm(peer, link, peer_answer_sentence(answer));
	return answer;
}
