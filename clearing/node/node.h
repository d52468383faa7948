/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * node: the running node: the loop, what it waits for, and its life.
 *
 *   node.c       making, running, unmaking
 *   node_turn.c  one loop turn: time, journal, api, writing
 *   node_life.c  start, stop, signals, reload, final ends
 *
 *   STARTING --loaded--> SERVING --stop--> DRAINING --quiet--> SETTLING
 *   SETTLING --settled--> ENDED      STARTING --stop--> LEAVING --loaded-->
 *   ENDED      any --fatal--> ENDED
 */
#ifndef CLEARING_NODE_NODE_H
#define CLEARING_NODE_NODE_H

#include <event2/event.h>
#include <limits.h>

#include "api/api.h"
#include "core/ledger.h"
#include "node/clock.h"
#include "node/config.h"
#include "node/federation.h"
#include "node/head.h"
#include "node/roster_file.h"
#include "node/server.h"
#include "node/starter.h"
#include "store/journal.h"
#include "store/projector.h"
#include "store/reader.h"

/* How a process ends; numbers are for ever. */
enum exit_status {
	EXIT_STOPPED = 0,
	EXIT_CONFIGURATION = 2,
	EXIT_NO_DATABASE = 3,
	EXIT_SCHEMA = 4,
	EXIT_FENCED = 5,
	EXIT_REWOUND = 6,
	EXIT_NOT_DURABLE = 7,
	EXIT_DAMAGED = 8,
};

enum node_phase {
	PHASE_STARTING,
	PHASE_SERVING,
	PHASE_DRAINING,
	PHASE_SETTLING,
	PHASE_LEAVING,
	PHASE_ENDED,
};

enum node_event {
	NODE_LOADED,
	NODE_STOP,
	NODE_QUIET,
	NODE_SETTLED,
	NODE_FATAL,
};

#define NODE_SIGNAL_COUNT 4

struct node {
	struct config config;
	const char *config_path;
	const char *version;
	bool takeover;
	struct database database;
	atomic_uint host_last;
	char name[128]; /* for the writer row */
	char endpoint[64];
	char head_path[PATH_MAX];
	char endpoints_path[PATH_MAX];

	struct event_base *base;
	struct event *tick;
	struct event *wake;
	struct event *signals[NODE_SIGNAL_COUNT];
	struct event *journal_ready; /* NULL while there is no journal */
	struct event *journal_timer;
	int journal_socket;
	short journal_wants;
	int wake_descriptor;
	int lock_descriptor; /* of the data folder; -1: not held */

	struct node_clock clock;
	uint64_t now_us;
	bool in_turn;

	struct roster_file held;
	struct federation *federation; /* NULL: not yet, or a lone city */

	struct ledger ledger;
	void *ledger_memory;
	size_t ledger_memory_size;
	bool head_known;
	struct acknowledged_head head; /* as the state file had it */
	struct starter *starter;
	struct projector *projector;
	struct reader *reader;
	struct journal *journal;
	struct heartbeat *heartbeat;
	struct head_keeper *head_keeper;
	struct api *api;
	struct server server;

	uint8_t phase; /* enum node_phase */
	uint64_t phase_since_us;
	enum journal_state journal_seen;
	uint64_t projector_stopped_us;
	uint64_t rejoin_seq; /* block that obeys the order; 0: there is none */
	enum exit_status status;
};

/*
 * node_run: be the node until it ends.
 *
 * @config  the node's from now on.
 * Returns the process's exit status.
 */
enum exit_status node_run(struct config *config, const char *config_path,
			  const char *version, bool takeover);

/* node_now: the time of this turn, which it begins if none is under way. */
uint64_t node_now(void *node);

/* node_turn_end: close and send the block, then write the answers. */
void node_turn_end(struct node *node);

/* node_watch_journal: wait for what the journal wants to wait for. */
void node_watch_journal(struct node *node);

/* node_unwatch_journal: before journal_free(). */
void node_unwatch_journal(struct node *node);

/*
 * node_take_rejoin: before anything else is recorded: carry out an operator's
 * order to go on from this journal, if there is one.  False: the node ends.
 */
bool node_take_rejoin(struct node *node) MUST_CHECK;

/* node_check_rejoin: the order stands until what it led to is durable. */
void node_check_rejoin(struct node *node);

/* node_on_acknowledged: for struct journal_options. */
void node_on_acknowledged(void *context, const struct closed_block *block);

/* node_on_close: likewise, for .on_close. */
void node_on_close(void *context, struct block *block);

/* node_move: the phase by @event; says so in the log. */
void node_move(struct node *node, enum node_event event);

/* node_end: a final end: say why, and stop at the end of this turn. */
void node_end(struct node *node, enum exit_status status, const char *event,
	      const char *reason);

/* node_set_state: tell the api, and who watches, what state follows. */
void node_set_state(struct node *node);

/* node_tick: about each 100 ms. */
void node_tick(struct node *node);

/* node_check_start: has the start thread come to its end? */
void node_check_start(struct node *node);

/* node_on_signal: an event_callback_fn of signals. */
void node_on_signal(evutil_socket_t number, short what, void *node);

/* node_api_options: from the configuration. */
struct api_options node_api_options(const struct node *node);

/* node_server_options: likewise. */
struct server_options node_server_options(struct node *node);

#endif
