/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * channel: a client's connection to a node: socket, mutual TLS and gRPC in one,
 * driven by poll().  One call that waits, or many in flight.
 *
 * It does not retry and does not reconnect: whoever holds the id of a command
 * decides whether to send it again.
 */
#ifndef CLEARING_TOOLS_CHANNEL_H
#define CLEARING_TOOLS_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/grpc_client.h"

#define CHANNEL_ERROR_SIZE 512
/* The largest answer that is taken: a full page of accounts is below 1 MiB. */
#define CHANNEL_MESSAGE_MAX (8u << 20)

/* Where and as whom; texts are the caller's and NUL-terminated. */
struct channel_options {
	const char *endpoint;	 /* host:port or [v6]:port */
	const char *certificate; /* PEM files */
	const char *key;
	const char *ca;
	const char
		*server_uri; /* NULL: the node of the own certificate's city */
	uint64_t timeout_us; /* for connecting; 0: none */
};

enum channel_result {
	CHANNEL_OK = 0,
	CHANNEL_FILES,	  /* a file cannot be read, or is not what it should */
	CHANNEL_AWAY,	  /* no answer at the endpoint */
	CHANNEL_IDENTITY, /* the handshake failed: one side refused the other */
};

/* Who the own certificate says we are. */
struct channel_self {
	char uri[256];
	char federation[64];
	char city[64];
};

struct channel;

/*
 * channel_self: read the identity out of the certificate file.
 *
 * @error  CHANNEL_ERROR_SIZE bytes; written on failure.
 */
enum channel_result channel_self(const char *certificate,
				 struct channel_self *out,
				 char *error) MUST_CHECK;

/*
 * channel_open: connect and shake hands.
 *
 * @out    written on CHANNEL_OK; the caller closes it.
 * @error  CHANNEL_ERROR_SIZE bytes: what is wrong and what to do.
 * The process must ignore SIGPIPE.
 */
enum channel_result channel_open(const struct channel_options *options,
				 struct channel **out, char *error) MUST_CHECK;

/* channel_close: calls in flight end UNAVAILABLE first; NULL is allowed. */
void channel_close(struct channel *channel);

/*
 * channel_start: one more call in flight; @done is called from a later
 * channel_turn() or channel_close(), once.  @timeout_us is told to the node;
 * watching the clock is the caller's affair.
 * Returns false when the connection takes no more calls.
 */
bool channel_start(struct channel *channel, const char *path,
		   struct slice message, uint64_t timeout_us,
		   grpc_client_done *done, void *user) MUST_CHECK;

/*
 * channel_turn: write what waits, wait at most @timeout_ms for the peer
 * (0: do not wait), and read what came.
 * Returns false when the connection is gone.
 */
bool channel_turn(struct channel *channel, int timeout_ms) MUST_CHECK;

/* How a waiting call ended; views into the channel until its next call. */
struct channel_reply {
	uint32_t code;	      /* enum grpc_code */
	struct slice message; /* the response if code is GRPC_OK, else a text */
	struct slice details; /* google.rpc.Status, or empty */
};

/*
 * channel_call: one call, waiting for its end.
 *
 * @timeout_us  0: none.  When it passes the reply is DEADLINE_EXCEEDED, and
 *              the channel is of no more use: close it.
 */
void channel_call(struct channel *channel, const char *path,
		  struct slice message, uint64_t timeout_us,
		  struct channel_reply *reply);

/* channel_in_flight: calls not ended yet. */
uint32_t channel_in_flight(const struct channel *channel);

#endif
