/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/permission.h"

#include <string.h>

#include "unit/support.h"

#define N PERMISSION_NONE
#define A PERMISSION_ALL
#define O PERMISSION_OWN

/* Section 4 of the contract, written down a second time. */
static const struct {
	enum rpc rpc;
	/* coop, gateway, operator, treasurer, auditor, city */
	enum permission wanted[6];
} matrix[RPC_COUNT] = {
	{ RPC_OPEN_ACCOUNT, { N, N, A, N, N, N } },
	{ RPC_GET_ACCOUNT, { O, A, A, A, A, N } },
	{ RPC_LIST_ACCOUNTS, { O, A, A, A, A, N } },
	{ RPC_SET_ACCOUNT_LIMITS, { N, N, PERMISSION_LIMIT, A, N, N } },
	{ RPC_FREEZE_ACCOUNT, { N, N, A, N, N, N } },
	{ RPC_UNFREEZE_ACCOUNT, { N, N, A, N, N, N } },
	{ RPC_CLOSE_ACCOUNT, { N, N, A, N, N, N } },
	{ RPC_POST_TRANSFERS,
	  { O, PERMISSION_COOPS, N, PERMISSION_CITY, N, N } },
	{ RPC_GET_TRANSFER, { O, A, A, A, A, N } },
	{ RPC_PLACE_HOLD, { O, PERMISSION_COOPS, N, PERMISSION_CITY, N, N } },
	{ RPC_POST_HOLD, { PERMISSION_PAYER, PERMISSION_COOPS, N, N, N, N } },
	{ RPC_VOID_HOLD, { PERMISSION_PAYEE, A, PERMISSION_REASON, N, N, N } },
	{ RPC_GET_HOLD, { O, A, A, A, A, N } },
	{ RPC_LIST_HOLDS, { O, A, A, A, A, N } },
	{ RPC_GET_BALANCE, { O, A, A, A, A, N } },
	{ RPC_GET_STATEMENT, { O, A, A, A, A, N } },
	{ RPC_LIST_ENTRIES, { O, A, A, A, A, N } },
	{ RPC_GET_NODE, { A, A, A, A, A, A } },
	{ RPC_HELLO, { N, N, N, N, N, A } },
	{ RPC_DELIVER, { N, N, N, N, N, A } },
	{ RPC_FETCH_LOG, { N, N, N, N, N, A } },
	{ RPC_QUOTE_PAYEE, { N, N, N, N, N, A } },
	{ RPC_QUERY_OUTCOME, { N, N, N, N, N, A } },
	{ RPC_RELEASE_PAYMENT, { N, N, N, N, N, A } },
	{ RPC_FORWARD_PAYMENT_REQUEST, { N, N, N, N, N, A } },
	{ RPC_QUOTE_PAYMENT, { O, A, A, A, A, N } },
	{ RPC_PAY, { O, PERMISSION_COOPS, N, PERMISSION_CITY, N, N } },
	{ RPC_SETTLE_PAYMENT, { O, PERMISSION_COOPS, N, N, N, N } },
	{ RPC_CANCEL_PAYMENT,
	  { O, PERMISSION_COOPS, N, PERMISSION_CITY, N, N } },
	{ RPC_GET_PAYMENT, { O, A, A, A, A, N } },
	{ RPC_LIST_PAYMENTS, { O, A, A, A, A, N } },
	{ RPC_GET_RECEIPT, { O, A, A, A, A, N } },
	{ RPC_REQUEST_PAYMENT, { O, PERMISSION_COOPS, N, N, N, N } },
	{ RPC_LIST_PAYMENT_REQUESTS, { O, A, A, A, A, N } },
	{ RPC_DECLINE_PAYMENT_REQUEST, { O, PERMISSION_COOPS, N, N, N, N } },
	{ RPC_GET_LINK, { A, A, A, A, A, N } },
	{ RPC_GET_LINK_STATEMENT, { A, A, A, A, A, N } },
	{ RPC_RECONCILE_LINK, { N, N, A, N, N, N } },
	{ RPC_SET_LINE, { N, N, N, A, N, N } },
	{ RPC_FREEZE_LINK, { N, N, N, A, N, N } },
	{ RPC_UNFREEZE_LINK, { N, N, N, A, N, N } },
	{ RPC_PAUSE_LINK, { N, N, A, N, N, N } },
	{ RPC_RESUME_LINK, { N, N, A, N, N, N } },
	{ RPC_WITHDRAW_LINK, { N, N, A, N, N, N } },
	{ RPC_GET_ROSTER, { A, A, A, A, A, N } },
	{ RPC_LIST_CITIES, { A, A, A, A, A, N } },
	{ RPC_LIST_LINKS, { A, A, A, A, A, N } },
	{ RPC_HEALTH_CHECK, { A, A, A, A, A, A } },
	{ RPC_HEALTH_WATCH, { A, A, A, A, A, A } },
	{ RPC_REFLECTION_V1, { A, A, A, A, A, A } },
	{ RPC_REFLECTION_V1ALPHA, { A, A, A, A, A, A } },
};

