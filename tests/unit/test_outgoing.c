/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/outgoing.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "unit/http2.h"
#include "unit/tls_world.h"

#define LINZ SLICE("linz")
#define LINZ_URI "spiffe://alps/city/linz"
#define ECHO_PATH "/test.Echo/Unary"
#define SECOND_US UINT64_C(1000000)
#define PEERS_MAX 8
/* Real time that anything may take. */
#define PATIENCE_S 20

/* One connection at the neighbour's. */
struct peer {
	int socket;
	SSL *ssl;
	struct grpc_connection *grpc; /* from the end of the handshake on */
	bool is_gone;
};

/* The neighbour: a listener, and what it does with who comes. */
struct neighbour {
	int listener;
	SSL_CTX *tls;
	bool is_silent; /* accepts, and says nothing */
	bool is_mute;	/* shakes hands, and says nothing */
	struct peer peers[PEERS_MAX];
	uint32_t count;
	struct echo echo;
};

/* How a call ended. */
struct outcome {
	uint32_t count;
	uint32_t code;
	size_t size;
};

struct rig {
	struct city *city;
	struct holder linz;
	struct neighbour graz;
	struct event_base *base;
	struct outgoing *outgoing;
	SSL_CTX *tls; /* to dial with */
	uint64_t now_us;
	uint32_t opened;
	uint32_t failed;
	char why[256];
};

static const struct grpc_server_limits LIMITS = {
	.message_size_max = 1u << 20,
	.streams_max = 1000,
};

static struct rig rig;

static SSL_CTX *tls_of(void *context)
{
	(void)context;
	return rig.tls;
}

static uint64_t now_of(void *context)
{
	(void)context;
	return rig.now_us;
}

static void on_state(void *context, bool is_open, const char *why)
{
	(void)context;
	assert_true(is_open == (why == NULL));
	assert_true(is_open == outgoing_is_open(rig.outgoing));
	if (is_open)
		rig.opened++;
	else
		rig.failed++;
	snprintf(rig.why, sizeof(rig.why), "%s", is_open ? "" : why);
}

static void on_done(void *user, const struct grpc_status *status,
		    struct slice message)
{
	struct outcome *outcome = user;

	outcome->count++;
	outcome->code = status->code;
	outcome->size = message.size;
}

/* ---- the neighbour */

static void peer_end(struct peer *peer)
{
	if (peer->is_gone)
		return;
	peer->is_gone = true;
	if (peer->grpc != NULL)
		grpc_connection_free(peer->grpc);
	SSL_free(peer->ssl);
	close(peer->socket);
}

static void peer_write(struct peer *peer)
{
	for (;;) {
		struct slice out = grpc_connection_send(peer->grpc);

		if (out.size == 0)
			return;
		/* What these tests send fits into any socket. */
		assert_int_equal(SSL_write(peer->ssl, out.data, (int)out.size),
				 out.size);
	}
}

static void peer_read(struct peer *peer)
{
	uint8_t bytes[16384];
	int size = SSL_read(peer->ssl, bytes, sizeof(bytes));

	if (size > 0 &&
	    grpc_connection_receive(peer->grpc, slice_of(bytes, (size_t)size),
				    rig.now_us))
		return;
	if (size > 0 || SSL_get_error(peer->ssl, size) != SSL_ERROR_WANT_READ)
		peer_end(peer);
	ERR_clear_error();
}

static void peer_shake(struct neighbour *neighbour, struct peer *peer)
{
	const int result = SSL_accept(peer->ssl);

	if (result == 1)
		peer->grpc = grpc_connection_create(&LIMITS, &ECHO,
						    &neighbour->echo);
	else if (SSL_get_error(peer->ssl, result) != SSL_ERROR_WANT_READ)
		peer_end(peer);
	ERR_clear_error();
}

static void peer_turn(struct neighbour *neighbour, struct peer *peer)
{
	if (peer->is_gone || neighbour->is_silent)
		return;
	if (peer->grpc == NULL)
		peer_shake(neighbour, peer);
	if (peer->is_gone || peer->grpc == NULL || neighbour->is_mute)
		return;
	peer_write(peer);
	peer_read(peer);
	if (!peer->is_gone)
		peer_write(peer);
}

