/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Batches: the own one that grows while a block is open, and checking one
 * that came from outside before it is recorded.
 */
#include <string.h>

#include "core/links_private.h"

/* Bytes of a batch beside its entries: header, key, signature, tags. */
#define BATCH_OVERHEAD                                       \
	(LINKLOG_HEADER_SIZE_MAX + LINKLOG_KEY_ID_SIZE_MAX + \
	 LINKLOG_SIGNATURE_SIZE + 32)
/* Tag and length before each entry. */
#define ENTRY_OVERHEAD 4

bool links_can_append(const struct link *link, size_t size)
{
	const struct link_boundary *oldest =
		&link->boundaries[link->boundary_first];

	check(link->open_count <= LINKLOG_ENTRIES_MAX);
	/* The ring must not lose a batch that a header may still name. */
	if (link->boundary_count == LINK_BOUNDARIES_MAX &&
	    oldest->seq >= link->header_ack)
		return false;
	return !link->gone && link->open_count < LINKLOG_ENTRIES_MAX &&
	       link->open_entries.size + size + ENTRY_OVERHEAD +
			       BATCH_OVERHEAD <=
		       LINKLOG_BATCH_SIZE_MAX;
}

enum links_result links_append(struct links *links, uint32_t number,
			       const struct link_entry *entry, uint64_t now_us)
{
	struct link *link = links_at(links, number);
	uint8_t bytes[LINKLOG_ENTRY_SIZE_MAX];
	struct links_place place = { .link = link, .now_us = now_us };
	enum links_result result;
	struct buffer out;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	place.seq = link->open.seq + 1;
	buffer_init(&out, bytes, sizeof(bytes));
	linklog_put_entry(&out, entry);
	check(!out.overflowed && links_can_append(link, out.size));
	result = links_sent(links, &place, entry);
	if (result != LINKS_OK)
		return result;
	linklog_put_batch_entry(&link->open_entries, buffer_view(&out));
	check(!link->open_entries.overflowed);
	link->open_count++;
	link->open.seq++;
	links_note_link(links, link);
	return LINKS_OK;
}

/* (rule PEER-7) (rule PEER-42): totals over the whole log, this one too. */
void links_header(struct links *links, uint32_t number, uint64_t journal_seq,
		  uint64_t now_us, struct buffer *bytes)
{
	const struct link *link = links_at(links, number);
	struct link_header header = { .version = 1 };
	struct link_batch open = { 0 };

	check(link != NULL && link->open_count > 0);
	open.entries = buffer_view(&link->open_entries);
	open.entry_count = link->open_count;
	header.federation = slice_of(links->federation, links->federation_size);
	header.author = slice_of(links->city, links->city_size);
	header.peer = link_city(link);
	header.incarnation = link->life.incarnation;
	header.first_seq = link->out.seq + 1;
	header.count = link->open_count;
	memcpy(header.prev_head, link->out.head, SHA256_SIZE);
	linklog_batch_root(&open, links->leaves, links->options.sha256,
			   header.root);
	header.ack_seq = link->in.seq;
	memcpy(header.ack_head, link->in.head, SHA256_SIZE);
	header.promised_minor = link->open.promised_minor;
	header.settled_minor = link->open.settled_minor;
	header.released_minor = link->open.released_minor;
	header.journal_seq = journal_seq;
	header.recorded_us = now_us;
	linklog_put_header(bytes, &header);
}

/* What the entries of a batch add to the totals. */
struct sums {
	uint64_t promised_minor;
	uint64_t settled_minor;
	uint64_t released_minor;
};

static bool add(uint64_t *total, uint64_t amount)
{
	if (amount > (uint64_t)MONEY_MAX_MINOR ||
	    *total > (UINT64_C(1) << 62) - amount)
		return false;
	*total += amount;
	return true;
}

static enum links_result check_prepare(const struct link_entry *entry,
				       struct sums *sums)
{
	struct payment_terms terms;

