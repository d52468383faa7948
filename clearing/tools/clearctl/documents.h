/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * documents: what several verbs do with answers: reading their fields,
 * walking pages, telling that a command was carried out.
 */
#ifndef CLEARING_TOOLS_CLEARCTL_DOCUMENTS_H
#define CLEARING_TOOLS_CLEARCTL_DOCUMENTS_H

#include "tools/clearctl/render.h"
#include "tools/clearctl/session.h"

/* Fields of an object: "" or 0 where there is none. */
const char *field_text(const json_t *object, const char *name);
int64_t field_number(const json_t *object, const char *name);

/*
 * fetch_pages: all pages of a list into one array.
 *
 * @request  without page; released.
 * @items    name of the array in each answer.
 * Returns a new array, or NULL after the failure was told.
 */
json_t *fetch_pages(struct session *session, enum rpc rpc, json_t *request,
		    const char *items) MUST_CHECK;

/*
 * fetch_by_id: look up what operand 0, a UUID, names.
 *
 * Returns the answer, or NULL after the failure was told.
 */
json_t *fetch_by_id(struct session *session, enum rpc rpc) MUST_CHECK;

/* put_given: --@option into @request under the same name, when it is given. */
void put_given(const struct session *session, json_t *request,
	       const char *option);

/*
 * put_listed_account: what a list is of: --account; without it the caller's
 * one account when it is a coop, which may not list the whole node.
 * False after telling a coop with several accounts, or none, what to give.
 */
bool put_listed_account(struct session *session, json_t *request) MUST_CHECK;

/* put_reference: likewise --reference; false after telling it is no UUID. */
bool put_reference(struct session *session, json_t *request) MUST_CHECK;

/* json_of_slice, text_of_slice: @text as JSON; at @out, cut to @capacity. */
json_t *json_of_slice(struct slice text);
const char *text_of_slice(struct slice text, char *out, size_t capacity);

/*
 * carry_out: a changing command: call, then say what it did.
 *
 * @id       added to the answer as "id".
 * @request  released.
 */
int carry_out(struct session *session, enum rpc rpc, json_t *request,
	      const char *id);

/* print_pairs: one object as two columns, names and values. */
void print_pairs(const struct session *session, const json_t *object);

#endif
