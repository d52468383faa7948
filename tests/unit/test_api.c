/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * The api over a real core and a store that does only what a test says: one
 * open block that "commits" when told, and reads answered by hand.
 */
#include "api/api.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "store/projector.h"
#include "unit/city.h"
#include "unit/support.h"
#include "wire/json.h"
#include "wire/messages.h"

#define CALLS_MAX 16
#define ARENA_SIZE ((size_t)256 << 10)

/* ---- the store */

struct journal {
	struct city *city;
	uint64_t acknowledged;
	bool full;
};

struct projector {
	uint32_t lag;
};

struct reader {
	struct read_query query;
	read_done *done;
	void *user;
	uint32_t submitted;
	bool full;
};

struct block *journal_open_for(struct journal *journal,
			       const struct journal_room *room, uint64_t now_us,
			       struct effect **effects)
{
	struct city *city = journal->city;

	*effects = city->effects;
	if (block_is_empty(&city->block))
		city->block.header.created_us = now_us;
	if (journal->full || !block_has_room_for(&city->block, room->entries,
						 room->events, room->bytes))
		return NULL;
	return &city->block;
}

struct block *journal_open(struct journal *journal, uint32_t entries,
			   uint32_t events, uint64_t now_us,
			   struct effect **effects)
{
	const struct journal_room room = { entries, events, 0 };

	return journal_open_for(journal, &room, now_us, effects);
}

uint64_t journal_newest(const struct journal *journal)
{
	const struct block *block = &journal->city->block;

	return block_is_empty(block) ? block->header.seq - 1
				     : block->header.seq;
}

uint64_t journal_acknowledged(const struct journal *journal)
{
	return journal->acknowledged;
}

uint32_t projector_lag(const struct projector *projector)
{
	return projector->lag;
}

void projector_hurry(struct projector *projector, uint64_t seq)
{
	(void)projector;
	(void)seq;
}

uint64_t projector_position(const struct projector *projector)
{
	(void)projector;
	return 0;
}

bool reader_submit(struct reader *reader, const struct read_query *query,
		   read_done *done, void *user)
{
	if (reader->full)
		return false;
	reader->query = *query;
	reader->done = done;
	reader->user = user;
	reader->submitted++;
	return true;
}

void reader_collect(struct reader *reader, uint64_t projected, uint64_t now_us)
{
	(void)reader;
	(void)projected;
	(void)now_us;
}

const char *connect_schema_version(void)
{
	return "1";
}

/* ---- a node around the api */

struct reply {
	bool given;
	uint32_t code;
	char reason[32];
	json_t *document;
};

struct stage {
	struct city *city;
	struct journal journal;
	struct projector projector;
	struct reader reader;
	struct api *api;
	struct api_call calls[CALLS_MAX];
	struct identity callers[CALLS_MAX];
	struct reply replies[CALLS_MAX];
	uint8_t *memory[CALLS_MAX];
	uint8_t *more[CALLS_MAX];
	uint8_t *messages[CALLS_MAX];
	uint32_t call_count;
};

static void on_reply(void *context, struct api_call *call)
{
	struct stage *stage = context;
	struct reply *reply = &stage->replies[call - stage->calls];
	struct error_view view;

	assert_false(reply->given);
	reply->given = true;
	reply->code = call->status.code;
	if (call->status.code == GRPC_OK) {
		reply->document = json_from_response(call->method,
						     buffer_view(&call->reply));
		assert_non_null(reply->document);
		return;
	}
	assert_true(decode_error_details(call->status.details, &view));
	assert_true(view.reason.size < sizeof(reply->reason));
	memcpy(reply->reason, view.reason.data, view.reason.size);
}

static bool on_more_memory(void *context, struct api_call *call)
{
	struct stage *stage = context;
	uint8_t **more = &stage->more[call - stage->calls];

	if (*more != NULL)
		return false;
	*more = malloc(2 * ARENA_SIZE);
	assert_non_null(*more);
	arena_init(&call->arena, *more, ARENA_SIZE);
	buffer_init(&call->reply, *more + ARENA_SIZE, ARENA_SIZE);
	return true;
}

