/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "sim/sim_city.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "peer/planted.h"
#include "sim/sim_check.h"
#include "sim/sim_crypto.h"
#include "sim/sim_net.h"
#include "sim/sim_roster.h"

/* How many blocks' worth of state are hashed when they close. */
#define STATE_PER_MILLE 150

static const struct ledger_options ledger_limits = {
	.accounts_max = 64,
	.holds_max = 512,
	.actors_max = 32,
	.ids_max = 8192,
	.id_window_us = 3600 * SIM_SECOND_US,
	.key = { 5, 8 },
	.links_max = SIM_LINKS_MAX,
	.payments_max = 192,
};

static struct ledger_options limits_of(const struct sim *sim)
{
	struct ledger_options options = ledger_limits;

	options.sha256 = sim_roster_hash(sim);
	return options;
}

/* Memory that is zero again, and touched only as it is used. */
static void clear(void **memory, size_t *size, size_t wanted)
{
	if (*memory != NULL && *size == wanted) {
		check(madvise(*memory, *size, MADV_DONTNEED) == 0);
		return;
	}
	if (*memory != NULL)
		check(munmap(*memory, *size) == 0);
	*memory = mmap(NULL, wanted, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(*memory != MAP_FAILED);
	*size = wanted;
}

uint64_t sim_city_now(struct sim_city *city)
{
	uint64_t wall_us = city->sim->now_us + (uint64_t)city->clock_us;

	if (wall_us > city->node_us)
		city->node_us = wall_us;
	if (city->ledger.time_us > city->node_us)
		city->node_us = city->ledger.time_us;
	return city->node_us;
}

uint32_t sim_city_of(const struct sim *sim, struct slice name)
{
	for (uint32_t i = 0; i < sim->plan.cities; i++) {
		if (slice_equal(sim->cities[i].name, name))
			return i;
	}
	return SIM_NONE;
}

uint32_t sim_city_link(const struct sim_city *city, uint32_t other)
{
	const struct link *link =
		links_of(&city->ledger.links, city->sim->cities[other].name);

	return link == NULL ? 0 : link->number;
}

uint64_t sim_city_durable(const struct sim_city *city)
{
	check(city->store.acknowledged > 0);
	return city->store.acknowledged - 1;
}

uint64_t sim_city_newest(const struct sim_city *city)
{
	if (city->block_open && !block_is_empty(&city->block))
		return city->block.header.seq;
	return city->ledger.next_seq - 1;
}

static uint32_t in_flight(const struct sim_city *city)
{
	return city->store.count - city->store.acknowledged;
}

/* Blocks land in order, each some time after the one before. */
static void schedule_commit(struct sim_city *city)
{
	struct sim *sim = city->sim;
	uint64_t delay_us = sim_random_between(&sim->random, 300, 6000);

	if (city->commit_due || city->stalled || in_flight(city) == 0)
		return;
	if (sim_chance(&sim->random, 20))
		delay_us *= 50;
	city->commit_due = true;
	sim_schedule(sim, delay_us,
		     (struct sim_event){ .kind = SIM_COMMIT,
					 .city = city->number,
					 .run = city->run });
}

static void count_block(struct sim *sim, const struct block *block)
{
	sim->counts.blocks++;
	for (uint32_t i = 0; i < block->event_count; i++) {
		const struct event *event = &block->events[i];
		bool out = event->kind == EVENT_OUT_LEG_ENDED;

		sim->counts.adopted += event->kind == EVENT_LINK_BATCH_ADOPTED;
		sim->counts.withdrawn += event->kind == EVENT_LINK_WITHDRAWN;
		sim->counts.nevers += event->kind == EVENT_NEVER_GIVEN;
		sim->counts.estates += out || event->kind == EVENT_IN_LEG_ENDED;
		sim->counts.proven += out && event->leg_ended.reason == 0;
	}
}

static void store_block(struct sim_city *city, const struct block *block)
{
	static uint8_t payload[BLOCK_PAYLOAD_SIZE_MAX];
	static uint8_t scratch[BLOCK_PAYLOAD_SIZE_MAX + BLOCK_HASH_HEAD_SIZE];
	struct block_header header = block->header;
	struct sim_store *store = &city->store;
	struct buffer out, hashed;
	struct sim_block *stored;

	buffer_init(&out, payload, sizeof(payload));
	block_encode(block, &out);
	check(!out.overflowed);
	if (store->count > 0)
		memcpy(header.prev_hash,
		       store->blocks[store->count - 1].header.hash,
		       SHA256_SIZE);
	buffer_init(&hashed, scratch, sizeof(scratch));
	block_hash(&header, buffer_view(&out), sim_roster_hash(city->sim),
		   &hashed, header.hash);
	ledger_block_done(&city->ledger, &header);
	stored = sim_store_add(store, &header, buffer_view(&out));
	sim_store_follow(store, block, header.seq);
	count_block(city->sim, block);
	if (!sim_chance(&city->sim->random, STATE_PER_MILLE))
		return;
	stored->has_state = true;
	stored->state = sim_city_state(&city->ledger);
}

void sim_city_close(struct sim_city *city)
{
	if (!city->block_open || block_is_empty(&city->block))
		return;
	peer_seal(&city->peer, &city->block);
	store_block(city, &city->block);
	city->block_open = false;
	if (PLANTED(ANSWER_BEFORE_COMMIT))
		peer_durable(&city->peer, city->ledger.next_seq - 1);
	schedule_commit(city);
}

static void open_anew(struct sim_city *city)
{
	block_init(&city->block, city->block_memory, city->ledger.next_number);
	city->block.header.seq = city->ledger.next_seq;
	city->block.header.epoch = city->ledger.epoch;
	city->block.header.created_us = sim_city_now(city);
	city->block_open = true;
}

bool sim_city_open(struct sim_city *city, uint32_t entries, uint32_t events,
		   size_t bytes, struct recorder *out)
{
	if (city->block_open &&
	    !block_has_room_for(&city->block, entries, events, bytes))
		sim_city_close(city);
	if (!city->block_open && in_flight(city) >= SIM_BLOCKS_IN_FLIGHT_MAX)
		return false;
	if (!city->block_open)
		open_anew(city);
	if (block_is_empty(&city->block))
		city->block.header.created_us = sim_city_now(city);
	*out = (struct recorder){
		.ledger = &city->ledger,
		.block = &city->block,
		.effects = city->effects,
		.sha256 = sim_roster_hash(city->sim),
		.random_fill = sim_roster_random,
	};
	return block_has_room_for(&city->block, entries, events, bytes);
}

static bool open_for_engine(void *context, uint32_t entries, uint32_t events,
			    size_t bytes, struct recorder *out)
{
	return sim_city_open(context, entries, events, bytes, out);
}

static void tell(struct sim_city *city, const struct sim_waiting *waiting)
{
	if (waiting->message != NULL)
		sim_net_send(city->sim, waiting->message);
	else
		sim_check_told(city, waiting);
}

void sim_city_wait(struct sim_city *city, struct sim_waiting waiting)
{
	/* Nothing is in flight that it depends on. */
	if (waiting.seq <= sim_city_durable(city)) {
		tell(city, &waiting);
		return;
	}
	city->waiting = sim_grow(city->waiting, city->waiting_count,
				 &city->waiting_capacity, sizeof(waiting));
	city->waiting[city->waiting_count++] = waiting;
}

static void tell_durable(struct sim_city *city)
{
	uint64_t durable = sim_city_durable(city);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < city->waiting_count; i++) {
		struct sim_waiting waiting = city->waiting[i];

		city->waiting[i].message = NULL;
		if (waiting.seq <= durable || PLANTED(ANSWER_BEFORE_COMMIT))
			tell(city, &waiting);
		else
			city->waiting[kept++] = waiting;
	}
	city->waiting_count = kept;
}

