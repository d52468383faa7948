/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "unit/http2.h"
#include "wire/grpc_client.h"

static const struct grpc_server_limits LIMITS = {
	.message_size_max = 1u << 20,
	.streams_max = 10,
};

#define RESPONSE_MAX 100000

/* How a call ended. */
struct outcome {
	uint32_t count;
	uint32_t code;
	char message[256];
	uint8_t details[64];
	size_t details_size;
	size_t size;
	uint8_t first_byte;
};

struct pair {
	struct grpc_client *client;
	struct grpc_connection *server;
	struct echo echo;
	size_t piece;
};

static void on_done(void *user, const struct grpc_status *status,
		    struct slice message)
{
	struct outcome *outcome = user;

	outcome->count++;
	outcome->code = status->code;
	assert_true(status->message.size < sizeof(outcome->message));
	if (status->message.size > 0)
		memcpy(outcome->message, status->message.data,
		       status->message.size);
	assert_true(status->details.size <= sizeof(outcome->details));
	outcome->details_size = status->details.size;
	if (status->details.size > 0)
		memcpy(outcome->details, status->details.data,
		       status->details.size);
	outcome->size = message.size;
	if (message.size > 0)
		outcome->first_byte = message.data[0];
}

static void setup(struct pair *pair, size_t piece)
{
	memset(pair, 0, sizeof(*pair));
	pair->piece = piece > 0 ? piece : SIZE_MAX;
	pair->client = grpc_client_create("localhost:1", RESPONSE_MAX);
	assert_non_null(pair->client);
	pair->server = grpc_connection_create(&LIMITS, &ECHO, &pair->echo);
	assert_non_null(pair->server);
}

static void teardown(struct pair *pair)
{
	grpc_client_free(pair->client);
	grpc_connection_free(pair->server);
}

static struct slice first(struct slice *rest, size_t size_max)
{
	const size_t size = rest->size < size_max ? rest->size : size_max;
	const struct slice piece = slice_upto(*rest, size);

	*rest = slice_from(*rest, size);
	return piece;
}

static void pump(struct pair *pair)
{
	bool busy = true;

	for (uint32_t turn = 0; busy; turn++) {
		struct slice out = grpc_client_send(pair->client);
		struct slice in = { 0 };

		assert_true(turn < 100000);
		busy = out.size > 0;
		while (out.size > 0)
			assert_true(grpc_connection_receive(
				pair->server, first(&out, pair->piece), turn));
		in = grpc_connection_send(pair->server);
		busy = busy || in.size > 0;
		while (in.size > 0 &&
		       grpc_client_receive(pair->client,
					   first(&in, pair->piece)))
			;
	}
}

static void call(struct pair *pair, const char *path, struct slice message,
		 struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	assert_true(grpc_client_call(pair->client, path, message, 1500000,
				     on_done, outcome));
}

/* Goal: calls come back with their answers, however the bytes are cut. */
static void test_grpc_client_calls(void **state)
{
	static const size_t PIECES[] = { 0, 1, 13 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(PIECES); i++) {
		struct outcome outcome;
		struct pair pair;

		setup(&pair, PIECES[i]);
		call(&pair, "/test.Echo/Unary", SLICE("hello"), &outcome);
		assert_int_equal(grpc_client_in_flight(pair.client), 1);
		pump(&pair);
		assert_int_equal(outcome.count, 1);
		assert_int_equal(outcome.code, GRPC_OK);
		assert_int_equal(outcome.size, 5);
		assert_int_equal(pair.echo.timeout_us, 1500000);
		assert_int_equal(grpc_client_in_flight(pair.client), 0);
		teardown(&pair);
		assert_int_equal(outcome.count, 1);
	}
}

