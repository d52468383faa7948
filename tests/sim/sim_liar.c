/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_liar.h"

#include <stdlib.h>
#include <string.h>

#include "sim/sim_city.h"
#include "sim/sim_crypto.h"
#include "sim/sim_net.h"
#include "sim/sim_roster.h"

#define CAPTURED_MAX 16

/* The parts of a batch that a liar takes apart. */
struct forged {
	struct link_header header;
	struct slice entries[LINKLOG_ENTRIES_MAX];
	struct link_batch batch;
};

static bool take_apart(const struct sim_message *message, struct forged *out)
{
	struct slice rest, entry = { 0 };
	uint32_t count = 0;

	if (linklog_batch(slice_of(message->bytes, message->size),
			  &out->batch) != LINKLOG_OK ||
	    linklog_header(out->batch.header, &out->header) != LINKLOG_OK)
		return false;
	rest = out->batch.entries;
	while (linklog_next_entry(&rest, &entry))
		out->entries[count++] = entry;
	return count == out->header.count;
}

/* Another word about a promise than its engine's. */
static struct slice lie_about(struct sim *sim, struct slice bytes,
			      struct buffer *out)
{
	struct link_entry entry;
	size_t begin = out->size;

	if (linklog_entry(bytes, &entry) != LINKLOG_OK)
		return bytes;
	if (entry.kind == LINK_ENTRY_SETTLE) {
		entry.kind = LINK_ENTRY_RELEASE;
		entry.reason = LINK_REASON_LATE;
		entry.at_city = sim->cities[sim->plan.liar].name;
		entry.proof = entry.key = (struct slice){ 0 };
	} else if (entry.kind == LINK_ENTRY_RELEASE) {
		entry.kind = LINK_ENTRY_SETTLE;
		entry.reason = 0;
		entry.at_city = (struct slice){ 0 };
	} else if (entry.kind == LINK_ENTRY_LINE_CHANGE) {
		entry.line_minor += 1000000;
	} else {
		return bytes;
	}
	linklog_put_entry(out, &entry);
	return slice_of(out->data + begin, out->size - begin);
}

static void change_header(struct sim *sim, struct link_header *header)
{
	switch (sim_random_below(&sim->random, 8)) {
	case 0:
		header->settled_minor += 50;
		break;
	case 1:
		header->ack_seq++;
		break;
	case 2:
		header->prev_head[0] ^= 1;
		break;
	case 3:
		header->incarnation++;
		break;
	case 4:
		header->first_seq++;
		break;
	case 5:
		header->recorded_us++; /* a second batch at the same place */
		break;
	default:
		break;
	}
}

static void count_totals(struct link_header *header,
			 const struct link_entry *entry, uint64_t amount,
			 int sign)
{
	uint64_t change = sign > 0 ? amount : 0 - amount;

	if (entry->kind == LINK_ENTRY_SETTLE)
		header->settled_minor += change;
	if (entry->kind == LINK_ENTRY_RELEASE)
		header->released_minor += change;
}

/* The amount of the promise that @entry answers, as the liar knows it. */
static uint64_t amount_of(const struct sim_city *liar, uint32_t to,
			  const struct link_entry *entry)
{
	const struct payment *payment =
		links_in_leg(&liar->ledger.links, sim_city_link(liar, to),
			     entry->prepare_seq);

	return payment == NULL ? 0 : payment->amount_minor;
}

/* So that the lie is not given away by its totals. */
static void mend_totals(const struct sim_city *liar, uint32_t to,
			struct link_header *header, struct slice before,
			struct slice after)
{
	struct link_entry entry;

	if (linklog_entry(before, &entry) == LINKLOG_OK)
		count_totals(header, &entry, amount_of(liar, to, &entry), -1);
	if (linklog_entry(after, &entry) == LINKLOG_OK)
		count_totals(header, &entry, amount_of(liar, to, &entry), 1);
}

static void make_root(const struct sim *sim, struct forged *forged,
		      const struct slice *entries)
{
	static uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];
	sha256_function *sha256 = sim_roster_hash(sim);

	for (uint32_t i = 0; i < forged->header.count; i++)
		linklog_leaf(entries[i], sha256, leaves[i]);
	linklog_root((const uint8_t(*)[SHA256_SIZE])leaves,
		     forged->header.count, leaves + LINKLOG_ENTRIES_MAX, sha256,
		     forged->header.root);
}

/* Signed as any other: the key is the liar's own. */
static struct sim_message *put_together(struct sim_city *liar,
					const struct sim_message *message,
					struct forged *forged)
{
	static uint8_t bytes[2 * LINKLOG_BATCH_SIZE_MAX];
	static uint8_t run[LINKLOG_BATCH_SIZE_MAX];
	uint8_t header[LINKLOG_HEADER_SIZE_MAX],
		tbs[LINKLOG_HEADER_SIZE_MAX + 32];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE], key[NODE_KEY_SIZE];
	struct buffer out;
	struct sim_message *lie;

	buffer_init(&out, run, sizeof(run));
	for (uint32_t i = 0; i < forged->header.count; i++)
		linklog_put_batch_entry(&out, forged->entries[i]);
	forged->batch.entries = buffer_view(&out);
	buffer_init(&out, header, sizeof(header));
	linklog_put_header(&out, &forged->header);
	forged->batch.header = buffer_view(&out);
	buffer_init(&out, tbs, sizeof(tbs));
	linklog_signed(&out, forged->batch.header);
	sim_crypto_key(liar->number, liar->key_number, key);
	sim_crypto_sign(key, buffer_view(&out), signature);
	forged->batch.key_id = slice_of(liar->key_id, 2);
	forged->batch.signature = slice_of(signature, sizeof(signature));
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_batch(&out, &forged->batch);
	if (out.overflowed)
		return NULL;
	lie = sim_net_message(out.size);
	*lie = *message;
	lie->size = out.size;
	memcpy(lie->bytes, out.data, out.size);
	return lie;
}

