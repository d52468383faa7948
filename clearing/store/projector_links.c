/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * Links and payments in the projection.  What an entry of a log did depends
 * on what stood there before, so the projector keeps links of its own, lets
 * core carry out the same events (core/links.h), and writes the rows of what
 * changed; of a link that changed twice in a batch the last counts.  A payment
 * changes several times in a short life: it is noted, and its row made once,
 * when it is over or the batch is.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "store/links_load.h"
#include "store/projector_private.h"

static void put_id(struct pg_array *array, const struct id *id)
{
	if (id_is_zero(id))
		pg_array_null(array);
	else
		pg_array_bytes(array, slice_of(id->bytes, ID_SIZE));
}

static void put_end(struct pg_array *column, const struct link_boundary *end)
{
	pg_array_int64(&column[0], (int64_t)end->seq);
	pg_array_bytes(&column[1], slice_of(end->head, SHA256_SIZE));
	pg_array_int64(&column[2], (int64_t)end->promised_minor);
	pg_array_int64(&column[3], (int64_t)end->settled_minor);
	pg_array_int64(&column[4], (int64_t)end->released_minor);
	pg_array_int64(&column[5], (int64_t)end->journal_seq);
}

static void put_life(struct pg_array *column, const struct link_life *life)
{
	pg_array_int64(&column[0], (int64_t)life->incarnation);
	pg_array_bytes(&column[1], slice_of(life->nonce, LINKLOG_NONCE_SIZE));
}

static void on_link(void *context, const struct link *link)
{
	struct batch *batch = context;
	struct pg_array *column = batch->link;

	pg_array_int32(&column[0], (int32_t)link->number);
	pg_array_bytes(&column[1], link_city(link));
	pg_array_int32(&column[2], (int32_t)link->account);
	put_end(&column[3], &link->out);
	put_end(&column[9], &link->in);
	pg_array_int64(&column[15], (int64_t)link->acknowledged);
	pg_array_int64(&column[16], (int64_t)link->header_ack);
	pg_array_int64(&column[17], (int64_t)link->journal_seq_seen);
	put_life(&column[18], &link->life);
	put_life(&column[20], &link->reconciled);
	put_life(&column[22], &link->peer_life);
	pg_array_int64(&column[24], (int64_t)link->line_minor);
	pg_array_int64(&column[25], (int64_t)link->peer_line_minor);
	pg_array_bool(&column[26], link->frozen_here);
	pg_array_bool(&column[27], link->frozen_there);
	pg_array_bool(&column[28], link->paused);
	pg_array_bool(&column[29], link->rewrite);
	pg_array_bool(&column[30], link->gone);
	pg_array_int64(&column[31], link->estate_minor);
}

/* The cities of the way, a space between two. */
static void put_path(struct pg_array *column, const struct payment_terms *terms)
{
	uint8_t bytes[LINKLOG_PATH_MAX * (NAME_SIZE_MAX + 1)];
	struct buffer out;

	buffer_init(&out, bytes, sizeof(bytes));
	for (uint32_t i = 0; i < terms->path_count; i++) {
		if (i > 0)
			buffer_put_byte(&out, ' ');
		buffer_put(&out, terms->path[i]);
	}
	check(!out.overflowed);
	pg_array_bytes(column, buffer_view(&out));
}

static void put_terms(struct pg_array *column, const struct payment *payment)
{
	struct payment_terms terms = { 0 };

	if (payment->terms_size > 0 &&
	    linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK)
		terms = (struct payment_terms){ 0 };
	pg_array_bytes(&column[0], terms.payer);
	pg_array_bytes(&column[1], terms.payee);
	put_path(&column[2], &terms);
	pg_array_bytes(&column[3], terms.reference);
}

static void put_states(struct pg_array *column, const struct payment *payment,
		       bool open)
{
	pg_array_int16(&column[0], payment->role);
	pg_array_int16(&column[1], payment->in_state);
	pg_array_int16(&column[2], payment->out_state);
	pg_array_bool(&column[3], payment->in_answered);
	pg_array_bool(&column[4], payment->booked);
	pg_array_bool(&column[5], payment->duplicate);
	pg_array_bool(&column[6], payment->accepted);
	pg_array_bool(&column[7], open);
	pg_array_int16(&column[8], payment->attempt);
}

