/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * netting_text: obligations and certificates as files of lines.
 *
 * Obligations: `p obligations NODES COUNT`, then COUNT lines
 * `DEBTOR CREDITOR AMOUNT`, nodes from 0.  A certificate: `clearing SUM`, then
 * a line for each obligation with what is set off of it, in their order, then
 * a line for each node with its potential.
 *
 * Strict: one space between numbers, none elsewhere; numbers without leading
 * zeros or plus; a newline at the end of each line, nothing behind the last.
 * So what is read and written again is the same bytes.  Whether it makes sense
 * is asked by netting_check_input() and netting_check().
 */
#ifndef CLEARING_CORE_NETTING_TEXT_H
#define CLEARING_CORE_NETTING_TEXT_H

#include "base/buffer.h"
#include "core/netting.h"

/* What is wrong with a text, and where. */
struct netting_fault {
	uint32_t line;	  /* from 1 */
	const char *what; /* for people */
};

/*
 * netting_text_head: how large is what follows?
 *
 * @nodes, @obligations  within the limits of netting.h, and @obligations no
 *                       more than the text has room for; written on success.
 */
bool netting_text_head(struct slice text, uint32_t *nodes,
		       uint32_t *obligations,
		       struct netting_fault *fault) MUST_CHECK;

/*
 * netting_text_obligations: all of them.
 *
 * @text         one that netting_text_head() took (checked).
 * @obligations  as many as it said.
 */
bool netting_text_obligations(struct slice text,
			      struct netting_obligation *obligations,
			      struct netting_fault *fault) MUST_CHECK;

/* netting_text_line: of obligation @index, for messages. */
uint32_t netting_text_line(uint32_t index);

/* netting_text_size: bytes that a text of @input takes at most. */
size_t netting_text_size(const struct netting_input *input);
/* netting_text_write: append @input as a text. */
void netting_text_write(struct buffer *out, const struct netting_input *input);

/*
 * netting_certificate_read: @out->cleared, set_off and potentials, the arrays
 * as long as @input says.  Numbers of any size that 64 bits hold.
 */
bool netting_certificate_read(struct slice text,
			      const struct netting_input *input,
			      struct netting_solution *out,
			      struct netting_fault *fault) MUST_CHECK;

/* netting_certificate_size: bytes that one for @input takes at most. */
size_t netting_certificate_size(const struct netting_input *input);
/* netting_certificate_write: append the certificate of @solution. */
void netting_certificate_write(struct buffer *out,
			       const struct netting_input *input,
			       const struct netting_solution *solution);

#endif
