/* SPDX-License-Identifier: AGPL-3.0-or-later */
/* The node's life: start, stop, reload, final ends (node.h). */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/machine.h"
#include "node/credentials.h"
#include "node/crypto.h"
#include "node/log.h"
#include "node/node.h"
#include "node/stream.h"

/* In doubt for longer than this, new requests are refused. */
#define AWAY_US UINT64_C(2000000)
/* A stopping node waits so long for its tables. */
#define SETTLE_US_MAX UINT64_C(3000000)
/* A projector that stops because of a takeover: the journal says so soon. */
#define PROJECTOR_STOPPED_US_MAX UINT64_C(3000000)

/* Drawn in node.h. */
static const struct machine_move moves[] = {
	{ PHASE_STARTING, NODE_LOADED, PHASE_SERVING },
	{ PHASE_STARTING, NODE_STOP, PHASE_LEAVING },
	{ PHASE_STARTING, NODE_FATAL, PHASE_ENDED },
	{ PHASE_SERVING, NODE_STOP, PHASE_DRAINING },
	{ PHASE_SERVING, NODE_FATAL, PHASE_ENDED },
	{ PHASE_DRAINING, NODE_QUIET, PHASE_SETTLING },
	{ PHASE_DRAINING, NODE_STOP, PHASE_SETTLING }, /* told twice */
	{ PHASE_DRAINING, NODE_FATAL, PHASE_ENDED },
	{ PHASE_SETTLING, NODE_SETTLED, PHASE_ENDED },
	{ PHASE_SETTLING, NODE_STOP, PHASE_ENDED },
	{ PHASE_SETTLING, NODE_FATAL, PHASE_ENDED },
	{ PHASE_LEAVING, NODE_LOADED, PHASE_ENDED },
	{ PHASE_LEAVING, NODE_STOP, PHASE_LEAVING },
	{ PHASE_LEAVING, NODE_FATAL, PHASE_ENDED },
	{ PHASE_ENDED, NODE_STOP, PHASE_ENDED },
	{ PHASE_ENDED, NODE_FATAL, PHASE_ENDED },
};

static const char *const phase_names[] = { "starting", "serving", "draining",
					   "settling", "leaving", "ended" };
static const char *const event_names[] = { "loaded", "stop", "quiet", "settled",
					   "fatal" };

static const struct machine life = {
	.name = "node",
	.moves = moves,
	.move_count = sizeof(moves) / sizeof(moves[0]),
	.state_names = phase_names,
	.event_names = event_names,
};

void node_move(struct node *node, enum node_event event)
{
	uint8_t before = node->phase;

	machine_step(&life, &node->phase, (uint8_t)event);
	if (node->phase == before)
		return;
	node->phase_since_us = node_now(node);
	log_event(LOG_INFO, phase_names[node->phase],
		  LOG_TEXT("from", phase_names[before]),
		  LOG_TEXT("rpc", node->endpoint), LOG_END);
	node_set_state(node);
}

void node_end(struct node *node, enum exit_status status, const char *event,
	      const char *reason)
{
	log_event(LOG_ERROR, event, LOG_NUMBER("status", status),
		  LOG_TEXT("reason", reason), LOG_END);
	/* The first reason is the one that counts. */
	if (node->phase != PHASE_ENDED)
		node->status = status;
	node_move(node, NODE_FATAL);
}

static enum node_state state_of(const struct node *node)
{
	uint64_t doubt_us;

	switch ((enum node_phase)node->phase) {
	case PHASE_STARTING:
		return NODE_STARTING;
	case PHASE_DRAINING:
	case PHASE_SETTLING:
	case PHASE_LEAVING:
	case PHASE_ENDED:
		return NODE_DRAINING;
	case PHASE_SERVING:
		break;
	}
	doubt_us = journal_doubt_since_us(node->journal);
	if (doubt_us != 0 && node->now_us > doubt_us + AWAY_US)
		return NODE_DATABASE_AWAY;
	if (node->clock.jumped)
		return NODE_CLOCK_JUMPED;
	return node->federation != NULL && federation_closed(node->federation)
		       ? NODE_REJOINING
		       : NODE_SERVING;
}