static void neighbour_turn(struct neighbour *neighbour)
{
	const int socket = accept(neighbour->listener, NULL, NULL);

	if (socket >= 0) {
		struct peer *peer = &neighbour->peers[neighbour->count++];

		assert_true(neighbour->count <= PEERS_MAX);
		assert_int_equal(fcntl(socket, F_SETFL, O_NONBLOCK), 0);
		peer->socket = socket;
		peer->ssl = SSL_new(neighbour->tls);
		SSL_set_fd(peer->ssl, socket);
	}
	for (uint32_t i = 0; i < neighbour->count; i++)
		peer_turn(neighbour, &neighbour->peers[i]);
}

static void neighbour_listen(struct neighbour *neighbour, char *endpoint,
			     size_t size)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t at_size = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	neighbour->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_true(neighbour->listener >= 0);
	assert_int_equal(
		bind(neighbour->listener, (struct sockaddr *)&at, sizeof(at)),
		0);
	assert_int_equal(listen(neighbour->listener, PEERS_MAX), 0);
	assert_int_equal(getsockname(neighbour->listener,
				     (struct sockaddr *)&at, &at_size),
			 0);
	snprintf(endpoint, size, "127.0.0.1:%u", ntohs(at.sin_port));
}

/* ---- both */

static void turn(void)
{
	event_base_loop(rig.base, EVLOOP_NONBLOCK);
	neighbour_turn(&rig.graz);
	outgoing_flush(rig.outgoing);
}

/* Until *@count is @wanted, or nothing but real time would help. */
static void wait_for(const uint32_t *count, uint32_t wanted)
{
	const time_t end = time(NULL) + PATIENCE_S;

	while (*count != wanted) {
		assert_true(time(NULL) < end);
		turn();
		/* Others have the processor: the kernel, the resolver. */
		poll(NULL, 0, 1);
	}
}

/* Virtual time goes on; the loop turns so that nothing is left undone. */
static void advance(uint64_t us)
{
	rig.now_us += us;
	outgoing_tick(rig.outgoing, rig.now_us);
	for (int i = 0; i < 20; i++)
		turn();
}

static SSL_CTX *dialling_context(const struct city *city,
				 const struct holder *holder)
{
	const struct tls_city_ca graz = { CITY,
					  pem_view(&city->ca.certificate_pem) };
	struct tls_files files = files_of(city, holder);
	char error[TLS_ERROR_SIZE];
	SSL_CTX *tls;

	files.ca = pem_view(&city->other_ca.certificate_pem);
	files.cities = &graz;
	files.city_count = 1;
	tls = tls_client_context(&files, NODE_URI, error);
	assert_non_null(tls);
	return tls;
}

static SSL_CTX *listening_context(const struct city *city)
{
	const struct tls_city_ca linz = {
		LINZ, pem_view(&city->other_ca.certificate_pem)
	};
	struct tls_files files = files_of(city, &city->node);
	char error[TLS_ERROR_SIZE];
	SSL_CTX *tls;

	files.cities = &linz;
	files.city_count = 1;
	tls = tls_server_context(&files, FEDERATION, CITY, error);
	assert_non_null(tls);
	return tls;
}

/* @endpoint  NULL: the neighbour's. */
static void dial_to(const char *endpoint)
{
	char own[64];
	struct outgoing_options options = {
		.base = rig.base,
		.endpoint = endpoint,
		.message_size_max = 1u << 20,
		.tls = tls_of,
		.now = now_of,
		.on_state = on_state,
	};

	neighbour_listen(&rig.graz, own, sizeof(own));
	if (endpoint == NULL)
		options.endpoint = own;
	rig.outgoing = outgoing_create(&options);
	assert_non_null(rig.outgoing);
	assert_false(outgoing_is_open(rig.outgoing));
	outgoing_tick(rig.outgoing, rig.now_us);
}

static int setup(void **state)
{
	const struct wish wish = { .ca = &rig.city->other_ca,
				   .uri = SLICE(LINZ_URI) };

	(void)state;
	make(&rig.linz, &wish);
	rig.graz.listener = -1;
	rig.graz.tls = listening_context(rig.city);
	rig.tls = dialling_context(rig.city, &rig.linz);
	rig.base = event_base_new();
	rig.now_us = 1000 * SECOND_US;
	assert_non_null(rig.base);
	return 0;
}

