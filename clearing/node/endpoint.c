/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/endpoint.h"

#include <ctype.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>

/* Digits alone, 0 to 65535: getaddrinfo() takes more, and cuts it. */
static bool is_port(const char *text)
{
	size_t size = strlen(text);
	unsigned int port = 0;

	if (size == 0 || size > 5)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		port = port * 10 + (unsigned int)(text[i] - '0');
	}
	return port <= UINT16_MAX;
}

/* The part before the port, without the brackets of IPv6. */
static bool take_host(const char *text, size_t size,
		      char out[ENDPOINT_HOST_SIZE])
{
	bool bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';

	if (bracketed) {
		text++;
		size -= 2;
	}
	if (size == 0 || size >= ENDPOINT_HOST_SIZE)
		return false;
	memcpy(out, text, size);
	out[size] = '\0';
	return bracketed == (strchr(out, ':') != NULL);
}

bool endpoint_split(const char *text, char host[ENDPOINT_HOST_SIZE],
		    char port[ENDPOINT_PORT_SIZE])
{
	const char *colon = strrchr(text, ':');

	if (colon == NULL || !is_port(colon + 1) ||
	    !take_host(text, (size_t)(colon - text), host))
		return false;
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return true;
}

bool endpoint_parse(const char *text, struct sockaddr_storage *out,
		    int *out_size)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	char host[ENDPOINT_HOST_SIZE];
	char port[ENDPOINT_PORT_SIZE];
	struct addrinfo *found;

	if (!endpoint_split(text, host, port) ||
	    getaddrinfo(host, port, &hints, &found) != 0)
		return false;
	check(found->ai_addrlen <= sizeof(*out));
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*out_size = (int)found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}
