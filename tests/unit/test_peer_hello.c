/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Hellos and recovery as stories: lives, a city that was restored and finds
 * again what it signed, a city that takes back what nobody has.
 */
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"
#include "unit/towns_stage.h"

static void cut(uint32_t a, uint32_t b, bool is_cut)
{
	towns->cut[a][b] = towns->cut[b][a] = is_cut;
}

static void expect_agreement(void)
{
	const struct link *here = town_link(alpha, beta);
	const struct link *there = town_link(beta, alpha);

	assert_int_equal(town_session(alpha, beta)->state, PEER_RECONCILED);
	assert_int_equal(town_session(beta, alpha)->state, PEER_RECONCILED);
	assert_true(town_session(alpha, beta)->caught_up);
	assert_memory_equal(here->out.head, there->in.head, SHA256_SIZE);
	assert_memory_equal(here->in.head, there->out.head, SHA256_SIZE);
	assert_int_equal(town_position(alpha, beta),
			 -town_position(beta, alpha));
	assert_int_equal(alpha->alarms + beta->alarms, 0);
}

/* Goal: (rule PEER-14) each start is a life of its own, and is admitted. */
static void test_peer_hello_each_start(void **state)
{
	uint64_t life = town_link(alpha, beta)->life.incarnation;

	(void)state;
	assert_int_equal(life, 1);
	town_restart(alpha, 0);
	assert_int_equal(town_session(alpha, beta)->state, PEER_START);
	towns_run(towns);
	assert_int_equal(town_link(alpha, beta)->life.incarnation, life + 1);
	assert_int_equal(town_link(beta, alpha)->peer_life.incarnation,
			 life + 1);
	expect_agreement();
}

static enum peer_hello_result hello_to_beta(struct link_hello *hello,
					    struct link_hello_ok *ok,
					    uint64_t *highest)
{
	static uint8_t bytes[1024], answer[64 << 10];
	struct buffer out, body;
	enum peer_hello_result result;

	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_hello(&out, hello);
	buffer_init(&body, answer, sizeof(answer));
	result = peer_hello_came(&beta->peer, SLICE("alpha"), buffer_view(&out),
				 towns->now_us, &body, highest);
	town_turn(beta);
	if (result == PEER_HELLO_OK)
		assert_int_equal(linklog_hello_ok(buffer_view(&body), ok),
				 LINKLOG_OK);
	return result;
}

static struct link_hello hello_of_alpha(void)
{
	const struct link *link = town_link(alpha, beta);
	struct link_hello hello = {
		.version = 1,
		.federation = SLICE("f"),
		.from = SLICE("alpha"),
		.to = SLICE("beta"),
		.life = link->life,
		.last_reconciled = link->reconciled,
		.out_seq = link->out.seq,
		.roster_version = 1,
	};

	memcpy(hello.out_head, link->out.head, SHA256_SIZE);
	return hello;
}

/* Goal: (rule PEER-15) the newest life again is fine, any earlier is stale. */
static void test_peer_hello_stale(void **state)
{
	struct link_hello hello = hello_of_alpha();
	struct link_hello_ok ok;
	uint64_t highest = 0;

	(void)state;
	assert_int_equal(hello_to_beta(&hello, &ok, &highest), PEER_HELLO_OK);
	assert_int_equal(ok.in_seq, town_link(alpha, beta)->out.seq);
	assert_true(ok.last_known);
	assert_int_equal(ok.lives_count, 0);
	hello.life.nonce[0] ^= 1;
	assert_int_equal(hello_to_beta(&hello, &ok, &highest),
			 PEER_HELLO_STALE);
	assert_int_equal(highest, 1);
	hello.life.incarnation = 7;
	assert_int_equal(hello_to_beta(&hello, &ok, &highest), PEER_HELLO_OK);
	hello = hello_of_alpha();
	assert_int_equal(hello_to_beta(&hello, &ok, &highest),
			 PEER_HELLO_STALE);
	assert_int_equal(highest, 7);
	/* alpha hears of it, and goes on in a life above. */
	peer_ask_again(&alpha->peer, town_link(alpha, beta)->number);
	towns_run(towns);
	assert_int_equal(town_link(alpha, beta)->life.incarnation, 8);
	expect_agreement();
}

/* Goal: a Hello that is none, or for somebody else, is not answered. */
static void test_peer_hello_malformed(void **state)
{
	struct link_hello hello = hello_of_alpha();
	struct link_hello_ok ok;
	uint64_t highest;

	(void)state;
	hello.federation = SLICE("elsewhere");
	assert_int_equal(hello_to_beta(&hello, &ok, &highest),
			 PEER_HELLO_MALFORMED);
	hello = hello_of_alpha();
	hello.to = SLICE("gamma");
	assert_int_equal(hello_to_beta(&hello, &ok, &highest),
			 PEER_HELLO_MALFORMED);
	hello = hello_of_alpha();
	hello.from = SLICE("gamma"); /* TLS said alpha */
	assert_int_equal(hello_to_beta(&hello, &ok, &highest),
			 PEER_HELLO_MALFORMED);
	beta->full = true;
	hello = hello_of_alpha();
	hello.life.incarnation++;
	assert_int_equal(hello_to_beta(&hello, &ok, &highest), PEER_HELLO_BUSY);
	beta->full = false;
}

