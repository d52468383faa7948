/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "unit/support.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "unit/http2.h"
#include "wire/grpc_text.h"

static const struct grpc_server_limits LIMITS = {
	.message_size_max = 1u << 20,
	.streams_max = 100,
};

/* How the bytes are cut: all at once, and as badly as can be. */
static const size_t PIECES[] = { 0, 1, 7, 1000 };

static struct slice gzip(uint8_t *out, size_t room, struct slice bytes)
{
	z_stream stream = { 0 };

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8,
				      Z_DEFAULT_STRATEGY),
			 Z_OK);
	stream.next_in = (Bytef *)(uintptr_t)bytes.data;
	stream.avail_in = (uInt)bytes.size;
	stream.next_out = out;
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return slice_of(out, room - stream.avail_out);
}

/* Goal: a unary call is answered, however the bytes are cut. */
static void test_grpc_server_answers(void **state)
{
	uint8_t frame[64];
	struct echo echo;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(PIECES); i++) {
		struct http2 *http2 = http2_create(&LIMITS, &echo, PIECES[i]);
		const struct http2_request request = {
			.timeout = "250m",
			.body = http2_frame(frame, "hello", 5, 0),
		};
		const struct http2_response *response =
			http2_ask(http2, &request);

		assert_int_equal(response->http_status, 200);
		assert_string_equal(response->content_type, "application/grpc");
		assert_int_equal(response->grpc_status, GRPC_OK);
		assert_int_equal(response->body_size, 10);
		assert_memory_equal(response->body, frame, 10);
		assert_true(response->has_ended);
		assert_true(response->has_closed);
		assert_int_equal(response->reset_code, NO_STATUS);
		assert_int_equal(echo.messages, 1);
		assert_int_equal(echo.ends, 1);
		assert_int_equal(echo.timeout_us, 250000);
		assert_int_equal(grpc_connection_calls(http2->server), 0);
		assert_true(http2->is_open);
		http2_free(http2);
	}
}

/* Goal: an empty message is a message, and OK may come without one. */
static void test_grpc_server_answers_without_bytes(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	struct http2_request request = { .body = http2_frame(frame, "", 0, 0) };
	const struct http2_response *response = http2_ask(http2, &request);

	(void)state;
	assert_int_equal(response->grpc_status, GRPC_OK);
	assert_int_equal(response->body_size, 5);
	assert_false(echo.was_null);
	request.body = http2_frame(frame, "none", 4, 0);
	response = http2_ask(http2, &request);
	assert_int_equal(response->grpc_status, GRPC_OK);
	assert_int_equal(response->body_size, 0);
	http2_free(http2);
}

/* Goal: a refusal is Trailers-Only, its text percent-encoded, its details
 * base64 without padding. */
static void test_grpc_server_encodes_status(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 1);
	const struct http2_request request = { .body = http2_frame(
						       frame, "fail", 4, 0) };
	const struct http2_response *response = http2_ask(http2, &request);

	(void)state;
	assert_int_equal(response->http_status, 200);
	assert_int_equal(response->grpc_status, GRPC_ABORTED);
	assert_string_equal(response->message, "50%25 of it: %C3%A9");
	assert_string_equal(response->details, "CAr/");
	assert_int_equal(response->body_size, 0);
	assert_true(response->has_ended);
	http2_free(http2);
}

/* Goal: each sort of unfit request is answered as told, before any handler
 * sees it, and the connection lives on. */
