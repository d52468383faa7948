/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sim_world: everything of one simulated run: the cities with their real core
 * and peer engines, the network between them, what is due when, and what an
 * all-seeing observer remembers.  One seed is one run, exactly.
 *
 *   sim_random  chance            sim_roster  cities, links, ways
 *   sim_crypto  cheap hashes      sim_work    what people and coops do
 *   sim_store   a database        sim_fault   what goes wrong
 *   sim_city    one process       sim_liar    a city that lies
 *   sim_net     calls, cables     sim_check   what must hold
 *   sim_world   time              sim_audit   what must hold at the end
 */
#ifndef CLEARING_TESTS_SIM_SIM_WORLD_H
#define CLEARING_TESTS_SIM_SIM_WORLD_H

#include <inttypes.h>
#include <setjmp.h>

#include "peer/peer.h"
#include "sim/sim_random.h"
#include "sim/sim_store.h"

#define SIM_CITIES_MAX 7
#define SIM_COOPS 4
#define SIM_NONE UINT32_MAX
/* When the simulated world begins: 2026-01-01T00:00:00Z. */
#define SIM_START_US UINT64_C(1767225600000000)
#define SIM_SECOND_US UINT64_C(1000000)
#define SIM_BLOCKS_IN_FLIGHT_MAX 4

enum sim_fault_kind {
	SIM_FAULT_CRASH,
	SIM_FAULT_RESTORE,   /* from an old backup */
	SIM_FAULT_PARTITION, /* one way or both */
	SIM_FAULT_STALL,     /* of the database */
	SIM_FAULT_CLOCK,
	SIM_FAULT_CONNECTION,
	SIM_FAULT_GONE, /* a city never comes back, and the roster says so */
};
#define SIM_FAULT_KINDS 7

/* What may go wrong in this run, in thousandths or as yes and no. */
struct sim_plan {
	uint32_t cities;
	uint64_t active_us; /* how long people work and faults happen */
	uint64_t work_us;   /* between two commands of a city, on average */
	uint32_t drop;	    /* of messages */
	uint32_t duplicate;
	uint32_t delay_long; /* seconds, or minutes */
	uint64_t fault_us;   /* between two faults, on average */
	/* How often which fault comes, against the others. */
	uint32_t faults[SIM_FAULT_KINDS];
	uint32_t line_most; /* lines are between 0 and this; 0: of all sizes */
	bool careless; /* debtors leave the line to the creditor (PEER-39) */
	bool links_commanded; /* lines, freezes, pauses */
	bool accounts_commanded;
	bool keys_rotate;
	bool real_hash;
	uint32_t liar;	    /* a city, or SIM_NONE */
	uint32_t lies;	    /* of its messages */
	uint32_t gone_most; /* cities that may never come back */
};

enum sim_event_kind {
	SIM_TURN = 1, /* a city's own timer */
	SIM_FLUSH,    /* its open block is closed now */
	SIM_COMMIT,   /* its oldest block in flight lands */
	SIM_MESSAGE,
	SIM_TIMEOUT, /* of a call */
	SIM_CONNECT, /* a connection is tried */
	SIM_DISCONNECT,
	SIM_WORK,
	SIM_REVEAL, /* a payer hands over a payment's key, or cancels it */
	SIM_FAULT,
	SIM_RESTART,
	SIM_HEAL,   /* a partition or a stall ends */
	SIM_ROSTER, /* the newest roster reaches a city */
};

struct sim_event {
	uint64_t at_us;
	uint64_t order; /* ties: as scheduled */
	uint8_t kind;
	uint32_t city;
	uint32_t run;	/* of the city's process; else the event is void */
	uint32_t other; /* city, call, or number of a payment */
	struct sim_message *message;
};

struct sim_message {
	bool reply;
	uint8_t kind; /* enum peer_action_kind */
	uint32_t from, to;
	uint32_t call;
	struct link_life life;	/* DELIVER */
	bool own;		/* FETCH: the caller's own log */
	uint64_t seq;		/* FETCH: from here */
	bool arrived;		/* reply: it was answered at all */
	uint64_t stale_highest; /* reply to HELLO */
	uint32_t answer;	/* reply to DELIVER */
	uint8_t head[SHA256_SIZE];
	uint8_t signature[LINKLOG_SIGNATURE_SIZE];
	uint8_t key_id_size;
	uint8_t key_id[LINKLOG_KEY_ID_SIZE_MAX];
	uint32_t batch_count; /* reply to FETCH: length, bytes, each */
	bool never;	      /* reply to ASK_OUTCOME: a Never, not a proof */
	size_t size;
	uint8_t bytes[]; /* hello, batch, HelloOk, batches, terms, proof */
};

struct sim_call {
	uint32_t from, to;
	uint32_t run; /* of the caller */
	uint32_t link;
	uint64_t number; /* of the payment asked about, of the agreement */
	uint8_t kind;
	bool own;
	bool open;
};

/* What waits for a block to be acknowledged before it is told. */
struct sim_waiting {
	uint64_t seq;
	struct sim_message *message; /* or NULL: */
	uint32_t command;	     /* of the observer's commands */
	bool is_outcome;	     /* how it ended; else: that it is taken */
	bool posted;
	struct id id;
};

struct sim_city {
	struct sim *sim;
	uint32_t number;
	struct slice name;
	uint8_t uri[64];
	uint8_t gateway[64];
	uint32_t uri_size, gateway_size;
	struct sim_store store;
	bool up;
	uint32_t run;	  /* how many processes there were */
	int64_t clock_us; /* what its wall clock is ahead */
	uint64_t node_us; /* never falls within a run */
	uint64_t turn_at_us;
	uint32_t key_number;
	uint8_t key_id[4];
	uint64_t roster_version;
	/* The roster from which on it is GONE; 0: it is there. */
	uint64_t gone_version;

