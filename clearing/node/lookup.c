/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/lookup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The loop's and the thread's: the last to leave it frees it. */
struct lookup {
	atomic_uint holders;
	int descriptor; /* readable when the answer is there */
	char *host;
	char *port;
	/* The thread's until the descriptor is readable. */
	struct addrinfo *found;
	int error;
	/* The loop's. */
	struct event *answered;
	lookup_done *done;
	void *context;
};

static void drop(struct lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->holders, 1) > 1)
		return;
	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	if (lookup->descriptor >= 0)
		close(lookup->descriptor);
	free(lookup->host);
	free(lookup->port);
	free(lookup);
}

struct addrinfo *lookup_address(const char *host, const char *port)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;

	return getaddrinfo(host, port, &hints, &found) == 0 ? found : NULL;
}

static void *run(void *argument)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct lookup *lookup = argument;
	const uint64_t one = 1;

	lookup->error =
		getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
	if (lookup->error != 0)
		lookup->found = NULL;
	/* A counter at zero always takes a one. */
	check(write(lookup->descriptor, &one, sizeof(one)) == sizeof(one));
	drop(lookup);
	return NULL;
}

static void on_answer(evutil_socket_t descriptor, short what, void *argument)
{
	struct lookup *lookup = argument;
	lookup_done *done = lookup->done;
	void *context = lookup->context;
	struct addrinfo *found = lookup->found;
	const char *why = gai_strerror(lookup->error);

	(void)descriptor;
	(void)what;
	lookup->found = NULL;
	lookup_cancel(lookup);
	done(context, found, why);
}

static bool start_thread(struct lookup *lookup)
{
	pthread_attr_t detached;
	pthread_t thread;
	bool started;

	if (pthread_attr_init(&detached) != 0)
		return false;
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&lookup->holders, 1);
	started = pthread_create(&thread, &detached, run, lookup) == 0;
	if (!started)
		atomic_fetch_sub(&lookup->holders, 1);
	pthread_attr_destroy(&detached);
	return started;
}

struct lookup *lookup_start(struct event_base *base, const char *host,
			    const char *port, lookup_done *done, void *context)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL)
		return NULL;
	lookup->holders = 1;
	lookup->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	lookup->host = strdup(host);
	lookup->port = strdup(port);
	lookup->done = done;
	lookup->context = context;
	if (lookup->descriptor >= 0)
		lookup->answered = event_new(base, lookup->descriptor, EV_READ,
					     on_answer, lookup);
	if (lookup->host != NULL && lookup->port != NULL &&
	    lookup->answered != NULL &&
	    event_add(lookup->answered, NULL) == 0 && start_thread(lookup))
		return lookup;
	lookup_cancel(lookup);
	return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
	if (lookup->answered != NULL)
		event_free(lookup->answered);
	lookup->answered = NULL;
	drop(lookup);
}
