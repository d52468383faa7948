/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "api/neighbours.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "api/handler.h"
#include "api/neighbours_private.h"

/* TLS has seen to the certificate; the roster says who is in. */
bool neighbours_let_in(struct api_call *call, struct neighbours **out)
{
	struct api *api = call->api;
	const struct neighbours_options *options;

	if (!handler_accepts(call, true))
		return false;
	if (api->neighbours == NULL ||
	    roster_city(neighbours_options(api->neighbours)->roster,
			call->caller->city) == ROSTER_NONE) {
		reply_error_now(call, REQUEST_NOT_PERMITTED, NULL);
		return false;
	}
	options = neighbours_options(api->neighbours);
	options->on_came(options->context, call->caller->city);
	*out = api->neighbours;
	return true;
}

bool neighbours_count(struct neighbours *neighbours, struct slice city,
		      enum neighbours_counted what, uint64_t now_us)
{
	static const uint32_t most[COUNTED_KINDS] = {
		[COUNTED_OUTCOME] = NEIGHBOURS_ASKS_PER_MINUTE,
		[COUNTED_REQUEST] = NEIGHBOURS_REQUESTS_PER_MINUTE,
	};
	uint32_t at = roster_city(neighbours->options.roster, city);
	struct rate *rate;

	check(at != ROSTER_NONE && what < COUNTED_KINDS);
	rate = &neighbours->counted[at][what];
	if (!rate_allows(rate, now_us, most[what]))
		return false;
	rate_take(rate, now_us);
	return true;
}

static uint64_t directory_version(void *context)
{
	const struct neighbours *neighbours = context;

	return neighbours->options.roster->version;
}

/* The @index-th link of this city; its other end in @other. */
static const struct roster_link *own_link(const struct neighbours *neighbours,
					  uint32_t index, uint32_t *other)
{
	const struct roster *roster = neighbours->options.roster;

	for (uint32_t i = 0; i < roster->link_count; i++) {
		const struct roster_link *link = &roster->links[i];

		if (link->a != neighbours->here && link->b != neighbours->here)
			continue;
		if (index-- > 0)
			continue;
		*other = roster_other_end(link, neighbours->here);
		return link;
	}
	return NULL;
}

static bool directory_neighbour(void *context, uint32_t index,
				struct slice *city)
{
	const struct neighbours *neighbours = context;
	uint32_t other = 0;

	if (own_link(neighbours, index, &other) == NULL)
		return false;
	*city = neighbours->options.roster->cities[other].name;
	return true;
}

static bool copy_key(const struct roster_key *from, uint8_t key[NODE_KEY_SIZE])
{
	if (from == NULL)
		return false;
	memcpy(key, from->key.data, NODE_KEY_SIZE);
	return true;
}

/* (rule PEER-43) */
static bool directory_key(void *context, struct slice city, struct slice key_id,
			  uint8_t key[NODE_KEY_SIZE])
{
	const struct roster *roster =
		((const struct neighbours *)context)->options.roster;
	uint32_t at = roster_city(roster, city);

	return at != ROSTER_NONE &&
	       copy_key(roster_key(roster, at, key_id), key);
}

static bool directory_any_key(void *context, struct slice city,
			      struct slice key_id, uint8_t key[NODE_KEY_SIZE])
{
	const struct roster *roster =
		((const struct neighbours *)context)->options.roster;
	uint32_t at = roster_city(roster, city);

	return at != ROSTER_NONE &&
	       copy_key(roster_any_key(roster, at, key_id), key);
}

static bool directory_known(void *context, struct slice city)
{
	const struct neighbours *neighbours = context;

	return roster_city(neighbours->options.roster, city) != ROSTER_NONE;
}

static bool directory_gone(void *context, struct slice city)
{
	const struct roster *roster =
		((const struct neighbours *)context)->options.roster;
	uint32_t at = roster_city(roster, city);

	return at != ROSTER_NONE &&
	       roster->cities[at].status == ROSTER_CITY_GONE;
}

static const struct roster_link *link_with(const struct neighbours *neighbours,
					   struct slice city)
{
	const struct roster *roster = neighbours->options.roster;
	uint32_t at = roster_city(roster, city);
	uint32_t link = at == ROSTER_NONE
				? ROSTER_NONE
				: roster_link(roster, neighbours->here, at);

