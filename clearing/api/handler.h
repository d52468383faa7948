/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * handler: what the services of this folder share: the api's state, and how a
 * call is let in, waits and ends.  For this folder alone; the contract with
 * the node is api.h.
 */
#ifndef CLEARING_API_HANDLER_H
#define CLEARING_API_HANDLER_H

#include "api/api.h"
#include "api/error.h"
#include "api/page.h"
#include "api/permission.h"
#include "api/queue.h"
#include "store/projector.h"
#include "wire/messages.h"

/* Buckets of calls that wait for a payment's end. */
#define PAYMENT_BUCKETS 4096
/* Who waits for an end is answered so long before its deadline. */
#define PAYMENT_SLACK_US UINT64_C(200000)

struct neighbours;

struct api {
	struct api_options options;
	enum node_state state;
	/* NULL until api_serve() */
	struct ledger *ledger;
	struct journal *journal;
	struct reader *reader;
	struct projector *projector;
	sha256_function *sha256;
	void (*random_fill)(uint8_t *bytes, size_t size);
	struct wait_queue replies; /* done; until their blocks are durable */
	struct wait_queue parked;  /* reads that wait for a min_position */
	struct neighbours *neighbours;		    /* NULL: a city by itself */
	struct api_call *payments[PAYMENT_BUCKETS]; /* waiting for an end */
	uint32_t payments_waiting;
	struct api_call *confirming; /* orders whose request is being read */
	uint64_t payments_late_us;   /* none of them waits less long */
	uint32_t pending;
	uint64_t now_us; /* of this loop turn */
	char city[NAME_SIZE_MAX + 1];
	/* As of the newest time when everything was durable. */
	int64_t credit_issued_minor;
};

/* One method: called for a well-formed request of a role that may call it. */
typedef void handler_function(struct api *api, struct api_call *call,
			      uint64_t now_us);

handler_function handle_open_account, handle_get_account, handle_list_accounts,
	handle_set_account_limits, handle_freeze_account,
	handle_unfreeze_account, handle_close_account, handle_post_transfers,
	handle_get_transfer, handle_place_hold, handle_post_hold,
	handle_void_hold, handle_get_hold, handle_list_holds,
	handle_get_balance, handle_get_statement, handle_list_entries,
	handle_get_node, handle_hello, handle_deliver, handle_fetch_log,
	handle_quote_payee, handle_query_outcome,
	handle_forward_payment_request, handle_quote_payment, handle_pay,
	handle_settle_payment, handle_cancel_payment, handle_release_payment,
	handle_get_payment, handle_list_payments, handle_request_payment,
	handle_list_payment_requests, handle_decline_payment_request,
	handle_get_link, handle_get_link_statement, handle_reconcile_link,
	handle_link_command, handle_get_roster, handle_list_cities,
	handle_list_links, handle_health_check;

/* handler_permission: what the table says for the call's caller. */
enum permission handler_permission(const struct api_call *call);

/* handler_caller: the caller as core wants it. */
struct caller handler_caller(const struct api_call *call);

/*
 * handler_accepts: is the node in a state for this?  Answers the call when
 * not (rule RPC-4, from STARTING on).
 *
 * @command  it changes something; else it reads.
 */
bool handler_accepts(struct api_call *call, bool command) MUST_CHECK;

/*
 * handler_federation: handler_accepts(), and is this city in a federation?
 * Answers the call when not.
 */
bool handler_federation(struct api_call *call, bool command,
			struct neighbours **out) MUST_CHECK;

/*
 * handler_recorder: the open block with room for @entries and @events more,
 * ready to record for the call's caller.  Answers the call and returns false
 * when there is no room (rule JOURNAL-25).
 */
bool handler_recorder(struct api_call *call, uint32_t entries, uint32_t events,
		      uint64_t now_us, struct recorder *out) MUST_CHECK;

/*
 * handler_decode_again: for a loop around a decoder: @ok is what it said.
 * True: try again with more memory.
 */
bool handler_decode_again(struct api_call *call, bool ok) MUST_CHECK;

/* handler_encode_again: likewise around an encoder into call->reply. */
bool handler_encode_again(struct api_call *call) MUST_CHECK;

/* A decoder of messages.h for reads. */
typedef bool handler_read_decoder(struct slice bytes, struct arena *arena,
				  struct read_request *out);

/* handler_read_request: decode; answers the call when memory is short. */
bool handler_read_request(struct api_call *call, handler_read_decoder *decoder,
			  struct read_request *out) MUST_CHECK;

/*
 * handler_waits: does the call wait until @min_position is durable (rule
 * RPC-13)?  If so its handler runs again later, and the caller returns.
 */
bool handler_waits(struct api_call *call, uint64_t min_position) MUST_CHECK;

/*
 * handler_read_account: the account that a read asks for, which the caller may
 * see.  Answers the call and returns false when there is none.
 */
bool handler_read_account(struct api_call *call, const struct account_ref *ref,
			  const struct account **out) MUST_CHECK;

/*
 * handler_list_account: likewise for a list: NULL is the whole node, which is
 * not for coops.
 */
bool handler_list_account(struct api_call *call,
			  const struct read_request *request,
			  const struct account **out) MUST_CHECK;

/*
 * handler_submit: read the tables; @done gets @call, later.  Answers the call
 * and returns false when too many reads wait.
 */
bool handler_submit(struct api_call *call, struct read_query *query,
		    read_done *done);

/*
 * handler_submit_page: likewise for a page of a list: @request says which page
 * and how large, @query what it is a list of.  Answers the call when the page
 * token is none of this list's.
 */
void handler_submit_page(struct api_call *call,
			 const struct read_request *request,
			 struct read_query *query, read_done *done);

/*
 * handler_next_token: where the list goes on after the row with the paging key
 * @last of a page that handler_submit_page() asked for; empty: there is no
 * more.
 *
 * @memory  of the token.
 */
struct slice handler_next_token(const struct api_call *call,
				const struct read_result *result, uint64_t last,
				uint8_t memory[PAGE_TOKEN_SIZE]);

/*
 * handler_read_ended: did the read find no answer at all (too late, database
 * away)?  Then the call is answered.  NOT_FOUND is the caller's to say.
 */
bool handler_read_ended(struct api_call *call,
			const struct read_result *result) MUST_CHECK;

/* handler_take: @size bytes of the call's memory; answers it when NULL. */
void *handler_take(struct api_call *call, size_t size) MUST_CHECK;

/* The ends of a call.  Each answers it, now or when blocks are durable. */

/* reply_leave: hand the answer, as it is, to the node. */
void reply_leave(struct api_call *call);
/* reply_ok: what was encoded, once everything it looked at is durable. */
void reply_ok(struct api_call *call);
/* reply_ok_now: it looked at nothing that is not durable. */
void reply_ok_now(struct api_call *call);
/* reply_error: once everything it looked at is durable. */
void reply_error(struct api_call *call, enum request_error error,
		 const struct error_about *about);
/* reply_error_now: it has nothing to do with the ledger. */
void reply_error_now(struct api_call *call, enum request_error error,
		     const struct error_about *about);
/* reply_refusal: a command's refusal as a status. */
void reply_refusal(struct api_call *call, const struct refusal_family *family,
		   const struct answer *answer);
/* reply_late: its deadline passed (rule RPC-7). */
void reply_late(struct api_call *call);

#endif