/* Goal: each role may call what the contract's matrix says, and no more. */
static void test_permission_matrix(void **state)
{
	static const enum role roles[] = { ROLE_COOP,	  ROLE_GATEWAY,
					   ROLE_OPERATOR, ROLE_TREASURER,
					   ROLE_AUDITOR,  ROLE_CITY };

	(void)state;
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		assert_int_equal(matrix[i].rpc, i);
		for (size_t j = 0; j < COUNT_OF(roles); j++)
			assert_int_equal(permission_of(matrix[i].rpc, roles[j]),
					 matrix[i].wanted[j]);
	}
}

/* Goal: a role that is none here may call health and nothing else. */
static void test_permission_unknown_role(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < RPC_COUNT; i++) {
		bool health = i == RPC_HEALTH_CHECK || i == RPC_HEALTH_WATCH;
		enum permission wanted = health ? A : N;

		assert_int_equal(permission_of(i, ROLE_UNKNOWN), wanted);
		assert_int_equal(permission_of(i, ROLE_ARBITER), wanted);
	}
}

static struct account account_at(const char *local, bool gateway_allowed)
{
	struct account account = { .id = 7,
				   .state = ACCOUNT_OPEN,
				   .gateway_allowed = gateway_allowed };

	account.local_address_size = (uint8_t)strlen(local);
	memcpy(account.local_address, local, strlen(local));
	return account;
}

static struct identity identity_of(const char *uri)
{
	struct identity identity;

	assert_true(identity_parse(slice_from_text(uri), &identity));
	return identity;
}

/* Goal: who may debit what, for every role that pays. */
static void test_permission_pays(void **state)
{
	static const struct {
		enum permission permission;
		const char *debit; /* NULL: unknown */
		const char *credit;
		bool gateway_allowed;
		bool wanted;
	} cases[] = {
		{ PERMISSION_OWN, "m1", "m2", true, true },
		{ PERMISSION_OWN, "m1/till", "m2", false, true },
		{ PERMISSION_OWN, "m1", NULL, true, true },
		{ PERMISSION_OWN, "m2", "m1", true, false },
		{ PERMISSION_OWN, "m11", "m1", true, false },
		{ PERMISSION_OWN, NULL, "m1", true, false },
		{ PERMISSION_OWN, "city/commons", "m1", true, false },
		{ PERMISSION_COOPS, "m1", "m2", true, true },
		{ PERMISSION_COOPS, "m1", "m2", false, false },
		{ PERMISSION_COOPS, "city/commons", "m2", true, false },
		{ PERMISSION_COOPS, "m1", "city/loss", true, false },
		{ PERMISSION_COOPS, NULL, "m2", true, true },
		{ PERMISSION_COOPS, "m1", NULL, true, true },
		{ PERMISSION_CITY, "city/commons", "m1", false, true },
		{ PERMISSION_CITY, "m1", "city/commons", true, false },
		{ PERMISSION_CITY, "link/lyon", "m1", true, false },
		{ PERMISSION_NONE, "m1", "m2", true, false },
		{ PERMISSION_PAYEE, "m1", "m2", true, false },
	};
	struct identity caller = identity_of("spiffe://f/city/demo/coop/m1");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct account debit = { 0 }, credit = { 0 };

		if (cases[i].debit != NULL)
			debit = account_at(cases[i].debit,
					   cases[i].gateway_allowed);
		/* The side that is paid may forbid gateways: no matter. */
		if (cases[i].credit != NULL)
			credit = account_at(cases[i].credit, false);
		assert_int_equal(
			permission_pays(cases[i].permission, &caller,
					cases[i].debit ? &debit : NULL,
					cases[i].credit ? &credit : NULL),
			cases[i].wanted);
	}
}

