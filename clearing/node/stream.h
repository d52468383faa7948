/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream: the two methods that are no single question: reflection, which
 * answers each message as it comes, and health's Watch, which speaks when the
 * node's health changes.
 */
#ifndef CLEARING_NODE_STREAM_H
#define CLEARING_NODE_STREAM_H

#include "node/connection.h"

#define WATCH_SERVICE_SIZE_MAX 64

struct watch {
	struct watch *next;
	struct connection *connection;
	struct grpc_call *grpc;
	uint64_t deadline_us; /* 0: none */
	uint32_t told;	      /* status sent last; 0: none yet */
	uint32_t service_size;
	uint8_t service[WATCH_SERVICE_SIZE_MAX];
};

/* stream_reflect: one message of a reflection stream, or its end. */
void stream_reflect(struct connection *connection, struct grpc_call *grpc,
		    const struct rpc_method *method, struct slice message,
		    bool last);

/* stream_watch: begin to watch; the call's user becomes the watch. */
void stream_watch(struct connection *connection, struct grpc_call *grpc,
		  const struct rpc_method *method, struct slice message);

/* stream_unwatch: the call is gone. */
void stream_unwatch(struct connection *connection, struct watch *watch);

/* stream_tell: send what changed to all who watch. */
void stream_tell(struct server *server, uint64_t now_us);

/* stream_end_all: the node drains: nobody watches any more. */
void stream_end_all(struct server *server);

#endif
