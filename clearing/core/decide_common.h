/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * decide_common: the checks that every family of commands begins with.  The
 * numbers returned are the same in each family (rule LEDGER-3).  For core's
 * decide_*.c alone.
 */
#ifndef CLEARING_CORE_DECIDE_COMMON_H
#define CLEARING_CORE_DECIDE_COMMON_H

#include "core/decide.h"

/* Shared numbers; refusal tests hold them equal in all families. */
enum {
	DECIDE_ID_MALFORMED = 20,
	DECIDE_ID_TOO_OLD = 21,
	DECIDE_ID_IN_FUTURE = 22,
	DECIDE_ADDRESS_MALFORMED = 30,
	DECIDE_ADDRESS_OTHER_CITY = 31,
	DECIDE_ID_CONFLICT = 40,
};

/* decide_id: 0, or refusal 20, 21, 22 (rule LEDGER-9); @out on 0. */
uint32_t decide_id(const struct ledger *ledger, struct slice bytes,
		   uint64_t now_us, struct id *out);

/*
 * decide_recorded: has the id of a command with @content been recorded?
 *
 * Returns true when the decision is made: RECORDED, or ID_CONFLICT
 * (rule LEDGER-8).  False: go on; @out->content is @content then.
 */
bool decide_recorded(const struct ledger *ledger, const struct id *id,
		     uint8_t kind, struct hash128 content,
		     struct decision *out);

/* decide_refuse: @out says @refusal. */
void decide_refuse(struct decision *out, uint32_t refusal);

/* decide_refuse_amount: likewise, with what was passed and by what. */
void decide_refuse_amount(struct decision *out, uint32_t refusal,
			  struct money limit, struct money value);

/* decide_accept: @out says ACCEPTED. */
void decide_accept(struct decision *out);

/* decide_text: printable UTF-8 of @size_min to @size_max bytes? */
bool decide_text(struct slice text, size_t size_min, size_t size_max);

#endif
