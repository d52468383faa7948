/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Recovering a log: what this city signed and forgot is fetched from the
 * neighbour and carried out again as facts; what nobody holds is withdrawn.
 *
 * Own batches and the neighbour's are taken in turns: before an own batch
 * that acknowledges the neighbour's log up to a, that log is taken up to a,
 * and no further (rule PEER-17).  Each batch is a block's worth: where the
 * process dies in between, the journal holds an older, whole state.
 */
#include <string.h>

#include "peer/peer_private.h"

/* The head that this city's log has at @seq; NULL: not remembered. */
static const uint8_t *own_head(const struct link *link, uint64_t seq)
{
	const struct link_boundary *end = link_boundary_at(link, seq);

	return end == NULL ? NULL : end->head;
}

/* From the boundary that lies @back batches before the end. */
static uint64_t step_back(const struct link *link, uint32_t back)
{
	uint32_t place;

	check(link->boundary_count > 0);
	place = back < link->boundary_count ? link->boundary_count - 1 - back
					    : 0;
	return link->boundaries[(link->boundary_first + place) %
				LINK_BOUNDARIES_MAX]
		       .seq +
	       1;
}

/* How many of the own batches end at @seq or later. */
static uint32_t batches_from(const struct link *link, uint64_t seq)
{
	uint32_t count = 0;

	while (count < link->boundary_count &&
	       step_back(link, count) - 1 >= seq && seq > 0)
		count++;
	return count;
}

void peer_recover(struct peer *peer, uint32_t number, uint64_t in_seq)
{
	struct peer_session *session = peer_session(peer, number);
	const struct link *link = links_at(peer_links(peer), number);

	check(session->state == PEER_RECOVERING);
	session->fetch_own = true;
	/* Less than here, yet not this log: look where the two part. */
	session->back = batches_from(link, in_seq);
	session->recover_from = step_back(link, session->back);
}

static void stop(struct peer *peer, uint32_t link, const char *why)
{
	peer_move(peer, link, PEER_EVIDENCE, why);
}

static void done(struct peer *peer, uint32_t link)
{
	peer_move(peer, link, PEER_RECORDED, "recovered; saying hello again");
}

/*
 * (rule PEER-43): what a REVOKED key of this city signed comes back only on an
 * operator's order to rejoin (rule PEER-22): nobody but the neighbour has it,
 * and the neighbour may have the key.
 */
static bool find_key(const struct peer *peer, const struct link_batch *batch,
		     const struct link_header *header, bool own,
		     uint8_t key[NODE_KEY_SIZE])
{
	const struct peer_directory *directory = &peer->options.directory;

	return directory->key(directory->context, header->author, batch->key_id,
			      key) ||
	       (own && peer_links(peer)->rejoin != REJOIN_NONE &&
		directory->any_key(directory->context, header->author,
				   batch->key_id, key));
}

static bool signature_holds(struct peer *peer, const struct link_batch *batch,
			    const struct link_header *header, bool own)
{
	uint8_t key[NODE_KEY_SIZE];
	struct buffer bytes;

	buffer_init(&bytes, peer->scratch, PEER_SCRATCH_SIZE);
	linklog_signed(&bytes, batch->header);
	return batch->signature.size == LINKLOG_SIGNATURE_SIZE &&
	       find_key(peer, batch, header, own, key) &&
	       peer->options.verify(key, buffer_view(&bytes),
				    batch->signature.data);
}

/* Is this a batch of the log in question, signed by its author? */
static bool is_batch_of(struct peer *peer, const struct link *link, bool own,
			struct slice bytes, struct link_batch *batch,
			struct link_header *header)
{
	struct slice author = own ? peer_here(peer) : link_city(link);
	struct slice reader = own ? link_city(link) : peer_here(peer);

	if (linklog_batch(bytes, batch) != LINKLOG_OK ||
	    linklog_header(batch->header, header) != LINKLOG_OK ||
	    !slice_equal(header->author, author) ||
	    !slice_equal(header->peer, reader) ||
	    !slice_equal(header->federation, peer_federation(peer)))
		return false;
	return signature_holds(peer, batch, header, own);
}

/* How a step of recovery ended. */
enum step {
	STEP_ON,    /* the next batch */
	STEP_FETCH, /* something else is to be fetched first */
	STEP_LATER, /* no room in the block */
	STEP_BAD,   /* it does not fit */
};

/* What the batch means for the books, before it is applied. */
static void book_own_answers(struct peer *peer, struct recorder *recorder,
			     uint32_t number, const struct link_batch *batch)
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
		payment = links_in_leg(peer_links(peer), number,
				       entry.prepare_seq);
		check(payment != NULL);
		peer_book_own_answer(peer, recorder, payment,
				     entry.kind == LINK_ENTRY_SETTLE);
	}
}