static void put_payment(struct batch *batch, const struct payment *payment)
{
	struct pg_array *column = payment->number < batch->first_payment
					  ? batch->payment_again
					  : batch->payment;

	pg_array_int64(&column[0], (int64_t)payment->number);
	put_id(&column[1], &payment->id);
	put_id(&column[2], &payment->parent);
	put_id(&column[3], &payment->hold_id);
	put_states(&column[4], payment, !links_is_over(batch->links, payment));
	pg_array_int32(&column[13], (int32_t)payment->in_link);
	pg_array_int32(&column[14], (int32_t)payment->out_link);
	pg_array_int64(&column[15], (int64_t)payment->in_seq);
	pg_array_int64(&column[16], (int64_t)payment->out_seq);
	pg_array_int64(&column[17], (int64_t)payment->answer_seq);
	pg_array_int64(&column[18], (int64_t)payment->amount_minor);
	pg_array_time(&column[19], (int64_t)payment->decide_by_us);
	pg_array_time(&column[20], (int64_t)payment->started_us);
	if (payment->ended_us == 0)
		pg_array_null(&column[21]);
	else
		pg_array_time(&column[21], (int64_t)payment->ended_us);
	pg_array_int32(&column[22], (int32_t)payment->account);
	pg_array_int32(&column[23], (int32_t)payment->actor);
	pg_array_int32(&column[24], (int32_t)payment->reason);
	pg_array_bytes(&column[25],
		       slice_of(payment->at_city, payment->at_city_size));
	put_terms(&column[26], payment);
	pg_array_bytes(&column[30], slice_of(payment->key, payment->key_size));
	pg_array_bytes(&column[31], payment_terms_of(payment));
	pg_array_bytes(&column[32],
		       slice_of(payment->proof, payment->proof_size));
}

/* A slot is listed once, though it may come to have another payment. */
static void on_payment(void *context, const struct payment *payment)
{
	struct batch *batch = context;
	struct changed_payments *changed = &batch->changed;
	uint32_t slot = (uint32_t)(payment - batch->links->payments);
	bool over = links_is_over(batch->links, payment);

	if (over) {
		put_payment(batch, payment);
		changed->is_owed[slot] = false;
		return;
	}
	changed->is_owed[slot] = true;
	if (changed->is_listed[slot])
		return;
	changed->is_listed[slot] = true;
	changed->slots[changed->count++] = slot;
}

static void forget_changed(struct changed_payments *changed)
{
	for (uint32_t i = 0; i < changed->count; i++) {
		changed->is_listed[changed->slots[i]] = false;
		changed->is_owed[changed->slots[i]] = false;
	}
	changed->count = 0;
}

void batch_finish_payments(struct batch *batch)
{
	struct changed_payments *changed = &batch->changed;

	for (uint32_t i = 0; i < changed->count; i++) {
		uint32_t slot = changed->slots[i];

		if (changed->is_owed[slot])
			put_payment(batch,
				    links_payment_slot(batch->links, slot));
	}
	forget_changed(changed);
}

static void put_batch(struct batch *batch, const struct event_link *event,
		      bool own)
{
	const struct link *link = links_at(batch->links, event->link);
	const struct link_boundary *end = own ? &link->out : &link->in;
	struct pg_array *column = batch->link_batch;
	struct link_batch carried;
	enum linklog_result result = linklog_batch(event->batch, &carried);

	check(result == LINKLOG_OK);
	pg_array_int32(&column[0], (int32_t)event->link);
	pg_array_bool(&column[1], own);
	pg_array_int64(&column[2],
		       (int64_t)(end->seq - carried.entry_count + 1));
	put_end(&column[3], end);
	pg_array_bytes(&column[9], event->batch);
}

