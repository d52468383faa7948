/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * grpc_guard: strike counters against a peer that keeps a connection busy
 * with frames that cost it nothing (rule RPC-10).  nghttp2 answers PINGs and
 * SETTINGS without ever losing patience.
 *
 * Each kind may come in a burst; a strike is forgotten after a while.
 */
#ifndef CLEARING_WIRE_GRPC_GUARD_H
#define CLEARING_WIRE_GRPC_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

enum grpc_strike {
	GRPC_STRIKE_PING,
	GRPC_STRIKE_SETTINGS,
	GRPC_STRIKE_RESET, /* a stream reset, by whichever side */
	GRPC_STRIKE_EMPTY, /* empty DATA, PRIORITY, invalid frames */
};

#define GRPC_STRIKE_COUNT 4

/*
 * Bursts, and the time that wins one strike back.
 * PING: clients measure bandwidth with one a round trip while data flows
 *       (forgiven as soon as a reply goes out), and keep alive with one in
 *       10 s at most.
 * SETTINGS: one at the start, and one for each change of a window.
 * RESET: 256 calls in flight may all pass their deadline at once, twice.
 * EMPTY: no client needs them; some send a few.
 */
#define GRPC_PING_BURST 32
#define GRPC_PING_FORGIVE_US 2000000
#define GRPC_SETTINGS_BURST 32
#define GRPC_SETTINGS_FORGIVE_US 1000000
#define GRPC_RESET_BURST 512
#define GRPC_RESET_FORGIVE_US 20000
#define GRPC_EMPTY_BURST 512
#define GRPC_EMPTY_FORGIVE_US 20000

/* A zeroed guard has seen nothing. */
struct grpc_guard {
	uint32_t strikes[GRPC_STRIKE_COUNT];
	uint64_t since_us[GRPC_STRIKE_COUNT];
};

/*
 * grpc_guard_strike: one more of @kind at @now_us (never falling; if it does,
 * nothing is forgiven).  Returns false when it was one too many.
 */
bool grpc_guard_strike(struct grpc_guard *guard, enum grpc_strike kind,
		       uint64_t now_us) MUST_CHECK;

/* grpc_guard_forgive: forget all strikes of @kind. */
void grpc_guard_forgive(struct grpc_guard *guard, enum grpc_strike kind);

#endif
