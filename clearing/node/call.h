/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * call: between HTTP/2 and the api: a request gets memory and becomes an
 * api_call; its answer goes back where it came from, if that is still there.
 */
#ifndef CLEARING_NODE_CALL_H
#define CLEARING_NODE_CALL_H

#include "node/connection.h"

/* What connections give their calls to; the context is the connection. */
extern const struct grpc_server_handler call_handler;

/* call_on_reply, call_on_more_memory: for struct api_options. */
void call_on_reply(void *context, struct api_call *call);
bool call_on_more_memory(void *context, struct api_call *call);

/* call_end: end the stream @grpc with an error of a whole request. */
void call_end(struct connection *connection, struct grpc_call *grpc,
	      uint32_t error);

#endif
