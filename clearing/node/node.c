/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "node/call.h"
#include "node/credentials.h"
#include "node/crypto.h"
#include "node/file.h"
#include "node/log.h"
#include "node/stream.h"

#define TICK_US 100000
/* Memory is reserved, and touched only as it is used. */
#define HOLDS_MAX 1000000
#define ACTORS_MAX 1000000
/*
 * Beyond the lag at which commands are refused: what is under way, and the
 * blocks that doubt adds.
 */
#define PROJECTOR_SLACK_BLOCKS 64

struct api_options node_api_options(const struct node *node)
{
	const struct config *config = &node->config;

	return (struct api_options){
		.batch_max = (uint32_t)config->batch_max,
		.projector_lag_max_blocks =
			(uint32_t)config->projector_lag_max_blocks,
		.operator_limit_max_minor =
			(int64_t)config->operator_limit_max_minor,
		.message_max_bytes = config->message_max_bytes,
		.version = node->version,
		.on_reply = call_on_reply,
		.on_more_memory = call_on_more_memory,
		.context = (void *)(uintptr_t)node,
	};
}

struct server_options node_server_options(struct node *node)
{
	const struct config *config = &node->config;

	return (struct server_options){
		.base = node->base,
		.api = node->api,
		.now = node_now,
		.context = node,
		.connections_max = (uint32_t)config->connections_max,
		.connections_per_identity_max =
			(uint32_t)config->connections_per_identity_max,
		.message_size_max = (uint32_t)config->message_max_bytes,
	};
}

/* From any thread: something is there to be looked at. */
static void wake_up(void *argument)
{
	const struct node *node = argument;
	const uint64_t one = 1;

	/* A full counter wakes as well as this would. */
	if (write(node->wake_descriptor, &one, sizeof(one)) < 0)
		return;
}

static void on_wake(evutil_socket_t descriptor, short what, void *argument)
{
	struct node *node = argument;
	uint64_t count;

	(void)what;
	if (read(descriptor, &count, sizeof(count)) < 0)
		return;
	/* Beginning the turn collects the reads that are ready. */
	(void)node_now(node);
	node_check_start(node);
}

static void on_tick(evutil_socket_t descriptor, short what, void *argument)
{
	(void)descriptor;
	(void)what;
	node_tick(argument);
}

static bool make_events(struct node *node)
{
	static const int signals[NODE_SIGNAL_COUNT] = { SIGTERM, SIGINT, SIGHUP,
							SIGUSR1 };
	static const struct timeval each_tick = { .tv_usec = TICK_US };

	node->journal_socket = -1;
	node->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	node->base = event_base_new();
	if (node->base == NULL || node->wake_descriptor < 0)
		return false;
	node->tick = event_new(node->base, -1, EV_PERSIST, on_tick, node);
	node->wake = event_new(node->base, node->wake_descriptor,
			       EV_READ | EV_PERSIST, on_wake, node);
	if (node->tick == NULL || node->wake == NULL ||
	    event_add(node->tick, &each_tick) != 0 ||
	    event_add(node->wake, NULL) != 0)
		return false;
	for (size_t i = 0; i < NODE_SIGNAL_COUNT; i++) {
		node->signals[i] = evsignal_new(node->base, signals[i],
						node_on_signal, node);
		if (node->signals[i] == NULL ||
		    event_add(node->signals[i], NULL) != 0)
			return false;
	}
	return true;
}