/* The neighbours' batches of a block that landed are theirs to forget. */
static void note_heads(struct sim_city *city, uint64_t seq)
{
	for (uint32_t i = 0; i < city->ledger.links.link_count; i++) {
		const struct sim_log *log = &city->store.taken[i];

		for (uint32_t j = log->count; j > 0; j--) {
			if (log->batches[j - 1].block > seq)
				continue;
			if (log->batches[j - 1].block < seq)
				break;
			sim_check_head(city, i + 1, &log->batches[j - 1]);
		}
	}
}

void sim_city_commit(struct sim_city *city)
{
	city->commit_due = false;
	if (city->stalled || in_flight(city) == 0)
		return;
	city->store.acknowledged++;
	peer_durable(&city->peer, sim_city_durable(city));
	note_heads(city, sim_city_durable(city));
	tell_durable(city);
	schedule_commit(city);
}

static void schedule_turn(struct sim_city *city)
{
	uint64_t now_us = sim_city_now(city);
	uint64_t wake_us = peer_wake_us(&city->peer);
	uint64_t after_us = wake_us > now_us ? wake_us - now_us : 0;
	uint64_t at_us;

	if (after_us < 1000)
		after_us = 1000;
	at_us = city->sim->now_us + after_us;
	if (city->turn_at_us != 0 && city->turn_at_us <= at_us)
		return;
	city->turn_at_us = at_us;
	sim_schedule(city->sim, after_us,
		     (struct sim_event){ .kind = SIM_TURN,
					 .city = city->number,
					 .run = city->run });
}

