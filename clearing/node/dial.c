/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/endpoint.h"
#include "node/lookup.h"
#include "wire/tls.h"

/* A neighbour that is silent for so long is gone, not slow. */
#define SILENCE_MS_MAX 20000
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_EVERY_S 5
#define KEEPALIVE_COUNT 3

/*
 *   NAME --addresses--> CONNECT --tcp--> HANDSHAKE --tls--> done
 *   CONNECT, HANDSHAKE --failed, too late--> CONNECT of the next address
 *   NAME --failed--> done            CONNECT without a next --> done
 */
enum dial_state {
	DIAL_NAME,
	DIAL_CONNECT,
	DIAL_HANDSHAKE,
};

struct dial {
	struct dial_options options;
	enum dial_state state;
	char host[ENDPOINT_HOST_SIZE];
	char port[ENDPOINT_PORT_SIZE];
	struct event *begin;
	struct lookup *lookup; /* while in NAME, for a name */
	struct addrinfo *found;
	const struct addrinfo *next;
	uint32_t tried;
	int socket; /* -1: none */
	SSL *ssl;
	struct event *readable;
	struct event *writable;
	uint64_t deadline_us;	       /* of the state; none in NAME */
	char reason[DIAL_REASON_SIZE]; /* of the failure before */
};

static void explain(struct dial *dial, const char *what, const char *why)
{
	snprintf(dial->reason, sizeof(dial->reason), "%s: %s", what, why);
}

/* Everything of the present address. */
static void hang_up(struct dial *dial)
{
	if (dial->readable != NULL)
		event_free(dial->readable);
	if (dial->writable != NULL)
		event_free(dial->writable);
	dial->readable = dial->writable = NULL;
	ERR_clear_error();
	SSL_free(dial->ssl);
	dial->ssl = NULL;
	if (dial->socket >= 0)
		close(dial->socket);
	dial->socket = -1;
}

void dial_cancel(struct dial *dial)
{
	hang_up(dial);
	if (dial->lookup != NULL)
		lookup_cancel(dial->lookup);
	if (dial->found != NULL)
		freeaddrinfo(dial->found);
	if (dial->begin != NULL)
		event_free(dial->begin);
	SSL_CTX_free(dial->options.tls);
	free(dial);
}

/* The end: with @ssl, or with the reason. */
static void finish(struct dial *dial, SSL *ssl)
{
	const struct dial_options options = dial->options;
	char reason[DIAL_REASON_SIZE];

	memcpy(reason, dial->reason, sizeof(reason));
	dial_cancel(dial);
	options.done(options.context, ssl, ssl == NULL ? reason : NULL);
}

static void shake_hands(struct dial *dial);
static void on_ready(evutil_socket_t socket, short what, void *argument);

static void set_options(int socket)
{
	const int on = 1, idle = KEEPALIVE_IDLE_S, every = KEEPALIVE_EVERY_S,
		  count = KEEPALIVE_COUNT, silence = SILENCE_MS_MAX;

	/* Without one of them the connection is worse, but it is one. */
	(void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle,
			 sizeof(idle));
	(void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &every,
			 sizeof(every));
	(void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &count,
			 sizeof(count));
	(void)setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &silence,
			 sizeof(silence));
}

static bool watch(struct dial *dial)
{
	struct event_base *base = dial->options.base;

	dial->readable = event_new(base, dial->socket, EV_READ | EV_PERSIST,
				   on_ready, dial);
	dial->writable =
		event_new(base, dial->socket, EV_WRITE, on_ready, dial);
	return dial->readable != NULL && dial->writable != NULL &&
	       event_add(dial->writable, NULL) == 0;
}

/* Returns false, with the reason, when this address is none to wait for. */
static bool connect_to(struct dial *dial, const struct addrinfo *address)
{
	const uint64_t now_us = dial->options.now(dial->options.context);

	dial->state = DIAL_CONNECT;
	dial->deadline_us = now_us + DIAL_CONNECT_US_MAX;
	dial->socket = socket(address->ai_family,
			      SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->socket < 0) {
		explain(dial, "connect", strerror(errno));
		return false;
	}
	set_options(dial->socket);
	if (connect(dial->socket, address->ai_addr, address->ai_addrlen) != 0 &&
	    errno != EINPROGRESS) {
		explain(dial, "connect", strerror(errno));
		return false;
	}
	if (watch(dial))
		return true;
	explain(dial, "connect", "out of memory");
	return false;
}

