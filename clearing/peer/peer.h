/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * peer: the protocol between cities as an engine without I/O.  Messages,
 * answers and time come in; facts go into the open journal block, and a
 * bounded list of actions (say hello, deliver a batch, fetch a log) comes
 * out.  It owns no socket, clock, key or allocator.
 *
 * What is recorded lives in core/links.h and comes back after a restart; what
 * is here lives as long as the process: which links were reconciled in this
 * life, what is under way, and when to try again.
 *
 * A link in one life of this city:
 *
 *   START --life recorded--> ASKING --HelloOk agrees--> RECONCILED
 *   ASKING --HelloStale: a higher life is recorded--> ASKING
 *   ASKING --HelloOk differs--> RECOVERING --recorded--> ASKING
 *   RECONCILED --rewound: a new life is needed--> START
 *   any --evidence of a fork or a broken log--> STOPPED (an operator acts)
 *   any --the roster says that the neighbour never comes back--> GONE
 *
 * Rules PEER-n of proto/README.md.
 */
#ifndef CLEARING_PEER_PEER_H
#define CLEARING_PEER_PEER_H

#include "base/rate.h"
#include "core/decide.h"
#include "core/record.h"

/* Batches that may wait for their acknowledgement (limits of PEER). */
#define PEER_WINDOW 64
/* Delivered at once on one connection. */
#define PEER_IN_FLIGHT_MAX 8
/* How often an origin tries, each time another way (rule PEER-25). */
#define PEER_ATTEMPTS_MAX 4
/* decide_by of a payment, microseconds after it is asked for. */
#define PEER_DECIDE_US UINT64_C(30000000)
/* The same of a payment with a lock, when the order does not say; at most. */
#define PEER_HOLD_US UINT64_C(86400000000)
#define PEER_HOLD_US_MAX (30 * PEER_HOLD_US)
/* Payments whose outcome is asked for at once (rule PEER-44). */
#define PEER_ASKS_MAX 16
/* Payments that were said to be settled never, and are not recorded again. */
#define PEER_NEVERS_KEPT 64
/* Batches of deciders whose signatures are remembered (rule PEER-34). */
#define PEER_PROOFS_KEPT 16
/* Their heads, for proofs by a key that is REVOKED: enough for one batch. */
#define PEER_VOUCHED_KEPT LINKLOG_ENTRIES_MAX
/*
 * Lives of one neighbour admitted in a minute: each is a record for ever.  A
 * city that is restarted over and over needs a second for it at the least.
 */
#define PEER_LIVES_PER_MINUTE 60
/* A link gets no new promise so long after a decide_by (rule PEER-32). */
#define PEER_STUCK_US UINT64_C(600000000)

enum peer_link_state {
	PEER_START = 1,
	PEER_ASKING,
	PEER_RECOVERING,
	PEER_RECONCILED,
	PEER_STOPPED,
	PEER_GONE, /* (rule PEER-44) */
};

/* peer_link_state_name: "RECONCILED", ... */
const char *peer_link_state_name(uint8_t state);

/* Two neighbours of a path: the promise from @from to @to was refused. */
struct peer_hop {
	uint8_t from_size, to_size;
	uint8_t from[NAME_SIZE_MAX];
	uint8_t to[NAME_SIZE_MAX];
};

/*
 * What the roster says, through functions: the engine knows no file of it.
 * Slices that are given out live until the roster changes.
 */