/* Closed at once, or a little later so that more comes together. */
static void flush(struct sim_city *city)
{
	struct sim *sim = city->sim;

	if (!city->block_open || block_is_empty(&city->block) ||
	    city->flush_due)
		return;
	if (in_flight(city) == 0 && sim_chance(&sim->random, 600)) {
		sim_city_close(city);
		return;
	}
	city->flush_due = true;
	sim_schedule(sim, sim_random_between(&sim->random, 100, 5000),
		     (struct sim_event){ .kind = SIM_FLUSH,
					 .city = city->number,
					 .run = city->run });
}

static void act(struct sim_city *city)
{
	struct peer_action action;

	while (peer_next_action(&city->peer, &action))
		sim_net_perform(city, &action);
}

/*
 * (rule PEER-39) A debtor SHOULD ask what the creditor would refuse only in
 * vain; one that does not look at its line puts the creditor to the test.
 */
static void forget_lines(struct sim_city *city)
{
	struct links *links = &city->ledger.links;

	for (uint32_t i = 1; i <= links->link_count; i++)
		links_at(links, i)->peer_line_minor = UINT64_C(1) << 50;
}

/* Do all its links agree again, and is that durable (rule PEER-4)? */
static bool has_recovered(const struct sim_city *city)
{
	const struct links *links = &city->ledger.links;

	if (!city->up || city->store.acknowledged < city->store.count ||
	    city->block_open || links->link_count == 0)
		return false;
	for (uint32_t i = 1; i <= links->link_count; i++) {
		const struct peer_session *session =
			peer_session_of(&city->peer, i);

		if (session->state != PEER_GONE &&
		    (session->state != PEER_RECONCILED || !session->caught_up))
			return false;
	}
	return true;
}

/* From then on its word counts again, and others may be restored. */
static void note_recovery(struct sim_city *city)
{
	if (!city->restoring || !has_recovered(city))
		return;
	city->restoring = false;
	sim_say(city->sim, "%u has recovered", city->number);
	sim_check_replayed(city);
}

void sim_city_turn(struct sim_city *city)
{
	uint64_t now_us = sim_city_now(city);
	const struct hold *due = ledger_hold_due(&city->ledger);
	struct recorder recorder;

	if (due != NULL && due->expires_at_us <= now_us &&
	    sim_city_open(city, 0, 8, 0, &recorder))
		record_expiries(&recorder, now_us, 8);
	if (city->sim->plan.careless)
		forget_lines(city);
	peer_turn(&city->peer, now_us);
	act(city);
	flush(city);
	act(city);
	if (PLANTED(ANSWER_BEFORE_COMMIT))
		tell_durable(city);
	/* A liar may deceive itself. */
	if (city->number != city->sim->plan.liar)
		sim_check_city(city);
	note_recovery(city);
	schedule_turn(city);
}

static void sign(void *context, struct slice bytes,
		 uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	const struct sim_city *city = context;
	uint8_t key[NODE_KEY_SIZE];

	sim_crypto_key(city->number, city->key_number, key);
	sim_crypto_sign(key, bytes, signature);
}

/* The store has the batch with its block: nothing to keep beside it. */
static void on_sealed(void *context, uint32_t link, uint64_t first_seq,
		      uint64_t last_seq, struct slice batch)
{
	(void)context;
	check(link >= 1 && first_seq <= last_seq && batch.size > 0);
}

static void on_outcome(void *context, const struct peer_outcome *outcome)
{
	sim_check_outcome(context, outcome);
}

