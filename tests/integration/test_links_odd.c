/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * What a neighbour may write, at the ends of its ranges, in the tables: the
 * strict decoder (rule PEER-8) takes nothing that they could not keep.
 */
#include "unit/support.h"

#include <stdio.h>
#include <string.h>

#include "integration/rig.h"

static struct postgres postgres;

static int start(void **state)
{
	(void)state;
	postgres_create(&postgres);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	postgres_free(&postgres);
	return 0;
}

/* Bytes of entries, headers and batches on their way into a block. */
struct bench {
	struct rig *rig;
	struct recorder recorder;
	uint8_t terms[LINKLOG_TERMS_SIZE_MAX];
	uint8_t entries[4 * LINKLOG_ENTRY_SIZE_MAX];
	uint8_t header[LINKLOG_HEADER_SIZE_MAX];
	uint8_t batch[8 * LINKLOG_ENTRY_SIZE_MAX];
	struct buffer run;
	uint32_t count;
	uint64_t promised_minor, released_minor;
};

static struct link *the_link(const struct bench *bench)
{
	struct link *link = links_at(&bench->rig->ledger.links, 1);

	assert_non_null(link);
	return link;
}

static void record(struct bench *bench, struct event *event)
{
	event->link.link = 1;
	record_link_event(&bench->recorder, event, (struct hash128){ 0 });
}

static void record_batch(struct bench *bench, uint32_t kind,
			 struct slice header)
{
	uint8_t signature[LINKLOG_SIGNATURE_SIZE] = { 1 };
	struct event event = { .kind = (uint8_t)kind };
	struct link_batch batch = { .header = header,
				    .key_id = SLICE("a key of the roster"),
				    .signature = slice_of(signature,
							  sizeof(signature)),
				    .entries = buffer_view(&bench->run),
				    .entry_count = bench->count };
	struct buffer out;

	buffer_init(&out, bench->batch, sizeof(bench->batch));
	linklog_put_batch(&out, &batch);
	assert_false(out.overflowed);
	event.link.batch = buffer_view(&out);
	record(bench, &event);
	buffer_init(&bench->run, bench->entries, sizeof(bench->entries));
	bench->count = 0;
}

/* What the neighbour's log goes on with: all that was put. */
static void take_batch(struct bench *bench)
{
	static uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];
	const struct link *link = the_link(bench);
	struct link_batch batch = { .entries = buffer_view(&bench->run),
				    .entry_count = bench->count };
	struct link_header header = {
		.version = 1,
		.federation = SLICE("demo"),
		.author = SLICE("alpha"),
		.peer = SLICE("barcelona"),
		.incarnation = LINKLOG_NUMBER_MAX,
		.first_seq = link->in.seq + 1,
		.count = bench->count,
		.ack_seq = link->out.seq,
		.promised_minor = bench->promised_minor,
		.released_minor = bench->released_minor,
		.journal_seq = LINKLOG_NUMBER_MAX,
		.recorded_us = LINKLOG_NUMBER_MAX,
	};
	struct buffer out;

	memcpy(header.prev_head, link->in.head, SHA256_SIZE);
	memcpy(header.ack_head, link->out.head, SHA256_SIZE);
	linklog_batch_root(&batch, leaves, rig_sha256, header.root);
	buffer_init(&out, bench->header, sizeof(bench->header));
	linklog_put_header(&out, &header);
	record_batch(bench, EVENT_LINK_BATCH_TAKEN, buffer_view(&out));
}

static void put(struct bench *bench, const struct link_entry *entry)
{
	uint8_t bytes[LINKLOG_ENTRY_SIZE_MAX];
	struct buffer one;

	buffer_init(&one, bytes, sizeof(bytes));
	linklog_put_entry(&one, entry);
	linklog_put_batch_entry(&bench->run, buffer_view(&one));
	assert_false(one.overflowed || bench->run.overflowed);
	bench->count++;
}

/* A promise whose every field is at its end but for the amount. */
static struct link_entry longest_promise(struct bench *bench,
					 uint64_t amount_minor)
{
	static char names[LINKLOG_PATH_MAX][NAME_SIZE_MAX];
	static char address[LINKLOG_ADDRESS_SIZE_MAX];
	static uint8_t full[LINKLOG_REFERENCE_SIZE_MAX];
	struct payment_terms terms = {
		.federation = slice_of(names[0], NAME_SIZE_MAX),
		.payer = slice_of(address, sizeof(address)),
		.payee = slice_of(address, sizeof(address)),
		.amount_minor = amount_minor,
		.path_count = LINKLOG_PATH_MAX,
		.decide_by_us = LINKLOG_NUMBER_MAX,
		.lock = slice_of(full, LINKLOG_LOCK_SIZE),
		.reference = slice_of(full, sizeof(full)),
	};
	struct link_entry entry = { .kind = LINK_ENTRY_PREPARE };
	struct buffer out;

	memset(address, '\\', sizeof(address));
	memset(full, 0xff, sizeof(full));
	memset(terms.payment_id, 0xff, LINKLOG_ID_SIZE);
	for (uint32_t i = 0; i < LINKLOG_PATH_MAX; i++) {
		memset(names[i], 'a' + (int)i, NAME_SIZE_MAX);
		terms.path[i] = slice_of(names[i], NAME_SIZE_MAX);
	}
	buffer_init(&out, bench->terms, sizeof(bench->terms));
	linklog_put_terms(&out, &terms);
	assert_false(out.overflowed);
	entry.payment_terms = buffer_view(&out);
	return entry;
}

