/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/money.h"

/* 10^0 .. 10^MONEY_DECIMALS_MAX */
static const uint64_t powers[MONEY_DECIMALS_MAX + 1] = {
	1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
};

/* Sums of two amounts in range are far from the ends of 64 bits. */
static bool fit(int64_t minor, struct money *out)
{
	if (!money_in_range(minor))
		return false;
	*out = (struct money){ minor };
	return true;
}

bool money_add(struct money a, struct money b, struct money *out)
{
	check(money_in_range(a.minor) && money_in_range(b.minor));
	return fit(a.minor + b.minor, out);
}

bool money_subtract(struct money a, struct money b, struct money *out)
{
	check(money_in_range(a.minor) && money_in_range(b.minor));
	return fit(a.minor - b.minor, out);
}

int money_compare(struct money a, struct money b)
{
	return (a.minor > b.minor) - (a.minor < b.minor);
}

struct money money_negate(struct money a)
{
	check(money_in_range(a.minor));
	return (struct money){ -a.minor };
}

static bool all_digits(struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
	}
	return text.size > 0;
}

/*
 * Appends the digits of @text, which are digits, to @minor.  Stops growing
 * above the range, so that no length of text can overflow.
 */
static uint64_t append_digits(uint64_t minor, struct slice text)
{
	for (size_t i = 0; i < text.size; i++) {
		if (minor > (uint64_t)MONEY_MAX_MINOR)
			return minor;
		minor = minor * 10 + (text.data[i] - (uint64_t)'0');
	}
	return minor;
}

enum money_parse_result money_parse(struct slice text, uint32_t decimals,
				    struct money *out)
{
	bool negative = text.size > 0 && text.data[0] == '-';
	struct slice digits = slice_from(text, negative ? 1 : 0);
	size_t point = slice_find(digits, '.');
	struct slice whole = slice_upto(digits, point);
	struct slice part = { 0 };
	uint64_t minor;

	check(decimals <= MONEY_DECIMALS_MAX);
	if (point < digits.size) {
		part = slice_from(digits, point + 1);
		if (!all_digits(part))
			return MONEY_MALFORMED;
	}
	if (!all_digits(whole))
		return MONEY_MALFORMED;
	if (part.size > decimals)
		return MONEY_TOO_MANY_DECIMALS;
	minor = append_digits(0, whole);
	if (minor > (uint64_t)MONEY_MAX_MINOR)
		return MONEY_OUT_OF_RANGE;
	/* At most 2^53 x 10: each further digit is checked before it counts. */
	minor = append_digits(minor, part);
	for (size_t i = part.size; i < decimals; i++)
		minor = append_digits(minor, SLICE("0"));
	if (minor > (uint64_t)MONEY_MAX_MINOR)
		return MONEY_OUT_OF_RANGE;
	*out = (struct money){ negative ? -(int64_t)minor : (int64_t)minor };
	return MONEY_PARSED;
}

void money_print(struct buffer *buffer, struct money a, uint32_t decimals)
{
	uint64_t minor = a.minor < 0 ? (uint64_t)-a.minor : (uint64_t)a.minor;
	uint64_t part;

	check(decimals <= MONEY_DECIMALS_MAX && money_in_range(a.minor));
	if (a.minor < 0)
		buffer_put_byte(buffer, '-');
	buffer_put_decimal(buffer, minor / powers[decimals]);
	if (decimals == 0)
		return;
	buffer_put_byte(buffer, '.');
	part = minor % powers[decimals];
	for (uint32_t i = decimals; i > 0; i--)
		buffer_put_byte(buffer,
				(uint8_t)('0' + part / powers[i - 1] % 10));
}
