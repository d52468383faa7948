/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The auditor's look at the logs between cities, one rule at a time. */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "tools/system.h"
#include "tools/verify/logs.h"
#include "unit/federation.h"

#define SEQ 7

/* City a of a federation, its link with b, and a batch that is right. */
struct bench {
	struct federation federation;
	struct roster *roster;
	struct ledger ledger;
	void *memory;
	struct logs logs;
	struct findings findings;
	struct link_header header;
	uint8_t entries[256], header_bytes[LINKLOG_HEADER_SIZE_MAX];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE], batch[1024];
	struct buffer run;
};

static void open_link(struct bench *bench)
{
	struct event opened = {
		.kind = EVENT_LINK_OPENED,
		.link = { .link = 1, .account = 3, .city = SLICE("b") }
	};
	struct event_genesis genesis = { .federation = SLICE("commons"),
					 .city = SLICE("a"),
					 .unit = SLICE("credit"),
					 .decimals = 2,
					 .format = 1 };

	assert_int_equal(ledger_load_genesis(&bench->ledger, &genesis),
			 APPLY_OK);
	assert_int_equal(links_apply(&bench->ledger.links, &opened, 1, 1, true),
			 LINKS_OK);
}

/* One entry: a line for b; the header that a would have written. */
static void make_batch(struct bench *bench)
{
	const struct link *link = links_at(&bench->ledger.links, 1);
	struct link_entry line = { .kind = LINK_ENTRY_LINE_CHANGE,
				   .line_minor = 100 };
	uint8_t leaf[1][SHA256_SIZE], scratch[1][SHA256_SIZE], bytes[64];
	struct buffer entry;

	buffer_init(&entry, bytes, sizeof(bytes));
	linklog_put_entry(&entry, &line);
	buffer_init(&bench->run, bench->entries, sizeof(bench->entries));
	linklog_put_batch_entry(&bench->run, buffer_view(&entry));
	linklog_leaf(buffer_view(&entry), system_sha256, leaf[0]);
	bench->header = (struct link_header){ .version = 1,
					      .federation = SLICE("commons"),
					      .author = SLICE("a"),
					      .peer = SLICE("b"),
					      .incarnation = 1,
					      .first_seq = 1,
					      .count = 1,
					      .journal_seq = SEQ };
	linklog_root((const uint8_t(*)[SHA256_SIZE])leaf, 1, scratch,
		     system_sha256, bench->header.root);
	memcpy(bench->header.prev_head, link->out.head, SHA256_SIZE);
	memcpy(bench->header.ack_head, link->in.head, SHA256_SIZE);
}

static int setup(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));
	struct ledger_options options = { .accounts_max = 8,
					  .holds_max = 8,
					  .actors_max = 8,
					  .ids_max = 8,
					  .id_window_us = 1,
					  .links_max = 2,
					  .payments_max = 8,
					  .sha256 = system_sha256 };

	federation_init(&bench->federation, 3, 3);
	bench->roster = calloc(1, sizeof(*bench->roster));
	assert_int_equal(roster_decode(federation_seal(&bench->federation, 7),
				       system_sha256, bench->roster),
			 ROSTER_OK);
	bench->memory = calloc(1, ledger_memory_size(&options));
	ledger_init(&bench->ledger, &options, bench->memory);
	logs_init(&bench->logs, &bench->findings);
	open_link(bench);
	make_batch(bench);
	*state = bench;
	return 0;
}

static int teardown(void **state)
{
	struct bench *bench = *state;

	logs_release(&bench->logs);
	federation_release(&bench->federation);
	free(bench->roster);
	free(bench->memory);
	free(bench);
	return 0;
}

/* Signs the header as it is with city @city's key, and looks at it. */
static void look(struct bench *bench, enum event_kind kind, uint32_t city)
{
	struct event event = { .kind = kind, .link = { .link = 1 } };
	struct block_header block = { .seq = SEQ };
	uint8_t bytes[LINKLOG_HEADER_SIZE_MAX + 32];
	struct buffer header, signature, batch;
	struct link_batch carried;

	buffer_init(&header, bench->header_bytes, sizeof(bench->header_bytes));
	linklog_put_header(&header, &bench->header);
	buffer_init(&signature, bytes, sizeof(bytes));
	linklog_signed(&signature, buffer_view(&header));
	crypto_sign(bench->federation.keys[city], buffer_view(&signature),
		    bench->signature);
	carried = (struct link_batch){
		.header = buffer_view(&header),
		.key_id = slice_of(bench->federation.key_ids[city],
				   ROSTER_KEY_ID_SIZE),
		.signature = slice_of(bench->signature, LINKLOG_SIGNATURE_SIZE),
		.entries = buffer_view(&bench->run),
		.entry_count = bench->header.count,
	};
	buffer_init(&batch, bench->batch, sizeof(bench->batch));
	linklog_put_batch(&batch, &carried);
	assert_false(batch.overflowed);
	event.link.batch = buffer_view(&batch);
	logs_event(&bench->logs, &bench->ledger, &block, 3, &event);
}

static void expect_one(const struct bench *bench, enum finding_kind kind,
		       const char *words)
{
	assert_int_equal(bench->findings.count, 1);
	assert_int_equal(bench->findings.kept[0].kind, kind);
	assert_int_equal(bench->findings.kept[0].block, SEQ);
	assert_int_equal(bench->findings.kept[0].event, 3);
	assert_non_null(strstr(bench->findings.kept[0].text, words));
}

