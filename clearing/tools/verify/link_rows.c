/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* Keeping what rows must be; comparing them is link_compare.c. */
#include "tools/verify/link_rows.h"

#include <stdlib.h>
#include <string.h>

#include "tools/verify/forms.h"
#include "tools/verify/link_rows_private.h"

/* Payer, payee, path and reference; with what parts them. */
#define TEXTS_SIZE_MAX 1024

static void *row_at(const struct known *known, size_t index, size_t size)
{
	check(index < known->count);
	return (uint8_t *)known->rows + index * size;
}

static void *add_row(struct known *known, size_t size)
{
	if (known->count == known->capacity) {
		known->capacity = known->capacity * 2 + 256;
		known->rows = realloc(known->rows, known->capacity * size);
		check(known->rows != NULL);
	}
	known->count++;
	return memset(row_at(known, known->count - 1, size), 0, size);
}

static void put_line(struct buffer *out, struct slice text)
{
	buffer_put(out, text);
	buffer_put_byte(out, '\n');
}

/* As forms.c asks for them: a line each, and the reference. */
static void hash_terms(struct slice bytes, sha256_function *sha256,
		       uint8_t out[SHA256_SIZE])
{
	uint8_t memory[TEXTS_SIZE_MAX];
	struct payment_terms terms;
	struct buffer texts;

	buffer_init(&texts, memory, sizeof(memory));
	if (linklog_terms(bytes, &terms) != LINKLOG_OK)
		terms = (struct payment_terms){ 0 };
	put_line(&texts, terms.payer);
	put_line(&texts, terms.payee);
	for (uint32_t i = 0; i < terms.path_count; i++) {
		if (i > 0)
			buffer_put_byte(&texts, ' ');
		buffer_put(&texts, terms.path[i]);
	}
	buffer_put_byte(&texts, '\n');
	buffer_put(&texts, terms.reference);
	check(!texts.overflowed);
	sha256(buffer_view(&texts), out);
}

static void copy_payment(struct known_payment *row,
			 const struct payment *payment)
{
	*row = (struct known_payment){
		.id = payment->id,
		.parent = payment->parent,
		.hold_id = payment->hold_id,
		.role = payment->role,
		.in_state = payment->in_state,
		.out_state = payment->out_state,
		.in_answered = payment->in_answered,
		.booked = payment->booked,
		.duplicate = payment->duplicate,
		.accepted = payment->accepted,
		.attempt = payment->attempt,
		.in_link = payment->in_link,
		.out_link = payment->out_link,
		.in_seq = payment->in_seq,
		.out_seq = payment->out_seq,
		.answer_seq = payment->answer_seq,
		.amount_minor = payment->amount_minor,
		.decide_by_us = payment->decide_by_us,
		.started_us = payment->started_us,
		.ended_us = payment->ended_us,
		.account = payment->account,
		.actor = payment->actor,
		.reason = payment->reason,
		.at_city_size = payment->at_city_size,
		.key_size = payment->key_size,
	};
	memcpy(row->at_city, payment->at_city, payment->at_city_size);
	memcpy(row->key, payment->key, payment->key_size);
}

static void on_payment(void *context, const struct payment *payment)
{
	struct link_rows *rows = context;
	sha256_function *sha256 = rows->links->options.sha256;
	struct known_payment *row;

	while (rows->payments.count < payment->number)
		add_row(&rows->payments, sizeof(*row));
	row = row_at(&rows->payments, payment->number - 1, sizeof(*row));
	copy_payment(row, payment);
	row->open = !links_is_over(rows->links, payment);
	hash_terms(payment_terms_of(payment), sha256, row->texts_hash);
	sha256(payment_terms_of(payment), row->terms_hash);
	sha256(slice_of(payment->proof, payment->proof_size), row->proof_hash);
}

void link_rows_begin(struct link_rows *rows, struct findings *findings,
		     PGconn *connection, struct links *links)
{
	*rows = (struct link_rows){ .findings = findings,
				    .connection = connection,
				    .links = links };
	links->options.on_payment = on_payment;
	links->options.context = rows;
	comparison_begin(&rows->change, &link_change_form, findings, connection,
			 false);
}

void link_rows_stop(struct link_rows *rows)
{
	if (rows->links != NULL)
		rows->links->options.on_payment = NULL;
	rows->links = NULL;
}

void link_rows_release(struct link_rows *rows)
{
	link_rows_stop(rows);
	if (rows->change.begun)
		rows_close(&rows->change.rows);
	free(rows->payments.rows);
	free(rows->batches.rows);
	free(rows->lives.rows);
	free(rows->requests.rows);
	free(rows->ends.rows);
	*rows = (struct link_rows){ 0 };
}

