/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_net.h"

#include <stdlib.h>
#include <string.h>

#include "peer/planted.h"
#include "sim/sim_check.h"
#include "sim/sim_city.h"
#include "sim/sim_crypto.h"
#include "sim/sim_liar.h"
#include "sim/sim_roster.h"

/* What a caller waits for an answer, at least and at most. */
#define TIMEOUT_US_MIN (2 * SIM_SECOND_US)
#define TIMEOUT_US_MAX (8 * SIM_SECOND_US)
/* Batches a page of a fetched log has at most. */
#define PAGE_BATCHES_MAX 6

struct sim_message *sim_net_message(size_t size)
{
	struct sim_message *message = calloc(1, sizeof(*message) + size);

	check(message != NULL);
	message->size = size;
	return message;
}

static struct sim_message *copy_of(const struct sim_message *message)
{
	struct sim_message *copy = sim_net_message(message->size);

	memcpy(copy, message, sizeof(*message) + message->size);
	return copy;
}

static uint64_t some_delay(struct sim *sim)
{
	if (sim_chance(&sim->random, sim->plan.delay_long) && !sim->quiet)
		return sim_random_between(&sim->random, SIM_SECOND_US / 10,
					  sim_chance(&sim->random, 200)
						  ? 90 * SIM_SECOND_US
						  : 4 * SIM_SECOND_US);
	return sim_random_between(&sim->random, 200, 20000);
}

static void launch(struct sim *sim, struct sim_message *message)
{
	sim_schedule(sim, some_delay(sim),
		     (struct sim_event){ .kind = SIM_MESSAGE,
					 .city = message->to,
					 .message = message });
}

void sim_net_send(struct sim *sim, struct sim_message *message)
{
	sim->counts.messages++;
	sim_liar_meddle(sim, &message);
	if (sim->cut[message->from][message->to] ||
	    (!sim->quiet && sim_chance(&sim->random, sim->plan.drop))) {
		free(message);
		return;
	}
	if (!sim->quiet && sim_chance(&sim->random, sim->plan.duplicate))
		launch(sim, copy_of(message));
	launch(sim, message);
}

static uint32_t begin_call(struct sim_city *city,
			   const struct peer_action *action)
{
	struct sim *sim = city->sim;
	const struct link *link = links_at(&city->ledger.links, action->link);
	bool asks = action->kind == PEER_ASK_OUTCOME;
	uint32_t number = sim->call_count;

	sim->calls = sim_grow(sim->calls, number, &sim->call_capacity,
			      sizeof(*sim->calls));
	sim->calls[number] = (struct sim_call){
		.from = city->number,
		.to = sim_city_of(sim, asks ? action->city : link_city(link)),
		.run = city->run,
		.link = action->link,
		.number = asks ? action->number : action->agreement,
		.kind = action->kind,
		.own = action->own,
		.open = true,
	};
	sim->call_count++;
	sim->calls_open++;
	sim_schedule(
		sim,
		sim_random_between(&sim->random, TIMEOUT_US_MIN,
				   TIMEOUT_US_MAX),
		(struct sim_event){ .kind = SIM_TIMEOUT, .other = number });
	return number;
}

/* What rule PEER-7 is against: the header is made when the batch is sent. */
static struct slice sealed_anew(struct sim_city *city,
				const struct sim_batch *sealed)
{
	static uint8_t bytes[LINKLOG_BATCH_SIZE_MAX];
	uint8_t header_bytes[LINKLOG_HEADER_SIZE_MAX];
	uint8_t signed_bytes[LINKLOG_HEADER_SIZE_MAX + 32];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE], key[NODE_KEY_SIZE];
	struct link_header header;
	struct link_batch batch;
	struct buffer out;

	check(linklog_batch(slice_of(sealed->bytes, sealed->size), &batch) ==
		      LINKLOG_OK &&
	      linklog_header(batch.header, &header) == LINKLOG_OK);
	header.journal_seq = city->ledger.next_seq;
	buffer_init(&out, header_bytes, sizeof(header_bytes));
	linklog_put_header(&out, &header);
	batch.header = buffer_view(&out);
	buffer_init(&out, signed_bytes, sizeof(signed_bytes));
	linklog_signed(&out, batch.header);
	sim_crypto_key(city->number, city->key_number, key);
	sim_crypto_sign(key, buffer_view(&out), signature);
	batch.key_id = slice_of(city->key_id, 2);
	batch.signature = slice_of(signature, sizeof(signature));
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_batch(&out, &batch);
	check(!out.overflowed);
	return buffer_view(&out);
}

