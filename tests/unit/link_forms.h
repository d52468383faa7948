/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * link_forms: the messages of the codec between cities under one roof, each
 * with a way to decode it and to write again what was decoded; for unit
 * tests, vectors and fuzzer.
 */
#ifndef CLEARING_TESTS_LINK_FORMS_H
#define CLEARING_TESTS_LINK_FORMS_H

#include <string.h>

#include "core/linklog.h"

enum link_form {
	FORM_HEADER,
	FORM_BATCH,
	FORM_ENTRY,
	FORM_TERMS,
	FORM_PROOF,
	FORM_HELLO,
	FORM_HELLO_OK,
	FORM_NEVER,
	FORM_COUNT,
};

/* Names of the messages in link.proto. */
static const char *const link_form_names[FORM_COUNT] = {
	"Header", "Batch", "Entry",   "PaymentTerms",
	"Proof",  "Hello", "HelloOk", "Never",
};

/* link_form_find: the form with @name; FORM_COUNT: none. */
static inline enum link_form link_form_find(const char *name)
{
	uint32_t form = 0;

	while (form < FORM_COUNT && strcmp(link_form_names[form], name) != 0)
		form++;
	return (enum link_form)form;
}

/* A batch and, apart from it, the run of its entries once more. */
static inline enum linklog_result link_form_batch(struct slice bytes,
						  struct buffer *out)
{
	static uint8_t memory[LINKLOG_BATCH_SIZE_MAX];
	struct slice rest, entry;
	struct link_batch batch;
	struct buffer entries;
	uint32_t count = 0;
	enum linklog_result result = linklog_batch(bytes, &batch);

	if (result != LINKLOG_OK)
		return result;
	buffer_init(&entries, memory, sizeof(memory));
	rest = batch.entries;
	for (; linklog_next_entry(&rest, &entry); count++)
		linklog_put_batch_entry(&entries, entry);
	check(count == batch.entry_count && rest.size == 0);
	check(slice_equal(batch.entries, buffer_view(&entries)));
	linklog_put_batch(out, &batch);
	return LINKLOG_OK;
}

static inline enum linklog_result link_form_header(struct slice bytes,
						   struct buffer *out)
{
	struct link_header header;
	enum linklog_result result = linklog_header(bytes, &header);

	if (result == LINKLOG_OK)
		linklog_put_header(out, &header);
	return result;
}

static inline enum linklog_result link_form_entry(struct slice bytes,
						  struct buffer *out)
{
	struct link_entry entry;
	enum linklog_result result = linklog_entry(bytes, &entry);

	if (result == LINKLOG_OK)
		linklog_put_entry(out, &entry);
	return result;
}

static inline enum linklog_result link_form_terms(struct slice bytes,
						  struct buffer *out)
{
	struct payment_terms terms;
	enum linklog_result result = linklog_terms(bytes, &terms);

	if (result == LINKLOG_OK)
		linklog_put_terms(out, &terms);
	return result;
}

static inline enum linklog_result link_form_proof(struct slice bytes,
						  struct buffer *out)
{
	struct link_proof proof;
	enum linklog_result result = linklog_proof(bytes, &proof);

	if (result == LINKLOG_OK)
		linklog_put_proof(out, &proof);
	return result;
}

static inline enum linklog_result link_form_hello(struct slice bytes,
						  struct buffer *out)
{
	struct link_hello hello;
	enum linklog_result result = linklog_hello(bytes, &hello);

	if (result == LINKLOG_OK)
		linklog_put_hello(out, &hello);
	return result;
}

static inline enum linklog_result link_form_hello_ok(struct slice bytes,
						     struct buffer *out)
{
	static struct link_hello_ok ok;
	enum linklog_result result = linklog_hello_ok(bytes, &ok);

	if (result == LINKLOG_OK)
		linklog_put_hello_ok(out, &ok);
	return result;
}

static inline enum linklog_result link_form_never(struct slice bytes,
						  struct buffer *out)
{
	struct link_never never;
	enum linklog_result result = linklog_never(bytes, &never);

	if (result == LINKLOG_OK)
		linklog_put_never(out, &never);
	return result;
}

/*
 * link_form_again: decode @bytes as @form and, when they are one, append
 * what was decoded to @out: the same bytes, if the codec is right.
 */
static inline enum linklog_result
link_form_again(enum link_form form, struct slice bytes, struct buffer *out)
{
	switch (form) {
	case FORM_HEADER:
		return link_form_header(bytes, out);
	case FORM_BATCH:
		return link_form_batch(bytes, out);
	case FORM_ENTRY:
		return link_form_entry(bytes, out);
	case FORM_TERMS:
		return link_form_terms(bytes, out);
	case FORM_PROOF:
		return link_form_proof(bytes, out);
	case FORM_HELLO:
		return link_form_hello(bytes, out);
	case FORM_HELLO_OK:
		return link_form_hello_ok(bytes, out);
	case FORM_NEVER:
		return link_form_never(bytes, out);
	case FORM_COUNT:
		break;
	}
	return LINKLOG_MALFORMED;
}

#endif