/* An answer, rather than anything else. */
static uint32_t some_entry(struct sim *sim, const struct forged *forged)
{
	uint32_t count = forged->header.count;
	uint32_t at = (uint32_t)sim_random_below(&sim->random, count);
	struct link_entry entry;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = (at + i) % count;

		if (linklog_entry(forged->entries[place], &entry) ==
			    LINKLOG_OK &&
		    (entry.kind == LINK_ENTRY_SETTLE ||
		     entry.kind == LINK_ENTRY_RELEASE))
			return place;
	}
	return at;
}

static struct sim_message *forge(struct sim *sim,
				 const struct sim_message *message)
{
	static struct forged forged;
	static uint8_t changed[LINKLOG_ENTRY_SIZE_MAX];
	struct sim_city *liar = &sim->cities[sim->plan.liar];
	struct buffer out;
	uint32_t at;

	if (!take_apart(message, &forged))
		return NULL;
	buffer_init(&out, changed, sizeof(changed));
	at = some_entry(sim, &forged);
	if (sim_chance(&sim->random, 600)) {
		struct slice before = forged.entries[at];

		forged.entries[at] = lie_about(sim, before, &out);
		if (sim_chance(&sim->random, 700))
			mend_totals(liar, message->to, &forged.header, before,
				    forged.entries[at]);
	} else {
		change_header(sim, &forged.header);
	}
	if (sim_chance(&sim->random, 900))
		make_root(sim, &forged, forged.entries);
	return put_together(liar, message, &forged);
}

static void lie_in_reply(struct sim *sim, struct sim_message *reply)
{
	uint64_t dice = sim_random_below(&sim->random, 4);

	if (reply->kind == PEER_ASK_OUTCOME) {
		if (reply->size > 0)
			reply->bytes[sim_random_below(&sim->random,
						      reply->size)] ^= 1;
		return;
	}
	if (dice == 0)
		reply->answer = (uint32_t)sim_random_below(&sim->random, 20);
	else if (dice == 1)
		reply->seq += sim_random_below(&sim->random, 3);
	else if (dice == 2)
		reply->head[0] ^= 1;
	else
		reply->stale_highest =
			sim_random_below(&sim->random, 4) *
			sim_random_below(&sim->random, UINT64_C(1) << 33);
}

/* (rule PEER-17): what it says it has, it signs. */
static void lie_in_hello(struct sim *sim, struct sim_message *reply)
{
	static struct link_hello_ok ok;
	uint8_t bytes[512];
	struct buffer out;

	if (linklog_hello_ok(slice_of(reply->bytes, reply->size), &ok) !=
		    LINKLOG_OK ||
	    ok.lives_count > 0)
		return;
	switch (sim_random_below(&sim->random, 4)) {
	case 0:
		ok.in_seq += sim_random_below(&sim->random, 3);
		break;
	case 1:
		ok.in_seq -= ok.in_seq > 0;
		break;
	case 2:
		ok.in_head[0] ^= 1;
		break;
	default:
		ok.out_seq += sim_random_below(&sim->random, 3);
		break;
	}
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_hello_ok(&out, &ok);
	/* Only what fits in the message that is there. */
	if (out.overflowed || out.size != reply->size)
		return;
	memcpy(reply->bytes, bytes, out.size);
	peer_sign_body(&sim->cities[sim->plan.liar].peer, "HelloOk",
		       buffer_view(&out), reply->signature);
}

static void capture(struct sim *sim, const struct sim_message *message)
{
	size_t size = sizeof(*message) + message->size;
	struct sim_message *copy;
	uint32_t at = sim->captured_count;

	if (message->reply)
		return;
	copy = sim_net_message(message->size);
	memcpy(copy, message, size);
	if (at == CAPTURED_MAX) {
		at = (uint32_t)sim_random_below(&sim->random, CAPTURED_MAX);
		free(sim->captured[at]);
	} else {
		sim->captured_count++;
	}
	sim->captured[at] = copy;
}

/* One of the old ones, in place of what was to be sent. */
static struct sim_message *replay(struct sim *sim)
{
	const struct sim_message *old = sim->captured[sim_random_below(
		&sim->random, sim->captured_count)];
	struct sim_message *copy = sim_net_message(old->size);

	memcpy(copy, old, sizeof(*old) + old->size);
	return copy;
}

void sim_liar_meddle(struct sim *sim, struct sim_message **message)
{
	struct sim_message *lie = NULL;

	if ((*message)->from != sim->plan.liar || sim->quiet)
		return;
	capture(sim, *message);
	if (!sim_chance(&sim->random, sim->plan.lies))
		return;
	sim->counts.lies++;
	if ((*message)->reply && (*message)->kind == PEER_SAY_HELLO &&
	    (*message)->size > 0)
		lie_in_hello(sim, *message);
	else if ((*message)->reply)
		lie_in_reply(sim, *message);
	else if ((*message)->kind == PEER_SEND_BATCH &&
		 sim_chance(&sim->random, 700))
		lie = forge(sim, *message);
	else
		lie = replay(sim);
	if (lie == NULL)
		return;
	free(*message);
	*message = lie;
}
