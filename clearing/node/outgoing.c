/* SPDX-License-Identifier: AGPL-3.0-or-later */
#include "node/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "node/backoff.h"
#include "node/carrier.h"
#include "node/crypto.h"
#include "node/dial.h"

/*
 *   WAITING --time--> DIALLING --tls--> OPENING --first bytes--> OPEN
 *   DIALLING, OPENING --failed, too late--> WAITING
 *   OPEN --lost, goaway--> WAITING, for no time when it had worked
 */
enum outgoing_state {
	OUTGOING_WAITING,
	OUTGOING_DIALLING,
	OUTGOING_OPENING,
	OUTGOING_OPEN,
};

struct call {
	struct call *next;
	struct call *previous;
	struct outgoing *outgoing;
	struct grpc_client *client; /* that carries it */
	grpc_client_done *done;
	void *user;
	uint64_t deadline_us;
	bool is_late;
};

struct outgoing {
	struct outgoing_options options;
	char *endpoint;
	enum outgoing_state state;
	uint64_t since_us;	 /* in this state */
	uint64_t wait_us;	 /* in WAITING */
	bool hurried;		 /* no longer than OUTGOING_HURRY_US */
	uint32_t failures;	 /* in a row */
	struct dial *dial;	 /* in DIALLING */
	struct carrier *carrier; /* in OPENING and OPEN */
	struct carrier *leaving; /* the one before, for its calls; or NULL */
	uint64_t leaving_since_us;
	struct call *calls;
	uint32_t in_flight;
};

static uint64_t now(const struct outgoing *outgoing)
{
	return outgoing->options.now(outgoing->options.context);
}

static void move(struct outgoing *outgoing, enum outgoing_state state)
{
	static const bool ALLOWED[4][4] = {
		[OUTGOING_WAITING] = { [OUTGOING_WAITING] = true,
				       [OUTGOING_DIALLING] = true },
		[OUTGOING_DIALLING] = { [OUTGOING_WAITING] = true,
					[OUTGOING_OPENING] = true },
		[OUTGOING_OPENING] = { [OUTGOING_WAITING] = true,
				       [OUTGOING_OPEN] = true },
		[OUTGOING_OPEN] = { [OUTGOING_WAITING] = true },
	};

	check(ALLOWED[outgoing->state][state]);
	outgoing->state = state;
	outgoing->since_us = now(outgoing);
	check((outgoing->dial != NULL) == (state == OUTGOING_DIALLING));
	check((outgoing->carrier != NULL) == (state >= OUTGOING_OPENING));
}

static uint64_t random_number(void)
{
	uint64_t number;

	crypto_random_fill((uint8_t *)&number, sizeof(number));
	return number;
}

static void tell(struct outgoing *outgoing, bool is_open, const char *why)
{
	outgoing->options.on_state(outgoing->options.context, is_open, why);
}

/* Back to WAITING, from whatever has been taken down. */
static void fail(struct outgoing *outgoing, const char *why)
{
	const bool worked =
		outgoing->state == OUTGOING_OPEN &&
		now(outgoing) - outgoing->since_us >= OUTGOING_WORKED_US;

	outgoing->failures = worked ? 0 : outgoing->failures + 1;
	outgoing->wait_us = backoff_us(outgoing->failures, random_number());
	move(outgoing, OUTGOING_WAITING);
	tell(outgoing, false, why);
}

static void drop_leaving(struct outgoing *outgoing)
{
	struct carrier *carrier = outgoing->leaving;

	outgoing->leaving = NULL;
	if (carrier != NULL)
		carrier_free(carrier);
}

/* Takes the carrier away and says so; its calls end. */
static void lose(struct outgoing *outgoing, const char *why)
{
	struct carrier *carrier = outgoing->carrier;

	outgoing->carrier = NULL;
	fail(outgoing, why);
	carrier_free(carrier);
}

/* No more calls, but those under way may still be answered. */
static void leave(struct outgoing *outgoing)
{
	drop_leaving(outgoing);
	outgoing->leaving = outgoing->carrier;
	outgoing->leaving_since_us = now(outgoing);
	outgoing->carrier = NULL;
	fail(outgoing, "the neighbour asked to come anew");
}

