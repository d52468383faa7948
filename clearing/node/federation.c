/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/federation.h"

#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/rate.h"
#include "node/credentials.h"
#include "node/log.h"
#include "node/outgoing.h"

/* A fetched log's page, or a batch. */
#define MESSAGE_SIZE_MAX (4u << 20)
/* A city that is no neighbour is let go after so long without a call. */
#define IDLE_US UINT64_C(60000000)
/* So long a call waits for a connection to such a city, and so many at once. */
#define HELD_US UINT64_C(2000000)
#define HELD_MAX 64
#define FORKS_LOGGED_PER_MINUTE 10

/* A call of the neighbours on its way. */
struct asked {
	neighbours_done *done;
	void *user;
};

/* One that waits for the connection. */
struct held {
	struct held *next;
	struct asked *asked;
	const char *path;
	uint64_t until_us;
	size_t size;
	uint8_t message[];
};

/* A connection to another city's node. */
struct line {
	struct line *next;
	struct federation *federation;
	uint32_t city; /* index in the roster */
	bool neighbour;
	struct rate forks; /* lines in the log */
	uint64_t used_us;
	struct outgoing *outgoing; /* NULL: it is not dialled */
	SSL_CTX *tls;
	char endpoint[ROSTER_ENDPOINT_SIZE_MAX + 1]; /* "": there is none */
	struct held *held;			     /* oldest first */
	uint32_t held_count;
	uint8_t name_size;
	uint8_t name[NAME_SIZE_MAX];
};

struct federation {
	struct federation_options options;
	struct neighbours *neighbours;
	struct line *lines;
	uint64_t now_us;
};

static const struct roster *roster_of(const struct federation *federation)
{
	return federation->options.held->roster;
}

static void answered(void *user, const struct grpc_status *status,
		     struct slice message)
{
	struct asked asked = *(struct asked *)user;

	free(user);
	if (status->code == GRPC_OK)
		asked.done(asked.user, true, message);
	else
		asked.done(asked.user, false, status->details);
}

/* The call ends without having been made. */
static void give_up(struct asked *asked)
{
	const struct grpc_status away = { .code = GRPC_UNAVAILABLE };

	answered(asked, &away, (struct slice){ 0 });
}

static bool send_call(struct line *line, const char *path, struct slice message,
		      struct asked *asked)
{
	return outgoing_call(line->outgoing, path, message, NEIGHBOURS_CALL_US,
			     answered, asked);
}

/*
 * A city that is no neighbour is dialled when somebody wants something of it:
 * the call waits for that.  False: it does not.
 */
static bool hold_call(struct line *line, const char *path, struct slice message,
		      struct asked *asked)
{
	struct held **at = &line->held;
	struct held *held;

	if (line->neighbour || outgoing_is_open(line->outgoing) ||
	    line->held_count == HELD_MAX)
		return false;
	held = malloc(sizeof(*held) + message.size);
	if (held == NULL)
		return false;
	*held = (struct held){ .asked = asked,
			       .path = path,
			       .until_us = line->federation->now_us + HELD_US,
			       .size = message.size };
	if (message.size > 0)
		memcpy(held->message, message.data, message.size);
	while (*at != NULL)
		at = &(*at)->next;
	*at = held;
	line->held_count++;
	return true;
}

/* Those until @now_us are sent, or end; a later one stays. */
static void let_go(struct line *line, bool connected, uint64_t now_us)
{
	while (line->held != NULL && line->held->until_us <= now_us) {
		struct held *held = line->held;

		line->held = held->next;
		line->held_count--;
		if (!connected ||
		    !send_call(line, held->path,
			       slice_of(held->message, held->size),
			       held->asked))
			give_up(held->asked);
		free(held);
	}
}

static void on_state(void *context, bool connected, const char *reason)
{
	struct line *line = context;

	log_event(connected ? LOG_INFO : LOG_WARNING,
		  connected ? "city_connected" : "city_disconnected",
		  LOG_SLICE("city", slice_of(line->name, line->name_size)),
		  LOG_TEXT("reason", reason == NULL ? "" : reason), LOG_END);
	let_go(line, connected, UINT64_MAX);
}

static SSL_CTX *tls_of(void *context)
{
	return ((const struct line *)context)->tls;
}

static uint64_t now_of(void *context)
{
	const struct federation *federation =
		((const struct line *)context)->federation;

	return federation->options.now(federation->options.context);
}

static const struct roster_city *city_of(const struct line *line)
{
	return &roster_of(line->federation)->cities[line->city];
}

/* A host and a port, as text that ends. */
static void note_endpoint(struct line *line)
{
	const struct slice endpoint = city_of(line)->endpoint;

	if (endpoint.size > ROSTER_ENDPOINT_SIZE_MAX)
		return;
	memcpy(line->endpoint, endpoint.data, endpoint.size);
	line->endpoint[endpoint.size] = '\0';
}

