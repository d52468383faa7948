/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Messages between towns, true ones and forged ones. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns.h"

static struct town *town_named(struct towns *towns, struct slice name)
{
	for (uint32_t i = 0; i < towns->count; i++) {
		if (slice_equal(towns->town[i].name, name))
			return &towns->town[i];
	}
	fail_msg("a town that is none");
	return NULL;
}

static struct town *other_end(struct town *town, uint32_t link)
{
	return town_named(town->towns,
			  link_city(links_at(&town->ledger.links, link)));
}

static bool is_cut(const struct town *from, const struct town *to)
{
	return from->towns->cut[from->number][to->number];
}

static void say_hello(struct town *from, struct town *to,
		      const struct peer_action *action)
{
	uint8_t hello_bytes[1024], body_bytes[4096];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct peer_hello_reply reply = { 0 };
	enum peer_hello_result result;
	struct buffer body;

	memcpy(hello_bytes, action->message.data, action->message.size);
	buffer_init(&body, body_bytes, sizeof(body_bytes));
	if (!is_cut(from, to)) {
		result = peer_hello_came(
			&to->peer, from->name,
			slice_of(hello_bytes, action->message.size),
			from->towns->now_us, &body, &reply.stale_highest);
		town_turn(to);
		reply.arrived = (result == PEER_HELLO_OK ||
				 result == PEER_HELLO_STALE) &&
				!is_cut(to, from);
	}
	if (body.size > 0)
		peer_sign_body(&to->peer, "HelloOk", buffer_view(&body),
			       signature);
	reply.body = buffer_view(&body);
	reply.key_id = to->peer.options.key_id;
	reply.signature = slice_of(signature, sizeof(signature));
	peer_hello_answered(&from->peer, action->link, &reply);
}

static void send_batch(struct town *from, struct town *to,
		       const struct peer_action *action)
{
	struct peer_deliver_reply reply = { 0 };
	uint8_t head[SHA256_SIZE];
	struct slice batch = { 0 };

	for (uint32_t i = 0; i < from->batch_count; i++) {
		const struct town_bytes *kept = &from->batches[i];

		if (kept->own && kept->link == action->link &&
		    kept->first_seq == action->seq)
			batch = slice_of(kept->data, kept->size);
	}
	assert_true(batch.size > 0);
	if (!is_cut(from, to)) {
		struct peer_delivery delivery = { .city = from->name,
						  .from = from->name,
						  .life = action->life,
						  .batch = peer_batch_to_send(
							  &from->peer, batch) };

		reply.answer = peer_batch_came(&to->peer, &delivery,
					       from->towns->now_us,
					       &reply.in_seq, head);
		town_turn(to);
		reply.arrived = !is_cut(to, from);
	}
	reply.in_head = slice_of(head, SHA256_SIZE);
	peer_batch_answered(&from->peer, action->link, action->agreement,
			    &reply);
}

/* Copied: the engine keeps one at a time. */
static struct slice as_sent(struct town *town, const struct town_bytes *kept,
			    uint8_t out[LINKLOG_BATCH_SIZE_MAX])
{
	struct slice bytes = peer_batch_to_send(
		&town->peer, slice_of(kept->data, kept->size));

	assert_true(bytes.size <= LINKLOG_BATCH_SIZE_MAX);
	memcpy(out, bytes.data, bytes.size);
	return slice_of(out, bytes.size);
}

static void fetch_log(struct town *from, struct town *to,
		      const struct peer_action *action)
{
	uint32_t back = links_of(&to->ledger.links, from->name)->number;
	static uint8_t page[2][LINKLOG_BATCH_SIZE_MAX];
	struct slice batches[2];
	bool arrived = !is_cut(from, to) && !is_cut(to, from);
	uint32_t count = 0;

	/* Two a page, so that there are pages. */
	for (uint32_t i = 0; arrived && i < to->batch_count && count < 2; i++) {
		const struct town_bytes *kept = &to->batches[i];
		struct link_batch batch;

		assert_int_equal(
			linklog_batch(slice_of(kept->data, kept->size), &batch),
			LINKLOG_OK);
		if (kept->own != action->own && kept->link == back &&
		    kept->first_seq + batch.entry_count > action->seq) {
			batches[count] = as_sent(to, kept, page[count]);
			count++;
		}
	}
	peer_log_fetched(&from->peer, action->link, action->own, arrived,
			 batches, count);
}

