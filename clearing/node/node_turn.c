/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* One turn of the loop (node.h). */
#include "node/log.h"
#include "node/node.h"

uint64_t node_now(void *argument)
{
	struct node *node = argument;
	bool jumped = node->clock.jumped;

	if (node->in_turn)
		return node->now_us;
	node->in_turn = true;
	/* The loaded ledger is the loop's; before, it is the starter's. */
	node->now_us = clock_read(
		&node->clock, node->journal == NULL ? 0 : node->ledger.time_us);
	if (node->clock.jumped != jumped) {
		log_event(node->clock.jumped ? LOG_ERROR : LOG_INFO,
			  node->clock.jumped ? "clock_jumped" : "clock_good",
			  LOG_TEXT("remedy", "SIGUSR1 confirms the time"),
			  LOG_END);
		node_set_state(node);
	}
	api_turn(node->api, node->now_us);
	return node->now_us;
}

void node_on_acknowledged(void *context, const struct closed_block *block)
{
	struct node *node = context;

	head_keeper_note(node->head_keeper, &block->header);
	/*
	 * The queue is sized so that there is room: commands are refused long
	 * before.  A block must never be left out, so wait if need be.
	 */
	if (!projector_push(node->projector, block, false) &&
	    !projector_push(node->projector, block, true))
		log_event(LOG_ERROR, "projector_refused",
			  LOG_NUMBER("position", block->header.seq), LOG_END);
}

void node_on_close(void *context, struct block *block)
{
	const struct node *node = context;

	if (node->federation != NULL)
		federation_seal(node->federation, block);
}

static void log_journal_state(const struct node *node)
{
	static const char *const events[] = {
		[JOURNAL_UP] = "journal_up",
		[JOURNAL_DOUBT] = "journal_in_doubt",
		[JOURNAL_FENCED] = "fenced",
		[JOURNAL_REWOUND] = "journal_rewound",
		[JOURNAL_FORKED] = "journal_forked",
		[JOURNAL_BROKEN] = "journal_broken",
		[JOURNAL_UNSAFE] = "journal_unsafe",
	};

	log_event(
		node->journal_seen == JOURNAL_UP ? LOG_INFO : LOG_WARNING,
		events[node->journal_seen],
		LOG_NUMBER("acknowledged", journal_acknowledged(node->journal)),
		LOG_NUMBER("newest", journal_newest(node->journal)),
		LOG_TEXT("reason", journal_reason(node->journal)), LOG_END);
}

/* What the journal's state means for the node. */
static void follow_journal(struct node *node)
{
	const char *reason = journal_reason(node->journal);

	if (journal_state(node->journal) == node->journal_seen)
		return;
	node->journal_seen = journal_state(node->journal);
	log_journal_state(node);
	switch (node->journal_seen) {
	case JOURNAL_UP:
	case JOURNAL_DOUBT:
		node_set_state(node);
		break;
	case JOURNAL_FENCED:
		/* (rule JOURNAL-11) */
		node_end(node, EXIT_FENCED, "ended_fenced", reason);
		break;
	case JOURNAL_REWOUND:
	case JOURNAL_FORKED:
		node_end(node, EXIT_REWOUND, "ended_rewound", reason);
		break;
	case JOURNAL_BROKEN:
		node_end(node, EXIT_DAMAGED, "ended_broken", reason);
		break;
	case JOURNAL_UNSAFE:
		node_end(node, EXIT_NOT_DURABLE, "ended_unsafe", reason);
		break;
	}
}

static void advance_journal(struct node *node)
{
	uint64_t now_us = node_now(node);

	journal_advance(node->journal, now_us);
	follow_journal(node);
	api_acknowledged(node->api, journal_acknowledged(node->journal));
}

static void on_journal(evutil_socket_t socket, short what, void *argument)
{
	(void)socket;
	(void)what;
	advance_journal(argument);
}

void node_unwatch_journal(struct node *node)
{
	if (node->journal_ready != NULL)
		event_free(node->journal_ready);
	if (node->journal_timer != NULL)
		event_free(node->journal_timer);
	node->journal_ready = NULL;
	node->journal_timer = NULL;
	node->journal_socket = -1;
}

static void set_journal_timer(struct node *node)
{
	uint64_t wake_us = journal_wake_us(node->journal);
	uint64_t wait_us = wake_us > node->now_us ? wake_us - node->now_us : 0;
	const struct timeval wait = { .tv_sec = (time_t)(wait_us / 1000000),
				      .tv_usec = (suseconds_t)(wait_us %
							       1000000) };

	if (wake_us == 0)
		evtimer_del(node->journal_timer);
	else
		evtimer_add(node->journal_timer, &wait);
}

void node_watch_journal(struct node *node)
{
	int socket = journal_socket(node->journal);
	short wants = EV_READ | EV_PERSIST;

	if (journal_wants_write(node->journal))
		wants |= EV_WRITE;
	if (node->journal_timer == NULL)
		node->journal_timer = evtimer_new(node->base, on_journal, node);
	check(node->journal_timer != NULL);
	set_journal_timer(node);
	if (socket == node->journal_socket && wants == node->journal_wants)
		return;
	if (node->journal_ready != NULL)
		event_free(node->journal_ready);
	node->journal_ready = NULL;
	node->journal_socket = socket;
	node->journal_wants = wants;
	if (socket < 0)
		return;
	node->journal_ready =
		event_new(node->base, socket, wants, on_journal, node);
	check(node->journal_ready != NULL);
	event_add(node->journal_ready, NULL);
}

/*
 * Requests of this turn share a block; it goes to the database before their
 * answers are written (rule JOURNAL-7).
 */
void node_turn_end(struct node *node)
{
	if (node->journal != NULL && node->phase != PHASE_ENDED) {
		(void)node_now(node);
		api_turn_end(node->api);
		journal_flush(node->journal, node_now(node));
		follow_journal(node);
	}
	if (node->journal != NULL && node->phase != PHASE_ENDED)
		node_watch_journal(node);
	if (node->federation != NULL)
		federation_flush(node->federation);
	server_flush(&node->server);
	node->in_turn = false;
}
