/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * endpoint: where to listen, as text: "127.0.0.1:7440", "[::1]:7440"; port 0
 * is any free one (which libevent's own parser refuses).  No names: nothing
 * is looked up.
 */
#ifndef CLEARING_NODE_ENDPOINT_H
#define CLEARING_NODE_ENDPOINT_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/check.h"

/*
 * endpoint_parse: @text as a socket address.
 *
 * @out, @out_size  written on success.
 * Returns false for what is no IP address with a port.
 */
bool endpoint_parse(const char *text, struct sockaddr_storage *out,
		    int *out_size) MUST_CHECK;

#endif
