/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * name: names of cities, coops and purposes, and account addresses.
 *
 * A name is [a-z][a-z0-9]*(-[a-z0-9]+)*, 1 to 32 bytes (rule LEDGER-2).  An
 * address is coop[/purpose]@city.  Names start with a letter, so a number is
 * never an address.
 */
#ifndef CLEARING_CORE_NAME_H
#define CLEARING_CORE_NAME_H

#include <stdbool.h>

#include "base/check.h"
#include "base/slice.h"

#define NAME_SIZE_MAX 32
/* coop/purpose@city */
#define ADDRESS_SIZE_MAX (3 * NAME_SIZE_MAX + 2)
/* coop/purpose: what an account keeps, its city being the node's */
#define LOCAL_ADDRESS_SIZE_MAX (2 * NAME_SIZE_MAX + 1)

struct address {
	struct slice local; /* "coop" or "coop/purpose" */
	struct slice coop;
	struct slice purpose; /* empty when there is none */
	struct slice city;
};

/* name_valid: is @name a name? */
bool name_valid(struct slice name);

/*
 * address_parse: take "coop[/purpose]@city" apart.
 *
 * @out  views into @text; written only on success.
 * Returns false when a part is missing or no name.
 */
bool address_parse(struct slice text, struct address *out) MUST_CHECK;

/* local_address_valid: is @local "coop" or "coop/purpose", both names? */
bool local_address_valid(struct slice local);

/* address_coop: the coop's name of a local address, "a" of "a" and "a/b". */
struct slice address_coop(struct slice local);

/* address_is_reserved: does the local address begin with city or link? */
bool address_is_reserved(struct slice local);

#endif