/* The Settle of the payment with this hash, as a proof. */
static bool prove(struct town *town, const uint8_t hash[SHA256_SIZE],
		  struct buffer *out)
{
	static uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];

	for (uint32_t i = 0; i < town->batch_count; i++) {
		const struct town_bytes *kept = &town->batches[i];
		static uint8_t copy[LINKLOG_BATCH_SIZE_MAX];
		struct slice entries, bytes = { 0 };
		struct link_batch batch;
		struct link_entry entry;
		uint32_t index = 0;

		assert_int_equal(
			linklog_batch(as_sent(town, kept, copy), &batch),
			LINKLOG_OK);
		for (entries = batch.entries;
		     linklog_next_entry(&entries, &bytes); index++) {
			assert_int_equal(linklog_entry(bytes, &entry),
					 LINKLOG_OK);
			if (entry.kind != LINK_ENTRY_SETTLE ||
			    memcmp(entry.terms_hash, hash, SHA256_SIZE) != 0)
				continue;
			if (entry.proof.size > 0)
				buffer_put(out, entry.proof);
			else
				linklog_prove(&batch, index, leaves,
					      city_sha256, out);
			return true;
		}
	}
	return false;
}

static void ask_outcome(struct town *from, const struct peer_action *action)
{
	uint8_t memory[LINKLOG_PROOF_SIZE_MAX], hash[SHA256_SIZE];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct peer_outcome_reply reply = { 0 };
	struct town *to = town_named(from->towns, action->city);
	struct slice terms = action->terms;
	struct buffer out;
	bool may;

	buffer_init(&out, memory, sizeof(memory));
	city_sha256(terms, hash);
	reply.arrived = !is_cut(from, to) && !is_cut(to, from);
	may = reply.arrived && peer_may_say_never(&to->peer, from->name, terms);
	if (reply.arrived && prove(to, hash, &out)) {
		reply.proof = buffer_view(&out);
	} else if (may && peer_say_never(&to->peer, from->name, terms,
					 from->towns->now_us, &out)) {
		reply.body = buffer_view(&out);
		peer_sign_body(&to->peer, "Never", reply.body, signature);
		reply.key_id = SLICE("k1");
		reply.signature = slice_of(signature, sizeof(signature));
		town_turn(to);
	}
	peer_outcome_answered(&from->peer, action->number, &reply);
}

static void perform(struct town *from, const struct peer_action *action)
{
	struct town *to;

	if (action->kind == PEER_ASK_OUTCOME) {
		ask_outcome(from, action);
		return;
	}
	to = other_end(from, action->link);

	switch ((enum peer_action_kind)action->kind) {
	case PEER_SAY_HELLO:
		say_hello(from, to, action);
		return;
	case PEER_SEND_BATCH:
		send_batch(from, to, action);
		return;
	case PEER_FETCH_LOG:
		fetch_log(from, to, action);
		return;
	case PEER_ASK_OUTCOME:
		break;
	}
	fail_msg("an action of no kind");
}

static void connect_all(struct town *town)
{
	for (uint32_t i = 1; i <= town->ledger.links.link_count; i++) {
		struct town *to = other_end(town, i);

		peer_connected(&town->peer, i,
			       !is_cut(town, to) && !is_cut(to, town));
	}
}

/* One round: everybody's turn, and everything that is due sent. */
static uint32_t round_of(struct towns *towns)
{
	uint32_t moved = 0;

	for (uint32_t i = 0; i < towns->count; i++) {
		struct town *town = &towns->town[i];
		struct peer_action action;

		if (towns->is_lost[i])
			continue;
		connect_all(town);
		town_turn(town);
		while (peer_next_action(&town->peer, &action)) {
			perform(town, &action);
			moved++;
		}
		town_turn(town);
	}
	return moved;
}

void towns_run(struct towns *towns)
{
	uint32_t rounds = 0;

	while (round_of(towns) > 0)
		assert_true(++rounds < 200);
}

void towns_wait(struct towns *towns, uint32_t seconds)
{
	for (uint32_t i = 0; i < seconds; i++) {
		towns->now_us += 1000000;
		towns_run(towns);
	}
}