static void random_fill(uint8_t *bytes, size_t size)
{
	memset(bytes, 0x5a, size);
}

static struct api_options options_of(struct stage *stage)
{
	return (struct api_options){
		.batch_max = 3,
		.projector_lag_max_blocks = 10,
		.operator_limit_max_minor = 500,
		.message_max_bytes = 1 << 20,
		.version = "test",
		.on_reply = on_reply,
		.on_more_memory = on_more_memory,
		.context = stage,
	};
}

/* Everything so far is durable. */
static void commit(struct stage *stage)
{
	struct block_header header;

	if (!block_is_empty(&stage->city->block)) {
		free((void *)(uintptr_t)city_turn_block(stage->city, &header)
			     .data);
		stage->journal.acknowledged = header.seq;
	}
	api_acknowledged(stage->api, stage->journal.acknowledged);
}

static int begin(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct api_options options = options_of(stage);

	stage->city = city_create();
	stage->journal.city = stage->city;
	stage->api = api_create(&options);
	assert_non_null(stage->api);
	api_serve(stage->api, &stage->city->ledger, &stage->journal,
		  &stage->reader, &stage->projector, city_sha256, random_fill);
	api_set_state(stage->api, NODE_SERVING);
	city_open(stage->city, "m1@demo", 1000, 1000); /* account 3 */
	city_open(stage->city, "m2@demo", 1000, 1000); /* account 4 */
	commit(stage);
	*state = stage;
	return 0;
}

static int end(void **state)
{
	struct stage *stage = *state;

	for (uint32_t i = 0; i < stage->call_count; i++) {
		assert_true(stage->replies[i].given);
		json_decref(stage->replies[i].document);
		free(stage->memory[i]);
		free(stage->more[i]);
		free(stage->messages[i]);
	}
	assert_int_equal(api_pending(stage->api), 0);
	api_free(stage->api);
	city_free(stage->city);
	free(stage);
	return 0;
}

/* Ask with these message bytes; the number of the call. */
static uint32_t ask_bytes(struct stage *stage, const char *role, enum rpc rpc,
			  struct slice message)
{
	uint32_t number = stage->call_count++;
	struct api_call *call = &stage->calls[number];
	static char uris[CALLS_MAX][80];

	assert_true(number < CALLS_MAX);
	snprintf(uris[number], sizeof(uris[number]), "spiffe://f/city/demo/%s",
		 role);
	assert_true(identity_parse(slice_from_text(uris[number]),
				   &stage->callers[number]));
	stage->memory[number] = malloc(2 * ARENA_SIZE);
	assert_non_null(stage->memory[number]);
	call->method = rpc_method_at(rpc);
	call->caller = &stage->callers[number];
	call->message = message;
	arena_init(&call->arena, stage->memory[number], ARENA_SIZE);
	/* Small, so that larger answers ask for more. */
	buffer_init(&call->reply, stage->memory[number] + ARENA_SIZE, 256);
	api_handle(stage->api, call, stage->city->now_us);
	return number;
}

/* Ask with the request that @document is, which is taken. */
static uint32_t ask(struct stage *stage, const char *role, enum rpc rpc,
		    json_t *document)
{
	char error[JSON_ERROR_SIZE] = "";
	uint8_t *bytes = NULL;
	uint32_t number;
	size_t size = 0;

	if (document == NULL || !json_to_request(rpc_method_at(rpc), document,
						 &bytes, &size, error))
		fail_msg("request: %s", error);
	json_decref(document);
	stage->messages[stage->call_count] = bytes;
	number = ask_bytes(stage, role, rpc, slice_of(bytes, size));
	/* The node's bytes are gone when api_handle() returns. */
	memset(bytes, 0xff, size);
	return number;
}