	return link == ROSTER_NONE ? NULL : &roster->links[link];
}

static uint32_t directory_in_flight(void *context, struct slice city)
{
	const struct roster_link *link = link_with(context, city);

	return link == NULL ? ROSTER_IN_FLIGHT_PER_MILLE_DEFAULT
			    : link->in_flight_per_mille;
}

static uint64_t directory_line(void *context, struct slice city)
{
	const struct neighbours *neighbours = context;
	const struct roster_link *link = link_with(neighbours, city);

	return link == NULL ? 0
			    : (uint64_t)money_minor(
				      roster_line(link, neighbours->here));
}

static uint32_t directory_route(void *context, struct slice city,
				uint64_t amount_minor,
				const struct peer_hop *excluded,
				uint32_t excluded_count,
				struct slice path[LINKLOG_PATH_MAX])
{
	struct neighbours *neighbours = context;
	struct route route;

	if (!neighbours_route(neighbours, city, amount_minor, NULL, excluded,
			      excluded_count, &route))
		return 0;
	for (uint32_t i = 0; i < route.city_count; i++)
		path[i] = neighbours->options.roster->cities[route.cities[i]]
				  .name;
	return route.city_count;
}

static struct peer_directory directory_of(struct neighbours *neighbours)
{
	return (struct peer_directory){
		.context = neighbours,
		.version = directory_version,
		.neighbour = directory_neighbour,
		.key = directory_key,
		.any_key = directory_any_key,
		.known = directory_known,
		.gone = directory_gone,
		.in_flight_per_mille = directory_in_flight,
		.line_minor = directory_line,
		.route = directory_route,
	};
}

static bool may_work(const struct api *api)
{
	return api->state == NODE_SERVING || api->state == NODE_REJOINING;
}

/* The same bounds as for clients (rule JOURNAL-25). */
static bool open_block(void *context, uint32_t entries, uint32_t events,
		       size_t bytes, struct recorder *out)
{
	struct neighbours *neighbours = context;
	struct api *api = neighbours->api;
	const struct journal_room room = { entries, events, bytes };
	struct effect *effects = NULL;
	struct block *block;

	if (!may_work(api) || projector_lag(api->projector) >
				      api->options.projector_lag_max_blocks)
		return false;
	block = journal_open_for(api->journal, &room, api->now_us, &effects);
	if (block == NULL)
		return false;
	*out = (struct recorder){
		.ledger = api->ledger,
		.block = block,
		.effects = effects,
		.sha256 = api->sha256,
		.random_fill = api->random_fill,
	};
	return true;
}

static void sign(void *context, struct slice bytes,
		 uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	const struct neighbours *neighbours = context;

	neighbours->options.sign(neighbours->options.sign_context, bytes,
				 signature);
}

static void on_alarm(void *context, struct slice city, const char *what)
{
	const struct neighbours *neighbours = context;

	neighbours->options.on_alarm(neighbours->options.context, city, what);
}

static void on_fork(void *context, struct slice city,
		    const struct link_batch *batch)
{
	const struct neighbours *neighbours = context;

	neighbours->options.on_fork(neighbours->options.context, city, batch);
}

static struct peer_options peer_options_of(struct neighbours *neighbours)
{
	return (struct peer_options){
		.uri = neighbours->options.uri,
		.key_id = neighbours->options.key_id,
		.directory = directory_of(neighbours),
		.decide_us = neighbours->options.decide_us,
		.sha256 = neighbours->api->sha256,
		.verify = neighbours->options.verify,
		.sign = sign,
		.random_fill = neighbours->api->random_fill,
		.open_block = open_block,
		.on_sealed = neighbours_keep_batch,
		.on_withdrawn = neighbours_drop_above,
		.on_outcome = payment_on_outcome,
		.on_alarm = on_alarm,
		.on_fork = on_fork,
		.context = neighbours,
	};
}

