/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/towns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/city.h"
#include "unit/support.h"

static const char *const names[TOWNS_MAX] = { "alpha", "beta", "gamma",
					      "delta" };

static const struct ledger_options limits = {
	.accounts_max = 32,
	.holds_max = 64,
	.actors_max = 16,
	.ids_max = 4096,
	.id_window_us = ID_WINDOW_US_DEFAULT,
	.key = { 1, 2 },
	.links_max = 4,
	.payments_max = 64,
	.sha256 = city_sha256,
};

static void fill_bytes(uint8_t *bytes, size_t size)
{
	static uint64_t next;

	for (size_t i = 0; i < size; i++)
		bytes[i] =
			(uint8_t)(++next * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(16, (size + 15) / 16 * 16);

	assert_non_null(memory);
	memset(memory, 0, size);
	return memory;
}

void town_key(uint32_t number, uint8_t key[NODE_KEY_SIZE])
{
	memset(key, 'k', NODE_KEY_SIZE);
	memcpy(key, &number, sizeof(number));
}

static void sign_with(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		      uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	struct siphash_key secret;
	struct hash128 hash;

	memcpy(&secret, key, sizeof(secret));
	hash = siphash128(secret, bytes);
	for (size_t i = 0; i < LINKLOG_SIGNATURE_SIZE; i += sizeof(hash))
		memcpy(signature + i, &hash, sizeof(hash));
}

/* The key that counts now. */
static uint32_t key_number(const struct towns *towns, uint32_t number)
{
	return towns->revoked[number] ? number + TOWNS_MAX : number;
}

static struct slice key_id_of(const struct towns *towns, uint32_t number)
{
	return towns->revoked[number] ? SLICE("k2") : SLICE("k1");
}

static void sign(void *context, struct slice bytes,
		 uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	const struct town *town = context;
	uint8_t key[NODE_KEY_SIZE];

	town_key(key_number(town->towns, town->number), key);
	sign_with(key, bytes, signature);
}

static bool verify(const uint8_t key[NODE_KEY_SIZE], struct slice bytes,
		   const uint8_t signature[LINKLOG_SIGNATURE_SIZE])
{
	uint8_t expected[LINKLOG_SIGNATURE_SIZE];

	sign_with(key, bytes, expected);
	return memcmp(expected, signature, sizeof(expected)) == 0;
}

static uint32_t number_of(const struct towns *towns, struct slice name)
{
	uint32_t i = 0;

	while (i < towns->count && !slice_equal(towns->town[i].name, name))
		i++;
	return i;
}

static uint64_t version(void *context)
{
	return ((const struct town *)context)->roster_version;
}

static bool neighbour(void *context, uint32_t index, struct slice *city)
{
	const struct town *town = context;
	uint32_t first = town->number > 0 ? town->number - 1 : 1;
	uint32_t at = index == 0 ? first : town->number + 1;

	if (index > 1 || at >= town->towns->count ||
	    (index == 1 && town->number == 0))
		return false;
	*city = town->towns->town[at].name;
	return true;
}

static bool find_key(void *context, struct slice city, struct slice key_id,
		     uint8_t key[NODE_KEY_SIZE])
{
	const struct town *town = context;
	uint32_t number = number_of(town->towns, city);

	if (number >= town->towns->count)
		return false;
	town_key(key_number(town->towns, number), key);
	return slice_equal(key_id, key_id_of(town->towns, number));
}

static bool find_any_key(void *context, struct slice city, struct slice key_id,
			 uint8_t key[NODE_KEY_SIZE])
{
	const struct town *town = context;
	uint32_t number = number_of(town->towns, city);

	if (find_key(context, city, key_id, key))
		return true;
	town_key(number, key);
	return number < town->towns->count && slice_equal(key_id, SLICE("k1"));
}

static bool known(void *context, struct slice city)
{
	const struct town *town = context;

	return number_of(town->towns, city) < town->towns->count;
}

static bool gone(void *context, struct slice city)
{
	const struct town *town = context;
	uint32_t number = number_of(town->towns, city);

	return number < town->towns->count && town->towns->is_gone[number];
}

static uint32_t in_flight_per_mille(void *context, struct slice city)
{
	(void)context;
	(void)city;
	return 500;
}

static uint64_t line_minor(void *context, struct slice city)
{
	(void)city;
	return ((const struct town *)context)->line;
}

/* They stand in a row: there is one way. */
static uint32_t route(void *context, struct slice city, uint64_t amount_minor,
		      const struct peer_hop *excluded, uint32_t excluded_count,
		      struct slice path[LINKLOG_PATH_MAX])
{
	const struct town *town = context;
	uint32_t at = town->number, to = number_of(town->towns, city);
	uint32_t count = 0;

	(void)amount_minor;
	(void)excluded;
	if (to == town->towns->count || excluded_count > 0)
		return 0;
	path[count++] = town->name;
	while (at != to) {
		at = at < to ? at + 1 : at - 1;
		path[count++] = town->towns->town[at].name;
	}
	return count;
}

static void keep(struct town_bytes *kept, struct slice bytes)
{
	kept->data = malloc(bytes.size);
	assert_non_null(kept->data);
	memcpy(kept->data, bytes.data, bytes.size);
	kept->size = bytes.size;
}

static void keep_batch(struct town *town, const struct event_link *event,
		       bool own)
{
	struct town_bytes *kept = &town->batches[town->batch_count++];
	struct link_batch batch;
	struct link_header header;

	assert_true(town->batch_count <= TOWN_BATCHES_MAX);
	assert_int_equal(linklog_batch(event->batch, &batch), LINKLOG_OK);
	assert_int_equal(linklog_header(batch.header, &header), LINKLOG_OK);
	keep(kept, event->batch);
	kept->link = event->link;
	kept->own = own;
	kept->first_seq = header.first_seq;
}

static void withdraw(struct town *town, const struct event_link *event)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < town->batch_count; i++) {
		struct town_bytes *batch = &town->batches[i];

		if (batch->own && batch->link == event->link &&
		    batch->first_seq > event->seq)
			free(batch->data);
		else
			town->batches[kept++] = *batch;
	}
	town->batch_count = kept;
}

