/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reader: SQL reads for lookups, statements and lists, on two threads with a
 * connection each.  A read waits until its min_position is projected, or its
 * deadline.
 */
#ifndef CLEARING_STORE_READER_H
#define CLEARING_STORE_READER_H

#include "core/id.h"
#include "core/name.h"
#include "core/view.h"
#include "store/projector.h"

#define READER_ROWS_MAX 1000
#define READER_QUEUE_MAX 1024

enum read_kind {
	READ_TRANSFER, /* by .id, for ever */
	READ_HOLD,     /* by .id */
	READ_HOLDS,   /* .account (0: any), .state (0: any), number > .cursor */
	READ_ENTRIES, /* .account (0: any), number > .cursor, rising */
	READ_STATEMENT, /* .account, time span, number < .cursor (0: newest),
			   falling */
	READ_PAYMENT,  /* by .id: of the command or of an attempt; newest one */
	READ_PAYMENTS, /* .account (0: any), number < .cursor (0: newest) */
	READ_LINK_LOG, /* link .account, own log if .state, the batch that has
			  seq .cursor first; about 1 MiB at most */
	READ_REQUESTS, /* .address (empty: any), .state, position < .cursor */
	READ_REQUEST,  /* by .id */
};

enum read_status {
	READ_OK = 0,
	READ_NOT_FOUND, /* READ_TRANSFER, _HOLD, _PAYMENT, _REQUEST */
	READ_LATE,	/* the deadline passed */
	READ_AWAY,	/* the database does not answer */
};

struct read_query {
	enum read_kind kind;
	struct id id;
	/* READ_TRANSFER: entry number where the id window knows it, else 0 */
	uint64_t number;
	uint32_t account;
	uint32_t state;
	uint64_t cursor;
	int64_t from_us;  /* inclusive; 0: from the beginning */
	int64_t until_us; /* exclusive; 0: no end */
	uint32_t limit;	  /* rows, 1 to READER_ROWS_MAX */
	uint64_t min_position;
	uint64_t deadline_us; /* wall clock */
	const char *city;     /* completes addresses; outlives the reader */
	/* READ_REQUESTS: of payer or payee, with @city */
	uint8_t address_size;
	uint8_t address[ADDRESS_SIZE_MAX];
};

/* Texts live until the done function returns. */
struct read_result {
	enum read_status status;
	const struct transfer_view *transfers;	     /* TRANSFER, ENTRIES */
	const struct hold_view *holds;		     /* HOLD, HOLDS */
	const struct statement_entry_view *entries;  /* STATEMENT */
	const struct payment_view *payments;	     /* PAYMENT, PAYMENTS */
	const struct link_batch_view *batches;	     /* LINK_LOG */
	const struct payment_request_view *requests; /* REQUESTS, REQUEST */
	uint32_t count;
	bool more; /* a further page exists; its cursor is the last number */
	/* STATEMENT: balance before the oldest and after the newest entry of
	 * the page (of the span when the page is empty) */
	int64_t opening_minor;
	int64_t closing_minor;
};

typedef void read_done(void *user, const struct read_result *result);

struct reader;

struct reader_options {
	const struct database *database;
	/* Called on a reader's thread when results wait: wake the loop. */
	void (*on_ready)(void *context);
	void *context;
};

struct reader *reader_create(const struct reader_options *options) MUST_CHECK;

/* reader_free: reads under way end as READ_AWAY; no done is called. */
void reader_free(struct reader *reader);

/*
 * reader_submit: ask.  @done runs in a later reader_collect() on the caller's
 * thread, exactly once.  False when READER_QUEUE_MAX reads wait: OVERLOADED.
 */
bool reader_submit(struct reader *reader, const struct read_query *query,
		   read_done *done, void *user) MUST_CHECK;

/*
 * reader_collect: hand out results that are ready, and end reads whose
 * deadline is before @now_us.
 * @projected  what the projector has reached: reads waiting for it may go.
 */
void reader_collect(struct reader *reader, uint64_t projected, uint64_t now_us);

#endif