static void book_promises(struct peer *peer, struct recorder *recorder,
			  uint32_t number, uint64_t first_seq, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct payment *payment =
			links_out_leg(peer_links(peer), number, first_seq + i);

		if (payment != NULL)
			peer_book_promise(peer, recorder, payment);
	}
}

/* (rule PEER-18): as facts; nothing refuses them. */
static enum step adopt(struct peer *peer, const struct link *link,
		       struct slice bytes, const struct link_batch *batch,
		       const struct link_header *header)
{
	struct event event = { .kind = EVENT_LINK_BATCH_ADOPTED };
	struct recorder recorder;

	if (links_check_batch(peer_links(peer), link->number, batch, true) !=
	    LINKS_OK)
		return STEP_BAD;
	/* A promise takes an entry, and an event that says what it holds. */
	if (links_room(peer_links(peer)) <
		    peer_count_promises(peer, link, batch, true) ||
	    !peer_open(peer, header->count, header->count + 4, bytes.size + 64,
		       &recorder))
		return STEP_LATER;
	book_own_answers(peer, &recorder, link->number, batch);
	event.link.link = link->number;
	event.link.batch = bytes;
	peer_link_event(&recorder, &event);
	book_promises(peer, &recorder, link->number, header->first_seq,
		      header->count);
	return STEP_ON;
}

/*
 * The first fetched batch must begin where the two logs part; when it lies
 * before, this city goes back to there.
 */
static enum step find_common(struct peer *peer, const struct link *link,
			     const struct link_header *header)
{
	struct peer_session *session = peer_session(peer, link->number);
	uint64_t before = header->first_seq - 1;
	const uint8_t *head = own_head(link, before);

	if (before == link->out.seq &&
	    memcmp(header->prev_head, link->out.head, SHA256_SIZE) == 0)
		return STEP_ON;
	if (head != NULL && memcmp(header->prev_head, head, SHA256_SIZE) == 0) {
		if (!peer_may_withdraw(peer, link->number, before))
			return STEP_BAD;
		return peer_withdraw(peer, link->number, before) ? STEP_ON
								 : STEP_LATER;
	}
	/* (rule PEER-4): both have lost what would tell. */
	if (session->back >= link->boundary_count)
		return STEP_BAD;
	session->back = session->back * 2 + 1;
	session->recover_from = step_back(link, session->back);
	return STEP_FETCH;
}

/* Is @header's batch one that this city remembers as it is? */
static bool is_known(const struct link *link, const struct link_batch *batch,
		     const struct link_header *header, sha256_function *sha256)
{
	uint64_t last = header->first_seq + header->count - 1;
	const uint8_t *head = own_head(link, last);
	uint8_t theirs[SHA256_SIZE];

	linklog_head(batch->header, sha256, theirs);
	return last <= link->out.seq && head != NULL &&
	       memcmp(head, theirs, SHA256_SIZE) == 0;
}

/* One batch of the own log: known, or adopted when its turn has come. */
static enum step own_batch(struct peer *peer, const struct link *link,
			   struct slice bytes, const struct link_batch *batch,
			   const struct link_header *header)
{
	struct peer_session *session = peer_session(peer, link->number);
	enum step step;

	if (is_known(link, batch, header, peer->options.sha256))
		return STEP_ON;
	step = find_common(peer, link, header);
	if (step != STEP_ON)
		return step;
	if (header->ack_seq > link->in.seq) {
		session->fetch_own = false;
		session->recover_until = header->ack_seq;
		return STEP_FETCH;
	}
	return adopt(peer, link, bytes, batch, header);
}

static enum step own_step(struct peer *peer, const struct link *link,
			  struct slice bytes)
{
	struct peer_session *session = peer_session(peer, link->number);
	struct link_batch batch;
	struct link_header header;
	enum step step;

	if (!is_batch_of(peer, link, true, bytes, &batch, &header))
		return STEP_BAD;
	/* A page may end anywhere: the next one goes on from here. */
	session->recover_from = header.first_seq;
	step = own_batch(peer, link, bytes, &batch, &header);
	if (step == STEP_ON)
		session->recover_from = header.first_seq + header.count;
	return step;
}

static enum step peer_step(struct peer *peer, const struct link *link,
			   struct slice bytes)
{
	struct peer_session *session = peer_session(peer, link->number);
	struct link_batch batch;
	struct link_header header;
	enum peer_answer proofs;

