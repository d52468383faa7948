/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/permission.h"

#define NONE PERMISSION_NONE
#define ALL PERMISSION_ALL
#define OWN PERMISSION_OWN

/* Columns in the order of enum role. */
#define ROLES(unknown, city, coop, gateway, operator, treasurer, auditor)     \
	{                                                                     \
		[ROLE_UNKNOWN] = (unknown), [ROLE_CITY] = (city),             \
		[ROLE_COOP] = (coop), [ROLE_GATEWAY] = (gateway),             \
		[ROLE_OPERATOR] = (operator), [ROLE_TREASURER] = (treasurer), \
		[ROLE_AUDITOR] = (auditor), [ROLE_ARBITER] = (unknown)        \
	}

#define EVERYBODY ROLES(ALL, ALL, ALL, ALL, ALL, ALL, ALL)
#define EVERY_ROLE ROLES(NONE, ALL, ALL, ALL, ALL, ALL, ALL)
#define OPERATOR_ONLY ROLES(NONE, NONE, NONE, NONE, ALL, NONE, NONE)
#define READ ROLES(NONE, NONE, OWN, ALL, ALL, ALL, ALL)
/* What is of the city as a whole. */
#define READ_ALL ROLES(NONE, NONE, ALL, ALL, ALL, ALL, ALL)
#define CITY_ONLY ROLES(NONE, ALL, NONE, NONE, NONE, NONE, NONE)
#define TREASURER_ONLY ROLES(NONE, NONE, NONE, NONE, NONE, ALL, NONE)
/* Who is asked, or asks, for a payment. */
#define PARTY ROLES(NONE, NONE, OWN, PERMISSION_COOPS, NONE, NONE, NONE)
#define PAY \
	ROLES(NONE, NONE, OWN, PERMISSION_COOPS, NONE, PERMISSION_CITY, NONE)

/* (rule RPC-3) unknown, city, coop, gateway, operator, treasurer, auditor */
static const uint8_t table[RPC_COUNT][ROLE_COUNT] = {
	[RPC_OPEN_ACCOUNT] = OPERATOR_ONLY,
	[RPC_GET_ACCOUNT] = READ,
	[RPC_LIST_ACCOUNTS] = READ,
	[RPC_SET_ACCOUNT_LIMITS] =
		ROLES(NONE, NONE, NONE, NONE, PERMISSION_LIMIT, ALL, NONE),
	[RPC_FREEZE_ACCOUNT] = OPERATOR_ONLY,
	[RPC_UNFREEZE_ACCOUNT] = OPERATOR_ONLY,
	[RPC_CLOSE_ACCOUNT] = OPERATOR_ONLY,
	[RPC_POST_TRANSFERS] = PAY,
	[RPC_GET_TRANSFER] = READ,
	[RPC_PLACE_HOLD] = PAY,
	[RPC_POST_HOLD] = ROLES(NONE, NONE, PERMISSION_PAYER, PERMISSION_COOPS,
				NONE, NONE, NONE),
	[RPC_VOID_HOLD] = ROLES(NONE, NONE, PERMISSION_PAYEE, ALL,
				PERMISSION_REASON, NONE, NONE),
	[RPC_GET_HOLD] = READ,
	[RPC_LIST_HOLDS] = READ,
	[RPC_GET_BALANCE] = READ,
	[RPC_GET_STATEMENT] = READ,
	[RPC_LIST_ENTRIES] = READ,
	[RPC_GET_NODE] = EVERY_ROLE,
	[RPC_HELLO] = CITY_ONLY,
	[RPC_DELIVER] = CITY_ONLY,
	[RPC_FETCH_LOG] = CITY_ONLY,
	[RPC_QUOTE_PAYEE] = CITY_ONLY,
	[RPC_QUERY_OUTCOME] = CITY_ONLY,
	[RPC_RELEASE_PAYMENT] = CITY_ONLY,
	[RPC_FORWARD_PAYMENT_REQUEST] = CITY_ONLY,
	[RPC_QUOTE_PAYMENT] = READ,
	[RPC_PAY] = PAY,
	[RPC_SETTLE_PAYMENT] = PARTY,
	[RPC_CANCEL_PAYMENT] = PAY,
	[RPC_GET_PAYMENT] = READ,
	[RPC_LIST_PAYMENTS] = READ,
	[RPC_GET_RECEIPT] = READ,
	[RPC_REQUEST_PAYMENT] = PARTY,
	[RPC_LIST_PAYMENT_REQUESTS] = READ,
	[RPC_DECLINE_PAYMENT_REQUEST] = PARTY,
	[RPC_GET_LINK] = READ_ALL,
	[RPC_GET_LINK_STATEMENT] = READ_ALL,
	[RPC_RECONCILE_LINK] = OPERATOR_ONLY,
	[RPC_SET_LINE] = TREASURER_ONLY,
	[RPC_FREEZE_LINK] = TREASURER_ONLY,
	[RPC_UNFREEZE_LINK] = TREASURER_ONLY,
	[RPC_PAUSE_LINK] = OPERATOR_ONLY,
	[RPC_RESUME_LINK] = OPERATOR_ONLY,
	[RPC_WITHDRAW_LINK] = OPERATOR_ONLY,
	[RPC_GET_ROSTER] = READ_ALL,
	[RPC_LIST_CITIES] = READ_ALL,
	[RPC_LIST_LINKS] = READ_ALL,
	[RPC_HEALTH_CHECK] = EVERYBODY,
	[RPC_HEALTH_WATCH] = EVERYBODY,
	[RPC_REFLECTION_V1] = EVERY_ROLE,
	[RPC_REFLECTION_V1ALPHA] = EVERY_ROLE,
};