static json_t *fresh_id(struct stage *stage)
{
	struct slice bytes = city_id(stage->city);
	uint8_t text[ID_TEXT_SIZE];
	struct buffer buffer;
	struct id id;

	assert_true(id_from_bytes(bytes, &id));
	buffer_init(&buffer, text, sizeof(text));
	id_print(&buffer, &id);
	return json_stringn((const char *)text, sizeof(text));
}

static json_t *transfer(struct stage *stage, const char *debit,
			const char *credit, int amount)
{
	return json_pack("{so s{ss} s{ss} si}", "id", fresh_id(stage), "debit",
			 "address", debit, "credit", "address", credit,
			 "amount_minor", amount);
}

static json_t *batch(json_t *item)
{
	return json_pack("{s[o]}", "transfers", item);
}

static json_t *account(const char *address)
{
	return json_pack("{s{ss}}", "account", "address", address);
}

static void expect(struct stage *stage, uint32_t number, const char *reason)
{
	const struct reply *reply = &stage->replies[number];

	assert_true(reply->given);
	if (reason == NULL)
		assert_int_equal(reply->code, GRPC_OK);
	else
		assert_string_equal(reply->reason, reason);
}

static json_int_t number_in(struct stage *stage, uint32_t number,
			    const char *key)
{
	return json_integer_value(
		json_object_get(stage->replies[number].document, key));
}

/* Goal: posted, refused, read: nothing is said before its block is durable. */
static void test_api_waits_for_durability(void **state)
{
	struct stage *stage = *state;
	uint32_t first =
		ask(stage, "coop/m1", RPC_GET_BALANCE, account("m1@demo"));
	uint32_t others[3];

	/* Nothing is under way: at once. */
	expect(stage, first, NULL);
	others[0] = ask(stage, "coop/m1", RPC_POST_TRANSFERS,
			batch(transfer(stage, "m1@demo", "m2@demo", 10)));
	others[1] = ask(stage, "coop/m1", RPC_GET_BALANCE, account("m1@demo"));
	others[2] = ask(stage, "operator/anna", RPC_GET_ACCOUNT,
			account("nobody@demo"));
	for (int i = 0; i < 3; i++)
		assert_false(stage->replies[others[i]].given);
	commit(stage);
	expect(stage, others[0], NULL);
	assert_int_equal(number_in(stage, others[0], "position"), 2);
	expect(stage, others[1], NULL);
	assert_int_equal(number_in(stage, others[1], "balance_minor"), -10);
	assert_int_equal(number_in(stage, others[1], "available_minor"), 990);
	assert_int_equal(number_in(stage, others[1], "receivable_minor"), 1010);
	expect(stage, others[2], "ACCOUNT_UNKNOWN");
}

/* Goal: the refusals of whole requests, each before the next (RPC-4). */
static void test_api_order_of_refusals(void **state)
{
	struct stage *stage = *state;
	uint32_t number;

	api_set_state(stage->api, NODE_DRAINING);
	stage->journal.full = true;
	number = ask_bytes(stage, "auditor/ada", RPC_POST_TRANSFERS,
			   SLICE("\xff"));
	expect(stage, number, "MALFORMED");
	number = ask(stage, "auditor/ada", RPC_POST_TRANSFERS,
		     json_pack("{s[]}", "transfers"));
	expect(stage, number, "NOT_PERMITTED");
	number = ask(stage, "gateway/till", RPC_POST_TRANSFERS,
		     json_pack("{s[]}", "transfers"));
	expect(stage, number, "BATCH_EMPTY");
	number = ask(stage, "gateway/till", RPC_POST_TRANSFERS,
		     json_pack("{s[{}{}{}{}]}", "transfers"));
	expect(stage, number, "BATCH_TOO_LARGE");
	number = ask(stage, "gateway/till", RPC_POST_TRANSFERS,
		     json_pack("{s[{}]}", "transfers"));
	expect(stage, number, "DRAINING");
	api_set_state(stage->api, NODE_DATABASE_AWAY);
	number = ask(stage, "coop/m1", RPC_GET_BALANCE, account("m1@demo"));
	expect(stage, number, "DATABASE_AWAY");
	api_set_state(stage->api, NODE_SERVING);
	number = ask(stage, "gateway/till", RPC_POST_TRANSFERS,
		     json_pack("{s[{}]}", "transfers"));
	expect(stage, number, "OVERLOADED");
	stage->journal.full = false;
	stage->projector.lag = 11;
	number = ask(stage, "gateway/till", RPC_POST_TRANSFERS,
		     json_pack("{s[{}]}", "transfers"));
	expect(stage, number, "OVERLOADED");
}

