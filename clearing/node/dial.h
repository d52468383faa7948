/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * dial: from an endpoint's text to a TLS connection, without making the loop
 * wait: name, addresses one after the other, handshake.  One attempt: when to
 * make another is the caller's affair, and so is what is said over it.
 */
#ifndef CLEARING_NODE_DIAL_H
#define CLEARING_NODE_DIAL_H

#include <event2/event.h>
#include <openssl/ssl.h>
#include <stdint.h>

#include "base/check.h"

/* For TCP, per address: a silent one must not hide the next. */
#define DIAL_CONNECT_US_MAX UINT64_C(2000000)
/* For TLS, per address. */
#define DIAL_HANDSHAKE_US_MAX UINT64_C(5000000)
/* What a name may have that is tried. */
#define DIAL_ADDRESSES_MAX 8
#define DIAL_REASON_SIZE 256

struct dial;

/*
 * How it ended: with @ssl, whose socket is SSL_get_fd()'s, both the callee's
 * to free and close; or NULL and @why.  The dial is gone when this is called.
 */
typedef void dial_done(void *context, SSL *ssl, const char *why);

struct dial_options {
	struct event_base *base;
	const char *endpoint; /* "host:port", "[v6]:port"; copied */
	SSL_CTX *tls;	      /* whom it expects is told there (wire/tls.h) */
	/* The time of this loop turn, which it begins if none is under way. */
	uint64_t (*now)(void *context);
	dial_done *done;
	void *context; /* of both */
};

/*
 * dial_start: begin; .done is called once, by the loop or dial_tick(), never
 * from here.  NULL when memory is out.
 */
struct dial *dial_start(const struct dial_options *options) MUST_CHECK;

/*
 * dial_tick: is it too late for something?  About each 100 ms.  The dial may
 * be gone afterwards.  A name's resolver keeps its own time.
 */
void dial_tick(struct dial *dial, uint64_t now_us);

/* dial_cancel: end it; .done is not called. */
void dial_cancel(struct dial *dial);

#endif