static void on_alarm(void *context, struct slice other, const char *what)
{
	struct sim_city *city = context;

	sim_check_alarm(city, sim_city_of(city->sim, other), what);
}

static void on_payment(void *context, const struct payment *payment)
{
	struct sim_city *city = context;

	sim_check_payment(city, payment);
	if (city->engine_on_payment != NULL)
		city->engine_on_payment(city->engine_context, payment);
}

static void start_engine(struct sim_city *city)
{
	struct peer_options options = {
		.uri = slice_of(city->uri, city->uri_size),
		.key_id = slice_of(city->key_id, 2),
		.directory = sim_roster_directory(city),
		.sha256 = sim_roster_hash(city->sim),
		.verify = sim_crypto_verify,
		.sign = sign,
		.random_fill = sim_roster_random,
		.open_block = open_for_engine,
		.on_sealed = on_sealed,
		.on_outcome = on_outcome,
		.on_alarm = on_alarm,
		.context = city,
	};
	struct links_options *links = &city->ledger.links.options;

	clear(&city->peer_memory, &city->peer_size,
	      peer_memory_size(&city->ledger));
	peer_init(&city->peer, &city->ledger, &options, city->peer_memory);
	city->engine_on_payment = links->on_payment;
	city->engine_context = links->context;
	links->on_payment = on_payment;
	links->context = city;
}

void sim_city_reload(struct sim_city *city)
{
	struct peer_directory directory = sim_roster_directory(city);

	if (city->roster_version == city->sim->roster_version ||
	    city->gone_version > 0)
		return;
	city->roster_version = city->sim->roster_version;
	sim_say(city->sim, "%u takes roster %" PRIu64, city->number,
		city->roster_version);
	if (!city->up)
		return;
	peer_set_directory(&city->peer, &directory);
	sim_city_turn(city);
}

static void start_ledger(struct sim_city *city)
{
	struct ledger_options options = limits_of(city->sim);

	clear(&city->ledger_memory, &city->ledger_size,
	      ledger_memory_size(&options));
	ledger_init(&city->ledger, &options, city->ledger_memory);
}

/* (rule JOURNAL-12) A new writer's first block; it waits for it. */
static void begin_epoch(struct sim_city *city)
{
	struct event event = { .kind = EVENT_EPOCH_STARTED };

	open_anew(city);
	city->block.header.epoch = city->ledger.epoch + 1;
	event.epoch_started.node = slice_of(city->uri, city->uri_size);
	check(ledger_apply_event(&city->ledger, &event,
				 (struct hash128){ 0 }) == APPLY_OK);
	block_add_event(&city->block, &event);
	store_block(city, &city->block);
	city->block_open = false;
	city->store.acknowledged = city->store.count;
}

/* (rule PEER-22); some operators do not wait. */
static void rejoin(struct sim_city *city)
{
	struct recorder recorder;
	bool opened = sim_city_open(city, 0, 2, 0, &recorder);

	check(opened);
	record_rejoined(&recorder, slice_of(city->uri, city->uri_size),
			slice_from_text("restored"),
			!sim_chance(&city->sim->random, 300));
}

static void replace_key(struct sim_city *city)
{
	if (city->sim->plan.keys_rotate && city->key_number < 3 &&
	    sim_chance(&city->sim->random, 300))
		city->key_number++;
	snprintf((char *)city->key_id, sizeof(city->key_id), "k%u",
		 city->key_number % 10);
}

void sim_city_start(struct sim_city *city)
{
	struct sim *sim = city->sim;

	start_ledger(city);
	city->run++;
	city->node_us = 0;
	city->turn_at_us = 0;
	city->block_open = city->flush_due = city->commit_due = false;
	city->stalled = false;
	city->engine_on_payment = NULL;
	sim_check_forget(city);
	city->ledger.links.options.on_payment = on_payment;
	city->ledger.links.options.context = city;
	sim_city_replay(city, &city->ledger, true);
	replace_key(city);
	begin_epoch(city);
	if (city->restoring)
		rejoin(city);
	start_engine(city);
	city->up = true;
	sim_check_replayed(city);
	sim_say(sim, "%.*s starts, block %" PRIu64, (int)city->name.size,
		(const char *)city->name.data, sim_city_durable(city));
	sim_net_begin(city);
	sim_city_turn(city);
}