/* Goal: in every state reads, commands and health are answered as told. */
static void test_api_states(void **state)
{
	static const struct {
		enum node_state node;
		const char *read, *command, *health;
	} cases[] = {
		{ NODE_STARTING, "STARTING", "STARTING", "NOT_SERVING" },
		{ NODE_SERVING, NULL, NULL, "SERVING" },
		{ NODE_CLOCK_JUMPED, NULL, "CLOCK_JUMPED", "NOT_SERVING" },
		{ NODE_REJOINING, NULL, "REJOINING", "NOT_SERVING" },
	};
	struct stage *stage = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint32_t read, command, health;

		api_set_state(stage->api, cases[i].node);
		read = ask(stage, "coop/m1", RPC_GET_BALANCE,
			   account("m1@demo"));
		command = ask(stage, "operator/anna", RPC_FREEZE_ACCOUNT,
			      json_pack("{so s{si} ss}", "id", fresh_id(stage),
					"account", "id", 3, "reason", "why"));
		health = ask(stage, "cook/x", RPC_HEALTH_CHECK, json_object());
		commit(stage);
		expect(stage, read, cases[i].read);
		expect(stage, command, cases[i].command);
		assert_string_equal(
			json_string_value(json_object_get(
				stage->replies[health].document, "status")),
			cases[i].health);
	}
}

/* Goal: one foreign debit refuses all; unknown looks the same (RPC-12). */
static void test_api_coop_pays_its_own(void **state)
{
	struct stage *stage = *state;
	uint32_t foreign =
		ask(stage, "coop/m1", RPC_POST_TRANSFERS,
		    json_pack("{s[oo]}", "transfers",
			      transfer(stage, "m1@demo", "m2@demo", 1),
			      transfer(stage, "m2@demo", "m1@demo", 1)));
	uint32_t unknown =
		ask(stage, "coop/m1", RPC_POST_TRANSFERS,
		    batch(transfer(stage, "nobody@demo", "m1@demo", 1)));
	uint32_t read =
		ask(stage, "coop/m1", RPC_GET_ACCOUNT, account("m2@demo"));
	uint32_t nothing =
		ask(stage, "coop/m1", RPC_GET_ACCOUNT, account("nobody@demo"));

	expect(stage, foreign, "NOT_PERMITTED");
	expect(stage, unknown, "NOT_PERMITTED");
	expect(stage, read, "NOT_PERMITTED");
	expect(stage, nothing, "NOT_PERMITTED");
	assert_int_equal(city_balance(stage->city, 3), 0);
}

/* Goal: a deadline ends the waiting, not what was recorded (RPC-7). */
static void test_api_deadline(void **state)
{
	struct stage *stage = *state;
	uint32_t late, patient;

	stage->calls[0].deadline_us = stage->city->now_us + 1000;
	late = ask(stage, "coop/m1", RPC_POST_TRANSFERS,
		   batch(transfer(stage, "m1@demo", "m2@demo", 10)));
	patient = ask(stage, "coop/m1", RPC_GET_BALANCE, account("m1@demo"));
	api_turn(stage->api, stage->city->now_us + 999);
	assert_false(stage->replies[late].given);
	api_turn(stage->api, stage->city->now_us + 1000);
	expect(stage, late, "DEADLINE_PASSED");
	assert_int_equal(stage->replies[late].code, GRPC_DEADLINE_EXCEEDED);
	assert_false(stage->replies[patient].given);
	/* Who set none is not told of one. */
	api_turn(stage->api, stage->city->now_us + API_WAIT_US);
	expect(stage, patient, "DATABASE_AWAY");
	commit(stage);
	assert_int_equal(city_balance(stage->city, 3), -10);
}