static void test_grpc_server_refuses_requests(void **state)
{
	static char long_path[400];
	const struct {
		struct http2_request request;
		uint32_t http_status;
		uint32_t grpc_status;
	} cases[] = {
		{ { .content_type = "application/json" }, 415, 0 },
		{ { .content_type = "" }, 415, 0 },
		{ { .content_type = "application/grpc-web" }, 415, 0 },
		{ { .content_type = "application/grpc+json" }, 415, 0 },
		{ { .method = "PUT" }, 405, 0 },
		{ { .te = "" }, 400, 0 },
		{ { .path = "/test.Echo/Other" }, 200, GRPC_UNIMPLEMENTED },
		{ { .path = long_path }, 200, GRPC_UNIMPLEMENTED },
		{ { .encoding = "br" }, 200, GRPC_UNIMPLEMENTED },
		{ { .timeout = "1x" }, 200, GRPC_INVALID_ARGUMENT },
		{ { .timeout = "S" }, 200, GRPC_INVALID_ARGUMENT },
		{ { .timeout = "123456789S" }, 200, GRPC_INVALID_ARGUMENT },
		{ { .padding_fields = 17 }, 200, GRPC_RESOURCE_EXHAUSTED },
		/* Two at once: the method comes first (rule RPC-4). */
		{ { .path = "/a/B", .encoding = "br" },
		  200,
		  GRPC_UNIMPLEMENTED },
	};
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request good = {
		.content_type = "application/grpc+proto",
		.body = http2_frame(frame, "hello", 5, 0)
	};

	(void)state;
	memset(long_path, '/', sizeof(long_path) - 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http2_request request = cases[i].request;
		const struct http2_response *response;

		request.body = good.body;
		response = http2_ask(http2, &request);
		assert_int_equal(response->http_status, cases[i].http_status);
		if (response->http_status == 200)
			assert_int_equal(response->grpc_status,
					 cases[i].grpc_status);
		if (request.encoding != NULL)
			assert_string_equal(response->accept_encoding,
					    "identity,gzip");
		assert_true(response->has_closed);
		assert_int_equal(echo.messages, 0);
		assert_int_equal(grpc_connection_calls(http2->server), 0);
	}
	assert_int_equal(http2_ask(http2, &good)->grpc_status, GRPC_OK);
	http2_free(http2);
}

/* Goal: framing that is wrong is refused by the code of its kind. */
static void test_grpc_server_refuses_framing(void **state)
{
	static const struct {
		struct slice body;
		uint32_t grpc_status;
		const char *encoding;
	} cases[] = {
		{ SLICE(""), GRPC_UNIMPLEMENTED, NULL },
		{ SLICE("\0\0\0\0\1a\0\0\0\0\1b"), GRPC_UNIMPLEMENTED, NULL },
		{ SLICE("\0\0\0\0\1ab"), GRPC_UNIMPLEMENTED, NULL },
		{ SLICE("\0\0\0"), GRPC_INVALID_ARGUMENT, NULL },
		{ SLICE("\0\0\0\0\5abcd"), GRPC_INVALID_ARGUMENT, NULL },
		{ SLICE("\2\0\0\0\1a"), GRPC_INVALID_ARGUMENT, NULL },
		{ SLICE("\1\0\0\0\1a"), GRPC_INVALID_ARGUMENT, NULL },
		{ SLICE("\1\0\0\0\1a"), GRPC_INVALID_ARGUMENT, "identity" },
		{ SLICE("\1\0\0\0\4abcd"), GRPC_INVALID_ARGUMENT, "gzip" },
		{ SLICE("\1\0\0\0\0"), GRPC_INVALID_ARGUMENT, "gzip" },
		{ SLICE("\0\0\x10\0\1"), GRPC_RESOURCE_EXHAUSTED, NULL },
		{ SLICE("\0\xff\xff\xff\xff"), GRPC_RESOURCE_EXHAUSTED, NULL },
	};
	struct echo echo;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (size_t k = 0; k < COUNT_OF(PIECES); k++) {
			struct http2 *http2 =
				http2_create(&LIMITS, &echo, PIECES[k]);
			const struct http2_request request = {
				.encoding = cases[i].encoding,
				.body = cases[i].body
			};

			assert_int_equal(
				http2_ask(http2, &request)->grpc_status,
				cases[i].grpc_status);
			assert_int_equal(echo.messages, 0);
			http2_free(http2);
		}
	}
}

/* Goal: an oversize message is answered while the client still sends, by
 * status, then RST_STREAM(NO_ERROR), never the other way round. */
static void test_grpc_server_answers_oversize_early(void **state)
{
	static uint8_t big[200000];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = {
		.stays_open = true, .body = http2_frame(big, "", 0, 0)
	};
	const struct http2_response *response;

	(void)state;
	/* It promises 1 MiB and a byte. */
	memcpy(big, "\0\0\x10\0\1", 5);
	response = http2_ask(http2, &request);
	assert_int_equal(response->grpc_status, GRPC_RESOURCE_EXHAUSTED);
	assert_true(response->has_ended);
	assert_int_equal(response->reset_code, NGHTTP2_NO_ERROR);
	assert_true(response->has_closed);
	assert_int_equal(grpc_connection_calls(http2->server), 0);
	assert_int_equal(echo.messages, 0);
	assert_true(http2->is_open);
	http2_free(http2);
}

/* Goal: the largest message is taken, from one round of flow control, and
 * one byte more is not; a reply of that size goes back. */
