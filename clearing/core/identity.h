/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * identity: who a certificate's URI says its holder is.
 *
 *   spiffe://F/city/C                     the city's node
 *   spiffe://F/city/C/coop/X              likewise gateway, operator,
 *                                         treasurer, auditor
 *   spiffe://F/arbiter/X                  the federation's arbiter
 *
 * F is the federation (a name), C and X are names.  A last /person/NAME (a
 * name) may follow any but the node's; it names the person for the audit and
 * changes no right.  A sound URI of another shape has the role UNKNOWN; its
 * federation is told, and its city where it says one.
 */
#ifndef CLEARING_CORE_IDENTITY_H
#define CLEARING_CORE_IDENTITY_H

#include <stdbool.h>

#include "base/check.h"
#include "base/slice.h"

#define IDENTITY_URI_SIZE_MAX 255

enum role {
	ROLE_UNKNOWN = 0,
	ROLE_CITY = 1,
	ROLE_COOP = 2,
	ROLE_GATEWAY = 3,
	ROLE_OPERATOR = 4,
	ROLE_TREASURER = 5,
	ROLE_AUDITOR = 6,
	ROLE_ARBITER = 7,
};

#define ROLE_COUNT 8

struct identity {
	enum role role;
	struct slice uri;  /* whole, with the person */
	struct slice base; /* without /person/NAME: whose rights count */
	struct slice federation;
	struct slice city;   /* empty for an arbiter */
	struct slice name;   /* X; empty for a node */
	struct slice person; /* empty when there is none */
};

/*
 * identity_parse: read a URI.
 *
 * @out  views into @uri; written only on success.
 * Returns false for what is no sound identity at all: not spiffe://, empty or
 * over-long, an empty path segment, or a byte that is not printable ASCII of
 * a plain URI path ([A-Za-z0-9._/-] after the scheme; no '%', '?', '#', '*').
 */
bool identity_parse(struct slice uri, struct identity *out) MUST_CHECK;

/* role_name: "coop", "gateway", ... for messages and tables. */
const char *role_name(enum role role);

#endif