/* Goal: payer posts, payee voids, operators give a reason. */
static void test_permission_ends_hold(void **state)
{
	struct identity payer = identity_of("spiffe://f/city/demo/coop/m1");
	struct identity payee = identity_of("spiffe://f/city/demo/coop/m2");
	struct account debit = account_at("m1", true);
	struct account credit = account_at("m2", true);
	struct slice none = { 0 };

	(void)state;
	assert_true(permission_ends_hold(PERMISSION_PAYER, &payer, &debit,
					 &credit, none));
	assert_false(permission_ends_hold(PERMISSION_PAYER, &payee, &debit,
					  &credit, none));
	assert_true(permission_ends_hold(PERMISSION_PAYEE, &payee, &debit,
					 &credit, none));
	assert_false(permission_ends_hold(PERMISSION_PAYEE, &payer, &debit,
					  &credit, none));
	assert_false(permission_ends_hold(PERMISSION_REASON, &payer, &debit,
					  &credit, none));
	assert_true(permission_ends_hold(PERMISSION_REASON, &payer, &debit,
					 &credit, SLICE("wrong")));
}

/* Goal: a coop sees what it is a side of; the others see all or nothing. */
static void test_permission_sees(void **state)
{
	struct identity caller = identity_of("spiffe://f/city/demo/coop/m2");
	struct account debit = account_at("m1", true);
	struct account credit = account_at("m2/shop", true);

	(void)state;
	assert_true(permission_sees(O, &caller, &debit, &credit));
	assert_true(permission_sees(O, &caller, &credit, NULL));
	assert_false(permission_sees(O, &caller, &debit, NULL));
	assert_false(permission_sees(O, &caller, NULL, NULL));
	assert_true(permission_sees(A, &caller, NULL, NULL));
	assert_false(permission_sees(N, &caller, &debit, &credit));
}

/*
 * Goal: while a restored city is closed, other cities rebuild its books and
 * people see to its links, a stopped one too; no coop moves anything.
 */
static void test_permission_rebuilds(void **state)
{
	static const enum rpc wanted[] = {
		RPC_HELLO,	 RPC_DELIVER,	    RPC_FETCH_LOG,
		RPC_QUOTE_PAYEE, RPC_QUERY_OUTCOME, RPC_RECONCILE_LINK,
		RPC_SET_LINE,	 RPC_FREEZE_LINK,   RPC_UNFREEZE_LINK,
		RPC_PAUSE_LINK,	 RPC_RESUME_LINK,   RPC_WITHDRAW_LINK,
	};
	uint32_t count = 0;

	(void)state;
	for (uint32_t i = 0; i < COUNT_OF(wanted); i++)
		assert_true(permission_rebuilds(wanted[i]));
	for (uint32_t i = 0; i < RPC_COUNT; i++)
		count += permission_rebuilds((enum rpc)i);
	assert_int_equal(count, COUNT_OF(wanted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_permission_matrix),
		cmocka_unit_test(test_permission_rebuilds),
		cmocka_unit_test(test_permission_unknown_role),
		cmocka_unit_test(test_permission_pays),
		cmocka_unit_test(test_permission_ends_hold),
		cmocka_unit_test(test_permission_sees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
