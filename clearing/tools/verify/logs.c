/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "tools/verify/logs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "tools/system.h"

void logs_init(struct logs *logs, struct findings *findings)
{
	*logs = (struct logs){ .findings = findings };
	logs->leaves = malloc((size_t)2 * LINKLOG_ENTRIES_MAX * SHA256_SIZE);
	check(logs->leaves != NULL);
}

void logs_release(struct logs *logs)
{
	free(logs->leaves);
	*logs = (struct logs){ 0 };
}

/* What is looked at: a batch of a log of one link. */
struct carried {
	const struct ledger *ledger;
	const struct link *link;
	bool own;
	struct finding where;
	struct link_batch batch;
	struct link_header header;
};

static void wrong(struct logs *logs, const struct carried *carried,
		  const char *what)
{
	struct slice city = link_city(carried->link);

	findings_add(logs->findings, FINDING_LINK_BATCH_WRONG, &carried->where,
		     "%s log with %.*s, batch from seq %" PRIu64 ": %s",
		     carried->own ? "own" : "taken", (int)city.size,
		     (const char *)city.data, carried->header.first_seq, what);
}

static void look_at_names(struct logs *logs, const struct carried *carried)
{
	const struct ledger *ledger = carried->ledger;
	struct slice here = slice_of(ledger->city, ledger->city_size);
	struct slice there = link_city(carried->link);
	struct slice federation =
		slice_of(ledger->federation, ledger->federation_size);

	if (!slice_equal(carried->header.federation, federation) ||
	    !slice_equal(carried->header.author, carried->own ? here : there) ||
	    !slice_equal(carried->header.peer, carried->own ? there : here))
		wrong(logs, carried, "it is of another log");
}

/* (rule PEER-5) */
static void look_at_root(struct logs *logs, const struct carried *carried)
{
	uint8_t root[SHA256_SIZE];

	if (carried->batch.entry_count != carried->header.count) {
		wrong(logs, carried, "it has another count of entries");
		return;
	}
	linklog_batch_root(&carried->batch, logs->leaves, system_sha256, root);
	if (memcmp(root, carried->header.root, SHA256_SIZE) != 0)
		wrong(logs, carried, "its root is not that of its entries");
}

/* (rule PEER-7): what this city said when it wrote a batch. */
static void look_at_sealed(struct logs *logs, const struct carried *carried)
{
	const struct link_boundary *in = &carried->link->in;

	if ((int64_t)carried->header.journal_seq != carried->where.block)
		wrong(logs, carried, "it names another block");
	if (carried->header.ack_seq != in->seq ||
	    memcmp(carried->header.ack_head, in->head, SHA256_SIZE) != 0)
		wrong(logs, carried,
		      "it acknowledges another head of the neighbour's log");
}

/* What the neighbour acknowledged, while this city remembers its head. */
static void look_at_taken(struct logs *logs, const struct carried *carried)
{
	const struct link_boundary *end =
		link_boundary_at(carried->link, carried->header.ack_seq);

	if (end != NULL &&
	    memcmp(end->head, carried->header.ack_head, SHA256_SIZE) != 0)
		wrong(logs, carried,
		      "it acknowledges another head than the "
		      "own log has there");
}

/*
 * Any state of a key will do: what was recorded while the key was good stays
 * good when it is revoked (rule PEER-43).
 */
static const uint8_t *key_of(const struct roster *roster, struct slice author,
			     struct slice key_id)
{
	uint32_t at = roster_city(roster, author);
	const struct roster_key *key =
		at == ROSTER_NONE ? NULL : roster_any_key(roster, at, key_id);

	return key == NULL ? NULL : key->key.data;
}

/* (rule PEER-6) */
static void look_at_signature(struct logs *logs, const struct carried *carried)
{
	uint8_t memory[LINKLOG_HEADER_SIZE_MAX + 32];
	const uint8_t *key = key_of(logs->roster, carried->header.author,
				    carried->batch.key_id);
	struct buffer bytes;

	logs->signatures++;
	buffer_init(&bytes, memory, sizeof(memory));
	linklog_signed(&bytes, carried->batch.header);
	if (key != NULL && !bytes.overflowed &&
	    system_verify(key, buffer_view(&bytes),
			  carried->batch.signature.data))
		return;
	findings_add(
		logs->findings, FINDING_LINK_SIGNATURE_WRONG, &carried->where,
		"batch from seq %" PRIu64 " of %.*s, key %.*s: %s",
		carried->header.first_seq, (int)carried->header.author.size,
		(const char *)carried->header.author.data,
		(int)carried->batch.key_id.size,
		(const char *)carried->batch.key_id.data,
		key == NULL ? "the roster has no such key"
			    : "the signature is not its author's");
}

void logs_event(struct logs *logs, const struct ledger *ledger,
		const struct block_header *header, uint32_t index,
		const struct event *event)
{
	struct carried carried = {
		.ledger = ledger,
		.link = links_at(&ledger->links, event->link.link),
		.own = event->kind != EVENT_LINK_BATCH_TAKEN,
		.where = at_event(header->seq, index),
	};

	check(event->kind == EVENT_LINK_BATCH_SEALED ||
	      event->kind == EVENT_LINK_BATCH_TAKEN ||
	      event->kind == EVENT_LINK_BATCH_ADOPTED);
	if (carried.link == NULL ||
	    linklog_batch(event->link.batch, &carried.batch) != LINKLOG_OK ||
	    linklog_header(carried.batch.header, &carried.header) !=
		    LINKLOG_OK ||
	    carried.batch.signature.size != LINKLOG_SIGNATURE_SIZE)
		return;
	logs->batches++;
	look_at_names(logs, &carried);
	look_at_root(logs, &carried);
	if (event->kind == EVENT_LINK_BATCH_SEALED)
		look_at_sealed(logs, &carried);
	if (event->kind == EVENT_LINK_BATCH_TAKEN)
		look_at_taken(logs, &carried);
	if (logs->roster != NULL)
		look_at_signature(logs, &carried);
}

/* What is booked here, and not yet said by the log that must say it. */
static int64_t in_flight(const struct links *links, uint32_t link)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i < links->payments_used; i++) {
		const struct payment *payment = links_payment_slot(links, i);

		if (payment == NULL || !payment->booked)
			continue;
		if (payment->in_link == link && !payment->in_answered)
			sum -= (int64_t)payment->amount_minor;
		if (payment->out_link == link &&
		    payment->out_state != LEG_POSTED)
			sum += (int64_t)payment->amount_minor;
	}
	return sum;
}

void logs_positions(struct logs *logs, const struct ledger *ledger)
{
	const struct links *links = &ledger->links;
	struct finding where = at_block(ledger->next_seq - 1);

	for (uint32_t i = 1; i <= links->link_count; i++) {
		const struct link *link = links_at(links, i);
		const struct account *account =
			ledger_account(ledger, link->account);
		int64_t found = account == NULL
					? 0
					: money_minor(account_balance(account));
		int64_t wanted = (int64_t)link->in.settled_minor -
				 (int64_t)link->out.settled_minor -
				 link->estate_minor + in_flight(links, i);

		if (found == wanted)
			continue;
		findings_add(logs->findings, FINDING_LINK_POSITION_WRONG,
			     &where,
			     "link %u with %.*s, account %u: the balance is "
			     "%" PRId64 ", and %" PRId64 " by both logs",
			     i, (int)link->city_size, (const char *)link->city,
			     link->account, found, wanted);
	}
}