/* Goal: refusals come with code, text and details, as they were sent. */
static void test_grpc_client_hears_refusals(void **state)
{
	struct outcome outcome;
	struct pair pair;

	(void)state;
	setup(&pair, 1);
	call(&pair, "/test.Echo/Unary", SLICE("fail"), &outcome);
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_ABORTED);
	assert_string_equal(outcome.message, "50% of it: \xc3\xa9");
	assert_int_equal(outcome.details_size, 3);
	assert_memory_equal(outcome.details, "\x08\x0a\xff", 3);
	call(&pair, "/test.Echo/Other", SLICE("x"), &outcome);
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_UNIMPLEMENTED);
	/* OK without a message is no answer of a unary call. */
	call(&pair, "/test.Echo/Unary", SLICE("none"), &outcome);
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_INTERNAL);
	teardown(&pair);
}

/* Goal: more calls than the server takes at once wait for their turn. */
static void test_grpc_client_many_in_flight(void **state)
{
	static struct outcome outcomes[500];
	struct pair pair;

	(void)state;
	setup(&pair, 0);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		call(&pair, "/test.Echo/Unary", SLICE("abc"), &outcomes[i]);
	assert_int_equal(grpc_client_in_flight(pair.client),
			 COUNT_OF(outcomes));
	pump(&pair);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		assert_int_equal(outcomes[i].count, 1);
		assert_int_equal(outcomes[i].code, GRPC_OK);
	}
	teardown(&pair);
}

/* Goal: a call is cancelled before it goes out, on the way, and while its
 * answer is waited for: it ends once, and others go on. */
static void test_grpc_client_cancels(void **state)
{
	uint8_t *big = calloc(1, LIMITS.message_size_max);
	struct outcome unsent, halfway, held, other;
	struct pair pair;
	struct slice out;

	(void)state;
	assert_non_null(big);
	setup(&pair, 0);
	pump(&pair);
	call(&pair, "/test.Echo/Unary", SLICE("x"), &unsent);
	grpc_client_cancel(pair.client, &unsent);
	assert_int_equal(unsent.count, 1);
	assert_int_equal(unsent.code, GRPC_CANCELLED);
	/* Nobody's, and one that ended, are passed over. */
	grpc_client_cancel(pair.client, &unsent);
	grpc_client_cancel(pair.client, &pair);
	pump(&pair);
	call(&pair, "/test.Echo/Unary", slice_of(big, LIMITS.message_size_max),
	     &halfway);
	for (uint32_t i = 0; i < 3; i++) {
		out = grpc_client_send(pair.client);
		assert_true(out.size > 0);
		assert_true(grpc_connection_receive(pair.server, out, i));
	}
	call(&pair, "/test.Echo/Unary", SLICE("hold"), &held);
	grpc_client_cancel(pair.client, &halfway);
	pump(&pair);
	assert_int_equal(held.count, 0);
	assert_int_equal(pair.echo.held_count, 1);
	grpc_client_cancel(pair.client, &held);
	call(&pair, "/test.Echo/Unary", SLICE("hello"), &other);
	pump(&pair);
	assert_int_equal(halfway.count, 1);
	assert_int_equal(held.count, 1);
	assert_int_equal(other.code, GRPC_OK);
	assert_int_equal(other.size, 5);
	assert_int_equal(grpc_client_in_flight(pair.client), 0);
	teardown(&pair);
	assert_int_equal(unsent.count, 1);
	free(big);
}

/* Goal: those that wait for their turn can be cancelled, the others come. */
static void test_grpc_client_cancels_waiting(void **state)
{
	static struct outcome outcomes[100];
	struct pair pair;

	(void)state;
	setup(&pair, 0);
	pump(&pair);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		call(&pair, "/test.Echo/Unary", SLICE("abc"), &outcomes[i]);
	for (size_t i = 1; i < COUNT_OF(outcomes); i += 2)
		grpc_client_cancel(pair.client, &outcomes[i]);
	pump(&pair);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		assert_int_equal(outcomes[i].count, 1);
		assert_int_equal(outcomes[i].code,
				 i % 2 == 0 ? GRPC_OK : GRPC_CANCELLED);
	}
	teardown(&pair);
}

/* Goal: large requests go out whole, and a response over the bound is
 * refused on this side without harm to other calls. */