static void put_life_row(struct batch *batch, const struct event *event)
{
	struct pg_array *column = batch->link_life;

	pg_array_int32(&column[0], (int32_t)event->link.link);
	pg_array_bool(&column[1], event->kind == EVENT_LINK_LIFE_BEGUN);
	pg_array_int64(&column[2], (int64_t)event->link.incarnation);
	pg_array_bytes(&column[3],
		       slice_of(event->link.nonce, LIFE_NONCE_SIZE));
	pg_array_int64(&column[4], (int64_t)batch->header->seq);
}

/* The audit trail: who did what, and why. */
static void put_change(struct batch *batch, const struct event *event,
		       uint32_t index)
{
	const struct event_link *link = &event->link;
	bool commanded = event->kind == EVENT_LINK_COMMANDED;
	bool about_link = event_is_on_link(event->kind);
	bool rejoined = event->kind == EVENT_REJOINED;
	struct pg_array *column = batch->link_change;
	uint32_t actor = about_link ? link->actor
				    : (rejoined ? event->rejoined.actor : 0);

	pg_array_int64(&column[0], (int64_t)batch->header->seq);
	pg_array_int32(&column[1], (int32_t)index);
	if (about_link)
		pg_array_int32(&column[2], (int32_t)link->link);
	else
		pg_array_null(&column[2]);
	pg_array_int16(&column[3], (int16_t)event->kind);
	if (commanded)
		pg_array_int16(&column[4], (int16_t)link->command);
	else
		pg_array_null(&column[4]);
	if (commanded && link->command == LINK_ENTRY_LINE_CHANGE)
		pg_array_int64(&column[5], money_minor(link->line));
	else
		pg_array_null(&column[5]);
	if (actor > 0)
		pg_array_int32(&column[6], (int32_t)actor);
	else
		pg_array_null(&column[6]);
	pg_array_bytes(&column[7], about_link
					   ? link->reason
					   : (rejoined ? event->rejoined.reason
						       : (struct slice){ 0 }));
	pg_array_time(&column[8], (int64_t)batch->header->created_us);
}

static void put_withdrawn(struct batch *batch, const struct event_link *event)
{
	struct pg_array *column = batch->link_withdrawn;

	pg_array_int32(&column[0], (int32_t)event->link);
	pg_array_int64(&column[1], (int64_t)event->seq);
	pg_array_int64(&column[2], (int64_t)batch->header->seq);
}

static void put_request(struct batch *batch, const struct event *event,
			uint32_t index)
{
	const struct event_request *request = &event->request;
	struct pg_array *column = batch->request;

	if (event->kind == EVENT_REQUEST_ENDED) {
		put_id(&batch->request_ended[0], &request->id);
		pg_array_int16(&batch->request_ended[1],
			       (int16_t)request->state);
		pg_array_int64(&batch->request_ended[2],
			       (int64_t)batch->header->seq);
		return;
	}
	put_id(&column[0], &request->id);
	pg_array_bytes(&column[1], request->payer);
	pg_array_bytes(&column[2], request->payee);
	pg_array_int64(&column[3], money_minor(request->amount));
	pg_array_bytes(&column[4], request->purpose);
	pg_array_bytes(&column[5], request->reference);
	pg_array_time(&column[6], (int64_t)request->expires_us);
	pg_array_int32(&column[7], (int32_t)request->actor);
	pg_array_int64(&column[8], (int64_t)batch->header->seq);
	pg_array_int32(&column[9], (int32_t)index);
}

