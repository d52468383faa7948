/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Tables of links and payments against what link_rows.c kept. */
#include <stdlib.h>
#include <string.h>

#include "tools/verify/forms.h"
#include "tools/verify/link_rows_private.h"

static struct cell cell_ordinal(uint64_t value)
{
	return cell_number((int64_t)value);
}

static struct cell cell_hash(const uint8_t hash[SHA256_SIZE])
{
	return cell_bytes(slice_of(hash, SHA256_SIZE));
}

static struct cell cell_nonce(const struct link_life *life)
{
	return cell_bytes(slice_of(life->nonce, LINKLOG_NONCE_SIZE));
}

static struct cell cell_id_or_null(const struct id *id)
{
	return id_is_zero(id) ? cell_null() : cell_id(id);
}

void link_rows_expect_change(struct link_rows *rows,
			     const struct block_header *header, uint32_t index,
			     const struct event *event)
{
	const struct event_link *link = &event->link;
	bool commanded = event->kind == EVENT_LINK_COMMANDED;
	bool line = commanded && link->command == LINK_ENTRY_LINE_CHANGE;
	bool on_link = event_is_on_link(event->kind);
	uint32_t actor = on_link ? link->actor : 0;
	struct slice reason = on_link ? link->reason : (struct slice){ 0 };

	if (event->kind == EVENT_REJOINED) {
		actor = event->rejoined.actor;
		reason = event->rejoined.reason;
	}
	comparison_expect(
		&rows->change,
		(const struct cell[]){
			cell_ordinal(header->seq), cell_number(index),
			on_link ? cell_number(link->link) : cell_null(),
			cell_number(event->kind),
			commanded ? cell_number(link->command) : cell_null(),
			line ? cell_money(link->line) : cell_null(),
			actor != 0 ? cell_number(actor) : cell_null(),
			cell_bytes(reason), cell_time(header->created_us) });
}

static void expect_link(struct comparison *comparison, const struct link *link)
{
	comparison_expect(comparison,
			  (const struct cell[]){
				  cell_number(link->number),
				  cell_bytes(link_city(link)),
				  cell_number(link->account),
				  cell_ordinal(link->out.seq),
				  cell_hash(link->out.head),
				  cell_ordinal(link->out.promised_minor),
				  cell_ordinal(link->out.settled_minor),
				  cell_ordinal(link->out.released_minor),
				  cell_ordinal(link->out.journal_seq),
				  cell_ordinal(link->in.seq),
				  cell_hash(link->in.head),
				  cell_ordinal(link->in.promised_minor),
				  cell_ordinal(link->in.settled_minor),
				  cell_ordinal(link->in.released_minor),
				  cell_ordinal(link->in.journal_seq),
				  cell_ordinal(link->acknowledged),
				  cell_ordinal(link->header_ack),
				  cell_ordinal(link->journal_seq_seen),
				  cell_ordinal(link->life.incarnation),
				  cell_nonce(&link->life),
				  cell_ordinal(link->reconciled.incarnation),
				  cell_nonce(&link->reconciled),
				  cell_ordinal(link->peer_life.incarnation),
				  cell_nonce(&link->peer_life),
				  cell_ordinal(link->line_minor),
				  cell_ordinal(link->peer_line_minor),
				  cell_number(link->frozen_here),
				  cell_number(link->frozen_there),
				  cell_number(link->paused),
				  cell_number(link->rewrite),
				  cell_number(link->gone),
				  cell_number(link->estate_minor) });
}

static void expect_links(struct link_rows *rows, struct comparison *comparison)
{
	for (uint32_t i = 1; i <= rows->links->link_count; i++)
		expect_link(comparison, links_at(rows->links, i));
}

