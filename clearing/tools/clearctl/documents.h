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