static void follow(struct town *town, const struct block *block)
{
	for (uint32_t i = 0; i < block->event_count; i++) {
		const struct event *event = &block->events[i];

		if (event->kind == EVENT_LINK_BATCH_SEALED ||
		    event->kind == EVENT_LINK_BATCH_ADOPTED)
			keep_batch(town, &event->link, true);
		if (event->kind == EVENT_LINK_BATCH_TAKEN)
			keep_batch(town, &event->link, false);
		if (event->kind == EVENT_LINK_WITHDRAWN)
			withdraw(town, &event->link);
	}
}

static void store_block(struct town *town)
{
	static uint8_t payload[BLOCK_PAYLOAD_SIZE_MAX];
	struct town_bytes *kept = &town->blocks[town->block_count++];
	struct buffer out;

	assert_true(town->block_count <= TOWN_BLOCKS_MAX);
	buffer_init(&out, payload, sizeof(payload));
	block_encode(&town->block, &out);
	assert_false(out.overflowed);
	keep(kept, buffer_view(&out));
	kept->created_us = town->block.header.created_us;
	follow(town, &town->block);
	ledger_block_done(&town->ledger, &town->block.header);
	town->block_open = false;
}

static void close_block(struct town *town)
{
	if (!town->block_open || block_is_empty(&town->block))
		return;
	peer_seal(&town->peer, &town->block);
	store_block(town);
	peer_durable(&town->peer, town->ledger.next_seq - 1);
}

static void open_block(struct town *town)
{
	block_init(&town->block, town->block_memory, town->ledger.next_number);
	town->block.header.seq = town->ledger.next_seq;
	town->block.header.epoch = 1;
	town->block.header.created_us = town->towns->now_us;
	town->block_open = true;
}