static void test_grpc_client_bounds_responses(void **state)
{
	uint8_t *big = calloc(1, LIMITS.message_size_max);
	struct outcome outcome;
	struct pair pair;

	(void)state;
	assert_non_null(big);
	big[0] = 9;
	setup(&pair, 0);
	call(&pair, "/test.Echo/Unary", slice_of(big, RESPONSE_MAX), &outcome);
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_OK);
	assert_int_equal(outcome.size, RESPONSE_MAX);
	assert_int_equal(outcome.first_byte, 9);
	call(&pair, "/test.Echo/Unary", slice_of(big, LIMITS.message_size_max),
	     &outcome);
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(outcome.count, 1);
	assert_int_equal(pair.echo.messages, 2);
	call(&pair, "/test.Echo/Unary", SLICE("small"), &outcome);
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_OK);
	free(big);
	teardown(&pair);
}

/* Goal: whoever waits when the connection ends is told, once. */
static void test_grpc_client_ends_calls(void **state)
{
	struct outcome outcomes[3];
	struct pair pair;

	(void)state;
	setup(&pair, 0);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		call(&pair, "/test.Echo/Unary", SLICE("hold"), &outcomes[i]);
	pump(&pair);
	grpc_client_free(pair.client);
	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		assert_int_equal(outcomes[i].count, 1);
		assert_int_equal(outcomes[i].code, GRPC_UNAVAILABLE);
	}
	grpc_connection_free(pair.server);
}

/* Goal: after GOAWAY open calls are answered and no new ones are taken. */
static void test_grpc_client_respects_drain(void **state)
{
	struct outcome outcome;
	struct outcome late;
	struct pair pair;

	(void)state;
	setup(&pair, 0);
	call(&pair, "/test.Echo/Unary", SLICE("hold"), &outcome);
	pump(&pair);
	grpc_connection_drain(pair.server);
	pump(&pair);
	grpc_connection_drain(pair.server);
	pump(&pair);
	assert_false(grpc_client_call(pair.client, "/test.Echo/Unary",
				      SLICE("x"), 0, on_done, &late));
	echo_answer(&pair.echo, SLICE("y"));
	pump(&pair);
	assert_int_equal(outcome.code, GRPC_OK);
	assert_true(grpc_connection_is_done(pair.server));
	assert_false(grpc_client_receive(pair.client, SLICE("")));
	teardown(&pair);
}

/* Frames of a foreign server: SETTINGS, then HEADERS by literal fields. */
struct script {
	uint8_t bytes[1024];
	size_t size;
};

static void put_frame(struct script *script, uint8_t type, uint8_t flags,
		      struct slice payload)
{
	uint8_t *at = script->bytes + script->size;

	assert_true(script->size + 9 + payload.size <= sizeof(script->bytes));
	memset(at, 0, 9);
	at[2] = (uint8_t)payload.size;
	at[3] = type;
	at[4] = flags;
	at[8] = type == NGHTTP2_SETTINGS ? 0 : 1;
	if (payload.size > 0)
		memcpy(at + 9, payload.data, payload.size);
	script->size += 9 + payload.size;
}

/* HPACK: 0x88 is ":status: 200", 0x8d 404; 0x00 a literal field. */
#define GOOD               \
	"\x88\x0f\x10\x10" \
	"application/grpc"
#define STATUS_0      \
	"\x00\x0b"    \
	"grpc-status" \
	"\x01"        \
	"0"

static const struct {
	struct slice headers;
	struct slice data;
	struct slice trailers; /* empty: END_STREAM stands before */
	uint32_t code;
} RESPONSES[] = {
	{ SLICE(GOOD), SLICE("\0\0\0\0\1a"), SLICE(STATUS_0), GRPC_OK },
	{ SLICE(GOOD), SLICE("\0\0\0\0\1a"), SLICE(""), GRPC_INTERNAL },
	{ SLICE(GOOD), SLICE("\0\0\0\0\2a"), SLICE(STATUS_0), GRPC_INTERNAL },
	{ SLICE(GOOD), SLICE("\0\0\0\0\1ab"), SLICE(STATUS_0), GRPC_INTERNAL },
	{ SLICE(GOOD), SLICE("\5\0\0\0\1a"), SLICE(STATUS_0), GRPC_INTERNAL },
	{ SLICE(GOOD), SLICE("\1\0\0\0\1a"), SLICE(STATUS_0), GRPC_INTERNAL },
	{ SLICE("\x88"), SLICE("\0\0\0\0\1a"), SLICE(STATUS_0), GRPC_UNKNOWN },
	{ SLICE("\x8d"), SLICE("<html>"), SLICE(""), GRPC_UNIMPLEMENTED },
	{ SLICE(GOOD), SLICE("\0\0\0\0\1a"),
	  SLICE("\x00\x0b"
		"grpc-status"
		"\x02"
		"99"),
	  GRPC_UNKNOWN },
	{ SLICE(GOOD), SLICE("\0\0\0\0\1a"),
	  SLICE("\x00\x0b"
		"grpc-status"
		"\x01"
		"x"),
	  GRPC_UNKNOWN },
	{ SLICE(GOOD), SLICE(""),
	  SLICE("\x00\x0b"
		"grpc-status"
		"\x01"
		"5"),
	  GRPC_NOT_FOUND },
};

