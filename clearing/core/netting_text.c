/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "core/netting_text.h"

#define NUMBER_SIZE_MAX 20    /* -9223372036854775808 */
#define OBLIGATION_SIZE_MIN 6 /* "0 1 1\n" */
#define HEAD_LINES 1

/* Takes a text line by line; after a fault it takes nothing more. */
struct cursor {
	struct slice rest;
	uint32_t line;
	const char *fault; /* NULL: none so far */
};

static void fail(struct cursor *cursor, const char *what)
{
	if (cursor->fault == NULL)
		cursor->fault = what;
}

static bool take_text(struct cursor *cursor, struct slice text,
		      const char *what)
{
	if (cursor->fault == NULL && !slice_starts_with(cursor->rest, text))
		fail(cursor, what);
	if (cursor->fault != NULL)
		return false;
	cursor->rest = slice_from(cursor->rest, text.size);
	return true;
}

static bool is_digit(const struct cursor *cursor, size_t at)
{
	return at < cursor->rest.size && cursor->rest.data[at] >= '0' &&
	       cursor->rest.data[at] <= '9';
}

/* Digits without leading zeros, up to @limit. */
static uint64_t take_digits(struct cursor *cursor, uint64_t limit,
			    const char *what)
{
	uint64_t value = 0;
	size_t at = 0;

	for (; cursor->fault == NULL && is_digit(cursor, at); at++) {
		uint64_t digit = cursor->rest.data[at] - (uint64_t)'0';

		if ((at == 1 && value == 0) || value > (limit - digit) / 10)
			fail(cursor, what);
		else
			value = value * 10 + digit;
	}
	if (at == 0)
		fail(cursor, what);
	if (cursor->fault != NULL)
		return 0;
	cursor->rest = slice_from(cursor->rest, at);
	return value;
}

static int64_t take_number(struct cursor *cursor, const char *what)
{
	bool negative = cursor->fault == NULL && cursor->rest.size > 0 &&
			cursor->rest.data[0] == '-';
	uint64_t value;

	if (!negative)
		return (int64_t)take_digits(cursor, INT64_MAX, what);
	cursor->rest = slice_from(cursor->rest, 1);
	value = take_digits(cursor, UINT64_C(1) << 63, what);
	if (value == 0)
		fail(cursor, what);
	return (int64_t)(0 - value);
}

/* The line is over. */
static void end_line(struct cursor *cursor, const char *what)
{
	if (take_text(cursor, SLICE("\n"), what))
		cursor->line++;
}

static bool ended(const struct cursor *cursor, struct netting_fault *fault)
{
	if (cursor->fault == NULL)
		return true;
	*fault = (struct netting_fault){ cursor->line, cursor->fault };
	return false;
}

/* ---- obligations */

static const char head_form[] =
	"the first line must be `p obligations NODES COUNT`";
static const char head_limit[] = "there are too many nodes or obligations";
static const char obligation_form[] =
	"must be `DEBTOR CREDITOR AMOUNT`, whole numbers with one space "
	"between";
static const char more_lines[] = "there are more lines than there should be";
static const char fewer_lines[] = "there are fewer obligations than it says";

static void take_head(struct cursor *cursor, uint32_t *nodes,
		      uint32_t *obligations)
{
	cursor->line = 1;
	(void)take_text(cursor, SLICE("p obligations "), head_form);
	*nodes = (uint32_t)take_digits(cursor, UINT32_MAX, head_form);
	(void)take_text(cursor, SLICE(" "), head_form);
	*obligations = (uint32_t)take_digits(cursor, UINT32_MAX, head_form);
	end_line(cursor, head_form);
}

bool netting_text_head(struct slice text, uint32_t *nodes,
		       uint32_t *obligations, struct netting_fault *fault)
{
	struct cursor cursor = { .rest = text };
	uint32_t node_count, count;

	take_head(&cursor, &node_count, &count);
	if (cursor.fault == NULL) {
		cursor.line = 1;
		if (node_count > NETTING_NODES_MAX ||
		    count > NETTING_OBLIGATIONS_MAX)
			fail(&cursor, head_limit);
		else if (cursor.rest.size / OBLIGATION_SIZE_MIN < count)
			fail(&cursor, fewer_lines);
	}
	if (!ended(&cursor, fault))
		return false;
	*nodes = node_count;
	*obligations = count;
	return true;
}