static bool open_for_engine(void *context, uint32_t entries, uint32_t events,
			    size_t bytes, struct recorder *out)
{
	struct town *town = context;

	if (town->full)
		return false;
	if (town->block_open &&
	    !block_has_room_for(&town->block, entries, events, bytes))
		close_block(town);
	*out = town_open(town);
	return block_has_room_for(&town->block, entries, events, bytes);
}

struct recorder town_open(struct town *town)
{
	if (!town->block_open)
		open_block(town);
	return (struct recorder){
		.ledger = &town->ledger,
		.block = &town->block,
		.effects = town->effects,
		.sha256 = city_sha256,
		.random_fill = fill_bytes,
	};
}

static void on_sealed(void *context, uint32_t link, uint64_t first_seq,
		      uint64_t last_seq, struct slice batch)
{
	(void)context;
	assert_true(link > 0 && first_seq <= last_seq && batch.size > 0);
}

static void on_withdrawn(void *context, uint32_t link, uint64_t to)
{
	struct town *town = context;

	assert_true(to < town->withdrawn_to[link - 1]);
	town->withdrawn_to[link - 1] = to;
}

static void on_outcome(void *context, const struct peer_outcome *outcome)
{
	struct town *town = context;

	assert_true(town->outcome_count < TOWN_OUTCOMES_MAX);
	town->outcomes[town->outcome_count++] = *outcome;
}

static void on_alarm(void *context, struct slice city, const char *what)
{
	struct town *town = context;

	assert_true(city.size > 0 && what != NULL);
	town->alarms++;
}

static void on_fork(void *context, struct slice city,
		    const struct link_batch *batch)
{
	struct town *town = context;
	struct link_header header;

	assert_int_equal(linklog_header(batch->header, &header), LINKLOG_OK);
	assert_true(slice_equal(header.author, city));
	assert_int_equal(batch->signature.size, LINKLOG_SIGNATURE_SIZE);
	town->forks++;
}

static void start_engine(struct town *town)
{
	struct peer_options options = {
		.uri = slice_of(town->uri, town->uri_size),
		.key_id = key_id_of(town->towns, town->number),
		.directory = { .context = town,
			       .version = version,
			       .neighbour = neighbour,
			       .key = find_key,
			       .any_key = find_any_key,
			       .known = known,
			       .gone = gone,
			       .in_flight_per_mille = in_flight_per_mille,
			       .line_minor = line_minor,
			       .route = route },
		.sha256 = city_sha256,
		.verify = verify,
		.sign = sign,
		.random_fill = fill_bytes,
		.open_block = open_for_engine,
		.on_sealed = on_sealed,
		.on_withdrawn = on_withdrawn,
		.on_outcome = on_outcome,
		.on_alarm = on_alarm,
		.on_fork = on_fork,
		.context = town,
	};

	memset(town->withdrawn_to, UINT8_MAX, sizeof(town->withdrawn_to));
	free(town->peer_memory);
	town->peer_memory = zeroed(peer_memory_size(&town->ledger));
	peer_init(&town->peer, &town->ledger, &options, town->peer_memory);
}

static void start_ledger(struct town *town)
{
	free(town->ledger_memory);
	town->ledger_memory = zeroed(ledger_memory_size(&limits));
	ledger_init(&town->ledger, &limits, town->ledger_memory);
}

static void found(struct town *town)
{
	struct event_genesis genesis = { .federation = SLICE("f"),
					 .city = town->name,
					 .unit = SLICE("credit"),
					 .decimals = 2,
					 .format = 1 };
	struct apply_fault fault;

	block_init(&town->block, town->block_memory, 1);
	record_genesis(&town->block, &genesis);
	town->block.header =
		(struct block_header){ .created_us = town->towns->now_us };
	assert_int_equal(ledger_apply_block(&town->ledger, &town->block,
					    town->effects, &fault),
			 APPLY_OK);
	store_block(town);
}