static int teardown(void **state)
{
	struct city *city = rig.city;

	(void)state;
	if (rig.outgoing != NULL)
		outgoing_free(rig.outgoing);
	for (uint32_t i = 0; i < rig.graz.count; i++)
		peer_end(&rig.graz.peers[i]);
	close(rig.graz.listener);
	SSL_CTX_free(rig.graz.tls);
	SSL_CTX_free(rig.tls);
	event_base_free(rig.base);
	unmake(&rig.linz);
	memset(&rig, 0, sizeof(rig));
	rig.city = city;
	return 0;
}

static void call(const char *text, uint64_t timeout_us, struct outcome *outcome)
{
	memset(outcome, 0, sizeof(*outcome));
	assert_true(outgoing_call(rig.outgoing, ECHO_PATH,
				  slice_from_text(text), timeout_us, on_done,
				  outcome));
}

static void open_it(void)
{
	dial_to(NULL);
	wait_for(&rig.opened, 1);
}

/* Goal: it dials, opens, and calls come back with their answers. */
static void test_outgoing_calls(void **state)
{
	struct outcome outcome, none = { 0 };

	(void)state;
	dial_to(NULL);
	assert_false(outgoing_call(rig.outgoing, ECHO_PATH, SLICE("x"), 1,
				   on_done, &none));
	wait_for(&rig.opened, 1);
	assert_int_equal(rig.failed, 0);
	call("hello", 7 * SECOND_US, &outcome);
	assert_int_equal(outgoing_in_flight(rig.outgoing), 1);
	wait_for(&outcome.count, 1);
	assert_int_equal(outcome.code, GRPC_OK);
	assert_int_equal(outcome.size, 5);
	assert_int_equal(rig.graz.echo.timeout_us, 7 * SECOND_US);
	assert_int_equal(outgoing_in_flight(rig.outgoing), 0);
	assert_int_equal(none.count, 0);
}

/* Goal: a call that takes too long ends once, and the connection stays. */
static void test_outgoing_ends_late_calls(void **state)
{
	struct outcome late, other;

	(void)state;
	open_it();
	call("hold", 2 * SECOND_US, &late);
	call("hold", 3 * SECOND_US, &other);
	wait_for(&rig.graz.echo.held_count, 2);
	advance(2 * SECOND_US - 1);
	assert_int_equal(late.count, 0);
	advance(1);
	assert_int_equal(late.count, 1);
	assert_int_equal(late.code, GRPC_DEADLINE_EXCEEDED);
	assert_int_equal(other.count, 0);
	advance(SECOND_US);
	assert_int_equal(other.count, 1);
	call("hello", SECOND_US, &other);
	wait_for(&other.count, 1);
	assert_int_equal(other.code, GRPC_OK);
	assert_int_equal(late.count, 1);
	assert_int_equal(rig.failed, 0);
}

/* Goal: calls end when the connection goes; soon after it had opened that
 * counts as a failure, and the next attempt waits. */
static void test_outgoing_loses_connection(void **state)
{
	struct outcome outcome;

	(void)state;
	open_it();
	call("hold", 60 * SECOND_US, &outcome);
	wait_for(&rig.graz.echo.held_count, 1);
	peer_end(&rig.graz.peers[0]);
	wait_for(&outcome.count, 1);
	assert_int_equal(outcome.code, GRPC_UNAVAILABLE);
	assert_int_equal(rig.failed, 1);
	assert_false(outgoing_is_open(rig.outgoing));
	advance(3 * SECOND_US / 4 - 1);
	assert_int_equal(rig.graz.count, 1);
	advance(SECOND_US);
	wait_for(&rig.opened, 2);
	assert_int_equal(rig.graz.count, 2);
	assert_int_equal(outcome.count, 1);
}

/* Goal: a neighbour that asks for a new connection after a good while gets
 * it at once, and what it still owed comes over the old one. */
static void test_outgoing_comes_anew(void **state)
{
	struct outcome owed, fresh;

	(void)state;
	open_it();
	advance(OUTGOING_WORKED_US);
	call("hold", 60 * SECOND_US, &owed);
	wait_for(&rig.graz.echo.held_count, 1);
	grpc_connection_drain(rig.graz.peers[0].grpc);
	wait_for(&rig.failed, 1);
	assert_int_equal(owed.count, 0);
	advance(0);
	wait_for(&rig.opened, 2);
	call("hello", SECOND_US, &fresh);
	wait_for(&fresh.count, 1);
	assert_int_equal(fresh.code, GRPC_OK);
	echo_answer(&rig.graz.echo, SLICE("late, but here"));
	wait_for(&owed.count, 1);
	assert_int_equal(owed.code, GRPC_OK);
	assert_int_equal(owed.size, 14);
	assert_int_equal(outgoing_in_flight(rig.outgoing), 0);
}