/* A fresh context to dial with; the former one stays until it is released. */
static bool take_credentials(struct line *line)
{
	const struct federation *federation = line->federation;
	char error[CREDENTIALS_ERROR_SIZE] = "it has no endpoint";

	line->tls = NULL;
	if (line->endpoint[0] != '\0')
		line->tls = credentials_dial(federation->options.config,
					     roster_of(federation), line->city,
					     error);
	if (line->tls == NULL)
		log_event(LOG_ERROR, "city_not_dialled",
			  LOG_SLICE("city", city_of(line)->name),
			  LOG_TEXT("reason", error), LOG_END);
	return line->tls != NULL;
}

static struct outgoing *dial(struct line *line)
{
	const struct federation *federation = line->federation;
	struct outgoing_options options = {
		.base = federation->options.base,
		.endpoint = line->endpoint,
		.message_size_max = MESSAGE_SIZE_MAX,
		.tls = tls_of,
		.now = now_of,
		.on_state = on_state,
		.context = line,
	};

	note_endpoint(line);
	return take_credentials(line) ? outgoing_create(&options) : NULL;
}

static struct line *find_line(struct federation *federation, struct slice city)
{
	struct line *line = federation->lines;

	while (line != NULL &&
	       !slice_equal(slice_of(line->name, line->name_size), city))
		line = line->next;
	return line;
}

static struct line *add_line(struct federation *federation, uint32_t city)
{
	struct slice name = roster_of(federation)->cities[city].name;
	struct line *line = calloc(1, sizeof(*line));

	if (line == NULL)
		return NULL;
	line->federation = federation;
	line->city = city;
	line->used_us = federation->now_us;
	memcpy(line->name, name.data, name.size);
	line->name_size = (uint8_t)name.size;
	line->outgoing = dial(line);
	line->next = federation->lines;
	federation->lines = line;
	return line;
}

static void free_line(struct line *line)
{
	let_go(line, false, UINT64_MAX);
	if (line->outgoing != NULL)
		outgoing_free(line->outgoing);
	SSL_CTX_free(line->tls);
	free(line);
}

static bool call(void *context, struct slice city, enum rpc rpc,
		 struct slice message, neighbours_done *done, void *user)
{
	struct federation *federation = context;
	struct line *line = find_line(federation, city);
	uint32_t index = roster_city(roster_of(federation), city);
	struct asked *asked;
	const char *path;

	if (line == NULL && index != ROSTER_NONE)
		line = add_line(federation, index);
	if (line == NULL || line->outgoing == NULL)
		return false;
	line->used_us = federation->now_us;
	asked = malloc(sizeof(*asked));
	if (asked == NULL)
		return false;
	*asked = (struct asked){ done, user };
	path = rpc_method_at(rpc)->path;
	if (send_call(line, path, message, asked) ||
	    hold_call(line, path, message, asked))
		return true;
	free(asked);
	return false;
}

static bool is_connected(void *context, struct slice city)
{
	const struct line *line = find_line(context, city);

	return line != NULL && line->outgoing != NULL &&
	       outgoing_is_open(line->outgoing);
}

/*
 * It listens, as it comes: a neighbour that was restarted is not waited for
 * to the end of the pause that its absence had led to.
 */
static void on_came(void *context, struct slice city)
{
	const struct line *line = find_line(context, city);

	if (line != NULL && line->outgoing != NULL)
		outgoing_hurry(line->outgoing);
}

static void on_alarm(void *context, struct slice city, const char *what)
{
	(void)context;
	log_event(LOG_ERROR, "link_alarm", LOG_SLICE("city", city),
		  LOG_TEXT("what", what), LOG_END);
}

/* (rule PEER-11), row 8: what is in no table. */
static void on_fork(void *context, struct slice city,
		    const struct link_batch *batch)
{
	uint8_t header[2 * LINKLOG_HEADER_SIZE_MAX];
	uint8_t signature[2 * LINKLOG_SIGNATURE_SIZE];
	struct line *line = find_line(context, city);
	struct buffer header_text, signature_text;
	uint64_t now_us;

	/* No signature is verified yet, and it sends as often as it likes. */
	if (line == NULL)
		return;
	now_us = now_of(line);
	if (!rate_allows(&line->forks, now_us, FORKS_LOGGED_PER_MINUTE))
		return;
	rate_take(&line->forks, now_us);
	buffer_init(&header_text, header, sizeof(header));
	buffer_put_hex(&header_text, batch->header);
	buffer_init(&signature_text, signature, sizeof(signature));
	buffer_put_hex(&signature_text, batch->signature);
	log_event(LOG_ERROR, "link_fork", LOG_SLICE("city", city),
		  LOG_SLICE("header", buffer_view(&header_text)),
		  LOG_SLICE("key_id", batch->key_id),
		  LOG_SLICE("signature", buffer_view(&signature_text)),
		  LOG_END);
}