void node_set_state(struct node *node)
{
	static const char *const names[] = {
		[NODE_STARTING] = "starting",
		[NODE_SERVING] = "serving",
		[NODE_DATABASE_AWAY] = "database_away",
		[NODE_DRAINING] = "draining",
		[NODE_CLOCK_JUMPED] = "clock_jumped",
		[NODE_REJOINING] = "rejoining",
	};
	enum node_state state = state_of(node);

	if (state == api_state(node->api))
		return;
	api_set_state(node->api, state);
	log_event(LOG_INFO, "state", LOG_TEXT("is", names[state]), LOG_END);
	stream_tell(&node->server, node->now_us);
}

/* The projector ends for good when its tables are another's. */
static void check_projector(struct node *node)
{
	const char *reason;

	if (!projector_stopped(node->projector, &reason)) {
		node->projector_stopped_us = 0;
		return;
	}
	if (node->projector_stopped_us == 0) {
		node->projector_stopped_us = node->now_us;
		log_event(LOG_ERROR, "projector_stopped",
			  LOG_TEXT("reason", reason), LOG_END);
	}
	if (node->now_us - node->projector_stopped_us >=
	    PROJECTOR_STOPPED_US_MAX)
		node_end(node, EXIT_DAMAGED, "ended_projector", reason);
}

/* With nothing to write, only the writer row tells (rule JOURNAL-11). */
static void check_writer(struct node *node)
{
	if (node->phase != PHASE_ENDED && heartbeat_overtaken(node->heartbeat))
		node_end(node, EXIT_FENCED, "ended_fenced",
			 "another node has taken over, says the writer row");
}

static bool all_durable(const struct node *node)
{
	return journal_newest(node->journal) <=
	       journal_acknowledged(node->journal);
}

static void tick_stop(struct node *node)
{
	uint64_t since_us = node->now_us - node->phase_since_us;

	if (node->phase == PHASE_DRAINING &&
	    ((node->server.connection_count == 0 &&
	      api_pending(node->api) == 0) ||
	     since_us >= DRAIN_US_MAX))
		node_move(node, NODE_QUIET);
	if (node->phase == PHASE_SETTLING)
		projector_hurry(node->projector, journal_newest(node->journal));
	if (node->phase == PHASE_SETTLING &&
	    ((all_durable(node) && projector_lag(node->projector) == 0) ||
	     since_us >= SETTLE_US_MAX))
		node_move(node, NODE_SETTLED);
}

void node_tick(struct node *node)
{
	uint64_t now_us = node_now(node);

	node_check_start(node);
	if (node->journal != NULL) {
		check_writer(node);
		check_projector(node);
		node_check_rejoin(node);
		tick_stop(node);
	}
	if (node->phase == PHASE_ENDED)
		return;
	node_set_state(node);
	server_tick(&node->server, now_us);
	if (node->federation != NULL)
		federation_tick(node->federation, now_us);
}

static enum exit_status status_of_start(enum start_result result)
{
	switch (result) {
	case START_OK:
	case START_STOPPED:
		return EXIT_STOPPED;
	case START_AWAY:
	case START_REFUSED:
		return EXIT_NO_DATABASE;
	case START_SCHEMA:
		return EXIT_SCHEMA;
	case START_SERVED:
	case START_FENCED:
		return EXIT_FENCED;
	case START_REWOUND:
		return EXIT_REWOUND;
	case START_UNSAFE:
		return EXIT_NOT_DURABLE;
	case START_DAMAGED:
		return EXIT_DAMAGED;
	case START_OTHER_CITY:
	case START_LIMITS:
		return EXIT_CONFIGURATION;
	}
	clearing_panic(__FILE__, __LINE__, "start result");
}