/* Goal: what is owed on an old connection is not waited for without end. */
static void test_outgoing_leaves_for_good(void **state)
{
	struct outcome owed;

	(void)state;
	open_it();
	call("hold", 60 * SECOND_US, &owed);
	wait_for(&rig.graz.echo.held_count, 1);
	grpc_connection_drain(rig.graz.peers[0].grpc);
	wait_for(&rig.failed, 1);
	advance(OUTGOING_LEAVING_US_MAX - 1);
	assert_int_equal(owed.count, 0);
	advance(1);
	assert_int_equal(owed.count, 1);
	assert_int_equal(owed.code, GRPC_UNAVAILABLE);
}

/* Goal: a neighbour that does not know this city is never open, and is
 * dialled ever more seldom; one that came here itself is dialled soon, and not
 * more often for coming often. */
static void test_outgoing_is_refused(void **state)
{
	const struct tls_files files = files_of(rig.city, &rig.city->node);
	char error[TLS_ERROR_SIZE];

	(void)state;
	SSL_CTX_free(rig.graz.tls);
	rig.graz.tls = tls_server_context(&files, FEDERATION, CITY, error);
	dial_to(NULL);
	wait_for(&rig.failed, 1);
	advance(SECOND_US);
	wait_for(&rig.failed, 2);
	advance(SECOND_US);
	assert_int_equal(rig.graz.count, 2);
	advance(SECOND_US);
	wait_for(&rig.failed, 3);
	outgoing_hurry(rig.outgoing);
	outgoing_hurry(rig.outgoing);
	advance(OUTGOING_HURRY_US - 1);
	assert_int_equal(rig.graz.count, 3);
	advance(1);
	wait_for(&rig.failed, 4);
	/* The next wait is a long one again. */
	advance(5 * SECOND_US);
	assert_int_equal(rig.graz.count, 4);
	outgoing_hurry(rig.outgoing);
	advance(0);
	wait_for(&rig.failed, 5);
	assert_int_equal(rig.opened, 0);
	SSL_CTX_free(rig.graz.tls);
	rig.graz.tls = listening_context(rig.city);
	advance(60 * SECOND_US);
	wait_for(&rig.opened, 1);
}

/* Goal: a neighbour that comes here while it is being dialled is dialled anew
 * soon when that fails; one that comes on while all is well is not. */
static void test_outgoing_hurries_on(void **state)
{
	(void)state;
	rig.graz.is_silent = true;
	dial_to(NULL);
	for (uint32_t i = 1; i <= 3; i++) {
		wait_for(&rig.graz.count, i);
		outgoing_hurry(rig.outgoing);
		advance(5 * SECOND_US);
		assert_int_equal(rig.failed, i);
		advance(OUTGOING_HURRY_US);
	}
	rig.graz.is_silent = false;
	wait_for(&rig.opened, 1);
	outgoing_hurry(rig.outgoing);
	peer_end(&rig.graz.peers[3]);
	wait_for(&rig.failed, 4);
	advance(5 * SECOND_US);
	assert_int_equal(rig.graz.count, 4);
}

/* Goal: who stands at the endpoint with another certificate is not talked
 * to. */
static void test_outgoing_pins(void **state)
{
	const struct wish wish = { .ca = &rig.city->other_ca,
				   .uri = SLICE(NODE_URI) };
	struct holder impostor;

	(void)state;
	make(&impostor, &wish);
	SSL_CTX_use_certificate(rig.graz.tls, impostor.certificate);
	SSL_CTX_use_PrivateKey(rig.graz.tls, impostor.key);
	dial_to(NULL);
	wait_for(&rig.failed, 1);
	assert_memory_equal(rig.why, "handshake: ", 11);
	assert_null(rig.graz.peers[0].grpc);
	unmake(&impostor);
}