/* The least that are terms at all: an id, and nothing promised. */
static struct link_entry shortest_promise(struct bench *bench)
{
	struct payment_terms terms = {
		.payment_id = { [LINKLOG_ID_SIZE - 1] = 1 },
	};
	struct link_entry entry = { .kind = LINK_ENTRY_PREPARE };
	struct buffer out;

	buffer_init(&out, bench->terms, sizeof(bench->terms));
	linklog_put_terms(&out, &terms);
	entry.payment_terms = buffer_view(&out);
	return entry;
}

static void open_link(struct bench *bench, uint32_t account)
{
	struct event opened = { .kind = EVENT_LINK_OPENED };
	struct event life = { .kind = EVENT_LINK_LIFE_ADMITTED };

	bench->recorder = rig_block(bench->rig, 0, 2);
	opened.link.account = account;
	opened.link.city = SLICE("alpha");
	record(bench, &opened);
	life.link.incarnation = LINKLOG_NUMBER_MAX;
	memset(life.link.nonce, 0xff, sizeof(life.link.nonce));
	record(bench, &life);
	buffer_init(&bench->run, bench->entries, sizeof(bench->entries));
}

static void take_promises(struct bench *bench)
{
	struct link_entry entry = shortest_promise(bench);

	put(bench, &entry);
	entry = longest_promise(bench, (uint64_t)MONEY_MAX_MINOR);
	put(bench, &entry);
	entry = (struct link_entry){ .kind = LINK_ENTRY_LINE_CHANGE,
				     .line_minor = (uint64_t)MONEY_MAX_MINOR };
	put(bench, &entry);
	bench->promised_minor = (uint64_t)MONEY_MAX_MINOR;
	take_batch(bench);
}

/* The city's own promise, and a refusal for a reason of some later time. */
static void be_refused(struct bench *bench)
{
	struct links *links = &bench->rig->ledger.links;
	const struct block_header *block;
	struct link_entry release = { .kind = LINK_ENTRY_RELEASE,
				      .reason = LINKLOG_REASON_MAX };
	struct link_entry own = longest_promise(bench, 7);
	static char city[NAME_SIZE_MAX];
	struct buffer header;

	bench->terms[3] ^= 1; /* another id */
	memset(city, 'z', sizeof(city));
	release.at_city = slice_of(city, sizeof(city));
	block = &bench->recorder.block->header;
	assert_int_equal(links_append(links, 1, &own, block->created_us),
			 LINKS_OK);
	buffer_init(&header, bench->header, sizeof(bench->header));
	links_header(links, 1, block->seq, block->created_us, &header);
	put(bench, &own);
	record_batch(bench, EVENT_LINK_BATCH_SEALED, buffer_view(&header));
	release.prepare_seq = the_link(bench)->out.seq;
	rig_sha256(own.payment_terms, release.terms_hash);
	put(bench, &release);
	bench->released_minor = 7;
	take_batch(bench);
}

/* What another life of the node finds of it. */
static void expect_loaded(struct rig *rig)
{
	const struct links *links = &rig->ledger.links;
	const struct link *link = links_at(links, 1);
	const struct payment *least = links_in_leg(links, 1, 1);
	const struct payment *most = links_in_leg(links, 1, 2);
	const struct payment *refused = links_out_leg(links, 1, 1);

	assert_true(link != NULL && least != NULL && most != NULL);
	assert_true(refused != NULL && links->payment_count == 3);
	assert_true(refused->reason == LINKLOG_REASON_MAX);
	assert_int_equal(refused->at_city_size, NAME_SIZE_MAX);
	assert_true(link->peer_life.incarnation == LINKLOG_NUMBER_MAX);
	assert_true(link->journal_seq_seen == LINKLOG_NUMBER_MAX);
	assert_true(link->peer_line_minor == (uint64_t)MONEY_MAX_MINOR);
	assert_true(link->pending_in_minor == (uint64_t)MONEY_MAX_MINOR);
	assert_int_equal(link->in.released_minor, 7);
	assert_int_equal(least->amount_minor, 0);
	assert_int_equal(least->decide_by_us, 0);
	assert_int_equal(least->id.bytes[ID_SIZE - 1], 1);
	assert_true(most->amount_minor == (uint64_t)MONEY_MAX_MINOR);
	assert_true(most->decide_by_us == LINKLOG_NUMBER_MAX);
	assert_int_equal(most->id.bytes[0], 0xff);
}

static void test_links_odd_values(void **state)
{
	/* Goal: whatever the decoder takes goes through the projector, and a
	 * start finds it again; a neighbour cannot stop the tables. */
	struct bench bench = { 0 };
	struct rig rig, again;

	(void)state;
	rig_create(&rig, &postgres, "odd");
	rig.links_max = 1;
	assert_int_equal(rig_start(&rig), START_OK);
	bench.rig = &rig;
	open_link(&bench, rig_account(&rig, "bakery"));
	rig_settle(&rig);
	bench.recorder = rig_block(&rig, 0, 3);
	take_promises(&bench);
	be_refused(&bench);
	rig_settle(&rig);
	rig_wait_projected(&rig);
	rig_attach(&again, &rig);
	again.links_max = 1;
	again.takeover = true;
	rig_stop(&rig);
	assert_int_equal(rig_start(&again), START_OK);
	expect_loaded(&again);
	rig_stop(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_odd_values),
	};

	return cmocka_run_group_tests_name("links_odd", tests, start, stop);
}
