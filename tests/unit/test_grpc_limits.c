/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>

#include "unit/http2.h"
#include "wire/grpc_connection.h"

static const struct grpc_server_limits LIMITS = {
	.message_size_max = 4u << 20,
	.streams_max = 100,
};

static const struct grpc_server_limits MANY_STREAMS = {
	.message_size_max = 4u << 20,
	.streams_max = 1000,
};

static struct http2_request unary(uint8_t *frame, const char *message)
{
	return (struct http2_request){
		.body = http2_frame(frame, message, strlen(message), 0),
	};
}

static void assert_calmed(struct http2 *http2)
{
	http2_pump(http2);
	assert_false(http2->is_open);
	assert_int_equal(http2->goaways, 1);
	assert_int_equal(http2->goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	assert_true(grpc_connection_is_done(http2->server));
}

static void ping(struct http2 *http2, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(nghttp2_submit_ping(http2->session, 0, NULL),
				 0);
		http2_pump(http2);
	}
}

/* Goal: PINGs are answered up to the burst, and one more ends it. */
static void test_grpc_limits_count_pings(void **state)
{
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);

	(void)state;
	ping(http2, GRPC_PING_BURST);
	assert_true(http2->is_open);
	ping(http2, 1);
	assert_calmed(http2);
	http2_free(http2);
}

/* Goal: keep-alive PINGs, and PINGs beside answers, are never too many. */
static void test_grpc_limits_forgive_pings(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = unary(frame, "hello");

	(void)state;
	for (uint32_t i = 0; i < 3 * GRPC_PING_BURST; i++) {
		http2->now_us += 10000000;
		ping(http2, 1);
		assert_true(http2->is_open);
	}
	for (uint32_t i = 0; i < 3 * GRPC_PING_BURST; i++) {
		http2_ask(http2, &request);
		ping(http2, 2);
		assert_true(http2->is_open);
	}
	http2_free(http2);
}

/* Goal: so are SETTINGS. */
static void test_grpc_limits_count_settings(void **state)
{
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);

	(void)state;
	/* One came with the preface. */
	for (uint32_t i = 0; i + 1 < GRPC_SETTINGS_BURST; i++)
		assert_int_equal(
			nghttp2_submit_settings(http2->session, 0, NULL, 0), 0);
	http2_pump(http2);
	assert_true(http2->is_open);
	assert_int_equal(nghttp2_submit_settings(http2->session, 0, NULL, 0),
			 0);
	assert_calmed(http2);
	http2_free(http2);
}

/* Goal: requests that are reset at once (rapid reset) are counted; the calls
 * they began have all ended at the handler. */
static void test_grpc_limits_count_resets(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = unary(frame, "hold");

	(void)state;
	for (uint32_t i = 0; i <= GRPC_RESET_BURST; i++) {
		const int32_t id = http2_submit(http2, &request);

		assert_true(http2->is_open);
		http2_pump(http2);
		nghttp2_submit_rst_stream(http2->session, 0, id,
					  NGHTTP2_CANCEL);
		http2_pump(http2);
	}
	assert_calmed(http2);
	assert_int_equal(echo.ends, echo.messages);
	assert_int_equal(echo.held_count, 0);
	http2_free(http2);
}

/* Goal: a stream that the peer makes us reset counts as well: WINDOW_UPDATE
 * beyond the largest window. */
static void test_grpc_limits_count_forced_resets(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = unary(frame, "hold");
	uint8_t update[13] = { 0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 255, 255, 255 };
	uint32_t count = 0;

	(void)state;
	while (http2->is_open && count <= 2 * GRPC_RESET_BURST) {
		const int32_t id = http2_submit(http2, &request);

		http2_pump(http2);
		update[7] = (uint8_t)(id >> 8);
		update[8] = (uint8_t)id;
		http2_inject(http2, slice_of(update, sizeof(update)));
		http2_pump(http2);
		count++;
	}
	assert_in_range(count, 100, GRPC_RESET_BURST + 1);
	assert_int_equal(http2->goaway_code, NGHTTP2_ENHANCE_YOUR_CALM);
	http2_free(http2);
}

