/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * hledger: transfers as an hledger journal.  Names and texts are escaped, so
 * that nothing in them is taken for syntax: two spaces end a name, `;` starts
 * a comment, a leading `(x)` is a code, `!` and `*` are a status.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_HLEDGER_H
#define CLEARING_TOOLS_CLEARCTL_HLEDGER_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* hledger_name: an account's name. */
void hledger_name(FILE *out, const char *name);

/* hledger_text: a description; on one line, with nothing that ends it. */
void hledger_text(FILE *out, const char *text);

/* hledger_unit: a commodity symbol, in quotes where it needs them. */
void hledger_unit(FILE *out, const char *unit);

/* hledger_opening: decimal mark, commodity, one directive per account. */
void hledger_opening(FILE *out, const char *unit, uint32_t decimals,
		     const json_t *accounts);

/* hledger_transfer: one transaction of two postings. */
void hledger_transfer(FILE *out, const char *unit, uint32_t decimals,
		      const json_t *transfer);

#endif
