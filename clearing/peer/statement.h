/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * statement: does a run of batches hang together as one city's log on a link,
 * and is it signed (rules PEER-5 to PEER-7, PEER-42)?  For whoever has batches
 * and a roster, and no books: it follows the chain and looks at each root, but
 * knows no promise that an answer is to.  Pure.
 */
#ifndef CLEARING_PEER_STATEMENT_H
#define CLEARING_PEER_STATEMENT_H

#include "peer/roster.h"

/* In order of precedence. */
enum statement_result {
	STATEMENT_SOUND = 0,
	STATEMENT_MALFORMED,   /* no canonical batch or header, or version */
	STATEMENT_WRONG_LOG,   /* of another federation, author or peer */
	STATEMENT_GAP,	       /* its first seq does not follow */
	STATEMENT_WRONG_CHAIN, /* prev_head is not the head before */
	STATEMENT_WRONG_ROOT,  /* count or root is not its entries' */
	STATEMENT_WRONG_TOTALS,
	STATEMENT_KEY_UNKNOWN, /* the roster has no such key of the author */
	STATEMENT_BAD_SIGNATURE,
};

#define STATEMENT_RESULT_COUNT 9

/* statement_result_name: "WRONG_ROOT"; sentence: for people. */
const char *statement_result_name(enum statement_result result);
const char *statement_result_sentence(enum statement_result result);

/* A run of batches; about 64 KiB. */
struct statement {
	struct slice federation;
	struct slice author; /* whose log it is */
	struct slice peer;
	const struct roster *roster; /* NULL: signatures are not looked at */
	sha256_function *sha256;
	verify_function *verify;

	/* What came before; zeroed for the first batch. */
	uint64_t next_seq; /* 0: the run begins anywhere */
	uint8_t head[SHA256_SIZE];
	uint64_t promised_minor, settled_minor, released_minor;

	uint8_t leaves[2 * LINKLOG_ENTRIES_MAX][SHA256_SIZE];
};

/*
 * statement_next: hold the next batch against those before it.
 *
 * @header  written unless STATEMENT_MALFORMED; views into @bytes, likewise
 *          @batch.
 * After a fault the run goes on with this batch as it is.  Any state of a key
 * will do: a signature that was recorded while its key was good stays good
 * (rule PEER-43).
 */
enum statement_result statement_next(struct statement *statement,
				     struct slice bytes,
				     struct link_batch *batch,
				     struct link_header *header) MUST_CHECK;

#endif
