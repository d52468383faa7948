/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * view: what reads give: rows of the tables as plain values, between store
 * (which fills them) and wire (which encodes them).  Texts are views into
 * memory of the read's result.
 */
#ifndef CLEARING_CORE_VIEW_H
#define CLEARING_CORE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* A posted entry as the tables know it. */
struct transfer_view {
	struct slice id;
	uint64_t number;
	uint64_t position;
	uint64_t debit_account;
	uint64_t credit_account;
	struct slice debit_address; /* with @city */
	struct slice credit_address;
	int64_t amount_minor;
	uint32_t kind;
	struct slice reference;
	struct slice hold_id;
	struct slice memo;
	bool memo_erased;
	struct slice actor;
	int64_t posted_at_us;
};

struct hold_view {
	struct slice id;
	uint32_t state; /* HoldState */
	uint64_t debit_account;
	uint64_t credit_account;
	struct slice debit_address;
	struct slice credit_address;
	int64_t amount_minor;
	int64_t posted_amount_minor;
	int64_t expires_at_us;
	uint32_t kind;
	struct slice reference;
	struct slice memo;
	bool memo_erased;
	struct slice actor;
	uint64_t placed_position;
	uint64_t ended_position;
	uint64_t number; /* of its HOLD entry: the paging key; not sent */
};

struct statement_entry_view {
	struct transfer_view transfer;
	int64_t change_minor;
	int64_t balance_minor;
};

struct statement_view {
	int64_t opening_minor;
	int64_t closing_minor;
	const struct statement_entry_view *entries;
	uint32_t entry_count;
	struct slice next_token;
};

/* A payment between cities as this city knows it. */
struct payment_view {
	uint64_t number;    /* the paging key; not sent */
	struct slice id;    /* of the command, where it began here */
	uint32_t state;	    /* PaymentState */
	uint32_t direction; /* PaymentDirection */
	struct slice payer; /* addresses */
	struct slice payee;
	int64_t amount_minor;
	struct slice path[8]; /* cities */
	uint32_t path_count;
	uint32_t reason; /* enum link_reason */
	struct slice at_city;
	uint32_t attempts;
	int64_t started_at_us;
	int64_t ended_at_us; /* 0: open */
	struct slice reference;
	struct slice decided_id; /* of the attempt on the links */
	int64_t decide_by_us;
	struct slice lock; /* empty: none */
	/* not sent: */
	uint32_t account; /* here: payer's or payee's; 0: neither */
	struct slice terms;
	struct slice proof; /* as it came with the answer; or empty */
	/* Where the decider's answer stands, when POSTED; link 0: nowhere. */
	uint32_t answer_link;
	bool answer_own; /* in this city's own log: it decided */
	uint64_t answer_seq;
};

/* A batch of a link's log. */
struct link_batch_view {
	uint64_t first_seq;
	uint64_t last_seq;
	struct slice batch;
};

struct payment_request_view {
	uint64_t opened_position; /* the paging key; not sent */
	struct slice id;
	uint32_t state; /* PaymentRequestState */
	struct slice payer;
	struct slice payee;
	int64_t amount_minor;
	struct slice purpose;
	struct slice reference;
	int64_t expires_at_us;
	struct slice actor;
};

#endif