/* (rule PEER-1) What is sent must be durable here. */
static struct slice batch_of(struct sim_city *city,
			     const struct peer_action *action)
{
	const struct sim_batch *batch =
		sim_log_at(&city->store.own[action->link - 1], action->seq);

	if (batch == NULL)
		sim_fail(city->sim,
			 "city %u wants to send a batch at %u of "
			 "link %u that its journal does not have",
			 city->number, (uint32_t)action->seq, action->link);
	if (batch->block > sim_city_durable(city))
		sim_fail(city->sim,
			 "city %u sends what is not durable: block %u",
			 city->number, (uint32_t)batch->block);
	return PLANTED(SEAL_AT_SEND) ? sealed_anew(city, batch)
				     : slice_of(batch->bytes, batch->size);
}

static struct slice content_of(struct sim_city *city,
			       const struct peer_action *action)
{
	switch ((enum peer_action_kind)action->kind) {
	case PEER_SAY_HELLO:
		return action->message;
	case PEER_SEND_BATCH:
		return batch_of(city, action);
	case PEER_FETCH_LOG:
		return (struct slice){ 0 };
	case PEER_ASK_OUTCOME:
		return action->terms;
	}
	clearing_panic(__FILE__, __LINE__, "action kind");
}

void sim_net_perform(struct sim_city *city, const struct peer_action *action)
{
	struct slice content = content_of(city, action);
	struct sim_message *message = sim_net_message(content.size);
	uint32_t call = begin_call(city, action);

	message->kind = action->kind;
	message->from = city->number;
	message->to = city->sim->calls[call].to;
	message->call = call;
	message->life = action->life;
	message->own = action->own;
	message->seq = action->seq;
	if (content.size > 0)
		memcpy(message->bytes, content.data, content.size);
	sim_say(city->sim, "%u -> %u %s seq %u call %u", message->from,
		message->to,
		action->kind == PEER_SAY_HELLO	   ? "hello"
		: action->kind == PEER_SEND_BATCH  ? "batch"
		: action->kind == PEER_ASK_OUTCOME ? "outcome?"
		: action->own			   ? "fetch own"
						   : "fetch theirs",
		(uint32_t)action->seq, call);
	sim_net_send(city->sim, message);
}

/* A reply of the same call, the other way. */
static struct sim_message *reply_to(const struct sim_message *request,
				    size_t size)
{
	struct sim_message *reply = sim_net_message(size);

	reply->reply = true;
	reply->kind = request->kind;
	reply->from = request->to;
	reply->to = request->from;
	reply->call = request->call;
	return reply;
}

/* It waits for everything that was recorded so far (rule PEER-13). */
static void answer(struct sim_city *city, struct sim_message *reply)
{
	sim_city_wait(city, (struct sim_waiting){
				    .seq = sim_city_newest(city),
				    .message = reply,
			    });
}

static void sign_reply(struct sim_city *city, const char *kind,
		       struct slice body, struct sim_message *reply)
{
	memcpy(reply->bytes, body.data, body.size);
	peer_sign_body(&city->peer, kind, body, reply->signature);
	memcpy(reply->key_id, city->key_id, 2);
	reply->key_id_size = 2;
}

static void hello_came(struct sim_city *city, const struct sim_message *request)
{
	static uint8_t bytes[64u << 10];
	struct sim *sim = city->sim;
	struct sim_message *reply;
	struct buffer body;
	uint64_t highest = 0;
	enum peer_hello_result result;

	buffer_init(&body, bytes, sizeof(bytes));
	result = peer_hello_came(&city->peer, sim->cities[request->from].name,
				 slice_of(request->bytes, request->size),
				 sim_city_now(city), &body, &highest);
	check(!body.overflowed);
	reply = reply_to(request, result == PEER_HELLO_OK ? body.size : 0);
	reply->arrived = result == PEER_HELLO_OK || result == PEER_HELLO_STALE;
	reply->stale_highest = highest;
	if (result == PEER_HELLO_OK)
		sign_reply(city, "HelloOk", buffer_view(&body), reply);
	if (result == PEER_HELLO_STALE)
		sim->counts.stale++;
	sim_check_hello(city, request->from, result);
	answer(city, reply);
}