static void test_grpc_server_takes_the_largest(void **state)
{
	const size_t size = LIMITS.message_size_max;
	uint8_t *frame = calloc(1, size + 6);
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	struct http2_request request = { 0 };
	const struct http2_response *response;

	(void)state;
	assert_non_null(frame);
	frame[5 + size / 2] = 77;
	request.body = slice_of(frame, size + 5);
	memcpy(frame, "\0\0\x10\0\0", 5);
	response = http2_ask(http2, &request);
	assert_int_equal(response->grpc_status, GRPC_OK);
	assert_int_equal(response->body_size, size + 5);
	assert_memory_equal(response->body, frame, size + 5);
	memcpy(frame, "\0\0\x10\0\1", 5);
	request.body = slice_of(frame, size + 6);
	response = http2_ask(http2, &request);
	assert_int_equal(response->grpc_status, GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(echo.messages, 1);
	free(frame);
	http2_free(http2);
}

/* Goal: gzip is inflated, and bounded by the same limit (rule RPC-8). */
static void test_grpc_server_inflates(void **state)
{
	const size_t size = LIMITS.message_size_max;
	uint8_t *zeros = calloc(1, size + 1);
	uint8_t packed[4096];
	uint8_t frame[4200];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 100);
	struct http2_request request = { .encoding = "gzip" };
	const struct http2_response *response;
	struct slice bytes;

	(void)state;
	assert_non_null(zeros);
	bytes = gzip(packed, sizeof(packed), SLICE("hello"));
	request.body = http2_frame(frame, bytes.data, bytes.size, 1);
	response = http2_ask(http2, &request);
	assert_int_equal(response->grpc_status, GRPC_OK);
	assert_memory_equal(response->body, "\0\0\0\0\5hello", 10);
	/* Cut off, and with bytes behind its end. */
	request.body = http2_frame(frame, bytes.data, bytes.size - 1, 1);
	assert_int_equal(http2_ask(http2, &request)->grpc_status,
			 GRPC_INVALID_ARGUMENT);
	request.body = http2_frame(frame, bytes.data, bytes.size + 1, 1);
	assert_int_equal(http2_ask(http2, &request)->grpc_status,
			 GRPC_INVALID_ARGUMENT);
	/* Not compressed, though it could be. */
	request.body = http2_frame(frame, "plain", 5, 0);
	assert_int_equal(http2_ask(http2, &request)->grpc_status, GRPC_OK);
	bytes = gzip(packed, sizeof(packed), slice_of(zeros, size));
	request.body = http2_frame(frame, bytes.data, bytes.size, 1);
	assert_int_equal(http2_ask(http2, &request)->grpc_status, GRPC_OK);
	bytes = gzip(packed, sizeof(packed), slice_of(zeros, size + 1));
	request.body = http2_frame(frame, bytes.data, bytes.size, 1);
	assert_int_equal(http2_ask(http2, &request)->grpc_status,
			 GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(echo.messages, 3);
	free(zeros);
	http2_free(http2);
}

/* Goal: a client-streaming method gets each message as it comes, and the
 * close alone. */
static void test_grpc_server_streams(void **state)
{
	struct echo echo;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(PIECES); i++) {
		struct http2 *http2 = http2_create(&LIMITS, &echo, PIECES[i]);
		const struct http2_request request = {
			.path = "/test.Echo/Stream",
			.body = SLICE("\0\0\0\0\1a\0\0\0\0\0\0\0\0\0\2bc")
		};
		const struct http2_response *response =
			http2_ask(http2, &request);

		assert_int_equal(response->grpc_status, GRPC_OK);
		assert_int_equal(response->body_size, request.body.size);
		assert_memory_equal(response->body, request.body.data,
				    request.body.size);
		assert_int_equal(echo.messages, 4);
		assert_int_equal(echo.lasts, 1);
		assert_true(echo.was_null);
		assert_int_equal(echo.ends, 1);
		http2_free(http2);
	}
}

/* Goal: a stream that goes wrong after its first answer ends with the
 * refusal in its trailers, and the handler hears of the end once. */
static void test_grpc_server_refuses_in_a_stream(void **state)
{
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request request = {
		.path = "/test.Echo/Stream",
		.body = SLICE("\0\0\0\0\1a\7\0\0\0\1b"),
		.stays_open = true
	};
	const struct http2_response *response = http2_ask(http2, &request);

	(void)state;
	assert_int_equal(response->grpc_status, GRPC_INVALID_ARGUMENT);
	assert_string_equal(response->message, "malformed message prefix");
	assert_int_equal(response->body_size, 6);
	assert_int_equal(echo.messages, 1);
	assert_int_equal(echo.ends, 1);
	http2_free(http2);
}