/* Goal: a read waits for its position, and then reads (RPC-13). */
static void test_api_min_position(void **state)
{
	struct stage *stage = *state;
	uint32_t read = ask(stage, "coop/m1", RPC_GET_BALANCE,
			    json_pack("{s{ss} si}", "account", "address",
				      "m1@demo", "min_position", 2));
	uint32_t gone = ask(stage, "coop/m1", RPC_GET_BALANCE,
			    json_pack("{s{ss} si}", "account", "address",
				      "m1@demo", "min_position", 99));
	uint32_t post = ask(stage, "coop/m1", RPC_POST_TRANSFERS,
			    batch(transfer(stage, "m1@demo", "m2@demo", 10)));

	assert_false(stage->replies[read].given);
	commit(stage);
	expect(stage, post, NULL);
	expect(stage, read, NULL);
	assert_int_equal(number_in(stage, read, "balance_minor"), -10);
	assert_false(stage->replies[gone].given);
	api_abandon(stage->api, &stage->calls[gone]);
	assert_true(stage->replies[gone].given);
}

/* Goal: who waits when the journal ends for good is told so (JOURNAL-11). */
static void test_api_give_up(void **state)
{
	struct stage *stage = *state;
	uint32_t post = ask(stage, "coop/m1", RPC_POST_TRANSFERS,
			    batch(transfer(stage, "m1@demo", "m2@demo", 10)));
	uint32_t read = ask(stage, "coop/m1", RPC_GET_BALANCE,
			    json_pack("{s{ss} si}", "account", "address",
				      "m1@demo", "min_position", 99));

	api_give_up(stage->api);
	expect(stage, post, "DATABASE_AWAY");
	expect(stage, read, "DATABASE_AWAY");
	assert_int_equal(stage->replies[post].code, GRPC_UNAVAILABLE);
}

static json_t *end_hold(struct stage *stage, json_t *hold_id, int amount)
{
	if (amount == 0)
		return json_pack("{so sO}", "id", fresh_id(stage), "hold_id",
				 hold_id);
	return json_pack("{so sO si}", "id", fresh_id(stage), "hold_id",
			 hold_id, "amount_minor", amount);
}

/* Goal: payer posts, payee voids; who may not is told before all else. */
static void test_api_hold_sides(void **state)
{
	struct stage *stage = *state;
	json_t *hold = transfer(stage, "m1@demo", "m2@demo", 50);
	json_t *hold_id = json_incref(json_object_get(hold, "id"));
	uint32_t placed, number;

	json_object_set_new(
		hold, "expires_at_us",
		json_integer((json_int_t)stage->city->now_us + 1000000));
	placed = ask(stage, "coop/m1", RPC_PLACE_HOLD, hold);
	number = ask(stage, "coop/m1", RPC_VOID_HOLD,
		     end_hold(stage, hold_id, 0));
	commit(stage);
	expect(stage, placed, NULL);
	expect(stage, number, "NOT_PERMITTED");
	expect(stage,
	       ask(stage, "coop/m2", RPC_POST_HOLD,
		   end_hold(stage, hold_id, 50)),
	       "NOT_PERMITTED");
	expect(stage,
	       ask(stage, "operator/anna", RPC_VOID_HOLD,
		   end_hold(stage, hold_id, 0)),
	       "NOT_PERMITTED");
	number = ask(stage, "coop/m1", RPC_POST_HOLD,
		     end_hold(stage, hold_id, 20));
	commit(stage);
	expect(stage, number, NULL);
	assert_int_equal(city_balance(stage->city, 4), 20);
	json_decref(hold_id);
}