static void batch_came(struct sim_city *city, const struct sim_message *request)
{
	struct slice name = city->sim->cities[request->from].name;
	struct peer_delivery delivery = {
		.city = name,
		.from = name,
		.life = request->life,
		.batch = slice_of(request->bytes, request->size),
	};
	struct sim_message *reply = reply_to(request, 0);

	reply->arrived = true;
	reply->answer =
		peer_batch_came(&city->peer, &delivery, sim_city_now(city),
				&reply->seq, reply->head);
	sim_say(city->sim, "%u: batch of %u: %s, has %u", city->number,
		request->from, peer_answer_name(reply->answer),
		(uint32_t)reply->seq);
	sim_check_answer(city, request->from, reply->answer);
	answer(city, reply);
}

/* Only what is durable: what a neighbour's fetch reads from the tables. */
static void fetch_came(struct sim_city *city, const struct sim_message *request)
{
	uint32_t link = sim_city_link(city, request->from);
	const struct sim_log *log;
	struct sim_message *reply;
	uint32_t from, until;
	size_t size = 0, at = 0;

	if (link == 0)
		return;
	log = request->own ? &city->store.taken[link - 1]
			   : &city->store.own[link - 1];
	from = until = sim_log_from(log, request->seq);
	while (until < log->count && until - from < PAGE_BATCHES_MAX &&
	       log->batches[until].block <= sim_city_durable(city)) {
		size += sizeof(uint32_t) + log->batches[until].size;
		until++;
		if (sim_chance(&city->sim->random, 300))
			break;
	}
	reply = reply_to(request, size);
	reply->arrived = true;
	reply->own = request->own;
	reply->batch_count = until - from;
	for (uint32_t i = from; i < until; i++) {
		uint32_t length = (uint32_t)log->batches[i].size;

		memcpy(reply->bytes + at, &length, sizeof(length));
		at += sizeof(length);
		memcpy(reply->bytes + at, log->batches[i].bytes, length);
		at += length;
	}
	answer(city, reply);
}

/* The Settle of a payment in a log, as the tables would have it. */
static const struct sim_batch *find_settle(struct sim_city *city,
					   const struct sim_log *log,
					   const uint8_t hash[SHA256_SIZE],
					   uint32_t *index)
{
	for (uint32_t i = log->count; i > 0; i--) {
		const struct sim_batch *batch = &log->batches[i - 1];
		struct slice entries, bytes = { 0 };
		struct link_batch parts;
		struct link_entry entry;

		check(linklog_batch(slice_of(batch->bytes, batch->size),
				    &parts) == LINKLOG_OK);
		entries = parts.entries;
		*index = 0;
		while (linklog_next_entry(&entries, &bytes)) {
			check(linklog_entry(bytes, &entry) == LINKLOG_OK);
			if (entry.kind == LINK_ENTRY_SETTLE &&
			    memcmp(entry.terms_hash, hash, SHA256_SIZE) == 0 &&
			    batch->block <= sim_city_durable(city))
				return batch;
			(*index)++;
		}
	}
	return NULL;
}

static void prove(struct sim_city *city, const struct sim_batch *batch,
		  uint32_t index, struct buffer *out)
{
	static uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];
	struct link_batch parts;
	struct slice entries, bytes = { 0 };
	struct link_entry entry = { 0 };

	check(linklog_batch(slice_of(batch->bytes, batch->size), &parts) ==
	      LINKLOG_OK);
	entries = parts.entries;
	for (uint32_t i = 0; i <= index; i++)
		check(linklog_next_entry(&entries, &bytes));
	check(linklog_entry(bytes, &entry) == LINKLOG_OK);
	if (entry.proof.size > 0)
		buffer_put(out, entry.proof);
	else
		linklog_prove(&parts, index, leaves, sim_roster_hash(city->sim),
			      out);
}

/* (rule PEER-35) What a neighbour holds, or nobody can any more. */
static bool is_held(struct sim_city *city, uint32_t number,
		    const struct sim_batch *batch)
{
	const struct link *link = links_at(&city->ledger.links, number);

	return link->gone || batch->last_seq <= link->acknowledged;
}

