/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * forms: the projection's tables as clearing-verify reads them: its own
 * queries, sharing nothing with the node's.  Keys come first and are numbers;
 * text and uuid columns are compared byte by byte.
 */
#ifndef CLEARING_TOOLS_VERIFY_FORMS_H
#define CLEARING_TOOLS_VERIFY_FORMS_H

#include "tools/verify/compare.h"

/* One row a transfer, by number. */
extern const struct table_form transfer_form;
/* Every hold there ever was, by number. */
extern const struct table_form hold_form;
/* Accounts and actors by their own numbers. */
extern const struct table_form account_form;
extern const struct table_form actor_form;
/* The audit trail, and all other commands, by their place in the journal. */
extern const struct table_form change_form;
extern const struct table_form command_form;
/* Months by their first day, counted from 2000-01-01. */
extern const struct table_form account_month_form;
extern const struct table_form month_start_form;
/* Payments and links by their numbers; texts and bytes as hashes. */
extern const struct table_form payment_form;
extern const struct table_form link_form;
/* By block, link and side; batches by block, link, side and first seq. */
extern const struct table_form link_life_form;
extern const struct table_form link_batch_form;
/* By their place in the journal. */
extern const struct table_form link_change_form;
extern const struct table_form payment_request_form;
/* One row. */
extern const struct table_form federation_form;
/* The one row of block 0. */
extern const struct table_form genesis_form;

#endif