/* Goal: what memory forgot is read: whose it was and how it ended. */
static void test_api_ended_hold(void **state)
{
	static const struct {
		const char *role;
		enum read_status status;
		uint32_t hold_state;
		const char *wanted;
	} cases[] = {
		{ "coop/m1", READ_OK, 2, "HOLD_POSTED" },
		{ "coop/m1", READ_OK, 3, "HOLD_VOIDED" },
		{ "gateway/till", READ_OK, 4, "HOLD_EXPIRED" },
		{ "coop/m2", READ_OK, 2, "NOT_PERMITTED" },
		{ "coop/m1", READ_NOT_FOUND, 0, "HOLD_UNKNOWN" },
		{ "coop/m1", READ_LATE, 0, "DATABASE_AWAY" },
		{ "coop/m1", READ_AWAY, 0, "DATABASE_AWAY" },
	};
	struct stage *stage = *state;
	json_t *hold_id = fresh_id(stage);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct hold_view view = { .state = cases[i].hold_state,
					  .debit_account = 3,
					  .credit_account = 4 };
		struct read_result result = { .status = cases[i].status,
					      .holds = &view,
					      .count = 1 };
		uint32_t number = ask(stage, cases[i].role, RPC_POST_HOLD,
				      end_hold(stage, hold_id, 5));

		assert_false(stage->replies[number].given);
		assert_int_equal(stage->reader.query.kind, READ_HOLD);
		stage->reader.done(stage->reader.user, &result);
		/* One that permits by itself reads again, once refused. */
		if (!stage->replies[number].given)
			stage->reader.done(stage->reader.user, &result);
		expect(stage, number, cases[i].wanted);
	}
	stage->reader.full = true;
	expect(stage,
	       ask(stage, "coop/m1", RPC_POST_HOLD,
		   end_hold(stage, hold_id, 5)),
	       "OVERLOADED");
	json_decref(hold_id);
}

/* Goal: due holds expire before other decisions, not on a doubtful clock. */
static void test_api_expires(void **state)
{
	struct stage *stage = *state;
	uint64_t due_us = stage->city->now_us + 1000000;
	json_t *hold = transfer(stage, "m1@demo", "m2@demo", 50);

	json_object_set_new(hold, "expires_at_us",
			    json_integer((json_int_t)due_us));
	(void)ask(stage, "coop/m1", RPC_PLACE_HOLD, hold);
	commit(stage);
	api_turn(stage->api, due_us - 1);
	assert_int_equal(stage->city->ledger.hold_count, 1);
	api_set_state(stage->api, NODE_CLOCK_JUMPED);
	api_turn(stage->api, due_us);
	assert_int_equal(stage->city->ledger.hold_count, 1);
	api_set_state(stage->api, NODE_SERVING);
	api_turn(stage->api, due_us);
	assert_int_equal(stage->city->ledger.hold_count, 0);
}

static size_t list(struct stage *stage, const char *role, int size,
		   const char *token, const char **next)
{
	uint32_t number = ask(
		stage, role, RPC_LIST_ACCOUNTS,
		json_pack("{s{si ss}}", "page", "size", size, "token", token));
	json_t *document = stage->replies[number].document;

	expect(stage, number, NULL);
	*next = json_string_value(json_object_get(document, "next_token"));
	return json_array_size(json_object_get(document, "accounts"));
}

/* Goal: pages by id; a coop lists its own; a token fits its query alone. */
static void test_api_lists_accounts(void **state)
{
	struct stage *stage = *state;
	const char *next;

	city_open(stage->city, "m1/till@demo", 0, 0);
	commit(stage);
	assert_int_equal(list(stage, "auditor/ada", 3, "", &next), 3);
	assert_int_equal(list(stage, "auditor/ada", 3, next, &next), 2);
	assert_string_equal(next, "");
	/* More than the reply's first memory holds. */
	assert_int_equal(list(stage, "auditor/ada", 0, "", &next), 5);
	assert_int_equal(list(stage, "coop/m1", 1, "", &next), 1);
	expect(stage,
	       ask(stage, "coop/m2", RPC_LIST_ACCOUNTS,
		   json_pack("{s{ss}}", "page", "token", next)),
	       "PAGE_TOKEN_INVALID");
	assert_int_equal(list(stage, "coop/m1", 1, next, &next), 1);
	assert_string_equal(next, "");
}