static void look_at_leaving(struct outgoing *outgoing)
{
	struct carrier *carrier = outgoing->leaving;

	if (carrier != NULL &&
	    (carrier_state(carrier) == CARRIER_GONE ||
	     grpc_client_in_flight(carrier_client(carrier)) == 0))
		drop_leaving(outgoing);
}

static void look_at_carrier(struct outgoing *outgoing)
{
	if (outgoing->carrier == NULL)
		return;
	switch (carrier_state(outgoing->carrier)) {
	case CARRIER_OPENING:
		break;
	case CARRIER_OPEN:
		if (outgoing->state == OUTGOING_OPEN)
			break;
		move(outgoing, OUTGOING_OPEN);
		outgoing->hurried = false;
		tell(outgoing, true, NULL);
		break;
	case CARRIER_LEAVING:
		leave(outgoing);
		break;
	case CARRIER_GONE:
		lose(outgoing, carrier_reason(outgoing->carrier));
		break;
	}
}

static void on_event(void *context, struct carrier *carrier)
{
	struct outgoing *outgoing = context;

	if (carrier == outgoing->leaving)
		look_at_leaving(outgoing);
	else
		look_at_carrier(outgoing);
}

/* The carrier and the dial ask the time of the outgoing. */
static uint64_t now_of(void *context)
{
	return now(context);
}

static void on_dialled(void *context, SSL *ssl, const char *why)
{
	struct outgoing *outgoing = context;
	const struct carrier_options options = {
		.base = outgoing->options.base,
		.authority = outgoing->endpoint,
		.message_size_max = outgoing->options.message_size_max,
		.now = now_of,
		.on_event = on_event,
		.context = outgoing,
	};

	outgoing->dial = NULL;
	if (ssl != NULL) {
		outgoing->carrier = carrier_create(&options, ssl);
		why = "out of memory";
	}
	if (outgoing->carrier != NULL)
		move(outgoing, OUTGOING_OPENING);
	else
		fail(outgoing, why);
}

/* How long WAITING lasts. */
static uint64_t pause_us(const struct outgoing *outgoing)
{
	if (outgoing->hurried && outgoing->wait_us > OUTGOING_HURRY_US)
		return OUTGOING_HURRY_US;
	return outgoing->wait_us;
}

static void dial(struct outgoing *outgoing)
{
	struct dial_options options = {
		.base = outgoing->options.base,
		.endpoint = outgoing->endpoint,
		.tls = outgoing->options.tls(outgoing->options.context),
		.now = now_of,
		.done = on_dialled,
		.context = outgoing,
	};

	outgoing->hurried = false;
	if (options.tls == NULL) {
		fail(outgoing, "no credentials for this neighbour");
		return;
	}
	outgoing->dial = dial_start(&options);
	if (outgoing->dial != NULL)
		move(outgoing, OUTGOING_DIALLING);
	else
		fail(outgoing, "out of memory");
}

struct outgoing *outgoing_create(const struct outgoing_options *options)
{
	struct outgoing *outgoing = calloc(1, sizeof(*outgoing));

	if (outgoing == NULL)
		return NULL;
	outgoing->options = *options;
	outgoing->endpoint = strdup(options->endpoint);
	if (outgoing->endpoint != NULL)
		return outgoing;
	free(outgoing);
	return NULL;
}

void outgoing_free(struct outgoing *outgoing)
{
	struct carrier *carrier = outgoing->carrier;

	/* A call that an ending one starts anew is refused. */
	outgoing->carrier = NULL;
	if (outgoing->dial != NULL)
		dial_cancel(outgoing->dial);
	if (carrier != NULL)
		carrier_free(carrier);
	drop_leaving(outgoing);
	check(outgoing->calls == NULL && outgoing->in_flight == 0);
	free(outgoing->endpoint);
	free(outgoing);
}

bool outgoing_is_open(const struct outgoing *outgoing)
{
	return outgoing->state == OUTGOING_OPEN && outgoing->carrier != NULL &&
	       grpc_client_accepts(carrier_client(outgoing->carrier));
}

