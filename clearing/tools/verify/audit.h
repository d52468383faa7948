/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * audit: one pass over a city's journal: the chain, the facts, the texts
 * beside them, and the tables; all as of one moment.
 */
#ifndef CLEARING_TOOLS_VERIFY_AUDIT_H
#define CLEARING_TOOLS_VERIFY_AUDIT_H

#include "peer/roster.h"
#include "tools/database.h"
#include "tools/verify/finding.h"
#include "tools/verify/rows.h"

/* What was looked at. */
struct audit_report {
	uint64_t blocks;
	uint64_t entries;
	uint32_t accounts;
	uint64_t link_batches;
	uint64_t link_signatures; /* of them, looked at */
	uint64_t memos;
	uint64_t memos_erased;
	int64_t projected; /* block that the tables stand at; -1: none */
	bool compared;	   /* the tables were compared to the end */
	uint64_t payload_bytes;
};

struct audit_options {
	const struct database_words *database;
	const struct roster *roster; /* NULL: no signature is looked at */
	/* Called now and then with blocks done of blocks; may be NULL. */
	void (*on_progress)(void *context, uint64_t done, uint64_t total);
	void *context;
};

/*
 * audit_run: look at everything.
 *
 * @error  ROWS_ERROR_SIZE bytes; written when it could not be read.
 * Returns false then; what was found wrong is in @findings, not here.
 */
bool audit_run(const struct audit_options *options, struct findings *findings,
	       struct audit_report *out, char *error) MUST_CHECK;

#endif