void sim_city_crash(struct sim_city *city, uint32_t cut)
{
	struct sim *sim = city->sim;
	uint32_t landed =
		(uint32_t)sim_random_below(&sim->random, in_flight(city) + 1);

	sim_check_forget(city);
	sim_say(sim, "%.*s crashes: %u of %u blocks in flight landed, %u lost",
		(int)city->name.size, (const char *)city->name.data, landed,
		in_flight(city), cut);
	for (uint32_t i = 0; i < city->waiting_count; i++)
		free(city->waiting[i].message);
	city->waiting_count = 0;
	city->up = false;
	city->block_open = false;
	sim_store_cut(&city->store, city->store.acknowledged + landed - cut);
	city->store.acknowledged = city->store.count;
	sim_net_gone(city);
}

static void found_block(struct sim_city *city)
{
	struct event_genesis genesis = {
		.federation = SLICE("f"),
		.city = city->name,
		.unit = SLICE("credit"),
		.decimals = 2,
		.format = 1,
	};
	struct apply_fault fault;

	sim_crypto_key(city->number, 1, genesis.node_key);
	block_init(&city->block, city->block_memory, 1);
	record_genesis(&city->block, &genesis);
	city->block.header.created_us = city->sim->now_us;
	check(ledger_apply_block(&city->ledger, &city->block, city->effects,
				 &fault) == APPLY_OK);
	store_block(city, &city->block);
	city->store.acknowledged = 1;
}

/* The node's and a gateway's identities. */
static void name_city(struct sim_city *city)
{
	int size = (int)city->name.size;
	const char *name = (const char *)city->name.data;

	city->uri_size =
		(uint32_t)snprintf((char *)city->uri, sizeof(city->uri),
				   "spiffe://f/city/%.*s", size, name);
	city->gateway_size = (uint32_t)snprintf(
		(char *)city->gateway, sizeof(city->gateway),
		"spiffe://f/city/%.*s/gateway/till", size, name);
}

void sim_city_found(struct sim *sim, uint32_t number)
{
	struct sim_city *city = &sim->cities[number];

	if (city->block_memory == NULL) {
		city->block_memory =
			aligned_alloc(16, (block_memory_size() + 15) / 16 * 16);
		city->effects =
			calloc(BLOCK_ENTRIES_MAX, sizeof(*city->effects));
		check(city->block_memory != NULL && city->effects != NULL);
	}
	city->sim = sim;
	city->number = number;
	city->up = false;
	city->run = 0;
	city->clock_us = 0;
	city->node_us = 0;
	city->key_number = 1;
	city->roster_version = 1;
	city->gone_version = 0;
	city->restored_ever = city->restoring = false;
	city->backup = 0;
	memset(city->excused, 0, sizeof(city->excused));
	memset(city->connected, 0, sizeof(city->connected));
	memset(city->connecting, 0, sizeof(city->connecting));
	name_city(city);
	start_ledger(city);
	found_block(city);
}

void sim_city_free(struct sim_city *city)
{
	sim_store_free(&city->store);
	if (city->ledger_memory != NULL)
		munmap(city->ledger_memory, city->ledger_size);
	if (city->peer_memory != NULL)
		munmap(city->peer_memory, city->peer_size);
	free(city->block_memory);
	free(city->effects);
	free(city->waiting);
}

static bool link_is_idle(const struct sim_city *city, uint32_t number)
{
	const struct link *link = links_at(&city->ledger.links, number);
	const struct peer_session *session =
		peer_session_of(&city->peer, number);

	if (session->state == PEER_GONE)
		return link->gone;
	/* A liar may hinder what it likes: that is its own loss. */
	if (sim_city_of(city->sim, link_city(link)) == city->sim->plan.liar)
		return true;
	return session->state == PEER_RECONCILED && session->caught_up &&
	       !session->hello_wanted && !session->hello_flying &&
	       session->acknowledged == link->out.seq && link->open_count == 0;
}

bool sim_city_is_idle(const struct sim_city *city)
{
	const struct links *links = &city->ledger.links;

	if (in_flight(city) > 0 || city->waiting_count > 0 ||
	    (city->block_open && !block_is_empty(&city->block)))
		return false;
	if (city->number == city->sim->plan.liar)
		return true;
	for (uint32_t i = 1; i <= links->link_count; i++) {
		if (!link_is_idle(city, i))
			return false;
	}
	return sim_check_nothing_open(city);
}