/* From this city's answer, or from that of the neighbour it forwarded to. */
static void find_proof(struct sim_city *city, const struct payment_terms *terms,
		       const uint8_t hash[SHA256_SIZE], struct buffer *out)
{
	const struct sim_batch *batch;
	uint32_t here = 0, before, after, index;

	while (here < terms->path_count &&
	       !slice_equal(terms->path[here], city->name))
		here++;
	if (here == 0 || here == terms->path_count)
		return;
	before = sim_city_link(city,
			       sim_city_of(city->sim, terms->path[here - 1]));
	if (before > 0) {
		batch = find_settle(city, &city->store.own[before - 1], hash,
				    &index);
		if (batch != NULL && is_held(city, before, batch))
			prove(city, batch, index, out);
	}
	if (out->size > 0 || here + 1 == terms->path_count)
		return;
	after = sim_city_link(city,
			      sim_city_of(city->sim, terms->path[here + 1]));
	batch = after == 0 ? NULL
			   : find_settle(city, &city->store.taken[after - 1],
					 hash, &index);
	if (batch != NULL)
		prove(city, batch, index, out);
}

static void outcome_came(struct sim_city *city,
			 const struct sim_message *request)
{
	struct slice name = city->sim->cities[request->from].name;
	struct slice bytes = slice_of(request->bytes, request->size);
	uint8_t memory[LINKLOG_PROOF_SIZE_MAX], hash[SHA256_SIZE];
	struct payment_terms terms;
	struct sim_message *reply;
	bool may = peer_may_say_never(&city->peer, name, bytes);
	bool never = false;
	struct buffer out;

	buffer_init(&out, memory, sizeof(memory));
	sim_roster_hash(city->sim)(bytes, hash);
	if (linklog_terms(bytes, &terms) == LINKLOG_OK)
		find_proof(city, &terms, hash, &out);
	if (out.size == 0 && may)
		never = peer_say_never(&city->peer, name, bytes,
				       sim_city_now(city), &out);
	check(!out.overflowed);
	reply = reply_to(request, out.size);
	reply->arrived = true;
	reply->never = never;
	if (never)
		sign_reply(city, "Never", buffer_view(&out), reply);
	else if (out.size > 0)
		memcpy(reply->bytes, out.data, out.size);
	sim_say(city->sim, "%u: outcome for %u: %s", city->number,
		request->from,
		never	       ? "never"
		: out.size > 0 ? "proof"
			       : "unknown");
	answer(city, reply);
}

static void hello_answered(struct sim_city *city, const struct sim_call *call,
			   const struct sim_message *reply)
{
	struct peer_hello_reply arrived = { 0 };

	if (reply != NULL && reply->arrived)
		arrived = (struct peer_hello_reply){
			.arrived = true,
			.stale_highest = reply->stale_highest,
			.body = slice_of(reply->bytes, reply->size),
			.key_id = slice_of(reply->key_id, reply->key_id_size),
			.signature = slice_of(reply->signature,
					      sizeof(reply->signature)),
		};
	peer_hello_answered(&city->peer, call->link, &arrived);
}

static void batch_answered(struct sim_city *city, const struct sim_call *call,
			   const struct sim_message *reply)
{
	struct peer_deliver_reply arrived = { 0 };

	if (reply != NULL && reply->arrived)
		arrived = (struct peer_deliver_reply){
			.arrived = true,
			.answer = reply->answer,
			.in_seq = reply->seq,
			.in_head = slice_of(reply->head, SHA256_SIZE),
		};
	peer_batch_answered(&city->peer, call->link, call->number, &arrived);
}

static void log_fetched(struct sim_city *city, const struct sim_call *call,
			const struct sim_message *reply)
{
	struct slice batches[PAGE_BATCHES_MAX];
	uint32_t count = reply == NULL ? 0 : reply->batch_count;
	size_t at = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t length;

		memcpy(&length, reply->bytes + at, sizeof(length));
		at += sizeof(length);
		batches[i] = slice_of(reply->bytes + at, length);
		at += length;
	}
	peer_log_fetched(&city->peer, call->link, call->own, reply != NULL,
			 batches, count);
}

static void outcome_answered(struct sim_city *city, const struct sim_call *call,
			     const struct sim_message *reply)
{
	struct peer_outcome_reply arrived = { .arrived = reply != NULL };

	if (reply != NULL && reply->never) {
		arrived.body = slice_of(reply->bytes, reply->size);
		arrived.key_id = slice_of(reply->key_id, reply->key_id_size);
		arrived.signature =
			slice_of(reply->signature, sizeof(reply->signature));
	} else if (reply != NULL) {
		arrived.proof = slice_of(reply->bytes, reply->size);
	}
	peer_outcome_answered(&city->peer, call->number, &arrived);
}

