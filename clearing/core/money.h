/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * money: amounts in whole minor units of the federation's one unit.
 *
 * Every amount, limit, balance and growing total stays within
 * +-(2^53 - 1), so that JSON, spreadsheets and JavaScript are exact (rule
 * LEDGER-1).  Only money.c touches .minor; elsewhere a line that must is
 * marked with the word "Raw:" and why, which a script looks for.
 */
#ifndef CLEARING_CORE_MONEY_H
#define CLEARING_CORE_MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/slice.h"

#define MONEY_MAX_MINOR ((INT64_C(1) << 53) - 1)
#define MONEY_DECIMALS_MAX 8

struct money {
	int64_t minor;
};

#define MONEY_ZERO ((struct money){ 0 })

/* money_in_range: is @minor within +-MONEY_MAX_MINOR (rule LEDGER-1)? */
static inline bool money_in_range(int64_t minor)
{
	return minor >= -MONEY_MAX_MINOR && minor <= MONEY_MAX_MINOR;
}

/* money_of: an amount from outside that was found in range (checked). */
static inline struct money money_of(int64_t minor)
{
	check(money_in_range(minor));
	return (struct money){ minor };
}

/* money_minor: the number, for encoders and messages. */
static inline int64_t money_minor(struct money a)
{
	return a.minor;
}

/*
 * money_add, money_subtract: @a + @b, @a - @b.
 *
 * @out  written only on success.
 * Returns false when the result leaves the range.
 */
bool money_add(struct money a, struct money b, struct money *out) MUST_CHECK;
bool money_subtract(struct money a, struct money b,
		    struct money *out) MUST_CHECK;

/* money_compare: < 0, 0, > 0 as @a is less than, equal to, more than @b. */
int money_compare(struct money a, struct money b);

/* money_negate: -@a; always in range. */
struct money money_negate(struct money a);

enum money_parse_result {
	MONEY_PARSED = 0,
	MONEY_MALFORMED,	 /* not digits with at most one point */
	MONEY_TOO_MANY_DECIMALS, /* more than the unit has */
	MONEY_OUT_OF_RANGE,
};

/*
 * money_parse: what a person typed, such as "12.34", "-3" or "0.5".
 *
 * @decimals  of the unit, 0 to MONEY_DECIMALS_MAX.
 * @out       written only on MONEY_PARSED.
 * A point, no separators, a digit before it; at most @decimals behind it.
 */
enum money_parse_result money_parse(struct slice text, uint32_t decimals,
				    struct money *out) MUST_CHECK;

/* money_print: append @a with exactly @decimals behind the point. */
void money_print(struct buffer *buffer, struct money a, uint32_t decimals);

#endif
