/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_client: one HTTP/2 connection of a gRPC client, without I/O.
 * Unary calls, many in flight.
 */
#ifndef CLEARING_WIRE_GRPC_CLIENT_H
#define CLEARING_WIRE_GRPC_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"
#include "wire/grpc.h"

struct grpc_client;

/*
 * How a call ended: @message is the response when @status->code is GRPC_OK.
 * Views are valid until the function returns.
 */
typedef void grpc_client_done(void *user, const struct grpc_status *status,
			      struct slice message);

/* @authority: the :authority header, such as "localhost:7440" (copied). */
struct grpc_client *grpc_client_create(const char *authority,
				       uint32_t message_size_max) MUST_CHECK;
/* grpc_client_free: every open call ends with UNAVAILABLE first. */
void grpc_client_free(struct grpc_client *client);

/*
 * grpc_client_call: send @message to @path; @done is called once.
 * @timeout_us  0: none; sent as grpc-timeout.  Expiry is the caller's affair.
 * Returns false when the connection takes no more calls.
 */
bool grpc_client_call(struct grpc_client *client, const char *path,
		      struct slice message, uint64_t timeout_us,
		      grpc_client_done *done, void *user) MUST_CHECK;

/*
 * grpc_client_cancel: the call of @user, which no other open call has, is not
 * waited for any more: it ends with CANCELLED now, and the peer is told.
 * Nothing happens when there is no such call.
 */
void grpc_client_cancel(struct grpc_client *client, const void *user);

/*
 * grpc_client_accepts: may calls still be started?  Not after the peer asked
 * for the end of the connection, nor when it is broken.
 */
bool grpc_client_accepts(const struct grpc_client *client) MUST_CHECK;

/* As for the server side (grpc_server.h). */
bool grpc_client_receive(struct grpc_client *client,
			 struct slice bytes) MUST_CHECK;
struct slice grpc_client_send(struct grpc_client *client);

/* grpc_client_in_flight: calls not ended yet. */
uint32_t grpc_client_in_flight(const struct grpc_client *client);

#endif