/* Goal: (rule PEER-2) a neighbour's newer roster comes first. */
static void test_peer_hello_roster_behind(void **state)
{
	(void)state;
	beta->roster_version = 2;
	town_restart(alpha, 0);
	towns_run(towns);
	assert_int_equal(town_session(alpha, beta)->state, PEER_ASKING);
	assert_true(town_session(alpha, beta)->roster_behind);
	alpha->roster_version = 2;
	towns_wait(towns, 3);
	assert_false(town_session(alpha, beta)->roster_behind);
	expect_agreement();
}

/* Goal: (rule PEER-17) what this city signed and forgot comes back whole. */
static void test_peer_hello_adopts(void **state)
{
	uint32_t backup = alpha->block_count;
	int64_t balance;

	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, town_id(towns)),
			 PAYMENT_OK);
	assert_int_equal(town_pay(beta, "c1@alpha", 50, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(town_pay(alpha, "c0@gamma", 7, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	balance = town_balance(alpha, 0);
	town_restart(alpha, backup);
	assert_int_equal(town_balance(alpha, 0), 0);
	assert_true(peer_is_closed(&alpha->peer));
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), balance);
	assert_int_equal(town_balance(alpha, 1), 50);
	assert_false(peer_is_closed(&alpha->peer));
	assert_int_equal(alpha->ledger.links.rejoin, REJOIN_NONE);
	expect_agreement();
	/* And it goes on from there. */
	assert_int_equal(town_pay(alpha, "c0@beta", 1, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	assert_int_equal(town_balance(alpha, 0), balance - 1);
	expect_agreement();
}

/*
 * Goal: (rule PEER-22) a restored city stays closed, over its own restarts,
 * until its neighbours were heard; an operator may open it early.
 */
static void test_peer_hello_stays_closed(void **state)
{
	uint32_t backup = alpha->block_count;
	int64_t balance;

	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	balance = town_balance(alpha, 0);
	cut(0, 1, true);
	town_restart(alpha, backup);
	towns_run(towns);
	assert_true(peer_is_closed(&alpha->peer));
	assert_int_equal(town_pay(alpha, "c0@beta", 1, town_id(towns)),
			 PAYMENT_RECOVERING);
	town_restart(alpha, 0);
	towns_run(towns);
	assert_true(peer_is_closed(&alpha->peer));
	town_rejoin(alpha, false);
	assert_false(peer_is_closed(&alpha->peer));
	towns_run(towns);
	assert_int_equal(alpha->ledger.links.rejoin, REJOIN_OPEN);
	assert_int_equal(town_balance(alpha, 0), 0);
	cut(0, 1, false);
	towns_run(towns);
	assert_int_equal(alpha->ledger.links.rejoin, REJOIN_NONE);
	assert_int_equal(town_balance(alpha, 0), balance);
	expect_agreement();
}

/* Goal: (rule PEER-19) a promise that nobody has, of a city that forgot. */
static void test_peer_hello_withdraws(void **state)
{
	struct slice id = town_id(towns);
	struct link_hello hello;
	struct link_hello_ok ok;
	uint32_t backup;
	uint64_t highest;
	uint64_t end = town_link(alpha, beta)->out.seq;
	uint32_t number = town_link(alpha, beta)->number;

	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, id), PAYMENT_OK);
	cut(0, 1, true);
	town_turn(alpha);
	backup = alpha->block_count;
	assert_int_equal(town_link(alpha, beta)->out.seq, end + 1);
	/* A life that the backup does not know speaks to beta. */
	cut(0, 1, false);
	hello = hello_of_alpha();
	hello.life.incarnation = 5;
	assert_int_equal(hello_to_beta(&hello, &ok, &highest), PEER_HELLO_OK);
	town_restart(alpha, backup);
	towns_run(towns);
	expect_agreement();
	assert_int_equal(alpha->withdrawn_to[number - 1], end);
	assert_int_equal(town_balance(alpha, 0), 0);
	assert_int_equal(money_minor(town_account(alpha, 0)->debits_pending),
			 0);
	assert_int_equal(town_balance(beta, 0), 0);
}

/* Goal: what the neighbour lost is sent again, byte by byte. */
static void test_peer_hello_neighbour_lost(void **state)
{
	uint32_t backup = beta->block_count;

	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	town_restart(beta, backup);
	assert_int_equal(town_balance(beta, 0), 0);
	towns_wait(towns, 5);
	assert_int_equal(town_balance(beta, 0), 300);
	assert_int_equal(town_balance(alpha, 0), -300);
	expect_agreement();
}

/* Goal: two that both lost the same whole payment agree that it never was. */
static void test_peer_hello_both_lost(void **state)
{
	uint32_t left = alpha->block_count, right = beta->block_count;

	(void)state;
	assert_int_equal(town_pay(alpha, "c0@beta", 300, town_id(towns)),
			 PAYMENT_OK);
	towns_run(towns);
	town_restart(beta, right);
	town_restart(alpha, left);
	towns_wait(towns, 5);
	expect_agreement();
	assert_int_equal(town_balance(alpha, 0), 0);
	assert_int_equal(town_balance(beta, 0), 0);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, towns_stage_three, towns_strike)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peer_hello_each_start),
		TEST(test_peer_hello_stale),
		TEST(test_peer_hello_malformed),
		TEST(test_peer_hello_roster_behind),
		TEST(test_peer_hello_adopts),
		TEST(test_peer_hello_stays_closed),
		TEST(test_peer_hello_withdraws),
		TEST(test_peer_hello_neighbour_lost),
		TEST(test_peer_hello_both_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