/* Pages are touched only as links and payments come. */
static bool make_peer(struct neighbours *neighbours)
{
	struct ledger *ledger = neighbours->api->ledger;
	struct peer_options options = peer_options_of(neighbours);

	neighbours->memory_size = peer_memory_size(ledger);
	neighbours->memory =
		mmap(NULL, neighbours->memory_size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (neighbours->memory == MAP_FAILED) {
		neighbours->memory = NULL;
		return false;
	}
	peer_init(&neighbours->peer, ledger, &options, neighbours->memory);
	return true;
}

struct neighbours *neighbours_create(struct api *api,
				     const struct neighbours_options *options)
{
	struct neighbours *neighbours = calloc(1, sizeof(*neighbours));
	size_t links = api->ledger->links.options.links_max;

	if (neighbours == NULL)
		return NULL;
	neighbours->api = api;
	neighbours->options = *options;
	neighbours->here =
		roster_city(options->roster, slice_from_text(api->city));
	check(neighbours->here != ROSTER_NONE);
	neighbours->kept = calloc(links, sizeof(*neighbours->kept));
	neighbours->hops =
		calloc(ROUTE_HOP_COUNT_MAX, sizeof(struct route_hop));
	neighbours->route_memory = malloc(sizeof(struct route_memory));
	neighbours->message = malloc(NEIGHBOURS_MESSAGE_MAX);
	neighbours->counted =
		calloc(ROSTER_CITIES_MAX, sizeof(*neighbours->counted));
	if (neighbours->kept == NULL || neighbours->counted == NULL ||
	    neighbours->hops == NULL || neighbours->route_memory == NULL ||
	    neighbours->message == NULL || !make_peer(neighbours)) {
		neighbours_free(neighbours);
		return NULL;
	}
	return neighbours;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (neighbours == NULL)
		return;
	neighbours_drop_batches(neighbours);
	if (neighbours->memory != NULL)
		munmap(neighbours->memory, neighbours->memory_size);
	free(neighbours->kept);
	free(neighbours->hops);
	free(neighbours->route_memory);
	free(neighbours->message);
	free(neighbours->counted);
	free(neighbours);
}

void neighbours_reload(struct neighbours *neighbours,
		       const struct neighbours_options *options)
{
	struct neighbours_options *kept = &neighbours->options;
	struct peer_directory directory = directory_of(neighbours);

	kept->roster = options->roster;
	kept->roster_bytes = options->roster_bytes;
	kept->uri = options->uri;
	kept->key_id = options->key_id;
	kept->sign_context = options->sign_context;
	neighbours->here = roster_city(options->roster,
				       slice_from_text(neighbours->api->city));
	check(neighbours->here != ROSTER_NONE);
	/* By index in the roster, which may be another now. */
	memset(neighbours->counted, 0,
	       ROSTER_CITIES_MAX * sizeof(*neighbours->counted));
	neighbours->peer.options.uri = options->uri;
	neighbours->peer.options.key_id = options->key_id;
	peer_set_directory(&neighbours->peer, &directory);
}

struct peer *neighbours_peer(struct neighbours *neighbours)
{
	return &neighbours->peer;
}

const struct neighbours_options *
neighbours_options(const struct neighbours *neighbours)
{
	return &neighbours->options;
}

void neighbours_seal(struct neighbours *neighbours, struct block *block)
{
	peer_seal(&neighbours->peer, block);
}

void neighbours_durable(struct neighbours *neighbours, uint64_t seq)
{
	peer_durable(&neighbours->peer, seq);
	neighbours_act(neighbours);
}

static void note_connections(struct neighbours *neighbours)
{
	const struct links *links = &neighbours->api->ledger->links;

	for (uint32_t i = 1; i <= links->link_count; i++)
		peer_connected(&neighbours->peer, i,
			       neighbours->options.is_connected(
				       neighbours->options.context,
				       link_city(links_at(links, i))));
}

/* (rule PEER-2): from now on no older one is taken, after a restart too. */
static void adopt_roster(struct neighbours *neighbours)
{
	const struct roster *roster = neighbours->options.roster;
	struct event event = { .kind = EVENT_ROSTER_ADOPTED };
	struct recorder recorder;

	if (neighbours->api->ledger->links.roster_version >= roster->version ||
	    !open_block(neighbours, 0, 1, 0, &recorder))
		return;
	event.roster_adopted.version = roster->version;
	memcpy(event.roster_adopted.hash, roster->hash, SHA256_SIZE);
	record_link_event(&recorder, &event, (struct hash128){ 0 });
}

void neighbours_turn(struct neighbours *neighbours, uint64_t now_us)
{
	if (!may_work(neighbours->api))
		return;
	adopt_roster(neighbours);
	note_connections(neighbours);
	peer_turn(&neighbours->peer, now_us);
	neighbours_act(neighbours);
}

/* What takes no promise now is no way, for a quote either. */
static bool is_closed(const struct neighbours *neighbours,
		      const struct link *link)
{
	const struct peer_session *session =
		peer_session_of(&neighbours->peer, link->number);

	return session->state != PEER_RECONCILED || !session->connected ||
	       link->frozen_here || link->frozen_there || link->paused;
}

/* What this city knows of its own links is exact. */
static void tell_own_hops(struct neighbours *neighbours)
{
	const struct links *links = &neighbours->api->ledger->links;
	const struct roster *roster = neighbours->options.roster;

	for (uint32_t i = 0; i < 2 * roster->link_count; i++) {
		struct route_hop *hop = &neighbours->hops[i];
		const struct link *link;
		int64_t debt;

		if (hop->from != neighbours->here)
			continue;
		link = links_of(links, roster->cities[hop->to].name);
		if (link == NULL) {
			hop->closed = true;
			continue;
		}
		debt = -link_owed_minor(link) +
		       (int64_t)link->pending_out_minor;
		hop->line = money_of((int64_t)link->peer_line_minor);
		hop->owed = money_of(debt);
		hop->closed |= is_closed(neighbours, link);
	}
}

/* What the payee's city says of the last hop. */
static void tell_hints(struct neighbours *neighbours, uint32_t target,
		       const struct quote_payee_response *hints)
{
	const struct roster *roster = neighbours->options.roster;

	for (uint32_t i = 0; i < 2 * roster->link_count; i++) {
		struct route_hop *hop = &neighbours->hops[i];

		if (hop->to != target || hop->from == neighbours->here)
			continue;
		for (uint32_t k = 0; k < hints->link_count; k++) {
			const struct link_hint *hint = &hints->links[k];

			if (!slice_equal(hint->city,
					 roster->cities[hop->from].name) ||
			    !money_in_range(hint->line_minor) ||
			    hint->line_minor < 0 ||
			    !money_in_range(hint->owed_minor))
				continue;
			hop->line = money_of(hint->line_minor);
			hop->owed = money_of(hint->owed_minor);
		}
	}
}

static bool is_excluded(const struct roster *roster,
			const struct route_hop *hop,
			const struct peer_hop *excluded)
{
	return slice_equal(roster->cities[hop->from].name,
			   slice_of(excluded->from, excluded->from_size)) &&
	       slice_equal(roster->cities[hop->to].name,
			   slice_of(excluded->to, excluded->to_size));
}

static void close_excluded(struct neighbours *neighbours,
			   const struct peer_hop *excluded, uint32_t count)
{
	const struct roster *roster = neighbours->options.roster;

	for (uint32_t i = 0; i < 2 * roster->link_count; i++) {
		for (uint32_t k = 0; k < count; k++)
			neighbours->hops[i].closed |= is_excluded(
				roster, &neighbours->hops[i], &excluded[k]);
	}
}

bool neighbours_route(struct neighbours *neighbours, struct slice city,
		      uint64_t amount_minor,
		      const struct quote_payee_response *hints,
		      const struct peer_hop *excluded, uint32_t excluded_count,
		      struct route *out)
{
	const struct roster *roster = neighbours->options.roster;
	uint32_t target = roster_city(roster, city);
	struct route_request request = {
		.hops = neighbours->hops,
		.city_count = roster->city_count,
		.origin = neighbours->here,
		.target = target,
	};

	if (target == ROSTER_NONE || target == neighbours->here ||
	    amount_minor == 0 || amount_minor > (uint64_t)MONEY_MAX_MINOR)
		return false;
	request.amount = money_of((int64_t)amount_minor);
	request.hop_count = route_hops(roster, neighbours->hops);
	tell_own_hops(neighbours);
	if (hints != NULL)
		tell_hints(neighbours, target, hints);
	close_excluded(neighbours, excluded, excluded_count);
	return route_find(&request, neighbours->route_memory, out);
}