	if (!is_batch_of(peer, link, false, bytes, &batch, &header))
		return STEP_BAD;
	if (header.first_seq + header.count - 1 <= link->in.seq)
		return STEP_ON;
	if (link->in.seq >= session->recover_until)
		return STEP_FETCH;
	if (links_check_batch(peer_links(peer), link->number, &batch, false) !=
		    LINKS_OK ||
	    /* What it acknowledges was adopted before (rule PEER-17). */
	    !peer_acknowledges(link, &header))
		return STEP_BAD;
	proofs = peer_check_proofs(peer, link, &batch);
	if (proofs != PEER_TAKEN)
		return proofs == PEER_BUSY ? STEP_LATER : STEP_BAD;
	return peer_take_batch(peer, link, bytes, &batch, &header) ? STEP_ON
								   : STEP_LATER;
}

static void after_page(struct peer *peer, const struct link *link, bool own,
		       uint32_t count)
{
	struct peer_session *session = peer_session(peer, link->number);

	if (own && count == 0) {
		done(peer, link->number);
		return;
	}
	if (!own && (link->in.seq >= session->recover_until || count == 0))
		session->fetch_own = true;
}

void peer_log_fetched(struct peer *peer, uint32_t number, bool own,
		      bool arrived, const struct slice *batches, uint32_t count)
{
	struct peer_session *session = peer_session(peer, number);
	const struct link *link = links_at(peer_links(peer), number);
	enum step step = STEP_ON;

	session->fetch_flying = false;
	if (session->state != PEER_RECOVERING || own != session->fetch_own)
		return;
	if (!arrived) {
		peer_back_off(peer, number);
		return;
	}
	/* The neighbour lost what this city's own log says it had. */
	if (!own && count == 0) {
		stop(peer, number,
		     "the neighbour lacks entries that this city "
		     "acknowledged: both were restored");
		return;
	}
	for (uint32_t i = 0; i < count && step == STEP_ON; i++)
		step = own ? own_step(peer, link, batches[i])
			   : peer_step(peer, link, batches[i]);
	if (step == STEP_BAD)
		stop(peer, number, "a log that was fetched does not fit");
	else if (step == STEP_LATER)
		session->retry_us = peer->now_us + PEER_BACKOFF_MIN_US / 10;
	else if (step == STEP_ON)
		after_page(peer, link, own, count);
	else if (!own)
		session->fetch_own = true;
}

/* How many bookings taking back everything above @to may need. */
static uint32_t count_above(const struct links *links, uint32_t link,
			    uint64_t to)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment == NULL)
			continue;
		count += payment->in_link == link && payment->in_answered &&
			 payment->answer_seq > to;
		count += payment->out_link == link && payment->out_seq > to;
	}
	return count;
}

static void unbook_above(struct peer *peer, struct recorder *recorder,
			 uint32_t link, uint64_t to)
{
	const struct links *links = peer_links(peer);

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment == NULL)
			continue;
		if (payment->in_link == link && payment->in_answered &&
		    payment->answer_seq > to)
			peer_unbook_answer(peer, recorder, payment);
		if (payment->out_link == link && payment->out_seq > to)
			peer_unbook_promise(peer, recorder, payment);
	}
}

/* One batch back, so that a block has room for what it means. */
static bool withdraw_one(struct peer *peer, const struct link *link,
			 uint64_t to)
{
	struct peer_session *session = peer_session(peer, link->number);
	struct event event = { .kind = EVENT_LINK_WITHDRAWN };
	struct recorder recorder;
	uint32_t count;

	/* The ring's last is the log's end; the one before is the goal. */
	if (link->boundary_count >= 2) {
		uint64_t previous = step_back(link, 1) - 1;

		if (previous > to)
			to = previous;
	}
	count = count_above(peer_links(peer), link->number, to);
	if (!peer_open(peer, count, 3, 0, &recorder))
		return false;
	unbook_above(peer, &recorder, link->number, to);
	event.link.link = link->number;
	event.link.seq = to;
	peer_link_event(&recorder, &event);
	if (session->next_deliver > to + 1)
		session->next_deliver = to + 1;
	if (peer->options.on_withdrawn != NULL)
		peer->options.on_withdrawn(peer->options.context, link->number,
					   to);
	return true;
}

bool peer_may_withdraw(const struct peer *peer, uint32_t number, uint64_t to)
{
	const struct peer_session *session = peer_session_of(peer, number);
	const struct link *link = links_at(peer_links(peer), number);

	return to >= link->acknowledged && to >= link->header_ack &&
	       to >= session->acknowledged &&
	       links_can_withdraw(peer_links(peer), link, to);
}

bool peer_withdraw(struct peer *peer, uint32_t number, uint64_t to)
{
	const struct link *link = links_at(peer_links(peer), number);

	while (link->out.seq > to) {
		if (!withdraw_one(peer, link, to))
			return false;
	}
	return true;
}
