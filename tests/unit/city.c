/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/city.h"

#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"
#include "unit/support.h"

static const struct ledger_options small = {
	.accounts_max = 64,
	.holds_max = 64,
	.actors_max = 8,
	.ids_max = 4096,
	.id_window_us = ID_WINDOW_US_DEFAULT,
	.key = { 1, 2 },
};

void city_sha256(struct slice bytes, uint8_t out[SHA256_SIZE])
{
	for (uint64_t i = 0; i < SHA256_SIZE / 16; i++) {
		struct hash128 hash =
			siphash128((struct siphash_key){ i, 7 }, bytes);

		memcpy(out + 16 * i, &hash, sizeof(hash));
	}
}

static void fill_bytes(uint8_t *bytes, size_t size)
{
	memset(bytes, 0x5a, size);
}

static void *zeroed(size_t size)
{
	void *memory = aligned_alloc(16, (size + 15) / 16 * 16);

	assert_non_null(memory);
	memset(memory, 0, size);
	return memory;
}

static void open_block(struct city *city)
{
	block_init(&city->block, city->block_memory, city->ledger.next_number);
	city->block.header.seq = city->ledger.next_seq;
	city->block.header.epoch = 1;
	city->block.header.created_us = city->now_us;
}

static void apply_genesis(struct city *city)
{
	struct event_genesis genesis = {
		.federation = SLICE("f"),
		.city = SLICE("demo"),
		.unit = SLICE("credit"),
		.decimals = 2,
		.format = 1,
	};
	struct apply_fault fault;

	block_init(&city->block, city->block_memory, 1);
	record_genesis(&city->block, &genesis);
	assert_int_equal(ledger_apply_block(&city->ledger, &city->block,
					    city->effects, &fault),
			 APPLY_OK);
	ledger_block_done(&city->ledger,
			  &(struct block_header){ .created_us = city->now_us });
}

struct city *city_create_sized(const struct ledger_options *options)
{
	struct city *city = calloc(1, sizeof(*city));

	assert_non_null(city);
	city->now_us = CITY_NOW_US;
	city->ledger_memory = zeroed(ledger_memory_size(options));
	city->block_memory = zeroed(block_memory_size());
	city->effects = calloc(BLOCK_ENTRIES_MAX, sizeof(*city->effects));
	assert_non_null(city->effects);
	ledger_init(&city->ledger, options, city->ledger_memory);
	apply_genesis(city);
	open_block(city);
	city->recorder = (struct recorder){
		.ledger = &city->ledger,
		.block = &city->block,
		.effects = city->effects,
		.sha256 = city_sha256,
		.random_fill = fill_bytes,
	};
	city->gateway = (struct caller){
		.uri = SLICE("spiffe://f/city/demo/gateway/till/person/ann"),
		.base = SLICE("spiffe://f/city/demo/gateway/till"),
	};
	return city;
}

struct city *city_create(void)
{
	return city_create_sized(&small);
}

void city_free(struct city *city)
{
	free(city->effects);
	free(city->block_memory);
	free(city->ledger_memory);
	free(city);
}

struct slice city_turn_block(struct city *city, struct block_header *header)
{
	uint8_t *payload = malloc(BLOCK_PAYLOAD_SIZE_MAX);
	struct buffer out;

	assert_non_null(payload);
	buffer_init(&out, payload, BLOCK_PAYLOAD_SIZE_MAX);
	block_encode(&city->block, &out);
	assert_false(out.overflowed);
	*header = city->block.header;
	ledger_block_done(&city->ledger, header);
	open_block(city);
	return buffer_view(&out);
}

struct slice city_id_at(struct city *city, uint64_t time_us)
{
	uint8_t random[ID_TAIL_SIZE] = { 0 };
	uint32_t n = city->ids_made++;
	struct id id;

	memcpy(random + 4, &n, sizeof(n));
	id = id_make(time_us, random);
	memcpy(city->id_bytes[n % COUNT_OF(city->id_bytes)], id.bytes, ID_SIZE);
	return slice_of(city->id_bytes[n % COUNT_OF(city->id_bytes)], ID_SIZE);
}

struct slice city_id(struct city *city)
{
	return city_id_at(city, city->now_us);
}

uint32_t city_open(struct city *city, const char *address, int64_t limit_minor,
		   int64_t ceiling_minor)
{
	struct open_account_command command = {
		.id = city_id(city),
		.address = slice_from_text(address),
		.credit_limit_minor = limit_minor,
		.balance_ceiling_minor = ceiling_minor,
		.gateway_allowed = true,
	};
	struct answer answer;

	record_open_account(&city->recorder, &command, &city->gateway,
			    city->now_us, &answer);
	assert_int_equal(answer.refusal, 0);
	return (uint32_t)answer.number;
}

struct transfer_command city_transfer(struct city *city, uint64_t debit,
				      uint64_t credit, int64_t amount_minor)
{
	return (struct transfer_command){
		.id = city_id(city),
		.debit = { .id = debit },
		.credit = { .id = credit },
		.amount_minor = amount_minor,
	};
}

uint32_t city_post(struct city *city, const struct transfer_command *command)
{
	struct answer answer;

	record_transfers(&city->recorder, command, 1, &city->gateway,
			 city->now_us, &answer);
	return answer.refusal;
}

int64_t city_balance(const struct city *city, uint32_t account)
{
	const struct account *found = ledger_account(&city->ledger, account);

	assert_non_null(found);
	return money_minor(account_balance(found));
}

int64_t city_sum(const struct city *city)
{
	int64_t sum = 0;

	for (uint32_t id = 1; id <= city->ledger.account_count; id++)
		sum += city_balance(city, id);
	return sum;
}

void city_expect_same(const struct ledger *a, const struct ledger *b)
{
	assert_int_equal(a->account_count, b->account_count);
	assert_memory_equal(a->accounts, b->accounts,
			    a->account_count * sizeof(*a->accounts));
	assert_int_equal(a->actor_count, b->actor_count);
	assert_memory_equal(a->actors, b->actors,
			    a->actor_count * sizeof(*a->actors));
	assert_int_equal(a->hold_count, b->hold_count);
	for (uint32_t i = 0; i < a->hold_count; i++) {
		const struct hold *hold = &a->holds[a->heap[i]];
		const struct hold *other = ledger_hold(b, &hold->id);

		assert_non_null(other);
		assert_int_equal(hold->number, other->number);
		assert_int_equal(money_minor(hold->amount),
				 money_minor(other->amount));
	}
	assert_int_equal(a->next_number, b->next_number);
	assert_int_equal(a->next_seq, b->next_seq);
	assert_int_equal(a->time_us, b->time_us);
	assert_true(a->credit_issued_minor == b->credit_issued_minor);
	assert_int_equal(idwindow_count(&a->ids), idwindow_count(&b->ids));
}
