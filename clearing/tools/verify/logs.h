/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * logs: the logs between this city and its neighbours, beyond what a replay
 * asks of them anyway (order, heads, answers to open promises, totals): does
 * each batch have the root of its entries, name this log, this block and the
 * head of the other log; is it signed; and do the books say what both logs
 * say (rules PEER-5, PEER-6, PEER-34, PEER-42, PEER-43)?
 */
#ifndef CLEARING_TOOLS_VERIFY_LOGS_H
#define CLEARING_TOOLS_VERIFY_LOGS_H

#include "core/ledger.h"
#include "peer/roster.h"
#include "tools/verify/finding.h"

struct logs {
	struct findings *findings;
	const struct roster *roster; /* NULL: signatures are not looked at */
	uint64_t batches;
	uint64_t signatures;		/* of them, looked at */
	uint8_t (*leaves)[SHA256_SIZE]; /* of one batch, and as many */
};

/* logs_init: ends the program without memory.  Release with logs_release(). */
void logs_init(struct logs *logs, struct findings *findings);
void logs_release(struct logs *logs);

/*
 * logs_event: LINK_BATCH_SEALED, TAKEN or ADOPTED, before it is carried out
 * on @ledger; one that does not decode is left to the replay.
 */
void logs_event(struct logs *logs, const struct ledger *ledger,
		const struct block_header *header, uint32_t index,
		const struct event *event);

/*
 * logs_positions: each neighbour's account is what both logs say, apart from
 * answers that one of them does not have yet.
 */
void logs_positions(struct logs *logs, const struct ledger *ledger);

#endif