static bool make_ledger(struct node *node)
{
	const struct config *config = &node->config;
	const struct ledger_options options = {
		.accounts_max = (uint32_t)config->accounts_max,
		.holds_max = HOLDS_MAX,
		.actors_max = ACTORS_MAX,
		.ids_max = (uint32_t)config->ids_max,
		.id_window_us = config->id_window_s * 1000000,
		.key = crypto_random_key(),
		.links_max = (uint32_t)config->links_max,
		.payments_max = (uint32_t)config->payments_max,
		.sha256 = crypto_sha256,
	};
	void *memory;

	node->ledger_memory_size = ledger_memory_size(&options);
	memory = mmap(NULL, node->ledger_memory_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return false;
	node->ledger_memory = memory;
	ledger_init(&node->ledger, &options, memory);
	return true;
}

static bool make_store(struct node *node)
{
	const struct config *config = &node->config;
	const struct projector_options projector_options = {
		.database = &node->database,
		.lag_blocks_max = (uint32_t)(config->projector_lag_max_blocks +
					     config->queue_blocks_max +
					     PROJECTOR_SLACK_BLOCKS),
		.links_max = (uint32_t)config->links_max,
		.payments_max = (uint32_t)config->payments_max,
		.sha256 = crypto_sha256,
		.on_projected = wake_up,
		.context = node,
	};
	const struct reader_options reader_options = {
		.database = &node->database,
		.on_ready = wake_up,
		.context = node,
	};
	const char *unsafe = getenv("CLEARING_UNSAFE_DURABILITY");

	node->database = (struct database){
		.hosts = config->hosts,
		.dbname = config->dbname,
		.user = config->user,
		.password_file = config->password_file,
		.sslmode = config->sslmode,
		.sslrootcert = config->sslrootcert,
		.unsafe_durability = unsafe != NULL && strcmp(unsafe, "1") == 0,
		.host_last = &node->host_last,
	};
	if (node->database.unsafe_durability)
		log_event(LOG_WARNING, "durability_not_asked_for",
			  LOG_TEXT("setting", "CLEARING_UNSAFE_DURABILITY"),
			  LOG_TEXT("meaning",
				   "what is acknowledged may be lost: for "
				   "tests alone"),
			  LOG_END);
	node->projector = projector_create(&projector_options);
	node->reader = reader_create(&reader_options);
	return node->projector != NULL && node->reader != NULL;
}

static bool begin_start(struct node *node)
{
	const struct config *config = &node->config;
	const struct starter_options options = {
		.start = {
			.database = &node->database,
			.node_name = node->name,
			.federation = config->federation,
			.city = config->city,
			.unit = config->unit,
			.decimals = (uint32_t)config->decimals,
			.takeover = node->takeover,
			.sha256 = crypto_sha256,
			.random_fill = crypto_random_fill,
			.known = node->head_known ? &node->head : NULL,
		},
		.ledger = &node->ledger,
		.projector = node->projector,
		.on_done = wake_up,
		.context = node,
	};

	node->starter = starter_create(&options);
	return node->starter != NULL;
}

static bool join(char *out, size_t size, const char *folder, const char *name)
{
	int length = snprintf(out, size, "%s/%s", folder, name);

	return length > 0 && (size_t)length < size;
}

/* DATA, DATA/state, DATA/run, and what is in them. */
static bool make_folders(struct node *node)
{
	const char *data = node->config.data_dir;
	char state[PATH_MAX], run[PATH_MAX];

	errno = ENAMETOOLONG;
	return join(state, sizeof(state), data, "state") &&
	       join(run, sizeof(run), data, "run") &&
	       join(node->head_path, sizeof(node->head_path), data,
		    "state/head") &&
	       join(node->endpoints_path, sizeof(node->endpoints_path), data,
		    "run/endpoints.json") &&
	       folder_make(data) && folder_make(state) && folder_make(run);
}

static bool say_why(const char *what, const char *path)
{
	log_event(LOG_ERROR, "not_started", LOG_TEXT("what", what),
		  LOG_TEXT("path", path), LOG_TEXT("reason", strerror(errno)),
		  LOG_END);
	return false;
}

/*
 * The data folder is one process's: a second one, even one that is refused
 * later, would write over the first one's endpoints and head.
 */
static bool lock_folder(struct node *node)
{
	char path[PATH_MAX];

	errno = ENAMETOOLONG;
	if (join(path, sizeof(path), node->config.data_dir, "run/lock"))
		node->lock_descriptor = file_lock(path);
	if (node->lock_descriptor >= 0)
		return true;
	if (errno != EWOULDBLOCK)
		return say_why("[node] data_dir", node->config.data_dir);
	node->status = EXIT_FENCED;
	log_event(LOG_ERROR, "not_started", LOG_NUMBER("status", EXIT_FENCED),
		  LOG_TEXT("path", path),
		  LOG_TEXT("reason",
			   "another clearingd runs in this data folder: stop "
			   "it first"),
		  LOG_END);
	return false;
}

/* False: there is one that must not be ignored. */
static bool read_head(struct node *node)
{
	switch (headfile_read(node->head_path, &node->head)) {
	case HEADFILE_OK:
		node->head_known = true;
		return true;
	case HEADFILE_MISSING:
		return true;
	case HEADFILE_DAMAGED:
		errno = EINVAL;
		return false;
	case HEADFILE_UNREADABLE:
		return false;
	}
	clearing_panic(__FILE__, __LINE__, "head file result");
}

static bool write_endpoints(const struct node *node)
{
	char text[128];
	int size = snprintf(text, sizeof(text), "{\"rpc\": \"%s\"}\n",
			    node->endpoint);

	return file_write(node->endpoints_path, slice_of(text, (size_t)size));
}

static void name_node(struct node *node)
{
	char host[64] = "?";

	(void)gethostname(host, sizeof(host) - 1);
	snprintf(node->name, sizeof(node->name), "%s pid %ld", host,
		 (long)getpid());
}

/* The federation this city is in, if it is in one. */
static bool read_roster(struct node *node)
{
	const struct roster *roster;
	char error[ROSTER_FILE_ERROR_SIZE];

	if (!roster_file_load(&node->held, &node->config, error)) {
		log_event(LOG_ERROR, "not_started",
			  LOG_NUMBER("status", EXIT_CONFIGURATION),
			  LOG_TEXT("reason", error), LOG_END);
		return false;
	}
	roster = node->held.roster;
	if (roster != NULL)
		log_event(LOG_INFO, "roster",
			  LOG_NUMBER("version", roster->version),
			  LOG_NUMBER("cities", roster->city_count),
			  LOG_NUMBER("links", roster->link_count), LOG_END);
	return true;
}

/* Everything that needs no database.  False: said why. */
static bool make(struct node *node, SSL_CTX *tls)
{
	struct api_options api_options = node_api_options(node);
	struct server_options server_options;

	if (!make_events(node))
		return say_why("the event loop", "");
	node->api = api_create(&api_options);
	if (node->api == NULL)
		return say_why("memory", "");
	server_options = node_server_options(node);
	server_init(&node->server, &server_options, tls);
	if (!make_folders(node))
		return say_why("[node] data_dir", node->config.data_dir);
	if (!lock_folder(node))
		return false;
	if (!read_head(node))
		return say_why("the state file of the acknowledged head",
			       node->head_path);
	if (!make_ledger(node))
		return say_why("memory for [limits]", "");
	if (!make_store(node))
		return say_why("threads of the store", "");
	if (!server_listen(&node->server, node->config.rpc, node->endpoint,
			   sizeof(node->endpoint)))
		return say_why("[listen] rpc", node->config.rpc);
	if (!write_endpoints(node))
		return say_why("the endpoints file", node->endpoints_path);
	return true;
}

static void free_events(struct node *node)
{
	node_unwatch_journal(node);
	for (size_t i = 0; i < NODE_SIGNAL_COUNT; i++)
		if (node->signals[i] != NULL)
			event_free(node->signals[i]);
	if (node->tick != NULL)
		event_free(node->tick);
	if (node->wake != NULL)
		event_free(node->wake);
	if (node->base != NULL)
		event_base_free(node->base);
	if (node->wake_descriptor >= 0)
		close(node->wake_descriptor);
}

/* In reverse order; what waits is told, then nobody is there any more. */
static void unmake(struct node *node)
{
	federation_free(node->federation);
	if (node->api != NULL) {
		api_give_up(node->api);
		server_flush(&node->server);
		server_close(&node->server);
	}
	if (node->heartbeat != NULL)
		heartbeat_free(node->heartbeat);
	node_unwatch_journal(node);
	if (node->journal != NULL)
		journal_free(node->journal);
	head_keeper_free(node->head_keeper);
	if (node->reader != NULL)
		reader_free(node->reader);
	if (node->projector != NULL)
		projector_free(node->projector);
	if (node->api != NULL)
		server_release(&node->server);
	api_free(node->api);
	if (node->ledger_memory != NULL)
		munmap(node->ledger_memory, node->ledger_memory_size);
	if (node->endpoint[0] != '\0')
		(void)unlink(node->endpoints_path);
	if (node->lock_descriptor >= 0)
		close(node->lock_descriptor);
	free_events(node);
	roster_file_release(&node->held);
	config_release(&node->config);
}

static void loop(struct node *node)
{
	while (node->phase != PHASE_ENDED) {
		if (event_base_loop(node->base, EVLOOP_ONCE) < 0)
			clearing_panic(__FILE__, __LINE__, "event loop");
		node_turn_end(node);
	}
}

enum exit_status node_run(struct config *config, const char *config_path,
			  const char *version, bool takeover)
{
	char error[CREDENTIALS_ERROR_SIZE];
	SSL_CTX *tls;
	struct node *node = calloc(1, sizeof(*node));
	enum exit_status status;

	check(node != NULL);
	node->config = *config;
	node->config_path = config_path;
	node->version = version;
	node->takeover = takeover;
	node->wake_descriptor = -1;
	node->lock_descriptor = -1;
	node->status = EXIT_CONFIGURATION;
	name_node(node);
	if (!read_roster(node)) {
		config_release(&node->config);
		free(node);
		return EXIT_CONFIGURATION;
	}
	tls = credentials_load(&node->config, node->held.roster, error);
	if (tls == NULL)
		log_event(LOG_ERROR, "not_started", LOG_TEXT("reason", error),
			  LOG_END);
	else if (make(node, tls) && begin_start(node)) {
		node->status = EXIT_STOPPED;
		log_event(LOG_INFO, "started", LOG_TEXT("version", version),
			  LOG_TEXT("city", config->city),
			  LOG_TEXT("rpc", node->endpoint), LOG_END);
		loop(node);
	}
	status = node->status;
	unmake(node);
	free(node);
	log_event(LOG_INFO, "stopped", LOG_NUMBER("status", status), LOG_END);
	return status;
}
