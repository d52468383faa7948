/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * permission: what each role may call (rule RPC-3), as one table, and what
 * the conditional entries ask of accounts and commands.  Pure.
 */
#ifndef CLEARING_API_PERMISSION_H
#define CLEARING_API_PERMISSION_H

#include <stdbool.h>

#include "core/decide.h"
#include "core/identity.h"
#include "core/ledger.h"
#include "wire/method.h"

enum permission {
	PERMISSION_NONE = 0,
	PERMISSION_ALL,
	/*
	 * Its own: the account asked for, the account that pays, either side
	 * of what is looked up.
	 */
	PERMISSION_OWN,
	PERMISSION_PAYER, /* of the hold */
	PERMISSION_PAYEE, /* of the hold */
	/*
	 * Between coops' accounts, where the one that pays has not forbidden
	 * gateways.
	 */
	PERMISSION_COOPS,
	PERMISSION_CITY,   /* the account that pays is one of city/... */
	PERMISSION_LIMIT,  /* up to limits.operator_limit_max_minor */
	PERMISSION_REASON, /* with a reason */
};

/* permission_of: the table's entry. */
enum permission permission_of(enum rpc rpc, enum role role);

/*
 * permission_rebuilds: is @rpc let in, although it may record something, while
 * a restored city is closed to local commands (rule PEER-22)?  Such are calls
 * of other cities that rebuild its books, and what is ordered about links.
 */
bool permission_rebuilds(enum rpc rpc);

/* permission_owns: is @account (NULL: unknown) one of the coop @caller's? */
bool permission_owns(const struct identity *caller,
		     const struct account *account);

/*
 * permission_pays: may @caller move credit from @debit to @credit?
 *
 * @debit, @credit  NULL: unknown, which to a coop looks like another's (rule
 *                  RPC-12); for the others the refusal says it.
 */
bool permission_pays(enum permission permission, const struct identity *caller,
		     const struct account *debit, const struct account *credit);

/*
 * permission_ends_hold: may @caller post or void a hold between @debit and
 * @credit, giving @reason?
 */
bool permission_ends_hold(enum permission permission,
			  const struct identity *caller,
			  const struct account *debit,
			  const struct account *credit, struct slice reason);

/* permission_sees: may @caller see what has these two sides? */
bool permission_sees(enum permission permission, const struct identity *caller,
		     const struct account *debit, const struct account *credit);

#endif