struct peer_directory {
	void *context;
	/* The version this node holds; 0: none. */
	uint64_t (*version)(void *context);
	/* Cities with a link to this one that is in force, by @index. */
	bool (*neighbour)(void *context, uint32_t index, struct slice *city);
	/* The key @key_id of @city, CURRENT or RETIRED (rule PEER-43). */
	bool (*key)(void *context, struct slice city, struct slice key_id,
		    uint8_t key[NODE_KEY_SIZE]);
	/* The same, REVOKED, too. */
	bool (*any_key)(void *context, struct slice city, struct slice key_id,
			uint8_t key[NODE_KEY_SIZE]);
	/* Is @city one of the federation; is it gone (rule PEER-44)? */
	bool (*known)(void *context, struct slice city);
	bool (*gone)(void *context, struct slice city);
	/* What promises may take of the line towards @city, in thousandths. */
	uint32_t (*in_flight_per_mille)(void *context, struct slice city);
	/* The line the roster gives @city here, to begin with. */
	uint64_t (*line_minor)(void *context, struct slice city);
	/*
	 * The cheapest way for @amount_minor to @city that uses none of
	 * @excluded: cities, this one first; 0: there is none.
	 */
	uint32_t (*route)(void *context, struct slice city,
			  uint64_t amount_minor,
			  const struct peer_hop *excluded,
			  uint32_t excluded_count,
			  struct slice path[LINKLOG_PATH_MAX]);
};

/* How a payment that began here ended; for who waits for it. */
struct peer_outcome {
	struct id id;	  /* of the attempt that ended it */
	struct id parent; /* the command */
	bool posted;
	uint32_t reason; /* enum link_reason, unless posted */
	struct slice at_city;
	struct slice terms; /* of the attempt; for the call alone */
	uint8_t attempt;
	uint64_t seq; /* of the block that says so */
};

