/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The engine's actions as calls, and the batches they carry. */
#include <stdlib.h>
#include <string.h>

#include "api/handler.h"
#include "api/neighbours_private.h"

/* One action under way. */
struct flight {
	struct neighbours *neighbours;
	struct peer_action action;
};

void neighbours_drop_batches(struct neighbours *neighbours)
{
	const struct links *links = &neighbours->api->ledger->links;

	for (uint32_t i = 0;
	     neighbours->kept != NULL && i < links->options.links_max; i++) {
		struct kept_batch *batch = neighbours->kept[i].first, *next;

		for (; batch != NULL; batch = next) {
			next = batch->next;
			free(batch);
		}
		neighbours->kept[i] = (struct kept_batches){ 0 };
	}
}

static void drop_oldest(struct kept_batches *kept)
{
	struct kept_batch *batch = kept->first;

	kept->first = batch->next;
	if (kept->first == NULL)
		kept->last = NULL;
	kept->size -= batch->size;
	free(batch);
}

static void drop_acknowledged(struct neighbours *neighbours, uint32_t link)
{
	struct kept_batches *kept = &neighbours->kept[link - 1];
	uint64_t seq = peer_session_of(&neighbours->peer, link)->acknowledged;

	while (kept->first != NULL && kept->first->last_seq <= seq)
		drop_oldest(kept);
}

/* Those that end at @seq or later were withdrawn: the log has others there. */
static void drop_withdrawn(struct kept_batches *kept, uint64_t seq)
{
	struct kept_batch **at = &kept->first, *last = NULL;

	if (kept->last == NULL || kept->last->last_seq < seq)
		return;
	while (*at != NULL && (*at)->last_seq < seq) {
		last = *at;
		at = &last->next;
	}
	while (*at != NULL) {
		struct kept_batch *batch = *at;

		*at = batch->next;
		kept->size -= batch->size;
		free(batch);
	}
	kept->last = last;
}

void neighbours_keep_batch(void *context, uint32_t link, uint64_t first_seq,
			   uint64_t last_seq, struct slice bytes)
{
	struct neighbours *neighbours = context;
	struct kept_batches *kept = &neighbours->kept[link - 1];
	struct kept_batch *batch = malloc(sizeof(*batch) + bytes.size);

	drop_withdrawn(kept, first_seq);
	/* Without memory it is read from the tables when it is wanted. */
	if (batch == NULL)
		return;
	batch->next = NULL;
	batch->first_seq = first_seq;
	batch->last_seq = last_seq;
	batch->size = bytes.size;
	memcpy(batch->bytes, bytes.data, bytes.size);
	if (kept->last == NULL)
		kept->first = batch;
	else
		kept->last->next = batch;
	kept->last = batch;
	kept->size += bytes.size;
	while (kept->size > NEIGHBOURS_KEPT_MAX && kept->first != batch)
		drop_oldest(kept);
}

void neighbours_drop_above(void *context, uint32_t link, uint64_t to)
{
	struct neighbours *neighbours = context;
	struct kept_batches *kept = &neighbours->kept[link - 1];
	struct kept_batch *last = NULL, *batch = kept->first;

	/* In order of seq: those that stay are the first ones. */
	while (batch != NULL && batch->last_seq <= to) {
		last = batch;
		batch = batch->next;
	}
	if (last == NULL)
		kept->first = NULL;
	else
		last->next = NULL;
	kept->last = last;
	while (batch != NULL) {
		struct kept_batch *next = batch->next;

		kept->size -= batch->size;
		free(batch);
		batch = next;
	}
}

const struct kept_batch *
neighbours_find_batch(const struct neighbours *neighbours, uint32_t link,
		      uint64_t seq)
{
	const struct kept_batch *batch = neighbours->kept[link - 1].first;

	while (batch != NULL && batch->first_seq != seq)
		batch = batch->next;
	return batch;
}

static void hello_done(void *user, bool arrived, struct slice message)
{
	struct flight *flight = user;
	struct peer_hello_reply reply = { .arrived = arrived };

	if (arrived && !decode_hello_response(message, &reply))
		reply.arrived = false;
	peer_hello_answered(&flight->neighbours->peer, flight->action.link,
			    &reply);
	free(flight);
}

static void deliver_done(void *user, bool arrived, struct slice message)
{
	struct flight *flight = user;
	struct peer_deliver_reply reply = { .arrived = arrived };

	if (arrived && !decode_deliver_response(message, &reply))
		reply.arrived = false;
	peer_batch_answered(&flight->neighbours->peer, flight->action.link,
			    flight->action.agreement, &reply);
	drop_acknowledged(flight->neighbours, flight->action.link);
	free(flight);
}

static void fetch_done(void *user, bool arrived, struct slice message)
{
	struct flight *flight = user;
	struct slice batches[NEIGHBOURS_PAGE_MAX];
	uint32_t count = 0;

	if (arrived && !decode_fetch_log_response(message, batches,
						  NEIGHBOURS_PAGE_MAX, &count))
		arrived = false;
	peer_log_fetched(&flight->neighbours->peer, flight->action.link,
			 flight->action.own, arrived, batches, count);
	free(flight);
}

