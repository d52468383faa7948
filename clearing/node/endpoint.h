/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * endpoint: where to listen, as text: "127.0.0.1:7440", "[::1]:7440"; port 0
 * is any free one (which libevent's own parser refuses).  Where to connect to
 * may be a name as well; nothing is looked up here (node/lookup.h).
 */
#ifndef CLEARING_NODE_ENDPOINT_H
#define CLEARING_NODE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/check.h"

/* With their NUL. */
#define ENDPOINT_HOST_SIZE 256
#define ENDPOINT_PORT_SIZE 6

/*
 * endpoint_split: @text as a host, without the brackets of IPv6, and a port.
 *
 * Returns false for what is no "HOST:PORT"; @host and @port are then not
 * meant to be read.
 */
bool endpoint_split(const char *text, char host[ENDPOINT_HOST_SIZE],
		    char port[ENDPOINT_PORT_SIZE]) MUST_CHECK;

/*
 * endpoint_parse: @text as a socket address.
 *
 * @out, @out_size  written on success.
 * Returns false for what is no IP address with a port.
 */
bool endpoint_parse(const char *text, struct sockaddr_storage *out,
		    int *out_size) MUST_CHECK;

#endif