/* Goal: empty DATA frames lead to nothing but the end. */
static void test_grpc_limits_count_empty_frames(void **state)
{
	static const uint8_t EMPTY[9] = { 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	struct http2_request request = unary(frame, "hello");

	(void)state;
	request.stays_open = true;
	assert_int_equal(http2_submit(http2, &request), 1);
	http2_pump(http2);
	for (uint32_t i = 0; i < GRPC_EMPTY_BURST; i++)
		http2_inject(http2, slice_of(EMPTY, sizeof(EMPTY)));
	assert_true(http2->is_open);
	http2_inject(http2, slice_of(EMPTY, sizeof(EMPTY)));
	assert_calmed(http2);
	http2_free(http2);
}

/* Goal: more streams than allowed never reach a handler. */
static void test_grpc_limits_streams(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = unary(frame, "hold");

	(void)state;
	http2_pump(http2);
	for (uint32_t i = 0; i < 2 * LIMITS.streams_max; i++)
		http2_submit(http2, &request);
	http2_pump(http2);
	assert_int_equal(echo.held_count, LIMITS.streams_max);
	while (echo.held_count > 0)
		echo_answer(&echo, SLICE("x"));
	http2_pump(http2);
	assert_int_equal(echo.messages, 2 * LIMITS.streams_max);
	http2_free(http2);
}

/* Goal: requests half sent are bounded over the whole connection, and their
 * memory is given back. */
static void test_grpc_limits_half_sent_requests(void **state)
{
	const size_t size = 3u << 20;
	uint8_t *half = calloc(1, size);
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	struct http2_request request = { .stays_open = true };
	uint32_t refused = 0;

	(void)state;
	assert_non_null(half);
	memcpy(half, "\0\0\x40\0\0", 5); /* promises 4 MiB */
	request.body = slice_of(half, size);
	for (uint32_t i = 0; i < 40; i++) {
		refused += http2_ask(http2, &request)->grpc_status ==
			   GRPC_RESOURCE_EXHAUSTED;
		assert_true(http2->server->input_size <=
			    GRPC_CONNECTION_INPUT_MAX);
	}
	assert_in_range(refused, 20, 35);
	assert_int_equal(grpc_connection_calls(http2->server), 40 - refused);
	assert_int_equal(echo.messages, 0);
	free(half);
	http2_free(http2);
}

/* Goal: they are bounded over all connections, too; each still has room for
 * its largest message, and what ends is counted out. */
static void test_grpc_limits_half_sent_on_all(void **state)
{
	const size_t size = 3u << 20;
	size_t total = 0;
	const struct grpc_server_limits limits = {
		.message_size_max = 4u << 20,
		.streams_max = 100,
		.input_total = &total,
		.input_total_max = 20u << 20,
	};
	uint8_t *half = calloc(1, size);
	struct http2_request request = { .stays_open = true };
	struct http2 *http2[4];
	struct echo echo[4];

	(void)state;
	assert_non_null(half);
	memcpy(half, "\0\0\x40\0\0", 5); /* promises 4 MiB */
	request.body = slice_of(half, size);
	for (uint32_t i = 0; i < 4; i++) {
		http2[i] = http2_create(&limits, &echo[i], 0);
		/* The first one of each is let in. */
		assert_int_equal(http2_ask(http2[i], &request)->grpc_status,
				 NO_STATUS);
		for (uint32_t j = 0; j < 20; j++)
			http2_ask(http2[i], &request);
		assert_true(total <= (20u << 20) + (i + 1) * (8u << 20));
	}
	for (uint32_t i = 0; i < 4; i++)
		http2_free(http2[i]);
	assert_int_equal(total, 0);
	free(half);
}

/* Goal: a client that reads nothing: what waits for it is bounded, new calls
 * are refused, and once it reads all is well (rule RPC-9). */
static void test_grpc_limits_slow_reader(void **state)
{
	const size_t size = 1u << 20;
	uint8_t *reply = calloc(1, size);
	uint8_t frame[64];
	uint8_t other[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&MANY_STREAMS, &echo, 0);
	const struct http2_request hold = unary(frame, "hold");
	const struct http2_request more = unary(other, "hello");
	int32_t id = 0;

	(void)state;
	assert_non_null(reply);
	for (uint32_t i = 0; i < 20; i++)
		http2_submit(http2, &hold);
	http2_pump(http2);
	http2->stops_reading = true;
	while (echo.held_count > 0)
		echo_answer(&echo, slice_of(reply, size));
	assert_in_range(http2->server->output_size, 20 * size, 20 * size + 200);
	for (uint32_t i = 0; i < 500; i++)
		id = http2_submit(http2, &more);
	http2_pump(http2);
	assert_int_equal(echo.messages, 20);
	assert_in_range(http2->server->output_size, 20 * size, 20 * size + 200);
	http2->stops_reading = false;
	http2_pump(http2);
	assert_int_equal(http2->server->output_size, 0);
	assert_int_equal(http2_response(http2, id)->grpc_status,
			 GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(http2_ask(http2, &more)->grpc_status, GRPC_OK);
	free(reply);
	http2_free(http2);
}

/* Goal: a stream takes no message while 64 KiB of it wait. */
static void test_grpc_limits_stream_backlog(void **state)
{
	static uint8_t piece[50000];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = { .body = SLICE(
						       "\0\0\0\0\4hold") };
	const struct slice message = slice_of(piece, sizeof(piece));
	const struct grpc_status good = { .code = GRPC_OK };
	struct grpc_call *call;

	(void)state;
	http2_ask(http2, &request);
	call = echo.held[0];
	assert_true(grpc_call_send_message(call, message));
	assert_true(grpc_call_send_message(call, message));
	assert_false(grpc_call_send_message(call, message));
	http2_pump(http2);
	assert_true(grpc_call_send_message(call, message));
	http2_pump(http2);
	grpc_call_finish(call, &good);
	http2_pump(http2);
	assert_int_equal(http2_response(http2, 1)->grpc_status, GRPC_OK);
	assert_int_equal(http2_response(http2, 1)->body_size,
			 3 * (sizeof(piece) + 5));
	http2_free(http2);
}

/* Goal: drain in two phases: notice, new calls still served; then GOAWAY with
 * the last id, open calls answered, then done (rule RPC-11). */
static void test_grpc_limits_drain(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request hold = unary(frame, "hold");
	int32_t late;

	(void)state;
	http2_ask(http2, &hold);
	/* On its way when the notice is sent. */
	late = http2_submit(http2, &hold);
	grpc_connection_drain(http2->server);
	http2_pump(http2);
	assert_int_equal(http2->goaways, 1);
	assert_int_equal(http2->goaway_last, INT32_MAX);
	assert_int_equal(http2->goaway_code, NGHTTP2_NO_ERROR);
	assert_int_equal(echo.held_count, 2);
	assert_true(http2->is_open);
	grpc_connection_drain(http2->server);
	http2_pump(http2);
	assert_int_equal(http2->goaways, 2);
	assert_int_equal(http2->goaway_last, late);
	assert_false(grpc_connection_is_done(http2->server));
	echo_answer(&echo, SLICE("x"));
	echo_answer(&echo, SLICE("x"));
	http2_pump(http2);
	assert_int_equal(http2_response(http2, late)->grpc_status, GRPC_OK);
	assert_true(grpc_connection_is_done(http2->server));
	http2_free(http2);
}

/* Goal: an idle connection drains at once. */
static void test_grpc_limits_drain_idle(void **state)
{
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);

	(void)state;
	http2_pump(http2);
	grpc_connection_drain(http2->server);
	http2_pump(http2);
	assert_false(grpc_connection_is_done(http2->server));
	grpc_connection_drain(http2->server);
	http2_pump(http2);
	assert_true(grpc_connection_is_done(http2->server));
	http2_free(http2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grpc_limits_count_pings),
		cmocka_unit_test(test_grpc_limits_forgive_pings),
		cmocka_unit_test(test_grpc_limits_count_settings),
		cmocka_unit_test(test_grpc_limits_count_resets),
		cmocka_unit_test(test_grpc_limits_count_forced_resets),
		cmocka_unit_test(test_grpc_limits_count_empty_frames),
		cmocka_unit_test(test_grpc_limits_streams),
		cmocka_unit_test(test_grpc_limits_half_sent_requests),
		cmocka_unit_test(test_grpc_limits_half_sent_on_all),
		cmocka_unit_test(test_grpc_limits_slow_reader),
		cmocka_unit_test(test_grpc_limits_stream_backlog),
		cmocka_unit_test(test_grpc_limits_drain),
		cmocka_unit_test(test_grpc_limits_drain_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