typedef void sign_function(void *context, struct slice bytes,
			   uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

struct peer_options {
	struct slice uri;    /* of this node: the actor of what it does */
	struct slice key_id; /* of the key that sign() uses */
	struct peer_directory directory;
	uint64_t decide_us; /* 0: PEER_DECIDE_US */
	sha256_function *sha256;
	verify_function *verify;
	sign_function *sign;
	void (*random_fill)(uint8_t *bytes, size_t size);
	/*
	 * The open block with room for so much more; false when there is none
	 * now: try again in a later turn.
	 */
	bool (*open_block)(void *context, uint32_t entries, uint32_t events,
			   size_t bytes, struct recorder *out);
	/*
	 * A batch of the own log was sealed: keep @batch until it is
	 * acknowledged, to deliver it when asked.
	 */
	void (*on_sealed)(void *context, uint32_t link, uint64_t first_seq,
			  uint64_t last_seq, struct slice batch);
	/*
	 * The own log ends at @to now: batches above are another's, or no
	 * one's; may be NULL.
	 */
	void (*on_withdrawn)(void *context, uint32_t link, uint64_t to);
	/* A payment that began here has ended; may be NULL. */
	void (*on_outcome)(void *context, const struct peer_outcome *outcome);
	/* Something for the log of the node; may be NULL. */
	void (*on_alarm)(void *context, struct slice city, const char *what);
	/*
	 * A batch that parts from what was taken of @city's log (row 8 of
	 * PEER-11): with what the tables have in its place it is the evidence,
	 * once its signature is verified.  May be NULL; it is refused.
	 */
	void (*on_fork)(void *context, struct slice city,
			const struct link_batch *batch);
	void *context; /* of the functions of this struct */
};

/* What a link does in this life; volatile. */
struct peer_session {
	uint8_t state; /* enum peer_link_state */
	bool connected;
	bool hello_wanted;
	bool hello_flying;
	bool fetch_flying;
	bool resend;	/* go on from .acknowledged when nothing is under way */
	bool caught_up; /* (rule PEER-21) */
	bool peer_said_hello;
	bool agreed;		/* GONE: was reconciled in this life before */
	bool fetch_own;		/* RECOVERING: whose log is wanted next */
	bool fetch_wanted;	/* RECOVERING: an action is due */
	bool roster_behind;	/* the neighbour has a newer roster */
	bool withdraw;		/* an operator ordered it (rule PEER-23) */
	uint32_t delivering;	/* batches under way since they agreed */
	uint64_t agreements;	/* of both about this city's log, in this run */
	uint64_t mark;		/* neighbour's out_seq when reconciled */
	uint64_t mark_us;	/* until caught up: when to ask for it again */
	uint64_t acknowledged;	/* own log, as last heard */
	uint64_t next_deliver;	/* first seq of the batch to deliver next */
	uint64_t life_seq;	/* block that has the life */
	uint64_t recover_until; /* RECOVERING: neighbour's log, up to here */
	uint64_t recover_from;	/* RECOVERING: own log, fetch from here */
	uint32_t back;		/* boundaries stepped back so far */
	uint64_t oldest_us; /* of the open out-legs, as last swept; 0: none */
	uint64_t due_us;    /* the first decide_by of these; 0: none */
	uint64_t retry_us;  /* nothing before this time */
	uint64_t backoff_us;
	struct rate admitted; /* lives of the neighbour */
	uint64_t sealed;      /* batches of the own log, for people */
	uint64_t sent;	      /* deliveries of them, those again included */
	bool stale_before;    /* since it last agreed: HelloStale came */
	bool hello_stands;    /* .hello_hash is of a hello of this life */
	uint8_t hello_hash[SHA256_SIZE];
	const char *why; /* ASKING, STOPPED: one line for people */
};

/*
 * A payment whose way leads over a city that is GONE: how did it end?  Or one
 * whose proof is to be signed again.
 */
struct peer_ask {
	uint64_t number; /* of the payment; 0: a free place */
	uint32_t slot;
	bool flying;
	bool for_proof;
};

struct peer {
	struct peer_options options;
	struct ledger *ledger;
	struct peer_session *sessions; /* by link number - 1 */
	uint32_t *dirty;	       /* ring of slots to look at */
	uint8_t *is_dirty;	       /* by slot */
	struct peer_hop (*excluded)[PEER_ATTEMPTS_MAX]; /* by slot */
	uint8_t *excluded_count;
	uint8_t *begun; /* by slot: an attempt of this process */
	uint32_t dirty_first, dirty_count;
	uint64_t durable_seq; /* newest block acknowledged */
	uint64_t now_us;
	uint64_t next_sweep_us;
	uint64_t roster_seen;
	bool started;	   /* every link of the roster has a life in this run */
	uint64_t began_us; /* journal time when this process began */
	uint8_t *scratch;  /* PEER_SCRATCH_SIZE */
	uint8_t (*leaves)[SHA256_SIZE];
	struct peer_retry *retries;
	uint32_t retry_count;
	/* Of deciders' batches whose signature was verified: hashes of head,
	 * signature and key id. */
	uint8_t proofs[PEER_PROOFS_KEPT][SHA256_SIZE];
	uint32_t next_proof;
	/* Heads of deciders' headers that a key signed which counts. */
	uint8_t vouched[PEER_VOUCHED_KEPT][SHA256_SIZE];
	uint32_t next_vouched;
	struct peer_ask asks[PEER_ASKS_MAX];
	uint32_t ask_slot;    /* from where to look for the next ones */
	uint64_t next_ask_us; /* not before */
	uint64_t gone_seq;    /* block that has the newest LINK_GONE */
	uint8_t nevers[PEER_NEVERS_KEPT][SHA256_SIZE]; /* terms hashes */
	uint32_t next_never;
};

/* peer_memory_size: bytes that peer_init() wants, all zero. */
size_t peer_memory_size(const struct ledger *ledger);

/*
 * peer_init: an engine over @ledger, which is loaded up to its head.
 */
void peer_init(struct peer *peer, struct ledger *ledger,
	       const struct peer_options *options, void *memory);

/* peer_set_directory: the roster changed. */
void peer_set_directory(struct peer *peer,
			const struct peer_directory *directory);

/*
 * peer_turn: once a loop turn: begin what is due (rule PEER-14), look at
 * payments that changed (rule PEER-29), let timers run.
 */
void peer_turn(struct peer *peer, uint64_t now_us);

/* peer_wake_us: when peer_turn() is wanted at the latest. */
uint64_t peer_wake_us(const struct peer *peer);

/*
 * peer_seal: the open block is about to be closed: one batch a link with
 * something new in it (rule PEER-7).  For the journal's on_close; there is
 * room, because it was reserved.
 */
void peer_seal(struct peer *peer, struct block *block);

/*
 * peer_batch_to_send: @batch of a link's log as a neighbour is to get it: one
 * of this city whose key was REVOKED is signed with the present one.  Valid
 * until the next call; @batch has to be no slice of the engine's.
 */
struct slice peer_batch_to_send(struct peer *peer, struct slice batch);

/* peer_durable: blocks up to @seq are acknowledged: they may be spoken of. */
void peer_durable(struct peer *peer, uint64_t seq);

enum peer_action_kind {
	PEER_SAY_HELLO = 1, /* @message is a Hello */
	PEER_SEND_BATCH,    /* deliver the own batch that begins at @seq */
	PEER_FETCH_LOG,	    /* fetch @author's log from @seq on */
	PEER_ASK_OUTCOME,   /* ask @city, which need be no neighbour */
};

struct peer_action {
	uint8_t kind;
	uint32_t link;
	uint64_t seq;
	bool own; /* FETCH_LOG: this city's own log, from the neighbour */
	struct link_life life; /* SEND_BATCH */
	uint64_t agreement;    /* SEND_BATCH: goes back with the answer */
	struct slice message;  /* SAY_HELLO; valid until the next call */
	/* ASK_OUTCOME; slices likewise: */
	struct slice city;
	uint64_t number; /* of the payment */
	struct slice terms;
};

/*
 * peer_next_action: what is to be done now; false: nothing more.  Everything
 * it tells of is durable (rule PEER-1).  Each action is answered once, by the
 * function of its name below.
 */
bool peer_next_action(struct peer *peer, struct peer_action *out);

/* peer_connected: a connection to the neighbour stands, or is gone. */
void peer_connected(struct peer *peer, uint32_t link, bool connected);

/* What came of a Hello. */
struct peer_hello_reply {
	bool arrived;		/* false: no answer, whatever the reason */
	uint64_t stale_highest; /* > 0: HelloStale */
	struct slice body;	/* else: HelloOk, signed */
	struct slice key_id;
	struct slice signature;
};
void peer_hello_answered(struct peer *peer, uint32_t link,
			 const struct peer_hello_reply *reply);

/* Answers of PEER-11, numbered for ever (rule PEER-13). */
enum peer_answer {
	PEER_TAKEN = 0,
	PEER_TOO_LARGE = 1,
	PEER_MALFORMED = 2,
	PEER_WRONG_LINK = 3,
	PEER_NOT_RECONCILED = 4,
	PEER_STALE_INCARNATION = 5,
	PEER_DUPLICATE = 6,
	PEER_GAP = 7,
	PEER_FORK = 8,
	PEER_BAD_KEY = 9,
	PEER_BAD_SIGNATURE = 10,
	PEER_BAD_ROOT = 11,
	PEER_BAD_ACK = 12,
	PEER_BAD_ANSWER = 13,
	PEER_BAD_TOTALS = 14,
	PEER_UNKNOWN_PROPOSAL = 15,
	PEER_BUSY = 16,
};

#define PEER_ANSWER_COUNT 17

/* peer_answer_name: "GAP"; peer_answer_sentence: for an operator. */
const char *peer_answer_name(uint32_t answer);
const char *peer_answer_sentence(uint32_t answer);

struct peer_deliver_reply {
	bool arrived;
	uint32_t answer; /* enum peer_answer */
	uint64_t in_seq;
	struct slice in_head;
};

/*
 * @agreement: as in the action.  What was sent before the neighbours last
 * agreed may be answered by an earlier life, which lost what it took; such an
 * answer says nothing.
 */
void peer_batch_answered(struct peer *peer, uint32_t link, uint64_t agreement,
			 const struct peer_deliver_reply *reply);

/* @batches: @count of them in order, as carried; @arrived false: no answer. */
void peer_log_fetched(struct peer *peer, uint32_t link, bool own, bool arrived,
		      const struct slice *batches, uint32_t count);

/* What a city answered to ASK_OUTCOME; all empty: it does not know. */
struct peer_outcome_reply {
	bool arrived;
	struct slice proof; /* of the decider's answer */
	struct slice body;  /* else: a Never, signed */
	struct slice key_id;
	struct slice signature;
};

/*
 * peer_outcome_answered: a proof posts the leg to the city that is GONE, a
 * Never voids it (rule PEER-44).
 *
 * @number  of the payment, as in the action.
 */
void peer_outcome_answered(struct peer *peer, uint64_t number,
			   const struct peer_outcome_reply *reply);

/*
 * peer_may_say_never: could this city say to @city, now, that the payment with
 * these @terms will never be settled here (rule PEER-45)?  If so, and if
 * nothing that is recorded from before this call settles it, say_never()
 * may be called.
 */
bool peer_may_say_never(struct peer *peer, struct slice city,
			struct slice terms) MUST_CHECK;

/*
 * peer_say_never: record it.
 *
 * @body  receives a Never, to be signed and sent once that is durable.
 * Returns false when it cannot be said, or not now.
 */
bool peer_say_never(struct peer *peer, struct slice city, struct slice terms,
		    uint64_t now_us, struct buffer *body) MUST_CHECK;

/* A neighbour's Hello, from the city that TLS named. */
enum peer_hello_result {
	PEER_HELLO_OK = 0,    /* @body is to be signed and sent */
	PEER_HELLO_STALE,     /* send @highest */
	PEER_HELLO_MALFORMED, /* or another federation, or no link */
	PEER_HELLO_BUSY,      /* no room in the block, too many lives: later */
};

enum peer_hello_result peer_hello_came(struct peer *peer, struct slice city,
				       struct slice hello, uint64_t now_us,
				       struct buffer *body, uint64_t *highest);

/* peer_sign_body: the signature of a Signed message with @kind's name. */
void peer_sign_body(const struct peer *peer, const char *kind,
		    struct slice body,
		    uint8_t signature[LINKLOG_SIGNATURE_SIZE]);

/*
 * peer_batch_came: a neighbour delivers.  The reply waits until everything
 * recorded so far is durable (rule PEER-13).
 */
struct peer_delivery {
	struct slice city; /* that TLS named */
	struct slice from;
	struct link_life life;
	struct slice batch;
};

enum peer_answer peer_batch_came(struct peer *peer,
				 const struct peer_delivery *delivery,
				 uint64_t now_us, uint64_t *in_seq,
				 uint8_t in_head[SHA256_SIZE]);

/* peer_pay: refusals are enum payment_refusal; see record.h for answers. */
void peer_pay(struct peer *peer, const struct pay_command *command,
	      const struct caller *caller, uint64_t now_us,
	      struct answer *answer);

/*
 * peer_reveal: the key to a payment that is held for a payee of this city;
 * it is posted (rule PEER-33).  False: no such payment waits for this key.
 */
bool peer_reveal(struct peer *peer, const struct id *id, struct slice key,
		 uint64_t now_us) MUST_CHECK;

/*
 * peer_cancel: the origin @city wants a payment let go that this city has to
 * decide (rule PEER-37).
 *
 * @terms_hash  of the terms, as the origin has them.
 * Returns whether it is released, now or before.
 */
bool peer_cancel(struct peer *peer, struct slice city, const struct id *id,
		 struct slice terms_hash, uint64_t now_us) MUST_CHECK;

/* peer_command: refusals are enum link_refusal. */
void peer_command(struct peer *peer, enum link_command_kind kind,
		  const struct link_command *command,
		  const struct caller *caller, uint64_t now_us,
		  struct answer *answer);

/* peer_ask_again: an operator wants the link compared once more. */
void peer_ask_again(struct peer *peer, uint32_t link);

/* peer_session_of: for status pages. */
const struct peer_session *peer_session_of(const struct peer *peer,
					   uint32_t link);

/*
 * peer_is_closed: is the city being rebuilt, and takes no local commands until
 * every link has caught up (rule PEER-22)?
 */
bool peer_is_closed(const struct peer *peer);

#endif