bool netting_text_obligations(struct slice text,
			      struct netting_obligation *obligations,
			      struct netting_fault *fault)
{
	struct cursor cursor = { .rest = text };
	uint32_t nodes, count;

	take_head(&cursor, &nodes, &count);
	check(cursor.fault == NULL);
	for (uint32_t i = 0; i < count && cursor.fault == NULL; i++) {
		struct netting_obligation *one = &obligations[i];

		if (cursor.rest.size == 0)
			fail(&cursor, fewer_lines);
		one->debtor = (uint32_t)take_digits(&cursor, UINT32_MAX,
						    obligation_form);
		(void)take_text(&cursor, SLICE(" "), obligation_form);
		one->creditor = (uint32_t)take_digits(&cursor, UINT32_MAX,
						      obligation_form);
		(void)take_text(&cursor, SLICE(" "), obligation_form);
		one->amount = take_number(&cursor, obligation_form);
		end_line(&cursor, obligation_form);
	}
	if (cursor.rest.size > 0)
		fail(&cursor, more_lines);
	return ended(&cursor, fault);
}

uint32_t netting_text_line(uint32_t index)
{
	return index + 1 + HEAD_LINES;
}

static void put_number(struct buffer *out, int64_t value, uint8_t end)
{
	if (value < 0)
		buffer_put_byte(out, '-');
	buffer_put_decimal(out,
			   value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
	buffer_put_byte(out, end);
}

size_t netting_text_size(const struct netting_input *input)
{
	return ((size_t)input->obligation_count + 1) * 3 *
	       (NUMBER_SIZE_MAX + 1);
}

void netting_text_write(struct buffer *out, const struct netting_input *input)
{
	buffer_put_text(out, "p obligations ");
	put_number(out, input->node_count, ' ');
	put_number(out, input->obligation_count, '\n');
	for (uint32_t i = 0; i < input->obligation_count; i++) {
		put_number(out, input->obligations[i].debtor, ' ');
		put_number(out, input->obligations[i].creditor, ' ');
		put_number(out, input->obligations[i].amount, '\n');
	}
}

/* ---- certificates */

static const char certificate_head[] = "the first line must be `clearing SUM`";
static const char number_form[] = "must be one whole number";
static const char fewer_numbers[] =
	"the certificate has fewer lines than the obligations and nodes need";

static void take_numbers(struct cursor *cursor, uint32_t count, int64_t *out)
{
	for (uint32_t i = 0; i < count && cursor->fault == NULL; i++) {
		if (cursor->rest.size == 0)
			fail(cursor, fewer_numbers);
		out[i] = take_number(cursor, number_form);
		end_line(cursor, number_form);
	}
}

bool netting_certificate_read(struct slice text,
			      const struct netting_input *input,
			      struct netting_solution *out,
			      struct netting_fault *fault)
{
	struct cursor cursor = { .rest = text, .line = 1 };

	(void)take_text(&cursor, SLICE("clearing "), certificate_head);
	out->cleared = take_number(&cursor, certificate_head);
	end_line(&cursor, certificate_head);
	take_numbers(&cursor, input->obligation_count, out->set_off);
	take_numbers(&cursor, input->node_count, out->potentials);
	if (cursor.rest.size > 0)
		fail(&cursor, more_lines);
	return ended(&cursor, fault);
}

size_t netting_certificate_size(const struct netting_input *input)
{
	return ((size_t)input->obligation_count + input->node_count + 2) *
	       (NUMBER_SIZE_MAX + 1);
}

void netting_certificate_write(struct buffer *out,
			       const struct netting_input *input,
			       const struct netting_solution *solution)
{
	buffer_put_text(out, "clearing ");
	put_number(out, solution->cleared, '\n');
	for (uint32_t i = 0; i < input->obligation_count; i++)
		put_number(out, solution->set_off[i], '\n');
	for (uint32_t v = 0; v < input->node_count; v++)
		put_number(out, solution->potentials[v], '\n');
}