static const bool rebuilding[RPC_COUNT] = {
	[RPC_HELLO] = true,	    [RPC_DELIVER] = true,
	[RPC_FETCH_LOG] = true,	    [RPC_QUOTE_PAYEE] = true,
	[RPC_QUERY_OUTCOME] = true, [RPC_RECONCILE_LINK] = true,
	[RPC_SET_LINE] = true,	    [RPC_FREEZE_LINK] = true,
	[RPC_UNFREEZE_LINK] = true, [RPC_PAUSE_LINK] = true,
	[RPC_RESUME_LINK] = true,   [RPC_WITHDRAW_LINK] = true,
};

bool permission_rebuilds(enum rpc rpc)
{
	check(rpc < RPC_COUNT);
	return rebuilding[rpc];
}

enum permission permission_of(enum rpc rpc, enum role role)
{
	check(rpc < RPC_COUNT && role < ROLE_COUNT);
	return (enum permission)table[rpc][role];
}

bool permission_owns(const struct identity *caller,
		     const struct account *account)
{
	return account != NULL && caller->role == ROLE_COOP &&
	       account_is_coop(account) &&
	       slice_equal(account_coop(account), caller->name);
}

/* An account that is not there is for the refusal to say. */
static bool coop_or_unknown(const struct account *account)
{
	return account == NULL || account_is_coop(account);
}

static bool gateway_may_pay(const struct account *debit,
			    const struct account *credit)
{
	return coop_or_unknown(debit) && coop_or_unknown(credit) &&
	       (debit == NULL || debit->gateway_allowed);
}

static bool is_city(const struct account *account)
{
	return slice_equal(account_coop(account), SLICE("city"));
}

bool permission_pays(enum permission permission, const struct identity *caller,
		     const struct account *debit, const struct account *credit)
{
	switch (permission) {
	case PERMISSION_ALL:
		return true;
	case PERMISSION_OWN:
	case PERMISSION_PAYER:
		return permission_owns(caller, debit);
	case PERMISSION_COOPS:
		return gateway_may_pay(debit, credit);
	case PERMISSION_CITY:
		return debit == NULL || is_city(debit);
	case PERMISSION_NONE:
	case PERMISSION_PAYEE:
	case PERMISSION_LIMIT:
	case PERMISSION_REASON:
		return false;
	}
	clearing_panic(__FILE__, __LINE__, "permission");
}

bool permission_ends_hold(enum permission permission,
			  const struct identity *caller,
			  const struct account *debit,
			  const struct account *credit, struct slice reason)
{
	if (permission == PERMISSION_PAYEE)
		return permission_owns(caller, credit);
	if (permission == PERMISSION_REASON)
		return reason.size > 0;
	return permission_pays(permission, caller, debit, credit);
}

bool permission_sees(enum permission permission, const struct identity *caller,
		     const struct account *debit, const struct account *credit)
{
	if (permission == PERMISSION_OWN)
		return permission_owns(caller, debit) ||
		       permission_owns(caller, credit);
	return permission == PERMISSION_ALL;
}