static void test_verify_logs_sound(void **state)
{
	/* Goal: a batch as it should be gives no finding, and is counted. */
	struct bench *bench = *state;

	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	assert_int_equal(bench->logs.signatures, 0);
	bench->logs.roster = bench->roster;
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	look(bench, EVENT_LINK_BATCH_ADOPTED, 0);
	assert_int_equal(bench->findings.count, 0);
	assert_int_equal(bench->logs.batches, 3);
	assert_int_equal(bench->logs.signatures, 2);
}

static void test_verify_logs_root(void **state)
{
	/* Goal: (rule PEER-5) another root than that of the entries. */
	struct bench *bench = *state;

	bench->header.root[31] ^= 1;
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	expect_one(bench, FINDING_LINK_BATCH_WRONG, "root");
}

static void test_verify_logs_names(void **state)
{
	/* Goal: a batch of another log; in the neighbour's log this is one. */
	struct bench *bench = *state;

	bench->header.peer = SLICE("c");
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	expect_one(bench, FINDING_LINK_BATCH_WRONG, "another log");
	bench->findings.count = bench->findings.kept_count = 0;
	make_batch(bench);
	look(bench, EVENT_LINK_BATCH_TAKEN, 0);
	assert_true(bench->findings.count >= 1);
	assert_non_null(
		strstr(bench->findings.kept[0].text, "taken log with b"));
}

static void test_verify_logs_block(void **state)
{
	/* Goal: (rule PEER-7) the own header names its own block. */
	struct bench *bench = *state;

	bench->header.journal_seq++;
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	expect_one(bench, FINDING_LINK_BATCH_WRONG, "another block");
}

static void test_verify_logs_acknowledged(void **state)
{
	/* Goal: what the own header acknowledges is what was taken; what the
	 * neighbour acknowledges is what the own log has there. */
	struct bench *bench = *state;

	bench->header.ack_head[0] ^= 1;
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	expect_one(bench, FINDING_LINK_BATCH_WRONG, "acknowledges");
	bench->findings.count = bench->findings.kept_count = 0;
	make_batch(bench);
	bench->header.author = SLICE("b");
	bench->header.peer = SLICE("a");
	/* It has nothing of the own log, and says so with a's first head. */
	memcpy(bench->header.ack_head,
	       links_at(&bench->ledger.links, 1)->out.head, SHA256_SIZE);
	look(bench, EVENT_LINK_BATCH_TAKEN, 1);
	assert_int_equal(bench->findings.count, 0);
	bench->header.ack_head[0] ^= 1;
	look(bench, EVENT_LINK_BATCH_TAKEN, 1);
	expect_one(bench, FINDING_LINK_BATCH_WRONG, "own log has there");
}

static void test_verify_logs_signature(void **state)
{
	/* Goal: (rule PEER-6) signed by another city, by a key that nobody
	 * has; a key that was revoked since is no damage (PEER-43). */
	struct bench *bench = *state;

	bench->logs.roster = bench->roster;
	look(bench, EVENT_LINK_BATCH_SEALED, 1);
	expect_one(bench, FINDING_LINK_SIGNATURE_WRONG, "no such key");
	bench->findings.count = bench->findings.kept_count = 0;
	bench->roster->cities[0].keys[0].state = ROSTER_KEY_REVOKED;
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	assert_int_equal(bench->findings.count, 0);
	bench->roster->cities[0].keys[0].key =
		bench->roster->cities[1].keys[0].key;
	look(bench, EVENT_LINK_BATCH_SEALED, 0);
	expect_one(bench, FINDING_LINK_SIGNATURE_WRONG, "not its author's");
}

static void test_verify_logs_position(void **state)
{
	/* Goal: a neighbour's account that is not what both logs say. */
	struct bench *bench = *state;
	struct account account = { .id = 1, .state = ACCOUNT_OPEN };

	for (uint32_t id = 1; id <= 3; id++) {
		static const char *const names[] = { "city/commons",
						     "city/loss", "link/b" };
		struct slice name = slice_from_text(names[id - 1]);

		account.id = id;
		account.credits_posted = money_of(id == 3 ? 5 : 0);
		memcpy(account.local_address, name.data, name.size);
		account.local_address_size = (uint8_t)name.size;
		assert_int_equal(ledger_load_account(&bench->ledger, &account),
				 APPLY_OK);
	}
	links_at(&bench->ledger.links, 1)->in.settled_minor = 5;
	logs_positions(&bench->logs, &bench->ledger);
	assert_int_equal(bench->findings.count, 0);
	links_at(&bench->ledger.links, 1)->out.settled_minor = 1;
	logs_positions(&bench->logs, &bench->ledger);
	assert_int_equal(bench->findings.count, 1);
	assert_int_equal(bench->findings.kept[0].kind,
			 FINDING_LINK_POSITION_WRONG);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_verify_logs_sound),
		CASE(test_verify_logs_root),
		CASE(test_verify_logs_names),
		CASE(test_verify_logs_block),
		CASE(test_verify_logs_acknowledged),
		CASE(test_verify_logs_signature),
		CASE(test_verify_logs_position),
	};

	return cmocka_run_group_tests_name("verify_logs", tests, NULL, NULL);
}