	if (entry->payment_terms.size == 0)
		return LINKS_ROUND_UNKNOWN;
	if (linklog_terms(entry->payment_terms, &terms) != LINKLOG_OK)
		return LINKS_MALFORMED;
	return add(&sums->promised_minor, terms.amount_minor)
		       ? LINKS_OK
		       : LINKS_TOTALS_WRONG;
}

/* (rule PEER-31) One answer a promise, also within one batch. */
static enum links_result check_answer(struct links *links, uint32_t link,
				      const struct link_entry *entry, bool own,
				      struct sums *sums)
{
	bool settle = entry->kind == LINK_ENTRY_SETTLE;
	struct payment *payment =
		own ? links_in_leg(links, link, entry->prepare_seq)
		    : links_out_leg(links, link, entry->prepare_seq);

	if (payment == NULL || payment->checked == links->checks)
		return LINKS_LEG_UNKNOWN;
	if (own ? payment->in_answered : payment->out_state != LEG_PENDING)
		return LINKS_LEG_UNKNOWN;
	/* A certificate answers legs of rounds alone. */
	if (memcmp(payment->terms_hash, entry->terms_hash, SHA256_SIZE) != 0 ||
	    entry->certificate.size > 0)
		return LINKS_LEG_DIFFERS;
	payment->checked = links->checks;
	return add(settle ? &sums->settled_minor : &sums->released_minor,
		   payment->amount_minor)
		       ? LINKS_OK
		       : LINKS_TOTALS_WRONG;
}

static enum links_result check_entry(struct links *links, uint32_t link,
				     struct slice bytes, bool own,
				     struct sums *sums)
{
	struct link_entry entry;

	if (linklog_entry(bytes, &entry) != LINKLOG_OK)
		return LINKS_MALFORMED;
	switch ((enum link_entry_kind)entry.kind) {
	case LINK_ENTRY_PREPARE:
		return check_prepare(&entry, sums);
	case LINK_ENTRY_SETTLE:
	case LINK_ENTRY_RELEASE:
		return check_answer(links, link, &entry, own, sums);
	case LINK_ENTRY_LINE_CHANGE:
		return entry.line_minor <= (uint64_t)MONEY_MAX_MINOR
			       ? LINKS_OK
			       : LINKS_MALFORMED;
	case LINK_ENTRY_FREEZE:
	case LINK_ENTRY_UNFREEZE:
		return LINKS_OK;
	}
	return LINKS_MALFORMED;
}

enum links_result links_check_batch(struct links *links, uint32_t number,
				    const struct link_batch *batch, bool own)
{
	const struct link *link = links_at(links, number);
	const struct link_boundary *log;
	struct slice entries = batch->entries, entry = { 0 };
	uint8_t root[SHA256_SIZE];
	struct link_header header;
	struct sums sums;

	if (link == NULL)
		return LINKS_LINK_UNKNOWN;
	log = own ? &link->out : &link->in;
	if (linklog_header(batch->header, &header) != LINKLOG_OK ||
	    header.count != batch->entry_count)
		return LINKS_MALFORMED;
	if (header.first_seq != log->seq + 1 ||
	    memcmp(header.prev_head, log->head, SHA256_SIZE) != 0)
		return LINKS_OUT_OF_ORDER;
	linklog_batch_root(batch, links->leaves, links->options.sha256, root);
	if (memcmp(root, header.root, SHA256_SIZE) != 0)
		return LINKS_ROOT_WRONG;
	links->checks++;
	sums = (struct sums){ log->promised_minor, log->settled_minor,
			      log->released_minor };
	while (linklog_next_entry(&entries, &entry)) {
		enum links_result result =
			check_entry(links, number, entry, own, &sums);

		if (result != LINKS_OK)
			return result;
	}
	/* (rule PEER-42) */
	return header.promised_minor == sums.promised_minor &&
			       header.settled_minor == sums.settled_minor &&
			       header.released_minor == sums.released_minor
		       ? LINKS_OK
		       : LINKS_TOTALS_WRONG;
}