static struct acknowledged_head head_of(const struct started *started)
{
	struct acknowledged_head head = { .timeline = started->timeline,
					  .epoch = started->head.epoch,
					  .seq = started->head.seq };

	memcpy(head.system_identifier, started->system_identifier,
	       sizeof(head.system_identifier));
	memcpy(head.hash, started->head.hash, SHA256_SIZE);
	return head;
}

/* The store is loaded: what only now can be made. */
static bool take_up(struct node *node, const struct started *started)
{
	const struct acknowledged_head head = head_of(started);
	const struct journal_options options = {
		.database = &node->database,
		.queue_blocks_max = (uint32_t)node->config.queue_blocks_max,
		.sha256 = crypto_sha256,
		.on_acknowledged = node_on_acknowledged,
		.on_close = node_on_close,
		.context = node,
	};

	node->head_keeper = head_keeper_create(node->head_path, &head);
	node->journal = journal_create(&options, started->journal,
				       &started->head, &node->ledger);
	if (node->journal == NULL || node->head_keeper == NULL)
		return false;
	node->heartbeat = heartbeat_create(&node->database, node->name,
					   started->head.epoch);
	if (node->heartbeat == NULL)
		return false;
	node->journal_seen = journal_state(node->journal);
	api_serve(node->api, &node->ledger, node->journal, node->reader,
		  node->projector, crypto_sha256, crypto_random_fill);
	return true;
}

static bool join_federation(struct node *node)
{
	const struct federation_options options = {
		.base = node->base,
		.api = node->api,
		.held = &node->held,
		.config = &node->config,
		.now = node_now,
		.context = node,
	};

	if (node->held.roster == NULL)
		return true;
	node->federation = federation_create(&options);
	return node->federation != NULL;
}

static void serve(struct node *node, const struct started *started)
{
	char error[ROSTER_FILE_ERROR_SIZE];

	if (!node->head_known && started->head.seq > 1)
		log_event(LOG_WARNING, "head_unknown",
			  LOG_TEXT("path", node->head_path),
			  LOG_TEXT("meaning",
				   "no state file: a database that lost "
				   "blocks would not be noticed this time"),
			  LOG_END);
	if (!take_up(node, started)) {
		node_end(node, EXIT_NO_DATABASE, "ended_no_memory",
			 "memory, threads or descriptors are out");
		return;
	}
	if (!roster_file_follows(&node->held, node->config.roster,
				 node->ledger.links.roster_version,
				 node->ledger.links.roster_hash, error)) {
		node_end(node, EXIT_CONFIGURATION, "ended_roster", error);
		return;
	}
	/* Time may only now be behind the newest block's. */
	node->in_turn = false;
	if (!node_take_rejoin(node))
		return;
	if (!join_federation(node)) {
		node_end(node, EXIT_NO_DATABASE, "ended_no_memory",
			 "no memory for the federation");
		return;
	}
	log_event(LOG_INFO, "loaded", LOG_NUMBER("position", started->head.seq),
		  LOG_NUMBER("epoch", started->head.epoch),
		  LOG_NUMBER("accounts", node->ledger.account_count), LOG_END);
	node_move(node, NODE_LOADED);
}

void node_check_start(struct node *node)
{
	char error[START_ERROR_SIZE] = "";
	struct started started;
	enum start_result result;

	if (node->starter == NULL ||
	    !starter_finish(node->starter, &result, &started, error))
		return;
	node->starter = NULL;
	if (result == START_OK && node->phase == PHASE_STARTING) {
		serve(node, &started);
		return;
	}
	if (result == START_OK) {
		PQfinish(started.journal);
		node_move(node, NODE_LOADED);
	} else if (result == START_STOPPED) {
		node_move(node, NODE_FATAL);
	} else {
		node_end(node, status_of_start(result), "not_started", error);
	}
}

static void stop(struct node *node)
{
	node_move(node, NODE_STOP);
	if (node->phase == PHASE_LEAVING)
		starter_stop(node->starter);
	server_drain(&node->server, node->now_us);
}