/* Goal: each kind of silence ends in its time. */
static void test_outgoing_ends_silence(void **state)
{
	(void)state;
	rig.graz.is_silent = true;
	dial_to(NULL);
	wait_for(&rig.graz.count, 1);
	advance(5 * SECOND_US - 1);
	assert_int_equal(rig.failed, 0);
	advance(1);
	assert_int_equal(rig.failed, 1);
	assert_string_equal(rig.why, "handshake: no answer in time");
	rig.graz.is_silent = false;
	rig.graz.is_mute = true;
	advance(SECOND_US);
	wait_for(&rig.graz.count, 2);
	while (rig.graz.peers[1].grpc == NULL)
		turn();
	advance(5 * SECOND_US - 1);
	assert_int_equal(rig.failed, 1);
	advance(1);
	assert_int_equal(rig.failed, 2);
	assert_string_equal(rig.why, "no word after the handshake");
	assert_int_equal(rig.opened, 0);
}

/* Goal: names are looked up; what is none, and nobody there, are told. */
static void test_outgoing_finds(void **state)
{
	static const struct {
		const char *endpoint;
		const char *why; /* it starts so */
	} cases[] = {
		{ "a..b:7440", "name: " },
		{ "7440", "endpoint: not HOST:PORT" },
		{ "127.0.0.1:1", "connect: Connection refused" },
		{ "localhost:1", "connect: Connection refused" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		dial_to(cases[i].endpoint);
		wait_for(&rig.failed, 1);
		assert_memory_equal(rig.why, cases[i].why,
				    strlen(cases[i].why));
		teardown(state);
		setup(state);
	}
}

/* Goal: no more calls at once than the bound; one more when one has ended;
 * and all end once when it is freed. */
static void test_outgoing_bounds_calls(void **state)
{
	static struct outcome outcomes[OUTGOING_CALLS_MAX];
	struct outcome more = { 0 };

	(void)state;
	open_it();
	for (size_t i = 0; i < COUNT_OF(outcomes); i++)
		call("hold", SECOND_US, &outcomes[i]);
	assert_false(outgoing_call(rig.outgoing, ECHO_PATH, SLICE("x"), 1,
				   on_done, &more));
	wait_for(&rig.graz.echo.held_count, OUTGOING_CALLS_MAX);
	echo_answer(&rig.graz.echo, SLICE("y"));
	wait_for(&outcomes[0].count, 1);
	call("hold", SECOND_US, &more);
	outgoing_free(rig.outgoing);
	rig.outgoing = NULL;
	for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
		assert_int_equal(outcomes[i].count, 1);
		assert_int_equal(outcomes[i].code,
				 i == 0 ? GRPC_OK : GRPC_UNAVAILABLE);
	}
	assert_int_equal(more.count, 1);
}

/* Goal: after a reload a peer that is no longer good is left at once, one
 * that is stays; without credentials nothing is dialled. */
static void test_outgoing_checks(void **state)
{
	SSL_CTX *good = rig.tls;
	SSL_CTX *wrong;
	struct tls_files files = files_of(rig.city, &rig.linz);
	const struct tls_city_ca other = {
		CITY, pem_view(&rig.city->other_ca.certificate_pem)
	};
	char error[TLS_ERROR_SIZE];

	(void)state;
	files.ca = other.ca;
	files.cities = &other;
	files.city_count = 1;
	wrong = tls_client_context(&files, NODE_URI, error);
	assert_non_null(wrong);
	open_it();
	outgoing_check(rig.outgoing);
	assert_true(outgoing_is_open(rig.outgoing));
	rig.tls = wrong;
	outgoing_check(rig.outgoing);
	assert_false(outgoing_is_open(rig.outgoing));
	assert_int_equal(rig.failed, 1);
	rig.tls = NULL;
	advance(0);
	assert_int_equal(rig.failed, 2);
	rig.tls = good;
	outgoing_check(rig.outgoing);
	advance(0);
	wait_for(&rig.opened, 2);
	SSL_CTX_free(wrong);
}

static int begin(void **state)
{
	/* As a node does: a peer that went is an error, not the end. */
	signal(SIGPIPE, SIG_IGN);
	return tls_world_setup((void **)&rig.city) + (*state != NULL);
}

static int finish(void **state)
{
	(void)state;
	return tls_world_teardown((void **)&rig.city);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_outgoing_calls),
		TEST(test_outgoing_ends_late_calls),
		TEST(test_outgoing_loses_connection),
		TEST(test_outgoing_comes_anew),
		TEST(test_outgoing_leaves_for_good),
		TEST(test_outgoing_is_refused),
		TEST(test_outgoing_hurries_on),
		TEST(test_outgoing_pins),
		TEST(test_outgoing_ends_silence),
		TEST(test_outgoing_finds),
		TEST(test_outgoing_bounds_calls),
		TEST(test_outgoing_checks),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
