/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * queue: calls that wait for a journal position, with their deadlines.  It
 * links calls through call->next and answers nothing itself.
 */
#ifndef CLEARING_API_QUEUE_H
#define CLEARING_API_QUEUE_H

#include "api/api.h"

struct wait_queue {
	struct api_call *first;
	struct api_call *last;
	/* No deadline in the queue is before this; UINT64_MAX when empty. */
	uint64_t earliest_us;
	uint64_t newest_seq; /* of the call put last */
	uint32_t count;
};

/* queue_init: empty. */
void queue_init(struct wait_queue *queue);

/* queue_put: @call waits for call->wait_seq, until call->deadline_us (> 0). */
void queue_put(struct wait_queue *queue, struct api_call *call);

/*
 * queue_take_ready: the first call if it waits for @seq or less, else NULL:
 * for a queue whose positions never fall.
 */
struct api_call *queue_take_ready(struct wait_queue *queue, uint64_t seq);

/*
 * queue_take_all_ready: every call that waits for @seq or less, in their
 * order, linked by .next: for a queue in any order.
 */
struct api_call *queue_take_all_ready(struct wait_queue *queue, uint64_t seq);

/* queue_take_late: every call whose deadline is at or before @now_us. */
struct api_call *queue_take_late(struct wait_queue *queue, uint64_t now_us);

/* queue_remove: take out @call; false when it is not in the queue. */
bool queue_remove(struct wait_queue *queue, struct api_call *call);

#endif
