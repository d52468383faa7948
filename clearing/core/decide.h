/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * decide: what becomes of a command.
 *
 * decide(state, command, now) -> a refusal, a recorded answer, or facts to
 * apply and record.  Nothing is changed here: the caller (record.h) applies.
 * Each function checks everything in the order of its refusals' numbers.
 *
 * Rules LEDGER-3 to LEDGER-16 of proto/README.md.
 */
#ifndef CLEARING_CORE_DECIDE_H
#define CLEARING_CORE_DECIDE_H

#include "core/ledger.h"
#include "core/refusal.h"

#define HOLD_EXPIRY_US_MAX (UINT64_C(366) * 24 * 3600 * 1000000)

/* Who asks: the whole URI, and it without /person/NAME. */
struct caller {
	struct slice uri;
	struct slice base;
	uint64_t base_hash; /* filled in by the recorder */
};

/* An account as a client names it: an id, or an address if that is set. */
struct account_ref {
	uint64_t id;
	struct slice address;
};

struct transfer_command {
	struct slice id; /* 16 bytes if well formed */
	struct account_ref debit;
	struct account_ref credit;
	int64_t amount_minor;
	uint32_t kind;		/* 0: PAYMENT */
	struct slice reference; /* 0 or 16 bytes */
	struct slice memo;
	bool linked; /* together with the next one */
};

struct place_hold_command {
	struct transfer_command transfer; /* .linked is not looked at */
	uint64_t expires_at_us;
};

struct post_hold_command {
	struct slice id;
	struct slice hold_id;
	int64_t amount_minor;
};

struct void_hold_command {
	struct slice id;
	struct slice hold_id;
	struct slice reason; /* empty, or as for accounts; of the operator */
};

struct open_account_command {
	struct slice id;
	struct slice address;
	struct slice display_name;
	int64_t credit_limit_minor;
	int64_t balance_ceiling_minor;
	bool gateway_allowed;
};

struct account_command { /* limits, freeze, unfreeze, close */
	struct slice id;
	struct account_ref account;
	struct slice reason;
	int64_t credit_limit_minor; /* limits only */
	int64_t balance_ceiling_minor;
};

/* A client's order to pay somebody in another city. */
struct pay_command {
	struct slice id; /* 16 bytes if well formed */
	struct account_ref payer;
	struct slice payee; /* address with @city */
	int64_t amount_minor;
	struct slice reference; /* opaque; at most 128 bytes */
	struct slice request;	/* empty or the payment request's 16 bytes */
	struct slice memo;	/* stays in this city */
	struct slice lock;	/* empty or 32 bytes (rule PEER-33) */
	int64_t decide_by_us;	/* with a lock; 0: by itself */
	/*
	 * What is known of @request: 0, or why it may not be paid: one of
	 * PAYMENT_REQUEST_UNKNOWN to PAYMENT_REQUEST_UNDER_WAY.  Of one that
	 * is known, the caller has filled in what the order left to it.
	 */
	uint32_t request_refusal;
};

/*
 * pay_reference: what the payee's side sees: a payment of a request has its
 * id as reference, as that is what makes it count as paid.
 */
struct slice pay_reference(const struct pay_command *command);

/* What people do to a link. */
enum link_command_kind {
	LINK_SET_LINE,
	LINK_FREEZE,
	LINK_UNFREEZE,
	LINK_PAUSE,
	LINK_RESUME,
	LINK_WITHDRAW,
};

struct link_command {
	struct slice id;
	struct slice city;
	struct slice reason;
	int64_t line_minor; /* SET_LINE */
	bool confirmed;	    /* WITHDRAW: the neighbour was not restored */
};

enum verdict {
	VERDICT_REFUSED = 0,
	VERDICT_RECORDED, /* the same command was carried out before */
	VERDICT_ACCEPTED, /* entry or event is to be applied and recorded */
};

struct decision {
	enum verdict verdict;
	uint32_t refusal; /* REFUSED: number in the command's family */
	/* REFUSED: what the refusal is about, for people; may be zero */
	struct money limit;
	struct money value;
	/* RECORDED: the recorded answer */
	uint64_t seq;
	uint64_t number;
	struct hash128 content; /* ACCEPTED: for apply */
};

/*
 * ledger_resolve: the account that @ref names.
 *
 * @out  the account or NULL when it does not exist.
 * Returns 0, TRANSFER_ADDRESS_MALFORMED or TRANSFER_ADDRESS_OTHER_CITY (the
 * same numbers in every family).
 */
uint32_t ledger_resolve(const struct ledger *ledger,
			const struct account_ref *ref,
			const struct account **out);

/*
 * decide_*: one command.
 *
 * @now_us  node time; never behind ledger->time_us.
 * @entry, @event  what to apply; written on VERDICT_ACCEPTED, except for
 *          .actor and .memo_hash, which the recorder fills in.
 */
void decide_transfer(const struct ledger *ledger,
		     const struct transfer_command *command,
		     const struct caller *caller, uint64_t now_us,
		     struct entry *entry, struct decision *out);
void decide_place_hold(const struct ledger *ledger,
		       const struct place_hold_command *command,
		       const struct caller *caller, uint64_t now_us,
		       struct entry *entry, struct decision *out);
/* A hold that is not open is HOLD_UNKNOWN here; the table says how it ended. */
void decide_post_hold(const struct ledger *ledger,
		      const struct post_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct entry *entry, struct decision *out);
void decide_void_hold(const struct ledger *ledger,
		      const struct void_hold_command *command,
		      const struct caller *caller, uint64_t now_us,
		      struct entry *entry, struct decision *out);
void decide_open_account(const struct ledger *ledger,
			 const struct open_account_command *command,
			 const struct caller *caller, uint64_t now_us,
			 struct event *event, struct decision *out);
void decide_set_limits(const struct ledger *ledger,
		       const struct account_command *command,
		       const struct caller *caller, uint64_t now_us,
		       struct event *event, struct decision *out);
void decide_freeze(const struct ledger *ledger,
		   const struct account_command *command,
		   const struct caller *caller, uint64_t now_us,
		   struct event *event, struct decision *out);
void decide_unfreeze(const struct ledger *ledger,
		     const struct account_command *command,
		     const struct caller *caller, uint64_t now_us,
		     struct event *event, struct decision *out);
void decide_close(const struct ledger *ledger,
		  const struct account_command *command,
		  const struct caller *caller, uint64_t now_us,
		  struct event *event, struct decision *out);

/*
 * decide_payer: may @payer (NULL: unknown) pay @amount now?  Refusals 50 to 62
 * of enum payment_refusal.
 */
void decide_payer(const struct account *payer, struct money amount,
		  struct decision *out);

/*
 * decide_pay: may this leave the city?  Refusals are enum payment_refusal;
 * the way there (66) and the city's own state (65, 67) are peer's to say.
 *
 * @payer       the account; written on VERDICT_ACCEPTED.
 * @payee_city  view into the command; likewise.
 * RECORDED: whether payee and amount are the same is the caller's to see.
 */
void decide_pay(const struct ledger *ledger, const struct pay_command *command,
		uint64_t now_us, const struct account **payer,
		struct slice *payee_city, struct decision *out);

/*
 * decide_link: refusals of enum link_refusal up to 57; @event is written on
 * VERDICT_ACCEPTED but for .actor.
 */
void decide_link(const struct ledger *ledger, enum link_command_kind kind,
		 const struct link_command *command,
		 const struct caller *caller, uint64_t now_us,
		 struct event *event, struct decision *out);

#endif
