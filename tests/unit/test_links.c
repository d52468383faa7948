/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The state of links: what a log's entries and a journal's events do to it. */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

static void pay(struct town *from, const char *payee, int64_t amount)
{
	assert_int_equal(town_pay(from, payee, amount, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
}

/* Goal: (rule PEER-42) each header is a statement, and both agree on it. */
static void test_links_totals(void **state)
{
	const struct link *here, *there;

	(void)state;
	pay(alpha, "c0@beta", 300);
	pay(alpha, "nobody@beta", 20);
	pay(beta, "c0@alpha", 100);
	here = town_link(alpha, beta);
	there = town_link(beta, alpha);
	assert_int_equal(here->out.promised_minor, 320);
	assert_int_equal(here->in.settled_minor, 300);
	assert_int_equal(here->in.released_minor, 20);
	assert_int_equal(here->out.settled_minor, 100);
	assert_int_equal(there->out.settled_minor, here->in.settled_minor);
	assert_int_equal(there->in.promised_minor, here->out.promised_minor);
	assert_int_equal(link_owed_minor(here), -200);
	assert_int_equal(link_owed_minor(there), 200);
	assert_int_equal(link_exposure_minor(there), 200);
	assert_int_equal(here->pending_out_count + there->pending_in_count, 0);
}

/* Goal: (rule PEER-7) the entries of one block are one batch. */
static void test_links_one_batch_a_block(void **state)
{
	const struct link *link = town_link(alpha, beta);
	uint64_t end = link->out.seq;
	uint32_t batches = alpha->batch_count;

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(town_pay(alpha, "c0@beta", 1, town_id(towns)),
				 PAYMENT_OK);
	assert_int_equal(link->open_count, 5);
	assert_int_equal(link->out.seq, end);
	assert_int_equal(link->open.seq, end + 5);
	town_turn(alpha);
	assert_int_equal(alpha->batch_count, batches + 1);
	assert_int_equal(link->out.seq, end + 5);
	assert_int_equal(link->open_count, 0);
	assert_non_null(link_boundary_at(link, end + 5));
	assert_null(link_boundary_at(link, end + 3));
	assert_memory_equal(link_boundary_at(link, end + 5)->head,
			    link->out.head, SHA256_SIZE);
}

/* Goal: what is open counts in the exposure before it is accepted. */
static void test_links_pending(void **state)
{
	struct link_entry prepare = { .kind = LINK_ENTRY_PREPARE };
	struct payment_terms terms = {
		.federation = SLICE("f"),
		.payer = SLICE("c0@alpha"),
		.payee = SLICE("c0@beta"),
		.amount_minor = 40,
		.path = { SLICE("alpha"), SLICE("beta") },
		.path_count = 2,
		.decide_by_us = towns->now_us + 1000000,
	};
	uint8_t bytes[LINKLOG_TERMS_SIZE_MAX], lock[LINKLOG_LOCK_SIZE] = { 1 };
	const struct link *link = town_link(beta, alpha);
	const struct payment *payment;
	struct buffer out;

	(void)state;
	memcpy(terms.payment_id, town_id(towns).data, ID_SIZE);
	terms.lock = slice_of(lock, sizeof(lock));
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_terms(&out, &terms);
	prepare.payment_terms = buffer_view(&out);
	assert_int_equal(
		town_deliver(alpha, beta,
			     town_forge(alpha, beta, &prepare, 1, NULL)),
		PEER_TAKEN);
	payment = links_in_leg(&beta->ledger.links, link->number, link->in.seq);
	assert_non_null(payment);
	assert_int_equal(payment->role, PAYMENT_DECIDER);
	assert_int_equal(payment->in_state, LEG_HELD);
	assert_ptr_equal(links_payment(&beta->ledger.links, &payment->id),
			 payment);
	assert_int_equal(link->pending_in_minor, 40);
	assert_int_equal(link_owed_minor(link), 0);
	assert_int_equal(link_exposure_minor(link), 40);
}

/* Goal: memory forgets a payment once its answer is the neighbour's. */
static void test_links_forget(void **state)
{
	(void)state;
	pay(alpha, "c0@beta", 300);
	assert_int_equal(alpha->ledger.links.payment_count, 0);
	/* beta hears of it, and records it with what comes next. */
	pay(beta, "c0@alpha", 1);
	pay(alpha, "c0@beta", 1);
	assert_true(beta->ledger.links.payment_count <= 1);
	assert_int_equal(links_room(&alpha->ledger.links),
			 alpha->ledger.links.options.payments_max -
				 alpha->ledger.links.payment_count);
}

static enum links_result apply(struct event *event)
{
	return links_apply(&beta->ledger.links, event, beta->ledger.next_seq,
			   towns->now_us, true);
}

/* Goal: events of a journal that do not fit are told apart. */
static void test_links_faults(void **state)
{
	struct event event = { .kind = EVENT_LINK_OPENED };
	static const struct link_entry word = { .kind = LINK_ENTRY_FREEZE };

	(void)state;
	event.link.link = 3;
	event.link.city = SLICE("gamma");
	assert_int_equal(apply(&event), LINKS_LINK_UNKNOWN);
	event.link.link = 2;
	event.link.city = SLICE("alpha");
	assert_int_equal(apply(&event), LINKS_LINK_TWICE);
	event = (struct event){ .kind = EVENT_LINK_BATCH_TAKEN };
	event.link.link = 9;
	assert_int_equal(apply(&event), LINKS_LINK_UNKNOWN);
	event.link.link = 1;
	event.link.batch = SLICE("no batch");
	assert_int_equal(apply(&event), LINKS_MALFORMED);
	event.link.batch = town_forge(alpha, beta, &word, 1, NULL);
	assert_int_equal(apply(&event), LINKS_OK);
	assert_true(town_link(beta, alpha)->frozen_there);
	assert_int_equal(apply(&event), LINKS_OUT_OF_ORDER);
	event = (struct event){ .kind = EVENT_LINK_WITHDRAWN };
	event.link.link = 1;
	event.link.seq = 999;
	assert_int_equal(apply(&event), LINKS_WITHDRAWN_TOO_FAR);
}

static void promise_more(struct link_header *header)
{
	header->promised_minor++;
}

/* Goal: links_check_batch() says beforehand what would not fit. */
static void test_links_check_batch(void **state)
{
	struct link_entry settle = { .kind = LINK_ENTRY_SETTLE,
				     .prepare_seq = 77 };
	struct link_entry word = { .kind = LINK_ENTRY_FREEZE };
	struct links *links = &beta->ledger.links;
	struct link_batch batch;

	(void)state;
	assert_int_equal(
		linklog_batch(town_forge(alpha, beta, &settle, 1, NULL),
			      &batch),
		LINKLOG_OK);
	assert_int_equal(links_check_batch(links, 1, &batch, false),
			 LINKS_LEG_UNKNOWN);
	assert_int_equal(links_check_batch(links, 1, &batch, true),
			 LINKS_OUT_OF_ORDER);
	assert_int_equal(links_check_batch(links, 5, &batch, false),
			 LINKS_LINK_UNKNOWN);
	assert_int_equal(
		linklog_batch(town_forge(alpha, beta, &word, 1, promise_more),
			      &batch),
		LINKLOG_OK);
	assert_int_equal(links_check_batch(links, 1, &batch, false),
			 LINKS_TOTALS_WRONG);
	assert_string_equal(links_result_name(LINKS_TOTALS_WRONG),
			    "TOTALS_WRONG");
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_two, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_links_totals),  TEST(test_links_one_batch_a_block),
		TEST(test_links_pending), TEST(test_links_forget),
		TEST(test_links_faults),  TEST(test_links_check_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