	struct ledger ledger;
	struct peer peer;
	struct block block;
	bool block_open;
	bool stalled; /* the database answers nothing */
	bool flush_due;
	bool commit_due;
	void *ledger_memory, *peer_memory, *block_memory;
	size_t ledger_size, peer_size;
	struct effect *effects;

	bool connected[SIM_CITIES_MAX];
	bool connecting[SIM_CITIES_MAX];
	struct sim_waiting *waiting;
	uint32_t waiting_count, waiting_capacity;

	bool restored_ever;
	bool restoring;	 /* not all of its links agree again */
	uint32_t backup; /* blocks it was last restored to; 0: never */
	void (*engine_on_payment)(void *context, const struct payment *payment);
	void *engine_context;
	/* Limits were lowered, or facts came back: not to be held against. */
	bool excused[64];
};

/* One attempt of a payment as each city has it. */
struct sim_leg {
	uint8_t role;
	uint8_t in_state, out_state;
	bool booked, in_answered, accepted;
	bool seen;
	int64_t net_in, net_out, net_coop; /* of the audit */
};

struct sim_payment {
	struct id id;
	struct id parent;
	uint64_t amount_minor;
	uint32_t path[LINKLOG_PATH_MAX];
	uint32_t path_count; /* 0: terms were not seen yet */
	uint8_t terms_hash[SHA256_SIZE];
	bool through_liar;
	bool again; /* another one has the same id */
	struct sim_leg legs[SIM_CITIES_MAX];
};

/* A command that a client gave. */
struct sim_command {
	struct id id;
	uint32_t city;
	bool pays;	   /* to another city */
	bool acknowledged; /* the client was told that it was taken */
	bool ended;	   /* the client was told how it ended */
	bool posted;
	struct id final; /* attempt that ended it */
	int64_t amount_minor;
	uint32_t payer;
	uint32_t payee_city, payee;
	uint8_t key[LINKLOG_LOCK_SIZE]; /* all zero: not locked */
	bool locked;
	int64_t decide_by_us; /* when locked */
};

/* The head of one batch that a neighbour has durably. */
struct sim_head {
	uint32_t author, reader;
	uint64_t seq;
	uint8_t head[SHA256_SIZE];
};

struct sim_counts {
	uint64_t posted, refused, crashes, restores, partitions, messages;
	uint64_t adopted, withdrawn, retried, stale, forks, lies, blocks;
	uint64_t held, gone, nevers, estates, proven;
};

struct sim {
	uint64_t seed;
	bool verbose;
	bool broken; /* something did not hold */
	char what[512];
	jmp_buf out;
	struct sim_random random; /* of the world */
	struct sim_random engine; /* what engines ask for */
	struct sim_plan plan;
	uint64_t now_us;
	uint64_t steps;
	bool quiet;		 /* faults and work are over */
	uint64_t roster_version; /* the newest */
	struct sim_city cities[SIM_CITIES_MAX];
	/* The roster: lines[a][b] is what a lets b owe at first. */
	bool linked[SIM_CITIES_MAX][SIM_CITIES_MAX];
	uint64_t lines[SIM_CITIES_MAX][SIM_CITIES_MAX];
	uint64_t line_highest[SIM_CITIES_MAX][SIM_CITIES_MAX];
	/* How much of a's log b once had durably. */
	uint64_t taken[SIM_CITIES_MAX][SIM_CITIES_MAX];
	/* Messages from a to b are lost. */
	bool cut[SIM_CITIES_MAX][SIM_CITIES_MAX];

	struct sim_event *events; /* a heap */
	uint32_t event_count, event_capacity;
	uint64_t event_order;
	struct sim_call *calls;
	uint32_t call_count, call_capacity;
	uint32_t calls_open;

	struct sim_payment *payments;
	uint32_t payment_count, payment_capacity;
	uint32_t *payment_places; /* by hash of the id: number + 1 */
	uint32_t place_count;
	struct sim_command *commands;
	uint32_t command_count, command_capacity;
	struct sim_head *heads;
	uint32_t head_count, head_capacity;
	struct sim_message *captured[16]; /* what a liar sends again */
	uint32_t captured_count;
	struct sim_counts counts;
	/* Called when a run ends well, before its stores are emptied. */
	void (*at_end)(struct sim *sim, void *context);
	void *context;
};

/*
 * sim_run: one whole run; false when something did not hold, which
 * @sim->what then says.
 *
 * @sim     all zero at first; memory of cities is reused by the next run.
 * @cities  how many; 0: by the seed.   @steps  at most; 0: by the plan.
 */
bool sim_run(struct sim *sim, uint64_t seed, uint32_t cities, uint64_t steps);

/* sim_release: after the last run. */
void sim_release(struct sim *sim);

/* sim_running: the run whose turn it is, for functions without context. */
struct sim *sim_running(void);

/* sim_fail: something did not hold; ends the run, does not return. */
_Noreturn void sim_fail(struct sim *sim, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* sim_say: a line of the story, when it is asked for. */
void sim_say(const struct sim *sim, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* sim_schedule: @event happens @after_us from now. */
void sim_schedule(struct sim *sim, uint64_t after_us, struct sim_event event);

/* sim_grow: room for one more item of @size bytes. */
void *sim_grow(void *items, uint32_t count, uint32_t *capacity, size_t size);

/* sim_text: the beginning of an id, for the story. */
uint32_t sim_id_short(const struct id *id);

#endif