static void open_coop(struct town *town, uint32_t number)
{
	struct recorder recorder = town_open(town);
	struct caller caller = town_caller(town);
	struct answer answer;
	char address[64];

	snprintf(address, sizeof(address), "c%u@%s", number,
		 names[town->number]);
	record_open_account(&recorder,
			    &(struct open_account_command){
				    .id = town_id(town->towns),
				    .address = slice_from_text(address),
				    .credit_limit_minor = 100000,
				    .balance_ceiling_minor = 500000,
				    .gateway_allowed = true,
			    },
			    &caller, town->towns->now_us, &answer);
	assert_int_equal(answer.refusal, 0);
}

static void create(struct towns *towns, uint32_t number, uint32_t line)
{
	struct town *town = &towns->town[number];

	town->towns = towns;
	town->number = number;
	town->line = line;
	town->roster_version = 1;
	town->uri_size =
		(uint32_t)snprintf((char *)town->uri, sizeof(town->uri),
				   "spiffe://f/city/%s", names[number]);
	town->block_memory = zeroed(block_memory_size());
	town->effects = calloc(BLOCK_ENTRIES_MAX, sizeof(*town->effects));
	assert_non_null(town->effects);
	start_ledger(town);
	found(town);
	start_engine(town);
	open_coop(town, 0);
	open_coop(town, 1);
	town_turn(town);
}

struct towns *towns_create_with(uint32_t count, uint32_t line)
{
	struct towns *towns = calloc(1, sizeof(*towns));

	assert_non_null(towns);
	assert_true(count >= 2 && count <= TOWNS_MAX);
	towns->count = count;
	towns->now_us = TOWNS_NOW_US;
	for (uint32_t i = 0; i < count; i++)
		towns->town[i].name = slice_from_text(names[i]);
	for (uint32_t i = 0; i < count; i++)
		create(towns, i, line);
	towns_run(towns);
	return towns;
}

struct towns *towns_create(uint32_t count)
{
	return towns_create_with(count, 100000);
}

void towns_free(struct towns *towns)
{
	for (uint32_t i = 0; i < towns->count; i++) {
		struct town *town = &towns->town[i];

		for (uint32_t j = 0; j < town->block_count; j++)
			free(town->blocks[j].data);
		for (uint32_t j = 0; j < town->batch_count; j++)
			free(town->batches[j].data);
		free(town->effects);
		free(town->block_memory);
		free(town->ledger_memory);
		free(town->peer_memory);
	}
	free(towns);
}

void towns_lose(struct towns *towns, uint32_t number)
{
	towns->is_lost[number] = true;
	for (uint32_t i = 0; i < towns->count; i++)
		towns->cut[i][number] = towns->cut[number][i] = true;
}

void towns_mark_gone(struct towns *towns, uint32_t number)
{
	towns->is_gone[number] = true;
	for (uint32_t i = 0; i < towns->count; i++) {
		struct town *town = &towns->town[i];

		if (towns->is_lost[i])
			continue;
		town->roster_version++;
		peer_set_directory(&town->peer, &town->peer.options.directory);
	}
}

void towns_revoke(struct towns *towns, uint32_t number)
{
	towns->revoked[number] = true;
	towns->town[number].peer.options.key_id = key_id_of(towns, number);
	for (uint32_t i = 0; i < towns->count; i++) {
		struct town *town = &towns->town[i];

		town->roster_version++;
		peer_set_directory(&town->peer, &town->peer.options.directory);
	}
}

void town_turn(struct town *town)
{
	peer_turn(&town->peer, town->towns->now_us);
	close_block(town);
}

static void replay(struct town *town)
{
	uint8_t *memory = malloc(BLOCK_DECODE_MEMORY_MAX);
	struct block_fault where;
	struct apply_fault fault;
	struct arena arena;

	assert_non_null(memory);
	for (uint32_t i = 0; i < town->block_count; i++) {
		const struct town_bytes *kept = &town->blocks[i];
		struct block block = { .header = { .seq = i,
						   .epoch = 1,
						   .created_us =
							   kept->created_us } };

		arena_init(&arena, memory, BLOCK_DECODE_MEMORY_MAX);
		assert_int_equal(block_decode(slice_of(kept->data, kept->size),
					      kept->created_us, &arena, &block,
					      &where),
				 BLOCK_DECODED);
		assert_int_equal(ledger_apply_block(&town->ledger, &block,
						    town->effects, &fault),
				 APPLY_OK);
		follow(town, &block);
		ledger_block_done(&town->ledger, &block.header);
	}
	free(memory);
}