static void link_call(struct outgoing *outgoing, struct call *call)
{
	call->next = outgoing->calls;
	if (call->next != NULL)
		call->next->previous = call;
	outgoing->calls = call;
	outgoing->in_flight++;
}

static void unlink_call(struct outgoing *outgoing, struct call *call)
{
	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		outgoing->calls = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
	outgoing->in_flight--;
}

static void on_ended(void *user, const struct grpc_status *status,
		     struct slice message)
{
	static const struct grpc_status LATE = {
		.code = GRPC_DEADLINE_EXCEEDED,
		.message = SLICE("the neighbour did not answer in time"),
	};
	struct call *call = user;

	unlink_call(call->outgoing, call);
	call->done(call->user, call->is_late ? &LATE : status, message);
	free(call);
}

bool outgoing_call(struct outgoing *outgoing, const char *path,
		   struct slice message, uint64_t timeout_us,
		   grpc_client_done *done, void *user)
{
	struct call *call;

	check(timeout_us > 0);
	if (!outgoing_is_open(outgoing) ||
	    outgoing->in_flight >= OUTGOING_CALLS_MAX)
		return false;
	call = calloc(1, sizeof(*call));
	if (call == NULL)
		return false;
	call->outgoing = outgoing;
	call->client = carrier_client(outgoing->carrier);
	call->done = done;
	call->user = user;
	call->deadline_us = now(outgoing) + timeout_us;
	if (!grpc_client_call(call->client, path, message, timeout_us, on_ended,
			      call)) {
		free(call);
		return false;
	}
	link_call(outgoing, call);
	return true;
}

uint32_t outgoing_in_flight(const struct outgoing *outgoing)
{
	return outgoing->in_flight;
}

void outgoing_flush(struct outgoing *outgoing)
{
	if (outgoing->leaving != NULL)
		carrier_flush(outgoing->leaving);
	look_at_leaving(outgoing);
	if (outgoing->carrier != NULL)
		carrier_flush(outgoing->carrier);
	look_at_carrier(outgoing);
}

/* Newest first: an ended call may start others, in front. */
static void end_late_calls(struct outgoing *outgoing, uint64_t now_us)
{
	struct call *call = outgoing->calls, *next;

	for (; call != NULL; call = next) {
		next = call->next;
		if (now_us < call->deadline_us)
			continue;
		call->is_late = true;
		grpc_client_cancel(call->client, call);
	}
}

void outgoing_tick(struct outgoing *outgoing, uint64_t now_us)
{
	const uint64_t since_us = now_us - outgoing->since_us;

	end_late_calls(outgoing, now_us);
	if (outgoing->leaving != NULL &&
	    now_us - outgoing->leaving_since_us >= OUTGOING_LEAVING_US_MAX)
		drop_leaving(outgoing);
	switch (outgoing->state) {
	case OUTGOING_WAITING:
		if (since_us >= pause_us(outgoing))
			dial(outgoing);
		break;
	case OUTGOING_DIALLING:
		dial_tick(outgoing->dial, now_us);
		break;
	case OUTGOING_OPENING:
		if (since_us >= OUTGOING_OPENING_US_MAX)
			lose(outgoing, "no word after the handshake");
		break;
	case OUTGOING_OPEN:
		break;
	}
}

void outgoing_hurry(struct outgoing *outgoing)
{
	outgoing->hurried = outgoing->state != OUTGOING_OPEN;
}

void outgoing_check(struct outgoing *outgoing)
{
	static const char WHY[] = "not good under the new credentials";
	SSL_CTX *tls = outgoing->options.tls(outgoing->options.context);

	if (outgoing->leaving != NULL &&
	    (tls == NULL || !carrier_still_good(outgoing->leaving, tls)))
		drop_leaving(outgoing);
	if (outgoing->carrier != NULL &&
	    (tls == NULL || !carrier_still_good(outgoing->carrier, tls)))
		lose(outgoing, WHY);
	if (outgoing->dial != NULL) {
		dial_cancel(outgoing->dial);
		outgoing->dial = NULL;
		fail(outgoing, "new credentials");
	}
	outgoing->wait_us = 0;
}
