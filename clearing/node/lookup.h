/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lookup: a host name as addresses, without making the loop wait: by the
 * system's own resolver, so by whatever a machine knows names from, on a
 * thread that ends with the answer.  IP addresses are read on the spot.
 */
#ifndef CLEARING_NODE_LOOKUP_H
#define CLEARING_NODE_LOOKUP_H

#include <event2/event.h>
#include <netdb.h>
#include <stdbool.h>

#include "base/check.h"

struct lookup;

/*
 * How it ended: @found is the callee's to free; NULL: there is none, and @why
 * says why.  The lookup is gone when this is called.
 */
typedef void lookup_done(void *context, struct addrinfo *found,
			 const char *why);

/* lookup_address: @host when it is an IP address; NULL: it is a name. */
struct addrinfo *lookup_address(const char *host, const char *port) MUST_CHECK;

/*
 * lookup_start: ask for the name @host; @done is called once, by the loop.
 * NULL when memory, threads or descriptors are out.
 */
struct lookup *lookup_start(struct event_base *base, const char *host,
			    const char *port, lookup_done *done,
			    void *context) MUST_CHECK;

/* lookup_cancel: @done is not called any more.  Does not wait. */
void lookup_cancel(struct lookup *lookup);

#endif