static json_t *limits(struct stage *stage, int limit)
{
	return json_pack("{so s{si} si si ss}", "id", fresh_id(stage),
			 "account", "id", 3, "credit_limit_minor", limit,
			 "balance_ceiling_minor", 9000, "reason", "agreed");
}

/* Goal: operators set limits up to the configured one, treasurers any. */
static void test_api_operator_limit(void **state)
{
	struct stage *stage = *state;
	struct api_options options = options_of(stage);

	expect(stage,
	       ask(stage, "operator/anna", RPC_SET_ACCOUNT_LIMITS,
		   limits(stage, 501)),
	       "NOT_PERMITTED");
	ask(stage, "operator/anna", RPC_SET_ACCOUNT_LIMITS, limits(stage, 500));
	ask(stage, "treasurer/tess", RPC_SET_ACCOUNT_LIMITS,
	    limits(stage, 501));
	commit(stage);
	expect(stage, 1, NULL);
	expect(stage, 2, NULL);
	options.operator_limit_max_minor = 0;
	api_set_options(stage->api, &options);
	expect(stage,
	       ask(stage, "operator/anna", RPC_SET_ACCOUNT_LIMITS,
		   limits(stage, 0)),
	       "NOT_PERMITTED");
}

/* Goal: lists of the whole node are not for coops; reads carry the query. */
static void test_api_reads(void **state)
{
	struct stage *stage = *state;
	struct read_result none = { .status = READ_OK };
	uint32_t number;

	expect(stage, ask(stage, "coop/m1", RPC_LIST_ENTRIES, json_object()),
	       "NOT_PERMITTED");
	expect(stage, ask(stage, "coop/m1", RPC_LIST_HOLDS, json_object()),
	       "NOT_PERMITTED");
	number = ask(stage, "coop/m1", RPC_LIST_ENTRIES,
		     json_pack("{s{si} si si s{si}}", "account", "id", 3,
			       "after_number", 17, "min_position", 1, "page",
			       "size", 7));
	assert_int_equal(stage->reader.query.kind, READ_ENTRIES);
	assert_int_equal(stage->reader.query.account, 3);
	assert_int_equal(stage->reader.query.cursor, 17);
	assert_int_equal(stage->reader.query.limit, 7);
	assert_int_equal(stage->reader.query.min_position, 1);
	assert_string_equal(stage->reader.query.city, "demo");
	stage->reader.done(stage->reader.user, &none);
	expect(stage, number, NULL);
	none.status = READ_NOT_FOUND;
	number = ask(stage, "auditor/ada", RPC_GET_TRANSFER,
		     json_pack("{so}", "id", fresh_id(stage)));
	stage->reader.done(stage->reader.user, &none);
	expect(stage, number, "TRANSFER_UNKNOWN");
	expect(stage,
	       ask(stage, "auditor/ada", RPC_GET_TRANSFER,
		   json_pack("{ss}", "id", "")),
	       "ID_MALFORMED");
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_api_waits_for_durability),
		STAGED(test_api_order_of_refusals),
		STAGED(test_api_states),
		STAGED(test_api_coop_pays_its_own),
		STAGED(test_api_deadline),
		STAGED(test_api_min_position),
		STAGED(test_api_give_up),
		STAGED(test_api_hold_sides),
		STAGED(test_api_ended_hold),
		STAGED(test_api_expires),
		STAGED(test_api_lists_accounts),
		STAGED(test_api_operator_limit),
		STAGED(test_api_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
