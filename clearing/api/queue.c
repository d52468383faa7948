/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/queue.h"

void queue_init(struct wait_queue *queue)
{
	*queue = (struct wait_queue){ .earliest_us = UINT64_MAX };
}

void queue_put(struct wait_queue *queue, struct api_call *call)
{
	check(call->deadline_us > 0);
	call->next = NULL;
	if (queue->last == NULL)
		queue->first = call;
	else
		queue->last->next = call;
	queue->last = call;
	queue->newest_seq = call->wait_seq;
	queue->count++;
	if (call->deadline_us < queue->earliest_us)
		queue->earliest_us = call->deadline_us;
}

struct api_call *queue_take_ready(struct wait_queue *queue, uint64_t seq)
{
	struct api_call *call = queue->first;

	if (call == NULL || call->wait_seq > seq)
		return NULL;
	queue->first = call->next;
	queue->count--;
	if (queue->first == NULL)
		queue_init(queue);
	call->next = NULL;
	return call;
}

/*
 * Part the queue in two: what @leaves says is taken and returned, the rest
 * stays; both keep their order.
 */
static struct api_call *take_where(struct wait_queue *queue,
				   bool (*leaves)(const struct api_call *call,
						  uint64_t bound),
				   uint64_t bound)
{
	struct api_call *taken = NULL, **taken_end = &taken;
	struct api_call *call = queue->first, *next;

	queue_init(queue);
	for (; call != NULL; call = next) {
		next = call->next;
		if (!leaves(call, bound)) {
			queue_put(queue, call);
			continue;
		}
		call->next = NULL;
		*taken_end = call;
		taken_end = &call->next;
	}
	return taken;
}

static bool is_ready(const struct api_call *call, uint64_t seq)
{
	return call->wait_seq <= seq;
}

static bool is_late(const struct api_call *call, uint64_t now_us)
{
	return call->deadline_us <= now_us;
}

struct api_call *queue_take_all_ready(struct wait_queue *queue, uint64_t seq)
{
	return take_where(queue, is_ready, seq);
}

struct api_call *queue_take_late(struct wait_queue *queue, uint64_t now_us)
{
	/* Walking the queue is paid only when something may be late. */
	if (now_us < queue->earliest_us)
		return NULL;
	return take_where(queue, is_late, now_us);
}

bool queue_remove(struct wait_queue *queue, struct api_call *call)
{
	struct api_call *at = queue->first, *before = NULL;

	while (at != NULL && at != call) {
		before = at;
		at = at->next;
	}
	if (at == NULL)
		return false;
	if (before == NULL)
		queue->first = call->next;
	else
		before->next = call->next;
	if (queue->last == call)
		queue->last = before;
	call->next = NULL;
	queue->count--;
	if (queue->first == NULL)
		queue_init(queue);
	return true;
}