/* What the event says itself; what it did comes by on_link, on_payment. */
static void put_event(struct batch *batch, const struct event *event,
		      uint32_t index)
{
	switch (event->kind) {
	case EVENT_LINK_BATCH_SEALED:
	case EVENT_LINK_BATCH_ADOPTED:
		put_batch(batch, &event->link, true);
		return;
	case EVENT_LINK_BATCH_TAKEN:
		put_batch(batch, &event->link, false);
		return;
	case EVENT_LINK_WITHDRAWN:
		put_withdrawn(batch, &event->link);
		return;
	case EVENT_LINK_LIFE_BEGUN:
	case EVENT_LINK_LIFE_ADMITTED:
		put_life_row(batch, event);
		return;
	case EVENT_LINK_OPENED:
	case EVENT_LINK_GONE:
	case EVENT_REJOINED:
	case EVENT_ROSTER_ADOPTED:
	case EVENT_REJOIN_ENDED:
		put_change(batch, event, index);
		return;
	case EVENT_LINK_PAUSED:
	case EVENT_LINK_RESUMED:
	case EVENT_LINK_COMMANDED:
	case EVENT_LINK_WITHDRAW_ORDERED:
		put_change(batch, event, index);
		batch_command(batch, &event->link.id, (int16_t)event->kind,
			      index);
		return;
	case EVENT_REQUEST_OPENED:
		batch_command(batch, &event->request.id, (int16_t)event->kind,
			      index);
		put_request(batch, event, index);
		return;
	case EVENT_REQUEST_ENDED:
		put_request(batch, event, index);
		return;
	}
}

void batch_add_link_event(struct batch *batch, const struct event *event,
			  uint32_t index)
{
	enum links_result result = LINKS_OK;

	check(batch->links != NULL);
	if (!event_is_of_request(event->kind)) {
		result = links_apply(batch->links, event, batch->header->seq,
				     batch->header->created_us, true);
		batch->links_changed = true;
	}
	if (result != LINKS_OK) {
		batch->unfit = links_result_name(result);
		return;
	}
	put_event(batch, event, index);
}

void batch_name_links(struct batch *batch, const struct event_genesis *genesis)
{
	if (batch->links != NULL)
		links_name(batch->links, genesis->federation, genesis->city);
}

bool shadow_links_create(struct batch *batch,
			 const struct links_options *options)
{
	size_t payments = options->payments_max;

	batch->links = calloc(1, sizeof(*batch->links));
	batch->changed.slots = calloc(payments, sizeof(uint32_t));
	batch->changed.is_listed = calloc(payments, sizeof(bool));
	batch->changed.is_owed = calloc(payments, sizeof(bool));
	if (batch->links == NULL || batch->changed.slots == NULL ||
	    batch->changed.is_listed == NULL || batch->changed.is_owed == NULL)
		return false;
	batch->links_options = *options;
	batch->links_options.on_link = on_link;
	batch->links_options.on_payment = on_payment;
	batch->links_options.context = batch;
	return true;
}

static void forget_memory(struct batch *batch)
{
	if (batch->links_memory != NULL)
		munmap(batch->links_memory, batch->links_memory_size);
	batch->links_memory = NULL;
}

void shadow_links_release(struct batch *batch)
{
	forget_memory(batch);
	free(batch->links);
	free(batch->changed.slots);
	free(batch->changed.is_listed);
	free(batch->changed.is_owed);
	batch->links = NULL;
	batch->changed = (struct changed_payments){ 0 };
}

/* Whose links they are; no row: block 0 is not projected yet. */
static bool name_shadow(struct batch *batch, PGconn *connection)
{
	PGresult *rows = pg_query(connection,
				  "select federation, city"
				  " from clearing.genesis",
				  NULL);
	bool sound = pg_rows(rows);

	if (sound && PQntuples(rows) == 1)
		links_name(batch->links, pg_get_bytes(rows, 0, 0),
			   pg_get_bytes(rows, 0, 1));
	PQclear(rows);
	return sound;
}

enum links_load_result shadow_links_load(struct batch *batch,
					 PGconn *connection, const char **table)
{
	if (batch->links == NULL)
		return LINKS_LOADED;
	forget_memory(batch);
	forget_changed(&batch->changed);
	batch->links_memory_size = links_memory_size(&batch->links_options);
	batch->links_memory =
		mmap(NULL, batch->links_memory_size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (batch->links_memory == MAP_FAILED) {
		batch->links_memory = NULL;
		return LINKS_LOAD_AWAY;
	}
	links_init(batch->links, &batch->links_options, batch->links_memory);
	return name_shadow(batch, connection)
		       ? links_load(connection, batch->links, table)
		       : LINKS_LOAD_AWAY;
}