static void log_change(void *context, const char *section, const char *key,
		       bool changeable)
{
	(void)context;
	log_event(changeable ? LOG_INFO : LOG_WARNING,
		  changeable ? "reload_changed" : "reload_needs_restart",
		  LOG_TEXT("section", section), LOG_TEXT("key", key), LOG_END);
}

/* Move what may change from @fresh into the node's configuration. */
static void adopt(struct config *config, struct config *fresh)
{
	char **const texts[][2] = {
		{ &config->certificate, &fresh->certificate },
		{ &config->key, &fresh->key },
		{ &config->ca, &fresh->ca },
		{ &config->crl, &fresh->crl },
		{ &config->level, &fresh->level },
		{ &config->format, &fresh->format },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *kept = *texts[i][0];

		*texts[i][0] = *texts[i][1];
		*texts[i][1] = kept;
	}
	config->batch_max = fresh->batch_max;
	config->message_max_bytes = fresh->message_max_bytes;
	config->connections_max = fresh->connections_max;
	config->connections_per_identity_max =
		fresh->connections_per_identity_max;
	config->operator_limit_max_minor = fresh->operator_limit_max_minor;
}

/* True: a newer one is held; one that is refused changes nothing. */
static bool reload_roster(struct node *node, const struct config *fresh)
{
	char error[ROSTER_FILE_ERROR_SIZE];

	switch (roster_file_reload(&node->held, fresh, error)) {
	case ROSTER_RELOAD_SAME:
		return false;
	case ROSTER_RELOAD_REFUSED:
		log_event(
			LOG_ERROR, "roster_refused", LOG_TEXT("reason", error),
			LOG_NUMBER("version_kept", node->held.roster->version),
			LOG_END);
		return false;
	case ROSTER_RELOAD_TAKEN:
		return true;
	}
	clearing_panic(__FILE__, __LINE__, "reloaded roster");
}

/*
 * A whole new context beside the old one, with a newer roster or without; a
 * broken one changes nothing: the links keep the roster that they look at.
 */
static void reload(struct node *node)
{
	char error[CREDENTIALS_ERROR_SIZE];
	struct server_options server_options;
	struct api_options api_options;
	struct config fresh;
	uint32_t closed;
	SSL_CTX *tls;
	bool taken;

	if (!config_read(node->config_path, &fresh, error)) {
		log_event(LOG_ERROR, "reload_refused",
			  LOG_TEXT("reason", error), LOG_END);
		return;
	}
	taken = reload_roster(node, &fresh);
	tls = credentials_load(&fresh, node->held.roster, error);
	if (tls == NULL) {
		if (taken)
			roster_file_give_back(&node->held);
		log_event(LOG_ERROR, "reload_refused",
			  LOG_TEXT("reason", error), LOG_END);
		config_release(&fresh);
		return;
	}
	if (taken)
		log_event(LOG_INFO, "roster_taken",
			  LOG_NUMBER("version", node->held.roster->version),
			  LOG_END);
	config_compare(&node->config, &fresh, log_change, node);
	adopt(&node->config, &fresh);
	config_release(&fresh);
	if (node->federation != NULL)
		federation_reload(node->federation);
	log_set(node->config.level, node->config.format);
	api_options = node_api_options(node);
	api_set_options(node->api, &api_options);
	server_options = node_server_options(node);
	server_set_limits(&node->server, &server_options);
	closed = server_set_tls(&node->server, tls);
	log_event(LOG_INFO, "reloaded",
		  LOG_NUMBER("connections_closed", closed), LOG_END);
}

void node_on_signal(evutil_socket_t number, short what, void *argument)
{
	struct node *node = argument;

	(void)what;
	(void)node_now(node);
	switch (number) {
	case SIGTERM:
	case SIGINT:
		stop(node);
		break;
	case SIGHUP:
		reload(node);
		break;
	case SIGUSR1:
		log_event(LOG_WARNING, "clock_confirmed", LOG_END);
		clock_confirm(&node->clock);
		break;
	}
}
