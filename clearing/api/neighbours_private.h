/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * neighbours_private: what the files of the neighbours share with the
 * services about payments; for this folder alone.
 */
#ifndef CLEARING_API_NEIGHBOURS_PRIVATE_H
#define CLEARING_API_NEIGHBOURS_PRIVATE_H

#include "api/handler.h"
#include "api/neighbours.h"

/* A batch with the request around it; a hello. */
#define NEIGHBOURS_MESSAGE_MAX (LINKLOG_BATCH_SIZE_MAX + 4096)
/* Batches in one page of a fetched log. */
#define NEIGHBOURS_PAGE_MAX 1024
/* Outcomes that one city may ask for in a minute (rule PEER-36). */
#define NEIGHBOURS_ASKS_PER_MINUTE 6000
/* Payment requests it may send on: each is a record for ever. */
#define NEIGHBOURS_REQUESTS_PER_MINUTE 600

/* What a city does here that is counted. */
enum neighbours_counted {
	COUNTED_OUTCOME,
	COUNTED_REQUEST,
	COUNTED_KINDS,
};
/* Bytes of sealed batches kept a link; older ones are read again. */
#define NEIGHBOURS_KEPT_MAX (16u << 20)

/* A sealed batch that is not acknowledged; its bytes follow. */
struct kept_batch {
	struct kept_batch *next;
	uint64_t first_seq;
	uint64_t last_seq;
	size_t size;
	uint8_t bytes[];
};

struct kept_batches {
	struct kept_batch *first; /* oldest */
	struct kept_batch *last;
	size_t size;
};

struct neighbours {
	struct neighbours_options options;
	struct api *api;
	struct peer peer;
	void *memory;
	size_t memory_size;
	uint32_t here;		   /* index of this city in the roster */
	struct kept_batches *kept; /* by link number - 1 */
	struct route_hop *hops;
	struct route_memory *route_memory;
	uint8_t *message; /* NEIGHBOURS_MESSAGE_MAX */
	/* By index of the city in the roster. */
	struct rate (*counted)[COUNTED_KINDS];
	bool acting;
};

/*
 * neighbours_let_in: for calls of other cities: handler_accepts(), and is the
 * caller a city of the federation that this city is in?  Answers the call
 * when not.
 */
bool neighbours_let_in(struct api_call *call,
		       struct neighbours **out) MUST_CHECK;

/*
 * neighbours_count: @city, one of the federation, does it once more; false: it
 * did so too often in this minute, and is to hear OVERLOADED.
 */
bool neighbours_count(struct neighbours *neighbours, struct slice city,
		      enum neighbours_counted what, uint64_t now_us) MUST_CHECK;

/* neighbours_act: carry out what the engine asks for now. */
void neighbours_act(struct neighbours *neighbours);

/* neighbours_keep_batch: for the engine's on_sealed. */
void neighbours_keep_batch(void *context, uint32_t link, uint64_t first_seq,
			   uint64_t last_seq, struct slice batch);

/* neighbours_drop_above: those above @to; for the engine's on_withdrawn. */
void neighbours_drop_above(void *context, uint32_t link, uint64_t to);

/* neighbours_find_batch: the one that begins at @seq, or NULL. */
const struct kept_batch *
neighbours_find_batch(const struct neighbours *neighbours, uint32_t link,
		      uint64_t seq);

/* neighbours_drop_batches: all of them. */
void neighbours_drop_batches(struct neighbours *neighbours);

/* payment_on_outcome: for the engine: answer who waits (payment.c). */
void payment_on_outcome(void *context, const struct peer_outcome *outcome);

#endif