/* @reply NULL: it never came. */
static void end_call(struct sim *sim, uint32_t number,
		     const struct sim_message *reply)
{
	struct sim_call *call = &sim->calls[number];
	struct sim_city *city = &sim->cities[call->from];

	call->open = false;
	sim->calls_open--;
	if (!city->up || city->run != call->run)
		return;
	peer_turn(&city->peer, sim_city_now(city));
	switch ((enum peer_action_kind)call->kind) {
	case PEER_SAY_HELLO:
		hello_answered(city, call, reply);
		break;
	case PEER_SEND_BATCH:
		batch_answered(city, call, reply);
		break;
	case PEER_FETCH_LOG:
		log_fetched(city, call, reply);
		break;
	case PEER_ASK_OUTCOME:
		outcome_answered(city, call, reply);
		break;
	}
	sim_city_turn(city);
}

static void request_came(struct sim_city *city,
			 const struct sim_message *request)
{
	switch ((enum peer_action_kind)request->kind) {
	case PEER_SAY_HELLO:
		hello_came(city, request);
		break;
	case PEER_SEND_BATCH:
		batch_came(city, request);
		break;
	case PEER_FETCH_LOG:
		fetch_came(city, request);
		break;
	case PEER_ASK_OUTCOME:
		outcome_came(city, request);
		break;
	}
	sim_city_turn(city);
}

void sim_net_arrive(struct sim *sim, struct sim_message *message)
{
	struct sim_city *city = &sim->cities[message->to];

	if (message->reply) {
		if (sim->calls[message->call].open)
			end_call(sim, message->call, message);
	} else if (city->up) {
		request_came(city, message);
	}
	free(message);
}

void sim_net_timeout(struct sim *sim, uint32_t call)
{
	if (sim->calls[call].open)
		end_call(sim, call, NULL);
}

static void connect_after(struct sim_city *city, uint32_t other,
			  uint64_t after_us)
{
	if (city->connecting[other])
		return;
	city->connecting[other] = true;
	sim_schedule(city->sim, after_us,
		     (struct sim_event){ .kind = SIM_CONNECT,
					 .city = city->number,
					 .run = city->run,
					 .other = other });
}

void sim_net_connect(struct sim_city *city, uint32_t other)
{
	struct sim *sim = city->sim;
	uint32_t link = sim_city_link(city, other);

	city->connecting[other] = false;
	if (city->connected[other] || sim->cities[other].gone_version > 0)
		return;
	if (link == 0 || !sim->cities[other].up ||
	    sim->cut[city->number][other] || sim->cut[other][city->number]) {
		connect_after(city, other,
			      sim_random_between(&sim->random, 50000,
						 2 * SIM_SECOND_US));
		return;
	}
	city->connected[other] = true;
	peer_connected(&city->peer, link, true);
	sim_city_turn(city);
}

void sim_net_disconnect(struct sim_city *city, uint32_t other)
{
	struct sim *sim = city->sim;

	if (!city->connected[other])
		return;
	city->connected[other] = false;
	peer_connected(&city->peer, sim_city_link(city, other), false);
	for (uint32_t i = 0; i < sim->call_count; i++) {
		const struct sim_call *call = &sim->calls[i];

		if (call->open && call->from == city->number &&
		    call->to == other && call->run == city->run)
			end_call(sim, i, NULL);
	}
	connect_after(city, other,
		      sim_random_between(&sim->random, 10000, SIM_SECOND_US));
	sim_city_turn(city);
}

void sim_net_begin(struct sim_city *city)
{
	struct sim *sim = city->sim;

	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		city->connected[i] = city->connecting[i] = false;
		if (sim->linked[city->number][i])
			connect_after(city, i,
				      sim_random_between(&sim->random, 1000,
							 SIM_SECOND_US / 2));
	}
}

void sim_net_gone(struct sim_city *city)
{
	struct sim *sim = city->sim;

	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		const struct sim_city *other = &sim->cities[i];

		if (!other->up || !sim->linked[i][city->number])
			continue;
		sim_schedule(sim,
			     sim_random_between(&sim->random, 100,
						2 * SIM_SECOND_US),
			     (struct sim_event){ .kind = SIM_DISCONNECT,
						 .city = i,
						 .run = other->run,
						 .other = city->number });
	}
}