/* A line to each neighbour, none to a city that left. */
static void dial_neighbours(struct federation *federation)
{
	const struct roster *roster = roster_of(federation);
	uint32_t here = federation->options.held->city;

	for (uint32_t i = 0; i < roster->link_count; i++) {
		const struct roster_link *link = &roster->links[i];
		struct line *line;
		uint32_t other;

		if (link->a != here && link->b != here)
			continue;
		other = roster_other_end(link, here);
		/* (rule PEER-44): it never comes back. */
		if (roster->cities[other].status == ROSTER_CITY_GONE)
			continue;
		line = find_line(federation, roster->cities[other].name);
		if (line == NULL)
			line = add_line(federation, other);
		if (line != NULL)
			line->neighbour = true;
	}
}

static struct neighbours_options
neighbours_options_of(struct federation *federation)
{
	const struct roster_file *held = federation->options.held;
	const struct roster_city *here = &held->roster->cities[held->city];
	const struct roster_key *key =
		roster_current_key(held->roster, held->city);

	check(key != NULL);
	return (struct neighbours_options){
		.roster = held->roster,
		.roster_bytes = held->now.bytes,
		.uri = here->uri,
		.key_id = key->id,
		.sign = crypto_sign,
		.verify = crypto_verify,
		.sign_context = held->key,
		.call = call,
		.is_connected = is_connected,
		.on_came = on_came,
		.on_alarm = on_alarm,
		.on_fork = on_fork,
		.context = federation,
	};
}

struct federation *federation_create(const struct federation_options *options)
{
	struct federation *federation = calloc(1, sizeof(*federation));
	struct neighbours_options neighbours;

	if (federation == NULL)
		return NULL;
	federation->options = *options;
	neighbours = neighbours_options_of(federation);
	federation->neighbours = neighbours_create(options->api, &neighbours);
	if (federation->neighbours == NULL) {
		free(federation);
		return NULL;
	}
	dial_neighbours(federation);
	api_join(options->api, federation->neighbours);
	return federation;
}

static void drop_lines(struct federation *federation)
{
	while (federation->lines != NULL) {
		struct line *line = federation->lines;

		federation->lines = line->next;
		free_line(line);
	}
}

void federation_free(struct federation *federation)
{
	if (federation == NULL)
		return;
	/* Calls under way end first, while there is somebody to hear it. */
	drop_lines(federation);
	api_join(federation->options.api, NULL);
	neighbours_free(federation->neighbours);
	free(federation);
}

/*
 * A line stays, its calls with it, while its city is where it was; who is
 * there has to be good under the new credentials.
 */
static bool keep_line(struct line *line)
{
	const struct roster *roster = roster_of(line->federation);
	const struct slice name = slice_of(line->name, line->name_size);
	SSL_CTX *former = line->tls;
	bool kept;

	line->neighbour = false;
	line->city = roster_city(roster, name);
	if (line->outgoing == NULL || line->city == ROSTER_NONE ||
	    city_of(line)->status == ROSTER_CITY_GONE ||
	    !slice_equal(city_of(line)->endpoint,
			 slice_from_text(line->endpoint)))
		return false;
	kept = take_credentials(line);
	if (kept)
		outgoing_check(line->outgoing);
	SSL_CTX_free(former);
	return kept;
}

static void review_lines(struct federation *federation)
{
	struct line **at = &federation->lines;

	while (*at != NULL) {
		struct line *line = *at;

		if (keep_line(line)) {
			at = &line->next;
			continue;
		}
		*at = line->next;
		free_line(line);
	}
}

void federation_reload(struct federation *federation)
{
	struct neighbours_options fresh = neighbours_options_of(federation);

	review_lines(federation);
	neighbours_reload(federation->neighbours, &fresh);
	dial_neighbours(federation);
}

static bool is_idle(const struct line *line, uint64_t now_us)
{
	return !line->neighbour && now_us > line->used_us + IDLE_US;
}

void federation_tick(struct federation *federation, uint64_t now_us)
{
	struct line **at = &federation->lines;

	federation->now_us = now_us;
	while (*at != NULL) {
		struct line *line = *at;

		if (line->outgoing != NULL)
			outgoing_tick(line->outgoing, now_us);
		let_go(line, false, now_us);
		if (!is_idle(line, now_us)) {
			at = &line->next;
			continue;
		}
		*at = line->next;
		free_line(line);
	}
}

void federation_flush(struct federation *federation)
{
	for (struct line *line = federation->lines; line != NULL;
	     line = line->next) {
		if (line->outgoing != NULL)
			outgoing_flush(line->outgoing);
	}
}

void federation_seal(struct federation *federation, struct block *block)
{
	neighbours_seal(federation->neighbours, block);
}

bool federation_closed(const struct federation *federation)
{
	return peer_is_closed(neighbours_peer(federation->neighbours));
}
