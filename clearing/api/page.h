/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * page: opaque tokens that say where a list goes on (rule RPC-14).  A token
 * is bound to its query: with another method, account or filter it is
 * refused.  It is no secret and no permission: who may ask is decided anew
 * for each page.
 */
#ifndef CLEARING_API_PAGE_H
#define CLEARING_API_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/slice.h"
#include "wire/method.h"

#define PAGE_SIZE_DEFAULT 100
#define PAGE_SIZE_MAX 1000
/* Version, query and cursor in hexadecimal. */
#define PAGE_TOKEN_SIZE (2 * (1 + 8 + 8))

/* What makes two pages pages of one query; unused members are 0. */
struct page_query {
	enum rpc rpc;
	uint64_t account; /* 0: the whole node */
	uint32_t state;
	uint64_t after_number;
	int64_t from_us;
	int64_t until_us;
	struct slice coop; /* the caller whose own accounts are listed */
};

/* page_size: rows for a request that asked for @wanted (0: the default). */
uint32_t page_size(uint32_t wanted);

/* page_token: append the token that goes on after @cursor (> 0). */
void page_token(struct buffer *out, const struct page_query *query,
		uint64_t cursor);

/*
 * page_cursor: where @token goes on; 0 for the empty token, the first page.
 *
 * @cursor  written only on success.
 * Returns false for a token that is none, or of another query.
 */
bool page_cursor(struct slice token, const struct page_query *query,
		 uint64_t *cursor) MUST_CHECK;

#endif