void town_rejoin(struct town *town, bool closed)
{
	struct recorder recorder;

	assert_true(open_for_engine(town, 0, 2, 0, &recorder));
	record_rejoined(&recorder, slice_of(town->uri, town->uri_size),
			SLICE("restored"), closed);
}

void town_restart(struct town *town, uint32_t blocks)
{
	bool restored = blocks > 0 && blocks < town->block_count;

	while (restored && town->block_count > blocks)
		free(town->blocks[--town->block_count].data);
	for (uint32_t i = 0; i < town->batch_count; i++)
		free(town->batches[i].data);
	town->batch_count = 0;
	town->outcome_count = 0;
	town->block_open = false;
	start_ledger(town);
	replay(town);
	if (restored && !town->towns->unordered)
		town_rejoin(town, true);
	start_engine(town);
}

struct link *town_link(struct town *town, const struct town *other)
{
	struct link *link = links_of(&town->ledger.links, other->name);

	assert_non_null(link);
	return link;
}

const struct peer_session *town_session(struct town *town,
					const struct town *other)
{
	return peer_session_of(&town->peer, town_link(town, other)->number);
}

const struct account *town_account(const struct town *town, uint32_t number)
{
	uint8_t local[2] = { 'c', (uint8_t)('0' + number) };
	const struct account *account =
		ledger_account_at(&town->ledger, slice_of(local, 2));

	assert_non_null(account);
	return account;
}

int64_t town_balance(const struct town *town, uint32_t number)
{
	return money_minor(account_balance(town_account(town, number)));
}

int64_t town_position(struct town *town, const struct town *other)
{
	const struct account *account =
		ledger_account(&town->ledger, town_link(town, other)->account);

	assert_non_null(account);
	return money_minor(account_balance(account));
}

struct slice town_id(struct towns *towns)
{
	uint32_t n = towns->ids_made++;
	uint8_t random[ID_TAIL_SIZE] = { 0 };
	struct id id;

	memcpy(random + 4, &n, sizeof(n));
	id = id_make(towns->now_us, random);
	memcpy(towns->id_bytes[n % COUNT_OF(towns->id_bytes)], id.bytes,
	       ID_SIZE);
	return slice_of(towns->id_bytes[n % COUNT_OF(towns->id_bytes)],
			ID_SIZE);
}

struct caller town_caller(const struct town *town)
{
	(void)town;
	return (struct caller){
		.uri = SLICE("spiffe://f/city/x/gateway/till"),
		.base = SLICE("spiffe://f/city/x/gateway/till"),
	};
}

uint32_t town_pay(struct town *town, const char *payee, int64_t amount_minor,
		  struct slice id)
{
	struct pay_command command = {
		.id = id,
		.payer = { .id = town_account(town, 0)->id },
		.payee = slice_from_text(payee),
		.amount_minor = amount_minor,
	};
	struct caller caller = town_caller(town);
	struct answer answer;

	peer_pay(&town->peer, &command, &caller, town->towns->now_us, &answer);
	return answer.refusal;
}

uint32_t town_command(struct town *town, enum link_command_kind kind,
		      const struct town *other, int64_t line_minor_wanted)
{
	struct link_command command = {
		.id = town_id(town->towns),
		.city = other->name,
		.reason = SLICE("the council said so"),
		.line_minor = line_minor_wanted,
		.confirmed = true,
	};
	struct caller caller = town_caller(town);
	struct answer answer;

	peer_command(&town->peer, kind, &command, &caller, town->towns->now_us,
		     &answer);
	return answer.refusal;
}

const struct peer_outcome *town_outcome(const struct town *town,
					struct slice id)
{
	for (uint32_t i = 0; i < town->outcome_count; i++) {
		if (memcmp(town->outcomes[i].parent.bytes, id.data, ID_SIZE) ==
		    0)
			return &town->outcomes[i];
	}
	return NULL;
}
