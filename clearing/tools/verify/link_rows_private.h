/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* link_rows_private: what link_rows.c and link_compare.c share. */
#ifndef CLEARING_TOOLS_VERIFY_LINK_ROWS_PRIVATE_H
#define CLEARING_TOOLS_VERIFY_LINK_ROWS_PRIVATE_H

#include "tools/verify/link_rows.h"

/*
 * link_rows_expect_change: the audit trail's row of an event that says who
 * changed a link, or what the node did by itself; they come in the order of
 * the table.
 */
void link_rows_expect_change(struct link_rows *rows,
			     const struct block_header *header, uint32_t index,
			     const struct event *event);

#endif