/* The next address that can be waited for; the end when there is none. */
static void try_next(struct dial *dial)
{
	hang_up(dial);
	while (dial->next != NULL && dial->tried < DIAL_ADDRESSES_MAX) {
		const struct addrinfo *address = dial->next;

		dial->next = address->ai_next;
		dial->tried++;
		if (connect_to(dial, address))
			return;
		hang_up(dial);
	}
	finish(dial, NULL);
}

/* TCP said something: is it connected? */
static void after_connect(struct dial *dial)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(dial->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0) {
		explain(dial, "connect", strerror(error));
		try_next(dial);
		return;
	}
	dial->state = DIAL_HANDSHAKE;
	dial->deadline_us = dial->options.now(dial->options.context) +
			    DIAL_HANDSHAKE_US_MAX;
	dial->ssl = SSL_new(dial->options.tls);
	if (dial->ssl == NULL || SSL_set_fd(dial->ssl, dial->socket) != 1 ||
	    event_add(dial->readable, NULL) != 0) {
		explain(dial, "handshake", "out of memory");
		try_next(dial);
		return;
	}
	SSL_set_mode(dial->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_connect_state(dial->ssl);
	shake_hands(dial);
}

static const char *tls_reason(const SSL *ssl)
{
	const long verified = SSL_get_verify_result(ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_error());

	if (verified != X509_V_OK)
		return X509_verify_cert_error_string(verified);
	return reason == NULL ? "the other end closed" : reason;
}

/* (rule RPC-1, rule RPC-2) */
static void after_handshake(struct dial *dial)
{
	uint8_t data[IDENTITY_URI_SIZE_MAX];
	struct identity peer;
	struct buffer uri;
	SSL *ssl = dial->ssl;

	buffer_init(&uri, data, sizeof(data));
	if (!tls_peer_identity(ssl, &uri, &peer)) {
		explain(dial, "handshake", "no identity, or not HTTP/2");
		try_next(dial);
		return;
	}
	dial->ssl = NULL;
	dial->socket = -1;
	finish(dial, ssl);
}

static void shake_hands(struct dial *dial)
{
	int result;

	ERR_clear_error();
	result = SSL_connect(dial->ssl);
	if (result == 1) {
		after_handshake(dial);
		return;
	}
	switch (SSL_get_error(dial->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_WANT_WRITE:
		event_add(dial->writable, NULL);
		break;
	default:
		explain(dial, "handshake", tls_reason(dial->ssl));
		try_next(dial);
		return;
	}
	ERR_clear_error();
}

static void on_ready(evutil_socket_t socket, short what, void *argument)
{
	struct dial *dial = argument;

	(void)socket;
	(void)what;
	(void)dial->options.now(dial->options.context);
	if (dial->state == DIAL_CONNECT)
		after_connect(dial);
	else
		shake_hands(dial);
}

static void on_found(void *context, struct addrinfo *found, const char *why)
{
	struct dial *dial = context;

	(void)dial->options.now(dial->options.context);
	dial->lookup = NULL;
	dial->found = found;
	dial->next = found;
	if (found == NULL)
		explain(dial, "name", why);
	try_next(dial);
}

static void on_begin(evutil_socket_t socket, short what, void *argument)
{
	struct dial *dial = argument;

	(void)socket;
	(void)what;
	(void)dial->options.now(dial->options.context);
	if (dial->host[0] == '\0') {
		explain(dial, "endpoint", "not HOST:PORT");
		finish(dial, NULL);
		return;
	}
	dial->found = lookup_address(dial->host, dial->port);
	dial->next = dial->found;
	if (dial->found != NULL) {
		try_next(dial);
		return;
	}
	dial->lookup = lookup_start(dial->options.base, dial->host, dial->port,
				    on_found, dial);
	if (dial->lookup != NULL)
		return;
	explain(dial, "name", "out of memory or threads");
	finish(dial, NULL);
}

struct dial *dial_start(const struct dial_options *options)
{
	struct dial *dial = calloc(1, sizeof(*dial));

	if (dial == NULL)
		return NULL;
	dial->options = *options;
	dial->socket = -1;
	SSL_CTX_up_ref(options->tls);
	dial->begin = event_new(options->base, -1, 0, on_begin, dial);
	if (dial->begin == NULL) {
		dial_cancel(dial);
		return NULL;
	}
	if (!endpoint_split(options->endpoint, dial->host, dial->port))
		dial->host[0] = '\0';
	event_active(dial->begin, EV_TIMEOUT, 1);
	return dial;
}

void dial_tick(struct dial *dial, uint64_t now_us)
{
	if (dial->state == DIAL_NAME || now_us < dial->deadline_us)
		return;
	explain(dial, dial->state == DIAL_CONNECT ? "connect" : "handshake",
		"no answer in time");
	try_next(dial);
}