/* Goal: what a foreign server does wrong has a code; nothing crashes. */
static void test_grpc_client_judges_responses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(RESPONSES); i++) {
		const bool ends = RESPONSES[i].trailers.size == 0;
		struct script script = { 0 };
		struct outcome outcome;
		struct pair pair;

		setup(&pair, 0);
		call(&pair, "/test.Echo/Unary", SLICE("x"), &outcome);
		while (grpc_client_send(pair.client).size > 0)
			;
		put_frame(&script, NGHTTP2_SETTINGS, 0, SLICE(""));
		put_frame(&script, NGHTTP2_HEADERS, 4, RESPONSES[i].headers);
		put_frame(&script, NGHTTP2_DATA, ends, RESPONSES[i].data);
		if (!ends)
			put_frame(&script, NGHTTP2_HEADERS, 5,
				  RESPONSES[i].trailers);
		assert_true(grpc_client_receive(
			pair.client, slice_of(script.bytes, script.size)));
		while (grpc_client_send(pair.client).size > 0)
			;
		assert_int_equal(outcome.count, 1);
		assert_int_equal(outcome.code, RESPONSES[i].code);
		teardown(&pair);
		assert_int_equal(outcome.count, 1);
	}
}

/* Goal: a reset stream ends its call with the code of its reason. */
static void test_grpc_client_hears_resets(void **state)
{
	static const struct {
		uint8_t http2_error;
		uint32_t code;
	} cases[] = {
		{ NGHTTP2_REFUSED_STREAM, GRPC_UNAVAILABLE },
		{ NGHTTP2_CANCEL, GRPC_CANCELLED },
		{ NGHTTP2_ENHANCE_YOUR_CALM, GRPC_RESOURCE_EXHAUSTED },
		{ NGHTTP2_PROTOCOL_ERROR, GRPC_INTERNAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t reset[4] = { 0, 0, 0, cases[i].http2_error };
		struct script script = { 0 };
		struct outcome outcome;
		struct pair pair;

		setup(&pair, 0);
		call(&pair, "/test.Echo/Unary", SLICE("x"), &outcome);
		while (grpc_client_send(pair.client).size > 0)
			;
		put_frame(&script, NGHTTP2_SETTINGS, 0, SLICE(""));
		put_frame(&script, NGHTTP2_RST_STREAM, 0,
			  slice_of(reset, sizeof(reset)));
		assert_true(grpc_client_receive(
			pair.client, slice_of(script.bytes, script.size)));
		assert_int_equal(outcome.code, cases[i].code);
		teardown(&pair);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grpc_client_calls),
		cmocka_unit_test(test_grpc_client_hears_refusals),
		cmocka_unit_test(test_grpc_client_many_in_flight),
		cmocka_unit_test(test_grpc_client_cancels),
		cmocka_unit_test(test_grpc_client_cancels_waiting),
		cmocka_unit_test(test_grpc_client_bounds_responses),
		cmocka_unit_test(test_grpc_client_ends_calls),
		cmocka_unit_test(test_grpc_client_respects_drain),
		cmocka_unit_test(test_grpc_client_judges_responses),
		cmocka_unit_test(test_grpc_client_hears_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