/* Goal: calls are answered in any order, long after they came. */
static void test_grpc_server_answers_later(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request hold = { .body = http2_frame(frame, "hold",
								4, 0) };
	int32_t ids[50];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		ids[i] = http2_submit(http2, &hold);
	http2_pump(http2);
	assert_int_equal(echo.held_count, COUNT_OF(ids));
	assert_int_equal(grpc_connection_calls(http2->server), COUNT_OF(ids));
	assert_false(http2_response(http2, ids[0])->has_closed);
	while (echo.held_count > 0)
		echo_answer(&echo, SLICE("x"));
	assert_int_equal(grpc_connection_calls(http2->server), 0);
	http2_pump(http2);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		const struct http2_response *response =
			http2_response(http2, ids[i]);

		assert_int_equal(response->grpc_status, GRPC_OK);
		assert_int_equal(response->body_size, 6);
	}
	assert_int_equal(echo.ends, COUNT_OF(ids));
	http2_free(http2);
}

/* Goal: a call that the client resets ends at the handler, and so does one
 * whose connection is freed. */
static void test_grpc_server_ends_calls(void **state)
{
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request hold = { .body = http2_frame(frame, "hold",
								4, 0) };
	const int32_t id = http2_submit(http2, &hold);

	(void)state;
	http2_submit(http2, &hold);
	http2_pump(http2);
	assert_int_equal(echo.held_count, 2);
	assert_int_equal(nghttp2_submit_rst_stream(http2->session, 0, id,
						   NGHTTP2_CANCEL),
			 0);
	http2_pump(http2);
	assert_int_equal(echo.ends, 1);
	assert_int_equal(echo.held_count, 1);
	assert_int_equal(grpc_connection_calls(http2->server), 1);
	http2_free(http2);
	assert_int_equal(echo.ends, 2);
	assert_int_equal(echo.held_count, 0);
}

/* Goal: a text that is too long is cut at a character, details that are are
 * left out, so that a client's bound on trailers holds. */
static void test_grpc_server_cuts_status(void **state)
{
	static uint8_t text[2000];
	static uint8_t details[4000];
	uint8_t frame[64];
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 0);
	const struct http2_request hold = { .body = http2_frame(frame, "hold",
								4, 0) };
	const struct http2_response *response = http2_ask(http2, &hold);
	struct grpc_status status = { .code = GRPC_INTERNAL };

	(void)state;
	memset(text, 'a', sizeof(text));
	/* A character of two bytes lies across the cut. */
	memcpy(text + 1023, "\xc3\xa9", 2);
	status.message = slice_of(text, sizeof(text));
	status.details = slice_of(details, sizeof(details));
	grpc_call_finish(echo.held[0], &status);
	http2_pump(http2);
	assert_int_equal(response->grpc_status, GRPC_INTERNAL);
	assert_int_equal(strlen(response->message), 1023);
	assert_string_equal(response->details, "");
	http2_free(http2);
}

/* Goal: what is no HTTP/2 ends the connection at once. */
static void test_grpc_server_closes_on_garbage(void **state)
{
	struct echo echo;
	struct http2 *http2 = http2_create(&LIMITS, &echo, 1);

	(void)state;
	http2_inject(http2, SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_false(http2->is_open);
	assert_int_equal(grpc_connection_send(http2->server).size, 0);
	assert_true(grpc_connection_is_done(http2->server));
	http2_free(http2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grpc_server_answers),
		cmocka_unit_test(test_grpc_server_answers_without_bytes),
		cmocka_unit_test(test_grpc_server_encodes_status),
		cmocka_unit_test(test_grpc_server_refuses_requests),
		cmocka_unit_test(test_grpc_server_refuses_framing),
		cmocka_unit_test(test_grpc_server_answers_oversize_early),
		cmocka_unit_test(test_grpc_server_takes_the_largest),
		cmocka_unit_test(test_grpc_server_inflates),
		cmocka_unit_test(test_grpc_server_streams),
		cmocka_unit_test(test_grpc_server_refuses_in_a_stream),
		cmocka_unit_test(test_grpc_server_answers_later),
		cmocka_unit_test(test_grpc_server_ends_calls),
		cmocka_unit_test(test_grpc_server_cuts_status),
		cmocka_unit_test(test_grpc_server_closes_on_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