/* False: it was not sent; the engine is told so. */
static void call(struct flight *flight, enum rpc rpc,
		 const struct buffer *message, neighbours_done *done)
{
	struct neighbours *neighbours = flight->neighbours;
	const struct link *link =
		links_at(&neighbours->api->ledger->links, flight->action.link);

	check(!message->overflowed);
	if (!neighbours->options.call(neighbours->options.context,
				      link == NULL ? flight->action.city
						   : link_city(link),
				      rpc, buffer_view(message), done, flight))
		done(flight, false, (struct slice){ 0 });
}

static struct buffer message_of(struct neighbours *neighbours)
{
	struct buffer message;

	buffer_init(&message, neighbours->message, NEIGHBOURS_MESSAGE_MAX);
	return message;
}

static void say_hello(struct flight *flight)
{
	struct buffer message = message_of(flight->neighbours);

	encode_hello_request(&message, flight->action.message);
	call(flight, RPC_HELLO, &message, hello_done);
}

static void deliver(struct flight *flight, struct slice batch)
{
	struct neighbours *neighbours = flight->neighbours;
	struct buffer message = message_of(neighbours);

	encode_deliver_request(&message, slice_from_text(neighbours->api->city),
			       &flight->action.life,
			       peer_batch_to_send(&neighbours->peer, batch));
	call(flight, RPC_DELIVER, &message, deliver_done);
}

/* A batch of an earlier process, from the tables. */
static void batch_read(void *user, const struct read_result *result)
{
	struct flight *flight = user;

	if (result->status == READ_OK && result->count > 0 &&
	    result->batches[0].first_seq == flight->action.seq)
		deliver(flight, result->batches[0].batch);
	else
		deliver_done(flight, false, (struct slice){ 0 });
}

static void send_batch(struct flight *flight)
{
	struct neighbours *neighbours = flight->neighbours;
	const struct kept_batch *kept = neighbours_find_batch(
		neighbours, flight->action.link, flight->action.seq);
	struct read_query query = {
		.kind = READ_LINK_LOG,
		.account = flight->action.link,
		.state = 1,
		.cursor = flight->action.seq,
		.limit = 1,
		.min_position = journal_acknowledged(neighbours->api->journal),
		.deadline_us = neighbours->api->now_us + NEIGHBOURS_CALL_US,
		.city = neighbours->api->city,
	};

	if (kept == NULL)
		projector_hurry(neighbours->api->projector, query.min_position);
	if (kept != NULL)
		deliver(flight, slice_of(kept->bytes, kept->size));
	else if (!reader_submit(neighbours->api->reader, &query, batch_read,
				flight))
		deliver_done(flight, false, (struct slice){ 0 });
}

static void fetch_log(struct flight *flight)
{
	struct neighbours *neighbours = flight->neighbours;
	const struct link *link =
		links_at(&neighbours->api->ledger->links, flight->action.link);
	struct buffer message = message_of(neighbours);
	struct fetch_log_request request = {
		.author = flight->action.own
				  ? slice_from_text(neighbours->api->city)
				  : link_city(link),
		.from_seq = flight->action.seq,
	};

	encode_fetch_log_request(&message, &request);
	call(flight, RPC_FETCH_LOG, &message, fetch_done);
}

static void outcome_done(void *user, bool arrived, struct slice message)
{
	struct flight *flight = user;
	struct peer_outcome_reply reply = { .arrived = arrived };

	if (arrived && !decode_query_outcome_response(message, &reply))
		reply.arrived = false;
	peer_outcome_answered(&flight->neighbours->peer, flight->action.number,
			      &reply);
	free(flight);
}

/* (rule PEER-44) */
static void ask_outcome(struct flight *flight)
{
	struct buffer message = message_of(flight->neighbours);
	struct query_outcome_request request = {
		.terms = flight->action.terms,
	};
	struct payment_terms terms;
	uint8_t hash[SHA256_SIZE];
	enum linklog_result result = linklog_terms(request.terms, &terms);

	check(result == LINKLOG_OK);
	flight->neighbours->api->sha256(request.terms, hash);
	request.payment_id = slice_of(terms.payment_id, LINKLOG_ID_SIZE);
	request.terms_hash = slice_of(hash, SHA256_SIZE);
	encode_query_outcome_request(&message, &request);
	call(flight, RPC_QUERY_OUTCOME, &message, outcome_done);
}

static void act(struct neighbours *neighbours, const struct peer_action *action)
{
	struct flight *flight = malloc(sizeof(*flight));

	/* Nothing of it is lost: the engine's timers ask again. */
	if (flight == NULL)
		clearing_panic(__FILE__, __LINE__, "out of memory");
	*flight = (struct flight){ neighbours, *action };
	switch ((enum peer_action_kind)action->kind) {
	case PEER_SAY_HELLO:
		say_hello(flight);
		break;
	case PEER_SEND_BATCH:
		send_batch(flight);
		break;
	case PEER_FETCH_LOG:
		fetch_log(flight);
		break;
	case PEER_ASK_OUTCOME:
		ask_outcome(flight);
		break;
	}
}

void neighbours_act(struct neighbours *neighbours)
{
	struct peer_action action;

	/* A call that fails at once comes back here. */
	if (neighbours->acting)
		return;
	neighbours->acting = true;
	while (peer_next_action(&neighbours->peer, &action))
		act(neighbours, &action);
	neighbours->acting = false;
}