static void keep_batch(struct link_rows *rows, const struct event_link *event,
		       bool own)
{
	const struct link *link = links_at(rows->links, event->link);
	struct link_batch carried = { .entry_count = 0 };
	struct known_batch *row = add_row(&rows->batches, sizeof(*row));
	enum linklog_result result = linklog_batch(event->batch, &carried);

	check(result == LINKLOG_OK && link != NULL);
	row->link = event->link;
	row->own = own;
	row->end = own ? link->out : link->in;
	row->first_seq = row->end.seq - carried.entry_count + 1;
	rows->links->options.sha256(event->batch, row->hash);
}

/* Newest first: none that stands is behind one that does not reach so far. */
static void withdraw(struct link_rows *rows, const struct event_link *event,
		     uint64_t seq)
{
	for (size_t i = rows->batches.count; i > 0; i--) {
		struct known_batch *row =
			row_at(&rows->batches, i - 1, sizeof(*row));

		if (row->link != event->link || !row->own ||
		    row->withdrawn_seq != 0)
			continue;
		if (row->end.seq <= event->seq)
			return;
		row->withdrawn_seq = seq;
	}
}

static void keep_life(struct link_rows *rows, const struct event *event,
		      uint64_t seq)
{
	struct known_life *row = add_row(&rows->lives, sizeof(*row));

	row->link = event->link.link;
	row->own = event->kind == EVENT_LINK_LIFE_BEGUN;
	row->life.incarnation = event->link.incarnation;
	memcpy(row->life.nonce, event->link.nonce, LINKLOG_NONCE_SIZE);
	row->seq = seq;
}

static void keep_request(struct link_rows *rows,
			 const struct block_header *header, uint32_t index,
			 const struct event_request *request)
{
	struct known_request *row = add_row(&rows->requests, sizeof(*row));
	uint8_t memory[TEXTS_SIZE_MAX];
	struct buffer texts;

	row->id = request->id;
	row->seq = header->seq;
	row->index = index;
	row->actor = request->actor;
	row->amount_minor = money_minor(request->amount);
	row->expires_us = request->expires_us;
	buffer_init(&texts, memory, sizeof(memory));
	put_line(&texts, request->payer);
	put_line(&texts, request->payee);
	put_line(&texts, request->purpose);
	buffer_put(&texts, request->reference);
	check(!texts.overflowed);
	rows->links->options.sha256(buffer_view(&texts), row->texts_hash);
}

static void keep_end(struct link_rows *rows, const struct block_header *header,
		     const struct event_request *request)
{
	struct known_request *row = add_row(&rows->ends, sizeof(*row));

	row->id = request->id;
	row->state = request->state;
	row->ended_seq = header->seq;
	/* Of two ends the first counts. */
	row->seq = rows->ends.count;
}

void link_rows_event(struct link_rows *rows, const struct block_header *header,
		     uint32_t index, const struct event *event)
{
	check(rows->links != NULL && event->kind >= EVENT_LINK_OPENED);
	rows->changed |= !event_is_of_request(event->kind);
	switch (event->kind) {
	case EVENT_LINK_BATCH_SEALED:
	case EVENT_LINK_BATCH_ADOPTED:
		keep_batch(rows, &event->link, true);
		return;
	case EVENT_LINK_BATCH_TAKEN:
		keep_batch(rows, &event->link, false);
		return;
	case EVENT_LINK_WITHDRAWN:
		withdraw(rows, &event->link, header->seq);
		return;
	case EVENT_LINK_LIFE_BEGUN:
	case EVENT_LINK_LIFE_ADMITTED:
		keep_life(rows, event, header->seq);
		return;
	case EVENT_LINK_OPENED:
	case EVENT_LINK_GONE:
	case EVENT_LINK_PAUSED:
	case EVENT_LINK_RESUMED:
	case EVENT_LINK_COMMANDED:
	case EVENT_LINK_WITHDRAW_ORDERED:
	case EVENT_REJOINED:
	case EVENT_ROSTER_ADOPTED:
	case EVENT_REJOIN_ENDED:
		link_rows_expect_change(rows, header, index, event);
		return;
	case EVENT_REQUEST_OPENED:
		keep_request(rows, header, index, &event->request);
		return;
	case EVENT_REQUEST_ENDED:
		keep_end(rows, header, &event->request);
		return;
	}
}
