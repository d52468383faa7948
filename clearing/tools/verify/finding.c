/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/finding.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/check.h"

static const struct finding_meaning meanings[FINDING_KINDS] = {
	[FINDING_GENESIS_WRONG] = { "GENESIS_WRONG",
				    "block 0 is not where a chain begins" },
	[FINDING_BLOCK_MISSING] = { "BLOCK_MISSING",
				    "numbers of blocks have a gap" },
	[FINDING_JOURNAL_CUT] = { "JOURNAL_CUT", "the journal ends before "
						 "what the tables have seen" },
	[FINDING_CHAIN_BROKEN] = { "CHAIN_BROKEN",
				   "a block was built on another one than "
				   "stands before it" },
	[FINDING_HASH_WRONG] = { "HASH_WRONG",
				 "a block's bytes are not those it was hashed "
				 "over" },
	[FINDING_EPOCH_FELL] = { "EPOCH_FELL",
				 "an older writer's block stands behind a "
				 "newer one's" },
	[FINDING_TIME_FELL] = { "TIME_FELL", "a block is older than the one "
					     "before it" },
	[FINDING_PAYLOAD_INVALID] = { "PAYLOAD_INVALID",
				      "a payload breaks the format" },
	[FINDING_NUMBER_GAP] = { "NUMBER_GAP",
				 "numbers of entries are not dense" },
	[FINDING_ID_TWICE] = { "ID_TWICE", "one command was carried out "
					   "twice" },
	[FINDING_ACTOR_UNKNOWN] = { "ACTOR_UNKNOWN",
				    "a fact names no actor that was "
				    "introduced" },
	[FINDING_ACCOUNT_UNKNOWN] = { "ACCOUNT_UNKNOWN",
				      "a fact names an account that is not "
				      "there" },
	[FINDING_ACCOUNT_NOT_OPEN] = { "ACCOUNT_NOT_OPEN",
				       "a frozen or closed account took part" },
	[FINDING_LIMIT_PASSED] = { "LIMIT_PASSED",
				   "a payer went below its credit limit" },
	[FINDING_CEILING_PASSED] = { "CEILING_PASSED",
				     "a payee went above its balance ceiling" },
	[FINDING_HOLD_UNFIT] = { "HOLD_UNFIT",
				 "a post, void or expiry does not fit an open "
				 "hold" },
	[FINDING_HOLD_ENDED_LATE] = { "HOLD_ENDED_LATE",
				      "a hold was posted or voided after it "
				      "had expired" },
	[FINDING_HOLD_EXPIRED_EARLY] = { "HOLD_EXPIRED_EARLY",
					 "a hold expired before its time" },
	[FINDING_FACT_UNFIT] = { "FACT_UNFIT",
				 "a fact does not fit the state before it" },
	[FINDING_SUM_NOT_ZERO] = { "SUM_NOT_ZERO",
				   "balances do not sum to zero" },
	[FINDING_LINK_BATCH_WRONG] = { "LINK_BATCH_WRONG",
				       "a batch's header does not fit its "
				       "entries, its block or the other log" },
	[FINDING_LINK_SIGNATURE_WRONG] = { "LINK_SIGNATURE_WRONG",
					   "a batch is not signed by its city "
					   "(with --roster)" },
	[FINDING_LINK_POSITION_WRONG] = { "LINK_POSITION_WRONG",
					  "a neighbour's account is not what "
					  "both logs say" },
	[FINDING_MEMO_MISSING] = { "MEMO_MISSING",
				   "the chain has a text's hash, the text's "
				   "row is gone" },
	[FINDING_MEMO_WRONG] = { "MEMO_WRONG", "a text does not fit its hash "
					       "in the chain" },
	[FINDING_MEMO_STRAY] = { "MEMO_STRAY",
				 "a text of which the chain knows nothing" },
	[FINDING_PROJECTION_OFF_CHAIN] = { "PROJECTION_OFF_CHAIN",
					   "the tables stand on a block that "
					   "is not in this chain" },
	[FINDING_ROW_MISSING] = { "ROW_MISSING", "a table lacks a row" },
	[FINDING_ROW_DIFFERS] = { "ROW_DIFFERS", "a row is not what the "
						 "journal says" },
	[FINDING_ROW_STRAY] = { "ROW_STRAY", "a row of which the journal "
					     "knows nothing" },
};

const struct finding_meaning *finding_meaning(enum finding_kind kind)
{
	check(kind < FINDING_KINDS && meanings[kind].name != NULL);
	return &meanings[kind];
}

void findings_add(struct findings *findings, enum finding_kind kind,
		  const struct finding *where, const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	check(kind < FINDING_KINDS);
	findings->count++;
	findings->count_by[kind]++;
	if (findings->kept_count == FINDINGS_KEPT)
		return;
	finding = &findings->kept[findings->kept_count++];
	*finding = *where;
	finding->kind = kind;
	va_start(arguments, format);
	vsnprintf(finding->text, sizeof(finding->text), format, arguments);
	va_end(arguments);
}

struct finding at_block(uint64_t block)
{
	return (struct finding){ .block = (int64_t)block,
				 .entry = NOWHERE,
				 .event = NOWHERE };
}

struct finding at_entry(uint64_t block, uint32_t entry)
{
	return (struct finding){ .block = (int64_t)block,
				 .entry = entry,
				 .event = NOWHERE };
}

struct finding at_event(uint64_t block, uint32_t event)
{
	return (struct finding){ .block = (int64_t)block,
				 .entry = NOWHERE,
				 .event = event };
}

struct finding in_table(const char *table)
{
	return (struct finding){ .block = NOWHERE,
				 .entry = NOWHERE,
				 .event = NOWHERE,
				 .table = table };
}

void finding_print(const struct finding *finding, FILE *out)
{
	fprintf(out, "%s", finding_meaning(finding->kind)->name);
	if (finding->block != NOWHERE)
		fprintf(out, " block %" PRId64, finding->block);
	if (finding->entry != NOWHERE)
		fprintf(out, " entry %" PRId64, finding->entry);
	if (finding->event != NOWHERE)
		fprintf(out, " event %" PRId64, finding->event);
	if (finding->table != NULL)
		fprintf(out, " table %s", finding->table);
	fprintf(out, ": %s\n", finding->text);
}
