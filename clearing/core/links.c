/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The state of links and payments: memory, looking things up, forgetting. */
#include "core/links.h"

#include <string.h>

#include "core/links_private.h"

#define ALIGNMENT 16

/* Where each part of the memory begins. */
struct layout {
	size_t links, lives, boundaries, recent, entries;
	size_t payments, free, by_id, by_in_leg, by_out_leg, leaves;
	size_t size;
};

static size_t reserve(size_t *size, size_t wanted)
{
	size_t start = (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

	check(wanted <= SIZE_MAX - start);
	*size = start + wanted;
	return start;
}

static struct layout layout_of(const struct links_options *options)
{
	struct layout at = { 0 };
	size_t links = options->links_max, payments = options->payments_max;
	size_t index = index_memory_size(options->payments_max);

	check(options->payments_max < INDEX_NONE);
	at.links = reserve(&at.size, links * sizeof(struct link));
	at.lives = reserve(&at.size, links * 2 * LINK_LIVES_KEPT *
					     sizeof(struct link_life));
	at.boundaries = reserve(&at.size, links * LINK_BOUNDARIES_MAX *
						  sizeof(struct link_boundary));
	at.recent = reserve(&at.size, links * LINK_RECENT_MAX *
					      sizeof(struct link_boundary));
	at.entries = reserve(&at.size, links * LINKLOG_BATCH_SIZE_MAX);
	at.payments = reserve(&at.size, payments * sizeof(struct payment));
	at.free = reserve(&at.size, payments * sizeof(uint32_t));
	at.by_id = reserve(&at.size, index);
	at.by_in_leg = reserve(&at.size, index);
	at.by_out_leg = reserve(&at.size, index);
	at.leaves = reserve(&at.size,
			    (size_t)2 * LINKLOG_ENTRIES_MAX * SHA256_SIZE);
	return at;
}

size_t links_memory_size(const struct links_options *options)
{
	return layout_of(options).size;
}

static void init_link(struct link *link, uint8_t *base, const struct layout *at,
		      uint32_t place)
{
	struct link_life *lives = (struct link_life *)(base + at->lives);
	struct link_boundary *boundaries =
		(struct link_boundary *)(base + at->boundaries);
	struct link_boundary *recent =
		(struct link_boundary *)(base + at->recent);

	link->own_lives.lives = lives + (size_t)2 * place * LINK_LIVES_KEPT;
	link->peer_lives.lives =
		lives + (size_t)(2 * place + 1) * LINK_LIVES_KEPT;
	link->boundaries = boundaries + (size_t)place * LINK_BOUNDARIES_MAX;
	link->recent = recent + (size_t)place * LINK_RECENT_MAX;
	buffer_init(&link->open_entries,
		    base + at->entries + (size_t)place * LINKLOG_BATCH_SIZE_MAX,
		    LINKLOG_BATCH_SIZE_MAX);
}

void links_init(struct links *links, const struct links_options *options,
		void *memory)
{
	struct layout at = layout_of(options);
	uint8_t *base = memory;

	check(memory != NULL && (uintptr_t)memory % ALIGNMENT == 0);
	*links = (struct links){
		.links = (struct link *)(base + at.links),
		.payments = (struct payment *)(base + at.payments),
		.payments_free = (uint32_t *)(base + at.free),
		.leaves = (uint8_t(*)[SHA256_SIZE])(base + at.leaves),
		.next_payment = 1,
		.options = *options,
	};
	for (uint32_t i = 0; i < options->links_max; i++)
		init_link(&links->links[i], base, &at, i);
	index_init(&links->payments_by_id, options->payments_max,
		   base + at.by_id);
	index_init(&links->payments_by_in_leg, options->payments_max,
		   base + at.by_in_leg);
	index_init(&links->payments_by_out_leg, options->payments_max,
		   base + at.by_out_leg);
}

void links_set_text(uint8_t *to, uint8_t *size, struct slice text)
{
	check(text.size <= NAME_SIZE_MAX);
	if (text.size > 0)
		memcpy(to, text.data, text.size);
	*size = (uint8_t)text.size;
}

void links_name(struct links *links, struct slice federation, struct slice city)
{
	links_set_text(links->federation, &links->federation_size, federation);
	links_set_text(links->city, &links->city_size, city);
}

struct link *links_at(const struct links *links, uint32_t number)
{
	check(links->links != NULL);
	if (number == 0 || number > links->link_count)
		return NULL;
	return &links->links[number - 1];
}

struct link *links_of(const struct links *links, struct slice city)
{
	check(links->links != NULL);
	for (uint32_t i = 0; i < links->link_count; i++) {
		if (slice_equal(link_city(&links->links[i]), city))
			return &links->links[i];
	}
	return NULL;
}

struct slice link_city(const struct link *link)
{
	check(link->city_size <= NAME_SIZE_MAX);
	return slice_of(link->city, link->city_size);
}

int64_t link_owed_minor(const struct link *link)
{
	return (int64_t)link->open.settled_minor -
	       (int64_t)link->in.settled_minor + link->estate_minor;
}

/* (rule PEER-38): accepted or not, every open promise may come to be owed. */
int64_t link_exposure_minor(const struct link *link)
{
	return link_owed_minor(link) + (int64_t)link->pending_in_minor;
}

static uint32_t id_hash(const struct links *links, const struct id *id)
{
	return (uint32_t)siphash64(links->options.key,
				   slice_of(id->bytes, ID_SIZE));
}

static uint32_t leg_hash(const struct links *links, uint32_t link, uint64_t seq)
{
	uint64_t leg[2] = { link, seq };

	return (uint32_t)siphash64(links->options.key,
				   slice_of(leg, sizeof(leg)));
}

static uint32_t slot_of(const struct links *links,
			const struct payment *payment)
{
	check(payment >= links->payments && payment->used);
	return (uint32_t)(payment - links->payments);
}

struct payment *links_payment(const struct links *links, const struct id *id)
{
	struct index_cursor cursor;
	uint32_t slot = index_first(&links->payments_by_id, id_hash(links, id),
				    &cursor);

	while (slot != INDEX_NONE) {
		if (id_equal(&links->payments[slot].id, id))
			return &links->payments[slot];
		slot = index_next(&links->payments_by_id, &cursor);
	}
	return NULL;
}

struct payment *links_in_leg(const struct links *links, uint32_t link,
			     uint64_t seq)
{
	const struct index *index = &links->payments_by_in_leg;
	struct index_cursor cursor;
	uint32_t slot = index_first(index, leg_hash(links, link, seq), &cursor);

	while (slot != INDEX_NONE) {
		struct payment *payment = &links->payments[slot];

		if (payment->in_link == link && payment->in_seq == seq)
			return payment;
		slot = index_next(index, &cursor);
	}
	return NULL;
}

struct payment *links_out_leg(const struct links *links, uint32_t link,
			      uint64_t seq)
{
	const struct index *index = &links->payments_by_out_leg;
	struct index_cursor cursor;
	uint32_t slot = index_first(index, leg_hash(links, link, seq), &cursor);

	while (slot != INDEX_NONE) {
		struct payment *payment = &links->payments[slot];

		if (payment->out_link == link && payment->out_seq == seq)
			return payment;
		slot = index_next(index, &cursor);
	}
	return NULL;
}

struct payment *links_payment_slot(const struct links *links, uint32_t slot)
{
	check(slot < links->payments_used);
	return links->payments[slot].used ? &links->payments[slot] : NULL;
}

struct slice payment_terms_of(const struct payment *payment)
{
	check(payment->terms_size <= LINKLOG_TERMS_SIZE_MAX);
	return slice_of(payment->terms, payment->terms_size);
}

static const struct link_boundary *ring_find(const struct link_boundary *ring,
					     uint32_t first, uint32_t count,
					     uint32_t size, uint64_t seq)
{
	/* The newest first: that is what is asked for. */
	for (uint32_t i = count; i > 0; i--) {
		const struct link_boundary *at = &ring[(first + i - 1) % size];

		if (at->seq == seq)
			return at;
		if (at->seq < seq)
			return NULL;
	}
	return NULL;
}

const struct link_boundary *link_boundary_at(const struct link *link,
					     uint64_t seq)
{
	check(link->boundaries != NULL);
	return ring_find(link->boundaries, link->boundary_first,
			 link->boundary_count, LINK_BOUNDARIES_MAX, seq);
}

const struct link_boundary *link_recent_at(const struct link *link,
					   uint64_t seq)
{
	check(link->recent != NULL);
	return ring_find(link->recent, link->recent_first, link->recent_count,
			 LINK_RECENT_MAX, seq);
}

static void ring_put(struct link_boundary *ring, uint32_t *first,
		     uint32_t *count, uint32_t size,
		     const struct link_boundary *boundary)
{
	if (*count == size) {
		*first = (*first + 1) % size;
		(*count)--;
	}
	ring[(*first + *count) % size] = *boundary;
	(*count)++;
}

void links_keep_boundary(struct link *link,
			 const struct link_boundary *boundary)
{
	check(boundary->seq >= link->out.seq);
	ring_put(link->boundaries, &link->boundary_first, &link->boundary_count,
		 LINK_BOUNDARIES_MAX, boundary);
}

void links_keep_recent(struct link *link, const struct link_boundary *boundary)
{
	check(boundary->seq >= link->in.seq);
	ring_put(link->recent, &link->recent_first, &link->recent_count,
		 LINK_RECENT_MAX, boundary);
}

void links_keep_life(struct link_lives *lives, const struct link_life *life)
{
	check(lives->lives != NULL);
	if (lives->count == LINK_LIVES_KEPT) {
		lives->first = (lives->first + 1) % LINK_LIVES_KEPT;
		lives->count--;
		lives->cut = true;
	}
	lives->lives[(lives->first + lives->count) % LINK_LIVES_KEPT] = *life;
	lives->count++;
}

uint32_t links_room(const struct links *links)
{
	check(links->payment_count <= links->options.payments_max);
	return links->options.payments_max - links->payment_count;
}

struct payment *links_take_slot(struct links *links, const struct id *id,
				uint64_t now_us)
{
	struct payment *payment;
	uint32_t slot;

	if (links_room(links) == 0)
		return NULL;
	slot = links->payments_free_count > 0
		       ? links->payments_free[--links->payments_free_count]
		       : links->payments_used++;
	payment = &links->payments[slot];
	/* All but the two long texts, whose sizes are zero then. */
	memset(payment, 0, offsetof(struct payment, terms));
	payment->used = true;
	payment->number = links->next_payment++;
	payment->id = *id;
	payment->started_us = now_us;
	links->payment_count++;
	return payment;
}

void links_index_id(struct links *links, const struct payment *payment)
{
	check(!payment->duplicate);
	index_insert(&links->payments_by_id, slot_of(links, payment),
		     id_hash(links, &payment->id));
}

void links_index_in_leg(struct links *links, const struct payment *payment)
{
	check(payment->in_link != LINK_NONE);
	index_insert(&links->payments_by_in_leg, slot_of(links, payment),
		     leg_hash(links, payment->in_link, payment->in_seq));
}

void links_index_out_leg(struct links *links, const struct payment *payment)
{
	check(payment->out_link != LINK_NONE);
	index_insert(&links->payments_by_out_leg, slot_of(links, payment),
		     leg_hash(links, payment->out_link, payment->out_seq));
}

void links_unindex_out_leg(struct links *links, const struct payment *payment)
{
	check(payment->out_link != LINK_NONE);
	index_remove(&links->payments_by_out_leg, slot_of(links, payment),
		     leg_hash(links, payment->out_link, payment->out_seq));
}

static void forget(struct links *links, struct payment *payment)
{
	uint32_t slot = slot_of(links, payment);

	if (!payment->duplicate)
		index_remove(&links->payments_by_id, slot,
			     id_hash(links, &payment->id));
	if (payment->in_link != LINK_NONE)
		index_remove(
			&links->payments_by_in_leg, slot,
			leg_hash(links, payment->in_link, payment->in_seq));
	if (payment->out_link != LINK_NONE)
		links_unindex_out_leg(links, payment);
	payment->used = false;
	links->payments_free[links->payments_free_count++] = slot;
	links->payment_count--;
}

static bool leg_ended(uint8_t state)
{
	check(state <= LEG_VOIDED);
	return state == LEG_POSTED || state == LEG_VOIDED;
}

struct link *links_before(const struct links *links,
			  const struct payment_terms *terms)
{
	struct slice here = slice_of(links->city, links->city_size);
	uint32_t at = 1;

	while (at < terms->path_count && !slice_equal(terms->path[at], here))
		at++;
	return at < terms->path_count ? links_of(links, terms->path[at - 1])
				      : NULL;
}

static bool is_reconciled(const struct link *link)
{
	return link->reconciled.incarnation == link->life.incarnation &&
	       memcmp(link->reconciled.nonce, link->life.nonce,
		      LIFE_NONCE_SIZE) == 0;
}

/*
 * A refused way out that a recovering middle city has back without a way in:
 * was that one answered and forgotten before?  It was when the city before
 * this one has been heard.
 */
static bool way_in_is_over(const struct links *links,
			   const struct payment *payment)
{
	const struct link *in;
	struct payment_terms terms;

	if (payment->out_state != LEG_VOIDED ||
	    linklog_terms(payment_terms_of(payment), &terms) != LINKLOG_OK)
		return false;
	in = links_before(links, &terms);
	return in != NULL && is_reconciled(in);
}

/*
 * (rule PEER-9) Memory may forget a payment once nothing can touch it: its
 * answer here is the neighbour's for good.  A middle city that is recovering
 * waits for the leg it has not got back yet.
 */
bool links_is_over(const struct links *links, const struct payment *payment)
{
	const struct link *in = links_at(links, payment->in_link);

	if (payment->role == PAYMENT_ORIGIN)
		return leg_ended(payment->out_state);
	if (in == NULL && payment->role == PAYMENT_MIDDLE)
		return way_in_is_over(links, payment);
	if (in == NULL || !payment->in_answered ||
	    payment->answer_seq > in->acknowledged)
		return false;
	if (payment->role == PAYMENT_DECIDER)
		return true;
	return leg_ended(payment->out_state) ||
	       (payment->out_state == LEG_NONE &&
		payment->in_state == LEG_VOIDED);
}

void links_note(struct links *links, struct payment *payment)
{
	bool over = links_is_over(links, payment);

	check(payment->used);
	if (links->options.on_payment != NULL)
		links->options.on_payment(links->options.context, payment);
	if (over)
		forget(links, payment);
}

void links_note_link(struct links *links, const struct link *link)
{
	check(link->number >= 1);
	if (links->options.on_link != NULL)
		links->options.on_link(links->options.context, link);
}

void links_answered(struct links *links, struct link *link,
		    struct payment *payment)
{
	uint32_t slot = slot_of(links, payment) + 1;

	check(payment->answer_seq > link->acknowledged);
	payment->answered_next = 0;
	if (link->answered_last == 0)
		link->answered_first = slot;
	else
		links->payments[link->answered_last - 1].answered_next = slot;
	link->answered_last = slot;
}

void links_acknowledge(struct links *links, struct link *link, uint64_t seq)
{
	if (seq <= link->acknowledged)
		return;
	check(seq <= link->out.seq);
	link->acknowledged = seq;
	while (link->answered_first != 0) {
		struct payment *payment =
			&links->payments[link->answered_first - 1];

		if (payment->answer_seq > seq)
			break;
		link->answered_first = payment->answered_next;
		if (link->answered_first == 0)
			link->answered_last = 0;
		payment->answered_next = 0;
		if (links_is_over(links, payment))
			links_note(links, payment);
	}
	links_note_link(links, link);
}

const char *links_result_name(enum links_result result)
{
	static const char *const names[] = {
		[LINKS_OK] = "OK",
		[LINKS_MALFORMED] = "MALFORMED",
		[LINKS_LINK_UNKNOWN] = "LINK_UNKNOWN",
		[LINKS_LINK_TWICE] = "LINK_TWICE",
		[LINKS_OUT_OF_ORDER] = "OUT_OF_ORDER",
		[LINKS_LEG_UNKNOWN] = "LEG_UNKNOWN",
		[LINKS_LEG_DIFFERS] = "LEG_DIFFERS",
		[LINKS_TOTALS_WRONG] = "TOTALS_WRONG",
		[LINKS_TOO_MANY] = "TOO_MANY",
		[LINKS_WITHDRAWN_TOO_FAR] = "WITHDRAWN_TOO_FAR",
		[LINKS_ROUND_UNKNOWN] = "ROUND_UNKNOWN",
		[LINKS_ROOT_WRONG] = "ROOT_WRONG",
	};

	check((size_t)result < sizeof(names) / sizeof(names[0]));
	return names[result];
}