static int order_of(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_life(const void *a, const void *b)
{
	const struct known_life *x = a, *y = b;
	int order = order_of((int64_t)x->seq, (int64_t)y->seq);

	if (order == 0)
		order = order_of(x->link, y->link);
	if (order == 0)
		order = order_of(x->own, y->own);
	return order != 0 ? order
			  : order_of((int64_t)x->life.incarnation,
				     (int64_t)y->life.incarnation);
}

static void expect_lives(struct link_rows *rows, struct comparison *comparison)
{
	struct known_life *lives = rows->lives.rows;

	if (rows->lives.count > 0)
		qsort(lives, rows->lives.count, sizeof(*lives), by_life);
	for (size_t i = 0; i < rows->lives.count; i++)
		comparison_expect(
			comparison,
			(const struct cell[]){
				cell_ordinal(lives[i].seq),
				cell_number(lives[i].link),
				cell_number(lives[i].own),
				cell_ordinal(lives[i].life.incarnation),
				cell_nonce(&lives[i].life) });
}

static int by_batch(const void *a, const void *b)
{
	const struct known_batch *x = a, *y = b;
	int order = order_of((int64_t)x->end.journal_seq,
			     (int64_t)y->end.journal_seq);

	if (order == 0)
		order = order_of(x->link, y->link);
	if (order == 0)
		order = order_of(x->own, y->own);
	return order != 0
		       ? order
		       : order_of((int64_t)x->first_seq, (int64_t)y->first_seq);
}

static void expect_batches(struct link_rows *rows,
			   struct comparison *comparison)
{
	struct known_batch *batches = rows->batches.rows;

	if (rows->batches.count > 0)
		qsort(batches, rows->batches.count, sizeof(*batches), by_batch);
	for (size_t i = 0; i < rows->batches.count; i++) {
		const struct known_batch *row = &batches[i];

		comparison_expect(comparison,
				  (const struct cell[]){
					  cell_ordinal(row->end.journal_seq),
					  cell_number(row->link),
					  cell_number(row->own),
					  cell_ordinal(row->first_seq),
					  cell_ordinal(row->end.seq),
					  cell_ordinal(row->withdrawn_seq),
					  cell_hash(row->end.head),
					  cell_ordinal(row->end.promised_minor),
					  cell_ordinal(row->end.settled_minor),
					  cell_ordinal(row->end.released_minor),
					  cell_hash(row->hash) });
	}
}

static void expect_payment(struct comparison *comparison, uint64_t number,
			   const struct known_payment *row)
{
	comparison_expect(
		comparison,
		(const struct cell[]){
			cell_ordinal(number),
			cell_id(&row->id),
			cell_id_or_null(&row->parent),
			cell_id_or_null(&row->hold_id),
			cell_number(row->role),
			cell_number(row->in_state),
			cell_number(row->out_state),
			cell_number(row->in_answered),
			cell_number(row->booked),
			cell_number(row->duplicate),
			cell_number(row->accepted),
			cell_number(row->open),
			cell_number(row->attempt),
			cell_number(row->in_link),
			cell_number(row->out_link),
			cell_ordinal(row->in_seq),
			cell_ordinal(row->out_seq),
			cell_ordinal(row->answer_seq),
			cell_ordinal(row->amount_minor),
			cell_time(row->decide_by_us),
			cell_time(row->started_us),
			row->ended_us != 0 ? cell_time(row->ended_us)
					   : cell_null(),
			cell_number(row->account),
			cell_number(row->actor),
			cell_number(row->reason),
			cell_bytes(slice_of(row->at_city, row->at_city_size)),
			cell_bytes(slice_of(row->key, row->key_size)),
			cell_hash(row->texts_hash),
			cell_hash(row->terms_hash),
			cell_hash(row->proof_hash) });
}

static void expect_payments(struct link_rows *rows,
			    struct comparison *comparison)
{
	const struct known_payment *payments = rows->payments.rows;

	for (size_t i = 0; i < rows->payments.count; i++)
		expect_payment(comparison, i + 1, &payments[i]);
}

static int by_id(const void *a, const void *b)
{
	const struct known_request *x = a, *y = b;
	int order = memcmp(x->id.bytes, y->id.bytes, ID_SIZE);

	return order != 0 ? order : order_of((int64_t)x->seq, (int64_t)y->seq);
}

static int by_place(const void *a, const void *b)
{
	const struct known_request *x = a, *y = b;
	int order = order_of((int64_t)x->seq, (int64_t)y->seq);

	return order != 0 ? order : order_of(x->index, y->index);
}

/* Ends find their requests: both by id, and of two ends the first. */
static void join_ends(struct link_rows *rows)
{
	struct known_request *requests = rows->requests.rows;
	const struct known_request *ends = rows->ends.rows;
	size_t at = 0;

	if (rows->requests.count == 0 || rows->ends.count == 0)
		return;
	qsort(requests, rows->requests.count, sizeof(*requests), by_id);
	qsort(rows->ends.rows, rows->ends.count, sizeof(*ends), by_id);
	for (size_t i = 0; i < rows->requests.count; i++) {
		struct known_request *request = &requests[i];

		while (at < rows->ends.count &&
		       memcmp(ends[at].id.bytes, request->id.bytes, ID_SIZE) <
			       0)
			at++;
		if (at == rows->ends.count)
			break;
		if (!id_equal(&ends[at].id, &request->id))
			continue;
		request->state = ends[at].state;
		request->ended_seq = ends[at].ended_seq;
	}
	qsort(requests, rows->requests.count, sizeof(*requests), by_place);
}

static void expect_requests(struct link_rows *rows,
			    struct comparison *comparison)
{
	const struct known_request *requests;

	join_ends(rows);
	requests = rows->requests.rows;
	for (size_t i = 0; i < rows->requests.count; i++) {
		const struct known_request *row = &requests[i];
		bool ended = row->state != 0;

		comparison_expect(
			comparison,
			(const struct cell[]){
				cell_ordinal(row->seq), cell_number(row->index),
				cell_id(&row->id), cell_number(row->actor),
				cell_number(row->amount_minor),
				cell_time(row->expires_us),
				ended ? cell_number(row->state) : cell_null(),
				ended ? cell_ordinal(row->ended_seq)
				      : cell_null(),
				cell_hash(row->texts_hash) });
	}
}

static void expect_federation(struct link_rows *rows,
			      struct comparison *comparison)
{
	if (!rows->changed)
		return;
	comparison_expect(comparison,
			  (const struct cell[]){
				  cell_number(1),
				  cell_ordinal(rows->links->next_payment),
				  cell_ordinal(rows->links->roster_version),
				  cell_hash(rows->links->roster_hash),
				  cell_number(rows->links->rejoin) });
}

bool link_rows_end(struct link_rows *rows, char *error)
{
	typedef void expect_function(struct link_rows * rows,
				     struct comparison * comparison);
	static const struct {
		const struct table_form *form;
		expect_function *expect;
	} tables[] = {
		{ &link_form, expect_links },
		{ &link_life_form, expect_lives },
		{ &link_batch_form, expect_batches },
		{ &payment_form, expect_payments },
		{ &payment_request_form, expect_requests },
		{ &federation_form, expect_federation },
	};
	struct comparison one = rows->change;
	bool read = comparison_end(&one);

	rows->change.begun = false;
	for (size_t i = 0; read && i < sizeof(tables) / sizeof(tables[0]);
	     i++) {
		comparison_begin(&one, tables[i].form, rows->findings,
				 rows->connection, false);
		tables[i].expect(rows, &one);
		read = comparison_end(&one);
	}
	if (!read)
		memcpy(error, one.rows.error, ROWS_ERROR_SIZE);
	return read;
}
