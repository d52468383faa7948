/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * carrier: a TLS connection that this node made, and the gRPC client's side
 * of HTTP/2 on it.  It carries calls until it is gone; whether there is to be
 * another one is not its affair (node/outgoing.h).
 */
#ifndef CLEARING_NODE_CARRIER_H
#define CLEARING_NODE_CARRIER_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "base/check.h"
#include "wire/grpc_client.h"

/*
 *   OPENING --first bytes--> OPEN --goaway--> LEAVING    any --> GONE
 *
 * TLS 1.3 lets a client speak before the server has looked at its
 * certificate: only when the server speaks too it has been let in.
 */
enum carrier_state {
	CARRIER_OPENING,
	CARRIER_OPEN,
	CARRIER_LEAVING, /* takes no more calls; those under way may end */
	CARRIER_GONE,	 /* calls end when it is freed */
};

struct carrier;

struct carrier_options {
	struct event_base *base;
	const char *authority; /* of the calls; copied */
	uint32_t message_size_max;
	/* The time of this loop turn, which it begins if none is under way. */
	uint64_t (*now)(void *context);
	/* Something was received, or it is gone; it may be freed from here. */
	void (*on_event)(void *context, struct carrier *carrier);
	void *context; /* of both */
};

/*
 * carrier_create: @ssl is a connection whose handshake is done, and it and
 * its socket are the carrier's from now on, whatever comes.
 * NULL when memory is out.
 */
struct carrier *carrier_create(const struct carrier_options *options,
			       SSL *ssl) MUST_CHECK;

/* carrier_free: calls that are open end with UNAVAILABLE first. */
void carrier_free(struct carrier *carrier);

enum carrier_state carrier_state(const struct carrier *carrier);

/* carrier_reason: why it is GONE, for a person. */
const char *carrier_reason(const struct carrier *carrier);

/* carrier_client: to start and cancel calls with; the carrier's. */
struct grpc_client *carrier_client(const struct carrier *carrier);

/* carrier_still_good: would @tls accept the peer (after a reload)? */
bool carrier_still_good(const struct carrier *carrier, SSL_CTX *tls) MUST_CHECK;

/*
 * carrier_flush: write what came up, as much as the peer takes, at the end of
 * a loop turn.  It may be GONE afterwards, without an event.
 */
void carrier_flush(struct carrier *carrier);

#endif