static void put_sums(const struct town *reader, uint32_t link,
		     const struct link_entry *entry, struct link_header *header)
{
	const struct payment *payment;
	struct payment_terms terms;

	if (entry->kind == LINK_ENTRY_PREPARE &&
	    linklog_terms(entry->payment_terms, &terms) == LINKLOG_OK)
		header->promised_minor += terms.amount_minor;
	payment =
		links_out_leg(&reader->ledger.links, link, entry->prepare_seq);
	if (payment == NULL)
		return;
	if (entry->kind == LINK_ENTRY_SETTLE)
		header->settled_minor += payment->amount_minor;
	if (entry->kind == LINK_ENTRY_RELEASE)
		header->released_minor += payment->amount_minor;
}

/* What comes next in the log as @reader has it. */
static struct link_header next_header(struct town *author, struct town *reader,
				      uint32_t count)
{
	const struct link *link = town_link(reader, author);
	struct link_header header = {
		.version = 1,
		.federation = SLICE("f"),
		.author = author->name,
		.peer = reader->name,
		.incarnation = link->peer_life.incarnation,
		.first_seq = link->in.seq + 1,
		.count = count,
		.ack_seq = link->out.seq,
		.promised_minor = link->in.promised_minor,
		.settled_minor = link->in.settled_minor,
		.released_minor = link->in.released_minor,
		.journal_seq = author->ledger.next_seq,
		.recorded_us = author->towns->now_us,
	};

	memcpy(header.prev_head, link->in.head, SHA256_SIZE);
	memcpy(header.ack_head, link->out.head, SHA256_SIZE);
	return header;
}

static struct slice sealed(struct town *author, struct slice header,
			   struct slice entries, uint32_t count)
{
	static uint8_t bytes[LINKLOG_BATCH_SIZE_MAX];
	uint8_t tbs[LINKLOG_HEADER_SIZE_MAX + 32];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	struct link_batch batch = { .header = header,
				    .key_id = SLICE("k1"),
				    .entries = entries,
				    .entry_count = count };
	struct buffer out;

	buffer_init(&out, tbs, sizeof(tbs));
	linklog_signed(&out, header);
	author->peer.options.sign(author, buffer_view(&out), signature);
	batch.signature = slice_of(signature, sizeof(signature));
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_batch(&out, &batch);
	assert_false(out.overflowed);
	return buffer_view(&out);
}

struct slice town_forge(struct town *author, struct town *reader,
			const struct link_entry *entries, uint32_t count,
			town_change *change)
{
	static uint8_t run[LINKLOG_BATCH_SIZE_MAX];
	uint8_t leaves[2 * 16][SHA256_SIZE], bytes[LINKLOG_ENTRY_SIZE_MAX];
	struct link_header header = next_header(author, reader, count);
	uint8_t header_bytes[LINKLOG_HEADER_SIZE_MAX];
	struct buffer out, one;

	assert_true(count >= 1 && count <= 16);
	buffer_init(&out, run, sizeof(run));
	for (uint32_t i = 0; i < count; i++) {
		buffer_init(&one, bytes, sizeof(bytes));
		linklog_put_entry(&one, &entries[i]);
		linklog_put_batch_entry(&out, buffer_view(&one));
		linklog_leaf(buffer_view(&one), city_sha256, leaves[i]);
		put_sums(reader, town_link(reader, author)->number, &entries[i],
			 &header);
	}
	linklog_root((const uint8_t(*)[SHA256_SIZE])leaves, count, leaves + 16,
		     city_sha256, header.root);
	if (change != NULL)
		change(&header);
	buffer_init(&one, header_bytes, sizeof(header_bytes));
	linklog_put_header(&one, &header);
	return sealed(author, buffer_view(&one), buffer_view(&out), count);
}

enum peer_answer town_deliver(struct town *author, struct town *reader,
			      struct slice batch)
{
	struct peer_delivery delivery = {
		.city = author->name,
		.from = author->name,
		.life = town_link(reader, author)->peer_life,
		.batch = batch,
	};
	uint8_t head[SHA256_SIZE];
	uint64_t seq;
	enum peer_answer answer;

	answer = peer_batch_came(&reader->peer, &delivery,
				 reader->towns->now_us, &seq, head);
	town_turn(reader);
	return answer;
}
