/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "peer/statement.h"

#include <string.h>

/* clang-format off */
static const struct {
	const char *name;
	const char *sentence;
} results[STATEMENT_RESULT_COUNT] = {
	[STATEMENT_SOUND] = { "SOUND", "It holds." },
	[STATEMENT_MALFORMED] = { "MALFORMED", "It is no batch." },
	[STATEMENT_WRONG_LOG] = { "WRONG_LOG", "It is of another log." },
	[STATEMENT_GAP] = { "GAP", "A batch before it is missing." },
	[STATEMENT_WRONG_CHAIN] = { "WRONG_CHAIN",
		"It does not follow on the batch before it." },
	[STATEMENT_WRONG_ROOT] = { "WRONG_ROOT",
		"Its entries are not those that were signed." },
	[STATEMENT_WRONG_TOTALS] = { "WRONG_TOTALS",
		"Its totals are below those before it." },
	[STATEMENT_KEY_UNKNOWN] = { "KEY_UNKNOWN",
		"The roster has no such key of its author." },
	[STATEMENT_BAD_SIGNATURE] = { "BAD_SIGNATURE",
		"The signature is not its author's." },
};
/* clang-format on */

const char *statement_result_name(enum statement_result result)
{
	check((uint32_t)result < STATEMENT_RESULT_COUNT);
	return results[result].name;
}

const char *statement_result_sentence(enum statement_result result)
{
	check((uint32_t)result < STATEMENT_RESULT_COUNT);
	return results[result].sentence;
}

static bool is_of_log(const struct statement *statement,
		      const struct link_header *header)
{
	return slice_equal(header->federation, statement->federation) &&
	       slice_equal(header->author, statement->author) &&
	       slice_equal(header->peer, statement->peer);
}

/* (rule PEER-5): the batch before, or the head of a log before its first. */
static bool follows(const struct statement *statement,
		    const struct link_header *header)
{
	uint8_t first[SHA256_SIZE];

	if (header->first_seq == 1) {
		linklog_first_head(header->federation, header->author,
				   header->peer, statement->sha256, first);
		return memcmp(first, header->prev_head, SHA256_SIZE) == 0;
	}
	return statement->next_seq == 0 ||
	       memcmp(statement->head, header->prev_head, SHA256_SIZE) == 0;
}

static bool has_root(struct statement *statement,
		     const struct link_batch *batch,
		     const struct link_header *header)
{
	uint8_t root[SHA256_SIZE];

	if (batch->entry_count != header->count)
		return false;
	linklog_batch_root(batch, statement->leaves, statement->sha256, root);
	return memcmp(root, header->root, SHA256_SIZE) == 0;
}

/* (rule PEER-42): a total never falls. */
static bool totals_grow(const struct statement *statement,
			const struct link_header *header)
{
	return header->promised_minor >= statement->promised_minor &&
	       header->settled_minor >= statement->settled_minor &&
	       header->released_minor >= statement->released_minor;
}

/* (rule PEER-6) */
static enum statement_result signature_of(const struct statement *statement,
					  const struct link_batch *batch)
{
	uint8_t memory[LINKLOG_HEADER_SIZE_MAX + 32];
	const struct roster *roster = statement->roster;
	uint32_t author = roster_city(roster, statement->author);
	const struct roster_key *key =
		author == ROSTER_NONE
			? NULL
			: roster_any_key(roster, author, batch->key_id);
	struct buffer out;

	if (key == NULL)
		return STATEMENT_KEY_UNKNOWN;
	buffer_init(&out, memory, sizeof(memory));
	linklog_signed(&out, batch->header);
	check(!out.overflowed);
	return statement->verify(key->key.data, buffer_view(&out),
				 batch->signature.data)
		       ? STATEMENT_SOUND
		       : STATEMENT_BAD_SIGNATURE;
}

static enum statement_result look_at(struct statement *statement,
				     const struct link_batch *batch,
				     const struct link_header *header)
{
	if (!is_of_log(statement, header))
		return STATEMENT_WRONG_LOG;
	if (statement->next_seq != 0 &&
	    header->first_seq != statement->next_seq)
		return STATEMENT_GAP;
	if (!follows(statement, header))
		return STATEMENT_WRONG_CHAIN;
	if (!has_root(statement, batch, header))
		return STATEMENT_WRONG_ROOT;
	if (!totals_grow(statement, header))
		return STATEMENT_WRONG_TOTALS;
	return statement->roster == NULL ? STATEMENT_SOUND
					 : signature_of(statement, batch);
}

enum statement_result statement_next(struct statement *statement,
				     struct slice bytes,
				     struct link_batch *batch,
				     struct link_header *header)
{
	enum statement_result result;

	if (linklog_batch(bytes, batch) != LINKLOG_OK ||
	    linklog_header(batch->header, header) != LINKLOG_OK ||
	    header->version != 1)
		return STATEMENT_MALFORMED;
	result = look_at(statement, batch, header);
	statement->next_seq = header->first_seq + header->count;
	statement->promised_minor = header->promised_minor;
	statement->settled_minor = header->settled_minor;
	statement->released_minor = header->released_minor;
	linklog_head(batch->header, statement->sha256, statement->head);
	return result;
}
